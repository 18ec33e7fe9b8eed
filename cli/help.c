#include <string.h>

#include "cli/cli.h"

enum { WIDTH = 78, INDENT = 24 };

const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* Words of s, filled into lines that begin at an indent. */
static void fill(struct buf *out, const char *s, size_t indent, size_t at)
{
	bool first = true;

	while (*s) {
		size_t n = strcspn(s, " \n");

		if (s[n] == '\n' && !n) {
			buf_puts(out, "\n\n");
			buf_pad(out, ' ', indent);
			at = indent;
			first = true;
			s++;
			continue;
		}
		if (!first && at + 1 + n > WIDTH) {
			buf_putc(out, '\n');
			buf_pad(out, ' ', indent);
			at = indent;
			first = true;
		}
		if (!first) {
			buf_putc(out, ' ');
			at++;
		}
		buf_put(out, s, n);
		at += n;
		first = false;
		s += n + (s[n] != '\0');
	}
	buf_putc(out, '\n');
}

static void put_option(struct buf *out, const struct option_def *o)
{
	size_t start = out->n;

	if (option_letter(o))
		buf_printf(out, "  -%c, --%s", option_letter(o), o->name);
	else
		buf_printf(out, "      --%s", o->name);
	if (o->arg)
		buf_printf(out, " %s", o->arg);
	if (out->n - start > INDENT - 2) {
		buf_putc(out, '\n');
		start = out->n;
	}
	buf_pad(out, ' ', INDENT - (out->n - start));
	fill(out, o->help, INDENT, INDENT);
}

void command_help(const struct command *c, struct buf *out)
{
	static const struct option_def help = { 'h', "help", NULL, "this text" };

	buf_printf(out, "usage: portplan %s %s\n\n", c->name, c->usage);
	fill(out, c->description, 0, 0);
	buf_putc(out, '\n');
	for (size_t i = 0; i < c->n_options; i++)
		put_option(out, &c->options[i]);
	put_option(out, &help);
	if (c->examples)
		buf_printf(out, "\nexamples:\n%s", c->examples);
}

void program_help(struct buf *out)
{
	buf_puts(out,
		 "portplan: what may talk to what, in rules and on the wire\n\n"
		 "usage: portplan COMMAND [OPTION...] ARGUMENT...\n\n");
	for (size_t i = 0; i < n_commands; i++)
		buf_printf(out, "  %-10s %s\n", commands[i]->name,
			   commands[i]->summary);
	buf_puts(out,
		 "\nexamples:\n"
		 "  portplan matrix topology.xml\n"
		 "  portplan explain topology.xml fe1 dc1 tcp/389\n"
		 "  portplan gen topology.xml -d rules\n"
		 "\n\"portplan help COMMAND\" tells about one of them.\n"
		 "exit codes:\n");
	for (int i = 0; i < N_EXIT_CODES; i++)
		buf_printf(out, "  %d  %s\n", i, exit_meaning[i]);
}
