#include <string.h>

#include "cli/cli.h"
#include "topology/format.h"

struct formatted {
	const char *path;
	struct buf text;
	bool changed;
};

/* What was read is compared without a byte order mark and carriage returns:
 * the source has neither. Files that have them are changed. */
static bool as_it_was(const char *path, const struct buf *text)
{
	char tmp[4096];
	size_t at = 0, n;
	bool same = true;
	FILE *f = fopen(path, "re");

	while (f && same && (n = fread(tmp, 1, sizeof(tmp), f)) > 0) {
		same = at + n <= text->n && !memcmp(text->s + at, tmp, n);
		at += n;
	}
	if (f)
		fclose(f);
	return f && same && at == text->n;
}

static int format_one(struct formatted *out)
{
	struct arena *arena = arena_new();
	struct source *src;
	struct diags d;
	bool done = false;

	diags_init(&d, arena);
	src = source_read(arena, out->path, "topology", (struct span){ 0 }, &d);
	if (src)
		done = format_source(arena, src, &d, &out->text);
	print_diags(&d);
	if (done)
		out->changed = strcmp(out->path, "-") ?
			!as_it_was(out->path, &out->text) :
			out->text.n != src->len ||
			memcmp(out->text.s, src->text, src->len);
	arena_free(arena);
	return done ? EXIT_OK : EXIT_BAD;
}

static int say_changed(struct args *a, const struct formatted *v, size_t n)
{
	struct buf b = { 0 };
	int code;

	for (size_t i = 0; i < n; i++)
		if (v[i].changed)
			buf_printf(&b, "%s\n", v[i].path);
	code = put_out(a, &b);
	if (code == EXIT_OK && b.n)
		code = EXIT_FINDINGS;
	buf_free(&b);
	return code;
}

static int write_over(struct args *a, struct formatted *v, size_t n)
{
	VEC(struct file_out) files = { 0 };
	int code;

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(v[i].path, "-"))
			return complain(a, "standard input cannot be written "
					"over");
		if (v[i].changed)
			vec_push(a->arena, &files, (struct file_out){
					.path = v[i].path, .text = &v[i].text,
					.over_input = true });
	}
	code = write_files(a, files.v, files.n);
	for (size_t i = 0; i < files.n && code == EXIT_OK; i++)
		fprintf(stderr, "%s written\n", files.v[i].path);
	return code;
}

static int cmd_fmt(struct args *a)
{
	size_t n = a->operands.n;
	struct formatted *v = ARENA_ARRAY(a->arena, struct formatted, n);
	bool check = arg_given(a, "check"), over = arg_given(a, "write");
	int code = EXIT_OK;

	if (check && over)
		return complain(a, "--check writes nothing, --write does: say "
				"one of them");
	if (n > 1 && !check && !over)
		return complain(a, "several files: say --write or --check");
	for (size_t i = 0; i < n; i++) {
		v[i].path = a->operands.v[i];
		if (format_one(&v[i]) != EXIT_OK)
			code = EXIT_BAD;
	}
	if (code == EXIT_OK)
		code = check ? say_changed(a, v, n) :
		       over ? write_over(a, v, n) : put_out(a, &v[0].text);
	for (size_t i = 0; i < n; i++)
		buf_free(&v[i].text);
	return code;
}

static const struct option_def fmt_options[] = {
	{ 'w', "write", NULL, "write the file over, whole or not at all" },
	{ 0, "check", NULL, "write nothing; name the files that would change, "
			    "and exit 1 if there are any" },
};

const struct command command_fmt = {
	.name = "fmt",
	.run = cmd_fmt,
	.usage = "FILE.xml... [--write | --check]",
	.summary = "write a topology as it should be written",
	.description =
	  "Writes a topology, template or waivers file anew: the name first "
	  "and the other attributes in the order of the manual, lists with single blanks, two spaces a "
	  "level, long tags broken and aligned. Comments, empty lines between "
	  "elements and attributes of other namespaces stay, and so does what "
	  "the file means. A bundle stays as it is. It goes to standard output unless --write is "
	  "given. What is no XML is refused with its place.",
	OPTIONS(fmt_options),
	.examples = "  portplan fmt topology.xml\n"
		    "  portplan fmt --write topology.xml hosts.xml\n"
		    "  portplan fmt --check *.xml\n",
	.min_args = 1,
	.max_args = 1000,
	.no_topology = true,
};
