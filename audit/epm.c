#include "audit/sniff.h"

#include <string.h>

#include "audit/bytes.h"

/*
 * The answer of an endpoint mapper holds protocol towers (C706, Appendix L):
 * a 16-bit count of floors, each with a left and a right side of 16-bit
 * lengths, all little-endian. A floor whose left side is the one byte 0x07 is
 * TCP, its right side the port, big-endian. The stub around the towers
 * depends on the number asked for; the towers are found by their shape.
 */
enum { HEADER = 24, DREP_LITTLE = 0x10, FLOOR_TCP = 7, FLOORS_MAX = 8 };

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

/* The TCP port in the tower at p, or 0. */
static uint16_t tower_port(const uint8_t *p, size_t n)
{
	size_t floors = le16(p), at = 2, nl, nr;
	const uint8_t *l, *r;
	uint16_t port = 0;

	for (size_t i = 0; i < floors; i++) {
		if (!floor_at(p, n, &at, &l, &nl, &r, &nr))
			return 0;
		/* The first two name interface and transfer syntax: 0x0d
		 * and a UUID. */
		if (i < 2 && (nl != 19 || l[0] != 0x0d))
			return 0;
		if (i == 3 && nl == 1 && l[0] == FLOOR_TCP && nr == 2)
			port = be16(r);
	}
	return port;
}

size_t epm_ports(const uint8_t *p, size_t n, uint16_t *out, size_t max)
{
	size_t found = 0;

	/* A response, whole or first fragment, little-endian data. */
	if (n < HEADER || p[0] != 5 || p[2] != 2 || p[4] != DREP_LITTLE)
		return 0;
	for (size_t at = HEADER; at + 4 < n && found < max; at++) {
		size_t floors = le16(p + at);
		uint16_t port;

		if (floors < 4 || floors > FLOORS_MAX ||
		    le16(p + at + 2) != 19)
			continue;
		port = tower_port(p + at, n - at);
		if (port)
			out[found++] = port;
	}
	return found;
}
