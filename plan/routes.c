#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

/*
 * Paths of the format ("Paths"): zones and firewalls, none twice; zones in
 * the middle have transit="yes"; no firewall on it touches a zone of the path
 * other than the two that it joins there.
 */
enum {
	MAX_PATHS = 300000,   /* through zones, over all pairs of zones */
	MAX_BETWEEN = 1000,   /* of one pair: many ways round, by accident */
	MAX_DIRECT = 4000000, /* across one firewall each */
	MAX_ZONES = 4096,     /* there is a route for each two of them */
};

typedef VEC(uint32_t) id_list; /* ascending */

struct search {
	struct build *b;
	struct arena *a;
	unsigned char *touch; /* firewall * n_zones + zone */
	id_list *zones_of;    /* by firewall: those that it touches */
	id_list *firewalls_of; /* by zone: those that touch it */
	uint32_t n_zones, n_fw;
	uint32_t zone[256], fw[256]; /* the path so far */
	size_t depth;		     /* firewalls on it */
	size_t paths, indirect;
	uint32_t *through; /* by zone: paths that lead through it */
	const struct route *crowded; /* with too many; NULL: none */
	bool overflow;
};

static bool touches(const struct search *s, uint32_t fw, uint32_t zone)
{
	return s->touch[(size_t)fw * s->n_zones + zone];
}

static void record(struct search *s, struct route *r)
{
	struct hop *h = ARENA_ARRAY(s->a, struct hop, s->depth);

	for (size_t i = 0; i < s->depth; i++) {
		h[i] = (struct hop){ s->fw[i], s->zone[i], s->zone[i + 1] };
		if (i)
			s->through[s->zone[i]]++;
	}
	vec_push(s->a, &r->paths, (struct path){ h, s->depth });
	r->reachable = true;
	s->paths++;
	/* a firewall with many zones has many pairs, and nothing to close */
	if (s->depth > 1 && ++s->indirect > MAX_PATHS)
		s->overflow = true;
	if (s->depth > 1 && r->paths.n > MAX_BETWEEN) {
		s->crowded = r;
		s->overflow = true;
	}
}

/* May firewall f be crossed next, given the zones before the last one? */
static bool fw_fits(const struct search *s, uint32_t f)
{
	for (size_t i = 0; i < s->depth; i++)
		if (s->fw[i] == f || touches(s, f, s->zone[i]))
			return false;
	return true;
}

static bool zone_fits(const struct search *s, uint32_t z)
{
	for (size_t i = 0; i <= s->depth; i++)
		if (s->zone[i] == z)
			return false;
	for (size_t i = 0; i < s->depth; i++)
		if (touches(s, s->fw[i], z))
			return false;
	return true;
}

static void extend(struct search *s)
{
	uint32_t from = s->zone[0], here = s->zone[s->depth];
	const id_list *next = &s->firewalls_of[here];

	/* who gets so far leaves more paths than MAX_PATHS behind */
	if (s->depth + 2 >= 256)
		s->overflow = true;
	for (size_t i = 0; i < next->n && !s->overflow; i++) {
		uint32_t f = next->v[i];

		if (!fw_fits(s, f))
			continue;
		for (size_t k = 0; k < s->zones_of[f].n && !s->overflow; k++) {
			uint32_t z = s->zones_of[f].v[k];

			if (!zone_fits(s, z))
				continue;
			s->fw[s->depth] = f;
			s->zone[++s->depth] = z;
			record(s, &s->b->plan->zone_route
				       [(size_t)from * s->n_zones + z]);
			if (s->b->topo->zones.v[z]->transit)
				extend(s);
			s->depth--;
		}
	}
}

static int hop_order(const void *a, const void *b)
{
	const struct hop *x = a, *y = b;

	if (x->firewall != y->firewall)
		return x->firewall < y->firewall ? -1 : 1;
	if (x->in != y->in)
		return x->in < y->in ? -1 : 1;
	return x->out < y->out ? -1 : x->out > y->out;
}

static void collect_hops(struct arena *a, struct route *r)
{
	size_t n = 0, all = 0;

	for (size_t i = 0; i < r->paths.n; i++)
		all += r->paths.v[i].n;
	r->hop = ARENA_ARRAY(a, struct hop, all);
	all = 0;
	for (size_t i = 0; i < r->paths.n; i++)
		for (size_t k = 0; k < r->paths.v[i].n; k++)
			r->hop[all++] = r->paths.v[i].hop[k];
	if (all)
		qsort(r->hop, all, sizeof(*r->hop), hop_order);
	for (size_t i = 0; i < all; i++)
		if (!n || hop_order(&r->hop[n - 1], &r->hop[i]))
			r->hop[n++] = r->hop[i];
	r->n_hop = n;
}

static void say_overflow(struct search *s)
{
	const struct topology *t = s->b->topo;
	const char *pair = "";
	struct buf names = { 0 };

	/* the busiest transit zones are the ones to close */
	for (int k = 0; k < 3; k++) {
		uint32_t best = NONE;

		for (uint32_t z = 0; z < s->n_zones; z++)
			if (s->through[z] && (best == NONE ||
					      s->through[z] > s->through[best]))
				best = z;
		if (best == NONE)
			break;
		buf_printf(&names, "%s\"%s\"", names.n ? ", " : "",
			   t->zones.v[best]->name);
		s->through[best] = 0;
	}
	if (s->crowded) {
		size_t at = (size_t)(s->crowded - s->b->plan->zone_route);

		pair = arena_printf(s->a, " from \"%s\" to \"%s\"",
				    t->zones.v[at / s->n_zones]->name,
				    t->zones.v[at % s->n_zones]->name);
	}
	diag_add(s->b->d, SEV_ERROR, t->at,
		 "more than %d paths lead%s through other zones: mark zones "
		 "that carry no traffic of others with transit=\"no\" (most "
		 "paths lead through %s)",
		 s->crowded ? MAX_BETWEEN : MAX_PATHS, pair,
		 names.s ? names.s : "none");
	buf_free(&names);
}

/* Notes which zones the firewalls touch. Their direct paths are as many as
 * that says: counted before they are listed. */
static bool too_many(struct search *s)
{
	const struct topology *t = s->b->topo;
	size_t direct = 0;

	if (s->n_zones > MAX_ZONES) {
		diag_add(s->b->d, SEV_ERROR, t->at,
			 "the topology has %u zones: no more than %d are "
			 "planned", s->n_zones, MAX_ZONES);
		return true;
	}
	s->touch = arena_alloc(s->b->scratch, (size_t)s->n_fw * s->n_zones + 1);
	for (uint32_t f = 0; f < s->n_fw; f++) {
		const struct firewall *fw = t->firewalls.v[f];
		size_t n = 0;

		for (size_t i = 0; i < fw->interfaces.n; i++) {
			unsigned char *x = &s->touch[(size_t)f * s->n_zones +
				fw->interfaces.v[i]->zone->zone_id];

			n += !*x;
			*x = 1;
		}
		direct += n * (n - (n > 0));
	}
	if (direct <= MAX_DIRECT)
		return false;
	diag_add(s->b->d, SEV_ERROR, t->at,
		 "more than %d paths lead from zone to zone across one "
		 "firewall: what needs no firewall between it is one zone, "
		 "with networks in it", MAX_DIRECT);
	return true;
}

/* Who is next to whom: a search that tried all of them at every step would take
 * as long as the whole network is large for each path. */
static void list_neighbours(struct search *s)
{
	struct arena *a = s->b->scratch;

	s->zones_of = ARENA_ARRAY(a, id_list, s->n_fw);
	s->firewalls_of = ARENA_ARRAY(a, id_list, s->n_zones);
	for (uint32_t f = 0; f < s->n_fw; f++)
		for (uint32_t z = 0; z < s->n_zones; z++)
			if (touches(s, f, z)) {
				vec_push(a, &s->zones_of[f], z);
				vec_push(a, &s->firewalls_of[z], f);
			}
}

void build_zone_routes(struct build *b)
{
	const struct topology *t = b->topo;
	struct plan *p = b->plan;
	struct search s = {
		.b = b, .a = b->arena, .n_zones = p->n_zones,
		.n_fw = (uint32_t)t->firewalls.n,
	};

	if (too_many(&s))
		return;
	list_neighbours(&s);
	s.through = ARENA_ARRAY(b->scratch, uint32_t, s.n_zones);
	p->zone_route = ARENA_ARRAY(b->arena, struct route,
				    (size_t)s.n_zones * s.n_zones);
	for (uint32_t z = 0; z < s.n_zones && !s.overflow; z++) {
		struct route *self =
			&p->zone_route[(size_t)z * s.n_zones + z];

		self->reachable = self->inside = true;
		s.zone[0] = z;
		extend(&s);
	}
	if (s.overflow)
		say_overflow(&s);
	p->n_paths = s.paths;
	for (size_t i = 0; i < (size_t)s.n_zones * s.n_zones; i++) {
		p->zone_route[i].from = (uint32_t)(i / s.n_zones);
		p->zone_route[i].to = (uint32_t)(i % s.n_zones);
		collect_hops(b->arena, &p->zone_route[i]);
	}
}

/* ---- routes between any two nodes -------------------------------------------------- */

/* The zones where a node is attached, each once. */
struct zones {
	uint32_t *v;
	size_t n;
};

static struct zones attached(struct build *b, uint32_t node)
{
	const struct plan *p = b->plan;
	const struct firewall *f = node < p->n_zones ? NULL :
		p->topo->firewalls.v[node - p->n_zones];
	bool *seen = f ? ARENA_ARRAY(b->scratch, bool, p->n_zones) : NULL;
	struct zones out = { ARENA_ARRAY(b->scratch, uint32_t,
					 f ? f->interfaces.n : 1), 0 };

	if (!f)
		out.v[out.n++] = node;
	for (size_t i = 0; f && i < f->interfaces.n; i++) {
		uint32_t z = f->interfaces.v[i]->zone->zone_id;

		if (!seen[z])
			out.v[out.n++] = z;
		seen[z] = true;
	}
	return out;
}

bool path_crosses(const struct path *p, uint32_t fw)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->hop[i].firewall == fw)
			return true;
	return false;
}

static void add_paths(struct arena *a, struct route *r, const struct route *z,
		      uint32_t not_a, uint32_t not_b)
{
	r->reachable |= z->inside;
	for (size_t i = 0; i < z->paths.n; i++) {
		const struct path *path = &z->paths.v[i];

		if (path_crosses(path, not_a) || path_crosses(path, not_b))
			continue;
		vec_push(a, &r->paths, *path);
		r->reachable = true;
	}
}

/* A firewall's own connections leave by any of its interfaces and do not come
 * back through it; the same towards it (the format, `input`). */
static struct route *make_route(struct build *b, const struct zones *at,
				uint32_t from, uint32_t to)
{
	const struct plan *p = b->plan;
	struct arena *a = b->arena;
	struct route *r = ARENA_NEW(a, struct route);
	uint32_t not_a = from < p->n_zones ? NONE : from - p->n_zones;
	uint32_t not_b = to < p->n_zones ? NONE : to - p->n_zones;

	r->from = from;
	r->to = to;
	for (size_t i = 0; i < at[from].n; i++)
		for (size_t k = 0; k < at[to].n; k++)
			add_paths(a, r, &p->zone_route
				  [(size_t)at[from].v[i] * p->n_zones +
				   at[to].v[k]], not_a, not_b);
	collect_hops(a, r);
	return r;
}

const struct route *plan_route(const struct plan *p, uint32_t from, uint32_t to)
{
	uint32_t key[2] = { from, to };

	if (from < p->n_zones && to < p->n_zones)
		return &p->zone_route[(size_t)from * p->n_zones + to];
	return map_find(&p->routes, key, sizeof(key))->val.p;
}

void build_firewall_routes(struct build *b)
{
	struct plan *p = b->plan;
	uint32_t n = p->n_zones + (uint32_t)p->topo->firewalls.n;
	struct zones *at = ARENA_ARRAY(b->scratch, struct zones, n);

	for (uint32_t i = 0; i < n; i++)
		at[i] = attached(b, i);
	for (uint32_t from = 0; from < n; from++)
		for (uint32_t to = 0; to < n; to++) {
			uint32_t key[2] = { from, to };

			if (from < p->n_zones && to < p->n_zones)
				continue;
			map_add(b->arena, &p->routes, key, sizeof(key), NULL)
				->val.p = make_route(b, at, from, to);
		}
}

bool route_crosses(const struct route *r, uint32_t fw)
{
	for (size_t i = 0; i < r->n_hop; i++)
		if (r->hop[i].firewall == fw)
			return true;
	return false;
}

bool route_uses(const struct route *r, uint32_t firewall, uint32_t in,
		uint32_t out)
{
	for (size_t i = 0; i < r->n_hop; i++)
		if (r->hop[i].firewall == firewall && r->hop[i].in == in &&
		    r->hop[i].out == out)
			return true;
	return false;
}

void route_ways_out(const struct plan *p, const struct firewall *f,
		    uint32_t zone, bool *out)
{
	const struct route *own = plan_route(p, p->n_zones + f->id, zone);

	memset(out, 0, p->n_zones * sizeof(*out));
	out[zone] = firewall_in_zone(f, zone);
	if (out[zone])
		return;
	for (uint32_t from = 0; from < p->n_zones; from++) {
		const struct route *r = plan_route(p, from, zone);

		for (size_t i = 0; i < r->n_hop; i++)
			if (r->hop[i].firewall == f->id)
				out[r->hop[i].out] = true;
	}
	for (size_t i = 0; i < own->paths.n; i++)
		if (own->paths.v[i].n)
			out[own->paths.v[i].hop[0].in] = true;
}
