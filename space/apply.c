#include "space/node.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

static struct space_memo *memo_slot(const struct space *s, uint32_t op,
				    uint32_t a, uint32_t b)
{
	uint64_t h = ((uint64_t)a << 32 | b) * UINT64_C(0x9e3779b97f4a7c15);

	h ^= (uint64_t)op * UINT64_C(0xff51afd7ed558ccd);
	return &s->memo[(uint32_t)(h >> 32 ^ h) & s->mmask];
}

/* Walks the edges of one diagram at a field; one that decides later has one. */
struct walk {
	uint32_t a, i;
	bool here;
};

static struct walk walk_start(const struct space *s, uint32_t a, unsigned field)
{
	return (struct walk){a, 0, node_level(s, a) == field};
}

static space_val walk_hi(const struct space *s, const struct walk *w,
			 unsigned field)
{
	return w->here ? node_hi(s, w->a, w->i) : s->f[field].max;
}

static uint32_t walk_to(const struct space *s, const struct walk *w)
{
	return w->here ? node_to(s, w->a, w->i) : w->a;
}

static uint32_t apply_nodes(struct space *s, const struct space_op *op,
			    uint32_t a, uint32_t b)
{
	unsigned la = node_level(s, a), lb = node_level(s, b);
	unsigned field = la < lb ? la : lb;
	struct walk x = walk_start(s, a, field), y = walk_start(s, b, field);
	size_t mark = edges_mark(s);

	for (;;) {
		space_val hx = walk_hi(s, &x, field),
			  hy = walk_hi(s, &y, field);
		space_val hi = hx < hy ? hx : hy;
		uint32_t to =
			space_apply(s, op, walk_to(s, &x), walk_to(s, &y));

		edges_push(s, mark, hi, to);
		if (hi == s->f[field].max)
			return edges_node(s, mark, field);
		x.i += hx == hi;
		y.i += hy == hi;
	}
}

uint32_t space_apply(struct space *s, const struct space_op *op, uint32_t a,
		     uint32_t b)
{
	uint32_t r, id = op->id + s->era;
	struct space_memo *m;

	if (op->early && (r = op->early(op->ctx, a, b)) != SPACE_OPEN)
		return r;
	if (space_is_leaf(a) && space_is_leaf(b))
		return space_leaf(
			op->leaf(op->ctx, space_value(a), space_value(b)));
	if (op->commutes && a > b) {
		r = a;
		a = b;
		b = r;
	}
	m = memo_slot(s, id, a, b);
	if (m->a == a && m->b == b && m->op == id)
		return m->r;
	r = apply_nodes(s, op, a, b);
	*memo_slot(s, id, a, b) = (struct space_memo){a, b, id, r};
	return r;
}

uint32_t space_map(struct space *s, const struct space_op *op, uint32_t a)
{
	return space_apply(s, op, a, SPACE_LEAF);
}

uint32_t space_fold(struct space *s, const struct space_op *op, uint32_t *v,
		    size_t n, uint32_t empty)
{
	if (n == 0)
		return empty;
	/* Neighbours first, so that order is kept and sizes stay balanced. */
	for (; n > 1; n = (n + 1) / 2) {
		for (size_t i = 0; i + 1 < n; i += 2)
			v[i / 2] = space_apply(s, op, v[i], v[i + 1]);
		if (n % 2)
			v[n / 2] = v[n - 1];
	}
	return v[0];
}

uint32_t space_interval(struct space *s, unsigned field, space_val lo,
			space_val hi, uint32_t a, uint32_t b)
{
	size_t mark = edges_mark(s);

	if (lo > 0)
		edges_push(s, mark, lo - 1, b);
	edges_push(s, mark, hi, a);
	if (hi < s->f[field].max)
		edges_push(s, mark, s->f[field].max, b);
	return edges_node(s, mark, field);
}

/* ---- forgetting a field */

struct projection {
	struct space *s;
	const struct space_op *op;
	unsigned field;
	struct map seen;
	struct arena *arena;
};

static uint32_t project(struct projection *p, uint32_t a);

static uint32_t project_here(struct projection *p, uint32_t a)
{
	uint32_t n = p->s->node[a].n;
	uint32_t *v = ARENA_ARRAY(p->arena, uint32_t, n);

	for (uint32_t i = 0; i < n; i++)
		v[i] = node_to(p->s, a, i);
	return space_fold(p->s, p->op, v, n, a);
}

static uint32_t project_below(struct projection *p, uint32_t a)
{
	size_t mark = edges_mark(p->s);

	for (uint32_t i = 0; i < p->s->node[a].n; i++) {
		uint32_t to = project(p, node_to(p->s, a, i));

		edges_push(p->s, mark, node_hi(p->s, a, i), to);
	}
	return edges_node(p->s, mark, p->s->node[a].field);
}

static uint32_t project(struct projection *p, uint32_t a)
{
	struct map_entry *e;
	uint32_t r;

	if (node_level(p->s, a) > p->field)
		return a;
	e = map_find(&p->seen, &a, sizeof(a));
	if (e)
		return e->val.u;
	r = node_level(p->s, a) == p->field ? project_here(p, a)
					    : project_below(p, a);
	map_add(p->arena, &p->seen, &a, sizeof(a), NULL)->val.u = r;
	return r;
}

uint32_t space_project(struct space *s, const struct space_op *op, uint32_t a,
		       unsigned field)
{
	struct projection p = {.s = s, .op = op, .field = field};
	uint32_t r;

	p.arena = arena_new();
	r = project(&p, a);
	arena_free(p.arena);
	return r;
}

/* ---- the leaves in use */

enum { SMALL_LEAVES = 1 << 14 };

struct leaves {
	struct space *s;
	uint32_t *v;
	size_t n, cap;
};

static void walk_begin(struct space *s)
{
	if (!s->seen || s->nseen < s->n) {
		free(s->seen);
		s->nseen = s->cap;
		s->seen = mem_alloc((s->nseen + SMALL_LEAVES) *
				    sizeof(*s->seen));
		s->walk = UINT32_MAX;
	}
	if (s->walk == UINT32_MAX) {
		memset(s->seen, 0,
		       (s->nseen + SMALL_LEAVES) * sizeof(*s->seen));
		s->walk = 0;
	}
	s->walk++;
}

/* False: this walk was there. Large leaves are not known again. */
static bool walk_to_new(struct space *s, uint32_t a)
{
	uint32_t at = space_is_leaf(a) ? s->nseen + space_value(a) : a;

	if (space_is_leaf(a) && space_value(a) >= SMALL_LEAVES)
		return true;
	if (s->seen[at] == s->walk)
		return false;
	s->seen[at] = s->walk;
	return true;
}

static void leaves_of(struct leaves *l, uint32_t a)
{
	if (!walk_to_new(l->s, a))
		return;
	if (space_is_leaf(a)) {
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 16;
			l->v = mem_realloc(l->v, l->cap * sizeof(*l->v));
		}
		l->v[l->n++] = space_value(a);
		return;
	}
	for (uint32_t i = 0; i < l->s->node[a].n; i++)
		leaves_of(l, node_to(l->s, a, i));
}

size_t space_leaves(struct space *s, uint32_t a, struct arena *arena,
		    uint32_t **values)
{
	struct leaves l = {.s = s};
	size_t n = 0;

	walk_begin(s);
	leaves_of(&l, a);
	qsort(l.v, l.n, sizeof(*l.v), u32_compare);
	for (size_t i = 0; i < l.n; i++)
		if (!i || l.v[i] != l.v[n - 1])
			l.v[n++] = l.v[i];
	*values = ARENA_ARRAY(arena, uint32_t, n);
	memcpy(*values, l.v, n * sizeof(*l.v));
	free(l.v);
	return n;
}

/* ---- the operations on sets, and first match */

static uint32_t leaf_or(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a | b;
}

uint32_t space_early_or(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	if (a == SPACE_ALL || b == SPACE_ALL)
		return SPACE_ALL;
	if (a == SPACE_NO || a == b)
		return b;
	return b == SPACE_NO ? a : SPACE_OPEN;
}

static uint32_t leaf_and(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a & b;
}

uint32_t space_early_and(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	if (a == SPACE_NO || b == SPACE_NO)
		return SPACE_NO;
	if (a == SPACE_ALL || a == b)
		return b;
	return b == SPACE_ALL ? a : SPACE_OPEN;
}

static uint32_t leaf_minus(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a & ~b & 1;
}

static uint32_t early_minus(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	if (a == SPACE_NO || b == SPACE_ALL || a == b)
		return SPACE_NO;
	return b == SPACE_NO ? a : SPACE_OPEN;
}

static uint32_t leaf_xor(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a ^ b;
}

static uint32_t early_xor(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	if (a == b)
		return SPACE_NO;
	if (a == SPACE_NO)
		return b;
	return b == SPACE_NO ? a : SPACE_OPEN;
}

static uint32_t leaf_min(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a < b ? a : b;
}

static uint32_t early_same(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a == b ? a : SPACE_OPEN;
}

const struct space_op space_op_or = {1, true, leaf_or, space_early_or, NULL};
const struct space_op space_op_and = {2, true, leaf_and, space_early_and, NULL};
const struct space_op space_op_minus = {3, false, leaf_minus, early_minus,
					NULL};
const struct space_op space_op_xor = {4, true, leaf_xor, early_xor, NULL};
const struct space_op space_op_min = {5, true, leaf_min, early_same, NULL};
