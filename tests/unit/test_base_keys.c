#include "tests/unit/unit.h"

#include <string.h>

#include "base/keys.h"

enum { SPACE = 64 };

static struct arena *arena;
static uint64_t seed = 1;

static unsigned next_random(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % below;
}

/* A random set as intervals and as bits; base moves it to the top as well. */
static struct key_set random_set(uint32_t base, unsigned char bits[SPACE])
{
	struct key_set s = { 0 };

	memset(bits, 0, SPACE);
	for (unsigned n = next_random(7); n > 0; n--) {
		unsigned lo = next_random(SPACE);
		unsigned hi = lo + next_random(SPACE - lo) / 4;

		keys_add(arena, &s, base + lo, base + hi);
		memset(bits + lo, 1, hi - lo + 1);
	}
	return s;
}

static void check_set(struct key_set s, uint32_t base,
		      const unsigned char want[SPACE])
{
	bool any = false;

	for (uint32_t k = 0; k < SPACE; k++) {
		CU_ASSERT_EQUAL_FATAL(keys_has(s, base + k), want[k]);
		any |= want[k];
	}
	CU_ASSERT_EQUAL(s.n != 0, any);
	for (size_t i = 0; i < s.n; i++) {
		CU_ASSERT_TRUE_FATAL(s.r[i].lo <= s.r[i].hi);
		CU_ASSERT_TRUE_FATAL(!i || s.r[i - 1].hi + 1 < s.r[i].lo);
	}
}

static void algebra_against_bits(uint32_t base)
{
	for (int round = 0; round < 5000; round++) {
		unsigned char x[SPACE], y[SPACE], want[SPACE];
		struct key_set a = random_set(base, x), b = random_set(base, y);
		bool meet = false, equal = true;

		for (unsigned k = 0; k < SPACE; k++) {
			meet |= x[k] && y[k];
			equal &= x[k] == y[k];
			want[k] = x[k] || y[k];
		}
		check_set(a, base, x);
		check_set(keys_union(arena, a, b), base, want);
		for (unsigned k = 0; k < SPACE; k++)
			want[k] = x[k] && !y[k];
		check_set(keys_minus(arena, a, b), base, want);
		for (unsigned k = 0; k < SPACE; k++)
			want[k] = x[k] && y[k];
		check_set(keys_and(arena, a, b), base, want);
		CU_ASSERT_EQUAL(keys_meet(a, b), meet);
		CU_ASSERT_EQUAL(keys_equal(a, b), equal);
		CU_ASSERT_TRUE(keys_equal(a, keys_union(arena, a, a)));
	}
}

static void algebra_at_the_bottom(void)
{
	algebra_against_bits(0);
}

static void algebra_at_the_top(void)
{
	algebra_against_bits(KEY_MAX - SPACE + 1);
}

/* Only requests open a connection, and only in their own family. */
static void icmp_by_family(void)
{
	struct key_set all = { 0 }, tcp = { 0 }, v4, v6;

	keys_add(arena, &all, 0, KEY_MAX);
	v4 = keys_of_family(arena, all, true);
	v6 = keys_of_family(arena, all, false);
	for (unsigned t = 0; t < 256; t++) {
		bool ask4 = t == 8 || t == 13 || t == 15 || t == 17;

		CU_ASSERT_EQUAL(keys_has(v4, key_of(PROTO_ICMP, t)), ask4);
		CU_ASSERT_EQUAL(keys_has(v6, key_of(PROTO_ICMPV6, t)),
				t == 128);
		CU_ASSERT_FALSE(keys_has(v4, key_of(PROTO_ICMPV6, t)));
		CU_ASSERT_FALSE(keys_has(v6, key_of(PROTO_ICMP, t)));
	}
	for (unsigned p = 0; p < 256; p++) {
		if (p == PROTO_ICMP || p == PROTO_ICMPV6)
			continue;
		CU_ASSERT_TRUE(keys_has(v4, key_of(p, 0)));
		CU_ASSERT_TRUE(keys_has(v6, key_of(p, 0xffff)));
	}
	keys_add(arena, &tcp, key_of(PROTO_TCP, 80), key_of(PROTO_TCP, 80));
	CU_ASSERT_TRUE(keys_equal(keys_of_family(arena, tcp, true), tcp));
}

static void icmp_names(void)
{
	CU_ASSERT_EQUAL(icmp_type_parse(PROTO_ICMP, "echo-request"), 8);
	CU_ASSERT_EQUAL(icmp_type_parse(PROTO_ICMP, "8"), 8);
	CU_ASSERT_EQUAL(icmp_type_parse(PROTO_ICMP, "13"), 13);
	CU_ASSERT_EQUAL(icmp_type_parse(PROTO_ICMP, "address-mask-request"), 17);
	CU_ASSERT_EQUAL(icmp_type_parse(PROTO_ICMPV6, "echo-request"), 128);
	CU_ASSERT_EQUAL(icmp_type_parse(PROTO_ICMPV6, "8"), -1);
	CU_ASSERT_EQUAL(icmp_type_parse(PROTO_ICMP, "echo-reply"), -1);
	CU_ASSERT_EQUAL(icmp_type_parse(PROTO_ICMP, "08"), -1);
	CU_ASSERT_EQUAL(icmp_type_parse(PROTO_ICMP, ""), -1);
	CU_ASSERT_STRING_EQUAL(icmp_type_name(PROTO_ICMP, 15), "info-request");
	CU_ASSERT_PTR_NULL(icmp_type_name(PROTO_ICMP, 0));
	CU_ASSERT_PTR_NULL(icmp_type_name(PROTO_ICMPV6, 135));
}

static void texts(void)
{
	static const struct {
		uint32_t lo, hi;
		const char *text;
	} t[] = {
		{ key_of_const(6, 389), key_of_const(6, 389), "tcp/389" },
		{ key_of_const(6, 1025), key_of_const(6, 65535),
		  "tcp/1025-65535" },
		{ key_of_const(17, 0), key_of_const(17, 65535), "udp" },
		{ key_of_const(1, 8), key_of_const(1, 8), "icmp/echo-request" },
		{ key_of_const(1, 3), key_of_const(1, 3), "icmp/3" },
		{ key_of_const(58, 128), key_of_const(58, 128),
		  "icmpv6/echo-request" },
		{ key_of_const(50, 0), key_of_const(50, 65535), "esp" },
		{ key_of_const(50, 0), key_of_const(50, 0), "esp" },
		{ key_of_const(47, 0), key_of_const(47, 65535), "gre" },
		{ key_of_const(89, 0), key_of_const(89, 65535), "ip/89" },
		{ key_of_const(50, 0), key_of_const(51, 65535), "ip/50-51" },
		{ 0, KEY_MAX, "any protocol" },
		{ key_of_const(6, 54), key_of_const(17, 52),
		  "tcp/54-65535 ip/7-16 udp/0-52" },
		{ key_of_const(6, 0), key_of_const(17, 499),
		  "ip/6-16 udp/0-499" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char out[KEY_TEXT];

		key_text((struct key_range){ t[i].lo, t[i].hi }, out);
		CU_ASSERT_STRING_EQUAL(out, t[i].text);
	}
}

/* Every key that a packet can have, in the range and in one of its parts; a
 * part of several protocols has them whole. */
static void same_packets(struct key_range r)
{
	struct key_range part[KEY_PARTS];
	size_t n = key_parts(r, part);
	bool same = true;

	for (size_t i = 0; i < n; i++)
		CU_ASSERT_TRUE(key_proto(part[i].lo) == key_proto(part[i].hi) ||
			       (key_detail(part[i].lo) == 0 &&
				key_detail(part[i].hi) == 0xffff));
	for (unsigned p = 0; p < 256; p++) {
		bool many = proto_has_ports(p) || proto_is_icmp(p);

		for (uint32_t d = 0; d <= (many ? 0xffffu : 0u);
		     d += d > 60 && d < 0xfff0 ? 0xff80 : 1) {
			uint32_t key = key_of(p, d);
			bool in = false;

			for (size_t i = 0; i < n; i++)
				in |= key >= part[i].lo && key <= part[i].hi;
			same &= in == (key >= r.lo && key <= r.hi);
		}
	}
	CU_ASSERT_TRUE(same);
}

/* What a range says is all that it holds, and nothing else, by brute force. */
static void parts_of_ranges(void)
{
	static const uint32_t detail[] = { 0, 1, 53, 0xfffe, 0xffff };
	static const unsigned proto[] = { 0, 1, 2, 6, 7, 16, 17, 18, 58, 255 };
	const size_t n_end = (sizeof(detail) / sizeof(*detail)) * (sizeof(proto) / sizeof(*proto));

	for (size_t i = 0; i < n_end; i++)
		for (size_t k = i; k < n_end; k++) {
			struct key_range r = {
				key_of(proto[i / 5], detail[i % 5]),
				key_of(proto[k / 5], detail[k % 5]) };

			same_packets(r);
		}
}

static void protocol_names(void)
{
	char out[KEY_TEXT];

	CU_ASSERT_STRING_EQUAL(proto_name(6, out), "tcp");
	CU_ASSERT_STRING_EQUAL(proto_name(112, out), "vrrp");
	CU_ASSERT_STRING_EQUAL(proto_name(89, out), "89");
	CU_ASSERT_TRUE(proto_has_ports(PROTO_TCP) && proto_has_ports(PROTO_UDP));
	CU_ASSERT_FALSE(proto_has_ports(PROTO_SCTP) || proto_has_ports(0));
}

static CU_TestInfo tests[] = {
	{ "algebra at the bottom", algebra_at_the_bottom },
	{ "algebra at the top", algebra_at_the_top },
	{ "ICMP by family", icmp_by_family },
	{ "ICMP names", icmp_names },
	{ "texts", texts },
	{ "parts of ranges", parts_of_ranges },
	{ "protocol names", protocol_names },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int code;

	arena = arena_new();
	code = unit_run("base/keys", tests);
	arena_free(arena);
	return code;
}
