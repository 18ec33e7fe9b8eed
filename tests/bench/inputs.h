/*
 * What bench_space and bench_buddy measure: 100,000 random flows of 500 hosts
 * and 40 ports, 1 % of them replaced on the other side; and 5,000 first-match
 * rules of prefixes and port ranges with three edits.
 */
#ifndef BENCH_INPUTS_H
#define BENCH_INPUTS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/clock.h"

/* Addresses last: rules share few services, services share few hosts. */
enum { PROTO, DPORT, DST, SRC };

struct box {
	uint32_t lo[4], hi[4];
	uint32_t value;
};

struct list {
	size_t n;
	struct box *v;
};

static inline uint32_t rnd(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static inline void set(struct box *b, unsigned f, uint32_t lo, uint32_t hi)
{
	b->lo[f] = lo;
	b->hi[f] = hi;
}

static inline void random_flow(struct box *b, uint64_t *seed, const uint32_t *host)
{
	uint32_t s = host[rnd(seed) % 500], d = host[rnd(seed) % 500];
	uint32_t proto = rnd(seed) % 4 ? 6 : 17, port = 1 + rnd(seed) % 40;

	set(b, SRC, s, s);
	set(b, DST, d, d);
	set(b, PROTO, proto, proto);
	set(b, DPORT, port * 211, port * 211);
}

static inline void flows(struct list *a, struct list *b, uint64_t *seed)
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

static inline void random_prefix(struct box *b, unsigned f, uint64_t *seed,
			  const uint32_t *host)
{
	static const uint8_t len[] = {0, 8, 16, 20, 24, 24, 28, 32, 32, 32};
	unsigned l = len[rnd(seed) % sizeof(len)];
	uint32_t mask = l ? ~UINT32_C(0) << (32 - l) : 0;
	uint32_t a = host[rnd(seed) % 500] & mask;

	set(b, f, a, a | ~mask);
}

static inline void rules(struct list *a, struct list *b, uint64_t *seed)
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

/* Both sides; rules: first match, value & 1 is the verdict. */
static inline void inputs(int first_match, struct list *a, struct list *b)
{
	uint64_t seed = 7;

	a->n = b->n = first_match ? 5000 : 100000;
	a->v = calloc(a->n, sizeof(*a->v));
	b->v = calloc(b->n, sizeof(*b->v));
	(first_match ? rules : flows)(a, b, &seed);
}

#endif
