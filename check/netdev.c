#include "check/netdev.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

union request {
	char b[1024];
	struct nlmsghdr h;
};

static int ask(int fd, struct nlmsghdr *h)
{
	union {
		char b[4096];
		struct nlmsghdr h;
	} buf;
	const struct nlmsgerr *e;

	h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(fd, h, h->nlmsg_len, 0) < 0 ||
	    recv(fd, &buf, sizeof(buf), 0) < (ssize_t)NLMSG_LENGTH(sizeof(*e)))
		return errno ? errno : EBADMSG;
	e = mnl_nlmsg_get_payload(&buf.h);
	return -e->error;
}

static void peer_name(int index, char *out)
{
	snprintf(out, IF_NAMESIZE, "ppeer%d", index);
}

/* The other end's attributes have a header of their own in front. */
static void put_peer(struct nlmsghdr *h, int index)
{
	struct nlattr *data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	char name[IF_NAMESIZE];

	peer_name(index, name);
	i->ifi_index = NETDEV_PEER + index;
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_nest_end(h, peer);
	mnl_attr_nest_end(h, data);
}

static int make(int fd, const char *name, int index, const char *kind)
{
	union request buf;
	struct nlmsghdr *h = mnl_nlmsg_put_header(&buf);
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	struct nlattr *nest;

	h->nlmsg_type = RTM_NEWLINK;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	i->ifi_index = index;
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	nest = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_str(h, IFLA_INFO_KIND, kind);
	if (!strcmp(kind, "veth"))
		put_peer(h, index);
	mnl_attr_nest_end(h, nest);
	return ask(fd, h);
}

int netdev_make(int rtnl, const char *name, int index)
{
	static const char *const kinds[] = { "veth", "dummy", "bridge" };
	int err = EOPNOTSUPP;

	for (unsigned i = 0; i < 3 && err == EOPNOTSUPP; i++)
		err = make(rtnl, name, index, kinds[i]);
	return err;
}

int netdev_peer(int index)
{
	char name[IF_NAMESIZE];

	peer_name(index, name);
	return (int)if_nametoindex(name);
}

int netdev_up(int rtnl, int index, bool arp)
{
	union request buf;
	struct nlmsghdr *h = mnl_nlmsg_put_header(&buf);
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));

	h->nlmsg_type = RTM_NEWLINK;
	i->ifi_index = index;
	i->ifi_flags = IFF_UP | (arp ? 0 : IFF_NOARP);
	i->ifi_change = IFF_UP | IFF_NOARP;
	return ask(rtnl, h);
}

static struct rtmsg *route(union request *buf, bool v6, int type)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct rtmsg *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));

	h->nlmsg_type = RTM_NEWROUTE;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	r->rtm_family = v6 ? AF_INET6 : AF_INET;
	r->rtm_protocol = RTPROT_STATIC;
	r->rtm_type = (unsigned char)type;
	return r;
}

int netdev_route_default(int rtnl, bool v6, int index)
{
	union request buf;
	struct rtmsg *r = route(&buf, v6, RTN_UNICAST);

	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	mnl_attr_put_u32(&buf.h, RTA_OIF, (uint32_t)index);
	return ask(rtnl, &buf.h);
}

int netdev_address(int rtnl, int index, struct addr a)
{
	union request buf;
	struct nlmsghdr *h = mnl_nlmsg_put_header(&buf);
	struct ifaddrmsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	bool v6 = !addr_is_v4(a);
	uint8_t b[16];

	addr_to_bytes(a, b);
	h->nlmsg_type = RTM_NEWADDR;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	i->ifa_family = v6 ? AF_INET6 : AF_INET;
	i->ifa_prefixlen = v6 ? 128 : 32;
	i->ifa_scope = RT_SCOPE_UNIVERSE;
	i->ifa_flags = v6 ? IFA_F_NODAD : 0;
	i->ifa_index = (uint32_t)index;
	mnl_attr_put(h, IFA_LOCAL, v6 ? 16 : 4, b);
	mnl_attr_put(h, IFA_ADDRESS, v6 ? 16 : 4, b);
	return ask(rtnl, h);
}

int netdev_route_local(int rtnl, struct addr a, bool add)
{
	union request buf;
	bool v6 = !addr_is_v4(a);
	struct rtmsg *r = route(&buf, v6, RTN_LOCAL);
	uint8_t b[16];

	addr_to_bytes(a, b);
	if (!add) {
		buf.h.nlmsg_type = RTM_DELROUTE;
		buf.h.nlmsg_flags = 0;
	}
	r->rtm_table = RT_TABLE_LOCAL;
	r->rtm_scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_HOST;
	r->rtm_dst_len = v6 ? 128 : 32;
	mnl_attr_put(&buf.h, RTA_DST, v6 ? 16 : 4, b);
	mnl_attr_put_u32(&buf.h, RTA_OIF, 1); /* lo */
	return ask(rtnl, &buf.h);
}
