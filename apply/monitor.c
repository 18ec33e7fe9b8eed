#include "apply/monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

enum { BUFFER = 1 << 22, MESSAGE = 1 << 17 };

int monitor_open(struct buf *err)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_NETFILTER);
	int group = NFNLGRP_NFTABLES, bytes = BUFFER;
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };

	if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)) < 0) {
		buf_printf(err, "changes of rules cannot be heard of: %s\n",
			   strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		       sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return fd;
}

static bool read_generation(const struct nlmsghdr *h, struct change *c)
{
	const struct nlattr *a;
	bool found = false;

	if (h->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return false;
	*c = (struct change){ .pid = 0 };
	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(a)) {
		case NFTA_GEN_ID:
			found = mnl_attr_validate(a, MNL_TYPE_U32) >= 0;
			if (found)
				c->generation = ntohl(mnl_attr_get_u32(a));
			break;
		case NFTA_GEN_PROC_PID:
			if (mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
				c->pid = (pid_t)ntohl(mnl_attr_get_u32(a));
			break;
		case NFTA_GEN_PROC_NAME:
			strncpy(c->comm, mnl_attr_get_payload(a),
				mnl_attr_get_payload_len(a) <
				MONITOR_COMM - 1 ?
				mnl_attr_get_payload_len(a) :
				MONITOR_COMM - 1);
			break;
		default:
			break;
		}
	}
	return found;
}

/* A transaction's last message is its generation's; it comes alone in its
 * datagram or behind others. */
static bool find_generation(void *buf, int n, struct change *c)
{
	struct nlmsghdr *h = buf;
	bool found = false;

	for (; mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n))
		if ((h->nlmsg_type & 0xff) == NFT_MSG_NEWGEN &&
		    h->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES)
			found |= read_generation(h, c);
	return found;
}

enum monitor_word monitor_next(int fd, struct change *c)
{
	char buf[MESSAGE] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		struct sockaddr_nl from = { .nl_pid = 0 };
		struct iovec v = { buf, sizeof(buf) };
		struct msghdr m = { .msg_name = &from,
				    .msg_namelen = sizeof(from),
				    .msg_iov = &v, .msg_iovlen = 1 };
		ssize_t n = recvmsg(fd, &m, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? MONITOR_NONE :
			       errno == ENOBUFS ? MONITOR_LOST :
						  MONITOR_FAILED;
		if (from.nl_pid) /* only the kernel is believed */
			continue;
		if (find_generation(buf, (int)n, c))
			return MONITOR_CHANGE;
	}
}
