#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"
#include "topology/schema.h"

/*
 * Manual pages in man(7): of the program and of each command from the table
 * of commands, of the format from the schema's table.
 */
enum { LINE = 72 };

/* ---- roff -------------------------------------------------------------------------- */

static void put_word(struct buf *out, const char *s, size_t n, bool first)
{
	if (first && n && strchr(".'", *s))
		buf_puts(out, "\\&");
	for (size_t i = 0; i < n; i++)
		switch (s[i]) {
		case '\\': buf_puts(out, "\\e"); break;
		case '-': buf_puts(out, "\\-"); break;
		case '\'': buf_puts(out, "\\(aq"); break;
		case '^': buf_puts(out, "\\(ha"); break;
		case '~': buf_puts(out, "\\(ti"); break;
		case '`': buf_puts(out, "\\(ga"); break;
		default: buf_putc(out, s[i]);
		}
}

/* Words in lines of the source; a sentence begins on a new one. */
static void put_text(struct buf *out, const char *s)
{
	size_t at = 0;

	while (*s) {
		size_t n;

		s += strspn(s, " \n");
		n = strcspn(s, " \n");
		if (!n)
			break;
		if (at && at + 1 + n > LINE) {
			buf_putc(out, '\n');
			at = 0;
		}
		if (at)
			buf_putc(out, ' ');
		put_word(out, s, n, !at);
		at += n + 1;
		if (strchr(".?!:", s[n - 1]) && s[n] == ' ') {
			buf_putc(out, '\n');
			at = 0;
		}
		s += n;
	}
	if (at)
		buf_putc(out, '\n');
}

/* Paragraphs are lines of the text. */
static void put_paragraphs(struct buf *out, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n");
		struct buf line = { 0 };

		buf_put(&line, s, n);
		put_text(out, line.s ? line.s : "");
		buf_free(&line);
		s += n;
		s += strspn(s, "\n");
		if (*s)
			buf_puts(out, ".PP\n");
	}
}

/* As it stands. */
static void put_lines(struct buf *out, const char *s)
{
	buf_puts(out, ".nf\n");
	while (*s) {
		size_t n = strcspn(s, "\n");

		put_word(out, s, n, true);
		buf_putc(out, '\n');
		s += n + (s[n] != '\0');
	}
	buf_puts(out, ".fi\n");
}

static void put_title(struct buf *out, const char *name, int section,
		      const char *summary)
{
	buf_puts(out, ".TH PORTPLAN");
	if (name)
		buf_putc(out, '-');
	for (const char *s = name ? name : ""; *s; s++)
		buf_putc(out, (char)toupper((unsigned char)*s));
	buf_printf(out, " %d %s \"portplan %s\"\n.SH NAME\nportplan", section,
		   PORTPLAN_DATE, PORTPLAN_VERSION);
	if (name)
		buf_printf(out, "\\-%s", name);
	buf_puts(out, " \\- ");
	put_text(out, summary);
}

/* ---- commands ------------------------------------------------------------------------ */

static void put_exit_status(struct buf *out)
{
	buf_puts(out, ".SH EXIT STATUS\n");
	for (int i = 0; i < N_EXIT_CODES; i++)
		buf_printf(out, ".TP\n%d\n%s\n", i, exit_meaning[i]);
}

static void put_option(struct buf *out, const struct option_def *o)
{
	buf_puts(out, ".TP\n");
	if (option_letter(o))
		buf_printf(out, "\\fB\\-%c\\fR, ", option_letter(o));
	buf_puts(out, "\\fB\\-\\-");
	put_word(out, o->name, strlen(o->name), false);
	buf_puts(out, "\\fR");
	if (o->arg) {
		buf_puts(out, " \\fI");
		put_word(out, o->arg, strlen(o->arg), false);
		buf_puts(out, "\\fR");
	}
	buf_putc(out, '\n');
	put_text(out, o->help);
}

static void command_page(const struct command *c, struct buf *out)
{
	put_title(out, c->name, 1, c->summary);
	buf_printf(out, ".SH SYNOPSIS\n.B portplan %s\n", c->name);
	put_text(out, c->usage);
	buf_puts(out, ".SH DESCRIPTION\n");
	put_paragraphs(out, c->description);
	if (c->n_options)
		buf_puts(out, ".SH OPTIONS\n");
	for (size_t i = 0; i < c->n_options; i++)
		put_option(out, &c->options[i]);
	put_exit_status(out);
	if (c->examples) {
		buf_puts(out, ".SH EXAMPLES\n");
		put_lines(out, c->examples);
	}
	buf_puts(out, ".SH SEE ALSO\n.BR portplan (1),\n"
		      ".BR portplan\\-topology (5)\n");
}

static void program_page(struct buf *out)
{
	put_title(out, NULL, 1,
		  "what may talk to what, in rules and on the wire");
	buf_puts(out, ".SH SYNOPSIS\n.B portplan\n\\fICOMMAND\\fR "
		      "[\\fIOPTION\\fR...] \\fIARGUMENT\\fR...\n"
		      ".SH DESCRIPTION\n");
	put_paragraphs(out,
		"portplan reads a description of a network, its zones, hosts "
		"with their roles, and the firewalls between them, and "
		"compiles it into a plan: who may open which ports to whom, "
		"and why. The plan is written as a port matrix and as "
		"nftables rulesets, held against rulesets that exist, and "
		"against traffic.\n"
		"Knowledge of products is in templates, with its sources; a "
		"topology names them. \"portplan new\" writes one to start "
		"from.");
	buf_puts(out, ".SH COMMANDS\n");
	for (size_t i = 0; i < n_commands; i++) {
		buf_printf(out, ".TP\n.BR portplan\\-%s (1)\n",
			   commands[i]->name);
		put_text(out, commands[i]->summary);
	}
	put_exit_status(out);
	buf_puts(out, ".SH ENVIRONMENT\n.TP\n.B PORTPLAN_TEMPLATES\n");
	put_text(out, "directories, separated by colons, that are searched for "
		 "templates before the built-in ones");
	buf_puts(out, ".TP\n.B COLUMNS\n");
	put_text(out, "width of tables, where standard output is no terminal");
	buf_puts(out, ".SH SEE ALSO\n.BR portplan\\-topology (5),\n"
		      ".BR nft (8)\n");
}

/* ---- the format ---------------------------------------------------------------------- */

static const struct {
	const char *name, *doc;
} kinds[] = {
	[AT_TEXT] = { "text", "free text" },
	[AT_NAME] = { "name", "letters, digits, - _ . and at most 64 of them" },
	[AT_NAMES] = { "names", "names, separated by blanks" },
	[AT_PREFIXES] = { "prefixes", "10.0.0.0/8 2001:db8::/32; ranges A-B; "
			  "@FILE reads one a line" },
	[AT_ADDRESSES] = { "addresses", "single addresses, of either family" },
	[AT_PORTS] = { "ports", "ports and ranges, 443 8000-8080" },
	[AT_PROTOCOLS] = { "protocols", "IP protocol numbers, or any" },
	[AT_ICMP] = { "icmp", "ICMP requests by nft's names or numbers" },
	[AT_WORD] = { "word", "one of the words given" },
	[AT_WORDS] = { "words", "some of the words given" },
	[AT_DATE] = { "date", "2027-01-31, or 2027-01-31T20:00Z; in UTC" },
	[AT_ENDS] = { "ends", "zones, networks or hosts by name, role:NAME, "
		      "addresses, prefixes, or * for every zone; separated by "
		      "blanks" },
	[AT_FILE] = { "file", "a path, relative to the file that names it" },
	[AT_INTERFACE] = { "interface", "a kernel's name, a * at its end "
			   "allowed" },
	[AT_VERSION] = { "version", "a whole number" },
	[AT_SENDERS] = { "senders", "ends, mx, mx:NAME, a:NAME, include:NAME; "
			 "their order counts" },
	[AT_GROUP] = { "group", "an NFLOG group, 0 to 65535" },
	[AT_PUBLIC] = { "public", "addresses, or the word interface" },
};

static_assert(COUNT_OF(kinds) == N_ATTR_TYPES, "every type has its words");

static void put_attribute(struct buf *out, const struct attr_def *a)
{
	buf_puts(out, ".TP\n\\fB");
	put_word(out, a->name, strlen(a->name), false);
	buf_printf(out, "\\fR=\\fI%s\\fR%s\n", kinds[a->type].name,
		   a->flags & AF_REQUIRED ? " (required)" : "");
	put_text(out, a->doc);
	if (!a->words)
		return;
	buf_puts(out, "One of the words\n");
	put_text(out, a->words);
}

/* Where an element may stand. */
static void put_parents(struct buf *out, const struct element_def *def)
{
	struct buf b = { 0 };

	if (def->parents >> EL_ROOT & 1)
		buf_puts(&b, "It is the root of a file");
	for (int i = EL_TOPOLOGY; i < N_ELEMENTS; i++)
		if (def->parents >> i & 1)
			buf_printf(&b, "%s<%s>", b.n ? ", " : "It stands in ",
				   schema_elements[i].name);
	buf_putc(&b, '.');
	put_text(out, b.s);
	buf_free(&b);
}

static void put_element(struct buf *out, const struct element_def *def)
{
	buf_printf(out, ".SS <");
	put_word(out, def->name, strlen(def->name), false);
	buf_puts(out, ">\n");
	put_text(out, def->doc);
	buf_puts(out, ".PP\n");
	put_parents(out, def);
	for (size_t i = 0; i < def->n_attr; i++)
		if (!(def->attr[i].flags & AF_BUNDLE))
			put_attribute(out, &def->attr[i]);
}

static const char example[] =
	"<topology xmlns=\"urn:portplan:1\" name=\"volcano\" "
	"template=\"exchange-2003\">\n"
	"  <zone name=\"internet\" networks=\"0.0.0.0/0\" "
	"roles=\"internet-client\"/>\n"
	"  <zone name=\"dmz\" networks=\"192.0.2.0/24\" kind=\"dmz\">\n"
	"    <host name=\"proxy1\" address=\"192.0.2.10\" "
	"roles=\"reverse-proxy\"/>\n"
	"  </zone>\n"
	"  <firewall name=\"outer\">\n"
	"    <interface name=\"eth0\" zone=\"internet\"/>\n"
	"    <interface name=\"eth1\" zone=\"dmz\"/>\n"
	"  </firewall>\n"
	"  <allow from=\"proxy1\" to=\"internet\" tcp=\"443\" "
	"reason=\"signatures\"/>\n"
	"</topology>\n";

static void format_page(struct buf *out)
{
	put_title(out, "topology", 5, "the XML format of portplan's files");
	buf_puts(out, ".SH DESCRIPTION\n");
	put_paragraphs(out,
		"Topologies, templates and waivers are XML in the namespace "
		"urn:portplan:1. Elements and attributes that are not listed "
		"here are errors, with file, line and column; attributes of "
		"other namespaces are kept and passed on.\n"
		"The plan is a function of addresses: zones, networks, hosts "
		"and roles name sets of them. Roles add up inward: what a zone "
		"may do, every address in it may do. What is said of a "
		"narrower set overrides what is said of a wider one.\n"
		"A flow of a template from one role to another opens its "
		"services from every address that bears the one to every "
		"address that bears the other. Each firewall on each path "
		"between them lets it through. Whatever else crosses a "
		"firewall is dropped.\n"
		"The prefix 0.0.0.0/0 is the public internet: private, shared "
		"and link-local addresses are not in it.");
	buf_puts(out, ".SH EXAMPLE\n");
	put_lines(out, example);
	buf_puts(out, ".SH ELEMENTS\n");
	for (int i = EL_TOPOLOGY; i < N_ELEMENTS; i++)
		put_element(out, &schema_elements[i]);
	buf_puts(out, ".SH VALUES\n");
	for (size_t i = 0; i < N_ATTR_TYPES; i++) {
		buf_printf(out, ".TP\n.I %s\n", kinds[i].name);
		put_text(out, kinds[i].doc);
	}
	buf_puts(out, ".SH SEE ALSO\n.BR portplan (1),\n"
		      ".BR portplan\\-schema (1),\n.BR portplan\\-fmt (1)\n");
}

/* ---- the command --------------------------------------------------------------------- */

static int no_page(const struct args *a, const char *name)
{
	const char *names[64];
	size_t n = 0;

	for (size_t i = 0; i < n_commands && n < 63; i++)
		names[n++] = commands[i]->name;
	names[n++] = "topology";
	return complain(a, "there is no command \"%s\"%s (topology is the "
			"format's page)", name,
			did_you_mean(a->arena, name, names, n));
}

static int cmd_man(struct args *a)
{
	const char *name = a->operands.n ? a->operands.v[0] : "portplan";
	const struct command *c = find_command(name);
	struct buf b = { 0 };
	int code;

	if (c)
		command_page(c, &b);
	else if (!strcmp(name, "portplan"))
		program_page(&b);
	else if (!strcmp(name, "topology"))
		format_page(&b);
	else
		return no_page(a, name);
	code = put_out(a, &b);
	buf_free(&b);
	return code;
}

const struct command command_man = {
	.name = "man",
	.run = cmd_man,
	.usage = "[COMMAND|topology]",
	.summary = "print a manual page, for man -l -",
	.description = "Prints the manual page of portplan, of one command, or "
		       "of the format, in the man macros.",
	.no_topology = true,
	.examples = "  portplan man check | man -l -\n"
		    "  portplan man topology | man -l -\n",
	.max_args = 1,
};
