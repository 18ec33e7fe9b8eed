#include "audit/chatter.h"

#include "base/keys.h"

/* RFC 5771, 919, 4291. */
static bool is_group(struct addr a)
{
	uint32_t v = (uint32_t)a.lo;

	return addr_is_v4(a) ? v >> 28 == 0xe || v == UINT32_MAX :
			       a.hi >> 56 == 0xff;
}

static bool is_loopback(struct addr a)
{
	return addr_is_v4(a) ? (uint32_t)a.lo >> 24 == 127 :
			       a.hi == 0 && a.lo == 1;
}

static bool is_unspecified(struct addr a)
{
	return addr_is_v4(a) ? (uint32_t)a.lo == 0 : a.hi == 0 && a.lo == 0;
}

/* RFC 3927, 4291. */
static bool is_link_local(struct addr a)
{
	return addr_is_v4(a) ? (uint32_t)a.lo >> 16 == 0xa9fe :
			       a.hi >> 54 == 0x3fa;
}

/* Neighbour discovery and listener reports that no router has passed on, as
 * their hop limit says (RFC 4861, 6.1 and 7.1; RFC 2710, 3; RFC 3810, 5). */
static bool finds_neighbours(const struct conn *c)
{
	uint8_t t = c->icmp_type;

	if (c->proto != PROTO_ICMPV6)
		return false;
	if (t >= 133 && t <= 136)
		return c->ttl[0] == 255;
	return ((t >= 130 && t <= 132) || t == 143) && c->ttl[0] == 1;
}

/* DHCP (RFC 2131, 8415), of whoever has no address yet, within a zone, or
 * from a firewall that relays it. Elsewhere it is routed, and to be planned. */
static bool configures(const struct judge *j, const struct conn *c)
{
	static const uint16_t dhcp[][2] = { { 67, 68 }, { 67, 67 },
					    { 546, 547 }, { 547, 547 } };
	struct place a, b;
	bool is_dhcp = false;

	for (size_t i = 0; i < sizeof(dhcp) / sizeof(*dhcp); i++)
		is_dhcp |= (c->aport == dhcp[i][0] && c->bport == dhcp[i][1]) ||
			   (c->aport == dhcp[i][1] && c->bport == dhcp[i][0]);
	if (c->proto != PROTO_UDP || !is_dhcp)
		return false;
	if (is_unspecified(c->a) || is_unspecified(c->b))
		return true;
	a = judge_place(j, c->a);
	b = judge_place(j, c->b);
	return (a.zone == b.zone && a.zone != NONE) ||
	       (c->aport == c->bport && (a.kind == PLACE_FIREWALL ||
					 b.kind == PLACE_FIREWALL));
}

/* Nobody sends as a group, TCP to one, or as itself to others. */
static bool to_group(const struct conn *c)
{
	return ((c->seen & SEEN_BROADCAST) || is_group(c->b)) &&
	       c->proto != PROTO_TCP && !is_group(c->a) && !is_loopback(c->a);
}

bool is_chatter(const struct judge *j, const struct conn *c)
{
	return finds_neighbours(c) || to_group(c) || configures(j, c) ||
	       (is_link_local(c->a) && is_link_local(c->b)) ||
	       (is_loopback(c->a) && is_loopback(c->b));
}

bool is_link_source(const struct judge *j, const struct conn *c,
		    struct addr src)
{
	return (is_unspecified(src) || is_link_local(src)) && is_chatter(j, c);
}
