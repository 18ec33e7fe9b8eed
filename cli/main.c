#include <signal.h>
#include <string.h>

#include <libxml/xmlversion.h>

#include "base/plain.h"
#include "cli/cli.h"
#include "cli/complete.h"

/* What no command of the table prints; frees it. */
static int print_as(const char *name, struct buf *b)
{
	const struct command c = { .name = name };
	int code = put_out(&(struct args){ .cmd = &c }, b);

	buf_free(b);
	return code;
}

static int version(void)
{
	struct buf b = { 0 };

	buf_puts(&b, "portplan " PORTPLAN_VERSION " (libxml2 "
		 LIBXML_DOTTED_VERSION ")\n");
	return print_as("--version", &b);
}

static int no_command(const char *name)
{
	struct buf plain = { 0 };
	const char *names[64];
	size_t n = 0;
	const char *near;

	for (size_t i = 0; i < n_commands && n < 63; i++)
		names[n++] = commands[i]->name;
	names[n++] = "help";
	near = strcmp(name, "help") ? nearest_name(name, names, n) : NULL;
	buf_plain(&plain, name, strlen(name), 0);
	fprintf(stderr, "portplan: there is no command \"%s\"",
		plain.s ? plain.s : "");
	buf_free(&plain);
	if (near)
		fprintf(stderr, "; did you mean \"%s\"?", near);
	fprintf(stderr, "\nportplan: \"portplan help\" lists them\n");
	return EXIT_BAD;
}

/* For the shells' completion: what may stand at the end of a line. */
static void complete(int argc, char **argv, struct buf *out)
{
	struct arena *a = arena_new();

	complete_line(a, argv, (size_t)argc, out);
	arena_free(a);
}

static int help(int argc, char **argv)
{
	const struct command *c;
	struct buf b = { 0 };

	if (argc > 2 && !strcmp(argv[2], "--complete")) {
		complete(argc - 3, argv + 3, &b);
	} else if (argc > 2 && !strcmp(argv[2], "--names")) {
		for (size_t i = 0; i < n_commands; i++)
			buf_printf(&b, "%s\n", commands[i]->name);
	} else if (argc > 2 && strcmp(argv[2], "help")) {
		c = find_command(argv[2]);
		if (!c)
			return no_command(argv[2]);
		command_help(c, &b);
	} else {
		program_help(&b);
	}
	return print_as("help", &b);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct args a = { .cmd = c, .arena = arena_new() };
	int code;

	if (args_parse(&a, argc, argv, &code))
		code = c->run(&a);
	arena_free(a.arena);
	return code;
}

int main(int argc, char **argv)
{
	const struct command *c;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		struct buf b = { 0 };

		program_help(&b);
		fwrite(b.s, 1, b.n, stderr);
		buf_free(&b);
		return EXIT_BAD;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") ||
	    !strcmp(argv[1], "-h"))
		return help(argc, argv);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return version();
	c = find_command(argv[1]);
	if (!c)
		return no_command(argv[1]);
	return run(c, argc - 1, argv + 1);
}
