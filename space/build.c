#include "space/node.h"

#include <stdlib.h>

#include "base/mem.h"

/*
 * Many boxes to one diagram. Field by field: boxes with the same interval are
 * one piece, whose child is built from their other fields. Pieces that do not
 * overlap are a node as they stand (hosts, ports: the usual case, no
 * operation at all); overlapping ones are combined by halves.
 */
struct builder {
	struct space *s;
	const struct space_boxes *b;
	const struct space_op *op;
	uint32_t empty;
	struct sort_key {
		space_val v;
		uint32_t box;
	} * key, *tmp; /* for sorting, shared: used by one level at a time */
};

struct piece {
	space_val lo, hi;
	uint32_t to;
};

static space_val box_lo(const struct builder *w, uint32_t box, unsigned d)
{
	space_val lo, hi;

	w->b->get(w->b->ctx, box, w->b->field[d], &lo, &hi);
	return lo;
}

/* Greatest upper end, least value. */
static space_val box_width(const struct builder *w, uint32_t box, unsigned d)
{
	space_val lo, hi;

	w->b->get(w->b->ctx, box, w->b->field[d], &lo, &hi);
	return w->s->f[w->b->field[d]].max - hi;
}

static void sort_few(struct sort_key *k, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct sort_key x = k[i];
		size_t j = i;

		for (; j > 0 && k[j - 1].v > x.v; j--)
			k[j] = k[j - 1];
		k[j] = x;
	}
}

/* One pass of radix sort, by the byte at that shift. */
static void sort_byte(const struct sort_key *from, struct sort_key *to,
		      size_t n, unsigned shift)
{
	size_t at[256] = {0}, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[(uint8_t)(from[i].v >> shift)]++;
	for (size_t i = 0; i < 256; i++) {
		size_t c = at[i];

		at[i] = sum;
		sum += c;
	}
	for (size_t i = 0; i < n; i++)
		to[at[(uint8_t)(from[i].v >> shift)]++] = from[i];
}

/* Sorts w->key[0..n) by value, stable; bytes that are all alike cost nothing.
 */
static void sort_keys(struct builder *w, size_t n)
{
	space_val differ = 0;

	if (n <= 48) {
		sort_few(w->key, n);
		return;
	}
	for (size_t i = 1; i < n; i++)
		differ |= w->key[i].v ^ w->key[0].v;
	for (unsigned shift = 0; shift < 128; shift += 8) {
		struct sort_key *k = w->key;

		if (!(uint8_t)(differ >> shift))
			continue;
		sort_byte(k, w->tmp, n, shift);
		w->key = w->tmp;
		w->tmp = k;
	}
}

static void sort_boxes(struct builder *w, uint32_t *box, size_t n, unsigned d,
		       space_val (*by)(const struct builder *, uint32_t,
				       unsigned))
{
	for (size_t i = 0; i < n; i++)
		w->key[i] = (struct sort_key){by(w, box[i], d), box[i]};
	sort_keys(w, n);
	for (size_t i = 0; i < n; i++)
		box[i] = w->key[i].box;
}

static uint32_t build_at(struct builder *w, uint32_t *box, size_t n,
			 unsigned d);

/* Boxes with the same interval, from box[0] on. */
static size_t run_length(const struct builder *w, const uint32_t *box, size_t n,
			 unsigned d, struct piece *p)
{
	space_val lo, hi;
	size_t i = 1;

	w->b->get(w->b->ctx, box[0], w->b->field[d], &p->lo, &p->hi);
	for (; i < n; i++) {
		w->b->get(w->b->ctx, box[i], w->b->field[d], &lo, &hi);
		if (lo != p->lo || hi != p->hi)
			break;
	}
	return i;
}

static uint32_t disjoint_node(struct builder *w, const struct piece *p,
			      size_t n, unsigned field)
{
	space_val next = 0, max = w->s->f[field].max;
	size_t mark = edges_mark(w->s);

	for (size_t i = 0; i < n; i++) {
		if (p[i].lo > next)
			edges_push(w->s, mark, p[i].lo - 1, w->empty);
		edges_push(w->s, mark, p[i].hi, p[i].to);
		next = p[i].hi + 1;
	}
	if (p[n - 1].hi < max)
		edges_push(w->s, mark, max, w->empty);
	return edges_node(w->s, mark, field);
}

/* The next edge, unless the last one ended there already. */
static void edges_upto(struct space *s, size_t mark, space_val hi, uint32_t to)
{
	if (s->sp == mark || s->stack[s->sp - 1].hi != hi)
		edges_push(s, mark, hi, to);
}

/* Sorted by lower end, outer before inner: does each lie inside or beside? */
static bool nested(const struct piece *p, size_t n, size_t *depth)
{
	space_val open[64]; /* upper ends of the pieces around */

	*depth = 0;
	for (size_t i = 0; i < n; i++) {
		while (*depth && open[*depth - 1] < p[i].lo)
			--*depth;
		if (*depth == 64 || (*depth && open[*depth - 1] < p[i].hi))
			return false;
		open[(*depth)++] = p[i].hi;
	}
	return true;
}

/* Prefixes: one operation a piece, with what holds around it. */
static uint32_t nested_node(struct builder *w, const struct piece *p, size_t n,
			    unsigned field)
{
	struct piece open[65] = {{0, w->s->f[field].max, w->empty}};
	size_t mark = edges_mark(w->s), d = 0;

	for (size_t i = 0; i <= n; i++) {
		while (d && (i == n || open[d].hi < p[i].lo)) {
			edges_upto(w->s, mark, open[d].hi, open[d].to);
			d--;
		}
		if (i == n)
			break;
		if (p[i].lo > 0)
			edges_upto(w->s, mark, p[i].lo - 1, open[d].to);
		open[d + 1] = p[i];
		open[d + 1].to = space_apply(w->s, w->op, open[d].to, p[i].to);
		d++;
	}
	edges_upto(w->s, mark, open[0].hi, open[0].to);
	return edges_node(w->s, mark, field);
}

static uint32_t join_pieces(struct builder *w, const struct piece *p, size_t n,
			    unsigned field)
{
	size_t i = 1, depth;
	uint32_t a, b;

	while (i < n && p[i].lo > p[i - 1].hi)
		i++;
	if (i == n)
		return disjoint_node(w, p, n, field);
	if (nested(p, n, &depth))
		return nested_node(w, p, n, field);
	a = join_pieces(w, p, n / 2, field);
	b = join_pieces(w, p + n / 2, n - n / 2, field);
	return space_apply(w->s, w->op, a, b);
}

static uint32_t same_box(struct builder *w, const uint32_t *box, size_t n)
{
	uint32_t r = w->empty;

	for (size_t i = 0; i < n; i++) {
		uint32_t v = w->b->value ? w->b->value(w->b->ctx, box[i]) : 1;

		r = space_apply(w->s, w->op, r, space_leaf(v));
	}
	return r;
}

static uint32_t build_at(struct builder *w, uint32_t *box, size_t n, unsigned d)
{
	struct piece few[8], *p = few;
	size_t np = 0, cap = sizeof(few) / sizeof(few[0]);
	uint32_t r;

	if (d == w->b->nfields)
		return same_box(w, box, n);
	/* By lower end, among equal ones the widest first. */
	sort_boxes(w, box, n, d, box_width);
	sort_boxes(w, box, n, d, box_lo);
	for (size_t i = 0, run; i < n; i += run) {
		if (np == cap) {
			cap *= 4;
			p = mem_realloc(p == few ? NULL : p, cap * sizeof(*p));
			if (np == sizeof(few) / sizeof(few[0]))
				memcpy(p, few, sizeof(few));
		}
		run = run_length(w, box + i, n - i, d, &p[np]);
		p[np].to = build_at(w, box + i, run, d + 1);
		np++;
	}
	r = join_pieces(w, p, np, w->b->field[d]);
	if (p != few)
		free(p);
	return r;
}

uint32_t space_build(struct space *s, const struct space_boxes *b,
		     const struct space_op *op, uint32_t empty)
{
	struct builder w = {.s = s, .b = b, .op = op, .empty = empty};
	size_t n = b->n ? b->n : 1;
	uint32_t *box, r;

	if (b->n == 0)
		return empty;
	w.key = mem_alloc(n * sizeof(*w.key));
	w.tmp = mem_alloc(n * sizeof(*w.tmp));
	box = mem_alloc(n * sizeof(*box));
	for (size_t i = 0; i < n; i++)
		box[i] = (uint32_t)i;
	r = build_at(&w, box, n, 0);
	free(box);
	free(w.key);
	free(w.tmp);
	return r;
}

uint32_t space_union(struct space *s, const struct space_boxes *b)
{
	return space_build(s, b, &space_op_or, SPACE_NO);
}

static void range_get(const void *ctx, size_t box, unsigned field,
		      space_val *lo, space_val *hi)
{
	const struct addr_set *set = ctx;

	(void)field;
	*lo = space_addr(set->r[box].lo);
	*hi = space_addr(set->r[box].hi);
}

uint32_t space_addresses(struct space *s, unsigned field, struct addr_set set)
{
	const uint8_t one = (uint8_t)field;
	struct space_boxes b = { .nfields = 1, .field = &one,
				 .get = range_get, .ctx = &set };

	addr_set_normalise(&set);
	b.n = set.n;
	return space_union(s, &b);
}
