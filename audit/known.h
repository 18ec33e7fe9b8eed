#ifndef AUDIT_KNOWN_H
#define AUDIT_KNOWN_H

#include "audit/flow.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"

/*
 * Connections whose opener is known, from one run to the next. Who opened a
 * connection shows at its beginning; a monitor that was restarted since would
 * have to guess.
 */
struct known_conn {
	struct addr src, dst; /* src opened it */
	uint16_t sport, dport;
	uint8_t proto;
	uint64_t first, last; /* nanoseconds since 1970, UTC */
};

typedef VEC(struct known_conn) known_list;

/* The bytes of a state file; sorts the list. saved: nanoseconds. */
void known_encode(known_list *l, uint64_t saved, struct buf *out);
/* 0; -1: *why says what is wrong with the bytes, a phrase to follow a name. */
int known_decode(struct arena *a, const uint8_t *p, size_t n, known_list *l,
		 uint64_t *saved, const char **why);

/* A table to look them up. Any number of threads may ask at a time. */
struct known;
struct known *known_new(struct arena *a, const known_list *l, uint64_t seed);
/* Marks the side that opened c, if it is known, and takes it out. */
void known_recall(struct known *k, struct conn *c);
/* Adds those that were never asked for and may still go on at this time. */
void known_rest(const struct known *k, uint64_t now, struct arena *a,
		known_list *l);
/* Adds c if it goes on at this time and its opener is known well enough. */
void known_add(const struct conn *c, uint64_t now, struct arena *a,
	       known_list *l);

#endif
