#ifndef CHECK_EVAL_STEP_H
#define CHECK_EVAL_STEP_H

#include "check/eval.h"

struct guard {
	uint32_t m, state; /* where it fails, CONT in that state */
};

enum { MAX_GUARDS = 160 }; /* NFT_RULE_MAXEXPRS is 128 */
enum { MAX_FORKS = 1 << 17 };

/* A rule being evaluated: eval_rule.c, and eval_state.c for what changes the
 * state. */
struct step {
	struct evaluator *ev;
	const struct kr_rule *r;
	size_t i; /* expression */
	uint32_t state;
	unsigned of;	 /* LOAD_NEW, ...: only such packets come here */
	unsigned *forks; /* of this rule so far */
	unsigned n_guards;
	struct guard guard[MAX_GUARDS];
	struct regs regs;
};

/* Runners return SPACE_OPEN to go on, else what becomes of the packets. */
#define GO_ON SPACE_OPEN

static inline const struct state *state_of(const struct step *t)
{
	return t->ev->state.v[t->state];
}

/* Anything may become of it. */
uint32_t step_anything(const struct step *t, const char *what);
/* Why the rule's outcome is not known. */
uint32_t step_reason(const struct step *t, const char *what);
uint32_t step_set_meta(struct step *t, const struct kr_ex *x);
uint32_t step_set_ct(struct step *t, const struct kr_ex *x);
uint32_t step_set_payload(struct step *t, const struct kr_ex *x);
uint32_t step_notrack(struct step *t, const struct kr_ex *x);
uint32_t step_nat(struct step *t, const struct kr_ex *x);

#endif
