#ifndef PLAN_INSIDE_H
#define PLAN_INSIDE_H

#include "plan/plan.h"

/* Do firewalls let everything pass between addresses of the zone? */
bool zone_is_open(const struct party *zone);
/* Does the firewall stand between parts of the zone, with two of its
 * interfaces there? */
bool firewall_within(const struct firewall *f, uint32_t zone);
/* "fw, other": those that enforce the plan between addresses of the zone, where
 * they stand between them. NULL: none. */
const char *plan_enforced_within(const struct plan *p, uint32_t zone,
				 struct arena *a);

#endif
