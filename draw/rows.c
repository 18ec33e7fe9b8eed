#include <string.h>

#include "draw/sheet.h"

#define NO_BREAK "\xc2\xa0"

/*
 * One row for each pair of zones: text, then the arrow with the firewalls on
 * its way, then who it is about, where the picture is unfolded.
 */
static const struct {
	const char *class, *arrow, *prefix;
} looks[] = {
	[DRAW_CLEAR] = { "pp-text", "pp-a0", "" },
	[DRAW_IPSEC] = { "pp-text pp-t1", "pp-a1", "IPsec: " },
	[DRAW_EXCEPTION] = { "pp-text pp-t2", "pp-a2", "by exception: " },
	[DRAW_INPUT] = { "pp-text", "pp-a0", "" },
};

static int node_x(const struct sheet *s, uint32_t node)
{
	return column_middle(s, s->d->column[node]);
}

/* A service and its port stay on one line. */
static void put_unbroken(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (*s == ' ')
			buf_puts(out, NO_BREAK);
		else
			buf_putc(out, *s);
}

static const char *class_text(struct sheet *s, const struct draw_bundle *b,
			      enum draw_class cls)
{
	struct buf t = { 0 };

	for (size_t i = 0; i < b->items.n; i++) {
		if (b->items.v[i].cls != cls)
			continue;
		buf_puts(&t, t.n ? ", " : looks[cls].prefix);
		put_unbroken(&t, b->items.v[i].text);
	}
	return buf_take(s->arena, &t);
}

static int put_services(struct sheet *s, const struct draw_bundle *b, int x,
			int w, int y, const char *anchor)
{
	for (int c = 0; c < N_DRAW_CLASSES; c++) {
		struct text_lines l = text_wrap(s->arena, class_text(s, b, c),
						w, SMALL);

		for (size_t i = 0; i < l.v.n; i++, y += LINE)
			put_text(s, x, y, looks[c].class, anchor, l.v.v[i]);
	}
	return y;
}

static enum draw_class chief_class(const struct draw_bundle *b)
{
	enum draw_class best = N_DRAW_CLASSES;

	for (size_t i = 0; i < b->items.n; i++)
		if (b->items.v[i].cls == DRAW_INPUT ||
		    b->items.v[i].cls == DRAW_CLEAR)
			return DRAW_CLEAR;
		else if (b->items.v[i].cls < best)
			best = b->items.v[i].cls;
	return best;
}

void put_arrow(struct sheet *s, int x1, int x2, int y,
		      const char *class)
{
	int way = x2 > x1 ? 1 : -1;

	buf_printf(s->out, "<g class=\"%s\"><circle cx=\"%d\" cy=\"%d\" "
		   "r=\"4\"/><path class=\"pp-line\" d=\"M%d %dH%d\"/><path "
		   "d=\"M%d %dl%d -5v10z\"/></g>\n", class, x1, y, x1, y,
		   x2 - way * 8, x2, y, -way * 10);
}

void put_pill(struct sheet *s, int x, int y, const char *name)
{
	int w = text_width(name, strlen(name), SMALL, false) + 14;

	buf_printf(s->out, "<rect class=\"pp-pill\" x=\"%d\" y=\"%d\" "
		   "width=\"%d\" height=\"18\" rx=\"3\"/>\n", x - w / 2, y - 9,
		   w);
	put_text(s, x, y + 4, "pp-wall", "middle", name);
}

/* Where firewalls already stand in that order they keep their place. */
static bool keep_places(const struct sheet *s, const struct path *q, int x1,
			int x2)
{
	int last = x1, way = x2 > x1 ? 1 : -1;

	for (size_t i = 0; i < q->n; i++) {
		const struct wall *w = &s->wall[q->hop[i].firewall];

		if (!w->between || (w->x - last) * way <= (i ? 60 : 30))
			return false;
		last = w->x;
	}
	return (x2 - last) * way > 30;
}

static void put_path(struct sheet *s, const struct path *q, int x1, int x2,
		     int y)
{
	bool keep = keep_places(s, q, x1, x2);

	for (size_t i = 0; i < q->n; i++) {
		const struct wall *w = &s->wall[q->hop[i].firewall];
		int even = x1 + (x2 - x1) * (int)(i + 1) / (int)(q->n + 1);

		put_pill(s, keep ? w->x : even, y, w->name);
	}
}

/* "or by a > b", where there are several ways. */
static const char *other_ways(struct sheet *s, const struct route *r)
{
	struct buf t = { 0 };

	for (size_t i = 1; i < r->paths.n && i < 4; i++)
		for (size_t k = 0; k < r->paths.v[i].n; k++)
			buf_printf(&t, "%s%s", k ? " > " : i > 1 ? ", or by " :
				   "or by ",
				   s->wall[r->paths.v[i].hop[k].firewall].name);
	if (r->paths.n > 4)
		buf_printf(&t, ", or %zu more ways", r->paths.n - 4);
	return buf_take(s->arena, &t);
}

static int put_below(struct sheet *s, const char *text, int x, int w, int y,
		     const char *class)
{
	/* as much room as bold text of the normal size needs */
	struct text_lines l = text_wrap(s->arena, text ? text : "",
					w * 100 / 113, NORMAL);

	for (size_t i = 0; i < l.v.n; i++, y += LINE)
		put_text(s, x, y, class, "middle", l.v.v[i]);
	return y;
}

static int later(int a, int b)
{
	return a > b ? a : b;
}

/* The width below the ends of an arrow that is theirs. */
static int end_width(const struct sheet *s, uint32_t node)
{
	return s->column[s->d->column[node]].w;
}

static int put_row(struct sheet *s, const struct draw_bundle *b, int y)
{
	int x1 = node_x(s, b->from), x2 = node_x(s, b->to);
	const struct route *r = plan_route(s->d->plan, b->from, b->to);
	int length = x2 > x1 ? x2 - x1 : x1 - x2, low;

	buf_printf(s->out, "<path class=\"pp-rule\" d=\"M%d %dH%d\"/>\n",
		   MARGIN, y, s->width - MARGIN);
	y = put_services(s, b, (x1 + x2) / 2, later(length - 16, 240), y + 20,
			 "middle");
	put_arrow(s, x1, x2, y, looks[chief_class(b)].arrow);
	if (r->paths.n)
		put_path(s, &r->paths.v[0], x1, x2, y);
	low = put_below(s, b->sources, x1, end_width(s, b->from), y + 20,
			"pp-name");
	low = later(low, put_below(s, b->targets, x2, end_width(s, b->to),
				   y + 20, "pp-name"));
	low = later(low, put_below(s, other_ways(s, r), (x1 + x2) / 2,
				   later(length - 2 * COLUMN_LEAST, 200),
				   y + 22, "pp-quiet"));
	return later(low, y + 20);
}

/* Where there is no way from zone to zone there is no arrow, only words. */
static int put_words(struct sheet *s, const struct draw_bundle *b, int y)
{
	const char *from = plan_node_name(s->d->plan, b->from);
	const char *to = plan_node_name(s->d->plan, b->to);
	int w = s->width - 2 * MARGIN - 8;

	if (b->sources)
		from = arena_printf(s->arena, "%s, %s", from, b->sources);
	if (b->targets && b->from == b->to)
		to = b->targets;
	else if (b->targets && strcmp(b->targets, to))
		to = arena_printf(s->arena, "%s, %s", to, b->targets);
	if (b->sources || b->from != b->to)
		from = arena_printf(s->arena, "%s to %s", from, to);
	put_text(s, MARGIN, y, "pp-name", "start",
		 text_fit(s->arena, from, w, NORMAL, true));
	return put_services(s, b, MARGIN, w, y + LINE + 1, "start") + 6;
}

enum sort { ACROSS, WITHIN, ITSELF };

static enum sort sort_of(const struct sheet *s, const struct draw_bundle *b)
{
	uint32_t n = s->d->plan->n_zones;

	if (b->from >= n || b->to >= n)
		return ITSELF;
	return b->from == b->to ? WITHIN : ACROSS;
}

static int put_section(struct sheet *s, enum sort sort, const char *title,
		       int y)
{
	bool any = false;

	for (size_t i = 0; i < s->d->bundles.n; i++) {
		if (sort_of(s, &s->d->bundles.v[i]) != sort)
			continue;
		if (!any) {
			put_text(s, MARGIN, y + 34, "pp-head", "start", title);
			y += 58;
		}
		any = true;
		y = put_words(s, &s->d->bundles.v[i], y);
	}
	return y;
}

int sheet_rows(struct sheet *s, int y)
{
	bool any = false;

	y += 12;
	for (size_t i = 0; i < s->d->bundles.n; i++) {
		if (sort_of(s, &s->d->bundles.v[i]) != ACROSS)
			continue;
		y = put_row(s, &s->d->bundles.v[i], y);
		any = true;
	}
	if (!any) {
		put_text(s, MARGIN, y + 14, "pp-text", "start",
			 "Nothing is planned from one zone to another.");
		y += 26;
	}
	s->y_rows = y;
	y = put_section(s, ITSELF, "To and from the firewalls themselves", y);
	return put_section(s, WITHIN, "Within a zone, where no firewall stands "
			   "between", y);
}
