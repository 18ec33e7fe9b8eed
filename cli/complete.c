#include "cli/complete.h"

#include <string.h>
#include <unistd.h>

#include "topology/builtin.h"

/*
 * What may be written at a place of the command line, one a line, for the
 * shells' completion (cmd_completion.c). All of it comes from the table of
 * commands: what an option takes from its name and argument, what an operand
 * is from the usage. ":files" hands over to the shell, ":nospace" says that
 * the word goes on. Names have no blanks and nothing that a shell would read.
 */
struct completion {
	struct arena *arena;
	const struct command *cmd;
	const char **word;
	size_t n;	 /* words up to the one to be completed, included */
	const char *cur; /* what is there of it */
	struct buf *out;
	struct topology *topo;
	bool read;
};

static void offer(struct completion *c, const char *s)
{
	if (!strncmp(s, c->cur, strlen(c->cur)))
		buf_printf(c->out, "%s\n", s);
}

static void offer_files(struct completion *c)
{
	buf_puts(c->out, ":files\n");
}

static void offer_commands(struct completion *c)
{
	for (size_t i = 0; i < n_commands; i++)
		offer(c, commands[i]->name);
}

/* ---- names of the topology that the line names ----------------------------------------- */

/* The first word behind the command that is a file. */
static void read_topology(struct completion *c)
{
	struct args a = { .cmd = c->cmd, .arena = c->arena };
	static const struct option_def templates = { .name = "templates" };
	struct loaded l;

	if (c->read)
		return;
	c->read = true;
	for (size_t i = 1; i + 1 < c->n; i++)
		if (!strcmp(c->word[i - 1], "--templates"))
			vec_push(c->arena, &a.given, (struct given){
					&templates, c->word[i] });
	for (size_t i = 1; i + 1 < c->n && !c->topo; i++)
		if (*c->word[i] != '-' && access(c->word[i], R_OK) == 0 &&
		    strstr(c->word[i], ".xml") &&
		    load_topology(&a, c->word[i], &l) == EXIT_OK)
			c->topo = l.topo;
}

static void offer_parties(struct completion *c, unsigned kinds)
{
	read_topology(c);
	for (size_t i = 0; c->topo && i < c->topo->parties.n; i++)
		if (kinds >> c->topo->parties.v[i]->kind & 1)
			offer(c, c->topo->parties.v[i]->name);
}

static void offer_zones(struct completion *c)
{
	offer_parties(c, 1u << PARTY_ZONE);
}

static void offer_hosts(struct completion *c)
{
	offer_parties(c, 1u << PARTY_HOST);
}

static void offer_firewalls(struct completion *c)
{
	offer_parties(c, 1u << PARTY_FIREWALL);
}

static void offer_any_party(struct completion *c)
{
	offer_parties(c, ~0u);
}

static void offer_ends(struct completion *c)
{
	offer_any_party(c);
	for (size_t i = 0; c->topo && i < c->topo->roles.n; i++)
		offer(c, c->topo->roles.v[i]->name);
}

static void offer_services(struct completion *c)
{
	read_topology(c);
	for (size_t i = 0; c->topo && i < c->topo->services.n; i++)
		offer(c, c->topo->services.v[i]->name);
}

static void offer_layouts(struct completion *c)
{
	for (unsigned i = 0; i < n_builtin_files; i++) {
		const char *s = builtin_files[i].name;

		if (!strncmp(s, "new/", 4))
			offer(c, arena_strndup(c->arena, s + 4,
					       strcspn(s + 4, ".")));
	}
}

static void offer_templates(struct completion *c)
{
	for (unsigned i = 0; i < n_builtin_templates; i++)
		offer(c, builtin_templates[i].name);
}

/* ---- options ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*offer)(struct completion *c);
} values[] = {
	{ "from", offer_ends }, { "to", offer_ends }, { "zone", offer_zones },
	{ "host", offer_hosts }, { "firewall", offer_firewalls },
	{ "service", offer_services }, { "layout", offer_layouts },
};

/* "table (default), csv, json or html; live: ndjson, syslog[=HOST]; to FILE":
 * the first word of each piece. */
static void offer_formats(struct completion *c, const struct option_def *o)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *s = o->help;

	if (strchr(c->cur, '=')) {
		offer_files(c);
		return;
	}
	while (*s && strncmp(s, "to FILE", 7)) {
		size_t n = strcspn(s, ",;:");

		if (s[n] == ':' && s[n + 1] == ' ')
			s += n + 2;
		n = strspn(s, word);
		if (n && strchr(" ,;[=", s[n]))
			offer(c, arena_strndup(c->arena, s, n));
		while (*s && !strchr(",;", *s) && strncmp(s, " or ", 4))
			s += *s == '(' ? strcspn(s, ")") : 1;
		s += strspn(s, ",; ");
		if (!strncmp(s, "or ", 3))
			s += 3;
	}
	buf_puts(c->out, ":nospace\n");
}

/* "auto|in|both" */
static void offer_choices(struct completion *c, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "|]");

		if (n == 7 && !strncmp(s, "COMMAND", n))
			offer_commands(c);
		else
			offer(c, arena_strndup(c->arena, s, n));
		s += n;
		s += strspn(s, "|]");
	}
}

static void offer_value(struct completion *c, const struct option_def *o)
{
	if (!strncmp(o->arg, "FORMAT", 6)) {
		offer_formats(c, o);
		return;
	}
	if (strstr(o->arg, "=ZONE") && strchr(c->cur, '=')) {
		c->cur = strchr(c->cur, '=') + 1;
		offer_zones(c);
		return;
	}
	if (strchr(o->arg, '|')) {
		offer_choices(c, o->arg);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(values); i++)
		if (!strcmp(values[i].name, o->name) &&
		    !strcmp(o->arg, "NAME")) {
			values[i].offer(c);
			return;
		}
	if (strstr(o->arg, "FILE") || !strcmp(o->arg, "DIR") ||
	    strchr(o->arg, '.'))
		offer_files(c);
}

static void offer_options(struct completion *c)
{
	for (size_t i = 0; i < c->cmd->n_options; i++)
		offer(c, arena_printf(c->arena, "--%s",
				      c->cmd->options[i].name));
	offer(c, "--help");
}

static const struct option_def *option_by_name(const struct command *cmd,
					       const char *s, size_t n)
{
	for (size_t i = 0; i < cmd->n_options; i++)
		if (strlen(cmd->options[i].name) == n &&
		    !memcmp(cmd->options[i].name, s, n))
			return &cmd->options[i];
	return NULL;
}

/* The option of a word if its value is the next word. */
static const struct option_def *waits_for_value(const struct command *cmd,
						const char *s)
{
	const struct option_def *o = NULL;

	if (!strncmp(s, "--", 2) && s[2]) {
		o = strchr(s, '=') ? NULL :
			option_by_name(cmd, s + 2, strlen(s + 2));
	} else if (s[0] == '-' && s[1] && !s[2]) {
		for (size_t i = 0; i < cmd->n_options; i++)
			if (option_letter(&cmd->options[i]) == s[1])
				o = &cmd->options[i];
	}
	return o && o->arg ? o : NULL;
}

/* ---- operands ------------------------------------------------------------------------------ */

/* The word of the usage for the operand of that number; the last one is
 * repeated where the usage says so. Options in the usage are passed over. */
static const char *operand_word(struct completion *c, size_t number)
{
	const char *s = c->cmd->usage, *found = NULL;
	bool skip = false, in_group = false;
	size_t at = 0;

	while (*s) {
		size_t n = strcspn(s, " ");
		const char *word = s + strspn(s, "[(");
		char end = s[n - 1];

		if (in_group) {
			in_group = end != ']' && end != ')' && end != '.';
		} else if (skip) {
			skip = false;
		} else if (*word == '-') {
			in_group = word > s && end != ']' && end != ')';
			skip = word == s;
		} else if (*word == '|') {
			skip = true;
		} else {
			found = arena_strndup(c->arena, word,
					      (size_t)(s + n - word));
			if (at++ == number)
				return found;
		}
		s += n;
		s += strspn(s, " ");
	}
	return found && strstr(found, "...") ? found : NULL;
}

static void offer_operand(struct completion *c, size_t number)
{
	const char *w = operand_word(c, number);

	if (!w)
		return;
	if (strchr(w, '|'))
		offer_choices(c, w);
	else if (!strncmp(w, "FROM", 4) || !strncmp(w, "TO", 3))
		offer_any_party(c);
	else if (!strncmp(w, "PACKET", 6))
		offer_services(c);
	else if (!strncmp(w, "NAME", 4) && c->cmd->no_topology)
		offer_templates(c);
	else if (strchr(w, '.'))
		offer_files(c);
}

/* ---- the line ------------------------------------------------------------------------------- */

static void complete_word(struct completion *c)
{
	const struct option_def *wants = NULL;
	const char *eq = strchr(c->cur, '=');
	size_t operands = 0;

	for (size_t i = 1; i + 1 < c->n; i++) {
		if (!strcmp(c->word[i], "--"))
			return;
		if (wants)
			wants = NULL;
		else if (*c->word[i] == '-' && c->word[i][1])
			wants = waits_for_value(c->cmd, c->word[i]);
		else
			operands++;
	}
	if (!wants && !strncmp(c->cur, "--", 2) && eq) {
		wants = option_by_name(c->cmd, c->cur + 2,
				       (size_t)(eq - c->cur) - 2);
		c->cur = eq + 1;
		if (!wants || !wants->arg)
			return;
	}
	if (wants)
		offer_value(c, wants);
	else if (*c->cur == '-')
		offer_options(c);
	else
		offer_operand(c, operands);
}

static void complete_first(struct completion *c)
{
	offer_commands(c);
	offer(c, "help");
	if (*c->cur == '-') {
		offer(c, "--help");
		offer(c, "--version");
	}
}

/* Quotes and backslashes, as people write them around names of files. */
static const char *unquoted(struct arena *a, const char *s)
{
	char *out = arena_strdup(a, s), *p = out;

	for (; *s; s++)
		if (*s == '\\' && s[1])
			*p++ = *++s;
		else if (*s != '"' && *s != '\'')
			*p++ = *s;
	*p = '\0';
	return out;
}

/* bash breaks words at = and :, the rest of a word then stands alone. */
static void join_words(struct completion *c, char **word, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *s = unquoted(c->arena, word[i]);
		bool joint = !strcmp(s, "=") || !strcmp(s, ":");
		bool behind = i && c->n && (!strcmp(word[i - 1], "=") ||
					    !strcmp(word[i - 1], ":"));

		if ((joint || behind) && c->n)
			c->word[c->n - 1] = arena_printf(c->arena, "%s%s",
							 c->word[c->n - 1], s);
		else
			c->word[c->n++] = s;
	}
}

void complete_line(struct arena *a, char **word, size_t n, struct buf *out)
{
	struct completion c = { .arena = a, .out = out };

	c.word = ARENA_ARRAY(a, const char *, n + 1);
	join_words(&c, word, n);
	if (!c.n)
		c.word[c.n++] = "";
	c.cur = c.word[c.n - 1];
	if (c.n == 1) {
		complete_first(&c);
		return;
	}
	if (!strcmp(c.word[0], "help") && c.n == 2) {
		offer_commands(&c);
		return;
	}
	c.cmd = find_command(c.word[0]);
	if (c.cmd)
		complete_word(&c);
}
