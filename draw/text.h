#ifndef DRAW_TEXT_H
#define DRAW_TEXT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"

/*
 * Text in pictures. There is no font to ask: widths are those of DejaVu Sans,
 * the widest of the fonts that a reader may have, so that nothing overflows.
 */

/* In pixels, at a size in pixels. */
int text_width(const char *s, size_t n, int size, bool bold);

struct text_lines {
	VEC(const char *) v;
	int width; /* of the widest */
};

/* Broken at spaces, or inside words that are wider than a line. */
struct text_lines text_wrap(struct arena *a, const char *s, int width,
			    int size);
/* Cut to a width, with an ellipsis. */
const char *text_fit(struct arena *a, const char *s, int width, int size,
		     bool bold);

/* Text and attribute values of XML and HTML; characters that XML cannot hold,
 * and those that turn the reading direction, become "?". */
void text_xml(struct buf *out, const char *s);

#endif
