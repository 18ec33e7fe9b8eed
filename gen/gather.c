#include <stdlib.h>
#include <string.h>

#include "gen/dispatch.h"

uint32_t dispatch_entry(struct work *w, struct entry e)
{
	int is_new;
	struct map_entry *m = map_add(w->a, &w->entry_ids, &e, sizeof(e),
				      &is_new);

	if (is_new) {
		m->val.u = (uint32_t)w->entries.n;
		vec_push(w->a, &w->entries, e);
	}
	return m->val.u;
}

/* ---- atoms --------------------------------------------------------------------------- */

static const char *cell_label(const struct work *w, uint32_t cell)
{
	const char *s = plan_party_name(w->p, w->p->cell[cell].party);

	return s ? s : "none";
}

static uint32_t atom_of(struct work *w, uint32_t cls, const uint32_t *ends,
			size_t n)
{
	VEC(uint32_t) key = { 0 };
	struct map_entry *e;
	int is_new;

	vec_push(w->a, &key, cls);
	for (size_t i = 0; i < n; i++)
		vec_push(w->a, &key, ends[i]);
	e = map_add(w->a, &w->atom_ids, key.v, key.n * sizeof(*key.v), &is_new);
	if (is_new) {
		e->val.u = (uint32_t)w->atoms.n;
		vec_push(w->a, &w->atoms, (struct atom){ .cls = cls });
	}
	return e->val.u;
}

static void add_cell(struct work *w, uint32_t atom, uint32_t cell)
{
	struct atom *a = &w->atoms.v[atom];
	const char *label = cell_label(w, cell);

	vec_push(w->a, &a->cells, cell);
	if (!a->label || strcmp(label, a->label) < 0)
		a->label = label;
}

static uint32_t cell_atom(struct work *w, uint32_t cls, uint32_t cell)
{
	const struct plan *p = w->p;
	uint32_t list = p->cell[cell].ends;
	VEC(uint32_t) ends = { 0 };

	for (size_t i = 0; i < p->end_lists.len[list]; i++) {
		uint32_t e = p->end_lists.v[list][i];

		if (w->cut[e])
			vec_push(w->a, &ends, e);
	}
	return atom_of(w, cls, ends.v, ends.n);
}

static void need_class(struct work *w, uint32_t cls)
{
	const struct class *c = &w->p->classes.v[cls];
	VEC(uint32_t) ids = { 0 };

	if (w->class_atoms[cls].n)
		return;
	for (size_t i = 0; i < c->n_cell; i++) {
		uint32_t a = cell_atom(w, cls, c->cell[i]);

		add_cell(w, a, c->cell[i]);
		if (w->atoms.v[a].cells.n == 1)
			vec_push(w->a, &ids, a);
	}
	if (!c->n_cell)
		vec_push(w->a, &ids, atom_of(w, cls, NULL, 0));
	w->class_atoms[cls].v = ids.v;
	w->class_atoms[cls].n = ids.n;
}

static bool atom_in(const struct work *w, uint32_t atom, uint32_t end)
{
	const struct atom *a = &w->atoms.v[atom];

	return end == NONE || (a->cells.n &&
			       cell_in_end(w->p, a->cells.v[0], end));
}

unsigned atom_families(const struct work *w, const struct atom *a)
{
	unsigned fam = 0;

	for (size_t i = 0; i < a->cells.n; i++)
		fam |= addr_is_v4(w->p->cell[a->cells.v[i]].lo) ? FAM_V4 : FAM_V6;
	return fam;
}

/* ---- who may do what: triples ------------------------------------------------------- */

static void add_triples(struct work *w, uint32_t from, uint32_t from_end,
			uint32_t to, uint32_t to_end, struct entry e)
{
	uint32_t id = dispatch_entry(w, e);
	const struct piece *v;

	if (!entry_pieces(w->g, &e, &v))
		return;
	for (size_t i = 0; i < w->class_atoms[from].n; i++) {
		uint32_t s = w->class_atoms[from].v[i];

		if (!atom_in(w, s, from_end))
			continue;
		for (size_t k = 0; k < w->class_atoms[to].n; k++) {
			uint32_t d = w->class_atoms[to].v[k];

			if (atom_in(w, d, to_end) || !w->atoms.v[d].cells.n)
				vec_push(w->a, &w->triples,
					 (struct triple){ s, d, id });
		}
	}
}

static void product_triples(struct work *w, const struct product *x)
{
	const struct svcset *s = &w->p->svcsets.v[x->svc];

	add_triples(w, x->from, x->from_end, x->to, x->to_end,
		    (struct entry){ .svc = x->svc });
	if (s->ike_families)
		add_triples(w, x->from, x->from_end, x->to, x->to_end,
			    (struct entry){ .ike = s->ipsec,
					    .families = s->ike_families });
}

static void pair_triples(struct work *w, const struct pair *x)
{
	if (x->svc)
		add_triples(w, x->from, NONE, x->to, NONE,
			    (struct entry){ .svc = x->svc });
	if (x->ike)
		add_triples(w, x->from, NONE, x->to, NONE,
			    (struct entry){ .ike = x->ike,
					    .families = x->ike_families });
}

void dispatch_gather(struct work *w)
{
	const struct plan *p = w->p;
	struct dispatch *x = w->x;

	w->cut = ARENA_ARRAY(w->a, unsigned char, p->n_ends);
	for (size_t i = 0; i < x->products.n; i++) {
		const struct product *q = &p->products.v[x->products.v[i]];

		if (dispatch_exact(w, q))
			continue;
		vec_push(w->a, &w->wide, x->products.v[i]);
		w->cut[q->from_end] = 1;
		if (q->to_end != NONE)
			w->cut[q->to_end] = 1;
	}
	for (size_t i = 0; i < x->back.n; i++) {
		const struct product *q = &p->products.v[x->back.v[i]];

		w->cut[q->from_end] = w->cut[q->to_end] = 1;
	}
	w->class_atoms = arena_alloc(w->a, (p->classes.n + 1) *
				     sizeof(*w->class_atoms));
	for (size_t i = 0; i < x->pairs.n; i++) {
		const struct pair *q = &p->pairs.v[x->pairs.v[i]];

		need_class(w, q->from);
		need_class(w, q->to);
		pair_triples(w, q);
	}
	for (size_t i = 0; i < w->wide.n; i++) {
		const struct product *q = &p->products.v[w->wide.v[i]];

		need_class(w, q->from);
		need_class(w, q->to);
		product_triples(w, q);
	}
	for (size_t i = 0; i < x->back.n; i++) {
		const struct product *q = &p->products.v[x->back.v[i]];
		const struct svcset *s = &p->svcsets.v[q->svc];

		need_class(w, q->from);
		need_class(w, q->to);
		add_triples(w, q->to, q->to_end, q->from, q->from_end,
			    (struct entry){ .ike = s->ipsec,
					    .families = s->ike_families });
	}
}
