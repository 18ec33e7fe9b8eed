#include "plan/matrix.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plan/inside.h"
#include "plan/nat_names.h"

/* Which rows are one: all that a row shows, before it is text. */
struct row_key {
	uint32_t reason, proto, carried;
	uint32_t from, to; /* nodes, or parties */
	uint32_t from_node, to_node;
	uint32_t label; /* ipsec: 1 if written the other way round */
};

struct row {
	struct row_key key;
	struct key_set ports;
	bool any_protocol;
	struct key_range whole; /* protocols without ports */
	struct nat_names seen;
	const char *owner;	/* of who is spoken to; NULL, or "several" */
};

/* What a filter names: at most one of party, role and literal. */
struct named {
	const char *name; /* NULL: everything */
	const struct party *party;
	const struct role *role;
	bool literal;
	struct prefix prefix;
};

/* A party of a class, and which families its addresses there are of. */
struct seat {
	uint32_t party;
	unsigned families; /* FAM_… and NAMED */
};

struct seats {
	struct seat *v;
	size_t n, cap;
};

enum { NAMED = 4 }; /* beside the families: the filter names it */
static_assert(!(NAMED & (FAM_V4 | FAM_V6)), "a bit of its own");

struct maker {
	struct arena *arena, *scratch;
	const struct plan *p;
	enum matrix_by by;
	const struct matrix_filter *f;
	struct named named_from, named_to;
	VEC(struct row) rows;
	struct map ids;
	VEC(uint32_t) *parties; /* by class, once each */
	unsigned char *families; /* by party, zero between two uses */
	struct seats from, to;
	struct map memo_route;
	const struct few_cells *few;
};

enum { FEW_CELLS = 64 };

const char *ends_text(const struct ends *e, struct arena *a)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < e->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", e->v[i].text);
	return buf_take(a, &b);
}

const char *route_text(const struct plan *p, const struct route *r,
		       struct arena *a)
{
	struct buf b = { 0 };

	if (r->inside)
		buf_printf(&b, "(within %s)", plan_node_name(p, r->from));
	for (size_t i = 0; i < r->paths.n; i++) {
		if (b.n)
			buf_puts(&b, " | ");
		for (size_t k = 0; k < r->paths.v[i].n; k++)
			buf_printf(&b, "%s%s", k ? " > " : "", p->topo->
				   firewalls.v[r->paths.v[i].hop[k].firewall]
					   ->name);
	}
	return buf_take(a, &b);
}

/* Looks up once what the filter's name is. */
static struct named find_named(const struct plan *p, const char *name)
{
	struct named out = { .name = name };

	if (!name)
		return out;
	out.party = topology_party(p->topo, name);
	if (out.party)
		return out;
	if (!strncmp(name, "role:", 5))
		name += 5;
	out.role = topology_role(p->topo, name);
	out.literal = !out.role && !prefix_parse(p->arena, name, strlen(name),
						 true, &out.prefix);
	return out;
}

static bool named_has(const struct plan *p, const struct named *n,
		      uint32_t cell)
{
	const struct cell *c = &p->cell[cell];

	if (!n->name)
		return true;
	if (n->role)
		return c->cls != NONE &&
		       list_has(p->lists.v[p->classes.v[c->cls].roles],
				p->lists.len[p->classes.v[c->cls].roles],
				n->role->id);
	if (!n->party)
		return n->literal && range_has((struct addr_range)
					       { c->lo, c->hi },
					       n->prefix.r.lo);
	if (n->party->kind == PARTY_HOST || n->party->kind == PARTY_FIREWALL)
		return c->party == n->party->id;
	return c->zone != NONE &&
	       party_within(p->topo->parties.v[c->network], n->party);
}

/* A class without addresses is a firewall that has none declared. */
static bool named_is(const struct plan *p, const struct named *n,
		     const struct class *c)
{
	return !n->name || !strcmp(n->name, plan_node_name(p, c->node));
}

static bool side_matches(const struct maker *m, const struct named *n,
			 uint32_t cls, uint32_t end)
{
	const struct class *c = &m->p->classes.v[cls];

	if (!n->name || !c->n_cell)
		return named_is(m->p, n, c);
	for (size_t i = 0; i < c->n_cell; i++)
		if ((end == NONE || cell_in_end(m->p, c->cell[i], end)) &&
		    named_has(m->p, n, c->cell[i]))
			return true;
	return false;
}

static bool service_matches(const struct maker *m, const struct reason *r)
{
	const struct service *s;

	if (!m->f->service)
		return true;
	s = topology_service(m->p->topo, m->f->service);
	for (size_t i = 0; s && i < s->n_leaf; i++)
		if (s->leaf[i] == r->service)
			return true;
	return false;
}

static bool firewall_matches(const struct maker *m, uint32_t from, uint32_t to)
{
	const struct firewall *f;
	const struct route *r;

	if (!m->f->firewall)
		return true;
	f = topology_firewall(m->p->topo, m->f->firewall);
	r = plan_route(m->p, from, to);
	if (!f)
		return false;
	return route_crosses(r, f->id) || to == m->p->n_zones + f->id;
}

static void add_keys(struct maker *m, struct row *r, struct key_range k)
{
	if (key_proto(k.lo) != key_proto(k.hi)) {
		r->any_protocol = true;
		r->whole = k;
		return;
	}
	keys_add(m->arena, &r->ports, k.lo, k.hi);
}

static void add_row(struct maker *m, const struct planned *x, uint32_t from,
		    uint32_t to);

/* A part of a flow's keys. */
static void add_part(struct maker *m, const struct planned *x, uint32_t from,
		     uint32_t to, struct key_range keys)
{
	struct planned one = *x;

	one.piece.keys = keys;
	add_row(m, &one, from, to);
}

static void split_parts(struct maker *m, const struct planned *x,
			uint32_t from, uint32_t to)
{
	struct key_range part[KEY_PARTS];
	size_t n = key_parts(x->piece.keys, part);

	for (size_t i = 0; i < n; i++)
		add_part(m, x, from, to, part[i]);
}

/* A few protocols side by side are a row each; "any" is one. */
static void split_rows(struct maker *m, const struct planned *x, uint32_t from,
		       uint32_t to)
{
	unsigned lo = key_proto(x->piece.keys.lo);
	unsigned hi = key_proto(x->piece.keys.hi);

	for (unsigned proto = lo; proto <= hi; proto++)
		add_part(m, x, from, to, (struct key_range){
				key_of(proto, 0), key_of(proto, 0xffff) });
}

static const char *owner_of(const struct maker *m, const struct planned *x,
			    uint32_t to)
{
	return to == NONE || m->by == MATRIX_BY_ROLE ?
		plan_owner(m->p, m->few, x->to, x->to_end) :
		m->p->topo->parties.v[to]->owner;
}

static void add_row(struct maker *m, const struct planned *x, uint32_t from,
		    uint32_t to)
{
	const struct plan *p = m->p;
	unsigned protos = key_proto(x->piece.keys.hi) -
			  key_proto(x->piece.keys.lo);
	struct row_key key = {
		.reason = x->piece.reason, .carried = x->piece.carried,
		.proto = key_proto(x->piece.keys.lo) ==
			 key_proto(x->piece.keys.hi) ?
			key_proto(x->piece.keys.lo) : x->piece.keys.lo,
		.from = from, .to = to,
		.from_node = p->classes.v[x->from].node,
		.to_node = p->classes.v[x->to].node,
	};
	const struct reason *r = &p->reasons.v[x->piece.reason];
	struct map_entry *e;
	struct row *row;
	const char *owner;
	int is_new;

	if (protos > 0 && (key_detail(x->piece.keys.lo) != 0 ||
			   key_detail(x->piece.keys.hi) != 0xffff)) {
		split_parts(m, x, from, to);
		return;
	}
	if (protos > 0 && protos < 8) {
		split_rows(m, x, from, to);
		return;
	}
	if (r->kind == REASON_IPSEC)
		key.label = !list_has(p->lists.v[p->classes.v[x->from].ends],
				      p->lists.len[p->classes.v[x->from].ends],
				      p->end_ipsec + 2 * r->ipsec->id);
	/* by role, servers with different pins are different rows */
	if (m->by == MATRIX_BY_ROLE)
		key.from = key.to = x->piece.pin;
	e = map_add(m->scratch, &m->ids, &key, sizeof(key), &is_new);
	if (is_new) {
		e->val.u = (uint32_t)m->rows.n;
		vec_push(m->scratch, &m->rows, (struct row){ .key = key });
	}
	row = &m->rows.v[e->val.u];
	owner = owner_of(m, x, to);
	if (is_new)
		row->owner = owner;
	else if (owner != row->owner && (!owner || !row->owner ||
					 strcmp(owner, row->owner)))
		row->owner = "several";
	add_keys(m, row, x->piece.keys);
	nat_names_add(p, x, m->by == MATRIX_BY_HOST ? from : NONE,
		      m->by == MATRIX_BY_HOST ? to : NONE, m->arena,
		      &row->seen);
}

static void find_parties(struct maker *m)
{
	const struct plan *p = m->p;
	struct map seen = { 0 };

	m->parties = arena_alloc(m->scratch, (p->classes.n + 1) *
				 sizeof(*m->parties));
	for (uint32_t i = 0; i < p->classes.n; i++)
		for (size_t k = 0; k < p->classes.v[i].n_cell; k++) {
			uint32_t c = p->classes.v[i].cell[k];
			uint32_t key[2] = { i, p->cell[c].party };
			int is_new;

			map_add(m->scratch, &seen, key, sizeof(key), &is_new);
			if (is_new)
				vec_push(m->scratch, &m->parties[i], key[1]);
		}
	for (size_t i = 0; i < p->topo->firewalls.n; i++)
		if (!m->parties[i].n)
			vec_push(m->scratch, &m->parties[i],
				 p->topo->firewalls.v[i]->party->id);
}

/* The parties of a class that lie in the end and that the filter names, each
 * with its families there. */
static void find_seats(struct maker *m, uint32_t cls, uint32_t end,
		       const struct named *name, struct seats *out)
{
	const struct plan *p = m->p;
	const struct class *c = &p->classes.v[cls];

	out->n = 0;
	for (size_t i = 0; i < c->n_cell; i++) {
		const struct cell *cell = &p->cell[c->cell[i]];
		unsigned char *fam = &m->families[cell->party];

		if (end != NONE && !cell_in_end(p, c->cell[i], end))
			continue;
		*fam |= addr_is_v4(cell->lo) ? FAM_V4 : FAM_V6;
		if (named_has(p, name, c->cell[i]))
			*fam |= NAMED;
	}
	for (size_t i = 0; i < m->parties[cls].n; i++) {
		uint32_t party = m->parties[cls].v[i];
		unsigned fam = m->families[party];

		if (!c->n_cell && named_is(p, name, c))
			fam = FAM_V4 | FAM_V6 | NAMED;
		if (fam & NAMED)
			vec_push(m->scratch, out, (struct seat){ party, fam });
		m->families[party] = 0;
	}
}

static void expand(struct maker *m, const struct planned *x)
{
	const struct plan *p = m->p;

	find_seats(m, x->from, x->from_end, &m->named_from, &m->from);
	if (m->from.n)
		find_seats(m, x->to, x->to_end, &m->named_to, &m->to);
	for (size_t i = 0; i < m->from.n; i++)
		for (size_t k = 0; k < m->to.n; k++) {
			const struct seat *s = &m->from.v[i];
			const struct seat *d = &m->to.v[k];

			if ((s->party == d->party &&
			     p->topo->parties.v[s->party]->kind ==
			     PARTY_HOST) ||
			    !(s->families & d->families & (FAM_V4 | FAM_V6)))
				continue;
			add_row(m, x, s->party, d->party);
		}
}

static bool take(void *ctx, const struct planned *x)
{
	struct maker *m = ctx;
	const struct plan *p = m->p;
	uint32_t from = p->classes.v[x->from].node;
	uint32_t to = p->classes.v[x->to].node;

	if (!service_matches(m, &p->reasons.v[x->piece.reason]) ||
	    !firewall_matches(m, from, to))
		return true;
	if (m->by == MATRIX_BY_HOST)
		expand(m, x);
	else if (side_matches(m, &m->named_from, x->from, x->from_end) &&
		 side_matches(m, &m->named_to, x->to, x->to_end))
		add_row(m, x, NONE, NONE);
	return true;
}

/* ---- text --------------------------------------------------------------------------- */

static const char *ports_text(struct maker *m, const struct row *r)
{
	struct buf b = { 0 };
	unsigned proto = r->key.proto;

	for (size_t i = 0; i < r->ports.n && !r->any_protocol; i++) {
		unsigned lo = key_detail(r->ports.r[i].lo);
		unsigned hi = key_detail(r->ports.r[i].hi);

		if (!proto_has_ports(proto) && !proto_is_icmp(proto))
			break;
		if (lo == 0 && hi == 0xffff)
			break;
		buf_puts(&b, b.n ? " " : "");
		if (proto_is_icmp(proto) && icmp_type_name(proto, lo))
			buf_puts(&b, icmp_type_name(proto, lo));
		else if (lo == hi)
			buf_printf(&b, "%u", lo);
		else
			buf_printf(&b, "%u-%u", lo, hi);
	}
	return buf_take(m->arena, &b);
}

static const char *protocol_text(struct maker *m, const struct row *r)
{
	char tmp[KEY_TEXT];

	if (!r->any_protocol)
		return arena_strdup(m->arena, proto_name(r->key.proto, tmp));
	if (r->whole.lo == 0 && r->whole.hi == KEY_MAX)
		return "any";
	return arena_printf(m->arena, "ip %u-%u", key_proto(r->whole.lo),
			    key_proto(r->whole.hi));
}

static void flow_text(const struct reason *r, struct matrix_row *out)
{
	static const char *const req[] = {
		[REQ_REQUIRED] = "required", [REQ_CONDITIONAL] = "conditional",
		[REQ_OPTIONAL] = "optional",
	};

	out->from = r->from->name;
	out->to = r->to->name;
	out->requirement = req[r->flow->requirement];
	out->reason = r->flow->reason;
	out->source = r->flow->cite ? r->flow->cite : r->flow->origin;
}

static void reason_text(struct maker *m, const struct row *row,
			struct matrix_row *out)
{
	const struct reason *r = &m->p->reasons.v[row->key.reason];
	const struct rule *a = r->allow;

	switch (r->kind) {
	case REASON_FLOW:
		flow_text(r, out);
		out->extra = foreign_attributes(m->arena, r->flow->xml);
		break;
	case REASON_ALLOW:
		out->from = ends_text(&a->from, m->arena);
		out->to = ends_text(&a->to, m->arena);
		out->requirement = "exception";
		out->reason = a->reason;
		out->source = a->name ? a->name : a->ident;
		out->owner = a->owner;
		out->ticket = a->ticket;
		out->expires = a->expires.text;
		out->extra = foreign_attributes(m->arena, a->xml);
		break;
	case REASON_INPUT:
		out->from = ends_text(&r->input->from, m->arena);
		out->to = r->input->firewall->name;
		out->requirement = "input";
		out->reason = r->input->reason;
		out->source = r->input->firewall->name;
		out->extra = foreign_attributes(m->arena, r->input->xml);
		break;
	case REASON_IPSEC:
		out->from = ends_text(row->key.label ? &r->ipsec->and :
						       &r->ipsec->between,
				      m->arena);
		out->to = ends_text(row->key.label ? &r->ipsec->between :
						     &r->ipsec->and, m->arena);
		out->requirement = "ipsec";
		out->reason = r->ipsec->reason ? r->ipsec->reason :
			"IKE, and what it protects";
		out->source = "RFC 7296, RFC 4303, RFC 4302";
		out->extra = foreign_attributes(m->arena, r->ipsec->xml);
		break;
	}
	out->service = r->service ? r->service->name : "";
}

static const char *firewalls_of(struct maker *m, uint32_t from, uint32_t to)
{
	uint32_t key[2] = { from, to };
	struct map_entry *e = map_add(m->scratch, &m->memo_route, key,
				      sizeof(key), NULL);
	const char *path, *self;

	if (e->val.cp)
		return e->val.cp;
	path = route_text(m->p, plan_route(m->p, from, to), m->arena);
	if (to >= m->p->n_zones) {
		self = arena_printf(m->arena, "%s itself",
				    plan_node_name(m->p, to));
		path = *path ? arena_printf(m->arena, "%s > %s", path, self) :
			       self;
	}
	if (!*path)
		path = "no other firewall";
	return e->val.cp = path;
}

/* Adds "fe1.rack=7; dmz.site=2": of a party, and of what is around it but not
 * around the other, of whom it is said already. */
static const char *add_foreign(struct maker *m, const char *out,
			       const struct party *x,
			       const struct party *other)
{
	for (; x && !party_within(other, x); x = x->parent)
		out = add_foreign_attributes(m->arena, out, x->name, x->xml);
	return out;
}

/* The host or whatever was found at this end, else the zone. */
static const struct party *party_of(const struct maker *m, uint32_t party,
				    uint32_t node)
{
	const struct topology *t = m->p->topo;

	if (m->by == MATRIX_BY_HOST && party != NONE)
		return t->parties.v[party];
	return node < m->p->n_zones ? t->zones.v[node] : NULL;
}

static const char *parties_extra(struct maker *m, const struct row *r,
				 const char *own)
{
	const struct party *from = party_of(m, r->key.from, r->key.from_node);
	const struct party *to = party_of(m, r->key.to, r->key.to_node);

	return add_foreign(m, add_foreign(m, own, from, NULL), to, from);
}

static struct matrix_row text_of(struct maker *m, const struct row *r)
{
	struct matrix_row out = {
		.from_zone = plan_node_name(m->p, r->key.from_node),
		.to_zone = plan_node_name(m->p, r->key.to_node),
		.protocol = protocol_text(m, r), .ports = ports_text(m, r),
		.carriage = r->key.carried ? "ipsec" : "clear",
		.firewalls = firewalls_of(m, r->key.from_node, r->key.to_node),
		.ident = reason_ident(m->p, r->key.reason, m->arena),
		.translated = nat_names_text(&r->seen, m->arena),
	};

	if (r->key.from_node == r->key.to_node)
		out.within = plan_enforced_within(m->p, r->key.from_node,
						  m->arena);
	if (out.within)
		out.firewalls = arena_printf(m->arena, "(within %s: %s)",
					     out.from_zone, out.within);
	reason_text(m, r, &out);
	out.extra = parties_extra(m, r, out.extra);
	if (!out.owner)
		out.owner = r->owner;
	if (m->by == MATRIX_BY_HOST) {
		out.from = plan_party_name(m->p, r->key.from);
		out.to = plan_party_name(m->p, r->key.to);
	}
	return out;
}

/* The same ports of another protocol: "tcp udp", one row. */
static bool join_protocols(struct maker *m, const struct row *x,
			   const struct row *y, struct matrix_row *last,
			   const struct matrix_row *r)
{
	struct row_key k = x->key;

	k.proto = y->key.proto;
	if (memcmp(&k, &y->key, sizeof(k)) || x->any_protocol ||
	    y->any_protocol || strcmp(last->ports, r->ports))
		return false;
	last->protocol = arena_printf(m->arena, "%s %s", last->protocol,
				      r->protocol);
	return true;
}

static int row_order(const void *a, const void *b)
{
	const struct row_key *x = &((const struct row *)a)->key;
	const struct row_key *y = &((const struct row *)b)->key;
	const uint32_t order[][2] = {
		{ x->from_node, y->from_node }, { x->to_node, y->to_node },
		{ x->from, y->from }, { x->to, y->to },
		{ x->reason, y->reason }, { x->carried, y->carried },
		{ x->proto, y->proto }, { x->label, y->label },
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (order[i][0] != order[i][1])
			return order[i][0] < order[i][1] ? -1 : 1;
	return 0;
}

struct matrix *matrix_build(struct arena *a, const struct plan *p,
			    enum matrix_by by, const struct matrix_filter *f)
{
	struct matrix *out = ARENA_NEW(a, struct matrix);
	struct maker m = { .arena = a, .scratch = arena_new(), .p = p,
			   .by = by, .f = f,
			   .named_from = find_named(p, f->from),
			   .named_to = find_named(p, f->to) };

	find_parties(&m);
	m.families = ARENA_ARRAY(m.scratch, unsigned char, p->topo->parties.n);
	m.few = plan_few_cells(p, FEW_CELLS, m.scratch);
	plan_each(p, take, &m);
	if (m.rows.n)
		qsort(m.rows.v, m.rows.n, sizeof(*m.rows.v), row_order);
	for (size_t i = 0; i < m.rows.n; i++) {
		struct matrix_row r = text_of(&m, &m.rows.v[i]);

		if (!i || !join_protocols(&m, &m.rows.v[i - 1], &m.rows.v[i],
					  &out->rows.v[out->rows.n - 1], &r))
			vec_push(a, &out->rows, r);
	}
	arena_free(m.scratch);
	return out;
}
