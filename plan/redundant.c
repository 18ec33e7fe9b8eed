#include "plan/internal.h"

/*
 * An allow that opens nothing new: everywhere between the classes that it
 * names, its packets are planned by template flows, or by one other allow
 * that names the same ends or more. A warning, since its reason may outlive
 * the flow that covers it today.
 */
enum { FEW_CELLS = 16 }; /* of an end: looked through by themselves */

static struct key_set clear_keys(struct build *b, uint32_t svc)
{
	const struct svcset *s = &b->plan->svcsets.v[svc];
	struct key_range *v = ARENA_ARRAY(b->scratch, struct key_range, s->n);
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].carried)
			v[n++] = s->v[i].keys;
	return keys_from(b->scratch, v, n);
}

static bool pair_covers(struct build *b, const struct product *x,
			uint32_t from, uint32_t to, uint32_t *reason)
{
	struct pair p = plan_pair(b->plan, from, to);
	struct key_set mine;

	if (!p.svc)
		return false;
	mine = clear_keys(b, x->svc);
	if (!mine.n ||
	    keys_minus(b->scratch, mine, clear_keys(b, p.svc)).n)
		return false;
	*reason = b->plan->svcsets.v[p.svc].v[0].reason;
	for (size_t i = 0; i < b->plan->svcsets.v[p.svc].n; i++) {
		struct key_range r = b->plan->svcsets.v[p.svc].v[i].keys;

		if (keys_meet(mine, (struct key_set){ &r, 1 }))
			*reason = b->plan->svcsets.v[p.svc].v[i].reason;
	}
	return true;
}

typedef VEC(uint32_t) class_list;

/* The classes of a part of one that may be wide. */
static class_list part_classes(struct build *b, const struct few_cells *few,
			       uint32_t cls, uint32_t end)
{
	const struct plan *p = b->plan;
	struct few_cells in = few[end];
	class_list out = { 0 };
	struct map seen = { 0 };

	if (cls < p->n_plain) {
		vec_push(b->scratch, &out, cls);
		return out;
	}
	if (!in.cell)
		in = (struct few_cells){ p->classes.v[cls].cell,
					 p->classes.v[cls].n_cell };
	for (size_t i = 0; i < in.n; i++) {
		uint32_t own = p->cell[in.cell[i]].cls;
		int is_new;

		if (!cell_in_class(p, in.cell[i], cls) ||
		    !cell_in_end(p, in.cell[i], end))
			continue;
		map_add(b->scratch, &seen, &own, sizeof(own), &is_new);
		if (is_new)
			vec_push(b->scratch, &out, own);
	}
	return out;
}

/* What a wide pair does not cover, few pairs of the classes in it do: the first
 * that does not comes soon. */
static bool product_covered(struct build *b, const struct few_cells *few,
			    const struct product *x, uint32_t *reason)
{
	const struct plan *p = b->plan;
	class_list from, to;

	if (pair_covers(b, x, x->from, x->to, reason))
		return true;
	if (x->from < p->n_plain && x->to < p->n_plain)
		return false;
	from = part_classes(b, few, x->from, x->from_end);
	to = part_classes(b, few, x->to, x->to_end);
	for (size_t i = 0; i < from.n; i++)
		for (size_t k = 0; k < to.n; k++)
			if (!(from.v[i] == to.v[k] &&
			      p->classes.v[from.v[i]].single) &&
			    !pair_covers(b, x, from.v[i], to.v[k], reason))
				return false;
	return true;
}

static void say(struct build *b, const struct rule *a, uint32_t reason)
{
	const struct reason *r = &b->plan->reasons.v[reason];

	diag_add2(b->d, SEV_WARNING, a->at, r->flow->at, "it is planned here",
		  "this allow opens nothing new: %s covers it",
		  reason_ident(b->plan, reason, b->scratch));
}

void check_redundant(struct build *b)
{
	const struct plan *p = b->plan;
	size_t n = b->topo->allows.n;
	bool *seen = ARENA_ARRAY(b->scratch, bool, n);
	bool *covered = ARENA_ARRAY(b->scratch, bool, n);
	uint32_t *by = ARENA_ARRAY(b->scratch, uint32_t, n);
	struct few_cells *few = plan_few_cells(p, FEW_CELLS, b->scratch);

	for (size_t i = 0; i < p->products.n; i++) {
		const struct product *x = &p->products.v[i];
		uint32_t reason;

		if (x->to_end == NONE) /* an input */
			continue;
		reason = by[x->reason]; /* of no pair: as before */
		if (!seen[x->reason]) {
			seen[x->reason] = true;
			covered[x->reason] = true;
		}
		if (covered[x->reason] && product_covered(b, few, x, &reason))
			by[x->reason] = reason;
		else
			covered[x->reason] = false;
	}
	for (size_t i = 0; i < n; i++)
		if (covered[i])
			say(b, b->topo->allows.v[i], by[i]);
}
