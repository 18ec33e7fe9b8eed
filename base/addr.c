#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

struct addr addr_from_v4_bytes(const uint8_t b[4])
{
	return addr_v4((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
		       (uint32_t)b[2] << 8 | b[3]);
}

struct addr addr_from_v6_bytes(const uint8_t b[16])
{
	struct addr a = { 0, 0 };

	for (int i = 0; i < 8; i++) {
		a.hi = a.hi << 8 | b[i];
		a.lo = a.lo << 8 | b[i + 8];
	}
	return a;
}

void addr_to_bytes(struct addr a, uint8_t b[16])
{
	if (addr_is_v4(a)) {
		for (int i = 0; i < 4; i++)
			b[i] = (uint8_t)(a.lo >> (24 - 8 * i));
		return;
	}
	for (int i = 0; i < 8; i++) {
		b[i] = (uint8_t)(a.hi >> (56 - 8 * i));
		b[i + 8] = (uint8_t)(a.lo >> (56 - 8 * i));
	}
}

struct addr_range range_of_prefix(struct addr a, unsigned len)
{
	uint64_t hi = len >= 64 ? UINT64_MAX :
		      len == 0 ? 0 : ~(UINT64_MAX >> len);
	uint64_t lo = len <= 64 ? 0 :
		      len == 128 ? UINT64_MAX : ~(UINT64_MAX >> (len - 64));

	return (struct addr_range){ { a.hi & hi, a.lo & lo },
				    { a.hi | ~hi, a.lo | ~lo } };
}

static const char *parse_len(const char *s, unsigned max, unsigned *len)
{
	unsigned v = 0;

	if (!*s)
		return "has no number behind the slash";
	if (s[0] == '0' && s[1])
		return "has a leading zero in its prefix length";
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return "has a prefix length that is no number";
		v = v * 10 + (unsigned)(*s - '0');
		if (v > max)
			return max == 32 ? "has a prefix length above 32" :
					   "has a prefix length above 128";
	}
	*len = v;
	return NULL;
}

static bool octet_zero(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p == '0' && (p == s || p[-1] == '.') &&
		    p[1] >= '0' && p[1] <= '9')
			return true;
	return false;
}

static const char *parse_addr(const char *s, struct prefix *out)
{
	struct in_addr a4;
	struct in6_addr a6;

	if (strchr(s, '%'))
		return "has a scope id: an address in a plan is global";
	if (inet_pton(AF_INET, s, &a4) == 1) {
		out->v4 = true;
		out->r.lo = addr_v4(ntohl(a4.s_addr));
		return NULL;
	}
	if (inet_pton(AF_INET6, s, &a6) == 1) {
		out->v4 = false;
		out->r.lo = addr_from_v6_bytes(a6.s6_addr);
		if (addr_is_v4(out->r.lo))
			return "is an IPv4-mapped address: write the IPv4 address";
		return NULL;
	}
	if (strspn(s, "0123456789.") == strlen(s) && octet_zero(s))
		return "has a leading zero: is it octal or decimal?";
	return "is not an address";
}

const char *prefix_parse(struct arena *a, const char *s, size_t n,
			 bool allow_prefix, struct prefix *out)
{
	char tmp[80], *slash, text[ADDR_TEXT];
	unsigned len = 128, max;
	const char *why;

	if (n == 0 || n >= sizeof(tmp) || memchr(s, '\0', n))
		return "is not an address";
	memcpy(tmp, s, n);
	tmp[n] = '\0';
	slash = strchr(tmp, '/');
	if (slash)
		*slash = '\0';
	why = parse_addr(tmp, out);
	if (why)
		return slash && !strcmp(why, "is not an address") ?
			"is not a prefix" : why;
	max = out->v4 ? 32 : 128;
	len = max;
	if (slash) {
		if (!allow_prefix)
			return "is a prefix, where one address is meant";
		why = parse_len(slash + 1, max, &len);
		if (why)
			return why;
	}
	out->len = (uint8_t)len;
	struct addr first = out->r.lo;
	out->r = range_of_prefix(first, len + (128 - max));
	if (addr_eq(out->r.lo, first))
		return NULL;
	addr_text(out->r.lo, text);
	return arena_printf(a, "has host bits set: write %s/%u", text, len);
}

bool looks_like_address(const char *s)
{
	struct arena *a = arena_new();
	struct prefix p;
	const char *why = prefix_parse(a, s, strlen(s), true, &p);
	bool yes = !why || strstr(why, "is not a") == NULL;

	arena_free(a);
	return yes;
}

void addr_text(struct addr a, char out[ADDR_TEXT])
{
	uint8_t b[16];

	addr_to_bytes(a, b);
	inet_ntop(addr_is_v4(a) ? AF_INET : AF_INET6, b, out, ADDR_TEXT);
}

int range_prefix_len(struct addr_range r)
{
	uint64_t hi = r.lo.hi ^ r.hi.hi, lo = r.lo.lo ^ r.hi.lo;
	unsigned len = hi ? (unsigned)__builtin_clzll(hi) :
		       lo ? 64 + (unsigned)__builtin_clzll(lo) : 128;
	struct addr_range p = range_of_prefix(r.lo, len);

	if (!addr_eq(p.lo, r.lo) || !addr_eq(p.hi, r.hi))
		return -1;
	return addr_is_v4(r.lo) ? (int)len - 96 : (int)len;
}

void range_text(struct addr_range r, char out[ADDR_TEXT])
{
	char hi[ADDR_TEXT];
	int len = range_prefix_len(r);
	size_t n;

	addr_text(r.lo, out);
	if (range_single(r))
		return;
	n = strlen(out);
	if (len >= 0) {
		snprintf(out + n, ADDR_TEXT - n, "/%d", len);
		return;
	}
	addr_text(r.hi, hi);
	out[n++] = '-';
	memcpy(out + n, hi, strlen(hi) + 1);
}

uint64_t range_count(struct addr_range r)
{
	uint64_t lo = r.hi.lo - r.lo.lo;
	uint64_t hi = r.hi.hi - r.lo.hi - (r.hi.lo < r.lo.lo);

	return hi || lo == UINT64_MAX ? UINT64_MAX : lo + 1;
}

static int range_cmp(const void *a, const void *b)
{
	const struct addr_range *x = a, *y = b;
	int c = addr_cmp(x->lo, y->lo);

	return c ? c : addr_cmp(x->hi, y->hi);
}

void addr_set_normalise(struct addr_set *s)
{
	size_t n = 0;

	if (s->n)
		qsort(s->r, s->n, sizeof(*s->r), range_cmp);
	for (size_t i = 0; i < s->n; i++) {
		struct addr_range *last = n ? &s->r[n - 1] : NULL;

		if (last && addr_is_v4(last->lo) == addr_is_v4(s->r[i].lo) &&
		    (addr_cmp(s->r[i].lo, last->hi) <= 0 ||
		     addr_eq(s->r[i].lo, addr_next(last->hi)))) {
			if (addr_cmp(s->r[i].hi, last->hi) > 0)
				last->hi = s->r[i].hi;
		} else {
			s->r[n++] = s->r[i];
		}
	}
	s->n = n;
}

bool addr_set_has(const struct addr_set *s, struct addr a)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr_cmp(s->r[mid].hi, a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && addr_cmp(s->r[lo].lo, a) <= 0;
}

struct addr_set addr_set_minus(struct arena *a, const struct addr_set *x,
			       const struct addr_set *y)
{
	VEC(struct addr_range) v = { 0 };
	size_t k = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct addr_range r = x->r[i];
		bool left = true;

		while (k < y->n && addr_cmp(y->r[k].hi, r.lo) < 0)
			k++;
		for (size_t n = k; left && n < y->n &&
		     addr_cmp(y->r[n].lo, r.hi) <= 0; n++) {
			if (addr_cmp(y->r[n].lo, r.lo) > 0)
				vec_push(a, &v, (struct addr_range){
					r.lo, addr_prev(y->r[n].lo) });
			left = addr_cmp(y->r[n].hi, r.hi) < 0;
			if (left)
				r.lo = addr_next(y->r[n].hi);
		}
		if (left)
			vec_push(a, &v, r);
	}
	return (struct addr_set){ v.v, v.n };
}
