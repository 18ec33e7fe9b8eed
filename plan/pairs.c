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

/* ---- pairs of classes ------------------------------------------------------------ */

struct triple {
	uint32_t from, to, role_pair;
};

/* A class that speaks for all of a wide one. */
static uint32_t speaker(const struct plan *p, uint32_t cls)
{
	return cls < p->n_plain ? cls :
		p->cell[p->classes.v[cls].cell[0]].cls;
}

bool uses_some(const struct build *b, uint32_t cls, const struct role *role)
{
	const struct plan *p = b->plan;
	uint32_t uses = p->classes.v[speaker(p, cls)].uses;

	for (size_t i = 0; i < p->lists.len[uses]; i += 2)
		if (p->lists.v[uses][i] == role->id)
			return true;
	return false;
}

/* By family and s != d. */
static bool classes_join(const struct build *b, uint32_t from, uint32_t to)
{
	const struct class *f = &b->plan->classes.v[from];
	const struct class *t = &b->plan->classes.v[to];

	return !(from == to && f->single) && (f->families & t->families);
}

static bool realms_join(const struct build *b, uint32_t from, uint32_t to,
			const struct role_pair *rp)
{
	return rp->across || realms_agree(&b->plan->classes.v[from],
					  &b->plan->classes.v[to]);
}

static bool item_on(const struct build *b, uint32_t item, uint32_t turned)
{
	return b->items.v[item].on ^ list_meets(&b->plan->lists, turned, item);
}

bool items_join(const struct build *b, uint32_t from, uint32_t to,
		const struct role_pair *rp)
{
	uint32_t turned = b->turned[speaker(b->plan, from)];
	bool agree = realms_agree(&b->plan->classes.v[from],
				  &b->plan->classes.v[to]);

	for (size_t i = 0; i < rp->items.n; i++)
		if ((agree || b->items.v[rp->items.v[i]].flow->across) &&
		    item_on(b, rp->items.v[i], turned))
			return true;
	return false;
}

/* Pairs for which the same is asked have the same set, made once. */
static uint32_t pair_svcset(struct build *b, struct map *memo,
			    const struct triple *t, size_t n)
{
	struct plan *p = b->plan;
	const struct class *to = &p->classes.v[t->to];
	uint32_t turned = b->turned[speaker(p, t->from)];
	uint32_t ipsec = covering(b, t->from, t->to);
	bool agree = realms_agree(&p->classes.v[t->from], to);
	VEC(struct piece) raw = { 0 };
	VEC(uint32_t) key = { 0 };
	struct map_entry *e;
	int is_new;

	vec_push(b->scratch, &key, ipsec);
	vec_push(b->scratch, &key, to->pins);
	vec_push(b->scratch, &key, to->dynamic);
	vec_push(b->scratch, &key, turned);
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

			if (!item_on(b, rp->items.v[k], turned) ||
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

/* A pair, and the first classes in it. */
struct placed {
	uint32_t place[4];
	struct pair pair;
};

static void sort_pairs(struct build *b)
{
	struct plan *p = b->plan;
	struct placed *v = ARENA_ARRAY(b->scratch, struct placed, p->pairs.n);

	for (size_t i = 0; i < p->pairs.n; i++) {
		const struct pair *x = &p->pairs.v[i];

		v[i] = (struct placed){ { speaker(p, x->from),
			speaker(p, x->to), x->from, x->to }, *x };
	}
	if (p->pairs.n)
		qsort(v, p->pairs.n, sizeof(*v), u32_compare4);
	for (size_t i = 0; i < p->pairs.n; i++)
		p->pairs.v[i] = v[i].pair;
	for (uint32_t i = 0; i < p->pairs.n; i++) {
		uint32_t key[2] = { p->pairs.v[i].from, p->pairs.v[i].to };

		map_find(&p->pair_index, key, sizeof(key))->val.u = i;
	}
}

typedef VEC(struct triple) triple_list;

static void add_triple(struct build *b, triple_list *t, uint32_t from,
		       uint32_t to, uint32_t role_pair)
{
	const struct plan *p = b->plan;

	if (plan_route(p, p->classes.v[from].node, p->classes.v[to].node)
		    ->reachable &&
	    realms_join(b, from, to, &b->role_pairs.v[role_pair]) &&
	    classes_join(b, from, to))
		vec_push(b->scratch, t, (struct triple){ from, to, role_pair });
}

/* Of sources that may go to all who bear the role. */
static void wide_triples(struct build *b, triple_list *t)
{
	for (uint32_t r = 0; r < b->role_pairs.n; r++) {
		const struct role_pair *rp = &b->role_pairs.v[r];
		uint32_t from = rp->from->id, to = rp->to->id;

		for (size_t i = 0; i < b->role_sources[from].n; i++) {
			uint32_t s = b->role_sources[from].v[i];

			for (size_t k = 0; k < b->role_dests[to].n &&
			     !uses_some(b, s, rp->to); k++)
				add_triple(b, t, s, b->role_dests[to].v[k], r);
		}
	}
}

/* What a class may open to those that one of its `use` names for a role. */
static void use_one(struct build *b, triple_list *t, uint32_t from,
		    const uint32_t *use, const uint32_t *role_pair, size_t n)
{
	const struct plan *p = b->plan;

	for (size_t i = 0; i < n; i++) {
		uint32_t role = b->role_pairs.v[role_pair[i]].to->id;

		if (role != use[0])
			continue;
		for (size_t k = 0; k < b->use_classes[use[1]].n; k++) {
			uint32_t to = b->use_classes[use[1]].v[k];

			if (list_meets(&p->lists, p->classes.v[to].roles, role))
				add_triple(b, t, from, to, role_pair[i]);
		}
	}
}

/* Of sources that use some alone: one by one. A destination that several of
 * its `use` name comes more than once. */
static void use_triples(struct build *b, triple_list *t)
{
	const struct plan *p = b->plan;
	VEC(uint32_t) *by_from = arena_alloc(b->scratch,
			(b->topo->roles.n + 1) * sizeof(*by_from));

	for (uint32_t r = 0; r < b->role_pairs.n; r++)
		vec_push(b->scratch, &by_from[b->role_pairs.v[r].from->id], r);
	for (uint32_t c = 0; c < p->n_plain; c++) {
		uint32_t uses = p->classes.v[c].uses;
		uint32_t roles = p->classes.v[c].roles;

		for (size_t u = 0; u + 1 < p->lists.len[uses]; u += 2)
			for (size_t i = 0; i < p->lists.len[roles]; i++)
				use_one(b, t, c, p->lists.v[uses] + u,
					by_from[p->lists.v[roles][i]].v,
					by_from[p->lists.v[roles][i]].n);
	}
}

/* Of a pair of two classes in wide ones: what the wide pair says, too. */
static size_t with_wider(struct build *b, const struct map *wide,
			 const triple_list *all, const struct triple *t,
			 size_t n, struct triple *out)
{
	const struct plan *p = b->plan;
	uint32_t key[2] = { p->classes.v[t->from].source,
			    p->classes.v[t->to].dest };
	const struct map_entry *e = map_find(wide, key, sizeof(key));

	memcpy(out, t, n * sizeof(*t));
	for (size_t i = e ? e->val.u : all->n; i < all->n &&
	     all->v[i].from == key[0] && all->v[i].to == key[1]; i++)
		out[n++] = (struct triple){ t->from, t->to,
					    all->v[i].role_pair };
	qsort(out, n, sizeof(*out), u32_compare3);
	return n;
}

static bool is_wide_pair(const struct plan *p, const struct triple *t)
{
	return p->classes.v[t->from].source == t->from &&
	       p->classes.v[t->to].dest == t->to;
}

/* Those between the same two classes. */
static size_t run_of(const triple_list *t, size_t i)
{
	size_t n = 1;

	while (i + n < t->n && t->v[i + n].from == t->v[i].from &&
	       t->v[i + n].to == t->v[i].to)
		n++;
	return n;
}

static void make_pairs(struct build *b, const triple_list *t)
{
	struct plan *p = b->plan;
	struct map memo = { 0 }, wide = { 0 };
	struct triple *sum = ARENA_ARRAY(b->scratch, struct triple,
					 2 * b->role_pairs.n + 1);

	for (size_t i = 0; i < t->n; i += run_of(t, i))
		if (is_wide_pair(p, &t->v[i]))
			map_add(b->scratch, &wide, &t->v[i],
				2 * sizeof(uint32_t), NULL)->val.u =
				(uint32_t)i;
	for (size_t i = 0, n; i < t->n; i += n) {
		const struct triple *v = &t->v[i];
		size_t all = n = run_of(t, i);
		uint32_t svc;

		if (!is_wide_pair(p, v)) {
			all = with_wider(b, &wide, t, v, n, sum);
			v = sum;
		}
		svc = pair_svcset(b, &memo, v, all);
		if (!svc)
			continue;
		get_pair(b, v->from, v->to)->svc = svc;
		need_ike(b, v->from, v->to, &p->svcsets.v[svc]);
	}
}

/* By then all wide pairs have their set. */
static void find_wider(struct build *b)
{
	struct plan *p = b->plan;

	for (size_t i = 0; i < p->pairs.n; i++) {
		struct pair *x = &p->pairs.v[i];
		uint32_t key[2] = { p->classes.v[x->from].source,
				    p->classes.v[x->to].dest };
		const struct map_entry *e = map_find(&p->pair_index, key,
						     sizeof(key));

		if (e && &p->pairs.v[e->val.u] != x)
			x->wider = p->pairs.v[e->val.u].svc;
	}
}

static void index_roles(struct build *b)
{
	const struct plan *p = b->plan;
	size_t bytes = (b->topo->roles.n + 1) * sizeof(*b->role_sources);
	struct map seen = { 0 };

	b->role_sources = arena_alloc(b->scratch, bytes);
	b->role_dests = arena_alloc(b->scratch, bytes);
	for (uint32_t c = 0; c < p->n_plain; c++) {
		uint32_t roles = p->classes.v[c].roles;
		uint32_t key[2][2] = { { p->classes.v[c].source, 0 },
				       { p->classes.v[c].dest, 1 } };
		int is_new[2];

		for (int i = 0; i < 2; i++)
			map_add(b->scratch, &seen, key[i], sizeof(key[i]),
				&is_new[i]);
		for (size_t k = 0; k < p->lists.len[roles]; k++) {
			uint32_t role = p->lists.v[roles][k];

			if (is_new[0])
				vec_push(b->scratch, &b->role_sources[role],
					 key[0][0]);
			if (is_new[1])
				vec_push(b->scratch, &b->role_dests[role],
					 key[1][0]);
		}
	}
}

static void index_uses(struct build *b)
{
	const struct plan *p = b->plan;

	b->use_classes = arena_alloc(b->scratch, (b->topo->uses.n + 1) *
				     sizeof(*b->use_classes));
	for (uint32_t c = 0; c < p->n_plain; c++) {
		uint32_t ends = p->classes.v[c].ends;

		for (size_t i = 0; i < p->lists.len[ends]; i++) {
			uint32_t end = p->lists.v[ends][i];

			if (end - p->end_use < b->topo->uses.n)
				vec_push(b->scratch, &b->use_classes[
						end - p->end_use], c);
		}
	}
}

void build_pairs(struct build *b)
{
	triple_list t = { 0 };
	size_t n = 0;

	index_roles(b);
	index_uses(b);
	wide_triples(b, &t);
	use_triples(b, &t);
	if (t.n)
		qsort(t.v, t.n, sizeof(*t.v), u32_compare3);
	for (size_t i = 0; i < t.n; i++)
		if (!n || u32_compare3(&t.v[n - 1], &t.v[i]))
			t.v[n++] = t.v[i];
	t.n = n;
	make_pairs(b, &t);
	find_wider(b);
	sort_pairs(b);
}
