#include <stdlib.h>
#include <string.h>

#include "gen/dispatch.h"

/*
 * The row of a source is all that it may do, destination by destination; sources
 * with one row are a group. Where many sources are in the same bulks, what
 * those say is a row that is made once, the base, and of each source only what
 * is different from it is looked at: a thousand sources that use a server each,
 * and may do the same at a thousand others, are not a million places.
 */
enum {
	WHOLE_ROW = 64, /* a base so short is no shorter than its row */
	MANY = 4,	/* nor where one in so many places is different */
};

static bool is_held(const struct triple *t, size_t n, uint32_t entry)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].instead == entry)
			return true;
	return false;
}

static size_t run_of(const struct work *w, size_t i)
{
	const struct triple *t = &w->triples.v[i];
	size_t n = 1;

	while (i + n < w->triples.n && t[n].from == t->from &&
	       t[n].to == t->to)
		n++;
	return n;
}

void dispatch_sort(struct work *w)
{
	VEC(struct triple) run = { 0 };
	size_t kept = 0;

	if (w->triples.n)
		qsort(w->triples.v, w->triples.n, sizeof(*w->triples.v),
		      u32_compare3);
	for (size_t i = 0, n; i < w->triples.n; i += n) {
		n = run_of(w, i);
		run.n = 0;
		for (size_t k = 0; k < n; k++)
			vec_push(w->a, &run, w->triples.v[i + k]);
		for (size_t k = 0; k < n; k++)
			if (!is_held(run.v, n, run.v[k].entry))
				w->triples.v[kept++] = run.v[k];
	}
	w->triples.n = kept;
}

/* ---- bases ------------------------------------------------------------------- */

/* Index of the first that is not before to, of structs in that order which begin
 * with a destination. */
static size_t first_at(const void *v, size_t n, size_t bytes, uint32_t to)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const uint32_t *at = (const void *)((const char *)v +
						    mid * bytes);

		if (*at < to)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The items of one destination. */
static size_t items_at(const struct base *b, uint32_t to, size_t *first)
{
	size_t at = first_at(b->item, b->n_item, sizeof(*b->item), to), n = 0;

	*first = at;
	while (at + n < b->n_item && b->item[at + n].to == to)
		n++;
	return n;
}

size_t base_find(const struct base *b, uint32_t to)
{
	size_t at = first_at(b->ref, b->n_ref, sizeof(*b->ref), to);

	return at < b->n_ref && b->ref[at].to == to ? at : SIZE_MAX;
}

static void base_refs(struct work *w, struct base *b)
{
	u32_list mix = { 0 };

	b->ref = ARENA_ARRAY(w->a, struct cellref, b->n_item);
	for (size_t i = 0; i < b->n_item;) {
		uint32_t to = b->item[i].to;

		for (mix.n = 0; i < b->n_item && b->item[i].to == to; i++)
			vec_push(w->a, &mix, b->item[i].entry);
		b->ref[b->n_ref++] = (struct cellref){ to, lists_intern(w->a,
				&w->mixes, mix.v, mix.n) };
	}
	b->id = ARENA_ARRAY(w->a, uint32_t, b->n_ref);
	b->n_over = ARENA_ARRAY(w->a, uint32_t, b->n_ref);
	for (size_t i = 0; i < b->n_ref; i++)
		b->id[i] = NONE;
}

/* What the sources in all of these sides have in their rows. */
static void add_base(struct work *w, const u32_list *of_side,
		     const uint32_t *side, size_t n)
{
	VEC(struct bulk_item) v = { 0 };
	struct base b = { .n_item = 0 };

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < of_side[side[i]].n; k++) {
			const struct bulk *x =
				&w->bulks.v[of_side[side[i]].v[k]];

			for (size_t m = 0; m < w->sides.len[x->to]; m++)
				vec_push(w->a, &v, (struct bulk_item){
						w->sides.v[x->to][m],
						x->entry });
		}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), u32_compare2);
	b.item = v.v;
	for (size_t i = 0; i < v.n; i++)
		if (!i || u32_compare2(&v.v[i - 1], &v.v[i]))
			b.item[b.n_item++] = v.v[i];
	base_refs(w, &b);
	vec_push(w->a, &w->bases, b);
}

/* By atom, its base; NONE. */
static uint32_t *find_bases(struct work *w)
{
	uint32_t *base = ARENA_ARRAY(w->a, uint32_t, w->atoms.n);
	u32_list *sides = ARENA_ARRAY(w->a, u32_list, w->atoms.n);
	u32_list *of_side = ARENA_ARRAY(w->a, u32_list, w->sides.n);
	struct map ids = { 0 };

	for (uint32_t i = 0; i < w->bulks.n; i++) {
		uint32_t from = w->bulks.v[i].from;

		vec_push(w->a, &of_side[from], i);
		for (size_t k = 0; of_side[from].n == 1 &&
		     k < w->sides.len[from]; k++)
			vec_push(w->a, &sides[w->sides.v[from][k]], from);
	}
	for (size_t i = 0; i < w->atoms.n; i++) {
		struct map_entry *e;
		int is_new;

		base[i] = NONE;
		if (!sides[i].n)
			continue;
		e = map_add(w->a, &ids, sides[i].v,
			    sides[i].n * sizeof(*sides[i].v), &is_new);
		if (is_new) {
			e->val.u = (uint32_t)w->bases.n;
			add_base(w, of_side, sides[i].v, sides[i].n);
		}
		base[i] = e->val.u;
	}
	return base;
}

/* ---- rows ----------------------------------------------------------------------- */

typedef VEC(struct cellref) row;

uint32_t dispatch_ref(struct work *w, struct cellref r)
{
	int is_new;
	struct map_entry *e = map_add(w->a, &w->ref_ids, &r, sizeof(r),
				      &is_new);

	if (is_new) {
		e->val.u = (uint32_t)w->refs.n;
		vec_push(w->a, &w->refs, r);
	}
	return e->val.u;
}

/* All that a source may do at one destination, of which its triples speak. */
static uint32_t mix_at(struct work *w, const struct base *b,
		       const struct triple *t, size_t n)
{
	u32_list v = { 0 };
	size_t first, many = b ? items_at(b, t->to, &first) : 0, k = 0;

	for (size_t i = 0; i < many; i++)
		if (!is_held(t, n, b->item[first + i].entry))
			vec_push(w->a, &v, b->item[first + i].entry);
	for (size_t i = 0; i < n; i++)
		vec_push(w->a, &v, t[i].entry);
	if (many)
		qsort(v.v, v.n, sizeof(*v.v), u32_compare);
	for (size_t i = 0; i < v.n; i++)
		if (!k || v.v[k - 1] != v.v[i])
			v.v[k++] = v.v[i];
	return lists_intern(w->a, &w->mixes, v.v, k);
}

/* An address opens nothing to itself. */
static bool lone(const struct work *w, uint32_t atom)
{
	uint32_t cls = w->atoms.v[atom].cls;

	return cls != NONE && w->p->classes.v[cls].single;
}

/* Where a source's row is different from its base. */
static row own_row(struct work *w, const struct base *b, uint32_t atom,
		   size_t i)
{
	row out = { 0 };

	for (size_t n; i < w->triples.n && w->triples.v[i].from == atom;
	     i += n) {
		uint32_t to = w->triples.v[i].to, mix;
		size_t k = b ? base_find(b, to) : SIZE_MAX;

		n = run_of(w, i);
		mix = mix_at(w, b, &w->triples.v[i], n);
		if (k == SIZE_MAX || b->ref[k].mix != mix)
			vec_push(w->a, &out, (struct cellref){ to, mix });
	}
	if (b && lone(w, atom) && base_find(b, atom) != SIZE_MAX) {
		vec_push(w->a, &out, (struct cellref){ atom, NONE });
		qsort(out.v, out.n, sizeof(*out.v), u32_compare);
	}
	return out;
}

static row whole_row(struct work *w, const struct base *b, const row *own)
{
	row out = { 0 };
	size_t k = 0;

	for (size_t i = 0; b && i < b->n_ref; i++) {
		for (; k < own->n && own->v[k].to < b->ref[i].to; k++)
			vec_push(w->a, &out, own->v[k]);
		if (k == own->n || own->v[k].to != b->ref[i].to)
			vec_push(w->a, &out, b->ref[i]);
		else if (own->v[k++].mix != NONE)
			vec_push(w->a, &out, own->v[k - 1]);
	}
	for (; k < own->n; k++)
		vec_push(w->a, &out, own->v[k]);
	return out;
}

void dispatch_row(struct work *w, const struct group *g, struct block *out)
{
	row own = { g->row, g->n_row, g->n_row };
	row all = whole_row(w, g->base == NONE ? NULL : &w->bases.v[g->base],
			    &own);

	for (size_t i = 0; i < all.n; i++)
		vec_push(w->a, &out->refs, all.v[i]);
}

/* ---- groups ---------------------------------------------------------------------- */

/* A row that is whole is known by its refs; one that is not, by base and
 * differences. */
static uint32_t row_id(struct work *w, uint32_t base, const row *r)
{
	u32_list key = { 0 };

	if (base != NONE) {
		vec_push(w->a, &key, NONE);
		vec_push(w->a, &key, base);
	}
	for (size_t i = 0; i < r->n; i++) {
		if (base == NONE) {
			vec_push(w->a, &key, dispatch_ref(w, r->v[i]));
			continue;
		}
		vec_push(w->a, &key, r->v[i].to);
		vec_push(w->a, &key, r->v[i].mix);
	}
	return lists_intern(w->a, &w->rows, key.v, key.n);
}

/* Its refs, in the order of destinations; those of the base by its first group,
 * as far as that has them. */
static void use_base(struct work *w, struct base *b, uint32_t group,
		     const row *own)
{
	row all = whole_row(w, b->groups.n ? NULL : b, own);

	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].mix != NONE)
			dispatch_ref(w, all.v[i]);
	for (size_t i = 0; i < own->n; i++) {
		size_t k = base_find(b, own->v[i].to);

		if (k != SIZE_MAX)
			b->n_over[k]++;
	}
	vec_push(w->a, &b->groups, group);
}

static struct group *group_of(struct work *w, struct map *ids, uint32_t base,
			      const row *r)
{
	uint32_t id = row_id(w, base, r);
	int is_new;
	struct map_entry *e = map_add(w->a, ids, &id, sizeof(id), &is_new);

	if (is_new) {
		e->val.u = (uint32_t)w->groups.n;
		vec_push(w->a, &w->groups, (struct group){
				.base = base, .row = r->v, .n_row = r->n });
		if (base != NONE)
			use_base(w, &w->bases.v[base], e->val.u, r);
	}
	return &w->groups.v[e->val.u];
}

static void add_source(struct work *w, struct map *ids, uint32_t base,
		       uint32_t atom, size_t first)
{
	struct base *b = base == NONE ? NULL : &w->bases.v[base];
	row r = own_row(w, b, atom, first);
	struct group *g;

	if (b && (b->n_ref <= WHOLE_ROW || r.n * MANY >= b->n_ref)) {
		r = whole_row(w, b, &r);
		base = NONE;
	}
	if (base == NONE && !r.n)
		return;
	g = group_of(w, ids, base, &r);
	vec_push(w->a, &g->atoms, atom);
	if (!g->label || strcmp(w->atoms.v[atom].label, g->label) < 0)
		g->label = w->atoms.v[atom].label;
}

void dispatch_groups(struct work *w)
{
	uint32_t *base = find_bases(w);
	struct map ids = { 0 };
	size_t next = 0;

	for (uint32_t i = 0; i < w->atoms.n; i++) {
		size_t first = next;

		while (next < w->triples.n && w->triples.v[next].from == i)
			next++;
		if (base[i] != NONE || next > first)
			add_source(w, &ids, base[i], i, first);
	}
	for (size_t i = 0; i < w->bases.n; i++)
		for (size_t k = 0; k < w->bases.v[i].n_ref; k++) {
			struct base *b = &w->bases.v[i];

			if (b->n_over[k] < b->groups.n)
				b->id[k] = dispatch_ref(w, b->ref[k]);
		}
}
