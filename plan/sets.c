#include "plan/sets.h"

static bool around(const struct plan *p, const struct cell *c,
		   const struct party *x)
{
	const struct party *n = c->network == NONE ? NULL :
		p->topo->parties.v[c->network];

	while (n && n != x)
		n = n->parent;
	return n && c->zone != NONE;
}

static bool word_has(const struct plan *p, const struct end_word *w,
		     const struct cell *c)
{
	uint32_t roles;

	switch (w->kind) {
	case END_ALL:
		return c->zone != NONE;
	case END_ROLE:
		if (c->cls == NONE)
			return false;
		roles = p->classes.v[c->cls].roles;
		return list_has(p->lists.v[roles], p->lists.len[roles],
				w->role->id);
	case END_PARTY:
		return w->party->kind == PARTY_HOST ||
		       w->party->kind == PARTY_FIREWALL ?
			c->party == w->party->id : around(p, c, w->party);
	case END_PREFIX:
		break;
	}
	return false;
}

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
		for (size_t c = 0; c < p->n_cell; c++)
			if (word_has(p, &e->v[i], &p->cell[c]))
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
