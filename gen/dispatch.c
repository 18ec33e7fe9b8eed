#include <stdlib.h>
#include <string.h>

#include "gen/internal.h"

/*
 * How this works. Small exceptions (a few addresses, a few ports) go into one
 * concatenated set. For the rest, classes are cut into atoms where a wide
 * exception cuts them; atoms with the same destinations and services form a
 * source group. A group looks its destination up in a verdict map that leads
 * to the services of that pair. Where groups share most of their
 * destinations, the shared part is one map that all of them use, so that the
 * size stays that of what was said and not of the product.
 */
enum {
	EXACT_MOST = 64,	 /* elements of a small exception */
	SHARE_SLACK = 256,	 /* elements too few to be worth sharing */
};

struct triple {
	uint32_t from, to, entry;
};

/* A row's item: destination atom and what may be done there. */
struct cellref {
	uint32_t to, mix;
};

struct group {
	VEC(uint32_t) atoms; /* sources with this row */
	struct cellref *row;
	size_t n_row;
	const char *label;
	VEC(uint32_t) blocks;
};

/* Destinations that the same groups reach. */
struct block {
	VEC(struct cellref) refs;
	const char *name;
	struct rs_set *map4, *map6;
	const char *any; /* chain for destinations without addresses */
};

/* A flow from one address to another, spelled out. */
struct exact {
	struct addr src, dst;
	uint32_t key, reason;
	double breadth;
};

struct work {
	struct dispatch *x;
	struct gen *g;
	struct arena *a;
	const struct plan *p;
	VEC(struct entry) entries;
	struct map entry_ids;
	VEC(struct atom) atoms;
	struct map atom_ids; /* class, ends -> atom */
	struct { uint32_t *v; size_t n; } *class_atoms;
	unsigned char *cut;  /* by end id: some wide product cuts by it */
	VEC(uint32_t) wide;
	VEC(struct triple) triples;
	struct lists mixes, rows, sharers;
	VEC(struct cellref) refs; /* by ref id */
	struct map ref_ids;
	VEC(struct group) groups;
	VEC(struct block) blocks;
	VEC(struct exact) exact;
};

static uint32_t entry_id(struct work *w, struct entry e)
{
	int is_new;
	struct map_entry *m = map_add(w->a, &w->entry_ids, &e, sizeof(e),
				      &is_new);

	if (is_new) {
		m->val.u = (uint32_t)w->entries.n;
		vec_push(w->a, &w->entries, e);
	}
	return m->val.u;
}

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
	long n = 0;

	for (size_t i = 0; i < c->n_cell; i++) {
		if (end != NONE && !cell_in_end(w->p, c->cell[i], end))
			continue;
		if (!single(&w->p->cell[c->cell[i]]) || (size_t)n == most)
			return -1;
		out[n++] = c->cell[i];
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
					.reason = v[i].reason,
					.breadth = w->p->reasons.v[v[i].reason]
							   .breadth });
}

static bool try_exact(struct work *w, const struct product *x)
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

/* Several reasons for one packet: one element that names them all. */
static void exact_family(struct work *w, bool v4)
{
	static const enum rs_field field[2][4] = {
		{ RS_SADDR6, RS_DADDR6, RS_L4PROTO, RS_DPORT },
		{ RS_SADDR4, RS_DADDR4, RS_L4PROTO, RS_DPORT },
	};
	struct rs_set *set = NULL;
	struct rs_rule *r;

	for (size_t i = 0, n; i < w->exact.n; i += n) {
		const struct exact *x = &w->exact.v[i];
		uint32_t reasons[16];
		size_t k = 0;

		for (n = 0; i + n < w->exact.n && same_flow(x, x + n); n++)
			if (k < 16 && (!k || reasons[k - 1] != x[n].reason))
				reasons[k++] = x[n].reason;
		if (addr_is_v4(x->src) != v4)
			continue;
		if (!set)
			set = rs_add_set(w->g->rs, unique_name(w->g, w->x->name,
						v4 ? "exact4" : "exact6"),
					 false, 4, field[v4]);
		exact_elem(w, set, x, reason_comment(w->g, reasons, k));
	}
	if (!set)
		return;
	set->counter = true;
	r = rs_add_rule(w->g->rs, w->x->chain, NULL);
	rs_lookup(w->g->rs, r, set);
	rs_verdict(w->g->rs, r, RS_ACCEPT, NULL);
}

/* ---- atoms --------------------------------------------------------------------------- */

static const char *cell_label(const struct work *w, uint32_t cell)
{
	const char *s = plan_party_name(w->p, w->p->cell[cell].party);

	return s ? s : "none";
}

static uint32_t atom_of(struct work *w, uint32_t cls, const uint32_t *ends,
			size_t n)
{
	VEC(uint32_t) key = { 0 };
	struct map_entry *e;
	int is_new;

	vec_push(w->a, &key, cls);
	for (size_t i = 0; i < n; i++)
		vec_push(w->a, &key, ends[i]);
	e = map_add(w->a, &w->atom_ids, key.v, key.n * sizeof(*key.v), &is_new);
	if (is_new) {
		e->val.u = (uint32_t)w->atoms.n;
		vec_push(w->a, &w->atoms, (struct atom){ .cls = cls });
	}
	return e->val.u;
}

static void add_cell(struct work *w, uint32_t atom, uint32_t cell)
{
	struct atom *a = &w->atoms.v[atom];
	const char *label = cell_label(w, cell);

	vec_push(w->a, &a->cells, cell);
	if (!a->label || strcmp(label, a->label) < 0)
		a->label = label;
}

static uint32_t cell_atom(struct work *w, uint32_t cls, uint32_t cell)
{
	const struct plan *p = w->p;
	uint32_t list = p->cell[cell].ends, ends[64];
	size_t n = 0;

	for (size_t i = 0; i < p->end_lists.len[list]; i++) {
		uint32_t e = p->end_lists.v[list][i];

		if (w->cut[e] && n < 64)
			ends[n++] = e;
	}
	return atom_of(w, cls, ends, n);
}

static void need_class(struct work *w, uint32_t cls)
{
	const struct class *c = &w->p->classes.v[cls];
	VEC(uint32_t) ids = { 0 };

	if (w->class_atoms[cls].n)
		return;
	for (size_t i = 0; i < c->n_cell; i++) {
		uint32_t a = cell_atom(w, cls, c->cell[i]);

		add_cell(w, a, c->cell[i]);
		if (w->atoms.v[a].cells.n == 1)
			vec_push(w->a, &ids, a);
	}
	if (!c->n_cell)
		vec_push(w->a, &ids, atom_of(w, cls, NULL, 0));
	w->class_atoms[cls].v = ids.v;
	w->class_atoms[cls].n = ids.n;
}

static bool atom_in(const struct work *w, uint32_t atom, uint32_t end)
{
	const struct atom *a = &w->atoms.v[atom];

	return end == NONE || (a->cells.n &&
			       cell_in_end(w->p, a->cells.v[0], end));
}

static unsigned atom_families(const struct work *w, const struct atom *a)
{
	unsigned fam = 0;

	for (size_t i = 0; i < a->cells.n; i++)
		fam |= addr_is_v4(w->p->cell[a->cells.v[i]].lo) ? FAM_V4 : FAM_V6;
	return fam;
}

/* ---- who may do what: triples ------------------------------------------------------- */

static void add_triples(struct work *w, uint32_t from, uint32_t from_end,
			uint32_t to, uint32_t to_end, struct entry e)
{
	uint32_t id = entry_id(w, e);
	const struct piece *v;

	if (!entry_pieces(w->g, &e, &v))
		return;
	for (size_t i = 0; i < w->class_atoms[from].n; i++) {
		uint32_t s = w->class_atoms[from].v[i];

		if (!atom_in(w, s, from_end))
			continue;
		for (size_t k = 0; k < w->class_atoms[to].n; k++) {
			uint32_t d = w->class_atoms[to].v[k];

			if (atom_in(w, d, to_end) || !w->atoms.v[d].cells.n)
				vec_push(w->a, &w->triples,
					 (struct triple){ s, d, id });
		}
	}
}

static void product_triples(struct work *w, const struct product *x)
{
	const struct svcset *s = &w->p->svcsets.v[x->svc];

	add_triples(w, x->from, x->from_end, x->to, x->to_end,
		    (struct entry){ .svc = x->svc });
	if (s->ike_families)
		add_triples(w, x->from, x->from_end, x->to, x->to_end,
			    (struct entry){ .ike = s->ipsec,
					    .families = s->ike_families });
}

static void pair_triples(struct work *w, const struct pair *x)
{
	if (x->svc)
		add_triples(w, x->from, NONE, x->to, NONE,
			    (struct entry){ .svc = x->svc });
	if (x->ike)
		add_triples(w, x->from, NONE, x->to, NONE,
			    (struct entry){ .ike = x->ike,
					    .families = x->ike_families });
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
	t->entry = entry_id(w, e);
}

/* Triples whose entry was spelled out whole are done with. */
static void count_all_flows(struct work *w)
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

/* ---- groups and blocks ------------------------------------------------------------ */

static int triple_order(const void *a, const void *b)
{
	const struct triple *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static uint32_t ref_id(struct work *w, uint32_t to, uint32_t mix)
{
	struct cellref r = { to, mix };
	int is_new;
	struct map_entry *e = map_add(w->a, &w->ref_ids, &r, sizeof(r),
				      &is_new);

	if (is_new) {
		e->val.u = (uint32_t)w->refs.n;
		vec_push(w->a, &w->refs, r);
	}
	return e->val.u;
}

/* The row of one source: refs of all destinations. */
static size_t read_row(struct work *w, size_t i, uint32_t *row_id)
{
	uint32_t from = w->triples.v[i].from;
	VEC(uint32_t) row = { 0 };
	size_t start = i;

	while (i < w->triples.n && w->triples.v[i].from == from) {
		uint32_t to = w->triples.v[i].to;
		VEC(uint32_t) mix = { 0 };

		for (; i < w->triples.n && w->triples.v[i].from == from &&
		     w->triples.v[i].to == to; i++)
			if (!mix.n || mix.v[mix.n - 1] != w->triples.v[i].entry)
				vec_push(w->a, &mix, w->triples.v[i].entry);
		vec_push(w->a, &row, ref_id(w, to, lists_intern(w->a,
					&w->mixes, mix.v, mix.n)));
	}
	*row_id = lists_intern(w->a, &w->rows, row.v, row.n);
	return i - start;
}

static void make_groups(struct work *w)
{
	struct map by_row = { 0 };

	for (size_t i = 0, n; i < w->triples.n; i += n) {
		uint32_t row, from = w->triples.v[i].from;
		struct map_entry *e;
		struct group *g;
		int is_new;

		n = read_row(w, i, &row);
		e = map_add(w->a, &by_row, &row, sizeof(row), &is_new);
		if (is_new) {
			e->val.u = (uint32_t)w->groups.n;
			vec_push(w->a, &w->groups, (struct group){ .n_row = 0 });
			g = &w->groups.v[e->val.u];
			g->n_row = w->rows.len[row];
			g->row = ARENA_ARRAY(w->a, struct cellref, g->n_row);
			for (size_t k = 0; k < g->n_row; k++)
				g->row[k] = w->refs.v[w->rows.v[row][k]];
		}
		g = &w->groups.v[e->val.u];
		vec_push(w->a, &g->atoms, from);
		if (!g->label || strcmp(w->atoms.v[from].label, g->label) < 0)
			g->label = w->atoms.v[from].label;
	}
}

static int group_order(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int c = strcmp(x->label, y->label);

	return c ? c : x->atoms.v[0] < y->atoms.v[0] ? -1 :
		       x->atoms.v[0] > y->atoms.v[0];
}

static size_t ref_size(const struct work *w, const struct cellref *r)
{
	size_t n = w->atoms.v[r->to].cells.n;

	return n ? n : 1;
}

/* Would a map of its own for every group be much larger than shared ones? */
static bool worth_sharing(struct work *w)
{
	size_t own = 0, all = 0;

	for (size_t i = 0; i < w->groups.n; i++)
		for (size_t k = 0; k < w->groups.v[i].n_row; k++)
			own += ref_size(w, &w->groups.v[i].row[k]);
	for (size_t i = 0; i < w->refs.n; i++)
		all += ref_size(w, &w->refs.v[i]);
	return own > 2 * all + SHARE_SLACK;
}

static void own_blocks(struct work *w)
{
	for (size_t i = 0; i < w->groups.n; i++) {
		struct group *g = &w->groups.v[i];
		struct block b = { .name = NULL };

		for (size_t k = 0; k < g->n_row; k++)
			vec_push(w->a, &b.refs, g->row[k]);
		vec_push(w->a, &g->blocks, (uint32_t)w->blocks.n);
		vec_push(w->a, &w->blocks, b);
	}
}

static void shared_blocks(struct work *w)
{
	VEC(uint32_t) *users =
		arena_alloc(w->a, (w->refs.n + 1) * sizeof(*users));
	struct map by_users = { 0 };

	for (uint32_t i = 0; i < w->groups.n; i++)
		for (size_t k = 0; k < w->groups.v[i].n_row; k++)
			vec_push(w->a, &users[ref_id(w,
					w->groups.v[i].row[k].to,
					w->groups.v[i].row[k].mix)], i);
	for (size_t r = 0; r < w->refs.n; r++) {
		uint32_t id = lists_intern(w->a, &w->sharers, users[r].v,
					   users[r].n);
		int is_new;
		struct map_entry *e = map_add(w->a, &by_users, &id, sizeof(id),
					      &is_new);

		if (is_new) {
			e->val.u = (uint32_t)w->blocks.n;
			vec_push(w->a, &w->blocks, (struct block){
					.name = NULL });
			for (size_t k = 0; k < users[r].n; k++)
				vec_push(w->a, &w->groups.v[users[r].v[k]]
						    .blocks, e->val.u);
		}
		vec_push(w->a, &w->blocks.v[e->val.u].refs, w->refs.v[r]);
	}
}

/* ---- rules ---------------------------------------------------------------------------- */

static void put_range(struct gen *g, struct rs_set *s, struct addr_range r,
		      const char *jump)
{
	struct rs_elem *e = rs_add_elem(g->rs, s);

	e->key[0].lo = r.lo;
	e->key[0].hi = r.hi;
	if (jump) {
		e->verdict = RS_JUMP;
		e->target = jump;
	}
}

/* The addresses of cells, merged, of one family. */
static struct addr_set cell_ranges(struct work *w, const uint32_t *cell,
				   size_t n, bool v4)
{
	struct addr_set s = { ARENA_ARRAY(w->a, struct addr_range, n), 0 };

	for (size_t i = 0; i < n; i++) {
		const struct cell *c = &w->p->cell[cell[i]];

		if (addr_is_v4(c->lo) == v4)
			s.r[s.n++] = (struct addr_range){ c->lo, c->hi };
	}
	addr_set_normalise(&s);
	return s;
}

static void put_cells(struct work *w, struct rs_set *s, const uint32_t *cell,
		      size_t n, bool v4, const char *jump)
{
	struct addr_set set = cell_ranges(w, cell, n, v4);

	for (size_t i = 0; i < set.n; i++)
		put_range(w->g, s, set.r[i], jump);
}

/* Families that its destinations have, and some group that uses it. */
static unsigned block_families(const struct work *w, uint32_t block)
{
	const struct block *b = &w->blocks.v[block];
	unsigned to = 0, from = 0;

	for (size_t i = 0; i < b->refs.n; i++)
		to |= atom_families(w, &w->atoms.v[b->refs.v[i].to]);
	for (size_t i = 0; i < w->groups.n; i++) {
		const struct group *g = &w->groups.v[i];
		bool uses = false;

		for (size_t k = 0; k < g->blocks.n; k++)
			uses |= g->blocks.v[k] == block;
		for (size_t k = 0; uses && k < g->atoms.n; k++)
			from |= atom_families(w, &w->atoms.v[g->atoms.v[k]]);
	}
	return from & to;
}

static const char *service_chain(struct work *w, const char *prefix,
				 const char *label, uint32_t mix)
{
	struct mix m = { ARENA_ARRAY(w->a, uint32_t, w->mixes.len[mix]),
			 w->mixes.len[mix] };
	const char *name = unique_name(w->g, prefix, label);
	struct rs_chain *c = rs_add_chain(w->g->rs, name, RS_NO_HOOK);

	memcpy(m.entry, w->mixes.v[mix], m.n * sizeof(*m.entry));
	service_rules(w->g, c, name, w->entries.v, &m);
	return name;
}

static void put_ref(struct work *w, struct block *b, const struct cellref *r,
		    const char *chain)
{
	const struct atom *a = &w->atoms.v[r->to];

	if (!a->cells.n)
		b->any = chain;
	if (b->map4)
		put_cells(w, b->map4, a->cells.v, a->cells.n, true, chain);
	if (b->map6)
		put_cells(w, b->map6, a->cells.v, a->cells.n, false, chain);
}

static void make_block(struct work *w, uint32_t block, const char *prefix)
{
	static const enum rs_field d4 = RS_DADDR4, d6 = RS_DADDR6;
	unsigned fam = block_families(w, block);
	struct block *b = &w->blocks.v[block];
	struct map chains = { 0 };

	b->name = prefix;
	if (fam & FAM_V4)
		b->map4 = rs_add_set(w->g->rs, unique_name(w->g, prefix, "to4"),
				     true, 1, &d4);
	if (fam & FAM_V6)
		b->map6 = rs_add_set(w->g->rs, unique_name(w->g, prefix, "to6"),
				     true, 1, &d6);
	/* destinations of one mix share a chain, named by the first of them */
	for (size_t i = 0; i < b->refs.n; i++) {
		const char *label = w->atoms.v[b->refs.v[i].to].label;
		struct map_entry *e;
		int is_new;

		e = map_add(w->a, &chains, &b->refs.v[i].mix,
			    sizeof(b->refs.v[i].mix), &is_new);
		for (size_t k = i; is_new && k < b->refs.n; k++) {
			const struct cellref *o = &b->refs.v[k];
			const char *l = w->atoms.v[o->to].label;

			if (o->mix == b->refs.v[i].mix &&
			    (!label || (l && strcmp(l, label) < 0)))
				label = l;
		}
		if (is_new)
			e->val.cp = service_chain(w, prefix,
						  label ? label : "self",
						  b->refs.v[i].mix);
		put_ref(w, b, &b->refs.v[i], e->val.cp);
	}
}

static void block_rules(struct work *w, struct rs_chain *c,
			const struct rs_set *src, const struct block *b,
			bool v4)
{
	const struct rs_set *map = v4 ? b->map4 : b->map6;
	struct rs_rule *r;

	if (map) {
		r = rs_add_rule(w->g->rs, c, NULL);
		if (src)
			rs_lookup(w->g->rs, r, src);
		rs_lookup(w->g->rs, r, map);
	}
	if (b->any) {
		r = rs_add_rule(w->g->rs, c, NULL);
		if (src)
			rs_lookup(w->g->rs, r, src);
		rs_verdict(w->g->rs, r, RS_JUMP, b->any);
	}
}

static bool group_has(const struct work *w, const struct group *g, bool v4)
{
	for (size_t i = 0; i < g->atoms.n; i++)
		if (atom_families(w, &w->atoms.v[g->atoms.v[i]]) &
		    (v4 ? FAM_V4 : FAM_V6))
			return true;
	return false;
}

static void put_group(struct work *w, struct rs_set *s, const struct group *g,
		      bool v4, const char *jump)
{
	VEC(uint32_t) cells = { 0 };

	for (size_t i = 0; i < g->atoms.n; i++) {
		const struct atom *a = &w->atoms.v[g->atoms.v[i]];

		for (size_t k = 0; k < a->cells.n; k++)
			vec_push(w->a, &cells, a->cells.v[k]);
	}
	put_cells(w, s, cells.v, cells.n, v4, jump);
}

/* One group: source and destination in one rule. */
static void lone_group(struct work *w, struct group *g)
{
	static const enum rs_field src[2] = { RS_SADDR6, RS_SADDR4 };

	for (int v4 = 1; v4 >= 0; v4--) {
		struct rs_set *s;

		if (!group_has(w, g, v4))
			continue;
		s = rs_add_set(w->g->rs, unique_name(w->g, w->x->name,
						     v4 ? "from4" : "from6"),
			       false, 1, &src[v4]);
		put_group(w, s, g, v4, NULL);
		for (size_t i = 0; i < g->blocks.n; i++)
			block_rules(w, w->x->chain, s,
				    &w->blocks.v[g->blocks.v[i]], v4);
	}
}

static void many_groups(struct work *w, const char **group_name)
{
	static const enum rs_field src[2] = { RS_SADDR6, RS_SADDR4 };

	for (int v4 = 1; v4 >= 0; v4--) {
		struct rs_set *map = NULL;
		struct rs_rule *r;

		for (size_t i = 0; i < w->groups.n; i++) {
			if (!group_has(w, &w->groups.v[i], v4))
				continue;
			if (!map)
				map = rs_add_set(w->g->rs, unique_name(w->g,
						w->x->name,
						v4 ? "from4" : "from6"),
						true, 1, &src[v4]);
			put_group(w, map, &w->groups.v[i], v4, group_name[i]);
		}
		if (!map)
			continue;
		r = rs_add_rule(w->g->rs, w->x->chain, NULL);
		rs_lookup(w->g->rs, r, map);
	}
	for (size_t i = 0; i < w->groups.n; i++) {
		struct rs_chain *c = rs_add_chain(w->g->rs, group_name[i],
						  RS_NO_HOOK);
		const struct group *g = &w->groups.v[i];

		for (size_t k = 0; k < g->blocks.n; k++) {
			const struct block *b = &w->blocks.v[g->blocks.v[k]];

			block_rules(w, c, NULL, b, true);
			if (b->map6)
				block_rules(w, c, NULL, &(struct block){
						.map6 = b->map6 }, false);
		}
	}
}

static void emit(struct work *w)
{
	bool share = worth_sharing(w);
	const char **name;

	if (w->groups.n)
		qsort(w->groups.v, w->groups.n, sizeof(*w->groups.v),
		      group_order);
	if (share)
		shared_blocks(w);
	else
		own_blocks(w);
	name = ARENA_ARRAY(w->a, const char *, w->groups.n);
	for (size_t i = 0; i < w->groups.n; i++)
		name[i] = unique_name(w->g, w->x->name, w->groups.v[i].label);
	for (uint32_t i = 0; i < w->blocks.n; i++)
		make_block(w, i, share ?
			   unique_name(w->g, w->x->name, "shared") : name[i]);
	if (w->groups.n == 1)
		lone_group(w, &w->groups.v[0]);
	else if (w->groups.n)
		many_groups(w, name);
}

static void exact_rules(struct work *w)
{
	if (w->exact.n)
		qsort(w->exact.v, w->exact.n, sizeof(*w->exact.v), exact_order);
	exact_family(w, true);
	exact_family(w, false);
}

static void gather(struct work *w)
{
	const struct plan *p = w->p;
	struct dispatch *x = w->x;

	w->cut = ARENA_ARRAY(w->a, unsigned char, p->n_ends);
	for (size_t i = 0; i < x->products.n; i++) {
		const struct product *q = &p->products.v[x->products.v[i]];

		if (try_exact(w, q))
			continue;
		vec_push(w->a, &w->wide, x->products.v[i]);
		w->cut[q->from_end] = 1;
		if (q->to_end != NONE)
			w->cut[q->to_end] = 1;
	}
	for (size_t i = 0; i < x->back.n; i++) {
		const struct product *q = &p->products.v[x->back.v[i]];

		w->cut[q->from_end] = w->cut[q->to_end] = 1;
	}
	w->class_atoms = arena_alloc(w->a, (p->classes.n + 1) *
				     sizeof(*w->class_atoms));
	for (size_t i = 0; i < x->pairs.n; i++) {
		const struct pair *q = &p->pairs.v[x->pairs.v[i]];

		need_class(w, q->from);
		need_class(w, q->to);
		pair_triples(w, q);
	}
	for (size_t i = 0; i < w->wide.n; i++) {
		const struct product *q = &p->products.v[w->wide.v[i]];

		need_class(w, q->from);
		need_class(w, q->to);
		product_triples(w, q);
	}
	for (size_t i = 0; i < x->back.n; i++) {
		const struct product *q = &p->products.v[x->back.v[i]];
		const struct svcset *s = &p->svcsets.v[q->svc];

		need_class(w, q->from);
		need_class(w, q->to);
		add_triples(w, q->to, q->to_end, q->from, q->from_end,
			    (struct entry){ .ike = s->ipsec,
					    .families = s->ike_families });
	}
}

void dispatch_rules(struct dispatch *x)
{
	struct work w = { .x = x, .g = x->g, .a = x->g->scratch,
			  .p = x->g->p };

	lists_init(w.a, &w.mixes);
	lists_init(w.a, &w.rows);
	lists_init(w.a, &w.sharers);
	gather(&w);
	if (x->g->opt->counters == GEN_COUNT_FLOW)
		count_all_flows(&w);
	if (w.triples.n)
		qsort(w.triples.v, w.triples.n, sizeof(*w.triples.v),
		      triple_order);
	exact_rules(&w);
	make_groups(&w);
	emit(&w);
}
