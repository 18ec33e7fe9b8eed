#include "plan/internal.h"

/*
 * All that an expect names must be planned, carried or not. Cells of one class
 * and with the same ends are asked for once.
 */
struct kind_of_cell {
	uint32_t cell; /* the first */
	bool many;     /* there is a second address like it: */
	struct addr second;
};

typedef VEC(struct kind_of_cell) kinds;

struct hope {
	struct build *b;
	const struct rule *r;
	kinds from, to;
	struct map told; /* party, party: one message */
	size_t missing, pairs;
};

enum { SAID_MOST = 3 }; /* messages for one expect */

static void add_kind(struct hope *h, kinds *out, struct map *seen, uint32_t c)
{
	const struct cell *x = &h->b->plan->cell[c];
	uint32_t key[3] = { x->cls, x->ends, cell_family(x) };
	int is_new;
	struct map_entry *e = map_add(h->b->scratch, seen, key, sizeof(key),
				      &is_new);

	if (is_new) {
		e->val.u = (uint32_t)out->n;
		vec_push(h->b->scratch, out, (struct kind_of_cell){
				c, !addr_eq(x->lo, x->hi), x->hi });
	} else if (!out->v[e->val.u].many) {
		out->v[e->val.u].many = true;
		out->v[e->val.u].second = x->lo;
	}
}

static void find_kinds(struct hope *h)
{
	const struct plan *p = h->b->plan;
	uint32_t from = p->end_expect + 3 * h->r->id;
	struct map seen[2] = { { 0 }, { 0 } };

	for (uint32_t c = 0; c < p->n_cell; c++) {
		if (p->cell[c].cls == NONE)
			continue;
		if (cell_in_end(p, c, from) && !cell_in_end(p, c, from + 2))
			add_kind(h, &h->from, &seen[0], c);
		if (cell_in_end(p, c, from + 1))
			add_kind(h, &h->to, &seen[1], c);
	}
}

static struct key_set expected_at(struct hope *h, uint32_t to_cls, bool v4)
{
	struct key_set k = h->r->what.keys;
	uint32_t pin;

	for (size_t i = 0; i < h->r->what.services.n; i++) {
		const struct service *s = h->r->what.services.v[i];

		for (size_t l = 0; l < s->n_leaf; l++)
			k = keys_union(h->b->scratch, k,
				       service_keys_at(h->b, s->leaf[l],
						       to_cls, &pin));
	}
	return keys_of_family(h->b->scratch, k, v4);
}

/* To a party of a class, at the address of that text. */
static void say(struct hope *h, uint32_t s, uint32_t to_cls, const char *name,
		const char *at, struct key_range r)
{
	const struct plan *p = h->b->plan;
	bool path = plan_route(p, p->classes.v[p->cell[s].cls].node,
			       p->classes.v[to_cls].node)->reachable;
	const void *parties[2] = { plan_party_name(p, p->cell[s].party), name };
	char a[ADDR_TEXT], k[KEY_TEXT];
	int is_new;

	map_add(h->b->scratch, &h->told, parties, sizeof(parties), &is_new);
	if (!is_new)
		return;
	if (h->missing++ >= SAID_MOST)
		return;
	key_text(r, k);
	addr_text(p->cell[s].lo, a);
	diag_add(h->b->d, SEV_ERROR, h->r->at,
		 "expected, and not planned: %s from \"%s\" (%s) to \"%s\" "
		 "(%s)%s", k, plan_party_name(p, p->cell[s].party), a, name, at,
		 path ? "" : ": no path leads there");
}

static void try_pair(struct hope *h, const struct kind_of_cell *s,
		     const struct kind_of_cell *d)
{
	struct build *b = h->b;
	const struct cell *x = &b->plan->cell[s->cell];
	const struct cell *y = &b->plan->cell[d->cell];
	char at[ADDR_TEXT];
	struct key_set lost;

	if (cell_family(x) != cell_family(y) ||
	    (s->cell == d->cell && !d->many))
		return;
	h->pairs++;
	lost = keys_minus(b->scratch,
			  expected_at(h, y->cls, addr_is_v4(y->lo)),
			  plan_opened(b->plan, s->cell, d->cell, b->scratch));
	if (!lost.n)
		return;
	addr_text(s->cell == d->cell ? d->second : y->lo, at);
	say(h, s->cell, y->cls, plan_party_name(b->plan, y->party), at,
	    lost.r[0]);
}

/* What inputs of a firewall that declares no address let in from the cell. */
static struct key_set let_in(struct hope *h, uint32_t s, uint32_t firewall)
{
	const struct plan *p = h->b->plan;
	uint32_t node = p->classes.v[p->cell[s].cls].node;
	struct key_set out = { 0 };

	for (size_t i = 0; i < p->products.n; i++) {
		const struct product *x = &p->products.v[i];
		const struct svcset *svc = &p->svcsets.v[x->svc];

		if (!x->any_local || x->to != firewall ||
		    p->classes.v[x->from].node != node ||
		    !cell_in_end(p, s, x->from_end))
			continue;
		for (size_t k = 0; k < svc->n; k++)
			keys_add(h->b->scratch, &out, svc->v[k].keys.lo,
				 svc->v[k].keys.hi);
	}
	return out;
}

/* It is in no cell. */
static void try_bare_firewall(struct hope *h, const struct kind_of_cell *s,
			      const struct firewall *f)
{
	bool v4 = addr_is_v4(h->b->plan->cell[s->cell].lo);
	struct key_set lost = keys_minus(h->b->scratch,
					 expected_at(h, f->id, v4),
					 let_in(h, s->cell, f->id));

	h->pairs++;
	if (lost.n)
		say(h, s->cell, f->id, f->name, "the firewall itself",
		    lost.r[0]);
}

static void check_expect(struct build *b, const struct rule *r)
{
	struct hope h = { .b = b, .r = r };

	find_kinds(&h);
	for (size_t i = 0; i < h.from.n; i++)
		for (size_t k = 0; k < h.to.n; k++)
			try_pair(&h, &h.from.v[i], &h.to.v[k]);
	for (size_t k = 0; k < r->to.n; k++) {
		const struct firewall *f = r->to.v[k].kind == END_PARTY ?
			r->to.v[k].party->firewall : NULL;

		for (size_t i = 0; f && !b->plan->classes.v[f->id].n_cell &&
		     i < h.from.n; i++)
			try_bare_firewall(&h, &h.from.v[i], f);
	}
	if (h.missing > SAID_MOST)
		diag_add(b->d, SEV_ERROR, r->at,
			 "expected, and not planned: between %zu more pair%s of "
			 "parties", h.missing - SAID_MOST,
			 h.missing - SAID_MOST > 1 ? "s" : "");
	if (!h.pairs)
		diag_add(b->d, SEV_WARNING, r->at,
			 "this expect expects nothing: no address of \"from\" "
			 "has another of its family in \"to\"");
}

void check_expects(struct build *b)
{
	for (size_t i = 0; i < b->topo->expects.n; i++)
		check_expect(b, b->topo->expects.v[i]);
}
