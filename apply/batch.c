#include "apply/batch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "apply/attrs.h"
#include "apply/generation.h"
#include "apply/stream.h"
#include "base/mem.h"

enum { TAIL = 256 }; /* bytes for the end of the batch */

/* With the generation on which it rests; not of libnftnl, which has no word
 * for that attribute. */
static void begin(struct batch *b)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(b->buf);
	struct nfgenmsg *g;

	b->first = ++b->nft->seq;
	h->nlmsg_type = NFNL_MSG_BATCH_BEGIN;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = b->first;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->version = NFNETLINK_V0;
	g->res_id = htons(NFNL_SUBSYS_NFTABLES);
	mnl_attr_put_u32(h, NFNL_BATCH_GENID, htonl(b->generation));
	b->n = MNL_ALIGN(h->nlmsg_len);
	b->messages = 0;
}

void batch_init(struct batch *b, struct nft *n, uint32_t generation, char slot)
{
	*b = (struct batch){ .nft = n, .generation = generation, .slot = slot,
			     .cap = n->limit > STREAM_UNIT ? n->limit :
				    STREAM_UNIT };
	b->buf = mem_alloc(b->cap + TAIL);
	begin(b);
}

void batch_free(struct batch *b)
{
	free(b->buf);
	b->buf = NULL;
}

bool batch_has_room(const struct batch *b, size_t len)
{
	return b->n + len <= b->nft->limit || !b->messages;
}

void batch_add(struct batch *b, const char *messages, size_t len)
{
	int left = (int)len;
	struct nlmsghdr *h = (void *)(b->buf + b->n);

	memcpy(h, messages, len);
	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		h->nlmsg_seq = ++b->nft->seq;
		generation_set_slot(h, b->slot);
		b->messages++;
	}
	b->n += len;
}

void batch_add_table(struct batch *b, uint16_t type, const char *table,
		     char slot, uint32_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(b->buf + b->n);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = ++b->nft->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = NFPROTO_INET;
	g->version = NFNETLINK_V0;
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
	if (type == NFT_MSG_NEWTABLE)
		mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, htonl(flags));
	generation_set_slot(h, slot);
	b->n += MNL_ALIGN(h->nlmsg_len);
	b->messages++;
}

static struct nlmsghdr *message_of(const struct batch *b, uint32_t seq)
{
	struct nlmsghdr *h = (void *)b->buf;
	int left = (int)b->n;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		if (h->nlmsg_seq == seq)
			return h;
	return NULL;
}

struct answer {
	const struct batch *b;
	struct buf *err;
	unsigned complaints;
	bool acknowledged, stale;
};

/* Where in the message, as the kernel points at it; 0: nowhere. */
static uint32_t offset_in(const struct nlmsghdr *h)
{
	struct attrs x = attrs_of(h, sizeof(struct nlmsgerr));
	const struct nlattr *a = x.v[NLMSGERR_ATTR_OFFS];

	return h->nlmsg_flags & NLM_F_ACK_TLVS && a &&
	       mnl_attr_validate(a, MNL_TYPE_U32) >= 0 ?
		mnl_attr_get_u32(a) : 0;
}

static void complain(struct answer *a, const struct nlmsghdr *h,
		     const struct nlmsgerr *e)
{
	const struct nlmsghdr *about = message_of(a->b, e->msg.nlmsg_seq);

	/* one that fails drags its followers along: the first counts */
	if (a->complaints++)
		return;
	if (!about || about->nlmsg_type == NFNL_MSG_BATCH_BEGIN)
		buf_printf(a->err, "the kernel refuses the rules as a whole");
	else
		explain_object(about, offset_in(h), a->err);
	buf_printf(a->err, ": %s\n", explain_errno(-e->error));
}

static void each_answer(void *ctx, const struct nlmsghdr *h)
{
	struct answer *a = ctx;
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type != NLMSG_ERROR ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
		return;
	if (e->error == 0)
		a->acknowledged = true;
	else if (e->error == -ERESTART)
		a->stale = true;
	else
		complain(a, h, e);
}

static void end(struct batch *b, struct nlmsghdr *last)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(b->buf + b->n);
	struct nfgenmsg *g;

	/* one acknowledgement: without it silence would pass for success */
	last->nlmsg_flags |= NLM_F_ACK;
	h->nlmsg_type = NFNL_MSG_BATCH_END;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = ++b->nft->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->version = NFNETLINK_V0;
	g->res_id = htons(NFNL_SUBSYS_NFTABLES);
	b->n += MNL_ALIGN(h->nlmsg_len);
}

enum batch_result batch_commit(struct batch *b, struct buf *err)
{
	struct answer a = { .b = b, .err = err };
	enum batch_result result = BATCH_DONE;

	if (!b->messages)
		return BATCH_DONE;
	end(b, message_of(b, b->nft->seq));
	if (nft_send_batch(b->nft, b->buf, b->n, each_answer, &a) < 0) {
		buf_printf(err, "sending %zu bytes to the kernel: %s\n", b->n,
			   explain_errno(errno));
		result = BATCH_FAILED;
	} else if (a.stale) {
		result = BATCH_STALE;
	} else if (a.complaints || !a.acknowledged) {
		if (a.complaints > 1)
			buf_printf(err, "  (%u more complaints follow from "
				   "it)\n", a.complaints - 1);
		if (!a.complaints)
			buf_puts(err, "the kernel does not answer\n");
		result = BATCH_FAILED;
	} else {
		b->generation = nft_generation_after(b->generation);
	}
	begin(b);
	return result;
}
