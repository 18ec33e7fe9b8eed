#include "plan/internal.h"

enum { ZONES_NAMED = 3 };

/*
 * One interface that was forgotten parts a network in two, and whatever was to
 * cross from one side to the other fails of it. Nodes that reach the same zones
 * are one side; what fails between the same two sides is told once.
 */
struct sides *find_sides(struct build *b)
{
	const struct plan *p = b->plan;
	size_t n = p->n_zones + p->topo->firewalls.n;
	struct sides *s = ARENA_NEW(b->scratch, struct sides);
	unsigned char *row = ARENA_ARRAY(b->scratch, unsigned char,
					 p->n_zones + 1);
	struct map seen = { 0 };

	s->of = ARENA_ARRAY(b->scratch, uint32_t, n);
	for (uint32_t i = 0; i < n; i++) {
		struct map_entry *e;
		int is_new;

		for (uint32_t z = 0; z < p->n_zones; z++)
			row[z] = plan_route(p, i, z)->reachable;
		e = map_add(b->scratch, &seen, row, p->n_zones + 1, &is_new);
		if (is_new)
			e->val.u = (uint32_t)s->n++;
		s->of[i] = e->val.u;
	}
	return s;
}

/* How many other zones the node reaches, or does not; the first few by name. */
static size_t others(const struct plan *p, uint32_t node, bool reached,
		     struct buf *names)
{
	size_t n = 0;

	for (uint32_t z = 0; z < p->n_zones; z++) {
		if (z == node || plan_route(p, node, z)->reachable != reached)
			continue;
		if (n++ < ZONES_NAMED)
			buf_printf(names, "%s\"%s\"", n > 1 ? ", " : "",
				   p->topo->zones.v[z]->name);
	}
	if (n > ZONES_NAMED)
		buf_printf(names, " and %zu more", n - ZONES_NAMED);
	return n;
}

const char *side_text(struct build *b, uint32_t x, uint32_t y)
{
	const struct plan *p = b->plan;
	struct buf rx = { 0 }, ry = { 0 }, not = { 0 };
	size_t nx = others(p, x, true, &rx), ny = others(p, y, true, &ry);
	uint32_t less = nx <= ny ? x : y;
	const char *name = plan_node_name(p, less), *out;
	size_t n = less == x ? nx : ny;

	if (!n)
		out = arena_printf(b->arena, " (\"%s\" reaches no other zone)",
				   name);
	else if (n <= others(p, less, false, &not))
		out = arena_printf(b->arena, " (\"%s\" reaches no zone but "
				   "%s)", name, less == x ? rx.s : ry.s);
	else
		out = arena_printf(b->arena, " (\"%s\" does not reach %s)",
				   name, not.s ? not.s : "");
	buf_free(&rx);
	buf_free(&ry);
	buf_free(&not);
	return out;
}
