#include "audit/decode_impl.h"

/* EtherTypes: IEEE 802 numbers; RFC 894, 2464, 3032, 2516; 802.1Q, ad, ah.
 * Of a tag the bytes before the next EtherType: 802.1BR's E-tag, the VN-tag
 * and the metadata with a security group (both Cisco's; Wireshark,
 * packet-vntag.c, packet-cisco-metadata.c), HSR (IEC 62439-3). */
static const struct ethertype {
	uint16_t type;
	uint8_t layer, tag;
} types[] = {
	{ 0x0800, L_IPV4, 0 },	  { 0x86dd, L_IPV6, 0 },
	{ 0x8100, L_TAG, 2 },	  { 0x88a8, L_TAG, 2 },
	{ 0x9100, L_TAG, 2 },	  { 0x9200, L_TAG, 2 },
	{ 0x893f, L_TAG, 6 },	  { 0x8926, L_TAG, 4 },
	{ 0x8909, L_TAG, 6 },	  { 0x892f, L_TAG, 4 },
	{ 0x8847, L_MPLS, 0 },	  { 0x8848, L_MPLS, 0 },
	{ 0x8864, L_PPPOE, 0 },	  { 0x88e7, L_PBB, 0 },
	{ 0x6558, L_ETHERNET, 0 },
};

static const struct ethertype *ethertype(uint16_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

/* Types that carry other people's packets in a form nobody here reads: what
 * is in there was not judged, which is not the same as a link's own chatter.
 * MACsec, TRILL, NSH, fabric path. */
static const uint16_t opaque_types[] = { 0x88e5, 0x22f3, 0x894f, 0x8903 };

enum layer layer_of_type(struct cursor *c, uint16_t type)
{
	const struct ethertype *t = ethertype(type);

	if (t) {
		c->tag = t->tag;
		return t->layer;
	}
	for (size_t i = 0; i < sizeof(opaque_types) / 2; i++)
		if (opaque_types[i] == type)
			return fail(c, UD_PAYLOAD);
	return fail(c, UD_NOT_IP);
}

/* IEEE 802.2: SNAP (RFC 1042) names an EtherType, the rest is not IP. */
static enum layer llc(struct cursor *c)
{
	const uint8_t *p = c->p;

	if (left(c) < 8 || p[0] != 0xaa || p[1] != 0xaa || p[2] != 3)
		return fail(c, UD_NOT_IP);
	c->p += 8;
	return layer_of_type(c, be16(p + 6));
}

static enum layer type_or_length(struct cursor *c, uint16_t type)
{
	return type < 0x600 ? llc(c) : layer_of_type(c, type);
}

enum layer layer_ethernet(struct cursor *c)
{
	const uint8_t *p = c->p;

	if (left(c) < 14)
		return too_short(c);
	c->link_flags &= (uint16_t)~PKT_BROADCAST;
	if (is_broadcast_mac(p))
		c->link_flags |= PKT_BROADCAST;
	c->p += 14;
	return type_or_length(c, be16(p + 12));
}

enum layer layer_tag(struct cursor *c)
{
	const uint8_t *next = c->p + c->tag;

	if (left(c) < c->tag + 2u)
		return too_short(c);
	c->p = next + 2;
	return type_or_length(c, be16(next));
}

/* Provider backbone bridging: an instance tag, then a whole frame. */
enum layer layer_pbb(struct cursor *c)
{
	if (left(c) < 4)
		return too_short(c);
	c->p += 4;
	return L_ETHERNET;
}

/* The control word is optional, and a frame to 00:... begins like one: then
 * the type is where it stands without (Wireshark, packet-pw-eth.c). */
static bool has_control_word(const struct cursor *c)
{
	enum { WORD = 4, TYPE = 12, BEHIND = TYPE + 2 };

	return left(c) < BEHIND || !ethertype(be16(c->p + TYPE)) ||
	       (left(c) >= WORD + BEHIND &&
		ethertype(be16(c->p + WORD + TYPE)));
}

/* Labels do not say what they carry; its first nibble does (RFC 4928, 3):
 * IP, or a pseudowire's control word and a frame. */
enum layer layer_mpls(struct cursor *c)
{
	bool bottom = false;

	while (!bottom) {
		if (left(c) < 4)
			return too_short(c);
		bottom = c->p[2] & 1;
		c->p += 4;
	}
	if (left(c) < 1)
		return too_short(c);
	switch (c->p[0] >> 4) {
	case 4:
		return L_IPV4;
	case 6:
		return L_IPV6;
	case 0:
		if (left(c) < 4)
			return too_short(c);
		if (has_control_word(c))
			c->p += 4;
		return L_ETHERNET;
	default:
		return L_ETHERNET;
	}
}

enum layer layer_raw(struct cursor *c)
{
	if (left(c) < 1)
		return too_short(c);
	switch (c->p[0] >> 4) {
	case 4:
		return L_IPV4;
	case 6:
		return L_IPV6;
	default:
		return fail(c, UD_MALFORMED);
	}
}

/* An address family of the capturing system, in its byte order: many numbers
 * for IPv6. The packet itself says it better. */
enum layer layer_null(struct cursor *c)
{
	unsigned v;

	if (left(c) < 5)
		return too_short(c);
	c->p += 4;
	v = c->p[0] >> 4;
	return v == 4 ? L_IPV4 : v == 6 ? L_IPV6 : fail(c, UD_NOT_IP);
}

/* RFC 1661; address and control may stand before it (RFC 1662), the upper
 * byte of the protocol may be left out. */
enum layer layer_ppp(struct cursor *c)
{
	unsigned proto;

	if (left(c) >= 2 && c->p[0] == 0xff && c->p[1] == 3)
		c->p += 2;
	if (left(c) < 2)
		return too_short(c);
	if (c->p[0] & 1) {
		proto = c->p[0];
		c->p += 1;
	} else {
		proto = be16(c->p);
		c->p += 2;
	}
	switch (proto) {
	case 0x0021:
		return L_IPV4;
	case 0x0057:
		return L_IPV6;
	case 0x0281:
		return L_MPLS;
	default:
		/* From 0x4000 on PPP's own control (RFC 1661, 2); below,
		 * data: compressed, encrypted or multilink. */
		return fail(c, proto >= 0x4000 ? UD_NOT_IP : UD_PAYLOAD);
	}
}

/* RFC 2516, the session stage. */
enum layer layer_pppoe(struct cursor *c)
{
	if (left(c) < 8)
		return too_short(c);
	if (c->p[0] != 0x11)
		return fail(c, UD_MALFORMED);
	if (c->p[1] != 0) /* discovery */
		return fail(c, UD_NOT_IP);
	c->p += 6;
	return L_PPP;
}

/* LINKTYPE_LINUX_SLL: a protocol below 0x600 is one of Linux's own numbers
 * (1: Novell, 4: 802.2). */
static enum layer cooked(struct cursor *c, unsigned to, unsigned hatype,
			 uint16_t proto)
{
	enum { PACKET_BROADCAST = 1, ARPHRD_NETLINK = 824 };

	if (to == PACKET_BROADCAST)
		c->link_flags |= PKT_BROADCAST;
	if (hatype == ARPHRD_NETLINK)
		return fail(c, UD_NOT_IP);
	return type_or_length(c, proto);
}

enum layer layer_sll(struct cursor *c)
{
	const uint8_t *p = c->p;

	if (left(c) < 16)
		return too_short(c);
	c->p += 16;
	return cooked(c, be16(p), be16(p + 2), be16(p + 14));
}

enum layer layer_sll2(struct cursor *c)
{
	const uint8_t *p = c->p;

	if (left(c) < 20)
		return too_short(c);
	c->p += 20;
	return cooked(c, p[10], be16(p + 8), be16(p));
}

/* LINKTYPE_NFLOG: attributes with length and type in the byte order of the
 * machine that wrote them, which the file does not name: the order in which
 * the length is possible, or the smaller, is the right one. */
enum layer layer_nflog(struct cursor *c)
{
	enum { NFULA_PAYLOAD = 9 };

	if (left(c) < 4)
		return too_short(c);
	c->p += 4;
	while (left(c) >= 4) {
		size_t len = le16(c->p), type = le16(c->p + 2) & 0x7fff;
		size_t other = be16(c->p);

		if (len < 4 || (len > left(c) && other >= 4 && other < len)) {
			len = other;
			type = be16(c->p + 2) & 0x7fff;
		}
		if (len < 4)
			return fail(c, UD_MALFORMED);
		if (type == NFULA_PAYLOAD) {
			if (len < left(c))
				c->end = c->p + len;
			c->p += 4;
			return L_RAW;
		}
		len = (len + 3) & ~(size_t)3;
		if (len > left(c))
			return too_short(c);
		c->p += len;
	}
	return fail(c, c->beyond ? UD_CUT : UD_NOT_IP);
}
