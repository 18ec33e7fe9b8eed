#ifndef DRAW_SHEET_H
#define DRAW_SHEET_H

#include "draw/draw.h"
#include "draw/text.h"

/* Where things stand on the sheet, in pixels. */
enum {
	MARGIN = 28,
	LINE = 15,	  /* from line to line of small text */
	SMALL = 11,	  /* sizes of text */
	NORMAL = 12,
	LARGE = 15,
	COLUMN_LEAST = 168,
	COLUMN_MOST = 236,
	GAP_LEAST = 40,	  /* between columns that no firewall joins */
	LEAD = 44,	  /* from a firewall to the columns beside it */
	BUS_ROW = 56,
	WALL_HEIGHT = 30,
	PAD = 10,
};

struct place {
	int x, w;
};

/* A firewall: between two neighbouring columns, or on a line above. */
struct wall {
	const struct firewall *firewall;
	bool between;
	uint32_t lo, hi; /* columns it joins, outermost */
	unsigned at;	 /* how many stand there before it, or its line */
	int x, y, w;	 /* centre, and width of its box */
	const char *name;
};

struct sheet {
	const struct drawing *d;
	const struct topology *topo;
	struct arena *arena;
	struct buf *out;
	struct place *column;
	size_t n_column;
	struct wall *wall; /* by firewall id */
	unsigned n_lines;  /* above the columns */
	int width, y_wires, y_zones, y_rows;
};

/* Widths of the columns from what stands in them, firewalls placed. */
void sheet_layout(struct sheet *s);
/* The zones with their networks and hosts, from y_zones on; sets y_rows. */
void sheet_zones(struct sheet *s);
/* What is planned, from y on; the y below. */
int sheet_rows(struct sheet *s, int y);

int column_middle(const struct sheet *s, uint32_t column);

/* class: of the style sheet; anchor: start, middle, end */
void put_text(struct sheet *s, int x, int y, const char *class,
	      const char *anchor, const char *text);
void put_arrow(struct sheet *s, int x1, int x2, int y, const char *class);
void put_pill(struct sheet *s, int x, int y, const char *name);

#endif
