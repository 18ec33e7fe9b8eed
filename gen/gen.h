#ifndef GEN_GEN_H
#define GEN_GEN_H

#include "gen/ruleset.h"
#include "plan/plan.h"

enum gen_counters {
	GEN_COUNT_SERVICE, /* one per service of a class pair */
	GEN_COUNT_FLOW,	   /* one per source, destination and port */
};

struct gen_options {
	enum gen_counters counters;
	bool grace; /* not where the firewall does not enforce */
};

/*
 * The rules of one firewall of the plan. NULL and a message in d where they
 * cannot be written (too many flows to count one by one).
 */
struct ruleset *gen_firewall(struct arena *a, const struct plan *p,
			     const struct firewall *f,
			     const struct gen_options *opt, struct diags *d);

#endif
