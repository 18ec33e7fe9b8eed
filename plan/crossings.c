#include "plan/crossings.h"

#include <stdlib.h>

static struct node_index *nodes_at(struct crossings *c, uint32_t from,
				   uint32_t to)
{
	struct two_nodes x = { from, to };
	struct map_entry *e = map_add(c->arena, &c->index, &x, sizeof(x), NULL);

	if (!e->val.p) {
		e->val.p = ARENA_NEW(c->arena, struct node_index);
		vec_push(c->arena, &c->nodes, x);
	}
	return e->val.p;
}

const struct node_index *nodes_between(const struct crossings *c,
				       uint32_t from, uint32_t to)
{
	static const struct node_index nothing;
	struct two_nodes x = { from, to };
	const struct map_entry *e = map_find(&c->index, &x, sizeof(x));

	return e ? e->val.p : &nothing;
}

static struct crossing *add_crossing(struct crossings *c, uint32_t in,
				     uint32_t out)
{
	uint32_t key[2] = { in, out };
	struct map_entry *e = map_add(c->arena, &c->zones, key, sizeof(key),
				      NULL);

	if (!e->val.p)
		e->val.p = ARENA_NEW(c->arena, struct crossing);
	return e->val.p;
}

const struct crossing *crossing_at(const struct crossings *c, uint32_t in,
				   uint32_t out)
{
	static const struct crossing nothing;
	uint32_t key[2] = { in, out };
	const struct map_entry *e = map_find(&c->zones, key, sizeof(key));

	return e ? e->val.p : &nothing;
}

/* Hops of a route are there once each. */
static void note_crossings(struct crossings *c, uint32_t from, uint32_t to,
			   bool observed)
{
	const struct route *r = plan_route(c->p, from, to);
	struct two_nodes x = { from, to };

	for (size_t i = 0; i < r->n_hop; i++) {
		struct crossing *at;

		if (r->hop[i].firewall != c->f->id)
			continue;
		at = add_crossing(c, r->hop[i].in, r->hop[i].out);
		if (observed)
			vec_push(c->arena, &at->observed, x);
		else
			vec_push(c->arena, &at->busy, x);
	}
}

/* What goes one way may ask for IPsec the other way. */
static void index_nodes(struct crossings *c)
{
	const struct plan *p = c->p;

	for (uint32_t i = 0; i < p->pairs.n; i++) {
		const struct pair *x = &p->pairs.v[i];

		vec_push(c->arena, &nodes_at(c, p->classes.v[x->from].node,
					       p->classes.v[x->to].node)
				      ->pairs, i);
	}
	for (uint32_t i = 0; i < p->products.n; i++) {
		uint32_t from = p->classes.v[p->products.v[i].from].node;
		uint32_t to = p->classes.v[p->products.v[i].to].node;

		nodes_at(c, to, from);
		vec_push(c->arena, &nodes_at(c, from, to)->products, i);
	}
}

static void index_observed(struct crossings *c)
{
	const struct topology *t = c->p->topo;
	VEC(struct two_nodes) v = { 0 };

	for (size_t i = 0; i < t->observes.n; i++) {
		const struct observe *o = t->observes.v[i];

		for (size_t x = 0; x < o->from.n; x++)
			for (size_t y = 0; y < o->to.n; y++)
				vec_push(c->arena, &v, (struct two_nodes){
						o->from.v[x]->zone_id,
						o->to.v[y]->zone_id });
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), u32_compare2);
	for (size_t i = 0; i < v.n; i++) {
		uint32_t from = v.v[i].from, to = v.v[i].to;

		if ((i && !u32_compare2(&v.v[i], &v.v[i - 1])) ||
		    !plan_observed(c->p, from, to))
			continue;
		if (from == to)
			vec_push(c->arena, &add_crossing(c, from, to)
					      ->observed, v.v[i]);
		else
			note_crossings(c, from, to, true);
	}
}

static struct crossings *fresh(struct arena *a, const struct plan *p,
			       const struct firewall *f)
{
	struct crossings *c = ARENA_NEW(a, struct crossings);

	c->arena = a;
	c->p = p;
	c->f = f;
	return c;
}

struct crossings *crossings_of_routes(struct arena *a, const struct plan *p,
				      const struct firewall *f)
{
	uint32_t nodes = p->n_zones + (uint32_t)p->topo->firewalls.n;
	struct crossings *c = fresh(a, p, f);

	for (uint32_t from = 0; from < nodes; from++)
		for (uint32_t to = 0; to < nodes; to++)
			note_crossings(c, from, to, false);
	return c;
}

struct crossings *crossings_of(struct arena *a, const struct plan *p,
			       const struct firewall *f)
{
	struct crossings *c = fresh(a, p, f);

	index_nodes(c);
	if (c->nodes.n)
		qsort(c->nodes.v, c->nodes.n, sizeof(*c->nodes.v), u32_compare2);
	for (size_t i = 0; i < c->nodes.n; i++)
		note_crossings(c, c->nodes.v[i].from, c->nodes.v[i].to, false);
	index_observed(c);
	return c;
}
