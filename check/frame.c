#include "check/frame.h"

#include <string.h>

#include "base/keys.h"
#include "check/connection.h"

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071 */
static uint32_t sum(uint32_t s, const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i + 1 < n; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	return n & 1 ? s + ((uint32_t)p[n - 1] << 8) : s;
}

static unsigned fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

static void put_address(uint8_t *p, space_val v, bool v6)
{
	for (unsigned i = v6 ? 0 : 12; i < 16; i++)
		*p++ = (uint8_t)(v >> (120 - 8 * i));
}

/* Protocols that say more in their header than the diagrams know of. */
static bool lone(unsigned proto, bool v6)
{
	static const uint8_t never[] = { 0, 33, 41, 43, 44, 59, 60, 132, 135,
					 136, 139, 140, 255 };

	if (v6 && (proto == PROTO_AH || proto == PROTO_ICMP))
		return false;
	if (!v6 && proto == PROTO_ICMPV6)
		return false;
	return !memchr(never, (int)proto, sizeof(never));
}

static unsigned transport(const space_val *p, uint8_t *b)
{
	unsigned proto = (unsigned)p[PK_PROTO], n = 24;

	memset(b, 0, n);
	if (proto == PROTO_TCP || proto == PROTO_UDP) {
		put16(b, (unsigned)p[PK_TH0]);
		put16(b + 2, (unsigned)p[PK_TH2]);
	}
	if (proto == PROTO_TCP) {
		n = 20;
		b[7] = 1; /* sequence number */
		b[12] = 5 << 4;
		b[13] = (uint8_t)p[PK_FLAGS];
		put16(b + 14, 1024);
	} else if (proto == PROTO_UDP) {
		put16(b + 4, n);
	} else if (proto_is_icmp(proto)) {
		put16(b, (unsigned)p[PK_TH0]);
		put16(b + 4, 1); /* identifier */
	} else if (proto == PROTO_ESP) {
		b[3] = b[7] = 1; /* SPI, sequence number */
	} else if (proto == PROTO_AH) {
		b[0] = 59; /* then nothing: RFC 8200, 4.7 */
		b[1] = 4;
		b[7] = b[11] = 1;
	}
	return n;
}

static bool has_checksum(unsigned proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP || proto_is_icmp(proto);
}

static unsigned checksum_at(unsigned proto)
{
	return proto == PROTO_TCP ? 16 : proto == PROTO_UDP ? 6 : 2;
}

static void checksum(uint8_t *b, unsigned n, unsigned proto, bool v6,
		     uint32_t ends)
{
	unsigned s;

	if (!has_checksum(proto))
		return;
	if (proto == PROTO_ICMP && !v6)
		ends = 0;
	else
		ends += proto + n; /* the pseudo header */
	s = fold(sum(ends, b, n));
	put16(b + checksum_at(proto), s || proto != PROTO_UDP ? s : 0xffff);
}

/* The header of IP; mark 0: none. */
static unsigned network(const space_val *p, uint16_t mark, unsigned payload,
			uint8_t *ip)
{
	bool v6 = p[PK_FAMILY] != 0;
	unsigned head = v6 ? 40 : 20, width = v6 ? 16 : 4;
	uint8_t *ends = ip + (v6 ? 8 : 12);

	memset(ip, 0, head);
	put_address(ends, p[PK_SRC], v6);
	put_address(ends + width, p[PK_DST], v6);
	if (v6) {
		put16(ip, 6 << 12 | (unsigned)p[PK_TOS] << 4);
		put16(ip + 2, mark); /* of the flow label */
		put16(ip + 4, payload);
		ip[6] = (uint8_t)p[PK_PROTO];
		ip[7] = (uint8_t)p[PK_TTL];
		return head;
	}
	ip[0] = 0x45;
	ip[1] = (uint8_t)p[PK_TOS];
	put16(ip + 2, head + payload);
	put16(ip + 4, mark); /* identification */
	ip[8] = (uint8_t)p[PK_TTL];
	ip[9] = (uint8_t)p[PK_PROTO];
	put16(ip + 10, fold(sum(0, ip, head)));
	return head;
}

/* Behind the eight bytes of an ICMP error's header. */
static unsigned quote(const space_val *p, uint8_t *b)
{
	space_val about[PK_FIELDS];
	uint8_t udp[24];
	unsigned head;

	connection_quoted(p, about);
	memset(b - 4, 0, 4); /* no identifier */
	head = network(about, 0, transport(about, udp), b);
	memcpy(b + head, udp, 8);
	return head + 8;
}

bool frame_build(const space_val *p, uint16_t mark, const uint8_t *to_mac,
		 struct frame *out, const char **why)
{
	static const uint8_t from[6] = { 2, 0, 0, 0, 0, 0x77 };
	unsigned proto = (unsigned)p[PK_PROTO], n;
	bool v6 = p[PK_FAMILY] != 0;
	uint8_t *ip = out->b + FRAME_ETHER, *ends = ip + (v6 ? 8 : 12);
	uint8_t *data = ip + (v6 ? 40 : 20);

	*why = "a lone packet of that protocol says nothing";
	if (!lone(proto, v6))
		return false;
	*why = "no packet of that protocol alone is invalid";
	if (p[PK_CT] == CT_INVALID && !has_checksum(proto))
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->b, to_mac, 6);
	memcpy(out->b + 6, from, 6);
	put16(out->b + 12, v6 ? 0x86dd : 0x0800);
	n = transport(p, data);
	if (p[PK_CT] == CT_RELATED && connection_error(p))
		n = 8 + quote(p, data + 8);
	network(p, mark, n, ip);
	checksum(data, n, proto, v6, sum(0, ends, v6 ? 32 : 8));
	if (p[PK_CT] == CT_INVALID)
		data[checksum_at(proto)] ^= 0x55;
	out->n = FRAME_ETHER + (v6 ? 40 : 20) + n;
	return true;
}

bool frame_has_mark(const uint8_t *b, unsigned n, uint16_t mark)
{
	unsigned type = n >= FRAME_ETHER + 20u ?
		(unsigned)b[12] << 8 | b[13] : 0;
	const uint8_t *at = b + FRAME_ETHER + (type == 0x86dd ? 2 : 4);

	return (type == 0x0800 || type == 0x86dd) &&
	       ((unsigned)at[0] << 8 | at[1]) == mark;
}
