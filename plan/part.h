#ifndef PLAN_PART_H
#define PLAN_PART_H

#include "plan/plan.h"

/* Of a bundle, which holds what crosses its firewall or reaches it: does it
 * hold all that is planned between two nodes? Of a whole, true. */
bool part_holds(const struct plan *p, uint32_t from, uint32_t to);
/* Is it the whole plan's answer, too? What a part allows is planned; what it
 * denies may be planned elsewhere. */
bool part_answers(const struct plan *p, const struct answer *x);

#endif
