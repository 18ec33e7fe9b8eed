#include "check/live.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "check/drift.h"
#include "check/read.h"

enum { RECV_SIZE = 65536 };

int live_reader_open(struct live_reader *r, struct buf *err)
{
	r->nfnl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			 NETLINK_NETFILTER);
	r->rtnl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (r->nfnl >= 0 && r->rtnl >= 0)
		return 0;
	buf_printf(err, "netlink socket: %s\n", strerror(errno));
	live_reader_close(r);
	return -1;
}

void live_reader_close(struct live_reader *r)
{
	if (r->nfnl >= 0)
		close(r->nfnl);
	if (r->rtnl >= 0)
		close(r->rtnl);
	r->nfnl = r->rtnl = -1;
}

/* ---- interfaces, for rules that compare their numbers ----------------------------- */

static int name_attr(const struct nlattr *a, void *data)
{
	const char **name = data;

	if (mnl_attr_get_type(a) == IFLA_IFNAME &&
	    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		*name = mnl_attr_get_str(a);
	return MNL_CB_OK;
}

static void take_link(struct kruleset *rs, const struct nlmsghdr *h)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);
	const char *name = NULL;

	if (h->nlmsg_type != RTM_NEWLINK ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*i)))
		return;
	mnl_attr_parse(h, sizeof(*i), name_attr, &name);
	if (name)
		vec_push(rs->arena, &rs->iface,
			 (struct kr_iface){ arena_strdup(rs->arena, name),
					    (uint32_t)i->ifi_index });
}

static int read_links(int fd, struct kruleset *rs)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} ask = { .h = { .nlmsg_len = sizeof(ask), .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	char buf[RECV_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));

	if (send(fd, &ask, sizeof(ask), 0) < 0)
		return -1;
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *h = (const void *)buf;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			if (h->nlmsg_type == NLMSG_DONE ||
			    h->nlmsg_type == NLMSG_ERROR)
				return h->nlmsg_type == NLMSG_DONE ? 0 : -1;
			take_link(rs, h);
		}
	}
}

static void put_texts(struct kruleset *rs)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < rs->rule.n; i++) {
		b.n = 0;
		rule_words(rs->rule.v[i], &b);
		rs->rule.v[i]->text = arena_strdup(rs->arena, b.s);
	}
	buf_free(&b);
}

struct kruleset *live_reader_read(const struct live_reader *r, struct arena *a,
				  struct buf *err)
{
	struct kruleset *rs = kr_read(a, r->nfnl, "live", NULL, err);

	if (rs && read_links(r->rtnl, rs) < 0) {
		buf_printf(err, "the interfaces cannot be read: %s\n",
			   strerror(errno));
		return NULL;
	}
	if (rs)
		rs->texts = put_texts;
	return rs;
}
