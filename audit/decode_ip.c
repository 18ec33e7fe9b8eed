#include "audit/decode_impl.h"

#include "audit/icmp.h"
#include "base/keys.h"

/* IANA protocol numbers that lead on; the rest is judged by number alone. */
enum {
	NH_HOPOPT = 0, NH_IPIP = 4, NH_IPV6 = 41, NH_ROUTE = 43, NH_FRAG = 44,
	NH_GRE = 47, NH_NONE = 59, NH_DSTOPTS = 60, NH_MPLS = 137,
	NH_MOBILITY = 135, NH_HIP = 139, NH_SHIM6 = 140,
};

static enum layer emit(struct cursor *c, uint16_t flags)
{
	if (c->n == PKT_LAYERS)
		return fail(c, UD_DEPTH);
	c->cur.flags |= flags;
	c->out[c->n++] = c->cur;
	return L_DONE;
}

enum layer layer_enter(struct cursor *c, enum layer inner)
{
	uint16_t quoted = c->cur.flags & PKT_QUOTED;
	enum layer l = emit(c, PKT_OUTER);

	if (l == L_FAIL)
		return l;
	/* What an error quotes of a tunnel is about the tunnel. */
	if (quoted)
		return L_DONE;
	c->cur = (struct pkt){ 0 };
	c->link_flags = PKT_INNER;
	return inner;
}

/* What stands at p is payload: `used` bytes of the packet are headers. */
static void set_payload(struct cursor *c)
{
	c->cur.payload = c->p;
	c->cur.have = (uint32_t)left(c);
	c->cur.data = (uint32_t)(left(c) + c->beyond);
}

static enum layer next_layer(struct cursor *c, uint8_t proto)
{
	c->proto = proto;
	c->cur.proto = proto;
	switch (proto) {
	case PROTO_TCP:
		return L_TCP;
	case PROTO_UDP:
		return L_UDP;
	case PROTO_SCTP:
		return L_SCTP;
	case PROTO_ICMP:
		return L_ICMP;
	case PROTO_ICMPV6:
		return L_ICMPV6;
	case NH_GRE:
		return L_GRE;
	case NH_IPIP:
		return layer_enter(c, L_IPV4);
	case NH_IPV6:
		return layer_enter(c, L_IPV6);
	case NH_MPLS:
		return layer_enter(c, L_MPLS);
	default:
		return L_OTHER;
	}
}

/* Cuts the cursor to the packet of `total` bytes that begins at p; what the
 * link padded is gone. */
static void trim(struct cursor *c, size_t total)
{
	if (total < left(c)) {
		c->end = c->p + total;
		c->beyond = 0;
	} else {
		c->beyond = total - left(c);
	}
}

static enum layer later_fragment(struct cursor *c, uint8_t proto)
{
	c->cur.proto = proto;
	set_payload(c);
	return emit(c, PKT_LATER_FRAG);
}

static void start_packet(struct cursor *c)
{
	uint16_t quoted = c->cur.flags & PKT_QUOTED;
	uint8_t type = c->cur.type;

	c->cur = (struct pkt){ .flags = c->link_flags | quoted };
	if (quoted)
		c->cur.type = type;
}

enum layer layer_ipv4(struct cursor *c)
{
	const uint8_t *p = c->p;
	size_t hl, total;
	unsigned frag;

	start_packet(c);
	if (left(c) < 20)
		return too_short(c);
	hl = (p[0] & 15) * 4u;
	total = be16(p + 2);
	/* A length of 0 is left by segmentation in the network card. */
	if (total == 0)
		total = left(c) + c->beyond;
	if (p[0] >> 4 != 4 || hl < 20 || total < hl)
		return fail(c, UD_MALFORMED);
	if (left(c) < hl)
		return too_short(c);
	trim(c, total);
	c->cur.src = addr_from_v4_bytes(p + 12);
	c->cur.dst = addr_from_v4_bytes(p + 16);
	c->cur.ttl = p[8];
	c->cur.len = (uint32_t)total;
	frag = be16(p + 6);
	c->p += hl;
	if (frag & 0x3fff)
		c->cur.frag_id = be16(p + 4);
	if (frag & 0x1fff)
		return later_fragment(c, p[9]);
	if (frag & 0x2000)
		c->cur.flags |= PKT_FIRST_FRAG;
	return next_layer(c, p[9]);
}

/* RFC 8200, 4: header length in units of 8 bytes, the first not counted. */
static bool skip_header(struct cursor *c, uint8_t *next)
{
	size_t len;

	if (left(c) < 8)
		return false;
	len = (c->p[1] + 1u) * 8;
	if (left(c) < len)
		return false;
	*next = c->p[0];
	c->p += len;
	return true;
}

static bool is_extension(uint8_t nh)
{
	return nh == NH_HOPOPT || nh == NH_ROUTE || nh == NH_DSTOPTS ||
	       nh == NH_MOBILITY || nh == NH_HIP || nh == NH_SHIM6;
}

/* Walks to the header that is no extension. */
static enum layer extensions(struct cursor *c, uint8_t nh)
{
	/* Each may stand there once, destination options twice (RFC 8200,
	 * 4.1); some leeway, then it is an attack. */
	enum { CHAIN = 16 };

	for (unsigned i = 0; i < CHAIN; i++) {
		if (nh == NH_FRAG) {
			unsigned off;

			if (left(c) < 8)
				return too_short(c);
			nh = c->p[0];
			off = be16(c->p + 2);
			c->cur.frag_id = be32(c->p + 4);
			c->p += 8;
			if (off & 0xfff8)
				return later_fragment(c, nh);
			if (off & 1)
				c->cur.flags |= PKT_FIRST_FRAG;
		} else if (is_extension(nh)) {
			if (nh == NH_ROUTE && left(c) >= 4 && c->p[3])
				c->cur.flags |= PKT_ROUTED;
			if (!skip_header(c, &nh))
				return too_short(c);
		} else {
			return next_layer(c, nh);
		}
	}
	return fail(c, UD_DEPTH);
}

enum layer layer_ipv6(struct cursor *c)
{
	const uint8_t *p = c->p;
	size_t total;

	start_packet(c);
	if (left(c) < 40)
		return too_short(c);
	if (p[0] >> 4 != 6)
		return fail(c, UD_MALFORMED);
	total = 40u + be16(p + 4);
	/* 0: a jumbogram (RFC 2675), or segmentation in the card. */
	if (total == 40 && p[6] != NH_NONE)
		total = left(c) + c->beyond;
	trim(c, total);
	c->cur.src = addr_from_v6_bytes(p + 8);
	c->cur.dst = addr_from_v6_bytes(p + 24);
	c->cur.ttl = p[7];
	c->cur.len = (uint32_t)total;
	c->p += 40;
	return extensions(c, p[6]);
}

enum layer layer_other(struct cursor *c)
{
	set_payload(c);
	return emit(c, 0);
}

static void ports(struct cursor *c)
{
	c->cur.sport = be16(c->p);
	c->cur.dport = be16(c->p + 2);
}

/* An ICMP error quotes at least 8 bytes behind the IP header (RFC 792). */
static enum layer ports_alone(struct cursor *c)
{
	if (left(c) < 4)
		return too_short(c);
	ports(c);
	c->cur.payload = c->end;
	return emit(c, 0);
}

/* A first fragment may end behind the ports, to hide the flags from filters
 * (RFC 1858, 3); whose flow it is stands there all the same. */
static bool is_tiny(const struct cursor *c)
{
	return (c->cur.flags & PKT_FIRST_FRAG) && left(c) >= 8 && !c->beyond;
}

enum layer layer_tcp(struct cursor *c)
{
	const uint8_t *p = c->p;
	size_t hl;

	if (c->cur.flags & PKT_QUOTED || (left(c) < 20 && is_tiny(c)))
		return ports_alone(c);
	if (left(c) < 20)
		return too_short(c);
	hl = (p[12] >> 4) * 4u;
	if (hl < 20)
		return fail(c, UD_MALFORMED);
	ports(c);
	c->cur.seq = be32(p + 4);
	c->cur.ack = be32(p + 8);
	c->cur.tcp = p[13];
	/* Options cut off do not matter: the ports are known. */
	if (hl > left(c) + c->beyond)
		return fail(c, UD_MALFORMED);
	if (hl > left(c)) {
		c->beyond -= hl - left(c);
		hl = left(c);
	}
	c->p += hl;
	set_payload(c);
	return emit(c, 0);
}

static const struct {
	uint16_t port;
	uint8_t layer;
} udp_tunnels[] = {
	{ 4789, L_VXLAN },  /* RFC 7348 */
	{ 8472, L_VXLAN },  /* Linux, before the RFC */
	{ 6081, L_GENEVE }, /* RFC 8926 */
};

enum layer layer_udp(struct cursor *c)
{
	if (c->cur.flags & PKT_QUOTED)
		return ports_alone(c);
	if (left(c) < 8)
		return too_short(c);
	/* 0: a jumbogram (RFC 2675, 4). */
	if (be16(c->p + 4) < 8 && be16(c->p + 4) != 0)
		return fail(c, UD_MALFORMED);
	ports(c);
	c->p += 8;
	set_payload(c);
	for (size_t i = 0; i < sizeof(udp_tunnels) / sizeof(*udp_tunnels); i++)
		if (udp_tunnels[i].port == c->cur.dport)
			return udp_tunnels[i].layer;
	return emit(c, 0);
}

enum layer layer_sctp(struct cursor *c)
{
	if (c->cur.flags & PKT_QUOTED)
		return ports_alone(c);
	if (left(c) < 12)
		return too_short(c);
	ports(c);
	c->p += 12;
	if (left(c) >= 1)
		c->cur.type = c->p[0];
	set_payload(c);
	return emit(c, 0);
}

/* The identifier of what asks or answers, as the port of who asks. */
static void query_ports(struct cursor *c)
{
	const struct icmp_query *q = icmp_query(c->cur.proto, c->p[0]);
	uint16_t id;

	if (!q || left(c) < 6)
		return;
	id = be16(c->p + 4);
	c->cur.sport = c->p[0] == q->request ? id : icmp_asked_port(q);
	c->cur.dport = c->p[0] == q->request ? icmp_asked_port(q) : id;
}

static bool is_error(uint8_t proto, uint8_t type)
{
	if (proto == PROTO_ICMPV6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 11 || type == 12;
}

static enum layer icmp(struct cursor *c, enum layer quoted)
{
	uint8_t proto = c->cur.proto;

	if (left(c) < (c->cur.flags & PKT_QUOTED ? 1 : 4))
		return too_short(c);
	if (!(c->cur.flags & PKT_QUOTED))
		c->cur.type = c->p[0];
	else if (is_error(proto, c->p[0]))
		return fail(c, UD_MALFORMED); /* errors beget no errors */
	query_ports(c);
	if (is_error(proto, c->p[0]) && left(c) >= 8) {
		c->cur.flags |= PKT_QUOTED;
		c->p += 8;
		return quoted;
	}
	c->p += left(c) < 8 ? left(c) : 8;
	set_payload(c);
	return emit(c, 0);
}

enum layer layer_icmp(struct cursor *c)
{
	return icmp(c, L_IPV4);
}

enum layer layer_icmpv6(struct cursor *c)
{
	return icmp(c, L_IPV6);
}
