#include "plan/diff.h"

#include <stdlib.h>
#include <string.h>

#include "plan/diff_words.h"
#include "plan/each.h"
#include "plan/inside.h"
#include "space/space.h"

/* Services first: plans say few of them and many addresses. */
enum { D_KEY, D_DST, D_SRC, D_FIELDS };
enum {
	MAX_CUBES = 2000, MAX_LINES = 32,
	FEW_CELLS = 1024, /* of an end: looked through by themselves */
};

const char *const change_name[N_CHANGES] = {
	[CHANGE_OPENED] = "opened", [CHANGE_CLOSED] = "closed",
	[CHANGE_INTO_IPSEC] = "now inside IPsec",
	[CHANGE_OUT_OF_IPSEC] = "now in the clear",
	[CHANGE_TRANSLATION] = "translation",
	[CHANGE_PATHS] = "paths", [CHANGE_TERMS] = "terms", [CHANGE_LIMITS] = "limits",
};

/* What one reason plans between two nodes. */
struct part {
	uint32_t reason, from, to;
	VEC(uint32_t) pieces[2]; /* in the clear, carried */
	uint32_t set[2];	 /* the same, as one */
};

struct side {
	const struct plan *p;
	VEC(struct part) parts;
	struct map ids;	 /* reason, from, to -> part */
	struct map ends; /* field, class, end -> set */
	const struct few_cells *few;
	uint32_t all[2]; /* in the clear, carried */
	/* by zone: what firewalls let through because its inside is open */
	uint32_t *inside, any_inside;
};

struct differ {
	struct arena *a;
	struct space *s;
	struct side *cur;
	const struct plan *before, *after;
	struct diff_words *words[2]; /* of before and after; NULL: not yet */
	struct map reasons[2]; /* theirs, by ident; empty: not yet */
	uint32_t publics; /* from or to a public address of either plan */
	VEC(struct addr) skip; /* these addresses */
	struct plan_diff *out;
};

static const struct space_field fields[D_FIELDS] = {
	[D_KEY] = { "key", KEY_MAX },
	[D_DST] = { "dst", ~(space_val)0 },
	[D_SRC] = { "src", ~(space_val)0 },
};

static uint32_t range(struct differ *d, unsigned field, space_val lo,
		      space_val hi)
{
	return space_interval(d->s, field, lo, hi, SPACE_ALL, SPACE_NO);
}

static uint32_t end_set(struct differ *d, uint8_t field, uint32_t cls,
			uint32_t end)
{
	const struct plan *p = d->cur->p;
	struct few_cells in = { p->classes.v[cls].cell,
				p->classes.v[cls].n_cell };
	uint32_t key[3] = { field, cls, end == NONE ? NONE :
					p->end_alike[end] };
	struct map_entry *e = map_add(d->a, &d->cur->ends, key, sizeof(key),
				      NULL);
	struct addr_set s = { 0 };

	if (e->val.u)
		return e->val.u - 1;
	if (end != NONE && d->cur->few[end].cell)
		in = d->cur->few[end];
	s.r = ARENA_ARRAY(d->a, struct addr_range, in.n);
	for (size_t i = 0; i < in.n; i++)
		if (cell_in_class(p, in.cell[i], cls) &&
		    (end == NONE || cell_in_end(p, in.cell[i], end)))
			s.r[s.n++] = (struct addr_range){
				p->cell[in.cell[i]].lo,
				p->cell[in.cell[i]].hi };
	e->val.u = space_addresses(d->s, field, s) + 1;
	return e->val.u - 1;
}

/* The keys of a family, and that family's addresses. */
static uint32_t key_set(struct differ *d, struct key_range r, bool v4)
{
	struct key_set k = keys_of_family(d->a, (struct key_set){ &r, 1 }, v4);
	space_val lo = space_addr(addr_v4(0));
	space_val hi = space_addr(addr_v4(UINT32_MAX));
	uint32_t out = SPACE_NO, src = range(d, D_SRC, lo, hi);
	uint32_t dst = range(d, D_DST, lo, hi);

	if (!v4) {
		src = space_not(d->s, src);
		dst = space_not(d->s, dst);
	}
	for (size_t i = 0; i < k.n; i++)
		out = space_or(d->s, out, range(d, D_KEY, k.r[i].lo,
						k.r[i].hi));
	return space_and(d->s, out, space_and(d->s, src, dst));
}

/* Whatever address a firewall has that declares none: one that is nobody's, of
 * multicast, stands for all of them. */
static space_val undeclared(const struct differ *d, const char *firewall)
{
	const struct firewall *f = topology_firewall(d->before->topo, firewall);
	uint64_t n = f ? f->id : d->before->topo->firewalls.n +
		topology_firewall(d->after->topo, firewall)->id;

	return space_addr((struct addr){ UINT64_C(0xff) << 56, n });
}

static bool is_undeclared(const struct differ *d, const struct plan *p,
			  uint32_t to, space_val dst)
{
	return to >= p->n_zones &&
	       dst == undeclared(d, plan_node_name(p, to));
}

/* What it declares in the other plan is among them: to declare an address
 * opens nothing there. */
static uint32_t any_local_set(struct differ *d, uint32_t cls)
{
	const struct plan *p = d->cur->p;
	const struct plan *other = p == d->after ? d->before : d->after;
	const char *name = p->topo->firewalls.v[cls]->name;
	const struct firewall *f = topology_firewall(other->topo, name);
	const struct class *c = f ? &other->classes.v[f->id] : NULL;
	space_val v = undeclared(d, name);
	uint32_t out = range(d, D_DST, v, v);

	for (size_t i = 0; c && i < c->n_cell; i++) {
		space_val lo = space_addr(other->cell[c->cell[i]].lo);
		space_val hi = space_addr(other->cell[c->cell[i]].hi);

		out = space_or(d->s, out, space_minus(d->s,
						      range(d, D_DST, lo, hi),
						      range(d, D_SRC, lo, hi)));
	}
	return out;
}

static bool add(void *ctx, const struct planned *x)
{
	struct differ *d = ctx;
	const struct plan *p = d->cur->p;
	uint32_t key[3] = { x->piece.reason, p->classes.v[x->from].node,
			    p->classes.v[x->to].node };
	uint32_t set = SPACE_NO, dst;
	struct map_entry *e;
	int is_new;

	for (unsigned v4 = 0; v4 < 2; v4++)
		if (x->families & (v4 ? FAM_V4 : FAM_V6))
			set = space_or(d->s, set, key_set(d, x->piece.keys,
							  v4));
	if (x->any_local)
		set = space_project(d->s, &space_op_or, set, D_DST);
	dst = x->any_local ? any_local_set(d, x->to) :
		end_set(d, D_DST, x->to, x->to_end);
	set = space_and(d->s, space_and(d->s, set, dst),
			end_set(d, D_SRC, x->from, x->from_end));
	e = map_add(d->a, &d->cur->ids, key, sizeof(key), &is_new);
	if (is_new) {
		e->val.u = (uint32_t)d->cur->parts.n;
		vec_push(d->a, &d->cur->parts, (struct part){
				.reason = key[0], .from = key[1],
				.to = key[2] });
	}
	vec_push(d->a, &d->cur->parts.v[e->val.u].pieces[x->piece.carried],
		 set);
	return true;
}

/* One by one they would be joined to ever larger ones. */
static void join_parts(struct differ *d, struct side *side, unsigned carried)
{
	uint32_t *v = ARENA_ARRAY(d->a, uint32_t, side->parts.n);

	for (size_t i = 0; i < side->parts.n; i++) {
		struct part *x = &side->parts.v[i];

		x->set[carried] = space_fold(d->s, &space_op_or,
					     x->pieces[carried].v,
					     x->pieces[carried].n, SPACE_NO);
		v[i] = x->set[carried];
	}
	side->all[carried] = space_fold(d->s, &space_op_or, v, side->parts.n,
					SPACE_NO);
}

static bool has_within(const struct plan *p, uint32_t zone)
{
	for (size_t i = 0; i < p->topo->firewalls.n; i++)
		if (firewall_within(p->topo->firewalls.v[i], zone))
			return true;
	return false;
}

/* Everything between two addresses of the zone. */
static uint32_t all_within(struct differ *d, const struct plan *p,
			   uint32_t zone)
{
	struct key_range every = { 0, KEY_MAX };
	struct addr_set s = { 0 };

	s.r = ARENA_ARRAY(d->a, struct addr_range, p->n_cell);
	for (size_t i = 0; i < p->n_cell; i++)
		if (p->cell[i].zone == zone)
			s.r[s.n++] = (struct addr_range){ p->cell[i].lo,
							  p->cell[i].hi };
	return space_and(d->s, space_and(d->s,
			space_addresses(d->s, D_SRC, s),
			space_addresses(d->s, D_DST, s)),
		space_or(d->s, key_set(d, every, true),
			 key_set(d, every, false)));
}

static void find_inside(struct differ *d, struct side *side)
{
	const struct plan *p = side->p;

	side->inside = ARENA_ARRAY(d->a, uint32_t, p->n_zones);
	side->any_inside = SPACE_NO;
	for (uint32_t z = 0; z < p->n_zones; z++) {
		side->inside[z] = zone_is_open(p->topo->zones.v[z]) &&
				  has_within(p, z) ? all_within(d, p, z) :
				  SPACE_NO;
		side->any_inside = space_or(d->s, side->any_inside,
					    side->inside[z]);
	}
}

static void make_side(struct differ *d, struct side *side,
		      const struct plan *p)
{
	*side = (struct side){
		.p = p, .few = plan_few_cells(p, FEW_CELLS, d->a) };
	d->cur = side;
	plan_each(p, add, d);
	join_parts(d, side, 0);
	join_parts(d, side, 1);
	/* what one reason keeps in the clear is not carried by another */
	side->all[1] = space_minus(d->s, side->all[1], side->all[0]);
	find_inside(d, side);
}

/* ---- in words ------------------------------------------------------------------- */

static uint32_t alone(struct differ *d, uint32_t set, unsigned field)
{
	for (unsigned f = 0; f < D_FIELDS; f++)
		if (f != field)
			set = space_project(d->s, &space_op_or, set, f);
	return set;
}

static const char *parties_text(struct differ *d, const struct plan *p,
				uint32_t set, unsigned field)
{
	struct space_cubes c = space_to_cubes(d->s, alone(d, set, field), d->a,
					      MAX_CUBES);
	struct diff_words **w = &d->words[p == d->after];

	if (!*w)
		*w = diff_words_new(d->a, p, d->skip.v, d->skip.n);
	return c.n && c.v[0].dim[field] ?
		diff_words_text(*w, c.v[0].dim[field]) : "";
}

static const char *packets_text(struct differ *d, const struct space_cubes *c)
{
	struct key_set k = { 0 };
	struct buf b = { 0 };

	for (size_t i = 0; i < c->n; i++)
		for (size_t x = 0; c->v[i].dim[D_KEY] &&
		     x < c->v[i].dim[D_KEY]->n; x++)
			keys_add(d->a, &k, (uint32_t)c->v[i].dim[D_KEY]->r[x].lo,
				 (uint32_t)c->v[i].dim[D_KEY]->r[x].hi);
	for (size_t i = 0; i < k.n && i < 8; i++) {
		char text[KEY_TEXT];

		key_text(k.r[i], text);
		buf_printf(&b, "%s%s", i ? " " : "", text);
	}
	if (k.n > 8)
		buf_printf(&b, " and %zu more", k.n - 8);
	return b.n ? buf_take(d->a, &b) : "any protocol";
}

static const char *size_text(struct differ *d, uint32_t set)
{
	struct buf b = { 0 };

	space_count_text(space_size(d->s, set, (1u << D_FIELDS) - 1), &b);
	return buf_take(d->a, &b);
}

/* By their names, of which the first counts. */
static void name_reasons(struct differ *d, const struct plan *p, struct map *m)
{
	for (uint32_t i = 0; i < p->reasons.n; i++) {
		int is_new;
		struct map_entry *e = map_add_str(d->a, m,
						  reason_ident(p, i, d->a),
						  &is_new);

		if (is_new)
			e->val.u = i;
	}
}

/* The reason of that name; NONE if the plan has none. */
static uint32_t find_reason(struct differ *d, const struct plan *p,
			    const char *ident)
{
	struct map *m = &d->reasons[p == d->after];
	const struct map_entry *e;

	if (!m->n)
		name_reasons(d, p, m);
	e = map_find_str(m, ident);
	return e ? e->val.u : NONE;
}

static const char *cause_of(struct differ *d, const struct plan *has,
			    const struct plan *other, const struct part *part,
			    const space_val *w, enum change_kind kind)
{
	const char *cause;

	if (kind == CHANGE_INTO_IPSEC || kind == CHANGE_OUT_OF_IPSEC)
		return "ipsec";
	cause = diff_cause(d->a, has, part->reason, other,
			   find_reason(d, other, reason_ident(has, part->reason,
							      d->a)),
			   space_to_addr(w[D_SRC]), space_to_addr(w[D_DST]),
			   kind == CHANGE_OPENED);
	if (!cause && is_undeclared(d, has, part->to, w[D_DST]))
		return arena_printf(d->a, "addresses of %s",
				    plan_node_name(has, part->to));
	return cause ? cause :
		arena_printf(d->a, "paths from %s to %s",
			     plan_node_name(has, part->from),
			     plan_node_name(has, part->to));
}

static bool is_internet(const struct plan *p, uint32_t node)
{
	return node < p->n_zones &&
	       p->topo->zones.v[node]->zone_kind == ZONE_INTERNET;
}

/* Who answers for what is spoken to. */
static const char *owner_at(const struct plan *p, struct addr a)
{
	uint32_t c = plan_cell(p, a);

	return c == NONE || p->cell[c].party == NONE ? NULL :
		p->topo->parties.v[p->cell[c].party]->owner;
}

/* Those that are spoken to: the firewall, if at any address that it has. */
static const char *destinations_text(struct differ *d, const struct plan *p,
				     uint32_t to, uint32_t set)
{
	space_val v;

	if (to >= p->n_zones) {
		v = undeclared(d, plan_node_name(p, to));
		if (space_and(d->s, set, range(d, D_DST, v, v)) != SPACE_NO)
			return plan_node_name(p, to);
	}
	return parties_text(d, p, set, D_DST);
}

static const char *owner_of(const struct plan *p, uint32_t to, struct addr a)
{
	return to < p->n_zones ? owner_at(p, a) :
		p->topo->firewalls.v[to - p->n_zones]->party->owner;
}

/* What the packets say of themselves; w is one of them. */
static struct change change_of(struct differ *d, const struct plan *has,
			       uint32_t from, uint32_t to, uint32_t set,
			       space_val *w)
{
	struct space_cubes cubes = space_to_cubes(d->s, set, d->a, MAX_CUBES);

	space_witness(d->s, set, NULL, w);
	return (struct change){
		.from_zone = plan_node_name(has, from),
		.to_zone = plan_node_name(has, to),
		.from = parties_text(d, has, set, D_SRC),
		.to = destinations_text(d, has, to, set),
		.packets = packets_text(d, &cubes),
		.owner = owner_of(has, to, space_to_addr(w[D_DST])),
		.size = size_text(d, set),
		.internet = is_internet(has, from) || is_internet(has, to),
	};
}

static void add_change(struct differ *d, const struct change *c)
{
	d->out->count[c->kind]++;
	vec_push(d->a, &d->out->changes, *c);
}

static void say(struct differ *d, const struct plan *has,
		const struct plan *other, const struct part *part,
		uint32_t set, enum change_kind kind)
{
	const struct reason *r = &has->reasons.v[part->reason];
	space_val w[D_FIELDS];
	struct change c = change_of(d, has, part->from, part->to, set, w);

	c.kind = kind;
	c.reason = reason_ident(has, part->reason, d->a);
	c.cause = cause_of(d, has, other, part, w, kind);
	c.at = reason_span(r);
	if (r->allow && r->allow->owner)
		c.owner = r->allow->owner;
	if (r->allow)
		c.ticket = r->allow->ticket;
	add_change(d, &c);
}

static const char *inside_cause(struct differ *d, const struct plan *other,
				const struct party *zone, bool opened)
{
	const struct party *z = topology_party(other->topo, zone->name);

	if (!z || z->kind != PARTY_ZONE)
		return arena_printf(d->a, "%s zone %s", opened ? "new" :
				    "removed", zone->name);
	if (!zone_is_open(z))
		return arena_printf(d->a, "inside of %s", zone->name);
	if (!has_within(other, z->zone_id))
		return "interfaces of firewalls";
	return "addresses";
}

/* What passes because the inside of a zone is open, and by no reason of the
 * plan in either. */
static void compare_inside(struct differ *d, const struct side *has,
			   const struct side *other, enum change_kind kind)
{
	uint32_t by_reason = space_or(d->s, has->all[0], other->all[0]);

	for (uint32_t z = 0; z < has->p->n_zones; z++) {
		const struct party *zone = has->p->topo->zones.v[z];
		uint32_t hit = space_minus(d->s, space_minus(d->s,
				has->inside[z], other->any_inside), by_reason);
		space_val w[D_FIELDS];
		struct change c;

		if (hit == SPACE_NO)
			continue;
		c = change_of(d, has->p, z, z, hit, w);
		c.kind = kind;
		c.reason = arena_printf(d->a, "inside=\"any\" of %s",
					zone->name);
		if (alone(d, hit, D_KEY) == alone(d, has->inside[z], D_KEY))
			c.packets = "any protocol";
		c.cause = inside_cause(d, other->p, zone,
				       kind == CHANGE_OPENED);
		c.at = zone->at;
		add_change(d, &c);
	}
}

/* All that is said by a line with these ends and packets. */
static uint32_t line_of(struct differ *d, uint32_t set)
{
	uint32_t out = SPACE_ALL;

	for (unsigned f = 0; f < D_FIELDS; f++)
		out = space_and(d->s, out, alone(d, set, f));
	return out;
}

static bool misleads(struct differ *d, uint32_t set, uint32_t stays)
{
	return space_and(d->s, line_of(d, set), stays) != SPACE_NO;
}

static uint32_t cube_set(struct differ *d, const struct space_cube *c)
{
	uint32_t out = SPACE_ALL;

	for (unsigned f = 0; f < D_FIELDS; f++) {
		uint32_t one = SPACE_NO;

		for (size_t i = 0; c->dim[f] && i < c->dim[f]->n; i++)
			one = space_or(d->s, one, range(d, f,
							c->dim[f]->r[i].lo,
							c->dim[f]->r[i].hi));
		if (c->dim[f])
			out = space_and(d->s, out, one);
	}
	return out;
}

/*
 * A line for all of the set, or as many as it takes that none says it of what
 * stays as it was. What would take too many is one line more, whatever it says.
 */
static void say_exactly(struct differ *d, const struct plan *has,
			const struct plan *other, const struct part *part,
			uint32_t set, uint32_t stays, enum change_kind kind)
{
	VEC(uint32_t) lines = { 0 };
	struct space_cubes c = { 0 };
	uint32_t rest = set;

	if (misleads(d, set, stays))
		c = space_to_cubes(d->s, set, d->a, MAX_CUBES);
	for (size_t i = 0; i < c.n; i++) {
		uint32_t cube = cube_set(d, &c.v[i]), both = cube;
		size_t k = 0;

		while (k < lines.n) {
			both = space_or(d->s, lines.v[k], cube);
			if (!misleads(d, both, stays))
				break;
			k++;
		}
		if (k == MAX_LINES)
			continue;
		if (k < lines.n)
			lines.v[k] = both;
		else
			vec_push(d->a, &lines, cube);
		rest = space_minus(d->s, rest, cube);
	}
	for (size_t i = 0; i < lines.n; i++)
		say(d, has, other, part, lines.v[i], kind);
	if (rest != SPACE_NO)
		say(d, has, other, part, rest, kind);
}

/* Every packet of `what` under the first part that plans it; `stays` are those
 * of which it must not be said. */
static void attribute(struct differ *d, const struct side *has,
		      const struct plan *other, unsigned carried,
		      uint32_t what, uint32_t stays, enum change_kind kind)
{
	what = space_minus(d->s, what, d->publics);
	for (size_t i = 0; i < has->parts.n && what != SPACE_NO; i++) {
		uint32_t hit = space_and(d->s, has->parts.v[i].set[carried],
					 what);

		if (hit == SPACE_NO)
			continue;
		say_exactly(d, has->p, other, &has->parts.v[i], hit, stays,
			    kind);
		what = space_minus(d->s, what, hit);
	}
}

/* Whose a public address is, is a change of its own; that it is no address like
 * others any more is none. */
static void find_publics(struct differ *d, const struct plan *p)
{
	for (size_t i = 0; i < p->publics.n; i++) {
		space_val v = space_addr(p->publics.v[i].addr);

		if (p->cell[p->publics.v[i].cell].cls != NONE)
			continue;
		d->publics = space_or(d->s, d->publics, space_or(d->s,
				range(d, D_DST, v, v), range(d, D_SRC, v, v)));
		vec_push(d->a, &d->skip, p->publics.v[i].addr);
	}
}

static int by_address(const void *x, const void *y)
{
	return addr_cmp(*(const struct addr *)x, *(const struct addr *)y);
}

static int order(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	bool limits = x->kind == CHANGE_LIMITS;
	int c;

	if (limits != (y->kind == CHANGE_LIMITS))
		return limits ? -1 : 1;
	if (x->internet != y->internet)
		return x->internet ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	c = strcmp(x->from_zone, y->from_zone);
	if (!c)
		c = strcmp(x->to_zone, y->to_zone);
	if (!c)
		c = strcmp(x->reason, y->reason);
	return c ? c : strcmp(x->packets, y->packets);
}

struct plan_diff *plan_diff(struct arena *a, const struct plan *before,
			    const struct plan *after)
{
	struct differ d = { .a = a, .s = space_new(fields, D_FIELDS),
			    .before = before, .after = after,
			    .out = ARENA_NEW(a, struct plan_diff) };
	struct side x, y;
	uint32_t x_any, y_any;

	d.publics = SPACE_NO;
	find_publics(&d, before);
	find_publics(&d, after);
	if (d.skip.n)
		qsort(d.skip.v, d.skip.n, sizeof(*d.skip.v), by_address);
	make_side(&d, &x, before);
	make_side(&d, &y, after);
	x_any = space_or(d.s, x.all[0], x.all[1]);
	y_any = space_or(d.s, y.all[0], y.all[1]);
	for (unsigned c = 0; c < 2; c++) {
		attribute(&d, &y, before, c, space_minus(d.s, y.all[c], x_any),
			  x_any, CHANGE_OPENED);
		attribute(&d, &x, after, c, space_minus(d.s, x.all[c], y_any),
			  y_any, CHANGE_CLOSED);
	}
	compare_inside(&d, &y, &x, CHANGE_OPENED);
	compare_inside(&d, &x, &y, CHANGE_CLOSED);
	attribute(&d, &y, before, 1, space_and(d.s, x.all[0], y.all[1]),
		  y.all[0], CHANGE_INTO_IPSEC);
	attribute(&d, &y, before, 0, space_and(d.s, x.all[1], y.all[0]),
		  y.all[1], CHANGE_OUT_OF_IPSEC);
	diff_input(a, before, after, d.out);
	diff_translation(a, before, after, d.out);
	diff_paths(a, before, after, d.out);
	diff_terms(a, before, after, d.out);
	diff_limits(a, before, after, d.out);
	if (d.out->changes.n)
		qsort(d.out->changes.v, d.out->changes.n,
		      sizeof(*d.out->changes.v), order);
	space_free(d.s);
	return d.out;
}
