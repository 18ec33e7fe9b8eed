#include "apply/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "apply/attrs.h"
#include "base/keys.h"

/* The kernel's enum tcp_conntrack: FIN from both sides or RST was seen. */
enum { TCP_TIME_WAIT = 7, TCP_CLOSE = 8 };

/* ---- reading ------------------------------------------------------------------------ */

static bool has(const struct nlattr *a, size_t len)
{
	return a && mnl_attr_get_payload_len(a) >= len;
}

static uint8_t get_u8(const struct nlattr *a)
{
	return has(a, 1) ? mnl_attr_get_u8(a) : 0;
}

static uint16_t get_be16(const struct nlattr *a)
{
	return has(a, 2) ? ntohs(mnl_attr_get_u16(a)) : 0;
}

static bool get_addr(const struct attrs *ip, uint16_t v4, uint16_t v6,
		     struct addr *out)
{
	if (has(ip->v[v4], 4))
		*out = addr_from_v4_bytes(mnl_attr_get_payload(ip->v[v4]));
	else if (has(ip->v[v6], 16))
		*out = addr_from_v6_bytes(mnl_attr_get_payload(ip->v[v6]));
	else
		return false;
	return true;
}

struct tuple {
	struct addr src, dst;
	uint8_t proto;
	uint16_t sport, dport;
};

static bool read_tuple(const struct nlattr *nest, struct tuple *t)
{
	struct attrs top = attrs_in(nest);
	struct attrs ip = attrs_in(top.v[CTA_TUPLE_IP]);
	struct attrs proto = attrs_in(top.v[CTA_TUPLE_PROTO]);

	t->proto = get_u8(proto.v[CTA_PROTO_NUM]);
	t->sport = get_be16(proto.v[CTA_PROTO_SRC_PORT]);
	t->dport = t->proto == PROTO_ICMP ?
			get_u8(proto.v[CTA_PROTO_ICMP_TYPE]) :
		   t->proto == PROTO_ICMPV6 ?
			get_u8(proto.v[CTA_PROTO_ICMPV6_TYPE]) :
			get_be16(proto.v[CTA_PROTO_DST_PORT]);
	return proto.v[CTA_PROTO_NUM] &&
	       get_addr(&ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &t->src) &&
	       get_addr(&ip, CTA_IP_V4_DST, CTA_IP_V6_DST, &t->dst);
}

/* Tracking that begins in the middle is told from any other by windows that
 * are taken as they come (nf_conntrack_proto_tcp.c). */
static void read_tcp(const struct nlattr *nest, struct connection *c)
{
	struct attrs info = attrs_in(nest);
	struct attrs tcp = attrs_in(info.v[CTA_PROTOINFO_TCP]);
	const struct nlattr *flags = tcp.v[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL];
	const struct nf_ct_tcp_flags *f;
	uint8_t state = get_u8(tcp.v[CTA_PROTOINFO_TCP_STATE]);

	c->over = state == TCP_TIME_WAIT || state == TCP_CLOSE;
	if (has(flags, sizeof(*f))) {
		f = mnl_attr_get_payload(flags);
		c->picked_up = f->flags & IP_CT_TCP_FLAG_BE_LIBERAL;
	}
}

static bool read_connection(const struct nlmsghdr *h, struct connection *c)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	struct attrs top = attrs_of(h, sizeof(*g));
	const struct nlattr *orig = top.v[CTA_TUPLE_ORIG];
	struct tuple there, back;

	if (!read_tuple(orig, &there) ||
	    !read_tuple(top.v[CTA_TUPLE_REPLY], &back) ||
	    mnl_attr_get_payload_len(orig) > CONNECTION_TUPLE)
		return false;
	*c = (struct connection){
		.src = there.src, .dst = there.dst, .to = back.src,
		.from = back.dst, .proto = there.proto, .sport = there.sport,
		.detail = there.dport,
		.to_detail = proto_is_icmp(there.proto) ? there.dport :
							  back.sport,
		.family = g->nfgen_family,
		.id = has(top.v[CTA_ID], 4) ? mnl_attr_get_u32(top.v[CTA_ID]) :
					      0,
		.zone = has(top.v[CTA_ZONE], 2) ?
			mnl_attr_get_u16(top.v[CTA_ZONE]) : 0,
		.n_tuple = mnl_attr_get_payload_len(orig),
	};
	if (!proto_has_ports(c->proto) && !proto_is_icmp(c->proto))
		c->detail = c->to_detail = 0;
	memcpy(c->tuple, mnl_attr_get_payload(orig), c->n_tuple);
	if (c->proto == PROTO_TCP)
		read_tcp(top.v[CTA_PROTOINFO], c);
	return true;
}

struct reading {
	void (*each)(void *ctx, const struct connection *c);
	void *ctx;
};

static void each_answer(void *ctx, const struct nlmsghdr *h)
{
	const struct reading *r = ctx;
	struct connection c;

	if (h->nlmsg_len >= MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg) &&
	    read_connection(h, &c))
		r->each(r->ctx, &c);
}

/* ---- asking ------------------------------------------------------------------------- */

static struct nlmsghdr *request(struct nft *n, void *buf, uint16_t type,
				uint16_t flags, uint8_t family)
{
	struct nlmsghdr *h = nft_request(n, buf, type, flags);
	struct nfgenmsg *g = mnl_nlmsg_get_payload(h);

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	g->nfgen_family = family;
	return h;
}

int connections_read(struct nft *n,
		     void (*each)(void *ctx, const struct connection *c),
		     void *ctx, struct buf *err)
{
	union {
		char b[NFT_REQUEST];
		struct nlmsghdr h;
	} u;
	struct reading r = { each, ctx };

	if (nft_ask(n, request(n, &u, IPCTNL_MSG_CT_GET, NLM_F_DUMP,
			       AF_UNSPEC), each_answer, &r) == 0)
		return 0;
	buf_printf(err, "the kernel's connections cannot be read: %s\n",
		   strerror(errno));
	return -1;
}

enum cut connection_cut(struct nft *n, const struct connection *c)
{
	union {
		char b[NFT_REQUEST];
		struct nlmsghdr h;
	} u;
	struct nlmsghdr *h = request(n, &u, IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
				     c->family);

	mnl_attr_put(h, CTA_TUPLE_ORIG | NLA_F_NESTED, c->n_tuple, c->tuple);
	if (c->id)
		mnl_attr_put_u32(h, CTA_ID, c->id);
	if (c->zone)
		mnl_attr_put_u16(h, CTA_ZONE, c->zone);
	if (nft_ask(n, h, NULL, NULL) == 0)
		return CUT_DONE;
	return errno == ENOENT ? CUT_GONE : CUT_FAILED;
}
