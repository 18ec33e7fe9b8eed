#include <string.h>

#include "advice/document_impl.h"
#include "advice/spf.h"

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || strchr("-_.", c);
}

/* A leg's name has an @, which no XML name has: a middle dot stands for it. */
const char *doc_id(struct doc *d, const struct party *p)
{
	struct buf b = { 0 };
	const char *s;

	buf_printf(&b, "%s.", party_kind_name(p->kind));
	for (s = p->name; *s; s++) {
		if (name_char(*s))
			buf_putc(&b, *s);
		else
			buf_puts(&b, "\u00b7");
	}
	return buf_take(d->arena, &b);
}

/* ---- roles ------------------------------------------------------------------------ */

/* Does it, or a role that it implies, open or serve anything, or does an
 * element name it? */
bool doc_role_used(const struct doc *d, const struct role *r)
{
	for (size_t i = 0; i < r->n_closure; i++)
		if (d->role_used[r->closure[i]] || d->role_named[r->closure[i]])
			return true;
	return false;
}

static bool given(const struct party *p, const struct role *r)
{
	for (size_t i = 0; i < p->roles.n; i++)
		if (p->roles.v[i] == r)
			return true;
	return false;
}

static bool implied(const struct party *p, const struct role *r)
{
	for (size_t i = 0; i < p->roles.n; i++)
		if (role_implies(p->roles.v[i], r))
			return true;
	return false;
}

/* All that a party bears, by itself or from around it. */
static void write_roles(struct doc *d, const struct party *p)
{
	const struct topology *t = d->p->topo;
	bool *bears = ARENA_ARRAY(d->arena, bool, t->roles.n);

	for (const struct party *x = p; x; x = x->parent)
		for (size_t i = 0; i < x->roles.n; i++)
			for (size_t k = 0; k < x->roles.v[i]->n_closure; k++)
				bears[x->roles.v[i]->closure[k]] = true;
	for (size_t i = 0; i < t->roles.n; i++) {
		const struct role *r = t->roles.v[i];

		if (!bears[i])
			continue;
		xw_open(&d->w, "role");
		xw_attr(&d->w, "name", r->name);
		xw_attr(&d->w, "by", given(p, r) ? "given" :
			implied(p, r) ? "implied" : "around");
		xw_yes(&d->w, "used", doc_role_used(d, r));
		xw_close(&d->w);
	}
}

static const char *role_names(struct doc *d, const role_list *l)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < l->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", l->v[i]->name);
	return buf_take(d->arena, &b);
}

static const char *ends_words(struct doc *d, const struct ends *e)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < e->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", e->v[i].text);
	return buf_take(d->arena, &b);
}

static void write_uses(struct doc *d, const struct party *p)
{
	for (size_t i = 0; i < p->use.n; i++) {
		xw_open(&d->w, "use");
		xw_attr(&d->w, "role", role_names(d, &p->use.v[i]->roles));
		xw_attr(&d->w, "of", ends_words(d, &p->use.v[i]->of));
		doc_place(d, p->use.v[i]->at);
		xw_close(&d->w);
	}
}

static void write_networks(struct doc *d, const char *name,
			   const struct party *p)
{
	struct buf b = { 0 };
	char text[ADDR_TEXT];

	for (size_t i = 0; i < p->n_prefix; i++) {
		range_text(p->prefix[i].r, text);
		buf_printf(&b, "%s%s", i ? " " : "", text);
	}
	xw_attr(&d->w, name, b.s);
	buf_free(&b);
}

/* ---- what a host serves on ports of its own choice ------------------------------------ */

static const struct pin *pin_in(const struct plan *p, const struct class *c,
				const struct service *s)
{
	for (size_t i = 0; i < p->lists.len[c->pins]; i++) {
		const struct pin *x =
			p->topo->pins.v[p->lists.v[c->pins][i]];

		if (x->service == s)
			return x;
	}
	return NULL;
}

/* The dynamic range that would be in force without a pin. */
static void write_range(struct doc *d, const struct class *c,
			const struct service *s)
{
	const struct lists *l = &d->p->lists;
	size_t n = l->len[c->dynamic];

	if (c->dynamic && n) {
		xw_attr(&d->w, "range-by", "dynamic-ports");
		xw_number(&d->w, "range-low", l->v[c->dynamic][0]);
		xw_number(&d->w, "range-high", l->v[c->dynamic][n - 1]);
		return;
	}
	xw_attr(&d->w, "range-by", "service");
	xw_number(&d->w, "range-low", key_detail(s->keys.r[0].lo));
	xw_number(&d->w, "range-high",
		  key_detail(s->keys.r[s->keys.n - 1].hi));
}

static unsigned served_as(const struct doc *d, const struct service *s,
			  uint32_t cls)
{
	uint32_t key[2][2] = { { s->id, cls },
			       { s->id, d->p->classes.v[cls].dest } };
	unsigned how = 0;

	for (int i = 0; i < 2; i++) {
		const struct map_entry *e = map_find(&d->served, key[i],
						     sizeof(key[i]));

		how |= e ? e->val.u : 0;
	}
	return how;
}

static void write_dynamic(struct doc *d, const struct service *s,
			  uint32_t cls)
{
	const struct class *c = &d->p->classes.v[cls];
	const struct pin *x = pin_in(d->p, c, s);
	unsigned how = served_as(d, s, cls);
	uint32_t pin;
	struct key_set keys;

	if (!how && !x)
		return;
	keys = plan_service_keys(d->p, s, cls, &pin, d->arena);
	xw_open(&d->w, x ? "pin" : "dynamic");
	xw_attr(&d->w, "service", s->name);
	if (x)
		xw_attr(&d->w, "by", x->role ? "role" : "host");
	write_range(d, c, s);
	xw_number(&d->w, "size", doc_ports_size(keys.r, keys.n).ports);
	xw_number(&d->w, "low", key_detail(keys.r[0].lo));
	xw_number(&d->w, "high", key_detail(keys.r[keys.n - 1].hi));
	xw_yes(&d->w, "crosses", how & SERVED_ACROSS);
	xw_yes(&d->w, "clear", how & SERVED_CLEAR);
	if (x)
		doc_place(d, x->at);
	xw_close(&d->w);
}

/* All addresses of a host are served alike. */
static void write_dynamics(struct doc *d, const struct party *p)
{
	const struct topology *t = d->p->topo;

	if (!d->cells[p->id].n)
		return;
	for (size_t i = 0; i < t->services.n; i++)
		if (t->services.v[i]->dynamic)
			write_dynamic(d, t->services.v[i],
				      d->p->cell[d->cells[p->id].v[0]].cls);
}

/* ---- parties -------------------------------------------------------------------------- */

/* The groups that hold all of a party: what is planned for it. */
static void write_group_refs(struct doc *d, const struct party *p)
{
	struct buf groups = { 0 }, services = { 0 };

	for (size_t i = 0; i < d->groups_of[p->id].n; i++) {
		uint32_t id = d->groups_of[p->id].v[i];

		buf_printf(&groups, "%sg%u", groups.n ? " " : "", id);
		if (doc_has_services(&d->groups.v[id]))
			buf_printf(&services, "%ss%u", services.n ? " " : "",
				   id);
	}
	xw_attr(&d->w, "groups", groups.s);
	xw_attr(&d->w, "services", services.s);
	buf_free(&groups);
	buf_free(&services);
}

/* What the world knows it by, where that is another one. */
static void write_public(struct doc *d, struct addr own)
{
	const struct plan *p = d->p;
	uint32_t cell = plan_cell(p, own);
	char text[ADDR_TEXT];

	if (cell == NONE || !p->translates || p->cell[cell].behind == NONE)
		return;
	addr_text(p->publics.v[p->cell[cell].behind].addr, text);
	xw_attr(&d->w, p->cell[cell].nat == NAT_ONE ? "public" : "hides-behind",
		text);
}

static void write_addresses(struct doc *d, const struct party *p)
{
	char text[ADDR_TEXT];

	for (size_t i = 0; i < p->n_prefix; i++) {
		addr_text(p->prefix[i].r.lo, text);
		xw_open(&d->w, "address");
		xw_attr(&d->w, "value", text);
		xw_number(&d->w, "family", p->prefix[i].v4 ? 4 : 6);
		xw_yes(&d->w, "private", address_is_private(p->prefix[i].r.lo));
		write_public(d, p->prefix[i].r.lo);
		xw_close(&d->w);
	}
}

static void write_host(struct doc *d, const struct party *p)
{
	static const char *const exposed[] = { NULL, "named", "anyone" };

	xw_open(&d->w, "host");
	xw_attr(&d->w, "xml:id", doc_id(d, p));
	xw_attr(&d->w, "name", p->name);
	write_networks(d, "addresses", p);
	write_group_refs(d, p);
	xw_attr(&d->w, "exposed", exposed[d->exposed[p->id]]);
	if (d->host_reach[p->id] != NONE)
		xw_printf(&d->w, "reach", "r%u", d->host_reach[p->id]);
	xw_yes(&d->w, "named", d->party_named[p->id]);
	doc_place(d, p->at);
	write_addresses(d, p);
	write_roles(d, p);
	write_uses(d, p);
	write_dynamics(d, p);
	xw_close(&d->w);
}

static void write_children(struct doc *d, const struct party *p);

static void write_network(struct doc *d, const struct party *p)
{
	xw_open(&d->w, "network");
	xw_attr(&d->w, "xml:id", doc_id(d, p));
	xw_attr(&d->w, "name", p->name);
	write_networks(d, "networks", p);
	write_group_refs(d, p);
	xw_yes(&d->w, "named", d->party_named[p->id]);
	doc_place(d, p->at);
	write_roles(d, p);
	write_uses(d, p);
	write_children(d, p);
	xw_close(&d->w);
}

static void write_children(struct doc *d, const struct party *p)
{
	for (size_t i = 0; i < d->children[p->id].n; i++) {
		const struct party *x =
			d->p->topo->parties.v[d->children[p->id].v[i]];

		if (x->kind == PARTY_NETWORK)
			write_network(d, x);
		else if (x->kind == PARTY_HOST)
			write_host(d, x);
	}
}

static bool on_firewall(const struct topology *t, const struct party *zone)
{
	for (size_t i = 0; i < t->firewalls.n; i++)
		for (size_t k = 0; k < t->firewalls.v[i]->interfaces.n; k++)
			if (t->firewalls.v[i]->interfaces.v[k]->zone == zone)
				return true;
	return false;
}

void doc_write_parties(struct doc *d)
{
	const struct topology *t = d->p->topo;

	for (size_t i = 0; i < t->zones.n; i++) {
		const struct party *z = t->zones.v[i];

		xw_open(&d->w, "zone");
		xw_attr(&d->w, "xml:id", doc_id(d, z));
		xw_attr(&d->w, "name", z->name);
		xw_attr(&d->w, "kind", doc_zone_kind_name(d->p, z->zone_id));
		write_networks(d, "networks", z);
		write_group_refs(d, z);
		xw_yes(&d->w, "transit", z->transit);
		xw_attr(&d->w, "inside", z->inside_any ? "any" : "planned");
		xw_yes(&d->w, "named", d->party_named[z->id]);
		xw_yes(&d->w, "firewall", on_firewall(t, z));
		doc_place(d, z->at);
		write_roles(d, z);
		write_uses(d, z);
		write_children(d, z);
		xw_close(&d->w);
	}
}

/* ---- firewalls and routes -------------------------------------------------------------- */

static void write_interface(struct doc *d, const struct interface *x)
{
	struct buf b = { 0 };
	char text[ADDR_TEXT];

	for (size_t i = 0; i < x->n_address; i++) {
		addr_text(x->address[i].r.lo, text);
		buf_printf(&b, "%s%s", i ? " " : "", text);
	}
	xw_open(&d->w, "interface");
	xw_attr(&d->w, "name", x->name);
	xw_attr(&d->w, "zone", x->zone->name);
	xw_attr(&d->w, "addresses", b.s);
	xw_yes(&d->w, "dhcp", x->dhcp);
	xw_close(&d->w);
	buf_free(&b);
}

static void write_firewall(struct doc *d, const struct firewall *f)
{
	xw_open(&d->w, "firewall");
	xw_attr(&d->w, "xml:id", doc_id(d, f->party));
	xw_attr(&d->w, "name", f->name);
	xw_number(&d->w, "inputs", (double)f->inputs.n);
	xw_yes(&d->w, "logs", f->log_drops);
	xw_yes(&d->w, "unmanaged", f->unmanaged);
	doc_place(d, f->at);
	for (size_t i = 0; i < f->nodes.n; i++) {
		xw_open(&d->w, "node");
		xw_attr(&d->w, "name", f->nodes.v[i]);
		xw_close(&d->w);
	}
	for (size_t i = 0; i < f->interfaces.n; i++)
		write_interface(d, f->interfaces.v[i]);
	xw_close(&d->w);
}

static void write_path(struct doc *d, const struct path *path)
{
	const struct topology *t = d->p->topo;

	xw_open(&d->w, "path");
	for (size_t i = 0; i < path->n; i++) {
		xw_open(&d->w, "hop");
		xw_attr(&d->w, "firewall",
			t->firewalls.v[path->hop[i].firewall]->name);
		xw_attr(&d->w, "in", t->zones.v[path->hop[i].in]->name);
		xw_attr(&d->w, "out", t->zones.v[path->hop[i].out]->name);
		xw_close(&d->w);
	}
	xw_close(&d->w);
}

/* Only those that something planned takes. */
static void write_routes(struct doc *d)
{
	const struct plan *p = d->p;
	struct map seen = { 0 };

	for (size_t i = 0; i < d->flows.n; i++) {
		uint32_t key[2] = { d->flows.v[i].from_node,
				    d->flows.v[i].to_node };
		const struct route *r;
		int is_new;

		if (key[0] == key[1] || key[0] >= p->n_zones ||
		    key[1] >= p->n_zones)
			continue;
		map_add(d->arena, &seen, key, sizeof(key), &is_new);
		if (!is_new)
			continue;
		r = plan_route(p, key[0], key[1]);
		xw_open(&d->w, "route");
		xw_attr(&d->w, "from", plan_node_name(p, key[0]));
		xw_attr(&d->w, "to", plan_node_name(p, key[1]));
		for (size_t k = 0; k < r->paths.n; k++)
			write_path(d, &r->paths.v[k]);
		xw_close(&d->w);
	}
}

void doc_write_firewalls(struct doc *d)
{
	const struct topology *t = d->p->topo;

	for (size_t i = 0; i < t->firewalls.n; i++)
		write_firewall(d, t->firewalls.v[i]);
	write_routes(d);
}
