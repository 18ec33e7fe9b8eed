#include "check/lookup.h"

#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "base/map.h"
#include "base/vec.h"

/*
 * Sets come in three kinds: exact keys (hash, also of concatenations); keys
 * that start and end intervals (rbtree); from-to per part of a concatenation
 * (pipapo). Each element becomes ranges over slots of the key. Where every
 * slot is a whole field - nearly always - all elements together are boxes and
 * go to space_union() at once; an element that is none becomes a diagram.
 */
enum { MAX_SLOTS = 16 };

struct slot {
	unsigned at, bytes;
	struct run *run; /* of its bits, padding apart */
	unsigned n;
};

struct looker {
	struct arena *a;
	const struct bits_ctx *c;
	const struct kr_set *set;
	const struct rbit *key;
	struct slot slot[MAX_SLOTS];
	unsigned n_slots;
	uint8_t field[PK_FIELDS]; /* ascending: dimensions of a box */
	int dim[PK_FIELDS];
	unsigned n_fields;
	bool boxes; /* every run is a whole field or a view, no field twice */
	VEC(struct space_iv) iv; /* n_fields a box */
	VEC(uint32_t) value;
	VEC(uint32_t) odd; /* diagrams of elements that are no boxes */
	VEC(struct hit_class) class;
	struct map classes;
	/* Elements in a row that are of one class, where the first of several
	 * that match counts. */
	VEC(uint32_t) run; /* its class; value: of which run, from 1 */
	bool in_order, overlap;
	const uint32_t *fresh;
};

static void cut_slots(struct looker *l)
{
	unsigned at = 0;

	if (!l->set->nfields || !(l->set->flags & NFT_SET_INTERVAL)) {
		l->slot[0] = (struct slot){0, l->set->key_len, NULL, 0};
		l->n_slots = 1;
		return;
	}
	for (unsigned i = 0; i < l->set->nfields; i++) {
		unsigned len = l->set->field[i];

		if (at + len > l->set->key_len)
			break;
		l->slot[l->n_slots++] = (struct slot){at, len, NULL, 0};
		at += (len + 3) & ~3u;
	}
}

static void use_field(struct looker *l, unsigned field)
{
	if (l->dim[field] >= 0)
		l->boxes = false;
	l->dim[field] = 0;
}

static void use_run(struct looker *l, const struct run *r, bool alone)
{
	switch ((enum rbit_kind)r->first.kind) {
	case RB_CONST:
		break;
	case RB_FIELD:
		if (!run_whole(l->c, r))
			l->boxes = false;
		use_field(l, bits_field(r->first.arg));
		break;
	case RB_VIEW:
		use_field(l, pk_view_field(r->first.arg));
		break;
	case RB_OPAQUE:
		l->boxes = false;
		break;
	}
	/* ranges over several runs are no products */
	if (!alone && l->set->flags & NFT_SET_INTERVAL)
		l->boxes = false;
}

static void look_at_key(struct looker *l)
{
	l->boxes = true;
	for (unsigned f = 0; f < PK_FIELDS; f++)
		l->dim[f] = -1;
	for (unsigned i = 0; i < l->n_slots; i++) {
		struct slot *s = &l->slot[i];

		s->run = ARENA_ARRAY(l->a, struct run, s->bytes * 8);
		s->n = bits_runs(l->key + s->at * 8, s->bytes * 8, s->run);
		for (unsigned k = 0; k < s->n; k++)
			use_run(l, &s->run[k], s->n == 1);
	}
	for (unsigned f = 0; f < PK_FIELDS; f++)
		if (l->dim[f] >= 0) {
			l->dim[f] = (int)l->n_fields;
			l->field[l->n_fields++] = (uint8_t)f;
		}
}

/* The ids of a view's field that the run admits, if they are neighbours. */
static bool view_range(struct looker *l, const struct run *r, space_val lo,
		       space_val hi, struct space_iv *out)
{
	unsigned field = pk_view_field(r->first.arg), n = 0;
	unsigned max = (unsigned)space_field(l->c->s, field)->max;

	*out = (struct space_iv){1, 0};
	for (unsigned id = 0; id <= max; id++) {
		if (!view_has(l->c, r, id, lo, hi))
			continue;
		if (n++ == 0)
			out->lo = id;
		else if (out->hi + 1 != id)
			return false;
		out->hi = id;
	}
	return true;
}

/* 1: a box; 0: empty, matches nothing; -1: none */
static int run_box(struct looker *l, const struct slot *s, const struct run *r,
		   const uint8_t *lo, const uint8_t *hi, struct space_iv *iv)
{
	space_val a = bits_value(lo, r->at, r->n);
	space_val b = bits_value(hi, r->at, r->n), x = 0;
	struct space_iv v = {a, b};
	int d;

	if (r->first.kind == RB_CONST) {
		for (unsigned i = 0; i < r->n; i++)
			x = x << 1 | l->key[s->at * 8 + r->at + i].arg;
		return a <= x && x <= b;
	}
	d = -1;
	if (r->first.kind == RB_FIELD) {
		d = l->dim[bits_field(r->first.arg)];
		v.lo += bits_base(r->first.arg);
		v.hi += bits_base(r->first.arg);
	} else if (r->first.kind == RB_VIEW) {
		d = l->dim[pk_view_field(r->first.arg)];
		if (!view_range(l, r, a, b, &v))
			return -1;
	}
	iv[d] = v;
	return v.lo <= v.hi;
}

static int element_box(struct looker *l, const uint8_t *lo, const uint8_t *hi,
		       struct space_iv *iv)
{
	int kind = 1;

	if (!l->boxes)
		return -1;
	for (unsigned i = 0; i < l->n_slots && kind == 1; i++) {
		const struct slot *s = &l->slot[i];

		for (unsigned k = 0; k < s->n && kind == 1; k++)
			kind = run_box(l, s, &s->run[k], lo + s->at, hi + s->at,
				       iv);
	}
	return kind;
}

static uint32_t element_diagram(struct looker *l, const uint8_t *lo,
				const uint8_t *hi)
{
	uint32_t set = SPACE_ALL;

	for (unsigned i = l->n_slots; i-- > 0;) {
		const struct slot *s = &l->slot[i];
		const struct rbit *key = l->key + s->at * 8;
		uint32_t d;

		if (!memcmp(lo + s->at, hi + s->at, s->bytes))
			d = bits_equal(l->c, key, lo + s->at, s->bytes);
		else
			d = bits_between(l->c, key, lo + s->at, hi + s->at,
					 s->bytes);
		set = space_apply(l->c->s, &tri_and, d, set);
	}
	return set;
}

/* ---- classes of elements */

static uint32_t class_of(struct looker *l, const struct kr_elem *e)
{
	struct hit_class k;
	struct map_entry *m;
	int is_new;

	memset(&k, 0, sizeof(k));
	k.verdict = e->verdict;
	k.chain = e->chain;
	k.data.len = e->data.len;
	memcpy(k.data.b, e->data.b, e->data.len);
	k.maybe = e->maybe;
	m = map_add(l->a, &l->classes, &k, sizeof(k), &is_new);
	if (is_new) {
		m->val.u = (uint32_t)l->class.n + 1;
		vec_push(l->a, &l->class, k);
	}
	return m->val.u;
}

static uint32_t value_of(struct looker *l, uint32_t class)
{
	if (!l->in_order)
		return class;
	if (!l->run.n || l->run.v[l->run.n - 1] != class)
		vec_push(l->a, &l->run, class);
	return (uint32_t)l->run.n;
}

static uint32_t class_leaf(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a ? b : 0;
}

static void add_element(struct looker *l, const struct kr_elem *e,
			const uint8_t *lo, const uint8_t *hi)
{
	struct space_iv iv[PK_FIELDS] = {{0, 0}};
	uint32_t value = value_of(l, class_of(l, e));
	int kind = element_box(l, lo, hi, iv);

	if (kind == 0)
		return;
	if (kind < 0) {
		static const struct space_op give = {303, false, class_leaf,
						     NULL, NULL};

		vec_push(l->a, &l->odd,
			 space_apply(l->c->s, &give, element_diagram(l, lo, hi),
				     space_leaf(value)));
		return;
	}
	for (unsigned i = 0; i < l->n_fields; i++)
		vec_push(l->a, &l->iv, iv[i]);
	vec_push(l->a, &l->value, value);
}

/* ---- elements in order, ends to starts */

static int by_key(const void *x, const void *y)
{
	const struct kr_elem *const *a = x, *const *b = y;
	int c = memcmp((*a)->key.b, (*b)->key.b, (*a)->key.len);
	bool ea = (*a)->flags & NFT_SET_ELEM_INTERVAL_END;
	bool eb = (*b)->flags & NFT_SET_ELEM_INTERVAL_END;

	return c ? c : (int)eb - (int)ea;
}

/* The last key before this one. */
static void key_before(uint8_t *k, unsigned n)
{
	while (n-- > 0 && k[n]-- == 0)
		;
}

/* All but the one for all others. */
static const struct kr_elem **sorted(const struct looker *l, size_t *n)
{
	const struct kr_elem **v =
		ARENA_ARRAY(l->a, const struct kr_elem *, l->set->elem.n);

	*n = 0;
	for (size_t i = 0; i < l->set->elem.n; i++)
		if (!(l->set->elem.v[i].flags & NFT_SET_ELEM_CATCHALL))
			v[(*n)++] = &l->set->elem.v[i];
	qsort(v, *n, sizeof(*v), by_key);
	return v;
}

static void add_intervals(struct looker *l)
{
	size_t m;
	const struct kr_elem **v = sorted(l, &m);

	for (size_t i = 0; i < m; i++) {
		uint8_t hi[KR_DATA];

		if (v[i]->flags & NFT_SET_ELEM_INTERVAL_END)
			continue;
		memset(hi, 0xff, sizeof(hi));
		if (v[i]->end.len) {
			memcpy(hi, v[i]->end.b, v[i]->end.len);
		} else if (i + 1 < m) {
			memcpy(hi, v[i + 1]->key.b, l->set->key_len);
			key_before(hi, l->set->key_len);
		}
		add_element(l, v[i], v[i]->key.b, hi);
	}
}

static void add_elements(struct looker *l)
{
	for (size_t i = 0; i < l->set->elem.n; i++) {
		const struct kr_elem *e = &l->set->elem.v[i];

		if (e->flags & NFT_SET_ELEM_CATCHALL)
			continue;
		add_element(l, e, e->key.b, e->end.len ? e->end.b : e->key.b);
	}
}

/* ---- together */

static void box_get(const void *ctx, size_t box, unsigned field, space_val *lo,
		    space_val *hi)
{
	const struct looker *l = ctx;
	const struct space_iv *iv = &l->iv.v[box * l->n_fields];

	*lo = iv[l->dim[field]].lo;
	*hi = iv[l->dim[field]].hi;
}

static uint32_t box_value(const void *ctx, size_t box)
{
	const struct looker *l = ctx;

	return l->value.v[box];
}

/* Where elements overlap, which only those of concatenated ranges can, the
 * kernel takes the one that was added first, and lists it first
 * (nft_pipapo_lookup(): the lowest rule). */
static uint32_t leaf_first(void *ctx, uint32_t a, uint32_t b)
{
	struct looker *l = ctx;

	if (!a || !b)
		return a | b;
	l->overlap |= a != b;
	return a < b ? a : b;
}

static uint32_t early_first(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	if (a == SPACE_NO || a == b)
		return b;
	return b == SPACE_NO ? a : SPACE_OPEN;
}

static uint32_t catch_all(struct looker *l)
{
	for (size_t i = 0; i < l->set->elem.n; i++)
		if (l->set->elem.v[i].flags & NFT_SET_ELEM_CATCHALL)
			return value_of(l, class_of(l, &l->set->elem.v[i]));
	return 0;
}

static uint32_t leaf_class(void *ctx, uint32_t a, uint32_t b)
{
	const struct looker *l = ctx;

	(void)b;
	return a ? l->run.v[a - 1] : 0;
}

static uint32_t leaf_or_else(void *ctx, uint32_t a, uint32_t b)
{
	(void)ctx;
	return a ? a : b;
}

static uint32_t together(struct looker *l)
{
	static const struct space_op or_else = {305, false, leaf_or_else, NULL,
						NULL};
	const struct space_op first = {l->fresh[l->in_order], true, leaf_first,
				       early_first, l};
	struct space_boxes b = {l->value.n, l->n_fields, l->field,
				box_get,    box_value,	 l};
	uint32_t d, rest;

	d = space_build(l->c->s, &b, &first, SPACE_NO);
	d = space_apply(
		l->c->s, &first, d,
		space_fold(l->c->s, &first, l->odd.v, l->odd.n, SPACE_NO));
	rest = catch_all(l);
	if (rest)
		d = space_apply(l->c->s, &or_else, d, space_leaf(rest));
	return d;
}

/* In an order that is the same for the same elements. */
static void any_element(struct looker *l)
{
	size_t n;
	const struct kr_elem **v = sorted(l, &n);

	for (size_t i = 0; i < n; i++)
		if (!(v[i]->flags & NFT_SET_ELEM_INTERVAL_END))
			class_of(l, v[i]);
	catch_all(l);
}

/* By class; where different ones overlap, once more in the order that counts. */
static uint32_t all_elements(struct looker *l)
{
	const struct space_op class = {l->fresh[2], false, leaf_class, NULL, l};
	uint32_t d;

	add_elements(l);
	d = together(l);
	if (!l->overlap)
		return d;
	l->in_order = true;
	l->iv.n = l->value.n = l->odd.n = 0;
	add_elements(l);
	return space_map(l->c->s, &class, together(l));
}

/* Bits in the middle of a wide field: too many intervals (bits.c). */
static bool scattered(const struct looker *l, const struct run *r)
{
	space_val max = r->first.arg >= PK_FIELDS
				? UINT32_MAX
				: space_field(l->c->s, r->first.arg)->max;

	return r->first.pos < 100 && max >> (r->first.pos + 13) != 0;
}

static bool opaque_key(const struct looker *l, uint32_t *why)
{
	for (unsigned i = 0; i < l->n_slots; i++)
		for (unsigned k = 0; k < l->slot[i].n; k++)
			if (l->slot[i].run[k].first.kind == RB_OPAQUE) {
				*why = l->slot[i].run[k].first.why;
				return true;
			} else if (l->slot[i].run[k].first.kind == RB_FIELD &&
				   scattered(l, &l->slot[i].run[k])) {
				*why = l->c->why_scattered;
				return true;
			}
	return false;
}

const struct lookup *lookup_build(struct arena *a, const struct bits_ctx *c,
				  const struct kr_set *set,
				  const struct rbit *key,
				  const uint32_t fresh[LOOKUP_OPS])
{
	struct lookup *r = ARENA_NEW(a, struct lookup);
	struct looker *l = ARENA_NEW(a, struct looker);

	l->a = a;
	l->c = c;
	l->set = set;
	l->key = key;
	l->fresh = fresh;
	cut_slots(l);
	look_at_key(l);
	r->d = SPACE_NO;
	r->why = UINT32_MAX;
	if (opaque_key(l, &r->why)) {
		r->opaque = "an opaque key";
		any_element(l);
	} else if (set->flags & NFT_SET_INTERVAL && !set->nfields) {
		add_intervals(l);
		r->d = together(l);
	} else {
		r->d = all_elements(l);
	}
	r->class = l->class.v;
	r->n = l->class.n;
	return r;
}
