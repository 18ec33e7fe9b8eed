#include "audit/decode_impl.h"

#include <assert.h>

#include "audit/plain.h"

static layer_fn *const layers[L_N] = {
	[L_ETHERNET] = layer_ethernet,
	[L_NULL] = layer_null,
	[L_RAW] = layer_raw,
	[L_PPP] = layer_ppp,
	[L_PPPOE] = layer_pppoe,
	[L_SLL] = layer_sll,
	[L_SLL2] = layer_sll2,
	[L_NFLOG] = layer_nflog,
	[L_TAG] = layer_tag,
	[L_PBB] = layer_pbb,
	[L_MPLS] = layer_mpls,
	[L_IPV4] = layer_ipv4,
	[L_IPV6] = layer_ipv6,
	[L_TCP] = layer_tcp,
	[L_UDP] = layer_udp,
	[L_SCTP] = layer_sctp,
	[L_ICMP] = layer_icmp,
	[L_ICMPV6] = layer_icmpv6,
	[L_GRE] = layer_gre,
	[L_ERSPAN2] = layer_erspan2,
	[L_ERSPAN3] = layer_erspan3,
	[L_VXLAN] = layer_vxlan,
	[L_GENEVE] = layer_geneve,
	[L_OTHER] = layer_other,
};
static_assert(sizeof(layers) / sizeof(*layers) == L_N, "a layer is missing");

static const struct {
	uint16_t link;
	uint8_t layer;
} link_layers[] = {
	{ LINK_ETHERNET, L_ETHERNET }, { LINK_RAW, L_RAW },
	{ LINK_SLL, L_SLL },	       { LINK_SLL2, L_SLL2 },
	{ LINK_NFLOG, L_NFLOG },       { LINK_NULL, L_NULL },
	{ LINK_LOOP, L_NULL },	       { LINK_RAW_BSD, L_RAW },
	{ LINK_RAW_OPENBSD, L_RAW },   { LINK_IPV4, L_RAW },
	{ LINK_IPV6, L_RAW },	       { LINK_PPP, L_PPP },
	{ LINK_PPP_HDLC, L_PPP },      { LINK_PPP_ETHER, L_PPPOE },
};

/* Every header a layer can consume has at least one byte except for a chain
 * of mere dispatches; this bounds both. */
enum { STEPS = 48 };

static enum layer first_layer(struct cursor *c, uint16_t link)
{
	for (size_t i = 0; i < sizeof(link_layers) / sizeof(*link_layers); i++)
		if (link_layers[i].link == link)
			return link_layers[i].layer;
	return fail(c, UD_LINK_TYPE);
}

static __attribute__((noinline)) size_t decode_any(const struct frame *f,
						   struct pkt *out,
						   struct decode_stats *st)
{
	struct cursor c = {
		.p = f->data, .end = f->data + f->caplen,
		.beyond = f->len > f->caplen ? f->len - f->caplen : 0,
		.out = out,
	};
	enum layer l = first_layer(&c, f->link);

	for (unsigned i = 0; l < L_N; i++)
		l = i < STEPS ? layers[l](&c) : fail(&c, UD_DEPTH);
	if (l == L_FAIL)
		st->undecoded[c.why]++;
	return c.n;
}

/* The same answer as decode_any() for plain frames. */
static inline bool decode_fast(const struct frame *f, struct pkt *o)
{
	const uint8_t *ip = f->data + PLAIN_IP, *l4 = f->data + PLAIN_L4;
	uint32_t len, hl;

	if (!is_plain_ipv4(f))
		return false;
	hl = plain_l4_bytes(f);
	if (!hl)
		return false;
	len = be16(ip + 2);
	o->seq = o->ack = 0;
	o->tcp = 0;
	if (ip[9] == PROTO_TCP) {
		o->seq = be32(l4 + 4);
		o->ack = be32(l4 + 8);
		o->tcp = l4[13];
	}
	o->src = addr_v4(be32(ip + 12));
	o->dst = addr_v4(be32(ip + 16));
	o->payload = l4 + hl;
	o->data = len - 20 - hl;
	o->have = plain_have(f, o->data);
	o->frag_id = 0;
	o->len = len;
	o->sport = be16(l4);
	o->dport = be16(l4 + 2);
	o->flags = is_broadcast_mac(f->data) ? PKT_BROADCAST : 0;
	o->proto = ip[9];
	o->ttl = ip[8];
	o->type = 0;
	return true;
}

size_t decode_frame(const struct frame *f, struct pkt out[PKT_LAYERS],
		    struct decode_stats *st)
{
	if (decode_fast(f, out))
		return 1;
	return decode_any(f, out, st);
}
