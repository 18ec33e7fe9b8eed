#include "apply/build.h"

#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/*
 * Elements, straight as netlink attributes: there may be a million. A set of
 * one field that holds ranges is a tree of borders in the kernel: each range
 * is a start and an end behind it, and the space before the first range is an
 * end too. Of several fields, an element holds both ends.
 */
struct writer {
	struct stream *s;
	const struct build_set *b;
	struct nlmsghdr *h; /* NULL: no message begun */
	struct nlattr *list;
};

struct border {
	const uint8_t *key, *key_end; /* key_end: NULL for none */
	const struct rs_elem *elem;   /* NULL: an end */
	bool open;		      /* a range to the end of the space */
};

uint32_t set_key_len(const struct rs_set *set)
{
	uint32_t n = 0;

	if (set->n_field == 1)
		return nl_field(set->field[0])->len;
	for (unsigned i = 0; i < set->n_field; i++)
		n += field_padded(nl_field(set->field[i]));
	return n;
}

uint32_t set_data_len(const struct rs_set *set)
{
	uint32_t n = 0;

	if (set->n_data == 1)
		return nl_field(set->data[0])->len;
	for (unsigned i = 0; i < set->n_data; i++)
		n += field_padded(nl_field(set->data[i]));
	return n;
}

static void begin(struct writer *w)
{
	struct nlmsghdr *h = stream_message(w->s, NFT_MSG_NEWSETELEM,
					    NLM_F_CREATE);

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, w->b->table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, w->b->name);
	if (w->b->set_id)
		put_be32(h, NFTA_SET_ELEM_LIST_SET_ID, w->b->set_id);
	w->h = h;
	w->list = nest_begin(h, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void end(struct writer *w)
{
	if (!w->h)
		return;
	nest_end(w->h, w->list);
	stream_end_message(w->s, w->h);
	w->h = NULL;
	/* of an anonymous set, nothing may be in another batch */
	if (!w->b->set_id)
		stream_end_unit(w->s);
}

static void put_verdict(struct nlmsghdr *h, const struct rs_elem *e)
{
	static const uint32_t code[] = {
		[RS_NONE] = (uint32_t)NFT_CONTINUE, [RS_ACCEPT] = NF_ACCEPT,
		[RS_DROP] = NF_DROP, [RS_JUMP] = (uint32_t)NFT_JUMP,
		[RS_GOTO] = (uint32_t)NFT_GOTO,
	};
	struct nlattr *data = nest_begin(h, NFTA_SET_ELEM_DATA);
	struct nlattr *v = nest_begin(h, NFTA_DATA_VERDICT);

	put_be32(h, NFTA_VERDICT_CODE, code[e->verdict]);
	if (e->target)
		mnl_attr_put_strz(h, NFTA_VERDICT_CHAIN, e->target);
	nest_end(h, v);
	nest_end(h, data);
}

/* What a map leads to, where that is no verdict. */
static void put_target(struct nlmsghdr *h, const struct rs_set *set,
		       const struct rs_elem *e)
{
	uint8_t out[KEY_BYTES] = { 0 };
	uint32_t at = 0;

	for (unsigned i = 0; i < set->n_data; i++) {
		const struct nl_field *f = nl_field(set->data[i]);
		uint8_t b[FIELD_BYTES];

		field_bytes(f, e->data[i], NULL, b);
		memcpy(out + at, b, f->len);
		at += field_padded(f);
	}
	put_value(h, NFTA_SET_ELEM_DATA, out, set_data_len(set));
}

static void put_userdata(struct nlmsghdr *h, const char *comment, bool open)
{
	uint8_t u[USERDATA];
	size_t n = comment ? comment_bytes(comment, u) : 0;

	if (open) {
		static const uint32_t flags = NFTNL_SET_ELEM_F_INTERVAL_OPEN;

		u[n++] = NFTNL_UDATA_SET_ELEM_FLAGS;
		u[n++] = sizeof(flags);
		memcpy(u + n, &flags, sizeof(flags));
		n += sizeof(flags);
	}
	if (n)
		mnl_attr_put(h, NFTA_SET_ELEM_USERDATA, n, u);
}

static void put_elem(struct writer *w, const struct border *x)
{
	uint32_t len = set_key_len(w->b->set);
	struct nlattr *e;

	if (w->h && w->h->nlmsg_len > STREAM_NEST)
		end(w);
	if (!w->h)
		begin(w);
	e = nest_begin(w->h, NFTA_LIST_ELEM);
	if (!x->elem)
		put_be32(w->h, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	put_value(w->h, NFTA_SET_ELEM_KEY, x->key, len);
	if (x->key_end)
		put_value(w->h, NFTA_SET_ELEM_KEY_END, x->key_end, len);
	if (x->elem && w->b->set->map)
		put_verdict(w->h, x->elem);
	if (x->elem && w->b->set->n_data)
		put_target(w->h, w->b->set, x->elem);
	if (x->elem)
		put_userdata(w->h, x->elem->comment, x->open);
	nest_end(w->h, e);
}

static void key_of(const struct rs_set *set, const struct rs_elem *e, bool hi,
		   uint8_t out[KEY_BYTES])
{
	uint32_t at = 0;

	memset(out, 0, KEY_BYTES);
	for (unsigned i = 0; i < set->n_field; i++) {
		const struct nl_field *f = nl_field(set->field[i]);
		uint8_t b[FIELD_BYTES];

		field_bytes(f, hi ? e->key[i].hi : e->key[i].lo,
			    e->key[i].name, b);
		memcpy(out + at, b, f->len);
		at += field_padded(f);
	}
}

/* ---- ranges of one field ----------------------------------------------------- */

static bool all_zero(const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* The number behind it; false: there is none. */
static bool next_key(uint8_t *p, uint32_t n)
{
	for (uint32_t i = n; i-- > 0;)
		if (++p[i])
			return true;
	return false;
}

/* Elements come sorted. */
static void put_range(struct writer *w, const struct rs_elem *e, bool first)
{
	static const uint8_t zero[KEY_BYTES];
	uint32_t n = set_key_len(w->b->set);
	uint8_t lo[KEY_BYTES], hi[KEY_BYTES];
	bool more;

	key_of(w->b->set, e, false, lo);
	key_of(w->b->set, e, true, hi);
	more = next_key(hi, n);
	if (first && !all_zero(lo, n))
		put_elem(w, &(struct border){ .key = zero });
	put_elem(w, &(struct border){ .key = lo, .elem = e, .open = !more });
	if (more)
		put_elem(w, &(struct border){ .key = hi });
}

size_t count_elems(const struct rs_set *set)
{
	size_t n = set->elems.n;
	uint8_t key[KEY_BYTES];
	uint32_t len = set_key_len(set);

	if (!set->interval || set->n_field > 1 || !n)
		return n;
	key_of(set, &set->elems.v[0], false, key);
	n += !all_zero(key, len);
	key_of(set, &set->elems.v[set->elems.n - 1], true, key);
	return n + set->elems.n - !next_key(key, len);
}

void build_elems(struct stream *s, const struct build_set *b)
{
	struct writer w = { .s = s, .b = b };
	bool ranges = b->set->interval && b->set->n_field == 1;

	for (size_t i = 0; i < b->set->elems.n; i++) {
		const struct rs_elem *e = &b->set->elems.v[i];
		uint8_t lo[KEY_BYTES], hi[KEY_BYTES];

		if (ranges) {
			put_range(&w, e, i == 0);
			continue;
		}
		key_of(b->set, e, false, lo);
		if (b->set->interval)
			key_of(b->set, e, true, hi);
		put_elem(&w, &(struct border){
				.key = lo, .elem = e,
				.key_end = b->set->interval ? hi : NULL });
	}
	end(&w);
}
