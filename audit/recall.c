#include "audit/recall.h"

#include "base/keys.h"

/* A power of two. What falls on the same place takes it over. */
enum { PLACES = 1024 };

struct entry {
	uint32_t src, dst, key; /* cells; src NONE: free */
	struct ruling r;
};

struct recall {
	struct entry place[PLACES];
};

struct recall *recall_new(struct arena *a)
{
	struct recall *m = ARENA_NEW(a, struct recall);

	recall_clear(m);
	return m;
}

void recall_clear(struct recall *m)
{
	for (size_t i = 0; i < PLACES; i++)
		m->place[i].src = NONE;
}

static size_t place_of(uint32_t src, uint32_t dst, uint32_t key)
{
	uint64_t x = ((uint64_t)src << 32 | dst) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ key) * UINT64_C(0xff51afd7ed558ccd);
	return x >> 54 & (PLACES - 1);
}

struct ruling recall_rule(struct recall *m, const struct judge *j,
			  struct addr src, struct addr dst, uint32_t key)
{
	uint32_t s, d;
	struct entry *e;

	/* A host's packets to itself have the cells of others beside it. */
	if (j->plan->translates || addr_eq(src, dst))
		return judge_rule(j, src, dst, key);
	s = plan_cell(j->plan, src);
	d = plan_cell(j->plan, dst);
	if (s == NONE || d == NONE)
		return judge_rule(j, src, dst, key);
	e = &m->place[place_of(s, d, key)];
	if (e->src != s || e->dst != d || e->key != key) {
		e->r = judge_rule(j, src, dst, key);
		e->src = s;
		e->dst = d;
		e->key = key;
	}
	e->r.own = (struct packet){ src, dst, (uint8_t)key_proto(key),
				    (uint16_t)key_detail(key) };
	return e->r;
}
