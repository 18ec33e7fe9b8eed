#include <string.h>

#include "topology/build.h"

/* Translation, as said: what public addresses stand for. Which zone owns them
 * is the business of plan/. */

static size_t of_family(const struct prefix *v, size_t n, bool v4)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += v[i].v4 == v4;
	return k;
}

/* A party has an address; a zone or network always may. */
static void check_families(struct build *b, const struct party *p)
{
	for (int v4 = 1; v4 >= 0; v4--) {
		size_t n = of_family(p->public, p->n_public, v4);
		size_t own = of_family(p->prefix, p->n_prefix, v4);

		if (p->kind == PARTY_HOST && n > own)
			diag_add(b->d, SEV_ERROR,
				 xml_value_span(p->xml, "public"),
				 "host \"%s\" has %zu IPv%d address%s and %zu "
				 "public one%s: the n-th public address is the "
				 "n-th address's", p->name, own, v4 ? 4 : 6,
				 own == 1 ? "" : "es", n, plural(n));
		if (p->kind != PARTY_HOST && n > 1)
			diag_add(b->d, SEV_ERROR,
				 xml_value_span(p->xml, "public"),
				 "%s \"%s\" hides behind one public address of "
				 "a family, not %zu", party_kind_name(p->kind),
				 p->name, n);
		if (p->kind != PARTY_HOST && n == 1 && !own && p->n_prefix)
			diag_add(b->d, SEV_ERROR,
				 xml_value_span(p->xml, "public"),
				 "%s \"%s\" has no IPv%d addresses to hide "
				 "behind a public one",
				 party_kind_name(p->kind), p->name,
				 v4 ? 4 : 6);
	}
}

/* "interface" stands alone, and where many are meant. */
static bool is_masquerade(struct build *b, const struct party *p)
{
	struct words w = value_words(b, p->xml, "public");
	bool has = false;

	for (size_t i = 0; i < w.n; i++)
		has |= !strcmp(w.v[i].s, "interface");
	if (!has)
		return false;
	if (p->kind == PARTY_HOST)
		diag_add(b->d, SEV_ERROR, w.value,
			 "\"interface\" hides many behind one address: a host "
			 "has public addresses of its own, or its network or "
			 "zone says \"interface\"");
	else if (w.n > 1)
		diag_add(b->d, SEV_ERROR, w.value,
			 "\"interface\" stands alone in \"public\"");
	return true;
}

void resolve_public(struct build *b, const struct item *it)
{
	struct party *p = it->made;

	p->masquerade = is_masquerade(b, p);
	if (p->masquerade)
		return;
	value_prefixes(b, p->xml, "public", true, &p->public, &p->public_at,
		       &p->n_public);
	check_families(b, p);
}

/* ---- publish ------------------------------------------------------------------ */

static struct party *publish_host(struct build *b, const struct item *it)
{
	const char *name = xml_attr(it->xml, "to");
	struct party *p = name ?
		find_party(b, it->xml, "to", name, 0) : NULL;

	if (p && p->kind != PARTY_HOST) {
		diag_add(b->d, SEV_ERROR, xml_value_span(it->xml, "to"),
			 "\"%s\" is a %s: a port is forwarded to one host",
			 name, party_kind_name(p->kind));
		return NULL;
	}
	return p;
}

/* The host's first address of the family. */
static void publish_own(struct build *b, struct publish *u)
{
	for (size_t i = 0; i < u->host->n_prefix; i++)
		if (u->host->prefix[i].v4 == u->address.v4) {
			u->own = u->host->prefix[i].r.lo;
			return;
		}
	diag_add2(b->d, SEV_ERROR, u->address_at, u->host->at, "this host",
		  "host \"%s\" has no IPv%d address to forward to",
		  u->host->name, u->address.v4 ? 4 : 6);
}

static void publish_port(struct build *b, const struct item *it,
			 struct publish *u)
{
	struct key_set port = value_ports(b, it->xml, "port", 0);
	struct key_set per[2] = {
		value_ports(b, it->xml, "tcp", PROTO_TCP),
		value_ports(b, it->xml, "udp", PROTO_UDP),
	};

	u->keys = keys_union(b->arena, per[0], per[1]);
	if (!xml_attr(it->xml, "tcp") && !xml_attr(it->xml, "udp"))
		diag_add(b->d, SEV_ERROR, xml_span(it->xml),
			 "<publish> says no ports: give tcp or udp");
	if (!port.n)
		return;
	if (port.n > 1 || port.r[0].lo != port.r[0].hi) {
		diag_add(b->d, SEV_ERROR, xml_value_span(it->xml, "port"),
			 "\"port\" is one port of the host");
		return;
	}
	for (int i = 0; i < 2; i++)
		if (per[i].n > 1 || (per[i].n && per[i].r[0].lo !=
						 per[i].r[0].hi)) {
			diag_add(b->d, SEV_ERROR,
				 xml_value_span(it->xml, "port"),
				 "\"port\" moves one public port: give each a "
				 "<publish> of its own, or leave \"port\" out "
				 "where the numbers are the same");
			return;
		}
	u->port = key_detail(port.r[0].lo);
}

void resolve_publish(struct build *b, struct item *it)
{
	struct publish *u = ARENA_NEW(b->arena, struct publish);
	struct prefix *address;
	struct span *at;
	size_t n;

	u->xml = it->xml;
	u->at = xml_span(it->xml);
	u->name = xml_attr(it->xml, "name");
	u->ident = item_ident(b, it);
	u->host = publish_host(b, it);
	publish_port(b, it, u);
	value_prefixes(b, it->xml, "address", true, &address, &at, &n);
	if (n > 1)
		diag_add(b->d, SEV_ERROR, at[1],
			 "one public address: give each a <publish> of its "
			 "own");
	if (n != 1 || !u->host || !u->keys.n)
		return;
	u->address = address[0];
	u->address_at = at[0];
	publish_own(b, u);
	u->id = (uint32_t)b->topo->publishes.n;
	vec_push(b->arena, &b->topo->publishes, u);
}

/* ---- one address, one meaning --------------------------------------------------- */

/* What an address was first given to: 1:1, or to many. */
struct given {
	struct span at;
	const struct party *party; /* zone or network: many */
};

static void check_party(struct build *b, struct map *seen,
			const struct party *p)
{
	for (size_t i = 0; i < p->n_public; i++) {
		struct addr a = p->public[i].r.lo;
		char text[ADDR_TEXT];
		int is_new;
		struct map_entry *e = map_add(b->arena, seen, &a, sizeof(a),
					      &is_new);
		struct given *g = e->val.p;

		if (is_new) {
			g = ARENA_NEW(b->arena, struct given);
			*g = (struct given){ p->public_at[i], p };
			e->val.p = g;
			continue;
		}
		if (p->kind != PARTY_HOST && g->party->kind != PARTY_HOST)
			continue;
		addr_text(a, text);
		diag_add2(b->d, SEV_ERROR, p->public_at[i], g->at,
			  "the other one",
			  "%s is the public address of %s \"%s\" and of %s "
			  "\"%s\": one that is a host's own is nobody "
			  "else's", text, party_kind_name(g->party->kind),
			  g->party->name, party_kind_name(p->kind), p->name);
	}
}

static void check_publish(struct build *b, const struct map *seen, size_t i)
{
	const struct publish *u = b->topo->publishes.v[i];
	struct addr a = u->address.r.lo;
	struct map_entry *e = map_find(seen, &a, sizeof(a));
	const struct given *g = e ? e->val.p : NULL;
	char text[ADDR_TEXT], key[KEY_TEXT];

	addr_text(a, text);
	if (g && g->party->kind == PARTY_HOST)
		diag_add2(b->d, SEV_ERROR, u->address_at, g->at,
			  "it is given here",
			  "%s is the public address of host \"%s\", which has "
			  "all its ports", text, g->party->name);
	for (size_t k = 0; k < i; k++) {
		const struct publish *o = b->topo->publishes.v[k];

		if (!addr_eq(o->address.r.lo, a) ||
		    !keys_meet(u->keys, o->keys))
			continue;
		key_text(keys_and(b->arena, u->keys, o->keys).r[0], key);
		diag_add2(b->d, SEV_ERROR, u->at, o->at, "the other one",
			  "%s of %s is forwarded twice, to \"%s\" and to "
			  "\"%s\"", key, text, o->host->name, u->host->name);
		return;
	}
}

void check_public(struct build *b)
{
	struct map seen = { 0 };

	for (size_t i = 0; i < b->topo->parties.n; i++)
		check_party(b, &seen, b->topo->parties.v[i]);
	for (size_t i = 0; i < b->topo->publishes.n; i++)
		check_publish(b, &seen, i);
}
