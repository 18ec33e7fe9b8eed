#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "check/eval_step.h"

/* Sets and maps: the rest of a rule for what the elements lead to. */

struct lookup_key {
	const struct kr_set *set;
	struct rbit bit[REG_BITS];
};

static const struct lookup *find_lookup(const struct step *t,
					const struct kr_ex *x, int at)
{
	struct evaluator *ev = t->ev;
	struct lookup_key *k = arena_alloc(ev->arena, sizeof(*k));
	size_t bits = x->set->key_len * 8;
	size_t len =
		offsetof(struct lookup_key, bit) + bits * sizeof(k->bit[0]);
	uint32_t fresh[LOOKUP_OPS];
	struct map_entry *e;
	int is_new;

	k->set = x->set;
	memcpy(k->bit, t->regs.bit + at, bits * sizeof(k->bit[0]));
	e = map_find(&ev->lookups, k, len);
	if (e)
		return e->val.cp;
	for (unsigned i = 0; i < LOOKUP_OPS; i++)
		fresh[i] = ev_op_id(ev);
	const struct lookup *l =
		lookup_build(ev->arena, &ev->bits, x->set, k->bit, fresh);

	e = map_add(ev->arena, &ev->lookups, k, len, &is_new);
	e->val.cp = l;
	return l;
}

static uint32_t is_class(void *ctx, uint32_t a, uint32_t k)
{
	(void)ctx;
	return a == k;
}

static uint32_t is_hit(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	(void)b;
	return a != 0;
}

static const struct space_op op_is_class = {310, false, is_class, NULL, NULL};
static const struct space_op op_is_hit = {311, false, is_hit, NULL, NULL};

/* Packets that hit elements of class k; three-valued. */
static uint32_t class_set(const struct step *t, const struct lookup *l,
			  size_t k)
{
	uint32_t m = space_apply(t->ev->s, &op_is_class, l->d,
				 space_leaf((uint32_t)k + 1));

	if (l->class[k].maybe)
		m = space_apply(t->ev->s, &tri_and, m,
				TRI_MAYBE(ev_reason(t->ev, l->class[k].maybe)));
	return m;
}

static const char *volatile_set(const struct step *t, const struct kr_ex *x)
{
	return arena_printf(t->ev->arena, "set @%s changes at run time",
			    x->set->name);
}

/* Is the packet in the set? */
static uint32_t run_membership(struct step *t, const struct kr_ex *x,
			       const struct lookup *l)
{
	uint32_t m = SPACE_NO;

	if (x->set->dynamic)
		m = TRI_MAYBE(ev_reason(t->ev, volatile_set(t, x)));
	else if (l->opaque && l->n)
		m = TRI_MAYBE(l->why);
	else if (l->n == 1 && !l->class[0].maybe)
		m = space_map(t->ev->s, &op_is_hit, l->d);
	else
		for (size_t k = 0; k < l->n; k++)
			m = space_apply(t->ev->s, &tri_or, m,
					class_set(t, l, k));
	return step_guard(t, step_negate(t, m, x->invert));
}

static uint32_t run_class(const struct step *t, const struct kr_ex *x,
			  const struct hit_class *k)
{
	struct step n;
	uint32_t d;

	if (x->dreg != NFT_REG_VERDICT)
		return step_fork_with(t, x->dreg, &k->data);
	d = step_verdict(t, k->verdict, k->chain);
	if (d != GO_ON)
		return d;
	step_fork(t, &n);
	return step_run(&n);
}

/* Rules put data into the map, whatever that is. */
static uint32_t run_any_data(const struct step *t, const struct kr_ex *x,
			     const char *why)
{
	const struct kr_ex data = {.kind = EX_OPAQUE, .name = why,
				   .dreg = x->dreg, .len = 16};
	uint32_t d;
	struct step n;

	step_fork(t, &n);
	d = step_load(&n, &data);
	return ev_guard(t->ev, step_named(t, TRI_MAYBE(ev_reason(t->ev, why))),
			d == GO_ON ? step_run(&n) : d, step_go_on(t));
}

/* Unknown which element, if any. */
static uint32_t run_any_class(const struct step *t, const struct kr_ex *x,
			      const struct lookup *l, uint32_t why)
{
	uint32_t r = step_go_on(t), m = step_named(t, TRI_MAYBE(why));

	for (size_t k = 0; k < l->n; k++)
		r = ev_then(t->ev,
			    ev_guard(t->ev, m, run_class(t, x, &l->class[k]),
				     step_go_on(t)),
			    t->state, r);
	return r;
}

struct give_ctx {
	const uint32_t *leaf; /* by class + 1: value of an outcome */
};

static uint32_t leaf_give(void *ctx, uint32_t a, uint32_t b)
{
	const struct give_ctx *g = ctx;

	(void)b;
	return g->leaf[a];
}

/* What becomes of hits of class k; a hole elsewhere. */
static uint32_t fill_class(const struct step *t, const struct lookup *l,
			   size_t k, uint32_t d)
{
	uint32_t hit = space_apply(t->ev->s, &op_is_class, l->d,
				   space_leaf((uint32_t)k + 1));

	if (l->class[k].maybe)
		d = ev_guard(t->ev, step_named(t, class_set(t, l, k)), d, step_go_on(t));
	return ev_guard(t->ev, hit, d, space_leaf(OUTCOME_HOLE));
}

/* Classes that lead to one outcome in one pass, with holes for the others,
 * which are then filled. */
static uint32_t run_map(const struct step *t, const struct kr_ex *x,
			const struct lookup *l)
{
	struct evaluator *ev = t->ev;
	uint32_t *leaf = ARENA_ARRAY(ev->arena, uint32_t, l->n + 1);
	uint32_t *fill = ARENA_ARRAY(ev->arena, uint32_t, l->n + 1);
	struct give_ctx g = {leaf};
	struct space_op give = {ev_op_id(ev), false, leaf_give, NULL, &g};
	size_t n = 1;

	if (x->set->dynamic && x->dreg != NFT_REG_VERDICT)
		return run_any_data(t, x, volatile_set(t, x));
	if (x->set->dynamic)
		return run_any_class(t, x, l,
				     ev_reason(ev, volatile_set(t, x)));
	if (l->opaque)
		return run_any_class(t, x, l, l->why);
	leaf[0] = space_value(step_go_on(t));
	for (size_t k = 0; k < l->n; k++) {
		uint32_t d = run_class(t, x, &l->class[k]);

		if (space_is_leaf(d) && !l->class[k].maybe) {
			leaf[k + 1] = space_value(d);
			continue;
		}
		leaf[k + 1] = OUTCOME_HOLE;
		fill[n++] = fill_class(t, l, k, d);
	}
	fill[0] = space_map(ev->s, &give, l->d);
	return space_fold(ev->s, &ev_op_fill, fill, n, fill[0]);
}

uint32_t step_lookup(struct step *t, const struct kr_ex *x)
{
	int at;

	if (x->set->unknown)
		return step_anything(t, arena_printf(t->ev->arena, "set @%s (%s)",
						x->set->name, x->set->unknown));
	at = reg_bit(x->sreg, x->set->key_len);
	if (at < 0)
		return step_anything(t, "lookup");
	if (x->dreg == UINT32_MAX)
		return run_membership(t, x, find_lookup(t, x, at));
	return run_map(t, x, find_lookup(t, x, at));
}
