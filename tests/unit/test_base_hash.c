#include "tests/unit/unit.h"

#include "base/hash.h"

/* Names and fingerprints in rulesets are made from these: they may never
 * change. FNV-1a's own published values, then what is ours alone. */
static void fnv_1a(void)
{
	CU_ASSERT_EQUAL(hash_bytes(HASH_INIT, "", 0),
			UINT64_C(0xcbf29ce484222325));
	CU_ASSERT_EQUAL(hash_bytes(HASH_INIT, "a", 1),
			UINT64_C(0xaf63dc4c8601ec8c));
	CU_ASSERT_EQUAL(hash_bytes(HASH_INIT, "foobar", 6),
			UINT64_C(0x85944171f73967e8));
	CU_ASSERT_EQUAL(hash_bytes(HASH_INIT, "\xff\x00", 2),
			hash_bytes(hash_bytes(HASH_INIT, "\xff", 1), "", 1));
}

static void strings_end(void)
{
	CU_ASSERT_EQUAL(hash_str(HASH_INIT, "a"), hash_bytes(HASH_INIT, "a", 2));
	CU_ASSERT_NOT_EQUAL(hash_str(hash_str(HASH_INIT, "ab"), "c"),
			    hash_str(hash_str(HASH_INIT, "a"), "bc"));
}

static void numbers_whatever_the_byte_order(void)
{
	CU_ASSERT_EQUAL(hash_u64(HASH_INIT, UINT64_C(0x0807060504030201)),
			hash_bytes(HASH_INIT, "\1\2\3\4\5\6\7\10", 8));
}

/* murmur3's finaliser, fmix64 */
static void mixer(void)
{
	CU_ASSERT_EQUAL(hash_mix(0), 0);
	CU_ASSERT_EQUAL(hash_mix(1), UINT64_C(0xb456bcfc34c2cb2c));
	CU_ASSERT_EQUAL(hash_mix(2), UINT64_C(0x3abf2a20650683e7));
	CU_ASSERT_EQUAL(hash_mix(hash_str(HASH_INIT, "portplan")),
			UINT64_C(0xcf8b7a543fe26825));
}

static CU_TestInfo tests[] = {
	{ "FNV-1a", fnv_1a },
	{ "strings end", strings_end },
	{ "numbers, whatever the byte order", numbers_whatever_the_byte_order },
	{ "mixer", mixer },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("base/hash", tests);
}
