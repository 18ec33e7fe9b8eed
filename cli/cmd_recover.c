#include "apply/guardian.h"
#include "cli/apply.h"

/* portplan recover: end what a crash left half done. */

static int recover_one(struct args *a, const char *name)
{
	struct buf err = { 0 }, status = { 0 };
	enum recovered r = RECOVERED_NOT;
	struct state_dir s;
	struct nft n = { .fd = -1 };
	int held = -1;

	if (state_open(&s, a->arena, state_base(a), name, false, &err) == 0)
		held = guardian_lock(&s, &status, &err);
	if (held == 1) {
		printf("%s: an apply is under way\n", name);
	} else if (held == 0 && nft_open(&n, &err) == 0) {
		static const char *const text[] = {
			[RECOVERED_NOTHING] = "nothing to recover",
			[RECOVERED_BACK] = "what ran before runs",
			[RECOVERED_FORWARD] = "finished: the new rules run",
			[RECOVERED_ASIDE] = "nothing of it is loaded",
		};

		r = recover(&s, &n, arena_printf(a->arena, "pp_%s", name),
			    false, &err);
		if (r != RECOVERED_NOT)
			printf("%s: %s\n", name, text[r]);
	}
	nft_close(&n);
	state_close(&s);
	if (err.n)
		complain(a, "%s: %s", name, err.s);
	buf_free(&err);
	buf_free(&status);
	return held == 1 || r != RECOVERED_NOT ? EXIT_OK : EXIT_BAD;
}

static int cmd_recover(struct args *a)
{
	const char *only = arg_value(a, "firewall", NULL);
	const char **names;
	size_t n = only ? 1 : site_names(a, NULL, &names);
	int code = EXIT_OK;

	if (only) {
		if (site_need(a, only) != EXIT_OK)
			return EXIT_BAD;
		names = &only;
	}
	for (size_t i = 0; i < n; i++)
		if (recover_one(a, names[i]) != EXIT_OK)
			code = EXIT_BAD;
	return code;
}

static const struct option_def recover_options[] = {
	{ 'f', "firewall", "NAME", "of this firewall only" },
	STATE_OPTION,
};

const struct command command_recover = {
	.name = "recover",
	.run = cmd_recover,
	.usage = "[--firewall NAME]",
	.summary = "end an apply that a crash broke off",
	.description =
	  "Reads the journal and what is loaded: rules that were not "
	  "confirmed are taken back, a confirmation that was under way is "
	  "finished. Every apply does so first; at boot, before `portplan "
	  "apply --boot`, this does. A journal that is damaged is kept as "
	  "journal.damaged where nothing of the firewall is loaded, as at "
	  "boot; where rules run, which may be on trial, it says so and "
	  "changes nothing.",
	OPTIONS(recover_options),
	.examples = "  portplan recover && portplan apply --boot\n",
	.min_args = 0,
	.max_args = 0,
	.no_topology = true,
};
