#ifndef AUDIT_REST_H
#define AUDIT_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * Payloads that end in the middle of a message, until the next of the same
 * side comes: a request whose head is longer than a segment, an answer of an
 * endpoint mapper. Segments are taken as they come, and not put in order. A
 * few hundred are remembered at a time, up to REST_MAX bytes each, whatever
 * the traffic: the newer drive out the older.
 */
enum { REST_MAX = 8192 };

struct rests;

struct rests *rests_new(struct arena *a);
/* Remembers it under a number that is not 0. false: it is too long. */
bool rests_keep(struct rests *r, uint32_t of, const uint8_t *p, size_t n);
/* What was remembered, *known bytes, and *n bytes of p behind it, as far as
 * there is room; *n becomes the sum. Valid until the next call. If it was
 * driven out, p. */
const uint8_t *rests_join(struct rests *r, uint32_t of, const uint8_t *p,
			  size_t *n, size_t *known);

#endif
