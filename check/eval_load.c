#include <stdio.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include "check/eval.h"

/* What loads put into registers, bit by bit. */

static void put_const(struct rbit *r, const uint8_t *v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes * 8; i++)
		r[i] = (struct rbit){.kind = RB_CONST,
				     .arg = v[i / 8] >> (7 - i % 8) & 1};
}

static void put_opaque_bit(struct rbit *r, uint32_t why)
{
	*r = (struct rbit){.kind = RB_OPAQUE, .why = why};
}

static void put_opaque(struct rbit *r, unsigned bytes, uint32_t why)
{
	for (unsigned i = 0; i < bytes * 8; i++)
		put_opaque_bit(&r[i], why);
}

/* bits of the field from top downwards: network byte order */
static void put_field(struct rbit *r, unsigned bits, unsigned field,
		      unsigned top)
{
	for (unsigned i = 0; i < bits; i++)
		r[i] = (struct rbit){.kind = RB_FIELD,
				     .arg = (uint8_t)field,
				     .pos = (uint8_t)(top - i)};
}

static void put_packet_address(struct rbit *r, unsigned field, bool v6)
{
	unsigned bits = v6 ? 128 : 32;

	if (!v6)
		field = field == PK_SRC ? PK_SRC4 : PK_DST4;
	put_field(r, bits, field, bits - 1);
}

static void put_view(struct rbit *r, enum pk_view v)
{
	for (unsigned i = 0; i < pk_view_bytes(v) * 8; i++)
		r[i] = (struct rbit){
			.kind = RB_VIEW, .arg = (uint8_t)v, .pos = (uint8_t)i};
}

static void put_u32(struct rbit *r, uint32_t v)
{
	uint8_t b[4];

	memcpy(b, &v, sizeof(b)); /* host byte order */
	put_const(r, b, 4);
}

static void put_field32_host(struct rbit *r, unsigned field)
{
	static const uint32_t one = 1;
	bool little = *(const uint8_t *)&one == 1;

	for (unsigned byte = 0; byte < 4; byte++)
		put_field(r + byte * 8, 8, field,
			  little ? byte * 8 + 7 : 31 - byte * 8);
}

static void put_value(struct rbit *r, const struct value *v, unsigned bytes)
{
	uint8_t b[16];

	if (v->kind == VAL_OPAQUE) {
		put_opaque(r, bytes, v->why);
		return;
	}
	addr_to_bytes((struct addr){v->hi, v->lo}, b);
	if (bytes == 2) {
		b[0] = (uint8_t)(v->lo >> 8);
		b[1] = (uint8_t)v->lo;
	}
	put_const(r, b, bytes);
}

/* ---- packet bytes: each header as a map from byte to what is there */

struct header_ctx {
	struct evaluator *ev;
	const struct state *st;
	struct rbit *out; /* whole header, bit by bit */
	unsigned bytes;
};

enum { HEADER = 64 };

static void put_address(const struct header_ctx *h, unsigned at, unsigned field,
			const struct value *changed)
{
	unsigned bytes = h->st->family ? 16 : 4;

	if (changed->kind == VAL_ENTRY)
		put_packet_address(h->out + at * 8, field, h->st->family);
	else
		put_value(h->out + at * 8, changed, bytes);
}

static void put_tos(const struct header_ctx *h, unsigned bit)
{
	if (h->st->tos.kind == VAL_ENTRY)
		put_field(h->out + bit, 8, PK_TOS, 7);
	else
		put_opaque(h->out + bit, 1, h->st->tos.why);
}

static void put_ttl(const struct header_ctx *h, unsigned bit)
{
	if (h->st->routed == ROUTED_ON)
		put_view(h->out + bit, VIEW_ROUTED_TTL);
	else
		put_field(h->out + bit, 8, PK_TTL, 7);
}

/* Unfragmented and without options: what conntrack's defragmentation hands on
 * and what is assumed (check.h). */
static void put_ipv4(const struct header_ctx *h)
{
	static const uint8_t first = 0x45, no_frag = 0;

	put_const(h->out, &first, 1);
	put_tos(h, 8);
	/* reserved, (DF), MF, offset */
	h->out[48] = h->out[50] = (struct rbit){.kind = RB_CONST};
	for (unsigned i = 51; i < 56; i++)
		h->out[i] = (struct rbit){.kind = RB_CONST};
	put_const(h->out + 56, &no_frag, 1);
	put_ttl(h, 64);
	put_field(h->out + 72, 8, PK_PROTO, 7);
	put_address(h, 12, PK_SRC, &h->st->saddr);
	put_address(h, 16, PK_DST, &h->st->daddr);
}

static void put_ipv6(const struct header_ctx *h)
{
	for (unsigned i = 0; i < 4; i++)
		h->out[i] = (struct rbit){.kind = RB_CONST,
					  .arg = 6 >> (3 - i) & 1};
	put_tos(h, 4);
	put_field(h->out + 48, 8, PK_PROTO, 7);
	put_ttl(h, 56);
	put_address(h, 8, PK_SRC, &h->st->saddr);
	put_address(h, 24, PK_DST, &h->st->daddr);
}

static void put_transport(const struct header_ctx *h, bool tcp)
{
	put_field(h->out, 16, PK_TH0, 15);
	if (h->st->dport.kind == VAL_ENTRY)
		put_field(h->out + 16, 16, PK_TH2, 15);
	else
		put_value(h->out + 16, &h->st->dport, 2);
	if (tcp)
		put_field(h->out + 13 * 8, 8, PK_FLAGS, 7);
}

#define NOT_SAID UINT32_MAX /* why a byte is opaque: found out if it is asked */

static uint32_t bytes_reason(struct evaluator *ev, const struct kr_ex *x)
{
	char text[64];

	snprintf(text, sizeof(text), "packet bytes @%s,%u,%u",
		 x->base == NFT_PAYLOAD_NETWORK_HEADER	   ? "nh"
		 : x->base == NFT_PAYLOAD_TRANSPORT_HEADER ? "th"
		 : x->base == NFT_PAYLOAD_LL_HEADER	   ? "ll" : "ih",
		 x->offset * 8, x->len * 8);
	return ev_reason(ev, text);
}

/* Only what is loaded is read of the header, and has to be there. */
static void load_payload(struct evaluator *ev, const struct kr_ex *x,
			 const struct state *st, bool tcp, struct rbit *r)
{
	struct rbit head[(HEADER + KR_DATA) * 8];
	struct header_ctx h = {ev, st, head, HEADER};

	if (x->offset >= HEADER) {
		put_opaque(r, x->len, bytes_reason(ev, x));
		return;
	}
	put_opaque(head + x->offset * 8, x->len, NOT_SAID);
	if (x->base == NFT_PAYLOAD_NETWORK_HEADER && !st->rewritten) {
		if (st->family)
			put_ipv6(&h);
		else
			put_ipv4(&h);
	} else if (x->base == NFT_PAYLOAD_TRANSPORT_HEADER && !st->rewritten) {
		put_transport(&h, tcp);
	}
	memcpy(r, head + x->offset * 8, x->len * 8 * sizeof(*r));
	for (unsigned i = 0; i < x->len * 8; i++)
		if (r[i].kind == RB_OPAQUE && r[i].why == NOT_SAID)
			r[i].why = bytes_reason(ev, x);
}

/* ---- meta */

static const char *const meta_name[] = {
	[NFT_META_LEN] = "meta length",
	[NFT_META_PRIORITY] = "meta priority",
	[NFT_META_IFTYPE] = "meta iiftype",
	[NFT_META_OIFTYPE] = "meta oiftype",
	[NFT_META_SKUID] = "meta skuid",
	[NFT_META_SKGID] = "meta skgid",
	[NFT_META_NFTRACE] = "meta nftrace",
	[NFT_META_RTCLASSID] = "meta rtclassid",
	[NFT_META_SECMARK] = "meta secmark",
	[NFT_META_CPU] = "meta cpu",
	[NFT_META_IIFGROUP] = "meta iifgroup",
	[NFT_META_OIFGROUP] = "meta oifgroup",
	[NFT_META_CGROUP] = "meta cgroup",
	[NFT_META_PRANDOM] = "meta random",
	[NFT_META_SECPATH] = "meta ipsec",
	[NFT_META_IIFKIND] = "meta iifkind",
	[NFT_META_OIFKIND] = "meta oifkind",
	[NFT_META_TIME_NS] = "meta time",
	[NFT_META_TIME_DAY] = "meta day",
	[NFT_META_TIME_HOUR] = "meta hour",
	[NFT_META_SDIF] = "meta sdif",
	[NFT_META_SDIFNAME] = "meta sdifname",
};

static bool meta_named(uint32_t key)
{
	return key < sizeof(meta_name) / sizeof(meta_name[0]) && meta_name[key];
}

static unsigned meta_bytes(uint32_t key)
{
	switch (key) {
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
	case NFT_META_IIFKIND:
	case NFT_META_OIFKIND:
	case NFT_META_SDIFNAME:
		return 16;
	case NFT_META_TIME_NS:
		return 8;
	case NFT_META_PROTOCOL:
	case NFT_META_IFTYPE:
	case NFT_META_OIFTYPE:
		return 2;
	case NFT_META_NFPROTO:
	case NFT_META_L4PROTO:
	case NFT_META_PKTTYPE:
	case NFT_META_SECPATH:
	case NFT_META_TIME_DAY:
	case NFT_META_NFTRACE:
		return 1;
	default: /* 4 bytes, where it is known */
		return meta_named(key) ? 4 : 16;
	}
}

/* An interface that this hook does not have reads as "" and 0. */
static void put_iface(struct rbit *r, const struct state *st, bool in,
		      bool name)
{
	static const uint8_t none[16] = {0};
	bool has = in ? st->hook != NF_INET_LOCAL_OUT &&
				   st->hook != EV_EGRESS &&
				   (st->hook != NF_INET_POST_ROUTING ||
				    st->routed == ROUTED_ON)
		      : st->hook != NF_INET_PRE_ROUTING &&
				   st->hook != NF_INET_LOCAL_IN &&
				   st->hook != NF_INET_INGRESS;

	if (!has)
		put_const(r, none, name ? 16 : 4);
	else if (name)
		put_view(r, in ? VIEW_IIFNAME : VIEW_OIFNAME);
	else
		put_view(r, in ? VIEW_IIF : VIEW_OIF);
}

static void put_mark(struct rbit *r, const struct value *v, unsigned field)
{
	if (v->kind == VAL_ENTRY)
		put_field32_host(r, field);
	else if (v->kind == VAL_KNOWN)
		put_u32(r, (uint32_t)v->lo);
	else
		put_opaque(r, 4, v->why);
}

static void load_meta(struct evaluator *ev, const struct kr_ex *x,
		      const struct state *st, struct rbit *r)
{
	const char *name = meta_named(x->key) ? meta_name[x->key] : "meta ?";
	uint8_t b[2];

	switch (x->key) {
	case NFT_META_IIFNAME:
	case NFT_META_IIF:
		put_iface(r, st, true, x->key == NFT_META_IIFNAME);
		break;
	case NFT_META_OIFNAME:
	case NFT_META_OIF:
		put_iface(r, st, false, x->key == NFT_META_OIFNAME);
		break;
	case NFT_META_MARK:
		put_mark(r, &st->mark, PK_MARK);
		break;
	case NFT_META_L4PROTO:
		if (st->rewritten & REWRITTEN_PROTO)
			put_opaque(r, 1, ev_reason(ev, "a protocol set before"));
		else
			put_field(r, 8, PK_PROTO, 7);
		break;
	case NFT_META_NFPROTO:
		b[0] = st->family ? NFPROTO_IPV6 : NFPROTO_IPV4;
		put_const(r, b, 1);
		break;
	case NFT_META_PROTOCOL:
		b[0] = st->family ? ETH_P_IPV6 >> 8 : ETH_P_IP >> 8;
		b[1] = st->family ? ETH_P_IPV6 & 0xff : ETH_P_IP & 0xff;
		put_const(r, b, 2);
		break;
	case NFT_META_PKTTYPE:
		put_view(r, VIEW_TYPE);
		break;
	default:
		put_opaque(r, meta_bytes(x->key), ev_reason(ev, name));
	}
}

/* ---- ct */

static const struct {
	const char *name;
	uint8_t bytes; /* 0: as long as an address */
} ct_keys[] = {
	[NFT_CT_STATE] = {"ct state", 4},
	[NFT_CT_DIRECTION] = {"ct direction", 1},
	[NFT_CT_STATUS] = {"ct status", 4},
	[NFT_CT_MARK] = {"ct mark", 4},
	[NFT_CT_SECMARK] = {"ct secmark", 4},
	[NFT_CT_EXPIRATION] = {"ct expiration", 4},
	[NFT_CT_HELPER] = {"ct helper", 16},
	[NFT_CT_L3PROTOCOL] = {"ct l3proto", 1},
	[NFT_CT_SRC] = {"ct saddr", 0},
	[NFT_CT_DST] = {"ct daddr", 0},
	[NFT_CT_PROTOCOL] = {"ct protocol", 1},
	[NFT_CT_PROTO_SRC] = {"ct proto-src", 2},
	[NFT_CT_PROTO_DST] = {"ct proto-dst", 2},
	[NFT_CT_LABELS] = {"ct label", 16},
	[NFT_CT_PKTS] = {"ct packets", 8},
	[NFT_CT_BYTES] = {"ct bytes", 8},
	[NFT_CT_AVGPKT] = {"ct avgpkt", 8},
	[NFT_CT_ZONE] = {"ct zone", 2},
	[NFT_CT_EVENTMASK] = {"ct event", 4},
	[NFT_CT_SRC_IP] = {"ct ip saddr", 4},
	[NFT_CT_DST_IP] = {"ct ip daddr", 4},
	[NFT_CT_SRC_IP6] = {"ct ip6 saddr", 16},
	[NFT_CT_DST_IP6] = {"ct ip6 daddr", 16},
	[NFT_CT_ID] = {"ct id", 4},
};

static unsigned ct_bytes(uint32_t key, const struct state *st)
{
	if (key >= sizeof(ct_keys) / sizeof(ct_keys[0]))
		return 16;
	if (ct_keys[key].bytes)
		return ct_keys[key].bytes;
	return st->family ? 16 : 4;
}

/* Of a connection's first packet, the tuple in the original direction is the
 * packet's own as it came in. */
static bool put_tuple(const struct kr_ex *x, const struct state *st,
		      struct rbit *r)
{
	switch (x->key) {
	case NFT_CT_SRC:
	case NFT_CT_SRC_IP:
	case NFT_CT_SRC_IP6:
		put_packet_address(r, PK_SRC, st->family);
		return true;
	case NFT_CT_DST:
	case NFT_CT_DST_IP:
	case NFT_CT_DST_IP6:
		put_packet_address(r, PK_DST, st->family);
		return true;
	case NFT_CT_PROTO_SRC:
		put_field(r, 16, PK_TH0, 15);
		return true;
	case NFT_CT_PROTO_DST:
		put_field(r, 16, PK_TH2, 15);
		return true;
	default:
		return false;
	}
}

/* The bits of mask, which are of a number as the host has it. */
static void put_opaque_in(struct rbit *r, uint32_t mask, uint32_t why)
{
	uint8_t b[4];

	memcpy(b, &mask, sizeof(b));
	for (unsigned i = 0; i < 32; i++)
		if (b[i / 8] >> (7 - i % 8) & 1)
			put_opaque_bit(&r[i], why);
}

/* That translation was thought of, every connection is told where there are
 * chains that translate; that it was done, where that changed something. A port
 * may become another one where it is taken. */
static void put_status(struct evaluator *ev, const struct state *st,
		       bool there, struct rbit *r)
{
	uint32_t open = IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE | IPS_HELPER;
	bool known = st->daddr.kind != VAL_OPAQUE &&
		     st->dport.kind != VAL_OPAQUE;

	open |= st->snat ? IPS_SRC_NAT : 0;
	open |= there && !known ? IPS_DST_NAT : 0;
	put_u32(r, st->dnat && !there ? IPS_DST_NAT : 0);
	put_opaque_in(r, open, ev_reason(ev, "ct status"));
}

static bool put_new_conn(const struct kr_ex *x, const struct state *st,
			 struct rbit *r)
{
	if (x->key == NFT_CT_MARK) {
		if (st->ct_mark.kind == VAL_ENTRY)
			put_u32(r, 0);
		else
			put_mark(r, &st->ct_mark, PK_MARK);
		return true;
	}
	/* of the packet as it was when tracking saw it */
	return x->dir == 0 && !st->rewritten && put_tuple(x, st, r);
}

static void load_ct(struct evaluator *ev, const struct kr_ex *x,
		    const struct state *st, unsigned of, struct rbit *r)
{
	uint8_t b = st->family ? AF_INET6 : AF_INET;
	bool known = x->key < sizeof(ct_keys) / sizeof(ct_keys[0]) &&
		     ct_keys[x->key].name;

	if (st->early == EARLY_MAYBE) {
		put_opaque(r, ct_bytes(x->key, st), ev_reason(ev, "a chain at "
			   "the priority of tracking"));
	} else if (x->key == NFT_CT_STATE && st->untracked == UNTRACKED) {
		put_u32(r, pk_ct_bit[CT_UNTRACKED]);
	} else if (x->key == NFT_CT_STATE && st->early) {
		put_u32(r, pk_ct_bit[CT_INVALID]);
	} else if (x->key == NFT_CT_STATE) {
		put_view(r, st->untracked ? VIEW_CT_NONE : VIEW_CT);
	} else if (x->key == NFT_CT_DIRECTION) {
		put_view(r, VIEW_DIR);
	} else if (x->key == NFT_CT_L3PROTOCOL) {
		put_const(r, &b, 1);
	} else if (x->key == NFT_CT_PROTOCOL) {
		put_field(r, 8, PK_PROTO, 7);
	} else if (x->key == NFT_CT_MARK && st->ct_mark.kind == VAL_KNOWN) {
		put_mark(r, &st->ct_mark, PK_MARK);
	} else if (x->key == NFT_CT_STATUS && of & LOAD_NEW) {
		put_status(ev, st, of & LOAD_THERE, r);
	} else if (!(of & LOAD_NEW) || !put_new_conn(x, st, r)) {
		put_opaque(
			r, ct_bytes(x->key, st),
			ev_reason(ev, known ? ct_keys[x->key].name : "ct ?"));
	}
}

static unsigned load_bytes(const struct kr_ex *x, const struct state *st)
{
	if (x->kind == EX_META)
		return meta_bytes(x->key);
	return x->kind == EX_CT ? ct_bytes(x->key, st) : x->len;
}

static bool payload_fails(const struct kr_ex *x, const struct state *st,
			  bool tcp)
{
	uint32_t end = x->offset + x->len;

	if (x->base == NFT_PAYLOAD_NETWORK_HEADER)
		return end > (st->family ? 40 : 20);
	return x->base != NFT_PAYLOAD_TRANSPORT_HEADER || end > (tcp ? 20 : 8);
}

/* nft_meta_get_eval(), nft_ct_get_eval() and the like where they break. */
bool ev_load_fails(const struct kr_ex *x, const struct state *st, unsigned of)
{
	static const uint8_t meta[] = {
		NFT_META_IIFTYPE, NFT_META_OIFTYPE, NFT_META_SKUID,
		NFT_META_SKGID, NFT_META_RTCLASSID, NFT_META_IIFGROUP,
		NFT_META_OIFGROUP, NFT_META_CGROUP, NFT_META_IIFKIND,
		NFT_META_OIFKIND,
	};
	static const char *const never[] = { "fib", "numgen", "hash",
					     "bitwise" };

	if (x->kind == EX_PAYLOAD || x->kind == EX_SET_PAYLOAD)
		return payload_fails(x, st, of & LOAD_TCP);
	if (x->kind == EX_CT)
		return x->key == NFT_CT_HELPER || x->key > NFT_CT_ID ||
		       st->early == EARLY_MAYBE;
	if (x->kind == EX_META)
		return x->key > NFT_META_SDIFNAME ||
		       memchr(meta, (int)x->key, sizeof(meta));
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (!strcmp(x->name, never[i]))
			return false;
	return !x->invert; /* asks whether it is there */
}

bool ev_load(struct evaluator *ev, const struct kr_ex *x,
	     const struct state *st, unsigned of, struct regs *r)
{
	static const uint8_t zero[4] = {0};
	unsigned bytes = load_bytes(x, st);
	int at = reg_bit(x->dreg, bytes);
	unsigned end;

	/* a load clears the rest of its last word */
	end = at < 0 ? 0 : (unsigned)at + (bytes + 3) / 4 * 32;
	if (at < 0 || end > REG_BITS) {
		at = reg_bit(x->dreg, 4);
		if (x->kind != EX_OPAQUE || at < 0)
			return false;
		put_opaque(r->bit + at, (REG_BITS - (unsigned)at) / 8,
			   ev_reason(ev, x->name));
		return true;
	}
	if (bytes % 4)
		put_const(r->bit + end - 32, zero, 4);
	if (x->kind == EX_PAYLOAD)
		load_payload(ev, x, st, of & LOAD_TCP, r->bit + at);
	else if (x->kind == EX_META)
		load_meta(ev, x, st, r->bit + at);
	else if (x->kind == EX_CT)
		load_ct(ev, x, st, of, r->bit + at);
	else
		put_opaque(r->bit + at, bytes, ev_reason(ev, x->name));
	return true;
}
