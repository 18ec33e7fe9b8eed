#include "plan/inside.h"
#include "plan/nat.h"
#include "plan/verdict.h"

/*
 * Packets as they are seen: what a public address in them stands for, and at a
 * firewall, whether that is how the pair looks there.
 */

/* What one end of a packet may stand for. */
struct form {
	uint32_t cell;	 /* own, or a firewall's */
	struct addr addr; /* the packet's own where nothing is translated */
	struct face face;
};

struct view_of {
	const struct plan *p;
	const struct packet *k;
	uint32_t key;
	bool v4;
	const struct firewall *f; /* NULL: end to end */
	const struct interface *in, *out; /* out NULL: to the firewall */
	struct answer best;
	bool any;
};

/* Allowed beats everything, inside IPsec the rest; else the first stays. */
static bool take(struct view_of *v, struct answer a)
{
	if (!v->any || a.verdict == VERDICT_ALLOWED ||
	    (a.why == WHY_ONLY_IPSEC && v->best.verdict != VERDICT_ALLOWED))
		v->best = a;
	v->any = true;
	return a.verdict == VERDICT_ALLOWED;
}

static struct answer denied(struct answer a, enum verdict_why why)
{
	a.verdict = VERDICT_DENIED;
	a.why = why;
	return a;
}

static uint32_t node_of(const struct plan *p, uint32_t cell)
{
	return p->classes.v[p->cell[cell].cls].node;
}

/* ---- does the pair look like that? -------------------------------------------------- */

static bool forwards(const struct publish *u, uint32_t own_key)
{
	if (!u->port)
		return keys_has(u->keys, own_key);
	if (key_detail(own_key) != u->port)
		return false;
	for (size_t i = 0; i < u->keys.n; i++)
		if (key_proto(u->keys.r[i].lo) <= key_proto(own_key) &&
		    key_proto(own_key) <= key_proto(u->keys.r[i].hi))
			return true;
	return false;
}

/* The public key of one at the host that it forwards. */
static uint32_t publish_public(const struct publish *u, uint32_t own)
{
	for (size_t i = 0; u->port && i < u->keys.n; i++)
		if (key_proto(u->keys.r[i].lo) == key_proto(own))
			return u->keys.r[i].lo;
	return own;
}

/* Does the face of a view show the own key at the own address? */
static bool shows_own(const struct plan *p, struct face f, uint32_t key)
{
	const uint32_t *u;
	size_t n;

	if (f.kind == FACE_OWN)
		return true;
	if (f.kind == FACE_FORWARDED)
		return forwards(p->topo->publishes.v[f.id], key);
	if (f.kind != FACE_REST)
		return false;
	u = class_publishes(p, f.id / 2, &n);
	for (size_t i = 0; i < n; i++)
		if (publish_in_family(p, u[i], f.id % 2) &&
		    forwards(p->topo->publishes.v[u[i]], key))
			return false;
	return true;
}

static bool same_face(struct face x, struct face y)
{
	return x.kind == y.kind && x.id == y.id;
}

static bool looks_so(struct view_of *v, const struct route *r,
		     const struct form *s, const struct form *d, uint32_t key)
{
	const struct plan *p = v->p;
	struct arena *a = arena_new();
	nat_views views = { 0 };
	bool found = false;

	if (v->out)
		nat_views_at(p, r, v->f->id, v->in->zone->zone_id,
			     v->out->zone->zone_id, p->cell[s->cell].cls,
			     p->cell[d->cell].cls, v->v4, a, &views);
	else
		nat_views_input(p, v->f->id, v->in->zone->zone_id,
				p->cell[s->cell].cls, v->v4, a, &views);
	for (size_t i = 0; i < views.n; i++)
		found |= same_face(views.v[i].from, s->face) &&
			 (d->face.kind == FACE_OWN ?
			  shows_own(p, views.v[i].to, key) :
			  same_face(views.v[i].to, d->face));
	arena_free(a);
	return found;
}

/* ---- end to end ---------------------------------------------------------------------- */

static bool touched_by(const struct plan *p, const struct route *r,
		       const struct form *x, uint32_t cls, bool v4)
{
	uint32_t fw = x->face.id / p->n_zones, zone = x->face.id % p->n_zones;

	switch (x->face.kind) {
	case FACE_PUBLIC:
		return nat_touched(p, r, class_nat(p, cls, v4));
	case FACE_PUBLISH:
		return nat_touched(p, r, (struct nat){ NAT_ONE,
				publish_zone(p, x->face.id), NONE });
	case FACE_INTERFACE:
		for (size_t i = 0; i < r->n_hop; i++)
			if (r->hop[i].firewall == fw && r->hop[i].out == zone)
				return true;
		return false;
	default:
		return true;
	}
}

static struct answer end_to_end(struct view_of *v, const struct form *s,
				const struct form *d, struct answer a)
{
	const struct plan *p = v->p;
	const struct route *r;

	if (a.verdict != VERDICT_ALLOWED && a.why != WHY_ONLY_IPSEC &&
	    a.why != WHY_NOT_PLANNED)
		return a;
	r = plan_route(p, node_of(p, s->cell), node_of(p, d->cell));
	if (touched_by(p, r, s, p->cell[s->cell].cls, v->v4) &&
	    touched_by(p, r, d, p->cell[d->cell].cls, v->v4))
		return a;
	return denied(a, WHY_NOT_TRANSLATED);
}

/* ---- at a firewall --------------------------------------------------------------------- */

static struct answer within_zone(const struct plan *p, struct answer a,
				 uint32_t zone, const struct packet *k)
{
	const struct party *z = p->topo->zones.v[zone];

	if (a.src_cell == NONE || a.dst_cell == NONE ||
	    p->cell[a.src_cell].zone != zone ||
	    p->cell[a.dst_cell].zone != zone) {
		if (a.verdict == VERDICT_ALLOWED) {
			a.verdict = VERDICT_DENIED;
			a.why = WHY_WRONG_INTERFACE;
		}
		return a;
	}
	if (a.verdict != VERDICT_ALLOWED && zone_is_open(z) &&
	    packet_opens(k)) {
		a.verdict = VERDICT_ALLOWED;
		a.why = WHY_INSIDE_ANY;
	}
	return a;
}

static struct answer forwarded(struct view_of *v, const struct form *s,
			       const struct form *d, uint32_t key,
			       struct answer a)
{
	const struct plan *p = v->p;
	const struct route *r;

	if (v->in->zone == v->out->zone) {
		if (s->face.kind != FACE_OWN || d->face.kind != FACE_OWN)
			return denied(a, WHY_WRONG_INTERFACE);
		return within_zone(p, a, v->in->zone->zone_id, &a.own);
	}
	if (a.verdict != VERDICT_ALLOWED)
		return a;
	r = plan_route(p, node_of(p, s->cell), node_of(p, d->cell));
	if (!route_uses(r, v->f->id, v->in->zone->zone_id,
			v->out->zone->zone_id))
		return denied(a, WHY_WRONG_INTERFACE);
	if (p->translates && !looks_so(v, r, s, d, key))
		return denied(a, WHY_NOT_TRANSLATED);
	return a;
}

/* Is the node itself, or the firewall that it is, at this zone? */
static bool stands_at(const struct plan *p, uint32_t node, uint32_t zone)
{
	return node < p->n_zones ? node == zone :
		firewall_in_zone(p->topo->firewalls.v[node - p->n_zones], zone);
}

bool input_arrives(const struct plan *p, uint32_t node,
		   const struct firewall *f, uint32_t zone)
{
	const struct route *r = plan_route(p, node, zone);

	if (stands_at(p, node, zone))
		return true;
	/* without a declared address, no other firewall knows the way */
	for (size_t i = 0; p->classes.v[f->id].n_cell && i < r->paths.n; i++)
		if (!path_crosses(&r->paths.v[i], f->id))
			return true;
	return false;
}

static struct answer received(struct view_of *v, const struct form *s,
			      const struct form *d, uint32_t key,
			      struct answer a)
{
	const struct plan *p = v->p;
	bool bare = !p->classes.v[v->f->id].n_cell;

	if (a.verdict != VERDICT_ALLOWED)
		return a;
	if (!bare && p->cell[d->cell].cls != v->f->id)
		return denied(a, WHY_UNKNOWN_DESTINATION);
	if (!input_arrives(p, node_of(p, s->cell), v->f,
			   v->in->zone->zone_id))
		return denied(a, WHY_WRONG_INTERFACE);
	if (bare ? s->face.kind != FACE_OWN :
	    p->translates && !looks_so(v, NULL, s, d, key))
		return denied(a, WHY_NOT_TRANSLATED);
	return a;
}

/* ---- forms ------------------------------------------------------------------------------ */

/* One reading of both ends; false: go on with others. */
static bool try_forms(struct view_of *v, const struct form *s,
		      const struct form *d, uint32_t key)
{
	const struct plan *p = v->p;
	struct packet own = { s->addr, d->addr, (uint8_t)key_proto(key),
			      (uint16_t)key_detail(key) };
	bool bare = v->f && !v->out && !p->classes.v[v->f->id].n_cell;
	struct answer a;

	if (key == v->key) /* types of ICMP, too */
		own.detail = v->k->detail;
	a = bare ? verdict_bare_input(p, v->f, &own) : verdict_own(p, &own);
	if (!v->f)
		return take(v, end_to_end(v, s, d, a));
	return take(v, v->out ? forwarded(v, s, d, key, a) :
				received(v, s, d, key, a));
}

static bool try_members(struct view_of *v, const uint32_t *member, size_t n,
			struct face face, const struct form *d, uint32_t key)
{
	const struct plan *p = v->p;

	for (size_t i = 0; i < n; i++) {
		struct form s = { member[i], p->cell[member[i]].lo, face };

		if (addr_is_v4(s.addr) == v->v4 && try_forms(v, &s, d, key))
			return true;
	}
	return false;
}

/* Everything that the source may stand for. */
static void try_sources(struct view_of *v, const struct form *d, uint32_t key)
{
	const struct plan *p = v->p;
	uint32_t cell = plan_cell(p, v->k->src);
	const struct cell *c = cell == NONE ? NULL : &p->cell[cell];
	const struct public_addr *x = c && c->public != NONE ?
		&p->publics.v[c->public] : NULL;
	struct form s = { cell, v->k->src, { FACE_OWN, 0 } };
	bool fw = c && cell_firewall(p, c);

	if ((!x || fw) && try_forms(v, &s, d, key))
		return;
	if (x && x->own != NONE &&
	    try_members(v, &x->own, 1, (struct face){ FACE_PUBLIC, 0 }, d, key))
		return;
	if (x && try_members(v, x->members.v, x->members.n,
			     (struct face){ FACE_PUBLIC, 0 }, d, key))
		return;
	if (fw && c->space != NONE &&
	    p->topo->zones.v[c->space]->zone_kind == ZONE_INTERNET)
		try_members(v, p->masqueraded.v, p->masqueraded.n,
			    (struct face){ FACE_INTERFACE, p->topo->parties.v
					   [c->party]->firewall->id *
					   p->n_zones + c->space }, d, key);
}

/* At a firewall that makes own addresses of public ones for what comes in
 * here, its chains see those. */
static struct face translated_face(const struct view_of *v, struct face seen,
				   uint32_t owner, uint32_t own_cell)
{
	if (v->f && nat_translates(v->p, v->f->id, v->in->zone->zone_id, owner,
				   node_of(v->p, own_cell)))
		return (struct face){ FACE_OWN, 0 };
	return seen;
}

/* The key at the own address, or the packet's where none is forwarded. */
static const struct publish *published_at(const struct view_of *v,
					  const struct public_addr *x,
					  uint32_t *key)
{
	for (size_t i = 0; i < x->publishes.n; i++) {
		const struct publish *u =
			v->p->topo->publishes.v[x->publishes.v[i]];

		if (publish_to_own(u, v->key, key))
			return u;
	}
	return NULL;
}

static struct answer see(struct view_of *v)
{
	const struct plan *p = v->p;
	uint32_t cell = plan_cell(p, v->k->dst), key = v->key;
	const struct cell *c = cell == NONE ? NULL : &p->cell[cell];
	const struct public_addr *x = c && c->public != NONE ?
		&p->publics.v[c->public] : NULL;
	struct form d = { cell, v->k->dst, { FACE_OWN, 0 } };
	const struct publish *u = x ? published_at(v, x, &key) : NULL;

	if (u) {
		d.addr = u->own;
		d.cell = plan_cell(p, u->own);
		d.face = translated_face(v, (struct face){ FACE_PUBLISH,
							   u->id },
					 x->zone, d.cell);
	} else if (x && x->own != NONE) {
		d.cell = x->own;
		d.addr = p->cell[x->own].lo;
		d.face = translated_face(v, (struct face){ FACE_PUBLIC, 0 },
					 x->zone, x->own);
	}
	try_sources(v, &d, u ? key : v->key);
	/* what stays of an address of a firewall is its own */
	if (u && v->best.verdict != VERDICT_ALLOWED && cell_firewall(p, c) &&
	    d.face.kind == FACE_PUBLISH) {
		d = (struct form){ cell, v->k->dst, { FACE_OWN, 0 } };
		try_sources(v, &d, v->key);
	}
	if (x && !u && x->own == NONE && !cell_firewall(p, c) &&
	    v->best.verdict != VERDICT_ALLOWED)
		v->best.why = WHY_BEHIND_MANY;
	return v->best;
}

static struct view_of view(const struct plan *p, const struct packet *k)
{
	return (struct view_of){
		.p = p, .k = k, .v4 = addr_is_v4(k->src),
		/* a public address that stands for nobody as a source */
		.best = { .verdict = VERDICT_DENIED, .own = *k,
			  .why = WHY_UNKNOWN_SOURCE, .src_cell = NONE,
			  .dst_cell = NONE },
		.key = packet_key(k),
	};
}

/* What it was called before this firewall made the own address of it. */
static void call_public(const struct plan *p, struct hop h, uint32_t cell,
			uint32_t key, struct packet *k)
{
	uint32_t cls = p->cell[cell].cls, public;
	struct nat t = class_nat(p, cls, addr_is_v4(k->dst));
	size_t n;
	const uint32_t *u = class_publishes(p, cls, &n);

	if (t.kind == NAT_ONE && nat_translates(p, h.firewall, h.in, t.zone,
						node_of(p, cell))) {
		k->dst = p->publics.v[p->cell[cell].behind].addr;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct publish *x = p->topo->publishes.v[u[i]];

		if (!addr_eq(x->own, k->dst) || !forwards(x, key) ||
		    !nat_translates(p, h.firewall, h.in,
				    publish_zone(p, u[i]), node_of(p, cell)))
			continue;
		public = publish_public(x, key);
		k->dst = x->address.r.lo;
		k->detail = (uint16_t)key_detail(public);
		return;
	}
}

static void show_source(const struct plan *p, struct face f, struct packet *k)
{
	uint32_t cell = plan_cell(p, k->src), shown;

	if (f.kind == FACE_INTERFACE) {
		if (interface_cells(p, f, addr_is_v4(k->src), &shown, 1))
			k->src = p->cell[shown].lo;
	} else if ((shown = face_cell(p, f, cell)) != NONE) {
		k->src = f.kind == FACE_OWN ? k->src : p->cell[shown].lo;
	}
}

struct packet nat_arrives(const struct plan *p, const struct packet *own,
			  struct hop h)
{
	struct view_of v = view(p, own);
	uint32_t s = plan_cell(p, own->src), d = plan_cell(p, own->dst);
	uint32_t cs, cd;
	struct packet k = *own;
	nat_views views = { 0 };
	struct arena *a;
	struct face f;

	if (!p->translates)
		return k;
	a = arena_new();
	cs = p->cell[s].cls;
	cd = p->cell[d].cls;
	if (h.out == NONE)
		nat_views_input(p, h.firewall, h.in, cs, v.v4, a, &views);
	else
		nat_views_at(p, plan_route(p, node_of(p, s), node_of(p, d)),
			     h.firewall, h.in, h.out, cs, cd, v.v4, a, &views);
	for (size_t i = 0; i < views.n; i++) {
		f = views.v[i].to;
		if (f.kind == FACE_PUBLISH ?
		    !forwards(p->topo->publishes.v[f.id], v.key) :
		    f.kind != FACE_PUBLIC && !shows_own(p, f, v.key))
			continue;
		show_source(p, views.v[i].from, &k);
		if (f.kind == FACE_PUBLIC) {
			k.dst = p->publics.v[p->cell[d].behind].addr;
		} else if (f.kind == FACE_PUBLISH) {
			const struct publish *u = p->topo->publishes.v[f.id];

			k.dst = u->address.r.lo;
			k.detail = (uint16_t)key_detail(publish_public(u,
								       v.key));
		} else if (h.out != NONE) {
			call_public(p, h, d, v.key, &k);
		}
		break;
	}
	arena_free(a);
	return k;
}

struct answer plan_verdict(const struct plan *p, const struct packet *k)
{
	struct view_of v = view(p, k);

	return p->translates ? see(&v) : verdict_own(p, k);
}

struct answer plan_verdict_at(const struct plan *p, const struct firewall *f,
			      const struct interface *in,
			      const struct interface *out,
			      const struct packet *k)
{
	struct view_of v = view(p, k);

	if (in == out)
		return denied(plan_verdict(p, k), WHY_HAIRPIN);
	v.f = f;
	v.in = in;
	v.out = out;
	return see(&v);
}

struct answer plan_verdict_input(const struct plan *p, const struct firewall *f,
				 const struct interface *in,
				 const struct packet *k)
{
	struct view_of v = view(p, k);

	v.f = f;
	v.in = in;
	return see(&v);
}
