#include <string.h>

#include "draw/sheet.h"

/*
 * Colours are Okabe and Ito's, which every kind of colour vision tells apart,
 * as light tints below dark text; whatever a colour says, a word says too.
 */
static const char style[] =
	"<style>"
	".pp text{font-family:'DejaVu Sans','Segoe UI',Helvetica,Arial,"
	"sans-serif;font-size:11px;fill:#1b1f24}"
	".pp .pp-title{font-size:20px;font-weight:bold}"
	".pp .pp-head{font-size:13px;font-weight:bold}"
	".pp .pp-zone{font-size:15px;font-weight:bold}"
	".pp .pp-name{font-size:12px;font-weight:bold}"
	".pp .pp-kind{font-style:italic}"
	".pp .pp-quiet{fill:#57606a}"
	".pp .pp-role{fill:#24425c}"
	".pp .pp-wall{fill:#5a2a0c}"
	".pp .pp-t1{fill:#00563f}.pp .pp-t2{fill:#8a3b00}"
	".pp rect{stroke-width:1}"
	".pp .pp-page{fill:#fff}"
	".pp .pp-box{stroke:#57606a;stroke-width:1.5}"
	".pp .pp-stripe{fill-opacity:.45}"
	".pp .pp-k0{fill:#e1f1fb}.pp .pp-k1{fill:#fdf0d5}"
	".pp .pp-k2{fill:#e0f3ec}.pp .pp-k3{fill:#f6e6ef}"
	".pp .pp-k4{fill:#fbf8d0}.pp .pp-k5{fill:#eceef1}"
	".pp .pp-card{fill:#fff;stroke:#aab2bb}"
	".pp .pp-marked{stroke:#d55e00;stroke-width:2.5}"
	".pp .pp-net{fill:#fff;fill-opacity:.5;stroke:#8b949e;"
	"stroke-dasharray:4 3}"
	".pp .pp-fw,.pp .pp-pill{fill:#fff;stroke:#8a3b00;stroke-width:1.5}"
	".pp .pp-brick{fill:#f3c7a6;stroke:#8a3b00;stroke-width:1}"
	".pp .pp-wire{fill:none;stroke:#6e4a33;stroke-width:2}"
	".pp .pp-dot{fill:#6e4a33}"
	".pp .pp-rule{fill:none;stroke:#d0d7de}"
	".pp .pp-line{fill:none;stroke-width:2}"
	".pp .pp-a0{fill:#0072b2;stroke:#0072b2}"
	".pp .pp-a1{fill:#00795a;stroke:#00795a}"
	".pp .pp-a2{fill:#d55e00;stroke:#d55e00}"
	".pp .pp-a1 .pp-line{stroke-width:4}"
	".pp .pp-a2 .pp-line{stroke-dasharray:7 4}"
	"</style>\n";

void draw_svg_style(struct buf *out)
{
	buf_puts(out, style);
}

void put_text(struct sheet *s, int x, int y, const char *class,
	      const char *anchor, const char *text)
{
	buf_printf(s->out, "<text x=\"%d\" y=\"%d\"", x, y);
	if (*class)
		buf_printf(s->out, " class=\"%s\"", class);
	if (strcmp(anchor, "start"))
		buf_printf(s->out, " text-anchor=\"%s\"", anchor);
	buf_putc(s->out, '>');
	text_xml(s->out, text);
	buf_puts(s->out, "</text>\n");
}

/* ---- firewalls ------------------------------------------------------------------- */

static void put_bricks(struct sheet *s, int x, int y)
{
	buf_printf(s->out, "<path class=\"pp-brick\" d=\"M%d %dh18v12h-18z"
		   "m0 4h18m-18 4h18m-12 -8v4m6 0v4m-6 0v4m-6 -4\"/>\n", x,
		   y - 6);
}

static void put_wall_box(struct sheet *s, const struct wall *w)
{
	const char *note = w->firewall->nodes.n > 1 ?
		arena_printf(s->arena, "%zu machines", w->firewall->nodes.n) :
		NULL;

	buf_printf(s->out, "<rect class=\"pp-fw\" x=\"%d\" y=\"%d\" "
		   "width=\"%d\" height=\"%d\" rx=\"4\"/>\n", w->x - w->w / 2,
		   w->y - WALL_HEIGHT / 2, w->w, WALL_HEIGHT);
	put_bricks(s, w->x - w->w / 2 + 8, w->y);
	put_text(s, w->x - w->w / 2 + 32, w->y + 4, "pp-name pp-wall", "start",
		 w->name);
	if (note)
		put_text(s, w->x, w->y + WALL_HEIGHT / 2 + 13, "pp-quiet",
			 "middle", note);
}

/* Names of the interfaces in one column, "eth0, eth1". */
static const char *ports_text(struct sheet *s, const struct wall *w,
			      uint32_t column)
{
	const struct firewall *f = w->firewall;
	const char **name = ARENA_ARRAY(s->arena, const char *,
					f->interfaces.n);
	size_t n = 0;

	for (size_t i = 0; i < f->interfaces.n; i++)
		if (s->d->column[f->interfaces.v[i]->zone->zone_id] == column)
			name[n++] = f->interfaces.v[i]->name;
	return n ? draw_names(s->arena, name, n, 2) : NULL;
}

static void put_between(struct sheet *s, const struct wall *w)
{
	int left = s->column[w->lo].x + s->column[w->lo].w;
	int right = s->column[w->hi].x, half = w->w / 2;
	const char *a = ports_text(s, w, w->lo), *b = ports_text(s, w, w->hi);

	buf_printf(s->out, "<path class=\"pp-wire\" d=\"M%d %dH%d\"/>\n", left,
		   w->y, right);
	put_text(s, (left + w->x - half) / 2, w->y - 6, "pp-quiet", "middle",
		 text_fit(s->arena, a, w->x - half - left, SMALL, false));
	put_text(s, (right + w->x + half) / 2, w->y - 6, "pp-quiet", "middle",
		 text_fit(s->arena, b, right - w->x - half, SMALL, false));
	put_wall_box(s, w);
}

/* Where a firewall above meets a column: side by side with the others. */
static int port_x(const struct sheet *s, const struct wall *w, uint32_t column)
{
	int before = 0, all = 0;

	for (size_t i = 0; i < s->topo->firewalls.n; i++) {
		const struct firewall *f = s->wall[i].firewall;
		bool there = false;

		for (size_t k = 0; k < f->interfaces.n; k++)
			there |= s->d->column[f->interfaces.v[k]->zone->zone_id]
				 == column;
		if (!there || s->wall[i].between)
			continue;
		all++;
		before += &s->wall[i] < w;
	}
	return s->column[column].x + s->column[column].w * (before + 1) /
	       (all + 1);
}

static void put_above(struct sheet *s, const struct wall *w)
{
	int left = port_x(s, w, w->lo), right = port_x(s, w, w->hi);

	left = left < w->x ? left : w->x;
	right = right > w->x ? right : w->x;
	buf_printf(s->out, "<path class=\"pp-wire\" d=\"M%d %dH%d\"/>\n", left,
		   w->y, right);
	for (uint32_t c = w->lo; c <= w->hi && c < s->n_column; c++) {
		const char *name = ports_text(s, w, c);
		int x = port_x(s, w, c);

		if (!name)
			continue;
		buf_printf(s->out, "<path class=\"pp-wire\" d=\"M%d %dV%d\"/>"
			   "<circle class=\"pp-dot\" cx=\"%d\" cy=\"%d\" "
			   "r=\"4\"/>\n", x, w->y, s->y_zones, x, w->y);
		put_text(s, x + 6, w->y + 26, "pp-quiet", "start", name);
	}
	put_wall_box(s, w);
}

static void put_walls(struct sheet *s)
{
	for (size_t i = 0; i < s->topo->firewalls.n; i++)
		if (!s->wall[i].between)
			put_above(s, &s->wall[i]);
	for (size_t i = 0; i < s->topo->firewalls.n; i++)
		if (s->wall[i].between)
			put_between(s, &s->wall[i]);
}

/* ---- the sheet ---------------------------------------------------------------------- */

static const char *scope(const struct drawing *d)
{
	struct buf b = { 0 };

	if (d->opt.host)
		buf_printf(&b, ", host %s", d->opt.host);
	if (d->opt.zone)
		buf_printf(&b, ", zone %s", d->opt.zone);
	if (d->opt.service)
		buf_printf(&b, ", service %s", d->opt.service);
	return buf_take(d->arena, &b);
}

static int put_legend(struct sheet *s, int x, int y)
{
	static const struct {
		const char *arrow, *text;
	} row[] = {
		{ "pp-a0", "planned by roles" }, { "pp-a1", "inside IPsec" },
		{ "pp-a2", "by exception alone" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		put_arrow(s, x + 4, x + 44, y - 4, row[i].arrow);
		put_text(s, x + 52, y, "pp-text", "start", row[i].text);
		x += 66 + text_width(row[i].text, strlen(row[i].text), SMALL,
				     false);
	}
	put_pill(s, x + 22, y - 4, "name");
	put_text(s, x + 50, y, "pp-text", "start", "firewall on the way");
	return x + 60 + text_width("firewall on the way", 19, SMALL, false);
}

static void put_heading(struct sheet *s)
{
	const struct topology *t = s->topo;
	const char *but = plan_let_through(s->d->plan, s->arena);

	put_text(s, MARGIN, 44, "pp-title", "start",
		 arena_printf(s->arena, "%s%s", t->name, scope(s->d)));
	put_text(s, MARGIN, 64, "pp-quiet", "start", arena_printf(s->arena,
		"%zu zone%s, %zu firewall%s, %zu host%s. %s", t->zones.n,
		plural(t->zones.n), t->firewalls.n, plural(t->firewalls.n),
		t->hosts.n, plural(t->hosts.n), *scope(s->d) ?
		"This is a part of what is planned." : but ? but :
		"What crosses a firewall and is not shown here is denied."));
}

static void put_left_out(struct sheet *s, int *y)
{
	if (!s->d->n_left_out)
		return;
	*y += 10;
	put_text(s, MARGIN, *y, "pp-head", "start", arena_printf(s->arena,
		"%zu more rows are not shown: ask for less", s->d->n_left_out));
	*y += 14;
}

/* The tint of each column goes on behind the rows. */
static void put_stripes(const struct sheet *s, int y0, int y1, struct buf *out)
{
	for (uint32_t i = 0; i < s->n_column; i++)
		buf_printf(out, "<rect class=\"pp-stripe pp-k%d\" x=\"%d\" "
			   "y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
			   (int)s->topo->zones.v[s->d->order[i]]->zone_kind,
			   s->column[i].x, y0, s->column[i].w, y1 - y0);
}

static int draw_all(struct sheet *s)
{
	struct buf rows = { 0 }, *out = s->out;
	int least = 700, y, top;

	sheet_layout(s);
	s->width = s->width > least ? s->width : least;
	put_heading(s);
	put_legend(s, MARGIN, 90);
	put_walls(s);
	sheet_zones(s);
	top = s->y_rows;
	s->out = &rows;
	y = sheet_rows(s, top);
	put_left_out(s, &y);
	s->out = out;
	put_stripes(s, top, s->y_rows, out);
	buf_put(out, rows.s ? rows.s : "", rows.n);
	buf_free(&rows);
	return y + 24;
}

void draw_svg(const struct drawing *d, bool inline_part, struct buf *out)
{
	struct buf body = { 0 };
	struct sheet s = { .d = d, .topo = d->plan->topo, .arena = d->arena,
			   .out = &body, .y_wires = 116 };
	int height = draw_all(&s);

	buf_printf(out, "%s<svg xmlns=\"http://www.w3.org/2000/svg\" "
		   "class=\"pp\" width=\"%d\" height=\"%d\" "
		   "viewBox=\"0 0 %d %d\" role=\"img\" ", inline_part ? "" :
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", s.width,
		   height, s.width, height);
	if (inline_part)
		buf_puts(out, "aria-label=\"");
	else
		buf_puts(out, "aria-labelledby=\"pp-t pp-d\">\n"
			 "<title id=\"pp-t\">");
	text_xml(out, d->plan->topo->name);
	text_xml(out, scope(d));
	if (inline_part) {
		buf_puts(out, "\">\n");
	} else {
		buf_puts(out, "</title>\n<desc id=\"pp-d\">Zones as columns "
			 "with their hosts, firewalls between them, and below, "
			 "for each pair of zones, what is planned from one to "
			 "the other.</desc>\n");
		draw_svg_style(out);
	}
	buf_printf(out, "<rect class=\"pp-page\" width=\"%d\" height=\"%d\"/>"
		   "\n", s.width, height);
	buf_put(out, body.s, body.n);
	buf_puts(out, "</svg>\n");
	buf_free(&body);
}
