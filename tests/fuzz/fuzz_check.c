#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "check/check.h"
#include "check/drift.h"
#include "tests/fuzz/input.h"

/*
 * Any bytecode that the reader could hand over, made from the input: sets,
 * chains that call each other (also in loops), rules of any expressions with
 * any registers. All is evaluated, compared with itself and with nothing.
 * (The reader itself: fuzz_netlink.)
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SETS = 3, CHAINS = 4, MAX_RULES = 24, MAX_EX = 8, MAX_ELEMS = 6 };

static unsigned below(struct input *in, unsigned n)
{
	return byte(in) % n;
}

static void data_of(struct input *in, struct kr_data *d, unsigned len)
{
	d->len = (uint8_t)len;
	for (unsigned i = 0; i < len; i++)
		d->b[i] = (uint8_t)byte(in);
}

static unsigned length(struct input *in)
{
	static const uint8_t usual[] = {1, 2, 3, 4, 4, 16, 16, 8};
	unsigned x = byte(in);

	return x < 240 ? usual[x % 8] : 1 + x % KR_DATA;
}

static unsigned reg(struct input *in)
{
	static const uint8_t usual[] = {1, 1, 1, 2, 3, 9, 10, 11, 8, 23, 4};
	unsigned x = byte(in);

	return x < 250 ? usual[x % sizeof(usual)] : x - 230;
}

static void random_ex(struct kruleset *rs, struct input *in, struct kr_ex *x)
{
	x->kind = below(in, EX_KINDS);
	x->name = "name";
	x->dreg = reg(in);
	x->sreg = reg(in);
	x->base = below(in, 4);
	x->offset = below(in, 44);
	x->len = length(in);
	x->key = below(in, 34);
	x->op = below(in, 7);
	x->dir = below(in, 3);
	x->size = 1 + below(in, 4);
	x->reg_addr = below(in, 4);
	x->reg_port = below(in, 4);
	x->invert = below(in, 2);
	x->ranged = below(in, 2);
	x->verdict = below(in, KR_QUEUE + 1);
	x->chain = rs->chain.v[below(in, CHAINS)];
	x->set = rs->set.v[below(in, SETS)];
	if (x->kind == EX_BYTEORDER)
		x->size = 2u << below(in, 3);
	if (x->kind == EX_LOOKUP)
		x->dreg = below(in, 2) ? UINT32_MAX : below(in, 3);
	if (x->kind == EX_VERDICT && x->verdict != KR_JUMP &&
	    x->verdict != KR_GOTO)
		x->chain = NULL;
	if (x->kind == EX_CMP || x->kind == EX_RANGE || x->kind == EX_BITWISE ||
	    x->kind == EX_IMMEDIATE) {
		data_of(in, &x->a, x->len);
		data_of(in, &x->b, x->len);
	}
}

static void random_set(struct kruleset *rs, struct kr_set *s, struct input *in)
{
	static const uint32_t flags[] = {0, 4 /* INTERVAL */, 0x84, 0x10};

	s->name = "set";
	s->flags = flags[below(in, 4)];
	s->key_len = s->flags == 0x84 ? 8 : length(in);
	s->key_type = below(in, 64) << 6 | below(in, 64);
	if (s->flags == 0x84) {
		s->nfields = 2;
		s->field[0] = 4;
		s->field[1] = (uint8_t)(1 + below(in, 4));
	}
	s->dynamic = below(in, 16) == 0;
	for (unsigned i = below(in, MAX_ELEMS); i > 0; i--) {
		struct kr_elem e = {.flags = below(in, 4),
				    .verdict = below(in, KR_QUEUE + 1)};

		data_of(in, &e.key, s->key_len);
		if (below(in, 2))
			data_of(in, &e.end, s->key_len);
		data_of(in, &e.data, length(in));
		if (e.verdict == KR_JUMP || e.verdict == KR_GOTO)
			e.chain = rs->chain.v[below(in, CHAINS)];
		if (below(in, 8) == 0)
			e.maybe = "limit";
		vec_push(rs->arena, &s->elem, e);
	}
}

static struct kruleset *random_ruleset(struct arena *a, struct input *in)
{
	static const uint8_t family[] = {NFPROTO_INET, NFPROTO_IPV4,
					 NFPROTO_IPV6};
	struct kruleset *rs = ARENA_NEW(a, struct kruleset);
	struct kr_table *t = ARENA_NEW(a, struct kr_table);

	rs->arena = a;
	t->of = rs;
	t->name = "t";
	t->family = family[below(in, 3)];
	vec_push(a, &rs->table, t);
	for (unsigned i = 0; i < CHAINS; i++) {
		struct kr_chain *c = ARENA_NEW(a, struct kr_chain);

		c->table = t;
		c->name = "c";
		c->id = i;
		c->base = i < 2 || below(in, 3) == 0;
		c->hook = i ? below(in, 5) : NF_INET_FORWARD;
		c->prio = (int)below(in, 3) * 200 - 300;
		c->policy = below(in, 2) ? KR_ACCEPT : KR_DROP;
		c->nat = below(in, 4) == 0;
		vec_push(a, &rs->chain, c);
	}
	for (unsigned i = 0; i < SETS; i++) {
		vec_push(a, &rs->set, ARENA_NEW(a, struct kr_set));
		rs->set.v[i]->table = t;
		random_set(rs, rs->set.v[i], in);
	}
	while (in->n && rs->rule.n < MAX_RULES) {
		struct kr_rule *r = ARENA_NEW(a, struct kr_rule);

		r->id = (uint32_t)rs->rule.n;
		r->chain = rs->chain.v[below(in, CHAINS)];
		r->n = 1 + below(in, MAX_EX);
		r->ex = ARENA_ARRAY(a, struct kr_ex *, r->n);
		for (size_t k = 0; k < r->n; k++) {
			r->ex[k] = ARENA_NEW(a, struct kr_ex);
			random_ex(rs, in, r->ex[k]);
		}
		vec_push(a, &rs->rule, r);
		vec_push(a, &r->chain->rule, r);
	}
	return rs;
}

/* For people: nothing is proven by it, and nothing may break it. */
static void words(struct kruleset *before, struct kruleset *after,
		  struct buf *out)
{
	struct drift_options opt = {.most = 50};
	struct drifts d;

	for (size_t i = 0; i < after->rule.n; i++)
		rule_words(after->rule.v[i], out);
	for (size_t i = 0; i < after->set.n; i++)
		for (size_t k = 0; k < after->set.v[i]->elem.n; k++)
			element_words(after->set.v[i],
				      &after->set.v[i]->elem.v[k], out);
	drift_compare(after->arena, before, after, &opt, &d);
	after->table.v[0]->handle = 1;
	drift_compare(after->arena, before, after, &opt, &d);
	out->n = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = {data, n};
	struct arena *a = arena_new();
	struct input again = {data + n / 2, n - n / 2};
	struct kruleset *rs = random_ruleset(a, &in);
	struct check *c = check_new(a, &rs, 1, NULL, 0);
	struct buf out = {0};

	words(random_ruleset(a, &again), rs, &out);
	for (unsigned p = 0; p < PATHS; p++) {
		struct check_side x = check_rules(c, rs, p);
		struct check_side none = check_flows(c, NULL, 0);
		struct check_findings f;

		f = check_compare(c, &x, &x, CHECK_ALL, p, 100);
		if (f.n)
			abort();
		f = check_compare(c, &none, &x, CHECK_ALL, p, 100);
		for (size_t i = 0; i < f.n && i < 3; i++) {
			for (size_t k = 0; k < f.v[i].cubes.n && k < 3; k++)
				check_cube_text(c, &f.v[i].cubes.v[k], &out);
			check_packet_text(c, f.v[i].witness, p, &out);
			check_rule_text(f.v[i].rule[1], f.v[i].policy[1], &out);
			if (!space_at(c->s, f.v[i].set, f.v[i].witness))
				abort();
		}
	}
	buf_free(&out);
	check_free(c);
	arena_free(a);
	return 0;
}
