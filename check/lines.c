#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "check/load.h"

/* ---- texts: "\t\tRULE # handle N" below "\tchain NAME {" of "table F N {" */

struct line {
	const char *p;
	size_t n;
};

static bool next_line(const char **p, const char *end, struct line *out)
{
	const char *q;

	if (*p >= end)
		return false;
	q = memchr(*p, '\n', (size_t)(end - *p));
	out->p = *p;
	out->n = (size_t)((q ? q : end) - *p);
	*p = q ? q + 1 : end;
	while (out->n && isspace((unsigned char)out->p[0])) {
		out->p++;
		out->n--;
	}
	return true;
}

static bool starts(struct line l, const char *word, struct line *rest)
{
	size_t n = strlen(word);

	if (l.n < n || memcmp(l.p, word, n))
		return false;
	rest->p = l.p + n;
	rest->n = l.n - n;
	return true;
}

static struct line word(struct line *l)
{
	struct line w = {l->p, 0};

	while (w.n < l->n && !isspace((unsigned char)l->p[w.n]))
		w.n++;
	l->p += w.n;
	l->n -= w.n;
	while (l->n && isspace((unsigned char)l->p[0])) {
		l->p++;
		l->n--;
	}
	return w;
}

static struct kr_table *table_named(const struct kruleset *rs, struct line l)
{
	struct line family = word(&l), name = word(&l);

	for (size_t i = 0; i < rs->table.n; i++) {
		struct kr_table *t = rs->table.v[i];
		const char *f = kr_family_name(t->family);

		if (strlen(f) == family.n && !memcmp(f, family.p, family.n) &&
		    strlen(t->name) == name.n &&
		    !memcmp(t->name, name.p, name.n))
			return t;
	}
	return NULL;
}

static const char handle_mark[] = " # handle ";

/* Rules are listed in the order of their dump: *next is where to look first. */
static void give_text(struct arena *a, struct kr_chain *c, size_t *next,
		      struct line l)
{
	const char *at = NULL;
	uint64_t handle;

	for (size_t i = 0; i + sizeof(handle_mark) <= l.n; i++)
		if (!memcmp(l.p + i, handle_mark, sizeof(handle_mark) - 1))
			at = l.p + i;
	if (!at)
		return;
	handle = strtoull(at + sizeof(handle_mark) - 1, NULL, 10);
	for (size_t i = 0; i < c->rule.n; i++) {
		struct kr_rule *r = c->rule.v[(*next + i) % c->rule.n];

		if (r->handle != handle)
			continue;
		r->text = arena_strndup(a, l.p, (size_t)(at - l.p));
		*next += i + 1;
		return;
	}
}

void rules_texts(struct kruleset *rs, const char *listing, size_t n)
{
	const char *p = listing, *end = listing + n;
	struct kr_table *t = NULL;
	struct kr_chain *c = NULL;
	struct line l, rest;
	size_t next = 0;

	while (next_line(&p, end, &l)) {
		if (starts(l, "table ", &rest)) {
			t = table_named(rs, rest);
			c = NULL;
		} else if (t && starts(l, "chain ", &rest)) {
			struct line name = word(&rest);
			struct map_entry *e;

			e = map_find_str(
				&t->chain,
				arena_strndup(rs->arena, name.p, name.n));
			c = e ? e->val.p : NULL;
			next = 0;
		} else if (c) {
			give_text(rs->arena, c, &next, l);
		}
	}
}

/*
 * ---- lines of the file: the n-th statement of a chain block is the chain's
 * n-th rule. Where the counts differ (add rule, include, variables that
 * expand to several) nothing is claimed for that chain.
 */
struct scan {
	struct kruleset *rs;
	const char *p, *end, *file;
	uint32_t line;
	struct pieces *pieces; /* NULL: it is about lines */
};

enum { MAX_RULES = 1 << 20 };

static char peek(const struct scan *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static void skip_string(struct scan *s)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++)
		s->line += *s->p == '\n';
	s->p += s->p < s->end;
}

static void skip_comment(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

/* White space and, if asked, statement ends. */
static void skip_blank(struct scan *s)
{
	for (; s->p < s->end; s->p++) {
		if (*s->p == '#') {
			skip_comment(s);
			s->p--;
		} else if (*s->p == '\n') {
			s->line++;
		} else if (!isspace((unsigned char)*s->p) && *s->p != ';') {
			return;
		}
	}
}

/* To the end of one statement; braces nest. */
static void skip_statement(struct scan *s)
{
	unsigned depth = 0;

	for (; s->p < s->end; s->p++) {
		char c = *s->p;

		if (c == '"') {
			skip_string(s);
			s->p--;
		} else if (c == '\\' && s->p + 1 < s->end && s->p[1] == '\n') {
			s->p++;
			s->line++;
		} else if (c == '#') {
			skip_comment(s);
			s->p--;
		} else if (c == '{') {
			depth++;
		} else if (c == '}') {
			if (depth-- == 0)
				return;
		} else if (depth == 0 && (c == '\n' || c == ';')) {
			return;
		} else if (c == '\n') {
			s->line++;
		}
	}
}

static struct line scan_word(struct scan *s)
{
	struct line w = {s->p, 0};

	while (s->p < s->end && !isspace((unsigned char)*s->p) &&
	       !strchr("{};#", *s->p))
		s->p++;
	w.n = (size_t)(s->p - w.p);
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
	return w;
}

static bool line_is(struct line l, const char *w)
{
	return l.n == strlen(w) && !memcmp(l.p, w, l.n);
}

/*
 * ---- pieces: of the text of tables, which parts are rules and elements, and
 * which have to stand around them in each piece (heads, braces, variables).
 */
enum part_kind {
	PART_ALWAYS,
	PART_ONCE,  /* a rule, an element: in one piece */
	PART_FRAME, /* around elements: where some of them are */
	PART_FIRST  /* and what is in no part */
};

struct part {
	size_t from, to;   /* offsets */
	enum part_kind kind;
	bool element;
	size_t first, end; /* of a frame: the parts in it */
};

struct pieces {
	struct arena *a;
	const char *text;
	VEC(struct part) part;
	bool tables; /* behind the first block */
	bool whole;  /* not to be cut: includes, commands behind a table */
};

static void part_add(const struct scan *s, const char *from,
		     enum part_kind kind)
{
	struct pieces *x = s->pieces;
	struct part p = {.kind = kind};

	if (!x)
		return;
	p.from = (size_t)(from - x->text);
	p.to = (size_t)(s->p - x->text) + (s->p < s->end && *s->p == ';');
	vec_push(x->a, &x->part, p);
}

/* A statement that is no rule. */
static void part_other(const struct scan *s, struct line first,
		       const char *from)
{
	if (s->pieces && line_is(first, "define"))
		part_add(s, from, PART_ALWAYS);
	if (s->pieces && line_is(first, "include"))
		s->pieces->whole = true;
}

static bool is_rule(struct line first)
{
	static const char *const other[] = {"type",   "policy",	 "comment",
					    "flags",  "devices", "define",
					    "include"};

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if (line_is(first, other[i]))
			return false;
	return true;
}

static struct kr_chain *chain_named(const struct scan *s,
				    const struct kr_table *t, struct line name)
{
	return s->rs ? kr_find_chain(t, arena_strndup(s->rs->arena, name.p,
						      name.n)) : NULL;
}

/* Over one character that is part of every piece. */
static void brace(struct scan *s)
{
	const char *from = s->p;

	s->p += s->p < s->end;
	part_add(s, from, PART_ALWAYS);
}

/* To the comma behind an element, or the brace behind the last. */
static void skip_element(struct scan *s)
{
	for (; s->p < s->end && *s->p != ',' && *s->p != '}'; s->p++) {
		if (*s->p == '"')
			skip_string(s);
		else if (*s->p == '#')
			skip_comment(s);
		if (s->p == s->end || *s->p == ',' || *s->p == '}')
			break;
		s->line += *s->p == '\n';
	}
	s->p += s->p < s->end && *s->p == ',';
}

/* "elements = { ... }", from its first word on; false: it is no list. */
static bool part_elements(struct scan *s, const char *from)
{
	size_t open = s->pieces->part.n;
	struct part *v;

	while (s->p < s->end && (*s->p == '=' || *s->p == ' '))
		s->p++;
	if (peek(s) != '{')
		return false;
	s->p++;
	part_add(s, from, PART_FRAME);
	/* what stands before an element is part of it: no line is empty then,
	 * which nft would not read */
	for (from = s->p, skip_blank(s); s->p < s->end && *s->p != '}';
	     from = s->p, skip_blank(s)) {
		skip_element(s);
		part_add(s, from, PART_ONCE);
		s->pieces->part.v[s->pieces->part.n - 1].element = true;
	}
	s->p += s->p < s->end;
	part_add(s, from, PART_FRAME);
	v = s->pieces->part.v;
	v[open].first = v[s->pieces->part.n - 1].first = open + 1;
	v[open].end = v[s->pieces->part.n - 1].end = s->pieces->part.n - 1;
	return true;
}

/* Elements added later are others there: merged with those before, refused. */
static bool takes_no_more(struct line first, const char *from, const char *to)
{
	return line_is(first, "auto-merge") ||
	       (line_is(first, "flags") &&
		memmem(from, (size_t)(to - from), "constant", 8));
}

/* A set or a map, behind that word. */
static void part_set(struct scan *s, const char *head)
{
	size_t begin = s->pieces->part.n;
	bool once = false;

	scan_word(s);
	skip_blank(s);
	if (peek(s) != '{')
		return;
	s->p++;
	part_add(s, head, PART_ALWAYS);
	for (skip_blank(s); s->p < s->end && *s->p != '}'; skip_blank(s)) {
		const char *from = s->p;
		struct line first = scan_word(s);

		if (line_is(first, "elements") && part_elements(s, from))
			continue;
		s->p = from;
		skip_statement(s);
		part_add(s, from, line_is(first, "elements") ? PART_FIRST :
							       PART_ALWAYS);
		once |= takes_no_more(first, from, s->p);
	}
	brace(s);
	for (size_t i = begin; once && i < s->pieces->part.n; i++)
		if (s->pieces->part.v[i].kind != PART_ALWAYS)
			s->pieces->part.v[i].kind = PART_FIRST;
}

static void scan_chain(struct scan *s, struct kr_table *t, const char *head)
{
	struct line name = scan_word(s);
	struct kr_chain *c = chain_named(s, t, name);
	VEC(uint32_t) at = {0};

	part_add(s, head, PART_ALWAYS);
	skip_blank(s);
	if (peek(s) != '{')
		return;
	brace(s);
	for (skip_blank(s); s->p < s->end && *s->p != '}'; skip_blank(s)) {
		uint32_t line = s->line;
		const char *from = s->p;
		struct line first = scan_word(s);

		s->p = from;
		skip_statement(s);
		if (!is_rule(first))
			part_other(s, first, from);
		else if (s->pieces)
			part_add(s, from, PART_ONCE);
		else if (at.n < MAX_RULES)
			vec_push(s->rs->arena, &at, line);
	}
	brace(s);
	for (size_t i = 0; c && at.n == c->rule.n && i < at.n; i++) {
		c->rule.v[i]->file = s->file;
		c->rule.v[i]->line = at.v[i];
	}
}

static struct kr_table *scan_table_name(struct scan *s)
{
	struct line a = scan_word(s), b = scan_word(s);

	if (!s->rs)
		return NULL;
	if (b.n == 0) /* no family: ip */
		return table_named(
			s->rs,
			(struct line){arena_printf(s->rs->arena, "ip %.*s",
						   (int)a.n, a.p),
				      a.n + 3});
	return table_named(s->rs,
			   (struct line){a.p, (size_t)(b.p + b.n - a.p)});
}

static void scan_table(struct scan *s, const char *head)
{
	struct kr_table *t = scan_table_name(s);

	part_add(s, head, PART_ALWAYS);
	skip_blank(s);
	if (peek(s) != '{')
		return;
	brace(s);
	for (skip_blank(s); s->p < s->end && *s->p != '}'; skip_blank(s)) {
		const char *from = s->p;
		struct line first = scan_word(s);

		if (line_is(first, "chain")) {
			scan_chain(s, t, from);
		} else if (s->pieces && (line_is(first, "set") ||
					 line_is(first, "map"))) {
			part_set(s, from);
		} else {
			s->p = from;
			skip_statement(s);
			part_other(s, first, from);
		}
	}
	brace(s);
	if (s->pieces)
		s->pieces->tables = true;
}

static void scan_all(struct scan *s)
{
	for (skip_blank(s); s->p < s->end; skip_blank(s)) {
		const char *from = s->p;
		struct line w = scan_word(s);

		if (line_is(w, "add") || line_is(w, "create"))
			w = scan_word(s);
		if (line_is(w, "table")) {
			/* "table inet x" alone on its line declares it */
			scan_table(s, from);
		} else {
			s->p = from;
			skip_statement(s);
			part_other(s, w, from);
			if (s->pieces && !line_is(w, "define"))
				s->pieces->whole |= s->pieces->tables;
			s->p += s->p < s->end && *s->p == '}';
		}
	}
}

void rules_lines(struct kruleset *rs, const char *file, const char *text,
		 size_t n)
{
	struct scan s = {rs, text, text + n, arena_strdup(rs->arena, file), 1,
			 NULL};

	scan_all(&s);
}

/* White space, in which places in the text stay what they are. */
static void blank(char *p, size_t n, bool lines_too)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\n' || lines_too)
			p[i] = ' ';
}

/* A message to the kernel is up to sixteen times as long as its text; every
 * piece is as long as all of it. */
enum { PIECE_TEXT = 12000, MAX_CUT = 1 << 20 };

static bool has_part(const struct pieces *x, size_t i, size_t first, size_t end)
{
	const struct part *p = &x->part.v[i];

	switch (p->kind) {
	case PART_ALWAYS:
		return true;
	case PART_ONCE:
		return i >= first && i < end;
	case PART_FRAME:
		return p->first < end && p->end > first && p->first < p->end;
	case PART_FIRST:
		break;
	}
	return first == 0;
}

/* The parts from *at on, as many as fit. */
static char *next_piece(const struct pieces *x, size_t len, size_t *at)
{
	char *out = arena_strndup(x->a, x->text, len);
	size_t first = *at, size = 0;

	for (; *at < x->part.n && size < PIECE_TEXT; ++*at)
		if (x->part.v[*at].kind == PART_ONCE)
			size += x->part.v[*at].to - x->part.v[*at].from;
	if (first)
		blank(out, len, false);
	for (size_t i = 0; i < x->part.n; i++) {
		const struct part *p = &x->part.v[i];

		if (has_part(x, i, first, *at))
			memcpy(out + p->from, x->text + p->from,
			       p->to - p->from);
		else
			blank(out + p->from, p->to - p->from,
			      p->element || p->kind == PART_FRAME);
	}
	return out;
}

const char **rules_pieces(struct arena *a, const char *text, size_t len,
			  size_t *n)
{
	struct pieces x = {.a = a, .text = text};
	struct scan s = {.p = text, .end = text + len, .line = 1, .pieces = &x};
	VEC(const char *) out = {0};

	scan_all(&s);
	x.whole |= len > MAX_CUT;
	for (size_t at = 0; !x.whole && at < x.part.n;)
		vec_push(a, &out, next_piece(&x, len, &at));
	*n = out.n;
	return out.v;
}
