#include <string.h>

#include "draw/sheet.h"

int column_middle(const struct sheet *s, uint32_t column)
{
	return s->column[column].x + s->column[column].w / 2;
}

static int widen(int w, const char *text, int size, bool bold, int more)
{
	int need = text_width(text, strlen(text), size, bold) + more;

	return need > w ? need : w;
}

/* Roles are broken into lines, names and prefixes are not. */
static int column_width(const struct sheet *s, const struct party *zone)
{
	int w = widen(COLUMN_LEAST, zone->name, LARGE, true, 2 * PAD);

	for (size_t i = 0; i < s->topo->networks.n; i++)
		if (party_zone(s->topo->networks.v[i]) == zone)
			w = widen(w, s->topo->networks.v[i]->name, NORMAL,
				  true, 4 * PAD);
	for (size_t i = 0; i < s->d->groups.n; i++) {
		const struct draw_group *g = &s->d->groups.v[i];

		if (party_zone(g->parent) == zone)
			w = widen(w, g->hosts.v[0]->name, NORMAL, true,
				  5 * PAD);
	}
	return w > COLUMN_MOST ? COLUMN_MOST : w;
}

static void span_columns(struct sheet *s, struct wall *w)
{
	const struct firewall *f = w->firewall;

	w->lo = UINT32_MAX;
	for (size_t i = 0; i < f->interfaces.n; i++) {
		uint32_t c = s->d->column[f->interfaces.v[i]->zone->zone_id];

		w->lo = c < w->lo ? c : w->lo;
		w->hi = c > w->hi ? c : w->hi;
	}
	if (w->lo == UINT32_MAX)
		w->lo = 0;
}

/* The first line on which nothing stands in its way. */
static unsigned free_line(const struct sheet *s, size_t self)
{
	const struct wall *w = &s->wall[self];

	for (unsigned line = 0;; line++) {
		bool taken = false;

		for (size_t i = 0; i < self; i++)
			taken |= !s->wall[i].between &&
				 s->wall[i].at == line &&
				 s->wall[i].lo <= w->hi &&
				 w->lo <= s->wall[i].hi;
		if (!taken)
			return line;
	}
}

static void find_places(struct sheet *s, unsigned *in_gap, int *gap_width)
{
	for (size_t i = 0; i < s->topo->firewalls.n; i++) {
		struct wall *w = &s->wall[i];

		w->firewall = s->topo->firewalls.v[i];
		w->name = text_fit(s->arena, w->firewall->name, 150, NORMAL,
				   true);
		w->w = text_width(w->name, strlen(w->name), NORMAL, true) + 42;
		span_columns(s, w);
		w->between = w->hi == w->lo + 1;
		if (!w->between) {
			w->at = free_line(s, i);
			s->n_lines = w->at >= s->n_lines ? w->at + 1 :
							   s->n_lines;
			continue;
		}
		w->at = in_gap[w->lo]++;
		if (w->w + 2 * LEAD > gap_width[w->lo])
			gap_width[w->lo] = w->w + 2 * LEAD;
	}
}

/* Wires come down in the columns, so a box stands between two. */
static int clear_of_wires(const struct sheet *s, const struct wall *w)
{
	const struct place *left = &s->column[(w->lo + w->hi - (w->hi > w->lo)) /
					      2];

	if (w->lo == w->hi)
		return column_middle(s, w->lo);
	return (left[0].x + left[0].w + left[1].x) / 2;
}

static void place_walls(struct sheet *s)
{
	for (size_t i = 0; i < s->topo->firewalls.n; i++) {
		struct wall *w = &s->wall[i];

		if (w->between) {
			w->x = (s->column[w->lo].x + s->column[w->lo].w +
				s->column[w->hi].x) / 2;
			w->y = s->y_zones + 34 + (int)w->at * BUS_ROW;
		} else {
			w->x = clear_of_wires(s, w);
			w->y = s->y_wires + (int)w->at * BUS_ROW +
			       WALL_HEIGHT / 2;
		}
	}
}

void sheet_layout(struct sheet *s)
{
	size_t n = s->topo->zones.n;
	unsigned *in_gap = ARENA_ARRAY(s->arena, unsigned, n + 1);
	int *gap = ARENA_ARRAY(s->arena, int, n + 1);
	int x = MARGIN;

	s->n_column = n;
	s->column = ARENA_ARRAY(s->arena, struct place, n);
	s->wall = ARENA_ARRAY(s->arena, struct wall, s->topo->firewalls.n);
	for (size_t i = 0; i <= n; i++)
		gap[i] = GAP_LEAST;
	find_places(s, in_gap, gap);
	for (size_t i = 0; i < n; i++) {
		s->column[i].x = x;
		s->column[i].w = column_width(s, s->topo->zones.v[
			s->d->order[i]]);
		x += s->column[i].w + gap[i];
	}
	s->width = n ? x - gap[n - 1] + MARGIN : 2 * MARGIN;
	s->y_zones = s->y_wires + (int)s->n_lines * BUS_ROW +
		     (s->n_lines ? 6 : 0);
	place_walls(s);
}
