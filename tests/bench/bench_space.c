/*
 * How long sets of packets take (issue 4): 100,000 random flows of 500 hosts
 * and 40 ports, 1 % of them replaced on the other side; and 5,000 first-match
 * rules of prefixes and port ranges with three edits. Both sides and the
 * difference, CPU seconds and peak memory; one program run a case, since
 * memory is the process's: bench_space flows | rules
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "space/space.h"

/* Addresses last: rules share few services, services share few hosts. */
enum { PROTO, DPORT, DST, SRC };

static const struct space_field fields[] = {
	[SRC] = {"src", ~(space_val)0},
	[DST] = {"dst", ~(space_val)0},
	[PROTO] = {"proto", 255},
	[DPORT] = {"dport", 65535},
};
static const uint8_t all[] = {PROTO, DPORT, DST, SRC};

struct box {
	uint32_t lo[4], hi[4];
	uint32_t value;
};

struct list {
	size_t n;
	struct box *v;
};

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

static uint32_t rnd(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static void set(struct box *b, unsigned f, uint32_t lo, uint32_t hi)
{
	b->lo[f] = lo;
	b->hi[f] = hi;
}

static void random_flow(struct box *b, uint64_t *seed, const uint32_t *host)
{
	uint32_t s = host[rnd(seed) % 500], d = host[rnd(seed) % 500];
	uint32_t proto = rnd(seed) % 4 ? 6 : 17, port = 1 + rnd(seed) % 40;

	set(b, SRC, s, s);
	set(b, DST, d, d);
	set(b, PROTO, proto, proto);
	set(b, DPORT, port * 211, port * 211);
}

static void flows(struct list *a, struct list *b, uint64_t *seed)
{
	uint32_t host[500];

	for (size_t i = 0; i < 500; i++)
		host[i] = 0x0a000000 | (rnd(seed) & 0xffffff);
	for (size_t i = 0; i < a->n; i++)
		random_flow(&a->v[i], seed, host);
	memcpy(b->v, a->v, a->n * sizeof(*a->v));
	for (size_t i = 0; i < a->n; i += 100)
		random_flow(&b->v[i], seed, host);
}

static void random_prefix(struct box *b, unsigned f, uint64_t *seed,
			  const uint32_t *host)
{
	static const uint8_t len[] = {0, 8, 16, 20, 24, 24, 28, 32, 32, 32};
	unsigned l = len[rnd(seed) % sizeof(len)];
	uint32_t mask = l ? ~UINT32_C(0) << (32 - l) : 0;
	uint32_t a = host[rnd(seed) % 500] & mask;

	set(b, f, a, a | ~mask);
}

static void rules(struct list *a, struct list *b, uint64_t *seed)
{
	uint32_t host[500];

	for (size_t i = 0; i < 500; i++)
		host[i] = 0x0a000000 | (rnd(seed) & 0xffffff);
	for (size_t i = 0; i < a->n; i++) {
		struct box *r = &a->v[i];
		uint32_t port = 1 + rnd(seed) % 2000;

		random_prefix(r, SRC, seed, host);
		random_prefix(r, DST, seed, host);
		set(r, PROTO, 6, 6);
		if (rnd(seed) % 3 == 0)
			set(r, PROTO, 17, 17);
		if (rnd(seed) % 20 == 0)
			set(r, PROTO, 0, 255);
		set(r, DPORT, port, port + (rnd(seed) % 4 ? 0 : 100));
		r->value = (uint32_t)i * 2 + (rnd(seed) % 10 != 0);
	}
	memcpy(b->v, a->v, a->n * sizeof(*a->v));
	b->v[a->n / 5].lo[SRC] &= 0xffffff00;
	b->v[a->n / 5].hi[SRC] |= 0xff;
	set(&b->v[a->n / 2], DPORT, 1, 1023);
	b->v[a->n / 3].value ^= 1;
}

static uint32_t verdict(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	(void)b;
	return a & 1;
}

static const struct space_op to_verdict = {256, false, verdict, NULL, NULL};

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

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

int main(int argc, char **argv)
{
	int first_match = argc > 1 && strcmp(argv[1], "rules") == 0;
	struct list a = {first_match ? 5000 : 100000, NULL}, b = a;
	struct space *s = space_new(fields, 4);
	struct arena *arena = arena_new();
	struct buf t = {0};
	uint64_t seed = 7;
	struct space_cubes c;
	uint32_t x, y, d;
	double t0, t1, t2;
	struct rusage u;

	a.v = calloc(a.n, sizeof(*a.v));
	b.v = calloc(b.n, sizeof(*b.v));
	(first_match ? rules : flows)(&a, &b, &seed);
	t0 = cpu();
	x = build(s, &a, first_match);
	y = build(s, &b, first_match);
	t1 = cpu();
	d = space_apply(s, &space_op_xor, x, y);
	c = space_to_cubes(s, d, arena, 1000000);
	t2 = cpu();
	space_count_text(space_size(s, d, 15), &t);
	getrusage(RUSAGE_SELF, &u);
	printf("%s: both sides %.3f s, difference %.3f s, %zu nodes, "
	       "%zu cubes, %s packets differ, peak %ld MB\n",
	       first_match ? "rules" : "flows", t1 - t0, t2 - t1,
	       space_nodes(s), c.n, t.s, u.ru_maxrss / 1024);
	return 0;
}
