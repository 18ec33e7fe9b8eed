#include "cli/report.h"

static void put_picture(struct report_page *r)
{
	page_section(r, "picture", "Picture");
	buf_puts(r->out, "<div class=\"wide picture\">\n");
	draw_svg(r->drawing, true, r->out);
	buf_puts(r->out, "</div>\n");
	page_end_section(r);
}

static void write_page(struct report_page *r)
{
	report_head(r);
	report_verdict(r);
	report_heat(r);
	report_seen(r);
	report_advice(r);
	report_matrix(r);
	report_exceptions(r);
	report_promises(r);
	put_picture(r);
	report_hosts(r);
	report_rulesets(r);
	buf_puts(r->out, "</main>\n<footer><p>Written by portplan report. This "
		 "file needs no network, and runs no script.</p></footer>\n"
		 "</body>\n</html>\n");
}

static int write_html(const void *ctx, struct args *a, size_t i,
		      struct output *out)
{
	struct report_page r = *(const struct report_page *)ctx;

	(void)a;
	(void)i;
	r.out = &out->text;
	write_page(&r);
	return EXIT_OK;
}

/* By the shipped rules; what the topology skips is left out here too. */
static int judge_advice(struct report_page *r, const struct loaded *l)
{
	struct diags d;

	diags_init(&d, r->arena);
	d.n_sources = l->diags.n_sources;
	r->rules = advice_read(r->arena, NULL, 0, &d);
	if (r->rules)
		r->advice = advice_judge(r->arena, l->plan, r->rules, &d);
	print_diags(&d);
	return r->advice ? EXIT_OK : EXIT_BAD;
}

static int cmd_report(struct args *a)
{
	static const char *const names[] = { "html" };
	struct matrix_filter all = { 0 };
	struct draw_options whole = { 0 };
	struct report_page r = { .args = a, .arena = a->arena };
	struct writers w = { names, 1, write_html, &r };
	struct loaded l;
	int code = load_plan(a, a->operands.v[0], &l);

	if (code == EXIT_OK)
		code = observed_read(a, l.plan, &r.seen);
	if (code == EXIT_OK)
		code = judge_advice(&r, &l);
	if (code != EXIT_OK)
		return code;
	r.loaded = &l;
	r.plan = l.plan;
	r.let_through = plan_let_through(l.plan, a->arena);
	r.matrix = matrix_build(a->arena, l.plan, MATRIX_BY_ROLE, &all);
	r.drawing = draw_build(a->arena, l.plan, &whole);
	return write_formats(a, &w);
}

static const struct option_def report_options[] = {
	{ OPTION_AGAIN, "findings", "FILE",
	  "what check -o json or audit -o json wrote, "
	  "to be told along (repeatable)" },
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "html (default); to FILE if given" },
	TOPOLOGY_OPTIONS,
};

const struct command command_report = {
	.name = "report",
	.run = cmd_report,
	.usage = "TOPOLOGY.xml [--findings FILE]... [-o html=FILE]",
	.summary = "all of it on one page, for those who do not run portplan",
	.description =
	  "Writes one HTML file that needs neither network nor scripts: a "
	  "verdict, who may talk to whom zone by zone, what lint advises, the port matrix with "
	  "reasons and sources, exceptions with their owners and dates, what "
	  "is promised, the picture, hosts and rulesets. With the findings of "
	  "check and audit it tells as well what was planned and seen, what "
	  "was seen and is not planned, what was never seen, and how complete "
	  "the observation was. A file that is none of theirs, is damaged, or "
	  "is of another topology is an error with its place.",
	OPTIONS(report_options),
	.examples = "  portplan report topology.xml -o html=report.html\n"
		    "  portplan audit topology.xml -r monday.pcap=dmz -o "
		    "json=monday.json\n"
		    "  portplan report topology.xml --findings monday.json -o "
		    "html=report.html\n",
	.min_args = 1,
	.with_bundle = BUNDLE_IS_SAID,
	.max_args = 1,
};
