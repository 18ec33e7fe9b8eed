#include <ctype.h>
#include <string.h>

#include "inventory/internal.h"

/*
 * A spreadsheet's export (RFC 4180; semicolons too). The first line names
 * the columns: name and address must be there, zone, roles and owner may;
 * every other column becomes words, COLUMN:VALUE.
 */
enum { MAX_COLUMNS = 256 };

struct field {
	const char *s; /* quotes undone, white space around it cut off */
	struct span at;
};

struct reader {
	struct inventory *v;
	const struct source *src;
	const char *p, *end;
	char comma;
};

static struct span place(const struct reader *r, const char *from,
			 const char *to)
{
	return (struct span){ r->src, (uint32_t)(from - r->src->text),
			      (uint32_t)(to - from) };
}

static const char *trimmed(struct reader *r, const char *s, size_t n)
{
	while (n && isspace((unsigned char)*s))
		s++, n--;
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	return arena_strndup(r->v->arena, s, n);
}

/* Behind the opening quote; "" stands for one. */
static bool quoted(struct reader *r, struct field *f)
{
	const char *from = r->p++;
	struct buf b = { 0 };

	for (; r->p < r->end; r->p++) {
		if (*r->p != '"') {
			buf_putc(&b, *r->p);
			continue;
		}
		if (r->p + 1 == r->end || r->p[1] != '"')
			break;
		buf_putc(&b, *r->p++);
	}
	f->s = trimmed(r, b.s ? b.s : "", b.n);
	buf_free(&b);
	if (r->p == r->end) {
		diag_add(r->v->d, SEV_ERROR, place(r, from, from + 1),
			 "this quote is never closed");
		return false;
	}
	f->at = place(r, from, ++r->p);
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t'))
		r->p++;
	if (r->p < r->end && *r->p != r->comma && *r->p != '\n' &&
	    *r->p != '\r') {
		diag_add(r->v->d, SEV_ERROR, place(r, r->p, r->p + 1),
			 "behind a closing quote the field ends: write \"\" "
			 "for a quote within it");
		return false;
	}
	return true;
}

static bool field(struct reader *r, struct field *f)
{
	const char *from;

	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t'))
		r->p++;
	from = r->p;
	if (r->p < r->end && *r->p == '"')
		return quoted(r, f);
	while (r->p < r->end && *r->p != r->comma && *r->p != '\n' &&
	       *r->p != '\r')
		r->p++;
	f->s = trimmed(r, from, (size_t)(r->p - from));
	f->at = place(r, from, r->p);
	return true;
}

/* Number of fields; 0 at the end or after a message. */
static size_t record(struct reader *r, struct field *f)
{
	size_t n = 0;

	while (r->p < r->end && (*r->p == '\n' || *r->p == '\r'))
		r->p++;
	if (r->p == r->end)
		return 0;
	for (;;) {
		if (n == MAX_COLUMNS) {
			diag_add(r->v->d, SEV_ERROR, place(r, r->p, r->p + 1),
				 "more than %d columns", MAX_COLUMNS);
			return 0;
		}
		if (!field(r, &f[n++]))
			return 0;
		if (r->p == r->end || *r->p != r->comma)
			return n;
		r->p++;
	}
}

static char find_comma(const struct reader *r)
{
	const char *p = r->p;

	while (p < r->end && *p != '\n' && *p != ',' && *p != ';' &&
	       *p != '\t')
		p++;
	return p < r->end && *p != '\n' ? *p : ',';
}

struct columns {
	struct field name[MAX_COLUMNS];
	size_t n;
	long host, address; /* -1: none */
};

static bool read_head(struct reader *r, struct columns *c)
{
	static const char *const must[] = { "name", "address" };

	c->host = c->address = -1;
	c->n = record(r, c->name);
	for (size_t i = 0; i < c->n; i++) {
		if (!strcasecmp(c->name[i].s, must[0]))
			c->host = (long)i;
		if (!strcasecmp(c->name[i].s, must[1]))
			c->address = (long)i;
	}
	if (c->n && c->host >= 0 && c->address >= 0)
		return true;
	if (!r->v->d->n_errors)
		diag_add(r->v->d, SEV_ERROR, c->n ? c->name[0].at :
			 place(r, r->p, r->p), "the first line names the "
			 "columns: \"%s\" is missing (name, address, and zone, "
			 "roles, owner or others)",
			 must[c->n && c->host >= 0]);
	return false;
}

static void roles_of(struct inventory *v, struct inv_host *h,
		     const struct field *f)
{
	for (const char *s = f->s; *s;) {
		size_t n;

		s += strspn(s, " \t\r\n,;");
		n = strcspn(s, " \t\r\n,;");
		if (n)
			inv_role(v, h, arena_strndup(v->arena, s, n), f->at);
		s += n;
	}
}

static void take(struct inventory *v, struct inv_host *h, const char *column,
		 const struct field *f)
{
	if (!*f->s)
		return;
	if (!strcasecmp(column, "address"))
		inv_addresses(v, h, f->s, f->at);
	else if (!strcasecmp(column, "roles"))
		roles_of(v, h, f);
	else if (!strcasecmp(column, "zone"))
		h->zone = f->s;
	else if (!strcasecmp(column, "owner"))
		h->owner = f->s;
	else if (strcasecmp(column, "name"))
		inv_word(v, h, column, f->s, f->at);
}

void inventory_csv(struct inventory *v, const struct source *src)
{
	struct reader r = { v, src, src->text, src->text + src->len, ',' };
	struct columns *c = ARENA_NEW(v->arena, struct columns);
	struct field *f = ARENA_ARRAY(v->arena, struct field, MAX_COLUMNS);
	size_t n;

	if (src->len >= 3 && !memcmp(r.p, "\xef\xbb\xbf", 3))
		r.p += 3;
	r.comma = find_comma(&r);
	if (!read_head(&r, c))
		return;
	while ((n = record(&r, f))) {
		struct inv_host *h;

		if (n == 1 && !*f[0].s)
			continue;
		if (n != c->n) {
			diag_add(v->d, SEV_ERROR, f[0].at, "this line has %zu "
				 "field%s, the first line %zu", n,
				 plural(n), c->n);
			continue;
		}
		h = inv_add(v, f[c->host].s, f[c->host].at);
		for (size_t i = 0; i < n; i++)
			take(v, h, c->name[i].s, &f[i]);
	}
}
