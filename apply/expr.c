#include "apply/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include "base/keys.h"
#include "base/mem.h"

/*
 * Statements as expressions of the kernel's machine, in the shape nft gives
 * them: loads into register 1, which is 16 bytes wide, or into the four-byte
 * registers that follow, and a comparison or look-up.
 */
enum { WORDS_PER_REG = 4, TCP_FLAGS_AT = 13, TCP_NOT_SYN_MASK = 0x17,
       TCP_SYN = 0x02 };

static struct nftnl_expr *add(struct build_rule *b, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (!e)
		mem_exhausted();
	nftnl_rule_add_expr(b->out, e);
	return e;
}

/* The register that begins with this 32-bit word. */
static uint32_t reg_of(uint32_t word)
{
	return word % WORDS_PER_REG ? NFT_REG32_00 + word :
				      NFT_REG_1 + word / WORDS_PER_REG;
}

static void load_meta(struct build_rule *b, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = add(b, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
}

static void load_payload(struct build_rule *b, uint32_t base, uint32_t offset,
			 uint32_t len, uint32_t reg)
{
	struct nftnl_expr *e = add(b, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void load(struct build_rule *b, const struct nl_field *f, uint32_t len,
		 uint32_t reg)
{
	if (f->load == LOAD_META)
		load_meta(b, f->key, reg);
	else
		load_payload(b, f->base, f->offset, len, reg);
}

static void load_ct_state(struct build_rule *b)
{
	struct nftnl_expr *e = add(b, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG_1);
}

static void compare(struct build_rule *b, uint32_t op, const void *p,
		    uint32_t n)
{
	struct nftnl_expr *e = add(b, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, p, n);
}

static void mask(struct build_rule *b, const void *bits, uint32_t n)
{
	static const uint8_t zero[FIELD_BYTES];
	struct nftnl_expr *e = add(b, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, n);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, bits, n);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, n);
}

enum map { MAP_NONE, MAP_VERDICT, MAP_DATA };

static void lookup(struct build_rule *b, const char *set, uint32_t id,
		   enum map map, bool invert)
{
	struct nftnl_expr *e = add(b, "lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	if (map != MAP_NONE)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG,
				   map == MAP_DATA ? NFT_REG_1 :
						     NFT_REG_VERDICT);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
	if (id)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SET_ID, id);
	if (invert)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS,
				   NFT_LOOKUP_F_INV);
}

/* ---- what a field depends on --------------------------------------------------- */

static void need_nfproto(struct build_rule *b, uint8_t nfproto)
{
	if (!nfproto || b->nfproto == nfproto)
		return;
	load_meta(b, NFT_META_NFPROTO, NFT_REG_1);
	compare(b, NFT_CMP_EQ, &nfproto, 1);
	b->nfproto = nfproto;
}

static void need_l4proto(struct build_rule *b, uint8_t l4proto)
{
	if (!l4proto || b->l4proto == l4proto)
		return;
	load_meta(b, NFT_META_L4PROTO, NFT_REG_1);
	compare(b, NFT_CMP_EQ, &l4proto, 1);
	b->l4proto = l4proto;
}

static void need(struct build_rule *b, const struct nl_field *f)
{
	need_nfproto(b, f->nfproto);
	need_l4proto(b, f->l4proto);
}

/* ---- comparisons ------------------------------------------------------------------ */

/* A prefix of whole bytes is loaded short; others are masked. */
static void match_prefix(struct build_rule *b, const struct nl_field *f,
			 const struct rs_value *v, uint32_t op, unsigned bits)
{
	uint8_t value[FIELD_BYTES], bitmask[FIELD_BYTES] = { 0 };

	field_bytes(f, v->lo, NULL, value);
	if (bits && bits % 8 == 0) {
		load(b, f, bits / 8, NFT_REG_1);
		compare(b, op, value, bits / 8);
		return;
	}
	for (unsigned i = 0; i < bits; i++)
		bitmask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	load(b, f, f->len, NFT_REG_1);
	mask(b, bitmask, f->len);
	compare(b, op, value, f->len);
}

static void match_range(struct build_rule *b, const struct nl_field *f,
			const struct rs_value *v, bool invert)
{
	uint8_t lo[FIELD_BYTES], hi[FIELD_BYTES];
	struct nftnl_expr *e;

	field_bytes(f, v->lo, NULL, lo);
	field_bytes(f, v->hi, NULL, hi);
	load(b, f, f->len, NFT_REG_1);
	if (!invert) {
		compare(b, NFT_CMP_GTE, lo, f->len);
		compare(b, NFT_CMP_LTE, hi, f->len);
		return;
	}
	e = add(b, "range");
	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_OP, NFT_RANGE_NEQ);
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_FROM_DATA, lo, f->len);
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_TO_DATA, hi, f->len);
}

static void match_one(struct build_rule *b, const struct rs_stmt *s,
		      const struct nl_field *f)
{
	const struct rs_value *v = s->value;
	bool invert = s->kind == RS_NOT;
	uint8_t x[FIELD_BYTES];
	uint32_t n;
	int bits = -1;

	if (!v->name && !addr_eq(v->lo, v->hi)) {
		if (f->load == LOAD_PAYLOAD && (f->len == 4 || f->len == 16))
			bits = range_prefix_len((struct addr_range){ v->lo,
								     v->hi });
		if (bits >= 0)
			match_prefix(b, f, v, invert ? NFT_CMP_NEQ : NFT_CMP_EQ,
				     (unsigned)bits);
		else
			match_range(b, f, v, invert);
		return;
	}
	n = field_bytes(f, v->lo, v->name, x);
	load(b, f, f->len, NFT_REG_1);
	compare(b, invert ? NFT_CMP_NEQ : NFT_CMP_EQ, x, n);
	if (!invert && f->load == LOAD_META && f->key == NFT_META_NFPROTO)
		b->nfproto = x[0];
	if (!invert && f->load == LOAD_META && f->key == NFT_META_L4PROTO)
		b->l4proto = x[0];
}

static int value_order(const void *a, const void *b)
{
	const struct rs_elem *x = a, *y = b;

	if (x->key[0].name && y->key[0].name)
		return strcmp(x->key[0].name, y->key[0].name);
	return addr_cmp(x->key[0].lo, y->key[0].lo);
}

/* Neighbours become one range where there are ranges at all, as nft does. */
static size_t merge(struct rs_elem *v, size_t n)
{
	size_t k = 0;

	for (size_t i = 1; i < n; i++) {
		struct rs_value *last = &v[k].key[0], *x = &v[i].key[0];

		if (addr_cmp(x->lo, addr_next(last->hi)) > 0)
			v[++k] = v[i];
		else if (addr_cmp(last->hi, x->hi) < 0)
			last->hi = x->hi;
	}
	return n ? k + 1 : 0;
}

static void match_many(struct build_rule *b, const struct rs_stmt *s,
		       const struct nl_field *f)
{
	struct rs_set set = { .name = "__set%d", .n_field = 1,
			      .field = { s->field[0] } };
	struct build_set bs = { .table = b->table, .name = set.name,
				.set = &set, .set_id = ++*b->set_id };

	set.elems.v = mem_alloc(s->n_value * sizeof(*set.elems.v));
	set.elems.n = s->n_value;
	for (size_t i = 0; i < s->n_value; i++) {
		set.elems.v[i] = (struct rs_elem){ .key = { s->value[i] } };
		set.interval |= !addr_eq(s->value[i].lo, s->value[i].hi);
	}
	qsort(set.elems.v, set.elems.n, sizeof(*set.elems.v), value_order);
	if (set.interval)
		set.elems.n = merge(set.elems.v, set.elems.n);
	build_anonymous(b->s, &bs, f);
	build_elems(b->s, &bs);
	free(set.elems.v);
	load(b, f, f->len, NFT_REG_1);
	lookup(b, set.name, bs.set_id, MAP_NONE, s->kind == RS_NOT);
}

/* ---- statements, by kind ------------------------------------------------------------ */

static void do_match(struct build_rule *b, const struct rs_stmt *s)
{
	const struct nl_field *f = nl_field(s->field[0]);

	if (!f) {
		b->unknown = "a field";
		return;
	}
	need(b, f);
	if (s->n_value == 1)
		match_one(b, s, f);
	else
		match_many(b, s, f);
}

static void load_key(struct build_rule *b, const struct rs_stmt *s)
{
	uint32_t word = 0;

	for (unsigned i = 0; i < s->n_field; i++) {
		if (!nl_field(s->field[i])) {
			b->unknown = "a field";
			return;
		}
		need(b, nl_field(s->field[i]));
	}
	for (unsigned i = 0; i < s->n_field; i++) {
		const struct nl_field *f = nl_field(s->field[i]);

		load(b, f, f->len, reg_of(word));
		word += field_padded(f) / 4;
	}
}

static void do_lookup(struct build_rule *b, const struct rs_stmt *s)
{
	load_key(b, s);
	lookup(b, s->set->name, 0, s->kind == RS_VMAP ? MAP_VERDICT : MAP_NONE,
	       false);
}

/* The address goes to register 1, the port behind it. */
static void do_nat(struct build_rule *b, const struct rs_stmt *s)
{
	const struct nl_field *f = nl_field(s->set->data[0]);
	uint32_t flags = NF_NAT_RANGE_MAP_IPS;
	struct nftnl_expr *e;

	load_key(b, s);
	lookup(b, s->set->name, 0, MAP_DATA, false);
	e = add(b, "nat");
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE,
			   s->kind == RS_DNAT ? NFT_NAT_DNAT : NFT_NAT_SNAT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, f->nfproto);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MAX, NFT_REG_1);
	if (s->set->n_data > 1) {
		uint32_t port = reg_of(field_padded(f) / 4);

		flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
		nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, port);
		nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MAX, port);
	}
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FLAGS, flags);
}

static void do_masquerade(struct build_rule *b, const struct rs_stmt *s)
{
	(void)s;
	add(b, "masq");
}

static void do_ct_state(struct build_rule *b, const struct rs_stmt *s)
{
	static const uint32_t zero;
	uint32_t bits = 0;

	if (s->states & RS_ESTABLISHED)
		bits |= NF_CT_STATE_BIT(IP_CT_ESTABLISHED);
	if (s->states & RS_RELATED)
		bits |= NF_CT_STATE_BIT(IP_CT_RELATED);
	if (s->states & ~(unsigned)(RS_ESTABLISHED | RS_RELATED))
		b->unknown = "a state of connections";
	load_ct_state(b);
	mask(b, &bits, sizeof(bits));
	compare(b, NFT_CMP_NEQ, &zero, sizeof(zero));
}

static void do_ct_not_new(struct build_rule *b, const struct rs_stmt *s)
{
	uint32_t bit = NF_CT_STATE_BIT(IP_CT_NEW);

	(void)s;
	load_ct_state(b);
	compare(b, NFT_CMP_NEQ, &bit, sizeof(bit));
}

static void do_not_syn(struct build_rule *b, const struct rs_stmt *s)
{
	static const uint8_t flags = TCP_NOT_SYN_MASK, syn = TCP_SYN;

	(void)s;
	need_l4proto(b, PROTO_TCP);
	load_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_AT, 1,
		     NFT_REG_1);
	mask(b, &flags, 1);
	compare(b, NFT_CMP_NEQ, &syn, 1);
}

static void do_counter(struct build_rule *b, const struct rs_stmt *s)
{
	struct nftnl_expr *e = add(b, "counter");

	(void)s;
	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_PACKETS, 0);
	nftnl_expr_set_u64(e, NFTNL_EXPR_CTR_BYTES, 0);
}

static void do_limit(struct build_rule *b, const struct rs_stmt *s)
{
	struct nftnl_expr *e = add(b, "limit");

	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, s->rate);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1); /* seconds */
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, s->burst);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, 0);
}

static void do_log(struct build_rule *b, const struct rs_stmt *s)
{
	struct nftnl_expr *e = add(b, "log");

	nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, s->text);
	if (s->to_group)
		nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, s->group);
	else
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_LEVEL,
				   NFT_LOGLEVEL_WARNING);
}

static void reject(struct build_rule *b, uint32_t type, uint8_t code)
{
	struct nftnl_expr *e = add(b, "reject");

	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
}

static void do_verdict(struct build_rule *b, const struct rs_stmt *s)
{
	static const uint32_t code[] = {
		[RS_NONE] = (uint32_t)NFT_CONTINUE, [RS_ACCEPT] = NF_ACCEPT,
		[RS_DROP] = NF_DROP, [RS_JUMP] = (uint32_t)NFT_JUMP,
		[RS_GOTO] = (uint32_t)NFT_GOTO,
	};
	struct nftnl_expr *e;

	if (s->verdict == RS_RESET) {
		need_l4proto(b, PROTO_TCP);
		reject(b, NFT_REJECT_TCP_RST, 0);
		return;
	}
	if (s->verdict == RS_REJECT) {
		reject(b, NFT_REJECT_ICMPX_UNREACH,
		       NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
		return;
	}
	if ((size_t)s->verdict >= sizeof(code) / sizeof(*code)) {
		b->unknown = "a verdict";
		return;
	}
	e = add(b, "immediate");
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, code[s->verdict]);
	if (s->verdict == RS_JUMP || s->verdict == RS_GOTO)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, s->text);
}

static void (*const kinds[])(struct build_rule *b, const struct rs_stmt *s) = {
	[RS_MATCH] = do_match,
	[RS_NOT] = do_match,
	[RS_CT_STATE] = do_ct_state,
	[RS_CT_NOT_NEW] = do_ct_not_new,
	[RS_NOT_SYN] = do_not_syn,
	[RS_IN_SET] = do_lookup,
	[RS_VMAP] = do_lookup,
	[RS_COUNTER] = do_counter,
	[RS_LIMIT] = do_limit,
	[RS_LOG] = do_log,
	[RS_VERDICT] = do_verdict,
	[RS_DNAT] = do_nat,
	[RS_SNAT] = do_nat,
	[RS_MASQUERADE] = do_masquerade,
};

/* Source and destination port, one value each: loaded and compared at once. */
static bool ports_together(const struct rs_stmt *s, size_t left)
{
	return left > 1 && s[0].kind == RS_MATCH && s[1].kind == RS_MATCH &&
	       s[0].field[0] == RS_SPORT && s[1].field[0] == RS_DPORT &&
	       s[0].n_value == 1 && s[1].n_value == 1 &&
	       addr_eq(s[0].value->lo, s[0].value->hi) &&
	       addr_eq(s[1].value->lo, s[1].value->hi);
}

static void match_ports(struct build_rule *b, const struct rs_stmt *s)
{
	const struct nl_field *f = nl_field(RS_SPORT);
	uint8_t x[FIELD_BYTES], y[FIELD_BYTES];

	field_bytes(f, s[0].value->lo, NULL, x);
	field_bytes(f, s[1].value->lo, NULL, y);
	memcpy(x + f->len, y, f->len);
	load_payload(b, f->base, f->offset, 2 * f->len, NFT_REG_1);
	compare(b, NFT_CMP_EQ, x, 2 * f->len);
}

void build_exprs(struct build_rule *b, const struct rs_rule *r)
{
	for (size_t i = 0; i < r->stmts.n && !b->unknown; i++) {
		const struct rs_stmt *s = &r->stmts.v[i];

		if (ports_together(s, r->stmts.n - i)) {
			match_ports(b, s);
			i++;
		} else if ((size_t)s->kind >= sizeof(kinds) / sizeof(*kinds) ||
			   !kinds[s->kind]) {
			b->unknown = "a kind of statement";
		} else {
			kinds[s->kind](b, s);
		}
	}
}
