#include "probe.h"

/* Netlink: conntrack emptied, the log listened to. */

struct request {
	struct nlmsghdr h;
	struct nfgenmsg g;
	uint8_t data[256];
};

static void attribute(struct request *r, unsigned type, const void *data,
		      size_t n)
{
	struct nlattr a = {.nla_len = (uint16_t)(sizeof a + n),
			   .nla_type = (uint16_t)type};
	uint8_t *p =
		(uint8_t *)r + r->h.nlmsg_len; /* always a multiple of four */

	memcpy(p, &a, sizeof a);
	memcpy(p + sizeof a, data, n);
	r->h.nlmsg_len += (uint32_t)(sizeof a + n + 3) & ~3u;
}

static int netlink(int fd, struct request *r, unsigned type)
{
	static uint8_t buffer[1 << 16];
	static uint32_t sequence;
	ssize_t n;

	r->h.nlmsg_type = (uint16_t)type;
	r->h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	r->h.nlmsg_seq = ++sequence;
	if (send(fd, r, r->h.nlmsg_len, 0) < 0)
		return -errno;
	while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0 ||
	       (n < 0 && errno == EINTR)) {
		const struct nlmsghdr *h;
		size_t at = 0;

		if (n < 0)
			continue;
		while ((h = message(buffer, (size_t)n, &at)) != NULL) {
			if (h->nlmsg_type ==
			    (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
				log_count++;
			if (h->nlmsg_type == NLMSG_ERROR &&
			    h->nlmsg_seq == r->h.nlmsg_seq)
				return ((const struct nlmsgerr
						 *)(const void *)(h + 1))
					->error;
		}
	}
	return -EIO;
}

int netfilter_socket(void)
{
	struct sockaddr_nl me = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me) != 0)
		die(2, "netlink: %s", strerror(errno));
	return fd;
}

void flush_conntrack(void)
{
	struct request r = {.h.nlmsg_len = NLMSG_LENGTH(sizeof r.g),
			    .g.nfgen_family = AF_UNSPEC};
	int error = netlink(ct_socket, &r,
			    NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE);

	if (error != 0 && error != -ENOENT)
		die(2, "flush of conntrack: %s", strerror(-error));
}

void listen_to_logs(unsigned group)
{
	struct nfulnl_msg_config_cmd bind_group = {.command =
							   NFULNL_CFG_CMD_BIND};
	struct nfulnl_msg_config_mode mode = {.copy_mode = NFULNL_COPY_META};
	uint32_t one = htonl(1);
	struct request r = {.h.nlmsg_len = NLMSG_LENGTH(sizeof r.g),
			    .g.nfgen_family = AF_UNSPEC,
			    .g.res_id = htons((uint16_t)group)};
	struct request q = r;
	int error, size = 4 << 20;

	if (log_socket < 0) {
		log_socket = netfilter_socket();
		setsockopt(log_socket, SOL_SOCKET, SO_RCVBUF, &size,
			   sizeof size);
	}
	attribute(&r, NFULA_CFG_CMD, &bind_group, sizeof bind_group);
	error = netlink(log_socket, &r,
			NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG);
	if (error == 0) {
		attribute(&q, NFULA_CFG_MODE, &mode, sizeof mode);
		attribute(&q, NFULA_CFG_QTHRESH, &one, sizeof one);
		error = netlink(log_socket, &q,
				NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG);
	}
	if (error != 0 && option_verbose)
		fprintf(stderr, "probe: no log listener for group %u: %s\n",
			group, strerror(-error));
}
