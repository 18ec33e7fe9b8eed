#include "check/rates.h"

#include <string.h>

struct pace {
	uint64_t a_week; /* UINT64_MAX: any */
	uint64_t burst;
};

static const struct pace any = { UINT64_MAX, UINT64_MAX };

struct rates {
	const struct evaluator *ev;
	struct arena *a;
	struct map known; /* tree -> number of a pace */
	VEC(struct pace) pace;
	struct pace most;
	struct outcomes *out;
};

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static struct pace pace_of(struct rates *r, uint32_t tree);

/* What is within the limit passes as its branch does, but no more of it than
 * that; what is beyond as the other does. */
static struct pace pace_by(struct rates *r, const struct kr_limit *l,
			   const struct outcome_tree *t)
{
	struct pace in = pace_of(r, l->over ? t->b : t->a);
	struct pace out = pace_of(r, l->over ? t->a : t->b);

	if (l->kind == LIMIT_OTHER)
		in = (struct pace){ 0, 0 };
	else if (in.a_week > l->a_week)
		in = (struct pace){ l->a_week, l->burst };
	return (struct pace){ sum(in.a_week, out.a_week),
			      sum(in.burst, out.burst) };
}

static struct pace fresh_pace(struct rates *r, uint32_t tree)
{
	const struct outcome_tree t = r->ev->out.tree.v[tree];
	const struct kr_limit *l;
	struct pace a, b;

	if (tree == TREE_LOST)
		return any;
	if (!t.why)
		return t.a == FATE_DROP || t.a == FATE_REJECT ?
			(struct pace){ 0, 0 } : any;
	l = r->ev->reason.v[t.why - 1].limit;
	if (l)
		return pace_by(r, l, &t);
	a = pace_of(r, t.a);
	b = pace_of(r, t.b);
	return a.a_week > b.a_week ? a : b;
}

static struct pace pace_of(struct rates *r, uint32_t tree)
{
	struct map_entry *e = map_find(&r->known, &tree, sizeof(tree));
	struct pace p;

	if (e)
		return r->pace.v[e->val.u];
	p = fresh_pace(r, tree);
	map_add(r->a, &r->known, &tree, sizeof(tree), NULL)->val.u =
		(uint32_t)r->pace.n;
	vec_push(r->a, &r->pace, p);
	return p;
}

static uint32_t leaf_limited(void *ctx, uint32_t a, uint32_t b)
{
	struct rates *r = ctx;
	const struct outcome *o = outcome_get(&r->ev->out, a);

	(void)b;
	return o->n > 1 && pace_of(r, o->tree).a_week != UINT64_MAX;
}

uint32_t check_limited(struct check *c, const struct check_side *rules)
{
	struct rates r = { .ev = rules->ev, .a = c->arena };
	struct space_op op = { ev_op_id(rules->ev), false, leaf_limited, NULL,
			       &r };

	return space_map(c->s, &op, rules->d);
}

static uint32_t leaf_unlimit(void *ctx, uint32_t a, uint32_t b)
{
	struct rates *r = ctx;
	const struct outcome *o = outcome_get(&r->ev->out, a);
	struct pace p;

	(void)b;
	if (o->n < 2)
		return a;
	p = pace_of(r, o->tree);
	if (p.a_week == UINT64_MAX ||
	    (p.a_week <= r->most.a_week && p.burst <= r->most.burst))
		return a;
	for (unsigned i = 0; i < o->n; i++)
		if (o->v[i].kind == FATE_ACCEPT)
			return outcome_one(r->out, FATE_ACCEPT, o->v[i].state,
					   o->v[i].rule);
	return a;
}

void check_unlimit(struct check *c, struct check_side *rules, uint32_t set,
		   unsigned a_second, unsigned burst)
{
	struct rates r = { .ev = rules->ev, .a = c->arena,
			   .most = { (uint64_t)a_second * WEEK, burst },
			   .out = &rules->ev->out };
	struct space_op op = { ev_op_id(rules->ev), false, leaf_unlimit, NULL,
			       &r };

	if (set != SPACE_NO)
		rules->d = ev_if(rules->ev, set,
				 space_map(c->s, &op, rules->d), rules->d);
}
