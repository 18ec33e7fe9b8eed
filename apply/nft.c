#include "apply/nft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "apply/attrs.h"
#include "base/mem.h"

enum {
	BATCH_WANTED = 1 << 21, /* bytes: some 40,000 elements a batch */
	BATCH_LEAST = 1 << 16,
	ANSWERS = 1 << 22,	/* a failing batch answers for each message */
	SEND_OVERHEAD = 1024,
};

/* Root may pass over the system's limits, others get what these allow. */
static void set_buffer(int fd, int force, int plain, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

void nft_adopt(struct nft *n, int fd)
{
	int on = 1, bytes = 0;
	socklen_t len = sizeof(bytes);

	*n = (struct nft){ .fd = fd, .in = mem_alloc(NFT_RECEIVE) };
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, BATCH_WANTED);
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, ANSWERS);
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &len);
	n->limit = bytes > BATCH_WANTED ? BATCH_WANTED :
		   bytes > BATCH_LEAST ? (size_t)bytes - SEND_OVERHEAD :
		   BATCH_LEAST;
}

int nft_open(struct nft *n, struct buf *err)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };

	*n = (struct nft){ .fd = -1 };
	if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof(self)) < 0) {
		buf_printf(err, "no netlink socket to nf_tables: %s\n",
			   strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	nft_adopt(n, fd);
	return 0;
}

void nft_close(struct nft *n)
{
	if (n->fd >= 0)
		close(n->fd);
	free(n->in);
	*n = (struct nft){ .fd = -1 };
}

struct nlmsghdr *nft_request(struct nft *n, void *buf, uint16_t type,
			     uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++n->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = NFPROTO_INET;
	g->version = NFNETLINK_V0;
	return h;
}

static int send_all(struct nft *n, const void *p, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	do {
		sent = sendto(n->fd, p, len, 0, (struct sockaddr *)&kernel,
			      sizeof(kernel));
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

/* Bytes received; 0: nothing waits (with MSG_DONTWAIT); -1: errno. */
static ssize_t receive(struct nft *n, int flags)
{
	struct sockaddr_nl from;
	struct iovec iov = { n->in, NFT_RECEIVE };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from),
			    .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t got;

	do {
		got = recvmsg(n->fd, &m, flags);
		/* only the kernel is believed */
	} while ((got < 0 && errno == EINTR) || (got >= 0 && from.nl_pid));
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (got > 0 && m.msg_flags & MSG_TRUNC) {
		errno = EMSGSIZE;
		return -1;
	}
	return got;
}

/* 1: the answer is complete; 0: more comes; -1: errno. A broken dump is read
 * to its end: until then the socket takes no other (EBUSY). */
static int take_answer(const struct nft *n, const struct nlmsghdr *h,
		       void (*each)(void *ctx, const struct nlmsghdr *h),
		       void *ctx, bool *broken)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_seq != n->seq)
		return 0;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		*broken = true;
	if (h->nlmsg_type == NLMSG_DONE)
		return 1;
	if (h->nlmsg_type == NLMSG_ERROR) {
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || !e->error)
			return 1;
		errno = -e->error;
		return -1;
	}
	if (each && !*broken)
		each(ctx, h);
	return h->nlmsg_flags & NLM_F_MULTI ? 0 : 1;
}

int nft_ask(struct nft *n, const struct nlmsghdr *request,
	    void (*each)(void *ctx, const struct nlmsghdr *h), void *ctx)
{
	int done = send_all(n, request, request->nlmsg_len);
	bool broken = false;

	while (done == 0) {
		ssize_t got = receive(n, 0);
		const struct nlmsghdr *h = (const void *)n->in;
		int left = (int)got;

		if (got < 0)
			return -1;
		for (; done == 0 && mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left))
			done = take_answer(n, h, each, ctx, &broken);
	}
	if (done > 0 && broken) {
		errno = EINTR;
		return -1;
	}
	return done < 0 ? -1 : 0;
}

static void gen_answer(void *ctx, const struct nlmsghdr *h)
{
	struct attrs x = attrs_of(h, sizeof(struct nfgenmsg));

	*(uint32_t *)ctx = attr_be32(x.v[NFTA_GEN_ID]);
}

int nft_generation(struct nft *n, uint32_t *generation, struct buf *err)
{
	union {
		char b[NFT_REQUEST];
		struct nlmsghdr h;
	} u;

	*generation = 0;
	if (nft_ask(n, nft_request(n, &u, NFT_MSG_GETGEN, 0), gen_answer,
		    generation) == 0)
		return 0;
	buf_printf(err, "nf_tables does not answer: %s\n", strerror(errno));
	return -1;
}

uint32_t nft_generation_after(uint32_t generation)
{
	return generation == UINT32_MAX ? 1 : generation + 1;
}

/* The kernel has done all of it when sendto() returns, and its answers lie
 * in the socket. */
int nft_send_batch(struct nft *n, const char *batch, size_t len,
		   void (*each)(void *ctx, const struct nlmsghdr *h),
		   void *ctx)
{
	ssize_t got;

	if (send_all(n, batch, len) < 0)
		return -1;
	while ((got = receive(n, MSG_DONTWAIT)) != 0) {
		const struct nlmsghdr *h = (const void *)n->in;
		int left = (int)got;

		if (got < 0 && errno == ENOBUFS)
			continue; /* the first complaints are what counts */
		if (got < 0)
			return -1;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			each(ctx, h);
	}
	return 0;
}
