#include <stdlib.h>
#include <string.h>

#include "gen/dispatch.h"

/*
 * Exceptions of a source to many destinations: a row for each such source would
 * name them all again. Where nothing else that it may do everywhere is on the
 * same ports, its order among the rules is nobody's concern, and it stands
 * apart, behind the groups: a map from sources to chains that look for the
 * destinations in one set, which is there once for all. At the few destinations
 * where the source may do more on these ports, it is in the row as well, so that
 * the most specific counter counts.
 */
enum {
	FEW_SOURCES = 16,
	MANY_TO = 64,	    /* destinations of one exception */
	APART_SLACK = 1024, /* places too few to be worth it */
};

/* A range of keys that an exception opens from a source. */
struct opening {
	uint32_t lo, hi, entry;
};

typedef VEC(struct opening) openings;

/* The bulks of one side of sources: exceptions to many, and the others. */
struct said_of {
	u32_list own, others;
};

/* What is asked of one source: all that is said of its sides, and triples. */
struct asked {
	u32_list sides;
	size_t triple, n_triple;
};

struct aparter {
	struct work *w;
	struct said_of *of_side;
	struct asked *of; /* by atom */
	struct map others; /* sides -> keys that the other bulks open */
	openings found;	   /* of one source at a time */
	struct key_set *keys; /* by entry; empty: not asked yet */
	bool *asks;	  /* by entry: of some exception to many */
	bool *stays;	  /* by entry: what else is on its ports is wide, too */
	bool **side_has;  /* by side, by atom; NULL: not asked yet */
	VEC(struct triple) also; /* what is in rows as well */
	struct lists sides; /* of destinations: sides that are one */
	struct map dests; /* in sides -> struct dest */
};

/* Destinations, found once for all sources. */
struct dest {
	u32_list atoms;
	const char *label;
	struct addresses *at[2];
};

/* An exception may open the same at a few other destinations, each by itself. */
static bool entry_apart(const struct aparter *x, uint32_t entry)
{
	return x->asks[entry] && !x->stays[entry];
}

static bool is_candidate(const struct work *w, const struct bulk *b)
{
	return w->sides.len[b->from] <= FEW_SOURCES &&
	       w->sides.len[b->to] > MANY_TO && b->instead == NONE &&
	       !w->entries.v[b->entry].ike;
}

/* ---- which exceptions can stand apart -------------------------------------------- */

static void find_asked(struct aparter *x)
{
	struct work *w = x->w;

	x->of_side = ARENA_ARRAY(w->a, struct said_of, w->sides.n);
	x->of = ARENA_ARRAY(w->a, struct asked, w->atoms.n);
	for (uint32_t i = 0; i < w->bulks.n; i++) {
		const struct bulk *b = &w->bulks.v[i];
		struct said_of *s = &x->of_side[b->from];
		bool own = is_candidate(w, b);

		for (size_t k = 0; !s->own.n && !s->others.n &&
		     k < w->sides.len[b->from]; k++)
			vec_push(w->a, &x->of[w->sides.v[b->from][k]].sides,
				 b->from);
		vec_push(w->a, own ? &s->own : &s->others, i);
		x->asks[b->entry] |= own;
	}
	for (size_t i = 0; i < w->triples.n; i++) {
		struct asked *a = &x->of[w->triples.v[i].from];

		if (!a->n_triple++)
			a->triple = i;
	}
}

static struct key_set entry_keys(struct aparter *x, uint32_t entry)
{
	struct work *w = x->w;
	const struct piece *v;
	struct key_range *r;
	size_t n;

	if (x->keys[entry].n)
		return x->keys[entry];
	n = entry_pieces(w->g, &w->entries.v[entry], &v);
	r = ARENA_ARRAY(w->a, struct key_range, n);
	for (size_t i = 0; i < n; i++)
		r[i] = v[i].keys;
	return x->keys[entry] = keys_from(w->a, r, n);
}

/* What a source opens to whole sides, its exceptions aside; found once for all
 * of which the same is said. */
static const struct key_set *other_keys(struct aparter *x,
					const u32_list *sides)
{
	struct work *w = x->w;
	struct map_entry *e = map_add(w->a, &x->others, sides->n ?
				      (const void *)sides->v : "",
				      sides->n * sizeof(*sides->v), NULL);
	VEC(struct key_range) v = { 0 };
	struct key_set *out = e->val.p;

	if (out)
		return out;
	e->val.p = out = ARENA_NEW(w->a, struct key_set);
	for (size_t i = 0; i < sides->n; i++) {
		const u32_list *b = &x->of_side[sides->v[i]].others;

		for (size_t k = 0; k < b->n; k++) {
			struct key_set s = entry_keys(x, w->bulks.v[b->v[k]]
							 .entry);

			for (size_t r = 0; r < s.n; r++)
				vec_push(w->a, &v, s.r[r]);
		}
	}
	*out = keys_from(w->a, v.v, v.n);
	return out;
}

static void push_openings(struct aparter *x, uint32_t entry,
			  const struct key_set *others)
{
	struct key_set k = entry_keys(x, entry);

	if (keys_meet(k, *others))
		x->stays[entry] = true;
	for (size_t i = 0; i < k.n; i++)
		vec_push(x->w->a, &x->found, (struct opening){
				k.r[i].lo, k.r[i].hi, entry });
}

/* Of openings that meet each other, directly or by way of others, more than one
 * entry's: all of them stay. */
static void meet(struct aparter *x, const struct opening *v, size_t n)
{
	bool several = false;

	for (size_t i = 1; i < n; i++)
		several |= v[i].entry != v[0].entry;
	for (size_t i = 0; i < n && several; i++)
		x->stays[v[i].entry] = true;
}

static void find_stays(struct aparter *x, const struct asked *a)
{
	struct work *w = x->w;
	u32_list wide = { 0 };
	openings *v = &x->found;
	uint32_t hi = 0;
	size_t from = 0;

	for (size_t i = 0; i < a->sides.n; i++)
		if (x->of_side[a->sides.v[i]].others.n)
			vec_push(w->a, &wide, a->sides.v[i]);
	v->n = 0;
	for (size_t i = 0; i < a->sides.n; i++) {
		const u32_list *own = &x->of_side[a->sides.v[i]].own;

		for (size_t k = 0; k < own->n; k++)
			push_openings(x, w->bulks.v[own->v[k]].entry,
				      other_keys(x, &wide));
	}
	for (size_t i = a->triple; i < a->triple + a->n_triple; i++)
		if (x->asks[w->triples.v[i].entry])
			push_openings(x, w->triples.v[i].entry,
				      other_keys(x, &wide));
	if (!v->n)
		return;
	qsort(v->v, v->n, sizeof(*v->v), u32_compare3);
	for (size_t i = 0; i < v->n; i++) {
		if (i > from && v->v[i].lo > hi) {
			meet(x, v->v + from, i - from);
			from = i;
		}
		if (i == from || v->v[i].hi > hi)
			hi = v->v[i].hi;
	}
	meet(x, v->v + from, v->n - from);
}

static bool is_apart(const struct aparter *x, const struct bulk *b)
{
	return is_candidate(x->w, b) && entry_apart(x, b->entry);
}

/* Is what they would be in rows much more than what was said? */
static bool worth_it(const struct aparter *x)
{
	const struct work *w = x->w;
	uint32_t *last = ARENA_ARRAY(w->a, uint32_t, w->sides.n);
	size_t all = 0, once = 0;

	for (uint32_t from = 0; from < w->sides.n; from++) {
		const u32_list *own = &x->of_side[from].own;

		for (size_t i = 0; i < own->n; i++) {
			const struct bulk *b = &w->bulks.v[own->v[i]];

			if (!is_apart(x, b) || last[b->to] == from + 1)
				continue;
			all += w->sides.len[from] * w->sides.len[b->to];
			if (!last[b->to])
				once += w->sides.len[b->to];
			last[b->to] = from + 1;
		}
	}
	return all > 2 * once + APART_SLACK;
}

/* ---- where more than the exception leads ------------------------------------------- */

static bool side_has(struct aparter *x, uint32_t side, uint32_t atom)
{
	struct work *w = x->w;
	bool *has = x->side_has[side];

	if (!has) {
		x->side_has[side] = has = ARENA_ARRAY(w->a, bool, w->atoms.n);
		for (size_t i = 0; i < w->sides.len[side]; i++)
			has[w->sides.v[side][i]] = true;
	}
	return has[atom];
}

/* Is there something else on the ports of an exception that stands apart? Of
 * those themselves none is. */
static bool is_more(struct aparter *x, uint32_t entry, const struct triple *t)
{
	return !entry_apart(x, t->entry) &&
	       keys_meet(entry_keys(x, entry), entry_keys(x, t->entry));
}

static void find_also(struct aparter *x, uint32_t atom)
{
	struct work *w = x->w;
	const struct asked *a = &x->of[atom];

	for (size_t k = a->triple; k < a->triple + a->n_triple; k++) {
		const struct triple *t = &w->triples.v[k];

		if (entry_apart(x, t->entry))
			continue;
		for (size_t i = 0; i < a->sides.n; i++) {
			const u32_list *own = &x->of_side[a->sides.v[i]].own;

			for (size_t o = 0; o < own->n; o++) {
				const struct bulk *b = &w->bulks.v[own->v[o]];

				if (entry_apart(x, b->entry) &&
				    side_has(x, b->to, t->to) &&
				    is_more(x, b->entry, t))
					vec_push(w->a, &x->also,
						 (struct triple){ atom, t->to,
							 b->entry, NONE });
			}
		}
	}
}

/* Of triples of exceptions that stand apart, those stay at whose destination
 * there is more on their ports. */
static void thin_out(struct aparter *x)
{
	struct work *w = x->w;
	const struct triple *v = w->triples.v;

	for (size_t i = 0, m; i < w->triples.n; i += m) {
		for (m = 1; i + m < w->triples.n && v[i].from == v[i + m].from &&
		     v[i].to == v[i + m].to; m++)
			;
		for (size_t k = i; k < i + m; k++) {
			bool keep = !entry_apart(x, v[k].entry);

			for (size_t o = i; o < i + m && !keep; o++)
				keep = is_more(x, v[k].entry, &v[o]);
			if (keep)
				vec_push(w->a, &x->also, v[k]);
		}
	}
	w->triples.n = 0;
	for (size_t i = 0; i < x->also.n; i++)
		vec_push(w->a, &w->triples, x->also.v[i]);
	dispatch_sort(w);
}

/* ---- groups ------------------------------------------------------------------------ */

static struct dest *dest_of(struct aparter *x, uint32_t sides)
{
	struct work *w = x->w;
	struct map_entry *e = map_add(w->a, &x->dests, &sides, sizeof(sides),
				      NULL);
	struct dest *d = e->val.p;

	if (d)
		return d;
	e->val.p = d = ARENA_NEW(w->a, struct dest);
	for (size_t i = 0; i < x->sides.len[sides]; i++) {
		uint32_t s = x->sides.v[sides][i];

		for (size_t k = 0; k < w->sides.len[s]; k++) {
			uint32_t atom = w->sides.v[s][k];
			const char *label = w->atoms.v[atom].label;

			vec_push(w->a, &d->atoms, atom);
			if (label && (!d->label || strcmp(label, d->label) < 0))
				d->label = label;
		}
	}
	for (int v4 = 0; v4 < 2; v4++)
		d->at[v4] = dispatch_addresses(w, &d->atoms, v4);
	return d;
}

struct ask {
	uint32_t entry, to;
};

/* The row of a source: destinations and what may be done there, in pairs. */
static u32_list row_of(struct aparter *x, const struct asked *a)
{
	struct work *w = x->w;
	VEC(struct ask) v = { 0 }, by_dest = { 0 };
	u32_list list = { 0 }, row = { 0 };

	for (size_t i = 0; i < a->sides.n; i++) {
		const u32_list *own = &x->of_side[a->sides.v[i]].own;

		for (size_t k = 0; k < own->n; k++) {
			const struct bulk *b = &w->bulks.v[own->v[k]];

			if (entry_apart(x, b->entry))
				vec_push(w->a, &v, (struct ask){ b->entry,
								 b->to });
		}
	}
	for (size_t i = a->triple; i < a->triple + a->n_triple; i++) {
		const struct triple *t = &w->triples.v[i];

		if (entry_apart(x, t->entry))
			vec_push(w->a, &v, (struct ask){ t->entry,
				lists_intern(w->a, &w->sides, &t->to, 1) });
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), u32_compare2);
	for (size_t i = 0; i < v.n;) {
		uint32_t entry = v.v[i].entry;

		for (list.n = 0; i < v.n && v.v[i].entry == entry; i++)
			if (!list.n || list.v[list.n - 1] != v.v[i].to)
				vec_push(w->a, &list, v.v[i].to);
		vec_push(w->a, &by_dest, (struct ask){
				lists_intern(w->a, &x->sides, list.v, list.n),
				entry });
	}
	if (by_dest.n)
		qsort(by_dest.v, by_dest.n, sizeof(*by_dest.v), u32_compare2);
	for (size_t i = 0; i < by_dest.n;) {
		uint32_t sides = by_dest.v[i].entry;

		for (list.n = 0; i < by_dest.n && by_dest.v[i].entry == sides;
		     i++)
			vec_push(w->a, &list, by_dest.v[i].to);
		vec_push(w->a, &row, sides);
		vec_push(w->a, &row, lists_intern(w->a, &w->mixes, list.v,
						  list.n));
	}
	return row;
}

static void add_block(struct aparter *x, struct group *g, const u32_list *row)
{
	struct work *w = x->w;
	struct block b = { .spread = true, .overlap = row->n > 2 };

	for (size_t i = 0; i < row->n; i += 2) {
		const struct dest *d = dest_of(x, row->v[i]);

		vec_push(w->a, &b.targets, (struct target){
				.mix = row->v[i + 1], .label = d->label,
				.at = { d->at[0], d->at[1] } });
	}
	vec_push(w->a, &g->blocks, (uint32_t)w->apart_blocks.n);
	vec_push(w->a, &w->apart_blocks, b);
}

static void add_source(struct aparter *x, struct map *ids, uint32_t atom)
{
	struct work *w = x->w;
	u32_list row = row_of(x, &x->of[atom]);
	const char *label = w->atoms.v[atom].label;
	struct map_entry *e;
	struct group *g;
	int is_new;

	if (!row.n)
		return;
	e = map_add(w->a, ids, row.v, row.n * sizeof(*row.v), &is_new);
	if (is_new) {
		struct group fresh = { .base = NONE };

		e->val.u = (uint32_t)w->apart.n;
		add_block(x, &fresh, &row);
		vec_push(w->a, &w->apart, fresh);
	}
	g = &w->apart.v[e->val.u];
	vec_push(w->a, &g->atoms, atom);
	if (!g->label || strcmp(label, g->label) < 0)
		g->label = label;
}

void dispatch_apart(struct work *w)
{
	struct aparter x = { .w = w };
	struct map ids = { 0 };
	size_t n = 0;

	if (w->x->where != AT_FORWARD || w->x->translated)
		return;
	x.keys = ARENA_ARRAY(w->a, struct key_set, w->entries.n);
	x.asks = ARENA_ARRAY(w->a, bool, w->entries.n);
	x.stays = ARENA_ARRAY(w->a, bool, w->entries.n);
	lists_init(w->a, &x.sides);
	find_asked(&x);
	for (size_t i = 0; i < w->atoms.n; i++)
		find_stays(&x, &x.of[i]);
	if (!worth_it(&x))
		return;
	x.side_has = ARENA_ARRAY(w->a, bool *, w->sides.n);
	for (uint32_t i = 0; i < w->atoms.n; i++) {
		find_also(&x, i);
		add_source(&x, &ids, i);
	}
	thin_out(&x);
	for (size_t i = 0; i < w->bulks.n; i++)
		if (!is_apart(&x, &w->bulks.v[i]))
			w->bulks.v[n++] = w->bulks.v[i];
	w->bulks.n = n;
}
