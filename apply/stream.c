#include "apply/stream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/mem.h"

void stream_init(struct stream *s,
		 int (*take)(void *ctx, const char *unit, size_t n), void *ctx)
{
	*s = (struct stream){ .buf = mem_alloc(STREAM_UNIT),
			      .take = take, .ctx = ctx };
	memset(s->buf, 0, STREAM_UNIT);
}

void stream_free(struct stream *s)
{
	free(s->buf);
	s->buf = NULL;
}

struct nlmsghdr *stream_message(struct stream *s, uint16_t type,
				uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(s->buf + s->n);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = NFPROTO_INET;
	g->version = NFNETLINK_V0;
	return h;
}

void stream_end_message(struct stream *s, struct nlmsghdr *h)
{
	s->n += MNL_ALIGN(h->nlmsg_len);
}

void stream_end_unit(struct stream *s)
{
	if (s->n && !s->failed && s->take(s->ctx, s->buf, s->n) != 0)
		s->failed = true;
	memset(s->buf, 0, s->n);
	s->n = 0;
}

int stream_finish(struct stream *s)
{
	stream_end_unit(s);
	return s->failed ? -1 : 0;
}

void put_be32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(h, type, htonl(v));
}

void put_be64(struct nlmsghdr *h, uint16_t type, uint64_t v)
{
	mnl_attr_put_u64(h, type, htobe64(v));
}

struct nlattr *nest_begin(struct nlmsghdr *h, uint16_t type)
{
	return mnl_attr_nest_start(h, type);
}

void nest_end(struct nlmsghdr *h, struct nlattr *a)
{
	mnl_attr_nest_end(h, a);
}

void put_value(struct nlmsghdr *h, uint16_t type, const void *p, uint32_t n)
{
	struct nlattr *nest = nest_begin(h, type);

	mnl_attr_put(h, NFTA_DATA_VALUE, n, p);
	nest_end(h, nest);
}

static_assert((int)NFTNL_UDATA_RULE_COMMENT ==
	      (int)NFTNL_UDATA_SET_ELEM_COMMENT, "one type for both");

size_t comment_bytes(const char *comment, uint8_t out[USERDATA])
{
	size_t n = strnlen(comment, NFTNL_UDATA_COMMENT_MAXLEN) + 1;

	static_assert(NFTNL_UDATA_COMMENT_MAXLEN + 16 < USERDATA, "fits");
	out[0] = NFTNL_UDATA_SET_ELEM_COMMENT;
	out[1] = (uint8_t)n;
	memcpy(out + 2, comment, n - 1);
	out[n + 1] = '\0';
	return n + 2;
}

void put_comment(struct nlmsghdr *h, uint16_t type, const char *comment)
{
	uint8_t u[USERDATA];

	mnl_attr_put(h, type, comment_bytes(comment, u), u);
}
