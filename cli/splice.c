#include "cli/splice.h"

#include <stdlib.h>

#include "topology/xml.h"

static int by_place(const void *a, const void *b)
{
	const struct splice *x = a, *y = b;

	return x->into->xml->off < y->into->xml->off ? -1 :
	       x->into->xml->off > y->into->xml->off;
}

static size_t indent_of(const struct source *src, uint32_t off)
{
	size_t n = 0;

	while (off && src->text[off - 1] == ' ')
		off--, n++;
	return n;
}

/* The '>' of the tag that begins at off: not one within quotes. */
static size_t tag_end(const struct source *src, size_t off)
{
	char quote = 0;

	for (; off < src->len; off++) {
		char c = src->text[off];

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			break;
	}
	return off;
}

/* Behind the start tag; an empty element is opened. Returns how far the text
 * was copied. */
static size_t put_into(const struct source *src, const struct splice *s,
		       size_t from, struct buf *out)
{
	const struct party *where = s->into;
	size_t end = tag_end(src, where->xml->off);
	size_t indent = indent_of(src, where->xml->off);
	bool empty = src->text[end - 1] == '/';

	buf_put(out, src->text + from, end - empty - from);
	buf_puts(out, ">\n");
	s->put(s->ctx, where, indent + 2, out);
	end++;
	if (empty) {
		buf_pad(out, ' ', indent);
		buf_printf(out, "</%s>", where->xml->name);
		return end;
	}
	/* the end of the line was written already */
	while (end < src->len && (src->text[end] == ' ' ||
				  src->text[end] == '\r'))
		end++;
	if (end < src->len && src->text[end] == '\n')
		return end + 1;
	buf_pad(out, ' ', indent + 2);
	return end;
}

void splice_text(const struct source *src, struct splice *v, size_t n,
		 struct buf *out)
{
	size_t from = 0;

	if (n)
		qsort(v, n, sizeof(*v), by_place);
	for (size_t i = 0; i < n; i++)
		from = put_into(src, &v[i], from, out);
	buf_put(out, src->text + from, src->len - from);
}
