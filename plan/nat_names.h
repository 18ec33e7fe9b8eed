#ifndef PLAN_NAT_NAMES_H
#define PLAN_NAT_NAMES_H

#include "plan/each.h"

/* What hops beyond a translation see in place of own addresses, in words. */
struct nat_names {
	VEC(const char *) to, from; /* once each */
	bool hidden; /* some of it cannot be opened: nat_hidden() */
};

/* Adds what is seen of a planned thing; of one party on a side, or NONE: of
 * all. */
void nat_names_add(const struct plan *p, const struct planned *x,
		   uint32_t from_party, uint32_t to_party, struct arena *a,
		   struct nat_names *out);
/* "to 203.0.113.10, from 203.0.113.1", "to none: hides with others"; "" */
const char *nat_names_text(const struct nat_names *n, struct arena *a);

#endif
