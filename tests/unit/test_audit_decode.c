#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/decode.h"
#include "base/keys.h"

/*
 * Frames as a list of headers, outermost first; each writes itself and
 * lengths are filled in from behind. The expected answer stands beside.
 */
struct bytes {
	uint8_t b[512];
	size_t n;
};

static void raw(struct bytes *o, const char *hex)
{
	unsigned v;

	for (; sscanf(hex, "%2x", &v) == 1; hex += 2) {
		o->b[o->n++] = (uint8_t)v;
		while (hex[2] == ' ')
			hex++;
	}
}

static void ip4(struct bytes *o, unsigned proto, const char *more,
		unsigned frag, size_t rest)
{
	size_t at = o->n, total = 20 + rest;

	raw(o, "45 00 00 00 12 34 00 00 40 00 00 00 0a 00 00 01 c0 00 02 0a");
	o->b[at + 2] = (uint8_t)(total >> 8);
	o->b[at + 3] = (uint8_t)total;
	o->b[at + 6] = (uint8_t)(frag >> 8);
	o->b[at + 7] = (uint8_t)frag;
	o->b[at + 9] = (uint8_t)proto;
	raw(o, more);
}

static void ip6(struct bytes *o, unsigned next, size_t rest)
{
	size_t at = o->n;

	raw(o, "60 00 00 00 00 00 00 3f");
	o->b[at + 4] = (uint8_t)(rest >> 8);
	o->b[at + 5] = (uint8_t)rest;
	o->b[at + 6] = (uint8_t)next;
	raw(o, "20010db8000000000000000000000001");
	raw(o, "20010db8000000000000000000000002");
}

#define MAC "020000000001 020000000002 "
#define TCP_SEGMENT "9c40 0185 00000064 000000c8 5012 ffff 0000 0000 "
#define UDP_DATAGRAM "9c40 0035 000c 0000 61626364 "

enum { TCP_N = 20, UDP_N = 12 };

/* A link header, IPv4 and a TCP segment from 10.0.0.1:40000 to
 * 192.0.2.10:389. */
static const struct link_case {
	const char *name, *before;
	uint16_t link;
} links[] = {
	{ "ethernet", MAC "0800", LINK_ETHERNET },
	{ "vlan", MAC "8100 0064 0800", LINK_ETHERNET },
	{ "qinq", MAC "88a8 0064 8100 00c8 0800", LINK_ETHERNET },
	{ "three tags", MAC "9100 0064 8100 00c8 8100 0001 0800",
	  LINK_ETHERNET },
	{ "mpls", MAC "8847 00064140 0800", LINK_ETHERNET }, /* not bottom */
	{ "mpls, two labels", MAC "8847 00064040 00065140", LINK_ETHERNET },
	{ "mpls pseudowire", MAC "8847 00065140 00000000" MAC "0800",
	  LINK_ETHERNET },
	{ "pppoe", MAC "8864 1100 0001 002a 0021", LINK_ETHERNET },
	{ "pppoe in qinq", MAC "88a8 0064 8100 00c8 8864 1100 0001 002a 0021",
	  LINK_ETHERNET },
	{ "mpls pseudowire, no control word", MAC "8847 00065140" MAC "0800",
	  LINK_ETHERNET },
	{ "e-tag in a vlan", MAC "893f 0000 0001 0000 8100 0064 0800",
	  LINK_ETHERNET },
	{ "vn-tag", MAC "8926 0001 0002 0800", LINK_ETHERNET },
	{ "security group", MAC "8909 01 01 0001 0064 0800", LINK_ETHERNET },
	{ "hsr", MAC "892f 0036 0001 0800", LINK_ETHERNET },
	{ "snap", MAC "0030 aaaa03 000000 0800", LINK_ETHERNET },
	{ "pbb", MAC "88e7 00000001" MAC "0800", LINK_ETHERNET },
	{ "raw", "", LINK_RAW },
	{ "ipv4", "", LINK_IPV4 },
	{ "null, little", "02000000", LINK_NULL },
	{ "null, big", "00000002", LINK_NULL },
	{ "loop", "00000002", LINK_LOOP },
	{ "ppp", "0021", LINK_PPP },
	{ "ppp, compressed", "21", LINK_PPP },
	{ "ppp hdlc", "ff03 0021", LINK_PPP_HDLC },
	{ "pppoe link", "1100 0001 002a 0021", LINK_PPP_ETHER },
	{ "sll", "0000 0001 0006 020000000001 0000 0800", LINK_SLL },
	{ "sll vlan", "0000 0001 0006 020000000001 0000 8100 0064 0800",
	  LINK_SLL },
	{ "sll2", "0800 0000 00000002 0001 00 06 0200000000010000", LINK_SLL2 },
	{ "nflog, little", "02000000 0800 0100 08000100 2c00 0900", LINK_NFLOG },
	{ "nflog, big", "02000000 0008 0001 08000100 002c 0009", LINK_NFLOG },
};

static size_t decode(const uint8_t *p, size_t n, uint32_t len, uint16_t link,
		     struct pkt out[PKT_LAYERS], struct decode_stats *st)
{
	/* Exactly as long as it says, so that a byte too far is seen. */
	uint8_t *copy = malloc(n ? n : 1);
	struct frame f = { .data = copy, .caplen = (uint32_t)n, .len = len,
			   .link = link };
	size_t k;

	memcpy(copy, p, n);
	*st = (struct decode_stats){ { 0 } };
	k = decode_frame(&f, out, st);
	free(copy);
	return k;
}

static bool is_segment(const struct pkt *p)
{
	return addr_eq(p->src, addr_v4(0x0a000001)) &&
	       addr_eq(p->dst, addr_v4(0xc000020a)) && p->sport == 40000 &&
	       p->dport == 389 && p->proto == PROTO_TCP && p->seq == 100 &&
	       p->ack == 200 && p->tcp == (TCP_SYN | TCP_ACK) && !p->data &&
	       p->len == 40 && p->ttl == 64;
}

static void link_layers(void)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		struct bytes o = { .n = 0 };
		struct pkt p[PKT_LAYERS];
		struct decode_stats st;
		size_t n;
		bool ok;

		raw(&o, links[i].before);
		if (!strcmp(links[i].name, "mpls"))
			o.b[16] |= 1; /* bottom of stack */
		if (!strcmp(links[i].name, "mpls"))
			o.n -= 2;
		ip4(&o, PROTO_TCP, TCP_SEGMENT, 0, TCP_N);
		raw(&o, "0000"); /* padding is not data */
		n = decode(o.b, o.n, (uint32_t)o.n, links[i].link, p, &st);
		ok = n == 1 && is_segment(&p[0]);
		if (!ok)
			printf("  %s: %zu packets\n", links[i].name, n);
		CU_ASSERT(ok);
		/* Cut anywhere: no packet, a reason, no byte too far. */
		for (size_t cut = 0; cut < o.n - 2; cut++) {
			n = decode(o.b, cut, (uint32_t)o.n, links[i].link, p,
				   &st);
			CU_ASSERT(n == 0 && (st.undecoded[UD_CUT] == 1 ||
					     st.undecoded[UD_NOT_IP] == 1));
		}
	}
}

/* A tunnel around the segment: outer packet and inner one. */
static const struct tunnel_case {
	const char *name;
	uint8_t proto;
	const char *between;
	uint16_t outer_port;
} tunnels[] = {
	{ "ipip", 4, "", 0 },
	{ "gre", 47, "0000 0800", 0 },
	{ "gre, sum, key, seq", 47, "b000 0800 00000000 00000001 00000002", 0 },
	{ "gre ethernet", 47, "0000 6558" MAC "0800", 0 },
	{ "pptp", 47, "3081 880b 0030 0001 00000001 00000002 ff03 0021", 0 },
	{ "erspan I", 47, "0000 88be" MAC "0800", 0 },
	{ "erspan II", 47, "1000 88be 00000001 1001 0001 00000000" MAC "0800",
	  0 },
	{ "erspan III", 47,
	  "1000 22eb 00000001 2001 0001 00000000 0000 0000" MAC "0800", 0 },
	{ "erspan III, subheader", 47,
	  "1000 22eb 00000001 2001 0001 00000000 0000 0001 0000000000000000"
	  MAC "8100 0001 0800", 0 },
	{ "erspan III, ip", 47,
	  "1000 22eb 00000001 2001 0001 00000000 0000 0800", 0 },
	{ "vxlan", 17, "c000 12b5 0000 0000 08000000 00000100" MAC "0800",
	  4789 },
	{ "vxlan, 8472", 17, "c000 2118 0000 0000 08000000 00000100" MAC "0800",
	  8472 },
	{ "geneve", 17, "c000 17c1 0000 0000 0200 6558 00000100 "
	  "0000000000000000" MAC "0800", 6081 },
	{ "geneve ip", 17, "c000 17c1 0000 0000 0000 0800 00000100", 6081 },
	{ "mpls in ip", 137, "00065140", 0 },
};

static void tunnelled(void)
{
	for (size_t i = 0; i < sizeof(tunnels) / sizeof(*tunnels); i++) {
		struct bytes in = { .n = 0 }, o = { .n = 0 };
		struct pkt p[PKT_LAYERS];
		struct decode_stats st;
		size_t n;
		bool ok;

		raw(&in, tunnels[i].between);
		if (tunnels[i].proto == 17) {
			in.b[4] = (uint8_t)((in.n + 40) >> 8);
			in.b[5] = (uint8_t)(in.n + 40);
		}
		ip4(&in, PROTO_TCP, TCP_SEGMENT, 0, TCP_N);
		raw(&o, MAC "0800");
		ip4(&o, tunnels[i].proto, "", 0, in.n);
		memcpy(o.b + o.n, in.b, in.n);
		o.n += in.n;
		n = decode(o.b, o.n, (uint32_t)o.n, LINK_ETHERNET, p, &st);
		ok = n == 2 && p[0].proto == tunnels[i].proto &&
		     p[0].dport == tunnels[i].outer_port &&
		     (p[0].flags & PKT_OUTER) && (p[1].flags & PKT_INNER) &&
		     is_segment(&p[1]);
		if (!ok)
			printf("  %s: %zu packets\n", tunnels[i].name, n);
		CU_ASSERT(ok);
		for (size_t cut = 0; cut < o.n; cut++)
			CU_ASSERT(decode(o.b, cut, (uint32_t)o.n, LINK_ETHERNET,
					 p, &st) <= 1);
	}
}

/* IPv6 with what may stand before the datagram. */
static const struct ext_case {
	const char *name;
	uint8_t first;
	const char *ext;
	uint16_t flags;
	uint8_t proto;
	bool ports;
} exts[] = {
	{ "none", 17, "", 0, 17, true },
	{ "hop by hop", 0, "1100 000000000000", 0, 17, true },
	{ "hop, dest, routing", 0,
	  "3c00 000000000000 2b00 000000000000 1100 000000000000", 0, 17,
	  true },
	{ "routing with segments left", 43,
	  "1102 0001 00000000 20010db8000000000000000000000003", PKT_ROUTED,
	  17, true },
	{ "first fragment", 44, "1100 0001 0000002a", PKT_FIRST_FRAG, 17,
	  true },
	{ "atomic fragment", 44, "1100 0000 0000002a", 0, 17, true },
	{ "later fragment", 44, "1100 0008 0000002a", PKT_LATER_FRAG, 17,
	  false },
	{ "ah", 51, "1104 0000 00000001 00000001 000000000000000000000000", 0,
	  51, false },
	{ "esp", 50, "00000001 00000001", 0, 50, false },
	{ "none next", 59, "", 0, 59, false },
};

static void extension_headers(void)
{
	for (size_t i = 0; i < sizeof(exts) / sizeof(*exts); i++) {
		struct bytes in = { .n = 0 }, o = { .n = 0 };
		struct pkt p[PKT_LAYERS];
		struct decode_stats st;
		size_t n;
		bool ok;

		raw(&in, exts[i].ext);
		raw(&in, UDP_DATAGRAM);
		raw(&o, MAC "86dd");
		ip6(&o, exts[i].first, in.n);
		memcpy(o.b + o.n, in.b, in.n);
		o.n += in.n;
		n = decode(o.b, o.n, (uint32_t)o.n, LINK_ETHERNET, p, &st);
		ok = n == 1 && p[0].proto == exts[i].proto &&
		     p[0].flags == exts[i].flags &&
		     p[0].dport == (exts[i].ports ? 53 : 0) &&
		     p[0].src.hi == 0x20010db800000000 && p[0].dst.lo == 2 &&
		     (!exts[i].ports || p[0].have == 4);
		if (!ok)
			printf("  %s: %zu packets, %x\n", exts[i].name, n,
			       n ? p[0].flags : 0);
		CU_ASSERT(ok);
		for (size_t cut = 0; cut < o.n; cut++)
			decode(o.b, cut, (uint32_t)o.n, LINK_ETHERNET, p, &st);
	}
}

static void chains_end(void)
{
	struct bytes o = { .n = 0 };
	struct pkt p[PKT_LAYERS];
	struct decode_stats st;

	raw(&o, MAC "86dd");
	ip6(&o, 60, 40 * 8);
	for (int i = 0; i < 40; i++)
		raw(&o, "3c00000000000000");
	CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, LINK_ETHERNET, p, &st) == 0);
	CU_ASSERT(st.undecoded[UD_DEPTH] == 1);

	o.n = 0;
	raw(&o, MAC "0800");
	for (int i = 0; i < 20; i++)
		ip4(&o, 4, "", 0, (size_t)(19 - i) * 20);
	CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, LINK_ETHERNET, p, &st) ==
		  PKT_LAYERS);
	CU_ASSERT(st.undecoded[UD_DEPTH] == 1);

	o.n = 0;
	for (int i = 0; i < 100; i++)
		raw(&o, i ? "00648100" : MAC "8100");
	decode(o.b, o.n, (uint32_t)o.n, LINK_ETHERNET, p, &st);
	CU_ASSERT(st.undecoded[UD_DEPTH] == 1);
}

static void fragments(void)
{
	struct bytes o = { .n = 0 };
	struct pkt p[PKT_LAYERS];
	struct decode_stats st;

	raw(&o, MAC "0800");
	ip4(&o, PROTO_UDP, UDP_DATAGRAM, 0x2000, UDP_N);
	CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, 1, p, &st) == 1);
	CU_ASSERT(p[0].flags == PKT_FIRST_FRAG && p[0].dport == 53 &&
		  p[0].frag_id == 0x1234);
	o.n = 14;
	ip4(&o, PROTO_UDP, UDP_DATAGRAM, 0x0002, UDP_N);
	CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, 1, p, &st) == 1);
	CU_ASSERT(p[0].flags == PKT_LATER_FRAG && p[0].dport == 0 &&
		  p[0].frag_id == 0x1234);
	o.n = 14; /* one that ends behind the ports: an evasion */
	ip4(&o, PROTO_TCP, "9c40 0051 00000001", 0x2000, 8);
	CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, 1, p, &st) == 1);
	CU_ASSERT(p[0].flags == PKT_FIRST_FRAG && p[0].dport == 81 &&
		  !p[0].tcp && !p[0].have);
	o.n = 14; /* too short even for those */
	ip4(&o, PROTO_UDP, "9c40", 0x2000, 2);
	CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, 1, p, &st) == 0);
	CU_ASSERT(st.undecoded[UD_MALFORMED] == 1);
}

static void icmp_errors(void)
{
	struct bytes o = { .n = 0 };
	struct pkt p[PKT_LAYERS];
	struct decode_stats st;

	/* Destination unreachable, quoting 8 bytes of the segment. */
	raw(&o, MAC "0800");
	ip4(&o, PROTO_ICMP, "0301 0000 00000000", 0, 8 + 28);
	ip4(&o, PROTO_TCP, "9c40 0185 00000064", 0, 20);
	CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, 1, p, &st) == 1);
	CU_ASSERT((p[0].flags & PKT_QUOTED) && p[0].dport == 389 &&
		  p[0].proto == PROTO_TCP && p[0].type == 3);
	o.n = 14; /* echo request: its identifier is the asker's port */
	ip4(&o, PROTO_ICMP, "0800 0000 0007 0001 6162", 0, 10);
	CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, 1, p, &st) == 1);
	CU_ASSERT(p[0].sport == 7 && p[0].dport == 0xff08 && p[0].type == 8);
	o.n = 14; /* an error about an error: nobody sends those */
	ip4(&o, PROTO_ICMP, "0301 0000 00000000", 0, 8 + 28);
	ip4(&o, PROTO_ICMP, "0301 0000 00000000", 0, 8);
	CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, 1, p, &st) == 0);
}

static void malformed(void)
{
	static const char *const bad[] = {
		"55 00 0014 0000 0000 4006 0000 0a000001 0a000002", /* version */
		"44 00 0014 0000 0000 4006 0000 0a000001 0a000002", /* length */
		"45 00 0010 0000 0000 4006 0000 0a000001 0a000002", /* total */
		"45 00 0028 0000 0000 4006 0000 0a000001 0a000002"
		"9c40 0185 00000064 000000c8 4012 ffff 0000 0000",  /* offset */
		"45 00 001c 0000 0000 4011 0000 0a000001 0a000002"
		"9c40 0035 0007 0000",				    /* UDP */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct bytes o = { .n = 0 };
		struct pkt p[PKT_LAYERS];
		struct decode_stats st;

		raw(&o, MAC "0800");
		raw(&o, bad[i]);
		raw(&o, "0000000000000000000000000000");
		CU_ASSERT(decode(o.b, o.n, (uint32_t)o.n, 1, p, &st) == 0);
		CU_ASSERT(st.undecoded[UD_MALFORMED] == 1);
	}
}

static bool same(const struct pkt *x, const struct pkt *y)
{
	return addr_eq(x->src, y->src) && addr_eq(x->dst, y->dst) &&
	       x->have == y->have && x->data == y->data && x->seq == y->seq &&
	       x->ack == y->ack && x->len == y->len && x->sport == y->sport &&
	       x->dport == y->dport && x->flags == y->flags &&
	       x->proto == y->proto && x->tcp == y->tcp && x->ttl == y->ttl &&
	       x->type == y->type && x->frag_id == y->frag_id;
}

/* The short way and the long way give the same answer: the same packet with
 * a VLAN tag goes the long way. */
static void fast_is_slow(void)
{
	uint64_t rng = 88172645463325252u;
	size_t taken = 0;

	for (int i = 0; i < 200000; i++) {
		struct bytes o = { .n = 0 }, v;
		struct pkt a[PKT_LAYERS], b[PKT_LAYERS];
		struct decode_stats sa, sb;
		size_t na, nb, cut;

		raw(&o, MAC "0800");
		ip4(&o, i & 1 ? 6 : 17, i & 1 ? TCP_SEGMENT : UDP_DATAGRAM, 0,
		    i & 1 ? TCP_N : UDP_N);
		raw(&o, "01020304050607080910");
		for (int k = 0; k < 3; k++) {
			rng ^= rng << 13;
			rng ^= rng >> 7;
			rng ^= rng << 17;
			if (k < (int)(rng >> 60 & 3))
				o.b[14 + (rng >> 20) % (o.n - 14)] =
					(uint8_t)(rng >> 40);
		}
		cut = o.n - (rng >> 50) % 12;
		v = o;
		memmove(v.b + 16, v.b + 12, o.n - 12);
		memcpy(v.b + 12, "\x81\x00\x00\x01", 4);
		na = decode(o.b, cut, (uint32_t)o.n, 1, a, &sa);
		nb = decode(v.b, cut + 4, (uint32_t)o.n + 4, 1, b, &sb);
		CU_ASSERT_FATAL(na == nb && !memcmp(&sa, &sb, sizeof(sa)));
		for (size_t k = 0; k < na; k++)
			CU_ASSERT_FATAL(same(&a[k], &b[k]));
		taken += na;
	}
	CU_ASSERT(taken > 100000);
}

static CU_TestInfo tests[] = {
	{ "link layers", link_layers },
	{ "tunnels", tunnelled },
	{ "extension headers", extension_headers },
	{ "chains end", chains_end },
	{ "fragments", fragments },
	{ "icmp", icmp_errors },
	{ "malformed", malformed },
	{ "the fast way is the slow way", fast_is_slow },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("audit/decode", tests);
}
