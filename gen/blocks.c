#include <stdlib.h>
#include <string.h>

#include "gen/dispatch.h"

/*
 * Which destinations stand in which map. Each group has one of its own; or, if
 * that is much more than what was said, those that the same groups reach stand
 * in one that they share.
 */
enum {
	SHARE_SLACK = 256, /* elements too few to be worth sharing */
	WHOLE_LIST = 64,   /* users so few are listed */
	MANY = 4,	   /* as are those of which one in so many differs */
};

int group_order(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int c = strcmp(x->label, y->label);

	return c ? c : x->atoms.v[0] < y->atoms.v[0] ? -1 :
		       x->atoms.v[0] > y->atoms.v[0];
}

static size_t cellref_size(const struct work *w, const struct cellref *r)
{
	size_t n = w->atoms.v[r->to].cells.n;

	return n ? n : 1;
}

/* Elements that a map of its own for a group would have. */
static size_t row_size(const struct work *w, const struct group *g)
{
	const struct base *b = g->base == NONE ? NULL : &w->bases.v[g->base];
	size_t n = b ? b->size : 0;

	for (size_t i = 0; i < g->n_row; i++) {
		bool there = b && base_find(b, g->row[i].to) != SIZE_MAX;

		if (g->row[i].mix == NONE)
			n -= cellref_size(w, &g->row[i]);
		else if (!there)
			n += cellref_size(w, &g->row[i]);
	}
	return n;
}

/* Would a map of its own for every group be much larger than shared ones? */
static bool worth_sharing(struct work *w)
{
	size_t own = 0, all = 0;

	for (size_t i = 0; i < w->bases.n; i++)
		for (size_t k = 0; k < w->bases.v[i].n_ref; k++)
			w->bases.v[i].size += cellref_size(w,
					&w->bases.v[i].ref[k]);
	for (size_t i = 0; i < w->groups.n; i++)
		own += row_size(w, &w->groups.v[i]);
	for (size_t i = 0; i < w->refs.n; i++)
		all += cellref_size(w, &w->refs.v[i]);
	return own > 2 * all + SHARE_SLACK;
}

unsigned group_families(const struct work *w, const struct group *g)
{
	unsigned fam = 0;

	for (size_t i = 0; i < g->atoms.n; i++)
		fam |= atom_families(w, &w->atoms.v[g->atoms.v[i]]);
	return fam;
}

static void own_blocks(struct work *w)
{
	for (size_t i = 0; i < w->groups.n; i++) {
		struct group *g = &w->groups.v[i];
		struct block b = { .from = group_families(w, g) };

		dispatch_row(w, g, &b);
		vec_push(w->a, &g->blocks, (uint32_t)w->blocks.n);
		vec_push(w->a, &w->blocks, b);
	}
}

/* All that a mix lets through in a family. */
static struct key_set mix_keys(struct work *w, uint32_t mix, unsigned family)
{
	struct key_set out = { 0 };

	for (size_t i = 0; i < w->mixes.len[mix]; i++) {
		const struct entry *e = &w->entries.v[w->mixes.v[mix][i]];
		const struct piece *v;
		size_t n = entry_pieces(w->g, e, &v);

		for (size_t k = 0; k < n; k++)
			if (!e->ike || e->families & family)
				keys_add(w->a, &out, v[k].keys.lo,
					 v[k].keys.hi);
	}
	return out;
}

static bool mix_covers(struct work *w, struct map *memo, uint32_t mix,
		       uint32_t less)
{
	uint32_t key[2] = { mix, less };
	int is_new;
	struct map_entry *e = map_add(w->a, memo, key, sizeof(key), &is_new);

	if (!is_new)
		return e->val.u;
	e->val.u = 1;
	for (unsigned fam = FAM_V4; fam <= FAM_V6; fam++)
		if (keys_minus(w->a, mix_keys(w, less, fam),
			       mix_keys(w, mix, fam)).n)
			e->val.u = 0;
	return e->val.u;
}

/* ---- who uses what --------------------------------------------------------------- */

/* Of a ref: groups, and bases whose groups all use it but for those that have
 * another at its destination. */
struct users {
	u32_list groups, bases;
	bool lent;
};

struct sharing {
	struct work *w;
	struct users *of;     /* by ref */
	uint32_t *common;     /* by destination, the ref that most have; NONE */
	unsigned char *mark;  /* by group, zero between two uses */
	unsigned *families;   /* by group */
	struct map covers;
};

/* By destination, the ref that most groups have. */
static void find_common(struct sharing *s)
{
	struct work *w = s->w;
	size_t *count = ARENA_ARRAY(w->a, size_t, w->refs.n);

	s->common = ARENA_ARRAY(w->a, uint32_t, w->atoms.n);
	for (size_t i = 0; i < w->atoms.n; i++)
		s->common[i] = NONE;
	for (size_t i = 0; i < w->groups.n; i++)
		for (size_t k = 0; k < w->groups.v[i].n_row; k++)
			if (w->groups.v[i].row[k].mix != NONE)
				count[dispatch_ref(w,
					w->groups.v[i].row[k])]++;
	for (size_t i = 0; i < w->bases.n; i++)
		for (size_t k = 0; k < w->bases.v[i].n_ref; k++)
			if (w->bases.v[i].id[k] != NONE)
				count[w->bases.v[i].id[k]] +=
					w->bases.v[i].groups.n -
					w->bases.v[i].n_over[k];
	for (uint32_t r = 0; r < w->refs.n; r++) {
		uint32_t *best = &s->common[w->refs.v[r].to];

		if (*best == NONE || count[r] > count[*best])
			*best = r;
	}
}

/* The common ref that who has this one may use too, behind its own, since it
 * opens nothing new; NONE. */
static uint32_t lent_to(struct sharing *s, uint32_t ref)
{
	const struct cellref *x = &s->w->refs.v[ref];
	uint32_t c = s->common[x->to];

	return c != ref && mix_covers(s->w, &s->covers, x->mix,
				      s->w->refs.v[c].mix) ? c : NONE;
}

static void group_users(struct sharing *s, uint32_t group)
{
	struct work *w = s->w;
	const struct group *g = &w->groups.v[group];

	for (size_t k = 0; k < g->n_row; k++) {
		uint32_t r, c;

		if (g->base != NONE) {
			size_t at = base_find(&w->bases.v[g->base],
					      g->row[k].to);

			if (at != SIZE_MAX)
				vec_push(w->a, &w->bases.v[g->base].over[at],
					 group);
		}
		if (g->row[k].mix == NONE)
			continue;
		r = dispatch_ref(w, g->row[k]);
		c = lent_to(s, r);
		vec_push(w->a, &s->of[r].groups, group);
		if (c == NONE)
			continue;
		vec_push(w->a, &s->of[c].groups, group);
		s->of[c].lent = true;
	}
}

static void base_users(struct sharing *s, uint32_t base)
{
	struct work *w = s->w;
	const struct base *b = &w->bases.v[base];

	for (size_t k = 0; k < b->n_ref; k++) {
		uint32_t c;

		if (b->id[k] == NONE)
			continue;
		c = lent_to(s, b->id[k]);
		vec_push(w->a, &s->of[b->id[k]].bases, base);
		if (c == NONE)
			continue;
		vec_push(w->a, &s->of[c].bases, base);
		s->of[c].lent = true;
	}
}

static void find_users(struct sharing *s)
{
	struct work *w = s->w;

	for (size_t i = 0; i < w->bases.n; i++) {
		struct base *b = &w->bases.v[i];

		b->over = arena_alloc(w->a, (b->n_ref + 1) *
				      sizeof(*b->over));
		b->groups.n = 0;
	}
	for (uint32_t i = 0; i < w->groups.n; i++) {
		uint32_t base = w->groups.v[i].base;

		/* they have been sorted */
		if (base != NONE)
			vec_push(w->a, &w->bases.v[base].groups, i);
		group_users(s, i);
	}
	for (uint32_t i = 0; i < w->bases.n; i++)
		base_users(s, i);
}

/* ---- shared blocks ------------------------------------------------------------------ */

/* All users of a ref, as a list, or as one by which equal ones are known. */
struct user_set {
	u32_list but, more; /* of the bases' groups; beside them */
	size_t n;
};

static struct user_set user_set(struct sharing *s, uint32_t ref)
{
	struct work *w = s->w;
	const struct users *u = &s->of[ref];
	uint32_t to = w->refs.v[ref].to;
	struct user_set out = { .n = u->groups.n };

	for (size_t i = 0; i < u->groups.n; i++)
		s->mark[u->groups.v[i]] = 1;
	for (size_t i = 0; i < u->bases.n; i++) {
		const struct base *b = &w->bases.v[u->bases.v[i]];
		size_t k = base_find(b, to);

		out.n += b->groups.n - b->over[k].n;
		for (size_t m = 0; m < b->over[k].n; m++) {
			uint32_t g = b->over[k].v[m];

			if (!s->mark[g])
				vec_push(w->a, &out.but, g);
			s->mark[g] = 0;
		}
	}
	for (size_t i = 0; i < u->groups.n; i++) {
		if (s->mark[u->groups.v[i]])
			vec_push(w->a, &out.more, u->groups.v[i]);
		s->mark[u->groups.v[i]] = 0;
	}
	if (out.but.n)
		qsort(out.but.v, out.but.n, sizeof(*out.but.v), u32_compare);
	return out;
}

static u32_list all_users(struct sharing *s, const struct users *u,
			  const struct user_set *x)
{
	struct work *w = s->w;
	u32_list out = { 0 };

	for (size_t i = 0; i < x->but.n; i++)
		s->mark[x->but.v[i]] = 1;
	for (size_t i = 0; i < u->bases.n; i++) {
		const struct base *b = &w->bases.v[u->bases.v[i]];

		for (size_t k = 0; k < b->groups.n; k++)
			if (!s->mark[b->groups.v[k]])
				vec_push(w->a, &out, b->groups.v[k]);
	}
	for (size_t i = 0; i < x->but.n; i++)
		s->mark[x->but.v[i]] = 0;
	for (size_t i = 0; i < x->more.n; i++)
		vec_push(w->a, &out, x->more.v[i]);
	if (out.n)
		qsort(out.v, out.n, sizeof(*out.v), u32_compare);
	return out;
}

static void push_list(struct work *w, u32_list *key, const u32_list *v)
{
	vec_push(w->a, key, NONE);
	for (size_t i = 0; i < v->n; i++)
		vec_push(w->a, key, v->v[i]);
}

static struct block *block_for(struct sharing *s, struct map *ids,
			       uint32_t ref)
{
	struct work *w = s->w;
	const struct users *u = &s->of[ref];
	struct user_set x = user_set(s, ref);
	bool whole = x.n <= WHOLE_LIST ||
		     (x.but.n + x.more.n) * MANY >= x.n;
	u32_list key = { 0 }, users = { 0 };
	struct map_entry *e;
	int is_new;

	vec_push(w->a, &key, u->lent);
	if (whole)
		users = all_users(s, u, &x);
	push_list(w, &key, whole ? &users : &u->bases);
	if (!whole) {
		push_list(w, &key, &x.but);
		push_list(w, &key, &x.more);
	}
	e = map_add(w->a, ids, key.v, key.n * sizeof(*key.v), &is_new);
	if (!is_new)
		return &w->blocks.v[e->val.u];
	e->val.u = (uint32_t)w->blocks.n;
	vec_push(w->a, &w->blocks, (struct block){ .spread = false });
	if (!whole)
		users = all_users(s, u, &x);
	for (size_t i = 0; i < users.n; i++) {
		vec_push(w->a, &w->groups.v[users.v[i]].blocks, e->val.u);
		w->blocks.v[e->val.u].from |= s->families[users.v[i]];
	}
	return &w->blocks.v[e->val.u];
}

static void shared_blocks(struct work *w)
{
	struct sharing s = {
		.w = w, .of = ARENA_ARRAY(w->a, struct users, w->refs.n),
		.mark = ARENA_ARRAY(w->a, unsigned char, w->groups.n),
		.families = ARENA_ARRAY(w->a, unsigned, w->groups.n),
	};
	struct map by_users = { 0 };

	for (size_t i = 0; i < w->groups.n; i++)
		s.families[i] = group_families(w, &w->groups.v[i]);
	find_common(&s);
	find_users(&s);
	for (size_t i = 0; i < 2 * w->refs.n; i++) {
		uint32_t r = (uint32_t)(i % w->refs.n);

		if (s.of[r].lent == (i >= w->refs.n)) /* lent ones come last */
			vec_push(w->a, &block_for(&s, &by_users, r)->refs,
				 w->refs.v[r]);
	}
}

bool dispatch_blocks(struct work *w)
{
	bool share = worth_sharing(w);

	if (w->groups.n)
		qsort(w->groups.v, w->groups.n, sizeof(*w->groups.v),
		      group_order);
	if (share)
		shared_blocks(w);
	else
		own_blocks(w);
	return share;
}
