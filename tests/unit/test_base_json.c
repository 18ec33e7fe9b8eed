#include "tests/unit/unit.h"

#include "base/json.h"

static void quotes(void)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", "\"\"" },
		{ "fe1", "\"fe1\"" },
		{ "a\"b\\c/", "\"a\\\"b\\\\c/\"" },
		{ "a\nb\tc\x01\x1f\x7f", "\"a\\u000ab\\u0009c\\u0001\\u001f"
					 "\\u007f\"" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		  "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf b = { 0 };

		json_quote(&b, t[i].in);
		CU_ASSERT_STRING_EQUAL(b.s, t[i].out);
		buf_free(&b);
	}
}

/* RFC 3629, 3 and 4: no overlong forms, no surrogates, nothing above 10ffff;
 * what follows a bad byte is read again. */
static void bytes_that_are_no_utf8(void)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "\x80z", "\"\\ufffdz\"" },
		{ "\xff", "\"\\ufffd\"" },
		{ "\xc3", "\"\\ufffd\"" },
		{ "\xc3z", "\"\\ufffdz\"" },
		{ "\xe2\x82", "\"\\ufffd\\ufffd\"" },
		{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
		{ "\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf0\x8f\xbf\xbf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"" },
		{ "\xed\x9f\xbf", "\"\xed\x9f\xbf\"" },
		{ "\xf5\x80\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xc3\"", "\"\\ufffd\\\"\"" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf b = { 0 };

		json_quote(&b, t[i].in);
		CU_ASSERT_STRING_EQUAL(b.s, t[i].out);
		buf_free(&b);
	}
}

static void write_some(struct json *j)
{
	json_object(j, NULL);
	json_str(j, "name", "fe1");
	json_str(j, "none", NULL);
	json_int(j, "count", -5);
	json_bool(j, "on", true);
	json_array(j, "list");
	json_int(j, NULL, 1);
	json_object(j, NULL);
	json_end_object(j);
	json_array(j, NULL);
	json_end_array(j);
	json_end_array(j);
	json_end_object(j);
}

static void indents(void)
{
	struct buf b = { 0 };
	struct json j = { .out = &b };

	write_some(&j);
	CU_ASSERT_STRING_EQUAL(b.s,
		"{\n"
		"  \"name\": \"fe1\",\n"
		"  \"none\": null,\n"
		"  \"count\": -5,\n"
		"  \"on\": true,\n"
		"  \"list\": [\n"
		"    1,\n"
		"    {},\n"
		"    []\n"
		"  ]\n"
		"}\n");
	buf_free(&b);
}

/* One value a line, and again. */
static void compact_lines(void)
{
	struct buf b = { 0 };
	struct json j = { .out = &b, .compact = true };

	write_some(&j);
	write_some(&j);
	CU_ASSERT_STRING_EQUAL(b.s,
		"{\"name\":\"fe1\",\"none\":null,\"count\":-5,\"on\":true,"
		"\"list\":[1,{},[]]}\n"
		"{\"name\":\"fe1\",\"none\":null,\"count\":-5,\"on\":true,"
		"\"list\":[1,{},[]]}\n");
	buf_free(&b);
}

static CU_TestInfo tests[] = {
	{ "quotes", quotes },
	{ "bytes that are no UTF-8", bytes_that_are_no_utf8 },
	{ "indents", indents },
	{ "compact lines", compact_lines },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("base/json", tests);
}
