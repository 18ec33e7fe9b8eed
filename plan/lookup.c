#include "plan/plan.h"

/* What the plan says between two classes of cells, by the wide ones that they
 * are in as well. */

static const struct pair *find_pair(const struct plan *p, uint32_t from,
				    uint32_t to)
{
	uint32_t key[2] = { from, to };
	const struct map_entry *e = map_find(&p->pair_index, key, sizeof(key));

	return e ? &p->pairs.v[e->val.u] : NULL;
}

/* Elements of IPsec that cover two classes are the same for all pairs that
 * they are in. What goes back is the other way round: from all destinations
 * to all sources. */
struct pair plan_pair(const struct plan *p, uint32_t from, uint32_t to)
{
	const struct class *f = &p->classes.v[from], *t = &p->classes.v[to];
	const struct pair *all[3] = {
		find_pair(p, from, to), find_pair(p, f->source, t->dest),
		find_pair(p, f->dest, t->source),
	};
	struct pair out = { .from = from, .to = to };

	for (int i = 0; i < 3; i++) {
		if (!all[i])
			continue;
		if (!out.svc)
			out.svc = all[i]->svc;
		if (all[i]->ike)
			out.ike = all[i]->ike;
		out.ike_families |= all[i]->ike_families;
		out.nat_families |= all[i]->nat_families;
	}
	return out;
}

const struct product *plan_product(const struct plan *p, enum reason_kind kind,
				   uint32_t id, uint32_t from, uint32_t to)
{
	const struct class *f = &p->classes.v[from], *t = &p->classes.v[to];
	uint32_t key[4] = { kind, id, from, to };

	for (int i = 0; i < 4; i++) {
		const struct map_entry *e;

		key[2] = i & 1 ? f->source : from;
		key[3] = i & 2 ? t->dest : to;
		if ((i & 1 && f->source == from) || (i & 2 && t->dest == to))
			continue;
		e = map_find(&p->product_index, key, sizeof(key));
		if (e)
			return &p->products.v[e->val.u];
	}
	return NULL;
}

void plan_each_allow(const struct plan *p, uint32_t from, uint32_t to,
		     void (*each)(void *ctx, const struct product *x),
		     void *ctx)
{
	uint32_t list = p->cell[from].ends;

	for (size_t i = 0; i < p->end_lists.len[list]; i++) {
		uint32_t e = p->end_lists.v[list][i];
		const struct product *x;

		if (e < p->end_allow || e >= p->end_forbid ||
		    (e - p->end_allow) % 2)
			continue;
		for (; e != NONE; e = p->end_next[e]) {
			if (!cell_in_end(p, to, e + 1))
				continue;
			x = plan_product(p, REASON_ALLOW,
					 (e - p->end_allow) / 2,
					 p->cell[from].cls, p->cell[to].cls);
			if (x)
				each(ctx, x);
		}
	}
}
