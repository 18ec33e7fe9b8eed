#ifndef GEN_EVAL_H
#define GEN_EVAL_H

#include "gen/ruleset.h"
#include "plan/plan.h"

/* Where a ruleset decides on a packet. */
struct rs_hit {
	bool accepted;
	const struct rs_chain *chain;
	const struct rs_rule *rule;
	const struct rs_set *set;   /* whose element decided; NULL */
	const struct rs_elem *elem;
	/* Translation: the packet as the deciding chain sees it and as it
	 * leaves; elements that rewrote it, NULL if none did. */
	struct packet seen, sent;
	const struct rs_elem *dnat, *snat;
	bool masqueraded; /* to the address of the interface */
};

/*
 * What the rules do with the first packet of a connection that comes in at
 * `in` and leaves at `out` (kernel names; out NULL: to the firewall itself).
 * Limits count as exceeded: what only a limit lets through is not planned.
 */
struct rs_hit rs_eval(const struct ruleset *rs, const char *in,
		      const char *out, const struct packet *k);

#endif
