#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "check/check.h"
#include "tests/unit/unit.h"

/* Comparisons and lookups of register bits, held against the same done with
 * the bytes of random packets. */

static unsigned below(unsigned *seed, unsigned n)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % n;
}

struct bench {
	struct arena *a;
	struct kruleset rs;
	struct check *c;
	struct bits_ctx b;
};

static void bench_open(struct bench *t)
{
	static const char *const names[] = {"eth0", "eth1", "ppp0"};
	struct kruleset *list[1];

	memset(t, 0, sizeof(*t));
	t->a = arena_new();
	t->rs.arena = t->a;
	list[0] = &t->rs;
	t->c = check_new(t->a, list, 1, names, 3);
	t->b = (struct bits_ctx){t->c->s, &t->c->names, &t->rs, 0};
}

static void bench_close(struct bench *t)
{
	check_free(t->c);
	arena_free(t->a);
}

static void random_packet(unsigned *seed, space_val *p)
{
	memset(p, 0, sizeof(*p) * PK_FIELDS);
	p[PK_FLAGS] = below(seed, 256);
	p[PK_TTL] = below(seed, 8);
	p[PK_TH0] = below(seed, 2) ? below(seed, 65536) : below(seed, 4);
	p[PK_TH2] = below(seed, 4) << below(seed, 15);
	p[PK_IIF] = below(seed, 4);
	p[PK_CT] = below(seed, 5);
	p[PK_SRC] = space_addr(addr_v4(below(seed, 4) << 24 | below(seed, 4)));
}

/* The register's bit for this packet. */
static unsigned bit_of(const struct bench *t, const struct rbit *r,
		       const space_val *p)
{
	uint8_t b[16];
	unsigned v;

	if (r->kind == RB_CONST)
		return r->arg;
	if (r->kind == RB_FIELD) {
		v = (unsigned)(p[bits_field(r->arg)] >> r->pos) & 1;
		return v ^ r->inv;
	}
	pk_view_value(&t->c->names, &t->rs, r->arg,
		      (unsigned)p[pk_view_field(r->arg)], b);
	return (b[r->pos / 8] >> (7 - r->pos % 8) & 1) ^ r->inv;
}

static void bytes_of(const struct bench *t, const struct rbit *r,
		     const space_val *p, uint8_t *out, unsigned bytes)
{
	memset(out, 0, bytes);
	for (unsigned i = 0; i < bytes * 8; i++)
		out[i / 8] |= (uint8_t)(bit_of(t, &r[i], p) << (7 - i % 8));
}

/* Some bytes: whole fields, parts of them, views, constants, masked bits. */
static unsigned random_register(unsigned *seed, struct rbit *r)
{
	static const struct {
		uint8_t kind, arg, bits;
	} part[] = {
		{RB_FIELD, PK_FLAGS, 8},     {RB_FIELD, PK_TTL, 8},
		{RB_FIELD, PK_TH0, 16},	     {RB_FIELD, PK_TH0, 8},
		{RB_FIELD, PK_TH2, 16},	     {RB_FIELD, PK_SRC4, 32},
		{RB_FIELD, PK_SRC4, 24},     {RB_VIEW, VIEW_CT, 32},
		{RB_VIEW, VIEW_IIFNAME, 32}, {RB_CONST, 0, 8},
	};
	unsigned n = 0;

	for (unsigned k = 1 + below(seed, 3); k > 0; k--) {
		unsigned x = below(seed, 10), width = part[x].bits;
		unsigned top = part[x].arg == PK_SRC4  ? 31
			       : part[x].arg == PK_TH0 ? 15
						       : width - 1;
		bool mask = below(seed, 3) == 0;

		for (unsigned i = 0; i < width; i++, n++) {
			r[n] = (struct rbit){.kind = part[x].kind,
					     .arg = part[x].arg};
			if (part[x].kind == RB_CONST)
				r[n].arg = (uint8_t)below(seed, 2);
			else if (part[x].kind == RB_VIEW)
				r[n].pos = (uint8_t)i;
			else
				r[n].pos = (uint8_t)(top - i);
			if (mask && width == 8 && below(seed, 3) == 0)
				r[n] = (struct rbit){.kind = RB_CONST};
			else if (mask && width == 8)
				r[n].inv = r[n].kind == RB_FIELD;
		}
	}
	return n / 8;
}

static void comparisons(void)
{
	unsigned seed = 1, wrong = 0, maybe = 0;
	struct bench t;

	bench_open(&t);
	for (unsigned round = 0; round < 2000; round++) {
		struct rbit r[REG_BITS];
		unsigned n = random_register(&seed, r);
		space_val p[PK_FIELDS];
		uint8_t lo[64], hi[64], x[64];
		uint32_t eq, lt, le, in;

		random_packet(&seed, p);
		bytes_of(&t, r, p, lo, n);
		random_packet(&seed, p);
		bytes_of(&t, r, p, hi, n);
		eq = bits_equal(&t.b, r, lo, n);
		lt = bits_below(&t.b, r, lo, n, false);
		le = bits_below(&t.b, r, lo, n, true);
		in = bits_between(&t.b, r, lo, hi, n);
		for (unsigned k = 0; k < 60; k++) {
			random_packet(&seed, p);
			bytes_of(&t, r, p, x, n);
			int c = memcmp(x, lo, n), d = memcmp(x, hi, n);

			if (space_at(t.c->s, eq, p) > 1) {
				maybe++;
				continue;
			}
			wrong += space_at(t.c->s, eq, p) != (c == 0);
			wrong += space_at(t.c->s, lt, p) != (c < 0);
			wrong += space_at(t.c->s, le, p) != (c <= 0);
			wrong += space_at(t.c->s, in, p) != (c >= 0 && d <= 0);
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(maybe < 12000);
	bench_close(&t);
}

/* ---- sets */

static void put(struct rbit *r, uint8_t kind, uint8_t arg, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++) {
		r[i] = (struct rbit){.kind = kind, .arg = arg};
		r[i].pos = (uint8_t)(kind == RB_VIEW ? i : bits - 1 - i);
		if (kind == RB_CONST)
			r[i].pos = 0;
	}
}

static void element(struct bench *t, struct kr_set *s, const uint8_t *key,
		    const uint8_t *end, uint32_t flags)
{
	struct kr_elem e = {.flags = flags};

	e.key.len = (uint8_t)s->key_len;
	memcpy(e.key.b, key, s->key_len);
	if (end) {
		e.end.len = e.key.len;
		memcpy(e.end.b, end, s->key_len);
	}
	vec_push(t->a, &s->elem, e);
}

static unsigned lookup_wrong(struct bench *t, struct kr_set *s,
			     const struct rbit *r, unsigned *seed,
			     bool (*in)(const struct kr_set *, const uint8_t *))
{
	static uint32_t fresh[LOOKUP_OPS] = {900, 901, 902};
	const struct lookup *l = lookup_build(t->a, &t->b, s, r, fresh);

	for (unsigned i = 0; i < LOOKUP_OPS; i++)
		fresh[i] += LOOKUP_OPS;
	unsigned wrong = 0;

	for (unsigned k = 0; k < 200; k++) {
		space_val p[PK_FIELDS];
		uint8_t x[64];

		random_packet(seed, p);
		bytes_of(t, r, p, x, s->key_len);
		wrong += (space_at(t->c->s, l->d, p) != 0) != in(s, x);
	}
	return wrong;
}

static bool in_hash(const struct kr_set *s, const uint8_t *x)
{
	for (size_t i = 0; i < s->elem.n; i++)
		if (!memcmp(s->elem.v[i].key.b, x, s->key_len))
			return true;
	return false;
}

static bool in_parts(const struct kr_set *s, const uint8_t *x)
{
	for (size_t i = 0; i < s->elem.n; i++) {
		const struct kr_elem *e = &s->elem.v[i];
		unsigned at = 0, ok = 0;

		for (unsigned k = 0; k < s->nfields; k++) {
			ok += memcmp(e->key.b + at, x + at, s->field[k]) <= 0 &&
			      memcmp(x + at, e->end.b + at, s->field[k]) <= 0;
			at += (s->field[k] + 3u) & ~3u;
		}
		if (ok == s->nfields)
			return true;
	}
	return false;
}

/* The greatest key not above x is a start. */
static bool in_intervals(const struct kr_set *s, const uint8_t *x)
{
	const struct kr_elem *best = NULL;

	for (size_t i = 0; i < s->elem.n; i++) {
		const struct kr_elem *e = &s->elem.v[i];

		if (memcmp(e->key.b, x, s->key_len) <= 0 &&
		    (!best || memcmp(e->key.b, best->key.b, s->key_len) > 0))
			best = e;
	}
	return best && !(best->flags & NFT_SET_ELEM_INTERVAL_END);
}

/* address . port, ifname . flags, or the two bytes of TH0 apart */
static unsigned random_key(unsigned *seed, struct rbit *r)
{
	put(r, RB_CONST, 0, 512);
	switch (below(seed, 3)) {
	case 0:
		put(r, RB_FIELD, PK_SRC4, 32);
		put(r + 32, RB_FIELD, PK_TH2, 16);
		return 8;
	case 1:
		put(r, RB_VIEW, VIEW_IIFNAME, 128);
		put(r + 128, RB_FIELD, PK_FLAGS, 8);
		return 20;
	default:
		put(r, RB_FIELD, PK_TH0, 16);
		put(r + 32, RB_FIELD, PK_TTL, 8);
		return 8;
	}
}

static void hash_sets(void)
{
	unsigned seed = 5, wrong = 0;
	struct bench t;

	bench_open(&t);
	for (unsigned round = 0; round < 300; round++) {
		struct kr_set s = {.name = "s"};
		struct rbit r[REG_BITS];

		s.key_len = random_key(&seed, r);
		for (unsigned k = below(&seed, 30); k > 0; k--) {
			space_val p[PK_FIELDS];
			uint8_t x[64];

			random_packet(&seed, p);
			bytes_of(&t, r, p, x, s.key_len);
			element(&t, &s, x, NULL, 0);
		}
		wrong += lookup_wrong(&t, &s, r, &seed, in_hash);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	bench_close(&t);
}

static void interval_sets(void)
{
	unsigned seed = 6, wrong = 0;
	struct bench t;

	bench_open(&t);
	for (unsigned round = 0; round < 300; round++) {
		struct kr_set s = {
			.name = "s", .key_len = 4, .flags = NFT_SET_INTERVAL};
		struct rbit r[REG_BITS];
		uint8_t x[4] = {0};
		bool end = true;

		put(r, RB_FIELD, PK_SRC4, 32);
		element(&t, &s, x, NULL, NFT_SET_ELEM_INTERVAL_END);
		/* descending, as the kernel dumps them, is no matter */
		for (unsigned k = 0; k < 12; k++) {
			x[0] = (uint8_t)(k / 3);
			x[3] = (uint8_t)(1 + k % 3);
			end = below(&seed, 2) == 0;
			element(&t, &s, x, NULL,
				end ? NFT_SET_ELEM_INTERVAL_END : 0);
		}
		wrong += lookup_wrong(&t, &s, r, &seed, in_intervals);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	bench_close(&t);
}

static void sets_of_ranges(void)
{
	unsigned seed = 7, wrong = 0;
	struct bench t;

	bench_open(&t);
	for (unsigned round = 0; round < 300; round++) {
		struct kr_set s = {.name = "s",
				   .key_len = 8,
				   .nfields = 2,
				   .field = {4, 2},
				   .flags = NFT_SET_INTERVAL | NFT_SET_CONCAT};
		struct rbit r[REG_BITS];

		put(r, RB_CONST, 0, 64);
		put(r, RB_FIELD, PK_SRC4, 32);
		put(r + 32, RB_FIELD, PK_TH2, 16);
		for (unsigned k = below(&seed, 8); k > 0; k--) {
			uint8_t lo[8] = {0}, hi[8] = {0};

			lo[0] = (uint8_t)below(&seed, 4);
			hi[0] = (uint8_t)(lo[0] + below(&seed, 2));
			hi[3] = (uint8_t)below(&seed, 4);
			lo[4] = (uint8_t)below(&seed, 8);
			hi[4] = (uint8_t)(lo[4] + below(&seed, 16));
			hi[5] = 255;
			element(&t, &s, lo, hi, 0);
		}
		wrong += lookup_wrong(&t, &s, r, &seed, in_parts);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	bench_close(&t);
}

/* ---- small parts */

static void outcomes_combine(void)
{
	struct arena *a = arena_new();
	struct outcomes o;
	uint32_t go, acc, drop, both, then;

	outcomes_init(&o, a);
	o.n_rules = 100;
	go = outcome_one(&o, FATE_CONT, 3, RULE_NONE);
	acc = outcome_one(&o, FATE_ACCEPT, 3, 7);
	drop = outcome_one(&o, FATE_DROP, 9, 8);
	CU_ASSERT_EQUAL(outcome_then(&o, go, 3, drop), drop);
	CU_ASSERT_EQUAL(outcome_then(&o, go, 2, drop), go);
	CU_ASSERT_EQUAL(outcome_then(&o, acc, 3, drop), acc);
	both = outcome_either(&o, acc, go, 5);
	CU_ASSERT_EQUAL(outcome_get(&o, both)->n, 2);
	CU_ASSERT_EQUAL(outcome_get(&o, both)->why, 6);
	then = outcome_then(&o, both, 3, drop);
	CU_ASSERT_EQUAL(then, outcome_either(&o, acc, drop, 5));
	CU_ASSERT_NOT_EQUAL(then, outcome_either(&o, drop, acc, 5));
	/* both ways to the same end: decided, and no reason */
	CU_ASSERT_EQUAL(outcome_then(&o, both, 3, acc), acc);
	/* accepted by rule 7, then let pass by a policy: rule 7 */
	then = outcome_turn(&o, acc, FATE_ACCEPT, FATE_CONT, RULE_NONE);
	then = outcome_then(&o, then, 3, outcome_one(&o, FATE_ACCEPT, 3, 120));
	CU_ASSERT_EQUAL(then, acc);
	arena_free(a);
}

static void interface_classes(void)
{
	struct arena *a = arena_new();
	static const char *const extra[] = {"eth0", "eth~"};
	struct kr_ex load = {.kind = EX_META, .key = NFT_META_IIFNAME,
			     .dreg = 1};
	struct kr_ex cmp = {.kind = EX_CMP, .sreg = 1, .a = {3, "eth"}};
	struct kr_ex *ex[2] = {&load, &cmp};
	struct kr_rule rule = {.ex = ex, .n = 2};
	struct kruleset rs = {.arena = a}, *list = &rs;
	struct pk_names n;

	vec_push(a, &rs.rule, &rule);
	n = pk_names_of(a, &list, 1, extra, 2);
	CU_ASSERT_EQUAL_FATAL(n.n, 5);
	CU_ASSERT_STRING_EQUAL(n.v[0].text, "eth");
	CU_ASSERT_STRING_EQUAL(n.v[1].text, "eth0");
	CU_ASSERT_STRING_EQUAL(n.v[2].text, "eth~");
	CU_ASSERT_STRING_EQUAL(n.v[3].text, "eth*");
	/* stands for names that are none of those above */
	CU_ASSERT_STRING_EQUAL(n.v[3].like, "eth^");
	CU_ASSERT_PTR_NULL(n.v[4].text);
	CU_ASSERT(strncmp(n.v[4].like, "eth", 3) != 0);
	arena_free(a);
}

static void names_a_file_needs(void)
{
	static const char text[] =
		"define wan = { wan0, \"wan1\" }\n"
		"# iif comment0\n"
		"chain x { type filter hook ingress device \"eth9\" priority "
		"0\n"
		"iif lo accept; iif != \"a0\" drop; oif { b0, b1 } drop\n"
		"iif $wan drop\niifname c0 drop }\n";
	struct arena *a = arena_new();
	struct names s = {0};
	char all[200] = "";

	names_needed(a, &s, text, sizeof(text) - 1);
	for (size_t i = 0; i < s.n; i++) {
		strcat(all, s.v[i]);
		strcat(all, " ");
	}
	CU_ASSERT_STRING_EQUAL(all, "eth9 a0 b0 b1 wan0 wan1 ");
	arena_free(a);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"comparisons of register bits", comparisons},
		{"lookups in sets of keys", hash_sets},
		{"lookups in sets of intervals", interval_sets},
		{"lookups in concatenated ranges", sets_of_ranges},
		{"outcomes combine", outcomes_combine},
		{"interface names as classes", interface_classes},
		{"names that a file needs", names_a_file_needs},
		CU_TEST_INFO_NULL,
	};

	return unit_run("check", tests);
}
