#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * Open addressing from byte strings to pointers or numbers, in an arena.
 * Keys are copied in. No deletion: a compiler only adds.
 */
struct map_entry {
	const void *key;
	size_t len;
	uint64_t hash;
	union {
		void *p;
		const void *cp;
		uint32_t u;
	} val;
};

struct map {
	struct map_entry *slot;
	size_t n, cap;
};

/* Lends the entry, or NULL. */
struct map_entry *map_find(const struct map *m, const void *key, size_t len);
struct map_entry *map_find_str(const struct map *m, const char *key);
/* The entry of key; *is_new (may be NULL) says whether it was just added, its
 * value then all zero. Valid until the next map_add(). */
struct map_entry *map_add(struct arena *a, struct map *m, const void *key,
			  size_t len, int *is_new);
struct map_entry *map_add_str(struct arena *a, struct map *m, const char *key,
			      int *is_new);

/* Lists of numbers interned to small numbers: equal lists, equal numbers.
 * Number 0 is the empty list. */
struct lists {
	struct map map;
	const uint32_t **v; /* v[id], lent */
	uint32_t *len;
	size_t n, cap;
};

void lists_init(struct arena *a, struct lists *l);
uint32_t lists_intern(struct arena *a, struct lists *l, const uint32_t *v,
		      size_t n);
int list_has(const uint32_t *sorted, size_t n, uint32_t x);

#endif
