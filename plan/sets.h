#ifndef PLAN_SETS_H
#define PLAN_SETS_H

#include "plan/plan.h"

/* All addresses that ends name, of both families. Names stand for their
 * space; literals are taken as they are. */
struct addr_set plan_ends_set(const struct plan *p, const struct ends *e,
			      struct arena *a);
/* The keys that packets name at any destination: dynamic services with their
 * whole range and every pin. */
struct key_set plan_packets_keys(const struct plan *p, const struct packets *w,
				 struct arena *a);

#endif
