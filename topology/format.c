#include "topology/format.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "topology/schema.h"

enum { WIDTH = 120, STEP = 2, MAX_LEVELS = 66 };

struct attr {
	const char *name; /* with its prefix */
	const char *value; /* references resolved */
	size_t rank;
};

struct level {
	enum element el; /* EL_ROOT: not in the table */
	bool filled;	 /* something stands in it: its tag is closed by > */
};

/*
 * The reader has found the text well-formed, so this one need not look for
 * mistakes: it goes from token to token.
 */
struct formatter {
	struct arena *arena;
	struct buf *out;
	const char *text, *p, *end;
	struct level level[MAX_LEVELS];
	size_t depth;
	unsigned newlines; /* since the last token */
	bool any;
};

/* ---- values --------------------------------------------------------------------- */

static void put_char(struct buf *b, unsigned long c)
{
	if (c < 0x80) {
		buf_putc(b, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_putc(b, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_putc(b, (char)(0xe0 | c >> 12));
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_putc(b, (char)(0xf0 | c >> 18));
		buf_putc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_putc(b, (char)(0x80 | (c & 0x3f)));
}

/* "&amp;" at s, its ; included. */
static size_t put_reference(struct buf *b, const char *s)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {
		{ "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' }, { "&apos;", '\'' },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strncmp(s, known[i].name, strlen(known[i].name))) {
			buf_putc(b, known[i].c);
			return strlen(known[i].name);
		}
	put_char(b, s[2] == 'x' ? strtoul(s + 3, NULL, 16) :
				  strtoul(s + 2, NULL, 10));
	return strcspn(s, ";") + 1;
}

/* XML 1.0, 3.3.3: blanks as they are written count as spaces. */
static const char *read_value(struct formatter *f, const char *s, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n;) {
		if (s[i] == '&') {
			i += put_reference(&b, s + i);
			continue;
		}
		buf_putc(&b, strchr("\t\n\r", s[i]) ? ' ' : s[i]);
		i++;
	}
	return buf_take(f->arena, &b);
}

static bool is_list(const struct attr_def *d)
{
	switch ((int)d->type) {
	case AT_NAMES:
	case AT_PREFIXES:
	case AT_ADDRESSES:
	case AT_PORTS:
	case AT_PROTOCOLS:
	case AT_ICMP:
	case AT_WORDS:
	case AT_ENDS:
	case AT_SENDERS:
	case AT_PUBLIC:
		return true;
	default:
		return !strcmp(d->name, "template") ||
		       !strcmp(d->name, "extends");
	}
}

static const char *single_blanks(struct formatter *f, const char *s)
{
	struct buf b = { 0 };

	for (;;) {
		size_t n;

		s += strspn(s, " \t\r\n");
		n = strcspn(s, " \t\r\n");
		if (!n)
			break;
		buf_puts(&b, b.n ? " " : "");
		buf_put(&b, s, n);
		s += n;
	}
	return buf_take(f->arena, &b);
}

static void put_value(struct buf *out, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '&': buf_puts(out, "&amp;"); break;
		case '<': buf_puts(out, "&lt;"); break;
		case '"': buf_puts(out, "&quot;"); break;
		case '\n':
		case '\t':
		case '\r': buf_printf(out, "&#%d;", *s); break;
		default: buf_putc(out, *s);
		}
}

/* ---- start tags ------------------------------------------------------------------- */

enum { RANK_NAMESPACE = 0, RANK_KNOWN = 1000, RANK_UNKNOWN = 2000,
       RANK_FOREIGN = 3000 };

static void rank_attr(struct formatter *f, struct attr *a, size_t at,
		      const struct element_def *def)
{
	if (!strcmp(a->name, "xmlns")) {
		a->rank = RANK_NAMESPACE;
		return;
	}
	if (strchr(a->name, ':')) {
		a->rank = at + 1 + (!strncmp(a->name, "xmlns:", 6) ?
				    RANK_NAMESPACE : RANK_FOREIGN);
		return;
	}
	a->rank = RANK_UNKNOWN + at;
	for (size_t i = 0; def && i < def->n_attr; i++) {
		if (strcmp(def->attr[i].name, a->name))
			continue;
		/* what it is called comes first everywhere */
		a->rank = RANK_KNOWN + (strcmp(a->name, "name") ? i + 1 : 0);
		if (is_list(&def->attr[i]))
			a->value = single_blanks(f, a->value);
	}
}

static int by_rank(const void *a, const void *b)
{
	const struct attr *x = a, *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void put_attrs(struct formatter *f, const struct attr *v, size_t n,
		      size_t from, size_t at, const char *end)
{
	struct buf one = { 0 };

	for (size_t i = 0; i < n; i++) {
		/* "/>", though what closes an empty one may stand apart yet */
		size_t more = i + 1 == n ? 2 : 0, chars = 0;

		one.n = 0;
		buf_printf(&one, "%s=\"", v[i].name);
		put_value(&one, v[i].value);
		buf_putc(&one, '"');
		for (size_t k = 0; k < one.n; k++)
			chars += ((unsigned char)one.s[k] & 0xc0) != 0x80;
		if (i && at + 1 + chars + more > WIDTH) {
			buf_putc(f->out, '\n');
			buf_pad(f->out, ' ', from);
			at = from;
		} else {
			buf_putc(f->out, ' ');
			at++;
		}
		buf_put(f->out, one.s, one.n);
		at += chars;
	}
	buf_puts(f->out, end);
	buf_free(&one);
}

/* ---- tokens ------------------------------------------------------------------------ */

static size_t indent(const struct formatter *f)
{
	return f->depth * STEP;
}

/* A new line for a token; an empty one before it where there was one. */
static void new_line(struct formatter *f, bool may_be_empty)
{
	struct level *in = f->depth ? &f->level[f->depth - 1] : NULL;

	if (in && !in->filled)
		buf_puts(f->out, ">");
	if (in)
		in->filled = true;
	if (f->any)
		buf_putc(f->out, '\n');
	if (f->any && may_be_empty && f->newlines > 1)
		buf_putc(f->out, '\n');
	buf_pad(f->out, ' ', indent(f));
	f->any = true;
	f->newlines = 0;
}

static void put_trimmed(struct buf *out, const char *s, size_t n)
{
	while (n && strchr(" \t", s[n - 1]))
		n--;
	buf_put(out, s, n);
}

/* Column of a place in the text, tabs counted to the next of eight. */
static long column_of(const struct formatter *f, const char *at)
{
	const char *line = at;
	long col = 0;

	while (line > f->text && line[-1] != '\n')
		line--;
	for (; line < at; line++)
		col = *line == '\t' ? (col / 8 + 1) * 8 : col + 1;
	return col;
}

/* The lines of a comment move with its beginning. */
static void put_lines(struct formatter *f, const char *s, size_t n, long shift)
{
	const char *end = s + n;
	bool first = true;

	while (s < end || first) {
		size_t len = (size_t)(end - s), blank = 0;
		const char *nl = memchr(s, '\n', len);
		long col = 0;

		len = nl ? (size_t)(nl - s) : len;
		for (; !first && blank < len && strchr(" \t", s[blank]);
		     blank++)
			col = s[blank] == '\t' ? (col / 8 + 1) * 8 : col + 1;
		if (!first)
			buf_putc(f->out, '\n');
		if (!first && blank < len)
			buf_pad(f->out, ' ', col + shift > 0 ?
					     (size_t)(col + shift) : 0);
		put_trimmed(f->out, s + blank, len - blank);
		s += len;
		if (s >= end)
			break;
		s++;
		first = false;
	}
}

/* A comment, or an instruction to other programs. Behind something on its
 * line, it stays there. */
static void put_aside(struct formatter *f, const char *s, size_t n)
{
	long shift = 0;

	if (f->newlines || !f->any) {
		new_line(f, true);
		shift = (long)indent(f) - column_of(f, s);
	} else {
		struct level *in = f->depth ? &f->level[f->depth - 1] : NULL;

		buf_puts(f->out, in && !in->filled ? "> " : " ");
		if (in)
			in->filled = true;
	}
	put_lines(f, s, n, shift);
	f->newlines = 0;
}

static void close_tag(struct formatter *f)
{
	const char *name = f->p + 2;
	size_t n = strcspn(name, " \t\n>");
	struct level *in = &f->level[f->depth - 1];

	if (!in->filled) {
		buf_puts(f->out, "/>");
		f->depth--;
	} else {
		f->depth--;
		f->newlines = 0;
		buf_putc(f->out, '\n');
		buf_pad(f->out, ' ', indent(f));
		buf_printf(f->out, "</%.*s>", (int)n, name);
	}
	f->newlines = 0;
	f->p += strcspn(f->p, ">") + 1;
}

static const struct element_def *definition(const struct formatter *f,
					    const char *name, size_t n)
{
	const char *colon = memchr(name, ':', n);
	char local[40];

	if (colon) {
		n -= (size_t)(colon + 1 - name);
		name = colon + 1;
	}
	if (n >= sizeof(local) ||
	    (f->depth && f->level[f->depth - 1].el == EL_ROOT))
		return NULL;
	memcpy(local, name, n);
	local[n] = '\0';
	return schema_child(f->depth ? f->level[f->depth - 1].el : EL_ROOT,
			    local);
}

static void open_tag(struct formatter *f)
{
	const char *name = f->p + 1;
	size_t n = strcspn(name, " \t\n/>"), count = 0;
	const struct element_def *def = definition(f, name, n);
	VEC(struct attr) v = { 0 };
	bool empty;

	new_line(f, true);
	buf_printf(f->out, "<%.*s", (int)n, name);
	for (f->p = name + n; !strchr("/>", *f->p);) {
		struct attr a = { .name = NULL };
		size_t len;
		char quote;

		f->p += strspn(f->p, " \t\n");
		if (strchr("/>", *f->p))
			break;
		len = strcspn(f->p, " \t\n=");
		a.name = arena_strndup(f->arena, f->p, len);
		f->p += len;
		f->p += strcspn(f->p, "\"'");
		quote = *f->p++;
		len = (size_t)(strchr(f->p, quote) - f->p);
		a.value = read_value(f, f->p, len);
		f->p += len + 1;
		rank_attr(f, &a, count++, def);
		vec_push(f->arena, &v, a);
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), by_rank);
	empty = *f->p == '/';
	put_attrs(f, v.v, v.n, indent(f) + n + 2, indent(f) + n + 1,
		  empty ? "/>" : "");
	f->p += empty ? 2 : 1;
	if (!empty && f->depth < MAX_LEVELS)
		f->level[f->depth++] = (struct level){
			def ? schema_id(def) : EL_ROOT, false };
}

static bool begins(const struct formatter *f, const char *with)
{
	return !strncmp(f->p, with, strlen(with));
}

static size_t up_to(const struct formatter *f, const char *end)
{
	const char *at = strstr(f->p, end);

	return at ? (size_t)(at - f->p) + strlen(end) :
		    (size_t)(f->end - f->p);
}

/* Of <?xml ...?> only that it was there is kept. */
static void put_instruction(struct formatter *f)
{
	size_t n = up_to(f, "?>");

	if (begins(f, "<?xml") && strchr(" \t\n", f->p[5])) {
		new_line(f, false);
		buf_puts(f->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
	} else {
		put_aside(f, f->p, n);
	}
	f->p += n;
}

static void next_token(struct formatter *f)
{
	size_t n;

	if (*f->p != '<') {
		f->newlines += *f->p++ == '\n';
	} else if (begins(f, "<!--")) {
		n = up_to(f, "-->");
		put_aside(f, f->p, n);
		f->p += n;
	} else if (begins(f, "<![CDATA[")) { /* of blanks: text is refused */
		f->p += up_to(f, "]]>");
	} else if (begins(f, "<?")) {
		put_instruction(f);
	} else if (begins(f, "</")) {
		close_tag(f);
	} else {
		open_tag(f);
	}
}

/* ---- the same as before? ------------------------------------------------------------- */

static bool same_value(struct formatter *f, const char *x, const char *y)
{
	return !strcmp(x, y) ||
	       !strcmp(single_blanks(f, x), single_blanks(f, y));
}

static bool same_attrs(struct formatter *f, const struct xml_element *x,
		       const struct xml_element *y)
{
	for (unsigned i = 0; i < x->n_attr; i++) {
		bool found = false;

		for (unsigned k = 0; k < y->n_attr && !found; k++)
			found = !strcmp(x->attr[i].name, y->attr[k].name) &&
				!x->attr[i].uri == !y->attr[k].uri &&
				(!x->attr[i].uri || !strcmp(x->attr[i].uri,
							    y->attr[k].uri)) &&
				same_value(f, x->attr[i].value,
					   y->attr[k].value);
		if (!found)
			return false;
	}
	return x->n_attr == y->n_attr;
}

static bool same_tree(struct formatter *f, const struct xml_element *x,
		      const struct xml_element *y)
{
	for (; x && y; x = x->next, y = y->next)
		if (strcmp(x->name, y->name) || !x->uri != !y->uri ||
		    (x->uri && strcmp(x->uri, y->uri)) ||
		    !same_attrs(f, x, y) || !same_tree(f, x->first, y->first))
			return false;
	return !x && !y;
}

bool format_source(struct arena *a, const struct source *src, struct diags *d,
		   struct buf *out)
{
	struct formatter f = { .arena = a, .out = out, .text = src->text,
			       .p = src->text, .end = src->text + src->len };
	const struct xml_element *root = xml_parse(a, src, "topology",
						     d), *again;
	const struct source *written;

	if (!root)
		return false;
	if (!root->uri || strcmp(root->uri, PORTPLAN_NS)) {
		diag_add(d, SEV_ERROR, xml_span(root), "the root <%s> is not "
			 "in the namespace \"" PORTPLAN_NS "\"",
			 xml_shown(a, root->name));
		return false;
	}
	if (xml_attr(root, "bundle")) { /* its hash is of every byte */
		buf_printf(out, "%.*s", (int)src->len, src->text);
		return true;
	}
	while (f.p < f.end)
		next_token(&f);
	buf_putc(out, '\n');
	written = source_from_text(a, src->name, out->s, out->n, d);
	again = xml_parse(a, written, "topology", d);
	if (again && same_tree(&f, root, again))
		return true;
	diag_add(d, SEV_ERROR, xml_span(root), "this could not be written "
		 "anew without changing it: left as it was");
	return false;
}
