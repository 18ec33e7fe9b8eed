#include "base/plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

size_t utf8_length(const char *str, size_t n)
{
	const unsigned char *s = (const unsigned char *)str;
	size_t len;

	if (!n)
		return 0;
	len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
	      (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static uint32_t decode(const char *str, size_t len)
{
	const unsigned char *s = (const unsigned char *)str;
	uint32_t c = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* Unicode 15: controls, and the marks, embeddings, overrides and isolates of
 * the bidirectional algorithm (UAX 9), line and paragraph separators. */
static bool harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e ||
	       c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

void buf_plain(struct buf *out, const char *s, size_t n, int keep_tabs)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8_length(s + i, n - i);

		if (s[i] == '\t' && keep_tabs)
			buf_putc(out, '\t');
		else if (!len || harmful(decode(s + i, len)))
			buf_putc(out, '?');
		else
			buf_put(out, s + i, len);
		i += len ? len : 1;
	}
}

void buf_shell(struct buf *out, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-";

	if (*s && !s[strspn(s, plain)]) {
		buf_puts(out, s);
		return;
	}
	buf_putc(out, '\'');
	for (; *s; s++)
		if (*s == '\'')
			buf_puts(out, "'\\''");
		else
			buf_putc(out, *s);
	buf_putc(out, '\'');
}
