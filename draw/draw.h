#ifndef DRAW_DRAW_H
#define DRAW_DRAW_H

#include "plan/plan.h"

/*
 * The topology as a picture, laid out once and written in several formats.
 *
 * Zones are columns, in the order in which one meets them coming from the
 * internet; a firewall that joins two neighbours stands between them, any
 * other on a line above. Below, each pair of zones that has something planned
 * is a row: an arrow, the firewalls on its way, and its services gathered.
 */
enum draw_class {
	DRAW_CLEAR,	/* by a template, in the clear */
	DRAW_IPSEC,	/* inside IPsec, or IKE itself */
	DRAW_EXCEPTION, /* allow */
	DRAW_INPUT,	/* to a firewall itself */
	N_DRAW_CLASSES
};

struct draw_item {
	const char *text; /* "ldap tcp/389" */
	enum draw_class cls;
};

/* Everything planned from one node to another (zones, or firewalls
 * themselves), or between some parties of theirs. */
struct draw_bundle {
	uint32_t from, to;	  /* nodes of the plan */
	const char *sources, *targets; /* names; NULL: any of the node */
	VEC(struct draw_item) items;
	uint64_t place; /* what they are sorted by */
};

/* Hosts of one party that bear the same roles. */
struct draw_group {
	const struct party *parent;
	const char *roles; /* "a, b"; "" without any */
	VEC(const struct party *) hosts;
};

struct draw_options {
	const char *host, *zone, *service; /* NULL: not unfolded */
};

struct drawing {
	const struct plan *plan;
	struct arena *arena;
	struct draw_options opt;
	uint32_t *order;  /* column -> zone_id */
	uint32_t *column; /* zone_id -> column */
	VEC(struct draw_group) groups;
	VEC(struct draw_bundle) bundles;
	size_t n_left_out; /* bundles beyond what a picture can hold */
};

/* Lent from the arena. The names in opt have been checked. */
struct drawing *draw_build(struct arena *a, const struct plan *p,
			   const struct draw_options *opt);

/* A whole SVG 1.1 document, or, for a page that has it inline, the element
 * alone, without the <style> that belongs into the page's head. */
void draw_svg(const struct drawing *d, bool inline_part, struct buf *out);
void draw_svg_style(struct buf *out);

/*
 * Mermaid, at the level of zones. NULL, or why GitHub would refuse it: the
 * defaults of maxEdges (500) and maxTextSize (50,000 characters).
 */
const char *draw_mermaid(const struct drawing *d, struct buf *out);

/* Graphviz. */
void draw_dot(const struct drawing *d, struct buf *out);

/* "a, b, c and 4 more", at most `most` of them. */
const char *draw_names(struct arena *a, const char *const *name, size_t n,
		       size_t most);

#endif
