#include "apply/apply.h"

#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "apply/stream.h"

/*
 * Elements of a set that is a tree of borders stand and fall together: such a
 * set is emptied and filled again, which in one batch nobody sees. All others
 * lose and gain single elements; one that only changes its words keeps its
 * count.
 */
enum { MOST_CHANGES = 20000 };

static bool borders(const struct model_set *s)
{
	return s->flags & NFT_SET_INTERVAL && !(s->flags & NFT_SET_CONCAT);
}

static bool can_do(const struct model_difference *d)
{
	if (d->what == MODEL_ELEM)
		return true;
	if (d->what != MODEL_RULES)
		return false;
	for (size_t i = 0; i < d->n_want; i++)
		if (d->want->rules.v[d->at + i].anonymous)
			return false;
	return true;
}

bool delta_possible(struct arena *a, struct delta *x, uint64_t most)
{
	if (most > MOST_CHANGES)
		most = MOST_CHANGES;
	x->elements = x->rules = 0;
	if (!x->have || !x->want || !x->have->there || x->have->bad ||
	    x->want->bad)
		return false;
	model_compare(a, x->have, x->want, most, &x->d);
	for (size_t i = 0; i < x->d.v.n; i++) {
		const struct model_difference *d = &x->d.v.v[i];

		if (!can_do(d))
			return false;
		x->elements += d->what == MODEL_ELEM;
		x->rules += d->what == MODEL_RULES ? d->n_have + d->n_want : 0;
	}
	return x->d.v.n && !x->d.more;
}

/* ---- elements ----------------------------------------------------------------------- */

struct changes {
	struct stream s;
	struct nlmsghdr *h;
	struct nlattr *list;
	const char *table;
};

static void end_elems(struct changes *c)
{
	if (!c->h)
		return;
	nest_end(c->h, c->list);
	if (mnl_attr_get_payload_len(c->list) == 0) {
		c->h = NULL; /* never sent: an empty list */
		return;
	}
	stream_end_message(&c->s, c->h);
	stream_end_unit(&c->s);
	c->h = NULL;
}

static void begin_elems(struct changes *c, uint16_t type, const char *set)
{
	c->h = stream_message(&c->s, type,
			      type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
	mnl_attr_put_strz(c->h, NFTA_SET_ELEM_LIST_TABLE, c->table);
	mnl_attr_put_strz(c->h, NFTA_SET_ELEM_LIST_SET, set);
	c->list = nest_begin(c->h, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void put_verdict(struct nlmsghdr *h, const struct model_elem *e)
{
	struct nlattr *data = nest_begin(h, NFTA_SET_ELEM_DATA);
	struct nlattr *v = nest_begin(h, NFTA_DATA_VERDICT);

	put_be32(h, NFTA_VERDICT_CODE, (uint32_t)e->code);
	if (e->chain)
		mnl_attr_put_strz(h, NFTA_VERDICT_CHAIN, e->chain);
	nest_end(h, v);
	nest_end(h, data);
}

static void put_counter(struct nlmsghdr *h, const struct model_elem *e)
{
	struct nlattr *expr = nest_begin(h, NFTA_SET_ELEM_EXPR), *data;

	mnl_attr_put_strz(h, NFTA_EXPR_NAME, "counter");
	data = nest_begin(h, NFTA_EXPR_DATA);
	put_be64(h, NFTA_COUNTER_BYTES, e->bytes);
	put_be64(h, NFTA_COUNTER_PACKETS, e->packets);
	nest_end(h, data);
	nest_end(h, expr);
}

/* counted: of which the count goes on; NULL: from nothing. */
static void put_elem(struct changes *c, const struct model_set *s,
		     const struct model_elem *e, bool whole,
		     const struct model_elem *counted)
{
	struct nlattr *nest = nest_begin(c->h, NFTA_LIST_ELEM);

	if (e->flags)
		put_be32(c->h, NFTA_SET_ELEM_FLAGS, e->flags);
	put_value(c->h, NFTA_SET_ELEM_KEY, e->key, s->key_len);
	if (e->key_end)
		put_value(c->h, NFTA_SET_ELEM_KEY_END, e->key_end, s->key_len);
	if (whole && e->verdict)
		put_verdict(c->h, e);
	if (whole && e->data)
		put_value(c->h, NFTA_SET_ELEM_DATA, e->data, s->data_len);
	if (whole && counted && counted->counted)
		put_counter(c->h, counted);
	if (whole && e->udata_len)
		mnl_attr_put(c->h, NFTA_SET_ELEM_USERDATA, e->udata_len,
			     e->udata);
	nest_end(c->h, nest);
	if (c->h->nlmsg_len > STREAM_NEST) {
		uint16_t type = c->h->nlmsg_type & 0xff;

		end_elems(c);
		begin_elems(c, type, s->name);
	}
}

static void refill(struct changes *c, const struct model_set *want)
{
	struct nlmsghdr *h = stream_message(&c->s, NFT_MSG_DELSETELEM, 0);

	/* without a list: all of them */
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, c->table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, want->name);
	stream_end_message(&c->s, h);
	begin_elems(c, NFT_MSG_NEWSETELEM, want->name);
	for (size_t i = 0; i < want->elems.n; i++)
		put_elem(c, want, &want->elems.v[i], true, NULL);
	end_elems(c);
}

/* All differences of one set, which stand together: v[0..n). */
static void change_set(struct changes *c, const struct delta *x,
		       const struct model_difference *v, size_t n)
{
	const struct model_set *have = model_set(x->have, v->name);
	const struct model_set *want = model_set(x->want, v->name);

	if (borders(want)) {
		refill(c, want);
		return;
	}
	begin_elems(c, NFT_MSG_DELSETELEM, want->name);
	for (size_t i = 0; i < n; i++)
		if (v[i].how != MODEL_MISSING)
			put_elem(c, want, v[i].elem, false, NULL);
	end_elems(c);
	begin_elems(c, NFT_MSG_NEWSETELEM, want->name);
	for (size_t i = 0; i < n; i++)
		if (v[i].how != MODEL_EXTRA)
			put_elem(c, want, v[i].elem, true,
				 v[i].how == MODEL_CHANGED ?
				 model_same_key(have, v[i].elem) : NULL);
	end_elems(c);
}

/* ---- rules ---------------------------------------------------------------------------- */

static struct nlmsghdr *rule_message(struct changes *c, uint16_t type,
				     uint16_t flags, const char *chain)
{
	struct nlmsghdr *h = stream_message(&c->s, type, flags);

	mnl_attr_put_strz(h, NFTA_RULE_TABLE, c->table);
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, chain);
	return h;
}

/* Before the first of those that stay behind them; at the end if none does. */
static void change_rules(struct changes *c, const struct model_difference *d)
{
	size_t behind = d->at + d->n_have;
	bool last = behind == d->have->rules.n;
	struct nlmsghdr *h;

	for (size_t i = 0; i < d->n_want; i++) {
		const struct model_rule *r = &d->want->rules.v[d->at + i];

		h = rule_message(c, NFT_MSG_NEWRULE,
				 (uint16_t)(NLM_F_CREATE |
					    (last ? NLM_F_APPEND : 0)),
				 d->name);
		if (!last)
			put_be64(h, NFTA_RULE_POSITION,
				 d->have->rules.v[behind].handle);
		mnl_attr_put(h, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED,
			     r->exprs_len, r->exprs);
		if (r->comment)
			put_comment(h, NFTA_RULE_USERDATA, r->comment);
		stream_end_message(&c->s, h);
		stream_end_unit(&c->s);
	}
	for (size_t i = 0; i < d->n_have; i++) {
		h = rule_message(c, NFT_MSG_DELRULE, 0, d->name);
		put_be64(h, NFTA_RULE_HANDLE,
			 d->have->rules.v[d->at + i].handle);
		stream_end_message(&c->s, h);
		stream_end_unit(&c->s);
	}
}

/* ---- all of it, as one batch ------------------------------------------------------------ */

static int take(void *ctx, const char *unit, size_t n)
{
	struct batch *b = ctx;

	if (!batch_has_room(b, n))
		return -1;
	batch_add(b, unit, n);
	return 0;
}

bool delta_build(const struct delta *x, struct batch *b, const char *table)
{
	struct changes c = { .table = table };
	bool fits;

	stream_init(&c.s, take, b);
	for (size_t i = 0, n; i < x->d.v.n; i += n) {
		const struct model_difference *d = &x->d.v.v[i];

		n = 1;
		if (d->what == MODEL_RULES) {
			change_rules(&c, d);
			continue;
		}
		while (i + n < x->d.v.n && d[n].what == MODEL_ELEM &&
		       !strcmp(d[n].name, d->name))
			n++;
		change_set(&c, x, d, n);
	}
	fits = stream_finish(&c.s) == 0;
	stream_free(&c.s);
	return fits;
}
