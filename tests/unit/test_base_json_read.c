#include <string.h>

#include "base/json_read.h"
#include "tests/unit/unit.h"

struct read {
	struct arena *a;
	struct diags d;
	struct source src;
	struct json_value *v;
};

static struct read read_bytes(const char *s, size_t n)
{
	struct read r = { .a = arena_new() };

	diags_init(&r.d, r.a);
	r.src = (struct source){ .name = "f", .len = n, .order = 1 };
	r.src.text = arena_strndup(r.a, s, n);
	r.v = json_read(r.a, &r.src, &r.d);
	return r;
}

static struct read read_text(const char *s)
{
	return read_bytes(s, strlen(s));
}

static void values(void)
{
	struct read r = read_text(" {\"a\": [1, -2.5e2, true, null], "
				  "\"b\": {\"c\": \"d\"}, \"e\": []} \n");
	const struct json_value *a, *x;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r.v);
	a = json_get(r.v, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	x = a->first;
	CU_ASSERT_EQUAL(x->num, 1);
	x = x->next;
	CU_ASSERT_EQUAL(x->num, -250);
	x = x->next;
	CU_ASSERT(x->type == JSON_BOOL && x->truth);
	x = x->next;
	CU_ASSERT(x->type == JSON_NULL && !x->next);
	CU_ASSERT_STRING_EQUAL(json_get(json_get(r.v, "b"), "c")->str, "d");
	CU_ASSERT_PTR_NULL(json_get(r.v, "e")->first);
	CU_ASSERT_PTR_NULL(json_get(r.v, "f"));
	CU_ASSERT_PTR_NULL(json_get(a, "a"));
	arena_free(r.a);
}

/* RFC 8259, 7 */
static void texts(void)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} t[] = {
		{ "\"\"", "" },
		{ "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t" },
		{ "\"\\u0041\\u00e4\\u20AC\"", "A\xc3\xa4\xe2\x82\xac" },
		{ "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80" },
		{ "\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80" },
		{ "\"\\ud83d\"", NULL }, { "\"\\ude00\"", NULL },
		{ "\"\\ud83dx\"", NULL }, { "\"\\ud83d\\u0041\"", NULL },
		{ "\"\\u0000\"", NULL }, { "\"\\u00g0\"", NULL },
		{ "\"\\u00\"", NULL }, { "\"\\x\"", NULL }, { "\"\\", NULL },
		{ "\"a", NULL }, { "\"\x80\"", NULL }, { "\"\xc3\"", NULL },
		{ "\"a\nb\"", NULL }, { "\"\x1b[1m\"", NULL },
		{ "\"\\u002-\"", NULL }, { "\"\\u 041\"", NULL },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct read r = read_text(t[i].in);

		CU_ASSERT_EQUAL(!r.v, !t[i].out);
		if (r.v && t[i].out)
			CU_ASSERT_STRING_EQUAL(r.v->str, t[i].out);
		CU_ASSERT_EQUAL(r.d.n_errors, !t[i].out);
		arena_free(r.a);
	}
}

static void what_is_no_json(void)
{
	static const char *const t[] = {
		"", " ", "{", "[", "[1", "[1,", "[1,]", "[1 2]", "{\"a\"}",
		"{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}",
		"{\"a\":1,\"a\":2}", "01", "-", "1.", ".5", "1e", "+1", "tru",
		"nul", "True", "1 2", "{} x", "'a'", "NaN", "[1]]", "\xef",
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct read r = read_text(t[i]);

		CU_ASSERT_PTR_NULL(r.v);
		CU_ASSERT_EQUAL(r.d.n_errors, 1);
		arena_free(r.a);
	}
}

/* Every beginning of a document is refused, and read no further. */
static void cut_short(void)
{
	static const char whole[] = "{\"a\":[1,2.5,\"x\\u0041\",{\"b\":null}]}";

	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		struct read r = read_bytes(whole, n);

		CU_ASSERT_PTR_NULL(r.v);
		CU_ASSERT_EQUAL(r.d.n_errors, 1);
		arena_free(r.a);
	}
}

static void depth(void)
{
	char s[131];
	struct read r;

	memset(s, '[', 64);
	memset(s + 64, ']', 64);
	s[128] = '\0';
	r = read_text(s);
	CU_ASSERT_PTR_NOT_NULL(r.v);
	arena_free(r.a);
	memset(s, '[', 65);
	memset(s + 65, ']', 65);
	s[130] = '\0';
	r = read_text(s);
	CU_ASSERT_PTR_NULL(r.v);
	arena_free(r.a);
}

static void needs(void)
{
	struct read r = read_text("{\"n\": 5, \"s\": \"x\", \"z\": null, "
				  "\"big\": 1e300}");

	CU_ASSERT_EQUAL(json_need_int(r.v, "n", &r.d), 5);
	CU_ASSERT_STRING_EQUAL(json_need_str(r.v, "s", &r.d), "x");
	CU_ASSERT_PTR_NULL(json_need_str(r.v, "z", &r.d));
	CU_ASSERT_EQUAL(r.d.n_errors, 0);
	CU_ASSERT_EQUAL(json_need_int(r.v, "s", &r.d), 0);
	CU_ASSERT_STRING_EQUAL(json_need_str(r.v, "n", &r.d), "");
	CU_ASSERT_EQUAL(json_need_int(r.v, "big", &r.d), 0);
	CU_ASSERT(!json_need_bool(r.v, "none", &r.d));
	CU_ASSERT_PTR_NULL(json_need(r.v, "n", JSON_ARRAY, &r.d)->first);
	CU_ASSERT_EQUAL(r.d.n_errors, 5);
	CU_ASSERT_STRING_EQUAL(r.d.v[0].msg, "\"s\" is a text, where a number "
			       "is meant");
	CU_ASSERT_STRING_EQUAL(r.d.v[3].msg, "\"none\" (true or false) is "
			       "missing here");
	arena_free(r.a);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{ "values", values },
		{ "texts", texts },
		{ "what is no JSON", what_is_no_json },
		{ "cut short", cut_short },
		{ "depth", depth },
		{ "members that must be there", needs },
		CU_TEST_INFO_NULL,
	};

	return unit_run("base/json_read", tests);
}
