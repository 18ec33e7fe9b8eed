#include "check/planner.h"

/*
 * The way that packets take by their addresses: what comes or goes otherwise is
 * spoofed or astray.
 */

/* Does the address stand for somebody in that zone? */
static bool public_of(const struct plan *p, const struct public_addr *x,
		      uint32_t zone)
{
	if (x->own != NONE)
		return p->cell[x->own].zone == zone;
	if (x->many && party_zone(x->many)->zone_id == zone)
		return true;
	for (size_t i = 0; i < x->publishes.n; i++)
		if (p->cell[plan_cell(p, p->topo->publishes
			    .v[x->publishes.v[i]]->own)].zone == zone)
			return true;
	return false;
}

/* A zone's own addresses, and public ones that stand for them. */
static uint32_t zone_with_publics(struct planner *x, uint32_t zone,
				  uint8_t field)
{
	const struct plan *p = x->p;
	uint32_t out = planner_zone(x, zone, field);

	for (size_t i = 0; i < p->publics.n; i++) {
		space_val v = space_addr(p->publics.v[i].addr);

		if (public_of(p, &p->publics.v[i], zone))
			out = space_or(x->s, out, planner_field(x, field, v, v));
	}
	return out;
}

static uint32_t node_space(struct planner *x, uint32_t node, uint8_t field)
{
	const struct plan *p = x->p;
	struct addr_set s = { ARENA_ARRAY(x->a, struct addr_range, p->n_cell),
			      0 };

	if (node < p->n_zones)
		return zone_with_publics(x, node, field);
	for (size_t i = 0; i < p->n_cell; i++)
		if (p->cell[i].cls != NONE &&
		    p->classes.v[p->cell[i].cls].node == node)
			s.r[s.n++] = (struct addr_range){ p->cell[i].lo,
							  p->cell[i].hi };
	return space_addresses(x->s, field, s);
}

static uint32_t unknown_space(struct planner *x, uint8_t field)
{
	const struct plan *p = x->p;
	struct addr_set s = { ARENA_ARRAY(x->a, struct addr_range, p->n_cell),
			      0 };

	for (size_t i = 0; i < p->n_cell; i++)
		if (p->cell[i].space != NONE)
			s.r[s.n++] = (struct addr_range){ p->cell[i].lo,
							  p->cell[i].hi };
	return space_not(x->s, space_addresses(x->s, field, s));
}

/* The addresses of each node, as source and as destination: asked for again and
 * again. */
struct node_spaces {
	uint32_t n, *src, *dst;
};

static struct node_spaces all_nodes(struct planner *x)
{
	struct node_spaces all = {
		.n = x->p->n_zones + (uint32_t)x->p->topo->firewalls.n,
	};

	all.src = ARENA_ARRAY(x->a, uint32_t, all.n);
	all.dst = ARENA_ARRAY(x->a, uint32_t, all.n);
	for (uint32_t i = 0; i < all.n; i++) {
		all.src[i] = node_space(x, i, PK_SRC);
		all.dst[i] = node_space(x, i, PK_DST);
	}
	return all;
}

static void routed_between(struct planner *x, const struct node_spaces *all,
			   const struct party *a, const struct party *b)
{
	const struct crossing *at = crossing_at(x->crossings, a->zone_id,
						b->zone_id);

	if (a == b)
		vec_push(x->a, &x->sum, space_and(x->s, all->dst[a->zone_id],
						  all->src[a->zone_id]));
	for (size_t i = 0; a != b && i < at->busy.n;) {
		uint32_t from = at->busy.v[i].from, reached = SPACE_NO;

		for (; i < at->busy.n && at->busy.v[i].from == from; i++)
			reached = space_or(x->s, reached,
					   all->dst[at->busy.v[i].to]);
		vec_push(x->a, &x->sum, space_and(x->s, reached,
						  all->src[from]));
	}
}

static uint32_t routed_forward(struct planner *x)
{
	const struct firewall *f = x->f;
	struct node_spaces all = all_nodes(x);
	uint32_t out = SPACE_NO;

	x->crossings = crossings_of_routes(x->a, x->p, f);
	for (size_t i = 0; i < f->interfaces.n; i++)
		for (size_t k = 0; k < f->interfaces.n; k++) {
			const struct interface *in = f->interfaces.v[i];
			const struct interface *o = f->interfaces.v[k];

			if (i == k)
				continue;
			routed_between(x, &all, in->zone, o->zone);
			out = space_or(x->s, out, space_and(x->s,
				space_and(x->s, planner_names(x, in, PK_IIF),
					  planner_names(x, o, PK_OIF)),
				planner_sum(x)));
		}
	return out;
}

static uint32_t routed_input(struct planner *x)
{
	const struct plan *p = x->p;
	uint32_t nodes = p->n_zones + (uint32_t)p->topo->firewalls.n;
	uint32_t self = p->n_zones + x->f->id, out = SPACE_NO;
	uint32_t own = node_space(x, self, PK_DST);

	for (size_t i = 0; i < x->f->interfaces.n; i++) {
		const struct interface *in = x->f->interfaces.v[i];

		for (uint32_t from = 0; from < nodes; from++)
			if (from != self && input_arrives(p, from, x->f,
							  in->zone->zone_id))
				vec_push(x->a, &x->sum,
					 node_space(x, from, PK_SRC));
		out = space_or(x->s, out, space_and(x->s,
				planner_names(x, in, PK_IIF), planner_sum(x)));
	}
	return own == SPACE_NO ? out : space_and(x->s, out, own);
}

uint32_t check_outside(struct check *c, const struct plan *p)
{
	struct planner x = { .c = c, .s = c->s, .p = p, .a = c->arena };

	return space_or(c->s, unknown_space(&x, PK_SRC),
			unknown_space(&x, PK_DST));
}

uint32_t check_routed(struct check *c, const struct plan *p,
		      const struct firewall *f, enum check_path path)
{
	struct planner x = { .c = c, .s = c->s, .p = p, .f = f,
			     .a = c->arena };
	uint32_t unknown = check_outside(c, p);

	/* translated ones come as planned */
	if (p->translates)
		unknown = space_or(c->s, unknown, check_planned_reason(c, p,
						f, path, NONE));
	return space_or(c->s, unknown, path == PATH_FORWARD ?
			routed_forward(&x) : routed_input(&x));
}
