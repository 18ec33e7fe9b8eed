#include "probe.h"

/* Packets are built byte by byte, checksums right or, if asked for, wrong. */

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		s += get16(p + i);
	if (n & 1)
		s += (uint32_t)p[n - 1] << 8;
	return s;
}

static unsigned fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

static uint32_t pseudo(const struct spec *s, int proto, size_t length)
{
	size_t n = s->src.v6 ? 16 : 4;
	uint32_t v = sum(0, s->src.b, n);

	return sum(v, s->dst.b, n) + (uint32_t)proto + (uint32_t)length;
}

static uint32_t crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	while (n--) {
		int i;

		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = (crc & 1) ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

void add(struct packet *p, const void *data, size_t n)
{
	if (p->length + n > sizeof p->b)
		die(2, "packet too long");
	if (data != NULL)
		memcpy(p->b + p->length, data, n);
	else
		memset(p->b + p->length, 0, n);
	p->length += n;
}

static void add_tail(struct packet *p, const struct spec *s)
{
	uint8_t tail[TAIL];

	if (s->no_tail)
		return;
	put32(tail, TAIL_MAGIC);
	put32(tail + 4, s->id);
	put32(tail + 8, ~s->id);
	add(p, tail, sizeof tail);
}

bool has_ports(int proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_UDPLITE;
}

bool is_icmp(const struct spec *s)
{
	return s->proto == (s->src.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static void build_udp(struct packet *p, const struct spec *s, int sport,
		      int dport)
{
	uint8_t h[8] = {0};
	size_t start = p->length, n;
	unsigned c;

	put16(h, (unsigned)sport);
	put16(h + 2, (unsigned)dport);
	add(p, h, sizeof h);
	add(p, NULL, (size_t)s->o.size);
	add_tail(p, s);
	n = p->length - start;
	put16(p->b + start + 4, (unsigned)n);
	c = fold(sum(pseudo(s, IPPROTO_UDP, n), p->b + start, n));
	put16(p->b + start + 6, c == 0 ? 0xffff : c);
}

static void build_tcp(struct packet *p, const struct spec *s)
{
	uint8_t h[20] = {0};
	size_t start = p->length, n;

	put16(h, (unsigned)s->sport);
	put16(h + 2, (unsigned)s->dport);
	put32(h + 4, s->seq);
	put32(h + 8, s->ack);
	h[12] = 5 << 4;
	h[13] = (uint8_t)s->o.tcp_flags;
	put16(h + 14, 65535);
	add(p, h, sizeof h);
	add(p, NULL, (size_t)s->o.size);
	add_tail(p, s);
	n = p->length - start;
	put16(p->b + start + 16,
	      fold(sum(pseudo(s, IPPROTO_TCP, n), p->b + start, n)));
}

static void build_icmp(struct packet *p, const struct spec *s)
{
	uint8_t h[8] = {0};
	size_t start = p->length, n;
	int type = s->dport;

	h[0] = (uint8_t)type;
	h[1] = (uint8_t)s->o.code;
	if (s->quote != NULL || s->body != NULL ||
	    (s->src.v6 && type >= 130 && type <= 137)) {
		put32(h + 4, s->word);
	} else {
		put16(h + 4, (unsigned)s->sport);
		put16(h + 6, 1);
	}
	add(p, h, sizeof h);
	if (s->body != NULL)
		add(p, s->body, s->body_length);
	else if (s->quote == NULL)
		add(p, NULL, s->src.v6 ? 16 : 12);
	if (s->quote != NULL)
		add(p, s->quote, s->quote_length);
	add(p, NULL, (size_t)s->o.size);
	add_tail(p, s);
	n = p->length - start;
	put16(p->b + start + 2,
	      fold(sum(s->src.v6 ? pseudo(s, IPPROTO_ICMPV6, n) : 0,
		       p->b + start, n)));
}

static void build_sctp(struct packet *p, const struct spec *s)
{
	uint8_t h[36] = {0};
	size_t start = p->length;
	uint32_t crc;

	put16(h, (unsigned)s->sport);
	put16(h + 2, (unsigned)s->dport);
	h[12] = 1; /* INIT */
	put16(h + 14, 36);
	put32(h + 16, 0x01020304);
	put32(h + 20, 65535);
	put16(h + 24, 1);
	put16(h + 26, 1);
	put32(h + 28, 1);
	put16(h + 32, 0x8042); /* a parameter to be skipped, holds the tail */
	put16(h + 34, 16);
	add(p, h, sizeof h);
	add_tail(p, s);
	crc = crc32c(p->b + start, p->length - start);
	p->b[start + 8] = (uint8_t)crc;
	p->b[start + 9] = (uint8_t)(crc >> 8);
	p->b[start + 10] = (uint8_t)(crc >> 16);
	p->b[start + 11] = (uint8_t)(crc >> 24);
}

static void build_layer4(struct packet *p, const struct spec *s)
{
	size_t start = p->length;
	uint8_t h[24] = {0};

	if (is_icmp(s)) {
		build_icmp(p, s);
		if (s->o.bad_checksum)
			p->b[start + 2] ^= 0x55;
		return;
	}
	switch (s->proto) {
	case IPPROTO_TCP:
		build_tcp(p, s);
		if (s->o.bad_checksum)
			p->b[start + 16] ^= 0x55;
		return;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE: /* conntrack (6.18) checks UDP-Lite as if it were
				 UDP, and takes a right checksum for invalid */
		build_udp(p, s, s->sport, s->dport);
		if (s->o.bad_checksum)
			p->b[start + 6] ^= 0x55;
		return;
	case IPPROTO_SCTP:
		build_sctp(p, s);
		return;
	case IPPROTO_ESP:
		put32(h, s->o.spi_given ? s->o.spi : 0x1000 + s->id);
		put32(h + 4, 1);
		add(p, h, 16);
		break;
	case IPPROTO_AH:
		h[0] = IPPROTO_UDP;
		h[1] = 4;
		put32(h + 4, s->o.spi_given ? s->o.spi : 0x1000 + s->id);
		put32(h + 8, 1);
		add(p, h, 24);
		build_udp(p, s, 9, 9);
		return;
	case IPPROTO_IGMP:
		h[0] = 0x11;
		h[1] = 100;
		add(p, h, 8);
		break;
	case IPPROTO_GRE:
		add(p, h, 8);
		break;
	default:
		add(p, h, 16);
		break;
	}
	add(p, NULL, (size_t)s->o.size);
	add_tail(p, s);
	if (s->proto == IPPROTO_IGMP)
		put16(p->b + start + 2,
		      fold(sum(0, p->b + start, p->length - start)));
}

static int default_ttl(const struct spec *s)
{
	if (s->o.ttl > 0)
		return s->o.ttl;
	if (is_icmp(s) && s->src.v6 && s->dport >= 133 && s->dport <= 137)
		return 255;
	if (s->proto == 112)
		return 255;
	return 64;
}

void build(struct packet *p, const struct spec *s)
{
	p->length = 0;
	if (s->src.v6) {
		uint8_t h[40] = {0};
		uint8_t next = (uint8_t)s->proto;

		put16(h, 6u << 12 | (unsigned)s->o.tos << 4);
		h[7] = (uint8_t)default_ttl(s);
		memcpy(h + 8, s->src.b, 16);
		memcpy(h + 24, s->dst.b, 16);
		add(p, h, sizeof h);
		if (s->o.hbh) {
			static const uint8_t alert[8] = {0, 0, 5, 2,
							 0, 0, 1, 0};
			static const uint8_t pad[8] = {0, 0, 1, 4, 0, 0, 0, 0};

			add(p, s->o.ra ? alert : pad, 8);
			p->b[6] = IPPROTO_HOPOPTS;
			p->b[40] = s->o.dstopt ? IPPROTO_DSTOPTS : next;
		}
		if (s->o.dstopt) {
			static const uint8_t pad[8] = {0, 0, 1, 4, 0, 0, 0, 0};

			add(p, pad, 8);
			p->b[p->length - 8] = next;
			if (!s->o.hbh)
				p->b[6] = IPPROTO_DSTOPTS;
		}
		if (!s->o.hbh && !s->o.dstopt)
			p->b[6] = next;
		p->header = p->length;
		build_layer4(p, s);
		put16(p->b + 4, (unsigned)(p->length - 40));
	} else {
		uint8_t h[20] = {0};

		h[0] = 0x45;
		h[1] = (uint8_t)s->o.tos;
		put16(h + 4, (s->id * 7 + 1) & 0xffff);
		h[6] = s->o.df ? 0x40 : 0;
		h[8] = (uint8_t)default_ttl(s);
		h[9] = (uint8_t)s->proto;
		memcpy(h + 12, s->src.b, 4);
		memcpy(h + 16, s->dst.b, 4);
		add(p, h, sizeof h);
		p->header = p->length;
		build_layer4(p, s);
		put16(p->b + 2, (unsigned)p->length);
		put16(p->b + 10, fold(sum(0, p->b, 20)));
	}
}

/* The k-th of n fragments of a packet. */
void fragment(const struct packet *p, bool v6, uint32_t id, int k, int n,
		     struct packet *f)
{
	size_t body = p->length - p->header;
	size_t step = (body / (size_t)n + 7) / 8 * 8;
	size_t start = step * (size_t)k;
	bool last = k == n - 1;
	size_t length = last ? body - start : step;

	f->length = 0;
	add(f, p->b, p->header);
	if (v6) {
		uint8_t h[8] = {0};
		size_t at = 6, next = 40;

		while (next < p->header) { /* the last next-header field before
					      layer 4 */
			at = next;
			next += 8;
		}
		h[0] = f->b[at];
		f->b[at] = IPPROTO_FRAGMENT;
		put16(h + 2, (unsigned)(start | (last ? 0 : 1)));
		put32(h + 4, id + 0x10000);
		add(f, h, sizeof h);
		add(f, p->b + p->header + start, length);
		put16(f->b + 4, (unsigned)(f->length - 40));
	} else {
		add(f, p->b + p->header + start, length);
		put16(f->b + 2, (unsigned)f->length);
		put16(f->b + 6, (unsigned)(start / 8 | (last ? 0 : 0x2000)));
		put16(f->b + 10, 0);
		put16(f->b + 10, fold(sum(0, f->b, 20)));
	}
	f->header = p->header;
}
