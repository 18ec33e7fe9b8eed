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

/* In own addresses and ports, whatever it was seen by; of a source that many
 * hide behind nobody knows the own one. */
static struct packet own_packet(const struct plan *p, const struct finding *f,
				const struct sample *s)
{
	struct packet k = { s->src, s->dst, (uint8_t)key_proto(f->key),
			    (uint16_t)key_detail(f->key) };
	struct packet own = plan_verdict(p, &k).own;

	if (plan_hides_behind(p, s->src))
		own.src = s->src;
	else if (f->src.place.stranger)
		own.src = f->src.addr;
	if (f->dst.place.stranger)
		own.dst = f->dst.addr;
	return own;
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
		struct packet own = own_packet(plan, f, &f->sample[i]);
		struct pending_flow *x = pending_add(p, own.src, own.dst,
						     key_of(own.proto,
							    own.detail));

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
	pending_settle(&p);
	pending_roles(&p);
	pending_propose(&p, out);
}
