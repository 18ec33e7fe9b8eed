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

/* What one side of destinations may be asked for. */
struct said {
	uint32_t side, entry, instead;
};

/* In a mix that is not settled: what stands in place of the entry is there. */
#define HELD UINT32_C(0x80000000)

static size_t run_of(const struct work *w, size_t i)
{
	const struct triple *t = &w->triples.v[i];
	size_t n = 1;

	while (i + n < w->triples.n && t[n].from == t->from &&
	       t[n].to == t->to)
		n++;
	return n;
}

static bool is_one_of(const u32_list *few, uint32_t x)
{
	for (size_t i = 0; i < few->n; i++)
		if (few->v[i] == x)
			return true;
	return false;
}

void dispatch_sort(struct work *w)
{
	struct triple *t = w->triples.v;
	u32_list held = { 0 };
	size_t kept = 0;

	if (w->triples.n)
		qsort(t, w->triples.n, sizeof(*t), u32_compare3);
	for (size_t i = 0, n; i < w->triples.n; i += n) {
		n = run_of(w, i);
		held.n = 0;
		for (size_t k = i; k < i + n; k++)
			if (t[k].instead != NONE)
				vec_push(w->a, &held, t[k].instead);
		for (size_t k = i; k < i + n; k++)
			if (!is_one_of(&held, t[k].entry))
				t[kept++] = t[k];
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

size_t base_find(const struct base *b, uint32_t to)
{
	size_t at = first_at(b->ref, b->n_ref, sizeof(*b->ref), to);

	return at < b->n_ref && b->ref[at].to == to ? at : SIZE_MAX;
}

static void add_entry(struct work *w, u32_list *v, uint32_t entry,
		      uint32_t instead)
{
	vec_push(w->a, v, entry);
	if (instead != NONE)
		vec_push(w->a, v, HELD | instead);
}

/* Ascending, each once, without what others stand in place of. */
static uint32_t settle(struct work *w, u32_list *v)
{
	size_t n = 0, held;

	qsort(v->v, v->n, sizeof(*v->v), u32_compare);
	for (held = v->n; held && v->v[held - 1] & HELD; held--)
		;
	for (size_t i = 0; i < held; i++)
		if ((!i || v->v[i] != v->v[i - 1]) &&
		    !list_has(v->v + held, v->n - held, HELD | v->v[i]))
			v->v[n++] = v->v[i];
	return lists_intern(w->a, &w->mixes, v->v, n);
}

/* All that these mixes say, found once. */
static uint32_t join_mixes(struct work *w, const u32_list *mixes)
{
	int is_new;
	struct map_entry *e = map_add(w->a, &w->joined, mixes->v,
				      mixes->n * sizeof(*mixes->v), &is_new);
	u32_list v = { 0 };

	if (!is_new)
		return e->val.u;
	for (size_t i = 0; i < mixes->n; i++)
		for (size_t k = 0; k < w->mixes.len[mixes->v[i]]; k++)
			vec_push(w->a, &v, w->mixes.v[mixes->v[i]][k]);
	return e->val.u = settle(w, &v);
}

static void base_refs(struct work *w, struct base *b, const struct cellref *v,
		      size_t n)
{
	u32_list mixes = { 0 };

	b->ref = ARENA_ARRAY(w->a, struct cellref, n);
	for (size_t i = 0; i < n;) {
		uint32_t to = v[i].to;

		for (mixes.n = 0; i < n && v[i].to == to; i++)
			vec_push(w->a, &mixes, v[i].mix);
		b->ref[b->n_ref++] =
			(struct cellref){ to, join_mixes(w, &mixes) };
	}
	b->id = ARENA_ARRAY(w->a, uint32_t, b->n_ref);
	b->n_over = ARENA_ARRAY(w->a, uint32_t, b->n_ref);
	for (size_t i = 0; i < b->n_ref; i++)
		b->id[i] = NONE;
}

/* What is said of one side of destinations is put together before it is said
 * of each of them. */
static void add_base(struct work *w, const struct said *v, size_t n)
{
	VEC(struct cellref) at = { 0 };
	struct base b = { .n_ref = 0 };
	u32_list mix = { 0 };

	for (size_t i = 0; i < n;) {
		uint32_t side = v[i].side, id;

		for (mix.n = 0; i < n && v[i].side == side; i++)
			add_entry(w, &mix, v[i].entry, v[i].instead);
		id = lists_intern(w->a, &w->mixes, mix.v, mix.n);
		for (size_t k = 0; k < w->sides.len[side]; k++)
			vec_push(w->a, &at, (struct cellref){
					w->sides.v[side][k], id });
	}
	if (at.n)
		qsort(at.v, at.n, sizeof(*at.v), u32_compare2);
	base_refs(w, &b, at.v, at.n);
	vec_push(w->a, &w->bases, b);
}

/* Of the sources in all of these sides. */
static uint32_t base_of(struct work *w, struct map *ids,
			const u32_list *of_side, const u32_list *sides)
{
	VEC(struct said) v = { 0 };
	struct map_entry *e;
	size_t n = 0;
	int is_new;

	for (size_t i = 0; i < sides->n; i++)
		for (size_t k = 0; k < of_side[sides->v[i]].n; k++) {
			const struct bulk *x =
				&w->bulks.v[of_side[sides->v[i]].v[k]];

			vec_push(w->a, &v, (struct said){ x->to, x->entry,
					x->instead });
		}
	qsort(v.v, v.n, sizeof(*v.v), u32_compare3);
	for (size_t i = 0; i < v.n; i++)
		if (!n || u32_compare3(&v.v[n - 1], &v.v[i]))
			v.v[n++] = v.v[i];
	e = map_add(w->a, ids, v.v, n * sizeof(*v.v), &is_new);
	if (is_new) {
		e->val.u = (uint32_t)w->bases.n;
		add_base(w, v.v, n);
	}
	return e->val.u;
}

/* By atom, its base; NONE. */
static uint32_t *find_bases(struct work *w)
{
	uint32_t *base = ARENA_ARRAY(w->a, uint32_t, w->atoms.n);
	u32_list *sides = ARENA_ARRAY(w->a, u32_list, w->atoms.n);
	u32_list *of_side = ARENA_ARRAY(w->a, u32_list, w->sides.n);
	struct map by_sides = { 0 }, ids = { 0 };

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
		e = map_add(w->a, &by_sides, sides[i].v,
			    sides[i].n * sizeof(*sides[i].v), &is_new);
		if (is_new)
			e->val.u = base_of(w, &ids, of_side, &sides[i]);
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

static uint32_t sum_mix(struct work *w, uint32_t base_mix,
			const struct triple *t, size_t n)
{
	u32_list v = { 0 };

	for (size_t i = 0; base_mix != NONE && i < w->mixes.len[base_mix]; i++)
		vec_push(w->a, &v, w->mixes.v[base_mix][i]);
	for (size_t i = 0; i < n; i++)
		add_entry(w, &v, t[i].entry, t[i].instead);
	return settle(w, &v);
}

/* All that a source may do at one destination, of which its triples speak: a
 * long base is not gone through again for each that adds the same to it. */
static uint32_t mix_at(struct work *w, uint32_t base_mix,
		       const struct triple *t, size_t n)
{
	u32_list key = { 0 };
	struct map_entry *e;
	int is_new;

	vec_push(w->a, &key, base_mix);
	for (size_t i = 0; i < n; i++) {
		vec_push(w->a, &key, t[i].entry);
		vec_push(w->a, &key, t[i].instead);
	}
	e = map_add(w->a, &w->said, key.v, key.n * sizeof(*key.v), &is_new);
	if (is_new)
		e->val.u = sum_mix(w, base_mix, t, n);
	return e->val.u;
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
		mix = mix_at(w, k == SIZE_MAX ? NONE : b->ref[k].mix,
			     &w->triples.v[i], n);
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
