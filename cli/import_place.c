#include <ctype.h>
#include <string.h>

#include "cli/import.h"

/* ---- the map ---------------------------------------------------------------- */

const char *import_near_role(struct import *m, const char *name)
{
	const struct topology *t = m->l.topo;
	VEC(const char *) v = { 0 };

	for (size_t i = 0; i < t->roles.n; i++)
		vec_push(m->a->arena, &v, t->roles.v[i]->name);
	return did_you_mean(m->a->arena, name, v.v, v.n);
}

static const struct party *zone_of(const struct import *m, const char *name)
{
	const struct party *p = topology_party(m->l.topo, name);

	return p && p->kind == PARTY_ZONE ? p : NULL;
}

bool import_check_map(struct import *m)
{
	for (size_t i = 0; i < m->map.rules.n; i++) {
		const struct inv_rule *r = &m->map.rules.v[i];
		bool zone = !strcasecmp(r->kind, "zone");

		for (size_t k = 0; k < r->role.n; k++) {
			const struct inv_role *x = &r->role.v[k];

			if (zone && !zone_of(m, x->name))
				diag_add(&m->diags, SEV_ERROR, x->at,
					 "there is no zone \"%s\"", x->name);
			if (!zone && !topology_role(m->l.topo, x->name))
				diag_add(&m->diags, SEV_ERROR, x->at,
					 "there is no role \"%s\"%s", x->name,
					 import_near_role(m, x->name));
		}
	}
	return !m->diags.n_errors;
}

/* ---- roles --------------------------------------------------------------------- */

static void add_role(struct arena *a, const char **roles, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = *roles; (p = strstr(p, name)); p += n)
		if ((p == *roles || p[-1] == ' ') &&
		    (p[n] == ' ' || !p[n]))
			return;
	*roles = arena_printf(a, "%s%s%s", *roles, **roles ? " " : "", name);
}

static void note_unknown(struct import *m, const struct inv_word *w)
{
	const char *s = arena_printf(m->a->arena, "%s:%s",
				     w->role ? "" : w->kind, w->value);
	int is_new;
	struct map_entry *e = map_add_str(m->a->arena, &m->unknown_ids, s,
					  &is_new);

	if (is_new) {
		e->val.u = (uint32_t)m->unknown.n;
		vec_push(m->a->arena, &m->unknown, w);
		vec_push(m->a->arena, &m->n_unknown, 0);
	}
	m->n_unknown.v[e->val.u]++;
}

static bool map_word(struct import *m, const char *kind, const char *value,
		     const char **roles)
{
	struct inv_rule *r;
	size_t at = 0;
	bool known = false;

	while ((r = inv_map_next(&m->map, kind, value, &at))) {
		known = true;
		for (size_t k = 0; k < r->role.n; k++)
			add_role(m->a->arena, roles, r->role.v[k].name);
	}
	return known;
}

/* A role's own name means that role, unless the map says otherwise. */
static const char *roles_of(struct import *m, const struct inv_host *h)
{
	const char *roles = "";

	if (h->name)
		map_word(m, "name", h->name, &roles);
	for (size_t i = 0; i < h->word.n; i++) {
		const struct inv_word *w = &h->word.v[i];
		bool known = map_word(m, w->kind, w->value, &roles);

		if (!known && topology_role(m->l.topo, w->value)) {
			known = true;
			add_role(m->a->arena, &roles, w->value);
		}
		if (!known)
			note_unknown(m, w);
	}
	return roles;
}

/* ---- names ---------------------------------------------------------------------- */

enum { NAME_MOST = 64 };

/* What a name may be: letters, digits, - _ and ., and no address. */
static const char *legal_name(struct import *m, const struct inv_host *h)
{
	struct buf b = { 0 };
	const char *s = h->name;
	char text[ADDR_TEXT];

	if (!s && h->address.n) {
		addr_text(h->address.v[0].addr, text);
		s = text;
	}
	if (!s)
		return NULL;
	if (looks_like_address(s) || !strcmp(s, "mx") || !strcmp(s, "any") ||
	    !isalnum((unsigned char)*s))
		buf_puts(&b, "host-");
	for (; *s && b.n < NAME_MOST; s++)
		buf_putc(&b, isalnum((unsigned char)*s) || *s == '-' ||
			     *s == '_' || *s == '.' ? *s : '-');
	return buf_take(m->a->arena, &b);
}

static const char *lower(struct arena *a, const char *s)
{
	char *out = arena_strdup(a, s);

	for (char *p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

static bool name_taken(struct import *m, const char *name)
{
	return map_find_str(&m->names, lower(m->a->arena, name));
}

static void take_name(struct import *m, const char *name)
{
	map_add_str(m->a->arena, &m->names, lower(m->a->arena, name), NULL);
}

/* ---- places ----------------------------------------------------------------------- */

static bool covers(const struct party *p, struct addr a)
{
	for (size_t i = 0; i < p->n_prefix; i++)
		if (range_has(p->prefix[i].r, a))
			return true;
	return false;
}

/* Outwards from where the first address lies to what holds all of them. */
static const struct party *innermost(const struct import *m,
				     const struct inv_host *h)
{
	const struct plan *p = m->l.plan;
	const struct cell *c = &p->cell[plan_cell(p, h->address.v[0].addr)];
	const struct party *q = m->l.topo->parties.v[c->network];

	for (; q && q->kind != PARTY_ZONE; q = q->parent) {
		size_t i = 0;

		while (i < h->address.n && covers(q, h->address.v[i].addr))
			i++;
		if (i == h->address.n)
			break;
	}
	return q;
}

static const char *shown(struct import *m, struct addr a)
{
	char text[ADDR_TEXT];

	addr_text(a, text);
	return arena_strdup(m->a->arena, text);
}

/* The zone that its words ask for; NULL and out->why if there is none. */
static bool zone_wanted(struct import *m, const struct inv_host *h,
			const struct party **zone, const char **why)
{
	struct inv_rule *r;
	size_t at = 0;

	*zone = NULL;
	if (!h->zone)
		return true;
	r = inv_map_next(&m->map, "zone", h->zone, &at);
	*zone = zone_of(m, r ? r->role.v[0].name : h->zone);
	if (!*zone)
		*why = arena_printf(m->a->arena, "there is no zone \"%s\"",
				    h->zone);
	return *zone;
}

/* Where all its addresses are; NULL and why. */
static const struct party *place_of(struct import *m, struct placed *x)
{
	const struct inv_host *h = x->host;
	const struct plan *p = m->l.plan;
	const struct party *want, *got = NULL;

	if (!h->address.n) {
		x->why = "no address";
		return NULL;
	}
	if (!zone_wanted(m, h, &want, &x->why))
		return NULL;
	for (size_t i = 0; i < h->address.n; i++) {
		struct addr a = h->address.v[i].addr;
		const struct cell *c = &p->cell[plan_cell(p, a)];
		const struct party *q = c->party == NONE ? NULL :
			m->l.topo->parties.v[c->party];

		if (q && (q->kind == PARTY_HOST || q->kind == PARTY_FIREWALL)) {
			x->there = q->kind == PARTY_HOST;
			x->why = arena_printf(m->a->arena, "%s is %s \"%s\" "
					      "already", shown(m, a),
					      party_kind_name(q->kind),
					      q->name);
			return NULL;
		}
		if (c->zone == NONE) {
			x->why = arena_printf(m->a->arena, "%s lies in no "
					      "zone", shown(m, a));
			return NULL;
		}
		if (got && got != m->l.topo->zones.v[c->zone]) {
			x->why = arena_printf(m->a->arena, "its addresses lie "
					"in \"%s\" and \"%s\": write it by "
					"hand, with a leg", got->name,
					m->l.topo->zones.v[c->zone]->name);
			return NULL;
		}
		got = m->l.topo->zones.v[c->zone];
	}
	if (want && want != got) {
		x->why = arena_printf(m->a->arena, "listed in \"%s\", but %s "
				      "lies in \"%s\"", want->name,
				      shown(m, h->address.v[0].addr),
				      got->name);
		return NULL;
	}
	return innermost(m, h);
}

/* Two hosts of the lists with one address: the first has it. */
static bool address_taken(struct import *m, struct map *seen,
			  struct placed *x)
{
	for (size_t i = 0; i < x->host->address.n; i++) {
		struct addr a = x->host->address.v[i].addr;
		struct map_entry *e = map_find(seen, &a, sizeof(a));

		if (e && strcmp(e->val.cp, x->name)) {
			x->why = arena_printf(m->a->arena, "%s is listed for "
					      "\"%s\" as well", shown(m, a),
					      (const char *)e->val.cp);
			return true;
		}
	}
	for (size_t i = 0; i < x->host->address.n; i++) {
		struct addr a = x->host->address.v[i].addr;

		map_add(m->a->arena, seen, &a, sizeof(a), NULL)->val.cp =
			x->name;
	}
	return false;
}

/* Lines of one name are one host: its addresses of both families, for example,
 * where a list has a line for each. */
static void merge_lines(struct import *m)
{
	struct map by_name = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < m->inv.hosts.n; i++) {
		struct inv_host *h = m->inv.hosts.v[i], *first;
		struct map_entry *e;
		int is_new = 1;

		e = h->name ? map_add_str(m->a->arena, &by_name,
				lower(m->a->arena, h->name), &is_new) : NULL;
		if (is_new) {
			if (e)
				e->val.p = h;
			m->inv.hosts.v[n++] = h;
			continue;
		}
		first = e->val.p;
		for (size_t k = 0; k < h->address.n; k++) {
			bool has = false;

			for (size_t j = 0; j < first->address.n; j++)
				has |= addr_eq(first->address.v[j].addr,
					       h->address.v[k].addr);
			if (!has)
				vec_push(m->a->arena, &first->address,
					 h->address.v[k]);
		}
		for (size_t k = 0; k < h->word.n; k++)
			vec_push(m->a->arena, &first->word, h->word.v[k]);
		first->zone = first->zone ? first->zone : h->zone;
		first->owner = first->owner ? first->owner : h->owner;
	}
	m->inv.hosts.n = n;
}

void import_place(struct import *m)
{
	const struct topology *t = m->l.topo;
	struct map seen = { 0 };

	for (size_t i = 0; i < t->parties.n; i++)
		take_name(m, t->parties.v[i]->name);
	merge_lines(m);
	for (size_t i = 0; i < m->inv.hosts.n; i++) {
		struct placed x = { .host = m->inv.hosts.v[i] };

		x.name = legal_name(m, x.host);
		x.roles = roles_of(m, x.host);
		x.where = place_of(m, &x);
		if (x.where && name_taken(m, x.name)) {
			x.why = "its name is taken";
			x.where = NULL;
		}
		if (x.where && address_taken(m, &seen, &x))
			x.where = NULL;
		if (x.where)
			take_name(m, x.name);
		vec_push(m->a->arena, &m->placed, x);
	}
}
