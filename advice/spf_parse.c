#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "advice/spf.h"

/* The grammar of RFC 7208, section 12. */
struct parser {
	struct arena *arena;
	const char *s; /* the whole record */
	struct spf_parsed *out;
	unsigned n_redirect, n_exp;
};

static const struct {
	const char *name;
	bool needs_domain, may_domain, may_cidr, looks_up;
} mechanisms[] = {
	[SPF_ALL] = { "all", false, false, false, false },
	[SPF_INCLUDE] = { "include", true, true, false, true },
	[SPF_A] = { "a", false, true, true, true },
	[SPF_MX] = { "mx", false, true, true, true },
	[SPF_PTR] = { "ptr", false, true, false, true },
	[SPF_IP4] = { "ip4", false, false, false, false },
	[SPF_IP6] = { "ip6", false, false, false, false },
	[SPF_EXISTS] = { "exists", true, true, false, true },
};

enum { N_MECHANISMS = SPF_EXISTS + 1 };

/* "WORD" what */
static void fail(struct parser *p, const char *at, const char *what,
		 const char *word, size_t n)
{
	if (p->out->error)
		return;
	p->out->error = arena_printf(p->arena, "\"%.*s\" %s",
				     (int)(n > 60 ? 60 : n), word, what);
	p->out->error_off = (size_t)(at - p->s);
}

static void note(struct parser *p, const char *text)
{
	for (size_t i = 0; i < p->out->notes.n; i++)
		if (!strcmp(p->out->notes.v[i], text))
			return;
	vec_push(p->arena, &p->out->notes, text);
}

/* ---- macros and domains ------------------------------------------------------------- */

/* Length of a macro at s, within n bytes; 0 if it is none (7.1). */
static size_t macro_length(const char *s, size_t n, bool explains)
{
	size_t i = 2;

	if (n < 2 || s[0] != '%')
		return 0;
	if (s[1] == '%' || s[1] == '_' || s[1] == '-')
		return 2;
	if (s[1] != '{' || n < 4 || !s[i] ||
	    !strchr(explains ? "slodiphcrtvSLODIPHCRTV" : "slodiphvSLODIPHV",
		    s[i]))
		return 0;
	for (i++; i < n && isdigit((unsigned char)s[i]); i++)
		;
	if (i < n && (s[i] == 'r' || s[i] == 'R'))
		i++;
	while (i < n && strchr(".-+,/_=", s[i]))
		i++;
	return i < n && s[i] == '}' ? i + 1 : 0;
}

static bool macro_string(const char *s, size_t n, bool explains)
{
	for (size_t i = 0; i < n;) {
		size_t m = s[i] == '%' ? macro_length(s + i, n - i, explains) :
			   (unsigned char)s[i] > 0x20 &&
			   (unsigned char)s[i] < 0x7f;

		if (!m)
			return false;
		i += m;
	}
	return true;
}

/* domain-spec: ends in a macro, or in a dot and a label that is no number. */
static bool domain_spec(const char *s, size_t n)
{
	size_t end = n && s[n - 1] == '.' ? n - 1 : n, from = end;
	bool alpha = false;

	if (!n || !macro_string(s, n, false))
		return false;
	if (s[n - 1] == '}')
		return true;
	while (from > 0 && (isalnum((unsigned char)s[from - 1]) ||
			    s[from - 1] == '-')) {
		from--;
		alpha |= !isdigit((unsigned char)s[from]);
	}
	return from > 0 && s[from - 1] == '.' && from < end && alpha &&
	       s[from] != '-' && s[end - 1] != '-';
}

/* ---- prefix lengths and addresses ----------------------------------------------------- */

/* "/24" or "//64" at s: 0 if it is none, else its length. */
static size_t cidr(const char *s, size_t n, const char *slash, unsigned most)
{
	size_t k = strlen(slash), i = k;
	unsigned v = 0;

	if (n <= k || strncmp(s, slash, k))
		return 0;
	for (; i < n && isdigit((unsigned char)s[i]) && i < k + 4; i++)
		v = v * 10 + (unsigned)(s[i] - '0');
	return i == k || v > most || (s[k] == '0' && i > k + 1) ? 0 : i;
}

static bool dual_cidr(const char *s, size_t n)
{
	size_t i = n && s[0] == '/' && (n < 2 || s[1] != '/') ?
		cidr(s, n, "/", 32) : 0;

	if (n && !i && !(n > 1 && s[1] == '/'))
		return false;
	return i == n || cidr(s + i, n - i, "//", 128) == n - i;
}

/* Any text of an address, also that of an IPv4-mapped one as an ip6. */
static bool read_address(struct parser *p, enum spf_kind kind, const char *s,
			 struct addr *out)
{
	uint8_t b[16];
	struct prefix pre;

	if (kind == SPF_IP6) {
		if (inet_pton(AF_INET6, s, b) != 1)
			return false;
		*out = addr_from_v6_bytes(b);
		return true;
	}
	if (prefix_parse(p->arena, s, strlen(s), false, &pre) || !pre.v4)
		return false;
	*out = pre.r.lo;
	return true;
}

static bool is_whole_family(const struct spf_word *w)
{
	struct addr_range all = range_of_prefix(w->range.lo,
						w->kind == SPF_IP4 ? 96 : 0);

	return w->kind == SPF_ALL ||
	       ((w->kind == SPF_IP4 || w->kind == SPF_IP6) &&
		addr_eq(w->range.lo, all.lo) && addr_eq(w->range.hi, all.hi));
}

/* The first is told. */
static void lets_everyone(struct parser *p, const struct spf_word *w)
{
	if (!p->out->open)
		p->out->open = arena_printf(p->arena, "%s lets everyone send "
					    "for the domain", w->text);
}

static void parse_network(struct parser *p, struct spf_word *w, const char *s,
			  size_t n)
{
	size_t len = 0;
	char addr[64];
	struct addr lo;
	unsigned most = w->kind == SPF_IP4 ? 32 : 128, bits = most;

	while (len < n && s[len] != '/')
		len++;
	if (!len || len >= sizeof(addr) ||
	    (len < n && cidr(s + len, n - len, "/", most) != n - len)) {
		fail(p, s, "is no network", s, n);
		return;
	}
	memcpy(addr, s, len);
	addr[len] = '\0';
	if (len < n)
		bits = (unsigned)strtoul(s + len + 1, NULL, 10);
	if (!read_address(p, w->kind, addr, &lo)) {
		fail(p, s, "is no address of that family", s, n);
		return;
	}
	w->range = range_of_prefix(lo, w->kind == SPF_IP4 ? 96 + bits : bits);
	if (w->kind == SPF_IP6 && addr_is_v4(w->range.lo))
		note(p, "an IPv4-mapped address counts as IPv4 (RFC 7208, "
			"5): an ip6 of it names nobody, write ip4");
}

/* ---- terms ------------------------------------------------------------------------------ */

/* The domain behind a colon, up to a prefix length. */
static size_t parse_domain(struct parser *p, struct spf_word *w,
			   const char *rest, size_t n)
{
	size_t len = n;

	/* a slash belongs to a domain where no prefix length may be */
	if (mechanisms[w->kind].may_cidr)
		for (len = 1; len < n && !(rest[len] == '/' &&
					   dual_cidr(rest + len, n - len));)
			len++;
	if (!domain_spec(rest + 1, len - 1))
		fail(p, rest + 1, "is no domain", rest + 1, len - 1);
	w->domain = arena_strndup(p->arena, rest + 1, len - 1);
	return len;
}

static void parse_mechanism(struct parser *p, struct spf_word *w,
			    const char *rest, size_t n)
{
	size_t len = 0;

	if (w->kind == SPF_IP4 || w->kind == SPF_IP6) {
		if (n < 2 || rest[0] != ':')
			fail(p, rest, "lacks an address", w->text,
			     strlen(w->text));
		else
			parse_network(p, w, rest + 1, n - 1);
		return;
	}
	if (n && rest[0] == ':' && mechanisms[w->kind].may_domain)
		len = parse_domain(p, w, rest, n);
	else if (mechanisms[w->kind].needs_domain)
		fail(p, rest, "lacks a domain", w->text, strlen(w->text));
	if (len < n && !(mechanisms[w->kind].may_cidr &&
			 dual_cidr(rest + len, n - len)))
		fail(p, rest + len, "has something behind the mechanism",
		     w->text, strlen(w->text));
	if (w->kind == SPF_PTR)
		note(p, "ptr is slow and discouraged (RFC 7208, 5.5)");
}

static bool is_name(const char *s, size_t n)
{
	if (!n || !isalpha((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

static void parse_modifier(struct parser *p, struct spf_word *w, const char *s,
			   size_t name, size_t n)
{
	const char *value = s + name + 1;
	size_t len = n - name - 1;
	bool redirect = name == 8 && !strncasecmp(s, "redirect", 8);
	bool exp = name == 3 && !strncasecmp(s, "exp", 3);

	w->kind = redirect ? SPF_REDIRECT : exp ? SPF_EXP : SPF_OTHER;
	if ((redirect && p->n_redirect++) || (exp && p->n_exp++))
		fail(p, s, "is given twice", s, n);
	if ((redirect || exp) && !domain_spec(value, len))
		fail(p, value, "is no domain", value, len);
	if (!redirect && !exp && !macro_string(value, len, true))
		fail(p, value, "is no text with macros", value, len);
	w->domain = arena_strndup(p->arena, value, len);
}

static void parse_term(struct parser *p, const char *s, size_t n)
{
	struct spf_word w = { .text = arena_strndup(p->arena, s, n) };
	size_t q = strchr("+-~?", s[0]) ? 1 : 0, name = q;

	while (name < n && !strchr(":/=", s[name]))
		name++;
	if (!q && name < n && s[name] == '=' && is_name(s, name)) {
		parse_modifier(p, &w, s, name, n);
		vec_push(p->arena, &p->out->words, w);
		return;
	}
	w.qualifier = q ? s[0] : '+';
	for (unsigned k = 0; k < N_MECHANISMS; k++)
		if (strlen(mechanisms[k].name) == name - q &&
		    !strncasecmp(mechanisms[k].name, s + q, name - q)) {
			w.kind = (enum spf_kind)k;
			parse_mechanism(p, &w, s + name, n - name);
			vec_push(p->arena, &p->out->words, w);
			return;
		}
	fail(p, s, "is no mechanism and no modifier", s, n);
}

static enum spf_version version_of(const char *s, size_t *n)
{
	*n = strcspn(s, " ");
	if (*n == 6 && !strncasecmp(s, "v=spf1", 6))
		return SPF_1;
	return *n >= 8 && !strncasecmp(s, "spf2.0/", 7) ? SPF_2 : SPF_NONE;
}

/* What is legal and yet not meant. */
static void notes(struct parser *p)
{
	bool all = false, redirect = false, behind = false;

	for (size_t i = 0; i < p->out->words.n; i++) {
		const struct spf_word *w = &p->out->words.v[i];

		behind |= all && w->kind < SPF_REDIRECT;
		if (!all && w->qualifier == '+' && is_whole_family(w))
			lets_everyone(p, w);
		redirect |= w->kind == SPF_REDIRECT;
		if (w->kind != SPF_ALL || all)
			continue;
		all = true;
		if (w->qualifier == '?')
			note(p, "?all says nothing of others: no protection");
	}
	if (behind)
		note(p, "what stands behind all is never looked at");
	if (redirect && all)
		note(p, "redirect is without effect beside all");
	if (!all && !redirect)
		note(p, "neither all nor redirect: others are neutral, which "
			"is no protection");
	if (p->out->version == SPF_2)
		note(p, "spf2.0 is Sender ID (RFC 4406), which is historic: "
			"SPF does not read it");
}

/* Neither what stands behind all (5.1) nor a redirect beside it, wherever it
 * stands (6.1), is ever looked at. */
static unsigned count_lookups(const struct spf_parsed *r)
{
	unsigned n = 0, redirects = 0;

	for (size_t i = 0; i < r->words.n; i++) {
		enum spf_kind kind = r->words.v[i].kind;

		if (kind == SPF_ALL)
			return n;
		redirects += kind == SPF_REDIRECT;
		n += kind < SPF_REDIRECT && mechanisms[kind].looks_up;
	}
	return n + redirects;
}

bool spf_word_has(const struct spf_word *w, struct addr a)
{
	return (w->kind == SPF_IP4 || w->kind == SPF_IP6) &&
	       addr_is_v4(a) == (w->kind == SPF_IP4) && range_has(w->range, a);
}

struct spf_parsed *spf_parse(struct arena *a, const char *record)
{
	struct spf_parsed *out = ARENA_NEW(a, struct spf_parsed);
	struct parser p = { .arena = a, .s = record, .out = out };
	size_t n;

	out->version = version_of(record, &n);
	if (out->version == SPF_NONE)
		return out;
	for (const char *s = record + n; *s && !out->error;) {
		s += strspn(s, " ");
		n = strcspn(s, " ");
		if (n)
			parse_term(&p, s, n);
		s += n;
	}
	out->lookups = count_lookups(out);
	if (out->lookups > 10 && !out->error)
		out->error = arena_printf(a, "%u terms look something up, at "
					  "most 10 may (RFC 7208, 4.6.4)",
					  out->lookups);
	if (!out->error)
		notes(&p);
	return out;
}

/* Strings are joined without a space (3.3), so each takes its own along. */
void spf_strings(const char *record, struct buf *out)
{
	enum { MOST = 255 };
	bool first = true;

	while (first || *record) {
		size_t n = strlen(record);

		if (n > MOST)
			for (n = MOST; n > 1 && record[n - 1] != ' ';)
				n--;
		if (strlen(record) > MOST && n <= 1)
			n = MOST;
		buf_puts(out, first ? "\"" : " \"");
		for (size_t i = 0; i < n; i++) {
			if (record[i] == '"' || record[i] == '\\')
				buf_putc(out, '\\');
			buf_putc(out, record[i]);
		}
		buf_putc(out, '"');
		record += n;
		first = false;
	}
}
