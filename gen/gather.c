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

static void need_class(struct work *w, uint32_t cls);

/* Of a wide class: those of the classes in it. */
static void need_wide(struct work *w, uint32_t cls)
{
	const struct plan *p = w->p;
	const struct class *c = &p->classes.v[cls];
	VEC(uint32_t) ids = { 0 };

	for (size_t i = 0; i < c->n_cell; i++) {
		uint32_t own = p->cell[c->cell[i]].cls;

		if (p->classes.v[own].cell[0] != c->cell[i])
			continue;
		need_class(w, own);
		for (size_t k = 0; k < w->class_atoms[own].n; k++)
			vec_push(w->a, &ids, w->class_atoms[own].v[k]);
	}
	w->class_atoms[cls].v = ids.v;
	w->class_atoms[cls].n = ids.n;
}

static void need_class(struct work *w, uint32_t cls)
{
	const struct class *c = &w->p->classes.v[cls];
	VEC(uint32_t) ids = { 0 };

	if (w->class_atoms[cls].n)
		return;
	if (cls >= w->p->n_plain) {
		need_wide(w, cls);
		return;
	}
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

/* ---- where ends are not seen by their own addresses ------------------------------------ */

typedef VEC(uint32_t) atom_list;

/* There, an address may stand for several classes: each is an atom of its own. */
static bool is_split(const struct work *w, uint32_t cls)
{
	return w->x->translated && (w->p->classes.v[cls].nat ||
				    cls < w->p->topo->firewalls.n);
}

static void push_cell_atom(struct work *w, uint32_t cell, atom_list *out)
{
	int is_new;
	struct map_entry *e = map_add(w->a, &w->cell_atoms, &cell, sizeof(cell),
				      &is_new);

	if (is_new) {
		e->val.u = (uint32_t)w->atoms.n;
		vec_push(w->a, &w->atoms, (struct atom){
				.cls = w->p->cell[cell].cls });
		add_cell(w, e->val.u, cell);
	}
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i] == e->val.u)
			return;
	vec_push(w->a, out, e->val.u);
}

/* The atoms of a class within an end, in one family as that face shows them. */
static void face_atoms(struct work *w, uint32_t cls, uint32_t end,
		       struct face f, bool v4, atom_list *out)
{
	const struct class *c = &w->p->classes.v[cls];
	bool met = false;

	for (size_t i = 0; i < c->n_cell; i++) {
		uint32_t cell = c->cell[i], shown;

		if (addr_is_v4(w->p->cell[cell].lo) != v4 ||
		    (end != NONE && !cell_in_end(w->p, cell, end)))
			continue;
		met = true;
		shown = face_cell(w->p, f, cell);
		if (shown != NONE)
			push_cell_atom(w, shown, out);
	}
	if (met && f.kind == FACE_INTERFACE) {
		uint32_t shown[64];
		size_t n = interface_cells(w->p, f, v4, shown, 64);

		for (size_t i = 0; i < n; i++)
			push_cell_atom(w, shown[i], out);
	}
}

/* Atoms that are looked for again and again, in one order. */
struct side {
	atom_list atoms;
	uint32_t id; /* in sides; NONE: not there yet */
};

static struct side *class_side(struct work *w, uint32_t cls, uint32_t end)
{
	uint32_t key[2] = { cls, end == NONE ? NONE : w->p->end_alike[end] };
	struct map_entry *e = map_add(w->a, &w->class_sides, key, sizeof(key),
				      NULL);
	struct side *s = e->val.p;

	if (s)
		return s;
	e->val.p = s = ARENA_NEW(w->a, struct side);
	s->id = NONE;
	need_class(w, cls);
	for (size_t i = 0; i < w->class_atoms[cls].n; i++) {
		uint32_t a = w->class_atoms[cls].v[i];

		if (atom_in(w, a, end) || !w->atoms.v[a].cells.n)
			vec_push(w->a, &s->atoms, a);
	}
	return s;
}

static struct side *side_at(struct work *w, uint32_t cls, uint32_t end,
			    struct face f, bool v4)
{
	struct side *s;

	if (!is_split(w, cls) || !w->p->classes.v[cls].n_cell)
		return class_side(w, cls, end);
	s = ARENA_NEW(w->a, struct side);
	s->id = NONE;
	face_atoms(w, cls, end, f, v4, &s->atoms);
	return s;
}

static void find_views(struct dispatch *x, uint32_t from, uint32_t to, bool v4,
		       nat_views *out)
{
	const struct plan *p = x->g->p;
	struct face own = { FACE_OWN, 0 };

	out->n = 0;
	if (x->where == AT_FORWARD)
		nat_views_at(p, plan_route(p, p->classes.v[from].node,
					   p->classes.v[to].node),
			     x->g->f->id, x->in, x->out, from, to, v4,
			     x->g->scratch, out);
	else if (x->where == AT_INPUT && p->classes.v[to].n_cell)
		nat_views_input(p, x->g->f->id, x->in, from, v4, x->g->scratch,
				out);
	else
		vec_push(x->g->scratch, out, (struct nat_view){ own, own });
}

/* Are both ends seen by their own addresses, whatever the family? */
static bool plain(struct dispatch *x, uint32_t from, uint32_t to)
{
	nat_views v = { 0 };
	bool own = true;

	if (!x->g->p->translates)
		return true;
	for (int v4 = 0; v4 < 2 && own; v4++) {
		find_views(x, from, to, v4, &v);
		own = v.n == 1 && v.v[0].from.kind == FACE_OWN &&
		      v.v[0].to.kind == FACE_OWN;
	}
	return own;
}

static bool something_translated(struct dispatch *x)
{
	const struct plan *p = x->g->p;

	for (size_t i = 0; p->translates && i < x->pairs.n; i++)
		if (!plain(x, p->pairs.v[x->pairs.v[i]].from,
			   p->pairs.v[x->pairs.v[i]].to))
			return true;
	for (size_t i = 0; p->translates && i < x->products.n; i++)
		if (!plain(x, p->products.v[x->products.v[i]].from,
			   p->products.v[x->products.v[i]].to))
			return true;
	for (size_t i = 0; p->translates && i < x->back.n; i++)
		if (!plain(x, p->products.v[x->back.v[i]].to,
			   p->products.v[x->back.v[i]].from))
			return true;
	return false;
}

unsigned atom_families(const struct work *w, const struct atom *a)
{
	unsigned fam = 0;

	for (size_t i = 0; i < a->cells.n; i++)
		fam |= addr_is_v4(w->p->cell[a->cells.v[i]].lo) ? FAM_V4 : FAM_V6;
	return fam;
}

/* ---- who may do what: triples ------------------------------------------------------- */

static uint32_t side_id(struct work *w, struct side *s)
{
	if (s->id == NONE)
		s->id = lists_intern(w->a, &w->sides, s->atoms.v, s->atoms.n);
	return s->id;
}

/* An address opens nothing to itself. */
static bool same_address(const struct work *w, uint32_t from, uint32_t to)
{
	uint32_t cls = w->atoms.v[from].cls;

	return from == to && cls != NONE && w->p->classes.v[cls].single;
}

enum { FEW = 64 }; /* destinations that a source has one by one */

static void join_sides(struct work *w, struct side *s, struct side *d,
		       uint32_t entry, uint32_t instead)
{
	const atom_list *from = &s->atoms, *to = &d->atoms;

	if (w->g->opt->counters != GEN_COUNT_FLOW &&
	    (from->n > 1 || to->n > FEW)) {
		vec_push(w->a, &w->bulks, (struct bulk){
				side_id(w, s), side_id(w, d), entry,
				instead });
		return;
	}
	for (size_t i = 0; i < from->n; i++)
		for (size_t k = 0; k < to->n; k++)
			if (!same_address(w, from->v[i], to->v[k]))
				vec_push(w->a, &w->triples, (struct triple){
						from->v[i], to->v[k], entry,
						instead });
}

static void view_triples(struct work *w, uint32_t from, uint32_t from_end,
			 uint32_t to, uint32_t to_end, struct entry e,
			 uint32_t instead, struct nat_view v, bool v4)
{
	const struct piece *pieces;
	struct side *s, *d;
	uint32_t id;

	e.face = v.to.kind == FACE_PUBLIC ? FACE_OWN : v.to.kind;
	e.face_id = e.face == FACE_OWN ? 0 : v.to.id;
	id = dispatch_entry(w, e);
	if (!entry_pieces(w->g, &e, &pieces))
		return;
	s = side_at(w, from, from_end, v.from, v4);
	d = side_at(w, to, to_end, v.to, v4);
	join_sides(w, s, d, id, instead);
}

/* wider: of the pair of wide classes that e holds too, its set; 0. Where ends
 * are not seen by their own addresses both stay, which opens no more. */
static void add_triples(struct work *w, uint32_t from, uint32_t from_end,
			uint32_t to, uint32_t to_end, struct entry e,
			uint32_t wider)
{
	struct nat_view own = { { FACE_OWN, 0 }, { FACE_OWN, 0 } };
	nat_views views = { 0 };

	if (!is_split(w, from) && !is_split(w, to)) {
		view_triples(w, from, from_end, to, to_end, e,
			     wider ? dispatch_entry(w, (struct entry){
					     .svc = wider }) : NONE,
			     own, true);
		return;
	}
	for (int v4 = 0; v4 < 2; v4++) {
		find_views(w->x, from, to, v4, &views);
		for (size_t i = 0; i < views.n; i++)
			view_triples(w, from, from_end, to, to_end, e, NONE,
				     views.v[i], v4);
	}
}

/* IKE's own packets; nat: families in which the pair is translated. */
static void ike_triples(struct work *w, uint32_t from, uint32_t from_end,
			uint32_t to, uint32_t to_end, uint32_t ike,
			unsigned families)
{
	unsigned nat = nat_families(w->p, from, to);

	if (families & ~nat)
		add_triples(w, from, from_end, to, to_end, (struct entry){
				.ike = ike, .families = families & ~nat }, 0);
	if (families & nat)
		add_triples(w, from, from_end, to, to_end, (struct entry){
				.ike = ike, .families = families & nat,
				.nat = 1 }, 0);
}

static void product_triples(struct work *w, const struct product *x)
{
	const struct svcset *s = &w->p->svcsets.v[x->svc];

	add_triples(w, x->from, x->from_end, x->to, x->to_end,
		    (struct entry){ .svc = x->svc }, 0);
	if (s->ike_families)
		ike_triples(w, x->from, x->from_end, x->to, x->to_end,
			    s->ipsec, s->ike_families);
}

static void pair_triples(struct work *w, const struct pair *x)
{
	if (x->svc)
		add_triples(w, x->from, NONE, x->to, NONE,
			    (struct entry){ .svc = x->svc }, x->wider);
	if (x->ike)
		ike_triples(w, x->from, NONE, x->to, NONE, x->ike,
			    x->ike_families);
}

void dispatch_gather(struct work *w)
{
	const struct plan *p = w->p;
	struct dispatch *x = w->x;

	x->translated = something_translated(x);
	w->cut = ARENA_ARRAY(w->a, unsigned char, p->n_ends);
	for (size_t i = 0; i < x->products.n; i++) {
		const struct product *q = &p->products.v[x->products.v[i]];

		if (!(is_split(w, q->from) || is_split(w, q->to)) &&
		    dispatch_exact(w, q))
			continue;
		vec_push(w->a, &w->wide, x->products.v[i]);
		w->cut[p->end_alike[q->from_end]] = 1;
		if (q->to_end != NONE)
			w->cut[p->end_alike[q->to_end]] = 1;
	}
	for (size_t i = 0; i < x->back.n; i++) {
		const struct product *q = &p->products.v[x->back.v[i]];

		w->cut[p->end_alike[q->from_end]] = 1;
		w->cut[p->end_alike[q->to_end]] = 1;
	}
	w->class_atoms = arena_alloc(w->a, (p->classes.n + 1) *
				     sizeof(*w->class_atoms));
	for (size_t i = 0; i < x->pairs.n; i++) {
		const struct pair *q = &p->pairs.v[x->pairs.v[i]];

		pair_triples(w, q);
	}
	for (size_t i = 0; i < w->wide.n; i++) {
		const struct product *q = &p->products.v[w->wide.v[i]];

		product_triples(w, q);
	}
	for (size_t i = 0; i < x->back.n; i++) {
		const struct product *q = &p->products.v[x->back.v[i]];
		const struct svcset *s = &p->svcsets.v[q->svc];

		ike_triples(w, q->to, q->to_end, q->from, q->from_end,
			    s->ipsec, s->ike_families);
	}
}
