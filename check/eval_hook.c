#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "check/eval.h"

/*
 * A packet's way: the hooks it passes, on each all base chains of all tables
 * that see its family, by priority. accept ends its own base chain only; the
 * packet goes on to the next, in the state the first one left it in.
 */
static const struct {
	uint8_t hook[5];
	unsigned n;
	uint8_t main; /* the hook whose rules are named as deciding */
} ways[PATHS] = {
	[PATH_FORWARD] = {{NF_INET_INGRESS, NF_INET_PRE_ROUTING,
			   NF_INET_FORWARD, NF_INET_POST_ROUTING, EV_EGRESS},
			  5,
			  NF_INET_FORWARD},
	[PATH_INPUT] = {{NF_INET_INGRESS, NF_INET_PRE_ROUTING,
			 NF_INET_LOCAL_IN},
			3,
			NF_INET_LOCAL_IN},
	[PATH_OUTPUT] = {{NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, EV_EGRESS},
			 3,
			 NF_INET_LOCAL_OUT},
};

static bool sees(const struct kr_chain *c, uint8_t hook, uint8_t family)
{
	uint32_t f = c->table->family;

	if (!c->base || c->table->flags & NFT_TABLE_F_DORMANT)
		return false;
	if (f == NFPROTO_NETDEV)
		return hook == (c->hook == NF_NETDEV_INGRESS ? NF_INET_INGRESS :
							       EV_EGRESS);
	if (f != NFPROTO_INET && f != (family ? NFPROTO_IPV6 : NFPROTO_IPV4))
		return false;
	return c->hook == hook;
}

struct placed {
	const struct kr_chain *chain;
	int32_t prio;
	uint32_t added; /* when: by chain id */
};

/* Equal priorities: what was added last comes first (nf_hook_entries_grow(),
 * inserted before its equals). */
static int by_priority(const void *x, const void *y)
{
	const struct placed *a = x, *b = y;

	if (a->prio != b->prio)
		return a->prio < b->prio ? -1 : 1;
	if (a->added != b->added)
		return a->added > b->added ? -1 : 1;
	/* in one place: translation */
	if (a->chain->prio != b->chain->prio)
		return a->chain->prio < b->chain->prio ? -1 : 1;
	return a->chain->id > b->chain->id ? -1 : 1;
}

/* All chains of type nat run where the kernel translates, whatever their own
 * priorities say, which order them there (nf_nat_ipv4_ops[], nf_nat_ipv6_ops[],
 * added with the first such chain of the family). */
static void place(const struct kruleset *rs, uint8_t hook, uint8_t family,
		  struct placed *p)
{
	p->prio = p->chain->prio;
	p->added = p->chain->id;
	if (!p->chain->nat)
		return;
	p->prio = hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT ?
		NF_IP_PRI_NAT_DST : NF_IP_PRI_NAT_SRC;
	for (uint32_t i = 0; i < rs->chain.n; i++) {
		const struct kr_chain *c = rs->chain.v[i];

		if (c->nat && sees(c, (uint8_t)c->hook, family)) {
			p->added = i;
			return;
		}
	}
}

static size_t chains_of(struct evaluator *ev, uint8_t hook, uint8_t family,
			const struct kr_chain ***out)
{
	const struct kruleset *rs = ev->rs;
	struct placed *v = ARENA_ARRAY(ev->arena, struct placed, rs->chain.n);
	size_t n = 0;

	for (size_t i = 0; i < rs->chain.n; i++)
		if (sees(rs->chain.v[i], hook, family)) {
			v[n].chain = rs->chain.v[i];
			place(rs, hook, family, &v[n++]);
		}
	qsort(v, n, sizeof(*v), by_priority);
	*out = ARENA_ARRAY(ev->arena, const struct kr_chain *, n);
	for (size_t i = 0; i < n; i++)
		(*out)[i] = v[i].chain;
	return n;
}

/* Interfaces that a chain of ingress or egress stands on. */
static uint32_t on_devices(struct evaluator *ev, const struct kr_chain *c)
{
	bool netdev = c->table->family == NFPROTO_NETDEV;
	unsigned field = netdev && c->hook != NF_NETDEV_INGRESS ? PK_OIF :
								  PK_IIF;
	uint32_t set = SPACE_NO;

	if (c->hook != NF_INET_INGRESS && !netdev)
		return SPACE_ALL;
	for (const char *const *d = c->dev; d && *d; d++)
		for (unsigned i = 0; i < ev->names->n; i++)
			if (ev->names->v[i].exact &&
			    !strcmp(ev->names->v[i].text, *d))
				set = space_or(ev->s, set,
					       space_interval(ev->s, field, i,
							      i, SPACE_ALL,
							      SPACE_NO));
	return set;
}

/* Who meets the chain; translation chains see the first packet only. */
static uint32_t meets(struct evaluator *ev, const struct kr_chain *c,
		      const struct state *st)
{
	uint32_t set = on_devices(ev, c);
	bool done =
		c->hook == NF_INET_PRE_ROUTING || c->hook == NF_INET_LOCAL_OUT
			? st->dnat
			: st->snat;

	if (!c->nat)
		return set;
	if (done || st->untracked == UNTRACKED)
		return SPACE_NO;
	return space_and(ev->s, set,
			 space_interval(ev->s, PK_CT, CT_NEW, CT_NEW, SPACE_ALL,
					SPACE_NO));
}

static bool is_tame(const struct evaluator *ev, const struct kr_chain *c)
{
	for (size_t i = 0; i < ev->n_tame; i++)
		if (!strcmp(ev->tame[i], c->table->name))
			return true;
	return false;
}

/* Drops become accepts, in the state the packet came in. */
static uint32_t let_pass(struct evaluator *ev, uint32_t d, uint32_t state)
{
	d = ev_turn(ev, d, FATE_DROP, FATE_CONT, RULE_NONE);
	d = ev_turn(ev, d, FATE_REJECT, FATE_CONT, RULE_NONE);
	/* DROP and REJECT carry no state: it reads 0 */
	return ev_then(ev, d, 0, ev_leaf(ev, FATE_ACCEPT, state, RULE_NONE));
}

uint32_t ev_begin(struct evaluator *ev, enum check_path path, uint8_t family)
{
	struct state st;

	memset(&st, 0, sizeof(st));
	st.family = family;
	st.hook = ways[path].hook[0];
	st.routed = path == PATH_OUTPUT ? ROUTED_OUT : 0;
	return ev_state(ev, &st);
}

uint32_t ev_enter(struct evaluator *ev, const struct kr_chain *c, uint8_t hook,
		  uint32_t from)
{
	struct state st = *ev->state.v[from];

	st.hook = hook;
	/* routing has counted the hop (ip_forward(), ip6_forward()) */
	if (!st.routed && (hook == NF_INET_FORWARD ||
			   hook == NF_INET_POST_ROUTING || hook == EV_EGRESS))
		st.routed = ROUTED_ON;
	st.early = 0;
	if (hook == NF_INET_INGRESS ||
	    ((hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT) &&
	     c->prio < NF_IP_PRI_CONNTRACK))
		st.early = EARLY_YES;
	else if ((hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT) &&
		 c->prio == NF_IP_PRI_CONNTRACK)
		st.early = EARLY_MAYBE;
	return ev_state(ev, &st);
}

uint32_t ev_meets(struct evaluator *ev, const struct kr_chain *c,
		  uint32_t state)
{
	return meets(ev, c, ev->state.v[state]);
}

static uint32_t base_chain(struct evaluator *ev, const struct kr_chain *c,
			   uint8_t hook, uint32_t from)
{
	uint32_t state = ev_enter(ev, c, hook, from);
	uint32_t d = ev_chain(ev, c, state), *states;

	if (ev_states_of(ev, d, FATE_RETURN, &states) > 0)
		d = ev_turn(ev, d, FATE_RETURN, ev_policy(c),
			    ev_policy_id(ev->rs, c));
	if (is_tame(ev, c))
		d = let_pass(ev, d, state);
	return ev_guard(ev, ev_meets(ev, c, state), d,
			ev_leaf(ev, FATE_ACCEPT, state, RULE_NONE));
}

bool ev_hook(struct evaluator *ev, enum check_path path, unsigned i,
	     uint8_t family, const struct kr_chain ***chain, size_t *n,
	     uint8_t *hook)
{
	if (i >= ways[path].n)
		return false;
	*hook = ways[path].hook[i];
	*n = chains_of(ev, *hook, family, chain);
	return true;
}

/* ACCEPT by one base chain goes on to the next. */
static uint32_t pass_chain(struct evaluator *ev, const struct kr_chain *c,
			   uint8_t hook, bool named, uint32_t d)
{
	uint32_t *state, *r;
	size_t n = ev_states_of(ev, d, FATE_CONT, &state);

	r = ARENA_ARRAY(ev->arena, uint32_t, n);
	for (size_t i = 0; i < n; i++) {
		r[i] = base_chain(ev, c, hook, state[i]);
		if (!named)
			r[i] = ev_forget(ev, r[i]);
	}
	for (size_t i = 0; i < n; i++)
		d = ev_then(ev, d, state[i], r[i]);
	return d;
}

static uint32_t way_of(struct evaluator *ev, enum check_path path,
		       uint8_t family)
{
	bool met = false;
	uint32_t d;

	d = ev_leaf(ev, FATE_CONT, ev_begin(ev, path, family), RULE_NONE);
	for (unsigned h = 0; h < ways[path].n; h++) {
		const struct kr_chain **chain;
		size_t n = chains_of(ev, ways[path].hook[h], family, &chain);

		for (size_t i = 0; i < n; i++) {
			uint8_t hook = ways[path].hook[h];

			if (met)
				d = ev_turn(ev, d, FATE_ACCEPT, FATE_CONT,
					    RULE_NONE);
			d = pass_chain(ev, chain[i], hook,
				       hook == ways[path].main, d);
			met = true;
		}
	}
	return met ? d : ev_turn(ev, d, FATE_CONT, FATE_ACCEPT, RULE_NONE);
}

uint32_t ev_path(struct evaluator *ev, enum check_path path)
{
	uint32_t v4 = way_of(ev, path, 0), v6 = way_of(ev, path, 1);

	return space_interval(ev->s, PK_FAMILY, 0, 0, v4, v6);
}
