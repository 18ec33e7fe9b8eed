#include "machine/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

/*
 * rtnetlink: four dumps. Where something changes meanwhile the kernel marks the
 * dump as broken, and it is asked again; over another socket, since this one
 * takes no other before all of the broken one is read (EBUSY).
 */
enum { DUMP_BUFFER = 1 << 16, TRIES = 5 };

struct reader {
	struct mnl_socket *socket;
	struct machine *m;
	unsigned seq;
	char *buffer; /* DUMP_BUFFER bytes */
};

/* ---- attributes ------------------------------------------------------------------- */

enum { MOST_ATTRIBUTES = 64 };

struct attributes {
	const struct nlattr *v[MOST_ATTRIBUTES];
};

static int keep_attribute(const struct nlattr *attr, void *data)
{
	struct attributes *t = data;
	unsigned type = mnl_attr_get_type(attr);

	if (type < MOST_ATTRIBUTES)
		t->v[type] = attr;
	return MNL_CB_OK;
}

static struct attributes attributes_of(const struct nlmsghdr *h, size_t head)
{
	struct attributes t = { { NULL } };

	if (mnl_nlmsg_get_payload_len(h) >= head)
		mnl_attr_parse(h, (unsigned)head, keep_attribute, &t);
	return t;
}

static bool get_u32(const struct attributes *t, unsigned type, uint32_t *out)
{
	if (!t->v[type] || mnl_attr_get_payload_len(t->v[type]) < 4)
		return false;
	*out = mnl_attr_get_u32(t->v[type]);
	return true;
}

static bool get_addr(const struct attributes *t, unsigned type, int family,
		     struct addr *out)
{
	size_t need = family == AF_INET ? 4 : 16;

	if (!t->v[type] || mnl_attr_get_payload_len(t->v[type]) < need)
		return false;
	*out = family == AF_INET ?
		addr_from_v4_bytes(mnl_attr_get_payload(t->v[type])) :
		addr_from_v6_bytes(mnl_attr_get_payload(t->v[type]));
	return true;
}

/* ---- messages ----------------------------------------------------------------------- */

static int read_link(const struct nlmsghdr *h, void *data)
{
	struct machine *m = data;
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);
	struct attributes t = attributes_of(h, sizeof(*i));
	const struct nlattr *name = t.v[IFLA_IFNAME];

	if (h->nlmsg_type != RTM_NEWLINK || !name ||
	    mnl_attr_validate(name, MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_OK;
	vec_push(m->arena, &m->links, (struct machine_link){
			.index = i->ifi_index, .up = i->ifi_flags & IFF_UP,
			.name = arena_strdup(m->arena,
					     mnl_attr_get_str(name)) });
	return MNL_CB_OK;
}

static int read_address(const struct nlmsghdr *h, void *data)
{
	struct machine *m = data;
	const struct ifaddrmsg *i = mnl_nlmsg_get_payload(h);
	struct attributes t = attributes_of(h, sizeof(*i));
	struct machine_address x;

	if (h->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(h) < sizeof(*i) ||
	    (i->ifa_family != AF_INET && i->ifa_family != AF_INET6))
		return MNL_CB_OK;
	x = (struct machine_address){
		.link = (int)i->ifa_index,
		.global = i->ifa_scope < RT_SCOPE_LINK,
	};
	/* of a link with two ends, the address is the other end's */
	if (get_addr(&t, IFA_LOCAL, i->ifa_family, &x.addr) ||
	    get_addr(&t, IFA_ADDRESS, i->ifa_family, &x.addr))
		vec_push(m->arena, &m->addresses, x);
	return MNL_CB_OK;
}

static void add_hop(struct machine *m, struct machine_route *r, int link)
{
	for (size_t i = 0; i < r->links.n; i++)
		if (r->links.v[i] == link)
			return;
	vec_push(m->arena, &r->links, link);
}

static void read_hops(struct machine *m, struct machine_route *r,
		      const struct nlattr *attr)
{
	const struct rtnexthop *n = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	while (left >= sizeof(*n) && n->rtnh_len >= sizeof(*n) &&
	       n->rtnh_len <= left) {
		size_t step = RTNH_ALIGN(n->rtnh_len);

		add_hop(m, r, n->rtnh_ifindex);
		if (step >= left)
			break;
		left -= step;
		n = (const struct rtnexthop *)(const void *)
			((const char *)n + step);
	}
}

static struct addr_range destination(const struct rtmsg *i,
				     const struct attributes *t)
{
	struct addr to = { 0, 0 };

	if (i->rtm_family == AF_INET)
		to = addr_v4(0);
	get_addr(t, RTA_DST, i->rtm_family, &to);
	return range_of_prefix(to, i->rtm_dst_len +
			       (i->rtm_family == AF_INET ? 96u : 0u));
}

static enum machine_route_kind kind_of(const struct rtmsg *i)
{
	switch (i->rtm_type) {
	case RTN_UNICAST:
		return ROUTE_UNICAST;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		return ROUTE_DISCARDS;
	default:
		return ROUTE_UNKNOWN;
	}
}

/* Own addresses and broadcasts are in the local table. */
static int read_route(const struct nlmsghdr *h, void *data)
{
	struct machine *m = data;
	const struct rtmsg *i = mnl_nlmsg_get_payload(h);
	struct attributes t = attributes_of(h, sizeof(*i));
	struct machine_route r = { .kind = ROUTE_UNICAST };
	uint32_t table, link;
	bool v4;

	if (h->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(h) < sizeof(*i))
		return MNL_CB_OK;
	v4 = i->rtm_family == AF_INET;
	table = i->rtm_table;
	get_u32(&t, RTA_TABLE, &table);
	if ((!v4 && i->rtm_family != AF_INET6) || table != RT_TABLE_MAIN ||
	    i->rtm_flags & RTM_F_CLONED || i->rtm_type == RTN_MULTICAST ||
	    i->rtm_type == RTN_ANYCAST ||
	    i->rtm_dst_len > (v4 ? 32 : 128))
		return MNL_CB_OK;
	r.kind = kind_of(i);
	r.to = destination(i, &t);
	r.length = i->rtm_dst_len;
	get_u32(&t, RTA_PRIORITY, &r.metric);
	if (get_u32(&t, RTA_OIF, &link))
		add_hop(m, &r, (int)link);
	if (t.v[RTA_MULTIPATH])
		read_hops(m, &r, t.v[RTA_MULTIPATH]);
	/* by source address, or by a next hop this does not read */
	if (i->rtm_src_len || (r.kind == ROUTE_UNICAST && !r.links.n))
		r.kind = ROUTE_UNKNOWN;
	vec_push(m->arena, &m->routes, r);
	return MNL_CB_OK;
}

/* Every machine has local, main and default, which ask nothing of a packet. */
static int read_policy(const struct nlmsghdr *h, void *data)
{
	struct machine *m = data;
	const struct fib_rule_hdr *i = mnl_nlmsg_get_payload(h);
	struct attributes t = attributes_of(h, sizeof(*i));
	uint32_t table;

	if (h->nlmsg_type != RTM_NEWRULE ||
	    mnl_nlmsg_get_payload_len(h) < sizeof(*i) ||
	    (i->family != AF_INET && i->family != AF_INET6))
		return MNL_CB_OK;
	table = i->table;
	get_u32(&t, FRA_TABLE, &table);
	if (i->action != FR_ACT_TO_TBL || i->src_len || i->dst_len || i->tos ||
	    t.v[FRA_IIFNAME] || t.v[FRA_OIFNAME] || t.v[FRA_FWMARK] ||
	    (table != RT_TABLE_LOCAL && table != RT_TABLE_MAIN &&
	     table != RT_TABLE_DEFAULT))
		m->policies++;
	return MNL_CB_OK;
}

/* ---- dumps ---------------------------------------------------------------------------- */

static int ask(struct reader *r, uint16_t type, size_t head)
{
	char request[128] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++r->seq;
	mnl_nlmsg_put_extra_header(h, head); /* zero: any family */
	return mnl_socket_sendto(r->socket, h, h->nlmsg_len) < 0 ? -1 : 0;
}

static int dump_over(struct reader *r, uint16_t type, size_t head,
		     mnl_cb_t each)
{
	int more = MNL_CB_OK;

	if (mnl_socket_bind(r->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    ask(r, type, head) < 0)
		return -1;
	while (more > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(r->socket, r->buffer,
						DUMP_BUFFER);

		if (n <= 0)
			return -1;
		more = mnl_cb_run(r->buffer, (size_t)n, r->seq,
				  mnl_socket_get_portid(r->socket), each,
				  r->m);
	}
	return more;
}

static int dump_once(struct reader *r, uint16_t type, size_t head,
		     mnl_cb_t each)
{
	int done, error;

	r->socket = mnl_socket_open(NETLINK_ROUTE);
	if (!r->socket)
		return -1;
	done = dump_over(r, type, head, each);
	error = errno;
	mnl_socket_close(r->socket);
	errno = error;
	return done;
}

static int dump(struct reader *r, uint16_t type, size_t head, mnl_cb_t each)
{
	struct machine before = *r->m;

	for (int i = 0; i < TRIES; i++) {
		if (dump_once(r, type, head, each) == 0)
			return 0;
		if (errno != EINTR)
			return -1;
		*r->m = before; /* what the broken dump had is dropped */
	}
	return -1;
}

static int dump_all(struct reader *r)
{
	if (dump(r, RTM_GETLINK, sizeof(struct ifinfomsg), read_link) < 0 ||
	    dump(r, RTM_GETADDR, sizeof(struct ifaddrmsg), read_address) < 0 ||
	    dump(r, RTM_GETROUTE, sizeof(struct rtmsg), read_route) < 0)
		return -1;
	/* a kernel may have none of these */
	if (dump(r, RTM_GETRULE, sizeof(struct fib_rule_hdr), read_policy) < 0)
		return errno == EOPNOTSUPP ? 0 : -1;
	return 0;
}

static struct machine_number number(const char *path)
{
	struct machine_number x = { false, 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32], *end;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return x;
	text[n] = '\0';
	x.v = strtoull(text, &end, 10);
	x.there = end != text;
	return x;
}

struct machine *machine_read(struct arena *a, struct buf *err)
{
	struct machine *m = ARENA_NEW(a, struct machine);
	struct reader r = { .m = m,
			    .buffer = arena_alloc_raw(a, DUMP_BUFFER) };
	bool bad;

	m->arena = a;
	bad = dump_all(&r) < 0;
	if (bad)
		buf_printf(err, "interfaces and routes cannot be read: %s",
			   strerror(errno));
	/* Documentation/networking/ip-sysctl.rst, nf_conntrack-sysctl.rst */
	m->forward4 = number("/proc/sys/net/ipv4/ip_forward");
	m->forward6 = number("/proc/sys/net/ipv6/conf/all/forwarding");
	m->tracked = number("/proc/sys/net/netfilter/nf_conntrack_count");
	m->tracked_most = number("/proc/sys/net/netfilter/nf_conntrack_max");
	return bad ? NULL : m;
}

static const struct machine_link *machine_link(const struct machine *m,
					       int index)
{
	for (size_t i = 0; i < m->links.n; i++)
		if (m->links.v[i].index == index)
			return &m->links.v[i];
	return NULL;
}

const char *machine_link_name(const struct machine *m, int index)
{
	const struct machine_link *l = machine_link(m, index);

	return l ? l->name : "an interface that is gone";
}
