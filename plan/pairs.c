#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"
#include "plan/nat.h"

/* ---- rows of the flows, as far as want and omit leave them ------------------ */

static bool has_role(const role_list *l, const struct role *r)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == r)
			return true;
	return false;
}

static bool choice_has(const struct choice *c, const struct item *it)
{
	if (!has_role(&c->from, it->from) || !has_role(&c->to, it->to))
		return false;
	if (c->any_service)
		return true;
	for (size_t i = 0; i < c->services.n; i++)
		for (size_t k = 0; k < c->services.v[i]->n_leaf; k++)
			if (c->services.v[i]->leaf[k] == it->service)
				return true;
	return false;
}

/* False if the row is off everywhere. */
static bool apply_choices(struct build *b, struct item *it)
{
	const struct topology *t = b->topo;

	it->on = it->flow->requirement != REQ_OPTIONAL;
	for (size_t i = 0; i < t->wants.n; i++) {
		const struct choice *c = t->wants.v[i];

		if (it->on || !choice_has(c, it))
			continue;
		if (c->has_at)
			vec_push(b->scratch, &it->on_at,
				 b->plan->end_want + c->id);
		else
			it->on = true;
	}
	for (size_t i = 0; i < t->omits.n; i++) {
		const struct choice *c = t->omits.v[i];

		if (!choice_has(c, it))
			continue;
		if (!c->has_at)
			return false;
		vec_push(b->scratch, &it->off_at, b->plan->end_omit + c->id);
	}
	return it->on || it->on_at.n;
}

static struct role_pair *role_pair(struct build *b, struct map *ids,
				   const struct item *it)
{
	uint32_t key[2] = { it->from->id, it->to->id };
	int is_new;
	struct map_entry *e = map_add(b->scratch, ids, key, sizeof(key),
				      &is_new);

	if (is_new) {
		e->val.u = (uint32_t)b->role_pairs.n;
		vec_push(b->scratch, &b->role_pairs, (struct role_pair){
				.from = it->from, .to = it->to });
	}
	return &b->role_pairs.v[e->val.u];
}

uint32_t add_reason(struct build *b, struct reason r)
{
	vec_push(b->arena, &b->plan->reasons, r);
	return (uint32_t)b->plan->reasons.n - 1;
}

static void add_item(struct build *b, struct map *ids, const struct flow *f,
		     const struct role *from, const struct role *to,
		     const struct service *leaf)
{
	struct item it = { .flow = f, .from = from, .to = to,
			   .service = leaf };
	struct role_pair *rp;

	if (!apply_choices(b, &it))
		return;
	it.reason = add_reason(b, (struct reason){
			.kind = REASON_FLOW, .flow = f, .from = from,
			.to = to, .service = leaf });
	rp = role_pair(b, ids, &it);
	rp->across |= f->across;
	vec_push(b->scratch, &rp->items, (uint32_t)b->items.n);
	vec_push(b->scratch, &b->items, it);
}

static void add_flow(struct build *b, struct map *ids, const struct flow *f)
{
	for (size_t i = 0; i < f->from.n; i++)
		for (size_t k = 0; k < f->to.n; k++) {
			unsigned char *seen =
				ARENA_ARRAY(b->scratch, unsigned char,
					    b->topo->services.n);

			for (size_t s = 0; s < f->services.n; s++) {
				const struct service *g = f->services.v[s];

				for (size_t l = 0; l < g->n_leaf; l++) {
					if (seen[g->leaf[l]->id])
						continue;
					seen[g->leaf[l]->id] = 1;
					add_item(b, ids, f, f->from.v[i],
						 f->to.v[k], g->leaf[l]);
				}
			}
		}
}

void build_items(struct build *b)
{
	struct map ids = { 0 };

	for (size_t i = 0; i < b->topo->flows.n; i++)
		add_flow(b, &ids, b->topo->flows.v[i]);
}

/* ---- service sets ------------------------------------------------------------- */

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

/* ---- pairs of classes ------------------------------------------------------------ */

struct triple {
	uint32_t from, to, role_pair;
};

/* Does some `use` of the source keep it away from this destination? */
static bool use_excludes(const struct build *b, const struct class *from,
			 const struct class *to, const struct role *role)
{
	const struct lists *l = &b->plan->lists;
	const uint32_t *v = l->v[from->uses];
	bool any = false;

	for (size_t i = 0; i + 1 < l->len[from->uses]; i += 2) {
		if (v[i] != role->id)
			continue;
		any = true;
		if (list_meets(l, to->ends, b->plan->end_use + v[i + 1]))
			return false;
	}
	return any;
}

bool classes_join(const struct build *b, uint32_t from, uint32_t to,
		  const struct role *role)
{
	const struct class *f = &b->plan->classes.v[from];
	const struct class *t = &b->plan->classes.v[to];

	return !(from == to && f->single) && (f->families & t->families) &&
	       (!f->uses || !use_excludes(b, f, t, role));
}

bool realms_join(const struct build *b, uint32_t from, uint32_t to,
		 const struct role_pair *rp)
{
	return rp->across || realms_agree(&b->plan->classes.v[from],
					  &b->plan->classes.v[to]);
}

static bool item_on(const struct build *b, const struct item *it,
		    const struct class *from)
{
	const struct lists *l = &b->plan->lists;
	bool on = it->on;

	for (size_t i = 0; i < it->on_at.n; i++)
		on |= list_meets(l, from->ends, it->on_at.v[i]);
	for (size_t i = 0; i < it->off_at.n; i++)
		on &= !list_meets(l, from->ends, it->off_at.v[i]);
	return on;
}

bool items_join(const struct build *b, uint32_t from, uint32_t to,
		const struct role_pair *rp)
{
	const struct class *f = &b->plan->classes.v[from];
	bool agree = realms_agree(f, &b->plan->classes.v[to]);

	for (size_t i = 0; i < rp->items.n; i++) {
		const struct item *it = &b->items.v[rp->items.v[i]];

		if ((agree || it->flow->across) && item_on(b, it, f))
			return true;
	}
	return false;
}

static int triple_order(const void *a, const void *b)
{
	const struct triple *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->role_pair < y->role_pair ? -1 : x->role_pair > y->role_pair;
}

/* Pairs for which the same is asked have the same set, made once. */
static uint32_t pair_svcset(struct build *b, struct map *memo,
			    const struct triple *t, size_t n)
{
	struct plan *p = b->plan;
	const struct class *from = &p->classes.v[t->from];
	const struct class *to = &p->classes.v[t->to];
	uint32_t ipsec = covering(b, t->from, t->to);
	bool agree = realms_agree(from, to);
	VEC(struct piece) raw = { 0 };
	VEC(uint32_t) key = { 0 };
	struct map_entry *e;
	int is_new;

	vec_push(b->scratch, &key, ipsec);
	vec_push(b->scratch, &key, to->pins);
	vec_push(b->scratch, &key, to->dynamic);
	vec_push(b->scratch, &key, from->ends);
	vec_push(b->scratch, &key, agree);
	for (size_t i = 0; i < n; i++)
		vec_push(b->scratch, &key, t[i].role_pair);
	e = map_add(b->scratch, memo, key.v, key.n * sizeof(*key.v), &is_new);
	if (!is_new)
		return e->val.u;
	for (size_t i = 0; i < n; i++) {
		const struct role_pair *rp = &b->role_pairs.v[t[i].role_pair];

		for (size_t k = 0; k < rp->items.n; k++) {
			const struct item *it = &b->items.v[rp->items.v[k]];
			struct key_set keys;
			uint32_t pin;

			if (!item_on(b, it, from) ||
			    !(agree || it->flow->across))
				continue;
			keys = service_keys_at(b, it->service, t->to, &pin);
			if (pin != NONE)
				b->pin_used[pin] = true;
			for (size_t r = 0; r < keys.n; r++)
				vec_push(b->scratch, &raw, (struct piece){
						.keys = keys.r[r],
						.reason = it->reason,
						.pin = pin });
		}
	}
	return e->val.u = make_svcset(b, raw.v, raw.n, ipsec, t->to);
}

static struct pair *get_pair(struct build *b, uint32_t from, uint32_t to)
{
	struct plan *p = b->plan;
	uint32_t key[2] = { from, to };
	int is_new;
	struct map_entry *e = map_add(b->arena, &p->pair_index, key,
				      sizeof(key), &is_new);

	if (is_new) {
		e->val.u = (uint32_t)p->pairs.n;
		vec_push(b->arena, &p->pairs,
			 (struct pair){ .from = from, .to = to });
	}
	return &p->pairs.v[e->val.u];
}

/* Something between them is carried: both ends negotiate and send. */
static void need_ike(struct build *b, uint32_t from, uint32_t to,
		     const struct svcset *s)
{
	const struct class *f = &b->plan->classes.v[from];
	const struct class *t = &b->plan->classes.v[to];
	unsigned nat;

	if (!(s->ike_families & f->families & t->families))
		return;
	nat = nat_families(b->plan, from, to);
	for (int i = 0; i < 2; i++) {
		struct pair *p = i ? get_pair(b, to, from) :
				     get_pair(b, from, to);

		p->ike = s->ipsec;
		p->ike_families |= s->ike_families;
		p->nat_families |= s->ike_families & nat;
	}
	for (size_t i = 0; i < b->plan->lists.len[s->ipsec]; i++)
		b->ipsec_used[b->plan->lists.v[s->ipsec][i]] = true;
}

static int pair_cmp(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

static void sort_pairs(struct build *b)
{
	struct plan *p = b->plan;

	if (p->pairs.n)
		qsort(p->pairs.v, p->pairs.n, sizeof(*p->pairs.v), pair_cmp);
	for (uint32_t i = 0; i < p->pairs.n; i++) {
		uint32_t key[2] = { p->pairs.v[i].from, p->pairs.v[i].to };

		map_find(&p->pair_index, key, sizeof(key))->val.u = i;
	}
}

void build_pairs(struct build *b)
{
	struct plan *p = b->plan;
	VEC(struct triple) t = { 0 };
	struct map memo = { 0 };

	for (uint32_t r = 0; r < b->role_pairs.n; r++) {
		const struct role_pair *rp = &b->role_pairs.v[r];
		const uint32_t *fv = b->role_classes[rp->from->id].v;
		const uint32_t *tv = b->role_classes[rp->to->id].v;

		for (size_t i = 0; i < b->role_classes[rp->from->id].n; i++)
			for (size_t k = 0; k < b->role_classes[rp->to->id].n;
			     k++)
				if (plan_route(p, p->classes.v[fv[i]].node,
					       p->classes.v[tv[k]].node)
					    ->reachable &&
				    realms_join(b, fv[i], tv[k], rp) &&
				    classes_join(b, fv[i], tv[k], rp->to))
					vec_push(b->scratch, &t,
						 (struct triple){ fv[i], tv[k],
								  r });
	}
	if (t.n)
		qsort(t.v, t.n, sizeof(*t.v), triple_order);
	for (size_t i = 0, n; i < t.n; i += n) {
		uint32_t svc;

		for (n = 1; i + n < t.n && t.v[i + n].from == t.v[i].from &&
		     t.v[i + n].to == t.v[i].to; n++)
			;
		svc = pair_svcset(b, &memo, &t.v[i], n);
		if (!svc)
			continue;
		get_pair(b, t.v[i].from, t.v[i].to)->svc = svc;
		need_ike(b, t.v[i].from, t.v[i].to, &p->svcsets.v[svc]);
	}
	sort_pairs(b);
}
