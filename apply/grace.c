#include "apply/grace.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>

#include "apply/stream.h"
#include "base/keys.h"
#include "gen/ruleset.h"

static int into_batch(void *batch, const char *unit, size_t n)
{
	batch_add(batch, unit, n);
	return 0;
}

static struct nlmsghdr *begin(struct stream *s, uint16_t type, uint16_t flags,
			      const char *table)
{
	struct nlmsghdr *h = stream_message(s, type, flags);

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, GRACE_SET);
	return h;
}

/* "tcp timeout 3600s" */
static void put_element(struct nlmsghdr *h, unsigned seconds)
{
	static const uint8_t proto = PROTO_TCP;
	struct nlattr *list = nest_begin(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *elem = nest_begin(h, NFTA_LIST_ELEM);

	put_value(h, NFTA_SET_ELEM_KEY, &proto, sizeof(proto));
	/* in milliseconds */
	put_be64(h, NFTA_SET_ELEM_TIMEOUT, (uint64_t)seconds * 1000);
	nest_end(h, elem);
	nest_end(h, list);
}

enum batch_result grace_start(struct nft *n, const char *table,
			      struct generations *g, int slot,
			      unsigned seconds, struct buf *err)
{
	enum batch_result r;
	struct nlmsghdr *h;
	struct stream s;
	struct batch b;

	batch_init(&b, n, g->generation, generation_slot[slot]);
	stream_init(&s, into_batch, &b);
	/* emptied first: added again, an element keeps its time (Linux before
	 * 6.12) */
	stream_end_message(&s, begin(&s, NFT_MSG_DELSETELEM, 0, table));
	h = begin(&s, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table);
	put_element(h, seconds);
	stream_end_message(&s, h);
	stream_end_unit(&s);
	stream_free(&s);
	r = batch_commit(&b, err);
	g->generation = b.generation;
	batch_free(&b);
	return r;
}
