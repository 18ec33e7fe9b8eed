#ifndef PLAN_INTERNAL_H
#define PLAN_INTERNAL_H

#include "plan/plan.h"

/* A row of a flow: from this role to that, this leaf service, as far as want
 * and omit leave it. */
struct item {
	const struct flow *flow;
	const struct role *from, *to;
	const struct service *service;
	uint32_t reason;
	bool on;	  /* without any want */
	VEC(uint32_t) on_at;  /* ends: on for these sources */
	VEC(uint32_t) off_at; /* ends: off for these sources */
};

/* All items between the same two roles. */
struct role_pair {
	const struct role *from, *to;
	VEC(uint32_t) items;
	bool across; /* some item joins different realms */
};

struct build {
	struct arena *arena;
	struct arena *scratch; /* for the time of plan_build() */
	const struct topology *topo;
	struct plan *plan;
	struct diags *d;
	VEC(struct item) items;
	VEC(struct role_pair) role_pairs;
	VEC(uint32_t) *role_classes; /* role id -> classes that bear it */
	/* role id -> wide or lone classes that bear it; by use id, classes */
	VEC(uint32_t) *role_sources, *role_dests, *use_classes;
	uint32_t *turned; /* by class: items that want and omit turn; a list */
	struct map svcset_ids;
	bool *pin_used;
	bool *ipsec_used;
};

/* Each stage adds to the plan and to the messages; see plan.h for the order. */
void build_cells(struct build *b);
void build_ends(struct build *b);
void build_classes(struct build *b);
void build_zone_routes(struct build *b);
void build_firewall_routes(struct build *b);
void build_items(struct build *b);
void build_wide(struct build *b);
void build_pairs(struct build *b);
void build_products(struct build *b);
void check_plan(struct build *b);
void check_servers(struct build *b); /* reach.c */
void check_joins(struct build *b);
void check_uses(struct build *b);
void check_forbids(struct build *b);
void check_expects(struct build *b);
void check_observes(struct build *b);
void check_redundant(struct build *b);
void check_nat(struct build *b); /* nat_check.c */

/* sides.c: which nodes reach the same zones */
struct sides {
	uint32_t *of; /* by node */
	size_t n;
};

struct sides *find_sides(struct build *b); /* in scratch */
/* " ("guests" reaches no zone but "link")": of two nodes that no path joins,
 * the one that reaches less; in the arena of the plan */
const char *side_text(struct build *b, uint32_t x, uint32_t y);

/* ends.c: numbers the ends of the topology; before there are cells */
void number_ends(struct plan *p);
const struct ends *end_of(const struct build *b, uint32_t id);
/* The roles of a list and those given, with all they imply; a list id. */
uint32_t merge_roles(struct build *b, uint32_t around, const role_list *own);
/* assign.c: adds what is assigned to the roles in cell.cls */
void assign_roles(struct build *b);
bool list_meets(const struct lists *l, uint32_t list, uint32_t x);
/* As plan_word_has(), of a cell that bears these roles, before there are
 * classes. */
bool word_has(const struct plan *p, const struct end_word *w, uint32_t cell,
	      uint32_t roles);

/* pairs.c: the keys that a leaf service has at a class, and the pin that says
 * so (NONE if none does) */
struct key_set service_keys_at(struct build *b, const struct service *s,
			       uint32_t cls, uint32_t *pin);
/* The ipsec elements that cover a pair of classes; a list id. */
uint32_t covering(struct build *b, uint32_t from, uint32_t to);
/* Cuts raw pieces by carriage, sorts them and makes them a svcset. */
uint32_t make_svcset(struct build *b, const struct piece *raw, size_t n,
		     uint32_t ipsec, uint32_t to_class);
uint32_t add_reason(struct build *b, struct reason r);
/* products.c: is the zone, or one of the other firewall's, one that this
 * firewall has an interface in? */
bool adjacent_to(const struct plan *p, uint32_t node, const struct firewall *f);
/* May a flow that is on for the source, as want and omit leave it, join the
 * classes by their realms? */
bool items_join(const struct build *b, uint32_t from, uint32_t to,
		const struct role_pair *rp);
/* Does the class use certain bearers of the role alone? */
bool uses_some(const struct build *b, uint32_t cls, const struct role *role);
unsigned cell_family(const struct cell *c);

#endif
