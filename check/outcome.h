#ifndef CHECK_OUTCOME_H
#define CHECK_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "space/space.h"

/*
 * What can become of a packet, as far as rules were looked at: usually one
 * thing, several where something is not modelled. Leaves of the evaluator's
 * diagrams are numbers of these. A state is what rules have changed before
 * (eval.h); deciding rules are numbered, policies behind them.
 */
enum fate_kind {
	FATE_CONT,   /* on to the next rule */
	FATE_RETURN, /* back to the caller's next rule */
	FATE_ACCEPT, /* by this base chain */
	FATE_DROP,
	FATE_REJECT,
	FATE_ELSEWHERE, /* it, or a copy, goes a way past all other chains */
};

#define RULE_NONE UINT32_MAX

struct fate {
	uint16_t kind;
	uint16_t state; /* of CONT, RETURN and ACCEPT */
	uint32_t rule;	/* that decided; of CONT: in a base chain before */
};

enum { MAX_FATES = 64 };

struct outcome {
	uint32_t why; /* reason + 1 if n > 1 */
	uint32_t n;
	uint32_t tree; /* which of them when */
	struct fate v[MAX_FATES];
};

/* What is undecided, reason by reason: a where its condition holds, b where it
 * does not. Deciding rules are left out. */
struct outcome_tree {
	uint32_t why; /* reason + 1; 0: a fate: a its kind, b its state */
	uint32_t a, b;
};

enum { TREE_LOST }; /* too large to follow, and no other's like */

struct outcomes {
	struct arena *arena;
	struct map map, trees, grown; /* grown: what became of trees */
	VEC(struct outcome_tree) tree;
	uint32_t n_rules; /* numbers from here on are policies */
	VEC(const struct outcome *) v;
};

enum { OUTCOME_HOLE }; /* the first: to be filled */

void outcomes_init(struct outcomes *o, struct arena *a);
const struct outcome *outcome_get(const struct outcomes *o, uint32_t id);
uint32_t outcome_one(struct outcomes *o, enum fate_kind kind, uint32_t state,
		     uint32_t rule);
/* Either of the two, because of why: a where its condition holds. */
uint32_t outcome_either(struct outcomes *o, uint32_t a, uint32_t b,
			uint32_t why);
/* Where a goes on in the state, b. */
uint32_t outcome_then(struct outcomes *o, uint32_t a, uint32_t state,
		      uint32_t b);
/* Every fate of kind from becomes kind to, in the same state, by this rule, or
 * if that is RULE_NONE by its own. */
uint32_t outcome_turn(struct outcomes *o, uint32_t a, enum fate_kind from,
		      enum fate_kind to, uint32_t rule);
/* Which rule accepted is forgotten. */
uint32_t outcome_forget(struct outcomes *o, uint32_t a);

#endif
