#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "audit/direction.h"
#include "audit/known.h"
#include "base/keys.h"

#define SECOND UINT64_C(1000000000)
#define T0 (1700000000 * SECOND)

static struct known_conn known(uint32_t src, uint16_t sport, uint32_t dst,
			       uint16_t dport)
{
	return (struct known_conn){ addr_v4(src), addr_v4(dst), sport, dport,
				    PROTO_TCP, T0, T0 + SECOND };
}

static struct conn seen(uint32_t a, uint16_t aport, uint32_t b,
			uint16_t bport)
{
	return (struct conn){ .a = addr_v4(a), .b = addr_v4(b),
			      .aport = aport, .bport = bport,
			      .proto = PROTO_TCP, .first = T0 + 9 * SECOND,
			      .last = T0 + 9 * SECOND };
}

static void test_encode(void)
{
	struct arena *a = arena_new();
	struct buf one = { 0 }, two = { 0 };
	known_list l = { 0 }, back = { 0 };
	uint64_t saved;
	const char *why;

	for (uint16_t i = 300; i > 0; i--)
		vec_push(a, &l, known(i % 7, i, 9, 389));
	known_encode(&l, T0, &one);
	CU_ASSERT_EQUAL(one.n, 32 + 300 * 56);
	CU_ASSERT_EQUAL(known_decode(a, (uint8_t *)one.s, one.n, &back,
				     &saved, &why), 0);
	CU_ASSERT_EQUAL(back.n, 300);
	CU_ASSERT_EQUAL(saved, T0);
	/* Whatever the order was, the bytes are the same. */
	for (size_t i = 0; i < 150; i++) {
		struct known_conn x = back.v[i];

		back.v[i] = back.v[299 - i];
		back.v[299 - i] = x;
	}
	known_encode(&back, T0, &two);
	CU_ASSERT(one.n == two.n && !memcmp(one.s, two.s, one.n));
	buf_free(&one);
	buf_free(&two);
	arena_free(a);
}

/* A file of another length, or with any byte changed, is refused. */
static void test_damage(void)
{
	struct arena *a = arena_new();
	struct buf b = { 0 };
	known_list l = { 0 };
	uint64_t saved;
	const char *why;
	size_t refused = 0;

	vec_push(a, &l, known(1, 2, 3, 4));
	vec_push(a, &l, known(5, 6, 7, 8));
	known_encode(&l, T0, &b);
	l.n = 0;
	for (size_t n = 0; n < b.n; n++)
		refused += known_decode(a, (uint8_t *)b.s, n, &l, &saved,
					&why) < 0;
	CU_ASSERT_EQUAL(refused, b.n);
	refused = 0;
	for (size_t i = 0; i < b.n; i++) {
		b.s[i] ^= 4;
		refused += known_decode(a, (uint8_t *)b.s, b.n, &l, &saved,
					&why) < 0;
		b.s[i] ^= 4;
	}
	CU_ASSERT_EQUAL(refused, b.n);
	CU_ASSERT_EQUAL(l.n, 0);
	b.s[8] = 2;
	CU_ASSERT_EQUAL(known_decode(a, (uint8_t *)b.s, b.n, &l, &saved,
				     &why), -1);
	CU_ASSERT_STRING_EQUAL(why, "is of another version");
	buf_free(&b);
	arena_free(a);
}

static void test_recall(void)
{
	struct arena *a = arena_new();
	known_list l = { 0 }, rest = { 0 };
	struct known *k;
	struct conn c;

	for (uint16_t i = 1; i < 100; i++)
		vec_push(a, &l, known(1, i, 2, 389));
	k = known_new(a, &l, 12345);
	c = seen(1, 7, 2, 389);
	known_recall(k, &c);
	CU_ASSERT_EQUAL(opener_seen(&c).side, 0);
	CU_ASSERT_EQUAL(opener_seen(&c).how, HOW_KNOWN);
	/* The same, had the server spoken first. */
	c = seen(2, 389, 1, 8);
	known_recall(k, &c);
	CU_ASSERT_EQUAL(opener_seen(&c).side, 1);
	/* Once only: the next with these ports is another connection. */
	c = seen(2, 389, 1, 8);
	known_recall(k, &c);
	CU_ASSERT_EQUAL(opener_seen(&c).side, -1);
	c = seen(1, 200, 2, 389);
	known_recall(k, &c);
	CU_ASSERT_EQUAL(c.note, 0);
	/* Too long ago. */
	c = seen(1, 9, 2, 389);
	c.first += 30 * 3600 * SECOND;
	known_recall(k, &c);
	CU_ASSERT_EQUAL(c.note, 0);
	known_rest(k, T0, a, &rest);
	CU_ASSERT_EQUAL(rest.n, 96);
	rest.n = 0;
	known_rest(k, T0 + 30 * 3600 * SECOND, a, &rest);
	CU_ASSERT_EQUAL(rest.n, 0);
	arena_free(a);
}

/* A handshake of this run is stronger than what an earlier one knew. */
static void test_syn_wins(void)
{
	struct conn c = seen(1, 7, 2, 389);

	c.note = NOTE_KNOWN << 1;
	c.seen = SEEN_SYN;
	CU_ASSERT_EQUAL(opener_seen(&c).side, 0);
	CU_ASSERT_EQUAL(opener_seen(&c).how, HOW_SYN);
}

static void test_add(void)
{
	struct arena *a = arena_new();
	struct conn c = seen(1, 7, 2, 389);
	known_list l = { 0 };

	c.packets[0] = c.packets[1] = 5;
	known_add(&c, T0, a, &l);
	CU_ASSERT_EQUAL(l.n, 0); /* who knows who opened it */
	c.seen = SEEN_SYN << 1;
	known_add(&c, T0, a, &l);
	CU_ASSERT_EQUAL_FATAL(l.n, 1);
	CU_ASSERT(l.v[0].sport == 389 && addr_eq(l.v[0].src, addr_v4(2)));
	c.seen |= SEEN_RST;
	known_add(&c, T0, a, &l);
	c.seen = SEEN_SYN << 1;
	c.note = NOTE_MERGED;
	known_add(&c, T0, a, &l);
	c.note = 0;
	c.packets[0] = 0; /* never answered */
	known_add(&c, T0, a, &l);
	CU_ASSERT_EQUAL(l.n, 1);
	c.packets[0] = 5;
	c.proto = PROTO_SCTP;
	known_add(&c, T0, a, &l);
	CU_ASSERT_EQUAL(l.n, 2);
	c.proto = 47; /* GRE has no ports by which to know it again */
	known_add(&c, T0, a, &l);
	CU_ASSERT_EQUAL(l.n, 2);
	arena_free(a);
}

static CU_TestInfo tests[] = {
	{ "encode", test_encode },
	{ "damage", test_damage },
	{ "recall", test_recall },
	{ "syn_wins", test_syn_wins },
	{ "add", test_add },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("audit/known", tests);
}
