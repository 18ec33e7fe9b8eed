#include <stdlib.h>

#include "gen/internal.h"

/*
 * What crosses this firewall, by the two zones that it is crossed between: a
 * firewall has many such, and few of them lead from one given node to another.
 */
static struct node_index *nodes_at(struct gen *g, uint32_t from, uint32_t to)
{
	struct two_nodes x = { from, to };
	struct map_entry *e = map_add(g->scratch, &g->index, &x, sizeof(x),
				      NULL);

	if (!e->val.p) {
		e->val.p = ARENA_NEW(g->scratch, struct node_index);
		vec_push(g->scratch, &g->nodes, x);
	}
	return e->val.p;
}

const struct node_index *nodes_between(const struct gen *g, uint32_t from,
				       uint32_t to)
{
	static const struct node_index nothing;
	struct two_nodes x = { from, to };
	const struct map_entry *e = map_find(&g->index, &x, sizeof(x));

	return e ? e->val.p : &nothing;
}

static struct crossing *crossing_at(struct gen *g, uint32_t in, uint32_t out)
{
	uint32_t key[2] = { in, out };
	struct map_entry *e = map_add(g->scratch, &g->crossings, key,
				      sizeof(key), NULL);

	if (!e->val.p)
		e->val.p = ARENA_NEW(g->scratch, struct crossing);
	return e->val.p;
}

const struct crossing *crossing_find(const struct gen *g, uint32_t in,
				     uint32_t out)
{
	static const struct crossing nothing;
	uint32_t key[2] = { in, out };
	const struct map_entry *e = map_find(&g->crossings, key, sizeof(key));

	return e ? e->val.p : &nothing;
}

/* Hops of a route are there once each. */
static void note_crossings(struct gen *g, uint32_t from, uint32_t to,
			   bool observed)
{
	const struct route *r = plan_route(g->p, from, to);
	struct two_nodes x = { from, to };

	for (size_t i = 0; i < r->n_hop; i++) {
		struct crossing *c;

		if (r->hop[i].firewall != g->f->id)
			continue;
		c = crossing_at(g, r->hop[i].in, r->hop[i].out);
		if (observed)
			vec_push(g->scratch, &c->observed, x);
		else
			vec_push(g->scratch, &c->busy, x);
	}
}

/* What goes one way may ask for IPsec the other way. */
static void index_nodes(struct gen *g)
{
	const struct plan *p = g->p;

	for (uint32_t i = 0; i < p->pairs.n; i++) {
		const struct pair *x = &p->pairs.v[i];

		vec_push(g->scratch, &nodes_at(g, p->classes.v[x->from].node,
					       p->classes.v[x->to].node)
				      ->pairs, i);
	}
	for (uint32_t i = 0; i < p->products.n; i++) {
		uint32_t from = p->classes.v[p->products.v[i].from].node;
		uint32_t to = p->classes.v[p->products.v[i].to].node;

		nodes_at(g, to, from);
		vec_push(g->scratch, &nodes_at(g, from, to)->products, i);
	}
}

static void index_observed(struct gen *g)
{
	const struct topology *t = g->p->topo;
	VEC(struct two_nodes) v = { 0 };

	for (size_t i = 0; i < t->observes.n; i++) {
		const struct observe *o = t->observes.v[i];

		for (size_t x = 0; x < o->from.n; x++)
			for (size_t y = 0; y < o->to.n; y++)
				vec_push(g->scratch, &v, (struct two_nodes){
						o->from.v[x]->zone_id,
						o->to.v[y]->zone_id });
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), u32_compare2);
	for (size_t i = 0; i < v.n; i++) {
		uint32_t from = v.v[i].from, to = v.v[i].to;

		if ((i && !u32_compare2(&v.v[i], &v.v[i - 1])) ||
		    !plan_observed(g->p, from, to))
			continue;
		if (from == to)
			vec_push(g->scratch, &crossing_at(g, from, to)
					      ->observed, v.v[i]);
		else
			note_crossings(g, from, to, true);
	}
}

void index_plan(struct gen *g)
{
	index_nodes(g);
	if (g->nodes.n)
		qsort(g->nodes.v, g->nodes.n, sizeof(*g->nodes.v), u32_compare2);
	for (size_t i = 0; i < g->nodes.n; i++)
		note_crossings(g, g->nodes.v[i].from, g->nodes.v[i].to, false);
	index_observed(g);
}

void take_nodes(struct dispatch *x, uint32_t from, uint32_t to)
{
	struct gen *g = x->g;
	const struct plan *p = g->p;
	const struct node_index *there = nodes_between(g, from, to);
	const struct node_index *back = nodes_between(g, to, from);

	for (size_t i = 0; i < there->pairs.n; i++)
		vec_push(g->scratch, &x->pairs, there->pairs.v[i]);
	for (size_t i = 0; i < there->products.n; i++)
		if (!p->products.v[there->products.v[i]].any_local)
			vec_push(g->scratch, &x->products,
				 there->products.v[i]);
	for (size_t i = 0; i < back->products.n; i++)
		if (p->svcsets.v[p->products.v[back->products.v[i]].svc]
			    .ike_families)
			vec_push(g->scratch, &x->back, back->products.v[i]);
}
