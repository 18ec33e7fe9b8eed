#include "check/eval.h"

#include <string.h>

#include <linux/netfilter.h>

#include "base/hash.h"
#include "check/become.h"

void ev_init(struct evaluator *ev, struct arena *a, struct space *s,
	     const struct pk_names *names, const struct kruleset *rs)
{
	memset(ev, 0, sizeof(*ev));
	ev->arena = a;
	ev->s = s;
	ev->names = names;
	ev->rs = rs;
	outcomes_init(&ev->out, a);
	ev->out.n_rules = (uint32_t)rs->rule.n;
	ev->bits = (struct bits_ctx){s, names, rs, 0};
	ev->bits.why_scattered = ev_reason(ev, "a mask of scattered bits");
}

uint32_t ev_reason_of(struct evaluator *ev, const struct ev_why *why)
{
	size_t len = strlen(why->text) + 1, n = len + sizeof(why->id);
	char *key = arena_alloc_raw(ev->arena, n);
	struct map_entry *e;
	int is_new;

	memcpy(key, why->text, len);
	memcpy(key + len, &why->id, sizeof(why->id));
	e = map_add(ev->arena, &ev->reasons, key, n, &is_new);
	if (is_new) {
		e->val.u = (uint32_t)ev->reason.n;
		vec_push(ev->arena, &ev->reason,
			 (struct ev_why){key, why->id, why->limit});
	}
	return e->val.u;
}

uint32_t ev_reason(struct evaluator *ev, const char *text)
{
	return ev_reason_of(ev, &(struct ev_why){
		text, hash_str(HASH_INIT, text), NULL});
}

uint64_t ev_rule_id(struct evaluator *ev, const struct kr_rule *r)
{
	if (!ev->rule_id)
		ev->rule_id = ARENA_ARRAY(ev->arena, uint64_t, ev->rs->rule.n);
	if (!ev->rule_id[r->id])
		ev->rule_id[r->id] = become_id(r);
	return ev->rule_id[r->id];
}

uint32_t ev_state(struct evaluator *ev, const struct state *st)
{
	struct map_entry *e;
	struct state *kept;
	int is_new;

	e = map_find(&ev->states, st, sizeof(*st));
	if (e)
		return e->val.u;
	kept = ARENA_NEW(ev->arena, struct state);
	memcpy(kept, st, sizeof(*kept));
	if (ev->state.n >= MAX_STATES) {
		/* too many values to follow: from here on it is opaque */
		uint32_t why = ev_reason_of(ev, &(struct ev_why){
			"more than 4096 different marks and translations", 0,
			NULL});
		struct value *v[] = {&kept->mark, &kept->ct_mark, &kept->daddr,
				     &kept->dport, &kept->saddr,
				     &kept->sport, &kept->written};

		for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
			if (v[i]->kind == VAL_ENTRY)
				continue;
			memset(v[i], 0, sizeof(*v[i]));
			v[i]->kind = VAL_OPAQUE;
			v[i]->why = why;
		}
	}
	e = map_add(ev->arena, &ev->states, kept, sizeof(*kept), &is_new);
	if (is_new) {
		e->val.u = (uint32_t)ev->state.n;
		vec_push(ev->arena, &ev->state, kept);
	}
	return e->val.u;
}

/* ---- operations on diagrams of outcomes; ids tell their parameter too */

enum {
	OP_GUARD = 1 << 24,
	OP_THEN = 2 << 24,
	OP_TURN = 3 << 24,
	OP_FRESH = 5 << 24,
	OP_EITHER = 6 << 24,
	OP_FILL = 400,
	OP_FORGET = 401
};

struct op_ctx {
	struct evaluator *ev;
	uint32_t state, from, to, rule, other;
};

uint32_t ev_leaf(struct evaluator *ev, enum fate_kind k, uint32_t state,
		 uint32_t rule)
{
	return space_leaf(outcome_one(&ev->out, k, state, rule));
}

static uint32_t leaf_then(void *ctx, uint32_t a, uint32_t b)
{
	struct op_ctx *c = ctx;

	return outcome_then(&c->ev->out, a, c->state, b);
}

static uint32_t early_then(void *ctx, uint32_t a, uint32_t b)
{
	struct op_ctx *c = ctx;
	const struct outcome *o;

	if (!space_is_leaf(a))
		return SPACE_OPEN;
	o = outcome_get(&c->ev->out, space_value(a));
	for (unsigned i = 0; i < o->n; i++)
		if (o->v[i].kind == FATE_CONT && o->v[i].state == c->state)
			return o->n == 1 && o->v[i].rule == RULE_NONE
				       ? b
				       : SPACE_OPEN;
	return a;
}

uint32_t ev_then(struct evaluator *ev, uint32_t a, uint32_t state, uint32_t b)
{
	struct op_ctx c = {.ev = ev, .state = state};
	struct space_op op = {OP_THEN + state, false, leaf_then, early_then,
			      &c};

	return space_apply(ev->s, &op, a, b);
}

static uint32_t leaf_turn(void *ctx, uint32_t a, uint32_t b)
{
	struct op_ctx *c = ctx;

	(void)b;
	return outcome_turn(&c->ev->out, a, c->from, c->to, c->rule);
}

uint32_t ev_turn(struct evaluator *ev, uint32_t a, enum fate_kind from,
		 enum fate_kind to, uint32_t rule)
{
	struct op_ctx c = {.ev = ev, .from = from, .to = to, .rule = rule};
	struct space_op op = {OP_TURN, false, leaf_turn, NULL, &c};

	/* the rule may be any of many: remembered by the second operand */
	op.id += (uint32_t)from * 8 + to;
	return space_apply(ev->s, &op, a, space_leaf(rule & ~SPACE_LEAF));
}

static uint32_t leaf_forget(void *ctx, uint32_t a, uint32_t b)
{
	struct op_ctx *c = ctx;

	(void)b;
	return outcome_forget(&c->ev->out, a);
}

uint32_t ev_forget(struct evaluator *ev, uint32_t d)
{
	struct op_ctx c = {.ev = ev};
	struct space_op op = {OP_FORGET, false, leaf_forget, NULL, &c};

	return space_map(ev->s, &op, d);
}

static uint32_t leaf_guard(void *ctx, uint32_t m, uint32_t x)
{
	struct op_ctx *c = ctx;

	if (m == 0)
		return c->other;
	if (m == 1)
		return x;
	return outcome_either(&c->ev->out, x, c->other, m - 2);
}

static uint32_t early_guard(void *ctx, uint32_t m, uint32_t x)
{
	struct op_ctx *c = ctx;

	if (m == SPACE_NO || x == space_leaf(c->other))
		return space_leaf(c->other);
	return m == SPACE_ALL ? x : SPACE_OPEN;
}

uint32_t ev_guard(struct evaluator *ev, uint32_t m, uint32_t x, uint32_t y)
{
	struct op_ctx c = {.ev = ev, .other = space_value(y)};
	struct space_op op = {OP_GUARD + c.other, false, leaf_guard,
			      early_guard, &c};

	return space_apply(ev->s, &op, m, x);
}

static uint32_t leaf_either(void *ctx, uint32_t a, uint32_t b)
{
	struct op_ctx *c = ctx;

	return outcome_either(&c->ev->out, a, b, c->other);
}

static uint32_t early_either(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a == b ? a : SPACE_OPEN;
}

uint32_t ev_either(struct evaluator *ev, uint32_t a, uint32_t b, uint32_t why)
{
	struct op_ctx c = {.ev = ev, .other = why};
	struct space_op op = {OP_EITHER + why, false, leaf_either, early_either,
			      &c};

	return space_apply(ev->s, &op, a, b);
}

static uint32_t leaf_fill(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a == OUTCOME_HOLE ? b : a;
}

static uint32_t early_fill(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a == space_leaf(OUTCOME_HOLE) ? b : SPACE_OPEN;
}

const struct space_op ev_op_fill = {OP_FILL, false, leaf_fill, early_fill,
				    NULL};

uint32_t ev_op_id(struct evaluator *ev)
{
	return OP_FRESH + ev->n_ops++;
}

uint32_t ev_if(struct evaluator *ev, uint32_t set, uint32_t x, uint32_t y)
{
	return space_apply(ev->s, &ev_op_fill,
			   ev_guard(ev, set, x, space_leaf(OUTCOME_HOLE)), y);
}

size_t ev_states_of(struct evaluator *ev, uint32_t d, enum fate_kind k,
		    uint32_t **states)
{
	VEC(uint32_t) found = {0};
	uint32_t *leaf;
	size_t n = space_leaves(ev->s, d, ev->arena, &leaf);
	uint8_t *seen = arena_alloc(ev->arena, ev->state.n);

	for (size_t i = 0; i < n; i++) {
		const struct outcome *o = outcome_get(&ev->out, leaf[i]);

		for (unsigned j = 0; j < o->n; j++)
			if (o->v[j].kind == k)
				seen[o->v[j].state] = 1;
	}
	for (uint32_t i = 0; i < ev->state.n; i++)
		if (seen[i])
			vec_push(ev->arena, &found, i);
	*states = found.v;
	return found.n;
}

/* ---- chains */

static bool only_goes_on_in(struct evaluator *ev, uint32_t d, uint32_t state)
{
	uint32_t *states;
	size_t n;

	if (space_is_leaf(d) && outcome_get(&ev->out, space_value(d))->n == 1 &&
	    outcome_get(&ev->out, space_value(d))->v[0].kind != FATE_CONT)
		return true;
	n = ev_states_of(ev, d, FATE_CONT, &states);
	return n == 0 || (n == 1 && states[0] == state);
}

static uint32_t together(struct evaluator *ev, uint32_t *v, size_t n,
			 uint32_t state)
{
	for (; n > 1; n = (n + 1) / 2) {
		for (size_t i = 0; i + 1 < n; i += 2)
			v[i / 2] = ev_then(ev, v[i], state, v[i + 1]);
		if (n % 2)
			v[n / 2] = v[n - 1];
	}
	return n ? v[0] : ev_leaf(ev, FATE_CONT, state, RULE_NONE);
}

static uint32_t rules_from(struct evaluator *ev, const struct kr_chain *c,
			   size_t from, uint32_t state, bool policy);

/* What the end of the chain is: RETURN, or a base chain's policy. */
static uint32_t chain_end(struct evaluator *ev, const struct kr_chain *c,
			  uint32_t state, bool policy)
{
	if (!policy)
		return ev_leaf(ev, FATE_RETURN, state, RULE_NONE);
	return ev_leaf(ev, ev_policy(c), state, ev_policy_id(ev->rs, c));
}

static uint32_t rules_fresh(struct evaluator *ev, const struct kr_chain *c,
			    size_t from, uint32_t state, bool policy)
{
	uint32_t *v = ARENA_ARRAY(ev->arena, uint32_t, c->rule.n - from + 1);
	size_t n = 0, i = from;
	uint32_t d, *states;

	for (; i < c->rule.n; i++) {
		v[n++] = ev_rule(ev, c->rule.v[i], state);
		if (!only_goes_on_in(ev, v[n - 1], state))
			break;
	}
	if (i == c->rule.n)
		v[n++] = chain_end(ev, c, state, policy);
	d = together(ev, v, n, state);
	if (i == c->rule.n)
		return d;
	n = ev_states_of(ev, d, FATE_CONT, &states);
	for (size_t k = 0; k < n; k++)
		d = ev_then(ev, d, states[k],
			    rules_from(ev, c, i + 1, states[k], policy));
	return d;
}

static uint32_t looping(struct evaluator *ev, uint32_t state)
{
	return space_leaf(outcome_either(
		&ev->out, outcome_one(&ev->out, FATE_ACCEPT, state, RULE_NONE),
		outcome_one(&ev->out, FATE_DROP, 0, RULE_NONE),
		ev_reason(ev, "a loop of jumps")));
}

static uint32_t rules_from(struct evaluator *ev, const struct kr_chain *c,
			   size_t from, uint32_t state, bool policy)
{
	struct ev_place p = {c->id, (uint32_t)from, state, policy};
	struct map_entry *e = map_find(&ev->results, &p, sizeof(p));
	uint32_t d;

	if (e)
		return e->val.u;
	/* the kernel refuses loops; what asks for it meanwhile gets this */
	map_add(ev->arena, &ev->results, &p, sizeof(p), NULL)->val.u =
		looping(ev, state);
	d = rules_fresh(ev, c, from, state, policy);
	map_add(ev->arena, &ev->results, &p, sizeof(p), NULL)->val.u = d;
	return d;
}

uint32_t ev_chain(struct evaluator *ev, const struct kr_chain *c,
		  uint32_t state)
{
	const struct kr_rule *outer = ev->rule;
	uint32_t d;

	/* the kernel refuses more than 16 levels */
	if (ev->depth >= MAX_DEPTH)
		return looping(ev, state);
	ev->depth++;
	d = rules_from(ev, c, 0, state, c->base);
	ev->depth--;
	ev->rule = outer;
	return d;
}

uint32_t ev_rest(struct evaluator *ev, const struct kr_chain *c, size_t from,
		 uint32_t state)
{
	return rules_from(ev, c, from, state, false);
}
