#include "check/outcome.h"

#include <string.h>

void outcomes_init(struct outcomes *o, struct arena *a)
{
	static const struct outcome hole = {0};

	memset(o, 0, sizeof(*o));
	o->arena = a;
	vec_push(a, &o->v, &hole);
	vec_push(a, &o->tree, (struct outcome_tree){0});
}

/* ---- trees */

enum { MAX_TREES = 1 << 18, MAX_TREE_DEPTH = 4096 };

static uint32_t tree_of(struct outcomes *o, uint32_t why, uint32_t a,
			uint32_t b)
{
	const struct outcome_tree t = {why, a, b};
	struct map_entry *e;
	int is_new;

	if (why && (a == TREE_LOST || b == TREE_LOST))
		return TREE_LOST;
	if (why && a == b)
		return a;
	e = map_find(&o->trees, &t, sizeof(t));
	if (e)
		return e->val.u;
	if (o->tree.n >= MAX_TREES)
		return TREE_LOST;
	e = map_add(o->arena, &o->trees, &t, sizeof(t), &is_new);
	e->val.u = (uint32_t)o->tree.n;
	vec_push(o->arena, &o->tree, t);
	return e->val.u;
}

static uint32_t tree_leaf(struct outcomes *o, const struct fate *f)
{
	return tree_of(o, 0, f->kind, f->state);
}

/* A change of leaves: those of kind from, in one state or any, become kind to,
 * or what another tree is. */
struct growth {
	uint32_t from, state; /* UINT32_MAX: any */
	uint32_t to, by;
};

static uint32_t grow_leaf(struct outcomes *o, const struct outcome_tree *t,
			  uint32_t id, const struct growth *g)
{
	struct fate f = {(uint16_t)g->to, 0, 0};

	if (t->a != g->from || (g->state != UINT32_MAX && t->b != g->state))
		return id;
	if (g->state != UINT32_MAX)
		return g->by;
	if (g->to <= FATE_ACCEPT)
		f.state = (uint16_t)t->b;
	return tree_leaf(o, &f);
}

static uint32_t grow(struct outcomes *o, uint32_t id, const struct growth *g,
		     unsigned depth)
{
	const struct outcome_tree t = o->tree.v[id];
	struct { uint32_t id; struct growth g; } key = {id, *g};
	struct map_entry *e;
	uint32_t r;
	int is_new;

	if (id == TREE_LOST || depth > MAX_TREE_DEPTH)
		return TREE_LOST;
	if (!t.why)
		return grow_leaf(o, &t, id, g);
	e = map_find(&o->grown, &key, sizeof(key));
	if (e)
		return e->val.u;
	r = grow(o, t.a, g, depth + 1);
	r = tree_of(o, t.why, r, grow(o, t.b, g, depth + 1));
	map_add(o->arena, &o->grown, &key, sizeof(key), &is_new)->val.u = r;
	return r;
}

/* ---- outcomes */

const struct outcome *outcome_get(const struct outcomes *o, uint32_t id)
{
	return o->v.v[id];
}

static bool before(const struct fate *a, const struct fate *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->state < b->state;
}

/* Keeps one fate a kind and state: the one by the earliest rule. Too many to
 * follow are two that nothing follows: it passes, or does not. */
static void add(struct outcome *o, struct fate f)
{
	unsigned i = 0;

	while (i < o->n && before(&o->v[i], &f))
		i++;
	if (i < o->n && !before(&f, &o->v[i])) {
		if (f.rule < o->v[i].rule)
			o->v[i].rule = f.rule;
		return;
	}
	if (o->n == MAX_FATES) {
		memset(o->v, 0, sizeof(o->v));
		o->v[0] = (struct fate){FATE_DROP, 0, RULE_NONE};
		o->v[1] = (struct fate){FATE_ELSEWHERE, 0, RULE_NONE};
		o->n = 2;
		add(o, f);
		return;
	}
	memmove(&o->v[i + 1], &o->v[i], (o->n - i) * sizeof(f));
	o->v[i] = f;
	o->n++;
}

static uint32_t intern(struct outcomes *o, struct outcome *x)
{
	struct map_entry *e;
	struct outcome *kept;
	size_t size = offsetof(struct outcome, v) + x->n * sizeof(x->v[0]);
	int is_new;

	if (x->n < 2)
		x->why = 0;
	if (x->n == 1)
		x->tree = tree_leaf(o, &x->v[0]);
	e = map_add(o->arena, &o->map, x, size, &is_new);
	if (!is_new)
		return e->val.u;
	kept = arena_alloc_raw(o->arena, size);
	memcpy(kept, x, size);
	e->val.u = (uint32_t)o->v.n;
	vec_push(o->arena, &o->v, kept);
	return (uint32_t)o->v.n - 1;
}

/* Kept ones are no longer than what they hold. */
static struct outcome copy_of(const struct outcomes *o, uint32_t id)
{
	const struct outcome *x = outcome_get(o, id);
	struct outcome r;

	memset(&r, 0, sizeof(r));
	memcpy(&r, x, offsetof(struct outcome, v) + x->n * sizeof(x->v[0]));
	return r;
}

static struct fate fate(enum fate_kind kind, uint32_t state, uint32_t rule)
{
	struct fate f;

	memset(&f, 0, sizeof(f));
	f.kind = (uint16_t)kind;
	if (kind <= FATE_ACCEPT)
		f.state = (uint16_t)state;
	f.rule = rule;
	return f;
}

uint32_t outcome_one(struct outcomes *o, enum fate_kind kind, uint32_t state,
		     uint32_t rule)
{
	struct outcome x;

	memset(&x, 0, sizeof(x));
	add(&x, fate(kind, state, rule));
	return intern(o, &x);
}

uint32_t outcome_either(struct outcomes *o, uint32_t a, uint32_t b,
			uint32_t why)
{
	struct outcome x = copy_of(o, a);
	const struct outcome *y = outcome_get(o, b);

	if (a == b)
		return a;
	if (!x.why)
		x.why = y->why ? y->why : why + 1;
	x.tree = tree_of(o, why + 1, x.tree, y->tree);
	for (unsigned i = 0; i < y->n; i++)
		add(&x, y->v[i]);
	return intern(o, &x);
}

/* A packet that rule r of one base chain accepted and that the next chain's
 * policy, or nothing, lets pass was accepted by r. */
static struct fate after(const struct outcomes *o, struct fate first,
			 struct fate f)
{
	if (f.kind <= FATE_ACCEPT && first.rule != RULE_NONE &&
	    f.rule >= o->n_rules &&
	    (f.rule == RULE_NONE || first.rule < o->n_rules))
		f.rule = first.rule;
	return f;
}

uint32_t outcome_then(struct outcomes *o, uint32_t a, uint32_t state,
		      uint32_t b)
{
	const struct outcome *x = outcome_get(o, a), *y = outcome_get(o, b);
	const struct fate *first = NULL;
	struct outcome r;

	memset(&r, 0, sizeof(r));
	r.why = x->why;
	for (unsigned i = 0; i < x->n; i++) {
		if (x->v[i].kind == FATE_CONT && x->v[i].state == state)
			first = &x->v[i];
		else
			add(&r, x->v[i]);
	}
	if (!first)
		return a;
	if (x->n == 1 && first->rule == RULE_NONE)
		return b;
	if (!r.why)
		r.why = y->why;
	r.tree = grow(o, x->tree, &(struct growth){FATE_CONT, state, 0, y->tree},
		      0);
	for (unsigned i = 0; i < y->n; i++)
		add(&r, after(o, *first, y->v[i]));
	return intern(o, &r);
}

uint32_t outcome_turn(struct outcomes *o, uint32_t a, enum fate_kind from,
		      enum fate_kind to, uint32_t rule)
{
	const struct outcome *x = outcome_get(o, a);
	struct outcome r;
	bool any = false;

	for (unsigned i = 0; i < x->n; i++)
		any |= x->v[i].kind == from;
	if (!any)
		return a;
	memset(&r, 0, sizeof(r));
	r.why = x->why;
	r.tree = grow(o, x->tree, &(struct growth){from, UINT32_MAX, to, 0}, 0);
	for (unsigned i = 0; i < x->n; i++) {
		struct fate f = x->v[i];

		if (f.kind == from)
			f = fate(to, f.state,
				 rule == RULE_NONE ? f.rule : rule);
		add(&r, f);
	}
	return intern(o, &r);
}

uint32_t outcome_forget(struct outcomes *o, uint32_t a)
{
	struct outcome r = copy_of(o, a);

	for (unsigned i = 0; i < r.n; i++)
		if (r.v[i].kind == FATE_ACCEPT)
			r.v[i].rule = RULE_NONE;
	return intern(o, &r);
}
