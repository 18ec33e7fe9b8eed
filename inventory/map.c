#include <ctype.h>
#include <string.h>

#include "inventory/map.h"

struct line {
	const struct source *src;
	const char *s, *end;
};

static struct span place(const struct line *l, const char *from,
			 const char *to)
{
	return (struct span){ l->src, (uint32_t)(from - l->src->text),
			      (uint32_t)(to - from) };
}

static const char *cut_left(const char *s, const char *end)
{
	while (s < end && isspace((unsigned char)*s))
		s++;
	return s;
}

static const char *cut_right(const char *s, const char *end)
{
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	return end;
}

static void read_roles(struct arena *a, const struct line *l, const char *s,
		       struct inv_rule *r)
{
	while ((s = cut_left(s, l->end)) < l->end) {
		const char *to = s;
		struct inv_role x;

		while (to < l->end && !isspace((unsigned char)*to))
			to++;
		x.name = arena_strndup(a, s, (size_t)(to - s));
		x.at = place(l, s, to);
		vec_push(a, &r->role, x);
		s = to;
	}
}

static bool read_rule(struct arena *a, const struct line *l,
		      struct inv_rule *r, struct diags *d)
{
	const char *eq = memchr(l->s, '=', (size_t)(l->end - l->s));
	const char *colon = eq ? memchr(l->s, ':', (size_t)(eq - l->s)) : NULL;
	const char *word, *to;

	if (!colon || colon == l->s) {
		diag_add(d, SEV_ERROR, place(l, l->s, l->end),
			 "a line is KIND:WORD = ROLE..., such as "
			 "\"tag:dc = domain-controller\"");
		return false;
	}
	word = cut_left(colon + 1, eq);
	to = cut_right(word, eq);
	if (word == to) {
		diag_add(d, SEV_ERROR, place(l, l->s, eq),
			 "a word is missing behind the colon");
		return false;
	}
	*r = (struct inv_rule){
		.kind = arena_strndup(a, l->s, (size_t)(cut_right(l->s, colon)
							- l->s)),
		.pattern = arena_strndup(a, word, (size_t)(to - word)),
		.at = place(l, l->s, to),
	};
	read_roles(a, l, eq + 1, r);
	if (strcasecmp(r->kind, "zone") || r->role.n == 1)
		return true;
	diag_add(d, SEV_ERROR, r->at, "a zone's word stands for one zone");
	return false;
}

void inv_map_read(struct arena *a, const struct source *src,
		  struct inv_map *m, struct diags *d)
{
	const char *p = src->text, *all = p + src->len;

	while (p < all) {
		const char *nl = memchr(p, '\n', (size_t)(all - p));
		const char *next = nl ? nl + 1 : all, *hash;
		struct line l = { src, p, nl ? nl : all };
		struct inv_rule r;

		hash = memchr(p, '#', (size_t)(l.end - p));
		l.s = cut_left(p, l.end);
		l.end = cut_right(l.s, hash && hash >= l.s ? hash : l.end);
		if (l.s < l.end && read_rule(a, &l, &r, d))
			vec_push(a, &m->rules, r);
		p = next;
	}
}

static bool matches(const char *pattern, const char *value)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return !strncasecmp(pattern, value, n - 1);
	return !strcasecmp(pattern, value);
}

struct inv_rule *inv_map_next(struct inv_map *m, const char *kind,
			      const char *value, size_t *i)
{
	while (*i < m->rules.n) {
		struct inv_rule *r = &m->rules.v[(*i)++];

		if (!strcasecmp(r->kind, kind) && matches(r->pattern, value)) {
			r->used = true;
			return r;
		}
	}
	return NULL;
}
