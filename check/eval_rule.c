#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/hash.h"
#include "check/eval_step.h"

/*
 * One rule: its expressions from left to right, as the function "what becomes
 * of a packet that came this far". Comparisons are kept as guards until the
 * rule's end is known, then applied from the last to the first. Where a load
 * or a map gives one of several values, what follows is evaluated for each.
 */
uint32_t step_go_on(const struct step *t)
{
	return ev_leaf(t->ev, FATE_CONT, t->state, RULE_NONE);
}

/* A copy of its own, behind the current expression. */
void step_fork(const struct step *t, struct step *n)
{
	memcpy(n, t, sizeof(*n));
	n->n_guards = 0;
	n->i++;
}

static bool loads(const struct kr_rule *r, enum kr_ex_kind kind, uint32_t key)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->ex[i]->kind == kind && r->ex[i]->key == key)
			return true;
	return false;
}

/* What the rule reads of the state is part of its condition. */
static uint64_t id_here(const struct step *t, uint64_t id)
{
	const struct state *st = state_of(t);
	bool packet = loads(t->r, EX_PAYLOAD, 0);
	const struct { bool read; const struct value *v; } state[] = {
		{loads(t->r, EX_META, NFT_META_MARK), &st->mark},
		{loads(t->r, EX_CT, NFT_CT_MARK), &st->ct_mark},
		{packet, &st->daddr}, {packet, &st->dport},
		{packet, &st->saddr}, {packet, &st->tos},
	};

	id = hash_u64(id, ev_rule_id(t->ev, t->r));
	for (size_t i = 0; i < sizeof(state) / sizeof(state[0]); i++) {
		const struct value *v = state[i].v;

		if (!state[i].read || v->kind == VAL_ENTRY)
			continue;
		id = hash_u64(hash_u64(hash_u64(id, i), v->hi), v->lo);
		if (v->kind == VAL_OPAQUE)
			id = hash_u64(id, t->ev->reason.v[v->why].id);
	}
	return id;
}

/* "limit, in: tcp dport 22 limit rate 3/minute accept" */
static uint32_t reason_of(const struct step *t, const struct ev_why *what)
{
	const struct kr_rule *r = t->r;
	const char *text = kr_rule_text(r);
	uint64_t id = what->id ? id_here(t, what->id) : 0;

	if (!text)
		text = arena_printf(t->ev->arena,
				    "%s %s, chain %s, handle %llu",
				    kr_family_name(r->chain->table->family),
				    r->chain->table->name, r->chain->name,
				    (unsigned long long)r->handle);
	text = arena_printf(t->ev->arena, "%s, in: %s", what->text, text);
	return ev_reason_of(t->ev, &(struct ev_why){text, id, what->limit});
}

uint32_t step_reason(const struct step *t, const char *what)
{
	return reason_of(t, &(struct ev_why){
		what, hash_str(HASH_INIT, what), NULL});
}

static uint32_t either(const struct step *t, uint32_t a, uint32_t b,
		       const char *what)
{
	return space_leaf(outcome_either(&t->ev->out, space_value(a),
					 space_value(b), step_reason(t, what)));
}

/* Anything may become of it. */
uint32_t step_anything(const struct step *t, const char *what)
{
	struct state st = *state_of(t);
	uint32_t why = step_reason(t, what), id, r;

	st.mark.kind = st.ct_mark.kind = VAL_OPAQUE;
	st.mark.why = st.ct_mark.why = why;
	st.mark.lo = st.ct_mark.lo = 0;
	id = ev_state(t->ev, &st);
	r = either(t, ev_leaf(t->ev, FATE_ACCEPT, id, t->r->id),
		   ev_leaf(t->ev, FATE_DROP, 0, t->r->id), what);
	r = either(t, r, ev_leaf(t->ev, FATE_CONT, id, RULE_NONE), what);
	return either(t, r, ev_leaf(t->ev, FATE_RETURN, id, RULE_NONE), what);
}

/* ---- guards */

struct here {
	const struct step *t;
};

static uint32_t leaf_here(void *ctx, uint32_t a, uint32_t b)
{
	const struct here *h = ctx;

	(void)b;
	if (a < 2)
		return a;
	return 2 + reason_of(h->t, &h->t->ev->reason.v[a - 2]);
}

/* Reasons then name the rule too: equal ones are equal conditions. */
uint32_t step_named(const struct step *t, uint32_t m)
{
	struct here h = {t};
	struct space_op op = {(4u << 24) + t->r->id, false, leaf_here, NULL,
			      &h};

	return m == SPACE_NO || m == SPACE_ALL ? m
					       : space_map(t->ev->s, &op, m);
}

uint32_t step_guard(struct step *t, uint32_t m)
{
	m = step_named(t, m);
	if (m == SPACE_NO)
		return step_go_on(t);
	if (t->n_guards == MAX_GUARDS)
		return step_anything(t, "more than 160 expressions");
	if (m != SPACE_ALL)
		t->guard[t->n_guards++] = (struct guard){m, t->state};
	return GO_ON;
}

uint32_t step_negate(const struct step *t, uint32_t m, bool yes)
{
	return yes ? space_map(t->ev->s, &tri_not, m) : m;
}

static uint32_t run_cmp(struct step *t, const struct kr_ex *x)
{
	const struct bits_ctx *c = &t->ev->bits;
	int at = reg_bit(x->sreg, x->len);
	const struct rbit *r;
	uint32_t m;

	if (at < 0)
		return step_anything(t, "cmp");
	r = t->regs.bit + at;
	switch (x->op) {
	case NFT_CMP_EQ:
	case NFT_CMP_NEQ:
		m = bits_equal(c, r, x->a.b, x->len);
		return step_guard(t, step_negate(t, m, x->op == NFT_CMP_NEQ));
	case NFT_CMP_LT:
	case NFT_CMP_GTE:
		m = bits_below(c, r, x->a.b, x->len, false);
		return step_guard(t, step_negate(t, m, x->op == NFT_CMP_GTE));
	case NFT_CMP_LTE:
	case NFT_CMP_GT:
		m = bits_below(c, r, x->a.b, x->len, true);
		return step_guard(t, step_negate(t, m, x->op == NFT_CMP_GT));
	default:
		return step_anything(t, "cmp");
	}
}

static uint32_t run_range(struct step *t, const struct kr_ex *x)
{
	int at = reg_bit(x->sreg, x->len);
	uint32_t m;

	if (at < 0 || x->op > NFT_RANGE_NEQ)
		return step_anything(t, "range");
	m = bits_between(&t->ev->bits, t->regs.bit + at, x->a.b, x->b.b,
			 x->len);
	return step_guard(t, step_negate(t, m, x->op == NFT_RANGE_NEQ));
}

/* ---- what moves bits */

static void set_const(struct rbit *r, const struct kr_data *d)
{
	for (unsigned i = 0; i < (d->len + 3u) / 4 * 32; i++)
		r[i] = (struct rbit){.kind = RB_CONST,
				     .arg = i / 8 < d->len &&
					    d->b[i / 8] >> (7 - i % 8) & 1};
}

/* What follows, with the data in the register. */
uint32_t step_fork_with(const struct step *t, uint32_t dreg,
			  const struct kr_data *d)
{
	int at = reg_bit(dreg, (d->len + 3u) / 4 * 4);
	struct step n;

	if (at < 0 || ++*t->forks > MAX_FORKS)
		return step_anything(t, "too many values");
	step_fork(t, &n);
	set_const(n.regs.bit + at, d);
	return step_run(&n);
}

/* Load balancing: one of several values, nobody knows which. */
static uint32_t run_one_of(struct step *t, const struct kr_ex *x)
{
	uint32_t d = SPACE_OPEN;

	for (uint32_t i = 0; i < x->size; i++) {
		struct kr_data v = {.len = 4};
		uint32_t n = x->offset + i, one;

		memcpy(v.b, &n, sizeof(n));
		one = step_fork_with(t, x->dreg, &v);
		d = d == SPACE_OPEN
			    ? one
			    : ev_either(t->ev, d, one, step_reason(t, x->name));
	}
	return d;
}

static uint32_t run_bitwise(struct step *t, const struct kr_ex *x)
{
	int from = reg_bit(x->sreg, x->len), to = reg_bit(x->dreg, x->len);
	struct rbit out[KR_DATA * 8];

	if (from < 0 || to < 0)
		return step_anything(t, "bitwise");
	for (unsigned i = 0; i < x->len * 8; i++) {
		struct rbit b = t->regs.bit[(unsigned)from + i];
		uint8_t mask = x->a.b[i / 8] >> (7 - i % 8) & 1;
		uint8_t xor = x->b.b[i / 8] >> (7 - i % 8) & 1;

		if (!mask)
			b = (struct rbit){.kind = RB_CONST, .arg = xor};
		else if (b.kind == RB_CONST)
			b.arg ^= xor;
		else
			b.inv ^= xor;
		out[i] = b;
	}
	memcpy(t->regs.bit + to, out, x->len * 8 * sizeof(out[0]));
	return GO_ON;
}

/* Both directions swap the bytes of each unit on little-endian machines. Less
 * than a unit (nft 1.0.6's "byteorder len 1 size 2") stays as it is. */
static uint32_t run_byteorder(struct step *t, const struct kr_ex *x)
{
	static const uint16_t one = 1;
	bool little = *(const uint8_t *)&one == 1;
	int from = reg_bit(x->sreg, x->len), to = reg_bit(x->dreg, x->len);
	struct rbit out[KR_DATA * 8];

	if (from < 0 || to < 0)
		return step_anything(t, "byteorder");
	for (unsigned i = 0; i < x->len; i++) {
		unsigned unit = i / x->size * x->size, k = i;

		if (little && unit + x->size <= x->len)
			k = unit + x->size - 1 - i % x->size;
		memcpy(&out[i * 8], &t->regs.bit[(unsigned)from + k * 8],
		       8 * sizeof(struct rbit));
	}
	memcpy(t->regs.bit + to, out, x->len * 8 * sizeof(out[0]));
	return GO_ON;
}

static uint32_t run_immediate(struct step *t, const struct kr_ex *x)
{
	int at = reg_bit(x->dreg, (x->a.len + 3u) / 4 * 4);

	if (at < 0)
		return step_anything(t, "immediate");
	set_const(t->regs.bit + at, &x->a);
	return GO_ON;
}

/* ---- verdicts */

/* The plan speaks of no other way: whether one may be gone is not decided. */
static uint32_t elsewhere(const struct step *t, const char *what)
{
	return either(t, ev_leaf(t->ev, FATE_ELSEWHERE, 0, t->r->id),
		      ev_leaf(t->ev, FATE_DROP, 0, t->r->id), what);
}

/* What comes back may be another packet, or skip the hook's other chains
 * (NF_STOP). */
static uint32_t queued(const struct step *t)
{
	static const char what[] = "queue: userspace decides";

	return either(t, ev_leaf(t->ev, FATE_ACCEPT, t->state, t->r->id),
		      elsewhere(t, what), what);
}

uint32_t step_verdict(const struct step *t, enum kr_verdict v,
			const struct kr_chain *c)
{
	struct evaluator *ev = t->ev;

	if (ev->show_calls && c && (v == KR_JUMP || v == KR_GOTO))
		return ev_leaf(ev, FATE_ACCEPT, t->state,
			       ev_call_id(ev->rs, c, v == KR_JUMP));
	switch (v) {
	case KR_ACCEPT:
		return ev_leaf(ev, FATE_ACCEPT, t->state, t->r->id);
	case KR_DROP:
		return ev_leaf(ev, FATE_DROP, 0, t->r->id);
	case KR_RETURN:
		return ev_leaf(ev, FATE_RETURN, t->state, RULE_NONE);
	case KR_JUMP:
		if (!c)
			break;
		return ev_turn(ev, ev_chain(ev, c, t->state), FATE_RETURN,
			       FATE_CONT, RULE_NONE);
	case KR_GOTO:
		if (!c)
			break;
		return ev_chain(ev, c, t->state);
	case KR_QUEUE:
		return queued(t);
	case KR_CONTINUE:
		return GO_ON;
	}
	return step_anything(t, "a verdict without a chain");
}

/* ---- all kinds */

/* A match goes on or not; all else may send a packet anywhere. */
static uint32_t unknown(const struct step *t, const char *what)
{
	uint32_t r = step_anything(t, what);

	if (!strncmp(what, "xtables match", strlen("xtables match")))
		return r;
	return either(t, r, elsewhere(t, what), what);
}

static uint32_t run_unknown(struct step *t, const struct kr_ex *x)
{
	return unknown(t, x->name);
}

static uint32_t run_nothing(struct step *t, const struct kr_ex *x)
{
	(void)t;
	(void)x;
	return GO_ON;
}

static uint32_t run_either(struct step *t, const struct kr_ex *x)
{
	struct ev_why what = {x->name, x->figures,
			      x->limit.kind ? &x->limit : NULL};

	if (!strcmp(x->name, "dynset"))
		what.text = "a set that may be full";
	what.id = hash_str(what.id ? what.id : HASH_INIT, what.text);
	return step_guard(t, TRI_MAYBE(ev_reason_of(t->ev, &what)));
}

static uint32_t run_verdict(struct step *t, const struct kr_ex *x)
{
	return step_verdict(t, x->verdict, x->chain);
}

static uint32_t run_reject(struct step *t, const struct kr_ex *x)
{
	(void)x;
	return ev_leaf(t->ev, FATE_REJECT, 0, t->r->id);
}

/* The rest of the rule may still be for the packet. */
static uint32_t run_elsewhere(struct step *t, const struct kr_ex *x)
{
	const char *what = arena_printf(t->ev->arena, "%s: a packet or a copy "
					"goes another way", x->name);
	struct step n;

	step_fork(t, &n);
	return ev_either(t->ev, elsewhere(t, what), step_run(&n),
			 step_reason(t, what));
}

static uint32_t run_queue(struct step *t, const struct kr_ex *x)
{
	(void)x;
	return step_verdict(t, KR_QUEUE, NULL);
}

static uint32_t (*const runners[EX_KINDS])(struct step *,
					   const struct kr_ex *) = {
	[EX_UNKNOWN] = run_unknown,  [EX_NOTHING] = run_nothing,
	[EX_EITHER] = run_either,    [EX_PAYLOAD] = step_payload,
	[EX_META] = step_load,	     [EX_CT] = step_ct,
	[EX_ONE_OF] = run_one_of,    [EX_OPAQUE] = step_load,
	[EX_CMP] = run_cmp,	     [EX_RANGE] = run_range,
	[EX_BITWISE] = run_bitwise,  [EX_BYTEORDER] = run_byteorder,
	[EX_LOOKUP] = step_lookup,    [EX_IMMEDIATE] = run_immediate,
	[EX_VERDICT] = run_verdict,  [EX_REJECT] = run_reject,
	[EX_QUEUE] = run_queue,	     [EX_ELSEWHERE] = run_elsewhere,
	[EX_SET_META] = step_set_meta,
	[EX_SET_CT] = step_set_ct,   [EX_SET_PAYLOAD] = step_write,
	[EX_NOTRACK] = step_notrack, [EX_SNAT] = step_nat,
	[EX_DNAT] = step_nat,	     [EX_REDIRECT] = step_nat,
};

uint32_t step_run(struct step *t)
{
	uint32_t d = GO_ON;

	for (; t->i < t->r->n && d == GO_ON; t->i++) {
		const struct kr_ex *x = t->r->ex[t->i];

		d = runners[x->kind](t, x);
		if (d != GO_ON)
			break;
	}
	if (d == GO_ON)
		d = step_go_on(t);
	while (t->n_guards-- > 0) {
		const struct guard *g = &t->guard[t->n_guards];

		d = ev_guard(t->ev, g->m, d,
			     ev_leaf(t->ev, FATE_CONT, g->state, RULE_NONE));
	}
	return d;
}

uint32_t ev_rule(struct evaluator *ev, const struct kr_rule *r, uint32_t state)
{
	unsigned forks = 0;
	struct step t;

	memset(&t, 0, sizeof(t));
	t.ev = ev;
	t.forks = &forks;
	t.r = r;
	t.state = state;
	if (r->unknown)
		return unknown(&t, r->unknown);
	return step_run(&t);
}
