#ifndef AUDIT_DECODE_IMPL_H
#define AUDIT_DECODE_IMPL_H

#include "audit/bytes.h"
#include "audit/decode.h"

/*
 * How decoding works: a cursor over the captured bytes and a table of layers.
 * A layer checks and consumes its header and names the layer behind it. No
 * recursion; the number of steps is bounded, so crafted nesting ends.
 */
enum layer {
	L_ETHERNET,
	L_NULL,
	L_RAW,
	L_PPP,
	L_PPPOE,
	L_SLL,
	L_SLL2,
	L_NFLOG,
	L_TAG,
	L_PBB,
	L_MPLS,
	L_IPV4,
	L_IPV6,
	L_TCP,
	L_UDP,
	L_SCTP,
	L_ICMP,
	L_ICMPV6,
	L_GRE,
	L_ERSPAN2,
	L_ERSPAN3,
	L_VXLAN,
	L_GENEVE,
	L_OTHER, /* an IP protocol without ports */
	L_N,
	L_DONE = L_N,
	L_FAIL, /* cursor.why says why */
};

struct cursor {
	const uint8_t *p, *end;
	size_t beyond;	/* bytes on the wire behind end, not captured */
	struct pkt cur;	/* of the innermost IP header so far */
	struct pkt *out;
	size_t n;
	uint8_t proto; /* IP protocol number of what stands at p */
	uint16_t link_flags;
	uint8_t tag; /* L_TAG: its bytes before the next EtherType */
	enum undecoded why;
};

typedef enum layer layer_fn(struct cursor *c);

layer_fn layer_ethernet, layer_null, layer_raw, layer_ppp, layer_pppoe,
	layer_sll, layer_sll2, layer_nflog, layer_tag, layer_pbb, layer_mpls;
layer_fn layer_ipv4, layer_ipv6, layer_tcp, layer_udp, layer_sctp, layer_icmp,
	layer_icmpv6, layer_other;
layer_fn layer_gre, layer_erspan2, layer_erspan3, layer_vxlan, layer_geneve;

/* The layer of an EtherType, or L_FAIL with a reason. */
enum layer layer_of_type(struct cursor *c, uint16_t type);
/* Hands the packet out as a carrier and goes on with what it carries. */
enum layer layer_enter(struct cursor *c, enum layer inner);

static inline size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static inline enum layer fail(struct cursor *c, enum undecoded why)
{
	c->why = why;
	return L_FAIL;
}

/* Bytes that are missing: were they cut off by the capture, or never sent? */
static inline enum layer too_short(struct cursor *c)
{
	return fail(c, c->beyond ? UD_CUT : UD_MALFORMED);
}

#endif
