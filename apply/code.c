#include "apply/model.h"

#include <arpa/inet.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>

#include "apply/stream.h"
#include "base/hash.h"

/*
 * What the kernel dumps of an expression and what was sent for it differ in
 * the order of attributes and in those that are zero. Both are written out
 * here in ascending order, without zeros; a set without a name of its own is
 * replaced by a hash of what it holds.
 */
enum { MOST_ATTRS = 64, MOST_DEPTH = 8 };

/* Attributes that hold others, by expression; all else is plain bytes. */
static const struct {
	const char *expr;
	uint16_t nested;  /* bits by attribute type */
} nests[] = {
	{ "cmp", 1 << NFTA_CMP_DATA },
	{ "immediate", 1 << NFTA_IMMEDIATE_DATA },
	{ "bitwise", 1 << NFTA_BITWISE_MASK | 1 << NFTA_BITWISE_XOR |
		     1 << NFTA_BITWISE_DATA },
	{ "range", 1 << NFTA_RANGE_FROM_DATA | 1 << NFTA_RANGE_TO_DATA },
};

struct writer {
	struct model *m;
	struct buf out;
	struct model_rule *rule;
};

static bool all_zero(const struct nlattr *a)
{
	const uint8_t *p = mnl_attr_get_payload(a);

	for (uint16_t i = 0; i < mnl_attr_get_payload_len(a); i++)
		if (p[i])
			return false;
	return true;
}

static void put_head(struct writer *w, uint16_t type, size_t len)
{
	uint16_t head[2] = { type, (uint16_t)len };

	buf_put(&w->out, head, sizeof(head));
}

static void put_plain(struct writer *w, const struct nlattr *a)
{
	if (all_zero(a))
		return;
	put_head(w, mnl_attr_get_type(a), mnl_attr_get_payload_len(a));
	buf_put(&w->out, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

/* A value as it is, zero or not; or a verdict with its chain. */
static void put_data(struct writer *w, const struct nlattr *nest)
{
	const struct nlattr *a, *v;

	each_nested(a, nest) {
		put_head(w, mnl_attr_get_type(a), mnl_attr_get_payload_len(a));
		if (mnl_attr_get_type(a) == NFTA_DATA_VERDICT) {
			each_nested(v, a)
				put_plain(w, v);
			continue;
		}
		buf_put(&w->out, mnl_attr_get_payload(a),
			mnl_attr_get_payload_len(a));
	}
}

static uint64_t read_be64(const struct nlattr *a)
{
	const uint8_t *p = mnl_attr_get_payload(a);
	uint64_t v = 0;

	for (int i = 0; i < 8 && i < mnl_attr_get_payload_len(a); i++)
		v = v << 8 | p[i];
	return v;
}

static void take_counter(struct writer *w, const struct nlattr *data)
{
	const struct nlattr *a;

	w->rule->counted = true;
	each_nested(a, data) {
		if (mnl_attr_get_type(a) == NFTA_COUNTER_PACKETS)
			w->rule->packets += read_be64(a);
		if (mnl_attr_get_type(a) == NFTA_COUNTER_BYTES)
			w->rule->bytes += read_be64(a);
	}
}

/* Order does not matter there. */
static uint64_t set_hash(const struct model_set *s)
{
	uint64_t sum = s->flags;

	for (size_t i = 0; i < s->elems.n; i++)
		sum += hash_mix(hash_u64(hash_bytes(HASH_INIT,
						    s->elems.v[i].key,
						    s->key_len),
					 s->elems.v[i].flags));
	return hash_mix(sum);
}

static const struct model_set *anonymous(const struct model *m,
					 const char *name, uint32_t id)
{
	if (strncmp(name, "__set", 5) && strncmp(name, "__map", 5))
		return NULL;
	for (size_t i = 0; id && i < m->sets.n; i++)
		if (m->sets.v[i]->id == id)
			return m->sets.v[i];
	return model_set(m, name);
}

static bool put_lookup(struct writer *w, const struct nlattr *const *tb)
{
	const struct model_set *s;
	uint64_t h;
	uint32_t id = 0;

	if (!tb[NFTA_LOOKUP_SET] ||
	    mnl_attr_validate(tb[NFTA_LOOKUP_SET], MNL_TYPE_NUL_STRING) < 0)
		return false;
	if (tb[NFTA_LOOKUP_SET_ID] &&
	    mnl_attr_validate(tb[NFTA_LOOKUP_SET_ID], MNL_TYPE_U32) >= 0)
		id = ntohl(mnl_attr_get_u32(tb[NFTA_LOOKUP_SET_ID]));
	s = anonymous(w->m, mnl_attr_get_str(tb[NFTA_LOOKUP_SET]), id);
	if (!s)
		return false;
	w->rule->anonymous = true;
	h = set_hash(s);
	put_head(w, NFTA_LOOKUP_SET, sizeof(h));
	buf_put(&w->out, &h, sizeof(h));
	return true;
}

static void put_fields(struct writer *w, const char *expr,
		       const struct nlattr *data)
{
	const struct nlattr *tb[MOST_ATTRS] = { NULL }, *a;
	bool is_lookup = !strcmp(expr, "lookup");
	uint16_t nested = 0;

	for (size_t i = 0; i < sizeof(nests) / sizeof(*nests); i++)
		if (!strcmp(nests[i].expr, expr))
			nested = nests[i].nested;
	each_nested(a, data)
		if (mnl_attr_get_type(a) < MOST_ATTRS)
			tb[mnl_attr_get_type(a)] = a;
	for (unsigned t = 0; t < MOST_ATTRS; t++) {
		if (!tb[t])
			continue;
		if (is_lookup && t == NFTA_LOOKUP_SET_ID)
			continue;
		/* present or not tells a map from a set */
		if (is_lookup && t == NFTA_LOOKUP_DREG)
			put_head(w, NFTA_LOOKUP_DREG, 0);
		else if (is_lookup && t == NFTA_LOOKUP_SET &&
			 put_lookup(w, tb))
			continue;
		else if (t < 16 && nested >> t & 1)
			put_data(w, tb[t]);
		else
			put_plain(w, tb[t]);
	}
}

/* nft 1.0.6 writes one for a single byte within a concatenation, from the second
 * rule of a file on: the kernel turns as many words as fit, so none. */
static bool turns_nothing(const struct nlattr *data)
{
	uint32_t len = 0, size = 0;
	const struct nlattr *a;

	each_nested(a, data) {
		if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
			continue;
		if (mnl_attr_get_type(a) == NFTA_BYTEORDER_LEN)
			len = ntohl(mnl_attr_get_u32(a));
		if (mnl_attr_get_type(a) == NFTA_BYTEORDER_SIZE)
			size = ntohl(mnl_attr_get_u32(a));
	}
	return len < size;
}

static void put_expr(struct writer *w, const struct nlattr *e)
{
	const struct nlattr *a, *data = NULL;
	const char *name = "?";

	each_nested(a, e) {
		if (mnl_attr_get_type(a) == NFTA_EXPR_NAME &&
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(a);
		if (mnl_attr_get_type(a) == NFTA_EXPR_DATA)
			data = a;
	}
	if (data && !strcmp(name, "byteorder") && turns_nothing(data))
		return;
	buf_put(&w->out, name, strlen(name) + 1);
	if (data && !strcmp(name, "counter"))
		take_counter(w, data);
	else if (data)
		put_fields(w, name, data);
}

void model_code(struct model *m, const struct nlattr *list,
		struct model_rule *r)
{
	struct writer w = { .m = m, .rule = r };
	const struct nlattr *e;

	each_nested(e, list)
		put_expr(&w, e);
	r->n = w.out.n;
	r->code = (const uint8_t *)arena_strndup(m->arena,
						 w.out.s ? w.out.s : "",
						 w.out.n);
	buf_free(&w.out);
}
