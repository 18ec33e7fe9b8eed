#include <string.h>

#include "cli/import.h"
#include "cli/splice.h"
#include "topology/xml.h"

static void put_host(struct buf *out, const struct placed *x, size_t indent)
{
	const struct inv_host *h = x->host;
	struct buf list = { 0 };
	char text[ADDR_TEXT];

	for (size_t i = 0; i < h->address.n; i++) {
		addr_text(h->address.v[i].addr, text);
		buf_printf(&list, "%s%s", i ? " " : "", text);
	}
	buf_pad(out, ' ', indent);
	buf_puts(out, "<host");
	buf_xml_attr(out, "name", x->name);
	buf_xml_attr(out, "address", list.s);
	if (*x->roles)
		buf_xml_attr(out, "roles", x->roles);
	if (h->owner)
		buf_xml_attr(out, "owner", h->owner);
	buf_puts(out, "/>\n");
	buf_free(&list);
}

static void put_hosts(struct import *m, const struct party *where,
		      size_t indent, struct buf *out)
{
	for (size_t i = 0; i < m->placed.n; i++)
		if (m->placed.v[i].where == where)
			put_host(out, &m->placed.v[i], indent);
}

void import_include(struct import *m, const struct party *where,
		    struct buf *out)
{
	buf_printf(out, "<topology xmlns=\"" PORTPLAN_NS "\">\n");
	put_hosts(m, where, 2, out);
	buf_puts(out, "</topology>\n");
}

void import_element(const char *file, struct buf *out)
{
	buf_puts(out, "<include");
	buf_xml_attr(out, "file", file);
	buf_puts(out, "/>");
}

/* ---- into the text ----------------------------------------------------------- */

static void put_spliced(void *ctx, const struct party *where, size_t indent,
			struct buf *out)
{
	put_hosts(ctx, where, indent, out);
}

void import_splice(struct import *m, struct buf *out)
{
	const struct source *src = m->l.topo->at.src;
	VEC(struct splice) v = { 0 };
	struct map seen = { 0 };

	for (size_t i = 0; i < m->placed.n; i++) {
		struct placed *x = &m->placed.v[i];
		int is_new;

		if (!x->where)
			continue;
		if (x->where->xml->src != src) {
			x->why = arena_printf(m->a->arena, "\"%s\" is written "
					"in %s: use -d", x->where->name,
					x->where->xml->src->name);
			x->where = NULL;
			continue;
		}
		map_add(m->a->arena, &seen, &x->where, sizeof(x->where),
			&is_new);
		if (is_new)
			vec_push(m->a->arena, &v,
				 (struct splice){ x->where, put_spliced, m });
	}
	splice_text(src, v.v, v.n, out);
}

/* ---- a topology of nothing but zones ------------------------------------------ */

static void put_networks(struct import *m, const char *zone, struct buf *out)
{
	struct map seen = { 0 };

	for (size_t i = 0; i < m->inv.hosts.n; i++) {
		const struct inv_host *h = m->inv.hosts.v[i];

		for (size_t k = 0; h->zone && !strcmp(h->zone, zone) &&
		     k < h->address.n; k++) {
			const struct inv_address *x = &h->address.v[k];
			bool v4 = addr_is_v4(x->addr);
			int len = x->len < 0 ? v4 ? 32 : 128 : x->len, is_new;
			struct addr_range r = range_of_prefix(x->addr,
					(unsigned)len + (v4 ? 96 : 0));
			char text[ADDR_TEXT];

			range_text(r, text);
			map_add_str(m->a->arena, &seen, text, &is_new);
			if (is_new)
				buf_printf(out, "%s%s", out->n ? " " : "",
					   text);
		}
	}
}

void import_skeleton(struct import *m, const char *templates, struct buf *out)
{
	struct map seen = { 0 };

	buf_printf(out, "<!-- Made from inventories. Zones hold the networks "
			"that were listed: write the\n     firewalls between "
			"them, and the prefixes they really are. -->\n"
			"<topology xmlns=\"" PORTPLAN_NS "\" name=\"imported\"");
	if (*templates)
		buf_xml_attr(out, "template", templates);
	buf_puts(out, ">\n");
	for (size_t i = 0; i < m->inv.hosts.n; i++) {
		const struct inv_host *h = m->inv.hosts.v[i];
		struct buf nets = { 0 };
		int is_new;

		if (!h->zone || !h->address.n)
			continue;
		map_add_str(m->a->arena, &seen, h->zone, &is_new);
		if (!is_new)
			continue;
		put_networks(m, h->zone, &nets);
		buf_puts(out, "  <zone");
		buf_xml_attr(out, "name", h->zone);
		buf_xml_attr(out, "networks", nets.s ? nets.s : "");
		buf_puts(out, "/>\n");
		buf_free(&nets);
	}
	buf_puts(out, "</topology>\n");
}
