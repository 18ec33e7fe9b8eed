#include "audit/remake.h"

#include <string.h>

#include "audit/icmp.h"
#include "base/keys.h"

enum { TCP_HEAD = 20, UDP_HEAD = 8, ICMP_HEAD = 8, IP4_HEAD = 20,
       IP6_HEAD = 40 };

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* RFC 1071 */
static uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t put_tcp(uint8_t *p, const struct pkt *k)
{
	put16(p, k->sport);
	put16(p + 2, k->dport);
	put32(p + 4, k->seq);
	put32(p + 8, k->ack);
	p[12] = TCP_HEAD / 4 << 4;
	p[13] = k->tcp;
	put16(p + 14, 0xffff); /* window */
	return TCP_HEAD;
}

static size_t put_udp(uint8_t *p, const struct pkt *k)
{
	put16(p, k->sport);
	put16(p + 2, k->dport);
	put16(p + 4, UDP_HEAD + k->data);
	return UDP_HEAD;
}

static size_t put_icmp(uint8_t *p, const struct pkt *k)
{
	const struct icmp_query *q = icmp_query(k->proto, k->type);

	p[0] = k->type;
	put16(p + 4, q && k->type == q->reply ? k->dport : k->sport);
	return ICMP_HEAD;
}

static size_t put_transport(uint8_t *p, const struct pkt *k)
{
	if (k->proto == PROTO_TCP)
		return put_tcp(p, k);
	if (k->proto == PROTO_UDP)
		return put_udp(p, k);
	return proto_is_icmp(k->proto) ? put_icmp(p, k) : 0;
}

size_t remake_packet(const struct pkt *k, struct mask *m,
		     uint8_t out[REMADE_MAX], uint32_t *len)
{
	struct addr src, dst;
	size_t head, n;

	if (k->flags & (PKT_QUOTED | PKT_LATER_FRAG))
		return 0;
	src = mask_addr(m, k->src);
	dst = mask_addr(m, k->dst);
	memset(out, 0, REMADE_MAX);
	head = addr_is_v4(k->src) ? IP4_HEAD : IP6_HEAD;
	n = put_transport(out + head, k);
	*len = (uint32_t)(head + n) + k->data;
	if (head == IP4_HEAD) {
		out[0] = 0x45;
		put16(out + 2, *len < 65535 ? *len : 65535);
		out[8] = k->ttl;
		out[9] = k->proto;
		addr_to_bytes(src, out + 12);
		addr_to_bytes(dst, out + 16);
		put16(out + 10, checksum(out, IP4_HEAD));
	} else {
		out[0] = 0x60;
		put16(out + 4, (uint32_t)n + k->data);
		out[6] = k->proto;
		out[7] = k->ttl;
		addr_to_bytes(src, out + 8);
		addr_to_bytes(dst, out + 24);
	}
	return head + n;
}
