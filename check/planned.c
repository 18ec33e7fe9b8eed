#include "check/planner.h"
#include "plan/inside.h"
#include "plan/nat.h"

/*
 * A pair of classes is a product: sources x destinations x keys. Each factor
 * is a small diagram of its own, made once, so the work follows the number of
 * classes and not that of hosts.
 */

enum { FEW_CELLS = 16 };

/* The cells of a class that lie in an end, as a set on one field. */
static uint32_t end_set(struct planner *x, uint32_t cls, uint32_t end,
			uint8_t field)
{
	uint32_t key[3] = { cls, end == NONE ? NONE : x->p->end_alike[end],
			    field };
	struct map_entry *e = map_add(x->a, &x->ends, key, sizeof(key), NULL);
	const struct class *c = &x->p->classes.v[cls];
	struct few_cells in = { c->cell, c->n_cell };
	struct addr_set s = { 0 };

	if (e->val.u)
		return e->val.u - 1;
	if (!x->few)
		x->few = plan_few_cells(x->p, FEW_CELLS, x->a);
	if (end != NONE && x->few[end].cell)
		in = x->few[end];
	s.r = ARENA_ARRAY(x->a, struct addr_range, in.n);
	for (size_t i = 0; i < in.n; i++) {
		const struct cell *cell = &x->p->cell[in.cell[i]];

		if (cell_in_class(x->p, in.cell[i], cls) &&
		    (end == NONE || cell_in_end(x->p, in.cell[i], end)))
			s.r[s.n++] = (struct addr_range){ cell->lo, cell->hi };
	}
	e->val.u = space_addresses(x->s, field, s) + 1; /* 0 is a node's number too */
	return e->val.u - 1;
}

static uint32_t proto_keys(struct planner *x, struct key_range r)
{
	unsigned p = key_proto(r.lo);
	uint32_t proto = planner_field(x, PK_PROTO, p, p);

	if (proto_has_ports(p))
		return space_and(x->s, proto,
				 planner_field(x, PK_TH2, key_detail(r.lo),
					  key_detail(r.hi)));
	if (proto_is_icmp(p)) /* type and code are the first two bytes */
		return space_and(x->s, proto,
				 planner_field(x, PK_TH0, key_detail(r.lo) << 8,
					  key_detail(r.hi) << 8 | 0xff));
	return key_detail(r.lo) == 0 ? proto : SPACE_NO;
}

static uint32_t range_keys(struct planner *x, struct key_range r)
{
	uint32_t out = SPACE_NO;

	for (unsigned p = key_proto(r.lo); p <= key_proto(r.hi); p++) {
		struct key_range one = {
			p == key_proto(r.lo) ? r.lo : key_of(p, 0),
			p == key_proto(r.hi) ? r.hi : key_of(p, 0xffff),
		};

		out = space_or(x->s, out, proto_keys(x, one));
	}
	return out;
}

/* ICMP differs by family, so keys do. */
static uint32_t key_set(struct planner *x, struct key_set k, unsigned families)
{
	uint32_t out = SPACE_NO;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct key_set fam = keys_of_family(x->a, k, !v6);
		uint32_t set = SPACE_NO;

		if (!(families & (v6 ? FAM_V6 : FAM_V4)))
			continue;
		for (size_t i = 0; i < fam.n; i++)
			set = space_or(x->s, set, range_keys(x, fam.r[i]));
		out = space_or(x->s, out, space_and(x->s,
				planner_field(x, PK_FAMILY, v6, v6), set));
	}
	return out;
}

/* What is planned between two classes: a service set, or IKE's own packets. */
struct what {
	uint32_t svc;
	uint32_t ike; /* list of ipsec elements; 0: this is a service set */
	unsigned families;
};

static struct key_set svc_keys(struct planner *x, uint32_t svc)
{
	const struct svcset *s = &x->p->svcsets.v[svc];
	struct key_set k = { 0 };

	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].carried &&
		    (x->reason == NONE || s->v[i].reason == x->reason))
			keys_add(x->a, &k, s->v[i].keys.lo, s->v[i].keys.hi);
	return k;
}

static uint32_t svc_set(struct planner *x, uint32_t svc)
{
	struct map_entry *e = map_add(x->a, &x->keys, &svc, sizeof(svc), NULL);

	if (!e->val.u)
		e->val.u = key_set(x, svc_keys(x, svc), FAM_V4 | FAM_V6) + 1;
	return e->val.u - 1;
}

static struct key_set ike_keys(struct planner *x, uint32_t list, bool nat)
{
	const struct lists *l = &x->p->lists;
	struct key_set k = { 0 };

	for (size_t i = 0; x->reason == NONE && i < l->len[list]; i++)
		k = keys_union(x->a, k, ipsec_keys(x->a,
				x->p->topo->ipsecs.v[l->v[list][i]], nat));
	return k;
}

static uint32_t plain_keys(struct planner *x, struct what w)
{
	if (!w.ike)
		return svc_set(x, w.svc);
	return w.families ? key_set(x, ike_keys(x, w.ike, false), w.families) :
			    SPACE_NO;
}

static uint32_t push(struct planner *x, uint32_t keys, uint32_t dst,
		     uint32_t src)
{
	uint32_t set;

	if (keys == SPACE_NO)
		return SPACE_NO;
	set = space_and(x->s, space_and(x->s, keys, dst), src);
	vec_push(x->a, &x->sum, set);
	return set;
}

/* ---- translation: packets as they arrive ------------------------------------------ */

/* Addresses of a class in an end, as a face shows them. */
static uint32_t face_set(struct planner *x, uint32_t cls, uint32_t end,
			 struct face f, bool v4, uint8_t field)
{
	const struct class *c = &x->p->classes.v[cls];
	struct addr_set s = { ARENA_ARRAY(x->a, struct addr_range,
					  c->n_cell + 64), 0 };
	uint32_t shown[64];
	bool met = false;

	for (size_t i = 0; i < c->n_cell; i++) {
		uint32_t cell = c->cell[i], look;

		if (addr_is_v4(x->p->cell[cell].lo) != v4 ||
		    (end != NONE && !cell_in_end(x->p, cell, end)))
			continue;
		met = true;
		look = face_cell(x->p, f, cell);
		if (look != NONE)
			s.r[s.n++] = (struct addr_range){
				x->p->cell[look].lo, x->p->cell[look].hi };
	}
	for (size_t i = met && f.kind == FACE_INTERFACE ?
	     interface_cells(x->p, f, v4, shown, 64) : 0; i-- > 0;)
		s.r[s.n++] = (struct addr_range){ x->p->cell[shown[i]].lo,
						  x->p->cell[shown[i]].hi };
	return space_addresses(x->s, field, s);
}

static bool translated_here(const struct planner *x, uint32_t owner,
			    uint32_t to)
{
	return nat_translates(x->p, x->f->id, x->in, owner,
			      x->p->classes.v[to].node);
}

/* The public addresses and ports that this firewall makes the own ones of. */
static void push_public(struct planner *x, uint32_t to, uint32_t to_end,
			struct key_set own, bool v4, uint32_t src)
{
	static const struct face one = { FACE_PUBLIC, 0 };
	unsigned fam = v4 ? FAM_V4 : FAM_V6;
	struct nat t = class_nat(x->p, to, v4);
	const uint32_t *u;
	size_t n;

	if (t.kind == NAT_ONE && translated_here(x, t.zone, to))
		push(x, key_set(x, own, fam),
		     face_set(x, to, to_end, one, v4, PK_DST), src);
	u = class_publishes(x->p, to, &n);
	for (size_t i = 0; i < n; i++) {
		struct face f = { FACE_PUBLISH, u[i] };

		if (publish_in_family(x->p, u[i], v4) &&
		    translated_here(x, publish_zone(x->p, u[i]), to))
			push(x, key_set(x, face_keys(x->p, f, own, x->a), fam),
			     face_set(x, to, to_end, f, v4, PK_DST), src);
	}
}

/* Public addresses and ports that are others' before the firewall itself. */
static uint32_t rewritten(struct planner *x)
{
	const struct plan *p = x->p;
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < p->publics.n; i++) {
		const struct public_addr *pub = &p->publics.v[i];
		uint32_t dst = planner_field(x, PK_DST, space_addr(pub->addr),
					space_addr(pub->addr));

		for (size_t k = 0; k < pub->publishes.n; k++) {
			const struct publish *u = p->topo->publishes.v
				[pub->publishes.v[k]];
			uint32_t own = plan_cell(p, u->own);

			if (nat_translates(p, x->f->id, x->in, pub->zone,
					   p->cell[own].zone))
				out = space_or(x->s, out, space_and(x->s,
					key_set(x, u->keys, FAM_V4 | FAM_V6),
					dst));
		}
	}
	return out;
}

static void push_view(struct planner *x, uint32_t from, uint32_t from_end,
		      uint32_t to, uint32_t to_end, struct key_set k,
		      struct nat_view v, bool v4)
{
	struct key_set own = face_keys(x->p, v.to, k, x->a);
	uint32_t src = face_set(x, from, from_end, v.from, v4, PK_SRC);
	uint32_t dst = face_set(x, to, to_end, v.to, v4, PK_DST);

	if (x->p->classes.v[to].node >= x->p->n_zones)
		dst = space_minus(x->s, dst, rewritten(x));
	/* what this firewall translates does not reach its rules as it was */
	if ((v.to.kind == FACE_PUBLIC && translated_here(x,
				class_nat(x->p, to, v4).zone, to)) ||
	    (v.to.kind == FACE_PUBLISH && translated_here(x,
				publish_zone(x->p, v.to.id), to)))
		return;
	push(x, key_set(x, own, v4 ? FAM_V4 : FAM_V6), dst, src);
	if (v.to.kind != FACE_PUBLIC && v.to.kind != FACE_PUBLISH)
		push_public(x, to, to_end, own, v4, src);
}

static void add_translated(struct planner *x, uint32_t from, uint32_t from_end,
			   uint32_t to, uint32_t to_end, struct what w)
{
	const struct plan *p = x->p;
	unsigned nat = nat_families(p, from, to);
	nat_views views = { 0 };

	for (int v4 = 0; v4 < 2; v4++) {
		unsigned fam = v4 ? FAM_V4 : FAM_V6;
		struct key_set k = w.ike ? ike_keys(x, w.ike, nat & fam) :
					   svc_keys(x, w.svc);

		if (w.ike && !(w.families & fam))
			continue;
		if (x->forwarded)
			nat_views_at(p, plan_route(p, p->classes.v[from].node,
						   p->classes.v[to].node),
				     x->f->id, x->in, x->out, from, to, v4,
				     x->a, &views);
		else
			nat_views_input(p, x->f->id, x->in, from, v4, x->a,
					&views);
		for (size_t i = 0; i < views.n; i++)
			push_view(x, from, from_end, to, to_end, k,
				  views.v[i], v4);
	}
}

static uint32_t add(struct planner *x, uint32_t from, uint32_t from_end,
		    uint32_t to, uint32_t to_end, struct what w, bool any_local)
{
	const struct plan *p = x->p;
	size_t before = x->sum.n;
	uint32_t set = SPACE_NO;

	if (!p->translates || any_local || x->in == x->out ||
	    (!p->classes.v[from].nat && !p->classes.v[to].nat &&
	     to >= p->topo->firewalls.n))
		return push(x, plain_keys(x, w), any_local ? SPACE_ALL :
			    end_set(x, to, to_end, PK_DST),
			    end_set(x, from, from_end, PK_SRC));
	add_translated(x, from, from_end, to, to_end, w);
	for (size_t i = before; x->touched && i < x->sum.n; i++)
		set = space_or(x->s, set, x->sum.v[i]);
	return set;
}

/* The reasons of a service set of which something is in the set. */
static void touch(struct planner *x, uint32_t svc, uint32_t set)
{
	const struct svcset *s = &x->p->svcsets.v[svc];

	if (!x->touched || space_and(x->s, set, x->hit) == SPACE_NO)
		return;
	for (size_t i = 0; i < s->n; i++)
		x->touched[s->v[i].reason] = true;
}

static void add_pair(struct planner *x, const struct pair *q)
{
	touch(x, q->svc, add(x, q->from, NONE, q->to, NONE,
			     (struct what){ .svc = q->svc }, false));
	if (q->ike)
		add(x, q->from, NONE, q->to, NONE, (struct what){
			.ike = q->ike, .families = q->ike_families }, false);
}

static struct what ike_of(const struct planner *x, const struct product *q)
{
	const struct svcset *s = &x->p->svcsets.v[q->svc];

	return (struct what){ .ike = s->ipsec, .families = s->ike_families };
}

static void add_product(struct planner *x, const struct product *q)
{
	struct what ike = ike_of(x, q);

	if (x->forwarded && q->any_local)
		return;
	touch(x, q->svc, add(x, q->from, q->from_end, q->to, q->to_end,
			     (struct what){ .svc = q->svc }, q->any_local));
	if (ike.families)
		add(x, q->from, q->from_end, q->to, q->to_end, ike, false);
}

/* What goes one way may ask for IPsec the other way. */
static void add_back(struct planner *x, const struct product *q)
{
	struct what ike = ike_of(x, q);

	if (ike.families && !(x->forwarded && q->any_local))
		add(x, q->to, q->to_end, q->from, q->from_end, ike, false);
}

/* What is planned between two nodes. */
static void add_nodes(struct planner *x, uint32_t from, uint32_t to)
{
	const struct plan *p = x->p;
	const struct node_index *there = nodes_between(x->crossings, from, to);
	const struct node_index *back = nodes_between(x->crossings, to, from);

	for (size_t i = 0; i < there->pairs.n; i++)
		add_pair(x, &p->pairs.v[there->pairs.v[i]]);
	for (size_t i = 0; i < there->products.n; i++)
		add_product(x, &p->products.v[there->products.v[i]]);
	for (size_t i = 0; i < back->products.n; i++)
		add_back(x, &p->products.v[back->products.v[i]]);
}

/* ---- within a zone ------------------------------------------------------------ */

static uint32_t inside_zone(struct planner *x, const struct party *z)
{
	struct key_set all = { 0 };
	uint32_t keys;

	if (!zone_is_open(z) || x->reason != NONE) {
		add_nodes(x, z->zone_id, z->zone_id);
		return planner_sum(x);
	}
	keys_add(x->a, &all, 0, KEY_MAX);
	keys = key_set(x, all, FAM_V4 | FAM_V6);
	return space_and(x->s, space_and(x->s, keys,
					 planner_zone(x, z->zone_id, PK_DST)),
			 planner_zone(x, z->zone_id, PK_SRC));
}

/* ---- across and to the firewall ----------------------------------------------------- */

static uint32_t between(struct planner *x, const struct party *a,
			const struct party *b)
{
	const struct crossing *at = crossing_at(x->crossings, a->zone_id,
						b->zone_id);

	if (a == b)
		return inside_zone(x, a);
	for (size_t i = 0; i < at->busy.n; i++)
		add_nodes(x, at->busy.v[i].from, at->busy.v[i].to);
	return planner_sum(x);
}

static uint32_t planned_forward(struct planner *x)
{
	const struct plan *p = x->p;
	const struct firewall *f = x->f;
	uint32_t *memo = ARENA_ARRAY(x->a, uint32_t,
				     (size_t)p->n_zones * p->n_zones);
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < f->interfaces.n; i++)
		for (size_t k = 0; k < f->interfaces.n; k++) {
			const struct interface *in = f->interfaces.v[i];
			const struct interface *o = f->interfaces.v[k];
			uint32_t *m = &memo[(size_t)in->zone->zone_id *
					    p->n_zones + o->zone->zone_id];

			if (i == k)
				continue;
			x->in = in->zone->zone_id;
			x->out = o->zone->zone_id;
			if (!*m)
				*m = between(x, in->zone, o->zone) + 1;
			out = space_or(x->s, out, space_and(x->s,
				space_and(x->s, planner_names(x, in, PK_IIF),
					  planner_names(x, o, PK_OIF)), *m - 1));
		}
	return out;
}

static uint32_t planned_input(struct planner *x)
{
	const struct plan *p = x->p;
	const struct firewall *f = x->f;
	uint32_t nodes = p->n_zones + (uint32_t)p->topo->firewalls.n;
	uint32_t self = p->n_zones + f->id, out = SPACE_NO;

	for (size_t i = 0; i < f->interfaces.n; i++) {
		const struct interface *in = f->interfaces.v[i];

		x->in = in->zone->zone_id;
		x->out = NONE;
		for (uint32_t from = 0; from < nodes; from++)
			if (from != self && input_arrives(p, from, f,
							  in->zone->zone_id))
				add_nodes(x, from, self);
		out = space_or(x->s, out, space_and(x->s,
				planner_names(x, in, PK_IIF), planner_sum(x)));
	}
	return out;
}

/* ---- what is denied, observed, and so let through ------------------------------------ */

/* Destinations that this firewall makes those of hosts in the zone. */
static uint32_t made_own(struct planner *x, uint32_t zone, bool v4)
{
	const struct plan *p = x->p;
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < p->publics.n; i++) {
		const struct public_addr *u = &p->publics.v[i];
		struct addr_set at = { &(struct addr_range){ u->addr, u->addr },
				       1 };
		uint32_t keys = SPACE_NO;

		if (addr_is_v4(u->addr) != v4 ||
		    !nat_translates(p, x->f->id, x->in, u->zone, zone))
			continue;
		if (u->own != NONE && p->cell[u->own].zone == zone)
			keys = SPACE_ALL;
		for (size_t k = 0; k < u->publishes.n; k++) {
			const struct publish *f = p->topo->publishes
				.v[u->publishes.v[k]];

			if (p->cell[plan_cell(p, f->own)].zone == zone)
				keys = space_or(x->s, keys, key_set(x, f->keys,
						v4 ? FAM_V4 : FAM_V6));
		}
		out = space_or(x->s, out, space_and(x->s, keys,
				space_addresses(x->s, PK_DST, at)));
	}
	return out;
}

static uint32_t observed_pair(struct planner *x, uint32_t from, uint32_t to,
			      bool v4)
{
	struct observed_look l = plan_observed_look(x->p, x->f, x->in, x->out,
						    from, to, v4, x->a);
	uint32_t dst = space_or(x->s, space_addresses(x->s, PK_DST, l.dst),
				made_own(x, to, v4));

	for (size_t i = 0; i < l.n_publish; i++) {
		const struct publish *u = x->p->topo->publishes.v[l.publish[i]];

		dst = space_or(x->s, dst, space_and(x->s, key_set(x, u->keys,
					v4 ? FAM_V4 : FAM_V6),
				planner_field(x, PK_DST,
					      space_addr(u->address.r.lo),
					      space_addr(u->address.r.lo))));
	}
	return space_and(x->s, dst, space_addresses(x->s, PK_SRC, l.src));
}

static uint32_t observed_between(struct planner *x, const struct interface *in,
				 const struct interface *out)
{
	const struct crossing *at;
	uint32_t sum = SPACE_NO;

	x->in = in->zone->zone_id;
	x->out = out->zone->zone_id;
	at = crossing_at(x->crossings, x->in, x->out);
	for (size_t i = 0; i < at->observed.n; i++)
		for (int v4 = 0; v4 < 2; v4++)
			sum = space_or(x->s, sum, observed_pair(x,
					at->observed.v[i].from,
					at->observed.v[i].to, v4));
	return sum;
}

static uint32_t observed_forward(struct planner *x)
{
	const struct firewall *f = x->f;
	uint32_t out = SPACE_NO;

	if (f->unenforced)
		return SPACE_ALL;
	for (size_t i = 0; i < f->interfaces.n && x->p->topo->observes.n; i++)
		for (size_t k = 0; k < f->interfaces.n; k++) {
			const struct interface *in = f->interfaces.v[i];
			const struct interface *o = f->interfaces.v[k];

			if (i != k)
				out = space_or(x->s, out, space_and(x->s,
					space_and(x->s,
						  planner_names(x, in, PK_IIF),
						  planner_names(x, o, PK_OIF)),
					observed_between(x, in, o)));
		}
	return out;
}

/* Made once: a reason each is asked about. */
static const struct crossings *crossings(struct check *c, const struct plan *p,
					 const struct firewall *f)
{
	struct crossings **grown;

	for (size_t i = 0; i < c->n_crossings; i++)
		if (c->crossings[i]->p == p && c->crossings[i]->f == f)
			return c->crossings[i];
	grown = ARENA_ARRAY(c->arena, struct crossings *, c->n_crossings + 1);
	for (size_t i = 0; i < c->n_crossings; i++)
		grown[i] = c->crossings[i];
	grown[c->n_crossings++] = crossings_of(c->arena, p, f);
	c->crossings = grown;
	return grown[c->n_crossings - 1];
}

uint32_t check_let_through(struct check *c, const struct plan *p,
			   const struct firewall *f, enum check_path path)
{
	struct planner x = { .c = c, .s = c->s, .p = p, .f = f,
			     .crossings = crossings(c, p, f),
			     .a = c->arena };

	return path == PATH_FORWARD ? observed_forward(&x) :
	       f->unenforced ? SPACE_ALL : SPACE_NO;
}

static uint32_t planned(struct check *c, const struct plan *p,
			const struct firewall *f, enum check_path path,
			uint32_t reason)
{
	struct planner x = { .c = c, .s = c->s, .p = p, .f = f,
			     .crossings = crossings(c, p, f),
			     .a = c->arena, .reason = reason,
			     .forwarded = path == PATH_FORWARD };

	return x.forwarded ? planned_forward(&x) : planned_input(&x);
}

struct check_side check_planned_forward(struct check *c, const struct plan *p,
					const struct firewall *f)
{
	return (struct check_side){ NULL, planned(c, p, f, PATH_FORWARD,
						  NONE) };
}

struct check_side check_planned_input(struct check *c, const struct plan *p,
				      const struct firewall *f)
{
	return (struct check_side){ NULL, planned(c, p, f, PATH_INPUT, NONE) };
}

uint32_t check_planned_reason(struct check *c, const struct plan *p,
			      const struct firewall *f, enum check_path path,
			      uint32_t reason)
{
	return planned(c, p, f, path, reason);
}

void check_planned_touching(struct check *c, const struct plan *p,
			    const struct firewall *f, enum check_path path,
			    uint32_t set, bool *reasons)
{
	struct planner x = { .c = c, .s = c->s, .p = p, .f = f,
			     .crossings = crossings(c, p, f),
			     .a = c->arena, .reason = NONE, .hit = set,
			     .touched = reasons,
			     .forwarded = path == PATH_FORWARD };

	if (x.forwarded)
		planned_forward(&x);
	else
		planned_input(&x);
}

uint32_t check_packets(struct check *c, const struct addr_set *src,
		       const struct addr_set *dst, const struct key_set *keys)
{
	struct planner x = { .c = c, .s = c->s, .a = c->arena };
	uint32_t out = keys ? key_set(&x, *keys, FAM_V4 | FAM_V6) : SPACE_ALL;

	if (dst)
		out = space_and(x.s, out, space_addresses(x.s, PK_DST, *dst));
	if (src)
		out = space_and(x.s, out, space_addresses(x.s, PK_SRC, *src));
	return out;
}

