#include "cli/offers.h"
#include "cli/pending.h"
#include "cli/tried.h"

/*
 * A flow is covered by a role if a template row joins that role of one side to
 * one that the other side bears. A role is worth proposing for a party only if
 * it covers two flows at least: one port alone is a coincidence.
 */
enum { WORTH = 2 };

struct offer {
	uint32_t party;
	const struct role *role;
	size_t flows;
};

struct offers {
	struct pending *p;
	VEC(struct offer) v;
};

struct taking {
	struct offers *o;
	struct pending_flow *f;
	size_t best;
};

static struct offer *find_offer(struct offers *o, uint32_t party,
				const struct role *r)
{
	for (size_t i = 0; i < o->v.n; i++)
		if (o->v.v[i].party == party && o->v.v[i].role == r)
			return &o->v.v[i];
	return NULL;
}

static void count_offer(void *ctx, const struct role_offer *x)
{
	struct taking *t = ctx;
	uint32_t party = x->to_bears ? t->f->to : t->f->from;
	struct offer *o = find_offer(t->o, party, x->role);

	if (o)
		o->flows++;
	else
		vec_push(t->o->p->a->arena, &t->o->v,
			 (struct offer){ party, x->role, 1 });
}

static void take_offer(void *ctx, const struct role_offer *x)
{
	struct taking *t = ctx;
	uint32_t party = x->to_bears ? t->f->to : t->f->from;
	const struct offer *o = find_offer(t->o, party, x->role);

	if (!o || o->flows < WORTH || o->flows <= t->best)
		return;
	t->best = o->flows;
	t->f->role = x->role;
	t->f->role_to = x->to_bears;
	t->f->row = role_offer_row(t->o->p->a->arena, x);
}

static void each(struct offers *o, void (*fn)(void *ctx,
					      const struct role_offer *x))
{
	struct pending *p = o->p;

	for (size_t i = 0; i < p->flows.n; i++) {
		struct pending_flow *f = &p->flows.v[i];
		struct taking t = { .o = o, .f = f };
		struct packet k = { f->src[0], f->dst,
				    (uint8_t)key_proto(f->key),
				    (uint16_t)key_detail(f->key) };

		if (f->from_node != NONE && f->to_node != NONE &&
		    !f->from_many)
			role_offers(p->l.plan, &k, fn, &t);
	}
}

const char *pending_assign(const struct pending *p,
			   const struct pending_flow *f)
{
	const struct party *x =
		p->l.topo->parties.v[f->role_to ? f->to : f->from];
	struct buf b = { 0 };
	char day[16];

	date_text(p->l.now + PENDING_DAYS * 86400, day);
	buf_printf(&b, "  <assign to=\"%s\" roles=\"%s\"", x->name,
		   f->role->name);
	if (x->owner)
		buf_xml_attr(&b, "owner", x->owner);
	buf_printf(&b, " expires=\"%s\"/> <!-- observed, unreviewed: %s -->",
		   day, f->row);
	return buf_take(p->a->arena, &b);
}

bool pending_given(const struct pending *p, size_t i)
{
	const struct pending_flow *f = &p->flows.v[i];
	uint32_t party = f->role_to ? f->to : f->from;

	for (size_t k = 0; k < i; k++) {
		const struct pending_flow *x = &p->flows.v[k];

		if (x->role == f->role &&
		    (x->role_to ? x->to : x->from) == party)
			return true;
	}
	return false;
}

/* What the role does not plan after all (realms, `use`) is no role's flow. */
static bool covered(const struct loaded *now, const struct pending_flow *f)
{
	size_t n = f->n_src < PENDING_ADDRS ? f->n_src : PENDING_ADDRS;

	for (size_t i = 0; i < n; i++) {
		struct packet k = { f->src[i], f->dst,
				    (uint8_t)key_proto(f->key),
				    (uint16_t)key_detail(f->key) };

		if (plan_verdict(now->plan, &k).verdict != VERDICT_ALLOWED)
			return false;
	}
	return true;
}

/* All roles at once; those that are refused, and flows that are not covered,
 * are left to exceptions. true: some were, so the others are tried again. */
static bool try_roles(struct pending *p)
{
	struct tried_line *v = ARENA_ARRAY(p->a->arena, struct tried_line,
					   p->flows.n);
	bool some = false, dropped = false, good;
	struct loaded now;

	for (size_t i = 0; i < p->flows.n; i++)
		if (p->flows.v[i].role && !pending_given(p, i)) {
			v[i].xml = pending_assign(p, &p->flows.v[i]);
			some = true;
		}
	if (!some)
		return false;
	good = tried_lines(p->a, &p->l, v, p->flows.n, &now);
	for (size_t i = 0; i < p->flows.n; i++) {
		struct pending_flow *f = &p->flows.v[i];

		if (f->role && (!good || v[i].why || !covered(&now, f))) {
			f->role = NULL;
			dropped = true;
		}
	}
	return dropped;
}

void pending_roles(struct pending *p)
{
	struct offers o = { .p = p };

	each(&o, count_offer);
	each(&o, take_offer);
	while (try_roles(p))
		;
}
