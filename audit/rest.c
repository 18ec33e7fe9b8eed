#include "audit/rest.h"

#include <string.h>

enum { RESTS = 256 };

struct rests {
	uint32_t of[RESTS];
	size_t n[RESTS];
	uint8_t (*bytes)[REST_MAX];
};

struct rests *rests_new(struct arena *a)
{
	struct rests *r = ARENA_NEW(a, struct rests);

	/* untouched, and so of no cost, where nothing is kept */
	r->bytes = arena_alloc_raw(a, RESTS * sizeof(*r->bytes));
	return r;
}

static size_t place(uint32_t of)
{
	return of * UINT32_C(0x9e3779b1) >> 24;
}

bool rests_keep(struct rests *r, uint32_t of, const uint8_t *p, size_t n)
{
	size_t at = place(of);

	if (n >= REST_MAX)
		return false;
	if (p != r->bytes[at])
		memcpy(r->bytes[at], p, n);
	r->of[at] = of;
	r->n[at] = n;
	return true;
}

const uint8_t *rests_join(struct rests *r, uint32_t of, const uint8_t *p,
			  size_t *n, size_t *known)
{
	size_t at = place(of), room;

	*known = 0;
	if (r->of[at] != of)
		return p;
	*known = r->n[at];
	room = REST_MAX - *known;
	if (*n > room)
		*n = room;
	memcpy(r->bytes[at] + *known, p, *n);
	*n += *known;
	return r->bytes[at];
}
