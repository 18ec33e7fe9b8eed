#include "gen/ruleset.h"

#include <stdlib.h>
#include <string.h>

struct rs_set *rs_add_set(struct ruleset *rs, const char *name, bool map,
			  unsigned n_field, const enum rs_field *field)
{
	struct rs_set *s = ARENA_NEW(rs->arena, struct rs_set);

	s->name = name;
	s->map = map;
	s->n_field = n_field;
	memcpy(s->field, field, n_field * sizeof(*field));
	vec_push(rs->arena, &rs->sets, s);
	return s;
}

struct rs_set *rs_add_data_map(struct ruleset *rs, const char *name,
			       unsigned n_field, const enum rs_field *field,
			       enum rs_field address, bool port)
{
	struct rs_set *s = rs_add_set(rs, name, false, n_field, field);

	s->data[s->n_data++] = address;
	if (port)
		s->data[s->n_data++] = RS_DPORT;
	return s;
}

struct rs_elem *rs_add_elem(struct ruleset *rs, struct rs_set *set)
{
	vec_push(rs->arena, &set->elems, (struct rs_elem){ .comment = NULL });
	return &set->elems.v[set->elems.n - 1];
}

void rs_reserve(struct ruleset *rs, struct rs_set *set, size_t n)
{
	set->elems.v = arena_alloc_raw(rs->arena, n * sizeof(*set->elems.v));
	set->elems.cap = n;
}

struct rs_chain *rs_add_chain(struct ruleset *rs, const char *name,
			      enum rs_hook hook)
{
	struct rs_chain *c = ARENA_NEW(rs->arena, struct rs_chain);

	c->name = name;
	c->hook = hook;
	vec_push(rs->arena, &rs->chains, c);
	return c;
}

struct rs_rule *rs_add_rule(struct ruleset *rs, struct rs_chain *c,
			    const char *comment)
{
	struct rs_rule *r = ARENA_NEW(rs->arena, struct rs_rule);

	r->comment = comment;
	vec_push(rs->arena, &c->rules, r);
	return r;
}

static void push(struct ruleset *rs, struct rs_rule *r, struct rs_stmt s)
{
	vec_push(rs->arena, &r->stmts, s);
}

void rs_match_values(struct ruleset *rs, struct rs_rule *r, enum rs_kind kind,
		     enum rs_field f, struct rs_value *v, size_t n)
{
	push(rs, r, (struct rs_stmt){ .kind = kind, .field = { f },
				      .n_field = 1, .value = v, .n_value = n });
}

void rs_match(struct ruleset *rs, struct rs_rule *r, enum rs_field f,
	      uint64_t lo, uint64_t hi)
{
	struct rs_value *v = ARENA_NEW(rs->arena, struct rs_value);

	v->lo.lo = lo;
	v->hi.lo = hi;
	rs_match_values(rs, r, RS_MATCH, f, v, 1);
}

void rs_match_name(struct ruleset *rs, struct rs_rule *r, enum rs_field f,
		   const char *name)
{
	struct rs_value *v = ARENA_NEW(rs->arena, struct rs_value);

	v->name = name;
	rs_match_values(rs, r, RS_MATCH, f, v, 1);
}

void rs_lookup(struct ruleset *rs, struct rs_rule *r, const struct rs_set *set)
{
	struct rs_stmt s = { .kind = set->map ? RS_VMAP : RS_IN_SET,
			     .n_field = set->n_field, .set = set };

	memcpy(s.field, set->field, sizeof(s.field));
	push(rs, r, s);
}

void rs_translate(struct ruleset *rs, struct rs_rule *r, enum rs_kind kind,
		  const struct rs_set *set)
{
	struct rs_stmt s = { .kind = kind, .n_field = set->n_field,
			     .set = set };

	memcpy(s.field, set->field, sizeof(s.field));
	push(rs, r, s);
}

void rs_simple(struct ruleset *rs, struct rs_rule *r, enum rs_kind kind)
{
	push(rs, r, (struct rs_stmt){ .kind = kind });
}

void rs_ct_state(struct ruleset *rs, struct rs_rule *r, unsigned states)
{
	push(rs, r, (struct rs_stmt){ .kind = RS_CT_STATE, .states = states });
}

void rs_limit(struct ruleset *rs, struct rs_rule *r, unsigned rate,
	      unsigned burst)
{
	push(rs, r, (struct rs_stmt){ .kind = RS_LIMIT, .rate = rate,
				      .burst = burst });
}

void rs_log(struct ruleset *rs, struct rs_rule *r, const char *prefix)
{
	push(rs, r, (struct rs_stmt){ .kind = RS_LOG, .text = prefix });
}

void rs_log_group(struct ruleset *rs, struct rs_rule *r, const char *prefix,
		  uint16_t group)
{
	push(rs, r, (struct rs_stmt){ .kind = RS_LOG, .text = prefix,
				      .to_group = true, .group = group });
}

void rs_verdict(struct ruleset *rs, struct rs_rule *r, enum rs_verdict v,
		const char *chain)
{
	push(rs, r, (struct rs_stmt){ .kind = RS_VERDICT, .verdict = v,
				      .text = chain });
}

static int elem_order(const void *a, const void *b)
{
	const struct rs_elem *x = a, *y = b;

	for (int i = 0; i < RS_MAX_KEY; i++) {
		int c = x->key[i].name && y->key[i].name ?
			strcmp(x->key[i].name, y->key[i].name) :
			addr_cmp(x->key[i].lo, y->key[i].lo);

		if (c)
			return c;
	}
	return 0;
}

void rs_finish(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->sets.n; i++) {
		struct rs_set *s = rs->sets.v[i];

		if (s->elems.n)
			qsort(s->elems.v, s->elems.n, sizeof(*s->elems.v),
			      elem_order);
		for (size_t k = 0; k < s->elems.n && !s->interval; k++)
			for (unsigned f = 0; f < s->n_field; f++)
				s->interval |= !addr_eq(s->elems.v[k].key[f].lo,
							s->elems.v[k].key[f].hi);
	}
}
