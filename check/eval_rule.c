#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/hash.h"
#include "base/keys.h"
#include "check/eval_step.h"

/*
 * One rule: its expressions from left to right, as the function "what becomes
 * of a packet that came this far". Comparisons are kept as guards until the
 * rule's end is known, then applied from the last to the first. Where a load
 * or a map gives one of several values, what follows is evaluated for each.
 */
static uint32_t run(struct step *at);

static uint32_t go_on(const struct step *t)
{
	return ev_leaf(t->ev, FATE_CONT, t->state, RULE_NONE);
}

/* A copy of its own, behind the current expression. */
static void fork_step(const struct step *t, struct step *n)
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
	return packet ? hash_u64(id, st->written.hi) : id;
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
	return ev_reason_of(t->ev, text, id);
}

uint32_t step_reason(const struct step *t, const char *what)
{
	return reason_of(t, &(struct ev_why){what, hash_str(HASH_INIT, what)});
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
static uint32_t named(const struct step *t, uint32_t m)
{
	struct here h = {t};
	struct space_op op = {(4u << 24) + t->r->id, false, leaf_here, NULL,
			      &h};

	return m == SPACE_NO || m == SPACE_ALL ? m
					       : space_map(t->ev->s, &op, m);
}

static uint32_t guard(struct step *t, uint32_t m)
{
	m = named(t, m);
	if (m == SPACE_NO)
		return go_on(t);
	if (t->n_guards == MAX_GUARDS)
		return step_anything(t, "more than 160 expressions");
	if (m != SPACE_ALL)
		t->guard[t->n_guards++] = (struct guard){m, t->state};
	return GO_ON;
}

static uint32_t negate(const struct step *t, uint32_t m, bool yes)
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
		return guard(t, negate(t, m, x->op == NFT_CMP_NEQ));
	case NFT_CMP_LT:
	case NFT_CMP_GTE:
		m = bits_below(c, r, x->a.b, x->len, false);
		return guard(t, negate(t, m, x->op == NFT_CMP_GTE));
	case NFT_CMP_LTE:
	case NFT_CMP_GT:
		m = bits_below(c, r, x->a.b, x->len, true);
		return guard(t, negate(t, m, x->op == NFT_CMP_GT));
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
	return guard(t, negate(t, m, x->op == NFT_RANGE_NEQ));
}

/* ---- loads and what moves bits */

static uint32_t if_there(struct step *t, const struct kr_ex *x)
{
	if (!ev_load_fails(x, state_of(t), t->of))
		return GO_ON;
	return guard(t, TRI_MAYBE(ev_reason(t->ev,
			arena_printf(t->ev->arena, "%s that is not always there",
				     x->name))));
}

static uint32_t run_load(struct step *t, const struct kr_ex *x)
{
	if (!ev_load(t->ev, x, state_of(t), t->of, &t->regs))
		return step_anything(t, x->name);
	return if_there(t, x);
}

static uint32_t fork_load(const struct step *t, const struct kr_ex *x,
			  unsigned of)
{
	struct step n;
	uint32_t d;

	fork_step(t, &n);
	n.of = of;
	d = run_load(&n, x);
	return d == GO_ON ? run(&n) : d;
}

/* Do the guards so far let only packets of the set pass? */
static bool only_in(const struct step *t, uint32_t set)
{
	uint32_t other = space_not(t->ev->s, set);

	for (unsigned i = 0; i < t->n_guards && other != SPACE_NO; i++)
		other = space_apply(t->ev->s, &tri_and, t->guard[i].m, other);
	return other == SPACE_NO;
}

/* What TCP has there, others need not have, nor in that sense. */
static uint32_t run_payload(struct step *t, const struct kr_ex *x)
{
	uint32_t tcp;

	if (x->base != NFT_PAYLOAD_TRANSPORT_HEADER || x->offset + x->len <= 8 ||
	    t->of & LOAD_TCP)
		return run_load(t, x);
	tcp = space_interval(t->ev->s, PK_PROTO, PROTO_TCP, PROTO_TCP, SPACE_ALL,
			     SPACE_NO);
	if (!only_in(t, tcp))
		return ev_if(t->ev, tcp, fork_load(t, x, t->of | LOAD_TCP),
			     fork_load(t, x, t->of));
	t->of |= LOAD_TCP;
	return run_load(t, x);
}

static uint32_t run_set_payload(struct step *t, const struct kr_ex *x)
{
	uint32_t d = if_there(t, x);

	return d == GO_ON ? step_set_payload(t, x) : d;
}

static uint32_t ct_in(const struct step *t, enum pk_ct lo, enum pk_ct hi)
{
	return space_interval(t->ev->s, PK_CT, lo, hi, SPACE_ALL, SPACE_NO);
}

/* Protocols whose connections conntrack knows by ports; of ICMP it takes type,
 * code and identifier, of others nothing or keys. */
static uint32_t with_ports(const struct step *t)
{
	static const uint8_t proto[] = {PROTO_TCP, PROTO_UDP, 33 /* DCCP */,
					PROTO_SCTP, 136 /* UDP-Lite */};
	uint32_t set = SPACE_NO;

	for (size_t i = 0; i < sizeof(proto); i++)
		set = space_or(t->ev->s, set,
			       space_interval(t->ev->s, PK_PROTO, proto[i],
					      proto[i], SPACE_ALL, SPACE_NO));
	return set;
}

/* Packets that go by themselves where a rule has sent all: no translation. */
static uint32_t already_there(const struct step *t)
{
	const struct state *st = state_of(t);
	space_val dst = space_addr((struct addr){st->daddr.hi, st->daddr.lo});
	space_val port = st->dport.lo;
	uint32_t set = SPACE_ALL;

	if (st->daddr.kind == VAL_KNOWN)
		set = space_interval(t->ev->s, PK_DST, dst, dst, SPACE_ALL,
				     SPACE_NO);
	if (st->dport.kind == VAL_KNOWN)
		set = space_and(t->ev->s, set,
				space_interval(t->ev->s, PK_TH2, port, port,
					       SPACE_ALL, SPACE_NO));
	return set;
}

/* Of a connection's first packet. */
static uint32_t load_new(const struct step *t, const struct kr_ex *x)
{
	unsigned of = t->of | LOAD_NEW;

	if (x->key == NFT_CT_PROTO_SRC || x->key == NFT_CT_PROTO_DST)
		return ev_if(t->ev, with_ports(t), fork_load(t, x, of),
			     fork_load(t, x, of & ~(unsigned)LOAD_NEW));
	if (x->key == NFT_CT_STATUS && state_of(t)->dnat)
		return ev_if(t->ev, already_there(t),
			     fork_load(t, x, of | LOAD_THERE),
			     fork_load(t, x, of));
	return fork_load(t, x, of);
}

/* Addresses of the other family are none of the connection's. */
static bool of_other_family(const struct kr_ex *x, bool v6)
{
	if (x->key == NFT_CT_SRC_IP || x->key == NFT_CT_DST_IP)
		return v6;
	return (x->key == NFT_CT_SRC_IP6 || x->key == NFT_CT_DST_IP6) && !v6;
}

/* A key of conntrack's on a packet that it does not know ends the rule. Most
 * keys are known of a connection's first packet only. */
static uint32_t run_ct(struct step *t, const struct kr_ex *x)
{
	uint32_t fresh, other;

	if (x->key == NFT_CT_STATE || state_of(t)->early == EARLY_MAYBE)
		return run_load(t, x);
	if (state_of(t)->early || state_of(t)->untracked == UNTRACKED ||
	    of_other_family(x, state_of(t)->family))
		return go_on(t);
	if (t->of & LOAD_NEW)
		return load_new(t, x);
	if (x->key == NFT_CT_DIRECTION ||
	    x->key == NFT_CT_L3PROTOCOL || x->key == NFT_CT_PROTOCOL) {
		other = guard(t, ct_in(t, CT_ESTABLISHED, CT_NEW));
		return other == GO_ON ? run_load(t, x) : other;
	}
	fresh = load_new(t, x);
	other = ev_guard(t->ev, ct_in(t, CT_ESTABLISHED, CT_RELATED),
			 fork_load(t, x, t->of), go_on(t));
	return ev_if(t->ev, ct_in(t, CT_NEW, CT_NEW), fresh, other);
}

static void set_const(struct rbit *r, const struct kr_data *d)
{
	for (unsigned i = 0; i < (d->len + 3u) / 4 * 32; i++)
		r[i] = (struct rbit){.kind = RB_CONST,
				     .arg = i / 8 < d->len &&
					    d->b[i / 8] >> (7 - i % 8) & 1};
}

/* What follows, with the data in the register. */
static uint32_t fork_with(const struct step *t, uint32_t dreg,
			  const struct kr_data *d)
{
	int at = reg_bit(dreg, (d->len + 3u) / 4 * 4);
	struct step n;

	if (at < 0 || ++*t->forks > MAX_FORKS)
		return step_anything(t, "too many values");
	fork_step(t, &n);
	set_const(n.regs.bit + at, d);
	return run(&n);
}

/* Load balancing: one of several values, nobody knows which. */
static uint32_t run_one_of(struct step *t, const struct kr_ex *x)
{
	uint32_t d = SPACE_OPEN;

	for (uint32_t i = 0; i < x->size; i++) {
		struct kr_data v = {.len = 4};
		uint32_t n = x->offset + i, one;

		memcpy(v.b, &n, sizeof(n));
		one = fork_with(t, x->dreg, &v);
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

static uint32_t verdict(const struct step *t, enum kr_verdict v,
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

/* ---- sets and maps */

struct lookup_key {
	const struct kr_set *set;
	struct rbit bit[REG_BITS];
};

static const struct lookup *find_lookup(const struct step *t,
					const struct kr_ex *x, int at)
{
	struct evaluator *ev = t->ev;
	struct lookup_key *k = arena_alloc(ev->arena, sizeof(*k));
	size_t bits = x->set->key_len * 8;
	size_t len =
		offsetof(struct lookup_key, bit) + bits * sizeof(k->bit[0]);
	struct map_entry *e;
	int is_new;

	k->set = x->set;
	memcpy(k->bit, t->regs.bit + at, bits * sizeof(k->bit[0]));
	e = map_find(&ev->lookups, k, len);
	if (e)
		return e->val.cp;
	const struct lookup *l =
		lookup_build(ev->arena, &ev->bits, x->set, k->bit);

	e = map_add(ev->arena, &ev->lookups, k, len, &is_new);
	e->val.cp = l;
	return l;
}

static uint32_t is_class(void *ctx, uint32_t a, uint32_t k)
{
	(void)ctx;
	return a == k;
}

static uint32_t is_hit(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	(void)b;
	return a != 0;
}

static const struct space_op op_is_class = {310, false, is_class, NULL, NULL};
static const struct space_op op_is_hit = {311, false, is_hit, NULL, NULL};

/* Packets that hit elements of class k; three-valued. */
static uint32_t class_set(const struct step *t, const struct lookup *l,
			  size_t k)
{
	uint32_t m = space_apply(t->ev->s, &op_is_class, l->d,
				 space_leaf((uint32_t)k + 1));

	if (l->class[k].maybe)
		m = space_apply(t->ev->s, &tri_and, m,
				TRI_MAYBE(ev_reason(t->ev, l->class[k].maybe)));
	return m;
}

static const char *volatile_set(const struct step *t, const struct kr_ex *x)
{
	return arena_printf(t->ev->arena, "set @%s changes at run time",
			    x->set->name);
}

/* Is the packet in the set? */
static uint32_t run_membership(struct step *t, const struct kr_ex *x,
			       const struct lookup *l)
{
	uint32_t m = SPACE_NO;

	if (x->set->dynamic)
		m = TRI_MAYBE(ev_reason(t->ev, volatile_set(t, x)));
	else if (l->opaque && l->n)
		m = TRI_MAYBE(l->why);
	else if (l->n == 1 && !l->class[0].maybe)
		m = space_map(t->ev->s, &op_is_hit, l->d);
	else
		for (size_t k = 0; k < l->n; k++)
			m = space_apply(t->ev->s, &tri_or, m,
					class_set(t, l, k));
	return guard(t, negate(t, m, x->invert));
}

static uint32_t run_class(const struct step *t, const struct kr_ex *x,
			  const struct hit_class *k)
{
	struct step n;
	uint32_t d;

	if (x->dreg != NFT_REG_VERDICT)
		return fork_with(t, x->dreg, &k->data);
	d = verdict(t, k->verdict, k->chain);
	if (d != GO_ON)
		return d;
	fork_step(t, &n);
	return run(&n);
}

/* Rules put data into the map, whatever that is. */
static uint32_t run_any_data(const struct step *t, const struct kr_ex *x,
			     const char *why)
{
	const struct kr_ex data = {.kind = EX_OPAQUE, .name = why,
				   .dreg = x->dreg, .len = 16};
	uint32_t d;
	struct step n;

	fork_step(t, &n);
	d = run_load(&n, &data);
	return ev_guard(t->ev, named(t, TRI_MAYBE(ev_reason(t->ev, why))),
			d == GO_ON ? run(&n) : d, go_on(t));
}

/* Unknown which element, if any. */
static uint32_t run_any_class(const struct step *t, const struct kr_ex *x,
			      const struct lookup *l, uint32_t why)
{
	uint32_t r = go_on(t), m = named(t, TRI_MAYBE(why));

	for (size_t k = 0; k < l->n; k++)
		r = ev_then(t->ev,
			    ev_guard(t->ev, m, run_class(t, x, &l->class[k]),
				     go_on(t)),
			    t->state, r);
	return r;
}

struct give_ctx {
	const uint32_t *leaf; /* by class + 1: value of an outcome */
};

static uint32_t leaf_give(void *ctx, uint32_t a, uint32_t b)
{
	const struct give_ctx *g = ctx;

	(void)b;
	return g->leaf[a];
}

/* What becomes of hits of class k; a hole elsewhere. */
static uint32_t fill_class(const struct step *t, const struct lookup *l,
			   size_t k, uint32_t d)
{
	uint32_t hit = space_apply(t->ev->s, &op_is_class, l->d,
				   space_leaf((uint32_t)k + 1));

	if (l->class[k].maybe)
		d = ev_guard(t->ev, named(t, class_set(t, l, k)), d, go_on(t));
	return ev_guard(t->ev, hit, d, space_leaf(OUTCOME_HOLE));
}

/* Classes that lead to one outcome in one pass, with holes for the others,
 * which are then filled. */
static uint32_t run_map(const struct step *t, const struct kr_ex *x,
			const struct lookup *l)
{
	struct evaluator *ev = t->ev;
	uint32_t *leaf = ARENA_ARRAY(ev->arena, uint32_t, l->n + 1);
	uint32_t *fill = ARENA_ARRAY(ev->arena, uint32_t, l->n + 1);
	struct give_ctx g = {leaf};
	struct space_op give = {ev_op_id(ev), false, leaf_give, NULL, &g};
	size_t n = 1;

	if (x->set->dynamic && x->dreg != NFT_REG_VERDICT)
		return run_any_data(t, x, volatile_set(t, x));
	if (x->set->dynamic)
		return run_any_class(t, x, l,
				     ev_reason(ev, volatile_set(t, x)));
	if (l->opaque)
		return run_any_class(t, x, l, l->why);
	leaf[0] = space_value(go_on(t));
	for (size_t k = 0; k < l->n; k++) {
		uint32_t d = run_class(t, x, &l->class[k]);

		if (space_is_leaf(d) && !l->class[k].maybe) {
			leaf[k + 1] = space_value(d);
			continue;
		}
		leaf[k + 1] = OUTCOME_HOLE;
		fill[n++] = fill_class(t, l, k, d);
	}
	fill[0] = space_map(ev->s, &give, l->d);
	return space_fold(ev->s, &ev_op_fill, fill, n, fill[0]);
}

static uint32_t run_lookup(struct step *t, const struct kr_ex *x)
{
	int at;

	if (x->set->unknown)
		return step_anything(t, arena_printf(t->ev->arena, "set @%s (%s)",
						x->set->name, x->set->unknown));
	at = reg_bit(x->sreg, x->set->key_len);
	if (at < 0)
		return step_anything(t, "lookup");
	if (x->dreg == UINT32_MAX)
		return run_membership(t, x, find_lookup(t, x, at));
	return run_map(t, x, find_lookup(t, x, at));
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
	const char *what = strcmp(x->name, "dynset") ? x->name :
		"a set that may be full";

	return guard(t, TRI_MAYBE(ev_reason(t->ev, what)));
}

static uint32_t run_verdict(struct step *t, const struct kr_ex *x)
{
	return verdict(t, x->verdict, x->chain);
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

	fork_step(t, &n);
	return ev_either(t->ev, elsewhere(t, what), run(&n),
			 step_reason(t, what));
}

static uint32_t run_queue(struct step *t, const struct kr_ex *x)
{
	(void)x;
	return verdict(t, KR_QUEUE, NULL);
}

static uint32_t (*const runners[EX_KINDS])(struct step *,
					   const struct kr_ex *) = {
	[EX_UNKNOWN] = run_unknown,  [EX_NOTHING] = run_nothing,
	[EX_EITHER] = run_either,    [EX_PAYLOAD] = run_payload,
	[EX_META] = run_load,	     [EX_CT] = run_ct,
	[EX_ONE_OF] = run_one_of,    [EX_OPAQUE] = run_load,
	[EX_CMP] = run_cmp,	     [EX_RANGE] = run_range,
	[EX_BITWISE] = run_bitwise,  [EX_BYTEORDER] = run_byteorder,
	[EX_LOOKUP] = run_lookup,    [EX_IMMEDIATE] = run_immediate,
	[EX_VERDICT] = run_verdict,  [EX_REJECT] = run_reject,
	[EX_QUEUE] = run_queue,	     [EX_ELSEWHERE] = run_elsewhere,
	[EX_SET_META] = step_set_meta,
	[EX_SET_CT] = step_set_ct,   [EX_SET_PAYLOAD] = run_set_payload,
	[EX_NOTRACK] = step_notrack, [EX_SNAT] = step_nat,
	[EX_DNAT] = step_nat,	     [EX_REDIRECT] = step_nat,
};

static uint32_t run(struct step *t)
{
	uint32_t d = GO_ON;

	for (; t->i < t->r->n && d == GO_ON; t->i++) {
		const struct kr_ex *x = t->r->ex[t->i];

		d = runners[x->kind](t, x);
		if (d != GO_ON)
			break;
	}
	if (d == GO_ON)
		d = go_on(t);
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
	return run(&t);
}
