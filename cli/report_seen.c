#include "cli/report.h"

/* What check and audit found, and how much they saw. */

static void put_line(struct report_page *r, const char *tag, const char *text)
{
	buf_printf(r->out, "<%s>", tag);
	page_text(r, text);
	buf_printf(r->out, "</%s>\n", tag);
}

static void rules_findings(struct report_page *r, const struct seen_rules *s)
{
	static const char *const columns[] = {
		"Kind", "What", "Service", "Packet", "Rule", "Repair",
	};

	page_table(r, columns, COUNT_OF(columns));
	for (size_t i = 0; i < s->findings.n; i++) {
		const struct seen_finding *f = &s->findings.v[i];

		buf_puts(r->out, "<tr>");
		page_cell(r, columns[0], f->cls);
		page_cell(r, columns[1], f->note);
		page_cell(r, columns[2], f->service);
		page_cell(r, columns[3], f->packet);
		page_cell(r, columns[4], f->rule);
		page_cell(r, columns[5], f->repair);
		buf_puts(r->out, "</tr>\n");
	}
	page_end_table(r);
}

static void put_rules(struct report_page *r, const struct seen_rules *s)
{
	buf_puts(r->out, "<h3>Firewall ");
	page_text(r, s->firewall);
	buf_printf(r->out, " <span class=\"mark %s\">%s</span></h3>\n<p>",
		   s->equal || s->all_waived ? "good" : "bad",
		   s->equal ? "equal to the plan" : s->all_waived ?
		   "not equal to the plan: what differs is waived" :
		   "not equal to the plan");
	page_text(r, s->ruleset);
	if (s->by_construction)
		buf_puts(r->out, ", byte for byte what gen writes");
	if (s->not_judged && *s->not_judged) {
		buf_puts(r->out, ". Not judged: ");
		page_text(r, s->not_judged);
	}
	buf_puts(r->out, ".</p>\n");
	if (s->findings.n)
		rules_findings(r, s);
}

static void traffic_findings(struct report_page *r,
			     const struct seen_traffic *t)
{
	static const char *const columns[] = {
		"Class", "From", "To", "Service", "Flows", "Answered", "Note",
		"Waived",
	};

	put_line(r, "h4", "Outside the plan");
	if (!t->findings.n) {
		put_line(r, "p", "Nothing.");
		return;
	}
	page_table(r, columns, COUNT_OF(columns));
	for (size_t i = 0; i < t->findings.n; i++) {
		const struct seen_finding *f = &t->findings.v[i];

		buf_puts(r->out, "<tr>");
		page_cell(r, columns[0], f->cls);
		page_cell(r, columns[1], f->from);
		page_cell(r, columns[2], f->to);
		page_cell(r, columns[3], f->service);
		page_cell_number(r, columns[4], f->flows);
		page_cell_number(r, columns[5], f->answered);
		page_cell(r, columns[6], f->note);
		page_cell(r, columns[7], f->waived);
		buf_puts(r->out, "</tr>\n");
	}
	page_end_table(r);
}

/* Only where enough else was seen: the auditor has judged that. */
static void traffic_unseen(struct report_page *r, const struct seen_traffic *t)
{
	static const char *const columns[] = {
		"From", "To", "Reason", "Other flows between them",
	};

	put_line(r, "h4", "Planned, never seen");
	if (!t->unseen.n) {
		put_line(r, "p", "Nothing that could be said so: between two "
			 "zones, at least ten planned flows must have been "
			 "seen for the absence of another to tell.");
		return;
	}
	page_table(r, columns, COUNT_OF(columns));
	for (size_t i = 0; i < t->unseen.n; i++) {
		const struct seen_pair *u = &t->unseen.v[i];

		buf_puts(r->out, "<tr>");
		page_cell(r, columns[0], plan_node_name(r->plan,
							u->from_zone));
		page_cell(r, columns[1], plan_node_name(r->plan, u->to_zone));
		page_cell(r, columns[2], u->reason);
		page_cell_number(r, columns[3], u->flows);
		buf_puts(r->out, "</tr>\n");
	}
	page_end_table(r);
}

static void traffic_complete(struct report_page *r,
			     const struct seen_traffic *t)
{
	put_line(r, "h4", "How complete the observation was");
	buf_printf(r->out, "<p><span class=\"mark %s\">%s</span> %lld frame%s, "
		   "%lld flow%s: %lld planned, %lld with findings, %lld within "
		   "zones that do not judge.",
		   t->complete ? "good" : "bad",
		   t->complete ? "complete" : "incomplete", t->frames,
		   plural((unsigned long long)t->frames), t->flows,
		   plural((unsigned long long)t->flows), t->planned,
		   t->wanting, t->not_judged);
	if (t->first && t->last) {
		buf_puts(r->out, " From ");
		page_text(r, t->first);
		buf_puts(r->out, " to ");
		page_text(r, t->last);
		buf_putc(r->out, '.');
	}
	buf_puts(r->out, "</p>\n<ul>\n");
	for (size_t i = 0; i < t->sources.n; i++) {
		buf_puts(r->out, "<li>seen in ");
		page_text(r, t->sources.v[i]);
		buf_puts(r->out, "</li>\n");
	}
	for (size_t i = 0; i < t->gaps.n; i++) {
		if (!t->gaps.v[i].of) {
			put_line(r, "li", t->gaps.v[i].what);
			continue;
		}
		buf_puts(r->out, t->gaps.v[i].beyond ? "<li>too many " :
						       "<li>few enough ");
		page_text(r, t->gaps.v[i].what);
		buf_printf(r->out, ": %lld of %lld</li>\n", t->gaps.v[i].n,
			   t->gaps.v[i].of);
	}
	if (!t->taps_known)
		put_line(r, "li", "spoofed sources were not looked for: the "
			 "zone of the tap was not said");
	buf_puts(r->out, "</ul>\n");
}

static void put_traffic(struct report_page *r, const struct seen_traffic *t)
{
	buf_puts(r->out, "<h3>Traffic, ");
	page_text(r, t->file);
	buf_printf(r->out, " <span class=\"mark %s\">", t->complete &&
		   !t->findings.n ? "good" : "bad");
	page_text(r, t->result);
	buf_puts(r->out, "</span></h3>\n");
	traffic_findings(r, t);
	traffic_unseen(r, t);
	traffic_complete(r, t);
}

void report_seen(struct report_page *r)
{
	if (!r->seen.traffic.n && !r->seen.rules.n)
		return;
	page_section(r, "seen", "What was found");
	for (size_t i = 0; i < r->seen.rules.n; i++)
		put_rules(r, &r->seen.rules.v[i]);
	for (size_t i = 0; i < r->seen.not_judged.n; i++) {
		buf_puts(r->out, "<p>Not judged: ");
		page_text(r, r->seen.not_judged.v[i]);
		buf_puts(r->out, ".</p>\n");
	}
	for (size_t i = 0; i < r->seen.traffic.n; i++)
		put_traffic(r, &r->seen.traffic.v[i]);
	page_end_section(r);
}
