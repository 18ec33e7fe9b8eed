#ifndef CHECK_EVAL_STEP_H
#define CHECK_EVAL_STEP_H

#include "check/eval.h"

struct guard {
	uint32_t m, state; /* where it fails, CONT in that state */
};

enum { MAX_GUARDS = 160 }; /* NFT_RULE_MAXEXPRS is 128 */
enum { MAX_FORKS = 1 << 17 };

/* A rule being evaluated: eval_rule.c, eval_read.c for what it reads,
 * eval_map.c for sets and maps, eval_state.c for what changes the state. */
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

/* Where the rule does not match, or has ended without a verdict. */
uint32_t step_go_on(const struct step *t);
/* A copy of its own, behind the current expression, and all of that. */
void step_fork(const struct step *t, struct step *n);
uint32_t step_run(struct step *t);
/* What follows, with the data in the register. */
uint32_t step_fork_with(const struct step *t, uint32_t dreg,
			const struct kr_data *d);
uint32_t step_verdict(const struct step *t, enum kr_verdict v,
		      const struct kr_chain *c);
/* Sets with a third value: reasons that name the rule too; only these packets
 * go on; the others do. */
uint32_t step_named(const struct step *t, uint32_t m);
uint32_t step_guard(struct step *t, uint32_t m);
uint32_t step_negate(const struct step *t, uint32_t m, bool yes);
/* Anything may become of it. */
uint32_t step_anything(const struct step *t, const char *what);
/* Why the rule's outcome is not known. */
uint32_t step_reason(const struct step *t, const char *what);
uint32_t step_load(struct step *t, const struct kr_ex *x);
uint32_t step_payload(struct step *t, const struct kr_ex *x);
uint32_t step_ct(struct step *t, const struct kr_ex *x);
uint32_t step_lookup(struct step *t, const struct kr_ex *x);
uint32_t step_write(struct step *t, const struct kr_ex *x);
uint32_t step_set_meta(struct step *t, const struct kr_ex *x);
uint32_t step_set_ct(struct step *t, const struct kr_ex *x);
uint32_t step_set_payload(struct step *t, const struct kr_ex *x);
uint32_t step_notrack(struct step *t, const struct kr_ex *x);
uint32_t step_nat(struct step *t, const struct kr_ex *x);

#endif
