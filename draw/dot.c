#include <string.h>

#include "draw/draw.h"
#include "draw/text.h"

enum { FEW = 4, WRAP = 190, SIZE = 11 };

/* The inside of a quoted string, which is a label too: \N and the like would
 * be replaced. */
static void put_quoted(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("\"\\", *s))
			buf_putc(out, '\\');
		buf_putc(out, (unsigned char)*s < 0x20 ? ' ' : *s);
	}
}

static void put_wrapped(const struct drawing *d, const char *s, struct buf *out)
{
	struct text_lines l = text_wrap(d->arena, s, WRAP, SIZE);

	for (size_t i = 0; i < l.v.n; i++) {
		buf_puts(out, i ? "\\n" : "");
		put_quoted(out, l.v.v[i]);
	}
}

static void put_group(const struct drawing *d, size_t i, struct buf *out)
{
	const struct draw_group *g = &d->groups.v[i];
	const char **name = ARENA_ARRAY(d->arena, const char *, g->hosts.n);

	for (size_t k = 0; k < g->hosts.n; k++)
		name[k] = g->hosts.v[k]->name;
	buf_printf(out, "    g%zu [label=\"", i);
	if (g->hosts.n > FEW)
		buf_printf(out, "%zu hosts\\n", g->hosts.n);
	put_wrapped(d, draw_names(d->arena, name, g->hosts.n, FEW), out);
	if (*g->roles) {
		buf_puts(out, "\\n");
		put_wrapped(d, g->roles, out);
	}
	buf_puts(out, "\"];\n");
}

static void put_zone(const struct drawing *d, uint32_t zone, struct buf *out)
{
	static const char *const tint[] = {
		[ZONE_INTERNET] = "#e1f1fb", [ZONE_DMZ] = "#fdf0d5",
		[ZONE_INTERNAL] = "#e0f3ec", [ZONE_PARTNER] = "#f6e6ef",
		[ZONE_MANAGEMENT] = "#fbf8d0", [ZONE_USER] = "#eceef1",
	};
	const struct party *z = d->plan->topo->zones.v[zone];

	buf_printf(out, "  subgraph cluster_z%u {\n    label=\"", zone);
	put_quoted(out, z->name);
	buf_printf(out, "\"; style=filled; fillcolor=\"%s\";\n"
		   "    z%u [shape=point, style=invis];\n",
		   tint[z->zone_kind], zone);
	for (size_t i = 0; i < d->groups.n; i++)
		if (party_zone(d->groups.v[i].parent) == z)
			put_group(d, i, out);
	buf_puts(out, "  }\n");
}

static void put_firewall(const struct drawing *d, const struct firewall *f,
			 struct buf *out)
{
	uint32_t left = UINT32_MAX;

	for (size_t i = 0; i < f->interfaces.n; i++)
		if (d->column[f->interfaces.v[i]->zone->zone_id] < left)
			left = d->column[f->interfaces.v[i]->zone->zone_id];
	buf_printf(out, "  f%u [shape=box3d, color=\"#8a3b00\", label=\"",
		   f->id);
	put_quoted(out, f->name);
	buf_puts(out, "\"];\n");
	for (size_t i = 0; i < f->interfaces.n; i++) {
		uint32_t z = f->interfaces.v[i]->zone->zone_id;

		/* from left to right as the columns go */
		if (d->column[z] == left)
			buf_printf(out, "  z%u -> f%u [ltail=cluster_z%u, ", z,
				   f->id, z);
		else
			buf_printf(out, "  f%u -> z%u [lhead=cluster_z%u, ",
				   f->id, z, z);
		buf_puts(out, "dir=none, color=\"#6e4a33\", label=\"");
		put_quoted(out, f->interfaces.v[i]->name);
		buf_puts(out, "\"];\n");
	}
}

static void put_end(const struct plan *p, uint32_t node, struct buf *out)
{
	if (node < p->n_zones)
		buf_printf(out, "z%u", node);
	else
		buf_printf(out, "f%u", node - p->n_zones);
}

static const char *arrow_look(const struct draw_bundle *b)
{
	bool only[N_DRAW_CLASSES] = { false };

	for (size_t i = 0; i < b->items.n; i++)
		only[b->items.v[i].cls] = true;
	if (only[DRAW_CLEAR] || only[DRAW_INPUT])
		return "color=\"#0072b2\"";
	return only[DRAW_IPSEC] ? "color=\"#00795a\", penwidth=3" :
				  "color=\"#d55e00\", style=dashed";
}

static void put_bundle(const struct drawing *d, const struct draw_bundle *b,
		       struct buf *out)
{
	struct buf label = { 0 };

	if (b->sources)
		buf_printf(&label, "%s to %s: ", b->sources, b->targets);
	for (size_t i = 0; i < b->items.n; i++)
		buf_printf(&label, "%s%s", i ? ", " : "",
			   b->items.v[i].text);
	buf_puts(out, "  ");
	put_end(d->plan, b->from, out);
	buf_puts(out, " -> ");
	put_end(d->plan, b->to, out);
	buf_printf(out, " [%s", arrow_look(b));
	if (b->from < d->plan->n_zones && b->from != b->to)
		buf_printf(out, ", ltail=cluster_z%u", b->from);
	if (b->to < d->plan->n_zones && b->from != b->to)
		buf_printf(out, ", lhead=cluster_z%u", b->to);
	buf_puts(out, ", constraint=false, label=\"");
	put_wrapped(d, label.s ? label.s : "", out);
	buf_puts(out, "\"];\n");
	buf_free(&label);
}

void draw_dot(const struct drawing *d, struct buf *out)
{
	const struct topology *t = d->plan->topo;

	buf_puts(out, "digraph \"");
	put_quoted(out, t->name);
	buf_puts(out, "\" {\n  rankdir=LR; compound=true; nodesep=0.3; "
		 "ranksep=1;\n"
		 "  graph [fontname=\"Helvetica\"];\n"
		 "  node [shape=box, style=\"rounded,filled\", "
		 "fillcolor=white, fontname=\"Helvetica\", fontsize=11];\n"
		 "  edge [fontname=\"Helvetica\", fontsize=10];\n");
	for (size_t i = 0; i < t->zones.n; i++)
		put_zone(d, d->order[i], out);
	for (size_t i = 0; i < t->firewalls.n; i++)
		put_firewall(d, t->firewalls.v[i], out);
	for (size_t i = 0; i < d->bundles.n; i++)
		put_bundle(d, &d->bundles.v[i], out);
	buf_puts(out, "}\n");
}
