#include <string.h>

#include "cli/apply.h"

/* portplan confirm: the new rules work, keep them. */

/* The connection over which they came shows nothing: it was there before. */
static bool same_connection(const char *status)
{
	const char *from = strstr(status, "from ");
	const char *own = ssh_connection();
	size_t n;

	if (!from || !*own)
		return false;
	from += 5;
	n = strcspn(from, "\n");
	return n == strlen(own) && !strncmp(from, own, n);
}

static int confirm_one(struct args *a, const char *name)
{
	const char *token = a->operands.n ? a->operands.v[0] : "";
	struct buf answer = { 0 }, err = { 0 };
	int code = EXIT_BAD;
	struct state_dir s;

	if (state_open(&s, a->arena, state_base(a), name, false, &err) < 0 ||
	    guardian_ask(&s, "status", &answer, &err) < 0) {
		complain(a, "%s", err.s);
	} else if (same_connection(answer.s) &&
		   !arg_given(a, "same-connection")) {
		complain(a, "this is the connection over which the rules were "
			 "applied: it shows nothing. Open a new one (or say "
			 "--same-connection)");
	} else {
		answer.n = 0;
		if (guardian_ask(&s, arena_printf(a->arena, "confirm%s%s",
						  *token ? " " : "", token),
				 &answer, &err) < 0) {
			complain(a, "%s", err.s);
		} else if (strncmp(answer.s, "confirmed", 9)) {
			complain(a, "%s", answer.s);
		} else {
			printf("%s: %s", name, answer.s);
			code = EXIT_OK;
		}
	}
	state_close(&s);
	buf_free(&answer);
	buf_free(&err);
	return code;
}

static int cmd_confirm(struct args *a)
{
	const char *only = arg_value(a, "firewall", NULL);
	const char **names;
	size_t n = site_names(a, "guardian", &names);

	if (only) {
		for (size_t i = 0; i < n; i++)
			if (!strcmp(names[i], only))
				return confirm_one(a, only);
		return complain(a, "nothing of \"%s\" waits to be confirmed in "
				"\"%s\"%s", only, state_base(a),
				did_you_mean(a->arena, only, names, n));
	}
	if (!n)
		return complain(a, "nothing waits to be confirmed in \"%s\"",
				state_base(a));
	if (n > 1)
		return complain(a, "%zu firewalls wait: which? --firewall %s, "
				"…", n, names[0]);
	return confirm_one(a, names[0]);
}

static const struct option_def confirm_options[] = {
	{ 'f', "firewall", "NAME", "of this firewall, where several wait" },
	{ 0, "same-connection", NULL,
	  "even over the connection that applied them" },
	STATE_OPTION,
};

const struct command command_confirm = {
	.name = "confirm",
	.run = cmd_confirm,
	.usage = "[TOKEN]",
	.summary = "keep the rules that apply --confirm has on trial",
	.description =
	  "Said over a new connection, which shows that the new rules still "
	  "let you in. The old rules are deleted, and the new ones are what "
	  "loads at boot. TOKEN, which apply printed, makes sure that it is "
	  "that apply which is meant. On the standby of a pair it proves "
	  "nothing: no traffic goes there.",
	OPTIONS(confirm_options),
	.examples = "  portplan confirm\n",
	.min_args = 0,
	.max_args = 1,
	.no_topology = true,
};
