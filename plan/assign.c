#include "plan/internal.h"

/*
 * Roles that are assigned. Their ends mean what the inventory alone says: an
 * assign never feeds another, so their order does not matter.
 */

struct assigner {
	struct build *b;
	uint32_t *roles; /* by cell: as it is to be */
};

static void give(struct assigner *x, const struct assign *a, uint32_t cell)
{
	x->roles[cell] = merge_roles(x->b, x->roles[cell], &a->roles);
}

/* Hosts are found by their addresses, so long lists of them stay cheap. */
static void give_word(struct assigner *x, const struct assign *a,
		      const struct end_word *w)
{
	const struct plan *p = x->b->plan;
	uint32_t c;

	if (w->kind == END_PARTY && w->party->kind == PARTY_HOST) {
		for (size_t i = 0; i < w->party->n_prefix; i++) {
			c = plan_cell(p, w->party->prefix[i].r.lo);
			if (c != NONE && p->cell[c].party == w->party->id)
				give(x, a, c);
		}
		return;
	}
	for (c = 0; c < p->n_cell; c++)
		if (word_has(p, w, c, p->cell[c].cls))
			give(x, a, c);
}

void assign_roles(struct build *b)
{
	struct plan *p = b->plan;
	struct assigner x = { b, ARENA_ARRAY(b->scratch, uint32_t, p->n_cell) };

	if (!b->topo->assigns.n)
		return;
	for (uint32_t c = 0; c < p->n_cell; c++)
		x.roles[c] = p->cell[c].cls;
	for (size_t i = 0; i < b->topo->assigns.n; i++) {
		const struct assign *a = b->topo->assigns.v[i];

		if (a->expires.given && p->now >= a->expires.t &&
		    !p->any_time) {
			vec_push(b->arena, &p->lapsed, a);
			continue;
		}
		for (size_t k = 0; k < a->to.n; k++)
			give_word(&x, a, &a->to.v[k]);
	}
	for (uint32_t c = 0; c < p->n_cell; c++)
		p->cell[c].cls = x.roles[c];
}

static bool gives(const role_list *roles, const struct role *role)
{
	for (size_t i = 0; i < roles->n; i++)
		if (role_implies(roles->v[i], role))
			return true;
	return false;
}

const struct assign *plan_assigned(const struct plan *p, uint32_t cell,
				   const struct role *role)
{
	const struct cell *c = &p->cell[cell];

	if (c->zone == NONE || gives(&p->topo->parties.v[c->party]->roles,
				     role))
		return NULL;
	for (const struct party *n = p->topo->parties.v[c->network]; n;
	     n = n->parent)
		if (gives(&n->roles, role))
			return NULL;
	for (size_t i = 0; i < p->topo->assigns.n; i++) {
		const struct assign *a = p->topo->assigns.v[i];

		if ((!a->expires.given || p->now < a->expires.t ||
		     p->any_time) &&
		    gives(&a->roles, role) &&
		    cell_in_end(p, cell, p->end_assign + a->id))
			return a;
	}
	return NULL;
}
