#include <string.h>

#include "plan/nat.h"

/* Everything that is planned between two cells, as one set of keys. */
struct opened {
	const struct plan *p;
	struct arena *a;
	struct key_set keys;
	bool v4;
};

static void add_svcset(struct opened *o, uint32_t svc)
{
	const struct svcset *s = &o->p->svcsets.v[svc];

	for (size_t i = 0; i < s->n; i++)
		keys_add(o->a, &o->keys, s->v[i].keys.lo, s->v[i].keys.hi);
}

static void add_ike(struct opened *o, uint32_t list, unsigned families,
		    unsigned nat)
{
	const struct plan *p = o->p;
	unsigned fam = o->v4 ? FAM_V4 : FAM_V6;

	if (!(families & fam))
		return;
	for (size_t i = 0; i < p->lists.len[list]; i++)
		o->keys = keys_union(o->a, o->keys, ipsec_keys(o->a,
				p->topo->ipsecs.v[p->lists.v[list][i]], nat & fam));
}

/* IKE's own packets alone. */
static void add_back(void *ctx, const struct product *x)
{
	struct opened *o = ctx;
	const struct svcset *s = &o->p->svcsets.v[x->svc];

	add_ike(o, s->ipsec, s->ike_families,
		nat_families(o->p, x->from, x->to));
}

static void add_allow(void *ctx, const struct product *x)
{
	add_svcset(ctx, x->svc);
	add_back(ctx, x);
}

static void add_inputs(struct opened *o, uint32_t from,
		       const struct firewall *f)
{
	const struct plan *p = o->p;

	for (size_t i = 0; i < f->inputs.n; i++) {
		uint32_t id = f->inputs.v[i]->id;
		const struct product *x = plan_product(p, REASON_INPUT, id,
						     p->cell[from].cls, f->id);

		if (x && cell_in_end(p, from, p->end_input + id))
			add_svcset(o, x->svc);
	}
}

struct key_set plan_opened(const struct plan *p, uint32_t from, uint32_t to,
			   struct arena *a)
{
	struct opened o = { .p = p, .a = a,
			    .v4 = addr_is_v4(p->cell[from].lo) };
	const struct cell *f = &p->cell[from], *t = &p->cell[to];
	struct pair pair;

	if (f->party == NONE || t->party == NONE ||
	    o.v4 != addr_is_v4(t->lo))
		return o.keys;
	if (cell_firewall(p, t)) {
		add_inputs(&o, from, cell_firewall(p, t));
		return keys_of_family(a, o.keys, o.v4);
	}
	pair = plan_pair(p, f->cls, t->cls);
	add_svcset(&o, pair.svc);
	add_ike(&o, pair.ike, pair.ike_families, pair.nat_families);
	plan_each_allow(p, from, to, add_allow, &o);
	plan_each_allow(p, to, from, add_back, &o);
	return keys_of_family(a, o.keys, o.v4);
}

const char *plan_owner(const struct plan *p, const struct few_cells *few,
		       uint32_t cls, uint32_t end)
{
	const struct class *c = &p->classes.v[cls];
	struct few_cells in = { c->cell, c->n_cell };
	const char *owner = NULL;
	bool any = false;

	if (!c->n_cell)
		return p->topo->owner;
	if (end != NONE && few[end].cell)
		in = few[end];
	for (size_t i = 0; i < in.n; i++) {
		const char *s;

		if (!cell_in_class(p, in.cell[i], cls) ||
		    (end != NONE && !cell_in_end(p, in.cell[i], end)))
			continue;
		s = p->topo->parties.v[p->cell[in.cell[i]].party]->owner;
		if (any && s != owner && (!s || !owner || strcmp(s, owner)))
			return "several";
		owner = s;
		any = true;
	}
	return owner;
}
