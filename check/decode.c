#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <linux/netfilter/nf_tables.h>

#include "base/hash.h"
#include "check/rules.h"

/* One expression of libnftnl's to ours. What an attribute does not say stays
 * zero; what is longer than the kernel's own bound makes it unknown. */

static uint32_t u32_of(const struct nftnl_expr *e, uint16_t attr)
{
	uint32_t len = 0, v = 0;
	const void *p;

	if (!nftnl_expr_is_set(e, attr))
		return 0;
	p = nftnl_expr_get(e, attr, &len);
	if (p && len <= sizeof(v))
		memcpy(&v, p, len);
	return v;
}

static uint64_t u64_of(const struct nftnl_expr *e, uint16_t attr)
{
	return nftnl_expr_is_set(e, attr) ? nftnl_expr_get_u64(e, attr) : 0;
}

uint64_t kr_a_week(uint64_t rate, uint64_t unit)
{
	return rate > UINT64_MAX / WEEK ? UINT64_MAX : rate * WEEK / unit;
}

static const char *str_of(struct arena *a, const struct nftnl_expr *e,
			  uint16_t attr)
{
	const char *s;

	if (!nftnl_expr_is_set(e, attr))
		return NULL;
	s = nftnl_expr_get_str(e, attr);
	return s ? arena_strdup(a, s) : NULL;
}

static bool data_of(const struct nftnl_expr *e, uint16_t attr,
		    struct kr_data *d)
{
	uint32_t len = 0;
	const void *p;

	d->len = 0;
	if (!nftnl_expr_is_set(e, attr))
		return false;
	p = nftnl_expr_get(e, attr, &len);
	if (!p || len == 0 || len > KR_DATA)
		return false;
	memcpy(d->b, p, len);
	d->len = (uint8_t)len;
	return true;
}

enum { MAX_ONE_OF = 256 };

static void unknown(struct kr_ex *x)
{
	x->kind = EX_UNKNOWN;
}

static void read_payload(struct arena *a, const struct nftnl_expr *e,
			 struct kr_ex *x)
{
	(void)a;
	x->kind = EX_PAYLOAD;
	x->dreg = u32_of(e, NFTNL_EXPR_PAYLOAD_DREG);
	x->sreg = u32_of(e, NFTNL_EXPR_PAYLOAD_SREG);
	x->base = u32_of(e, NFTNL_EXPR_PAYLOAD_BASE);
	x->offset = u32_of(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	x->len = u32_of(e, NFTNL_EXPR_PAYLOAD_LEN);
	if (nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_SREG))
		x->kind = EX_SET_PAYLOAD;
	else if (x->len == 0 || x->len > KR_DATA)
		unknown(x);
}

static void read_meta(struct arena *a, const struct nftnl_expr *e,
		      struct kr_ex *x)
{
	(void)a;
	x->kind = EX_META;
	x->key = u32_of(e, NFTNL_EXPR_META_KEY);
	x->dreg = u32_of(e, NFTNL_EXPR_META_DREG);
	x->sreg = u32_of(e, NFTNL_EXPR_META_SREG);
	if (nftnl_expr_is_set(e, NFTNL_EXPR_META_SREG))
		x->kind = EX_SET_META;
}

static void read_ct(struct arena *a, const struct nftnl_expr *e,
		    struct kr_ex *x)
{
	(void)a;
	x->kind = EX_CT;
	x->key = u32_of(e, NFTNL_EXPR_CT_KEY);
	x->dreg = u32_of(e, NFTNL_EXPR_CT_DREG);
	x->sreg = u32_of(e, NFTNL_EXPR_CT_SREG);
	x->dir = 2;
	if (nftnl_expr_is_set(e, NFTNL_EXPR_CT_DIR))
		x->dir = nftnl_expr_get_u8(e, NFTNL_EXPR_CT_DIR);
	if (nftnl_expr_is_set(e, NFTNL_EXPR_CT_SREG))
		x->kind = EX_SET_CT;
}

static void read_cmp(struct arena *a, const struct nftnl_expr *e,
		     struct kr_ex *x)
{
	(void)a;
	x->kind = EX_CMP;
	x->sreg = u32_of(e, NFTNL_EXPR_CMP_SREG);
	x->op = u32_of(e, NFTNL_EXPR_CMP_OP);
	if (!data_of(e, NFTNL_EXPR_CMP_DATA, &x->a))
		unknown(x);
	x->len = x->a.len;
}

static void read_range(struct arena *a, const struct nftnl_expr *e,
		       struct kr_ex *x)
{
	(void)a;
	x->kind = EX_RANGE;
	x->sreg = u32_of(e, NFTNL_EXPR_RANGE_SREG);
	x->op = u32_of(e, NFTNL_EXPR_RANGE_OP);
	if (!data_of(e, NFTNL_EXPR_RANGE_FROM_DATA, &x->a) ||
	    !data_of(e, NFTNL_EXPR_RANGE_TO_DATA, &x->b) ||
	    x->a.len != x->b.len)
		unknown(x);
	x->len = x->a.len;
}

static void read_bitwise(struct arena *a, const struct nftnl_expr *e,
			 struct kr_ex *x)
{
	(void)a;
	x->kind = EX_BITWISE;
	x->sreg = u32_of(e, NFTNL_EXPR_BITWISE_SREG);
	x->dreg = u32_of(e, NFTNL_EXPR_BITWISE_DREG);
	x->len = u32_of(e, NFTNL_EXPR_BITWISE_LEN);
	x->op = u32_of(e, NFTNL_EXPR_BITWISE_OP);
	if (x->len == 0 || x->len > KR_DATA)
		unknown(x);
	else if (x->op != NFT_BITWISE_BOOL)
		x->kind = EX_OPAQUE;
	else if (!data_of(e, NFTNL_EXPR_BITWISE_MASK, &x->a) ||
		 !data_of(e, NFTNL_EXPR_BITWISE_XOR, &x->b) ||
		 x->a.len != x->len || x->b.len != x->len)
		unknown(x);
}

static void read_byteorder(struct arena *a, const struct nftnl_expr *e,
			   struct kr_ex *x)
{
	(void)a;
	x->kind = EX_BYTEORDER;
	x->sreg = u32_of(e, NFTNL_EXPR_BYTEORDER_SREG);
	x->dreg = u32_of(e, NFTNL_EXPR_BYTEORDER_DREG);
	x->len = u32_of(e, NFTNL_EXPR_BYTEORDER_LEN);
	x->size = u32_of(e, NFTNL_EXPR_BYTEORDER_SIZE);
	if (x->len == 0 || x->len > KR_DATA ||
	    (x->size != 2 && x->size != 4 && x->size != 8))
		unknown(x);
}

static void read_lookup(struct arena *a, const struct nftnl_expr *e,
			struct kr_ex *x)
{
	x->kind = EX_LOOKUP;
	x->sreg = u32_of(e, NFTNL_EXPR_LOOKUP_SREG);
	x->target = str_of(a, e, NFTNL_EXPR_LOOKUP_SET);
	x->invert = u32_of(e, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV;
	/* 0 would be the verdict register: a map says it has one */
	x->dreg = UINT32_MAX;
	if (nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG))
		x->dreg = u32_of(e, NFTNL_EXPR_LOOKUP_DREG);
	if (!x->target)
		unknown(x);
}

bool kr_verdict_code(uint32_t v, enum kr_verdict *out)
{
	static const struct {
		int32_t code;
		enum kr_verdict v;
	} codes[] = {
		{1 /* NF_ACCEPT */, KR_ACCEPT},
		{0 /* NF_DROP */, KR_DROP},
		{NFT_CONTINUE, KR_CONTINUE},
		{NFT_BREAK, KR_CONTINUE},
		{NFT_RETURN, KR_RETURN},
		{NFT_JUMP, KR_JUMP},
		{NFT_GOTO, KR_GOTO},
		{3 /* NF_QUEUE */, KR_QUEUE},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == (int32_t)v) {
			*out = codes[i].v;
			return true;
		}
	return false;
}

static void read_immediate(struct arena *a, const struct nftnl_expr *e,
			   struct kr_ex *x)
{
	x->dreg = u32_of(e, NFTNL_EXPR_IMM_DREG);
	if (x->dreg == NFT_REG_VERDICT) {
		x->kind = EX_VERDICT;
		x->target = str_of(a, e, NFTNL_EXPR_IMM_CHAIN);
		if (!kr_verdict_code(u32_of(e, NFTNL_EXPR_IMM_VERDICT),
				     &x->verdict))
			unknown(x);
		return;
	}
	x->kind = EX_IMMEDIATE;
	if (!data_of(e, NFTNL_EXPR_IMM_DATA, &x->a))
		unknown(x);
	x->len = x->a.len;
}

/* NF_NAT_RANGE_PROTO_RANDOM, _RANDOM_FULLY: linux/netfilter/nf_nat.h */
enum { RANDOM_PORT = 1 << 2 | 1 << 4 };

static void read_nat(struct arena *a, const struct nftnl_expr *e,
		     struct kr_ex *x)
{
	(void)a;
	x->kind = u32_of(e, NFTNL_EXPR_NAT_TYPE) == NFT_NAT_DNAT ? EX_DNAT
								 : EX_SNAT;
	x->base = u32_of(e, NFTNL_EXPR_NAT_FAMILY);
	x->reg_addr = u32_of(e, NFTNL_EXPR_NAT_REG_ADDR_MIN);
	x->reg_port = u32_of(e, NFTNL_EXPR_NAT_REG_PROTO_MIN);
	x->ranged = (nftnl_expr_is_set(e, NFTNL_EXPR_NAT_REG_ADDR_MAX) &&
		     u32_of(e, NFTNL_EXPR_NAT_REG_ADDR_MAX) != x->reg_addr) ||
		    (nftnl_expr_is_set(e, NFTNL_EXPR_NAT_REG_PROTO_MAX) &&
		     u32_of(e, NFTNL_EXPR_NAT_REG_PROTO_MAX) != x->reg_port);
	/* NETMAP: the host part stays (NF_NAT_RANGE_NETMAP) */
	if (u32_of(e, NFTNL_EXPR_NAT_FLAGS) & (1u << 6))
		x->ranged = true;
	x->key = u32_of(e, NFTNL_EXPR_NAT_FLAGS) & RANDOM_PORT;
}

static void read_redirect(struct arena *a, const struct nftnl_expr *e,
			  struct kr_ex *x)
{
	(void)a;
	x->kind = EX_REDIRECT;
	x->reg_port = u32_of(e, NFTNL_EXPR_REDIR_REG_PROTO_MIN);
	x->ranged = nftnl_expr_is_set(e, NFTNL_EXPR_REDIR_REG_PROTO_MAX) &&
		    u32_of(e, NFTNL_EXPR_REDIR_REG_PROTO_MAX) != x->reg_port;
}

static void read_masquerade(struct arena *a, const struct nftnl_expr *e,
			    struct kr_ex *x)
{
	(void)a;
	x->kind = EX_SNAT;
	x->ranged = true;
	x->reg_port = u32_of(e, NFTNL_EXPR_MASQ_REG_PROTO_MIN);
	x->key = u32_of(e, NFTNL_EXPR_MASQ_FLAGS) & RANDOM_PORT;
}

static void read_nothing(struct arena *a, const struct nftnl_expr *e,
			 struct kr_ex *x)
{
	(void)a;
	(void)e;
	x->kind = EX_NOTHING;
}

/* What it is set to, without what it has counted. */
static void read_either(struct arena *a, const struct nftnl_expr *e,
			struct kr_ex *x)
{
	static const struct { const char *name; uint16_t last; } figures[] = {
		{"limit", NFTNL_EXPR_LIMIT_FLAGS},
		{"quota", NFTNL_EXPR_QUOTA_FLAGS},
		{"connlimit", NFTNL_EXPR_CONNLIMIT_FLAGS},
	};

	(void)a;
	x->kind = EX_EITHER;
	x->figures = HASH_INIT;
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		for (uint16_t k = NFTNL_EXPR_BASE; k <= figures[i].last &&
			     !strcmp(figures[i].name, x->name); k++) {
			uint32_t len = 0;
			const void *p = nftnl_expr_get(e, k, &len);

			x->figures = p ? hash_bytes(x->figures, p, len) :
					 x->figures;
		}
}

static void read_limit(struct arena *a, const struct nftnl_expr *e,
		       struct kr_ex *x)
{
	uint64_t unit = u64_of(e, NFTNL_EXPR_LIMIT_UNIT);

	read_either(a, e, x);
	x->limit.kind = u32_of(e, NFTNL_EXPR_LIMIT_TYPE) == NFT_LIMIT_PKTS &&
		unit ? LIMIT_PACKETS : LIMIT_OTHER;
	x->limit.over = u32_of(e, NFTNL_EXPR_LIMIT_FLAGS) & NFT_LIMIT_F_INV;
	x->limit.burst = u32_of(e, NFTNL_EXPR_LIMIT_BURST);
	x->limit.a_week = unit ? kr_a_week(u64_of(e, NFTNL_EXPR_LIMIT_RATE),
					   unit) : 0;
}

/* Of each element. One that holds beyond a rate holds no more when the set is
 * full: that limits nothing. */
static int tied_limit(struct nftnl_expr *e, void *data)
{
	struct kr_ex *x = data;

	if (!strcmp(nftnl_expr_get_str(e, NFTNL_EXPR_NAME), "limit") &&
	    !(u32_of(e, NFTNL_EXPR_LIMIT_FLAGS) & NFT_LIMIT_F_INV))
		x->limit.kind = LIMIT_OTHER;
	return 0;
}

/* The rule ends where the set is full, or by what is tied to the element. */
static void read_dynset(struct arena *a, const struct nftnl_expr *e,
			struct kr_ex *x)
{
	x->kind = u32_of(e, NFTNL_EXPR_DYNSET_OP) == NFT_DYNSET_OP_DELETE
			  ? EX_NOTHING
			  : EX_EITHER;
	x->target = str_of(a, e, NFTNL_EXPR_DYNSET_SET_NAME);
	nftnl_expr_expr_foreach(e, tied_limit, x);
}

static void read_reject(struct arena *a, const struct nftnl_expr *e,
			struct kr_ex *x)
{
	(void)a;
	(void)e;
	x->kind = EX_REJECT;
}

static void read_queue(struct arena *a, const struct nftnl_expr *e,
		       struct kr_ex *x)
{
	(void)a;
	(void)e;
	x->kind = EX_QUEUE;
}

/* A copy goes to an address or out of a device, or the packet itself does, or
 * a socket here gets it. */
static void read_elsewhere(struct arena *a, const struct nftnl_expr *e,
			   struct kr_ex *x)
{
	(void)a;
	(void)e;
	x->kind = EX_ELSEWHERE;
}

static void read_notrack(struct arena *a, const struct nftnl_expr *e,
			 struct kr_ex *x)
{
	(void)a;
	(void)e;
	x->kind = EX_NOTRACK;
}

/* Resolved by the object's type when all is read: kr_link(). */
static void read_objref(struct arena *a, const struct nftnl_expr *e,
			struct kr_ex *x)
{
	x->kind = EX_UNKNOWN;
	x->op = u32_of(e, NFTNL_EXPR_OBJREF_IMM_TYPE);
	x->target = str_of(a, e, NFTNL_EXPR_OBJREF_SET_NAME);
	x->object = str_of(a, e, NFTNL_EXPR_OBJREF_IMM_NAME);
	/* counter 1, ct helper 3, ct timeout 7, secmark 8, ct expectation 9 */
	if (!x->target && (1u << (x->op & 31) & 0x38a))
		x->kind = EX_NOTHING;
	else if (!x->target &&
		 (x->op == NFT_OBJECT_LIMIT || x->op == NFT_OBJECT_QUOTA))
		x->kind = EX_EITHER;
}

static void opaque(const struct nftnl_expr *e, struct kr_ex *x, uint16_t dreg,
		   bool is_load)
{
	x->kind =
		is_load && nftnl_expr_is_set(e, dreg) ? EX_OPAQUE : EX_UNKNOWN;
	x->dreg = u32_of(e, dreg);
	x->len = 16; /* not modelled: more cannot hurt */
}

#define OPAQUE(name, dreg)                                                     \
	static void read_##name(struct arena *a, const struct nftnl_expr *e,   \
				struct kr_ex *x)                               \
	{                                                                      \
		(void)a;                                                       \
		opaque(e, x, dreg, true);                                      \
	}

OPAQUE(fib, NFTNL_EXPR_FIB_DREG)
OPAQUE(rt, NFTNL_EXPR_RT_DREG)
OPAQUE(socket, NFTNL_EXPR_SOCKET_DREG)
/* Any of so many numbers, in host byte order. */
static void one_of(struct kr_ex *x, uint32_t modulus, uint32_t offset)
{
	if (x->kind != EX_OPAQUE || modulus == 0 || modulus > MAX_ONE_OF)
		return;
	x->kind = EX_ONE_OF;
	x->size = modulus;
	x->offset = offset;
	x->len = 4;
}

static void read_numgen(struct arena *a, const struct nftnl_expr *e,
			struct kr_ex *x)
{
	(void)a;
	opaque(e, x, NFTNL_EXPR_NG_DREG, true);
	one_of(x, u32_of(e, NFTNL_EXPR_NG_MODULUS),
	       u32_of(e, NFTNL_EXPR_NG_OFFSET));
}

static void read_hash(struct arena *a, const struct nftnl_expr *e,
		      struct kr_ex *x)
{
	(void)a;
	opaque(e, x, NFTNL_EXPR_HASH_DREG, true);
	one_of(x, u32_of(e, NFTNL_EXPR_HASH_MODULUS),
	       u32_of(e, NFTNL_EXPR_HASH_OFFSET));
}

OPAQUE(osf, NFTNL_EXPR_OSF_DREG)
OPAQUE(xfrm, NFTNL_EXPR_XFRM_DREG)
OPAQUE(tunnel, NFTNL_EXPR_TUNNEL_DREG)

/* A write to a TCP option (MSS clamping) leaves the verdict alone. */
static void read_exthdr(struct arena *a, const struct nftnl_expr *e,
			struct kr_ex *x)
{
	uint32_t len = u32_of(e, NFTNL_EXPR_EXTHDR_LEN);

	(void)a;
	opaque(e, x, NFTNL_EXPR_EXTHDR_DREG, true);
	if (len > x->len)
		x->len = len;
	x->invert = u32_of(e, NFTNL_EXPR_EXTHDR_FLAGS) & NFT_EXTHDR_F_PRESENT;
	if (nftnl_expr_is_set(e, NFTNL_EXPR_EXTHDR_SREG))
		x->kind = EX_EITHER;
}

static const struct {
	const char *name;
	void (*read)(struct arena *, const struct nftnl_expr *, struct kr_ex *);
} readers[] = {
	{"payload", read_payload},
	{"meta", read_meta},
	{"ct", read_ct},
	{"cmp", read_cmp},
	{"range", read_range},
	{"bitwise", read_bitwise},
	{"byteorder", read_byteorder},
	{"lookup", read_lookup},
	{"immediate", read_immediate},
	{"counter", read_nothing},
	{"log", read_nothing},
	{"last", read_nothing},
	{"limit", read_limit},
	{"quota", read_either},
	{"connlimit", read_either},
	{"dynset", read_dynset},
	{"reject", read_reject},
	{"queue", read_queue},
	{"notrack", read_notrack},
	{"nat", read_nat},
	{"masq", read_masquerade},
	{"redir", read_redirect},
	{"objref", read_objref},
	{"fib", read_fib},
	{"rt", read_rt},
	{"socket", read_socket},
	{"numgen", read_numgen},
	{"hash", read_hash},
	{"osf", read_osf},
	{"xfrm", read_xfrm},
	{"tunnel", read_tunnel},
	{"exthdr", read_exthdr},
	{"dup", read_elsewhere},
	{"fwd", read_elsewhere},
	{"tproxy", read_elsewhere},
	{"synproxy", read_elsewhere},
	{"flow_offload", read_either}, /* ends the rule where it does not */
};

void kr_decode(struct arena *a, const struct nftnl_expr *e, struct kr_ex *x)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

	memset(x, 0, sizeof(*x));
	x->kind = EX_UNKNOWN;
	x->name = "?";
	for (size_t i = 0; name && i < sizeof(readers) / sizeof(readers[0]);
	     i++)
		if (!strcmp(readers[i].name, name)) {
			x->name = readers[i].name;
			readers[i].read(a, e, x);
			break;
		}
	if (name && !strcmp(x->name, "?"))
		x->name = arena_strdup(a, name);
	if (x->kind == EX_UNKNOWN && !strcmp(x->name, "match"))
		x->name =
			arena_printf(a, "xtables match \"%s\"",
				     nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME));
	else if (x->kind == EX_UNKNOWN && !strcmp(x->name, "target"))
		x->name =
			arena_printf(a, "xtables target \"%s\"",
				     nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME));
}
