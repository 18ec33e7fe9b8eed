#include "plan/internal.h"

/* What the plan denies, and is let through for the time being. */

static bool has_zone(const zone_list *l, uint32_t zone)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->zone_id == zone)
			return true;
	return false;
}

const struct observe *plan_observed(const struct plan *p, uint32_t from,
				    uint32_t to)
{
	for (size_t i = 0; i < p->topo->observes.n; i++) {
		const struct observe *o = p->topo->observes.v[i];

		if (p->now < o->until.t && has_zone(&o->from, from) &&
		    has_zone(&o->to, to))
			return o;
	}
	return NULL;
}

bool plan_observes(const struct plan *p, const struct firewall *f, uint32_t in,
		   uint32_t out, uint32_t from, uint32_t to)
{
	if (!plan_observed(p, from, to))
		return false;
	if (from == to)
		return in == from && out == to;
	return in != out &&
	       route_uses(plan_route(p, from, to), f->id, in, out);
}

bool plan_lets_through(const struct plan *p, const struct firewall *f,
		       const struct interface *in, const struct interface *out,
		       const struct packet *k, const struct observe **by)
{
	uint32_t s = plan_cell(p, k->src), d = plan_cell(p, k->dst);

	*by = NULL;
	if (in && out && in != out && s != NONE && d != NONE &&
	    addr_is_v4(k->src) == addr_is_v4(k->dst) &&
	    p->cell[s].zone != NONE && p->cell[d].zone != NONE &&
	    plan_observes(p, f, in->zone->zone_id, out->zone->zone_id,
			  p->cell[s].zone, p->cell[d].zone))
		*by = plan_observed(p, p->cell[s].zone, p->cell[d].zone);
	return *by || f->unenforced;
}

static bool pair_at(const struct plan *p, uint32_t from, uint32_t to,
		    const struct firewall *f)
{
	const struct route *r = plan_route(p, from, to);
	size_t there = 0;

	for (size_t i = 0; i < r->n_hop; i++)
		if (r->hop[i].firewall == f->id)
			return true;
	for (size_t i = 0; i < f->interfaces.n; i++)
		there += f->interfaces.v[i]->zone->zone_id == from;
	return from == to && there > 1;
}

bool plan_observe_at(const struct plan *p, const struct observe *o,
		     const struct firewall *f)
{
	for (size_t i = 0; i < o->from.n && p->now < o->until.t; i++)
		for (size_t k = 0; k < o->to.n; k++)
			if (pair_at(p, o->from.v[i]->zone_id,
				    o->to.v[k]->zone_id, f))
				return true;
	return false;
}

static void put_zones(struct buf *b, const zone_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		buf_printf(b, "%s%s", i ? ", " : "", l->v[i]->name);
}

const char *plan_observe_zones(const struct observe *o, struct arena *a)
{
	struct buf b = { 0 };
	const char *s;

	put_zones(&b, &o->from);
	buf_puts(&b, " to ");
	put_zones(&b, &o->to);
	s = arena_strdup(a, b.s);
	buf_free(&b);
	return s;
}

const char *plan_let_through(const struct plan *p, struct arena *a)
{
	const struct topology *t = p->topo;
	struct buf b = { 0 };
	const char *s = NULL;

	for (size_t i = 0; i < t->firewalls.n; i++)
		if (t->firewalls.v[i]->unenforced)
			buf_printf(&b, "%sNot enforced, lets through what is "
				   "denied: %s", b.n ? ". " : "",
				   t->firewalls.v[i]->name);
	for (size_t i = 0; i < t->observes.n; i++)
		if (p->now < t->observes.v[i]->until.t)
			buf_printf(&b, "%sObserved and let through until %s: "
				   "%s (%s)", b.n ? ". " : "",
				   t->observes.v[i]->until.text,
				   plan_observe_zones(t->observes.v[i], a),
				   t->observes.v[i]->owner);
	if (b.n)
		s = arena_strdup(a, b.s);
	buf_free(&b);
	return s;
}

/* An observe that joins no two zones with a path observes nothing. */
static bool observes_something(const struct plan *p, const struct observe *o)
{
	for (size_t i = 0; i < o->from.n; i++)
		for (size_t k = 0; k < o->to.n; k++)
			if (plan_route(p, o->from.v[i]->zone_id,
				       o->to.v[k]->zone_id)->reachable)
				return true;
	return false;
}

void check_observes(struct build *b)
{
	struct plan *p = b->plan;

	for (size_t i = 0; i < b->topo->observes.n; i++) {
		const struct observe *o = b->topo->observes.v[i];

		if (p->now >= o->until.t)
			vec_push(b->arena, &p->over, o);
		else if (!observes_something(p, o))
			diag_add(b->d, SEV_WARNING, o->at,
				 "this observes nothing: no path joins the "
				 "zones");
	}
}
