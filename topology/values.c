#include <string.h>

#include "topology/build.h"
#include "topology/domains.h"

static const char blanks[] = " \t\r\n";

struct words value_words(struct build *b, const struct xml_element *e,
			 const char *attr)
{
	const char *value = xml_attr(e, attr);
	VEC(struct word) w = { 0 };

	for (const char *p = value; p && *p;) {
		size_t n;

		p += strspn(p, blanks);
		n = strcspn(p, blanks);
		if (!n)
			break;
		vec_push(b->arena, &w,
			 (struct word){ arena_strndup(b->arena, p, n),
					(size_t)(p - value), n });
		p += n;
	}
	struct span at = w.n ? xml_value_span(e, attr) : xml_span(e);

	return (struct words){ w.v, w.n, at,
			       w.n && at.len == strlen(value) };
}

/* With references in the value, its offsets are not those of the file. */
struct span word_span(const struct words *w, size_t i)
{
	struct span at = w->value;

	if (w->plain) {
		at.off += (uint32_t)w->v[i].off;
		at.len = (uint32_t)w->v[i].len;
	}
	return at;
}

static void bad_word(struct build *b, const struct words *w, size_t i,
		     const char *why)
{
	diag_add(b->d, SEV_ERROR, word_span(w, i), "\"%s\" %s",
		 xml_shown(b->arena, w->v[i].s), why);
}

/* An attribute that is there should say something. */
struct words some_words(struct build *b, const struct xml_element *e,
			       const char *attr)
{
	struct words w = value_words(b, e, attr);

	if (!w.n && xml_attr(e, attr))
		diag_add(b->d, SEV_ERROR, xml_attr_name_span(e, attr),
			 "attribute \"%s\" of <%s> is empty", attr, e->name);
	return w;
}

void value_roles(struct build *b, const struct xml_element *e,
		 const char *attr, role_list *out)
{
	struct words w = value_words(b, e, attr);

	for (size_t i = 0; i < w.n; i++) {
		struct role *r = find_role(b, e, attr, w.v[i].s, w.v[i].off);
		bool twice = false;

		for (size_t k = 0; k < out->n; k++)
			twice |= out->v[k] == r;
		if (r && !twice)
			vec_push(b->arena, out, r);
	}
}

void value_services(struct build *b, const struct xml_element *e,
		    const char *attr, service_list *out)
{
	struct words w = some_words(b, e, attr);

	for (size_t i = 0; i < w.n; i++) {
		struct service *s =
			find_service(b, e, attr, w.v[i].s, w.v[i].off);
		bool twice = false;

		for (size_t k = 0; k < out->n; k++)
			twice |= out->v[k] == s;
		if (s && !twice)
			vec_push(b->arena, out, s);
	}
}

static bool end_prefix(struct build *b, const struct words *w, size_t i,
		       struct end_word *out)
{
	const char *why = prefix_wrong(b, &w->v[i], true, &out->prefix);

	if (why && w->v[i].s[0] == '@')
		why = "names a list: only \"networks\" and \"address\" take one";
	else if (why && is_range(w->v[i].s))
		why = "is a range: only \"networks\" and \"address\" take one; "
		      "write prefixes, or the name of a network";

	out->kind = END_PREFIX;
	if (why)
		bad_word(b, w, i, why);
	return !why;
}

/* HOST@ZONE */
static bool is_leg(const char *s)
{
	const char *at = strchr(s, '@');

	return at && at != s && at[1] && !strpbrk(s, "/:%,");
}

static bool end_word(struct build *b, const struct xml_element *e,
		     const char *attr, const struct words *words, size_t i,
		     struct end_word *out)
{
	const struct word *w = &words->v[i];

	if (!strcmp(w->s, "*")) {
		out->kind = END_ALL;
		return true;
	}
	if (!strncmp(w->s, "role:", 5)) {
		out->kind = END_ROLE;
		out->role = find_role(b, e, attr, w->s + 5, w->off + 5);
		return out->role;
	}
	if (is_leg(w->s)) {
		out->kind = END_PARTY;
		out->party = find_party(b, e, attr, w->s, w->off);
		return out->party;
	}
	if (looks_like_address(w->s) || strpbrk(w->s, "/:%@,") ||
	    (strchr(w->s, '.') && is_range(w->s)))
		return end_prefix(b, words, i, out);
	out->kind = END_PARTY;
	out->party = find_party(b, e, attr, w->s, w->off);
	return out->party;
}

struct ends value_ends(struct build *b, const struct xml_element *e,
		       const char *attr)
{
	struct words w = some_words(b, e, attr);
	struct ends out = { ARENA_ARRAY(b->arena, struct end_word, w.n), 0 };

	for (size_t i = 0; i < w.n; i++) {
		struct end_word *x = &out.v[out.n];

		*x = (struct end_word){ .text = w.v[i].s,
					.at = word_span(&w, i) };
		out.n += end_word(b, e, attr, &w, i, x);
	}
	return out;
}

static bool is_pattern(const char *s)
{
	size_t n = strlen(s);

	return n > 1 && strchr(s, '*') == s + n - 1;
}

typedef VEC(struct end_word) word_list;

static void match_pattern(struct build *b, const struct words *w, size_t i,
			  word_list *out)
{
	const struct word *x = &w->v[i];
	size_t before = out->n;

	for (size_t k = 0; k < b->topo->parties.n; k++) {
		const struct party *p = b->topo->parties.v[k];

		/* a leg has roles of its own: fe* is not fe1@dmz */
		if (p->kind != PARTY_FIREWALL &&
		    (!p->leg_of || strchr(x->s, '@')) &&
		    !strncmp(p->name, x->s, x->len - 1))
			vec_push(b->arena, out, (struct end_word){
				.kind = END_PARTY, .text = p->name,
				.at = word_span(w, i), .party = p });
	}
	if (out->n == before)
		bad_word(b, w, i, "fits the name of no zone, network or host");
}

struct ends value_patterns(struct build *b, const struct xml_element *e,
			   const char *attr)
{
	struct words w = some_words(b, e, attr);
	word_list out = { 0 };

	for (size_t i = 0; i < w.n; i++) {
		struct end_word x = { .text = w.v[i].s,
				      .at = word_span(&w, i) };

		if (is_pattern(w.v[i].s))
			match_pattern(b, &w, i, &out);
		else if (end_word(b, e, attr, &w, i, &x))
			vec_push(b->arena, &out, x);
	}
	return (struct ends){ out.v, out.n };
}

static void check_domain(struct build *b, const char *s, struct span at)
{
	const char *why;

	if (!domain_valid(s, &why))
		diag_add(b->d, SEV_ERROR, at, "the domain name \"%s\" %s",
			 xml_shown(b->arena, s), why);
}

struct words value_domains(struct build *b, const struct xml_element *e,
			   const char *attr)
{
	struct words w = value_words(b, e, attr);

	for (size_t i = 0; i < w.n; i++)
		check_domain(b, w.v[i].s, word_span(&w, i));
	return w;
}

void value_senders(struct build *b, const struct xml_element *e,
		   const char *attr)
{
	static const char *const mechanism[] = { "mx:", "a:", "include:" };
	struct words w = some_words(b, e, attr);

	for (size_t i = 0; i < w.n; i++) {
		const char *s = w.v[i].s;
		struct end_word ignored = { 0 };
		bool known = !strcmp(s, "mx");

		for (size_t k = 0; k < 3 && !known; k++) {
			size_t n = strlen(mechanism[k]);

			known = !strncmp(s, mechanism[k], n) && s[n];
			if (known)
				check_domain(b, s + n, word_span(&w, i));
		}
		if (!known)
			end_word(b, e, attr, &w, i, &ignored);
	}
}

static const char *parse_number(const char *s, size_t n, unsigned max,
				unsigned *out)
{
	unsigned v = 0;

	if (n == 0 || strspn(s, "0123456789") < n)
		return "is no number";
	if (n > 1 && s[0] == '0')
		return "has a leading zero";
	for (size_t i = 0; i < n; i++) {
		v = v * 10 + (unsigned)(s[i] - '0');
		if (v > max)
			return max == 255 ? "is above 255" :
					    "is above port 65535";
	}
	*out = v;
	return NULL;
}

static const char *parse_ports(const char *s, struct key_range *out)
{
	const char *dash = strchr(s, '-'), *why;
	unsigned lo, hi;

	why = parse_number(s, dash ? (size_t)(dash - s) : strlen(s), 65535, &lo);
	hi = lo;
	if (!why && dash)
		why = parse_number(dash + 1, strlen(dash + 1), 65535, &hi);
	if (why)
		return strcmp(why, "is no number") ? why :
			strchr(s, ',') ? "is no port or range: separate ports "
					 "by spaces" :
			!strcmp(s, "any") ? "is no port or range: all ports "
					    "are 1-65535" :
					    "is no port or range: write "
					    "numbers, 443 or 8000-8080";
	if (lo == 0)
		return dash ? "begins with port 0, which no service uses" :
			      "is port 0, which no service uses";
	if (hi < lo)
		return "is a range that ends before it begins";
	*out = (struct key_range){ lo, hi };
	return NULL;
}

struct key_set value_ports(struct build *b, const struct xml_element *e,
			   const char *attr, unsigned proto)
{
	struct words w = some_words(b, e, attr);
	struct key_range *v = ARENA_ARRAY(b->arena, struct key_range, w.n);
	size_t n = 0;

	for (size_t i = 0; i < w.n; i++) {
		struct key_range r;
		const char *why = parse_ports(w.v[i].s, &r);

		if (why)
			bad_word(b, &w, i, why);
		else
			v[n++] = (struct key_range){ key_of(proto, r.lo),
						     key_of(proto, r.hi) };
	}
	return keys_from(b->arena, v, n);
}

unsigned value_number(struct build *b, const struct xml_element *e,
		      const char *attr, unsigned max)
{
	const char *s = xml_attr(e, attr);
	unsigned n = 0;

	if (s && parse_number(s, strlen(s), max, &n))
		diag_add(b->d, SEV_ERROR, xml_value_span(e, attr),
			 "\"%s\" is no number from 0 to %u",
			 xml_shown(b->arena, s), max);
	return n;
}

static void add_protocols(struct build *b, const struct xml_element *e,
			  struct key_set *out)
{
	struct words w = some_words(b, e, "ip");

	for (size_t i = 0; i < w.n; i++) {
		unsigned p;
		const char *why;

		if (!strcmp(w.v[i].s, "any")) {
			keys_add(b->arena, out, 0, KEY_MAX);
			continue;
		}
		why = parse_number(w.v[i].s, w.v[i].len, 255, &p);
		if (why)
			bad_word(b, &w, i,
				 strcmp(why, "is no number") ? why :
				 "is no IP protocol number; write a number or "
				 "any, and ports in tcp or udp");
		else
			keys_add(b->arena, out, key_of(p, 0),
				 key_of(p, 0xffff));
	}
}

static void add_icmp(struct build *b, const struct xml_element *e,
		     const char *attr, unsigned proto, struct key_set *out)
{
	struct words w = some_words(b, e, attr);

	for (size_t i = 0; i < w.n; i++) {
		int type = icmp_type_parse(proto, w.v[i].s);

		if (type < 0)
			bad_word(b, &w, i, proto == PROTO_ICMP ?
				 "is no ICMP request (echo-request, "
				 "timestamp-request, info-request, "
				 "address-mask-request): answers pass by "
				 "tracking" :
				 "is no ICMPv6 request (echo-request): answers "
				 "pass by tracking");
		else
			keys_add(b->arena, out, key_of(proto, (unsigned)type),
				 key_of(proto, (unsigned)type));
	}
}

struct key_set value_keys(struct build *b, const struct xml_element *e)
{
	struct key_set out = value_ports(b, e, "tcp", PROTO_TCP);

	out = keys_union(b->arena, out, value_ports(b, e, "udp", PROTO_UDP));
	add_protocols(b, e, &out);
	add_icmp(b, e, "icmp", PROTO_ICMP, &out);
	add_icmp(b, e, "icmpv6", PROTO_ICMPV6, &out);
	return out;
}

static int days_of_month(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };

	return days[m - 1] + (m == 2 && y % 4 == 0 &&
			      (y % 100 != 0 || y % 400 == 0));
}

/* Days from 1970-01-01, proleptic Gregorian calendar. */
static int64_t days_from_civil(int y, int m, int d)
{
	int64_t n = d - 1;

	for (int i = 1; i < m; i++)
		n += days_of_month(y, i);
	y--;
	n += 365 * (int64_t)y + y / 4 - y / 100 + y / 400;
	return n - 719162; /* days before 1970-01-01 since 0001-01-01 */
}

static bool digits(const char *s, int n, int *out)
{
	*out = 0;
	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*out = *out * 10 + (s[i] - '0');
	}
	return true;
}

bool date_parse(const char *s, int64_t *t, bool *whole_day)
{
	int y, m, d, hh = 0, mm = 0;
	size_t n = strlen(s);

	if ((n != 10 && n != 17) || !digits(s, 4, &y) || s[4] != '-' ||
	    !digits(s + 5, 2, &m) || s[7] != '-' || !digits(s + 8, 2, &d))
		return false;
	if (n == 17 && (s[10] != 'T' || !digits(s + 11, 2, &hh) ||
			s[13] != ':' || !digits(s + 14, 2, &mm) || s[16] != 'Z'))
		return false;
	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > days_of_month(y, m) ||
	    hh > 23 || mm > 59)
		return false;
	*t = days_from_civil(y, m, d) * 86400 + hh * 3600 + mm * 60;
	if (whole_day)
		*whole_day = n == 10;
	return true;
}

/* Written as a date, whether there is such a day or not. */
static bool date_shaped(const char *s)
{
	static const char *const shape[] = { "0000-00-00",
					     "0000-00-00T00:00Z" };

	for (size_t i = 0; i < 2; i++) {
		const char *p = s, *x = shape[i];

		while (*x && (*x == '0' ? *p >= '0' && *p <= '9' : *p == *x))
			p++, x++;
		if (!*x && !*p)
			return true;
	}
	return false;
}

struct when value_date(struct build *b, const struct xml_element *e,
		       const char *attr, bool end_of_day)
{
	const char *s = xml_attr(e, attr);
	struct when w = { 0 };
	bool whole;

	if (!s)
		return w;
	if (!date_parse(s, &w.t, &whole)) {
		diag_add(b->d, SEV_ERROR, xml_value_span(e, attr),
			 date_shaped(s) ?
				"\"%s\": there is no such day or hour, from "
				"1970-01-01 on" :
				"\"%s\" is no date: write 2027-01-31 or "
				"2027-01-31T20:00Z", xml_shown(b->arena, s));
		return w;
	}
	if (end_of_day && whole)
		w.t += 86400;
	w.given = true;
	w.text = arena_strdup(b->arena, s);
	return w;
}

static const struct attr_def *attr_of(enum element el, const char *attr)
{
	const struct element_def *def = &schema_elements[el];

	for (size_t i = 0; i < def->n_attr; i++)
		if (!strcmp(def->attr[i].name, attr))
			return &def->attr[i];
	return NULL;
}

static int find_word(struct build *b, const struct xml_element *e,
		     const char *attr, const char *words, const struct word *w,
		     struct span at)
{
	struct buf legal = { 0 };
	int i = 0;

	for (const char *p = words; *p; i++) {
		size_t n = strcspn(p, " ");

		if (w->len == n && !memcmp(p, w->s, n)) {
			buf_free(&legal);
			return i;
		}
		buf_printf(&legal, "%s%.*s", i ? ", " : "", (int)n, p);
		p += n + (p[n] == ' ');
	}
	diag_add(b->d, SEV_ERROR, at,
		 "\"%s\" is not legal for \"%s\" of <%s> (legal: %s)",
		 xml_shown(b->arena, w->s), attr, e->name, legal.s);
	buf_free(&legal);
	return -1;
}

int value_word(struct build *b, const struct xml_element *e, enum element el,
	       const char *attr, int fallback)
{
	const char *s = xml_attr(e, attr);
	struct word w = { s, 0, s ? strlen(s) : 0 };
	int i;

	if (!s)
		return fallback;
	i = find_word(b, e, attr, attr_of(el, attr)->words, &w,
		      xml_value_span(e, attr));
	return i < 0 ? fallback : i;
}

unsigned value_word_mask(struct build *b, const struct xml_element *e,
			 enum element el, const char *attr)
{
	struct words w = some_words(b, e, attr);
	unsigned mask = 0;

	for (size_t i = 0; i < w.n; i++) {
		int k = find_word(b, e, attr, attr_of(el, attr)->words,
				  &w.v[i], word_span(&w, i));

		if (k >= 0)
			mask |= 1u << k;
	}
	return mask;
}
