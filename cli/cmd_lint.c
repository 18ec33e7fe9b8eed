#include <string.h>

#include "cli/lint_formats.h"

/* portplan lint: is this a good plan? */

static int read_fail_on(const struct args *a, int *least)
{
	const char *s = arg_value(a, "fail-on", "error");

	for (int i = 0; i < N_ADVICE; i++)
		if (!strcmp(s, advice_severity_name[i])) {
			*least = i;
			return EXIT_OK;
		}
	return complain(a, "--fail-on \"%s\": critical, error, warning or "
			"info%s", s, did_you_mean(a->arena, s,
						  advice_severity_name,
						  N_ADVICE));
}

static const struct advice_rules *read_rules(struct args *a, struct diags *d)
{
	VEC(const char *) files = { 0 };

	for (size_t i = 0; i < a->given.n; i++)
		if (!strcmp(a->given.v[i].def->name, "advice"))
			vec_push(a->arena, &files, a->given.v[i].value);
	return advice_read(a->arena, files.v, files.n, d);
}

static int write_format(const void *ctx, struct args *a, size_t i,
			struct output *out)
{
	(void)a;
	lint_formats[i].write(ctx, &out->text);
	return EXIT_OK;
}

static int write_all(const struct lint_result *r, struct args *a)
{
	const char *names[MOST_FORMATS];
	struct writers w = { names, n_lint_formats, write_format, r };

	for (size_t i = 0; i < n_lint_formats; i++)
		names[i] = lint_formats[i].name;
	return write_formats(a, &w);
}

static int cmd_lint(struct args *a)
{
	struct lint_result r = { .topology = a->operands.v[0],
				 .full = arg_given(a, "full"),
				 .arena = a->arena };
	struct loaded l;
	struct diags d;
	int least = 0, code = read_fail_on(a, &least);

	if (code == EXIT_OK)
		code = load_plan(a, a->operands.v[0], &l);
	if (code != EXIT_OK)
		return code;
	diags_init(&d, a->arena);
	d.n_sources = l.diags.n_sources;
	r.rules = read_rules(a, &d);
	if (r.rules)
		r.report = advice_judge(a->arena, l.plan, r.rules, &d);
	print_diags(&d);
	if (!r.report)
		return EXIT_BAD;
	r.topo = l.topo;
	code = write_all(&r, a);
	for (int i = 0; i <= least && code == EXIT_OK; i++)
		if (r.report->count[i])
			return EXIT_FINDINGS;
	return code;
}

static const struct option_def lint_options[] = {
	{ 0, "full", NULL, "everything: findings that only inform, what is "
			   "skipped and why, what no topology decides, and "
			   "the rules without findings" },
	{ OPTION_AGAIN, "advice", "FILE",
	  "rules of your own, beside the shipped ones "
	  "(repeatable)" },
	{ 0, "fail-on", "SEVERITY",
	  "exit 1 for findings of this severity and worse: critical, error "
	  "(default), warning or info" },
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "text (default), json, sarif, markdown, html or csv; to FILE if "
	  "given (repeatable)" },
	TOPOLOGY_OPTIONS,
};

const struct command command_lint = {
	.name = "lint",
	.run = cmd_lint,
	.usage = "TOPOLOGY.xml [--full] [--advice FILE]",
	.summary = "best practices: what is unwise in this plan, and the remedy",
	.description =
	  "Holds the plan against rules of good practice: where machines "
	  "stand, what a front-end that is taken over could reach, which "
	  "ports are wide, what goes in the clear, which exceptions nobody "
	  "owns. Each rule has its source and a remedy. The worst come first. "
	  "Rules are conditions in XPath over the plan's document (see matrix "
	  "-o xml and schema --plan), in a file of <advice xmlns=\"urn:portplan:"
	  "1\"> with <rule id severity title why source remedy once each "
	  "condition finding place/>; \"{XPath}\" in finding is filled in, $once is "
	  "what the expression of that name gives, asked once, and "
	  "current() is the node that is judged.\n"
	  "<skip rule=\"ID\" reason=\"...\" expires=\"...\"/> in the topology, "
	  "or in one host, leaves a rule out.\n"
	  "Exit code 0 nothing as bad as --fail-on says, 1 findings, 2 "
	  "trouble.",
	OPTIONS(lint_options),
	.examples = "  portplan lint topology.xml\n"
		      "  portplan lint topology.xml --full --fail-on warning\n"
		      "  portplan lint topology.xml --advice house-rules.xml "
		      "-o sarif=lint.sarif\n",
	.min_args = 1,
	.with_bundle = BUNDLE_IS_SAID,
	.max_args = 1,
};
