#include <stdlib.h>
#include <string.h>

#include "advice/document_impl.h"

/* ---- groups ------------------------------------------------------------------- */

struct slice {
	uint32_t party, cell;
};

static int slice_order(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	if (x->party != y->party)
		return x->party < y->party ? -1 : 1;
	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

/* "10.0.0.99" of neighbouring cells as ranges. */
static const char *slice_text(struct doc *d, const struct slice *s, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct addr_range r = { d->p->cell[s[i].cell].lo,
					d->p->cell[s[i].cell].hi };
		char text[ADDR_TEXT];

		while (i + 1 < n && s[i + 1].cell == s[i].cell + 1 &&
		       addr_eq(d->p->cell[s[i + 1].cell].lo,
			       addr_next(r.hi)))
			r.hi = d->p->cell[s[++i].cell].hi;
		range_text(r, text);
		buf_printf(&b, "%s%s", b.n ? " " : "", text);
	}
	return buf_take(d->arena, &b);
}

static bool cell_counts(const struct plan *p, uint32_t cell, uint32_t end)
{
	const struct cell *c = &p->cell[cell];

	return c->party != NONE && (end == NONE || cell_in_end(p, cell, end));
}

/* How many cells of its party are in the class (or in any, for NONE). */
static size_t cells_of(const struct doc *d, uint32_t party, uint32_t cls)
{
	size_t n = 0;

	for (size_t i = 0; i < d->cells[party].n; i++)
		n += cls == NONE ||
		     cell_in_class(d->p, d->cells[party].v[i], cls);
	return n;
}

static void add_members(struct doc *d, struct group *g, const struct slice *s,
			size_t n)
{
	for (size_t i = 0; i < n;) {
		struct member m = { .party = s[i].party };
		size_t k = i;

		for (; k < n && s[k].party == m.party; k++)
			g->addresses += (double)range_count(
				(struct addr_range){ d->p->cell[s[k].cell].lo,
						     d->p->cell[s[k].cell].hi });
		m.partial = g->end != NONE &&
			    k - i < cells_of(d, m.party, g->cls);
		if (m.partial)
			m.addresses = slice_text(d, s + i, k - i);
		vec_push(d->arena, &g->members, m);
		i = k;
	}
}

static void fill_group(struct doc *d, struct group *g)
{
	const struct plan *p = d->p;
	const struct class *c = g->cls == NONE ? NULL : &p->classes.v[g->cls];
	size_t n = c ? c->n_cell : p->n_cell;
	VEC(struct slice) v = { 0 };

	for (size_t i = 0; i < n; i++) {
		uint32_t cell = c ? c->cell[i] : (uint32_t)i;

		if (cell_counts(p, cell, g->end))
			vec_push(d->arena, &v, (struct slice){
					p->cell[cell].party, cell });
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), slice_order);
	add_members(d, g, v.v, v.n);
	/* a firewall that declares no address is one all the same */
	if (c && !c->n_cell && c->node >= p->n_zones)
		vec_push(d->arena, &g->members, (struct member){
				p->topo->firewalls.v[c->node - p->n_zones]
					->party->id, false, NULL });
}

uint32_t doc_group(struct doc *d, uint32_t cls, uint32_t end)
{
	/* many exceptions name the same end */
	uint32_t alike = end == NONE ? NONE : d->p->end_alike[end];
	uint32_t key[2] = { cls, alike };
	struct group g = { .cls = cls, .end = alike };
	int is_new;
	struct map_entry *e = map_add(d->arena, &d->group_ids, key,
				      sizeof(key), &is_new);

	if (!is_new)
		return e->val.u;
	e->val.u = (uint32_t)d->groups.n;
	fill_group(d, &g);
	vec_push(d->arena, &d->groups, g);
	return (uint32_t)d->groups.n - 1;
}

static void write_uses_of(struct doc *d, const char *name,
			  const struct use_of *u)
{
	xw_open(&d->w, name);
	xw_attr(&d->w, "service", d->p->topo->services.v[u->service]->name);
	xw_yes(&d->w, "crosses", u->across);
	xw_attr(&d->w, "in", u->carried ? "ipsec" : "clear");
	xw_close(&d->w);
}

static void write_services(struct doc *d, const struct group *g)
{
	for (size_t k = 0; k < g->opens.n; k++)
		write_uses_of(d, "opens", &g->opens.v[k]);
	for (size_t k = 0; k < g->serves.n; k++)
		write_uses_of(d, "serves", &g->serves.v[k]);
}

const char *doc_names(struct arena *a, const char *const *v, size_t n)
{
	enum { MOST = 6 };
	struct buf b = { 0 };

	for (size_t i = 0; i < n && i < MOST; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", v[i]);
	if (n > MOST)
		buf_printf(&b, " and %zu more", n - MOST);
	return buf_take(a, &b);
}

static const char *member_names(struct doc *d, const struct group *g)
{
	VEC(const char *) v = { 0 };

	for (size_t i = 0; i < g->members.n; i++)
		vec_push(d->arena, &v, d->p->topo->parties.v[
				g->members.v[i].party]->name);
	return doc_names(d->arena, v.v, v.n);
}

static void write_flow_refs(struct doc *d, const char *name,
			    const uint32_t *v, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%sf%u", i ? " " : "", v[i]);
	xw_attr(&d->w, name, b.s);
	buf_free(&b);
}

void doc_write_groups(struct doc *d)
{
	for (size_t i = 0; i < d->groups.n; i++) {
		const struct group *g = &d->groups.v[i];

		xw_open(&d->w, "group");
		xw_printf(&d->w, "xml:id", "g%zu", i);
		xw_number(&d->w, "addresses", g->addresses);
		xw_number(&d->w, "members", (double)g->members.n);
		xw_attr(&d->w, "names", member_names(d, g));
		write_flow_refs(d, "out", g->out.v, g->out.n);
		write_flow_refs(d, "in", g->in.v, g->in.n);
		for (size_t k = 0; k < g->members.n; k++) {
			const struct member *m = &g->members.v[k];
			const struct party *p = d->p->topo->parties.v[m->party];

			xw_open(&d->w, "member");
			xw_attr(&d->w, "ref", doc_id(d, p));
			xw_attr(&d->w, "kind", party_kind_name(p->kind));
			xw_attr(&d->w, "name", p->name);
			xw_attr(&d->w, "addresses", m->addresses);
			xw_close(&d->w);
		}
		write_services(d, g);
		xw_close(&d->w);
	}
}

void doc_write_services(struct doc *d)
{
	for (size_t i = 0; i < d->groups.n; i++) {
		if (!doc_has_services(&d->groups.v[i]))
			continue;
		xw_open(&d->w, "services");
		xw_printf(&d->w, "xml:id", "s%zu", i);
		write_services(d, &d->groups.v[i]);
		xw_close(&d->w);
	}
}

/* ---- flows --------------------------------------------------------------------- */

/* One range that is planned between two groups. */
struct entry {
	uint32_t reason, pin, carried, any_local;
	uint32_t from_node, to_node;
	uint32_t to, from; /* groups */
	uint32_t lo, hi;
};

enum { SAME_FLOW = 6 }; /* numbers of an entry that a flow shares */

struct gather {
	struct doc *d;
	VEC(struct entry) v;
};

static bool take(void *ctx, const struct planned *x)
{
	struct gather *g = ctx;
	const struct plan *p = g->d->p;

	vec_push(g->d->arena, &g->v, (struct entry){
		.reason = x->piece.reason, .pin = x->piece.pin,
		.carried = x->piece.carried, .any_local = x->any_local,
		.from_node = p->classes.v[x->from].node,
		.to_node = p->classes.v[x->to].node,
		.from = doc_group(g->d, x->from, x->from_end),
		.to = doc_group(g->d, x->to, x->to_end),
		.lo = x->piece.keys.lo, .hi = x->piece.keys.hi });
	return true;
}

static int entry_order(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	for (size_t i = 0; i < sizeof(struct entry) / sizeof(uint32_t); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* What one group opens of another: all ranges of a reason together. */
struct row {
	uint32_t same[SAME_FLOW];
	uint32_t ranges, to, from;
};

struct column {
	uint32_t same[SAME_FLOW];
	uint32_t ranges, from, to; /* from: a list of groups */
};

typedef VEC(uint32_t) u32_list;

static int words_order(const void *a, const void *b, size_t bytes)
{
	const uint32_t *x = a, *y = b;

	for (size_t i = 0; i < bytes / sizeof(uint32_t); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static int row_order(const void *a, const void *b)
{
	return words_order(a, b, sizeof(struct row));
}

static int column_order(const void *a, const void *b)
{
	return words_order(a, b, sizeof(struct column));
}

typedef VEC(struct row) row_list;
typedef VEC(struct column) column_list;

static void make_rows(struct doc *d, struct entry *e, size_t n, row_list *out)
{
	for (size_t i = 0; i < n;) {
		struct row r = { .to = e[i].to, .from = e[i].from };
		struct key_set keys = { 0 };
		u32_list list = { 0 };
		size_t k = i;

		memcpy(r.same, &e[i], sizeof(r.same));
		for (; k < n && !memcmp(&e[k], &e[i],
					offsetof(struct entry, lo)); k++)
			keys_add(d->arena, &keys, e[k].lo, e[k].hi);
		for (size_t m = 0; m < keys.n; m++) {
			vec_push(d->arena, &list, keys.r[m].lo);
			vec_push(d->arena, &list, keys.r[m].hi);
		}
		r.ranges = lists_intern(d->arena, &d->lists, list.v, list.n);
		vec_push(d->arena, out, r);
		i = k;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), row_order);
}

/* The sources of one destination, as one number. */
static void make_columns(struct doc *d, const struct row *r, size_t n,
			 column_list *out)
{
	for (size_t i = 0; i < n;) {
		struct column c = { .ranges = r[i].ranges, .to = r[i].to };
		u32_list from = { 0 };
		size_t k = i;

		memcpy(c.same, r[i].same, sizeof(c.same));
		for (; k < n && !memcmp(&r[k], &r[i],
					offsetof(struct row, from)); k++)
			vec_push(d->arena, &from, r[k].from);
		c.from = lists_intern(d->arena, &d->lists, from.v, from.n);
		vec_push(d->arena, out, c);
		i = k;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), column_order);
}

/* Destinations with the same sources are one flow: an exact product. */
static void make_flows(struct doc *d, const struct column *c, size_t n)
{
	for (size_t i = 0; i < n;) {
		struct doc_flow f = {
			.reason = c[i].same[0], .pin = c[i].same[1],
			.carried = c[i].same[2], .any_local = c[i].same[3],
			.from_node = c[i].same[4], .to_node = c[i].same[5],
			.ranges = c[i].ranges, .from = c[i].from };
		u32_list to = { 0 };
		size_t k = i;

		for (; k < n && !memcmp(&c[k], &c[i],
					offsetof(struct column, to)); k++)
			vec_push(d->arena, &to, c[k].to);
		f.to = lists_intern(d->arena, &d->lists, to.v, to.n);
		vec_push(d->arena, &d->flows, f);
		i = k;
	}
}

static void note_served(struct doc *d, const struct doc_flow *f,
			const struct service *s)
{
	for (size_t i = 0; i < d->lists.len[f->to]; i++) {
		uint32_t key[2] = { s->id, d->groups.v[
				d->lists.v[f->to][i]].cls };
		unsigned how = SERVED;

		if (f->from_node != f->to_node)
			how |= SERVED_ACROSS | (f->carried ? 0 : SERVED_CLEAR);
		map_add(d->arena, &d->served, key, sizeof(key), NULL)->val.u |=
			how;
	}
}

/* Of one group, what its flows say of services, each once. */
static void note_side(struct doc *d, struct map *seen, uint32_t list,
		      struct use_of u, bool opens)
{
	for (size_t i = 0; i < d->lists.len[list]; i++) {
		struct group *g = &d->groups.v[d->lists.v[list][i]];
		uint32_t key[5] = { d->lists.v[list][i], opens, u.service,
				    u.across, u.carried };
		int is_new;

		map_add(d->arena, seen, key, sizeof(key), &is_new);
		if (is_new && opens)
			vec_push(d->arena, &g->opens, u);
		else if (is_new)
			vec_push(d->arena, &g->serves, u);
	}
}

static void note_services(struct doc *d)
{
	struct map seen = { 0 };

	for (size_t i = 0; i < d->flows.n; i++) {
		const struct doc_flow *f = &d->flows.v[i];
		const struct reason *r = &d->p->reasons.v[f->reason];
		struct use_of u = { .across = f->from_node != f->to_node,
				    .carried = f->carried };

		if (!r->service)
			continue;
		u.service = r->service->id;
		note_side(d, &seen, f->from, u, true);
		note_side(d, &seen, f->to, u, false);
	}
}

static void note_flows(struct doc *d)
{
	for (uint32_t i = 0; i < d->flows.n; i++) {
		const struct doc_flow *f = &d->flows.v[i];

		for (size_t k = 0; k < d->lists.len[f->from]; k++)
			vec_push(d->arena, &d->groups.v[
					d->lists.v[f->from][k]].out, i);
		for (size_t k = 0; k < d->lists.len[f->to]; k++)
			vec_push(d->arena, &d->groups.v[
					d->lists.v[f->to][k]].in, i);
	}
}

static void note_groups(struct doc *d)
{
	for (size_t i = 0; i < d->groups.n; i++)
		for (size_t k = 0; k < d->groups.v[i].members.n; k++)
			vec_push(d->arena, &d->groups_of[
					d->groups.v[i].members.v[k].party],
				 (uint32_t)i);
}

static void note_used(struct doc *d)
{
	for (size_t i = 0; i < d->flows.n; i++) {
		const struct reason *r =
			&d->p->reasons.v[d->flows.v[i].reason];

		if (r->service) {
			d->service_used[r->service->id] = true;
			note_served(d, &d->flows.v[i], r->service);
		}
		if (r->kind != REASON_FLOW)
			continue;
		d->role_used[r->from->id] = true;
		d->role_used[r->to->id] = true;
	}
}

void doc_gather_flows(struct doc *d)
{
	struct gather g = { .d = d };
	row_list rows = { 0 };
	column_list columns = { 0 };

	plan_each(d->p, take, &g);
	if (g.v.n)
		qsort(g.v.v, g.v.n, sizeof(*g.v.v), entry_order);
	make_rows(d, g.v.v, g.v.n, &rows);
	make_columns(d, rows.v, rows.n, &columns);
	make_flows(d, columns.v, columns.n);
	note_used(d);
	note_services(d);
	note_flows(d);
	note_groups(d);
}
