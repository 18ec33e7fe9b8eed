#include "check/become.h"
#include "check/check.h"

#include <string.h>

#include "base/hash.h"

/* ---- the same of which nothing is known ----------------------------------- */

static uint64_t data_hash(uint64_t h, const struct kr_data *d)
{
	return hash_bytes(hash_u64(h, d->len), d->b, d->len);
}

/* In whatever order the kernel lists them. */
static uint64_t elements_hash(const struct kr_set *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; s && i < s->elem.n; i++) {
		const struct kr_elem *e = &s->elem.v[i];
		uint64_t h = hash_u64(HASH_INIT, e->flags);

		h = data_hash(data_hash(data_hash(h, &e->key), &e->end),
			      &e->data);
		h = hash_u64(hash_u64(h, e->verdict), e->maybe_id);
		sum += hash_mix(e->target ? hash_str(h, e->target) : h);
	}
	return sum;
}

/* What puts elements into the set while it runs. */
static uint64_t writers_hash(const struct kruleset *rs, const struct kr_set *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < rs->rule.n; i++) {
		const struct kr_rule *r = rs->rule.v[i];

		for (size_t k = 0; k < r->n; k++)
			if (r->chain->table == s->table &&
			    !strcmp(r->ex[k]->name, "dynset") &&
			    r->ex[k]->target && !strcmp(r->ex[k]->target, s->name))
				sum += hash_mix(hash_str(r->effect, r->chain->name));
	}
	return sum;
}

/* Of the object by name, or of all that a map may name. */
static uint64_t objects_hash(const struct kr_table *t, const char *name)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->obj.n; i++)
		if (!name || !strcmp(t->obj.v[i].name, name))
			sum += t->obj.v[i].hash;
	return sum;
}

uint64_t become_id(const struct kr_rule *r)
{
	const struct kr_table *t = r->chain->table;
	uint64_t h = r->effect;

	for (size_t i = 0; i < r->n; i++) {
		const struct kr_ex *x = r->ex[i];

		if (x->kind == EX_LOOKUP)
			h = hash_u64(h, elements_hash(x->set));
		if (x->kind == EX_LOOKUP && x->set->dynamic)
			h = hash_u64(h, writers_hash(t->of, x->set));
		if (strcmp(x->name, "objref"))
			continue;
		h = hash_u64(h, objects_hash(t, x->object));
		h = hash_u64(h, elements_hash(kr_find_set(t, x->target)));
	}
	return hash_mix(h);
}

/* ---- two states -------------------------------------------------------------- */

/* One word of a packet's end: what both make of it. */
static enum become word(const struct value *a, const struct value *b,
			bool *already)
{
	*already = false;
	if (a->kind == b->kind && a->hi == b->hi && a->lo == b->lo &&
	    (a->kind != VAL_OPAQUE || a->hi))
		return BECOME_SAME;
	if (a->kind == VAL_OPAQUE || b->kind == VAL_OPAQUE)
		return BECOME_UNKNOWN;
	*already = a->kind != b->kind;
	return BECOME_OTHER;
}

static bool hides(const struct state *x)
{
	return x->snat == SNAT_INTERFACE;
}

static const struct value *known_of(const struct value *a,
				    const struct value *b)
{
	return a->kind == VAL_KNOWN ? a : b;
}

static enum become states(const struct state *a, const struct state *b,
			  struct become_unless *u)
{
	const struct value *v[][2] = {
		{ &a->daddr, &b->daddr }, { &a->dport, &b->dport },
		{ &a->saddr, &b->saddr }, { &a->sport, &b->sport },
		{ &a->written, &b->written },
	};
	static const unsigned field[] = { PK_DST, PK_TH2, PK_SRC, PK_TH0, 0 };
	const struct value *known[5] = { NULL };
	bool unknown = false, other = false, conditional = false, already;

	memset(u, 0, sizeof(*u));
	/* no packet that is forwarded bears the interface's address */
	if (hides(a) != hides(b) && (!a->snat || !b->snat))
		return BECOME_OTHER;
	for (unsigned i = 0; i < 5; i++) {
		enum become x = word(v[i][0], v[i][1], &already);

		unknown |= x == BECOME_UNKNOWN;
		other |= x == BECOME_OTHER && !already;
		conditional |= x == BECOME_OTHER && already;
		if (x == BECOME_OTHER && already)
			known[i] = known_of(v[i][0], v[i][1]);
	}
	if (other)
		return BECOME_OTHER;
	if (unknown)
		return BECOME_UNKNOWN;
	if (!conditional)
		return BECOME_SAME;
	for (unsigned i = 0; i < 4; i++)
		u->fields |= known[i] ? 1u << field[i] : 0;
	if (known[0])
		u->dst = (struct addr){ known[0]->hi, known[0]->lo };
	if (known[2])
		u->src = (struct addr){ known[2]->hi, known[2]->lo };
	u->dport = known[1] ? known[1]->lo : 0;
	u->sport = known[3] ? known[3]->lo : 0;
	return BECOME_OTHER;
}

uint32_t become_unless_set(struct space *s, const struct become_unless *u)
{
	const struct { unsigned field; space_val v; } is[] = {
		{ PK_DST, space_addr(u->dst) }, { PK_SRC, space_addr(u->src) },
		{ PK_TH2, u->dport }, { PK_TH0, u->sport },
	};
	uint32_t set = u->fields ? SPACE_ALL : SPACE_NO;

	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++)
		if (u->fields >> is[i].field & 1)
			set = space_and(s, set, space_interval(s, is[i].field,
					is[i].v, is[i].v, SPACE_ALL, SPACE_NO));
	return set;
}

/* ---- two outcomes ------------------------------------------------------------ */

static bool ends(uint32_t kind)
{
	return kind == FATE_DROP || kind == FATE_REJECT;
}

static bool same_fate(const struct become_pair *p, const struct outcome_tree *a,
		      const struct outcome_tree *b)
{
	struct become_unless u;

	if (ends(a->a) || ends(b->a))
		return ends(a->a) && ends(b->a);
	if (a->a != b->a || a->a < FATE_ACCEPT)
		return false;
	return a->a != FATE_ACCEPT ||
	       states(p->x->state.v[a->b], p->y->state.v[b->b], &u) ==
		       BECOME_SAME;
}

static bool same_reason(const struct become_pair *p, uint32_t a, uint32_t b)
{
	uint64_t id = p->x->reason.v[a - 1].id;

	return id && id == p->y->reason.v[b - 1].id;
}

static bool same_tree(struct become_pair *p, uint32_t a, uint32_t b)
{
	const struct outcome_tree *x = &p->x->out.tree.v[a];
	const struct outcome_tree *y = &p->y->out.tree.v[b];
	const uint32_t key[2] = { a, b };
	struct map_entry *e;
	bool same;

	if (a == TREE_LOST || b == TREE_LOST || !x->why != !y->why)
		return false;
	if (!x->why)
		return same_fate(p, x, y);
	e = map_find(&p->trees, key, sizeof(key));
	if (e)
		return e->val.u;
	same = same_reason(p, x->why, y->why) && same_tree(p, x->a, y->a) &&
	       same_tree(p, x->b, y->b);
	map_add(p->arena, &p->trees, key, sizeof(key), NULL)->val.u = same;
	return same;
}

bool become_alike(struct become_pair *p, uint32_t a, uint32_t b)
{
	if (p->x == p->y && a == b)
		return true;
	return p->x && p->y && same_tree(p, outcome_get(&p->x->out, a)->tree,
					 outcome_get(&p->y->out, b)->tree);
}

/* Whichever of them comes true on either side: what leaves is the same. */
static enum become any_fates(const struct become_pair *p,
			     const struct outcome *o, const struct outcome *q)
{
	struct become_unless u;

	for (uint32_t i = 0; i < o->n; i++)
		for (uint32_t k = 0; k < q->n; k++) {
			const struct fate *a = &o->v[i], *b = &q->v[k];

			if (ends(a->kind) || ends(b->kind))
				continue;
			if (a->kind != FATE_ACCEPT || b->kind != FATE_ACCEPT ||
			    states(p->x->state.v[a->state],
				   p->y->state.v[b->state], &u) != BECOME_SAME)
				return BECOME_UNKNOWN;
		}
	return BECOME_SAME;
}

enum become become_compare(struct become_pair *p, uint32_t a, uint32_t b,
			   struct become_unless *unless)
{
	const struct outcome *o, *q;

	memset(unless, 0, sizeof(*unless));
	if (!p->x || !p->y || become_alike(p, a, b))
		return BECOME_SAME;
	o = outcome_get(&p->x->out, a);
	q = outcome_get(&p->y->out, b);
	if (o->n != 1 || q->n != 1 || o->v[0].kind != FATE_ACCEPT ||
	    q->v[0].kind != FATE_ACCEPT)
		return any_fates(p, o, q);
	return states(p->x->state.v[o->v[0].state], p->y->state.v[q->v[0].state],
		      unless);
}

/* ---- two sides ------------------------------------------------------------------ */

static uint32_t leaf_otherwise(void *ctx, uint32_t a, uint32_t b)
{
	struct become_unless unless;

	return become_compare(ctx, a, b, &unless) != BECOME_SAME;
}

uint32_t check_otherwise(struct check *c, const struct check_side *a,
			 const struct check_side *b)
{
	struct become_pair p = { a->ev, b->ev, c->arena, { 0 } };
	struct space_op op = { 505, false, leaf_otherwise, NULL, &p };
	uint32_t both = space_and(c->s, check_passes(c, a, true),
				  check_passes(c, b, true));

	both = space_and(c->s, both, space_interval(c->s, PK_CT, CT_NEW, CT_NEW,
						    SPACE_ALL, SPACE_NO));
	space_forget(c->s);
	return space_and(c->s, both, space_apply(c->s, &op, a->d, b->d));
}
