#include <ctype.h>
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

	if (o->letter)
		buf_printf(out, "  -%c, --%s", o->letter, o->name);
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
		 "exit codes: 0 clean, equal or allowed; 1 findings, "
		 "differences or denied;\n"
		 "2 bad input, usage or I/O; 3 could not decide, or incomplete\n");
}

/* ---- manual pages, in man(7) ------------------------------------------------ */

static void roff(struct buf *out, const char *s)
{
	bool line_start = true;

	for (; *s; s++) {
		if (line_start && (*s == '.' || *s == '\''))
			buf_puts(out, "\\&");
		if (*s == '\\')
			buf_puts(out, "\\e");
		else if (*s == '-')
			buf_puts(out, "\\-");
		else
			buf_putc(out, *s);
		line_start = *s == '\n';
	}
}

static void upper(struct buf *out, const char *s)
{
	for (; *s; s++)
		buf_putc(out, (char)toupper((unsigned char)*s));
}

static void man_title(struct buf *out, const char *name, const char *summary)
{
	buf_puts(out, ".TH PORTPLAN");
	if (name) {
		buf_putc(out, '-');
		upper(out, name);
	}
	buf_puts(out, " 1\n.SH NAME\nportplan");
	if (name)
		buf_printf(out, "\\-%s", name);
	buf_puts(out, " \\- ");
	roff(out, summary);
	buf_puts(out, "\n");
}

void command_page(const struct command *c, struct buf *out)
{
	man_title(out, c->name, c->summary);
	buf_printf(out, ".SH SYNOPSIS\n.B portplan %s\n", c->name);
	roff(out, c->usage);
	buf_puts(out, "\n.SH DESCRIPTION\n");
	for (const char *s = c->description; *s;) {
		size_t n = strcspn(s, "\n");
		struct buf line = { 0 };

		buf_put(&line, s, n);
		roff(out, line.s);
		buf_puts(out, "\n");
		buf_free(&line);
		s += n;
		if (*s)
			buf_puts(out, ".PP\n");
		s += strspn(s, "\n");
	}
	if (c->n_options)
		buf_puts(out, ".SH OPTIONS\n");
	for (size_t i = 0; i < c->n_options; i++) {
		const struct option_def *o = &c->options[i];

		buf_puts(out, ".TP\n.B ");
		if (o->letter)
			buf_printf(out, "\\-%c, ", o->letter);
		buf_puts(out, "\\-\\-");
		roff(out, o->name);
		if (o->arg)
			buf_printf(out, " \\fI%s\\fR", o->arg);
		buf_putc(out, '\n');
		roff(out, o->help);
		buf_putc(out, '\n');
	}
	if (c->examples) {
		buf_puts(out, ".SH EXAMPLES\n.nf\n");
		roff(out, c->examples);
		buf_puts(out, ".fi\n");
	}
	buf_puts(out, ".SH SEE ALSO\n.BR portplan (1)\n");
}

void program_man(struct buf *out)
{
	man_title(out, NULL, "what may talk to what, in rules and on the wire");
	buf_puts(out, ".SH SYNOPSIS\n.B portplan\n\\fICOMMAND\\fR "
		      "[\\fIOPTION\\fR...] \\fIARGUMENT\\fR...\n"
		      ".SH COMMANDS\n");
	for (size_t i = 0; i < n_commands; i++) {
		buf_printf(out, ".TP\n.B %s\n", commands[i]->name);
		roff(out, commands[i]->summary);
		buf_putc(out, '\n');
	}
	buf_puts(out, ".SH EXIT STATUS\n"
		      "0: clean, equal or allowed; 1: findings, differences or "
		      "denied; 2: bad input, usage or I/O, nothing changed; 3: "
		      "could not decide, or observation incomplete.\n"
		      ".SH ENVIRONMENT\n.TP\n.B PORTPLAN_TEMPLATES\n"
		      "directories, separated by colons, that are searched for "
		      "templates before the built\\-in ones.\n");
}

static int cmd_man(struct args *a)
{
	const char *name = a->operands.n && strcmp(a->operands.v[0],
						   "portplan") ?
		a->operands.v[0] : NULL;
	const struct command *c = name ? find_command(name) : NULL;
	struct buf b = { 0 };
	int code;

	if (name && !c)
		return complain(a, "there is no command \"%s\"", name);
	if (c)
		command_page(c, &b);
	else
		program_man(&b);
	code = put_out(a, &b);
	buf_free(&b);
	return code;
}

const struct command command_man = {
	.name = "man",
	.run = cmd_man,
	.usage = "[COMMAND]",
	.summary = "print a manual page, for man -l -",
	.description = "Prints the manual page of portplan or of one "
			 "command, in the man macros.",
	.no_topology = true,
	.max_args = 1,
};
