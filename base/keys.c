#include "base/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct icmp_name {
	const char *name;
	uint8_t proto, type;
} icmp_names[] = {
	{ "echo-request", PROTO_ICMP, ICMP_ECHO_REQUEST },
	{ "timestamp-request", PROTO_ICMP, ICMP_TIMESTAMP_REQUEST },
	{ "info-request", PROTO_ICMP, ICMP_INFO_REQUEST },
	{ "address-mask-request", PROTO_ICMP, ICMP_MASK_REQUEST },
	{ "echo-request", PROTO_ICMPV6, ICMPV6_ECHO_REQUEST },
};

enum { N_ICMP_NAMES = sizeof(icmp_names) / sizeof(icmp_names[0]) };

static const struct proto_entry {
	uint8_t proto;
	const char *name;
} proto_names[] = {
	{ PROTO_ICMP, "icmp" },	{ PROTO_TCP, "tcp" },
	{ PROTO_UDP, "udp" },	{ PROTO_ESP, "esp" },
	{ PROTO_AH, "ah" },	{ PROTO_ICMPV6, "icmpv6" },
	{ PROTO_VRRP, "vrrp" }, { PROTO_SCTP, "sctp" },
	{ 47, "gre" },
};

static void push(struct arena *a, struct key_set *s, size_t *cap,
		 struct key_range r)
{
	if (s->n && r.lo <= s->r[s->n - 1].hi + 1) {
		if (r.hi > s->r[s->n - 1].hi)
			s->r[s->n - 1].hi = r.hi;
		return;
	}
	if (s->n == *cap) {
		size_t want = *cap ? *cap * 2 : 4;
		struct key_range *v = ARENA_ARRAY(a, struct key_range, want);

		if (s->n)
			memcpy(v, s->r, s->n * sizeof(*v));
		s->r = v;
		*cap = want;
	}
	s->r[s->n++] = r;
}

struct key_set keys_union(struct arena *a, struct key_set x, struct key_set y)
{
	struct key_set out = { 0 };
	size_t cap = 0, i = 0, j = 0;

	while (i < x.n || j < y.n) {
		if (j == y.n || (i < x.n && x.r[i].lo <= y.r[j].lo))
			push(a, &out, &cap, x.r[i++]);
		else
			push(a, &out, &cap, y.r[j++]);
	}
	return out;
}

static bool has_all(struct key_set s, uint32_t lo, uint32_t hi)
{
	size_t i = 0, n = s.n;

	while (i < n) {
		size_t mid = i + (n - i) / 2;

		if (s.r[mid].hi < lo)
			i = mid + 1;
		else
			n = mid;
	}
	return i < s.n && s.r[i].lo <= lo && s.r[i].hi >= hi;
}

void keys_add(struct arena *a, struct key_set *s, uint32_t lo, uint32_t hi)
{
	struct key_range r = { lo, hi };

	if (!has_all(*s, lo, hi))
		*s = keys_union(a, *s, (struct key_set){ &r, 1 });
}

static int by_lo(const void *a, const void *b)
{
	const struct key_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

struct key_set keys_from(struct arena *a, struct key_range *r, size_t n)
{
	struct key_set out = { 0 };
	size_t cap = n;

	if (!n)
		return out;
	qsort(r, n, sizeof(*r), by_lo);
	out.r = ARENA_ARRAY(a, struct key_range, n);
	for (size_t i = 0; i < n; i++)
		push(a, &out, &cap, r[i]);
	return out;
}

struct key_set keys_minus(struct arena *a, struct key_set x, struct key_set y)
{
	struct key_set out = { 0 };
	size_t cap = 0, j = 0;

	for (size_t i = 0; i < x.n; i++) {
		uint32_t lo = x.r[i].lo, hi = x.r[i].hi;

		while (j < y.n && y.r[j].hi < lo)
			j++;
		for (size_t k = j; k < y.n && y.r[k].lo <= hi; k++) {
			if (y.r[k].lo > lo)
				push(a, &out, &cap, (struct key_range){
						lo, y.r[k].lo - 1 });
			lo = y.r[k].hi + 1;
		}
		if (lo <= hi)
			push(a, &out, &cap, (struct key_range){ lo, hi });
	}
	return out;
}

struct key_set keys_and(struct arena *a, struct key_set x, struct key_set y)
{
	struct key_set out = { 0 };
	size_t cap = 0;

	for (size_t i = 0, j = 0; i < x.n && j < y.n;) {
		uint32_t lo = x.r[i].lo > y.r[j].lo ? x.r[i].lo : y.r[j].lo;
		uint32_t hi = x.r[i].hi < y.r[j].hi ? x.r[i].hi : y.r[j].hi;

		if (lo <= hi)
			push(a, &out, &cap, (struct key_range){ lo, hi });
		if (x.r[i].hi < y.r[j].hi)
			i++;
		else
			j++;
	}
	return out;
}

bool keys_has(struct key_set s, uint32_t key)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.r[i].lo <= key && key <= s.r[i].hi)
			return true;
	return false;
}

bool keys_meet(struct key_set x, struct key_set y)
{
	for (size_t i = 0, j = 0; i < x.n && j < y.n;) {
		if (x.r[i].hi < y.r[j].lo)
			i++;
		else if (y.r[j].hi < x.r[i].lo)
			j++;
		else
			return true;
	}
	return false;
}

bool keys_equal(struct key_set x, struct key_set y)
{
	return x.n == y.n &&
	       (x.n == 0 || !memcmp(x.r, y.r, x.n * sizeof(*x.r)));
}

struct key_set keys_of_family(struct arena *a, struct key_set s, bool v4)
{
	struct key_set icmp = { 0 }, ask = { 0 };

	keys_add(a, &icmp, key_of(PROTO_ICMP, 0), key_of(PROTO_ICMP, 0xffff));
	keys_add(a, &icmp, key_of(PROTO_ICMPV6, 0),
		 key_of(PROTO_ICMPV6, 0xffff));
	if (!keys_meet(s, icmp))
		return s;
	for (size_t i = 0; i < N_ICMP_NAMES; i++)
		if ((icmp_names[i].proto == PROTO_ICMP) == v4)
			keys_add(a, &ask,
				 key_of(icmp_names[i].proto, icmp_names[i].type),
				 key_of(icmp_names[i].proto, icmp_names[i].type));
	return keys_minus(a, s, keys_minus(a, icmp, ask));
}

const char *proto_name(unsigned proto, char out[KEY_TEXT])
{
	for (size_t i = 0; i < sizeof(proto_names) / sizeof(*proto_names); i++)
		if (proto_names[i].proto == proto)
			return proto_names[i].name;
	snprintf(out, KEY_TEXT, "%u", proto);
	return out;
}

const char *icmp_type_name(unsigned proto, unsigned type)
{
	for (size_t i = 0; i < N_ICMP_NAMES; i++)
		if (icmp_names[i].proto == proto && icmp_names[i].type == type)
			return icmp_names[i].name;
	return NULL;
}

int icmp_type_parse(unsigned proto, const char *s)
{
	for (size_t i = 0; i < N_ICMP_NAMES; i++) {
		char num[8];

		snprintf(num, sizeof(num), "%u", icmp_names[i].type);
		if (icmp_names[i].proto == proto &&
		    (!strcmp(icmp_names[i].name, s) || !strcmp(num, s)))
			return icmp_names[i].type;
	}
	return -1;
}

/* Do all packets of its first, or last, protocol belong to it? Without ports
 * the detail is always 0. */
static bool starts_whole(struct key_range r)
{
	return key_detail(r.lo) == 0;
}

static bool ends_whole(struct key_range r)
{
	unsigned p = key_proto(r.hi);

	return key_detail(r.hi) == 0xffff ||
	       (!proto_has_ports(p) && !proto_is_icmp(p));
}

size_t key_parts(struct key_range r, struct key_range out[KEY_PARTS])
{
	unsigned lo = key_proto(r.lo), hi = key_proto(r.hi);
	struct key_range whole, last = { key_of(hi, 0), r.hi };
	size_t n = 0;

	if (lo == hi) {
		out[0] = r;
		return 1;
	}
	if (!starts_whole(r)) {
		if (proto_has_ports(lo) || proto_is_icmp(lo))
			out[n++] = (struct key_range){ r.lo,
						       key_of(lo, 0xffff) };
		lo++;
	}
	hi -= !ends_whole(r);
	whole = (struct key_range){ key_of(lo, 0), key_of(hi, 0xffff) };
	if (lo <= hi)
		out[n++] = whole;
	if (!ends_whole(r))
		out[n++] = last;
	return n;
}

static void part_text(struct key_range r, char out[KEY_TEXT])
{
	unsigned p = key_proto(r.lo), lo = key_detail(r.lo), hi = key_detail(r.hi);
	char tmp[KEY_TEXT], name[16];

	snprintf(name, sizeof(name), "%.15s", proto_name(p, tmp));

	if (r.lo == 0 && r.hi == KEY_MAX)
		snprintf(out, KEY_TEXT, "any protocol");
	else if (key_proto(r.hi) != p)
		snprintf(out, KEY_TEXT, "ip/%u-%u", p, key_proto(r.hi));
	else if (proto_is_icmp(p) && lo == hi && icmp_type_name(p, lo))
		snprintf(out, KEY_TEXT, "%s/%.40s", name,
			 icmp_type_name(p, lo));
	else if (!proto_has_ports(p) && !proto_is_icmp(p))
		snprintf(out, KEY_TEXT, "%s%s", name[0] <= '9' ? "ip/" : "", name);
	else if (lo == 0 && hi == 0xffff)
		snprintf(out, KEY_TEXT, "%s", name);
	else if (lo == hi)
		snprintf(out, KEY_TEXT, "%s/%u", name, lo);
	else
		snprintf(out, KEY_TEXT, "%s/%u-%u", name, lo, hi);
}

void key_text(struct key_range r, char out[KEY_TEXT])
{
	struct key_range part[KEY_PARTS];
	size_t n = key_parts(r, part);
	char text[KEY_TEXT];

	out[0] = '\0';
	for (size_t i = 0, at = 0; i < n && at < KEY_TEXT; i++) {
		part_text(part[i], text);
		at += (size_t)snprintf(out + at, KEY_TEXT - at, "%s%s",
				       i ? " " : "", text);
	}
}
