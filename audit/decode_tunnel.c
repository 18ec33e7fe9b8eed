#include "audit/decode_impl.h"

/* RFC 2784, 2890; version 1 is PPTP's (RFC 2637). */
enum { GRE_SUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000,
       GRE_SEQ = 0x1000, GRE_ACK = 0x0080, GRE_VERSION = 7 };

/* Protocol types that are no plain EtherType of a link. */
enum { GRE_PPP = 0x880b, GRE_ERSPAN = 0x88be, GRE_ERSPAN3 = 0x22eb };

static enum layer gre_inner(struct cursor *c, unsigned flags, uint16_t type)
{
	switch (type) {
	case GRE_PPP:
		return L_PPP;
	case GRE_ERSPAN:
		/* Type I has no header of its own and no sequence number
		 * (draft-foschiano-erspan, 4.1). */
		return flags & GRE_SEQ ? L_ERSPAN2 : L_ETHERNET;
	case GRE_ERSPAN3:
		return L_ERSPAN3;
	default:
		return layer_of_type(c, type);
	}
}

enum layer layer_gre(struct cursor *c)
{
	unsigned flags;
	uint16_t type;
	size_t len = 4;
	enum layer in;

	c->cur.payload = c->p;
	if (c->cur.flags & PKT_QUOTED)
		return L_OTHER;
	if (left(c) < 4)
		return too_short(c);
	flags = be16(c->p);
	type = be16(c->p + 2);
	if ((flags & GRE_VERSION) > 1 || (flags & GRE_ROUTING))
		return L_OTHER;
	len += (flags & GRE_SUM ? 4 : 0) + (flags & GRE_KEY ? 4 : 0) +
	       (flags & GRE_SEQ ? 4 : 0) +
	       ((flags & GRE_VERSION) && (flags & GRE_ACK) ? 4 : 0);
	if (left(c) < len)
		return L_OTHER;
	c->p += len;
	/* A bare acknowledgement, or nothing of ours: the tunnel's own. */
	if (!left(c))
		return L_OTHER;
	in = gre_inner(c, flags, type);
	if (in == L_FAIL) {
		enum layer out = layer_other(c);

		return out == L_FAIL ? out : fail(c, c->why);
	}
	return layer_enter(c, in);
}

enum layer layer_erspan2(struct cursor *c)
{
	if (left(c) < 8)
		return too_short(c);
	c->p += 8;
	return L_ETHERNET;
}

/* draft-foschiano-erspan, 4.3: the frame type says whether a frame or an IP
 * packet follows, the last bit whether a subheader does. */
enum layer layer_erspan3(struct cursor *c)
{
	size_t len;
	unsigned type;

	if (left(c) < 12)
		return too_short(c);
	type = c->p[10] >> 2 & 0x1f;
	len = c->p[11] & 1 ? 20 : 12;
	if (left(c) < len)
		return too_short(c);
	c->p += len;
	return type == 2 ? L_RAW : L_ETHERNET;
}

/* A port alone makes no tunnel: where the header does not fit, the packet is
 * judged as what it says it is. */
enum layer layer_vxlan(struct cursor *c)
{
	/* RFC 7348, 5: the I flag is set; GPE (a draft) adds P and a type. */
	if (left(c) < 8 || !(c->p[0] & 0x08) || (c->p[0] & 0x04))
		return L_OTHER;
	c->p += 8;
	return layer_enter(c, L_ETHERNET);
}

enum layer layer_geneve(struct cursor *c)
{
	size_t len;
	uint16_t type;
	enum layer in;

	if (left(c) < 8 || c->p[0] >> 6 != 0)
		return L_OTHER;
	len = 8 + (c->p[0] & 0x3f) * 4u;
	type = be16(c->p + 2);
	if (left(c) < len)
		return L_OTHER;
	c->p += len;
	in = layer_of_type(c, type);
	if (in == L_FAIL)
		return L_OTHER;
	return layer_enter(c, in);
}
