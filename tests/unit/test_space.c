#include "space/space.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Everything is held against tables of all packets of a small space. */
enum { FX = 7, FY = 11, FZ = 5, PACKETS = FX * FY * FZ };

static const struct space_field fields[] = {
	{"x", FX - 1},
	{"y", FY - 1},
	{"z", FZ - 1},
};

static unsigned dims(unsigned f)
{
	static const unsigned d[] = {FX, FY, FZ};

	return d[f];
}

static void packet_of(unsigned i, space_val *p)
{
	p[0] = i % FX;
	p[1] = i / FX % FY;
	p[2] = i / FX / FY;
}

struct boxes {
	unsigned n;
	struct {
		unsigned lo[3], hi[3];
	} v[40];
};

static unsigned below(unsigned *seed, unsigned n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % n;
}

static struct boxes random_boxes(unsigned *seed, unsigned most)
{
	struct boxes b = {.n = below(seed, most + 1)};

	for (unsigned i = 0; i < b.n; i++)
		for (unsigned f = 0; f < 3; f++) {
			unsigned x = below(seed, dims(f));
			unsigned y = below(seed, 3) ? x : below(seed, dims(f));

			b.v[i].lo[f] = x < y ? x : y;
			b.v[i].hi[f] = x < y ? y : x;
		}
	return b;
}

static void box_get(const void *ctx, size_t i, unsigned f, space_val *lo,
		    space_val *hi)
{
	const struct boxes *b = ctx;

	*lo = b->v[i].lo[f];
	*hi = b->v[i].hi[f];
}

static uint32_t box_value(const void *ctx, size_t i)
{
	(void)ctx;
	return (uint32_t)i;
}

static const uint8_t all_fields[] = {0, 1, 2};

static struct space_boxes given(const struct boxes *b)
{
	return (struct space_boxes){b->n, 3, all_fields, box_get, NULL, b};
}

/* The first box that holds packet i, or n. */
static unsigned first_box(const struct boxes *b, unsigned i)
{
	space_val p[3];

	packet_of(i, p);
	for (unsigned k = 0; k < b->n; k++)
		if (p[0] >= b->v[k].lo[0] && p[0] <= b->v[k].hi[0] &&
		    p[1] >= b->v[k].lo[1] && p[1] <= b->v[k].hi[1] &&
		    p[2] >= b->v[k].lo[2] && p[2] <= b->v[k].hi[2])
			return k;
	return b->n;
}

static uint32_t at(struct space *s, uint32_t a, unsigned i)
{
	space_val p[3];

	packet_of(i, p);
	return space_at(s, a, p);
}

static unsigned cubes_holding(const struct space_cubes *c, unsigned i)
{
	unsigned n = 0;
	space_val p[3];

	packet_of(i, p);
	for (size_t k = 0; k < c->n; k++) {
		unsigned in = 0;

		for (unsigned f = 0; f < 3; f++) {
			const struct space_ivs *d = c->v[k].dim[f];

			for (size_t j = 0; d && j < d->n; j++)
				in += d->r[j].lo <= p[f] && p[f] <= d->r[j].hi;
			in += !d;
		}
		n += in == 3;
	}
	return n;
}

static unsigned wrong_ops(struct space *s, const struct boxes *x,
			  const struct boxes *y, uint32_t a, uint32_t b)
{
	uint32_t u = space_or(s, a, b), n = space_and(s, a, b);
	uint32_t m = space_minus(s, a, b), c = space_not(s, a);
	uint32_t d = space_apply(s, &space_op_xor, a, b);
	unsigned wrong = 0;

	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned p = first_box(x, i) < x->n, q = first_box(y, i) < y->n;

		wrong += at(s, a, i) != p;
		wrong += at(s, u, i) != (p | q);
		wrong += at(s, n, i) != (p & q);
		wrong += at(s, m, i) != (p & !q);
		wrong += at(s, d, i) != (p ^ q);
		wrong += at(s, c, i) != !p;
	}
	wrong += space_or(s, m, n) != a; /* one number a set */
	wrong += space_minus(s, u, b) != m;
	return wrong;
}

static void operations_are_those_of_sets(void)
{
	unsigned seed = 1, wrong = 0;

	for (unsigned round = 0; round < 3000; round++) {
		struct space *s = space_new(fields, 3);
		struct boxes x = random_boxes(&seed, 12);
		struct boxes y = random_boxes(&seed, 12);
		struct space_boxes gx = given(&x), gy = given(&y);

		wrong += wrong_ops(s, &x, &y, space_union(s, &gx),
				   space_union(s, &gy));
		space_free(s);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void first_match_and_leaves(void)
{
	unsigned seed = 2, wrong = 0;

	for (unsigned round = 0; round < 2000; round++) {
		struct space *s = space_new(fields, 3);
		struct boxes x = random_boxes(&seed, 40);
		struct space_boxes g = given(&x);
		struct arena *arena = arena_new();
		unsigned used[41] = {0};
		uint32_t a, *v;
		size_t n;

		g.value = box_value;
		a = space_build(s, &g, &space_op_min, space_leaf(x.n));
		for (unsigned i = 0; i < PACKETS; i++) {
			unsigned k = first_box(&x, i);

			/* x.n is the neutral element: the greatest value */
			wrong += at(s, a, i) != k;
			used[k] = 1;
		}
		n = space_leaves(s, a, arena, &v);
		for (size_t i = 0; i < n; i++)
			wrong += used[v[i]]++ != 1;
		for (unsigned i = 0; i <= x.n; i++)
			wrong += used[i] == 1;
		arena_free(arena);
		space_free(s);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void sizes_cubes_and_witnesses(void)
{
	unsigned seed = 3, wrong = 0;

	for (unsigned round = 0; round < 3000; round++) {
		struct space *s = space_new(fields, 3);
		struct arena *arena = arena_new();
		struct boxes x = random_boxes(&seed, 20);
		struct space_boxes g = given(&x);
		uint32_t a = space_union(s, &g);
		struct space_cubes c = space_to_cubes(s, a, arena, 1000);
		space_val p[3] = {0}, zwish[] = {3, 1};
		struct space_wish wish[3] = {{0}, {0}, {zwish, 2}};
		unsigned size = 0;

		for (unsigned i = 0; i < PACKETS; i++) {
			unsigned in = first_box(&x, i) < x.n;

			size += in;
			wrong += cubes_holding(&c, i) != in;
		}
		wrong += space_size(s, a, 7).w[0] != size;
		wrong += space_witness(s, a, wish, p) != (size != 0);
		wrong += size && !space_at(s, a, p);
		space_free(s);
		arena_free(arena);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void a_field_can_be_forgotten(void)
{
	unsigned seed = 4, wrong = 0;

	for (unsigned round = 0; round < 1000; round++) {
		struct space *s = space_new(fields, 3);
		struct boxes x = random_boxes(&seed, 8);
		struct space_boxes g = given(&x);
		uint32_t a = space_union(s, &g);
		uint32_t y = space_project(s, &space_op_or, a, 1);

		for (unsigned i = 0; i < PACKETS; i++) {
			unsigned any = 0;

			for (unsigned v = 0; v < FY; v++)
				any |= at(s, a,
					  i % FX + v * FX +
						  i / (FX * FY) * FX * FY);
			wrong += at(s, y, i) != any;
		}
		space_free(s);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void wide_fields(void)
{
	static const struct space_field wide[] = {
		{"src", ~(space_val)0},
		{"dst", ~(space_val)0},
	};
	struct space *s = space_new(wide, 2);
	space_val top = (space_val)1 << 127, p[2];
	uint32_t a = space_interval(s, 0, top, top + 9, SPACE_ALL, SPACE_NO);
	uint32_t b;
	struct buf t = {0};

	b = space_and(s, a,
		      space_interval(s, 1, 0, top - 1, SPACE_ALL, SPACE_NO));
	CU_ASSERT(space_witness(s, b, NULL, p));
	CU_ASSERT(p[0] == top && p[1] == 0);
	space_count_text(space_size(s, SPACE_ALL, 3), &t);
	buf_putc(&t, ' ');
	space_count_text(space_size(s, SPACE_ALL, 1), &t);
	buf_putc(&t, ' ');
	space_count_text(space_size(s, a, 1), &t);
	buf_putc(&t, ' ');
	space_count_text(space_size(s, b, 3), &t);
	CU_ASSERT_STRING_EQUAL(t.s, "2^256 2^128 10 about 1.7e+39");
	buf_free(&t);
	space_free(s);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"operations are those of sets", operations_are_those_of_sets},
		{"first match, leaves", first_match_and_leaves},
		{"sizes, cubes, witnesses", sizes_cubes_and_witnesses},
		{"a field can be forgotten", a_field_can_be_forgotten},
		{"wide fields", wide_fields},
		CU_TEST_INFO_NULL,
	};

	return unit_run("space", tests);
}
