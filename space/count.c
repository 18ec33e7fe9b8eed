#include "space/node.h"

#include "base/map.h"

/* Sums and products below 2^384: the fields together have fewer bits. */

void space_count_add(struct space_count *a, struct space_count b)
{
	uint64_t carry = 0;

	for (unsigned i = 0; i < 6; i++) {
		space_val t = (space_val)a->w[i] + b.w[i] + carry;

		a->w[i] = (uint64_t)t;
		carry = (uint64_t)(t >> 64);
	}
}

static struct space_count count_shifted(struct space_count a, unsigned words)
{
	struct space_count r = {{0}};

	for (unsigned i = words; i < 6; i++)
		r.w[i] = a.w[i - words];
	return r;
}

static struct space_count count_times64(struct space_count a, uint64_t m)
{
	struct space_count r;
	uint64_t carry = 0;

	for (unsigned i = 0; i < 6; i++) {
		space_val t = (space_val)a.w[i] * m + carry;

		r.w[i] = (uint64_t)t;
		carry = (uint64_t)(t >> 64);
	}
	return r;
}

/* a times (most + 1): the number of values in 0..most may be 2^128 */
static struct space_count count_times(struct space_count a, space_val most)
{
	struct space_count r = a, low, high;

	low = count_times64(a, (uint64_t)most);
	high = count_shifted(count_times64(a, (uint64_t)(most >> 64)), 1);
	space_count_add(&r, low);
	space_count_add(&r, high);
	return r;
}

struct counter {
	struct space *s;
	uint32_t fields;
	struct arena *arena;
	struct map seen;
};

/* Fields from..to-1 are free: every value of them. */
static struct space_count free_fields(const struct counter *c,
				      struct space_count n, unsigned from,
				      unsigned to)
{
	for (unsigned f = from; f < to; f++)
		if (c->fields >> f & 1)
			n = count_times(n, c->s->f[f].max);
	return n;
}

static struct space_count count_at(struct counter *c, uint32_t a)
{
	struct space_count sum = {{0}};
	struct map_entry *e;
	space_val lo = 0;
	unsigned field;

	if (space_is_leaf(a))
		return (struct space_count){{space_value(a) != 0}};
	e = map_find(&c->seen, &a, sizeof(a));
	if (e)
		return *(const struct space_count *)e->val.cp;
	field = c->s->node[a].field;
	for (uint32_t i = 0; i < c->s->node[a].n; i++) {
		uint32_t to = node_to(c->s, a, i);
		struct space_count n = count_at(c, to);
		space_val hi = node_hi(c->s, a, i);

		n = free_fields(c, n, field + 1, node_level(c->s, to));
		if (c->fields >> field & 1)
			n = count_times(n, hi - lo);
		space_count_add(&sum, n);
		lo = hi + 1;
	}
	struct space_count *kept = ARENA_NEW(c->arena, struct space_count);

	*kept = sum;
	map_add(c->arena, &c->seen, &a, sizeof(a), NULL)->val.cp = kept;
	return sum;
}

struct space_count space_size(struct space *s, uint32_t a, uint32_t fields)
{
	struct counter c = {.s = s, .fields = fields, .arena = arena_new()};
	struct space_count n = count_at(&c, a);

	n = free_fields(&c, n, 0, node_level(s, a));
	arena_free(c.arena);
	return n;
}

long double space_count_approx(struct space_count c)
{
	long double r = 0;

	for (unsigned i = 6; i-- > 0;)
		r = r * 0x1p64L + (long double)c.w[i];
	return r;
}

/* k if c is 2^k, else -1 */
static int power_of_two(struct space_count c)
{
	int k = -1;

	for (unsigned i = 0; i < 6; i++) {
		if (!c.w[i])
			continue;
		if (k >= 0 || c.w[i] & (c.w[i] - 1))
			return -1;
		k = (int)i * 64 + __builtin_ctzll(c.w[i]);
	}
	return k;
}

void space_count_text(struct space_count c, struct buf *out)
{
	bool small = !(c.w[1] | c.w[2] | c.w[3] | c.w[4] | c.w[5]) &&
		     c.w[0] < UINT64_C(1000000000000000);
	int k = power_of_two(c);

	if (small)
		buf_u64(out, c.w[0]);
	else if (k >= 0)
		buf_printf(out, "2^%d", k);
	else
		buf_printf(out, "about %.3Lg", space_count_approx(c));
}
