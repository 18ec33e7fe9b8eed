#include "draw/text.h"

#include <string.h>

#include "base/plain.h"

/* Advance widths of DejaVu Sans in hundredths of the size, U+0020 to U+007E. */
static const unsigned char advance[] = {
	32, 40, 46, 84, 64, 95, 78, 28, 39, 39, 50, 84, 32, 36, 32, 34,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53,
	100, 69, 69, 70, 77, 63, 58, 78, 75, 30, 30, 66, 56, 86, 75, 79,
	60, 79, 70, 64, 61, 73, 69, 99, 69, 61, 69, 39, 34, 39, 84, 50,
	50, 61, 64, 55, 64, 62, 35, 64, 63, 28, 28, 58, 28, 97, 63, 61,
	64, 64, 41, 52, 39, 63, 59, 82, 59, 59, 53, 64, 34, 64, 84,
};

/* Hundredths of the size; wide for what may be an ideograph. */
static int char_width(const char *s, size_t len)
{
	unsigned char c = (unsigned char)*s;

	if (len == 2 && c == 0xc2 && (unsigned char)s[1] == 0xa0)
		c = ' '; /* no-break */
	if (c >= 0x20 && c < 0x7f)
		return advance[c - 0x20];
	return len >= 3 ? 104 : 72;
}

int text_width(const char *s, size_t n, int size, bool bold)
{
	int w = 0;

	for (size_t i = 0; i < n;) {
		size_t len = utf8_length(s + i, n - i);

		len = len ? len : 1;
		w += char_width(s + i, len);
		i += len;
	}
	return (w * size * (bold ? 113 : 100) + 9999) / 10000;
}

/* Bytes that fill one line. */
static size_t line_bytes(const char *s, int width, int size)
{
	size_t n = strlen(s), i = 0, space = 0;
	int w = 0;

	while (i < n) {
		size_t len = utf8_length(s + i, n - i);

		len = len ? len : 1;
		w += char_width(s + i, len) * size;
		if (w > width * 100 && i)
			return space ? space : i;
		if (s[i] == ' ')
			space = i;
		i += len;
	}
	return i;
}

struct text_lines text_wrap(struct arena *a, const char *s, int width, int size)
{
	struct text_lines out = { .width = 0 };

	while (*s == ' ')
		s++;
	while (*s) {
		size_t n = line_bytes(s, width, size);
		int w = text_width(s, n, size, false);

		out.width = w > out.width ? w : out.width;
		vec_push(a, &out.v, arena_strndup(a, s, n));
		s += n;
		while (*s == ' ')
			s++;
	}
	return out;
}

const char *text_fit(struct arena *a, const char *s, int width, int size,
		     bool bold)
{
	size_t n = strlen(s);

	if (text_width(s, n, size, bold) <= width)
		return s;
	while (n && text_width(s, n, size, bold) + size > width)
		do
			n--;
		while (n && ((unsigned char)s[n] & 0xc0) == 0x80);
	return arena_printf(a, "%.*s\xe2\x80\xa6", (int)n, s);
}

void text_xml(struct buf *out, const char *s)
{
	static const struct {
		char c;
		const char *as;
	} entity[] = {
		{ '<', "&lt;" }, { '>', "&gt;" }, { '&', "&amp;" },
		{ '"', "&quot;" }, { '\'', "&#39;" },
	};
	struct buf plain = { 0 };

	buf_plain(&plain, s, strlen(s), 0);
	for (const char *p = plain.s; p && *p; p++) {
		const char *as = NULL;

		for (size_t i = 0; i < sizeof(entity) / sizeof(*entity); i++)
			if (entity[i].c == *p)
				as = entity[i].as;
		if (as)
			buf_puts(out, as);
		else
			buf_putc(out, *p);
	}
	buf_free(&plain);
}
