#include <string.h>

#include "plan/internal.h"

/*
 * An allow that opens nothing new: everywhere between the classes that it
 * names, its packets are planned by template flows, or by one other allow
 * that names the same ends or more. A warning, since its reason may outlive
 * the flow that covers it today.
 */
static struct key_set clear_keys(struct build *b, uint32_t svc)
{
	const struct svcset *s = &b->plan->svcsets.v[svc];
	struct key_range *v = ARENA_ARRAY(b->scratch, struct key_range, s->n);
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].carried)
			v[n++] = s->v[i].keys;
	return keys_from(b->scratch, v, n);
}

static bool pair_covers(struct build *b, const struct product *x,
			uint32_t *reason)
{
	const struct pair *p = plan_pair(b->plan, x->from, x->to);
	struct key_set mine;

	if (!p || !p->svc)
		return false;
	mine = clear_keys(b, x->svc);
	if (!mine.n ||
	    keys_minus(b->scratch, mine, clear_keys(b, p->svc)).n)
		return false;
	*reason = b->plan->svcsets.v[p->svc].v[0].reason;
	for (size_t i = 0; i < b->plan->svcsets.v[p->svc].n; i++) {
		struct key_range r = b->plan->svcsets.v[p->svc].v[i].keys;

		if (keys_meet(mine, (struct key_set){ &r, 1 }))
			*reason = b->plan->svcsets.v[p->svc].v[i].reason;
	}
	return true;
}

static void say(struct build *b, const struct rule *a, uint32_t reason)
{
	const struct reason *r = &b->plan->reasons.v[reason];

	diag_add2(b->d, SEV_WARNING, a->at, r->flow->at, "it is planned here",
		  "this allow opens nothing new: %s covers it",
		  reason_ident(b->plan, reason, b->scratch));
}

void check_redundant(struct build *b)
{
	const struct plan *p = b->plan;
	size_t n = b->topo->allows.n;
	bool *seen = ARENA_ARRAY(b->scratch, bool, n);
	bool *covered = ARENA_ARRAY(b->scratch, bool, n);
	uint32_t *by = ARENA_ARRAY(b->scratch, uint32_t, n);

	for (size_t i = 0; i < p->products.n; i++) {
		const struct product *x = &p->products.v[i];
		uint32_t reason;

		if (x->to_end == NONE) /* an input */
			continue;
		if (!seen[x->reason]) {
			seen[x->reason] = true;
			covered[x->reason] = true;
		}
		if (covered[x->reason] && pair_covers(b, x, &reason))
			by[x->reason] = reason;
		else
			covered[x->reason] = false;
	}
	for (size_t i = 0; i < n; i++)
		if (covered[i])
			say(b, b->topo->allows.v[i], by[i]);
}
