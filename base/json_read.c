#include "base/json_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/plain.h"

enum { MAX_DEPTH = 64 };

struct reader {
	struct arena *a;
	const struct source *src;
	struct diags *d;
	const char *p, *end;
	unsigned depth;
	bool failed;
};

static struct span here(const struct reader *r, const char *from, size_t n)
{
	return (struct span){ r->src, (uint32_t)(from - r->src->text),
			      (uint32_t)n };
}

static struct json_value *fail(struct reader *r, const char *at, size_t n,
			       const char *why)
{
	if (!r->failed)
		diag_add(r->d, SEV_ERROR, here(r, at, n), "JSON: %s", why);
	r->failed = true;
	return NULL;
}

static void skip_blanks(struct reader *r)
{
	while (r->p < r->end && strchr(" \t\r\n", *r->p) && *r->p)
		r->p++;
}

static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->p >= r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool hex4(const char *s, const char *end, uint32_t *out)
{
	*out = 0;
	if (end - s < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = s[i] ? strchr(digits, s[i] | 0x20) : NULL;

		if (!at || (s[i] < '0'))
			return false;
		*out = *out << 4 | (uint32_t)(at - digits);
	}
	return true;
}

static void put_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_putc(b, (char)c);
	} else if (c < 0x800) {
		buf_putc(b, (char)(0xc0 | c >> 6));
		buf_putc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_putc(b, (char)(0xe0 | c >> 12));
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_putc(b, (char)(0xf0 | c >> 18));
		buf_putc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* Behind "\u"; surrogates come in pairs. */
static bool read_unicode(struct reader *r, struct buf *b)
{
	uint32_t c, low;

	if (!hex4(r->p, r->end, &c) || c == 0)
		return false;
	r->p += 4;
	if (c >= 0xd800 && c < 0xdc00) {
		if (r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u' ||
		    !hex4(r->p + 2, r->end, &low) || low < 0xdc00 ||
		    low > 0xdfff)
			return false;
		r->p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c >= 0xdc00 && c < 0xe000) {
		return false;
	}
	put_utf8(b, c);
	return true;
}

static bool read_escape(struct reader *r, struct buf *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (r->p >= r->end)
		return false;
	if (*r->p == 'u') {
		r->p++;
		return read_unicode(r, b);
	}
	at = *r->p ? strchr(from, *r->p) : NULL;
	if (!at)
		return false;
	buf_putc(b, to[at - from]);
	r->p++;
	return true;
}

/* Behind the opening quote; NULL and a message. */
static const char *read_text(struct reader *r)
{
	struct buf b = { 0 };
	const char *start = r->p - 1, *out = NULL;

	while (r->p < r->end && *r->p != '"') {
		size_t n = utf8_length(r->p, (size_t)(r->end - r->p));

		if ((unsigned char)*r->p < 0x20 || !n) {
			fail(r, r->p, 1, n ? "a control character in a text" :
					     "this is not UTF-8");
			break;
		}
		if (*r->p == '\\') {
			r->p++;
			if (!read_escape(r, &b)) {
				fail(r, r->p - 1, 2, "no escape of JSON");
				break;
			}
			continue;
		}
		buf_put(&b, r->p, n);
		r->p += n;
	}
	if (!r->failed && r->p >= r->end)
		fail(r, start, 1, "the text that begins here does not end");
	if (!r->failed) {
		out = arena_strndup(r->a, b.s ? b.s : "", b.n);
		r->p++;
	}
	buf_free(&b);
	return out;
}

static struct json_value *new_value(struct reader *r, enum json_type type)
{
	struct json_value *v = ARENA_NEW(r->a, struct json_value);

	v->type = type;
	v->at = here(r, r->p, 1);
	return v;
}

static struct json_value *read_value(struct reader *r);

static struct json_value *read_array(struct reader *r)
{
	struct json_value *v = new_value(r, JSON_ARRAY), **next = &v->first;

	r->p++;
	if (take(r, ']'))
		return v;
	for (;;) {
		*next = read_value(r);
		if (!*next)
			return NULL;
		next = &(*next)->next;
		if (take(r, ']'))
			return v;
		if (!take(r, ','))
			return fail(r, r->p, 1, "a comma or ] is missing");
	}
}

static struct json_value *read_member(struct reader *r, struct map *keys)
{
	struct json_value *v;
	const char *key, *at;
	int is_new;

	skip_blanks(r);
	at = r->p;
	if (!take(r, '"'))
		return fail(r, r->p, 1, "a key in quotes is missing");
	key = read_text(r);
	if (!key)
		return NULL;
	map_add_str(r->a, keys, key, &is_new);
	if (!is_new)
		return fail(r, at, (size_t)(r->p - at), "this key stands there "
			    "twice");
	if (!take(r, ':'))
		return fail(r, r->p, 1, "a colon is missing");
	v = read_value(r);
	if (v)
		v->key = key;
	return v;
}

static struct json_value *read_object(struct reader *r)
{
	struct json_value *v = new_value(r, JSON_OBJECT), **next = &v->first;
	struct map keys = { 0 };

	r->p++;
	if (take(r, '}'))
		return v;
	for (;;) {
		*next = read_member(r, &keys);
		if (!*next)
			return NULL;
		next = &(*next)->next;
		if (take(r, '}'))
			return v;
		if (!take(r, ','))
			return fail(r, r->p, 1, "a comma or } is missing");
	}
}

static struct json_value *read_string(struct reader *r)
{
	struct json_value *v = new_value(r, JSON_STRING);
	const char *start = r->p++;

	v->str = read_text(r);
	v->at.len = (uint32_t)(r->p - start);
	return v->str ? v : NULL;
}

/* RFC 8259, 6: -? int frac? exp? */
static size_t number_length(const char *s, const char *end)
{
	const char *p = s, *digits;

	p += p < end && *p == '-';
	digits = p;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p == digits || (*digits == '0' && p > digits + 1))
		return 0;
	if (p < end && *p == '.') {
		digits = ++p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return 0;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		digits = p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return 0;
	}
	return (size_t)(p - s);
}

static struct json_value *read_number(struct reader *r)
{
	struct json_value *v = new_value(r, JSON_NUMBER);
	size_t n = number_length(r->p, r->end);

	if (!n)
		return fail(r, r->p, 1, "no value of JSON");
	v->num = strtod(arena_strndup(r->a, r->p, n), NULL);
	v->at.len = (uint32_t)n;
	r->p += n;
	return v;
}

static struct json_value *read_word(struct reader *r)
{
	static const struct {
		const char *word;
		enum json_type type;
		bool truth;
	} words[] = {
		{ "true", JSON_BOOL, true }, { "false", JSON_BOOL, false },
		{ "null", JSON_NULL, false },
	};

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i].word);
		struct json_value *v;

		if ((size_t)(r->end - r->p) < n ||
		    memcmp(r->p, words[i].word, n))
			continue;
		v = new_value(r, words[i].type);
		v->truth = words[i].truth;
		v->at.len = (uint32_t)n;
		r->p += n;
		return v;
	}
	return read_number(r);
}

static struct json_value *read_value(struct reader *r)
{
	struct json_value *v;

	skip_blanks(r);
	if (r->p >= r->end)
		return fail(r, r->end, 0, "the file ends too early");
	if (++r->depth > MAX_DEPTH)
		return fail(r, r->p, 1, "nested more than 64 deep");
	v = *r->p == '{' ? read_object(r) : *r->p == '[' ? read_array(r) :
	    *r->p == '"' ? read_string(r) : read_word(r);
	r->depth--;
	return v;
}

struct json_value *json_read(struct arena *a, const struct source *src,
			     struct diags *d)
{
	struct reader r = { a, src, d, src->text, src->text + src->len, 0,
			    false };
	struct json_value *v = read_value(&r);

	skip_blanks(&r);
	if (v && r.p < r.end)
		return fail(&r, r.p, 1, "something stands behind the end");
	return v;
}

const struct json_value *json_get(const struct json_value *v, const char *key)
{
	if (v->type != JSON_OBJECT)
		return NULL;
	for (const struct json_value *m = v->first; m; m = m->next)
		if (!strcmp(m->key, key))
			return m;
	return NULL;
}

const struct json_value *json_need(const struct json_value *v, const char *key,
				   enum json_type type, struct diags *d)
{
	static const struct json_value nothing = { .type = JSON_NULL };
	static const char *const what[] = {
		[JSON_NULL] = "null", [JSON_BOOL] = "true or false",
		[JSON_NUMBER] = "a number", [JSON_STRING] = "a text",
		[JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
	};
	const struct json_value *m = json_get(v, key);

	if (m && m->type == type)
		return m;
	if (!m)
		diag_add(d, SEV_ERROR, v->at, "\"%s\" (%s) is missing here",
			 key, what[type]);
	else
		diag_add(d, SEV_ERROR, m->at, "\"%s\" is %s, where %s is "
			 "meant", key, what[m->type], what[type]);
	return &nothing;
}

const char *json_need_str(const struct json_value *v, const char *key,
			  struct diags *d)
{
	const struct json_value *m = json_get(v, key);

	if (m && m->type == JSON_NULL)
		return NULL;
	m = json_need(v, key, JSON_STRING, d);
	return m->type == JSON_STRING ? m->str : "";
}

long long json_need_int(const struct json_value *v, const char *key,
			struct diags *d)
{
	const struct json_value *m = json_need(v, key, JSON_NUMBER, d);

	/* beyond 2^53 a double has no units */
	if (m->type != JSON_NUMBER)
		return 0;
	if (m->num >= -9007199254740992.0 && m->num <= 9007199254740992.0)
		return (long long)m->num;
	diag_add(d, SEV_ERROR, m->at, "\"%s\" is beyond all measure", key);
	return 0;
}

bool json_need_bool(const struct json_value *v, const char *key,
		    struct diags *d)
{
	return json_need(v, key, JSON_BOOL, d)->truth;
}
