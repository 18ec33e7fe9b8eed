#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"
#include "plan/nat.h"

/* A declared prefix of a zone or network, or one address of a host or
 * firewall. */
struct mark {
	struct addr_range r;
	const struct party *party;
	const struct interface *itf; /* of a firewall's address */
	struct span at;
	uint8_t len;
	bool v4;
	size_t inside, outside; /* cells of a network's prefix, in its parent */
	const struct party *cut_by;
	bool overlaps; /* a sibling */
};

struct sweep {
	struct build *b;
	VEC(struct mark) prefixes, addresses;
	VEC(struct addr) borders;
	VEC(struct mark *) stack;
};

/* Addresses of no zone, and those that a /0 does not mean (the format,
 * "Space"). The last of the first kind are the IPv4-mapped ones, which are
 * where this program keeps IPv4. */
static const struct {
	const char *prefix;
	bool private_only;
} special[] = {
	{ "0.0.0.0/8", false },	     { "127.0.0.0/8", false },
	{ "224.0.0.0/3", false },    { "::/127", false },
	{ "fe80::/10", false },	     { "ff00::/8", false },
	{ "10.0.0.0/8", true },	     { "172.16.0.0/12", true },
	{ "192.168.0.0/16", true },  { "100.64.0.0/10", true },
	{ "169.254.0.0/16", true },  { "fc00::/7", true },
};

enum { N_SPECIAL = sizeof(special) / sizeof(special[0]) };

static void add_border(struct sweep *s, struct addr_range r)
{
	struct addr end = addr_next(r.hi);

	vec_push(s->b->arena, &s->borders, r.lo);
	if (end.hi || end.lo)
		vec_push(s->b->arena, &s->borders, end);
}

static void add_party_marks(struct sweep *s, const struct party *p)
{
	for (size_t i = 0; i < p->n_prefix; i++) {
		struct mark m = { .r = p->prefix[i].r, .party = p,
				  .at = p->prefix_at[i],
				  .len = p->prefix[i].len,
				  .v4 = p->prefix[i].v4 };

		if (p->kind == PARTY_HOST)
			vec_push(s->b->scratch, &s->addresses, m);
		else
			vec_push(s->b->scratch, &s->prefixes, m);
		add_border(s, m.r);
	}
	for (size_t i = 0; i < p->n_public; i++)
		add_border(s, p->public[i].r);
}

static void add_firewall_marks(struct sweep *s, const struct firewall *f)
{
	for (size_t i = 0; i < f->interfaces.n; i++) {
		const struct interface *itf = f->interfaces.v[i];

		for (size_t k = 0; k < itf->n_address; k++) {
			struct mark m = { .r = itf->address[k].r,
					  .party = f->party, .itf = itf,
					  .at = itf->address_at[k] };

			vec_push(s->b->scratch, &s->addresses, m);
			add_border(s, m.r);
		}
	}
}

static void add_end_borders(struct sweep *s)
{
	for (uint32_t e = 0; e < s->b->plan->n_ends; e++) {
		const struct ends *ends = end_of(s->b, e);

		for (size_t i = 0; i < ends->n; i++)
			if (ends->v[i].kind == END_PREFIX)
				add_border(s, ends->v[i].prefix.r);
	}
}

static int addr_order(const void *a, const void *b)
{
	return addr_cmp(*(const struct addr *)a, *(const struct addr *)b);
}

static int mark_order(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;
	int c = addr_cmp(x->r.lo, y->r.lo);

	if (!c)
		c = -addr_cmp(x->r.hi, y->r.hi);
	if (!c && x->party->kind != y->party->kind)
		c = x->party->kind < y->party->kind ? -1 : 1;
	return c ? c : x->party->id < y->party->id ? -1 :
		       x->party->id > y->party->id;
}

static void make_cells(struct sweep *s)
{
	struct plan *p = s->b->plan;
	size_t n = 0;

	qsort(s->borders.v, s->borders.n, sizeof(*s->borders.v), addr_order);
	for (size_t i = 0; i < s->borders.n; i++)
		if (!n || !addr_eq(s->borders.v[n - 1], s->borders.v[i]))
			s->borders.v[n++] = s->borders.v[i];
	p->cell = ARENA_ARRAY(s->b->arena, struct cell, n);
	p->n_cell = n;
	for (size_t i = 0; i < n; i++) {
		struct cell *c = &p->cell[i];

		c->lo = s->borders.v[i];
		c->hi = i + 1 < n ? addr_prev(s->borders.v[i + 1]) :
			(struct addr){ UINT64_MAX, UINT64_MAX };
		c->party = c->network = c->zone = c->space = c->cls = NONE;
		c->behind = c->public = NONE;
	}
}

static void special_ranges(struct build *b, struct addr_range out[N_SPECIAL])
{
	for (size_t i = 0; i < N_SPECIAL; i++) {
		struct prefix p = { 0 };

		prefix_parse(b->scratch, special[i].prefix,
			     strlen(special[i].prefix), true, &p);
		out[i] = p.r;
	}
}

static const struct party *zone_of(const struct sweep *s,
				   const struct cell *c,
				   const struct addr_range *sp)
{
	bool v4 = addr_is_v4(c->lo), private_space = false;

	for (size_t i = 0; i < N_SPECIAL; i++) {
		if (!range_has(sp[i], c->lo))
			continue;
		if (!special[i].private_only)
			return NULL;
		private_space = true;
	}
	for (size_t i = s->stack.n; i-- > 0;) {
		const struct mark *m = s->stack.v[i];

		if (m->party->kind == PARTY_ZONE && m->v4 == v4 &&
		    !(m->len == 0 && private_space))
			return m->party;
	}
	return NULL;
}

static void note_cut(struct mark *m, const struct party *zone)
{
	m->outside++;
	if (!m->cut_by && zone != party_zone(m->party))
		m->cut_by = zone;
}

/* Descends from the zone to the innermost network around the cell. */
static const struct party *network_of(struct sweep *s, const struct cell *c,
				      const struct party *zone)
{
	const struct party *cur = zone;
	bool v4 = addr_is_v4(c->lo);

	for (size_t i = 0; zone && i < s->stack.n; i++) {
		struct mark *m = s->stack.v[i];

		if (m->party->kind != PARTY_NETWORK || m->v4 != v4 ||
		    m->party->parent != cur)
			continue;
		m->inside++;
		cur = m->party;
		i = (size_t)-1; /* its children may stand before it */
	}
	for (size_t i = 0; i < s->stack.n; i++) {
		struct mark *m = s->stack.v[i];

		if (m->party->kind == PARTY_NETWORK && m->v4 == v4 &&
		    !party_within(cur, m->party))
			note_cut(m, zone);
	}
	return cur;
}

static void advance(struct sweep *s, size_t *next, struct addr at)
{
	size_t n = 0;

	for (size_t i = 0; i < s->stack.n; i++)
		if (addr_cmp(s->stack.v[i]->r.hi, at) >= 0)
			s->stack.v[n++] = s->stack.v[i];
	s->stack.n = n;
	while (*next < s->prefixes.n &&
	       addr_cmp(s->prefixes.v[*next].r.lo, at) <= 0) {
		vec_push(s->b->scratch, &s->stack, &s->prefixes.v[*next]);
		++*next;
	}
}

static void same_address(struct sweep *s, const struct mark *x,
			 const struct mark *y)
{
	char text[ADDR_TEXT];

	addr_text(x->r.lo, text);
	diag_add2(s->b->d, SEV_ERROR, y->at, x->at, "the other one",
		  "%s is an address of %s \"%s\" and of %s \"%s\"", text,
		  party_kind_name(x->party->kind), x->party->name,
		  party_kind_name(y->party->kind), y->party->name);
}

static void check_addresses(struct sweep *s)
{
	if (s->addresses.n)
		qsort(s->addresses.v, s->addresses.n,
		      sizeof(*s->addresses.v), mark_order);
	for (size_t i = 1; i < s->addresses.n; i++) {
		const struct mark *x = &s->addresses.v[i - 1];
		const struct mark *y = &s->addresses.v[i];

		if (addr_eq(x->r.lo, y->r.lo) &&
		    (x->party != y->party || x->itf != y->itf))
			same_address(s, x, y);
	}
}

/* What to write so that an address is in this zone. */
static const char *no_zone_cure(struct build *b, struct addr a,
				const struct party *zone)
{
	struct addr_range sp[N_SPECIAL];
	bool slash0 = false;

	special_ranges(b, sp);
	for (size_t i = 0; zone && i < zone->n_prefix; i++)
		slash0 |= zone->prefix[i].len == 0 &&
			  zone->prefix[i].v4 == addr_is_v4(a);
	for (size_t i = 0; slash0 && i < N_SPECIAL; i++)
		if (special[i].private_only && range_has(sp[i], a))
			return arena_printf(b->arena, "a /0 is the public "
					    "internet, without %s",
					    special[i].prefix);
	return arena_printf(b->arena, "add its network to the networks of "
			    "\"%s\"", zone ? zone->name : "a zone");
}

static void firewall_cell(struct sweep *s, struct cell *c,
			  const struct mark *m)
{
	const struct topology *t = s->b->topo;
	char text[ADDR_TEXT];

	c->party = m->party->id;
	c->zone = NONE;
	c->network = NONE;
	if (!m->itf->zone || c->space == m->itf->zone->zone_id)
		return;
	addr_text(c->lo, text);
	if (c->space == NONE)
		diag_add(s->b->d, SEV_ERROR, m->at,
			 "%s is in no zone, and interface \"%s\" is in zone "
			 "\"%s\": %s", text, m->itf->name, m->itf->zone->name,
			 no_zone_cure(s->b, c->lo, m->itf->zone));
	else
		diag_add(s->b->d, SEV_ERROR, m->at,
			 "%s is in zone \"%s\", and interface \"%s\" is in "
			 "zone \"%s\"", text, t->zones.v[c->space]->name,
			 m->itf->name, m->itf->zone->name);
}

static void sweep_cells(struct sweep *s)
{
	struct addr_range sp[N_SPECIAL];
	struct plan *p = s->b->plan;
	size_t next = 0, addr = 0;

	special_ranges(s->b, sp);
	if (s->prefixes.n)
		qsort(s->prefixes.v, s->prefixes.n, sizeof(*s->prefixes.v),
		      mark_order);
	for (size_t i = 0; i < p->n_cell; i++) {
		struct cell *c = &p->cell[i];
		const struct party *zone, *inner;

		advance(s, &next, c->lo);
		zone = zone_of(s, c, sp);
		inner = network_of(s, c, zone);
		c->zone = c->space = zone ? zone->zone_id : NONE;
		c->party = c->network = inner ? inner->id : NONE;
		while (addr < s->addresses.n &&
		       addr_cmp(s->addresses.v[addr].r.lo, c->lo) < 0)
			addr++;
		if (addr == s->addresses.n ||
		    !addr_eq(s->addresses.v[addr].r.lo, c->lo))
			continue;
		if (s->addresses.v[addr].itf)
			firewall_cell(s, c, &s->addresses.v[addr]);
		else
			c->party = s->addresses.v[addr].party->id;
	}
}

/* Who has what a network was cut. */
static const char *whose(struct build *b, const struct mark *m)
{
	return m->cut_by ? arena_printf(b->arena, ": zone \"%s\" has it",
					m->cut_by->name) : "";
}

static void check_networks(struct sweep *s)
{
	for (size_t i = 0; i < s->prefixes.n; i++) {
		const struct mark *m = &s->prefixes.v[i];
		const struct party *p = m->party;
		char text[ADDR_TEXT];

		if (p->kind != PARTY_NETWORK)
			continue;
		range_text(m->r, text);
		if (!m->inside && !m->overlaps)
			diag_add(s->b->d, SEV_ERROR, m->at,
				 "%s of network \"%s\" lies outside %s \"%s\"%s",
				 text, p->name,
				 party_kind_name(p->parent->kind),
				 p->parent->name, whose(s->b, m));
		else if (m->outside && !m->overlaps)
			diag_add(s->b->d, SEV_WARNING, m->at,
				 "a part of %s lies outside %s \"%s\" and is "
				 "cut from network \"%s\"%s", text,
				 party_kind_name(p->parent->kind),
				 p->parent->name, p->name, whose(s->b, m));
	}
}

static void check_siblings(struct sweep *s)
{
	struct mark **top = ARENA_ARRAY(s->b->scratch, struct mark *,
					s->prefixes.n + 1);
	size_t depth = 0;

	for (size_t i = 0; i < s->prefixes.n; i++) {
		struct mark *m = &s->prefixes.v[i];
		char a[ADDR_TEXT], c[ADDR_TEXT];

		while (depth && addr_cmp(top[depth - 1]->r.hi, m->r.lo) < 0)
			depth--;
		for (size_t k = 0; k < depth && !m->overlaps; k++) {
			if (m->party->kind != PARTY_NETWORK ||
			    top[k]->party->kind != PARTY_NETWORK ||
			    top[k]->party == m->party ||
			    top[k]->v4 != m->v4 ||
			    top[k]->party->parent != m->party->parent)
				continue;
			m->overlaps = top[k]->overlaps = true;
			range_text(m->r, a);
			range_text(top[k]->r, c);
			diag_add2(s->b->d, SEV_ERROR, m->at, top[k]->at,
				  "the other one",
				  "%s of network \"%s\" overlaps %s of its "
				  "sibling \"%s\": nest one in the other", a,
				  m->party->name, c, top[k]->party->name);
		}
		top[depth++] = m;
	}
}

/* ---- where hosts stand -------------------------------------------------------- */

/* Hosts with the same trouble: told at the first of them. */
struct strays {
	const struct party *first, *place; /* place NULL: in no zone */
	struct span at;
	struct addr addr;
	size_t n;
};

static void add_stray(struct build *b, struct map *all, const struct party *h,
		      const struct party *place, struct span at, struct addr a)
{
	const void *key[2] = { h->parent, place };
	int is_new;
	struct map_entry *e = map_add(b->scratch, all, key, sizeof(key),
				      &is_new);
	struct strays *s = e->val.p;

	if (is_new) {
		s = ARENA_NEW(b->scratch, struct strays);
		*s = (struct strays){ h, place, at, a, 0 };
		e->val.p = s;
	}
	s->n++;
}

static void in_no_zone(struct build *b, const struct party *h, size_t i,
		       struct map *strays)
{
	add_stray(b, strays, h, NULL, h->prefix_at[i], h->prefix[i].r.lo);
}

static void say_strays(struct build *b, const struct strays *s)
{
	const struct party *h = s->first;
	const char *more = s->n < 2 ? "" :
		arena_printf(b->arena, "; the same for %zu more %s", s->n - 1,
			     s->place ? "of its hosts" : "addresses there");
	char text[ADDR_TEXT];

	addr_text(s->addr, text);
	if (s->place)
		diag_add(b->d, SEV_ERROR, s->at,
			 "host \"%s\" stands in %s \"%s\", and its addresses "
			 "are those of %s \"%s\": move it there%s", h->name,
			 party_kind_name(h->parent->kind), h->parent->name,
			 party_kind_name(s->place->kind), s->place->name, more);
	else
		diag_add(b->d, SEV_ERROR, s->at,
			 "%s of host \"%s\" is in no zone: %s%s", text, h->name,
			 no_zone_cure(b, s->addr, party_zone(h)), more);
}

/* The innermost network (or zone) that covers all addresses of the host. */
static const struct party *host_place(struct build *b, const struct party *h,
				      struct map *strays, bool *bad)
{
	const struct plan *p = b->plan;
	const struct party *common = NULL, *first = NULL;

	*bad = false;
	for (size_t i = 0; i < h->n_prefix; i++) {
		uint32_t c = plan_cell(p, h->prefix[i].r.lo);
		const struct party *in;
		char text[ADDR_TEXT];

		if (c == NONE || p->cell[c].zone == NONE) {
			/* an address of a firewall was complained of already */
			if (c == NONE || p->cell[c].space == NONE)
				in_no_zone(b, h, i, strays);
			*bad = true;
			continue;
		}
		in = b->topo->parties.v[p->cell[c].network];
		if (!common) {
			common = in;
			first = party_zone(in);
		}
		while (common && !party_within(in, common))
			common = common->parent;
		if (!common) {
			addr_text(h->prefix[i].r.lo, text);
			diag_add(b->d, SEV_ERROR, h->prefix_at[i],
				 "the addresses of host \"%s\" are in different "
				 "zones (%s is in \"%s\", others in \"%s\"): a "
				 "host stands in one", h->name, text,
				 party_zone(in)->name, first->name);
			*bad = true;
			return NULL;
		}
	}
	return common;
}

static void check_leg(struct build *b, const struct party *leg,
		      const struct party *zone)
{
	if (zone != leg->parent)
		diag_add(b->d, SEV_ERROR, leg->prefix_at[0],
			 "the leg \"%s\" has an address of zone \"%s\"",
			 leg->name, zone->name);
}

static void check_hosts(struct build *b)
{
	struct map strays = { 0 };

	for (size_t i = 0; i < b->topo->hosts.n; i++) {
		const struct party *h = b->topo->hosts.v[i];
		bool bad;
		const struct party *place = host_place(b, h, &strays, &bad);

		if (h->leg_of && !bad && place)
			check_leg(b, h, party_zone(place));
		else if (!bad && place && place != h->parent && h->parent)
			add_stray(b, &strays, h, place, h->at,
				  h->prefix[0].r.lo);
	}
	for (size_t i = 0; i < strays.cap; i++)
		if (strays.slot[i].key)
			say_strays(b, strays.slot[i].val.cp);
}

void build_cells(struct build *b)
{
	static const struct addr_range v4_space = {
		{ 0, UINT64_C(0xffff00000000) },
		{ 0, UINT64_C(0xffffffffffff) },
	};
	struct addr_range sp[N_SPECIAL];
	struct sweep s = { .b = b };

	special_ranges(b, sp);
	for (size_t i = 0; i < N_SPECIAL; i++)
		add_border(&s, sp[i]);
	add_border(&s, v4_space);
	for (size_t i = 0; i < b->topo->parties.n; i++)
		add_party_marks(&s, b->topo->parties.v[i]);
	for (size_t i = 0; i < b->topo->firewalls.n; i++)
		add_firewall_marks(&s, b->topo->firewalls.v[i]);
	for (size_t i = 0; i < b->topo->publishes.n; i++)
		add_border(&s, b->topo->publishes.v[i]->address.r);
	add_end_borders(&s);
	make_cells(&s);
	check_addresses(&s);
	sweep_cells(&s);
	if (!b->topo->bundle) {
		check_siblings(&s);
		check_networks(&s);
		check_hosts(b);
	}
	build_publics(b);
}

bool plan_private(struct addr a)
{
	struct arena *scratch = arena_new();
	bool is = false;

	for (size_t i = 0; i < N_SPECIAL; i++) {
		struct prefix p = { 0 };

		prefix_parse(scratch, special[i].prefix,
			     strlen(special[i].prefix), true, &p);
		is |= special[i].private_only && range_has(p.r, a);
	}
	arena_free(scratch);
	return is;
}

uint32_t plan_first_cell(const struct plan *p, struct addr a)
{
	uint32_t lo = 0, hi = (uint32_t)p->n_cell;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (addr_cmp(p->cell[mid].hi, a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t plan_cell(const struct plan *p, struct addr a)
{
	uint32_t c = plan_first_cell(p, a);

	return c < p->n_cell && addr_cmp(p->cell[c].lo, a) <= 0 ? c : NONE;
}

unsigned cell_family(const struct cell *c)
{
	return addr_is_v4(c->lo) ? FAM_V4 : FAM_V6;
}
