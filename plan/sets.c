#include "plan/sets.h"

struct addr_set plan_ends_set(const struct plan *p, const struct ends *e,
			      struct arena *a)
{
	VEC(struct addr_range) v = { 0 };
	struct addr_set s;

	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].kind == END_PREFIX) {
			vec_push(a, &v, e->v[i].prefix.r);
			continue;
		}
		for (uint32_t c = 0; c < p->n_cell; c++)
			if (plan_word_has(p, &e->v[i], c))
				vec_push(a, &v, (struct addr_range){
						p->cell[c].lo, p->cell[c].hi });
	}
	s = (struct addr_set){ v.v, v.n };
	addr_set_normalise(&s);
	return s;
}

struct key_set plan_packets_keys(const struct plan *p, const struct packets *w,
				 struct arena *a)
{
	struct key_set k = w->keys;

	for (size_t i = 0; i < w->services.n; i++)
		for (size_t l = 0; l < w->services.v[i]->n_leaf; l++) {
			const struct service *s = w->services.v[i]->leaf[l];

			k = keys_union(a, k, s->keys);
			for (size_t n = 0; s->dynamic && n < p->topo->pins.n;
			     n++)
				if (p->topo->pins.v[n]->service == s)
					k = keys_union(a, k,
						       p->topo->pins.v[n]->ports);
		}
	return k;
}
