#include "cli/report.h"

/* The advice of lint, as on its own pages: shipped rules, the worst first. */
static void put_severity(struct report_page *r, enum advice_severity s)
{
	static const char *const class[N_ADVICE] = {
		[ADVICE_CRITICAL] = "bad", [ADVICE_ERROR] = "bad",
		[ADVICE_WARNING] = "open", [ADVICE_INFO] = "quiet",
	};

	buf_printf(r->out, "<td data-l=\"Severity\"><span class=\"mark %s\">"
		   "%s</span></td>", class[s], advice_severity_name[s]);
}

static void put_finding(struct report_page *r, const struct advice_finding *f)
{
	buf_puts(r->out, "<tr>");
	put_severity(r, f->rule->severity);
	page_cell(r, "What", f->text);
	page_cell(r, "Rule", f->rule->title);
	page_cell(r, "Why", f->rule->why);
	page_cell(r, "Remedy", f->rule->remedy);
	page_cell(r, "Source", f->rule->source);
	buf_puts(r->out, "</tr>\n");
}

void report_advice(struct report_page *r)
{
	static const char *const columns[] = {
		"Severity", "What", "Rule", "Why", "Remedy", "Source",
	};
	const struct advice_report *v = r->advice;

	page_section(r, "advice", "Advice");
	buf_printf(r->out, "<p>Best practices, by %zu rules that a topology "
		   "can decide; %zu more it cannot. %zu finding%s left out by "
		   "the topology itself.</p>\n",
		   r->rules->list.n - v->undecided.n, v->undecided.n, v->skipped.n,
		   v->skipped.n == 1 ? " is" : "s are");
	if (v->findings.n) {
		page_table(r, columns, COUNT_OF(columns));
		for (size_t i = 0; i < v->findings.n; i++)
			put_finding(r, &v->findings.v[i]);
		page_end_table(r);
	} else {
		buf_puts(r->out, "<p>Nothing was found.</p>\n");
	}
	page_end_section(r);
}
