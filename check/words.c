#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/addr.h"
#include "base/keys.h"
#include "check/drift.h"
#include "check/packet.h"

/*
 * Rules and elements in few words, close to nft's, for a reader who wants to
 * know what somebody did: not to be loaded again, and nothing is proven by it.
 */
enum { MOST_ELEMENTS = 6 };

enum type { T_HEX, T_NUMBER, T_V4, T_V6, T_NAME, T_PORT, T_PROTO, T_STATE,
	    T_FAMILY };

/* Of nft's types in a set's key (enum datatypes of nft). */
static enum type set_type(uint32_t nft)
{
	static const struct {
		uint8_t nft, type;
	} known[] = {
		{ 7, T_V4 }, { 8, T_V6 }, { 12, T_PROTO }, { 13, T_PORT },
		{ 41, T_NAME }, { 26, T_STATE },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].nft == nft)
			return (enum type)known[i].type;
	return T_HEX;
}

/* ---- values ---------------------------------------------------------------------- */

static void put_hex(const uint8_t *p, size_t n, struct buf *out)
{
	buf_puts(out, "0x");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%02x", p[i]);
}

/* A shorter one is the beginning of an address: a prefix. */
static void put_address(bool v6, const uint8_t *p, size_t n, struct buf *out)
{
	uint8_t whole[16] = { 0 };
	char s[INET6_ADDRSTRLEN];
	size_t full = v6 ? 16 : 4;

	memcpy(whole, p, n < full ? n : full);
	inet_ntop(v6 ? AF_INET6 : AF_INET, whole, s, sizeof(s));
	buf_puts(out, s);
	if (n < full)
		buf_printf(out, "/%zu", 8 * n);
}

static uint32_t host_number(const uint8_t *p, size_t n)
{
	uint32_t v = 0;
	uint16_t half;

	if (n == 1)
		return p[0];
	if (n == sizeof(half)) {
		memcpy(&half, p, sizeof(half));
		return half;
	}
	memcpy(&v, p, n < sizeof(v) ? n : sizeof(v));
	return v;
}

static void put_states(const uint8_t *p, size_t n, struct buf *out)
{
	uint32_t v = host_number(p, n);
	bool any = false;

	for (unsigned i = 0; i < 5; i++)
		if (v & pk_ct_bit[i]) {
			buf_printf(out, "%s%s", any ? "," : "", pk_ct_name[i]);
			any = true;
		}
	if (!any)
		buf_putc(out, '0');
}

static void put_value(enum type type, const uint8_t *p, size_t n,
		      struct buf *out)
{
	char name[KEY_TEXT];

	switch (type) {
	case T_V4:
	case T_V6:
		put_address(type == T_V6, p, n, out);
		return;
	case T_NAME:
		buf_printf(out, "\"%.*s%s\"", (int)strnlen((const char *)p, n),
			   (const char *)p, n && p[n - 1] ? "*" : "");
		return;
	case T_PORT:
		if (n >= 2)
			buf_printf(out, "%u", (unsigned)p[0] << 8 | p[1]);
		return;
	case T_PROTO:
		buf_puts(out, proto_name(p[0], name));
		return;
	case T_FAMILY:
		buf_puts(out, p[0] == NFPROTO_IPV6 ? "ipv6" : "ipv4");
		return;
	case T_STATE:
		put_states(p, n, out);
		return;
	case T_NUMBER:
		buf_printf(out, "%u", (unsigned)host_number(p, n));
		return;
	case T_HEX:
		break;
	}
	put_hex(p, n, out);
}

/* ---- elements ---------------------------------------------------------------------- */

/* How long a type is in a key; 0: not known. */
static size_t type_len(enum type t)
{
	switch (t) {
	case T_V4: case T_STATE: return 4;
	case T_V6: case T_NAME: return 16;
	case T_PORT: return 2;
	case T_PROTO: case T_FAMILY: return 1;
	case T_HEX: case T_NUMBER: break;
	}
	return 0;
}

/* From the last field to the first, 6 bits each. */
static unsigned key_types(const struct kr_set *s, enum type *out)
{
	unsigned n = 0;
	size_t len = 0;

	for (uint32_t t = s->key_type; t && n < 5; t >>= 6)
		n++;
	for (unsigned i = 0; i < n; i++) {
		out[i] = set_type(s->key_type >> 6 * (n - 1 - i) & 63);
		if (!type_len(out[i]))
			return 0;
		len += n > 1 ? (type_len(out[i]) + 3) & ~(size_t)3 :
			       type_len(out[i]);
	}
	return len == s->key_len ? n : 0;
}

static void put_field(enum type t, const uint8_t *lo, const uint8_t *hi,
		      struct buf *out)
{
	size_t n = type_len(t);

	put_value(t, lo, n, out);
	if (hi && memcmp(lo, hi, n)) {
		buf_putc(out, '-');
		put_value(t, hi, n, out);
	}
}

static void put_key(const struct kr_set *s, const struct kr_elem *e,
		    struct buf *out)
{
	enum type t[5];
	unsigned n = key_types(s, t);
	size_t at = 0;

	if (e->flags & NFT_SET_ELEM_CATCHALL) {
		buf_putc(out, '*');
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		buf_puts(out, i ? " . " : "");
		put_field(t[i], e->key.b + at,
			  e->end.len ? e->end.b + at : NULL, out);
		at += (type_len(t[i]) + 3) & ~(size_t)3;
	}
	if (n)
		return;
	put_hex(e->key.b, e->key.len, out);
	if (e->end.len) {
		buf_putc(out, '-');
		put_hex(e->end.b, e->end.len, out);
	}
}

static void put_verdict(enum kr_verdict v, const char *target, struct buf *out)
{
	static const char *const name[] = {
		[KR_ACCEPT] = "accept", [KR_DROP] = "drop",
		[KR_CONTINUE] = "continue", [KR_RETURN] = "return",
		[KR_JUMP] = "jump", [KR_GOTO] = "goto", [KR_QUEUE] = "queue",
	};

	buf_puts(out, name[v]);
	if (target && *target)
		buf_printf(out, " %s", target);
}

void element_words(const struct kr_set *s, const struct kr_elem *e,
		   struct buf *out)
{
	put_key(s, e, out);
	if (e->comment)
		buf_printf(out, " comment \"%s\"", e->comment);
	if (!(s->flags & NFT_SET_MAP))
		return;
	buf_puts(out, " : ");
	if (e->data.len)
		put_hex(e->data.b, e->data.len, out);
	else
		put_verdict(e->verdict, e->target, out);
}

/* ---- rules ---------------------------------------------------------------------------- */

struct loaded_value {
	char name[40];
	enum type type;
	const struct kr_data *mask; /* NULL: as it was loaded */
};

struct speaker {
	struct buf *out;
	size_t start;
	struct loaded_value reg[KR_REG_WORDS + 1];
	unsigned proto; /* found to be that; 0: not */
	bool proto_said;
};

static void word(struct speaker *s)
{
	if (s->out->n > s->start)
		buf_putc(s->out, ' ');
}

static void say(struct speaker *s, const char *what)
{
	word(s);
	buf_puts(s->out, what);
}

static void load(struct speaker *s, uint32_t reg, const char *name,
		 enum type type)
{
	struct loaded_value *v = &s->reg[kr_reg_word(reg)];

	*v = (struct loaded_value){ .type = type };
	snprintf(v->name, sizeof(v->name), "%s", name);
}

static void load_meta(struct speaker *s, const struct kr_ex *x)
{
	static const struct {
		uint32_t key;
		const char *name;
		enum type type;
	} known[] = {
		{ NFT_META_IIFNAME, "iifname", T_NAME },
		{ NFT_META_OIFNAME, "oifname", T_NAME },
		{ NFT_META_IIF, "iif", T_NUMBER },
		{ NFT_META_OIF, "oif", T_NUMBER },
		{ NFT_META_L4PROTO, "meta l4proto", T_PROTO },
		{ NFT_META_NFPROTO, "meta nfproto", T_FAMILY },
		{ NFT_META_MARK, "meta mark", T_NUMBER },
	};
	char name[40];

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].key == x->key) {
			load(s, x->dreg, known[i].name, known[i].type);
			return;
		}
	snprintf(name, sizeof(name), "meta %u", (unsigned)x->key);
	load(s, x->dreg, name, T_HEX);
}

static void load_payload(struct speaker *s, const struct kr_ex *x)
{
	static const struct {
		uint32_t base, offset, len_lo, len_hi;
		const char *name;
		enum type type;
	} known[] = {
		{ NFT_PAYLOAD_NETWORK_HEADER, 12, 1, 4, "ip saddr", T_V4 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 16, 1, 4, "ip daddr", T_V4 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 8, 5, 16, "ip6 saddr", T_V6 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 24, 1, 16, "ip6 daddr", T_V6 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 9, 1, 1, "ip protocol", T_PROTO },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, 2, "sport", T_PORT },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 2, "dport", T_PORT },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 1, "icmp type", T_NUMBER },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, 1, "tcp flags", T_HEX },
	};
	char name[40], proto[KEY_TEXT];

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].base != x->base || known[i].offset != x->offset ||
		    x->len < known[i].len_lo || x->len > known[i].len_hi)
			continue;
		snprintf(name, sizeof(name), "%s%s%s",
			 known[i].type != T_PORT ? "" :
			 s->proto ? proto_name(s->proto, proto) : "th",
			 known[i].type == T_PORT ? " " : "", known[i].name);
		s->proto_said |= known[i].base == NFT_PAYLOAD_TRANSPORT_HEADER;
		load(s, x->dreg, name, known[i].type);
		return;
	}
	snprintf(name, sizeof(name), "@%s,%u,%u",
		 x->base == NFT_PAYLOAD_LL_HEADER ? "ll" :
		 x->base == NFT_PAYLOAD_NETWORK_HEADER ? "nh" : "th",
		 (unsigned)(8 * x->offset), (unsigned)(8 * x->len));
	load(s, x->dreg, name, T_HEX);
}

/* Bits from the front; -1: holes, or none at all. */
static int prefix_of(const struct kr_data *m)
{
	int n = 0;

	while (n < 8 * m->len && m->b[n / 8] >> (7 - n % 8) & 1)
		n++;
	for (int i = n; i < 8 * m->len; i++)
		if (m->b[i / 8] >> (7 - i % 8) & 1)
			return -1;
	return n;
}

static void put_masked(struct speaker *s, const struct loaded_value *v,
		       const char *op, const struct kr_ex *x)
{
	int prefix = v->type == T_V4 || v->type == T_V6 ? prefix_of(v->mask) :
							  -1;

	if (prefix >= 0) {
		buf_printf(s->out, "%s%s ", v->name, op);
		put_value(v->type, x->a.b, x->a.len, s->out);
		buf_printf(s->out, "/%d", prefix);
	} else if (v->type == T_STATE && x->op == NFT_CMP_NEQ) {
		buf_printf(s->out, "%s ", v->name);
		put_value(v->type, v->mask->b, v->mask->len, s->out);
	} else {
		buf_printf(s->out, "%s & ", v->name);
		put_value(v->type, v->mask->b, v->mask->len, s->out);
		buf_printf(s->out, "%s ", *op ? op : " ==");
		put_value(v->type, x->a.b, x->a.len, s->out);
	}
}

/* "tcp" is said with its port; which family it is, with its addresses. */
static bool implied(struct speaker *s, const struct loaded_value *v,
		    const struct kr_ex *x)
{
	if (x->op != NFT_CMP_EQ || v->mask)
		return false;
	if (!strcmp(v->name, "meta l4proto")) {
		s->proto = x->a.b[0];
		s->proto_said = false;
		return true;
	}
	return v->type == T_FAMILY;
}

static void say_proto(struct speaker *s)
{
	char name[KEY_TEXT];

	if (!s->proto || s->proto_said)
		return;
	word(s);
	buf_printf(s->out, "meta l4proto %s", proto_name(s->proto, name));
	s->proto_said = true;
}

static void say_cmp(struct speaker *s, const struct kr_ex *x)
{
	static const char *const op[] = {
		[NFT_CMP_EQ] = "", [NFT_CMP_NEQ] = " !=", [NFT_CMP_LT] = " <",
		[NFT_CMP_LTE] = " <=", [NFT_CMP_GT] = " >",
		[NFT_CMP_GTE] = " >=",
	};
	const struct loaded_value *v = &s->reg[kr_reg_word(x->sreg)];
	const char *sign = x->op < sizeof(op) / sizeof(*op) ? op[x->op] : " ?";

	if (implied(s, v, x))
		return;
	word(s);
	if (v->mask) {
		put_masked(s, v, sign, x);
		return;
	}
	buf_printf(s->out, "%s%s ", v->name, sign);
	put_value(v->type, x->a.b, x->a.len, s->out);
}

static void say_range(struct speaker *s, const struct kr_ex *x)
{
	const struct loaded_value *v = &s->reg[kr_reg_word(x->sreg)];

	word(s);
	buf_printf(s->out, "%s%s ", v->name,
		   x->op == NFT_RANGE_NEQ ? " !=" : "");
	put_value(v->type, x->a.b, x->a.len, s->out);
	buf_putc(s->out, '-');
	put_value(v->type, x->b.b, x->b.len, s->out);
}

/* With its end, where the kernel keeps that apart: the next end less one, or
 * the last value. */
static struct kr_elem with_end(const struct kr_set *set,
			       const struct kr_elem *e)
{
	const struct kr_elem *end = NULL;
	struct kr_elem out = *e;
	size_t n = e->key.len;

	if (!(set->flags & NFT_SET_INTERVAL) || set->nfields || e->end.len)
		return out;
	for (size_t i = 0; i < set->elem.n; i++) {
		const struct kr_elem *x = &set->elem.v[i];

		if (x->flags & NFT_SET_ELEM_INTERVAL_END &&
		    memcmp(x->key.b, e->key.b, n) > 0 &&
		    (!end || memcmp(x->key.b, end->key.b, n) < 0))
			end = x;
	}
	memset(out.end.b, 0xff, n);
	out.end.len = e->key.len;
	if (end)
		memcpy(out.end.b, end->key.b, n);
	for (size_t i = n; end && i-- > 0;)
		if (out.end.b[i]--)
			break;
	return out;
}

static void say_set(struct speaker *s, const struct kr_set *set)
{
	size_t shown = 0, more = 0;
	struct kr_elem e;

	if (!(set->flags & NFT_SET_ANONYMOUS)) {
		buf_printf(s->out, "@%s", set->name);
		return;
	}
	buf_puts(s->out, "{ ");
	for (size_t i = 0; i < set->elem.n; i++) {
		if (set->elem.v[i].flags & NFT_SET_ELEM_INTERVAL_END)
			continue;
		if (shown == MOST_ELEMENTS) {
			more++;
			continue;
		}
		buf_puts(s->out, shown++ ? ", " : "");
		e = with_end(set, &set->elem.v[i]);
		element_words(set, &e, s->out);
	}
	buf_puts(s->out, more ? ", … }" : " }");
}

static void say_lookup(struct speaker *s, const struct kr_ex *x)
{
	unsigned at = kr_reg_word(x->sreg);
	size_t have = 0;

	word(s);
	for (unsigned i = at; x->set && i < KR_REG_WORDS && have < x->set->key_len;
	     i++) {
		have += 4;
		if (!*s->reg[i].name)
			continue;
		buf_printf(s->out, "%s%s", i > at ? " . " : "",
			   s->reg[i].name);
	}
	buf_puts(s->out, x->invert ? " != " : " ");
	if (x->dreg == NFT_REG_VERDICT)
		buf_puts(s->out, "vmap ");
	else if (x->dreg != UINT32_MAX)
		buf_puts(s->out, "map ");
	if (x->set)
		say_set(s, x->set);
	else
		buf_printf(s->out, "@%s", x->target ? x->target : "?");
	if (x->dreg != UINT32_MAX && x->dreg != NFT_REG_VERDICT)
		load(s, x->dreg, "it", T_HEX);
}

static void say_other(struct speaker *s, const struct kr_ex *x)
{
	static const char *const plain[] = { "counter", "log", "limit",
					     "quota", "reject", "masq",
					     "notrack", "queue", "last" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (!strcmp(x->name, plain[i])) {
			say(s, plain[i]);
			return;
		}
	word(s);
	buf_printf(s->out, "[%s]", x->name);
}

static void say_ex(struct speaker *s, const struct kr_ex *x)
{
	bool loads = x->kind == EX_META || x->kind == EX_PAYLOAD ||
		     x->kind == EX_CT || x->kind == EX_BITWISE ||
		     x->kind == EX_BYTEORDER;

	/* what is not said with a port by now is said alone */
	if (!loads)
		say_proto(s);
	if (x->kind == EX_META)
		load_meta(s, x);
	else if (x->kind == EX_PAYLOAD)
		load_payload(s, x);
	else if (x->kind == EX_CT)
		load(s, x->dreg, x->key == NFT_CT_STATE ? "ct state" : "ct",
		     x->key == NFT_CT_STATE ? T_STATE : T_HEX);
	else if (x->kind == EX_BITWISE) {
		s->reg[kr_reg_word(x->dreg)] = s->reg[kr_reg_word(x->sreg)];
		s->reg[kr_reg_word(x->dreg)].mask = &x->a;
	} else if (x->kind == EX_CMP)
		say_cmp(s, x);
	else if (x->kind == EX_RANGE)
		say_range(s, x);
	else if (x->kind == EX_LOOKUP)
		say_lookup(s, x);
	else if (x->kind == EX_VERDICT) {
		word(s);
		put_verdict(x->verdict, x->target, s->out);
	} else if (x->kind != EX_BYTEORDER && x->kind != EX_IMMEDIATE)
		say_other(s, x);
}

void rule_words(const struct kr_rule *r, struct buf *out)
{
	struct speaker s = { .out = out, .start = out->n };

	if (r->unknown)
		buf_printf(out, "[%s]", r->unknown);
	for (size_t i = 0; i < r->n; i++)
		say_ex(&s, r->ex[i]);
	say_proto(&s);
	if (r->comment) {
		word(&s);
		buf_printf(out, "comment \"%s\"", r->comment);
	}
	if (out->n == s.start)
		buf_puts(out, "an empty rule");
}
