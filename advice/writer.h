#ifndef ADVICE_WRITER_H
#define ADVICE_WRITER_H

#include <stdbool.h>

#include "base/buf.h"

/* An XML writer: elements with attributes, indented by two, no text. */
struct xml_writer {
	struct buf *out;
	unsigned depth;
	bool open; /* the last start tag is not closed yet */
	const char *name[16];
};

void xw_open(struct xml_writer *w, const char *name);
void xw_close(struct xml_writer *w);
/* Nothing where the value is NULL or empty. */
void xw_attr(struct xml_writer *w, const char *name, const char *value);
void xw_printf(struct xml_writer *w, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A whole number; large ones lose their last digits, as XPath's do. */
void xw_number(struct xml_writer *w, const char *name, double value);
void xw_yes(struct xml_writer *w, const char *name, bool value); /* or nothing */

#endif
