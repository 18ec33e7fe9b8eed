#include <stdlib.h>

#include "plan/internal.h"

/*
 * Every attribute that names ends has an id. The ids of one kind follow each
 * other, so that an id leads back to its element; those that shape classes
 * (use, want, omit, ipsec) come first.
 */
void number_ends(struct plan *p)
{
	const struct topology *t = p->topo;
	size_t n = 0;

	p->end_use = (uint32_t)n;
	n += t->uses.n;
	p->end_want = (uint32_t)n;
	n += t->wants.n;
	p->end_omit = (uint32_t)n;
	n += t->omits.n;
	p->end_ipsec = (uint32_t)n; /* between, and */
	n += 2 * t->ipsecs.n;
	p->n_class_ends = (uint32_t)n;
	p->end_allow = (uint32_t)n; /* from, to */
	n += 2 * t->allows.n;
	p->end_forbid = (uint32_t)n; /* from, to, except */
	n += 3 * t->forbids.n;
	p->end_expect = (uint32_t)n; /* from, to, except */
	n += 3 * t->expects.n;
	p->end_input = (uint32_t)n;
	n += t->inputs.n;
	p->end_assign = (uint32_t)n;
	n += t->assigns.n;
	p->n_ends = (uint32_t)n;
}

const struct ends *end_of(const struct build *b, uint32_t id)
{
	const struct plan *p = b->plan;
	const struct topology *t = b->topo;

	if (id < p->end_want)
		return &t->uses.v[id - p->end_use]->of;
	if (id < p->end_omit)
		return &t->wants.v[id - p->end_want]->sources;
	if (id < p->end_ipsec)
		return &t->omits.v[id - p->end_omit]->sources;
	if (id < p->end_allow) {
		const struct ipsec *s = t->ipsecs.v[(id - p->end_ipsec) / 2];

		return (id - p->end_ipsec) % 2 ? &s->and : &s->between;
	}
	if (id < p->end_forbid) {
		const struct rule *r = t->allows.v[(id - p->end_allow) / 2];

		return (id - p->end_allow) % 2 ? &r->to : &r->from;
	}
	if (id < p->end_input) {
		bool forbid = id < p->end_expect;
		uint32_t n = id - (forbid ? p->end_forbid : p->end_expect);
		const struct rule *r = forbid ? t->forbids.v[n / 3] :
						t->expects.v[n / 3];

		return n % 3 == 0 ? &r->from : n % 3 == 1 ? &r->to :
							    &r->except;
	}
	if (id < p->end_assign)
		return &t->inputs.v[id - p->end_input]->from;
	return &t->assigns.v[id - p->end_assign]->to;
}

bool list_meets(const struct lists *l, uint32_t list, uint32_t x)
{
	return list_has(l->v[list], l->len[list], x);
}

bool cell_in_end(const struct plan *p, uint32_t cell, uint32_t end)
{
	return list_meets(&p->end_lists, p->cell[cell].ends,
			  p->end_alike[end]);
}

struct few_cells *plan_few_cells(const struct plan *p, size_t most,
				 struct arena *a)
{
	const struct lists *l = &p->end_lists;
	struct few_cells *few = ARENA_ARRAY(a, struct few_cells, p->n_ends);
	size_t sum = 0;
	uint32_t *v;

	for (size_t c = 0; c < p->n_cell; c++)
		for (size_t i = 0; i < l->len[p->cell[c].ends]; i++)
			few[l->v[p->cell[c].ends][i]].n++;
	for (size_t e = 0; e < p->n_ends; e++)
		if (few[e].n <= most)
			sum += few[e].n;
	v = ARENA_ARRAY(a, uint32_t, sum);
	for (size_t e = 0; e < p->n_ends; e++)
		if (few[e].n <= most) {
			few[e].cell = v;
			v += few[e].n;
			few[e].n = 0;
		}
	for (size_t c = 0; c < p->n_cell; c++)
		for (size_t i = 0; i < l->len[p->cell[c].ends]; i++) {
			struct few_cells *f = &few[l->v[p->cell[c].ends][i]];

			if (f->cell)
				f->cell[f->n++] = (uint32_t)c;
		}
	for (size_t e = 0; e < p->n_ends; e++)
		few[e] = few[p->end_alike[e]];
	return few;
}

/* ---- ends that name the same ------------------------------------------------------- */

/* What an end is of, as far as its words mean something else there. */
static uint32_t kind_of_end(const struct plan *p, uint32_t id)
{
	if (id < p->end_forbid)
		return (id - p->end_allow) % 2 ? p->end_allow + 1 :
						 p->end_allow;
	return id < p->end_input ? p->end_forbid :
	       id < p->end_assign ? p->end_input : p->end_assign;
}

static struct end_key {
	struct addr_range range;
	uint64_t kind, id;
} key_of_word(const struct end_word *w)
{
	struct end_key out = { .kind = w->kind };

	if (w->kind == END_PREFIX)
		out.range = w->prefix.r;
	else if (w->kind == END_PARTY)
		out.id = w->party->id;
	else if (w->kind == END_ROLE)
		out.id = w->role->id;
	return out;
}

/* A thousand exceptions between two zones are not a thousand ends. */
static void find_alike(struct build *b)
{
	struct plan *p = b->plan;
	uint32_t *last = ARENA_ARRAY(b->scratch, uint32_t, p->n_ends);
	VEC(struct end_key) key = { 0 };
	struct map ids = { 0 };

	p->end_alike = ARENA_ARRAY(b->arena, uint32_t, p->n_ends);
	p->end_next = ARENA_ARRAY(b->arena, uint32_t, p->n_ends);
	for (uint32_t id = 0; id < p->n_ends; id++) {
		const struct ends *ends = end_of(b, id);
		struct map_entry *e;
		int is_new;

		p->end_alike[id] = last[id] = id;
		p->end_next[id] = NONE;
		if (id < p->n_class_ends)
			continue;
		key.n = 0;
		vec_push(b->scratch, &key, (struct end_key){
				.kind = kind_of_end(p, id) });
		for (size_t i = 0; i < ends->n; i++)
			vec_push(b->scratch, &key, key_of_word(&ends->v[i]));
		e = map_add(b->scratch, &ids, key.v, key.n * sizeof(*key.v),
			    &is_new);
		if (is_new) {
			e->val.u = id;
			continue;
		}
		p->end_alike[id] = e->val.u;
		p->end_next[last[e->val.u]] = id;
		last[e->val.u] = id;
	}
}

/* ---- contexts: what a cell's surroundings say, shared by many cells ---------- */

/* The roles of a party and all around it; a list id, by party id. */
struct surroundings {
	uint32_t *roles;
	VEC(uint32_t) *extra; /* by cell: ends that name its host or address */
	struct map by_context;
};

uint32_t merge_roles(struct build *b, uint32_t around, const role_list *own)
{
	struct lists *l = &b->plan->lists;
	VEC(uint32_t) ids = { 0 };
	size_t n = 0;

	if (!own->n)
		return around;
	for (size_t i = 0; i < l->len[around]; i++)
		vec_push(b->scratch, &ids, l->v[around][i]);
	for (size_t i = 0; i < own->n; i++)
		for (size_t k = 0; k < own->v[i]->n_closure; k++)
			vec_push(b->scratch, &ids, own->v[i]->closure[k]);
	qsort(ids.v, ids.n, sizeof(*ids.v), u32_compare);
	for (size_t i = 0; i < ids.n; i++)
		if (!n || ids.v[n - 1] != ids.v[i])
			ids.v[n++] = ids.v[i];
	return lists_intern(b->arena, l, ids.v, n);
}

/* Parties are numbered as they are written: parents before children. */
static void party_roles(struct build *b, struct surroundings *s)
{
	const struct topology *t = b->topo;

	s->roles = ARENA_ARRAY(b->scratch, uint32_t, t->parties.n);
	for (size_t i = 0; i < t->parties.n; i++) {
		const struct party *p = t->parties.v[i];

		if (p->kind == PARTY_ZONE || p->kind == PARTY_NETWORK)
			s->roles[i] = merge_roles(b, p->parent ?
						  s->roles[p->parent->id] : 0,
						  &p->roles);
	}
}

static uint32_t cell_roles(struct build *b, const struct surroundings *s,
			   const struct cell *c)
{
	const struct party *p = b->topo->parties.v[c->party];

	return p->kind == PARTY_HOST ?
		merge_roles(b, s->roles[c->network], &p->roles) :
		s->roles[c->network];
}

static void add_extra(struct build *b, struct surroundings *s, uint32_t end,
		      const struct end_word *w)
{
	const struct plan *p = b->plan;
	uint32_t c;

	if (w->kind == END_PREFIX) {
		for (c = plan_cell(p, w->prefix.r.lo); c < p->n_cell; c++) {
			if (addr_cmp(p->cell[c].lo, w->prefix.r.hi) > 0)
				break;
			/* ::/0 is around the mapped ones, which are IPv4's */
			if (addr_is_v4(p->cell[c].lo) !=
			    addr_is_v4(w->prefix.r.lo))
				continue;
			/* forbid and expect speak of firewalls' own too */
			if (p->cell[c].zone != NONE ||
			    (p->cell[c].party != NONE &&
			     end >= p->end_forbid && end < p->end_input))
				vec_push(b->scratch, &s->extra[c], end);
		}
		return;
	}
	if (w->kind != END_PARTY)
		return;
	if (w->party->kind == PARTY_HOST) {
		for (size_t i = 0; i < w->party->n_prefix; i++) {
			c = plan_cell(p, w->party->prefix[i].r.lo);
			if (c != NONE && p->cell[c].party == w->party->id)
				vec_push(b->scratch, &s->extra[c], end);
		}
	} else if (w->party->kind == PARTY_FIREWALL) {
		for (c = 0; c < p->n_cell; c++)
			if (p->cell[c].party == w->party->id)
				vec_push(b->scratch, &s->extra[c], end);
	}
}

/* Does a word mean whatever stands in the network (or zone) and bears these
 * roles? */
static bool context_in(const struct plan *p, const struct end_word *w,
		       uint32_t network, uint32_t roles)
{
	switch (w->kind) {
	case END_ALL:
		return true;
	case END_ROLE:
		return list_meets(&p->lists, roles, w->role->id);
	case END_PARTY:
		return party_within(p->topo->parties.v[network], w->party);
	case END_PREFIX:
		break;
	}
	return false;
}

bool word_has(const struct plan *p, const struct end_word *w, uint32_t cell,
	      uint32_t roles)
{
	const struct cell *c = &p->cell[cell];

	if (w->kind == END_PARTY && w->party->kind == PARTY_FIREWALL)
		return c->party == w->party->id;
	if (c->zone == NONE)
		return false;
	if (w->kind == END_PARTY && w->party->kind == PARTY_HOST)
		return c->party == w->party->id;
	if (w->kind == END_PREFIX)
		return w->prefix.v4 == addr_is_v4(c->lo) &&
		       range_has(w->prefix.r, c->lo);
	return context_in(p, w, c->network, roles);
}

bool plan_word_has(const struct plan *p, const struct end_word *w,
		   uint32_t cell)
{
	uint32_t cls = p->cell[cell].cls;

	return word_has(p, w, cell, cls == NONE ? 0 : p->classes.v[cls].roles);
}

/* The ends that a network (or zone) and roles put a cell in; a list id. */
static uint32_t context_ends(struct build *b, struct surroundings *s,
			     uint32_t network, uint32_t roles)
{
	uint32_t key[2] = { network, roles };
	int is_new;
	struct map_entry *e = map_add(b->scratch, &s->by_context, key,
				      sizeof(key), &is_new);
	VEC(uint32_t) ids = { 0 };

	if (!is_new)
		return e->val.u;
	for (uint32_t id = 0; id < b->plan->n_ends; id++) {
		const struct ends *ends = end_of(b, id);

		if (b->plan->end_alike[id] != id)
			continue;
		for (size_t i = 0; i < ends->n; i++)
			if (context_in(b->plan, &ends->v[i], network, roles)) {
				vec_push(b->scratch, &ids, id);
				break;
			}
	}
	return e->val.u = lists_intern(b->arena, &b->plan->end_lists, ids.v,
				       ids.n);
}

static uint32_t join_ends(struct build *b, uint32_t context,
			  const uint32_t *extra, size_t n_extra)
{
	struct lists *l = &b->plan->end_lists;
	VEC(uint32_t) ids = { 0 };
	size_t n = 0;

	if (!n_extra)
		return context;
	for (size_t i = 0; i < l->len[context]; i++)
		vec_push(b->scratch, &ids, l->v[context][i]);
	for (size_t i = 0; i < n_extra; i++)
		vec_push(b->scratch, &ids, extra[i]);
	qsort(ids.v, ids.n, sizeof(*ids.v), u32_compare);
	for (size_t i = 0; i < ids.n; i++)
		if (!n || ids.v[n - 1] != ids.v[i])
			ids.v[n++] = ids.v[i];
	return lists_intern(b->arena, l, ids.v, n);
}

/* ---- literals lie in one zone --------------------------------------------------- */

static void literal_firewall(struct build *b, const struct end_word *w,
			     const struct cell *c)
{
	diag_add(b->d, SEV_ERROR, w->at,
		 "\"%s\" is an address of firewall \"%s\": write \"%s\" as a "
		 "source, and <input> there as a destination", w->text,
		 b->topo->parties.v[c->party]->name,
		 b->topo->parties.v[c->party]->name);
}

static void literal_public(struct build *b, const struct end_word *w,
			   const struct cell *c)
{
	const struct public_addr *x = &b->plan->publics.v[c->public];
	const struct topology *t = b->topo;
	struct buf names = { 0 };

	if (x->own != NONE)
		buf_printf(&names, "\"%s\"", t->parties.v[b->plan->cell[x->own]
							   .party]->name);
	if (x->many)
		buf_printf(&names, "\"%s\"", x->many->name);
	for (size_t i = 0; i < x->publishes.n; i++)
		buf_printf(&names, "%s\"%s\"", names.n ? " or " : "",
			   t->publishes.v[x->publishes.v[i]]->host->name);
	diag_add2(b->d, SEV_ERROR, w->at, x->at, "it is given here",
		  "\"%s\" is a public address: write the host (%s); what "
		  "translates it follows from that", w->text, names.s);
	buf_free(&names);
}

/* The zones that a prefix meets, in the order of addresses; each once. */
static size_t zones_met(struct build *b, struct addr_range r, uint32_t first,
			struct buf *names)
{
	const struct plan *p = b->plan;
	bool *met = ARENA_ARRAY(b->scratch, bool, p->n_zones);
	size_t n = 0;

	for (uint32_t c = first; c < p->n_cell &&
	     addr_cmp(p->cell[c].lo, r.hi) <= 0; c++) {
		uint32_t z = p->cell[c].space;

		if (z == NONE || met[z])
			continue;
		met[z] = true;
		if (n++ < 6)
			buf_printf(names, "%s\"%s\"", n > 1 ? ", " : "",
				   b->topo->zones.v[z]->name);
	}
	if (n > 6)
		buf_printf(names, " and %zu more", n - 6);
	return n;
}

static void check_literal(struct build *b, const struct end_word *w,
			  bool may_span)
{
	const struct plan *p = b->plan;
	uint32_t first = plan_cell(p, w->prefix.r.lo);
	uint32_t zone = p->cell[first].space;
	bool gap = false, many = false;
	struct buf names = { 0 };

	if (range_single(w->prefix.r) && p->cell[first].public != NONE &&
	    p->cell[first].cls == NONE) {
		literal_public(b, w, &p->cell[first]);
		return;
	}
	if (may_span)
		return;
	if (range_single(w->prefix.r) && p->cell[first].party != NONE &&
	    p->cell[first].zone == NONE) {
		literal_firewall(b, w, &p->cell[first]);
		return;
	}
	for (uint32_t c = first; c < p->n_cell &&
	     addr_cmp(p->cell[c].lo, w->prefix.r.hi) <= 0; c++) {
		gap |= p->cell[c].space == NONE;
		many |= p->cell[c].space != zone;
	}
	if (!many && !gap)
		return;
	if (zones_met(b, w->prefix.r, first, &names) == 0)
		diag_add(b->d, SEV_ERROR, w->at,
			 "\"%s\" is in no zone: only what the networks of a "
			 "zone hold can be planned", w->text);
	else
		diag_add(b->d, SEV_ERROR, w->at,
			 "\"%s\" is not wholly in one zone (it meets %s%s): "
			 "write the zones by name, or a smaller prefix",
			 w->text, names.s, gap ? ", and addresses of none" : "");
	buf_free(&names);
}

static void check_literals(struct build *b)
{
	const struct plan *p = b->plan;

	for (uint32_t id = 0; id < p->n_ends; id++) {
		const struct ends *ends = end_of(b, id);
		bool may_span = id >= p->end_forbid && id < p->end_input;

		for (size_t i = 0; i < ends->n; i++)
			if (ends->v[i].kind == END_PREFIX)
				check_literal(b, &ends->v[i], may_span);
	}
}

/*
 * Fills in ends and, for the classes, roles of every cell. Roles are kept in
 * cell.cls until classes.c replaces them.
 */
void build_ends(struct build *b)
{
	struct plan *p = b->plan;
	struct surroundings s = { 0 };

	find_alike(b);
	party_roles(b, &s);
	s.extra = arena_alloc(b->scratch, (p->n_cell + 1) * sizeof(*s.extra));
	for (uint32_t id = 0; id < p->n_ends; id++) {
		const struct ends *ends = end_of(b, id);

		for (size_t i = 0; i < ends->n && p->end_alike[id] == id; i++)
			add_extra(b, &s, id, &ends->v[i]);
	}
	for (uint32_t c = 0; c < p->n_cell; c++)
		if (p->cell[c].zone != NONE)
			p->cell[c].cls = cell_roles(b, &s, &p->cell[c]);
	assign_roles(b);
	for (uint32_t c = 0; c < p->n_cell; c++) {
		struct cell *cell = &p->cell[c];
		uint32_t ctx = 0;

		if (cell->zone != NONE)
			ctx = context_ends(b, &s, cell->network, cell->cls);
		cell->ends = join_ends(b, ctx, s.extra[c].v, s.extra[c].n);
	}
	if (!b->topo->bundle)
		check_literals(b);
}

unsigned part_families(const struct plan *p, uint32_t cls, uint32_t end)
{
	const struct class *c = &p->classes.v[cls];
	unsigned fam = 0;

	for (size_t i = 0; i < c->n_cell; i++)
		if (end == NONE || cell_in_end(p, c->cell[i], end))
			fam |= cell_family(&p->cell[c->cell[i]]);
	return fam;
}
