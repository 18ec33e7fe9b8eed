#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/plain.h"
#include "base/vec.h"

#ifdef ARENA_GUARDED
#include <sanitizer/asan_interface.h>
#endif

static void grows_and_stays_terminated(void)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < 10000; i++) {
		buf_putc(&b, (char)('a' + i % 26));
		CU_ASSERT_EQUAL_FATAL(b.n, i + 1);
		CU_ASSERT_EQUAL_FATAL(b.s[b.n], '\0');
	}
	for (size_t i = 0; i < 10000; i++)
		CU_ASSERT_EQUAL_FATAL(b.s[i], (char)('a' + i % 26));
	buf_free(&b);
	CU_ASSERT_TRUE(!b.s && !b.n && !b.cap);
}

static void puts_pieces_together(void)
{
	struct buf b = { 0 };

	buf_puts(&b, "");
	CU_ASSERT_STRING_EQUAL(b.s, "");
	buf_puts(&b, "ab");
	buf_put(&b, "c\0d", 3);
	buf_pad(&b, '.', 2);
	buf_pad(&b, '.', 0);
	buf_printf(&b, "%s-%u", "x", 7u);
	CU_ASSERT_EQUAL(b.n, 10);
	CU_ASSERT_EQUAL(memcmp(b.s, "abc\0d..x-7", 11), 0);
	buf_free(&b);
}

static void moves_into_an_arena(void)
{
	struct arena *a = arena_new();
	struct buf b = { 0 };
	const char *s = buf_take(a, &b);

	CU_ASSERT_STRING_EQUAL(s, "");
	buf_put(&b, "a\0b", 3);
	s = buf_take(a, &b);
	CU_ASSERT_TRUE(!b.s && !b.n && !b.cap);
	CU_ASSERT_EQUAL(memcmp(s, "a\0b", 4), 0);
	arena_free(a);
}

static void prints_more_than_its_room(void)
{
	struct buf b = { 0 };
	char *many = malloc(70001);

	memset(many, 'm', 70000);
	many[70000] = '\0';
	buf_printf(&b, "<%s>", many);
	CU_ASSERT_EQUAL(b.n, 70002);
	CU_ASSERT_EQUAL(b.s[70001], '>');
	CU_ASSERT_EQUAL(strlen(b.s), 70002);
	buf_free(&b);
	free(many);
}

static void numbers_as_libc_writes_them(void)
{
	uint64_t v = 1;

	for (int i = 0; i < 200; i++) {
		struct buf b = { 0 };
		char want[24];

		v = v * UINT64_C(6364136223846793005) + (uint64_t)i;
		v >>= i % 64;
		snprintf(want, sizeof(want), "%" PRIu64, v);
		buf_u64(&b, v);
		CU_ASSERT_STRING_EQUAL(b.s, want);
		buf_free(&b);
	}
}

static void arena_gives_zeroed_aligned_memory(void)
{
	struct arena *a = arena_new();
	size_t sizes[] = { 0, 1, 15, 16, 17, 100, 5000, 100000, 3000000 };

	for (int round = 0; round < 50; round++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			unsigned char *p = arena_alloc(a, sizes[i]);
			unsigned char any = 0;

			CU_ASSERT_EQUAL_FATAL((uintptr_t)p % 16, 0);
			for (size_t k = 0; k < sizes[i]; k++)
				any |= p[k];
			CU_ASSERT_EQUAL_FATAL(any, 0);
			memset(p, 0xff, sizes[i]);
			if (round > 3 && sizes[i] > 10000)
				break;
		}
	CU_ASSERT_STRING_EQUAL(arena_strndup(a, "abcd", 2), "ab");
	CU_ASSERT_STRING_EQUAL(arena_strdup(a, ""), "");
	CU_ASSERT_STRING_EQUAL(arena_printf(a, "%d %s", -1, "x"), "-1 x");
	arena_free(a);
	arena_free(NULL);
}

static void arena_ends_where_it_was_asked_to(void)
{
	struct arena *a = arena_new();
	char *first = arena_strdup(a, "four"), *next = arena_strdup(a, "x");

	CU_ASSERT_STRING_EQUAL(first, "four");
	CU_ASSERT_STRING_EQUAL(next, "x");
#ifdef ARENA_GUARDED
	CU_ASSERT_FALSE(__asan_address_is_poisoned(first + 4));
	CU_ASSERT_TRUE(__asan_address_is_poisoned(first + 5));
	CU_ASSERT_TRUE(__asan_address_is_poisoned(next - 1));
	CU_ASSERT_TRUE(__asan_address_is_poisoned(next + 2));
#endif
	arena_free(a);
}

static void vectors_keep_their_content(void)
{
	struct arena *a = arena_new();
	VEC(uint32_t) v = { 0 };

	for (uint32_t i = 0; i < 5000; i++)
		vec_push(a, &v, i);
	CU_ASSERT_EQUAL(v.n, 5000);
	for (uint32_t i = 0; i < 5000; i++)
		CU_ASSERT_EQUAL_FATAL(v.v[i], i);
	arena_free(a);
}

static void quotes_for_a_shell_where_needed(void)
{
	static const struct {
		const char *s, *want;
	} v[] = {
		{ "a/b-c_1.xml", "a/b-c_1.xml" },
		{ "", "''" },
		{ "my plan.xml", "'my plan.xml'" },
		{ "it's", "'it'\\''s'" },
		{ "$(x)", "'$(x)'" },
		{ "~", "'~'" },
		{ "\xc3\xa4.xml", "'\xc3\xa4.xml'" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct buf b = { 0 };

		buf_shell(&b, v[i].s);
		CU_ASSERT_STRING_EQUAL(b.s, v[i].want);
		buf_free(&b);
	}
}

static CU_TestInfo tests[] = {
	{ "grows and stays terminated", grows_and_stays_terminated },
	{ "puts pieces together", puts_pieces_together },
	{ "moves into an arena", moves_into_an_arena },
	{ "prints more than its room", prints_more_than_its_room },
	{ "numbers as libc writes them", numbers_as_libc_writes_them },
	{ "quotes for a shell where needed", quotes_for_a_shell_where_needed },
	{ "arena: zeroed, aligned", arena_gives_zeroed_aligned_memory },
	{ "arena: ends where it was asked to", arena_ends_where_it_was_asked_to },
	{ "vectors keep their content", vectors_keep_their_content },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("base/buf", tests);
}
