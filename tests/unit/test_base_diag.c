#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/diag.h"

static struct arena *arena;

static struct source source(const char *name, const char *text, unsigned order)
{
	return (struct source){ name, text, strlen(text), order };
}

/* The span of the first occurrence of word. */
static struct span at(const struct source *s, const char *word)
{
	return (struct span){ s, (uint32_t)(strstr(s->text, word) - s->text),
			      (uint32_t)strlen(word) };
}

static void check_printed(struct diags *d, size_t most, const char *want)
{
	struct buf b = { 0 };

	diags_print(d, &b, most);
	CU_ASSERT_STRING_EQUAL(b.s ? b.s : "", want);
	buf_free(&b);
}

static void positions(void)
{
	static const char text[] = "<a>\n\t<b c=\"\xc3\xa4\xe2\x82\xac x\"/>\n\n</a>";
	static const struct {
		const char *word;
		unsigned line, col, end;
	} t[] = {
		{ "<a>", 1, 1, 3 },
		{ "<b", 2, 2, 3 },
		{ "\xc3\xa4\xe2\x82\xac", 2, 8, 9 }, /* two characters */
		{ "x", 2, 11, 11 },
		{ "/>", 2, 13, 14 },
		{ "</a>", 4, 1, 4 },
	};
	struct source s = source("t.xml", text, 0);
	unsigned line, col, end;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		span_position(at(&s, t[i].word), &line, &col, &end);
		CU_ASSERT_EQUAL(line, t[i].line);
		CU_ASSERT_EQUAL(col, t[i].col);
		CU_ASSERT_EQUAL(end, t[i].end);
	}
	span_position((struct span){ &s, (uint32_t)s.len, 5 }, &line, &col,
		      &end);
	CU_ASSERT_TRUE(line == 4 && col == 5 && end == 5);
}

static void layout(void)
{
	struct source s = source("t.xml", "<t>\n\t<host adress=\"\xc3\xa4\" "
					  "x=\"1\"/>\n</t>\n", 0);
	struct diags d;

	diags_init(&d, arena);
	diag_add(&d, SEV_ERROR, at(&s, "adress"), "unknown \"%s\"", "adress");
	diag_add2(&d, SEV_WARNING, at(&s, "x="), at(&s, "<t>"), "from here",
		  "odd");
	diag_add(&d, SEV_NOTE, (struct span){ &s, 4, 0 }, "here");
	CU_ASSERT_EQUAL(d.n_errors, 1);
	CU_ASSERT_EQUAL(d.n_warnings, 1);
	check_printed(&d, 10,
		"t.xml:2:8-13: Error: unknown \"adress\"\n"
		"\t<host adress=\"\xc3\xa4\" x=\"1\"/>\n"
		"\t      ^^^^^^\n"
		"t.xml:2:1: Note: here\n"
		"\t<host adress=\"\xc3\xa4\" x=\"1\"/>\n"
		"^\n"
		"t.xml:2:19-20: Warning: odd\n"
		"\t<host adress=\"\xc3\xa4\" x=\"1\"/>\n"
		"\t                 ^^\n"
		"t.xml:1:1-3: from here\n"
		"<t>\n"
		"^^^\n");
}

static void without_a_place(void)
{
	struct source unread = { "gone.xml", NULL, 0, 0 };
	struct source empty = source("empty.xml", "", 1);
	struct diags d;

	diags_init(&d, arena);
	diag_add(&d, SEV_ERROR, (struct span){ 0 }, "no command");
	diag_add(&d, SEV_ERROR, (struct span){ &unread, 0, 0 }, "cannot read");
	diag_add(&d, SEV_ERROR, (struct span){ &empty, 0, 0 }, "is empty");
	check_printed(&d, 10,
		"Error: no command\n"
		"gone.xml: Error: cannot read\n"
		"empty.xml:1:1: Error: is empty\n");
}

static void sorted_by_place_errors_first(void)
{
	struct source s = source("1.xml", "abcdef\n", 0);
	struct source o = source("0.xml", "abcdef\n", 1); /* read later */
	struct diags d;

	diags_init(&d, arena);
	diag_add(&d, SEV_ERROR, at(&o, "a"), "third");
	diag_add(&d, SEV_ERROR, at(&s, "d"), "second");
	diag_add(&d, SEV_WARNING, at(&s, "a"), "fourth");
	diag_add(&d, SEV_ERROR, at(&s, "b"), "first");
	diag_add(&d, SEV_ERROR, at(&s, "d"), "second, said later");
	check_printed(&d, 10,
		"1.xml:1:2: Error: first\nabcdef\n ^\n"
		"1.xml:1:4: Error: second\nabcdef\n   ^\n"
		"1.xml:1:4: Error: second, said later\nabcdef\n   ^\n"
		"0.xml:1:1: Error: third\nabcdef\n^\n"
		"1.xml:1:1: Warning: fourth\nabcdef\n^\n");
	check_printed(&d, 1,
		"1.xml:1:2: Error: first\nabcdef\n ^\n"
		"and 3 more errors, 1 more warnings\n");
	check_printed(&d, 4,
		"1.xml:1:2: Error: first\nabcdef\n ^\n"
		"1.xml:1:4: Error: second\nabcdef\n   ^\n"
		"1.xml:1:4: Error: second, said later\nabcdef\n   ^\n"
		"0.xml:1:1: Error: third\nabcdef\n^\n"
		"and 0 more errors, 1 more warnings\n");
}

/* A megabyte in one line is not shown whole, and the caret stays under it. */
static void long_lines(void)
{
	size_t n = 1000000;
	char *text = arena_alloc(arena, n + 1);
	struct source s = { "long.xml", text, n, 0 };
	struct buf b = { 0 };
	struct diags d;
	char *line, *caret;

	memset(text, '.', n);
	memcpy(text + 500000, "XYZ", 3);
	diags_init(&d, arena);
	diag_add(&d, SEV_ERROR, (struct span){ &s, 500000, 3 }, "found");
	diags_print(&d, &b, 10);
	CU_ASSERT_TRUE_FATAL(b.n < 1000);
	CU_ASSERT_EQUAL(strncmp(b.s, "long.xml:1:500001-500003: Error: found\n",
				39), 0);
	line = strchr(b.s, '\n') + 1;
	caret = strchr(line, '\n') + 1;
	CU_ASSERT_EQUAL(strstr(line, "XYZ") - line,
			strchr(caret, '^') - caret);
	CU_ASSERT_STRING_EQUAL(strchr(caret, '^'), "^^^\n");
	buf_free(&b);
}

/* The cut of a long line never falls into a character, at either end. */
static void long_lines_of_utf8(void)
{
	for (unsigned shift = 0; shift < 6; shift++) {
		char text[2000] = "";
		struct source s = { "u.xml", text, 0, 0 };
		struct buf b = { 0 };
		struct diags d;
		const char *line, *end;

		memset(text, 'x', shift % 3);
		for (int i = 0; i < 400; i++)
			strcat(text, i != 200 || shift < 3 ? "\xe2\x82\xac" :
				     &"xx!"[shift - 3]);
		strcat(text, "!");
		s.len = strlen(text);
		diags_init(&d, arena);
		diag_add(&d, SEV_ERROR, at(&s, "!"), "found");
		diags_print(&d, &b, 10);
		line = strchr(b.s, '\n') + 1;
		end = strchr(line, '\n');
		CU_ASSERT_NOT_EQUAL((unsigned char)line[0] & 0xc0, 0x80);
		if (end[-1] != '!')
			CU_ASSERT_EQUAL(memcmp(end - 3, "\xe2\x82\xac", 3), 0);
		buf_free(&b);
	}
}

static void no_control_characters_on_the_terminal(void)
{
	struct source s = source("c.xml", "a\x1b[31mb\x7f\r\n", 0);
	struct diags d;

	diags_init(&d, arena);
	diag_add(&d, SEV_ERROR, at(&s, "b"), "name \"%s\"", "\x1b]0;x\a\n");
	check_printed(&d, 10, "c.xml:1:7: Error: name \"?]0;x??\"\n"
			      "a?[31mb??\n"
			      "      ^\n");
}

static void a_message_of_any_length(void)
{
	char *many = arena_alloc(arena, 10001);
	struct diags d;

	memset(many, 'm', 10000);
	diags_init(&d, arena);
	for (int i = 0; i < 1000; i++)
		diag_add(&d, SEV_ERROR, (struct span){ 0 }, "%s", many);
	CU_ASSERT_EQUAL(d.n, 1000);
	CU_ASSERT_EQUAL(strlen(d.v[999].msg), 10000);
}

static void nearest_names(void)
{
	static const char *const names[] = {
		"address", "roles", "name", "networks", "dc1", "dc2",
	};
	static const struct {
		const char *s, *near;
	} t[] = {
		{ "adress", "address" },
		{ "nmae", "name" }, /* two letters swapped count once */
		{ "role", "roles" },
		{ "NETWORKS", "networks" },
		{ "network", "networks" },
		{ "dc3", "dc1" }, /* the first of equals */
		{ "dc22", "dc2" },
		{ "x", NULL },
		{ "zone", NULL },
		{ "", NULL },
	};
	char many[200];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *near = nearest_name(t[i].s, names, 6);

		if (t[i].near) {
			CU_ASSERT_PTR_NOT_NULL_FATAL(near);
			CU_ASSERT_STRING_EQUAL(near, t[i].near);
		} else {
			CU_ASSERT_PTR_NULL(near);
		}
	}
	memset(many, 'n', 199);
	many[199] = '\0';
	CU_ASSERT_PTR_NULL(nearest_name(many, names, 6));
	CU_ASSERT_PTR_NULL(nearest_name("name", names, 0));
}

static CU_TestInfo tests[] = {
	{ "positions", positions },
	{ "layout", layout },
	{ "without a place", without_a_place },
	{ "sorted by place, errors first", sorted_by_place_errors_first },
	{ "long lines", long_lines },
	{ "long lines of UTF-8", long_lines_of_utf8 },
	{ "no control characters", no_control_characters_on_the_terminal },
	{ "a message of any length", a_message_of_any_length },
	{ "nearest names", nearest_names },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int code;

	arena = arena_new();
	code = unit_run("base/diag", tests);
	arena_free(arena);
	return code;
}
