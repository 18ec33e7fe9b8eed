#include "space/node.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

struct space *space_new(const struct space_field *f, unsigned n)
{
	struct space *s = mem_alloc(sizeof(*s));

	assert(n <= SPACE_FIELDS);
	memset(s, 0, sizeof(*s));
	memcpy(s->f, f, n * sizeof(*f));
	s->nf = n;
	s->tmask = 1023;
	s->table = mem_alloc(sizeof(*s->table) * (s->tmask + 1));
	memset(s->table, 0, sizeof(*s->table) * (s->tmask + 1));
	s->mmask = 1023;
	s->memo = mem_alloc(sizeof(*s->memo) * (s->mmask + 1));
	memset(s->memo, 0xff, sizeof(*s->memo) * (s->mmask + 1));
	return s;
}

void space_free(struct space *s)
{
	if (!s)
		return;
	free(s->node);
	free(s->word);
	free(s->table);
	free(s->memo);
	free(s->seen);
	free(s->stack);
	free(s);
}

const struct space_field *space_field(const struct space *s, unsigned f)
{
	return &s->f[f];
}

void space_forget(struct space *s)
{
	s->era += SPACE_ERA;
	if (!s->era) /* the first comes again */
		memset(s->memo, 0xff,
		       sizeof(*s->memo) * ((size_t)s->mmask + 1));
}

void edges_grow(struct space *s)
{
	s->scap = s->scap ? s->scap * 2 : 1024;
	s->stack = mem_realloc(s->stack, s->scap * sizeof(*s->stack));
}

static uint32_t mix(uint32_t h, uint64_t v)
{
	uint64_t x = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(x >> 32) ^ (uint32_t)x;
}

static uint32_t edges_hash(const struct space_edge *e, size_t n, unsigned field)
{
	uint32_t h = mix(field, n);

	for (size_t i = 0; i < n; i++) {
		h = mix(h, (uint64_t)e[i].hi ^ (uint64_t)(e[i].hi >> 64) << 7);
		h = mix(h, e[i].to);
	}
	return h;
}

static bool same_node(const struct space *s, uint32_t a,
		      const struct space_edge *e, size_t n)
{
	if (memcmp(&s->word[s->node[a].off], &e[0].to, sizeof(uint32_t)))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (node_to(s, a, i) != e[i].to || node_hi(s, a, i) != e[i].hi)
			return false;
	return true;
}

static void table_grow(struct space *s)
{
	uint32_t mask = s->tmask * 2 + 1;
	uint32_t *t = mem_alloc(sizeof(*t) * ((size_t)mask + 1));

	memset(t, 0, sizeof(*t) * ((size_t)mask + 1));
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t k = s->node[i].hash & mask;

		while (t[k])
			k = (k + 1) & mask;
		t[k] = i + 1;
	}
	free(s->table);
	s->table = t;
	s->tmask = mask;
}

/* Twice the results as nodes, up to a bound: losing one costs time only. */
static void memo_grow(struct space *s)
{
	uint32_t mask = s->mmask * 2 + 1;
	struct space_memo *m = mem_alloc(sizeof(*m) * ((size_t)mask + 1));

	memset(m, 0xff, sizeof(*m) * ((size_t)mask + 1));
	free(s->memo);
	s->memo = m;
	s->mmask = mask;
}

static uint32_t *words_add(struct space *s, size_t n)
{
	if (s->nword + n > s->capword) {
		s->capword += s->capword / 2 + n + 4096;
		s->word = mem_realloc(s->word, s->capword * sizeof(*s->word));
	}
	s->nword += n;
	return s->word + s->nword - n;
}

static uint32_t node_add(struct space *s, const struct space_edge *e,
			 uint32_t n, unsigned field, uint32_t hash)
{
	bool wide = e[n - 2].hi >> 64 != 0;
	uint32_t *w = words_add(s, n + (size_t)(n - 1) * (wide ? 4 : 2));

	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap + s->cap / 2 : 1024;
		s->node = mem_realloc(s->node, s->cap * sizeof(*s->node));
	}
	s->node[s->n] = (struct space_node){
		.off = (uint32_t)(w - s->word),
		.n = n,
		.hash = hash,
		.field = (uint16_t)field,
		.wide = wide,
	};
	for (uint32_t i = 0; i < n; i++)
		w[i] = e[i].to;
	w += n;
	for (uint32_t i = 0; i + 1 < n; i++) {
		uint64_t narrow = (uint64_t)e[i].hi;

		if (wide)
			memcpy(w + (size_t)i * 4, &e[i].hi, 16);
		else
			memcpy(w + (size_t)i * 2, &narrow, 8);
	}
	return s->n++;
}

uint32_t edges_node(struct space *s, size_t mark, unsigned field)
{
	const struct space_edge *e = s->stack + mark;
	uint32_t n = (uint32_t)(s->sp - mark);
	uint32_t hash, k, a;

	s->sp = mark;
	if (n == 1)
		return e[0].to;
	hash = edges_hash(e, n, field);
	for (k = hash & s->tmask; s->table[k]; k = (k + 1) & s->tmask) {
		a = s->table[k] - 1;
		if (s->node[a].hash == hash && s->node[a].n == n &&
		    s->node[a].field == field && same_node(s, a, e, n))
			return a;
	}
	a = node_add(s, e, n, field, hash);
	s->table[k] = a + 1;
	if (s->n > s->tmask / 2)
		table_grow(s);
	if (s->n > s->mmask / 2 && s->mmask < (1u << 20) - 1)
		memo_grow(s);
	return a;
}

uint32_t node_step(const struct space *s, uint32_t a, space_val v)
{
	uint32_t lo = 0, hi = s->node[a].n - 1;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (v <= node_hi(s, a, mid))
			hi = mid;
		else
			lo = mid + 1;
	}
	return node_to(s, a, lo);
}

uint32_t space_at(const struct space *s, uint32_t a, const space_val *packet)
{
	while (!space_is_leaf(a))
		a = node_step(s, a, packet[s->node[a].field]);
	return space_value(a);
}
