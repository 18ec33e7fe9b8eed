#include <stdlib.h>

#include "gen/internal.h"

/*
 * Translation. On prerouting, by the interface that a connection comes in at,
 * maps from public addresses and ports to the host's, with another port or the
 * same, then one from public addresses alone; on postrouting, by the interface that it leaves at, a map from
 * own addresses to public ones. What is not in them is left as it is. The
 * forward chain stands between the two and speaks of own addresses.
 */
static struct rs_set *set_for(struct gen *g, struct rs_set **set,
			      const char *what, const struct party *zone,
			      bool v4, bool source, unsigned n_key, bool port)
{
	static const enum rs_field addr[2][2] = {
		{ RS_DADDR6, RS_DADDR4 }, { RS_SADDR6, RS_SADDR4 },
	};
	enum rs_field key[] = { addr[source][v4], RS_L4PROTO, RS_DPORT };

	if (!*set)
		*set = rs_add_data_map(g->rs, unique_name(g, arena_printf(
				g->arena, "pp_%s/%s/%d", what, zone->name,
				v4 ? 4 : 6), NULL), n_key, key,
				addr[source][v4], port);
	return *set;
}

/* The first interface in the same zone: it has the maps that all of them use. */
static size_t first_of_zone(const struct firewall *f, size_t i)
{
	size_t k = 0;

	while (f->interfaces.v[k]->zone != f->interfaces.v[i]->zone)
		k++;
	return k;
}

static const char *cell_party(const struct gen *g, uint32_t cell)
{
	return plan_party_name(g->p, g->p->cell[cell].party);
}

/* ---- destinations ------------------------------------------------------------------- */

struct dnat_maps {
	/* by IPv4 or not: addresses; ports; ports that become others */
	struct rs_set *one[2], *port[2], *moved[2];
};

static void add_one(struct gen *g, const struct party *zone,
		    const struct public_addr *x, struct dnat_maps *m)
{
	bool v4 = addr_is_v4(x->addr);
	struct rs_elem *e = rs_add_elem(g->rs, set_for(g, &m->one[v4],
					"public", zone, v4, false, 1,
					false));

	e->key[0].lo = e->key[0].hi = x->addr;
	e->data[0] = g->p->cell[x->own].lo;
	e->comment = cell_party(g, x->own);
}

static void add_publish(struct gen *g, const struct party *zone,
			const struct publish *u, struct dnat_maps *m)
{
	bool v4 = u->address.v4;
	struct rs_set *set = set_for(g, u->port ? &m->moved[v4] : &m->port[v4],
				     u->port ? "moved" : "publish", zone, v4,
				     false, 3, u->port);
	const char *comment = arena_printf(g->arena, "publish %s", u->ident);

	for (size_t i = 0; i < u->keys.n; i++) {
		struct key_range k = u->keys.r[i];
		struct rs_elem *e = rs_add_elem(g->rs, set);

		e->key[0].lo = e->key[0].hi = u->address.r.lo;
		e->key[1].lo.lo = e->key[1].hi.lo = key_proto(k.lo);
		e->key[2].lo.lo = key_detail(k.lo);
		e->key[2].hi.lo = key_detail(k.hi);
		e->data[0] = u->own;
		e->data[1].lo = u->port;
		e->comment = comment;
	}
}

static uint32_t node_at(const struct plan *p, struct addr own)
{
	return p->cell[plan_cell(p, own)].zone;
}

static struct dnat_maps dnat_maps(struct gen *g, const struct party *zone)
{
	const struct plan *p = g->p;
	struct dnat_maps m = { { NULL }, { NULL }, { NULL } };

	for (size_t i = 0; i < p->publics.n; i++) {
		const struct public_addr *x = &p->publics.v[i];

		for (size_t k = 0; k < x->publishes.n; k++) {
			const struct publish *u =
				p->topo->publishes.v[x->publishes.v[k]];

			if (nat_translates(p, g->f->id, zone->zone_id, x->zone,
					   node_at(p, u->own)))
				add_publish(g, zone, u, &m);
		}
		if (x->own != NONE &&
		    nat_translates(p, g->f->id, zone->zone_id, x->zone,
				   p->cell[x->own].zone))
			add_one(g, zone, x, &m);
	}
	return m;
}

static void dnat_rule(struct gen *g, struct rs_chain **c,
		      const struct interface *in, const struct rs_set *set,
		      bool port)
{
	struct rs_rule *r;

	if (!set)
		return;
	if (!*c)
		*c = rs_add_chain(g->rs, "pp_prerouting", RS_HOOK_PREROUTING);
	r = rs_add_rule(g->rs, *c, NULL);
	rs_match_name(g->rs, r, RS_IIFNAME, in->name);
	if (port) {
		struct rs_value *v = ARENA_ARRAY(g->arena, struct rs_value, 2);

		v[0].lo.lo = v[0].hi.lo = PROTO_TCP;
		v[1].lo.lo = v[1].hi.lo = PROTO_UDP;
		rs_match_values(g->rs, r, RS_MATCH, RS_L4PROTO, v, 2);
	}
	rs_translate(g->rs, r, RS_DNAT, set);
}

static void prerouting(struct gen *g)
{
	const struct firewall *f = g->f;
	struct rs_chain *c = NULL;
	struct dnat_maps *maps = ARENA_ARRAY(g->scratch, struct dnat_maps,
					     f->interfaces.n);

	for (size_t i = 0; i < f->interfaces.n; i++) {
		size_t same = first_of_zone(f, i);

		maps[i] = same < i ? maps[same] :
			dnat_maps(g, f->interfaces.v[i]->zone);
	}
	for (size_t i = 0; i < f->interfaces.n; i++)
		for (int v4 = 1; v4 >= 0; v4--) {
			dnat_rule(g, &c, f->interfaces.v[i], maps[i].moved[v4],
				  true);
			dnat_rule(g, &c, f->interfaces.v[i], maps[i].port[v4],
				  true);
			dnat_rule(g, &c, f->interfaces.v[i], maps[i].one[v4],
				  false);
		}
}

/* ---- sources ------------------------------------------------------------------------ */

struct hidden {
	struct addr_range r;
	uint32_t public; /* NONE: the interface */
	uint32_t cell;
};

static int hidden_order(const void *a, const void *b)
{
	const struct hidden *x = a, *y = b;

	if (x->public != y->public)
		return x->public < y->public ? -1 : 1;
	return addr_cmp(x->r.lo, y->r.lo);
}

struct snat_maps {
	struct rs_set *source[2], *masquerade[2];
};

static void put_hidden(struct gen *g, const struct party *zone,
		       const struct hidden *x, struct addr_range r,
		       struct snat_maps *m)
{
	static const enum rs_field src[2] = { RS_SADDR6, RS_SADDR4 };
	bool v4 = addr_is_v4(r.lo);
	struct rs_elem *e;

	if (x->public == NONE && !m->masquerade[v4])
		m->masquerade[v4] = rs_add_set(g->rs, unique_name(g,
				arena_printf(g->arena, "pp_masquerade/%s/%d",
					     zone->name, v4 ? 4 : 6), NULL),
				false, 1, &src[v4]);
	e = rs_add_elem(g->rs, x->public == NONE ? m->masquerade[v4] :
			set_for(g, &m->source[v4], "source", zone, v4, true, 1,
				false));
	e->key[0].lo = r.lo;
	e->key[0].hi = r.hi;
	if (x->public == NONE)
		return;
	e->data[0] = g->p->publics.v[x->public].addr;
	e->comment = g->p->publics.v[x->public].own != NONE ?
		cell_party(g, x->cell) : g->p->publics.v[x->public].many->name;
}

static struct snat_maps snat_maps(struct gen *g, const struct party *zone)
{
	const struct plan *p = g->p;
	struct snat_maps m = { { NULL }, { NULL } };
	signed char *hides = ARENA_ARRAY(g->scratch, signed char,
					 2 * p->classes.n);
	VEC(struct hidden) v = { 0 };

	for (uint32_t i = 0; i < p->n_cell; i++) {
		const struct cell *c = &p->cell[i];
		bool v4 = addr_is_v4(c->lo);
		signed char *h;

		if (c->nat == NAT_NONE)
			continue;
		h = &hides[2 * c->cls + v4];
		if (!*h)
			*h = nat_hides(p, g->f->id, zone->zone_id, c->cls,
				       v4) ? 1 : -1;
		if (*h > 0)
			vec_push(g->scratch, &v, (struct hidden){
					{ c->lo, c->hi }, c->behind, i });
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), hidden_order);
	for (size_t i = 0, n; i < v.n; i += n) {
		struct addr_range r = v.v[i].r;

		for (n = 1; i + n < v.n && v.v[i + n].public == v.v[i].public &&
		     addr_eq(v.v[i + n].r.lo, addr_next(r.hi)); n++)
			r.hi = v.v[i + n].r.hi;
		put_hidden(g, zone, &v.v[i], r, &m);
	}
	return m;
}

static struct rs_rule *leaving(struct gen *g, struct rs_chain **c,
			       const struct interface *out)
{
	struct rs_rule *r;

	if (!*c)
		*c = rs_add_chain(g->rs, "pp_postrouting",
				  RS_HOOK_POSTROUTING);
	r = rs_add_rule(g->rs, *c, NULL);
	rs_match_name(g->rs, r, RS_OIFNAME, out->name);
	return r;
}

static void postrouting(struct gen *g)
{
	const struct firewall *f = g->f;
	struct rs_chain *c = NULL;
	struct snat_maps *maps = ARENA_ARRAY(g->scratch, struct snat_maps,
					     f->interfaces.n);

	for (size_t i = 0; i < f->interfaces.n; i++) {
		size_t same = first_of_zone(f, i);

		maps[i] = same < i ? maps[same] :
			snat_maps(g, f->interfaces.v[i]->zone);
	}
	for (size_t i = 0; i < f->interfaces.n; i++)
		for (int v4 = 1; v4 >= 0; v4--) {
			const struct interface *out = f->interfaces.v[i];
			struct rs_rule *r;

			if (maps[i].source[v4])
				rs_translate(g->rs, leaving(g, &c, out),
					     RS_SNAT, maps[i].source[v4]);
			if (!maps[i].masquerade[v4])
				continue;
			r = leaving(g, &c, out);
			rs_lookup(g->rs, r, maps[i].masquerade[v4]);
			rs_simple(g->rs, r, RS_MASQUERADE);
		}
}

void nat_chains(struct gen *g)
{
	if (!g->p->translates)
		return;
	prerouting(g);
	postrouting(g);
}
