#include "audit/sniff.h"

#include <string.h>

#include "audit/bytes.h"

/*
 * The answer of an endpoint mapper holds protocol towers (C706, Appendix L):
 * a 16-bit count of floors, each with a left and a right side of 16-bit
 * lengths, all little-endian. A floor whose left side is the one byte 0x07 is
 * TCP, its right side the port, big-endian. What stands around the
 * towers depends on the number asked for; they are found by their shape.
 */
enum { HEADER = 24, FLOOR_TCP = 7, FLOOR_UUID = 19, FLOORS_MAX = 8 };

static bool floor_at(const uint8_t *p, size_t n, size_t *at,
		     const uint8_t **left, size_t *n_left,
		     const uint8_t **right, size_t *n_right)
{
	if (n - *at < 2)
		return false;
	*n_left = le16(p + *at);
	*left = p + *at + 2;
	if (n - *at - 2 < *n_left + 2)
		return false;
	*at += 2 + *n_left;
	*n_right = le16(p + *at);
	*right = p + *at + 2;
	if (n - *at - 2 < *n_right)
		return false;
	*at += 2 + *n_right;
	return true;
}

/* Reads the tower at p; false: none, or not over TCP. */
static bool tower_at(const uint8_t *p, size_t n, struct epm_tower *t)
{
	size_t floors = le16(p), at = 2, nl, nr;
	const uint8_t *l, *r;

	t->port = 0;
	for (size_t i = 0; i < floors; i++) {
		if (!floor_at(p, n, &at, &l, &nl, &r, &nr))
			return false;
		/* The first two name interface and transfer syntax: 0x0d
		 * and a UUID, then a version. */
		if (i < 2 && (nl != FLOOR_UUID || l[0] != 0x0d))
			return false;
		if (i == 0)
			memcpy(t->uuid, l + 1, sizeof(t->uuid));
		if (i == 3 && nl == 1 && l[0] == FLOOR_TCP && nr == 2)
			t->port = be16(r);
	}
	return t->port;
}

size_t epm_towers(const uint8_t *p, size_t n, struct epm_tower *out,
		  size_t max)
{
	size_t found = 0;

	/* A response, whole or first fragment. Whatever the byte order of the
	 * data around them, that of towers is fixed. */
	if (n < HEADER || p[0] != 5 || p[2] != 2)
		return 0;
	for (size_t at = HEADER; at + 4 < n && found < max; at++) {
		size_t floors = le16(p + at);

		if (floors < 4 || floors > FLOORS_MAX ||
		    le16(p + at + 2) != FLOOR_UUID)
			continue;
		found += tower_at(p + at, n - at, &out[found]);
	}
	return found;
}
