#include "check/become.h"
#include "check/check.h"

#include <string.h>

#include "base/hash.h"

/* ---- the same of which nothing is known ----------------------------------- */

static uint64_t data_hash(uint64_t h, const struct kr_data *d)
{
	return hash_bytes(hash_u64(h, d->len), d->b, d->len);
}

/* In whatever order the kernel lists them. */
static uint64_t elements_hash(const struct kr_set *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; s && i < s->elem.n; i++) {
		const struct kr_elem *e = &s->elem.v[i];
		uint64_t h = hash_u64(HASH_INIT, e->flags);

		h = data_hash(data_hash(data_hash(h, &e->key), &e->end),
			      &e->data);
		sum += hash_mix(h);
	}
	return sum;
}

uint64_t become_id(const struct kr_rule *r)
{
	uint64_t h = r->hash;

	for (size_t i = 0; i < r->n; i++)
		if (r->ex[i]->kind == EX_LOOKUP)
			h = hash_u64(h, elements_hash(r->ex[i]->set));
	return hash_mix(h);
}

/* ---- two states -------------------------------------------------------------- */

/* One word of a packet's end: what both make of it. */
static enum become word(const struct value *a, const struct value *b,
			bool *already)
{
	*already = false;
	if (a->kind == b->kind && a->hi == b->hi && a->lo == b->lo &&
	    (a->kind != VAL_OPAQUE || a->hi))
		return BECOME_SAME;
	if (a->kind == VAL_OPAQUE || b->kind == VAL_OPAQUE)
		return BECOME_UNKNOWN;
	*already = a->kind != b->kind;
	return BECOME_OTHER;
}

static bool hides(const struct state *x)
{
	return x->snat == SNAT_INTERFACE;
}

static const struct value *known_of(const struct value *a,
				    const struct value *b)
{
	return a->kind == VAL_KNOWN ? a : b;
}

static enum become states(const struct state *a, const struct state *b,
			  struct become_unless *u)
{
	const struct value *v[][2] = {
		{ &a->daddr, &b->daddr }, { &a->dport, &b->dport },
		{ &a->saddr, &b->saddr }, { &a->sport, &b->sport },
		{ &a->written, &b->written },
	};
	static const unsigned field[] = { PK_DST, PK_TH2, PK_SRC, PK_TH0, 0 };
	const struct value *known[5] = { NULL };
	bool unknown = false, other = false, conditional = false, already;

	memset(u, 0, sizeof(*u));
	/* no packet that is forwarded bears the interface's address */
	if (hides(a) != hides(b) && (!a->snat || !b->snat))
		return BECOME_OTHER;
	for (unsigned i = 0; i < 5; i++) {
		enum become x = word(v[i][0], v[i][1], &already);

		unknown |= x == BECOME_UNKNOWN;
		other |= x == BECOME_OTHER && !already;
		conditional |= x == BECOME_OTHER && already;
		if (x == BECOME_OTHER && already)
			known[i] = known_of(v[i][0], v[i][1]);
	}
	if (other)
		return BECOME_OTHER;
	if (unknown)
		return BECOME_UNKNOWN;
	if (!conditional)
		return BECOME_SAME;
	for (unsigned i = 0; i < 4; i++)
		u->fields |= known[i] ? 1u << field[i] : 0;
	if (known[0])
		u->dst = (struct addr){ known[0]->hi, known[0]->lo };
	if (known[2])
		u->src = (struct addr){ known[2]->hi, known[2]->lo };
	u->dport = known[1] ? known[1]->lo : 0;
	u->sport = known[3] ? known[3]->lo : 0;
	return BECOME_OTHER;
}

uint32_t become_unless_set(struct space *s, const struct become_unless *u)
{
	const struct { unsigned field; space_val v; } is[] = {
		{ PK_DST, space_addr(u->dst) }, { PK_SRC, space_addr(u->src) },
		{ PK_TH2, u->dport }, { PK_TH0, u->sport },
	};
	uint32_t set = u->fields ? SPACE_ALL : SPACE_NO;

	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++)
		if (u->fields >> is[i].field & 1)
			set = space_and(s, set, space_interval(s, is[i].field,
					is[i].v, is[i].v, SPACE_ALL, SPACE_NO));
	return set;
}

/* ---- two outcomes ------------------------------------------------------------ */

/* Is there none in p that does the same? */
static bool alone(const struct evaluator *x, const struct fate *f,
		  const struct evaluator *y, const struct outcome *p)
{
	struct become_unless u;

	for (unsigned i = 0; i < p->n; i++)
		if (p->v[i].kind == FATE_ACCEPT &&
		    states(x->state.v[f->state], y->state.v[p->v[i].state],
			   &u) == BECOME_SAME)
			return false;
	return true;
}

static bool all_there(const struct evaluator *x, const struct outcome *o,
		      const struct evaluator *y, const struct outcome *p)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->v[i].kind == FATE_ACCEPT && alone(x, &o->v[i], y, p))
			return false;
	return true;
}

enum become become_compare(const struct evaluator *x, uint32_t a,
			   const struct evaluator *y, uint32_t b,
			   struct become_unless *unless)
{
	const struct outcome *o, *p;

	memset(unless, 0, sizeof(*unless));
	if (!x || !y)
		return BECOME_SAME;
	o = outcome_get(&x->out, a);
	p = outcome_get(&y->out, b);
	if (all_there(x, o, y, p) && all_there(y, p, x, o))
		return BECOME_SAME;
	if (o->n != 1 || p->n != 1)
		return BECOME_UNKNOWN;
	return states(x->state.v[o->v[0].state], y->state.v[p->v[0].state],
		      unless);
}

/* ---- two sides ------------------------------------------------------------------ */

static uint32_t leaf_otherwise(void *ctx, uint32_t a, uint32_t b)
{
	const struct evaluator *const *ev = ctx;
	struct become_unless unless;

	return become_compare(ev[0], a, ev[1], b, &unless) != BECOME_SAME;
}

uint32_t check_otherwise(struct check *c, const struct check_side *a,
			 const struct check_side *b)
{
	const struct evaluator *ev[2] = { a->ev, b->ev };
	struct space_op op = { 505, false, leaf_otherwise, NULL, ev };
	uint32_t both = space_and(c->s, check_passes(c, a, true),
				  check_passes(c, b, true));

	both = space_and(c->s, both, space_interval(c->s, PK_CT, CT_NEW, CT_NEW,
						    SPACE_ALL, SPACE_NO));
	space_forget(c->s);
	return space_and(c->s, both, space_apply(c->s, &op, a->d, b->d));
}
