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

/* Exchanges that configure a link between addresses that could be anyone's:
 * DHCP (RFC 2131, 8415), and neighbour discovery and listener reports, which
 * no router passes on (RFC 4861, 2710). */
static bool configures(const struct conn *c)
{
	static const uint16_t dhcp[][2] = { { 67, 68 }, { 67, 67 },
					    { 546, 547 }, { 547, 547 } };

	if (c->proto == PROTO_ICMPV6)
		return (c->icmp_type >= 130 && c->icmp_type <= 136) ||
		       c->icmp_type == 143;
	if (c->proto != PROTO_UDP)
		return false;
	for (size_t i = 0; i < sizeof(dhcp) / sizeof(*dhcp); i++)
		if ((c->aport == dhcp[i][0] && c->bport == dhcp[i][1]) ||
		    (c->aport == dhcp[i][1] && c->bport == dhcp[i][0]))
			return true;
	return false;
}

/* Nobody sends as a group, TCP to one, or as itself to others. */
static bool to_group(const struct conn *c)
{
	return ((c->seen & SEEN_BROADCAST) || is_group(c->b)) &&
	       c->proto != PROTO_TCP && !is_group(c->a) && !is_loopback(c->a);
}

bool is_chatter(const struct conn *c)
{
	return configures(c) || to_group(c) ||
	       (is_link_local(c->a) && is_link_local(c->b)) ||
	       (is_loopback(c->a) && is_loopback(c->b));
}

bool is_link_source(const struct conn *c, struct addr src)
{
	return is_chatter(c) && (is_unspecified(src) || is_link_local(src));
}
