#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>

#include "base/arena.h"

/*
 * A growable array in an arena: struct { TYPE *v; size_t n, cap; }.
 * The old storage stays behind in the arena when it grows (at most as much
 * again as the final size), so pointers into v must not be kept across a push.
 */
#define VEC(type) struct { type *v; size_t n, cap; }

#define vec_push(arena, vec, ...) \
	do { \
		if ((vec)->n == (vec)->cap) \
			vec_grow((arena), (void **)&(vec)->v, (vec)->n, \
				 &(vec)->cap, sizeof(*(vec)->v)); \
		(vec)->v[(vec)->n++] = (__VA_ARGS__); \
	} while (0)

void vec_grow(struct arena *a, void **v, size_t n, size_t *cap, size_t size);

/* For qsort(), of uint32_t or of structs that begin with so many of them in the
 * order in which they count. */
int u32_compare(const void *a, const void *b);
int u32_compare2(const void *a, const void *b);
int u32_compare3(const void *a, const void *b);
int u32_compare4(const void *a, const void *b);

#endif
