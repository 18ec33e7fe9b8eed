#include "check/packet.h"

#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

const char *const pk_ct_name[5] = {
	"invalid", "established", "related", "new", "untracked",
};

/* NF_CT_STATE_BIT(): invalid is bit 0, untracked bit 6 */
const uint32_t pk_ct_bit[5] = {1, 2, 4, 8, 64};

static const struct {
	enum pk_field field;
	unsigned bytes;
} views[PK_VIEWS] = {
	[VIEW_IIFNAME] = {PK_IIF, 16}, [VIEW_OIFNAME] = {PK_OIF, 16},
	[VIEW_IIF] = {PK_IIF, 4},      [VIEW_OIF] = {PK_OIF, 4},
	[VIEW_CT] = {PK_CT, 4},	       [VIEW_CT_NONE] = {PK_CT, 4},
	[VIEW_DIR] = {PK_DIR, 1},
	[VIEW_TYPE] = {PK_TYPE, 1},    [VIEW_ROUTED_TTL] = {PK_TTL, 1},
};

enum pk_field pk_view_field(enum pk_view v)
{
	return views[v].field;
}

unsigned pk_view_bytes(enum pk_view v)
{
	return views[v].bytes;
}

/* Interfaces that were not there at load have an index no rule can hold. */
static uint32_t index_of(const struct kruleset *rs, const struct pk_name *n,
			 unsigned id)
{
	for (size_t i = 0; n->exact && i < rs->iface.n; i++)
		if (!strcmp(rs->iface.v[i].name, n->text))
			return rs->iface.v[i].index;
	return UINT32_C(0x70000000) + id;
}

void pk_view_value(const struct pk_names *names, const struct kruleset *rs,
		   enum pk_view v, unsigned id, uint8_t out[16])
{
	uint32_t u = 0;

	memset(out, 0, 16);
	if (v == VIEW_IIFNAME || v == VIEW_OIFNAME) {
		memcpy(out, names->v[id].like, 16);
		return;
	}
	if (v == VIEW_ROUTED_TTL) {
		out[0] = (uint8_t)(id - 1);
		return;
	}
	if (v == VIEW_DIR || v == VIEW_TYPE) {
		out[0] = (uint8_t)id;
		return;
	}
	if (v == VIEW_CT_NONE && id == CT_INVALID)
		id = CT_UNTRACKED;
	u = v == VIEW_CT || v == VIEW_CT_NONE ? pk_ct_bit[id] :
		index_of(rs, &names->v[id], id);
	memcpy(out, &u, sizeof(u)); /* host byte order, as in the kernel */
}

/* ---- names */

struct collect {
	struct arena *a;
	struct map seen;
	VEC(struct pk_name) v;
};

static void add(struct collect *c, const char *p, size_t n, bool exact)
{
	struct pk_name x = {.exact = exact};
	int is_new;

	if (n > 15)
		n = 15;
	n = strnlen(p, n);
	x.text = exact ? arena_strndup(c->a, p, n)
		       : arena_printf(c->a, "%.*s*", (int)n, p);
	if (n == 0)
		return;
	map_add_str(c->a, &c->seen, x.text, &is_new);
	if (is_new)
		vec_push(c->a, &c->v, x);
}

static void add_bytes(struct collect *c, const uint8_t *b, size_t n,
		      bool prefix)
{
	const char *p = (const char *)b;
	bool whole = n == 16 || memchr(b, 0, n);

	/* the end of a range: "eth" 0xff 0xff ... */
	while (prefix && n && b[n - 1] == 0xff)
		n--;
	add(c, p, n, true);
	if (prefix || !whole)
		add(c, p, n, false);
}

static void add_elements(struct collect *c, const struct kr_set *s,
			 unsigned offset)
{
	bool ranged = s->flags & NFT_SET_INTERVAL;

	for (size_t i = 0; i < s->elem.n; i++) {
		const struct kr_elem *e = &s->elem.v[i];

		if (e->key.len >= offset + 16)
			add_bytes(c, e->key.b + offset, 16, ranged);
		if (e->end.len >= offset + 16)
			add_bytes(c, e->end.b + offset, 16, ranged);
	}
}

static void add_rule(struct collect *c, const struct kr_rule *r)
{
	bool holds[KR_REG_WORDS + 1] = {false}; /* a name starts at this word */

	for (size_t i = 0; i < r->n; i++) {
		const struct kr_ex *x = r->ex[i];
		unsigned w = kr_reg_word(x->sreg);

		if (x->kind == EX_META || x->kind == EX_PAYLOAD ||
		    x->kind == EX_CT || x->kind == EX_OPAQUE)
			holds[kr_reg_word(x->dreg)] =
				x->kind == EX_META &&
				(x->key == NFT_META_IIFNAME ||
				 x->key == NFT_META_OIFNAME);
		else if (x->kind == EX_CMP && holds[w])
			add_bytes(c, x->a.b, x->a.len,
				  x->op != NFT_CMP_EQ && x->op != NFT_CMP_NEQ);
		else if (x->kind == EX_RANGE && holds[w])
			add_bytes(c, x->a.b, x->a.len, true);
		for (unsigned k = w; x->kind == EX_LOOKUP && k < KR_REG_WORDS; k++)
			if (holds[k])
				add_elements(c, x->set, (k - w) * 4);
	}
}

static void add_ruleset(struct collect *c, const struct kruleset *rs)
{
	for (size_t i = 0; i < rs->iface.n; i++)
		add(c, rs->iface.v[i].name, 16, true);
	for (size_t i = 0; i < rs->chain.n; i++)
		for (const char *const *d = rs->chain.v[i]->dev; d && *d; d++)
			add(c, *d, 16, true);
	for (size_t i = 0; i < rs->rule.n; i++)
		add_rule(c, rs->rule.v[i]);
}

static int by_name(const void *x, const void *y)
{
	const struct pk_name *a = x, *b = y;

	if (a->exact != b->exact)
		return a->exact ? -1 : 1;
	return strcmp(a->text, b->text);
}

static size_t stem(const struct pk_name *n)
{
	return n->text ? strlen(n->text) - !n->exact : 0;
}

/* The stem and one character more that no other name goes on with. */
static void choose_like(const struct collect *c, struct pk_name *n)
{
	static const char more[] = "~^%+=_0123456789abcdefghijklmnopqrstuvwxyz";
	size_t len = stem(n);

	memset(n->like, 0, sizeof(n->like));
	memcpy(n->like, n->text ? n->text : "", len);
	for (const char *m = more; !n->exact && *m && len < 15; m++) {
		bool taken = false;

		n->like[len] = *m;
		for (size_t i = 0; i < c->v.n; i++)
			taken |= stem(&c->v.v[i]) > len &&
				 !memcmp(c->v.v[i].text, n->like, len + 1);
		if (!taken)
			return;
	}
}

struct pk_names pk_names_of(struct arena *a, struct kruleset *const *rs,
			    size_t n, const char *const *extra, size_t n_extra)
{
	struct collect c = {.a = a};
	struct pk_name other = {0};

	for (size_t i = 0; i < n; i++)
		add_ruleset(&c, rs[i]);
	for (size_t i = 0; i < n_extra; i++)
		add(&c, extra[i], strlen(extra[i]), true);
	if (c.v.n)
		qsort(c.v.v, c.v.n, sizeof(*c.v.v), by_name);
	vec_push(a, &c.v, other);
	for (size_t i = 0; i < c.v.n; i++)
		choose_like(&c, &c.v.v[i]);
	return (struct pk_names){c.v.v, c.v.n};
}

/* ---- the space */

struct space *pk_space(const struct pk_names *names)
{
	space_val addr = ~(space_val)0, iface = names->n - 1;
	const struct space_field f[PK_FIELDS] = {
		[PK_FAMILY] = {"family", 1},	  [PK_IIF] = {"iif", iface},
		[PK_OIF] = {"oif", iface},	  [PK_CT] = {"ct state", 4},
		[PK_DIR] = {"ct direction", 1},	  [PK_PROTO] = {"proto", 255},
		[PK_TH2] = {"dport", 65535},	  [PK_DST] = {"dst", addr},
		[PK_SRC] = {"src", addr},	  [PK_TH0] = {"sport", 65535},
		[PK_FLAGS] = {"tcp flags", 255},  [PK_TOS] = {"tos", 255},
		[PK_TTL] = {"ttl", 255},	  [PK_TYPE] = {"pkttype", 3},
		[PK_MARK] = {"mark", UINT32_MAX},
	};

	return space_new(f, PK_FIELDS);
}

static uint32_t addresses(struct space *s, unsigned field, bool v4)
{
	space_val lo = space_addr(addr_v4(0)), hi = space_addr(addr_v4(~0u));

	return space_interval(s, field, lo, hi, v4 ? SPACE_ALL : SPACE_NO,
			      v4 ? SPACE_NO : SPACE_ALL);
}

static uint32_t is(struct space *s, unsigned field, space_val lo, space_val hi)
{
	return space_interval(s, field, lo, hi, SPACE_ALL, SPACE_NO);
}

/* A protocol's packets open connections by these ICMP types only
 * (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c). */
static uint32_t opening_icmp(struct space *s, unsigned proto,
			     const uint8_t *type, size_t n)
{
	uint32_t r = space_or(s, space_not(s, is(s, PK_PROTO, proto, proto)),
			      space_not(s, is(s, PK_CT, CT_NEW, CT_NEW)));

	for (size_t i = 0; i < n; i++)
		r = space_or(s, r,
			     is(s, PK_TH0, type[i] << 8, type[i] << 8 | 255));
	return r;
}

/* A TCP packet opens a connection by SYN, or is picked up in the middle by
 * ACK; anything else is invalid (tcp_conntracks[] from TCP_CONNTRACK_NONE;
 * ECE, CWR and PSH do not count: tcp_valid_flags[]). */
static uint32_t opening_tcp(struct space *s)
{
	uint32_t r = space_or(s, space_not(s, is(s, PK_PROTO, 6, 6)),
			      space_not(s, is(s, PK_CT, CT_NEW, CT_NEW)));

	for (unsigned flags = 0; flags < 256; flags++) {
		unsigned v = flags & 0x37;

		if ((v & ~0x20u) == 0x02 || (v & ~0x20u) == 0x10)
			r = space_or(s, r, is(s, PK_FLAGS, flags, flags));
	}
	return r;
}

uint32_t pk_possible(struct space *s)
{
	static const uint8_t icmp[] = {8, 13, 15, 17}, icmpv6[] = {128, 139};
	uint32_t v4 = space_and(s, addresses(s, PK_SRC, true),
				addresses(s, PK_DST, true));
	uint32_t v6 = space_and(s, addresses(s, PK_SRC, false),
				addresses(s, PK_DST, false));
	uint32_t r = space_or(s, space_and(s, v4, is(s, PK_FAMILY, 0, 0)),
			      space_and(s, v6, is(s, PK_FAMILY, 1, 1)));

	r = space_and(
		s, r,
		space_or(s, is(s, PK_PROTO, 6, 6), is(s, PK_FLAGS, 0, 0)));
	r = space_and(s, r,
		      space_or(s, is(s, PK_CT, CT_ESTABLISHED, CT_RELATED),
			       is(s, PK_DIR, 0, 0)));
	r = space_and(s, r, opening_tcp(s));
	r = space_and(s, r, opening_icmp(s, 1, icmp, 4));
	return space_and(s, r, opening_icmp(s, 58, icmpv6, 2));
}
