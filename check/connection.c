#include "check/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/keys.h"

enum { TIMEOUT = 600 /* s */, QUOTED_SOURCE = 40001, QUOTED_PORT = 53 };
enum { ICMP_ID = 1 }; /* as frames have it */

/* How a connection looks in one direction. */
struct tuple {
	bool v6;
	uint8_t proto, type, code;
	uint16_t sport, dport;
	struct addr src, dst;
};

/* Requests and their answers (nf_conntrack_proto_icmp.c, invmap). */
static const struct {
	uint8_t proto, request, answer;
} icmp_pair[] = {
	{ PROTO_ICMP, 8, 0 },	     { PROTO_ICMP, 13, 14 },
	{ PROTO_ICMP, 15, 16 },	     { PROTO_ICMP, 17, 18 },
	{ PROTO_ICMPV6, 128, 129 },  { PROTO_ICMPV6, 139, 140 },
};

/* ---- which connection ------------------------------------------------------------ */

bool connection_error(const space_val *p)
{
	unsigned type = (unsigned)p[PK_TH0] >> 8;

	/* nf_conntrack_icmpv4_error(), nf_conntrack_icmpv6_error() */
	if (p[PK_PROTO] == PROTO_ICMPV6)
		return type < 128;
	return p[PK_PROTO] == PROTO_ICMP && (type == 3 || type == 4 ||
			type == 5 || type == 11 || type == 12);
}

/* The receiver of an error sent the packet, to the one who tells. */
void connection_quoted(const space_val *p, space_val *out)
{
	memcpy(out, p, PK_FIELDS * sizeof(*out));
	out[PK_SRC] = p[PK_DST];
	out[PK_DST] = p[PK_SRC];
	out[PK_PROTO] = PROTO_UDP;
	out[PK_TH0] = QUOTED_SOURCE;
	out[PK_TH2] = QUOTED_PORT;
	out[PK_FLAGS] = 0;
	/* an error that travels like answers is about what was asked */
	out[PK_DIR] = !p[PK_DIR];
}

static struct tuple tuple_of(const space_val *p)
{
	struct tuple t = { .v6 = p[PK_FAMILY] != 0,
			   .proto = (uint8_t)p[PK_PROTO],
			   .src = space_to_addr(p[PK_SRC]),
			   .dst = space_to_addr(p[PK_DST]) };

	if (t.proto == PROTO_TCP || t.proto == PROTO_UDP) {
		t.sport = (uint16_t)p[PK_TH0];
		t.dport = (uint16_t)p[PK_TH2];
	} else if (proto_is_icmp(t.proto)) {
		t.type = (uint8_t)(p[PK_TH0] >> 8);
		t.code = (uint8_t)p[PK_TH0];
	}
	return t;
}

/* ICMP's requests are answered, by their answers. */
static const char *answer_to(const struct tuple *t, bool reply,
			     struct tuple *out)
{
	*out = *t;
	out->src = t->dst;
	out->dst = t->src;
	out->sport = t->dport;
	out->dport = t->sport;
	if (!proto_is_icmp(t->proto))
		return NULL;
	for (size_t i = 0; i < sizeof(icmp_pair) / sizeof(icmp_pair[0]); i++) {
		uint8_t ask = icmp_pair[i].request, say = icmp_pair[i].answer;

		if (icmp_pair[i].proto != t->proto ||
		    t->type != (reply ? say : ask))
			continue;
		out->type = reply ? ask : say;
		return NULL;
	}
	return "no connection has such ICMP packets in this direction";
}

/* ---- telling the kernel ----------------------------------------------------------- */

static void put_ip(struct nlmsghdr *h, const struct tuple *t)
{
	struct nlattr *n = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	uint8_t src[16], dst[16];

	addr_to_bytes(t->src, src);
	addr_to_bytes(t->dst, dst);
	if (t->v6) {
		mnl_attr_put(h, CTA_IP_V6_SRC, 16, src);
		mnl_attr_put(h, CTA_IP_V6_DST, 16, dst);
	} else {
		mnl_attr_put(h, CTA_IP_V4_SRC, 4, src);
		mnl_attr_put(h, CTA_IP_V4_DST, 4, dst);
	}
	mnl_attr_nest_end(h, n);
}

static void put_proto(struct nlmsghdr *h, const struct tuple *t)
{
	bool v6 = t->proto == PROTO_ICMPV6;
	struct nlattr *n = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);

	mnl_attr_put_u8(h, CTA_PROTO_NUM, t->proto);
	if (proto_is_icmp(t->proto)) {
		mnl_attr_put_u16(h, v6 ? CTA_PROTO_ICMPV6_ID :
				 CTA_PROTO_ICMP_ID, htons(ICMP_ID));
		mnl_attr_put_u8(h, v6 ? CTA_PROTO_ICMPV6_TYPE :
				CTA_PROTO_ICMP_TYPE, t->type);
		mnl_attr_put_u8(h, v6 ? CTA_PROTO_ICMPV6_CODE :
				CTA_PROTO_ICMP_CODE, t->code);
	} else {
		mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(t->sport));
		mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(t->dport));
	}
	mnl_attr_nest_end(h, n);
}

static void put_tuple(struct nlmsghdr *h, uint16_t attr, const struct tuple *t)
{
	struct nlattr *n = mnl_attr_nest_start(h, attr);

	put_ip(h, t);
	put_proto(h, t);
	mnl_attr_nest_end(h, n);
}

/* In full swing, whatever its sequence numbers are. */
static void put_tcp(struct nlmsghdr *h)
{
	struct nf_ct_tcp_flags liberal = { IP_CT_TCP_FLAG_BE_LIBERAL,
					   IP_CT_TCP_FLAG_BE_LIBERAL };
	struct nlattr *n = mnl_attr_nest_start(h, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE,
			TCP_CONNTRACK_ESTABLISHED);
	mnl_attr_put(h, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(liberal),
		     &liberal);
	mnl_attr_put(h, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(liberal),
		     &liberal);
	mnl_attr_nest_end(h, tcp);
	mnl_attr_nest_end(h, n);
}

static struct nlmsghdr *message(char *buf, uint16_t type, uint16_t flags,
				uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family;
	return h;
}

/* 0, or an errno. */
static int ask(int nfnl, const struct nlmsghdr *h)
{
	union {
		char b[512];
		struct nlmsghdr h;
	} answer = { { 0 } };
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(&answer.h);

	if (send(nfnl, h, h->nlmsg_len, 0) < 0 ||
	    recv(nfnl, &answer, sizeof(answer), 0) <
	    (ssize_t)MNL_NLMSG_HDRLEN + (ssize_t)sizeof(e->error))
		return errno ? errno : EIO;
	return answer.h.nlmsg_type == NLMSG_ERROR ? -e->error : EIO;
}

void connection_forget(int nfnl)
{
	char buf[256];

	/* an error: there is no connection tracking */
	(void)ask(nfnl, message(buf, IPCTNL_MSG_CT_DELETE, 0, AF_UNSPEC));
}

const char *connection_make(int nfnl, const space_val *p)
{
	enum pk_ct state = (enum pk_ct)p[PK_CT];
	space_val about[PK_FIELDS];
	struct tuple there, back;
	struct nlmsghdr *h;
	const char *why;
	char buf[1024];

	if (state != CT_ESTABLISHED && state != CT_RELATED)
		return NULL;
	if (state == CT_RELATED && !connection_error(p))
		return "only a helper of conntrack's makes it related";
	memcpy(about, p, sizeof(about));
	if (state == CT_RELATED)
		connection_quoted(p, about);
	there = tuple_of(about);
	why = answer_to(&there, about[PK_DIR] != 0, &back);
	if (why)
		return why;
	h = message(buf, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL,
		    there.v6 ? AF_INET6 : AF_INET);
	put_tuple(h, CTA_TUPLE_ORIG, about[PK_DIR] ? &back : &there);
	put_tuple(h, CTA_TUPLE_REPLY, about[PK_DIR] ? &there : &back);
	mnl_attr_put_u32(h, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_SEEN_REPLY |
					      IPS_ASSURED));
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(TIMEOUT));
	if (there.proto == PROTO_TCP)
		put_tcp(h);
	return ask(nfnl, h) ? "the connection before it cannot be made" : NULL;
}
