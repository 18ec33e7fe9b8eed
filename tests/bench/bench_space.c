/*
 * How long sets of packets take (inputs.h): both sides and the difference, CPU
 * seconds, boxes of the difference, peak MB, packets that differ, boxes that
 * nobody can do without; one program run a case, since memory is the
 * process's: bench_space flows | rules
 */
#include "space/space.h"
#include "tests/bench/inputs.h"

static const struct space_field fields[] = {
	[SRC] = {"src", ~(space_val)0},
	[DST] = {"dst", ~(space_val)0},
	[PROTO] = {"proto", 255},
	[DPORT] = {"dport", 65535},
};
static const uint8_t all[] = {PROTO, DPORT, DST, SRC};

static const space_val v4 = (space_val)0xffff00000000;

static void get(const void *ctx, size_t i, unsigned f, space_val *lo,
		space_val *hi)
{
	const struct list *l = ctx;
	space_val base = f >= DST ? v4 : 0;

	*lo = base + l->v[i].lo[f];
	*hi = base + l->v[i].hi[f];
}

static uint32_t value(const void *ctx, size_t i)
{
	const struct list *l = ctx;

	return l->v[i].value;
}

static uint32_t verdict(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	(void)b;
	return a & 1;
}

static const struct space_op to_verdict = {256, false, verdict, NULL, NULL};

static uint32_t build(struct space *s, const struct list *l, int first_match)
{
	struct space_boxes b = {l->n, 4, all, get, NULL, l};

	if (!first_match)
		return space_union(s, &b);
	b.value = value;
	return space_map(
		s, &to_verdict,
		space_build(s, &b, &space_op_min, space_leaf(0x7ffffffe)));
}

/*
 * Two packets that a box within the set may share: whatever takes each field
 * from one or the other is in the set too, since a box is a product.
 */
static int may_share(struct space *s, uint32_t set, const space_val *a,
		     const space_val *b)
{
	space_val p[4];

	for (unsigned mix = 1; mix < 15; mix++) {
		for (unsigned f = 0; f < 4; f++)
			p[f] = mix >> f & 1 ? a[f] : b[f];
		if (!space_at(s, set, p))
			return 0;
	}
	return 1;
}

/*
 * Packets of which no two share a box: as many boxes are needed, whichever way
 * they are found, overlapping or not. A lower bound: first come, first kept.
 */
static size_t needed(struct space *s, uint32_t set,
		     const struct space_cubes *c)
{
	space_val (*kept)[4] = calloc(c->n, sizeof(*kept));
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		size_t k = 0;

		for (unsigned f = 0; f < 4; f++)
			kept[n][f] = c->v[i].dim[f] ? c->v[i].dim[f]->r[0].lo
						    : 0;
		while (k < n && !may_share(s, set, kept[k], kept[n]))
			k++;
		n += k == n;
	}
	free(kept);
	return n;
}

int main(int argc, char **argv)
{
	int first_match = argc > 1 && strcmp(argv[1], "rules") == 0;
	struct list a, b;
	struct space *s = space_new(fields, 4);
	struct arena *arena = arena_new();
	struct space_cubes c;
	uint32_t x, y, d;
	double t0, t1, t2;
	struct rusage u;

	inputs(first_match, &a, &b);
	t0 = cpu();
	x = build(s, &a, first_match);
	y = build(s, &b, first_match);
	t1 = cpu();
	d = space_apply(s, &space_op_xor, x, y);
	c = space_to_cubes(s, d, arena, 1000000);
	t2 = cpu();
	getrusage(RUSAGE_SELF, &u);
	printf("%.4f %.4f %zu %.0f %.9e %zu\n", t1 - t0, t2 - t1, c.n,
	       (double)u.ru_maxrss / 1024,
	       (double)space_count_approx(space_size(s, d, 15)),
	       needed(s, d, &c));
	return 0;
}
