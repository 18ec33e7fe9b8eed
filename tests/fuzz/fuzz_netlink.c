#include <endian.h>
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "check/check.h"
#include "tests/fuzz/input.h"

/*
 * The reader of nftables objects: messages as a kernel could send them. The
 * attributes' kinds are right, since libnftnl ends the program where they are
 * not; which of them are there, their values, the lengths of data, names that
 * nothing has, nesting and order come from the input. What was read is linked
 * and evaluated.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MSG_SIZE = 32768, MSG_FULL = 24000, MAX_MSGS = 40 };

static uint32_t number(struct input *in)
{
	static const uint32_t usual[] = { 0, 1, 2, 3, 4, 6, 8, 16, 64, 128,
					  0xffffffff, 0xfffffffd, 0x7fffffff };
	unsigned x = byte(in);

	if (x < 200)
		return usual[x % (sizeof(usual) / sizeof(*usual))];
	return x < 230 ? x - 200 : byte(in) << 24 | byte(in) << 16 | byte(in);
}

static const char *name(struct input *in)
{
	static const char *const names[] = { "t", "c", "d", "s", "m", "",
					     "no such", "__set0", "e" };

	return names[byte(in) % (sizeof(names) / sizeof(*names))];
}

static void bytes(struct nlmsghdr *h, struct input *in, uint16_t type,
		  unsigned most)
{
	static const uint8_t usual[] = { 1, 2, 4, 4, 8, 16, 16 };
	unsigned x = byte(in), len = x < 220 ? usual[x % sizeof(usual)] :
		byte(in) % (most + 1);
	uint8_t b[256];

	for (unsigned i = 0; i < len; i++)
		b[i] = (uint8_t)byte(in);
	mnl_attr_put(h, type, len, b);
}

/* NFTA_DATA_VALUE, or where the kernel has one NFTA_DATA_VERDICT */
static void put_data(struct nlmsghdr *h, struct input *in, uint16_t type,
		     bool verdict)
{
	struct nlattr *d = mnl_attr_nest_start(h, type), *v;

	if (!verdict || byte(in) % 3) {
		bytes(h, in, NFTA_DATA_VALUE, 64);
	} else {
		uint32_t code = byte(in) % 3 ? number(in) :
			(uint32_t)(byte(in) & 1 ? NFT_JUMP : NFT_GOTO);

		v = mnl_attr_nest_start(h, NFTA_DATA_VERDICT);
		mnl_attr_put_u32(h, NFTA_VERDICT_CODE, htobe32(code));
		if (code == (uint32_t)NFT_JUMP || code == (uint32_t)NFT_GOTO)
			mnl_attr_put_strz(h, NFTA_VERDICT_CHAIN, name(in));
		mnl_attr_nest_end(h, v);
	}
	mnl_attr_nest_end(h, d);
}

/* By attribute number from 1: 4 and 8 and 2 bytes, one byte, a string, data
 * (d), or a verdict as well (v). */
static const struct { const char *name, *kinds; } exprs[] = {
	{ "immediate", "4v" },	      { "bitwise", "444dd4d" },
	{ "byteorder", "44444" },     { "cmp", "44d" },
	{ "range", "44dd" },	      { "lookup", "s4444" },
	{ "payload", "44444444" },    { "exthdr", "41444444" },
	{ "meta", "444" },	      { "rt", "44" },
	{ "socket", "44" },	      { "hash", "4444444" },
	{ "ct", "4414" },	      { "limit", "88444" },
	{ "connlimit", "44" },	      { "counter", "88" },
	{ "log", "2s4244" },	      { "queue", "2224" },
	{ "quota", "848" },	      { "reject", "41" },
	{ "nat", "4444444" },	      { "tproxy", "444" },
	{ "masq", "444" },	      { "redir", "444" },
	{ "dup", "44" },	      { "fwd", "444" },
	{ "objref", "4s4s4" },	      { "numgen", "4444" },
	{ "fib", "444" },	      { "notrack", "" },
	{ "xfrm", "4414" },	      { "unheard_of", "4s" },
	{ "synproxy", "214" },	      { "osf", "414" },
};

static void put_attr(struct nlmsghdr *h, struct input *in, uint16_t type,
		     char kind)
{
	switch (kind) {
	case '1': mnl_attr_put_u8(h, type, (uint8_t)byte(in)); break;
	case '2': mnl_attr_put_u16(h, type, htobe16((uint16_t)number(in)));
		break;
	case '4': mnl_attr_put_u32(h, type, htobe32(number(in))); break;
	case '8': mnl_attr_put_u64(h, type, htobe64(number(in))); break;
	case 's': mnl_attr_put_strz(h, type, name(in)); break;
	default: put_data(h, in, type, kind == 'v');
	}
}

static void put_expr(struct nlmsghdr *h, struct input *in, uint16_t type)
{
	unsigned k = byte(in) % (sizeof(exprs) / sizeof(*exprs));
	unsigned missing = byte(in);
	struct nlattr *e = mnl_attr_nest_start(h, type), *d;

	mnl_attr_put_strz(h, NFTA_EXPR_NAME, exprs[k].name);
	d = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
	for (uint16_t i = 0; exprs[k].kinds[i]; i++)
		if (missing < 128 || !(missing >> i % 7 & 1))
			put_attr(h, in, (uint16_t)(i + 1), exprs[k].kinds[i]);
	mnl_attr_nest_end(h, d);
	mnl_attr_nest_end(h, e);
}

static void put_rule(struct nlmsghdr *h, struct input *in)
{
	struct nlattr *list;

	mnl_attr_put_strz(h, NFTA_RULE_TABLE, byte(in) % 8 ? "t" : name(in));
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, byte(in) % 2 ? "c" : name(in));
	mnl_attr_put_u64(h, NFTA_RULE_HANDLE, htobe64(number(in)));
	list = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	for (unsigned i = byte(in) % 8; i > 0 && h->nlmsg_len < MSG_FULL; i--)
		put_expr(h, in, NFTA_LIST_ELEM);
	mnl_attr_nest_end(h, list);
	if (byte(in) % 4 == 0)
		bytes(h, in, NFTA_RULE_USERDATA, 255);
}

static void put_set(struct nlmsghdr *h, struct input *in)
{
	static const uint32_t flags[] = { 0, 4, 8, 12, 0x84, 0x10, 0x20 };
	struct nlattr *desc, *list, *e;

	mnl_attr_put_strz(h, NFTA_SET_TABLE, byte(in) % 8 ? "t" : name(in));
	mnl_attr_put_strz(h, NFTA_SET_NAME, byte(in) % 4 ? "s" : name(in));
	mnl_attr_put_u32(h, NFTA_SET_FLAGS, htobe32(flags[byte(in) % 7]));
	mnl_attr_put_u32(h, NFTA_SET_KEY_LEN, htobe32(number(in)));
	if (byte(in) & 1)
		mnl_attr_put_u32(h, NFTA_SET_DATA_TYPE, htobe32(number(in)));
	if (byte(in) & 1)
		mnl_attr_put_u32(h, NFTA_SET_DATA_LEN, htobe32(number(in)));
	if (byte(in) % 3)
		return;
	desc = mnl_attr_nest_start(h, NFTA_SET_DESC);
	list = mnl_attr_nest_start(h, NFTA_SET_DESC_CONCAT);
	for (unsigned i = byte(in) % 20; i > 0; i--) {
		e = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
		mnl_attr_put_u32(h, NFTA_SET_FIELD_LEN, htobe32(number(in)));
		mnl_attr_nest_end(h, e);
	}
	mnl_attr_nest_end(h, list);
	mnl_attr_nest_end(h, desc);
}

static void put_elems(struct nlmsghdr *h, struct input *in)
{
	struct nlattr *list, *e;

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE,
			  byte(in) % 8 ? "t" : name(in));
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET,
			  byte(in) % 4 ? "s" : name(in));
	list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (unsigned i = byte(in) % 10; i > 0 && h->nlmsg_len < MSG_FULL;
	     i--) {
		unsigned has = byte(in);

		e = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
		if (has & 3)
			put_data(h, in, NFTA_SET_ELEM_KEY, false);
		if (has & 4)
			put_data(h, in, NFTA_SET_ELEM_KEY_END, false);
		if (has & 8)
			put_data(h, in, NFTA_SET_ELEM_DATA, true);
		if (has & 16)
			mnl_attr_put_u32(h, NFTA_SET_ELEM_FLAGS,
					 htobe32(byte(in) & 3));
		if (has & 32)
			bytes(h, in, NFTA_SET_ELEM_USERDATA, 255);
		if (has & 64)
			put_expr(h, in, NFTA_SET_ELEM_EXPR);
		mnl_attr_nest_end(h, e);
	}
	mnl_attr_nest_end(h, list);
}

static void put_chain(struct nlmsghdr *h, struct input *in)
{
	static const char *const type[] = { "filter", "nat", "route", "" };
	struct nlattr *hook;

	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, byte(in) % 8 ? "t" : name(in));
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name(in));
	mnl_attr_put_u64(h, NFTA_CHAIN_HANDLE, htobe64(number(in)));
	if (byte(in) & 1)
		mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htobe32(number(in)));
	if (byte(in) & 1)
		mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, type[byte(in) % 4]);
	if (byte(in) % 3 == 0)
		return;
	hook = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htobe32(byte(in) % 6));
	mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htobe32(number(in)));
	if (byte(in) & 1)
		mnl_attr_put_strz(h, NFTA_HOOK_DEV, name(in));
	mnl_attr_nest_end(h, hook);
}

static void put_table(struct nlmsghdr *h, struct input *in)
{
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, byte(in) % 4 ? "t" : name(in));
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, htobe32(byte(in) & 3));
}

static void put_obj(struct nlmsghdr *h, struct input *in)
{
	mnl_attr_put_strz(h, NFTA_OBJ_TABLE, byte(in) % 8 ? "t" : name(in));
	mnl_attr_put_strz(h, NFTA_OBJ_NAME, name(in));
	mnl_attr_put_u32(h, NFTA_OBJ_TYPE, htobe32(byte(in) % 12));
}

static const struct {
	uint16_t type;
	void (*put)(struct nlmsghdr *, struct input *);
	bool (*add)(struct kruleset *, const struct nlmsghdr *);
} messages[] = {
	{ NFT_MSG_NEWTABLE, put_table, kr_add_table },
	{ NFT_MSG_NEWCHAIN, put_chain, kr_add_chain },
	{ NFT_MSG_NEWSET, put_set, kr_add_set },
	{ NFT_MSG_NEWOBJ, put_obj, kr_add_obj },
	{ NFT_MSG_NEWRULE, put_rule, kr_add_rule },
	{ NFT_MSG_NEWSETELEM, put_elems, kr_add_elems },
};

static void message(struct kruleset *rs, struct input *in, unsigned k)
{
	static const uint8_t family[] = { NFPROTO_INET, NFPROTO_INET,
					  NFPROTO_IPV4, NFPROTO_NETDEV };
	union {
		char b[MSG_SIZE];
		struct nlmsghdr h;
	} m;
	struct nlmsghdr *h = mnl_nlmsg_put_header(&m);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 |
				   messages[k].type);
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family[byte(in) % 16 < 12 ? 0 : byte(in) % 4];
	messages[k].put(h, in);
	messages[k].add(rs, h);
}

static void evaluate(struct kruleset *rs)
{
	struct check *c = check_new(rs->arena, &rs, 1, NULL, 0);
	struct buf out = { 0 };

	for (unsigned p = 0; p < PATHS; p++) {
		struct check_side x = check_rules(c, rs, p);

		check_passes(c, &x, true);
	}
	for (size_t i = 0; i < rs->rule.n; i++)
		check_rule_text(rs->rule.v[i], NULL, &out);
	check_not_judged(rs, &out);
	buf_free(&out);
	check_free(c);
}

/* In the order that the dumps come in; the input says how many of each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = { data, n };
	struct arena *a = arena_new();
	struct kruleset *rs = ARENA_NEW(a, struct kruleset);
	unsigned sent = 0;

	rs->arena = a;
	rs->netns = rs->userns = -1;
	for (unsigned k = 0; k < sizeof(messages) / sizeof(*messages); k++)
		for (unsigned i = 1 + byte(&in) % 6; i > 0 && in.n &&
		     sent < MAX_MSGS; i--, sent++)
			message(rs, &in, k);
	kr_link(rs);
	evaluate(rs);
	arena_free(a);
	return 0;
}
