#include <ctype.h>
#include <string.h>

#include "check/load.h"

/*
 * What `nft -j list ruleset` writes, in an order in which nft loads it: there
 * maps come before the chains that their elements name. The array's objects
 * are moved as they stand: tables, chains, sets and the like, rules.
 */
enum { FIRST_TABLES, THEN_CHAINS, THEN_OTHERS, LAST_RULES, ORDERS };

static const char *skip_text(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p < end ? p + 1 : end;
}

/* Behind the object that begins at p. */
static const char *skip_object(const char *p, const char *end)
{
	unsigned depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_text(p, end);
			continue;
		}
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
		if (!depth)
			break;
	}
	return p;
}

static bool begins(const char *p, const char *end, const char *key)
{
	size_t n = strlen(key);

	for (p++; p < end && isspace((unsigned char)*p); p++)
		;
	return p < end && *p == '"' && (size_t)(end - p) > n + 2 &&
	       !memcmp(p + 1, key, n) && p[1 + n] == '"';
}

static unsigned order_of(const char *p, const char *end)
{
	if (begins(p, end, "metainfo") || begins(p, end, "table"))
		return FIRST_TABLES;
	if (begins(p, end, "chain"))
		return THEN_CHAINS;
	return begins(p, end, "rule") ? LAST_RULES : THEN_OTHERS;
}

/* Each object in turn, in the order in which nft loads them; NULL: no more. */
struct walk {
	const char *array, *end, *p;
	unsigned order;
};

static struct walk walk_from(const char *text, size_t n)
{
	const char *array = memchr(text, '[', n);

	array = array ? array + 1 : text + n;
	return (struct walk){ array, text + n, array, FIRST_TABLES };
}

static const char *walk_next(struct walk *w, size_t *n)
{
	for (; w->order < ORDERS; w->order++, w->p = w->array)
		while (w->p < w->end && *w->p != ']') {
			const char *at = w->p++;

			if (*at != '{')
				continue;
			w->p = skip_object(at, w->end);
			*n = (size_t)(w->p - at);
			if (order_of(at, w->p) == w->order)
				return at;
		}
	return NULL;
}

static void put_object(struct buf *out, const char *p, size_t n)
{
	buf_puts(out, out->n ? ",\n" : "{\"nftables\": [\n");
	buf_put(out, p, n);
}

static void end_objects(struct buf *out)
{
	buf_puts(out, out->n ? "]}\n" : "{\"nftables\": []}\n");
}

void listing_in_order(const char *text, size_t n, struct buf *out)
{
	struct walk w = walk_from(text, n);
	size_t len;

	for (const char *p; (p = walk_next(&w, &len));)
		put_object(out, p, len);
	end_objects(out);
}

bool listing_apart(struct arena *a, const char *text, size_t n,
		   struct buf out[LISTING_PARTS])
{
	struct walk w = walk_from(text, n);
	enum listing_map map = MAP_AS_IT_IS;
	size_t len;

	for (const char *p; map != MAP_UNKNOWN && (p = walk_next(&w, &len));) {
		map = begins(p, p + len, "map") ?
			listing_map(a, p, len, &out[LISTING_MAPS]) :
			MAP_AS_IT_IS;
		if (map == MAP_AS_IT_IS)
			put_object(&out[w.order == LAST_RULES ? LISTING_RULES :
					LISTING_HEAD], p, len);
	}
	end_objects(&out[LISTING_HEAD]);
	end_objects(&out[LISTING_RULES]);
	return map != MAP_UNKNOWN && out[LISTING_MAPS].n;
}

static bool starts_compat(const char *p, const char *end)
{
	static const char *const forms[] = { " xt match ", " xt target ",
					     " xt watcher " };

	for (unsigned i = 0; i < 3; i++) {
		size_t n = strlen(forms[i]);

		if ((size_t)(end - p) > n && !memcmp(p, forms[i], n))
			return true;
	}
	return false;
}

/*
 * Listings by nft show rules of iptables-nft that they have no words for as a
 * comment in the middle of the rule, or as "xt match". Loaded again, the rule
 * would be another, or none.
 */
static bool has_compat(const char *p, const char *end)
{
	bool text = false;

	for (; p < end && *p != '\n'; p++) {
		if (starts_compat(p, end))
			return text;
		if (*p == '"')
			p = skip_text(p, end) - 1;
		else if (*p == '#')
			return text && memmem(p, (size_t)(end - p),
					      "counter packets ", 16);
		text |= !isspace((unsigned char)*p);
	}
	return false;
}

unsigned listing_compat_line(const char *text, size_t n)
{
	const char *end = text + n;
	unsigned line = 1;

	for (const char *p = text; p < end; line++) {
		const char *next = memchr(p, '\n', (size_t)(end - p));

		next = next ? next + 1 : end;
		if (has_compat(p, next))
			return line;
		p = next;
	}
	return 0;
}
