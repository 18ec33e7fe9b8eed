#ifndef CHECK_RATES_H
#define CHECK_RATES_H

#include "check/check.h"

/*
 * How many packets limits let pass: of those that pass or not, which of the two
 * comes when.
 */

/* Packets that pass or not, and nothing but limits lets them pass. */
uint32_t check_limited(struct check *c, const struct check_side *rules);

/* Those in the set that limits let pass more often than so many times a second,
 * or more of them at once, pass always from now on. */
void check_unlimit(struct check *c, struct check_side *rules, uint32_t set,
		   unsigned a_second, unsigned burst);

#endif
