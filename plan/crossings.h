#ifndef PLAN_CROSSINGS_H
#define PLAN_CROSSINGS_H

#include "plan/plan.h"

/*
 * What of a plan crosses one firewall, by the two zones that it is crossed
 * between: a firewall has many such pairs, and few nodes send by way of one.
 */
struct two_nodes {
	uint32_t from, to;
};

/* What is planned from one node to another: indices into the plan's. */
struct node_index {
	VEC(uint32_t) pairs;
	VEC(uint32_t) products;
};

/* Whose packets go from one zone to another here, ascending. */
struct crossing {
	VEC(struct two_nodes) busy;	/* something is planned either way */
	VEC(struct two_nodes) observed; /* zones */
};

struct crossings {
	struct arena *arena;
	const struct plan *p;
	const struct firewall *f;
	struct map index;	     /* struct two_nodes -> struct node_index */
	VEC(struct two_nodes) nodes; /* keys of index, ascending */
	struct map zones;	     /* in, out zone -> struct crossing */
};

struct crossings *crossings_of(struct arena *a, const struct plan *p,
			       const struct firewall *f);
/* All whose routes lead across are busy, whatever is planned; no index. */
struct crossings *crossings_of_routes(struct arena *a, const struct plan *p,
				      const struct firewall *f);

/* Lent; empty where nothing is planned, or nothing crosses. */
const struct node_index *nodes_between(const struct crossings *c,
				       uint32_t from, uint32_t to);
const struct crossing *crossing_at(const struct crossings *c, uint32_t in,
				   uint32_t out);

#endif
