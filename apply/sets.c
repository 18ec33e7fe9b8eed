#include "apply/build.h"

#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>

/*
 * Sets themselves. Their user data is what nft 1.0.6 writes: the byte order of
 * key and data, whether ranges are merged, and how the key came about, which it
 * needs to print elements.
 */
enum {
	VERDICT_TYPE = 0xffffff00, VERDICT_LEN = 16,
	TYPE_BITS = 6,	   /* of a field in a concatenation's type */
	EXPR_PAYLOAD = 7, EXPR_META = 9, EXPR_CONCAT = 13, /* of nft */
	/* user data of an expression: which header or key, which field, and
	 * for a field of no nft type its length in bits */
	TYPEOF_DESC = 0, TYPEOF_TEMPLATE = 1, TYPEOF_LEN = 4,
	TYPE_INTEGER = 4,
};

struct udata {
	uint8_t b[128];
	size_t n;
};

static void udata_u32(struct udata *u, uint8_t type, uint32_t v)
{
	u->b[u->n++] = type;
	u->b[u->n++] = sizeof(v);
	memcpy(u->b + u->n, &v, sizeof(v));
	u->n += sizeof(v);
}

static size_t udata_begin(struct udata *u, uint8_t type)
{
	u->b[u->n++] = type;
	return u->n++;
}

static void udata_end(struct udata *u, size_t at)
{
	u->b[at] = (uint8_t)(u->n - at - 1);
}

/* An expression by its kind; f NULL: a concatenation. */
static void udata_typeof(struct udata *u, uint8_t type,
			 const struct nl_field *f)
{
	size_t outer = udata_begin(u, type), inner;

	udata_u32(u, NFTNL_UDATA_SET_TYPEOF_EXPR,
		  !f ? EXPR_CONCAT : f->load == LOAD_META ? EXPR_META :
		  EXPR_PAYLOAD);
	inner = udata_begin(u, NFTNL_UDATA_SET_TYPEOF_DATA);
	if (f && f->load == LOAD_META) {
		udata_u32(u, TYPEOF_DESC, f->key);
	} else if (f) {
		udata_u32(u, TYPEOF_DESC, f->proto);
		udata_u32(u, TYPEOF_TEMPLATE, f->template);
		if (f->type == TYPE_INTEGER)
			udata_u32(u, TYPEOF_LEN, f->len * 8);
	}
	udata_end(u, inner);
	udata_end(u, outer);
}

static uint32_t type_of(const enum rs_field *f, unsigned n)
{
	uint32_t t = 0;

	for (unsigned i = 0; i < n; i++)
		t = t << TYPE_BITS | nl_field(f[i])->type;
	return t;
}

static void put_field_lengths(struct nlmsghdr *h, const struct rs_set *set)
{
	struct nlattr *desc = nest_begin(h, NFTA_SET_DESC);
	struct nlattr *concat = nest_begin(h, NFTA_SET_DESC_CONCAT);

	for (unsigned i = 0; i < set->n_field; i++) {
		struct nlattr *e = nest_begin(h, NFTA_LIST_ELEM);

		put_be32(h, NFTA_SET_FIELD_LEN, nl_field(set->field[i])->len);
		nest_end(h, e);
	}
	nest_end(h, concat);
	nest_end(h, desc);
}

static void put_size(struct nlmsghdr *h, uint32_t n)
{
	struct nlattr *desc = nest_begin(h, NFTA_SET_DESC);

	put_be32(h, NFTA_SET_DESC_SIZE, n);
	nest_end(h, desc);
}

/* What every element begins with: a counter of nothing. */
static void put_counter(struct nlmsghdr *h)
{
	struct nlattr *e = nest_begin(h, NFTA_SET_EXPR), *data;

	mnl_attr_put_strz(h, NFTA_EXPR_NAME, "counter");
	data = nest_begin(h, NFTA_EXPR_DATA);
	mnl_attr_put_u64(h, NFTA_COUNTER_BYTES, 0);
	mnl_attr_put_u64(h, NFTA_COUNTER_PACKETS, 0);
	nest_end(h, data);
	nest_end(h, e);
}

/* NFT_SET_… of a named set */
static uint32_t set_flags(const struct rs_set *set)
{
	return (set->interval ? NFT_SET_INTERVAL : 0) |
	       (set->timed ? NFT_SET_TIMEOUT : 0) |
	       (set->map || set->n_data ? NFT_SET_MAP : 0) |
	       (set->interval && set->n_field > 1 ? NFT_SET_CONCAT : 0);
}

static struct nlmsghdr *begin(struct stream *s, const struct build_set *b,
			      uint32_t flags)
{
	struct nlmsghdr *h = stream_message(s, NFT_MSG_NEWSET, NLM_F_CREATE);

	mnl_attr_put_strz(h, NFTA_SET_TABLE, b->table);
	mnl_attr_put_strz(h, NFTA_SET_NAME, b->name);
	put_be32(h, NFTA_SET_FLAGS, flags);
	put_be32(h, NFTA_SET_KEY_TYPE, type_of(b->set->field, b->set->n_field));
	put_be32(h, NFTA_SET_KEY_LEN, set_key_len(b->set));
	put_be32(h, NFTA_SET_ID, b->set_id);
	if (b->set->map) {
		put_be32(h, NFTA_SET_DATA_TYPE, VERDICT_TYPE);
		put_be32(h, NFTA_SET_DATA_LEN, VERDICT_LEN);
	} else if (b->set->n_data) {
		put_be32(h, NFTA_SET_DATA_TYPE,
			 type_of(b->set->data, b->set->n_data));
		put_be32(h, NFTA_SET_DATA_LEN, set_data_len(b->set));
	}
	return h;
}

void build_set(struct stream *s, const struct build_set *b)
{
	const struct rs_set *set = b->set;
	struct nlmsghdr *h = begin(s, b, set_flags(set));
	struct udata u = { .n = 0 };

	if (set->interval && set->n_field > 1)
		put_field_lengths(h, set);
	udata_u32(&u, NFTNL_UDATA_SET_KEYBYTEORDER,
		  set->n_field > 1 ? 0 : nl_field(set->field[0])->order);
	if (set->map || set->n_data)
		udata_u32(&u, NFTNL_UDATA_SET_DATABYTEORDER,
			  set->n_data == 1 ? nl_field(set->data[0])->order : 0);
	if (set->n_field > 1)
		udata_typeof(&u, NFTNL_UDATA_SET_KEY_TYPEOF, NULL);
	if (set->n_data > 1)
		udata_typeof(&u, NFTNL_UDATA_SET_DATA_TYPEOF, NULL);
	if (set->map || set->n_data)
		udata_u32(&u, NFTNL_UDATA_SET_DATA_INTERVAL, 0);
	mnl_attr_put(h, NFTA_SET_USERDATA, u.n, u.b);
	if (set->counter)
		put_counter(h);
	stream_end_message(s, h);
}

void build_anonymous(struct stream *s, const struct build_set *b,
		     const struct nl_field *f)
{
	struct nlmsghdr *h = begin(s, b, set_flags(b->set) |
				   NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
	struct udata u = { .n = 0 };

	put_size(h, (uint32_t)count_elems(b->set));
	/* ranges are compared in network order, whatever the packet's is */
	udata_u32(&u, NFTNL_UDATA_SET_KEYBYTEORDER,
		  b->set->interval || f->order == 2 ? 2 : 1);
	if (b->set->interval)
		udata_u32(&u, NFTNL_UDATA_SET_MERGE_ELEMENTS, 1);
	udata_typeof(&u, NFTNL_UDATA_SET_KEY_TYPEOF, f);
	mnl_attr_put(h, NFTA_SET_USERDATA, u.n, u.b);
	stream_end_message(s, h);
}
