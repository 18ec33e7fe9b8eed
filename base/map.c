#include "base/map.h"

#include <string.h>

#include "base/hash.h"
#include "base/vec.h"

/* Names are spread the same on every machine, since who walks the slots meets
 * them in that order; what is longer is no name, and goes eight bytes at a
 * time. */
enum { LONG_KEY = 64 };

static uint64_t hash_key(const void *key, size_t len)
{
	const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
	const unsigned char *p = key;
	uint64_t h = HASH_INIT ^ len, w;

	if (len < LONG_KEY)
		return hash_mix(hash_bytes(HASH_INIT, key, len));
	for (; len >= sizeof(w); p += sizeof(w), len -= sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		h = (h ^ w) * k;
		h ^= h >> 32;
	}
	return hash_mix(hash_bytes(h, p, len));
}

static struct map_entry *probe(const struct map *m, const void *key,
			       size_t len, uint64_t h)
{
	for (size_t i = h & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_entry *e = &m->slot[i];

		if (!e->key || (e->hash == h && e->len == len &&
				!memcmp(e->key, key, len)))
			return e;
	}
}

struct map_entry *map_find(const struct map *m, const void *key, size_t len)
{
	struct map_entry *e;

	if (!m->cap)
		return NULL;
	e = probe(m, key, len, hash_key(key, len));
	return e->key ? e : NULL;
}

struct map_entry *map_find_str(const struct map *m, const char *key)
{
	return map_find(m, key, strlen(key));
}

static void map_grow(struct arena *a, struct map *m)
{
	struct map old = *m;

	m->cap = old.cap ? old.cap * 2 : 16;
	m->slot = ARENA_ARRAY(a, struct map_entry, m->cap);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].key)
			*probe(m, old.slot[i].key, old.slot[i].len,
			       old.slot[i].hash) = old.slot[i];
}

struct map_entry *map_add(struct arena *a, struct map *m, const void *key,
			  size_t len, int *is_new)
{
	uint64_t h = hash_key(key, len);
	struct map_entry *e;

	if (m->n * 4 >= m->cap * 3)
		map_grow(a, m);
	e = probe(m, key, len, h);
	if (is_new)
		*is_new = !e->key;
	if (!e->key) {
		e->key = arena_strndup(a, key, len);
		e->len = len;
		e->hash = h;
		m->n++;
	}
	return e;
}

struct map_entry *map_add_str(struct arena *a, struct map *m, const char *key,
			      int *is_new)
{
	return map_add(a, m, key, strlen(key), is_new);
}

void lists_init(struct arena *a, struct lists *l)
{
	*l = (struct lists){ 0 };
	lists_intern(a, l, NULL, 0);
}

uint32_t lists_intern(struct arena *a, struct lists *l, const uint32_t *v,
		      size_t n)
{
	int is_new;
	struct map_entry *e = map_add(a, &l->map, n ? (const void *)v : "",
				      n * sizeof(*v), &is_new);

	if (is_new) {
		if (l->n == l->cap) {
			size_t cap = l->cap;

			vec_grow(a, (void **)&l->v, l->n, &cap, sizeof(*l->v));
			vec_grow(a, (void **)&l->len, l->n, &l->cap,
				 sizeof(*l->len));
		}
		e->val.u = (uint32_t)l->n;
		l->v[l->n] = e->key;
		l->len[l->n++] = (uint32_t)n;
	}
	return e->val.u;
}

int list_has(const uint32_t *sorted, size_t n, uint32_t x)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (sorted[mid] < x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && sorted[lo] == x;
}
