#include "check/rules.h"

#include <endian.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/hash.h"
#include "base/keys.h"

/* From netlink objects to the model. libnftnl checks attribute lengths; what
 * it does not (data longer than a register, user data) is checked here. */

static const char *copy(struct kruleset *rs, const char *s)
{
	return s ? arena_strdup(rs->arena, s) : "";
}

const char *kr_family_name(uint32_t family)
{
	static const char *const name[] = {
		[NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",
		[NFPROTO_ARP] = "arp",	     [NFPROTO_NETDEV] = "netdev",
		[NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
	};

	if (family >= sizeof(name) / sizeof(name[0]) || !name[family])
		return "?";
	return name[family];
}

const char *kr_rule_text(const struct kr_rule *r)
{
	struct kruleset *rs = r->chain->table->of;
	void (*texts)(struct kruleset *) = rs->texts;

	rs->texts = NULL;
	if (texts)
		texts(rs);
	return r->text;
}

struct kr_table *kr_find_table(const struct kruleset *rs, uint32_t family,
			       const char *name)
{
	for (size_t i = 0; name && i < rs->table.n; i++)
		if (rs->table.v[i]->family == family &&
		    !strcmp(rs->table.v[i]->name, name))
			return rs->table.v[i];
	return NULL;
}

/* Comments in user data (rule type 0). NULL: none. */
static const char *kr_comment(struct arena *a, const void *udata, uint32_t len)
{
	const uint8_t *p = udata;

	while (p && len >= 2 && len - 2 >= p[1]) {
		if (p[0] == 0 && p[1] > 0)
			return arena_strndup(
				a, (const char *)p + 2,
				strnlen((const char *)p + 2, p[1]));
		len -= 2u + p[1];
		p += 2 + p[1];
	}
	return NULL;
}

bool kr_add_table(struct kruleset *rs, const struct nlmsghdr *h)
{
	struct nftnl_table *t = nftnl_table_alloc();
	bool ok = t && nftnl_table_nlmsg_parse(h, t) == 0;

	if (ok) {
		struct kr_table *x = ARENA_NEW(rs->arena, struct kr_table);

		x->of = rs;
		x->name = copy(rs, nftnl_table_get_str(t, NFTNL_TABLE_NAME));
		x->family = nftnl_table_get_u32(t, NFTNL_TABLE_FAMILY);
		x->flags = nftnl_table_get_u32(t, NFTNL_TABLE_FLAGS);
		x->handle = nftnl_table_get_u64(t, NFTNL_TABLE_HANDLE);
		vec_push(rs->arena, &rs->table, x);
	}
	if (t)
		nftnl_table_free(t);
	return ok;
}

static const char *const *devices(struct kruleset *rs, struct nftnl_chain *c)
{
	const char *const *dev = NULL;
	const char **out;
	size_t n = 0;

	if (nftnl_chain_is_set(c, NFTNL_CHAIN_DEVICES))
		dev = nftnl_chain_get(c, NFTNL_CHAIN_DEVICES);
	while (dev && dev[n])
		n++;
	if (n == 0 && !nftnl_chain_is_set(c, NFTNL_CHAIN_DEV))
		return NULL;
	out = ARENA_ARRAY(rs->arena, const char *, n + 2);
	for (size_t i = 0; i < n; i++)
		out[i] = copy(rs, dev[i]);
	if (n == 0)
		out[0] = copy(rs, nftnl_chain_get_str(c, NFTNL_CHAIN_DEV));
	return out;
}

static void fill_base(struct kruleset *rs, struct kr_chain *x,
		      struct nftnl_chain *c)
{
	const char *type = nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE);

	x->base = true;
	x->hook = nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM);
	x->prio = nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO);
	x->policy = nftnl_chain_is_set(c, NFTNL_CHAIN_POLICY) &&
				    !nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY)
			    ? KR_DROP
			    : KR_ACCEPT;
	x->nat = type && !strcmp(type, "nat");
	x->dev = devices(rs, c);
}

static bool fill_chain(struct kruleset *rs, struct nftnl_chain *c)
{
	uint32_t family = nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);
	const char *name = nftnl_chain_get_str(c, NFTNL_CHAIN_NAME);
	struct kr_table *t;
	struct kr_chain *x;

	t = kr_find_table(rs, family,
			  nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE));
	if (!t || !name)
		return false;
	x = ARENA_NEW(rs->arena, struct kr_chain);
	x->table = t;
	x->name = copy(rs, name);
	x->handle = nftnl_chain_get_u64(c, NFTNL_CHAIN_HANDLE);
	x->id = (uint32_t)rs->chain.n;
	if (nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM))
		fill_base(rs, x, c);
	vec_push(rs->arena, &rs->chain, x);
	map_add_str(rs->arena, &t->chain, x->name, NULL)->val.p = x;
	return true;
}

bool kr_add_chain(struct kruleset *rs, const struct nlmsghdr *h)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	bool ok = c && nftnl_chain_nlmsg_parse(h, c) == 0 && fill_chain(rs, c);

	if (c)
		nftnl_chain_free(c);
	return ok;
}

struct kr_set *kr_find_set(const struct kr_table *t, const char *name)
{
	struct map_entry *e = t && name ? map_find_str(&t->set, name) : NULL;

	return e ? e->val.p : NULL;
}

static void set_fields(struct kr_set *x, struct nftnl_set *s)
{
	uint32_t len = 0;
	const uint8_t *f;

	if (!nftnl_set_is_set(s, NFTNL_SET_DESC_CONCAT))
		return;
	f = nftnl_set_get_data(s, NFTNL_SET_DESC_CONCAT, &len);
	if (!f || len > sizeof(x->field)) {
		x->unknown = "a concatenation of too many parts";
		return;
	}
	memcpy(x->field, f, len);
	x->nfields = (uint8_t)len;
}

static bool fill_set(struct kruleset *rs, struct nftnl_set *s)
{
	struct kr_table *t;
	struct kr_set *x;

	t = kr_find_table(rs, nftnl_set_get_u32(s, NFTNL_SET_FAMILY),
			  nftnl_set_get_str(s, NFTNL_SET_TABLE));
	if (!t || !nftnl_set_is_set(s, NFTNL_SET_NAME))
		return false;
	x = ARENA_NEW(rs->arena, struct kr_set);
	x->table = t;
	x->name = copy(rs, nftnl_set_get_str(s, NFTNL_SET_NAME));
	x->flags = nftnl_set_get_u32(s, NFTNL_SET_FLAGS);
	x->handle = nftnl_set_get_u64(s, NFTNL_SET_HANDLE);
	x->key_type = nftnl_set_get_u32(s, NFTNL_SET_KEY_TYPE);
	x->key_len = nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN);
	if (nftnl_set_is_set(s, NFTNL_SET_OBJ_TYPE))
		x->obj_type = nftnl_set_get_u32(s, NFTNL_SET_OBJ_TYPE);
	if (x->key_len == 0 || x->key_len > KR_DATA)
		x->unknown = "keys longer than registers";
	x->dynamic = x->flags & NFT_SET_EVAL;
	set_fields(x, s);
	vec_push(rs->arena, &rs->set, x);
	map_add_str(rs->arena, &t->set, x->name, NULL)->val.p = x;
	return true;
}

bool kr_add_set(struct kruleset *rs, const struct nlmsghdr *h)
{
	struct nftnl_set *s = nftnl_set_alloc();
	bool ok = s && nftnl_set_nlmsg_parse(h, s) == 0 && fill_set(rs, s);

	if (s)
		nftnl_set_free(s);
	return ok;
}

struct elem_ctx {
	struct kruleset *rs;
	struct kr_set *set;
	struct kr_elem *elem;
	bool bad;
};

static bool elem_data(struct nftnl_set_elem *e, uint16_t attr,
		      struct kr_data *d)
{
	uint32_t len = 0;
	const void *p;

	if (!nftnl_set_elem_is_set(e, attr))
		return false;
	p = nftnl_set_elem_get(e, attr, &len);
	if (!p || len > KR_DATA)
		return false;
	memcpy(d->b, p, len);
	d->len = (uint8_t)len;
	return true;
}

static int elem_expr(struct nftnl_expr *e, void *ctx)
{
	struct elem_ctx *c = ctx;
	struct kr_ex x;

	kr_decode(c->rs->arena, e, &x);
	if (x.kind == EX_NOTHING)
		return 0;
	c->elem->maybe = x.name;
	c->elem->maybe_id = x.figures;
	return 0;
}

/* "tcp", for a time, in the set that `apply --grace` fills. */
static bool is_grace(const struct kr_set *s, const struct kr_elem *e)
{
	return e->timed && !strcmp(s->name, "pp_grace") &&
	       !strncmp(s->table->name, "pp", 2) && e->key.len &&
	       e->key.b[0] == PROTO_TCP;
}

static int add_elem(struct nftnl_set_elem *e, void *ctx)
{
	struct elem_ctx *c = ctx;
	struct kr_elem x = {0};

	if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_FLAGS))
		x.flags = nftnl_set_elem_get_u32(e, NFTNL_SET_ELEM_FLAGS);
	x.timed = nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_TIMEOUT) ||
		  nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_EXPIRATION);
	if (!elem_data(e, NFTNL_SET_ELEM_KEY, &x.key) &&
	    !(x.flags & NFT_SET_ELEM_CATCHALL))
		c->bad = true;
	elem_data(e, NFTNL_SET_ELEM_KEY_END, &x.end);
	elem_data(e, NFTNL_SET_ELEM_DATA, &x.data);
	if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_USERDATA)) {
		uint32_t len;
		const void *p = nftnl_set_elem_get(
			e, NFTNL_SET_ELEM_USERDATA, &len);

		x.comment = kr_comment(c->rs->arena, p, len);
	}
	if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_CHAIN))
		x.target = copy(
			c->rs, nftnl_set_elem_get_str(e, NFTNL_SET_ELEM_CHAIN));
	if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_OBJREF))
		x.target = copy(c->rs, nftnl_set_elem_get_str(e,
					NFTNL_SET_ELEM_OBJREF));
	if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_VERDICT) &&
	    !kr_verdict_code(nftnl_set_elem_get_u32(e, NFTNL_SET_ELEM_VERDICT),
			     &x.verdict))
		c->bad = true;
	if ((!(x.flags & NFT_SET_ELEM_CATCHALL) &&
	     x.key.len != c->set->key_len) ||
	    (x.end.len && x.end.len != x.key.len))
		c->bad = true;
	if (is_grace(c->set, &x) &&
	    nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_EXPIRATION)) {
		c->set->grace = nftnl_set_elem_get_u64(e,
				NFTNL_SET_ELEM_EXPIRATION);
		if (c->set->grace <= KR_GRACE_MOST)
			return 0;
	}
	c->elem = &x;
	nftnl_set_elem_expr_foreach(e, elem_expr, c);
	vec_push(c->rs->arena, &c->set->elem, x);
	return 0;
}

bool kr_add_elems(struct kruleset *rs, const struct nlmsghdr *h)
{
	struct nftnl_set *s = nftnl_set_alloc();
	struct elem_ctx c = {.rs = rs};
	bool ok = s && nftnl_set_elems_nlmsg_parse(h, s) == 0;

	if (ok) {
		uint32_t family = nftnl_set_get_u32(s, NFTNL_SET_FAMILY);

		c.set = kr_find_set(
			kr_find_table(rs, family,
				      nftnl_set_get_str(s, NFTNL_SET_TABLE)),
			nftnl_set_get_str(s, NFTNL_SET_NAME));
		if (c.set && !c.set->unknown)
			nftnl_set_elem_foreach(s, add_elem, &c);
		if (c.set && c.bad)
			c.set->unknown = "an element that could not be read";
		ok = c.set != NULL;
	}
	if (s)
		nftnl_set_free(s);
	return ok;
}

/* What a limit or a quota is set to; what it has counted is left out. */
static uint64_t obj_hash(struct nftnl_obj *o, uint32_t type)
{
	static const struct { uint32_t type; uint16_t attr; } figures[] = {
		{NFT_OBJECT_LIMIT, NFTNL_OBJ_LIMIT_RATE},
		{NFT_OBJECT_LIMIT, NFTNL_OBJ_LIMIT_UNIT},
		{NFT_OBJECT_LIMIT, NFTNL_OBJ_LIMIT_BURST},
		{NFT_OBJECT_LIMIT, NFTNL_OBJ_LIMIT_TYPE},
		{NFT_OBJECT_LIMIT, NFTNL_OBJ_LIMIT_FLAGS},
		{NFT_OBJECT_QUOTA, NFTNL_OBJ_QUOTA_BYTES},
		{NFT_OBJECT_QUOTA, NFTNL_OBJ_QUOTA_FLAGS},
	};
	uint64_t h = hash_u64(HASH_INIT, type);

	for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
		uint32_t len = 0;
		const void *p = figures[i].type == type ?
			nftnl_obj_get_data(o, figures[i].attr, &len) : NULL;

		h = p ? hash_bytes(h, p, len) : h;
	}
	return hash_mix(h);
}

static struct kr_limit obj_limit(struct nftnl_obj *o)
{
	uint64_t unit = nftnl_obj_get_u64(o, NFTNL_OBJ_LIMIT_UNIT);
	struct kr_limit l = {.kind = LIMIT_OTHER};

	if (!unit || nftnl_obj_get_u32(o, NFTNL_OBJ_LIMIT_TYPE) != NFT_LIMIT_PKTS)
		return l;
	l.kind = LIMIT_PACKETS;
	l.over = nftnl_obj_get_u32(o, NFTNL_OBJ_LIMIT_FLAGS) & NFT_LIMIT_F_INV;
	l.burst = nftnl_obj_get_u32(o, NFTNL_OBJ_LIMIT_BURST);
	l.a_week = kr_a_week(nftnl_obj_get_u64(o, NFTNL_OBJ_LIMIT_RATE), unit);
	return l;
}

bool kr_add_obj(struct kruleset *rs, const struct nlmsghdr *h)
{
	struct nftnl_obj *o = nftnl_obj_alloc();
	struct kr_table *t = NULL;

	if (o && nftnl_obj_nlmsg_parse(h, o) == 0)
		t = kr_find_table(rs, nftnl_obj_get_u32(o, NFTNL_OBJ_FAMILY),
				  nftnl_obj_get_str(o, NFTNL_OBJ_TABLE));
	if (t) {
		struct kr_obj x = {
			copy(rs, nftnl_obj_get_str(o, NFTNL_OBJ_NAME)),
			nftnl_obj_get_u32(o, NFTNL_OBJ_TYPE),
			obj_hash(o, nftnl_obj_get_u32(o, NFTNL_OBJ_TYPE)),
			{0},
		};

		if (x.type == NFT_OBJECT_LIMIT)
			x.limit = obj_limit(o);

		vec_push(rs->arena, &t->obj, x);
	}
	if (o)
		nftnl_obj_free(o);
	return t != NULL;
}

/* ---- rules */

struct rule_ctx {
	struct kruleset *rs;
	struct kr_rule *r;
};

static int count_expr(struct nftnl_expr *e, void *ctx)
{
	struct rule_ctx *c = ctx;

	(void)e;
	c->r->n++;
	return 0;
}

/* Rules are many, and their expressions much alike. Those that name something
 * are the rule's own, since the name is of its table. */
static int add_expr(struct nftnl_expr *e, void *ctx)
{
	struct rule_ctx *c = ctx;
	struct arena *a = c->rs->arena;
	struct map_entry *m;
	struct kr_ex x;

	kr_decode(a, e, &x);
	m = x.target ? NULL : map_find(&c->rs->ex, &x, sizeof(x));
	if (!m) {
		struct kr_ex *kept = ARENA_NEW(a, struct kr_ex);

		memcpy(kept, &x, sizeof(x));
		c->r->ex[c->r->n++] = kept;
		if (!x.target)
			map_add(a, &c->rs->ex, &x, sizeof(x), NULL)->val.p =
				kept;
		return 0;
	}
	c->r->ex[c->r->n++] = m->val.p;
	return 0;
}

static void add_exprs(struct kruleset *rs, struct kr_rule *r,
		      struct nftnl_rule *n)
{
	struct rule_ctx c = { rs, r };

	nftnl_expr_foreach(n, count_expr, &c);
	r->ex = ARENA_ARRAY(rs->arena, struct kr_ex *, r->n);
	r->n = 0;
	nftnl_expr_foreach(n, add_expr, &c);
}

static int rule_attr(const struct nlattr *attr, void *data)
{
	const struct nlattr **tb = data;
	int type = mnl_attr_get_type(attr);

	if (type <= NFTA_RULE_MAX)
		tb[type] = attr;
	return MNL_CB_OK;
}

static int expr_attr(const struct nlattr *attr, void *data)
{
	const struct nlattr **tb = data;

	if (mnl_attr_get_type(attr) <= NFTA_EXPR_MAX)
		tb[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

/* Changes by itself, or as often as the rule is loaded: names of anonymous
 * sets are numbers that the kernel gives. */
static bool fleeting(const char *name, const struct nlattr *data)
{
	static const char *const counting[] = { "counter", "quota", "last",
						"connlimit" };
	const char *p = data ? mnl_attr_get_payload(data) : "";
	size_t n = data ? mnl_attr_get_payload_len(data) : 0;

	for (size_t i = 0; i < sizeof(counting) / sizeof(*counting); i++)
		if (!strcmp(name, counting[i]))
			return true;
	return !strcmp(name, "lookup") &&
	       (memmem(p, n, "__set", 5) || memmem(p, n, "__map", 5));
}

static uint64_t hash_expr(uint64_t h, const char *name,
			  const struct nlattr *data)
{
	h = hash_str(h, name);
	if (!data || fleeting(name, data))
		return h;
	return hash_bytes(h, mnl_attr_get_payload(data),
			  mnl_attr_get_payload_len(data));
}

/* Nothing depends on it, or what does is in struct kr_ex: figures. */
static bool aside(const char *name)
{
	static const char *const names[] = { "counter", "quota", "last",
					     "connlimit", "log" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void code_hash(const struct nlattr *list, struct kr_rule *r)
{
	const char *end = (const char *)list + mnl_attr_get_len(list);

	r->hash = r->effect = HASH_INIT;

	/* libmnl's own loop casts const away */
	for (const struct nlattr *e = mnl_attr_get_payload(list);
	     mnl_attr_ok(e, (int)(end - (const char *)e));
	     e = mnl_attr_next(e)) {
		const struct nlattr *tb[NFTA_EXPR_MAX + 1] = { NULL };
		const char *name;

		mnl_attr_parse_nested(e, expr_attr, tb);
		if (!tb[NFTA_EXPR_NAME] ||
		    mnl_attr_validate(tb[NFTA_EXPR_NAME],
				      MNL_TYPE_NUL_STRING) < 0)
			continue;
		name = mnl_attr_get_str(tb[NFTA_EXPR_NAME]);
		r->hash = hash_expr(r->hash, name, tb[NFTA_EXPR_DATA]);
		if (!aside(name))
			r->effect = hash_expr(r->effect, name,
					      tb[NFTA_EXPR_DATA]);
	}
}

/* Where a rule stands, without libnftnl, which gives up on the whole rule at
 * an expression that it does not know. */
static struct kr_rule *rule_at(struct kruleset *rs, const struct nlmsghdr *h)
{
	const struct nlattr *tb[NFTA_RULE_MAX + 1] = {NULL};
	const struct nfgenmsg *g;
	struct kr_chain *c;
	struct kr_table *t;
	struct kr_rule *r;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*g)))
		return NULL;
	g = mnl_nlmsg_get_payload(h);
	if (mnl_attr_parse(h, sizeof(*g), rule_attr, tb) < 0 ||
	    !tb[NFTA_RULE_TABLE] || !tb[NFTA_RULE_CHAIN] ||
	    mnl_attr_validate(tb[NFTA_RULE_TABLE], MNL_TYPE_NUL_STRING) < 0 ||
	    mnl_attr_validate(tb[NFTA_RULE_CHAIN], MNL_TYPE_NUL_STRING) < 0)
		return NULL;
	t = kr_find_table(rs, g->nfgen_family,
			  mnl_attr_get_str(tb[NFTA_RULE_TABLE]));
	c = kr_find_chain(t, mnl_attr_get_str(tb[NFTA_RULE_CHAIN]));
	if (!c)
		return NULL;
	r = ARENA_NEW(rs->arena, struct kr_rule);
	r->chain = c;
	if (tb[NFTA_RULE_HANDLE] &&
	    mnl_attr_validate(tb[NFTA_RULE_HANDLE], MNL_TYPE_U64) == 0)
		r->handle = be64toh(mnl_attr_get_u64(tb[NFTA_RULE_HANDLE]));
	if (tb[NFTA_RULE_EXPRESSIONS])
		code_hash(tb[NFTA_RULE_EXPRESSIONS], r);
	return r;
}

bool kr_add_rule(struct kruleset *rs, const struct nlmsghdr *h)
{
	struct kr_rule *r = rule_at(rs, h);
	struct nftnl_rule *n = nftnl_rule_alloc();

	if (r && n && nftnl_rule_nlmsg_parse(h, n) == 0) {
		uint32_t len = 0;
		const void *u = NULL;

		if (nftnl_rule_is_set(n, NFTNL_RULE_USERDATA))
			u = nftnl_rule_get_data(n, NFTNL_RULE_USERDATA, &len);
		r->comment = kr_comment(rs->arena, u, len);
		add_exprs(rs, r, n);
	} else if (r) {
		r->unknown = "an expression that this libnftnl does not know";
	}
	if (r) {
		r->id = (uint32_t)rs->rule.n;
		vec_push(rs->arena, &rs->rule, r);
		vec_push(rs->arena, &r->chain->rule, r);
	}
	if (n)
		nftnl_rule_free(n);
	return r != NULL;
}

/* ---- names to pointers */

struct kr_chain *kr_find_chain(const struct kr_table *t, const char *name)
{
	struct map_entry *e = t && name ? map_find_str(&t->chain, name) : NULL;

	return e ? e->val.p : NULL;
}

static bool needs_chain(enum kr_verdict v)
{
	return v == KR_JUMP || v == KR_GOTO;
}

/* An object map: what its objects do. Elements without objects: nothing. */
static enum kr_ex_kind objects_do(const struct kr_set *s)
{
	if (!s)
		return EX_UNKNOWN;
	if (s->obj_type == NFT_OBJECT_LIMIT || s->obj_type == NFT_OBJECT_QUOTA)
		return EX_EITHER;
	/* and a miss ends the rule */
	return s->obj_type == NFT_OBJECT_SYNPROXY ? EX_UNKNOWN : EX_EITHER;
}

static void link_object(const struct kr_table *t, struct kr_ex *x)
{
	for (size_t i = 0; i < t->obj.n; i++)
		if (t->obj.v[i].type == x->op &&
		    !strcmp(t->obj.v[i].name, x->object))
			x->limit = t->obj.v[i].limit;
}

static void link_ex(struct kr_table *t, struct kr_ex *x)
{
	if (x->kind == EX_VERDICT && needs_chain(x->verdict)) {
		x->chain = kr_find_chain(t, x->target);
		if (!x->chain)
			x->kind = EX_UNKNOWN;
	} else if (x->kind == EX_LOOKUP) {
		x->set = kr_find_set(t, x->target);
		if (!x->set)
			x->kind = EX_UNKNOWN;
	} else if (x->object) {
		link_object(t, x);
	} else if (!strcmp(x->name, "objref") && x->target) {
		x->kind = objects_do(kr_find_set(t, x->target));
	} else if (!strcmp(x->name, "dynset")) {
		struct kr_set *s = kr_find_set(t, x->target);

		if (s)
			s->dynamic = true;
	}
}

void kr_link(struct kruleset *rs)
{
	for (size_t i = 0; i < rs->rule.n; i++) {
		struct kr_rule *r = rs->rule.v[i];

		for (size_t k = 0; k < r->n; k++)
			link_ex(r->chain->table, r->ex[k]);
	}
	for (size_t i = 0; i < rs->set.n; i++) {
		struct kr_set *s = rs->set.v[i];

		for (size_t k = 0; k < s->elem.n; k++) {
			struct kr_elem *e = &s->elem.v[k];

			if (!needs_chain(e->verdict) || !e->target)
				continue;
			e->chain = kr_find_chain(s->table, e->target);
			if (!e->chain)
				s->unknown = "a jump to no chain";
		}
	}
}
