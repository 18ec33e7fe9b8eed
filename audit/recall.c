#include "audit/recall.h"

#include <string.h>

#include "base/keys.h"

/* A power of two. What falls on the same place takes it over. */
enum { PLACES = 1024 };

/* All that the plan looks at in a packet between own addresses. */
struct question {
	uint32_t src_class, src_ends, dst_class, dst_ends, key, v4;
};

struct entry {
	struct question q; /* src_class NONE: free */
	struct ruling r;   /* between those who asked first */
};

/* What the plan knows of an address. */
struct end {
	uint32_t cell, class, ends; /* NONE: in none */
	struct place place;
};

/* The end at an IPv4 address, which in this form is never 0. */
struct located {
	uint64_t addr;
	struct end end;
};

struct recall {
	struct entry place[PLACES];
	struct located located[PLACES];
};

struct recall *recall_new(struct arena *a)
{
	struct recall *m = ARENA_NEW(a, struct recall);

	recall_clear(m);
	return m;
}

void recall_clear(struct recall *m)
{
	for (size_t i = 0; i < PLACES; i++) {
		m->place[i].q.src_class = NONE;
		m->located[i].addr = 0;
	}
}

static size_t top_bits(uint64_t x)
{
	return x * UINT64_C(0xff51afd7ed558ccd) >> 54 & (PLACES - 1);
}

static size_t place_of(const struct question *q)
{
	uint64_t x = (uint64_t)q->src_class << 32 | q->dst_class;
	uint64_t y = (uint64_t)q->src_ends << 32 | q->dst_ends;

	x = (x * UINT64_C(0x9e3779b97f4a7c15)) ^ y ^ q->key;
	return top_bits(x);
}

static struct end end_at(const struct judge *j, struct addr a)
{
	uint32_t cell = plan_cell(j->plan, a);
	const struct cell *c = cell == NONE ? NULL : &j->plan->cell[cell];

	return (struct end){ cell, c ? c->cls : NONE, c ? c->ends : NONE,
			     judge_place_of(j, cell) };
}

static struct end find_end(struct recall *m, const struct judge *j,
			   struct addr a)
{
	struct located *l = &m->located[top_bits(a.lo)];

	if (!addr_is_v4(a))
		return end_at(j, a);
	if (l->addr != a.lo)
		*l = (struct located){ a.lo, end_at(j, a) };
	return l->end;
}

/* The answer may be another's, too, unless no class stands for an end. Each
 * firewall has a class of its own. */
void recall_rule(struct recall *m, const struct judge *j, struct addr src,
		 struct addr dst, uint32_t key, struct ruling *r)
{
	bool v4 = addr_is_v4(src);
	struct question q;
	struct end s, d;
	struct entry *e;

	if (j->plan->translates || addr_eq(src, dst) ||
	    v4 != addr_is_v4(dst)) {
		*r = judge_rule(j, src, dst, key);
		return;
	}
	s = find_end(m, j, src);
	d = find_end(m, j, dst);
	if (s.class == NONE || d.class == NONE) {
		*r = judge_rule(j, src, dst, key);
		return;
	}
	q = (struct question){ s.class, s.ends, d.class, d.ends, key, v4 };
	e = &m->place[place_of(&q)];
	if (memcmp(&e->q, &q, sizeof(q))) {
		e->q = q;
		e->r = judge_rule(j, src, dst, key);
	}
	*r = e->r;
	r->own = (struct packet){ src, dst, (uint8_t)key_proto(key),
				  (uint16_t)key_detail(key) };
	judge_set_places(j, r, s.place, s.cell, d.place, d.cell);
}
