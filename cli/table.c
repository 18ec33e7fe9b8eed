#include "cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/plain.h"

enum { MAX_COLUMNS = 24, DEFAULT_WIDTH = 120, GAP = 2, READABLE = 5 };

static const char *cell(const struct table *t, size_t row, size_t col)
{
	const char *s = t->cell[row * t->n_column + col];

	return s ? s : "";
}

void put_plain(struct buf *out, const char *s)
{
	buf_plain(out, s, strlen(s), 0);
}

/* ---- terminal ------------------------------------------------------------------ */

static size_t chars(const char *s, size_t n)
{
	size_t c = 0;

	for (size_t i = 0; i < n; i++)
		c += ((unsigned char)s[i] & 0xc0) != 0x80;
	return c;
}

/* Bytes of s that fill at most width characters, broken at a space where
 * there is one. */
static size_t line_bytes(const char *s, size_t width)
{
	size_t i = 0, c = 0, space = 0;

	while (s[i]) {
		size_t n = 1;

		while (((unsigned char)s[i + n] & 0xc0) == 0x80)
			n++;
		if (c == width)
			return s[i] == ' ' ? i : space ? space : i;
		if (s[i] == ' ')
			space = i;
		else if (strchr("-/;,", s[i]))
			space = i + n;
		c++;
		i += n;
	}
	return i;
}

static size_t widest(const struct table *t, size_t col)
{
	size_t w = strlen(t->column[col].title);

	for (size_t r = 0; r < t->n_row; r++) {
		const char *s = cell(t, r, col);
		size_t n = chars(s, strlen(s));

		w = n > w ? n : w;
	}
	return w;
}

enum medium { TERMINAL, PAPER, MACHINE };

static bool shown_in(const struct table_column *c, enum medium m)
{
	switch (m) {
	case TERMINAL:
		return !(c->where & (TABLE_MACHINE | TABLE_PAPER |
				     TABLE_HEADING));
	case PAPER:
		return !c->where || c->where & TABLE_PAPER;
	case MACHINE:
		break;
	}
	return !(c->where & (TABLE_TERMINAL | TABLE_HEADING));
}

/* Which column gives way: the widest above its least width, or, where the
 * terminal is too narrow even so, above what can be read at all. */
static size_t widest_above(const struct table *t, const size_t *width,
			   bool narrow)
{
	size_t best = MAX_COLUMNS;

	for (size_t c = 0; c < t->n_column; c++)
		if (width[c] > (narrow ? READABLE : t->column[c].least) &&
		    (best == MAX_COLUMNS || width[c] > width[best]))
			best = c;
	return best;
}

/* Empty columns go; the widest give way until the rest fits. */
static void fit(const struct table *t, size_t *width, enum medium m,
		unsigned total)
{
	size_t sum = 0;

	for (size_t c = 0; c < t->n_column; c++) {
		bool empty = true;

		for (size_t r = 0; r < t->n_row && empty; r++)
			empty = !*cell(t, r, c);
		width[c] = !shown_in(&t->column[c], m) ||
				   (empty && t->n_row) ? 0 : widest(t, c);
		sum += width[c] ? width[c] + GAP : 0;
	}
	while (sum > total + GAP) {
		size_t best = widest_above(t, width, false);

		if (best == MAX_COLUMNS)
			best = widest_above(t, width, true);
		if (best == MAX_COLUMNS)
			break;
		width[best]--;
		sum--;
	}
}

static void put_line(const struct table *t, const size_t *width,
		     const char **left, struct buf *out)
{
	size_t pad = 0;

	for (size_t c = 0; c < t->n_column; c++) {
		struct buf part = { 0 };
		size_t n;

		if (!width[c])
			continue;
		n = line_bytes(left[c], width[c]);
		buf_put(&part, left[c], n);
		buf_pad(out, ' ', pad);
		put_plain(out, part.s);
		pad = width[c] - chars(left[c], n) + GAP;
		left[c] += n;
		while (*left[c] == ' ')
			left[c]++;
		buf_free(&part);
	}
	while (out->n && out->s[out->n - 1] == ' ')
		out->s[--out->n] = '\0';
	buf_putc(out, '\n');
}

static void put_row(const struct table *t, const size_t *width,
		    const char **left, struct buf *out)
{
	bool more = true;

	while (more) {
		put_line(t, width, left, out);
		more = false;
		for (size_t c = 0; c < t->n_column; c++)
			more |= width[c] && *left[c];
	}
}

static void put_heading(const struct table *t, size_t row, struct buf *out)
{
	for (size_t c = 0; c < t->n_column; c++) {
		const char *s = cell(t, row, c);

		if (!(t->column[c].where & TABLE_HEADING) ||
		    (row && !strcmp(s, cell(t, row - 1, c))))
			continue;
		buf_putc(out, '\n');
		put_plain(out, s);
		buf_putc(out, '\n');
	}
}

static void write_table(const struct table *t, struct buf *out, unsigned total)
{
	size_t width[MAX_COLUMNS];
	const char *left[MAX_COLUMNS];

	fit(t, width, TERMINAL, total);
	for (size_t c = 0; c < t->n_column; c++)
		left[c] = t->column[c].title;
	put_row(t, width, left, out);
	for (size_t r = 0; r < t->n_row; r++) {
		put_heading(t, r, out);
		for (size_t c = 0; c < t->n_column; c++)
			left[c] = cell(t, r, c);
		put_row(t, width, left, out);
	}
	if (t->summary)
		buf_printf(out, "\n%s\n", t->summary);
}

/* ---- csv (RFC 4180) --------------------------------------------------------------- */

/* A cell that a spreadsheet would take for a formula gets an apostrophe. */
static void put_csv(struct buf *out, const char *s)
{
	bool formula = strchr("=+-@\t\r", *s) && *s;

	if (!formula && !strpbrk(s, ",\"\r\n")) {
		buf_puts(out, s);
		return;
	}
	buf_putc(out, '"');
	if (formula)
		buf_putc(out, '\'');
	for (; *s; s++) {
		if (*s == '"')
			buf_putc(out, '"');
		buf_putc(out, *s);
	}
	buf_putc(out, '"');
}

static void write_csv(const struct table *t, struct buf *out, unsigned width)
{
	bool first = true;

	(void)width;
	for (size_t c = 0; c < t->n_column; c++) {
		if (!shown_in(&t->column[c], MACHINE))
			continue;
		buf_printf(out, "%s%s", first ? "" : ",", t->column[c].key);
		first = false;
	}
	for (size_t r = 0; r < t->n_row; r++) {
		buf_puts(out, "\r\n");
		first = true;
		for (size_t c = 0; c < t->n_column; c++) {
			if (!shown_in(&t->column[c], MACHINE))
				continue;
			if (!first)
				buf_putc(out, ',');
			put_csv(out, cell(t, r, c));
			first = false;
		}
	}
	buf_puts(out, "\r\n");
}

/* ---- json, markdown, html ------------------------------------------------------------ */

static void write_json(const struct table *t, struct buf *out, unsigned width)
{
	struct json j = { .out = out };

	(void)width;
	json_object(&j, NULL);
	json_str(&j, "schema", t->schema);
	json_str(&j, "title", t->title);
	json_array(&j, "rows");
	for (size_t r = 0; r < t->n_row; r++) {
		json_object(&j, NULL);
		for (size_t c = 0; c < t->n_column; c++)
			if (shown_in(&t->column[c], MACHINE))
				json_str(&j, t->column[c].key,
					 t->cell[r * t->n_column + c]);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_end_object(&j);
}

static void put_markdown(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("|\\`*_<>[]#&", *s))
			buf_putc(out, '\\');
		buf_putc(out, (unsigned char)*s < 0x20 ? ' ' : *s);
	}
}

static void write_markdown(const struct table *t, struct buf *out,
			   unsigned width)
{
	size_t w[MAX_COLUMNS];

	(void)width;
	fit(t, w, PAPER, UINT32_MAX);
	buf_puts(out, "### ");
	put_markdown(out, t->title);
	buf_puts(out, "\n\n|");
	for (size_t c = 0; c < t->n_column; c++)
		if (w[c])
			buf_printf(out, " %s |", t->column[c].title);
	buf_puts(out, "\n|");
	for (size_t c = 0; c < t->n_column; c++)
		if (w[c])
			buf_puts(out, " --- |");
	buf_putc(out, '\n');
	for (size_t r = 0; r < t->n_row; r++) {
		buf_putc(out, '|');
		for (size_t c = 0; c < t->n_column; c++) {
			if (!w[c])
				continue;
			buf_putc(out, ' ');
			put_markdown(out, cell(t, r, c));
			buf_puts(out, " |");
		}
		buf_putc(out, '\n');
	}
	if (t->summary) {
		buf_putc(out, '\n');
		put_markdown(out, t->summary);
		buf_putc(out, '\n');
	}
}

void put_html(struct buf *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<': buf_puts(out, "&lt;"); break;
		case '>': buf_puts(out, "&gt;"); break;
		case '&': buf_puts(out, "&amp;"); break;
		case '"': buf_puts(out, "&quot;"); break;
		case '\'': buf_puts(out, "&#39;"); break;
		default:
			buf_putc(out, (unsigned char)*s < 0x20 && *s != '\n' ?
					 ' ' : *s);
		}
	}
}

static const char html_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
	"'none'; style-src 'unsafe-inline'\">\n"
	"<style>\nbody { font: 15px/1.4 system-ui, sans-serif; margin: 2em; "
	"color: #1b1f24; }\n"
	"table { border-collapse: collapse; }\n"
	"th, td { text-align: left; vertical-align: top; padding: .3em .8em "
	".3em 0; border-bottom: 1px solid #d0d7de; }\n"
	"th { position: sticky; top: 0; background: #fff; border-bottom: 2px "
	"solid #57606a; }\n"
	"tr:hover td { background: #f6f8fa; }\n"
	"p { max-width: 45em; }\n"
	"@media print { body { margin: 0; font-size: 9pt; } }\n</style>\n";

static void write_html(const struct table *t, struct buf *out, unsigned width)
{
	size_t w[MAX_COLUMNS];

	(void)width;
	fit(t, w, PAPER, UINT32_MAX);
	buf_puts(out, html_head);
	buf_puts(out, "<title>");
	put_html(out, t->title);
	buf_puts(out, "</title>\n</head>\n<body>\n<h1>");
	put_html(out, t->title);
	buf_puts(out, "</h1>\n<table>\n<thead><tr>");
	for (size_t c = 0; c < t->n_column; c++)
		if (w[c])
			buf_printf(out, "<th>%s</th>", t->column[c].title);
	buf_puts(out, "</tr></thead>\n<tbody>\n");
	for (size_t r = 0; r < t->n_row; r++) {
		buf_puts(out, "<tr>");
		for (size_t c = 0; c < t->n_column; c++) {
			if (!w[c])
				continue;
			buf_puts(out, "<td>");
			put_html(out, cell(t, r, c));
			buf_puts(out, "</td>");
		}
		buf_puts(out, "</tr>\n");
	}
	buf_puts(out, "</tbody>\n</table>\n");
	if (t->summary) {
		buf_puts(out, "<p>");
		put_html(out, t->summary);
		buf_puts(out, "</p>\n");
	}
	buf_puts(out, "</body>\n</html>\n");
}

const struct table_format table_formats[] = {
	{ "table", write_table },
	{ "csv", write_csv },
	{ "json", write_json },
	{ "markdown", write_markdown },
	{ "html", write_html },
};

const size_t n_table_formats = COUNT_OF(table_formats);

static unsigned terminal_width(void)
{
	const char *env = getenv("COLUMNS");
	unsigned long n = env ? strtoul(env, NULL, 10) : 0;
	struct winsize w;

	if (n >= 20 && n <= 1000)
		return (unsigned)n;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ?
		w.ws_col : DEFAULT_WIDTH;
}

static int write_format(const void *ctx, struct args *a, size_t i,
			struct output *out)
{
	const struct table *t = ctx;

	(void)a;
	if (i == n_table_formats)
		t->extra.write(t->extra.ctx, &out->text);
	else
		table_formats[i].write(t, &out->text, out->path ?
				       DEFAULT_WIDTH : terminal_width());
	return EXIT_OK;
}

int table_out(struct args *a, const struct table *t)
{
	const char *names[MOST_FORMATS];
	struct writers w = { names, n_table_formats, write_format, t };

	for (size_t i = 0; i < n_table_formats; i++)
		names[i] = table_formats[i].name;
	if (t->extra.name)
		names[w.n++] = t->extra.name;
	return write_formats(a, &w);
}
