#include <stdlib.h>

#include "gen/dispatch.h"

enum { EXACT_MOST = 64 }; /* elements of a small exception */

/* ---- small exceptions ---------------------------------------------------------- */

static bool single(const struct cell *c)
{
	return addr_eq(c->lo, c->hi);
}

/* The cells of a class in an end, if all are single; -1 if not. */
static long exact_cells(const struct work *w, uint32_t cls, uint32_t end,
			uint32_t *out, size_t most)
{
	const struct class *c = &w->p->classes.v[cls];
	struct few_cells in = { c->cell, c->n_cell };
	long n = 0;

	if (!w->g->few)
		w->g->few = plan_few_cells(w->p, EXACT_MOST, w->g->scratch);
	if (end != NONE && w->g->few[end].cell)
		in = w->g->few[end];
	for (size_t i = 0; i < in.n; i++) {
		const struct cell *x = &w->p->cell[in.cell[i]];

		if (!cell_in_class(w->p, in.cell[i], cls) ||
		    (end != NONE && !cell_in_end(w->p, in.cell[i], end)))
			continue;
		if (!single(x) || (size_t)n == most)
			return -1;
		out[n++] = in.cell[i];
	}
	return n;
}

static size_t exact_ports(const struct piece *v, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!piece_exact(&v[i]))
			return 0;
		count += v[i].keys.hi - v[i].keys.lo + 1;
	}
	return count;
}

static void exact_flows(struct work *w, uint32_t s, uint32_t d,
			const struct piece *v, size_t n)
{
	struct addr src = w->p->cell[s].lo, dst = w->p->cell[d].lo;

	if (addr_is_v4(src) != addr_is_v4(dst) || addr_eq(src, dst))
		return;
	for (size_t i = 0; i < n; i++)
		for (uint32_t k = v[i].keys.lo; k <= v[i].keys.hi; k++)
			vec_push(w->a, &w->exact, (struct exact){
					.src = src, .dst = dst, .key = k,
					.from = w->p->cell[s].cls,
					.to = w->p->cell[d].cls,
					.reason = v[i].reason,
					.breadth = w->p->reasons.v[v[i].reason]
							   .breadth });
}

bool dispatch_exact(struct work *w, const struct product *x)
{
	const struct svcset *s = &w->p->svcsets.v[x->svc];
	struct entry e = { .svc = x->svc };
	uint32_t from[EXACT_MOST], to[EXACT_MOST];
	const struct piece *v;
	size_t n = entry_pieces(w->g, &e, &v), ports = exact_ports(v, n);
	long nf, nt;

	if (s->ike_families || !ports || ports > EXACT_MOST || x->any_local)
		return false;
	nf = exact_cells(w, x->from, x->from_end, from, EXACT_MOST);
	nt = exact_cells(w, x->to, x->to_end, to, EXACT_MOST);
	if (nf < 0 || nt < 0 || (size_t)(nf * nt) * ports > EXACT_MOST)
		return false;
	for (long i = 0; i < nf; i++)
		for (long k = 0; k < nt; k++)
			exact_flows(w, from[i], to[k], v, n);
	return true;
}

static int exact_order(const void *a, const void *b)
{
	const struct exact *x = a, *y = b;
	int c = addr_cmp(x->src, y->src);

	if (!c)
		c = addr_cmp(x->dst, y->dst);
	if (!c && x->key != y->key)
		c = x->key < y->key ? -1 : 1;
	if (!c && (x->breadth < y->breadth || x->breadth > y->breadth))
		c = x->breadth < y->breadth ? -1 : 1;
	return c ? c : x->reason < y->reason ? -1 : x->reason > y->reason;
}

static bool same_flow(const struct exact *x, const struct exact *y)
{
	return addr_eq(x->src, y->src) && addr_eq(x->dst, y->dst) &&
	       x->key == y->key;
}

static void exact_elem(struct work *w, struct rs_set *set,
		       const struct exact *x, const char *comment)
{
	struct rs_elem *e = rs_add_elem(w->g->rs, set);

	e->key[0].lo = e->key[0].hi = x->src;
	e->key[1].lo = e->key[1].hi = x->dst;
	e->key[2].lo.lo = e->key[2].hi.lo = key_proto(x->key);
	e->key[3].lo.lo = e->key[3].hi.lo = key_detail(x->key);
	e->comment = comment;
}

static bool goes_to(const struct exact *x, bool v4, enum exact_place place)
{
	return addr_is_v4(x->src) == v4 && x->place == place;
}

static struct rs_set *add_exact_set(struct work *w, bool v4,
				    enum exact_place place)
{
	static const enum rs_field field[2][4] = {
		{ RS_SADDR6, RS_DADDR6, RS_L4PROTO, RS_DPORT },
		{ RS_SADDR4, RS_DADDR4, RS_L4PROTO, RS_DPORT },
	};
	static const char *const label[][2] = {
		[EXACT_FIRST] = { "first6", "first4" },
		[EXACT_PORTS] = { "ports6", "ports4" },
		[EXACT_LAST] = { "exact6", "exact4" },
	};
	struct rs_set *set = rs_add_set(w->g->rs,
					unique_name(w->g, w->x->name,
						    label[place][v4]),
					false, 4, field[v4]);
	size_t n = 0;

	for (size_t i = 0; i < w->exact.n; i++)
		n += goes_to(&w->exact.v[i], v4, place);
	rs_reserve(w->g->rs, set, n);
	set->counter = true;
	return set;
}

/* Several reasons for one packet: one element that names them all. */
static struct rs_set *exact_set(struct work *w, bool v4, enum exact_place place)
{
	struct rs_set *set = NULL;
	u32_list reasons = { 0 };

	for (size_t i = 0, n; i < w->exact.n; i += n) {
		const struct exact *x = &w->exact.v[i];

		reasons.n = 0;
		for (n = 0; i + n < w->exact.n && same_flow(x, x + n); n++)
			if (!n || x[n].reason != x[n - 1].reason)
				vec_push(w->a, &reasons, x[n].reason);
		if (!goes_to(x, v4, place))
			continue;
		if (!set)
			set = add_exact_set(w, v4, place);
		exact_elem(w, set, x, reason_comment(w->g, reasons.v,
						     reasons.n));
	}
	return set;
}

static void exact_rule(struct work *w, struct rs_chain *c,
		       const struct rs_set *ports, const struct rs_set *set)
{
	struct rs_rule *r = rs_add_rule(w->g->rs, c, NULL);

	if (ports)
		rs_lookup(w->g->rs, r, ports);
	rs_lookup(w->g->rs, r, set);
	accept_new(w->g, r);
}

static struct rs_set *port_set(struct work *w)
{
	static const enum rs_field key[] = { RS_L4PROTO, RS_DPORT };
	struct rs_set *set = rs_add_set(w->g->rs, unique_name(w->g, w->x->name,
							      "ports"),
					false, 2, key);
	struct key_range *all = ARENA_ARRAY(w->a, struct key_range,
					    w->exact.n);
	struct key_set k;
	size_t n = 0;

	for (size_t i = 0; i < w->exact.n; i++)
		if (w->exact.v[i].place == EXACT_PORTS)
			all[n++] = (struct key_range){ w->exact.v[i].key,
						       w->exact.v[i].key };
	k = keys_from(w->a, all, n);
	for (size_t i = 0; i < k.n; i++)
		for (uint32_t x = k.r[i].lo; x <= k.r[i].hi; x++) {
			struct rs_elem *e = rs_add_elem(w->g->rs, set);

			e->key[0].lo.lo = e->key[0].hi.lo = key_proto(x);
			e->key[1].lo.lo = e->key[1].hi.lo = key_detail(x);
		}
	return set;
}

/* A rule for both families would look the port up twice: a chain for them. */
static void rules_behind_ports(struct work *w, const struct rs_set *v4,
			       const struct rs_set *v6)
{
	struct rs_set *ports = port_set(w);
	struct rs_chain *c = w->x->chain;

	if (v4 && v6) {
		struct rs_rule *r = rs_add_rule(w->g->rs, c, NULL);
		const char *name = unique_name(w->g, w->x->name, "exact");

		rs_lookup(w->g->rs, r, ports);
		rs_verdict(w->g->rs, r, RS_JUMP, name);
		c = rs_add_chain(w->g->rs, name, RS_NO_HOOK);
		ports = NULL;
	}
	if (v4)
		exact_rule(w, c, ports, v4);
	if (v6)
		exact_rule(w, c, ports, v6);
}

/* ---- one count per flow -------------------------------------------------------------- */

static bool atom_exact(const struct work *w, const struct atom *a)
{
	for (size_t i = 0; i < a->cells.n; i++)
		if (!single(&w->p->cell[a->cells.v[i]]))
			return false;
	return a->cells.n;
}

/* Spells out what can be; the rest of the entry stays. */
static void count_flows(struct work *w, struct triple *t)
{
	const struct atom *s = &w->atoms.v[t->from], *d = &w->atoms.v[t->to];
	struct entry e = w->entries.v[t->entry];
	const struct piece *v;
	size_t n = entry_pieces(w->g, &e, &v), k = 0;
	struct piece *port = ARENA_ARRAY(w->a, struct piece, n);

	if (!atom_exact(w, s) || !atom_exact(w, d) ||
	    (e.ike && e.families != (FAM_V4 | FAM_V6)))
		return;
	for (size_t i = 0; i < n; i++)
		if (piece_exact(&v[i]))
			port[k++] = v[i];
	w->g->flow_elems += s->cells.n * d->cells.n * exact_ports(port, k);
	if (w->g->flow_elems > GEN_FLOW_MOST)
		return;
	for (size_t i = 0; i < s->cells.n; i++)
		for (size_t j = 0; j < d->cells.n; j++)
			exact_flows(w, s->cells.v[i], d->cells.v[j], port, k);
	e.counted = 1;
	t->entry = dispatch_entry(w, e);
}

/* Triples whose entry was spelled out whole are done with. */
void dispatch_count_flows(struct work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->triples.n; i++) {
		const struct piece *v;

		count_flows(w, &w->triples.v[i]);
		if (entry_pieces(w->g, &w->entries.v[w->triples.v[i].entry],
				 &v))
			w->triples.v[n++] = w->triples.v[i];
	}
	w->triples.n = n;
}

static void add_keys(struct work *w, struct key_set *k, uint32_t svc)
{
	const struct svcset *s = &w->p->svcsets.v[svc];

	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].carried)
			keys_add(w->a, k, s->v[i].keys.lo, s->v[i].keys.hi);
}

/* Wide products by the classes that they are between. */
static struct map index_wide(struct work *w)
{
	struct map out = { 0 };

	for (size_t i = 0; i < w->wide.n; i++) {
		const struct product *x = &w->p->products.v[w->wide.v[i]];
		uint32_t key[2] = { x->from, x->to };
		struct map_entry *e = map_add(w->a, &out, key, sizeof(key),
					      NULL);

		if (!e->val.p)
			e->val.p = ARENA_NEW(w->a, u32_list);
		vec_push(w->a, (u32_list *)e->val.p, x->svc);
	}
	return out;
}

static void add_wide(struct work *w, struct key_set *k, const struct map *wide,
		     uint32_t from, uint32_t to)
{
	uint32_t key[2] = { from, to };
	const struct map_entry *e = map_find(wide, key, sizeof(key));
	const u32_list *v = e ? e->val.cp : NULL;

	for (size_t i = 0; v && i < v->n; i++)
		add_keys(w, k, v->v[i]);
}

/* What wider elements plan between two classes. */
static const struct key_set *wider(struct work *w, struct map *memo,
				   const struct map *wide, uint32_t from,
				   uint32_t to)
{
	const struct class *f, *t;
	uint32_t key[2] = { from, to };
	struct map_entry *e = map_add(w->a, memo, key, sizeof(key), NULL);
	struct key_set *k = e->val.p;

	if (k)
		return k;
	k = ARENA_NEW(w->a, struct key_set);
	e->val.p = k;
	if (from == NONE || to == NONE) /* public addresses */
		return k;
	f = &w->p->classes.v[from];
	t = &w->p->classes.v[to];
	add_keys(w, k, plan_pair(w->p, from, to).svc);
	add_wide(w, k, wide, from, to);
	if (f->source != from)
		add_wide(w, k, wide, f->source, to);
	if (t->dest != to)
		add_wide(w, k, wide, from, t->dest);
	if (f->source != from && t->dest != to)
		add_wide(w, k, wide, f->source, t->dest);
	return k;
}

/* All that the classes may do: what the triples open, whoever to whom. */
static struct key_set class_keys(struct work *w)
{
	bool *seen = ARENA_ARRAY(w->a, bool, w->entries.n);
	struct key_set out = { 0 };

	for (size_t i = 0; i < w->triples.n + w->bulks.n; i++) {
		uint32_t id = i < w->triples.n ? w->triples.v[i].entry :
			w->bulks.v[i - w->triples.n].entry;
		const struct piece *v;
		size_t n;

		if (seen[id])
			continue;
		seen[id] = true;
		n = entry_pieces(w->g, &w->entries.v[id], &v);
		for (size_t k = 0; k < n; k++)
			keys_add(w->a, &out, v[k].keys.lo, v[k].keys.hi);
	}
	return out;
}

void dispatch_exact_sort(struct work *w)
{
	struct key_set classes = class_keys(w);
	struct map memo = { 0 }, wide = index_wide(w);

	for (size_t i = 0; i < w->exact.n; i++) {
		struct exact *x = &w->exact.v[i];

		if (keys_has(*wider(w, &memo, &wide, x->from, x->to), x->key))
			x->place = EXACT_FIRST;
		else if (classes.n && !keys_has(classes, x->key))
			x->place = EXACT_PORTS;
		else
			x->place = EXACT_LAST;
	}
	if (w->exact.n)
		qsort(w->exact.v, w->exact.n, sizeof(*w->exact.v), exact_order);
}

void dispatch_exact_rules(struct work *w, enum exact_place place)
{
	struct rs_set *v4 = exact_set(w, true, place);
	struct rs_set *v6 = exact_set(w, false, place);

	if (place == EXACT_PORTS && (v4 || v6)) {
		rules_behind_ports(w, v4, v6);
		return;
	}
	if (v4)
		exact_rule(w, w->x->chain, NULL, v4);
	if (v6)
		exact_rule(w, w->x->chain, NULL, v6);
}
