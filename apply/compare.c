#include "apply/model.h"

#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/keys.h"

struct comparison {
	struct arena *a;
	const struct model *have, *want;
	size_t most;
	struct model_differences *out;
};

static void differ(struct comparison *c, struct model_difference d)
{
	if (c->out->v.n < c->most)
		vec_push(c->a, &c->out->v, d);
	else
		c->out->more++;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool named(const struct model_set *s)
{
	return !(s->flags & NFT_SET_ANONYMOUS);
}

static bool same_kind(const struct model_set *a, const struct model_set *b)
{
	return a->flags == b->flags && a->key_type == b->key_type &&
	       a->key_len == b->key_len && a->data_type == b->data_type &&
	       a->data_len == b->data_len &&
	       a->counter == b->counter;
}

struct model_elem *model_same_key(const struct model_set *s,
				  const struct model_elem *e)
{
	uint8_t key[512];
	struct map_entry *found;

	if (2 * s->key_len + 4 > sizeof(key))
		return NULL;
	memcpy(key, e->key, s->key_len);
	memcpy(key + s->key_len, &e->flags, 4);
	memcpy(key + s->key_len + 4, e->key_end ? e->key_end : e->key,
	       s->key_len);
	found = map_find(&s->index, key, 2 * s->key_len + 4);
	return found ? &s->elems.v[found->val.u - 1] : NULL;
}

static bool same_elem(const struct model_set *s, const struct model_elem *a,
		      const struct model_elem *b)
{
	if (!a->data != !b->data ||
	    (a->data && memcmp(a->data, b->data, s->data_len)))
		return false;
	return same_text(a->comment, b->comment) && a->verdict == b->verdict &&
	       a->code == b->code && same_text(a->chain, b->chain);
}

static void compare_elems(struct comparison *c, const struct model_set *have,
			  const struct model_set *want)
{
	struct model_difference d = { .what = MODEL_ELEM, .name = want->name };

	for (size_t i = 0; i < have->elems.n; i++) {
		d.elem = &have->elems.v[i];
		d.set = have;
		d.how = MODEL_EXTRA;
		if (!d.elem->timeout && !model_same_key(want, d.elem))
			differ(c, d);
	}
	for (size_t i = 0; i < want->elems.n; i++) {
		const struct model_elem *e = model_same_key(have,
							    &want->elems.v[i]);

		d.elem = &want->elems.v[i];
		d.set = want;
		d.how = e ? MODEL_CHANGED : MODEL_MISSING;
		if (!d.elem->timeout && (!e || !same_elem(want, e, d.elem)))
			differ(c, d);
	}
}

static bool same_rule(const struct model_rule *a, const struct model_rule *b)
{
	return a->n == b->n && !memcmp(a->code, b->code, a->n) &&
	       same_text(a->comment, b->comment);
}

/* Equal at both ends; what lies between differs. */
static void compare_rules(struct comparison *c, const struct model_chain *have,
			  const struct model_chain *want)
{
	size_t n = have->rules.n, m = want->rules.n, at = 0;

	while (at < n && at < m &&
	       same_rule(&have->rules.v[at], &want->rules.v[at]))
		at++;
	while (n > at && m > at &&
	       same_rule(&have->rules.v[n - 1], &want->rules.v[m - 1]))
		n--, m--;
	if (n > at || m > at)
		differ(c, (struct model_difference){
				.what = MODEL_RULES, .how = MODEL_CHANGED,
				.name = want->name, .at = at, .n_have = n - at,
				.n_want = m - at, .have = have, .want = want });
}

static void compare_sets(struct comparison *c)
{
	for (size_t i = 0; i < c->have->sets.n; i++) {
		const struct model_set *s = c->have->sets.v[i];

		if (named(s) && !model_set(c->want, s->name))
			differ(c, (struct model_difference){
					.what = MODEL_SET, .how = MODEL_EXTRA,
					.name = s->name, .set = s });
	}
	for (size_t i = 0; i < c->want->sets.n; i++) {
		const struct model_set *want = c->want->sets.v[i];
		const struct model_set *have = model_set(c->have, want->name);

		if (!named(want))
			continue;
		if (have && same_kind(have, want))
			compare_elems(c, have, want);
		else
			differ(c, (struct model_difference){
					.what = MODEL_SET, .name = want->name,
					.how = have ? MODEL_CHANGED :
						      MODEL_MISSING,
					.set = want });
	}
}

static void compare_chains(struct comparison *c)
{
	for (size_t i = 0; i < c->have->chains.n; i++) {
		const struct model_chain *x = c->have->chains.v[i];

		if (!model_chain(c->want, x->name))
			differ(c, (struct model_difference){
					.what = MODEL_CHAIN, .name = x->name,
					.how = MODEL_EXTRA, .have = x });
	}
	for (size_t i = 0; i < c->want->chains.n; i++) {
		const struct model_chain *w = c->want->chains.v[i];
		const struct model_chain *h = model_chain(c->have, w->name);

		if (h && h->base == w->base && h->hook == w->hook &&
		    h->priority == w->priority && h->policy == w->policy)
			compare_rules(c, h, w);
		else
			differ(c, (struct model_difference){
					.what = MODEL_CHAIN, .name = w->name,
					.how = h ? MODEL_CHANGED :
						   MODEL_MISSING,
					.have = h, .want = w });
	}
}

void model_compare(struct arena *a, const struct model *have,
		   const struct model *want, size_t most,
		   struct model_differences *out)
{
	struct comparison c = { a, have, want, most, out };

	*out = (struct model_differences){ .more = 0 };
	if (have->there != want->there) {
		differ(&c, (struct model_difference){
				.what = MODEL_TABLE, .name = want->table,
				.how = want->there ? MODEL_MISSING :
						     MODEL_EXTRA });
		return;
	}
	if (have->flags != want->flags)
		differ(&c, (struct model_difference){
				.what = MODEL_TABLE, .name = want->table,
				.how = MODEL_CHANGED });
	compare_sets(&c);
	compare_chains(&c);
}

/* ---- words ------------------------------------------------------------------------------ */

/* nft's data types (datatype.h), as field.c has them. */
enum { TYPE_BITS = 6, TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PROTO = 12,
       TYPE_PORT = 13, TYPE_IFNAME = 41, IFNAME_BYTES = 16 };

/* Bytes of a value; 0: none of those that our sets have. */
static uint32_t type_bytes(uint32_t type)
{
	return type == TYPE_IPV4 ? 4 : type == TYPE_IPV6 ? 16 :
	       type == TYPE_PROTO ? 1 : type == TYPE_PORT ? 2 :
	       type == TYPE_IFNAME ? IFNAME_BYTES : 0;
}

static void put_value(uint32_t type, const uint8_t *p, struct buf *out)
{
	char addr[ADDR_TEXT], proto[KEY_TEXT];

	switch (type) {
	case TYPE_IPV4:
		addr_text(addr_from_v4_bytes(p), addr);
		buf_puts(out, addr);
		break;
	case TYPE_IPV6:
		addr_text(addr_from_v6_bytes(p), addr);
		buf_puts(out, addr);
		break;
	case TYPE_PROTO:
		buf_puts(out, proto_name(p[0], proto));
		break;
	case TYPE_PORT:
		buf_printf(out, "%u", p[0] << 8 | p[1]);
		break;
	default:
		buf_printf(out, "%.*s", IFNAME_BYTES, (const char *)p);
	}
}

/* Each value of a concatenation takes a multiple of four bytes; the first
 * one's type stands highest. False, and nothing written: not all are known. */
static bool put_values(const struct model_set *s, const struct model_elem *e,
		       struct buf *out)
{
	uint32_t at = 0, type, n;
	int k = 0;

	while (k < 5 && s->key_type >> TYPE_BITS * (k + 1))
		k++;
	for (int i = k; i >= 0; i--) {
		n = type_bytes(s->key_type >> TYPE_BITS * i & 63);
		at += k ? (n + 3) & ~3u : n;
		if (!n)
			return false;
	}
	if (at != s->key_len)
		return false;
	for (at = 0; k >= 0; k--, at += (n + 3) & ~3u) {
		type = s->key_type >> TYPE_BITS * k & 63;
		n = type_bytes(type);
		buf_puts(out, at ? " . " : "");
		put_value(type, e->key + at, out);
		if (e->key_end && memcmp(e->key + at, e->key_end + at, n)) {
			buf_putc(out, '-');
			put_value(type, e->key_end + at, out);
		}
	}
	return true;
}

static void put_key(const struct model_set *s, const struct model_elem *e,
		    struct buf *out)
{
	if (put_values(s, e, out))
		return;
	for (uint32_t i = 0; i < s->key_len; i++)
		buf_printf(out, "%s%02x", i && i % 4 == 0 ? " " : "",
			   e->key[i]);
}

void model_difference_text(const struct model_difference *d, struct buf *out)
{
	static const char *const kind[] = {
		[MODEL_TABLE] = "table", [MODEL_CHAIN] = "chain",
		[MODEL_SET] = "set", [MODEL_ELEM] = "set",
		[MODEL_RULES] = "chain",
	};
	static const char *const how[] = {
		[MODEL_MISSING] = "is missing", [MODEL_EXTRA] = "is extra",
		[MODEL_CHANGED] = "is not the same",
	};

	buf_printf(out, "%s %s", kind[d->what], d->name);
	if (d->what == MODEL_RULES) {
		size_t n = d->n_have > d->n_want ? d->n_have : d->n_want;

		if (n > 1)
			buf_printf(out, ": rules %zu to %zu are not the same",
				   d->at + 1, d->at + n);
		else
			buf_printf(out, ": rule %zu is not the same",
				   d->at + 1);
		return;
	}
	if (d->what == MODEL_ELEM) {
		buf_puts(out, ": element ");
		if (d->elem->comment)
			buf_printf(out, "\"%s\" ", d->elem->comment);
		buf_putc(out, '(');
		put_key(d->set, d->elem, out);
		buf_putc(out, ')');
	}
	buf_printf(out, " %s", how[d->how]);
}

/* ---- fingerprint -------------------------------------------------------------------------- */

static uint64_t hash_opt(uint64_t h, const char *s)
{
	return s ? hash_str(h, s) : hash_u64(h, 0);
}

static uint64_t elem_hash(const struct model_set *s, const struct model_elem *e)
{
	uint64_t h = hash_bytes(HASH_INIT, e->key, s->key_len);

	if (e->key_end)
		h = hash_bytes(h, e->key_end, s->key_len);
	if (e->data)
		h = hash_bytes(h, e->data, s->data_len);
	h = hash_u64(h, e->flags);
	h = hash_u64(h, e->verdict ? (uint64_t)(uint32_t)e->code : 1u << 16);
	return hash_mix(hash_opt(hash_opt(h, e->comment), e->chain));
}

static uint64_t set_hash(const struct model_set *s)
{
	uint64_t h = hash_str(HASH_INIT, s->name), sum = 0;

	h = hash_u64(hash_u64(h, s->flags), s->key_type);
	for (size_t i = 0; i < s->elems.n; i++)
		if (!s->elems.v[i].timeout)
			sum += elem_hash(s, &s->elems.v[i]);
	return hash_mix(hash_u64(h, sum));
}

static uint64_t chain_hash(const struct model_chain *c)
{
	uint64_t h = hash_str(HASH_INIT, c->name);

	h = hash_u64(h, c->base);
	h = hash_u64(hash_u64(h, c->hook), c->policy);
	h = hash_u64(h, (uint32_t)c->priority);
	for (size_t i = 0; i < c->rules.n; i++) {
		h = hash_bytes(hash_u64(h, c->rules.v[i].n),
			       c->rules.v[i].code, c->rules.v[i].n);
		h = hash_opt(h, c->rules.v[i].comment);
	}
	return hash_mix(h);
}

uint64_t model_hash(const struct model *m)
{
	uint64_t sum = m->there ? 1 + m->flags : 0;

	for (size_t i = 0; i < m->sets.n; i++)
		if (named(m->sets.v[i]))
			sum += set_hash(m->sets.v[i]);
	for (size_t i = 0; i < m->chains.n; i++)
		sum += chain_hash(m->chains.v[i]);
	return hash_mix(sum);
}
