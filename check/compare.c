#include "check/become.h"
#include "check/check.h"

#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

struct check *check_new(struct arena *a, struct kruleset *const *rs, size_t n,
			const char *const *extra, size_t n_extra)
{
	struct check *c = ARENA_NEW(a, struct check);

	c->arena = a;
	c->names = pk_names_of(a, rs, n, extra, n_extra);
	c->s = pk_space(&c->names);
	c->possible = pk_possible(c->s);
	c->compared = SPACE_ALL;
	return c;
}

void check_free(struct check *c)
{
	if (c)
		space_free(c->s);
}

/* Every evaluator numbers its outcomes itself: its operations' results must
 * not be taken for another's. */
struct check_side check_rules_but(struct check *c, const struct kruleset *rs,
				  enum check_path path,
				  const char *const *tables, size_t n)
{
	struct check_side x = {ARENA_NEW(c->arena, struct evaluator), 0};

	space_forget(c->s);
	ev_init(x.ev, c->arena, c->s, &c->names, rs);
	x.ev->tame = tables;
	x.ev->n_tame = n;
	x.d = ev_path(x.ev, path);
	return x;
}

struct check_side check_rules(struct check *c, const struct kruleset *rs,
			      enum check_path path)
{
	return check_rules_but(c, rs, path, NULL, 0);
}

/* ---- plans */

struct flows {
	const struct check *c;
	const struct check_flow *v;
};

static space_val iface_id(const struct check *c, const char *name, bool upper)
{
	for (size_t i = 0; name && i < c->names.n; i++)
		if (c->names.v[i].text && !strcmp(c->names.v[i].text, name))
			return i;
	return upper ? c->names.n - 1 : 0;
}

static void flow_get(const void *ctx, size_t i, unsigned field, space_val *lo,
		     space_val *hi)
{
	const struct flows *f = ctx;
	const struct check_flow *x = &f->v[i];
	unsigned proto = key_proto(x->keys.lo);

	switch (field) {
	case PK_IIF:
		*lo = iface_id(f->c, x->in, false);
		*hi = iface_id(f->c, x->in, true);
		break;
	case PK_OIF:
		*lo = iface_id(f->c, x->out, false);
		*hi = iface_id(f->c, x->out, true);
		break;
	case PK_PROTO:
		*lo = proto;
		*hi = key_proto(x->keys.hi);
		break;
	case PK_SRC:
		*lo = space_addr(x->src.lo);
		*hi = space_addr(x->src.hi);
		break;
	case PK_DST:
		*lo = space_addr(x->dst.lo);
		*hi = space_addr(x->dst.hi);
		break;
	case PK_TH2:
		*lo = 0;
		*hi = 65535;
		if (*lo == 0 && key_proto(x->keys.hi) == proto &&
		    proto_has_ports(proto)) {
			*lo = key_detail(x->keys.lo);
			*hi = key_detail(x->keys.hi);
		}
		break;
	default: /* PK_TH0: ICMP's type and code */
		*lo = 0;
		*hi = 65535;
		if (key_proto(x->keys.hi) == proto && proto_is_icmp(proto)) {
			*lo = (space_val)key_detail(x->keys.lo) << 8;
			*hi = (space_val)key_detail(x->keys.hi) << 8 | 255;
		}
	}
}

/* A key range over several protocols: ends, and what lies between, apart. */
static void split_keys(struct arena *a, const struct check_flow *f,
		       struct flows *out, size_t *n, size_t *cap)
{
	struct check_flow x = *f;
	uint32_t lo = f->keys.lo;

	while (lo <= f->keys.hi) {
		uint32_t end = lo | 0xffff;

		/* whole protocols stay together */
		if ((lo & 0xffff) == 0 && (f->keys.hi | 0xffff) == f->keys.hi)
			end = f->keys.hi;
		if (end > f->keys.hi)
			end = f->keys.hi;
		x.keys = (struct key_range){lo, end};
		if (*n == *cap) {
			void *v = (void *)(uintptr_t)out->v;

			vec_grow(a, &v, *n, cap, sizeof(x));
			out->v = v;
		}
		memcpy((void *)(uintptr_t)&out->v[(*n)++], &x, sizeof(x));
		lo = end + 1;
	}
}

struct check_side check_flows(struct check *c, const struct check_flow *flow,
			      size_t n)
{
	static const uint8_t fields[] = {PK_IIF, PK_OIF, PK_PROTO, PK_TH2,
					 PK_DST, PK_SRC, PK_TH0};
	struct flows f = {c, NULL};
	size_t m = 0, cap = 0;
	struct space_boxes b = {0, sizeof(fields), fields, flow_get, NULL, &f};

	for (size_t i = 0; i < n; i++)
		split_keys(c->arena, &flow[i], &f, &m, &cap);
	b.n = m;
	return (struct check_side){NULL, space_union(c->s, &b)};
}

/* ---- sides */

struct fate_info {
	bool pass, block;
	uint32_t pass_rule, block_rule;
	const char *why;
};

static void fates_of(const struct check_side *x, uint32_t leaf,
		     struct fate_info *f)
{
	const struct outcome *o;

	*f = (struct fate_info){.pass_rule = RULE_NONE,
				.block_rule = RULE_NONE};
	if (!x->ev) {
		f->pass = leaf;
		f->block = !leaf;
		return;
	}
	o = outcome_get(&x->ev->out, leaf);
	for (unsigned i = 0; i < o->n; i++) {
		bool pass = o->v[i].kind == FATE_ACCEPT ||
			    o->v[i].kind == FATE_ELSEWHERE;
		uint32_t *rule = pass ? &f->pass_rule : &f->block_rule;

		if (o->v[i].rule < *rule)
			*rule = o->v[i].rule;
		f->pass |= pass;
		f->block |= !pass;
	}
	if (f->pass && f->block)
		f->why = o->why ? x->ev->reason.v[o->why - 1].text : "?";
}

struct passes_ctx {
	const struct check_side *x;
	bool maybe;
};

static uint32_t leaf_passes(void *ctx, uint32_t a, uint32_t b)
{
	const struct passes_ctx *p = ctx;
	struct fate_info f;

	(void)b;
	fates_of(p->x, a, &f);
	return f.pass && (p->maybe || !f.block);
}

uint32_t check_passes(struct check *c, const struct check_side *x, bool maybe)
{
	struct passes_ctx p = {x, maybe};
	struct space_op op = {500, false, leaf_passes, NULL, &p};

	if (!x->ev)
		return x->d;
	space_forget(c->s);
	return space_map(c->s, &op, x->d);
}

static const struct kr_rule *rule_of(const struct check_side *x, uint32_t id)
{
	return x->ev && id < x->ev->rs->rule.n ? x->ev->rs->rule.v[id] : NULL;
}

static const struct kr_chain *policy_of(const struct check_side *x, uint32_t id)
{
	size_t n = x->ev ? x->ev->rs->rule.n : 0;

	return x->ev && id >= n && id - n < x->ev->rs->chain.n
		       ? x->ev->rs->chain.v[id - n]
		       : NULL;
}

enum check_fate check_packet(struct check *c, const struct check_side *x,
			     const space_val *packet,
			     const struct kr_rule **rule)
{
	struct fate_info f;

	fates_of(x, space_at(c->s, x->d, packet), &f);
	if (rule)
		*rule = rule_of(x, f.pass ? f.pass_rule : f.block_rule);
	if (f.pass && f.block)
		return CHECK_EITHER;
	return f.pass ? CHECK_PASS : CHECK_BLOCK;
}

/* ---- differences: one class a kind and pair of deciding rules */

struct diff_key {
	uint32_t kind, rule[2], pad;
	const char *why;
	struct become_unless unless; /* of what is translated */
};

struct differ {
	struct check *c;
	const struct check_side *side[2];
	struct become_pair pair;
	struct map classes;
	VEC(struct diff_key) class;
};

static uint32_t leaf_diff(void *ctx, uint32_t a, uint32_t b)
{
	struct differ *d = ctx;
	struct fate_info f[2];
	struct diff_key k;
	struct map_entry *e;
	enum become become;
	bool alike;
	int is_new;

	fates_of(d->side[0], a, &f[0]);
	fates_of(d->side[1], b, &f[1]);
	memset(&k, 0, sizeof(k));
	alike = f[0].pass == f[1].pass && f[0].block == f[1].block &&
		(!f[0].why || become_alike(&d->pair, a, b));
	become = alike ? become_compare(&d->pair, a, b, &k.unless) :
			 BECOME_OTHER;
	if (become == BECOME_SAME)
		return 0;
	if (become == BECOME_UNKNOWN && !f[0].why)
		f[0].why = "what it is translated to";
	for (unsigned i = 0; i < 2; i++)
		k.rule[i] = f[i].pass ? f[i].pass_rule : f[i].block_rule;
	k.why = f[0].why ? f[0].why : f[1].why;
	k.kind = k.why	     ? CHECK_UNDECIDED
		 : alike     ? CHECK_TRANSLATES
		 : f[1].pass ? CHECK_OPENS
			     : CHECK_CLOSES;
	e = map_add(d->c->arena, &d->classes, &k, sizeof(k), &is_new);
	if (is_new) {
		vec_push(d->c->arena, &d->class, k);
		e->val.u = (uint32_t)d->class.n;
	}
	return e->val.u;
}

static uint32_t only(struct check *c, unsigned field, space_val lo,
		     space_val hi)
{
	return space_interval(c->s, field, lo, hi, SPACE_ALL, SPACE_NO);
}

uint32_t check_within(struct check *c, enum check_scope scope,
		      enum check_path path)
{
	uint32_t r = c->possible, fresh = only(c, PK_CT, CT_NEW, CT_NEW);

	if (scope == CHECK_OPENING)
		r = space_and(
			c->s, r,
			space_or(c->s, only(c, PK_FLAGS, 2, 2),
				 space_not(c->s, only(c, PK_PROTO, 6, 6))));
	if (scope == CHECK_OPENING || scope == CHECK_NEW)
		r = space_and(c->s, r, fresh);
	if (scope == CHECK_OTHER)
		r = space_minus(c->s, r, fresh);
	if (path != PATH_OUTPUT)
		r = space_and(c->s, r, only(c, PK_MARK, 0, 0));
	if (path == PATH_FORWARD)
		r = space_and(c->s, r,
			      space_and(c->s, only(c, PK_TYPE, 0, 0),
					only(c, PK_TTL, 2, 255)));
	/* the interface that a hook does not have cannot matter */
	if (path == PATH_INPUT)
		r = space_and(c->s, r, only(c, PK_OIF, 0, 0));
	if (path == PATH_OUTPUT)
		r = space_and(c->s, r, only(c, PK_IIF, 0, 0));
	return r;
}

/* ---- sizes */

static uint32_t forget(struct check *c, uint32_t set, uint32_t fields)
{
	for (unsigned f = PK_FIELDS; f-- > 0;)
		if (fields >> f & 1)
			set = space_project(c->s, &space_op_or, set, f);
	return set;
}

static uint32_t protocol(struct check *c, space_val proto)
{
	return only(c, PK_PROTO, proto, proto);
}

static void count_part(struct check *c, uint32_t set, uint32_t fields,
		       struct space_count *sum)
{
	uint32_t all = (1u << PK_FIELDS) - 1;

	space_count_add(
		sum, space_size(c->s, forget(c, set, all & ~fields), fields));
}

static struct space_count size_of(struct check *c, uint32_t set)
{
	/* DCCP 33, UDP-Lite 136: ports stand where TCP has them */
	static const uint8_t with_ports[] = {PROTO_TCP, PROTO_UDP, 33,
					     PROTO_SCTP, 136};
	uint32_t base = 1u << PK_IIF | 1u << PK_OIF | 1u << PK_PROTO |
			1u << PK_DST | 1u << PK_SRC;
	uint32_t icmp = space_or(c->s, protocol(c, PROTO_ICMP),
				 protocol(c, PROTO_ICMPV6));
	uint32_t ports = SPACE_NO;
	struct space_count n = {{0}};

	for (size_t i = 0; i < sizeof(with_ports); i++)
		ports = space_or(c->s, ports, protocol(c, with_ports[i]));
	count_part(c, space_and(c->s, set, ports), base | 1u << PK_TH2, &n);
	count_part(c, space_and(c->s, set, icmp), base | 1u << PK_TH0, &n);
	count_part(c, space_minus(c->s, set, space_or(c->s, ports, icmp)), base,
		   &n);
	return n;
}

/* ---- for the reader */

/*
 * Where all of a field's values that can occur are in the set, so may be those
 * that cannot: then the field need not be named. Afterwards any value can
 * "occur" there. (IPv4 sources of IPv4 packets, flags without TCP, ...)
 */
static uint32_t free_field(struct check *c, uint32_t set, uint32_t *possible,
			   unsigned field)
{
	uint32_t some = space_project(c->s, &space_op_or, *possible, field);
	uint32_t lacks = space_project(
		c->s, &space_op_or, space_minus(c->s, *possible, set), field);

	*possible = some;
	return space_or(c->s, set, space_minus(c->s, some, lacks));
}

uint32_t check_readable(struct check *c, uint32_t set, uint32_t possible)
{
	static const uint8_t order[] = {PK_MARK, PK_TYPE, PK_TTL, PK_FLAGS,
					PK_TH0,	 PK_DIR,  PK_IIF, PK_OIF,
					PK_SRC,	 PK_DST};

	for (size_t i = 0; i < sizeof(order); i++)
		set = free_field(c, set, &possible, order[i]);
	return set;
}

/* Not the network's own address, if its neighbour does as well. */
static void nicer(struct check *c, uint32_t set, space_val *p, unsigned field)
{
	space_val kept = p[field];

	if ((uint8_t)kept != 0)
		return;
	p[field]++;
	if (!space_at(c->s, set, p))
		p[field] = kept;
}

/* The part that is in the other set too, if there is one. */
static uint32_t prefer(struct check *c, uint32_t set, uint32_t other)
{
	uint32_t both = space_and(c->s, set, other);

	return both == SPACE_NO ? set : both;
}

/* Flags that a handshake, a transfer or its end has. */
static uint32_t usual_flags(struct check *c)
{
	static const uint8_t usual[] = {0, 2, 0x12, 0x10, 0x11, 4, 0x14};
	uint32_t r = SPACE_NO;

	for (size_t i = 0; i < sizeof(usual); i++)
		r = space_or(c->s, r, only(c, PK_FLAGS, usual[i], usual[i]));
	return r;
}

/* Addresses that hosts have and routers forward. */
static uint32_t unicast(struct check *c, unsigned field)
{
	static const uint32_t v4[][2] = {{0x01000000, 0x7effffff},
					 {0x80000000, 0xdfffffff}};
	const space_val v6 = (space_val)1 << 125, ula = (space_val)0xfd << 120;
	uint32_t r = space_or(c->s, only(c, field, v6, 2 * v6 - 1),
			      only(c, field, ula, ula + (v6 >> 5) - 1));

	for (size_t i = 0; i < 2; i++)
		r = space_or(c->s, r,
			     only(c, field, space_addr(addr_v4(v4[i][0])),
				  space_addr(addr_v4(v4[i][1]))));
	return r;
}

/* The most usual first; the first four are what conntrack knows best. */
static const space_val usual[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP,
				   PROTO_ICMPV6, PROTO_ESP };
enum { N_TRACKED = 4 };

/* Of several protocols, those that the family has. */
static uint32_t of_family(struct check *c)
{
	uint32_t icmp = protocol(c, PROTO_ICMP);
	uint32_t icmpv6 = protocol(c, PROTO_ICMPV6);

	icmp = space_and(c->s, icmp, only(c, PK_FAMILY, 1, 1));
	icmpv6 = space_and(c->s, icmpv6, only(c, PK_FAMILY, 0, 0));
	return space_not(c->s, space_or(c->s, icmp, icmpv6));
}

static uint32_t icmp_types(struct check *c, unsigned proto, unsigned lo,
			   unsigned hi)
{
	return space_and(c->s, protocol(c, proto),
			 only(c, PK_TH0, lo << 8, hi << 8 | 255));
}

/* In a connection's middle: ICMP's requests one way, its answers the other. */
static uint32_t under_way(struct check *c)
{
	uint32_t there = space_or(c->s, icmp_types(c, PROTO_ICMP, 8, 8),
				  icmp_types(c, PROTO_ICMPV6, 128, 128));
	uint32_t back = space_or(c->s, icmp_types(c, PROTO_ICMP, 0, 0),
				 icmp_types(c, PROTO_ICMPV6, 129, 129));
	uint32_t other = space_not(c->s, space_or(c->s, protocol(c, PROTO_ICMP),
						  protocol(c, PROTO_ICMPV6)));

	there = space_and(c->s, there, only(c, PK_DIR, 0, 0));
	back = space_and(c->s, back, only(c, PK_DIR, 1, 1));
	return space_or(c->s, other, space_or(c->s, there, back));
}

/* What conntrack sees in a state by itself, without helpers or odd protocols. */
static uint32_t typical(struct check *c, unsigned state)
{
	uint32_t r = SPACE_NO;

	if (state == CT_ESTABLISHED)
		return under_way(c);
	if (state == CT_RELATED)
		return space_or(c->s, icmp_types(c, PROTO_ICMPV6, 1, 4),
				space_or(c->s, icmp_types(c, PROTO_ICMP, 3, 3),
					 icmp_types(c, PROTO_ICMP, 11, 12)));
	for (size_t i = 0; state == CT_INVALID && i < N_TRACKED; i++)
		r = space_or(c->s, r, protocol(c, usual[i]));
	return r == SPACE_NO ? SPACE_ALL : r;
}

/* Packets that can be sent, of one conntrack state. */
static uint32_t sendable(struct check *c, uint32_t set)
{
	static const uint8_t ct[] = { CT_NEW, CT_ESTABLISHED, CT_RELATED,
				      CT_INVALID, CT_UNTRACKED };
	uint32_t state = SPACE_NO, hairpin = SPACE_NO;

	for (size_t i = 0; i < c->names.n; i++) {
		const struct pk_name *n = &c->names.v[i];

		hairpin = space_or(c->s, hairpin,
				   space_and(c->s, only(c, PK_IIF, i, i),
					     only(c, PK_OIF, i, i)));
		if (!n->exact || strcmp(n->text, "lo"))
			continue;
		set = prefer(c, set, space_not(c->s, only(c, PK_IIF, i, i)));
		set = prefer(c, set, space_not(c->s, only(c, PK_OIF, i, i)));
	}
	set = prefer(c, set, space_not(c->s, hairpin));
	set = prefer(c, set, of_family(c));
	for (size_t i = 0; state == SPACE_NO; i++) {
		state = space_and(c->s, set, only(c, PK_CT, ct[i], ct[i]));
		if (state == SPACE_NO)
			continue;
		state = prefer(c, state, typical(c, ct[i]));
		if (ct[i] != CT_NEW)
			state = prefer(c, state, space_or(c->s,
					only(c, PK_FLAGS, 0, 0),
					only(c, PK_FLAGS, 16, 16)));
	}
	return state;
}

static void take_witness(struct check *c, uint32_t set,
			 const struct space_wish *w, space_val *out)
{
	space_witness(c->s, set, w, out);
	nicer(c, set, out, PK_SRC);
	nicer(c, set, out, PK_DST);
}

static void witness_of(struct check *c, uint32_t set, space_val *out)
{
	static const space_val port[] = {22, 80, 443, 53, 25, 123, 3389, 8080};
	static const space_val type[] = {8 << 8, 128 << 8, 3 << 8 | 1};
	static const space_val sport[] = {40000}, syn[] = {2, 18, 16};
	static const space_val ttl[] = {64};
	const space_val oif[] = {c->names.n > 2};
	const space_val v6_doc = (space_val)0x20010db8 << 96;
	struct space_wish w[PK_FIELDS] = {
		[PK_PROTO] = {usual, 5}, [PK_TH2] = {port, 8},
		[PK_TH0] = {sport, 1},	 [PK_FLAGS] = {syn, 3},
		[PK_TTL] = {ttl, 1},	 [PK_OIF] = {oif, 1},
	};
	/* RFC 5737, RFC 3849: addresses that mean nobody */
	const space_val src[] = {space_addr(addr_v4(0xc000020a)), v6_doc | 10};
	const space_val dst[] = {space_addr(addr_v4(0xcb007114)), v6_doc | 20};

	set = sendable(c, set);
	set = prefer(c, set, usual_flags(c));
	set = prefer(c, set, unicast(c, PK_SRC));
	set = prefer(c, set, unicast(c, PK_DST));
	w[PK_SRC] = (struct space_wish){src, 2};
	w[PK_DST] = (struct space_wish){dst, 2};
	take_witness(c, set, w, out);
	if (!proto_is_icmp((unsigned)out[PK_PROTO]))
		return;
	w[PK_PROTO] = (struct space_wish){&out[PK_PROTO], 1};
	w[PK_TH0] = (struct space_wish){type, 3};
	w[PK_TH2] = (struct space_wish){NULL, 0};
	space_val kept = out[PK_PROTO];

	w[PK_PROTO].v = &kept;
	take_witness(c, set, w, out);
}

static uint32_t leaf_is(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a == b;
}

/* What is looked at, of all that differs. */
static uint32_t leaf_keep(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return b ? a : 0;
}

static uint32_t early_keep(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a == SPACE_NO || b == SPACE_NO ? SPACE_NO :
	       b == SPACE_ALL ? a : SPACE_OPEN;
}

/* Which classes there are in it: most are of packets that nobody looks at. */
static uint32_t leaf_note(void *ctx, uint32_t a, uint32_t b)
{
	bool *there = ctx;

	(void)b;
	there[a] = true;
	return 0;
}

static int by_kind(const void *x, const void *y)
{
	const struct check_finding *a = x, *b = y;
	uint32_t ra, rb;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	for (unsigned i = 2; i-- > 0;) {
		ra = a->rule[i] ? a->rule[i]->id : RULE_NONE;
		rb = b->rule[i] ? b->rule[i]->id : RULE_NONE;
		if (ra != rb)
			return ra < rb ? -1 : 1;
	}
	return a->set < b->set ? -1 : a->set > b->set;
}

static void fill(struct differ *d, const struct diff_key *k, uint32_t set,
		 uint32_t within, size_t max_cubes, struct check_finding *f)
{
	f->kind = k->kind;
	f->set = set;
	f->size = size_of(d->c, set);
	f->cubes = space_to_cubes(d->c->s,
				  check_readable(d->c, set, within),
				  d->c->arena, max_cubes);
	witness_of(d->c, set, f->witness);
	for (unsigned i = 0; i < 2; i++) {
		f->rule[i] = rule_of(d->side[i], k->rule[i]);
		f->policy[i] = policy_of(d->side[i], k->rule[i]);
	}
	f->why = k->why;
}

/* What differs and is looked at, a number of its class each. */
static uint32_t differences(struct differ *d, uint32_t where)
{
	static const struct space_op keep = {503, false, leaf_keep, early_keep,
					     NULL};
	struct space_op diff = {501, false, leaf_diff, NULL, d};
	uint32_t all;

	space_forget(d->c->s);
	all = space_apply(d->c->s, &diff, d->side[0]->d, d->side[1]->d);
	return space_apply(d->c->s, &keep, all, where);
}

/* By class: is there any of it? */
static const bool *occurring(struct differ *d, uint32_t all)
{
	bool *there = ARENA_ARRAY(d->c->arena, bool, d->class.n + 1);
	struct space_op note = {504, false, leaf_note, NULL, there};

	space_map(d->c->s, &note, all);
	return there;
}

struct check_findings check_compare(struct check *c, const struct check_side *a,
				    const struct check_side *b,
				    enum check_scope scope,
				    enum check_path path, size_t max_cubes)
{
	static const struct space_op is = {502, false, leaf_is, NULL, NULL};
	struct differ d = {.c = c, .side = {a, b},
			   .pair = {a->ev, b->ev, c->arena, {0}}};
	struct check_findings r = {NULL, 0};
	uint32_t within = check_within(c, scope, path);
	uint32_t all = differences(&d, space_and(c->s, within, c->compared));
	const bool *there = occurring(&d, all);

	r.v = ARENA_ARRAY(c->arena, struct check_finding, d.class.n);
	for (uint32_t i = 0; i < d.class.n; i++) {
		uint32_t set;

		if (!there[i + 1])
			continue;
		set = space_apply(c->s, &is, all, space_leaf(i + 1));
		set = space_minus(c->s, set, become_unless_set(c->s,
				&d.class.v[i].unless));
		if (set == SPACE_NO)
			continue;
		r.v[r.n].path = path;
		fill(&d, &d.class.v[i], set, within, max_cubes, &r.v[r.n++]);
	}
	if (r.n)
		qsort(r.v, r.n, sizeof(*r.v), by_kind);
	return r;
}
