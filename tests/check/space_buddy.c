/*
 * space_buddy SEEDS: space/ held against BuDDy, on spaces of a few bits and on
 * one as wide as IPv4 rules are (88 bits). Random unions, first matches and
 * operations are built both ways; the diagrams, turned into cubes and from
 * cubes into BuDDy's, must be BuDDy's own, since both are canonical. Sizes,
 * projections and witnesses are compared as well.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "space/space.h"
#include "tests/check/bdd.h"

enum { FIELDS = 4, MAX_BOXES = 60 };

struct shape {
	const char *name;
	int bits[FIELDS];
	unsigned boxes;
};

static const struct shape shapes[] = {
	{ "2 x 3 x 1 x 2 bits", { 2, 3, 1, 2 }, 8 },
	{ "4 x 4 x 3 x 4 bits", { 4, 4, 3, 4 }, 20 },
	{ "8 x 16 x 32 x 32 bits", { 8, 16, 32, 32 }, MAX_BOXES },
};

struct box {
	uint64_t lo[FIELDS], hi[FIELDS];
};

struct bench {
	const struct shape *shape;
	struct space *s;
	struct bdd_field f[FIELDS];
	int vars;
	uint64_t seed;
	unsigned long compared;
};

static uint32_t draw(struct bench *b)
{
	b->seed = b->seed * UINT64_C(6364136223846793005) +
		  1442695040888963407u;
	return (uint32_t)(b->seed >> 33);
}

/* Prefixes, single values, ranges that share ends, everything. */
static void random_box(struct bench *b, struct box *x)
{
	for (int i = 0; i < FIELDS; i++) {
		uint64_t max = (UINT64_C(1) << b->f[i].bits) - 1;
		uint64_t v = (draw(b) * (uint64_t)31 % 97 * (max / 96 + 1)) &
			     max;
		int plen = (int)(draw(b) % (unsigned)(b->f[i].bits + 1));
		uint64_t low = plen ? max >> plen : max, w = draw(b) & max;

		switch (draw(b) % 4) {
		case 0: x->lo[i] = v & ~low; x->hi[i] = v | low; break;
		case 1: x->lo[i] = x->hi[i] = v; break;
		case 2: x->lo[i] = v < w ? v : w; x->hi[i] = v < w ? w : v;
			break;
		default: x->lo[i] = 0; x->hi[i] = max;
		}
	}
}

struct boxes {
	struct box v[MAX_BOXES];
	unsigned n;
};

static void random_boxes(struct bench *b, struct boxes *x)
{
	x->n = draw(b) % b->shape->boxes;
	for (unsigned i = 0; i < x->n; i++)
		random_box(b, &x->v[i]);
}

static void get(const void *ctx, size_t i, unsigned f, space_val *lo,
		space_val *hi)
{
	const struct boxes *x = ctx;

	*lo = x->v[i].lo[f];
	*hi = x->v[i].hi[f];
}

static uint32_t value(const void *ctx, size_t i)
{
	(void)ctx;
	return (uint32_t)i;
}

static BDD box_bdd(struct bench *b, const struct box *x)
{
	BDD r = bdd_addref(bddtrue);

	for (int i = 0; i < FIELDS; i++)
		r = bdd_take(bdd_and, r, bdd_interval(&b->f[i], x->lo[i],
						      x->hi[i]));
	return r;
}

static BDD union_bdd(struct bench *b, const struct boxes *x)
{
	BDD r = bdd_addref(bddfalse);

	for (unsigned i = 0; i < x->n; i++)
		r = bdd_take(bdd_or, r, box_bdd(b, &x->v[i]));
	return r;
}

/* Where the first box that holds a packet has an even number. */
static BDD first_bdd(struct bench *b, const struct boxes *x)
{
	BDD r = bdd_addref(bddfalse);

	for (unsigned i = x->n; i-- > 0;) {
		BDD m = box_bdd(b, &x->v[i]);
		BDD n = bdd_addref(bdd_ite(m, i % 2 ? bddfalse : bddtrue, r));

		bdd_delref(m);
		bdd_delref(r);
		r = n;
	}
	return r;
}

static BDD cubes_bdd(struct bench *b, const struct space_cubes *c)
{
	BDD r = bdd_addref(bddfalse);

	for (size_t i = 0; i < c->n; i++) {
		BDD x = bdd_addref(bddtrue);

		for (int f = 0; f < FIELDS; f++) {
			const struct space_ivs *d = c->v[i].dim[f];
			BDD y = bdd_addref(d ? bddfalse : bddtrue);

			for (size_t k = 0; d && k < d->n; k++)
				y = bdd_take(bdd_or, y, bdd_interval(&b->f[f],
					(uint64_t)d->r[k].lo,
					(uint64_t)d->r[k].hi));
			x = bdd_take(bdd_and, x, y);
		}
		r = bdd_take(bdd_or, r, x);
	}
	return r;
}

static int wrong(struct bench *b, const char *what)
{
	printf("not ok check/buddy %s: %s (seed %llu)\n", b->shape->name, what,
	       (unsigned long long)b->seed);
	return 1;
}

static int same_size(struct bench *b, uint32_t d, BDD r)
{
	double mine = (double)space_count_approx(space_size(b->s, d,
						(1u << FIELDS) - 1));
	double theirs = bdd_satcount(r);

	return fabs(mine - theirs) <= 1e-9 * (mine + theirs);
}

static int in_bdd(struct bench *b, BDD r, const space_val *p)
{
	for (int f = 0; f < FIELDS; f++)
		for (int i = 0; i < b->f[f].bits; i++) {
			int bit = (int)(p[f] >> (b->f[f].bits - 1 - i) & 1);

			while (r != bddtrue && r != bddfalse &&
			       bdd_var(r) == b->f[f].first + i)
				r = bit ? bdd_high(r) : bdd_low(r);
		}
	return r == bddtrue;
}

/* Takes the reference. */
static int same(struct bench *b, const char *what, uint32_t d, BDD r)
{
	struct arena *a = arena_new();
	struct space_cubes c = space_to_cubes(b->s, d, a, 1000000);
	BDD back = cubes_bdd(b, &c);
	space_val p[FIELDS];
	int bad = 0;

	b->compared++;
	if (back != r || c.more)
		bad = wrong(b, what);
	else if (!same_size(b, d, r))
		bad = wrong(b, "sizes");
	else if (space_witness(b->s, d, NULL, p) != (r != bddfalse))
		bad = wrong(b, "emptiness");
	else if (r != bddfalse && !in_bdd(b, r, p))
		bad = wrong(b, "a witness");
	bdd_delref(back);
	bdd_delref(r);
	arena_free(a);
	return bad;
}

static uint32_t even(void *ctx, uint32_t a, uint32_t n)
{
	(void)n;
	return a != *(const uint32_t *)ctx && a % 2 == 0;
}

static int projections(struct bench *b, uint32_t d, BDD r)
{
	int bad = 0;

	for (int f = 0; f < FIELDS; f++) {
		BDD q = bdd_addref(r);

		for (int i = 0; i < b->f[f].bits; i++) {
			BDD v = bdd_ithvar(b->f[f].first + i);
			BDD n = bdd_addref(bdd_exist(q, v));

			bdd_delref(q);
			q = n;
		}
		bad |= same(b, "a projection", space_project(b->s,
				&space_op_or, d, (unsigned)f), q);
	}
	return bad;
}

static int one(struct bench *b)
{
	static const uint8_t all[FIELDS] = { 0, 1, 2, 3 };
	static uint32_t none = 0x7ffffffe;
	struct space_op to_even = { 300, false, even, NULL, &none };
	struct boxes x, y;
	struct space_boxes bx = { 0, FIELDS, all, get, NULL, &x }, by = bx;
	uint32_t u, v, first;
	BDD p, q;
	int bad = 0;

	random_boxes(b, &x);
	random_boxes(b, &y);
	bx.n = x.n;
	by.n = y.n;
	by.ctx = &y;
	u = space_union(b->s, &bx);
	v = space_union(b->s, &by);
	bx.value = value;
	first = space_map(b->s, &to_even, space_build(b->s, &bx, &space_op_min,
						      space_leaf(none)));
	p = union_bdd(b, &x);
	q = union_bdd(b, &y);
	bad |= same(b, "first match", first, first_bdd(b, &x));
	bad |= same(b, "and", space_and(b->s, u, v), bdd_addref(bdd_and(p, q)));
	bad |= same(b, "or", space_or(b->s, u, v), bdd_addref(bdd_or(p, q)));
	bad |= same(b, "minus", space_minus(b->s, u, v),
		    bdd_addref(bdd_apply(p, q, bddop_diff)));
	bad |= same(b, "xor", space_apply(b->s, &space_op_xor, u, v),
		    bdd_addref(bdd_xor(p, q)));
	bad |= same(b, "not", space_not(b->s, u), bdd_addref(bdd_not(p)));
	bad |= projections(b, u, p);
	if ((u == v) != (p == q))
		bad |= wrong(b, "equality");
	bad |= same(b, "a union", u, p);
	bad |= same(b, "a union", v, q);
	return bad;
}

static void quiet(int before, bddGbcStat *stat)
{
	(void)before;
	(void)stat;
}

static int run(const struct shape *shape, unsigned long seeds)
{
	struct space_field f[FIELDS];
	struct bench b = { .shape = shape };
	int bad = 0;

	for (int i = 0; i < FIELDS; i++) {
		f[i] = (struct space_field){ "", (UINT64_C(1) <<
						  shape->bits[i]) - 1 };
		b.f[i] = (struct bdd_field){ b.vars, shape->bits[i] };
		b.vars += shape->bits[i];
	}
	bdd_init(200000, 20000);
	bdd_gbc_hook(quiet);
	bdd_setvarnum(b.vars);
	b.s = space_new(f, FIELDS);
	for (b.seed = 1; !bad && seeds > 0; seeds--)
		bad = one(&b);
	if (!bad)
		printf("ok check/buddy %s: %lu diagrams\n", shape->name,
		       b.compared);
	space_free(b.s);
	bdd_done();
	return bad;
}

int main(int argc, char **argv)
{
	unsigned long seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
	int bad = 0;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		bad |= run(&shapes[i], i == 2 ? seeds / 4 + 1 : seeds);
	return bad;
}
