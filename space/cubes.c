#include "space/node.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/vec.h"

/* ---- one packet */

static bool wish_step(const struct space *s, uint32_t *a,
		      const struct space_wish *w, space_val *out)
{
	for (size_t i = 0; w && i < w->n; i++) {
		uint32_t to = node_step(s, *a, w->v[i]);

		if (to != SPACE_NO) {
			*out = w->v[i];
			*a = to;
			return true;
		}
	}
	return false;
}

static void lowest_step(const struct space *s, uint32_t *a, space_val *out)
{
	uint32_t i = node_to(s, *a, 0) == SPACE_NO;

	*out = i ? node_hi(s, *a, 0) + 1 : 0;
	*a = node_to(s, *a, i);
}

/* In a diagram of a set every node but SPACE_NO reaches SPACE_ALL, and two
 * neighbouring edges differ: no choice leads into a dead end. */
bool space_witness(const struct space *s, uint32_t a,
		   const struct space_wish *wish, space_val *packet)
{
	if (a == SPACE_NO)
		return false;
	for (unsigned f = 0; f < s->nf; f++) {
		const struct space_wish *w = wish ? &wish[f] : NULL;

		packet[f] = w && w->n ? w->v[0] : 0;
		if (node_level(s, a) == f && !wish_step(s, &a, w, &packet[f]))
			lowest_step(s, &a, &packet[f]);
	}
	return true;
}

/* ---- few cubes */

struct cuber {
	struct space *s;
	struct arena *arena;
	struct map
		ivs; /* content -> struct space_ivs: equal sets, one pointer */
	struct space_cube now;
	VEC(struct space_cube) out;
	size_t limit;
	bool more;
};

static const struct space_ivs *ivs_intern(struct cuber *c, struct space_iv *r,
					  size_t n)
{
	struct map_entry *e;
	int is_new;

	e = map_add(c->arena, &c->ivs, r, n * sizeof(*r), &is_new);
	if (is_new) {
		struct space_ivs *v = ARENA_NEW(c->arena, struct space_ivs);

		v->n = n;
		v->r = ARENA_ARRAY(c->arena, struct space_iv, n);
		memcpy(v->r, r, n * sizeof(*r));
		e->val.p = v;
	}
	return e->val.cp;
}

static void walk_cubes(struct cuber *c, uint32_t a);

struct branch {
	uint32_t to, i;
	struct space_iv iv;
};

static int by_child(const void *x, const void *y)
{
	const struct branch *a = x, *b = y;

	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	return a->i < b->i ? -1 : a->i > b->i;
}

/* Edges to the same child are one branch: a set of intervals. */
static void walk_node(struct cuber *c, uint32_t a)
{
	uint32_t n = c->s->node[a].n, field = c->s->node[a].field;
	struct branch *b = ARENA_ARRAY(c->arena, struct branch, n);
	struct space_iv *iv = ARENA_ARRAY(c->arena, struct space_iv, n);
	space_val lo = 0;

	for (uint32_t i = 0; i < n; i++) {
		space_val hi = node_hi(c->s, a, i);

		b[i] = (struct branch){node_to(c->s, a, i), i, {lo, hi}};
		lo = hi + 1;
	}
	qsort(b, n, sizeof(*b), by_child);
	for (uint32_t i = 0, run; i < n; i += run) {
		for (run = 0; i + run < n && b[i + run].to == b[i].to; run++)
			iv[run] = b[i + run].iv;
		if (b[i].to == SPACE_NO)
			continue;
		c->now.dim[field] = ivs_intern(c, iv, run);
		walk_cubes(c, b[i].to);
	}
	c->now.dim[field] = NULL;
}

static void walk_cubes(struct cuber *c, uint32_t a)
{
	if (c->more)
		return;
	if (!space_is_leaf(a)) {
		walk_node(c, a);
		return;
	}
	if (c->out.n == c->limit) {
		c->more = true;
		return;
	}
	vec_push(c->arena, &c->out, c->now);
}

static int by_lower(const void *x, const void *y)
{
	const struct space_iv *a = x, *b = y;

	return a->lo < b->lo ? -1 : a->lo > b->lo;
}

static const struct space_ivs *ivs_union(struct cuber *c, unsigned field,
					 const struct space_ivs *x,
					 const struct space_ivs *y)
{
	struct space_iv *r;
	size_t n = 0;

	if (!x || !y)
		return NULL;
	r = ARENA_ARRAY(c->arena, struct space_iv, x->n + y->n);
	memcpy(r, x->r, x->n * sizeof(*r));
	memcpy(r + x->n, y->r, y->n * sizeof(*r));
	qsort(r, x->n + y->n, sizeof(*r), by_lower);
	for (size_t i = 1; i < x->n + y->n; i++) {
		if (r[i].lo <= r[n].hi || r[i].lo == r[n].hi + 1) {
			if (r[i].hi > r[n].hi)
				r[n].hi = r[i].hi;
		} else {
			r[++n] = r[i];
		}
	}
	if (n == 0 && r[0].lo == 0 && r[0].hi == c->s->f[field].max)
		return NULL;
	return ivs_intern(c, r, n + 1);
}

/* Cubes that differ in this field only become one. */
static bool merge_field(struct cuber *c, unsigned field)
{
	struct arena *tmp = arena_new();
	struct map same = {0};
	size_t n = 0;

	for (size_t i = 0; i < c->out.n; i++) {
		struct space_cube key = c->out.v[i];
		struct map_entry *e;
		int is_new;

		key.dim[field] = NULL;
		e = map_add(tmp, &same, key.dim, sizeof(key.dim), &is_new);
		if (is_new) {
			e->val.u = (uint32_t)n;
			c->out.v[n++] = c->out.v[i];
			continue;
		}
		key = c->out.v[e->val.u];
		key.dim[field] = ivs_union(c, field, key.dim[field],
					   c->out.v[i].dim[field]);
		c->out.v[e->val.u] = key;
	}
	arena_free(tmp);
	if (n == c->out.n)
		return false;
	c->out.n = n;
	return true;
}

static void merge_cubes(struct cuber *c)
{
	bool again = true;

	while (again) {
		again = false;
		for (unsigned f = c->s->nf; f-- > 0;)
			again |= merge_field(c, f);
	}
}

struct space_cubes space_to_cubes(struct space *s, uint32_t a,
				  struct arena *arena, size_t limit)
{
	struct cuber c = {.s = s, .arena = arena, .limit = limit};

	if (a != SPACE_NO)
		walk_cubes(&c, a);
	merge_cubes(&c);
	return (struct space_cubes){c.out.v, c.out.n, c.more};
}
