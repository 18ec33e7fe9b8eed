#include "cli/cli.h"

/* In the order of the help. Each stands, with its options, in its own file. */
const struct command *const commands[] = {
	&command_matrix,
	&command_gen,
	&command_bundle,
	&command_explain,
	&command_pending,
	&command_check,
	&command_audit,
	&command_apply,
	&command_confirm,
	&command_recover,
	&command_restore,
	&command_watch,
	&command_counters,
	&command_lint,
	&command_compare,
	&command_spf,
	&command_diff,
	&command_equal,
	&command_graph,
	&command_report,
	&command_new,
	&command_fmt,
	&command_import,
	&command_learn,
	&command_schema,
	&command_templates,
	&command_completion,
	&command_man,
};

const size_t n_commands = COUNT_OF(commands);

const char *const exit_meaning[N_EXIT_CODES] = {
	[EXIT_OK] = "clean, equal or allowed",
	[EXIT_FINDINGS] = "findings, differences or denied",
	[EXIT_BAD] = "bad input, usage or I/O: nothing was changed",
	[EXIT_UNDECIDED] = "could not decide, or the observation was incomplete",
	[EXIT_ROLLED_BACK] = "apply switched, and went back to the old rules",
};
