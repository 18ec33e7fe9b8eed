#ifndef PLAN_DIFF_WORDS_H
#define PLAN_DIFF_WORDS_H

#include "plan/plan.h"
#include "space/space.h"

/*
 * Sets of addresses in the words of a plan: its parties, what of them is not
 * meant, and plain addresses where no party is. "a (not ha), hb", or the first
 * few and "and more". Of parties with both families only those count that the
 * set has.
 */
struct diff_words;

/* skip: addresses that may be missing from whole parties; lent, ascending. */
struct diff_words *diff_words_new(struct arena *a, const struct plan *p,
				  const struct addr *skip, size_t n_skip);
const char *diff_words_text(struct diff_words *w, const struct space_ivs *r);

#endif
