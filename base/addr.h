#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/*
 * One space for both families: an IPv6 address as a 128-bit number, an IPv4
 * address as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), which no zone may hold as
 * IPv6. Numbers, so host byte order; addr_from/to_bytes cross to the wire.
 */
struct addr {
	uint64_t hi, lo;
};

/* Both ends belong to it. Never spans the two families. */
struct addr_range {
	struct addr lo, hi;
};

struct prefix {
	struct addr_range r;
	uint8_t len; /* as written: 0..32 or 0..128 */
	bool v4;
};

#define ADDR_TEXT 96 /* room for any range as text */

static inline int addr_cmp(struct addr a, struct addr b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

static inline bool addr_eq(struct addr a, struct addr b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static inline bool addr_is_v4(struct addr a)
{
	return a.hi == 0 && a.lo >> 32 == 0xffff;
}

static inline struct addr addr_v4(uint32_t host_order)
{
	return (struct addr){ 0, UINT64_C(0xffff00000000) | host_order };
}

static inline struct addr addr_next(struct addr a)
{
	a.lo++;
	a.hi += a.lo == 0;
	return a;
}

static inline struct addr addr_prev(struct addr a)
{
	a.hi -= a.lo == 0;
	a.lo--;
	return a;
}

static inline bool range_has(struct addr_range r, struct addr a)
{
	return addr_cmp(r.lo, a) <= 0 && addr_cmp(a, r.hi) <= 0;
}

static inline bool range_single(struct addr_range r)
{
	return addr_eq(r.lo, r.hi);
}

struct addr addr_from_v4_bytes(const uint8_t b[4]);  /* network order */
struct addr addr_from_v6_bytes(const uint8_t b[16]); /* network order */
void addr_to_bytes(struct addr a, uint8_t b[16]);    /* 4 or 16, by family */

/*
 * An address ("10.0.0.1", "2001:db8::1") or, with allow_prefix, a prefix
 * ("10.0.0.0/8"). NULL, or what is wrong with it: a phrase that fits after
 * the quoted text, such as "has host bits set: write 10.0.0.0/8" (from the
 * arena). Refuses leading zeros, scope ids and IPv4-mapped addresses.
 */
const char *prefix_parse(struct arena *a, const char *s, size_t n,
			 bool allow_prefix, struct prefix *out);
/* Would a reader take it for an address or prefix? (names may not look so) */
bool looks_like_address(const char *s);

void addr_text(struct addr a, char out[ADDR_TEXT]);
/* "10.0.0.1", "10.0.0.0/8" or "10.0.0.1-10.0.0.9" */
void range_text(struct addr_range r, char out[ADDR_TEXT]);
/* The prefix length (as written for its family) if r is one, else -1. */
int range_prefix_len(struct addr_range r);
/* Number of addresses; saturates at UINT64_MAX. */
uint64_t range_count(struct addr_range r);
struct addr_range range_of_prefix(struct addr a, unsigned len128);

/* Disjoint ranges in ascending order. */
struct addr_set {
	struct addr_range *r;
	size_t n;
};

/* Sorts, merges overlaps and neighbours (never across the families), in place. */
void addr_set_normalise(struct addr_set *s);
/* What of x is not in y. */
struct addr_set addr_set_minus(struct arena *a, const struct addr_set *x,
			       const struct addr_set *y);
bool addr_set_has(const struct addr_set *s, struct addr a);

#endif
