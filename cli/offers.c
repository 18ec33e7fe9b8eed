#include "cli/offers.h"

static bool bears(const struct plan *p, uint32_t cell, const struct role *r)
{
	uint32_t list = p->classes.v[p->cell[cell].cls].roles;

	return list_has(p->lists.v[list], p->lists.len[list], r->id);
}

static bool carries(const struct plan *p, const struct flow *t, uint32_t to,
		    uint32_t key)
{
	struct arena *a = arena_new();
	bool found = false;
	uint32_t pin;

	for (size_t i = 0; i < t->services.n; i++)
		for (size_t k = 0; k < t->services.v[i]->n_leaf; k++)
			found |= keys_has(plan_service_keys(p, t->services.v[i]
					->leaf[k], p->cell[to].cls, &pin, a),
					key);
	arena_free(a);
	return found;
}

static bool is_host(const struct plan *p, uint32_t cell)
{
	uint32_t party = p->cell[cell].party;

	return party != NONE && p->topo->parties.v[party]->kind == PARTY_HOST;
}

void role_offers(const struct plan *p, const struct packet *k,
		 void (*fn)(void *ctx, const struct role_offer *x), void *ctx)
{
	uint32_t s = plan_cell(p, k->src), d = plan_cell(p, k->dst);
	uint32_t key = key_of(k->proto, k->detail);

	if (s == NONE || d == NONE || p->cell[s].cls == NONE ||
	    p->cell[d].cls == NONE)
		return;
	for (size_t i = 0; i < p->topo->flows.n; i++) {
		const struct flow *x = p->topo->flows.v[i];

		if (x->requirement == REQ_OPTIONAL || !carries(p, x, d, key))
			continue;
		for (size_t n = 0; n < x->from.n * x->to.n; n++) {
			const struct role *from = x->from.v[n / x->to.n];
			const struct role *to = x->to.v[n % x->to.n];
			bool sb = bears(p, s, from), db = bears(p, d, to);

			if (db && !sb && is_host(p, s))
				fn(ctx, &(struct role_offer){
						x, from, to, from, false });
			if (sb && !db && is_host(p, d))
				fn(ctx, &(struct role_offer){
						x, from, to, to, true });
		}
	}
}

const char *role_offer_row(struct arena *a, const struct role_offer *x)
{
	return arena_printf(a, "%s %s>%s", x->flow->origin, x->from->name,
			    x->to->name);
}
