#include "base/json.h"

#include <string.h>

#include "base/plain.h"

void json_quote(struct buf *out, const char *str)
{
	const unsigned char *s = (const unsigned char *)str;

	buf_putc(out, '"');
	while (*s) {
		size_t n = utf8_length((const char *)s,
				       strnlen((const char *)s, 4));

		if (n == 0) {
			buf_puts(out, "\\ufffd");
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			buf_putc(out, '\\');
			buf_putc(out, (char)*s);
		} else if (*s < 0x20 || *s == 0x7f) {
			buf_printf(out, "\\u%04x", *s);
		} else {
			buf_put(out, s, n);
		}
		s += n;
	}
	buf_putc(out, '"');
}

static void begin(struct json *j, const char *key)
{
	if (j->filled[j->depth])
		buf_putc(j->out, ',');
	if (!j->compact && j->depth) {
		buf_putc(j->out, '\n');
		buf_pad(j->out, ' ', 2 * j->depth);
	}
	j->filled[j->depth] = 1;
	if (key) {
		json_quote(j->out, key);
		buf_puts(j->out, j->compact ? ":" : ": ");
	}
}

static void open_level(struct json *j, const char *key, char c)
{
	begin(j, key);
	buf_putc(j->out, c);
	if (j->depth + 1 < sizeof(j->filled))
		j->depth++;
	j->filled[j->depth] = 0;
}

static void close_level(struct json *j, char c)
{
	unsigned char had = j->filled[j->depth];

	j->depth--;
	if (had && !j->compact) {
		buf_putc(j->out, '\n');
		buf_pad(j->out, ' ', 2 * j->depth);
	}
	buf_putc(j->out, c);
	if (j->depth == 0) {
		buf_putc(j->out, '\n');
		j->filled[0] = 0;
	}
}

void json_object(struct json *j, const char *key) { open_level(j, key, '{'); }
void json_array(struct json *j, const char *key) { open_level(j, key, '['); }
void json_end_object(struct json *j) { close_level(j, '}'); }
void json_end_array(struct json *j) { close_level(j, ']'); }

void json_str(struct json *j, const char *key, const char *val)
{
	begin(j, key);
	if (val)
		json_quote(j->out, val);
	else
		buf_puts(j->out, "null");
}

void json_int(struct json *j, const char *key, long long val)
{
	begin(j, key);
	buf_printf(j->out, "%lld", val);
}

void json_bool(struct json *j, const char *key, bool val)
{
	begin(j, key);
	buf_puts(j->out, val ? "true" : "false");
}
