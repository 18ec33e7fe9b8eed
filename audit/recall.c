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
	struct answer a;
};

/* The cell of an IPv4 address, which in this form is never 0. */
struct located {
	uint64_t addr;
	uint32_t cell;
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

static uint32_t cell_of(struct recall *m, const struct plan *p, struct addr a)
{
	struct located *l = &m->located[top_bits(a.lo)];

	if (!addr_is_v4(a))
		return plan_cell(p, a);
	if (l->addr != a.lo)
		*l = (struct located){ a.lo, plan_cell(p, a) };
	return l->cell;
}

/* May the answer be another's? Not where no class stands for the end. Each
 * firewall has a class of its own. */
static bool ask(const struct plan *p, uint32_t s, uint32_t d, bool v4,
		uint32_t key, struct question *q)
{
	const struct cell *x, *y;

	if (s == NONE || d == NONE)
		return false;
	x = &p->cell[s];
	y = &p->cell[d];
	if (x->cls == NONE || y->cls == NONE)
		return false;
	*q = (struct question){ x->cls, x->ends, y->cls, y->ends, key, v4 };
	return true;
}

struct ruling recall_rule(struct recall *m, const struct judge *j,
			  struct addr src, struct addr dst, uint32_t key)
{
	const struct plan *p = j->plan;
	struct packet k = { src, dst, (uint8_t)key_proto(key),
			    (uint16_t)key_detail(key) };
	bool v4 = addr_is_v4(src);
	struct question q;
	struct entry *e;
	uint32_t s, d;

	if (p->translates || addr_eq(src, dst) || v4 != addr_is_v4(dst))
		return judge_rule(j, src, dst, key);
	s = cell_of(m, p, src);
	d = cell_of(m, p, dst);
	if (!ask(p, s, d, v4, key, &q))
		return judge_rule(j, src, dst, key);
	e = &m->place[place_of(&q)];
	if (memcmp(&e->q, &q, sizeof(q))) {
		e->q = q;
		e->a = plan_verdict(p, &k);
	}
	e->a.src_cell = s;
	e->a.dst_cell = d;
	e->a.own = k;
	return judge_rule_of(j, src, &e->a);
}
