#include "advice/spf.h"

#include <string.h>

#include "advice/outside.h"
#include "plan/each.h"

enum { SMTP = 25 };

bool address_is_private(struct addr a)
{
	uint32_t v = (uint32_t)a.lo;

	if (!addr_is_v4(a))
		return a.hi >> 57 == 0xfc >> 1; /* RFC 4193 */
	return v >> 24 == 10 || v >> 20 == 0xac1 || v >> 16 == 0xc0a8 ||
	       v >> 22 == 0x191; /* RFC 1918, RFC 6598 */
}

/* ---- who may send mail to the internet --------------------------------------------- */

struct gather {
	struct arena *arena;
	const struct plan *p;
	struct spf *out;
	bool *sends; /* by cell */
	uint32_t zone; /* of the internet, where it was */
};

/* All of the zone, not a few addresses that an exception names. */
static bool to_anyone(const struct gather *g, const struct planned *x)
{
	const struct class *c = &g->p->classes.v[x->to];
	uint32_t node = c->node;

	if (node >= g->p->n_zones ||
	    g->p->topo->zones.v[node]->zone_kind != ZONE_INTERNET)
		return false;
	for (size_t i = 0; i < c->n_cell; i++)
		if (planned_has_destination(g->p, x, c->cell[i]) &&
		    g->p->cell[c->cell[i]].party ==
			    g->p->topo->zones.v[node]->id &&
		    !addr_eq(g->p->cell[c->cell[i]].lo,
			     g->p->cell[c->cell[i]].hi))
			return true;
	return false;
}

static bool take(void *ctx, const struct planned *x)
{
	struct gather *g = ctx;
	const struct plan *p = g->p;
	const struct class *c = &p->classes.v[x->from];
	uint32_t key = key_of(PROTO_TCP, SMTP);

	if (key < x->piece.keys.lo || key > x->piece.keys.hi ||
	    c->node == p->classes.v[x->to].node || !to_anyone(g, x))
		return true;
	g->zone = p->classes.v[x->to].node;
	for (size_t i = 0; i < c->n_cell; i++)
		g->sends[c->cell[i]] |=
			planned_has_source(p, x, c->cell[i]);
	return true;
}

static void add_sender(struct gather *g, uint32_t cell)
{
	const struct plan *p = g->p;
	const struct party *party = p->topo->parties.v[p->cell[cell].party];
	struct outside o = cell_outside(g->arena, p, cell, g->zone);

	if (o.unknown)
		vec_push(g->arena, &g->out->senders, (struct spf_sender){
				.party = party, .unknown = true });
	for (size_t i = 0; i < o.seen.n; i++)
		vec_push(g->arena, &g->out->senders, (struct spf_sender){
				.party = party, .range = o.seen.v[i],
				.is_private =
					address_is_private(o.seen.v[i].lo) });
}

/* ---- records ------------------------------------------------------------------------- */

struct maker {
	struct gather *g;
	struct spf_record *r;
	const char *word;
};

static bool same_range(struct addr_range x, struct addr_range y)
{
	return addr_eq(x.lo, y.lo) && addr_eq(x.hi, y.hi);
}

static void add_text(struct maker *m, const char *text)
{
	for (size_t i = 0; i < m->r->terms.n; i++)
		if (!strcmp(m->r->terms.v[i].text, text))
			return;
	vec_push(m->g->arena, &m->r->terms,
		 (struct spf_term){ .text = text, .word = m->word });
	m->r->lookups++;
}

static void add_range(struct maker *m, struct addr_range r,
		      const struct party *host, bool sends)
{
	char text[ADDR_TEXT];

	for (size_t i = 0; i < m->r->terms.n; i++) {
		struct spf_term *t = &m->r->terms.v[i];

		if (t->has_range && same_range(t->range, r)) {
			t->sends |= sends;
			return;
		}
	}
	range_text(r, text);
	vec_push(m->g->arena, &m->r->terms, (struct spf_term){
			.text = arena_printf(m->g->arena, "ip%d:%s",
					     addr_is_v4(r.lo) ? 4 : 6, text),
			.word = m->word, .host = host, .range = r,
			.has_range = true, .sends = sends,
			.is_private = address_is_private(r.lo) });
}

static bool on_internet(const struct party *x)
{
	const struct party *z = party_zone(x);

	return z && z->zone_kind == ZONE_INTERNET;
}

/* As the internet sees it; where no path leads there, as it is. */
static void add_cell(struct maker *m, uint32_t cell, const struct party *host)
{
	struct gather *g = m->g;
	uint32_t zone = g->zone == NONE ? internet_zone(g->p) : g->zone;
	struct addr_range own = { g->p->cell[cell].lo, g->p->cell[cell].hi };
	struct outside o;

	if (on_internet(host) || zone == NONE) {
		add_range(m, own, host, on_internet(host));
		return;
	}
	o = cell_outside(g->arena, g->p, cell, zone);
	for (size_t i = 0; i < o.seen.n; i++)
		add_range(m, o.seen.v[i], host, g->sends[cell]);
}

static void add_host(struct maker *m, const struct party *host)
{
	for (size_t i = 0; i < host->n_prefix; i++) {
		uint32_t cell = plan_cell(m->g->p, host->prefix[i].r.lo);

		if (cell != NONE)
			add_cell(m, cell, host);
	}
}

/* What hides behind one address is that address, the rest its own prefixes. */
static void add_network(struct maker *m, const struct party *net)
{
	for (size_t i = 0; i < net->n_public; i++)
		add_range(m, net->public[i].r, NULL, true);
	for (size_t i = 0; i < net->n_prefix; i++) {
		bool hidden = false;

		for (size_t k = 0; k < net->n_public; k++)
			hidden |= net->public[k].v4 == net->prefix[i].v4;
		if (!hidden)
			add_range(m, net->prefix[i].r, NULL, true);
	}
}

static bool bears(const struct party *x, const struct role *r)
{
	for (; x; x = x->parent)
		for (size_t i = 0; i < x->roles.n; i++)
			if (role_implies(x->roles.v[i], r))
				return true;
	return false;
}

static void add_role(struct maker *m, const char *name)
{
	const struct topology *t = m->g->p->topo;
	const struct role *r = topology_role(t, name);

	for (size_t i = 0; r && i < t->hosts.n; i++)
		if (bears(t->hosts.v[i], r))
			add_host(m, t->hosts.v[i]);
}

static const struct party *host_at(const struct plan *p, struct addr_range r)
{
	uint32_t cell = range_single(r) ? plan_cell(p, r.lo) : NONE;
	const struct party *x = cell == NONE ||
		p->cell[cell].party == NONE ? NULL :
		p->topo->parties.v[p->cell[cell].party];

	return x && x->kind == PARTY_HOST ? x : NULL;
}

static void add_word(struct maker *m, const char *word)
{
	const struct plan *p = m->g->p;
	const struct party *x = topology_party(p->topo, word);
	struct prefix pre;

	m->word = word;
	if (!strcmp(word, "mx") || !strncmp(word, "mx:", 3) ||
	    !strncmp(word, "a:", 2) || !strncmp(word, "include:", 8))
		add_text(m, word);
	else if (!strncmp(word, "role:", 5))
		add_role(m, word + 5);
	else if (x && x->kind == PARTY_HOST)
		add_host(m, x);
	else if (x)
		add_network(m, x);
	else if (!prefix_parse(m->g->arena, word, strlen(word), true, &pre)) {
		if (host_at(p, pre.r))
			add_cell(m, plan_cell(p, pre.r.lo),
				 host_at(p, pre.r));
		else
			add_range(m, pre.r, NULL, true);
	}
}

static void finish(struct arena *a, struct spf_record *r, const char *all)
{
	struct buf b = { 0 };

	buf_puts(&b, "v=spf1");
	for (size_t i = 0; i < r->terms.n; i++)
		buf_printf(&b, " %s", r->terms.v[i].text);
	buf_printf(&b, " %call", !strcmp(all, "fail") ? '-' :
		   !strcmp(all, "neutral") ? '?' : '~');
	r->text = arena_strdup(a, b.s);
	r->bytes = b.n;
	buf_free(&b);
}

static void add_records(struct gather *g, const struct mail_domain *d)
{
	struct spf_record r = { .said = d };
	struct maker m = { .g = g, .r = &r };

	for (size_t i = 0; i < d->senders.n; i++)
		add_word(&m, d->senders.v[i]);
	finish(g->arena, &r, d->all);
	for (size_t i = 0; i < d->names.n; i++) {
		r.domain = d->names.v[i];
		vec_push(g->arena, &g->out->records, r);
	}
}

/* ---- one against the other ------------------------------------------------------------- */

static bool range_in(struct addr_range in, struct addr_range r)
{
	return addr_cmp(in.lo, r.lo) <= 0 && addr_cmp(r.hi, in.hi) <= 0;
}

static enum spf_published published(const struct spf *s,
				    const struct spf_sender *x)
{
	enum spf_published best = SPF_UNPUBLISHED;

	for (size_t i = 0; i < s->records.n; i++) {
		const struct spf_record *r = &s->records.v[i];

		for (size_t k = 0; k < r->terms.n; k++)
			if (r->terms.v[k].has_range && !x->unknown &&
			    range_in(r->terms.v[k].range, x->range))
				return SPF_PUBLISHED;
		if (r->lookups)
			best = SPF_PERHAPS;
	}
	return best;
}

struct spf *spf_build(struct arena *a, const struct plan *p)
{
	struct spf *out = ARENA_NEW(a, struct spf);
	struct gather g = { .arena = a, .p = p, .out = out, .zone = NONE,
			    .sends = ARENA_ARRAY(a, bool, p->n_cell) };

	plan_each(p, take, &g);
	for (size_t i = 0; i < p->n_cell; i++)
		if (g.sends[i] && p->cell[i].party != NONE)
			add_sender(&g, (uint32_t)i);
	for (size_t i = 0; i < p->topo->mail_domains.n; i++)
		add_records(&g, p->topo->mail_domains.v[i]);
	for (size_t i = 0; i < out->senders.n; i++)
		out->senders.v[i].published =
			published(out, &out->senders.v[i]);
	return out;
}
