#include "apply/model.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "apply/attrs.h"
#include "apply/generation.h"
#include "apply/stream.h"
#include "gen/ruleset.h"

struct model *model_new(struct arena *a, const char *table)
{
	struct model *m = ARENA_NEW(a, struct model);

	m->arena = a;
	m->table = arena_strdup(a, table);
	return m;
}

struct model_set *model_set(const struct model *m, const char *name)
{
	struct map_entry *e = map_find_str(&m->set_index, name);

	return e ? e->val.p : NULL;
}

struct model_chain *model_chain(const struct model *m, const char *name)
{
	struct map_entry *e = map_find_str(&m->chain_index, name);

	return e ? e->val.p : NULL;
}

/* ---- object by object ------------------------------------------------------------ */

static void take_table(struct model *m, const struct attrs *x)
{
	m->there = true;
	m->flags = attr_be32(x->v[NFTA_TABLE_FLAGS]) & ~NFT_TABLE_F_DORMANT;
	m->handle = attr_be64(x->v[NFTA_TABLE_HANDLE]);
}

static void take_chain(struct model *m, const struct attrs *x)
{
	struct model_chain *c = ARENA_NEW(m->arena, struct model_chain);
	struct attrs hook;

	c->name = arena_strdup(m->arena, attr_text(x->v[NFTA_CHAIN_NAME], ""));
	if (x->v[NFTA_CHAIN_HOOK]) {
		hook = attrs_in(x->v[NFTA_CHAIN_HOOK]);
		c->base = true;
		c->hook = attr_be32(hook.v[NFTA_HOOK_HOOKNUM]);
		c->priority = (int32_t)attr_be32(hook.v[NFTA_HOOK_PRIORITY]);
		c->policy = attr_be32(x->v[NFTA_CHAIN_POLICY]);
	}
	vec_push(m->arena, &m->chains, c);
	map_add_str(m->arena, &m->chain_index, c->name, NULL)->val.p = c;
}

static void take_set(struct model *m, const struct attrs *x)
{
	struct model_set *s = ARENA_NEW(m->arena, struct model_set);

	s->name = arena_strdup(m->arena, attr_text(x->v[NFTA_SET_NAME], ""));
	s->id = attr_be32(x->v[NFTA_SET_ID]);
	s->flags = attr_be32(x->v[NFTA_SET_FLAGS]);
	s->key_type = attr_be32(x->v[NFTA_SET_KEY_TYPE]);
	s->key_len = attr_be32(x->v[NFTA_SET_KEY_LEN]);
	s->data_type = attr_be32(x->v[NFTA_SET_DATA_TYPE]);
	s->data_len = attr_be32(x->v[NFTA_SET_DATA_LEN]);
	s->counter = x->v[NFTA_SET_EXPR];
	vec_push(m->arena, &m->sets, s);
	map_add_str(m->arena, &m->set_index, s->name, NULL)->val.p = s;
}

struct model_set *model_add_set(struct model *m, const struct model_set *like)
{
	struct model_set *s = ARENA_NEW(m->arena, struct model_set);

	*s = (struct model_set){ .name = like->name, .flags = like->flags,
				 .key_type = like->key_type,
				 .key_len = like->key_len,
				 .data_type = like->data_type,
				 .data_len = like->data_len,
				 .counter = like->counter };
	vec_push(m->arena, &m->sets, s);
	map_add_str(m->arena, &m->set_index, s->name, NULL)->val.p = s;
	return s;
}

static const uint8_t *key_of(struct model *m, const struct attrs *x,
			     unsigned type, uint32_t len)
{
	struct attrs data;
	const struct nlattr *v;

	if (!x->v[type])
		return NULL;
	data = attrs_in(x->v[type]);
	v = data.v[NFTA_DATA_VALUE];
	if (!v || mnl_attr_get_payload_len(v) != len)
		return NULL;
	return memcpy(arena_alloc_raw(m->arena, len), mnl_attr_get_payload(v),
		      len);
}

static const char *udata_comment(struct model *m, const struct nlattr *a)
{
	size_t n;
	const char *text = attr_comment(a, &n);

	return text ? arena_strndup(m->arena, text, n) : NULL;
}

static void take_verdict(struct model *m, struct model_elem *e,
			 const struct nlattr *nest)
{
	struct attrs data = attrs_in(nest), v;

	if (!data.v[NFTA_DATA_VERDICT])
		return;
	v = attrs_in(data.v[NFTA_DATA_VERDICT]);
	e->verdict = true;
	e->code = (int32_t)attr_be32(v.v[NFTA_VERDICT_CODE]);
	if (v.v[NFTA_VERDICT_CHAIN])
		e->chain = arena_strdup(m->arena,
					attr_text(v.v[NFTA_VERDICT_CHAIN], ""));
}

static void take_counter(struct model_elem *e, const struct nlattr *expr)
{
	struct attrs x = attrs_in(expr), data;

	if (strcmp(attr_text(x.v[NFTA_EXPR_NAME], ""), "counter") ||
	    !x.v[NFTA_EXPR_DATA])
		return;
	data = attrs_in(x.v[NFTA_EXPR_DATA]);
	e->counted = true;
	e->packets = attr_be64(data.v[NFTA_COUNTER_PACKETS]);
	e->bytes = attr_be64(data.v[NFTA_COUNTER_BYTES]);
}

static void index_elem(struct model *m, struct model_set *s)
{
	const struct model_elem *e = &s->elems.v[s->elems.n - 1];
	uint8_t key[512];

	if (2 * s->key_len + 4 > sizeof(key))
		return;
	memcpy(key, e->key, s->key_len);
	memcpy(key + s->key_len, &e->flags, 4);
	memcpy(key + s->key_len + 4, e->key_end ? e->key_end : e->key,
	       s->key_len);
	map_add(m->arena, &s->index, key, 2 * s->key_len + 4, NULL)->val.u =
		(uint32_t)s->elems.n;
}

static void take_elem(struct model *m, struct model_set *s,
		      const struct nlattr *nest)
{
	struct attrs x = attrs_in(nest);
	struct model_elem e = {
		.key = key_of(m, &x, NFTA_SET_ELEM_KEY, s->key_len),
		.key_end = key_of(m, &x, NFTA_SET_ELEM_KEY_END, s->key_len),
		.flags = attr_be32(x.v[NFTA_SET_ELEM_FLAGS]),
		.comment = udata_comment(m, x.v[NFTA_SET_ELEM_USERDATA]),
		.timeout = x.v[NFTA_SET_ELEM_TIMEOUT],
	};

	/* a grace period that runs is no part of the rules */
	if (e.timeout && !strcmp(s->name, GRACE_SET)) {
		m->grace = true;
		return;
	}
	if (!e.key) {
		m->bad = true;
		return;
	}
	if (x.v[NFTA_SET_ELEM_USERDATA]) {
		const struct nlattr *u = x.v[NFTA_SET_ELEM_USERDATA];

		e.udata_len = mnl_attr_get_payload_len(u);
		e.udata = memcpy(arena_alloc_raw(m->arena, e.udata_len),
				 mnl_attr_get_payload(u), e.udata_len);
	}
	if (x.v[NFTA_SET_ELEM_DATA]) {
		take_verdict(m, &e, x.v[NFTA_SET_ELEM_DATA]);
		e.data = key_of(m, &x, NFTA_SET_ELEM_DATA, s->data_len);
		m->bad |= !e.verdict && !e.data;
	}
	if (x.v[NFTA_SET_ELEM_EXPR])
		take_counter(&e, x.v[NFTA_SET_ELEM_EXPR]);
	vec_push(m->arena, &s->elems, e);
	index_elem(m, s);
}

static void take_elems(struct model *m, const struct attrs *x)
{
	const char *name = attr_text(x->v[NFTA_SET_ELEM_LIST_SET], "");
	uint32_t id = attr_be32(x->v[NFTA_SET_ELEM_LIST_SET_ID]);
	struct model_set *s = id ? NULL : model_set(m, name);
	const struct nlattr *e;

	for (size_t i = 0; id && i < m->sets.n; i++)
		if (m->sets.v[i]->id == id)
			s = m->sets.v[i];
	if (!s || !x->v[NFTA_SET_ELEM_LIST_ELEMENTS])
		return;
	each_nested(e, x->v[NFTA_SET_ELEM_LIST_ELEMENTS])
		take_elem(m, s, e);
}

static void take_rule(struct model *m, const struct attrs *x)
{
	struct model_chain *c = model_chain(m, attr_text(x->v[NFTA_RULE_CHAIN], ""));
	struct model_rule r = { .handle = attr_be64(x->v[NFTA_RULE_HANDLE]) };

	if (!c) {
		m->bad = true;
		return;
	}
	r.comment = udata_comment(m, x->v[NFTA_RULE_USERDATA]);
	if (x->v[NFTA_RULE_EXPRESSIONS])
		model_code(m, x->v[NFTA_RULE_EXPRESSIONS], &r);
	if (x->v[NFTA_RULE_EXPRESSIONS] && !r.handle) {
		const struct nlattr *a = x->v[NFTA_RULE_EXPRESSIONS];

		r.exprs_len = mnl_attr_get_payload_len(a);
		r.exprs = memcpy(arena_alloc_raw(m->arena, r.exprs_len),
				 mnl_attr_get_payload(a), r.exprs_len);
	}
	vec_push(m->arena, &c->rules, r);
}

/* Any message that makes a part of a table; of another table: ignored. */
static void model_take(struct model *m, const struct nlmsghdr *h)
{
	static void (*const take[NFT_MSG_MAX])(struct model *m,
					       const struct attrs *x) = {
		[NFT_MSG_NEWTABLE] = take_table,
		[NFT_MSG_NEWCHAIN] = take_chain,
		[NFT_MSG_NEWSET] = take_set,
		[NFT_MSG_NEWSETELEM] = take_elems,
		[NFT_MSG_NEWRULE] = take_rule,
	};
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	unsigned type = h->nlmsg_type & 0xff;
	struct attrs x;

	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*g) ||
	    g->nfgen_family != NFPROTO_INET || type >= NFT_MSG_MAX ||
	    !take[type])
		return;
	x = attrs_of(h, sizeof(*g));
	/* the table's name is the first attribute of all of them */
	if (generation_of(m->table, attr_text(x.v[NFTA_TABLE_NAME], "")))
		take[type](m, &x);
}

int model_unit(void *model, const char *unit, size_t n)
{
	const struct nlmsghdr *h = (const void *)unit;
	int left = (int)n;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		model_take(model, h);
	return 0;
}

/* ---- from the kernel ------------------------------------------------------------------ */

static void each(void *ctx, const struct nlmsghdr *h)
{
	model_take(ctx, h);
}

static int dump(struct nft *n, struct model *m, uint16_t type,
		uint16_t table_attr, const char *table)
{
	union {
		char b[NFT_REQUEST];
		struct nlmsghdr h;
	} u;
	struct nlmsghdr *h = nft_request(n, &u, type, NLM_F_DUMP);

	if (table)
		mnl_attr_put_strz(h, table_attr, table);
	return nft_ask(n, h, each, m);
}

struct keeping {
	struct model *m;
	struct buf *messages;
};

static void each_kept(void *ctx, const struct nlmsghdr *h)
{
	struct keeping *k = ctx;

	model_take(k->m, h);
	if (k->messages)
		buf_put(k->messages, h, MNL_ALIGN(h->nlmsg_len));
}

static int dump_elems(struct nft *n, struct model *m, const char *table,
		      const struct model_set *s, struct buf *messages)
{
	struct keeping k = { m, messages };
	union {
		char b[NFT_REQUEST];
		struct nlmsghdr h;
	} u;
	struct nlmsghdr *h = nft_request(n, &u, NFT_MSG_GETSETELEM, NLM_F_DUMP);

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, s->name);
	return nft_ask(n, h, each_kept, &k);
}

struct narrowed {
	struct model *m;
	const char *table;
};

/* Chains and tables are dumped of all tables: only this slot's count. */
static void each_of_table(void *ctx, const struct nlmsghdr *h)
{
	struct narrowed *x = ctx;
	struct attrs a = attrs_of(h, sizeof(struct nfgenmsg));

	if (!strcmp(attr_text(a.v[NFTA_TABLE_NAME], ""), x->table))
		model_take(x->m, h);
}

static int dump_all(struct nft *n, struct narrowed *x, uint16_t type)
{
	union {
		char b[NFT_REQUEST];
		struct nlmsghdr h;
	} u;

	return nft_ask(n, nft_request(n, &u, type, NLM_F_DUMP), each_of_table,
		       x);
}

static bool is_small(const struct model_set *s)
{
	return s->flags & NFT_SET_ANONYMOUS || !strcmp(s->name, GRACE_SET);
}

static int read_once(struct nft *n, struct model *m, const char *table,
		     bool elems, struct buf *messages)
{
	struct narrowed x = { m, table };

	if (dump_all(n, &x, NFT_MSG_GETTABLE) < 0 ||
	    dump_all(n, &x, NFT_MSG_GETCHAIN) < 0 ||
	    (m->there &&
	     dump(n, m, NFT_MSG_GETSET, NFTA_SET_TABLE, table) < 0))
		return -1;
	for (size_t i = 0; i < m->sets.n; i++)
		if ((elems || is_small(m->sets.v[i])) &&
		    dump_elems(n, m, table, m->sets.v[i], messages) < 0)
			return -1;
	return !m->there ? 0 :
		dump(n, m, NFT_MSG_GETRULE, NFTA_RULE_TABLE, table);
}

static struct model *read_table(struct arena *a, struct nft *n,
				const char *table, int slot, bool elems,
				struct buf *messages, struct buf *err)
{
	char name[256];
	uint32_t before, after;

	generation_name(table, slot, name, sizeof(name));
	for (int tries = 0; tries < 8; tries++) {
		struct model *m = model_new(a, table);
		int got;

		if (nft_generation(n, &before, err) < 0)
			return NULL;
		if (messages)
			messages->n = 0;
		got = read_once(n, m, name, elems, messages);
		if (got < 0 && errno != EINTR && errno != ENOENT) {
			buf_printf(err, "reading table %s: %s\n", name,
				   strerror(errno));
			return NULL;
		}
		if (nft_generation(n, &after, err) < 0)
			return NULL;
		m->generation = after;
		if (got == 0 && before == after)
			return m;
	}
	buf_printf(err, "the rules change faster than they can be read\n");
	return NULL;
}

struct model *model_read(struct arena *a, struct nft *n, const char *table,
			 int slot, bool elems, struct buf *err)
{
	return read_table(a, n, table, slot, elems, NULL, err);
}

struct model *model_read_keeping(struct arena *a, struct nft *n,
				 const char *table, int slot, bool elems,
				 struct buf *messages, struct buf *err)
{
	return read_table(a, n, table, slot, elems, messages, err);
}
