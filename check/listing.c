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

void listing_in_order(const char *text, size_t n, struct buf *out)
{
	const char *end = text + n, *array = memchr(text, '[', n), *next;
	bool any = false;

	buf_puts(out, "{\"nftables\": [");
	for (unsigned k = 0; array && k < ORDERS; k++)
		for (const char *p = array + 1; p < end && *p != ']';
		     p = next) {
			next = p + 1;
			if (*p != '{')
				continue;
			next = skip_object(p, end);
			if (order_of(p, next) != k)
				continue;
			buf_puts(out, any ? ",\n" : "\n");
			buf_put(out, p, (size_t)(next - p));
			any = true;
		}
	buf_puts(out, "]}\n");
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
