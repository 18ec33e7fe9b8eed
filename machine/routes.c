#include "machine/judge.h"

#include <stdlib.h>
#include <string.h>

/*
 * Routes against zones. The kernel takes the longest prefix that holds a
 * destination, and of equal ones the lowest metric: so the routes of a family,
 * nested as they are, are flattened to disjoint ranges, each with the route in
 * force, and these are laid over the space of each zone.
 */

struct stretch {
	struct addr_range r;
	const struct machine_route *by; /* NULL: no route */
};

typedef VEC(struct stretch) stretches;

/* ---- what the kernel does, range by range ---------------------------------------------- */

static int route_order(const void *a, const void *b)
{
	const struct machine_route *const *x = a, *const *y = b;
	int c = addr_cmp((*x)->to.lo, (*y)->to.lo);

	if (c)
		return c;
	if ((*x)->length != (*y)->length)
		return (*x)->length < (*y)->length ? -1 : 1;
	return (*x)->metric < (*y)->metric ? -1 : (*x)->metric > (*y)->metric;
}

static bool same_prefix(const struct machine_route *x,
			const struct machine_route *y)
{
	return addr_eq(x->to.lo, y->to.lo) && x->length == y->length;
}

struct flattener {
	struct arena *arena;
	const struct machine_route *open[129]; /* each within the one before */
	size_t depth;
	struct addr next; /* nothing is said yet from here on */
	bool full;	  /* it went over the last address there is */
	stretches out;
};

static void emit(struct flattener *f, struct addr hi)
{
	if (f->full || addr_cmp(f->next, hi) > 0)
		return;
	vec_push(f->arena, &f->out, (struct stretch){
			{ f->next, hi }, f->open[f->depth - 1] });
	f->next = addr_next(hi);
	f->full = !f->next.hi && !f->next.lo;
}

/* Ends the open routes that end before an address. */
static void close_before(struct flattener *f, const struct addr *a)
{
	while (f->depth && (!a || addr_cmp(f->open[f->depth - 1]->to.hi,
					   *a) < 0)) {
		emit(f, f->open[f->depth - 1]->to.hi);
		f->depth--;
	}
}

static stretches flatten(struct judge *j, bool v4)
{
	struct flattener f = { .arena = j->arena };
	VEC(const struct machine_route *) v = { 0 };

	for (size_t i = 0; i < j->m->routes.n; i++)
		if (addr_is_v4(j->m->routes.v[i].to.lo) == v4)
			vec_push(j->arena, &v, &j->m->routes.v[i]);
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), route_order);
	for (size_t i = 0; i < v.n; i++) {
		if (i && same_prefix(v.v[i - 1], v.v[i]))
			continue;
		close_before(&f, &v.v[i]->to.lo);
		if (f.depth && addr_cmp(f.next, v.v[i]->to.lo) < 0)
			emit(&f, addr_prev(v.v[i]->to.lo));
		f.next = v.v[i]->to.lo;
		f.open[f.depth++] = v.v[i];
	}
	close_before(&f, NULL);
	return f.out;
}

/* ---- what the topology says ------------------------------------------------------------ */

/* Zones towards which the firewall sends what goes to this one. A bundle does
 * not have all the paths; it says which way its zones lie in the whole. */
static bool *ways_out(struct judge *j, const struct party *zone)
{
	const struct plan *p = j->p;
	bool *out = ARENA_ARRAY(j->arena, bool, p->n_zones);

	route_ways_out(p, j->f, zone->zone_id, out);
	if (!p->topo->bundle || out[zone->zone_id])
		return out;
	memset(out, 0, p->n_zones * sizeof(*out));
	for (size_t i = 0; i < zone->behind.n; i++)
		out[zone->behind.v[i]->zone_id] = true;
	return out;
}

/* "eth1", "eth1, eth2"; NULL: the firewall has no part in it. up: one at
 * least of them is. */
static const char *interfaces_of(struct judge *j, const bool *ways, bool *up)
{
	const char *s = NULL;

	*up = false;
	for (size_t i = 0; i < j->f->interfaces.n; i++) {
		const struct interface *x = j->f->interfaces.v[i];

		if (!ways[x->zone->zone_id])
			continue;
		*up |= judge_up(j, x);
		s = arena_printf(j->arena, "%s%s%s", s ? s : "",
				 s ? ", " : "", x->name);
	}
	return s;
}

static bool goes_right(const struct judge *j, const struct machine_route *r,
		       const bool *ways)
{
	for (size_t i = 0; i < r->links.n; i++) {
		const struct interface *x = firewall_interface(j->f,
				machine_link_name(j->m, r->links.v[i]));

		if (!x || !ways[x->zone->zone_id])
			return false;
	}
	return true;
}

/* ---- the two together -------------------------------------------------------------------- */

enum where { RIGHT, NOWHERE, DISCARDED, WRONG, NOT_KNOWN };

struct told {
	enum where where;
	const struct machine_route *by;
	struct addr_range first;
	size_t ranges;
};

struct zone_routes {
	struct judge *j;
	const struct party *zone;
	const bool *ways;
	VEC(struct told) told;
};

static enum where where_to(const struct zone_routes *z,
			   const struct machine_route *r)
{
	if (!r)
		return NOWHERE;
	if (r->kind == ROUTE_DISCARDS)
		return DISCARDED;
	if (r->kind == ROUTE_UNKNOWN)
		return NOT_KNOWN;
	return goes_right(z->j, r, z->ways) ? RIGHT : WRONG;
}

static bool same_links(const struct machine_route *x,
		       const struct machine_route *y)
{
	return x == y || (x && y && x->links.n == y->links.n &&
			  !memcmp(x->links.v, y->links.v,
				  x->links.n * sizeof(*x->links.v)));
}

static void note(struct zone_routes *z, struct addr_range r,
		 const struct machine_route *by)
{
	enum where w = where_to(z, by);

	if (w == RIGHT)
		return;
	for (size_t i = 0; i < z->told.n; i++)
		if (z->told.v[i].where == w &&
		    (w != WRONG || same_links(z->told.v[i].by, by))) {
			z->told.v[i].ranges++;
			return;
		}
	vec_push(z->j->arena, &z->told, (struct told){ w, by, r, 1 });
}

static void lay_over(struct zone_routes *z, struct addr_range r,
		     const stretches *v)
{
	struct addr at = r.lo;
	size_t lo = 0, hi = v->n;

	while (lo < hi) { /* the first stretch that does not end before r */
		size_t mid = lo + (hi - lo) / 2;

		if (addr_cmp(v->v[mid].r.hi, r.lo) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < v->n && addr_cmp(v->v[lo].r.lo, r.hi) <= 0; lo++) {
		const struct stretch *s = &v->v[lo];
		struct addr end = addr_cmp(s->r.hi, r.hi) < 0 ? s->r.hi : r.hi;

		if (addr_cmp(at, s->r.lo) < 0) {
			note(z, (struct addr_range){ at, addr_prev(s->r.lo) },
			     NULL);
			at = s->r.lo;
		}
		note(z, (struct addr_range){ at, end }, s->by);
		if (addr_eq(end, r.hi))
			return;
		at = addr_next(end);
	}
	note(z, (struct addr_range){ at, r.hi }, NULL);
}

static const char *link_names(struct judge *j, const struct machine_route *r)
{
	const char *s = "";

	for (size_t i = 0; i < r->links.n; i++)
		s = arena_printf(j->arena, "%s%s%s", s, i ? ", " : "",
				 machine_link_name(j->m, r->links.v[i]));
	return s;
}

static void tell(struct zone_routes *z, const struct told *t,
		 const char *planned)
{
	struct judge *j = z->j;
	char first[ADDR_TEXT];
	const char *more = t->ranges == 1 ? "" :
		arena_printf(j->arena, " and %zu more ranges", t->ranges - 1);

	range_text(t->first, first);
	if (t->where == NOT_KNOWN)
		judge_not(j, MACHINE_ROUTE, "%s%s of zone %s, whose route is "
			  "by more than destination and interface", first,
			  more, z->zone->name);
	else if (t->where == WRONG)
		judge_say(j, MACHINE_ROUTE, z->zone->at, "%s%s (zone %s) goes "
			  "out %s, planned behind %s", first, more,
			  z->zone->name, link_names(j, t->by), planned);
	else
		judge_say(j, MACHINE_ROUTE, z->zone->at, t->where == NOWHERE ?
			  "%s%s (zone %s) has no route, planned behind %s" :
			  "%s%s (zone %s) is discarded by a route, planned "
			  "behind %s", first, more, z->zone->name, planned);
}

/* Its addresses, and those that other firewalls have in it. A public address
 * that nothing else has may lead anywhere, or nowhere. */
static bool lies_in(const struct judge *j, const struct cell *c, uint32_t zone)
{
	const struct topology *t = j->p->topo;

	if (c->space == NONE || c->party == j->f->party->id ||
	    t->zones.v[c->space]->holds == HOLDS_PUBLIC ||
	    plan_only_public(j->p, c))
		return false;
	return judge_whose(j, c->space)->zone_id == zone;
}

static struct addr_set space_of(struct judge *j, uint32_t zone, bool v4)
{
	const struct plan *p = j->p;
	struct addr_set s = { ARENA_ARRAY(j->arena, struct addr_range,
					  p->n_cell), 0 };

	for (size_t i = 0; i < p->n_cell; i++)
		if (addr_is_v4(p->cell[i].lo) == v4 &&
		    lies_in(j, &p->cell[i], zone))
			s.r[s.n++] = (struct addr_range){ p->cell[i].lo,
							  p->cell[i].hi };
	addr_set_normalise(&s);
	return s;
}

static void judge_zone(struct judge *j, const struct party *zone,
		       const stretches v[2])
{
	struct zone_routes z = { .j = j, .zone = zone,
				 .ways = ways_out(j, zone) };
	bool up;
	const char *planned = interfaces_of(j, z.ways, &up);

	/* where they are down or missing, that was said */
	if (!planned || !up)
		return;
	for (int v4 = 0; v4 < 2; v4++) {
		struct addr_set s = space_of(j, zone->zone_id, v4);

		if (!judge_forwards(j, v4))
			continue;
		for (size_t i = 0; i < s.n; i++)
			lay_over(&z, s.r[i], &v[v4]);
	}
	for (size_t i = 0; i < z.told.n; i++)
		tell(&z, &z.told.v[i], planned);
}

void judge_routes(struct judge *j)
{
	stretches v[2];

	if (j->m->policies) {
		judge_not(j, MACHINE_ROUTE, "routes, since %zu routing rule%s "
			  "choose%s by more than the destination",
			  j->m->policies,
			  plural(j->m->policies),
			  j->m->policies == 1 ? "s" : "");
		return;
	}
	for (int v4 = 0; v4 < 2; v4++)
		v[v4] = flatten(j, v4);
	for (size_t i = 0; i < j->p->topo->zones.n; i++)
		if (j->p->topo->zones.v[i]->holds == HOLDS_OWN)
			judge_zone(j, j->p->topo->zones.v[i], v);
	if (j->p->topo->bundle)
		judge_not(j, MACHINE_ROUTE, "routes to addresses that this "
			  "bundle does not hold");
}
