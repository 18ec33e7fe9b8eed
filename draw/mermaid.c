#include <string.h>

#include "base/json.h"
#include "draw/draw.h"

/* GitHub draws with Mermaid's defaults, and shows an error beyond them. */
enum { MAX_EDGES = 500, MAX_TEXT = 50000, FEW = 15, ON_A_LINE = 3 };

/* Text between quotes: what Mermaid, or the HTML it makes, would read. */
static void put_quoted(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (strchr("\"#<>&`;\\{}[]|%", *s))
			buf_printf(out, "#%d;", *s);
		else
			buf_putc(out, (unsigned char)*s < 0x20 ? ' ' : *s);
}

static void put_node(const struct plan *p, uint32_t node, struct buf *out)
{
	if (node < p->n_zones)
		buf_printf(out, "z%u", node);
	else
		buf_printf(out, "f%u", node - p->n_zones);
}

static size_t hosts_of(const struct topology *t, const struct party *zone)
{
	size_t n = 0;

	for (size_t i = 0; i < t->hosts.n; i++)
		n += party_zone(t->hosts.v[i]) == zone;
	return n;
}

static void put_zones(const struct drawing *d, struct buf *out)
{
	const struct topology *t = d->plan->topo;

	for (size_t i = 0; i < t->zones.n; i++) {
		const struct party *z = t->zones.v[d->order[i]];
		size_t n = hosts_of(t, z);

		buf_printf(out, "  z%u[\"<b>", z->zone_id);
		put_quoted(out, z->name);
		buf_puts(out, "</b>");
		if (n)
			buf_printf(out, "<br>%zu host%s", n,
				   plural(n));
		buf_puts(out, "\"]\n");
	}
}

/* Firewalls are nodes only where something is planned to or from them. */
static void put_firewalls(const struct drawing *d, struct buf *out)
{
	const struct plan *p = d->plan;

	for (uint32_t f = 0; f < p->topo->firewalls.n; f++) {
		bool end = false;

		for (size_t i = 0; i < d->bundles.n; i++)
			end |= d->bundles.v[i].from == p->n_zones + f ||
			       d->bundles.v[i].to == p->n_zones + f;
		if (!end)
			continue;
		buf_printf(out, "  f%u{{\"", f);
		put_quoted(out, p->topo->firewalls.v[f]->name);
		buf_puts(out, "\"}}\n");
	}
}

/* "by outer > inner" */
static void put_way(const struct drawing *d, const struct draw_bundle *b,
		    struct buf *out)
{
	const struct route *r = plan_route(d->plan, b->from, b->to);

	if (!r->paths.n || !r->paths.v[0].n)
		return;
	buf_puts(out, "<i>by ");
	for (size_t i = 0; i < r->paths.v[0].n; i++) {
		buf_puts(out, i ? " #62; " : "");
		put_quoted(out, d->plan->topo->firewalls.v[
			r->paths.v[0].hop[i].firewall]->name);
	}
	if (r->paths.n > 1)
		buf_printf(out, " or %zu other way%s", r->paths.n - 1,
			   r->paths.n > 2 ? "s" : "");
	buf_puts(out, "</i><br>");
}

static void put_edge(const struct drawing *d, const struct draw_bundle *b,
		     struct buf *out)
{
	size_t n = b->items.n > FEW ? FEW - 1 : b->items.n;

	buf_puts(out, "  ");
	put_node(d->plan, b->from, out);
	buf_puts(out, " -->|\"");
	put_way(d, b, out);
	for (size_t i = 0; i < n; i++) {
		buf_puts(out, !i ? "" : i % ON_A_LINE ? ", " : ",<br>");
		put_quoted(out, b->items.v[i].text);
	}
	if (n < b->items.n)
		buf_printf(out, " and %zu more", b->items.n - n);
	buf_puts(out, "\"| ");
	put_node(d->plan, b->to, out);
	buf_putc(out, '\n');
}

const char *draw_mermaid(const struct drawing *d, struct buf *out)
{
	size_t edges = 0, within = 0, start = out->n;

	buf_puts(out, "---\ntitle: ");
	json_quote(out, d->plan->topo->name);
	buf_puts(out, "\n---\nflowchart LR\n");
	put_zones(d, out);
	put_firewalls(d, out);
	for (size_t i = 0; i < d->bundles.n; i++) {
		if (d->bundles.v[i].from == d->bundles.v[i].to) {
			within++;
			continue;
		}
		put_edge(d, &d->bundles.v[i], out);
		edges++;
	}
	if (within)
		buf_printf(out, "  %%%% not drawn: what is planned within %zu "
			   "zone%s, where no firewall stands between\n",
			   within, plural(within));
	if (edges + d->n_left_out > MAX_EDGES)
		return arena_printf(d->arena, "%zu arrows, and Mermaid draws "
				    "%d at most: use -o svg, or ask for one "
				    "--zone", edges + d->n_left_out, MAX_EDGES);
	if (out->n - start > MAX_TEXT)
		return arena_printf(d->arena, "%zu characters, and Mermaid "
				    "reads %d at most: use -o svg, or ask for "
				    "one --zone", out->n - start, MAX_TEXT);
	return NULL;
}
