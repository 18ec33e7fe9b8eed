#ifndef CHECK_TRANSLATED_H
#define CHECK_TRANSLATED_H

#include "check/check.h"
#include "plan/plan.h"

/* New packets that may pass otherwise translated than the plan says: to another
 * host or port, or as from another address, or not translated at all. */
uint32_t check_mistranslated(struct check *c, const struct plan *p,
			     const struct firewall *f,
			     const struct check_side *rules);
/* Packets that may pass with an address, a protocol or a port that a rule wrote
 * into them, which is no translation. */
uint32_t check_rewritten(struct check *c, const struct check_side *rules);
/* Packets that would be let in, but that the rules have given the address of a
 * host: the kernel forwards them, they never reach the input hook. */
uint32_t check_sent_on(struct check *c, const struct plan *p,
		       const struct check_side *rules);
/* The same by the plan: what the firewall makes a host's. */
uint32_t check_planned_on(struct check *c, const struct plan *p,
			  const struct firewall *f);
/* Takes these packets for dropped, by no rule. */
void check_block(struct check_side *rules, uint32_t set);

#endif
