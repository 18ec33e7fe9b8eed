#ifndef PLAN_PART_H
#define PLAN_PART_H

#include "plan/plan.h"

/* Is it the whole plan's answer, too? What a part allows is planned; what it
 * denies may be planned elsewhere. */
bool part_answers(const struct plan *p, const struct answer *x);

#endif
