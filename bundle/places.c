#include "bundle/write.h"

/*
 * Where addresses are. A zone of which all crosses, or that the firewall
 * stands in, has its networks as written; of others there is what crosses, and
 * nothing else. What is thereby left out of a wider prefix (the internet's /0
 * above all) is held by zones of no firewall: the rest of each zone that the
 * firewall stands in, since the machine's addresses and routes are held against
 * all of it; its public addresses that are none here, which no route is held
 * against; and "elsewhere", what is of others.
 */

static bool adjacent(const struct keep *k, uint32_t zone)
{
	for (size_t i = 0; i < k->f->interfaces.n; i++)
		if (k->f->interfaces.v[i]->zone->zone_id == zone)
			return true;
	return false;
}

static bool as_written(const struct keep *k, const struct party *p)
{
	return k->own[p->id] ||
	       (p->kind == PARTY_ZONE &&
		(k->whole[p->zone_id] || adjacent(k, p->zone_id)));
}

bool keeps_address(const struct keep *k, const struct firewall *f,
		   const struct interface *i)
{
	return k->firewall[f->id] && k->zone[i->zone->zone_id] &&
	       (f == k->f || k->speaks[f->id] || k->p->translates ||
		adjacent(k, i->zone->zone_id));
}

static void put_prefix(struct buf *b, const struct prefix *x)
{
	char text[ADDR_TEXT];

	addr_text(x->r.lo, text);
	put_word(b, text);
	if (x->len < (x->v4 ? 32 : 128))
		buf_printf(b, "/%u", x->len);
}

static void put_range(struct buf *b, struct addr_range r)
{
	char lo[ADDR_TEXT], hi[ADDR_TEXT];
	int len = range_prefix_len(r);

	addr_text(r.lo, lo);
	addr_text(r.hi, hi);
	put_word(b, lo);
	if (len < 0)
		buf_printf(b, "-%s", hi);
	else if (!range_single(r))
		buf_printf(b, "/%d", len);
}

/* As prefixes, which is what ends are made of. */
static void put_prefixes(struct buf *b, struct addr_range r)
{
	struct addr at = r.lo;

	for (;;) {
		struct addr_range best = { at, at };

		for (unsigned n = 127; n > (addr_is_v4(at) ? 95u : 0u); n--) {
			struct addr_range x = range_of_prefix(at, n);

			if (!addr_eq(x.lo, at) || addr_cmp(x.hi, r.hi) > 0)
				break;
			best = x;
		}
		put_range(b, best);
		if (addr_eq(best.hi, r.hi))
			return;
		at = addr_next(best.hi);
	}
}

/* Cells as few ranges. */
static void put_cells(const struct keep *k, const bool *is, struct buf *b)
{
	for (uint32_t c = 0; c < k->p->n_cell; c++) {
		struct addr_range r = { k->p->cell[c].lo, k->p->cell[c].hi };

		if (!is[c])
			continue;
		while (c + 1 < k->p->n_cell && is[c + 1] &&
		       addr_is_v4(k->p->cell[c + 1].lo) ==
			       addr_is_v4(r.lo))
			r.hi = k->p->cell[++c].hi;
		put_range(b, r);
	}
}

/* An interface of a firewall that is written has it. */
static bool interface_cell(const struct keep *k, const struct cell *c)
{
	const struct firewall *f;

	if (c->party == NONE ||
	    k->t->parties.v[c->party]->kind != PARTY_FIREWALL)
		return false;
	f = k->t->parties.v[c->party]->firewall;
	for (size_t i = 0; i < f->interfaces.n; i++)
		for (size_t n = 0; n < f->interfaces.v[i]->n_address; n++)
			if (addr_eq(f->interfaces.v[i]->address[n].r.lo,
				    c->lo))
				return keeps_address(k, f, f->interfaces.v[i]);
	return false;
}

static bool public_cell(const struct keep *k, const struct cell *c)
{
	return c->public != NONE &&
	       keep_public(k, &k->p->publics.v[c->public]);
}

/* Is the cell in the part, as what it is? */
static bool kept_cell(const struct keep *k, uint32_t cell)
{
	const struct cell *c = &k->p->cell[cell];

	return (c->zone != NONE && k->cell[cell]) || interface_cell(k, c) ||
	       public_cell(k, c);
}

static bool covers(const struct party *p, const struct cell *c)
{
	for (size_t i = 0; i < p->n_prefix; i++)
		if (range_has(p->prefix[i].r, c->lo) &&
		    p->prefix[i].v4 == addr_is_v4(c->lo) &&
		    (p->prefix[i].len || !plan_private(c->lo)))
			return true;
	return false;
}

/* A public address, and one of a firewall, is in no network, but the prefixes
 * of networks cover it. Parents come before their children. */
static const struct party *around_cell(const struct keep *k,
				       const struct cell *c)
{
	const struct party *in = c->space == NONE ? NULL :
		k->t->zones.v[c->space];

	if (c->network != NONE)
		return k->t->parties.v[c->network];
	for (size_t i = 0; in && i < k->t->networks.n; i++)
		if (k->t->networks.v[i]->parent == in &&
		    covers(k->t->networks.v[i], c))
			in = k->t->networks.v[i];
	return in;
}

/* Cells of a zone or network, and of what is written within it. */
static void find_space(const struct keep *k, const struct party *p, bool *is)
{
	for (uint32_t c = 0; c < k->p->n_cell; c++) {
		const struct cell *x = &k->p->cell[c];
		const struct party *in = around_cell(k, x);

		is[c] = in && kept_cell(k, c) && (p->kind == PARTY_ZONE ?
			x->space == p->zone_id : party_within(in, p));
	}
}

/* The innermost party that is written takes in what is not. */
static const struct party *taken_in_by(const struct keep *k,
				       const struct cell *c)
{
	const struct party *p = around_cell(k, c);

	while (p && !(k->party[p->id] && as_written(k, p)))
		p = p->parent;
	return p;
}

static bool within_written(const struct keep *k, const struct cell *c)
{
	for (size_t i = 0; i < k->t->zones.n; i++) {
		const struct party *z = k->t->zones.v[i];

		if (k->zone[i] && as_written(k, z) && covers(z, c))
			return true;
	}
	return false;
}

/* What is not in the part, and would be taken for something that is. */
static void find_elsewhere(const struct keep *k, bool *is)
{
	for (uint32_t c = 0; c < k->p->n_cell; c++) {
		const struct cell *x = &k->p->cell[c];
		const struct party *by;

		if (x->space == NONE || kept_cell(k, c))
			continue;
		by = taken_in_by(k, x);
		is[c] = by ? k->some[by->id] || plan_only_public(k->p, x) :
			     within_written(k, x);
	}
}

/* Sets of cells that are held apart, each a zone of that name. */
struct apart {
	const char *name, *holds;
	uint32_t of; /* zone_id; NONE: of zones that are not in the part */
	bool public;
};

static bool is_apart(const struct keep *k, const struct apart *x,
		     const struct cell *c)
{
	if (x->of == NONE)
		return !adjacent(k, c->space);
	return c->space == x->of && plan_only_public(k->p, c) == x->public;
}

static void write_apart(struct writer *w, const bool *elsewhere,
			const struct apart *x)
{
	const struct keep *k = w->k;
	bool *is = ARENA_ARRAY(k->a, bool, k->p->n_cell);
	struct buf b = { 0 };

	for (uint32_t c = 0; c < k->p->n_cell; c++)
		is[c] = elsewhere[c] && is_apart(k, x, &k->p->cell[c]);
	put_cells(k, is, &b);
	if (b.n) {
		buf_puts(w->out, "<zone");
		write_attr(w, "name", write_free_name(w, x->name));
		write_attr(w, "kind", "internal");
		write_words(w, "networks", &b);
		write_attr(w, "holds", x->holds);
		if (x->of != NONE)
			write_attr(w, "of", w->zone_name[x->of]);
		buf_puts(w->out, "/>\n");
	}
	buf_free(&b);
}

static void write_elsewhere(struct writer *w, const bool *elsewhere)
{
	const struct keep *k = w->k;

	for (uint32_t i = 0; i < k->t->zones.n; i++) {
		if (!adjacent(k, i))
			continue;
		write_apart(w, elsewhere, &(struct apart){
			arena_printf(k->a, "rest-%u", i + 1), "rest", i,
			false });
		write_apart(w, elsewhere, &(struct apart){
			arena_printf(k->a, "public-%u", i + 1), "public", i,
			true });
	}
	write_apart(w, elsewhere, &(struct apart){ "elsewhere", "others", NONE,
						   false });
}

static void write_networks(struct writer *w, const struct party *p)
{
	const struct keep *k = w->k;
	struct buf b = { 0 };

	if (as_written(k, p)) {
		for (size_t i = 0; i < p->n_prefix; i++)
			put_prefix(&b, &p->prefix[i]);
	} else {
		bool *is = ARENA_ARRAY(k->a, bool, k->p->n_cell);

		find_space(k, p, is);
		put_cells(k, is, &b);
	}
	write_words(w, "networks", &b);
	buf_free(&b);
}

static void write_roles(struct writer *w, const struct party *p)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < p->roles.n; i++)
		if (w->k->role[p->roles.v[i]->id])
			put_word(&b, p->roles.v[i]->name);
	if (b.n)
		write_words(w, "roles", &b);
	buf_free(&b);
}

static void write_use(struct writer *w, const struct use *u)
{
	struct buf roles = { 0 }, of = { 0 };

	for (size_t i = 0; i < u->roles.n; i++)
		if (w->k->role[u->roles.v[i]->id])
			put_word(&roles, u->roles.v[i]->name);
	if (roles.n) {
		for (size_t i = 0; i < u->of.n; i++)
			if (keep_word(w->k, &u->of.v[i]))
				put_word(&of, u->of.v[i].kind == END_PARTY ?
					 u->of.v[i].party->name :
					 u->of.v[i].text);
		buf_puts(w->out, "<use");
		write_words(w, "role", &roles);
		if (!of.n)
			put_nobody(w, &of);
		write_words(w, "of", &of);
		buf_puts(w->out, "/>\n");
	}
	buf_free(&roles);
	buf_free(&of);
}

static void write_inner(struct writer *w, const struct party *p)
{
	for (size_t i = 0; i < p->use.n; i++)
		write_use(w, p->use.v[i]);
	for (size_t i = 0; i < p->pin.n; i++) {
		if (!w->k->service[p->pin.v[i]->service->id])
			continue;
		buf_puts(w->out, "<pin");
		write_attr(w, "service", p->pin.v[i]->service->name);
		write_ports(w, "port", p->pin.v[i]->ports);
		buf_puts(w->out, "/>\n");
	}
}

static void write_public(struct writer *w, const struct party *p)
{
	struct buf b = { 0 };

	if (p->masquerade)
		put_word(&b, "interface");
	for (size_t i = 0; i < p->n_public; i++)
		put_prefix(&b, &p->public[i]);
	if (b.n)
		write_words(w, "public", &b);
	buf_free(&b);
}

/* Which way a zone lies that the firewall does not touch: by which of its own
 * the whole leads there. */
static void write_behind(struct writer *w, uint32_t zone)
{
	const struct keep *k = w->k;
	bool *ways = ARENA_ARRAY(k->a, bool, k->p->n_zones);
	struct buf b = { 0 };

	if (!k->named[zone] || adjacent(k, zone))
		return;
	route_ways_out(k->p, k->f, zone, ways);
	for (uint32_t i = 0; i < k->p->n_zones; i++)
		if (ways[i])
			put_word(&b, w->zone_name[i]);
	if (b.n)
		write_words(w, "behind", &b);
	buf_free(&b);
}

static void write_party(struct writer *w, const struct party *p)
{
	static const char *const kinds[] = { "internet", "dmz", "internal",
					     "partner", "management", "user" };
	const struct keep *k = w->k;
	const char *tag = party_kind_name(p->kind);
	struct buf b = { 0 };

	buf_printf(w->out, "<%s", tag);
	write_attr(w, "name", p->kind == PARTY_ZONE ?
		   w->zone_name[p->zone_id] : p->name);
	if (p->kind == PARTY_HOST) {
		for (size_t i = 0; i < p->n_prefix; i++)
			put_prefix(&b, &p->prefix[i]);
		write_words(w, "address", &b);
	} else {
		write_networks(w, p);
	}
	write_roles(w, p);
	if (p->kind == PARTY_ZONE) {
		write_attr(w, "kind", kinds[p->zone_kind]);
		write_attr(w, "transit", p->transit ? "yes" : "no");
		write_behind(w, p->zone_id);
	}
	if (p->kind != PARTY_HOST)
		write_attr(w, "inside", p->inside_any ? "any" : "planned");
	if (p->has_dynamic)
		write_ports(w, "dynamic-ports", p->dynamic);
	write_public(w, p);
	write_attr(w, "realm", p->realm);
	if (w->sorts && w->sort[p->id] != NONE)
		write_attr(w, "sort", arena_printf(k->a, "%u",
						   w->sort[p->id] + 1));
	buf_puts(w->out, ">\n");
	write_inner(w, p);
	for (size_t i = 0; i < k->t->parties.n; i++)
		if (k->t->parties.v[i]->parent == p && k->party[i])
			write_party(w, k->t->parties.v[i]);
	buf_printf(w->out, "</%s>\n", tag);
	buf_free(&b);
}

/* ---- what the whole tells apart --------------------------------------------------------- */

/* By party, the largest class of its cells: parties that share it have one
 * number, and what is of another class is a part with a role of its own. */
static uint32_t *find_sorts(struct arena *a, const struct plan *p)
{
	uint32_t *sort = ARENA_ARRAY(a, uint32_t, p->topo->parties.n);
	double *size = ARENA_ARRAY(a, double, p->n_plain);

	for (uint32_t i = 0; i < p->n_plain; i++)
		size[i] = plan_class_size(p, i);
	for (size_t i = 0; i < p->topo->parties.n; i++)
		sort[i] = NONE;
	for (uint32_t c = 0; c < p->n_cell; c++) {
		const struct cell *x = &p->cell[c];

		if (x->zone != NONE && (sort[x->party] == NONE ||
					size[x->cls] > size[sort[x->party]]))
			sort[x->party] = x->cls;
	}
	return sort;
}

static void write_part(struct writer *w, const struct cell *x)
{
	struct buf b = { 0 };

	put_prefixes(&b, (struct addr_range){ x->lo, x->hi });
	buf_puts(w->out, "<assign");
	write_words(w, "to", &b);
	write_attr(w, "roles", write_extra_role(w,
			arena_printf(w->k->a, "sort-%u", x->cls)));
	buf_puts(w->out, "/>\n");
	buf_free(&b);
}

static void write_parts(struct writer *w, const bool *elsewhere)
{
	const struct keep *k = w->k;

	for (uint32_t c = 0; c < w->sorts->n_cell; c++) {
		const struct cell *x = &w->sorts->cell[c];
		uint32_t here;

		if (x->zone == NONE || !k->party[x->party] ||
		    x->cls == w->sort[x->party])
			continue;
		here = plan_cell(k->p, x->lo);
		if (!elsewhere[here] && (k->cell[here] ||
		    as_written(k, k->t->parties.v[x->party])))
			write_part(w, x);
	}
}

void write_places(struct writer *w)
{
	const struct keep *k = w->k;
	bool *elsewhere = ARENA_ARRAY(k->a, bool, k->p->n_cell);

	find_elsewhere(k, elsewhere);
	if (w->sorts)
		w->sort = find_sorts(k->a, w->sorts);
	for (size_t i = 0; i < k->t->zones.n; i++)
		if (k->zone[i])
			write_party(w, k->t->zones.v[i]);
	if (w->sorts)
		write_parts(w, elsewhere);
	write_elsewhere(w, elsewhere);
}
