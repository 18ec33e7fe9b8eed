#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/addr.h"

static struct arena *arena;

static const char *parse(const char *s, bool allow_prefix, struct prefix *p)
{
	return prefix_parse(arena, s, strlen(s), allow_prefix, p);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *seed >> 33 | *seed << 31;
}

static void parses_what_is_legal(void)
{
	static const struct {
		const char *text, *first, *last;
		unsigned len;
		bool v4;
	} good[] = {
		{ "10.0.0.1", "10.0.0.1", "10.0.0.1", 32, true },
		{ "10.0.0.0/8", "10.0.0.0", "10.255.255.255", 8, true },
		{ "0.0.0.0/0", "0.0.0.0", "255.255.255.255", 0, true },
		{ "255.255.255.255/32", "255.255.255.255", "255.255.255.255",
		  32, true },
		{ "192.0.2.2/31", "192.0.2.2", "192.0.2.3", 31, true },
		{ "2001:db8::1", "2001:db8::1", "2001:db8::1", 128, false },
		{ "2001:DB8:0:0::/64", "2001:db8::",
		  "2001:db8::ffff:ffff:ffff:ffff", 64, false },
		{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0,
		  false },
		{ "2001:db8::/63", "2001:db8::",
		  "2001:db8:0:1:ffff:ffff:ffff:ffff", 63, false },
		{ "2001:db8::8000:0:0:0/65", "2001:db8:0:0:8000::",
		  "2001:db8::ffff:ffff:ffff:ffff", 65, false },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct prefix p;
		char text[ADDR_TEXT];

		CU_ASSERT_PTR_NULL_FATAL(parse(good[i].text, true, &p));
		addr_text(p.r.lo, text);
		CU_ASSERT_STRING_EQUAL(text, good[i].first);
		addr_text(p.r.hi, text);
		CU_ASSERT_STRING_EQUAL(text, good[i].last);
		CU_ASSERT_EQUAL(p.len, good[i].len);
		CU_ASSERT_EQUAL(p.v4, good[i].v4);
		CU_ASSERT_EQUAL(addr_is_v4(p.r.lo), good[i].v4);
	}
}

static void refuses_with_a_reason(void)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "is not an address" },
		{ "fe1", "is not an address" },
		{ "10.0.0", "is not an address" },
		{ "10.0.0.256", "is not an address" },
		{ "10.0.0.1.2", "is not an address" },
		{ " 10.0.0.1", "is not an address" },
		{ "2001:db8:::1", "is not an address" },
		{ "fe1/24", "is not a prefix" },
		{ "10.0.0/24", "is not a prefix" },
		{ "10.0.0.1/", "has no number behind the slash" },
		{ "10.0.0.0/08", "has a leading zero in its prefix length" },
		{ "10.0.0.0/8x", "has a prefix length that is no number" },
		{ "10.0.0.0/-1", "has a prefix length that is no number" },
		{ "10.0.0.0/8/8", "has a prefix length that is no number" },
		{ "10.0.0.0/33", "has a prefix length above 32" },
		{ "10.0.0.0/4294967304", "has a prefix length above 32" },
		{ "2001:db8::/129", "has a prefix length above 128" },
		{ "fe80::1%eth0",
		  "has a scope id: an address in a plan is global" },
		{ "::ffff:10.0.0.1",
		  "is an IPv4-mapped address: write the IPv4 address" },
		{ "::ffff:a00:1/128",
		  "is an IPv4-mapped address: write the IPv4 address" },
		{ "10.0.0.010", "has a leading zero: is it octal or decimal?" },
		{ "010.0.0.1", "has a leading zero: is it octal or decimal?" },
		{ "10.00.0.1/24", "has a leading zero: is it octal or decimal?" },
		{ "10.0.0.1/8", "has host bits set: write 10.0.0.0/8" },
		{ "10.0.0.1/0", "has host bits set: write 0.0.0.0/0" },
		{ "2001:db8::1/64", "has host bits set: write 2001:db8::/64" },
		{ "2001:db8:0:1::/63", "has host bits set: write 2001:db8::/63" },
	};
	struct prefix p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = parse(bad[i].text, true, &p);

		CU_ASSERT_PTR_NOT_NULL_FATAL(why);
		CU_ASSERT_STRING_EQUAL(why, bad[i].why);
	}
	CU_ASSERT_STRING_EQUAL(parse("10.0.0.0/8", false, &p),
			       "is a prefix, where one address is meant");
	CU_ASSERT_PTR_NULL(parse("10.0.0.1", false, &p));
}

/* The length counts, not a NUL; a NUL inside is no address. */
static void parses_by_length(void)
{
	struct prefix p;
	char text[ADDR_TEXT], many[200];

	CU_ASSERT_PTR_NULL(prefix_parse(arena, "10.0.0.12", 8, false, &p));
	addr_text(p.r.lo, text);
	CU_ASSERT_STRING_EQUAL(text, "10.0.0.1");
	CU_ASSERT_PTR_NOT_NULL(prefix_parse(arena, "10.0.0.1\0x", 10, false,
					    &p));
	memset(many, '1', sizeof(many));
	CU_ASSERT_PTR_NOT_NULL(prefix_parse(arena, many, sizeof(many), true,
					    &p));
}

static void names_and_addresses_differ(void)
{
	static const char *const yes[] = {
		"10.0.0.1", "10.0.0.0/8", "10.0.0.1/8", "010.0.0.1", "::1",
		"fe80::1%lo", "::ffff:1.2.3.4", "10.0.0.0/99", "::/0",
	};
	static const char *const no[] = {
		"fe1", "10", "10.0", "10.0.0.0.1", "a.b.c.d", "dead", "1-2",
		"fe1/24", "",
	};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		CU_ASSERT_TRUE(looks_like_address(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		CU_ASSERT_FALSE(looks_like_address(no[i]));
}

/* libc writes, we read; we write, libc reads. */
static void text_and_bytes_round_trip(void)
{
	uint64_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		uint8_t b[16], back[16];
		bool v4 = i & 1;
		char theirs[ADDR_TEXT], ours[ADDR_TEXT];
		struct addr a;
		struct prefix p;

		for (int k = 0; k < 16; k++) /* many zeros, for the :: */
			b[k] = next_random(&seed) & 1 ?
				(uint8_t)next_random(&seed) : 0;
		a = v4 ? addr_from_v4_bytes(b) : addr_from_v6_bytes(b);
		if (!v4 && addr_is_v4(a))
			continue;
		inet_ntop(v4 ? AF_INET : AF_INET6, b, theirs, sizeof(theirs));
		addr_text(a, ours);
		CU_ASSERT_STRING_EQUAL_FATAL(ours, theirs);
		addr_to_bytes(a, back);
		CU_ASSERT_EQUAL_FATAL(memcmp(b, back, v4 ? 4 : 16), 0);
		CU_ASSERT_PTR_NULL_FATAL(parse(ours, true, &p));
		CU_ASSERT_TRUE_FATAL(addr_eq(p.r.lo, a));
		CU_ASSERT_TRUE_FATAL(range_single(p.r));
	}
}

static bool bit(struct addr a, unsigned i)
{
	return i < 64 ? a.hi >> (63 - i) & 1 : a.lo >> (127 - i) & 1;
}

static void prefixes_bit_by_bit(void)
{
	uint64_t seed = 2;

	for (unsigned len = 0; len <= 128; len++) {
		struct addr a = { next_random(&seed), next_random(&seed) };
		struct addr_range r = range_of_prefix(a, len);

		for (unsigned i = 0; i < 128; i++) {
			CU_ASSERT_EQUAL(bit(r.lo, i), i < len && bit(a, i));
			CU_ASSERT_EQUAL(bit(r.hi, i), i >= len || bit(a, i));
		}
		if (!addr_is_v4(r.lo))
			CU_ASSERT_EQUAL(range_prefix_len(r), (int)len);
	}
}

/* All ranges of a small space against a search for the prefix. */
static void ranges_that_are_prefixes(void)
{
	for (uint32_t lo = 0; lo < 64; lo++)
		for (uint32_t hi = lo; hi < 64; hi++) {
			uint32_t base = UINT32_C(0x0a0000c0);
			struct addr_range r = { addr_v4(base + lo),
						addr_v4(base + hi) };
			int want = -1;
			char text[ADDR_TEXT];
			struct prefix p;

			for (unsigned len = 26; len <= 32; len++) {
				uint32_t size = UINT32_C(1) << (32 - len);

				if (lo % size == 0 && hi - lo + 1 == size)
					want = (int)len;
			}
			CU_ASSERT_EQUAL(range_prefix_len(r), want);
			CU_ASSERT_EQUAL(range_count(r), hi - lo + 1);
			range_text(r, text);
			CU_ASSERT_EQUAL(strchr(text, '-') != NULL, want < 0);
			CU_ASSERT_EQUAL(strchr(text, '/') != NULL,
					want >= 0 && want < 32);
			if (want >= 0) {
				CU_ASSERT_PTR_NULL(parse(text, true, &p));
				CU_ASSERT_TRUE(addr_eq(p.r.lo, r.lo) &&
					       addr_eq(p.r.hi, r.hi));
			}
		}
}

static void texts_of_ranges(void)
{
	struct addr_range r = { addr_v4(0x0a000001), addr_v4(0x0a000009) };
	struct prefix p;
	char text[ADDR_TEXT];

	range_text(r, text);
	CU_ASSERT_STRING_EQUAL(text, "10.0.0.1-10.0.0.9");
	parse("::/0", true, &p);
	range_text(p.r, text);
	CU_ASSERT_STRING_EQUAL(text, "::/0");
	CU_ASSERT_EQUAL(range_count(p.r), UINT64_MAX);
	parse("0.0.0.0/0", true, &p);
	range_text(p.r, text);
	CU_ASSERT_STRING_EQUAL(text, "0.0.0.0/0");
	CU_ASSERT_EQUAL(range_count(p.r), UINT64_C(1) << 32);
	parse("2001:db8::/64", true, &p);
	CU_ASSERT_EQUAL(range_count(p.r), UINT64_MAX);
	parse("2001:db8::/65", true, &p);
	CU_ASSERT_EQUAL(range_count(p.r), UINT64_C(1) << 63);
	p.r.hi = addr_next(p.r.hi);
	range_text(p.r, text);
	CU_ASSERT_STRING_EQUAL(text, "2001:db8::-2001:db8:0:0:8000::");
}

static void neighbours_carry(void)
{
	struct addr top = { 1, UINT64_MAX }, up = addr_next(top);

	CU_ASSERT_TRUE(up.hi == 2 && up.lo == 0);
	CU_ASSERT_TRUE(addr_eq(addr_prev(up), top));
	CU_ASSERT_TRUE(addr_cmp(top, up) < 0 && addr_cmp(up, top) > 0);
	CU_ASSERT_EQUAL(addr_cmp(top, top), 0);
	up = addr_next((struct addr){ UINT64_MAX, UINT64_MAX });
	CU_ASSERT_TRUE(up.hi == 0 && up.lo == 0);
}

/* A small space across the lower border of IPv4, with a bit for each address. */
static void sets_against_bits(void)
{
	const uint64_t base = UINT64_C(0xffff00000000) - 32;
	uint64_t seed = 3;

	for (int round = 0; round < 3000; round++) {
		struct addr_range v[12];
		struct addr_set s = { v, next_random(&seed) % 13 };
		unsigned char want[64] = { 0 };

		for (size_t i = 0; i < s.n; i++) {
			/* never across the families */
			uint64_t side = next_random(&seed) % 2 * 32;
			uint64_t lo = next_random(&seed) % 32;
			uint64_t hi = lo + next_random(&seed) % (32 - lo) / 3;

			v[i].lo = (struct addr){ 0, base + side + lo };
			v[i].hi = (struct addr){ 0, base + side + hi };
			memset(want + side + lo, 1, (size_t)(hi - lo + 1));
		}
		addr_set_normalise(&s);
		for (uint64_t k = 0; k < 64; k++)
			CU_ASSERT_EQUAL_FATAL(addr_set_has(&s, (struct addr){
						      0, base + k }), want[k]);
		CU_ASSERT_FALSE(addr_set_has(&s, (struct addr){ 1, base }));
		for (size_t i = 1; i < s.n; i++) {
			struct addr gap = addr_next(s.r[i - 1].hi);

			CU_ASSERT_TRUE_FATAL(addr_cmp(s.r[i - 1].hi,
						      s.r[i].lo) < 0);
			CU_ASSERT_TRUE_FATAL(!addr_eq(gap, s.r[i].lo) ||
					     gap.lo == base + 32);
		}
		for (size_t i = 0; i < s.n; i++)
			CU_ASSERT_EQUAL_FATAL(addr_is_v4(s.r[i].lo),
					      addr_is_v4(s.r[i].hi));
	}
}

static CU_TestInfo tests[] = {
	{ "parses what is legal", parses_what_is_legal },
	{ "refuses with a reason", refuses_with_a_reason },
	{ "parses by length", parses_by_length },
	{ "names and addresses differ", names_and_addresses_differ },
	{ "text and bytes round trip", text_and_bytes_round_trip },
	{ "prefixes bit by bit", prefixes_bit_by_bit },
	{ "ranges that are prefixes", ranges_that_are_prefixes },
	{ "texts of ranges", texts_of_ranges },
	{ "neighbours carry", neighbours_carry },
	{ "sets against bits", sets_against_bits },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int code;

	arena = arena_new();
	code = unit_run("base/addr", tests);
	arena_free(arena);
	return code;
}
