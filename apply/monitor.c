#include "apply/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "apply/attrs.h"
#include "apply/stream.h"
#include "base/mem.h"

/* The kernel keeps so many bytes of events, and no more; then it says that
 * some are lost. One datagram is never larger than MESSAGE. */
enum { BUFFER = 1 << 21, MESSAGE = 1 << 17 };

void change_free(struct change *c)
{
	arena_free(c->arena);
	*c = (struct change){ .pid = 0 };
}

int monitor_open(struct monitor *m, struct buf *err)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_NETFILTER);
	int group = NFNLGRP_NFTABLES, bytes = BUFFER;
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };

	*m = (struct monitor){ .fd = -1 };
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
	m->fd = fd;
	m->in = mem_alloc(MESSAGE);
	return 0;
}

void monitor_close(struct monitor *m)
{
	if (m->fd >= 0)
		close(m->fd);
	free(m->in);
	change_free(&m->open);
	*m = (struct monitor){ .fd = -1 };
}

/* ---- what a transaction touched ------------------------------------------------ */

/* Tables are named by attribute 1 of all messages (NFTA_*_TABLE,
 * NFTA_TABLE_NAME), most other objects by attribute 2. */
static const char *object_name(unsigned type, const struct attrs *x)
{
	if (type == NFT_MSG_NEWTABLE || type == NFT_MSG_DELTABLE)
		return "";
	return attr_text(x->v[type == NFT_MSG_NEWCHAIN ||
			      type == NFT_MSG_DELCHAIN ? NFTA_CHAIN_NAME :
							 NFTA_RULE_CHAIN], "");
}

static uint32_t count_of(unsigned type, const struct attrs *x)
{
	const struct nlattr *e, *list = x->v[NFTA_SET_ELEM_LIST_ELEMENTS];
	uint32_t n = 0;

	if (type != NFT_MSG_NEWSETELEM && type != NFT_MSG_DELSETELEM)
		return 1;
	if (list)
		each_nested(e, list)
			n++;
	return n;
}

static struct touch *find_touch(struct touches *x, const struct touch *t)
{
	for (size_t i = 0; i < x->n; i++) {
		struct touch *y = &x->v[i];

		if (y->family == t->family && y->type == t->type &&
		    !strcmp(y->table, t->table) && !strcmp(y->name, t->name))
			return y;
	}
	return NULL;
}

void touches_add(struct arena *a, struct touches *x, const struct touch *t)
{
	struct touch table = { t->family, TOUCH_TABLE, t->table, "", t->n };
	struct touch *same = find_touch(x, t);

	if (!same && x->n >= MONITOR_TOUCHES) {
		t = &table;
		same = find_touch(x, t);
	}
	if (same)
		same->n += t->n;
	else if (x->n == 2 * MONITOR_TOUCHES)
		x->more = true;
	else
		vec_push(a, x, (struct touch){ t->family, t->type,
					       arena_strdup(a, t->table),
					       arena_strdup(a, t->name),
					       t->n });
}

static void take_object(struct change *c, const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	struct attrs x = attrs_of(h, sizeof(*g));
	unsigned type = h->nlmsg_type & 0xff;
	struct touch t = { .family = g->nfgen_family, .type = (uint8_t)type };

	t.table = attr_text(x.v[NFTA_TABLE_NAME], "");
	t.name = object_name(type, &x);
	t.n = count_of(type, &x);
	if (!c->arena)
		c->arena = arena_new();
	touches_add(c->arena, &c->touched, &t);
}

/* ---- its end --------------------------------------------------------------------- */

static void take_end(struct change *c, const struct nlmsghdr *h)
{
	struct attrs x = attrs_of(h, sizeof(struct nfgenmsg));
	const struct nlattr *name = x.v[NFTA_GEN_PROC_NAME];
	size_t n = name ? mnl_attr_get_payload_len(name) : 0;

	c->generation = attr_be32(x.v[NFTA_GEN_ID]);
	c->pid = (pid_t)attr_be32(x.v[NFTA_GEN_PROC_PID]);
	n = n < MONITOR_COMM - 1 ? n : MONITOR_COMM - 1;
	if (n)
		memcpy(c->comm, mnl_attr_get_payload(name), n);
}

/* True: with this message the transaction is told. */
static bool take(struct monitor *m, const struct nlmsghdr *h, struct change *c)
{
	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    h->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return false;
	if ((h->nlmsg_type & 0xff) != NFT_MSG_NEWGEN) {
		take_object(&m->open, h);
		return false;
	}
	*c = m->open;
	m->open = (struct change){ .pid = 0 };
	take_end(c, h);
	return true;
}

static bool take_rest(struct monitor *m, struct change *c)
{
	while (m->n > 0) {
		struct nlmsghdr *h = (void *)(m->in + m->at);
		int left = m->n;

		if (!mnl_nlmsg_ok(h, left)) {
			m->n = 0;
			break;
		}
		m->at = (int)((char *)mnl_nlmsg_next(h, &left) - m->in);
		m->n = left;
		if (take(m, h, c))
			return true;
	}
	return false;
}

enum monitor_word monitor_next(struct monitor *m, struct change *c)
{
	for (;;) {
		struct sockaddr_nl from = { .nl_pid = 0 };
		struct iovec v = { m->in, MESSAGE };
		struct msghdr msg = { .msg_name = &from,
				      .msg_namelen = sizeof(from),
				      .msg_iov = &v, .msg_iovlen = 1 };
		ssize_t n;

		if (take_rest(m, c))
			return MONITOR_CHANGE;
		n = recvmsg(m->fd, &msg, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			change_free(&m->open);
			return MONITOR_LOST;
		}
		if (n < 0)
			return errno == EAGAIN ? MONITOR_NONE : MONITOR_FAILED;
		if (from.nl_pid) /* only the kernel is believed */
			continue;
		if (msg.msg_flags & MSG_TRUNC)
			return MONITOR_LOST;
		m->at = 0;
		m->n = (int)n;
	}
}
