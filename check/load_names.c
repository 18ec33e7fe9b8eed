#include <ctype.h>
#include <string.h>

#include "check/load.h"

/*
 * nft turns the name after `iif`, `oif` or `device` into an index when it
 * loads, so the interface must exist. This finds such names without parsing:
 * a word too many makes an interface too many, which harms nobody.
 */
struct token {
	const char *p;
	size_t n;
};

struct tokens {
	const char *p, *end;
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || strchr("_-.:/@$\\", c);
}

static bool next_token(struct tokens *t, struct token *out)
{
	while (t->p < t->end && isspace((unsigned char)*t->p))
		t->p++;
	if (t->p == t->end)
		return false;
	if (*t->p == '#') {
		while (t->p < t->end && *t->p != '\n')
			t->p++;
		return next_token(t, out);
	}
	out->p = t->p;
	if (*t->p == '"') {
		const char *q =
			memchr(t->p + 1, '"', (size_t)(t->end - t->p - 1));

		out->p++;
		out->n = q ? (size_t)(q - out->p) : 0;
		t->p = q ? q + 1 : t->end;
		return true;
	}
	while (t->p < t->end && is_word(*t->p))
		t->p++;
	t->p += t->p == out->p;
	out->n = (size_t)(t->p - out->p);
	return true;
}

static bool is(struct token t, const char *s)
{
	return t.n == strlen(s) && !memcmp(t.p, s, t.n);
}

void names_add(struct arena *a, struct names *s, const char *p, size_t n)
{
	if (n == 0 || n > 15 || memchr(p, '/', n) || memchr(p, '*', n) ||
	    memchr(p, ':', n) ||
	    (n == 2 && !memcmp(p, "lo", 2)))
		return;
	for (size_t i = 0; i < s->n; i++)
		if (strlen(s->v[i]) == n && !memcmp(s->v[i], p, n))
			return;
	vec_push(a, s, arena_strndup(a, p, n));
}

struct names_ctx {
	struct arena *a;
	struct names *out;
	const char *text;
	size_t n;
	unsigned depth;
};

static void take_value(struct names_ctx *c, struct tokens *t, struct token v);

/* define NAME = value */
static void take_variable(struct names_ctx *c, struct token name)
{
	struct tokens t = {c->text, c->text + c->n};
	struct token k;

	if (c->depth > 8)
		return;
	c->depth++;
	while (next_token(&t, &k)) {
		if (!is(k, "define") || !next_token(&t, &k) || k.n != name.n ||
		    memcmp(k.p, name.p, k.n))
			continue;
		if (next_token(&t, &k) && is(k, "=") && next_token(&t, &k))
			take_value(c, &t, k);
	}
	c->depth--;
}

static void take_value(struct names_ctx *c, struct tokens *t, struct token v)
{
	while (is(v, "!") || is(v, "="))
		if (!next_token(t, &v))
			return;
	if (is(v, "{")) {
		while (next_token(t, &v) && !is(v, "}"))
			if (!is(v, ","))
				take_value(c, t, v);
		return;
	}
	if (v.n > 1 && v.p[0] == '$')
		take_variable(c, (struct token){v.p + 1, v.n - 1});
	else if (v.n && (isalnum((unsigned char)v.p[0]) || v.p[0] == '_'))
		names_add(c->a, c->out, v.p, v.n);
}

void names_needed(struct arena *a, struct names *s, const char *text, size_t n)
{
	struct names_ctx c = {a, s, text, n, 0};
	struct tokens t = {text, text + n};
	struct token k;
	bool index = false; /* in a set of interfaces */

	while (next_token(&t, &k)) {
		if (is(k, "set") || is(k, "map") || is(k, "chain"))
			index = false;
		index |= is(k, "iface_index");
		if (index && is(k, "elements") && next_token(&t, &k))
			take_value(&c, &t, k);
		if (is(k, "devices") && next_token(&t, &k)) {
			take_value(&c, &t, k);
		} else if (is(k, "iif") || is(k, "oif") || is(k, "device")) {
			if (next_token(&t, &k))
				take_value(&c, &t, k);
		}
	}
}

/* "fw.nft:8:19-22: Error: Interface does not exist", the line, the carets. */
bool names_complained(struct arena *a, struct names *s, const char *said)
{
	static const char what[] = "Error: Interface does not exist\n";
	size_t before = s->n;

	while ((said = strstr(said, what))) {
		const char *line, *marks;
		size_t at, n;

		line = said += sizeof(what) - 1;
		marks = strchr(line, '\n');
		if (!marks)
			break;
		at = strspn(++marks, " \t");
		n = strspn(marks + at, "^");
		if (at + n <= (size_t)(marks - 1 - line))
			names_add(a, s, line + at, n);
	}
	return s->n > before;
}

/* In JSON the name is the "right" of a match of iif or oif, one string or a
 * set of them, an element of a set of indexes, the "dev" of a chain. */
static void take_json(struct names_ctx *c, struct tokens *t)
{
	struct token k;
	unsigned depth = 0;

	do {
		const char *quote = t->p;

		if (!next_token(t, &k))
			return;
		while (quote < t->end && isspace((unsigned char)*quote))
			quote++;
		if (is(k, "[") || is(k, "{"))
			depth++;
		else if (is(k, "]") || is(k, "}"))
			depth--;
		else if (*quote == '"' && !is(k, "set"))
			names_add(c->a, c->out, k.p, k.n);
	} while (depth || is(k, ":"));
}

void names_needed_json(struct arena *a, struct names *s, const char *text,
		       size_t n)
{
	struct names_ctx c = {a, s, text, n, 0};
	struct tokens t = {text, text + n};
	struct token k;
	bool index = false;

	while (next_token(&t, &k)) {
		if (is(k, "set") || is(k, "map") || is(k, "rule"))
			index = false;
		index |= is(k, "iif") || is(k, "oif") || is(k, "iface_index");
		if (is(k, "dev") || (index && is(k, "right")) ||
		    (index && is(k, "elem"))) {
			take_json(&c, &t);
			index = false;
		}
	}
}
