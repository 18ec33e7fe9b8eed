#include "check/read.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

/*
 * A ruleset out of the kernel: six dumps over one netlink socket, bracketed by
 * the generation number, since a dump of elements does not say that a commit
 * came between. On a change all is read again.
 */
enum { RECV_SIZE = 65536, TRIES = 8 };

struct reader {
	int fd;
	uint32_t seq;
	struct kruleset *rs;
	struct buf *err;
	const struct kr_known *known; /* NULL: nothing */
	char *buf; /* of RECV_SIZE bytes, for all answers */
	bool bad;
	bool broken; /* changed while it was dumped */
};

typedef bool (*add_fn)(struct kruleset *, const struct nlmsghdr *);

static int fail(struct reader *r, const char *what, int error)
{
	buf_printf(r->err, "reading %s from the kernel: %s\n", what,
		   strerror(error));
	return -1;
}

static struct nlmsghdr *request(struct reader *r, void *buf, uint16_t type,
				uint16_t flags, uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++r->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return h;
}

/* 1: the answer is complete; 0: more comes; -1: failed with errno. A broken
 * dump is read to its end: until then the socket takes no other (EBUSY). */
static int take_message(struct reader *r, const struct nlmsghdr *h, add_fn add)
{
	if (h->nlmsg_seq != r->seq)
		return 0;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		r->broken = true;
	if (h->nlmsg_type == NLMSG_DONE)
		return 1;
	if (h->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) || !e->error)
			return 1;
		errno = -e->error;
		return -1;
	}
	if (add && !r->broken && !add(r->rs, h))
		r->bad = true;
	return h->nlmsg_flags & NLM_F_MULTI ? 0 : 1;
}

static int receive(struct reader *r, add_fn add)
{
	int done = 0;

	r->broken = false;
	while (!done) {
		ssize_t got = recv(r->fd, r->buf, RECV_SIZE, MSG_TRUNC);
		const struct nlmsghdr *h = (const void *)r->buf;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got > RECV_SIZE) {
			errno = EMSGSIZE;
			return -1;
		}
		for (; !done && mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left))
			done = take_message(r, h, add);
	}
	if (done > 0 && r->broken) {
		errno = EINTR;
		return -1;
	}
	return done < 0 ? -1 : 0;
}

static int ask(struct reader *r, const struct nlmsghdr *h, add_fn add)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (sendto(r->fd, h, h->nlmsg_len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -1;
	return receive(r, add);
}

static int dump(struct reader *r, const char *what, uint16_t type, add_fn add)
{
	union {
		char b[256];
		struct nlmsghdr h;
	} buf;

	if (ask(r, request(r, &buf, type, NLM_F_DUMP, AF_UNSPEC), add) == 0)
		return 0;
	return errno == EINTR ? -2 : fail(r, what, errno);
}

static int dump_elements(struct reader *r, const struct kr_set *s)
{
	union {
		char b[1024];
		struct nlmsghdr h;
	} buf;
	struct nlmsghdr *h;

	/* AF_UNSPEC gives ENOENT here, unlike everywhere else */
	h = request(r, &buf, NFT_MSG_GETSETELEM, NLM_F_DUMP,
		    (uint8_t)s->table->family);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, s->table->name);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, s->name);
	if (ask(r, h, kr_add_elems) == 0)
		return 0;
	/* gone meanwhile: the generation has moved too */
	if (errno == EINTR || errno == ENOENT)
		return -2;
	return fail(r, "set elements", errno);
}

static int gen_attr(const struct nlattr *attr, void *data)
{
	uint32_t *gen = data;

	if (mnl_attr_get_type(attr) == NFTA_GEN_ID &&
	    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
		*gen = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static int generation(struct reader *r, uint32_t *gen)
{
	union {
		char b[4096];
		struct nlmsghdr h;
	} buf;
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct nlmsghdr *h = request(r, &buf, NFT_MSG_GETGEN, 0, AF_UNSPEC);
	ssize_t got;

	if (sendto(r->fd, h, h->nlmsg_len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return fail(r, "the generation", errno);
	got = recv(r->fd, &buf, sizeof(buf), 0);
	if (got < 0 || !mnl_nlmsg_ok(&buf.h, (int)got))
		return fail(r, "the generation", got < 0 ? errno : EBADMSG);
	if (buf.h.nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(&buf.h);

		return fail(r, "the generation", -e->error);
	}
	*gen = 0;
	mnl_attr_parse(&buf.h, sizeof(struct nfgenmsg), gen_attr, gen);
	return 0;
}

static bool is_known(const struct reader *r, const struct kr_table *t)
{
	return r->known && t->family == NFPROTO_INET &&
	       !strcmp(t->name, r->known->table);
}

static void add_known(struct reader *r)
{
	const struct nlmsghdr *h = r->known->messages;
	int left = (int)r->known->n;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		r->bad |= !kr_add_elems(r->rs, h);
}

static int dump_all(struct reader *r)
{
	static const struct {
		const char *what;
		uint16_t type;
		add_fn add;
	} step[] = {
		{"tables", NFT_MSG_GETTABLE, kr_add_table},
		{"chains", NFT_MSG_GETCHAIN, kr_add_chain},
		{"sets", NFT_MSG_GETSET, kr_add_set},
		{"objects", NFT_MSG_GETOBJ, kr_add_obj},
		{"rules", NFT_MSG_GETRULE, kr_add_rule},
	};
	int err;

	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++)
		if ((err = dump(r, step[i].what, step[i].type, step[i].add)))
			return err;
	for (size_t i = 0; i < r->rs->set.n; i++)
		if (!is_known(r, r->rs->set.v[i]->table) &&
		    (err = dump_elements(r, r->rs->set.v[i])))
			return err;
	if (r->known)
		add_known(r);
	return 0;
}

static struct kruleset *empty(struct arena *a, const char *name)
{
	struct kruleset *rs = ARENA_NEW(a, struct kruleset);

	rs->arena = a;
	rs->name = arena_strdup(a, name);
	rs->netns = rs->userns = -1;
	return rs;
}

/* One attempt; *again: the ruleset changed under it. */
static struct kruleset *attempt(struct reader *r, struct arena *a,
				const char *name, bool *again)
{
	uint32_t before, after;
	int err;

	r->rs = empty(a, name);
	r->bad = false;
	*again = false;
	if (generation(r, &before))
		return NULL;
	if (r->known && r->known->generation != before)
		r->known = NULL;
	err = dump_all(r);
	if (err == -1 || generation(r, &after))
		return NULL;
	if (err || before != after) {
		*again = true;
		return NULL;
	}
	if (r->bad) {
		buf_puts(r->err, "the kernel has nftables objects that cannot "
				 "be read\n");
		return NULL;
	}
	r->rs->generation = after;
	kr_link(r->rs);
	return r->rs;
}

struct kruleset *kr_read(struct arena *a, int fd, const char *name,
			 const struct kr_known *known, struct buf *err)
{
	struct reader r = {.fd = fd, .err = err, .known = known,
			   .buf = arena_alloc_raw(a, RECV_SIZE)};

	for (unsigned i = 0; i < TRIES; i++) {
		bool again;
		struct kruleset *rs = attempt(&r, a, name, &again);

		if (!again)
			return rs;
	}
	buf_printf(err, "the ruleset changed %d times while it was read\n",
		   TRIES);
	return NULL;
}
