#include "check/planned.h"
#include "check/translated.h"
#include "plan/nat.h"

/*
 * The evaluator's leaves tell in which state a packet passes: what rules made
 * of its addresses. For every state the plan says which packets should be in
 * it; the others pass, but as somebody else's, or to somebody else.
 */
struct reader {
	struct check *c;
	const struct plan *p;
	const struct firewall *f;
};

static uint32_t at_address(struct reader *r, unsigned field, struct addr lo,
			   struct addr hi)
{
	return space_interval(r->c->s, field, space_addr(lo), space_addr(hi),
			      SPACE_ALL, SPACE_NO);
}

/* How a state rewrites a destination; everything else: not at all. */
struct target {
	bool any;	/* whatever is rewritten */
	struct addr to;
	uint32_t port;	/* NONE: as it was */
};

static bool same_target(const struct target *t, struct addr own, uint32_t port)
{
	return t->any || (addr_eq(t->to, own) && t->port == port);
}

/* Packets that come in at a zone and are to be rewritten so. */
static uint32_t rewritten_in(struct reader *r, uint32_t zone,
			     const struct target *t)
{
	const struct plan *p = r->p;
	struct space *s = r->c->s;
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < p->publics.n; i++) {
		const struct public_addr *x = &p->publics.v[i];
		uint32_t dst = at_address(r, PK_DST, x->addr, x->addr);

		if (x->own != NONE &&
		    same_target(t, p->cell[x->own].lo, NONE) &&
		    nat_translates(p, r->f->id, zone, x->zone,
				   p->cell[x->own].zone))
			out = space_or(s, out, dst);
		for (size_t k = 0; k < x->publishes.n; k++) {
			const struct publish *u =
				p->topo->publishes.v[x->publishes.v[k]];

			if (!same_target(t, u->own, u->port ? u->port : NONE) ||
			    !nat_translates(p, r->f->id, zone, x->zone,
					    p->cell[plan_cell(p, u->own)].zone))
				continue;
			out = space_or(s, out, space_and(s, check_packets(r->c,
					NULL, NULL, &u->keys), dst));
		}
	}
	return out;
}

static uint32_t rewritten(struct reader *r, const struct target *t)
{
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < r->f->interfaces.n; i++) {
		const struct interface *in = r->f->interfaces.v[i];

		out = space_or(r->c->s, out, space_and(r->c->s,
				rewritten_in(r, in->zone->zone_id, t),
				check_on_interface(r->c, in)));
	}
	return out;
}

enum hiding { ANY, BEHIND, INTERFACE };

/* Packets that leave to a zone and are to be hidden so. */
static uint32_t hidden_to(struct reader *r, uint32_t zone, enum hiding how,
			  struct addr public)
{
	const struct plan *p = r->p;
	struct addr_set s = { ARENA_ARRAY(r->c->arena, struct addr_range,
					  p->n_cell), 0 };

	for (size_t i = 0; i < p->n_cell; i++) {
		const struct cell *c = &p->cell[i];

		if (c->nat == NAT_NONE ||
		    (how == INTERFACE && c->nat != NAT_INTERFACE) ||
		    (how == BEHIND && (c->behind == NONE ||
			!addr_eq(p->publics.v[c->behind].addr, public))) ||
		    !nat_hides(p, r->f->id, zone, c->cls, addr_is_v4(c->lo)))
			continue;
		s.r[s.n++] = (struct addr_range){ c->lo, c->hi };
	}
	return s.n ? check_packets(r->c, &s, NULL, NULL) : SPACE_NO;
}

static uint32_t hidden(struct reader *r, enum hiding how, struct addr public)
{
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < r->f->interfaces.n; i++) {
		const struct interface *o = r->f->interfaces.v[i];

		out = space_or(r->c->s, out, space_and(r->c->s,
				hidden_to(r, o->zone->zone_id, how, public),
				check_leaving_by(r->c, o)));
	}
	return out;
}

/* A port that stays what it was may be written out. */
static uint32_t same_port(struct reader *r, const struct value *port)
{
	return space_interval(r->c->s, PK_TH2, port->lo, port->lo, SPACE_ALL,
			      SPACE_NO);
}

static uint32_t right_destination(struct reader *r, const struct state *st)
{
	struct space *s = r->c->s;
	struct target t = { .any = !st->dnat, .port = NONE };
	uint32_t out;

	if (t.any)
		return space_not(s, rewritten(r, &t));
	if (st->daddr.kind != VAL_KNOWN || st->dport.kind == VAL_OPAQUE)
		return SPACE_NO;
	t.to = (struct addr){ st->daddr.hi, st->daddr.lo };
	if (st->dport.kind == VAL_ENTRY)
		return rewritten(r, &t);
	out = space_and(s, rewritten(r, &t), same_port(r, &st->dport));
	t.port = (uint32_t)st->dport.lo;
	return space_or(s, out, rewritten(r, &t));
}

static uint32_t right_source(struct reader *r, const struct state *st)
{
	struct addr a = { st->saddr.hi, st->saddr.lo };

	if (!st->snat)
		return space_not(r->c->s, hidden(r, ANY, a));
	if (st->snat == SNAT_INTERFACE)
		return hidden(r, INTERFACE, a);
	return st->saddr.kind == VAL_KNOWN ? hidden(r, BEHIND, a) : SPACE_NO;
}

struct leaf_ctx {
	const struct check_side *x;
	uint32_t state;
};

static uint32_t leaf_in_state(void *ctx, uint32_t a, uint32_t b)
{
	const struct leaf_ctx *c = ctx;
	const struct outcome *o = outcome_get(&c->x->ev->out, a);

	(void)b;
	for (unsigned i = 0; i < o->n; i++)
		if (o->v[i].kind == FATE_ACCEPT && o->v[i].state == c->state)
			return 1;
	return 0;
}

/* What may pass in that state. */
static uint32_t passing_in(struct check *c, const struct check_side *rules,
			   uint32_t state)
{
	struct leaf_ctx ctx = { rules, state };
	struct space_op op = { ev_op_id(rules->ev), false, leaf_in_state, NULL,
			       &ctx };

	return space_map(c->s, &op, rules->d);
}

uint32_t check_rewritten(struct check *c, const struct check_side *rules)
{
	uint32_t *states, out = SPACE_NO;
	size_t n = ev_states_of(rules->ev, rules->d, FATE_ACCEPT, &states);

	for (size_t i = 0; i < n; i++)
		if (rules->ev->state.v[states[i]]->rewritten & REWRITTEN_ENDS)
			out = space_or(c->s, out,
				       passing_in(c, rules, states[i]));
	return out;
}

uint32_t check_mistranslated(struct check *c, const struct plan *p,
			     const struct firewall *f,
			     const struct check_side *rules)
{
	struct reader r = { c, p, f };
	uint32_t *states, out = SPACE_NO;
	size_t n = ev_states_of(rules->ev, rules->d, FATE_ACCEPT, &states);

	for (size_t i = 0; i < n; i++) {
		const struct state *st = rules->ev->state.v[states[i]];
		uint32_t set = passing_in(c, rules, states[i]);
		uint32_t right = space_and(c->s, right_destination(&r, st),
					   right_source(&r, st));

		out = space_or(c->s, out, space_minus(c->s, set, right));
	}
	out = space_or(c->s, out, check_rewritten(c, rules));
	return space_and(c->s, out, space_interval(c->s, PK_CT, CT_NEW, CT_NEW,
						   SPACE_ALL, SPACE_NO));
}

uint32_t check_planned_on(struct check *c, const struct plan *p,
			  const struct firewall *f)
{
	struct reader r = { c, p, f };
	struct target any = { .any = true, .port = NONE };

	return rewritten(&r, &any);
}

static bool is_host(const struct plan *p, struct addr a)
{
	uint32_t cell = plan_cell(p, a), party = NONE;

	if (cell != NONE)
		party = p->cell[cell].party;
	return party != NONE && p->topo->parties.v[party]->kind == PARTY_HOST;
}

uint32_t check_sent_on(struct check *c, const struct plan *p,
		       const struct check_side *rules)
{
	uint32_t *states, out = SPACE_NO;
	size_t n = ev_states_of(rules->ev, rules->d, FATE_ACCEPT, &states);

	for (size_t i = 0; i < n; i++) {
		const struct state *st = rules->ev->state.v[states[i]];

		if (st->dnat && st->daddr.kind == VAL_KNOWN &&
		    is_host(p, (struct addr){ st->daddr.hi, st->daddr.lo }))
			out = space_or(c->s, out,
				       passing_in(c, rules, states[i]));
	}
	return out;
}

void check_block(struct check_side *rules, uint32_t set)
{
	struct evaluator *ev = rules->ev;

	if (set != SPACE_NO)
		rules->d = ev_if(ev, set, ev_leaf(ev, FATE_DROP, 0, RULE_NONE),
				 rules->d);
}
