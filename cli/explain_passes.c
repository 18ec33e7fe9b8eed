#include "cli/explain.h"
#include "plan/inside.h"
#include "plan/nat.h"

/* Denied by the plan is not always stopped: where nothing stands between the
 * two, or the rules let it be. And what is allowed need not arrive. */

struct passing {
	struct arena *a;
	const struct plan *p;
	const struct answer *x;
	const struct packet *k;
	const struct party *s, *d; /* whose the two addresses are */
	const struct route *route;
	text_list out;
};

static void say(struct passing *y, const char *text)
{
	vec_push(y->a, &y->out, text);
}

static bool stands_in(const struct party *x, const struct party *zone)
{
	if (x->kind != PARTY_FIREWALL)
		return party_zone(x) == zone;
	for (size_t i = 0; i < x->firewall->interfaces.n; i++)
		if (x->firewall->interfaces.v[i]->zone == zone)
			return true;
	return false;
}

/* Nobody in between, and at least one of them a firewall? */
static bool adjacent(const struct passing *y)
{
	const struct topology *t = y->p->topo;

	for (size_t i = 0; i < t->zones.n; i++)
		if (stands_in(y->s, t->zones.v[i]) &&
		    stands_in(y->d, t->zones.v[i]))
			return y->s->kind == PARTY_FIREWALL ||
			       y->d->kind == PARTY_FIREWALL;
	return false;
}

/* The first way on which no firewall enforces anything; NULL. */
static const struct path *open_way(const struct passing *y)
{
	for (size_t i = 0; i < y->route->paths.n; i++) {
		const struct path *w = &y->route->paths.v[i];
		bool open = true;

		for (size_t k = 0; k < w->n; k++)
			open &= y->p->topo->firewalls.v[w->hop[k].firewall]
					->unenforced;
		if (open)
			return w;
	}
	return NULL;
}

/* Does it drop the packet between any two of its interfaces there? */
static bool drops_within(const struct passing *y, const struct firewall *f,
			 uint32_t zone)
{
	const struct observe *by;

	for (size_t i = 0; i < f->interfaces.n; i++)
		for (size_t o = 0; o < f->interfaces.n; o++) {
			const struct interface *in = f->interfaces.v[i];
			const struct interface *out = f->interfaces.v[o];

			if (i != o && in->zone->zone_id == zone &&
			    out->zone->zone_id == zone &&
			    !plan_lets_through(y->p, f, in, out, y->k, &by) &&
			    plan_verdict_at(y->p, f, in, out, y->k).verdict !=
			    VERDICT_ALLOWED)
				return true;
		}
	return false;
}

static void within(struct passing *y)
{
	const struct topology *t = y->p->topo;
	uint32_t zone = y->p->cell[y->x->src_cell].zone;
	const char *name = t->zones.v[zone]->name;
	struct buf b = { 0 };

	for (size_t i = 0; i < t->firewalls.n; i++)
		if (drops_within(y, t->firewalls.v[i], zone))
			buf_printf(&b, "%s%s", b.n ? " or " : "",
				   t->firewalls.v[i]->name);
	if (b.n)
		say(y, arena_printf(y->a, "not enforced, save between two "
				    "interfaces of %s: both are in %s", b.s,
				    name));
	else
		say(y, arena_printf(y->a, "not enforced: both are in %s%s",
				    name, plan_inside_any(y->p, y->x->src_cell,
							  y->x->dst_cell) ?
				    ", whose inside is open" : ""));
	buf_free(&b);
}

/* ---- to a firewall and from it ---------------------------------------------------- */

static void dhcp(struct passing *y)
{
	const struct firewall *f = y->d->firewall;
	bool v4 = addr_is_v4(y->k->src);

	if (y->k->proto != PROTO_UDP || y->k->detail != (v4 ? 68 : 546))
		return;
	for (size_t i = 0; i < f->interfaces.n; i++) {
		const struct interface *itf = f->interfaces.v[i];

		if (itf->dhcp && itf->zone->zone_id ==
				 y->p->cell[y->x->src_cell].zone)
			say(y, arena_printf(y->a, "firewall %s takes it at %s "
				"from port %d, whoever sends it: dhcp=\"yes\"",
				f->name, itf->name, v4 ? 67 : 547));
	}
}

static void to_firewall(struct passing *y)
{
	const struct firewall *f = y->d->firewall;
	const char *always = plan_firewall_takes(f,
			y->p->cell[y->x->src_cell].zone, y->k);

	if (!f->inputs.n) {
		say(y, arena_printf(y->a, "not enforced: firewall %s has no "
			"<input>, so its input chain is left alone", f->name));
		return;
	}
	if (always)
		say(y, arena_printf(y->a, "firewall %s %s", f->name, always));
	dhcp(y);
	if (f->unenforced)
		say(y, arena_printf(y->a, "firewall %s lets it through: "
				    "enforce=\"no\"", f->name));
}

/* ---- across firewalls --------------------------------------------------------------- */

static void observed(struct passing *y)
{
	uint32_t s = y->p->cell[y->x->src_cell].zone;
	uint32_t d = y->p->cell[y->x->dst_cell].zone;
	const struct observe *o = s == NONE || d == NONE ||
		!y->route->reachable ? NULL : plan_observed(y->p, s, d);

	if (o)
		say(y, arena_printf(y->a, "let through and observed until %s, "
			"from %s: %s (%s)", o->until.text,
			plan_observe_zones(o, y->a), o->reason, o->owner));
}

static void unenforced(struct passing *y, const struct path *way)
{
	for (size_t i = 0; i < way->n; i++)
		say(y, arena_printf(y->a, "firewall %s lets it through: "
			"enforce=\"no\"", y->p->topo->firewalls
			.v[way->hop[i].firewall]->name));
}

static void across(struct passing *y)
{
	const struct path *way = open_way(y);
	bool reached = way || adjacent(y);

	if (reached && y->d->kind == PARTY_FIREWALL)
		to_firewall(y);
	if (reached && y->s->kind == PARTY_FIREWALL)
		say(y, arena_printf(y->a, "firewall %s does not filter what it "
				    "sends itself", y->s->name));
	if (y->x->not_enforced)
		within(y);
	observed(y);
	if (way && !adjacent(y))
		unenforced(y, way);
}

/* IKE is planned both ways, and from behind one address alone it can begin. */
static void hidden(struct passing *y)
{
	uint32_t key = key_of(y->k->proto, y->k->detail);

	if (nat_hidden(y->p, y->p->cell[y->x->src_cell].cls,
		       y->p->cell[y->x->dst_cell].cls, addr_is_v4(y->k->dst),
		       (struct key_range){ key, key }))
		say(y, arena_printf(y->a, "%s hides with others behind one "
			"address: it opens this, nothing is opened to it",
			y->d->name));
}

text_list explain_passes(const struct question *q, const struct answer *x,
			 const struct packet *k)
{
	const struct plan *p = q->l.plan;
	struct passing y = { .a = q->a->arena, .p = p, .x = x, .k = k };
	const struct cell *s, *d;

	/* a public address leads nowhere where nothing translates it */
	if (x->src_cell == NONE || x->dst_cell == NONE ||
	    x->why == WHY_NOT_TRANSLATED || x->why == WHY_SAME_ADDRESS)
		return y.out;
	s = &p->cell[x->src_cell];
	d = &p->cell[x->dst_cell];
	if (s->cls == NONE || d->cls == NONE)
		return y.out;
	y.s = p->topo->parties.v[s->party];
	y.d = p->topo->parties.v[d->party];
	y.route = plan_route(p, p->classes.v[s->cls].node,
			     p->classes.v[d->cls].node);
	if (x->verdict == VERDICT_ALLOWED)
		hidden(&y);
	else
		across(&y);
	return y.out;
}
