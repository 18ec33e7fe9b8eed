#include <linux/netfilter/nf_tables.h>

#include "base/keys.h"
#include "check/eval_step.h"

/* What a rule reads: what is there differs by protocol and by what tracking
 * knows, so that the rest of the rule is evaluated for each. */

static uint32_t if_there(struct step *t, const struct kr_ex *x)
{
	if (!ev_load_fails(x, state_of(t), t->of))
		return GO_ON;
	return step_guard(t, TRI_MAYBE(ev_reason(t->ev,
			arena_printf(t->ev->arena, "%s that is not always there",
				     x->name))));
}

uint32_t step_load(struct step *t, const struct kr_ex *x)
{
	if (!ev_load(t->ev, x, state_of(t), t->of, &t->regs))
		return step_anything(t, x->name);
	return if_there(t, x);
}

static uint32_t fork_load(const struct step *t, const struct kr_ex *x,
			  unsigned of)
{
	struct step n;
	uint32_t d;

	step_fork(t, &n);
	n.of = of;
	d = step_load(&n, x);
	return d == GO_ON ? step_run(&n) : d;
}

/* Do the guards so far let only packets of the set pass? */
static bool only_in(const struct step *t, uint32_t set)
{
	uint32_t other = space_not(t->ev->s, set);

	for (unsigned i = 0; i < t->n_guards && other != SPACE_NO; i++)
		other = space_apply(t->ev->s, &tri_and, t->guard[i].m, other);
	return other == SPACE_NO;
}

/* What TCP has there, others need not have, nor in that sense. */
uint32_t step_payload(struct step *t, const struct kr_ex *x)
{
	uint32_t tcp;

	if (x->base != NFT_PAYLOAD_TRANSPORT_HEADER || x->offset + x->len <= 8 ||
	    t->of & LOAD_TCP)
		return step_load(t, x);
	tcp = space_interval(t->ev->s, PK_PROTO, PROTO_TCP, PROTO_TCP, SPACE_ALL,
			     SPACE_NO);
	if (!only_in(t, tcp))
		return ev_if(t->ev, tcp, fork_load(t, x, t->of | LOAD_TCP),
			     fork_load(t, x, t->of));
	t->of |= LOAD_TCP;
	return step_load(t, x);
}

uint32_t step_write(struct step *t, const struct kr_ex *x)
{
	uint32_t d = if_there(t, x);

	return d == GO_ON ? step_set_payload(t, x) : d;
}

static uint32_t ct_in(const struct step *t, enum pk_ct lo, enum pk_ct hi)
{
	return space_interval(t->ev->s, PK_CT, lo, hi, SPACE_ALL, SPACE_NO);
}

/* Protocols whose connections conntrack knows by ports; of ICMP it takes type,
 * code and identifier, of others nothing or keys. */
static uint32_t with_ports(const struct step *t)
{
	static const uint8_t proto[] = {PROTO_TCP, PROTO_UDP, 33 /* DCCP */,
					PROTO_SCTP, 136 /* UDP-Lite */};
	uint32_t set = SPACE_NO;

	for (size_t i = 0; i < sizeof(proto); i++)
		set = space_or(t->ev->s, set,
			       space_interval(t->ev->s, PK_PROTO, proto[i],
					      proto[i], SPACE_ALL, SPACE_NO));
	return set;
}

/* Packets that go by themselves where a rule has sent all: no translation. */
static uint32_t already_there(const struct step *t)
{
	const struct state *st = state_of(t);
	space_val dst = space_addr((struct addr){st->daddr.hi, st->daddr.lo});
	space_val port = st->dport.lo;
	uint32_t set = SPACE_ALL;

	if (st->daddr.kind == VAL_KNOWN)
		set = space_interval(t->ev->s, PK_DST, dst, dst, SPACE_ALL,
				     SPACE_NO);
	if (st->dport.kind == VAL_KNOWN)
		set = space_and(t->ev->s, set,
				space_interval(t->ev->s, PK_TH2, port, port,
					       SPACE_ALL, SPACE_NO));
	return set;
}

/* Of a connection's first packet. */
static uint32_t load_new(const struct step *t, const struct kr_ex *x)
{
	unsigned of = t->of | LOAD_NEW;

	if (x->key == NFT_CT_PROTO_SRC || x->key == NFT_CT_PROTO_DST)
		return ev_if(t->ev, with_ports(t), fork_load(t, x, of),
			     fork_load(t, x, of & ~(unsigned)LOAD_NEW));
	if (x->key == NFT_CT_STATUS && state_of(t)->dnat)
		return ev_if(t->ev, already_there(t),
			     fork_load(t, x, of | LOAD_THERE),
			     fork_load(t, x, of));
	return fork_load(t, x, of);
}

/* Addresses of the other family are none of the connection's. */
static bool of_other_family(const struct kr_ex *x, bool v6)
{
	if (x->key == NFT_CT_SRC_IP || x->key == NFT_CT_DST_IP)
		return v6;
	return (x->key == NFT_CT_SRC_IP6 || x->key == NFT_CT_DST_IP6) && !v6;
}

/* A key of conntrack's on a packet that it does not know ends the rule. Most
 * keys are known of a connection's first packet only. */
uint32_t step_ct(struct step *t, const struct kr_ex *x)
{
	uint32_t fresh, other;

	if (x->key == NFT_CT_STATE || state_of(t)->early == EARLY_MAYBE)
		return step_load(t, x);
	if (state_of(t)->early || state_of(t)->untracked == UNTRACKED ||
	    of_other_family(x, state_of(t)->family))
		return step_go_on(t);
	if (t->of & LOAD_NEW)
		return load_new(t, x);
	if (x->key == NFT_CT_DIRECTION ||
	    x->key == NFT_CT_L3PROTOCOL || x->key == NFT_CT_PROTOCOL) {
		other = step_guard(t, ct_in(t, CT_ESTABLISHED, CT_NEW));
		return other == GO_ON ? step_load(t, x) : other;
	}
	fresh = load_new(t, x);
	other = ev_guard(t->ev, ct_in(t, CT_ESTABLISHED, CT_RELATED),
			 fork_load(t, x, t->of), step_go_on(t));
	return ev_if(t->ev, ct_in(t, CT_NEW, CT_NEW), fresh, other);
}
