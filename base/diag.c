#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/plain.h"
#include "base/vec.h"

enum { LINE_SHOWN = 160 };

void diags_init(struct diags *d, struct arena *a)
{
	*d = (struct diags){ .arena = a };
}

static void add(struct diags *d, struct diag g)
{
	if (d->n == d->cap)
		vec_grow(d->arena, (void **)&d->v, d->n, &d->cap, sizeof(g));
	g.order = (unsigned)d->n;
	d->v[d->n++] = g;
	d->n_errors += g.sev == SEV_ERROR;
	d->n_warnings += g.sev == SEV_WARNING;
}

__attribute__((format(printf, 2, 0)))
static const char *format(struct arena *a, const char *fmt, va_list ap)
{
	struct buf b = { 0 };

	buf_vprintf(&b, fmt, ap);
	return buf_take(a, &b);
}

void diag_add(struct diags *d, enum severity sev, struct span at,
	      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, (struct diag){ .sev = sev, .at = at,
			      .msg = format(d->arena, fmt, ap) });
	va_end(ap);
}

void diag_add2(struct diags *d, enum severity sev, struct span at,
	       struct span also, const char *also_msg, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, (struct diag){ .sev = sev, .at = at, .also = also,
			      .also_msg = also_msg,
			      .msg = format(d->arena, fmt, ap) });
	va_end(ap);
}

static size_t line_start(const struct source *src, size_t off)
{
	while (off > 0 && src->text[off - 1] != '\n')
		off--;
	return off;
}

static unsigned count_chars(const char *s, size_t n)
{
	unsigned c = 0;

	for (size_t i = 0; i < n; i++)
		c += ((unsigned char)s[i] & 0xc0) != 0x80;
	return c;
}

void span_position(struct span s, unsigned *line, unsigned *col,
		   unsigned *end_col)
{
	size_t start = line_start(s.src, s.off), len = s.len;

	*line = 1;
	for (size_t i = 0; i < start; i++)
		*line += s.src->text[i] == '\n';
	*col = 1 + count_chars(s.src->text + start, s.off - start);
	if (s.off + len > s.src->len)
		len = s.src->len - s.off;
	*end_col = *col + count_chars(s.src->text + s.off, len);
	*end_col -= *end_col > *col;
}

static void print_place(struct buf *out, struct span s)
{
	unsigned line, col, end;

	if (!s.src)
		return;
	if (!s.src->text) {
		buf_printf(out, "%s: ", s.src->name);
		return;
	}
	span_position(s, &line, &col, &end);
	buf_printf(out, "%s:%u:%u", s.src->name, line, col);
	if (end > col)
		buf_printf(out, "-%u", end);
	buf_puts(out, ": ");
}

static void put_shown(struct buf *out, const char *s, size_t n)
{
	buf_plain(out, s, n, 1);
}

static void print_line(struct buf *out, struct span s)
{
	size_t start, end, from, len;

	if (!s.src || !s.src->text || !s.src->len)
		return;
	start = line_start(s.src, s.off);
	for (end = s.off; end < s.src->len && s.src->text[end] != '\n';)
		end++;
	from = start;
	if (s.off - start > LINE_SHOWN / 2)
		from = s.off - LINE_SHOWN / 2;
	while (from > start && ((unsigned char)s.src->text[from] & 0xc0) == 0x80)
		from--;
	if (end - from > LINE_SHOWN) {
		end = from + LINE_SHOWN;
		while (end > s.off && ((unsigned char)s.src->text[end] & 0xc0) ==
		       0x80)
			end--;
	}
	put_shown(out, s.src->text + from, end - from);
	buf_putc(out, '\n');
	for (size_t i = from; i < s.off; i++)
		if (((unsigned char)s.src->text[i] & 0xc0) != 0x80)
			buf_putc(out, s.src->text[i] == '\t' ? '\t' : ' ');
	len = s.off + s.len > end ? end - s.off : s.len;
	buf_pad(out, '^', len ? count_chars(s.src->text + s.off, len) : 1);
	buf_putc(out, '\n');
}

static int diag_cmp(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;
	unsigned xo = x->at.src ? x->at.src->order : 0;
	unsigned yo = y->at.src ? y->at.src->order : 0;

	if (xo != yo)
		return xo < yo ? -1 : 1;
	if (x->at.off != y->at.off)
		return x->at.off < y->at.off ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void print_one(struct buf *out, const struct diag *g)
{
	static const char *const label[] = {
		[SEV_ERROR] = "Error", [SEV_WARNING] = "Warning",
		[SEV_NOTE] = "Note",
	};

	print_place(out, g->at);
	buf_printf(out, "%s: ", label[g->sev]);
	put_shown(out, g->msg, strlen(g->msg));
	buf_putc(out, '\n');
	print_line(out, g->at);
	if (g->also.src) {
		print_place(out, g->also);
		buf_printf(out, "%s\n", g->also_msg);
		print_line(out, g->also);
	}
}

void diags_print(struct diags *d, struct buf *out, size_t most)
{
	size_t shown = 0, left[2] = { 0, 0 };

	if (d->n)
		qsort(d->v, d->n, sizeof(*d->v), diag_cmp);
	/* errors never give way to warnings */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < d->n; i++) {
			if ((d->v[i].sev == SEV_ERROR) != (pass == 0))
				continue;
			if (shown++ < most)
				print_one(out, &d->v[i]);
			else
				left[pass]++;
		}
	if (left[0] || left[1])
		buf_printf(out, "and %zu more errors, %zu more warnings\n",
			   left[0], left[1]);
}

static size_t edit_distance(const char *a, const char *b)
{
	enum { MOST = 64 };
	size_t n = strlen(a), m = strlen(b);
	size_t row[3][MOST + 1];

	if (n > MOST || m > MOST)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *cur = row[i % 3], *up = row[(i + 2) % 3];
		size_t *upup = row[(i + 1) % 3];

		cur[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t c = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < c)
				c = up[j] + 1;
			if (cur[j - 1] + 1 < c)
				c = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && upup[j - 2] + 1 < c)
				c = upup[j - 2] + 1;
			cur[j] = c;
		}
	}
	return row[n % 3][m];
}

const char *nearest_name(const char *s, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t limit = strlen(s) < 4 ? 1 : strlen(s) < 8 ? 2 : 3;
	size_t best_d = limit + 1;

	for (size_t i = 0; i < n; i++) {
		/* Written large or small, it is hardly another word. */
		size_t d = strcasecmp(s, names[i]) ?
			   edit_distance(s, names[i]) : 0;

		if (d < best_d) {
			best_d = d;
			best = names[i];
		}
	}
	return best;
}
