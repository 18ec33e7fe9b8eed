#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/hash.h"
#include "check/become.h"
#include "check/eval_step.h"

/* What rules change and later ones read: marks, tracking, addresses. */

static uint32_t to_state(struct step *t, const struct state *st)
{
	t->state = ev_state(t->ev, st);
	return GO_ON;
}

/* Of an opaque bit, without the rule that it says already: one is named. */
static uint32_t opaque_here(const struct step *t, const struct rbit *b)
{
	const char *text = t->ev->reason.v[b->why].text;
	const char *in = strstr(text, ", in: ");

	return step_reason(t, in ? arena_strndup(t->ev->arena, text,
						 (size_t)(in - text)) : text);
}

static bool all_const(const struct step *t, int at, unsigned bytes,
		      uint8_t *out, uint32_t *why)
{
	memset(out, 0, bytes);
	for (unsigned i = 0; i < bytes * 8; i++) {
		const struct rbit *b = &t->regs.bit[(unsigned)at + i];

		if (b->kind != RB_CONST) {
			*why = b->kind == RB_OPAQUE ? opaque_here(t, b) :
				step_reason(t, "a value taken from the packet");
			return false;
		}
		out[i / 8] |= (uint8_t)(b->arg << (7 - i % 8));
	}
	return true;
}

static bool is_entry_mark(const struct step *t, int at)
{
	struct kr_ex x = {.kind = EX_META, .key = NFT_META_MARK, .dreg = 1};
	struct regs *r = arena_alloc(t->ev->arena, sizeof(*r));

	return ev_load(t->ev, &x, state_of(t), 0, r) &&
	       !memcmp(r->bit, t->regs.bit + at, 32 * sizeof(r->bit[0]));
}

static void known_u32(const struct step *t, uint32_t reg, struct value *v)
{
	int at = reg_bit(reg, 4);
	uint32_t why = 0, u;
	uint8_t b[4];

	memset(v, 0, sizeof(*v));
	if (at >= 0 && all_const(t, at, 4, b, &why)) {
		memcpy(&u, b, sizeof(u));
		v->kind = VAL_KNOWN;
		v->lo = u;
		return;
	}
	v->kind = VAL_OPAQUE;
	v->why = why;
}

uint32_t step_set_meta(struct step *t, const struct kr_ex *x)
{
	struct state st = *state_of(t);

	/* what is not addressed to this machine is not forwarded */
	if (x->key == NFT_META_PKTTYPE)
		return step_anything(t, "a packet type that is set");
	if (x->key != NFT_META_MARK)
		return GO_ON;
	if (reg_bit(x->sreg, 4) >= 0 && is_entry_mark(t, reg_bit(x->sreg, 4)))
		return GO_ON;
	known_u32(t, x->sreg, &st.mark);
	return to_state(t, &st);
}

uint32_t step_set_ct(struct step *t, const struct kr_ex *x)
{
	struct state st = *state_of(t);

	/* a template keeps notrack from doing anything */
	if (x->key == NFT_CT_ZONE && st.early)
		return step_anything(t, "a conntrack zone that is set");
	if (x->key != NFT_CT_MARK || st.early == EARLY_YES ||
	    st.untracked == UNTRACKED)
		return GO_ON;
	known_u32(t, x->sreg, &st.ct_mark);
	return to_state(t, &st);
}

/* What stands at this byte of a header. */
static uint8_t byte_is(uint32_t base, unsigned at, bool v6)
{
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
		return at < 4 ? REWRITTEN_ENDS : 0;
	if (base != NFT_PAYLOAD_NETWORK_HEADER)
		return 0;
	if (at == (v6 ? 6 : 9))
		return REWRITTEN_PROTO | REWRITTEN_ENDS;
	return at >= (v6 ? 8 : 12) && at < (v6 ? 40 : 20) ? REWRITTEN_ENDS : 0;
}

/* Bytes that are written as they were do not count: nft writes two at least. */
static uint8_t rewrites(const struct step *t, const struct kr_ex *x)
{
	struct regs *was = arena_alloc(t->ev->arena, sizeof(*was));
	struct kr_ex load = {.kind = EX_PAYLOAD, .name = x->name, .dreg = 1,
			     .base = x->base, .offset = x->offset,
			     .len = x->len};
	int at = reg_bit(x->sreg, x->len);
	bool known = at >= 0 &&
		ev_load(t->ev, &load, state_of(t), t->of, was);
	uint8_t r = REWRITTEN;

	for (unsigned i = 0; i < x->len; i++)
		if (!known || memcmp(&was->bit[i * 8],
				     &t->regs.bit[(unsigned)at + i * 8],
				     8 * sizeof(was->bit[0])))
			r |= byte_is(x->base, x->offset + i,
				     state_of(t)->family);
	return r;
}

/* Rewritten headers: the type of service stays apart, anything else makes all
 * later loads opaque. */
uint32_t step_set_payload(struct step *t, const struct kr_ex *x)
{
	struct state st = *state_of(t);

	if (x->base == NFT_PAYLOAD_NETWORK_HEADER && x->offset + x->len <= 2) {
		st.tos.kind = VAL_OPAQUE;
		st.tos.why = step_reason(t, "a type of service set before");
	} else {
		st.rewritten |= rewrites(t, x);
		st.written.kind = VAL_OPAQUE;
		st.written.hi = hash_u64(ev_rule_id(t->ev, t->r), st.written.hi);
	}
	return to_state(t, &st);
}

uint32_t step_notrack(struct step *t, const struct kr_ex *x)
{
	struct state st = *state_of(t);

	if (st.early == EARLY_MAYBE)
		return step_anything(t, x->name);
	if (st.untracked != UNTRACKED)
		st.untracked = st.early ? UNTRACKED : UNTRACKED_LATE;
	return to_state(t, &st);
}

/* ---- translation: a verdict, and another destination from here on */

/* Of a choice that the rule makes; 0: by a mark that is not known. */
static uint64_t opaque_id(const struct step *t)
{
	const struct state *st = state_of(t);

	return st->mark.kind == VAL_OPAQUE || st->ct_mark.kind == VAL_OPAQUE ?
		0 : ev_rule_id(t->ev, t->r);
}

static void nat_value(const struct step *t, uint32_t reg, bool ranged,
		      unsigned bytes, struct value *v)
{
	int at = reg_bit(reg, bytes);
	uint32_t why = step_reason(t, "translation to one of several");
	uint8_t b[16];
	struct addr a;

	memset(v, 0, sizeof(*v));
	if (ranged || at < 0 || !all_const(t, at, bytes, b, &why)) {
		v->kind = VAL_OPAQUE;
		v->why = why;
		v->hi = opaque_id(t);
		return;
	}
	v->kind = VAL_KNOWN;
	a = bytes == 16 ? addr_from_v6_bytes(b) : addr_from_v4_bytes(b);
	v->hi = bytes == 2 ? 0 : a.hi;
	v->lo = bytes == 2 ? (uint64_t)b[0] << 8 | b[1] : a.lo;
}

static void source_port(const struct step *t, const struct kr_ex *x,
			struct value *v)
{
	memset(v, 0, sizeof(*v));
	if (x->reg_port) {
		nat_value(t, x->reg_port, x->ranged, 2, v);
	} else if (x->key) {
		v->kind = VAL_OPAQUE;
		v->hi = BECOME_RANDOM_PORT;
	}
}

uint32_t step_nat(struct step *t, const struct kr_ex *x)
{
	struct state st = *state_of(t);
	unsigned bytes = st.family ? 16 : 4;

	if (x->base == (st.family ? NFPROTO_IPV4 : NFPROTO_IPV6))
		return GO_ON;
	if (x->kind == EX_SNAT) {
		st.snat = x->reg_addr ? SNAT_ADDRESS : SNAT_INTERFACE;
		nat_value(t, x->reg_addr, x->ranged || !x->reg_addr, bytes,
			  &st.saddr);
		if (!x->reg_addr)
			st.saddr.hi = BECOME_OWN_ADDRESS;
		source_port(t, x, &st.sport);
		return ev_leaf(t->ev, FATE_ACCEPT, ev_state(t->ev, &st),
			       t->r->id);
	}
	st.dnat = 1;
	if (x->kind == EX_REDIRECT) {
		memset(&st.daddr, 0, sizeof(st.daddr));
		st.daddr.kind = VAL_OPAQUE;
		st.daddr.hi = BECOME_OWN_ADDRESS;
		st.daddr.why = step_reason(t, "an address of this machine");
	} else if (x->reg_addr) {
		nat_value(t, x->reg_addr, x->ranged, bytes, &st.daddr);
	}
	if (x->reg_port)
		nat_value(t, x->reg_port, x->ranged, 2, &st.dport);
	return ev_leaf(t->ev, FATE_ACCEPT, ev_state(t->ev, &st), t->r->id);
}
