#include <stdlib.h>
#include <string.h>

#include "plan/diff.h"
#include "plan/each.h"
#include "plan/matrix.h"

/*
 * The ways that packets take. What is planned in both plans may cross other
 * firewalls than before, and then other rulesets let it through; or a firewall
 * has more or fewer interfaces to a zone.
 */
struct ways {
	struct arena *a;
	const struct plan *before, *after;
	struct plan_diff *out;
	const struct plan *cur;
	unsigned char *planned; /* in cur, by from * nodes + to */
};

static uint32_t node_count(const struct plan *p)
{
	return p->n_zones + (uint32_t)p->topo->firewalls.n;
}

static bool mark(void *ctx, const struct planned *x)
{
	struct ways *w = ctx;
	const struct plan *p = w->cur;

	w->planned[p->classes.v[x->from].node * node_count(p) +
		       p->classes.v[x->to].node] = 1;
	return true;
}

static unsigned char *find_planned(struct ways *w, const struct plan *p)
{
	size_t n = node_count(p);

	w->cur = p;
	w->planned = ARENA_ARRAY(w->a, unsigned char, n * n + 1);
	memset(w->planned, 0, n * n + 1);
	plan_each(p, mark, w);
	return w->planned;
}

/* The zone or firewall of the same name; NONE if there is none. */
static uint32_t same_node(const struct plan *p, const struct plan *other,
			  uint32_t node)
{
	const char *name = plan_node_name(other, node);
	const struct firewall *f;
	const struct party *z;

	if (node >= other->n_zones) {
		f = topology_firewall(p->topo, name);
		return f ? p->n_zones + f->id : NONE;
	}
	z = topology_party(p->topo, name);
	return z && z->kind == PARTY_ZONE ? z->zone_id : NONE;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Its paths, whichever stands first: each firewall between which zones. */
static const char *zones_text(struct arena *a, const struct plan *p,
			      const struct route *r)
{
	const char **path = ARENA_ARRAY(a, const char *, r->paths.n + 1);
	struct buf b = { 0 };

	for (size_t i = 0; i < r->paths.n; i++) {
		for (size_t k = 0; k < r->paths.v[i].n; k++) {
			const struct hop *h = &r->paths.v[i].hop[k];

			buf_printf(&b, "%s %s %s, ", p->topo->firewalls
					   .v[h->firewall]->name,
				   plan_node_name(p, h->in),
				   plan_node_name(p, h->out));
		}
		path[i] = b.n ? buf_take(a, &b) : "";
		b = (struct buf){ 0 };
	}
	if (r->paths.n)
		qsort(path, r->paths.n, sizeof(*path), by_text);
	for (size_t i = 0; i < r->paths.n; i++)
		buf_printf(&b, "%s| ", path[i]);
	return b.n ? buf_take(a, &b) : "";
}

static const char *owner_of(const struct plan *p, uint32_t node)
{
	return node < p->n_zones ? p->topo->zones.v[node]->owner :
		p->topo->firewalls.v[node - p->n_zones]->party->owner;
}

static bool is_internet(const struct plan *p, uint32_t node)
{
	return node < p->n_zones &&
	       p->topo->zones.v[node]->zone_kind == ZONE_INTERNET;
}

static void add_row(struct ways *w, uint32_t from, uint32_t to,
		    const char *reason, const char *cause)
{
	const struct plan *p = w->after;
	const char *x = plan_node_name(p, from), *y = plan_node_name(p, to);

	w->out->count[CHANGE_PATHS]++;
	vec_push(w->a, &w->out->changes, (struct change){
		.kind = CHANGE_PATHS, .from_zone = x, .to_zone = y, .from = x,
		.to = y, .packets = "", .reason = reason, .cause = cause,
		.owner = owner_of(p, to), .size = "",
		.internet = is_internet(p, from) || is_internet(p, to) });
}

static void compare_routes(struct ways *w, uint32_t from, uint32_t to,
			   uint32_t old_from, uint32_t old_to)
{
	const struct route *x = plan_route(w->before, old_from, old_to);
	const struct route *y = plan_route(w->after, from, to);
	const char *was, *is;

	if (!strcmp(zones_text(w->a, w->before, x),
		    zones_text(w->a, w->after, y)))
		return;
	was = route_text(w->before, x, w->a);
	is = route_text(w->after, y, w->a);
	add_row(w, from, to, "paths", strcmp(was, is) ?
		arena_printf(w->a, "by %s, now by %s", was, is) :
		arena_printf(w->a, "by %s, over other zones", is));
}

static void find_routes(struct ways *w)
{
	const unsigned char *x = find_planned(w, w->before);
	const unsigned char *y = find_planned(w, w->after);
	uint32_t n = node_count(w->after), m = node_count(w->before);

	for (uint32_t f = 0; f < n; f++) {
		uint32_t old_f = same_node(w->before, w->after, f);

		for (uint32_t t = 0; t < n && old_f != NONE; t++) {
			uint32_t old_t = y[f * n + t] ?
				same_node(w->before, w->after, t) : NONE;

			if (old_t != NONE && x[old_f * m + old_t])
				compare_routes(w, f, t, old_f, old_t);
		}
	}
}

/* Names of interfaces that f has to a zone, and g has not. */
static void put_interfaces(struct buf *b, const struct firewall *f,
			   const struct firewall *g, const char *zone,
			   const char *what)
{
	size_t n = 0;

	for (size_t i = 0; i < f->interfaces.n; i++) {
		const struct interface *x = f->interfaces.v[i];
		bool found = strcmp(x->zone->name, zone);

		for (size_t k = 0; k < g->interfaces.n; k++)
			found |= !strcmp(x->name, g->interfaces.v[k]->name) &&
				 !strcmp(zone, g->interfaces.v[k]->zone->name);
		if (!found)
			buf_printf(b, "%s%s", n++ || b->n ? ", " : "", x->name);
	}
	if (n)
		buf_printf(b, " %s", what);
}

static void find_interfaces(struct ways *w, const struct firewall *f,
			    const struct firewall *g)
{
	const struct plan *p = w->after;

	for (uint32_t z = 0; z < p->n_zones; z++) {
		const char *zone = p->topo->zones.v[z]->name;
		struct buf b = { 0 };

		if (same_node(w->before, p, z) == NONE)
			continue;
		put_interfaces(&b, g, f, zone, "removed");
		put_interfaces(&b, f, g, zone, "added");
		if (b.n)
			add_row(w, z, p->n_zones + f->id, "interfaces",
				arena_strdup(w->a, b.s));
		buf_free(&b);
	}
}

void diff_paths(struct arena *a, const struct plan *before,
		const struct plan *after, struct plan_diff *out)
{
	struct ways w = { .a = a, .before = before, .after = after,
			  .out = out };
	const struct topology *t = after->topo;

	find_routes(&w);
	for (size_t i = 0; i < t->firewalls.n; i++) {
		const struct firewall *f = t->firewalls.v[i];
		const struct firewall *g = topology_firewall(before->topo,
							     f->name);

		if (g)
			find_interfaces(&w, f, g);
	}
}
