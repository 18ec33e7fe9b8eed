#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

/*
 * Wider classes. A host that says `use`, or has a pin of its own, is a class
 * of one; a thousand of them are a million pairs. But nearly all that is said
 * of such classes is the same: as sources, those that differ in pins or in what
 * they use of some roles are alike in everything towards other roles; as
 * destinations, those are that differ in who uses them. Such classes together
 * are a class as well, a wider one behind the others, and template flows run
 * between wide classes where they can (pairs.c).
 */
struct widener {
	struct build *b;
	struct map sources, dests; /* what is the same of all -> in sets */
	VEC(VEC(uint32_t)) sets;   /* of classes, ascending */
	struct map ids;		   /* a list of classes -> the wide class */
	VEC(uint32_t) *said; /* by end: 2 * item of a want, one more of an omit */
	uint32_t *made;	     /* by set: the wide class, 0: none yet */
};

/* The ends of a list that are of [from, to). */
static uint32_t some_ends(struct build *b, uint32_t ends, uint32_t from,
			  uint32_t to)
{
	struct lists *l = &b->plan->lists;
	uint32_t *v = ARENA_ARRAY(b->scratch, uint32_t, l->len[ends]);
	size_t n = 0;

	for (size_t i = 0; i < l->len[ends]; i++)
		if (l->v[ends][i] >= from && l->v[ends][i] < to)
			v[n++] = l->v[ends][i];
	return lists_intern(b->arena, l, v, n);
}

static uint32_t ipsec_ends(struct build *b, uint32_t ends)
{
	return some_ends(b, ends, b->plan->end_ipsec, b->plan->n_class_ends);
}

static void note_items(struct widener *w)
{
	struct build *b = w->b;

	w->said = arena_alloc(b->scratch, (b->plan->n_class_ends + 1) *
			      sizeof(*w->said));
	for (uint32_t i = 0; i < b->items.n; i++) {
		const struct item *it = &b->items.v[i];

		for (size_t k = 0; k < it->on_at.n; k++)
			vec_push(b->scratch, &w->said[it->on_at.v[k]], 2 * i);
		for (size_t k = 0; k < it->off_at.n; k++)
			vec_push(b->scratch, &w->said[it->off_at.v[k]],
				 2 * i + 1);
	}
}

/* The items that want and omit turn on or off for a source. */
static uint32_t turned_items(struct widener *w, const struct class *c)
{
	struct build *b = w->b;
	const struct lists *l = &b->plan->lists;
	VEC(uint32_t) v = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < l->len[c->ends]; i++) {
		uint32_t end = l->v[c->ends][i];

		for (size_t k = 0; k < w->said[end].n; k++)
			vec_push(b->scratch, &v, w->said[end].v[k]);
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), u32_compare);
	for (size_t i = 0; i < v.n;) {
		uint32_t item = v.v[i] / 2;
		bool on = b->items.v[item].on;

		for (; i < v.n && v.v[i] / 2 == item; i++)
			on = v.v[i] % 2 == 0;
		if (on != b->items.v[item].on)
			v.v[n++] = item;
	}
	return lists_intern(b->arena, &b->plan->lists, v.v, n);
}

/* The roles of which it uses certain bearers alone. */
static uint32_t used_roles(struct build *b, const struct class *c)
{
	const struct lists *l = &b->plan->lists;
	uint32_t *v = ARENA_ARRAY(b->scratch, uint32_t, l->len[c->uses]);
	size_t n = 0;

	for (size_t i = 0; i + 1 < l->len[c->uses]; i += 2)
		if (!n || v[n - 1] != l->v[c->uses][i])
			v[n++] = l->v[c->uses][i];
	return lists_intern(b->arena, &b->plan->lists, v, n);
}

static uint32_t set_of(struct widener *w, struct map *m, const uint32_t *key,
		       size_t bytes)
{
	int is_new;
	struct map_entry *e = map_add(w->b->scratch, m, key, bytes, &is_new);

	if (is_new) {
		if (w->sets.n == w->sets.cap)
			vec_grow(w->b->scratch, (void **)&w->sets.v, w->sets.n,
				 &w->sets.cap, sizeof(*w->sets.v));
		memset(&w->sets.v[w->sets.n], 0, sizeof(*w->sets.v));
		e->val.u = (uint32_t)w->sets.n++;
	}
	return e->val.u;
}

static void add_to_sets(struct widener *w, uint32_t cls, uint32_t *source,
			uint32_t *dest)
{
	struct build *b = w->b;
	const struct class *c = &b->plan->classes.v[cls];
	uint32_t ipsec = ipsec_ends(b, c->ends);
	uint32_t as_source[] = { c->node, c->families, c->realm, c->nat,
				 c->roles, ipsec, b->turned[cls],
				 used_roles(b, c) };
	uint32_t as_dest[] = { c->node, c->families, c->realm, c->nat,
			       c->roles, ipsec, c->pins, c->dynamic };

	*source = set_of(w, &w->sources, as_source, sizeof(as_source));
	vec_push(b->scratch, &w->sets.v[*source], cls);
	*dest = set_of(w, &w->dests, as_dest, sizeof(as_dest));
	vec_push(b->scratch, &w->sets.v[*dest], cls);
}

static struct class join_classes(struct build *b, const uint32_t *v, size_t n)
{
	const struct plan *p = b->plan;
	const struct class *first = &p->classes.v[v[0]];
	struct class out = {
		.node = first->node, .roles = first->roles,
		.ends = ipsec_ends(b, first->ends), .pins = first->pins,
		.dynamic = first->dynamic, .nat = first->nat,
		.realm = first->realm, .families = first->families,
	};

	for (size_t i = 0; i < n; i++)
		out.n_cell += p->classes.v[v[i]].n_cell;
	out.cell = ARENA_ARRAY(b->arena, uint32_t, out.n_cell);
	out.n_cell = 0;
	for (size_t i = 0; i < n; i++) {
		const struct class *c = &p->classes.v[v[i]];

		memcpy(out.cell + out.n_cell, c->cell,
		       c->n_cell * sizeof(*c->cell));
		out.n_cell += c->n_cell;
	}
	qsort(out.cell, out.n_cell, sizeof(*out.cell), u32_compare);
	return out;
}

/* Alone, it is what it was; as a source and as a destination it may be the
 * same. */
static uint32_t wide_class(struct widener *w, uint32_t set)
{
	struct plan *p = w->b->plan;
	const uint32_t *v = w->sets.v[set].v;
	size_t n = w->sets.v[set].n;
	struct map_entry *e;
	int is_new;

	if (n == 1)
		return v[0];
	if (w->made[set])
		return w->made[set];
	e = map_add(w->b->scratch, &w->ids, v, n * sizeof(*v), &is_new);
	if (is_new) {
		struct class c = join_classes(w->b, v, n);

		e->val.u = c.source = c.dest = (uint32_t)p->classes.n;
		vec_push(w->b->arena, &p->classes, c);
	}
	return w->made[set] = e->val.u;
}

/* Destinations first: pins and dynamic ports are what those have alike. */
void build_wide(struct build *b)
{
	struct plan *p = b->plan;
	struct widener w = { .b = b };
	uint32_t n = (uint32_t)p->classes.n;
	uint32_t *source = ARENA_ARRAY(b->scratch, uint32_t, n);
	uint32_t *dest = ARENA_ARRAY(b->scratch, uint32_t, n);

	p->n_plain = n;
	note_items(&w);
	b->turned = ARENA_ARRAY(b->scratch, uint32_t, n);
	for (uint32_t i = 0; i < n; i++)
		b->turned[i] = turned_items(&w, &p->classes.v[i]);
	for (uint32_t i = 0; i < n; i++)
		add_to_sets(&w, i, &source[i], &dest[i]);
	w.made = ARENA_ARRAY(b->scratch, uint32_t, w.sets.n);
	for (uint32_t i = 0; i < n; i++)
		dest[i] = wide_class(&w, dest[i]);
	for (uint32_t i = 0; i < n; i++)
		source[i] = wide_class(&w, source[i]);
	for (uint32_t i = 0; i < n; i++) {
		p->classes.v[i].source = source[i];
		p->classes.v[i].dest = dest[i];
	}
}
