#include "plan/part.h"

#include "plan/inside.h"

/* A bundle holds what crosses its firewall or reaches it: is that all that is
 * planned between two nodes? */
static bool part_holds(const struct plan *p, uint32_t from, uint32_t to)
{
	const struct firewall *f = topology_firewall(p->topo, p->topo->bundle);

	if (!f || from == p->n_zones + f->id || to == p->n_zones + f->id)
		return true;
	if (from == to)
		return from < p->n_zones && firewall_within(f, from);
	return route_crosses(plan_route(p, from, to), f->id);
}

static uint32_t class_at(const struct plan *p, uint32_t cell)
{
	return cell == NONE ? NONE : p->cell[cell].cls;
}

bool part_answers(const struct plan *p, const struct answer *x)
{
	uint32_t s = class_at(p, x->src_cell), d = class_at(p, x->dst_cell);

	if (!p->topo->bundle || x->verdict == VERDICT_ALLOWED)
		return true;
	return s != NONE && d != NONE &&
	       part_holds(p, p->classes.v[s].node, p->classes.v[d].node);
}
