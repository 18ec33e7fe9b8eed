#include <string.h>

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

static int need_html(struct args *a, const char *spec, struct output *out)
{
	static const char *const legal[] = { "html" };
	size_t n = strcspn(spec, "=");
	const char *name = arena_strndup(a->arena, spec, n);

	out->path = spec[n] ? spec + n + 1 : NULL;
	if (!strcmp(name, "html"))
		return EXIT_OK;
	return complain(a, "there is no format \"%s\"%s (legal: html)", name,
			did_you_mean(a->arena, name, legal, 1));
}

static int cmd_report(struct args *a)
{
	struct output *v = ARENA_ARRAY(a->arena, struct output,
				       a->given.n + 1);
	struct matrix_filter all = { 0 };
	struct draw_options whole = { 0 };
	struct report_page r = { .args = a, .arena = a->arena };
	struct loaded l;
	size_t n = 0;
	int code = EXIT_OK;

	for (size_t i = 0; i < a->given.n && code == EXIT_OK; i++)
		if (!strcmp(a->given.v[i].def->name, "output"))
			code = need_html(a, a->given.v[i].value, &v[n++]);
	if (!n)
		code = need_html(a, "html", &v[n++]);
	if (code == EXIT_OK)
		code = load_plan(a, a->operands.v[0], &l);
	if (code == EXIT_OK)
		code = observed_read(a, l.plan, &r.seen);
	if (code != EXIT_OK)
		return code;
	r.loaded = &l;
	r.plan = l.plan;
	r.matrix = matrix_build(a->arena, l.plan, MATRIX_BY_ROLE, &all);
	r.drawing = draw_build(a->arena, l.plan, &whole);
	for (size_t i = 0; i < n; i++) {
		r.out = &v[i].text;
		write_page(&r);
	}
	return write_outputs(a, v, n);
}

static const struct option_def report_options[] = {
	{ 0, "findings", "FILE", "what check -o json or audit -o json wrote, "
				 "to be told along (repeatable)" },
	{ 'o', "output", "FORMAT[=FILE]", "html (default); to FILE if given" },
	TOPOLOGY_OPTIONS,
};

const struct command command_report = {
	.name = "report",
	.run = cmd_report,
	.usage = "TOPOLOGY.xml [--findings FILE]... [-o html=FILE]",
	.summary = "all of it on one page, for those who do not run portplan",
	.description =
	  "Writes one HTML file that needs neither network nor scripts: a "
	  "verdict, who may talk to whom zone by zone, the port matrix with "
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
	.max_args = 1,
};
