#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

struct key_set service_keys_at(struct build *b, const struct service *s,
			       uint32_t cls, uint32_t *pin)
{
	return plan_service_keys(b->plan, s, cls, pin, b->scratch);
}

uint32_t covering(struct build *b, uint32_t from, uint32_t to)
{
	struct plan *p = b->plan;
	uint32_t fe = p->classes.v[from].ends, te = p->classes.v[to].ends;
	VEC(uint32_t) ids = { 0 };

	if (!fe || !te)
		return 0;
	for (uint32_t i = 0; i < b->topo->ipsecs.n; i++) {
		uint32_t x = p->end_ipsec + 2 * i, y = x + 1;

		if ((list_meets(&p->lists, fe, x) &&
		     list_meets(&p->lists, te, y)) ||
		    (list_meets(&p->lists, fe, y) &&
		     list_meets(&p->lists, te, x)))
			vec_push(b->scratch, &ids, i);
	}
	return lists_intern(b->arena, &p->lists, ids.v, ids.n);
}

struct key_set ipsec_keys(struct arena *a, const struct ipsec *s, bool nat)
{
	struct key_set k = { 0 };

	keys_add(a, &k, key_of(PROTO_UDP, 500), key_of(PROTO_UDP, 500));
	if (s->nat_traversal || nat)
		keys_add(a, &k, key_of(PROTO_UDP, 4500),
			 key_of(PROTO_UDP, 4500));
	if (s->esp && !nat)
		keys_add(a, &k, key_of(PROTO_ESP, 0),
			 key_of(PROTO_ESP, 0xffff));
	if (s->ah && !nat)
		keys_add(a, &k, key_of(PROTO_AH, 0), key_of(PROTO_AH, 0xffff));
	return k;
}

/* What stays outside IPsec at this destination. */
static struct key_set outside(struct build *b, uint32_t ipsec, uint32_t to)
{
	static const uint32_t never[][2] = {
		{ key_of_const(PROTO_UDP, 500), key_of_const(PROTO_UDP, 500) },
		{ key_of_const(PROTO_UDP, 4500), key_of_const(PROTO_UDP, 4500) },
		{ key_of_const(PROTO_ESP, 0), key_of_const(PROTO_ESP, 0xffff) },
		{ key_of_const(PROTO_AH, 0), key_of_const(PROTO_AH, 0xffff) },
	};
	const struct lists *l = &b->plan->lists;
	const struct ipsec *s = b->topo->ipsecs.v[l->v[ipsec][0]];
	struct key_set k = { 0 };
	uint32_t pin;

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		keys_add(b->scratch, &k, never[i][0], never[i][1]);
	for (size_t i = 0; i < s->except.n; i++)
		for (size_t j = 0; j < s->except.v[i]->n_leaf; j++) {
			const struct service *leaf = s->except.v[i]->leaf[j];

			k = keys_union(b->scratch, k,
				       service_keys_at(b, leaf, to, &pin));
			if (leaf->dynamic && pin != NONE)
				b->pin_used[pin] = true;
		}
	return k;
}

static int piece_order(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->keys.lo != y->keys.lo)
		return x->keys.lo < y->keys.lo ? -1 : 1;
	if (x->keys.hi != y->keys.hi)
		return x->keys.hi < y->keys.hi ? -1 : 1;
	if (x->carried != y->carried)
		return x->carried ? 1 : -1;
	if (x->reason != y->reason)
		return x->reason < y->reason ? -1 : 1;
	return x->pin < y->pin ? -1 : x->pin > y->pin;
}

struct pieces {
	struct piece *v;
	size_t n, cap;
};

static void push_keys(struct build *b, struct pieces *out, struct key_set keys,
		      const struct piece *like, bool carried)
{
	for (size_t i = 0; i < keys.n; i++) {
		struct piece p = *like;

		p.keys = keys.r[i];
		p.carried = carried;
		vec_push(b->scratch, out, p);
	}
}

static unsigned families_of(struct build *b, struct key_range r)
{
	struct key_set s = { &r, 1 };

	return (keys_of_family(b->scratch, s, true).n ? FAM_V4 : 0) |
	       (keys_of_family(b->scratch, s, false).n ? FAM_V6 : 0);
}

uint32_t make_svcset(struct build *b, const struct piece *raw, size_t n,
		     uint32_t ipsec, uint32_t to)
{
	struct plan *p = b->plan;
	struct key_set out = { 0 };
	struct pieces v = { 0 };
	struct svcset s = { .ipsec = ipsec };
	struct map_entry *e;
	uint32_t *key;
	int is_new;

	if (ipsec)
		out = outside(b, ipsec, to);
	for (size_t i = 0; i < n; i++) {
		struct key_range r = raw[i].keys;
		struct key_set one = { &r, 1 };

		if (!ipsec) {
			vec_push(b->scratch, &v, raw[i]);
			continue;
		}
		push_keys(b, &v, keys_and(b->scratch, one, out), &raw[i],
			  false);
		push_keys(b, &v, keys_minus(b->scratch, one, out), &raw[i],
			  true);
	}
	if (!v.n)
		return 0;
	qsort(v.v, v.n, sizeof(*v.v), piece_order);
	for (size_t i = 0; i < v.n; i++)
		if (v.v[i].carried)
			s.ike_families |= families_of(b, v.v[i].keys);
	key = ARENA_ARRAY(b->scratch, uint32_t, v.n * 5 + 1);
	key[0] = ipsec;
	for (size_t i = 0; i < v.n; i++) {
		key[5 * i + 1] = v.v[i].keys.lo;
		key[5 * i + 2] = v.v[i].keys.hi;
		key[5 * i + 3] = v.v[i].reason;
		key[5 * i + 4] = v.v[i].pin;
		key[5 * i + 5] = v.v[i].carried;
	}
	e = map_add(b->scratch, &b->svcset_ids, key,
		    (5 * v.n + 1) * sizeof(*key), &is_new);
	if (is_new) {
		s.v = ARENA_ARRAY(b->arena, struct piece, v.n);
		memcpy(s.v, v.v, v.n * sizeof(*s.v));
		s.n = v.n;
		e->val.u = (uint32_t)p->svcsets.n;
		vec_push(b->arena, &p->svcsets, s);
	}
	return e->val.u;
}
