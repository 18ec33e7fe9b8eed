#include "advice/writer.h"

static void finish_tag(struct xml_writer *w)
{
	if (w->open)
		buf_puts(w->out, ">\n");
	w->open = false;
}

void xw_open(struct xml_writer *w, const char *name)
{
	finish_tag(w);
	buf_pad(w->out, ' ', 2 * (size_t)w->depth);
	buf_printf(w->out, "<%s", name);
	w->name[w->depth++] = name;
	w->open = true;
}

void xw_close(struct xml_writer *w)
{
	w->depth--;
	if (w->open)
		buf_puts(w->out, "/>\n");
	else {
		buf_pad(w->out, ' ', 2 * (size_t)w->depth);
		buf_printf(w->out, "</%s>\n", w->name[w->depth]);
	}
	w->open = false;
}

/* White space as references, or a reader would make it a space; other control
 * characters are in no XML. */
static void put_value(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '&' || c == '<' || c == '"' ||
		    c == '\t' || c == '\n' || c == '\r')
			buf_printf(out, "&#%u;", c);
		else
			buf_putc(out, c < 0x20 || c == 0x7f ? '?' : *s);
	}
}

void xw_attr(struct xml_writer *w, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(w->out, " %s=\"", name);
	put_value(w->out, value);
	buf_putc(w->out, '"');
}

void xw_printf(struct xml_writer *w, const char *name, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	xw_attr(w, name, b.s);
	buf_free(&b);
}

void xw_number(struct xml_writer *w, const char *name, double value)
{
	xw_printf(w, name, "%.0f", value);
}

void xw_yes(struct xml_writer *w, const char *name, bool value)
{
	xw_attr(w, name, value ? "yes" : NULL);
}
