#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"

static struct arena *arena;

static void finds_what_was_added(void)
{
	struct map m = { 0 };
	enum { N = 20000 };

	CU_ASSERT_PTR_NULL(map_find_str(&m, "nothing"));
	for (uint32_t i = 0; i < N; i++) {
		char key[16];
		int is_new;

		snprintf(key, sizeof(key), "key %u", i);
		map_add_str(arena, &m, key, &is_new)->val.u = i;
		CU_ASSERT_TRUE(is_new);
		memset(key, 'x', sizeof(key)); /* it was copied */
	}
	CU_ASSERT_EQUAL(m.n, N);
	for (uint32_t i = 0; i < N; i++) {
		char key[16];
		int is_new;

		snprintf(key, sizeof(key), "key %u", i);
		CU_ASSERT_PTR_NOT_NULL_FATAL(map_find_str(&m, key));
		CU_ASSERT_EQUAL_FATAL(map_find_str(&m, key)->val.u, i);
		CU_ASSERT_EQUAL(map_add_str(arena, &m, key, &is_new)->val.u, i);
		CU_ASSERT_FALSE(is_new);
		snprintf(key, sizeof(key), "kex %u", i);
		CU_ASSERT_PTR_NULL(map_find_str(&m, key));
	}
	CU_ASSERT_EQUAL(m.n, N);
}

static void keys_are_bytes(void)
{
	struct map m = { 0 };
	int is_new;

	map_add(arena, &m, "a\0b", 3, NULL)->val.u = 1;
	map_add(arena, &m, "a\0c", 3, NULL)->val.u = 2;
	map_add(arena, &m, "a", 1, NULL)->val.u = 3;
	map_add(arena, &m, "", 0, &is_new)->val.u = 4;
	CU_ASSERT_TRUE(is_new);
	CU_ASSERT_EQUAL(map_find(&m, "a\0b", 3)->val.u, 1);
	CU_ASSERT_EQUAL(map_find(&m, "a\0c", 3)->val.u, 2);
	CU_ASSERT_EQUAL(map_find_str(&m, "a")->val.u, 3);
	CU_ASSERT_EQUAL(map_find(&m, "", 0)->val.u, 4);
	CU_ASSERT_PTR_NULL(map_find(&m, "a\0", 2));
	map_add(arena, &m, "", 0, &is_new);
	CU_ASSERT_FALSE(is_new);
}

static void new_values_are_zero(void)
{
	struct map m = { 0 };

	for (uint32_t i = 0; i < 100; i++)
		CU_ASSERT_PTR_NULL(map_add(arena, &m, &i, sizeof(i), NULL)
					->val.p);
}

static void equal_lists_equal_numbers(void)
{
	struct lists l;
	uint32_t v[64], id[64];

	lists_init(arena, &l);
	CU_ASSERT_EQUAL(lists_intern(arena, &l, NULL, 0), 0);
	CU_ASSERT_EQUAL(l.len[0], 0);
	for (uint32_t i = 0; i < 64; i++)
		v[i] = i * 7;
	for (size_t n = 1; n < 64; n++)
		id[n] = lists_intern(arena, &l, v, n);
	for (size_t n = 1; n < 64; n++) {
		CU_ASSERT_EQUAL(lists_intern(arena, &l, v, n), id[n]);
		CU_ASSERT_EQUAL(l.len[id[n]], n);
		CU_ASSERT_EQUAL(memcmp(l.v[id[n]], v, n * sizeof(*v)), 0);
		for (size_t k = 1; k < n; k++)
			CU_ASSERT_NOT_EQUAL(id[k], id[n]);
	}
	CU_ASSERT_EQUAL(l.n, 64);
	CU_ASSERT_NOT_EQUAL(lists_intern(arena, &l, v + 1, 1), id[1]);
}

static void searches_sorted_lists(void)
{
	uint32_t v[32];

	for (size_t n = 0; n <= 32; n++) {
		for (uint32_t i = 0; i < n; i++)
			v[i] = 2 * i + 1;
		for (uint32_t x = 0; x < 70; x++)
			CU_ASSERT_EQUAL(!!list_has(v, n, x),
					x % 2 == 1 && x < 2 * n);
		CU_ASSERT_FALSE(list_has(v, n, UINT32_MAX));
	}
}

static CU_TestInfo tests[] = {
	{ "finds what was added", finds_what_was_added },
	{ "keys are bytes", keys_are_bytes },
	{ "new values are zero", new_values_are_zero },
	{ "equal lists, equal numbers", equal_lists_equal_numbers },
	{ "searches sorted lists", searches_sorted_lists },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int code;

	arena = arena_new();
	code = unit_run("base/map", tests);
	arena_free(arena);
	return code;
}
