#include <string.h>

#include "topology/build.h"

enum {
	MAX_ADDRESSES = 65536, /* of one host */
	MAX_COMPLAINTS = 20,   /* of one list */
};

static bool of_digits(const char *s, const char *more)
{
	return s[strspn(s, more)] == '\0' && s[strcspn(s, "0123456789")];
}

bool is_range(const char *s)
{
	return strchr(s, '-') && of_digits(s, "0123456789abcdefABCDEF.:-");
}

/* prefix_parse() knows what is wrong; here is what people mean by it. */
const char *prefix_wrong(struct build *b, const struct word *w,
			 bool allow_prefix, struct prefix *out)
{
	const char *why, *slash = strchr(w->s, '/');

	why = prefix_parse(b->arena, w->s, w->len, allow_prefix, out);
	if (!why)
		return NULL;
	if (strchr(w->s, ','))
		return "holds a comma: separate by spaces";
	if (slash && strchr(slash, '-'))
		return "joins two prefixes: a range goes from address to "
		       "address";
	if (slash && strchr(slash, '.'))
		return "has a netmask, where a prefix length is meant: "
		       "/255.255.255.0 is /24";
	return why;
}

/* Where a prefix may not lie (the format, "Space"). */
static const struct nowhere {
	const char *prefix, *what;
} nowhere[] = {
	{ "0.0.0.0/8", "\"this network\" (RFC 1122)" },
	{ "127.0.0.0/8", "loopback (RFC 1122)" },
	{ "224.0.0.0/3", "multicast and reserved (RFC 1112)" },
	{ "::/127", "unspecified and loopback (RFC 4291)" },
	{ "fe80::/10", "link-local (RFC 4291)" },
	{ "ff00::/8", "multicast (RFC 4291)" },
};

static const char *lies_nowhere(struct build *b, struct prefix p)
{
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
		struct prefix n;

		prefix_parse(b->arena, nowhere[i].prefix,
			     strlen(nowhere[i].prefix), true, &n);
		if (range_has(n.r, p.r.lo) && range_has(n.r, p.r.hi))
			return arena_printf(b->arena, "lies in %s, %s, which "
					    "belongs to no zone",
					    nowhere[i].prefix, nowhere[i].what);
	}
	return NULL;
}

/* ---- one attribute ------------------------------------------------------------ */

struct gather {
	struct build *b;
	bool addresses;
	VEC(struct prefix) prefix;
	VEC(struct span) at;
	struct map seen;
};

/* A word as written, where it stands, and the file it stands in. */
struct entry {
	struct word w;
	struct span at;
	const struct source *src;
};

static void complain(struct gather *g, const struct entry *e, const char *why)
{
	diag_add(g->b->d, SEV_ERROR, e->at, "\"%s\" %s",
		 xml_shown(g->b->arena, e->w.s), why);
}

static bool add(struct gather *g, const struct entry *e, struct prefix p)
{
	struct addr key[2] = { p.r.lo, p.r.hi };
	int is_new;
	struct map_entry *m = map_add(g->b->arena, &g->seen, key, sizeof(key),
				      &is_new);
	const struct span *first = m->val.p;

	if (!is_new && first->src == e->at.src && !e->src) {
		complain(g, e, "is given twice");
		return false;
	}
	if (!is_new) {
		diag_add2(g->b->d, SEV_ERROR, e->at, *first, "the first time",
			  "\"%s\" is given twice",
			  xml_shown(g->b->arena, e->w.s));
		return false;
	}
	m->val.p = ARENA_NEW(g->b->arena, struct span);
	*(struct span *)m->val.p = e->at;
	vec_push(g->b->arena, &g->prefix, p);
	vec_push(g->b->arena, &g->at, e->at);
	return true;
}

/* The largest prefix that begins at lo and does not go beyond hi. */
static struct addr_range block_at(struct addr lo, struct addr hi, unsigned len)
{
	struct addr_range best = { lo, lo };

	for (unsigned n = 127; n >= len; n--) {
		struct addr_range r = range_of_prefix(lo, n);

		if (!addr_eq(r.lo, lo) || addr_cmp(r.hi, hi) > 0)
			break;
		best = r;
		if (n == 0)
			break;
	}
	return best;
}

static void add_range(struct gather *g, const struct entry *e,
		      struct addr_range r)
{
	bool v4 = addr_is_v4(r.lo);
	struct addr a = r.lo;

	for (;;) {
		struct addr_range x = g->addresses ?
			(struct addr_range){ a, a } :
			block_at(a, r.hi, v4 ? 96 : 0);
		struct prefix p = {
			.r = x, .v4 = v4, .len = (uint8_t)range_prefix_len(x),
		};

		/* what belongs to no zone is lost, as out of a wider prefix */
		if (!lies_nowhere(g->b, p) && !add(g, e, p))
			return;
		if (addr_eq(x.hi, r.hi))
			return;
		a = addr_next(x.hi);
	}
}

static bool read_range(struct gather *g, const struct entry *e)
{
	const char *dash = strchr(e->w.s, '-'), *why;
	struct prefix lo = { 0 }, hi = { 0 };
	struct addr_range r;

	why = prefix_parse(g->b->arena, e->w.s, (size_t)(dash - e->w.s), false,
			   &lo);
	if (!why)
		why = prefix_parse(g->b->arena, dash + 1, strlen(dash + 1),
				   false, &hi);
	r = (struct addr_range){ lo.r.lo, hi.r.lo };
	if (why)
		why = arena_printf(g->b->arena, "is no range of addresses: one "
				   "end %s", why);
	else if (lo.v4 != hi.v4)
		why = "begins in one address family and ends in the other";
	else if (addr_cmp(r.hi, r.lo) < 0)
		why = "is a range that ends before it begins";
	else if (g->addresses && range_count(r) > MAX_ADDRESSES)
		why = "has more than 65536 addresses: more than one host has";
	else if (g->addresses && range_count(r) + g->prefix.n > MAX_ADDRESSES)
		why = "and what stands before it are more than 65536 "
		      "addresses: more than one host has";
	else
		why = lies_nowhere(g->b, (struct prefix){ .r = r,
							  .v4 = lo.v4 });
	if (why) {
		complain(g, e, why);
		return false;
	}
	add_range(g, e, r);
	return true;
}

static bool read_entry(struct gather *g, const struct entry *e)
{
	struct prefix p;
	const char *why;

	if (is_range(e->w.s))
		return read_range(g, e);
	why = prefix_wrong(g->b, &e->w, !g->addresses, &p);
	if (!why)
		why = lies_nowhere(g->b, p);
	if (!why)
		return add(g, e, p);
	complain(g, e, why);
	return false;
}

/* ---- lists: an entry a line, "#" begins a comment -------------------------------- */

static void read_line(struct gather *g, const struct source *src, size_t off,
		      size_t len, size_t *entries, size_t *bad)
{
	static const char blank[] = " \t\r";
	struct entry e = { .src = src };
	const char *s = src->text + off, *hash = memchr(s, '#', len);

	if (hash)
		len = (size_t)(hash - s);
	while (len && strchr(blank, *s))
		s++, len--;
	while (len && strchr(blank, s[len - 1]))
		len--;
	if (!len)
		return;
	e.w = (struct word){ arena_strndup(g->b->arena, s, len), 0, len };
	e.at = (struct span){ src, (uint32_t)(s - src->text), (uint32_t)len };
	++*entries;
	if (strpbrk(e.w.s, " \t")) {
		complain(g, &e, "holds a blank: a list has one entry a line");
		++*bad;
	} else if (e.w.s[0] == '@') {
		complain(g, &e, "names a list within a list");
		++*bad;
	} else {
		*bad += !read_entry(g, &e);
	}
}

static void read_list(struct gather *g, const struct entry *e,
		      const struct source *from)
{
	const char *path;
	struct source *src;
	size_t entries = 0, bad = 0;

	if (!e->w.s[1]) {
		complain(g, e, "names no file: write @FILE");
		return;
	}
	if (is_url(g->b, e->w.s + 1, e->at))
		return;
	path = resolve_path(g->b, from, e->w.s + 1);
	src = build_source(g->b, path, "list of networks", e->at);
	if (!src)
		return;
	for (size_t off = 0; off < src->len && bad < MAX_COMPLAINTS;) {
		const char *end = memchr(src->text + off, '\n', src->len - off);
		size_t len = end ? (size_t)(end - src->text) - off :
				   src->len - off;

		read_line(g, src, off, len, &entries, &bad);
		off += len + 1;
	}
	if (!entries)
		complain(g, e, "holds no entry");
}

void value_prefixes(struct build *b, const struct xml_element *e,
		    const char *attr, bool addresses, struct prefix **out,
		    struct span **at, size_t *n)
{
	/* a zone that is only on the way has none in a bundle */
	struct words w = b->topo->bundle ? value_words(b, e, attr) :
					   some_words(b, e, attr);
	struct gather g = { .b = b, .addresses = addresses };

	for (size_t i = 0; i < w.n; i++) {
		struct entry x = { .w = w.v[i], .at = word_span(&w, i) };

		if (x.w.s[0] == '@')
			read_list(&g, &x, e->src);
		else
			read_entry(&g, &x);
	}
	*out = g.prefix.v;
	*at = g.at.v;
	*n = g.prefix.n;
}
