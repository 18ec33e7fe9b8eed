#include "plan/internal.h"

/* How many addresses, as a number to compare by. */
static double cell_size(const struct cell *c)
{
	return ((double)c->hi.hi - (double)c->lo.hi) * 18446744073709551616.0 +
	       ((double)c->hi.lo - (double)c->lo.lo) + 1;
}

double plan_class_size(const struct plan *p, uint32_t cls)
{
	const struct class *c = &p->classes.v[cls];
	double n = 0;

	for (size_t i = 0; i < c->n_cell; i++)
		n += cell_size(&p->cell[c->cell[i]]);
	return n;
}

/*
 * Which of several reasons is the most specific: the one that speaks of the
 * fewest pairs of addresses (and ports, in the verdict).
 */
static void measure_breadth(struct build *b)
{
	struct plan *p = b->plan;
	double *role = ARENA_ARRAY(b->scratch, double, b->topo->roles.n);
	double *end = ARENA_ARRAY(b->scratch, double, p->n_ends);

	for (size_t r = 0; r < b->topo->roles.n; r++)
		role[r] = b->topo->roles.v[r]->breadth;
	for (size_t r = 0; r < b->topo->roles.n; r++)
		for (size_t i = 0; i < b->role_classes[r].n &&
		     !(b->topo->roles.v[r]->breadth > 0); i++)
			role[r] += plan_class_size(p, b->role_classes[r].v[i]);
	for (size_t i = 0; i < p->n_cell; i++) {
		const struct cell *c = &p->cell[i];
		double n = cell_size(c);

		for (size_t k = 0; k < p->end_lists.len[c->ends]; k++)
			end[p->end_lists.v[c->ends][k]] += n;
	}
	for (size_t e = 0; e < p->n_ends; e++)
		end[e] = end[p->end_alike[e]];
	for (size_t i = 0; i < p->reasons.n; i++) {
		struct reason *r = &p->reasons.v[i];
		uint32_t e;

		switch (r->kind) {
		case REASON_FLOW:
			r->breadth = role[r->from->id] * role[r->to->id];
			break;
		case REASON_ALLOW:
			e = p->end_allow + 2 * r->allow->id;
			r->breadth = r->allow->breadth > 0 ?
				r->allow->breadth : end[e] * end[e + 1];
			break;
		case REASON_INPUT:
			r->breadth = r->input->breadth > 0 ?
				r->input->breadth :
				end[p->end_input + r->input->id];
			break;
		case REASON_IPSEC:
			e = p->end_ipsec + 2 * r->ipsec->id;
			r->breadth = r->ipsec->breadth > 0 ?
				r->ipsec->breadth : end[e] * end[e + 1];
			break;
		}
	}
}

/* A part is of a whole that was checked. */
static void check_all(struct build *b)
{
	check_plan(b);
	check_nat(b);
	check_forbids(b);
	check_expects(b);
	check_redundant(b);
}

struct plan *plan_build(struct arena *a, const struct topology *t,
			const struct plan_options *opt, struct diags *d)
{
	struct plan *p = ARENA_NEW(a, struct plan);
	struct build b = {
		.arena = a, .scratch = arena_new(), .topo = t, .plan = p,
		.d = d,
	};
	size_t before = d->n_errors;

	p->topo = t;
	p->arena = a;
	p->now = opt->now;
	p->any_time = opt->any_time;
	p->n_zones = (uint32_t)t->zones.n;
	lists_init(a, &p->lists);
	lists_init(a, &p->end_lists);
	vec_push(a, &p->svcsets, (struct svcset){ 0 });
	b.pin_used = ARENA_ARRAY(b.scratch, bool, t->pins.n);
	b.ipsec_used = ARENA_ARRAY(b.scratch, bool, t->ipsecs.n);
	number_ends(p);
	build_cells(&b);
	if (d->n_errors > before)
		goto out;
	build_ends(&b);
	build_classes(&b);
	build_zone_routes(&b);
	if (d->n_errors > before)
		goto out;
	build_firewall_routes(&b);
	build_items(&b);
	build_wide(&b);
	build_pairs(&b);
	build_products(&b);
	measure_breadth(&b);
	if (!t->bundle && !opt->any_time)
		check_all(&b);
	check_observes(&b);
out:
	arena_free(b.scratch);
	return d->n_errors > before ? NULL : p;
}
