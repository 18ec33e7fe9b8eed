#ifndef CHECK_LOOKUP_H
#define CHECK_LOOKUP_H

#include "check/bits.h"

/* A lookup of register bits in a set: leaf 0 misses, leaf k + 1 hits an
 * element of class k. Elements of one class lead to the same. */
struct hit_class {
	enum kr_verdict verdict;
	const struct kr_chain *chain;
	struct kr_data data;
	const char *maybe; /* hits or misses because of this */
};

struct lookup {
	uint32_t d;
	const struct hit_class *class;
	size_t n;
	const char *opaque; /* nothing is known: any class, or a miss */
	uint32_t why;	    /* then, if the key is opaque: a reason */
};

/* fresh: numbers for operations, used for no other. */
enum { LOOKUP_OPS = 3 };
const struct lookup *lookup_build(struct arena *a, const struct bits_ctx *c,
				  const struct kr_set *set,
				  const struct rbit *key,
				  const uint32_t fresh[LOOKUP_OPS]);

#endif
