#include "plan/internal.h"
#include "plan/inside.h"
#include "plan/nat.h"

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

/* ---- addresses --------------------------------------------------------------- */

struct looker {
	const struct plan *p;
	const struct route *r;
	struct hop h;
	bool source, v4;
	struct arena *a;
	VEC(struct addr_range) found;
	VEC(uint32_t) publish;
};

static void look_at(struct looker *x, const uint32_t *cell, size_t n,
		    struct face f)
{
	uint32_t shown[64];
	size_t many = f.kind == FACE_INTERFACE ?
		interface_cells(x->p, f, x->v4, shown, 64) : 0;

	for (size_t i = 0; i < x->publish.n; i++)
		if (f.kind == FACE_PUBLISH && x->publish.v[i] == f.id)
			return;
	if (f.kind == FACE_PUBLISH)
		vec_push(x->a, &x->publish, f.id);
	for (size_t i = 0; i < many; i++)
		vec_push(x->a, &x->found, (struct addr_range){
				x->p->cell[shown[i]].lo,
				x->p->cell[shown[i]].hi });
	for (size_t i = 0; i < n && f.kind == FACE_PUBLIC; i++) {
		uint32_t c = addr_is_v4(x->p->cell[cell[i]].lo) == x->v4 ?
			face_cell(x->p, f, cell[i]) : NONE;

		if (c != NONE)
			vec_push(x->a, &x->found, (struct addr_range){
					x->p->cell[c].lo, x->p->cell[c].hi });
	}
}

static struct addr_set look(struct looker *x, uint32_t zone, bool *translated)
{
	const struct plan *p = x->p;
	struct addr_set s;
	nat_faces faces = { 0 };

	for (uint32_t i = 0; i < p->classes.n; i++) {
		const struct class *c = &p->classes.v[i];

		if (c->node != zone || !c->nat)
			continue;
		nat_faces_at(p, x->r, x->h, i, x->source, x->v4, x->a, &faces);
		for (size_t k = 0; k < faces.n; k++)
			look_at(x, c->cell, c->n_cell, faces.v[k]);
	}
	*translated |= x->found.n || x->publish.n;
	for (size_t i = 0; i < p->n_cell; i++)
		if (p->cell[i].zone == zone &&
		    addr_is_v4(p->cell[i].lo) == x->v4)
			vec_push(x->a, &x->found, (struct addr_range){
					p->cell[i].lo, p->cell[i].hi });
	s = (struct addr_set){ x->found.v, x->found.n };
	addr_set_normalise(&s);
	return s;
}

struct observed_look plan_observed_look(const struct plan *p,
					const struct firewall *f, uint32_t in,
					uint32_t out, uint32_t from,
					uint32_t to, bool v4, struct arena *a)
{
	struct looker s = { .p = p, .r = plan_route(p, from, to),
			    .h = { .firewall = f->id, .in = in, .out = out },
			    .source = true, .v4 = v4, .a = a };
	struct looker d = s;
	struct observed_look l = { 0 };

	d.source = false;
	l.src = look(&s, from, &l.translated);
	l.dst = look(&d, to, &l.translated);
	l.publish = d.publish.v;
	l.n_publish = d.publish.n;
	return l;
}

/* ---- one packet -------------------------------------------------------------- */

/* The destination that the forward chain sees. */
static struct addr made_own(const struct plan *p, const struct firewall *f,
			    uint32_t in, const struct packet *k)
{
	uint32_t own, x = p->cell[plan_cell(p, k->dst)].public;
	const struct public_addr *pub = x == NONE ? NULL : &p->publics.v[x];

	for (size_t i = 0; pub && i < pub->publishes.n; i++) {
		const struct publish *u = p->topo->publishes
			.v[pub->publishes.v[i]];

		if (publish_to_own(u, key_of(k->proto, k->detail), &own) &&
		    nat_translates(p, f->id, in, pub->zone,
				   p->cell[plan_cell(p, u->own)].zone))
			return u->own;
	}
	return pub && pub->own != NONE &&
	       nat_translates(p, f->id, in, pub->zone,
			      p->cell[pub->own].zone) ?
		p->cell[pub->own].lo : k->dst;
}

static bool looks_observed(const struct plan *p, const struct observed_look *l,
			   const struct packet *k, struct addr dst)
{
	bool found = addr_set_has(&l->dst, dst);

	for (size_t i = 0; i < l->n_publish; i++) {
		const struct publish *u = p->topo->publishes.v[l->publish[i]];

		found |= addr_eq(u->address.r.lo, dst) &&
			 keys_has(u->keys, key_of(k->proto, k->detail));
	}
	return found && addr_set_has(&l->src, k->src);
}

/* Does what goes from zone to zone cross these two zones of the firewall? */
static bool crosses(const struct plan *p, const struct firewall *f,
		    uint32_t in, uint32_t out, uint32_t from, uint32_t to)
{
	if (from == to)
		return in == from && out == to;
	return in != out &&
	       route_uses(plan_route(p, from, to), f->id, in, out);
}

static const struct observe *observed_by(const struct plan *p,
					 const struct firewall *f, uint32_t in,
					 uint32_t out, const struct packet *k,
					 struct arena *a)
{
	struct addr dst = made_own(p, f, in, k);

	for (uint32_t from = 0; from < p->n_zones; from++)
		for (uint32_t to = 0; to < p->n_zones; to++) {
			const struct observe *o = plan_observed(p, from, to);
			struct observed_look l;

			if (!o || !crosses(p, f, in, out, from, to))
				continue;
			l = plan_observed_look(p, f, in, out, from, to,
					       addr_is_v4(k->src), a);
			if (looks_observed(p, &l, k, dst))
				return o;
		}
	return NULL;
}

bool plan_lets_through(const struct plan *p, const struct firewall *f,
		       const struct interface *in, const struct interface *out,
		       const struct packet *k, const struct observe **by)
{
	struct arena *a = arena_new();

	*by = NULL;
	if (in && out && in != out && plan_cell(p, k->dst) != NONE)
		*by = observed_by(p, f, in->zone->zone_id, out->zone->zone_id,
				  k, a);
	arena_free(a);
	return *by || f->unenforced;
}

const char *plan_firewall_takes(const struct firewall *f, uint32_t zone,
				const struct packet *k)
{
	if (!f->inputs.n)
		return NULL;
	if (k->proto == PROTO_IGMP && addr_is_v4(k->src))
		return "takes IGMP from anyone";
	if ((k->proto == PROTO_ICMP && k->detail == ICMP_ECHO_REQUEST) ||
	    (k->proto == PROTO_ICMPV6 && k->detail == ICMPV6_ECHO_REQUEST))
		return "answers echo requests from anyone, at a limited rate";
	if (k->proto == PROTO_VRRP && f->nodes.n && firewall_in_zone(f, zone))
		return "takes VRRP from its zones, having several nodes";
	return NULL;
}

static bool pair_at(const struct plan *p, uint32_t from, uint32_t to,
		    const struct firewall *f)
{
	return route_crosses(plan_route(p, from, to), f->id) ||
	       (from == to && firewall_within(f, from));
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

	put_zones(&b, &o->from);
	buf_puts(&b, " to ");
	put_zones(&b, &o->to);
	return buf_take(a, &b);
}

const char *plan_let_through(const struct plan *p, struct arena *a)
{
	const struct topology *t = p->topo;
	struct buf b = { 0 };

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
	return b.n ? buf_take(a, &b) : NULL;
}

static bool enforced(const struct plan *p, const struct path *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (!p->topo->firewalls.v[x->hop[i].firewall]->unenforced)
			return true;
	return x->n == 0;
}

const struct path *plan_unenforced_path(const struct plan *p,
					const struct route *r)
{
	for (size_t i = 0; i < r->paths.n; i++)
		if (!enforced(p, &r->paths.v[i]))
			return &r->paths.v[i];
	return NULL;
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
