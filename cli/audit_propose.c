#include "cli/audit.h"
#include "cli/pending.h"

/*
 * What would plan what was seen, as pending proposes it: each exception with an
 * expiry, roles where a template covers it, and nothing that the topology
 * refuses. It was read before privileges were given up, and is not read again.
 */
static bool can_be_planned(const struct finding *f)
{
	return (f->cls == F_UNPLANNED || f->cls == F_STRANGER ||
		f->cls == F_OUTSIDE_IN || f->cls == F_LAPSED) &&
	       !f->waived && !f->src.any && !f->dst.any && !f->any_key;
}

static bool is_host(const struct plan *p, const struct finding_end *e)
{
	return e->place.party != NONE &&
	       p->topo->parties.v[e->place.party]->kind == PARTY_HOST;
}

/* A host by its own address, whatever it was seen by. */
static struct addr own_address(const struct plan *p,
			       const struct finding_end *e, struct addr seen)
{
	return is_host(p, e) ? p->topo->parties.v[e->place.party]->prefix->r.lo :
	       e->place.stranger ? e->addr : seen;
}

/* Of more flows than have samples not every address is known. */
static void add_finding(struct pending *p, const struct report *rep,
			const struct finding *f)
{
	const struct plan *plan = p->l.plan;
	bool all = f->flows <= f->n_sample;
	char first[TIME_TEXT];
	struct words_of w = finding_words(rep->arena, rep->judge, f, rep->seen,
					  rep->n_seen);

	time_text(f->first, first);
	for (size_t i = 0; i < f->n_sample; i++) {
		const struct sample *s = &f->sample[i];
		struct pending_flow *x = pending_add(p,
			own_address(plan, &f->src, s->src),
			own_address(plan, &f->dst, s->dst), f->key);

		if (!all && !is_host(plan, &f->src) && !f->src.place.stranger)
			x->n_src = PENDING_ADDRS + 1;
		x->to_many = !all && !is_host(plan, &f->dst) &&
			     !f->dst.place.stranger;
		x->note = arena_printf(rep->arena, "%s, %llu flow%s, %llu "
			"answered, since %.10s; %s", w.cls,
			(unsigned long long)f->flows, plural(f->flows),
			(unsigned long long)f->answered, first, w.sample);
		if (x->to_many)
			return;
	}
}

void audit_propose(struct run *r, const struct report *rep, struct buf *out)
{
	struct args args = *r->args;
	struct pending p = { .a = &args, .l = r->force->loaded };
	size_t left = 0;

	args.arena = r->force->arena;
	for (size_t i = 0; i < rep->n_finding; i++)
		if (can_be_planned(rep->finding[i]))
			add_finding(&p, rep, rep->finding[i]);
		else
			left++;
	if (left)
		p.remark = arena_printf(args.arena, "%zu finding%s that no "
					"allow should cure", left,
					plural(left));
	pending_roles(&p);
	pending_propose(&p, out);
}
