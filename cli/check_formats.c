#include "cli/check_formats.h"

#include <string.h>

#include "cli/table.h"

enum { MOST_ANNOTATIONS = 9 }; /* GitHub shows ten of a kind and step */

/* A finding in plain lines, as JUnit and GitHub show them. */
static void finding_lines(const struct vf_finding *f, struct buf *out)
{
	struct buf b = { 0 };

	buf_puts(out, f->before ? "(before) " : "");
	check_head(f, out);
	buf_printf(out, ": %s (addresses x services)\n", f->size);
	check_boxes(f, "\n", out);
	for (int k = 0; k < FACTS; k++) {
		b.n = 0;
		check_put_fact(f, k, "; ", &b);
		if (b.n)
			buf_printf(out, "\n%s: %s", check_facts[k].name, b.s);
	}
	buf_free(&b);
}

/* ---- JUnit -------------------------------------------------------------------------- */

static void junit_line(struct buf *out, const char *head, const char *text)
{
	buf_puts(out, head);
	put_html(out, text);
	buf_putc(out, '\n');
}

static void junit_finding(const struct verified *v, const struct vf_finding *f,
			  struct buf *out)
{
	struct buf b = { 0 };
	unsigned line;
	const char *file;

	check_place(v, f, &file, &line);
	finding_lines(f, &b);
	buf_puts(out, "    <testcase name=\"");
	put_html(out, f->n_box ? f->box[0] : f->packet);
	buf_puts(out, "\" file=\"");
	put_html(out, file);
	buf_printf(out, "\">\n      <%s type=\"%s\" message=\"",
		   f->kind == VF_UNDECIDED ? "error" : "failure",
		   vf_kind_name[f->kind]);
	put_html(out, f->plan ? f->plan : f->why ? f->why : "not planned");
	buf_puts(out, "\">");
	put_html(out, b.s);
	buf_printf(out, "</%s>\n    </testcase>\n",
		   f->kind == VF_UNDECIDED ? "error" : "failure");
	buf_free(&b);
}

static void junit_waived(const struct verified *v, struct buf *out)
{
	for (size_t i = 0; i < v->waived.n; i++) {
		struct buf b = { 0 };

		check_waived_text(&v->waived.v[i], "\n", &b);
		buf_puts(out, "    <system-out>");
		put_html(out, b.s);
		buf_puts(out, "</system-out>\n");
		buf_free(&b);
	}
}

static void junit_firewall(const struct verified *v, struct buf *out)
{
	size_t n = v->findings.n, u = v->count[VF_UNDECIDED];
	struct buf sentence = { 0 };

	buf_puts(out, "  <testsuite name=\"");
	put_html(out, v->firewall->name);
	buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n",
		   n ? n : 1, n - u, u);
	if (!n)
		buf_printf(out, "    <testcase name=\"%s\"/>\n", v->waived.n ?
			   "what differs is waived" : "equals the plan");
	for (size_t k = 0; k < n; k++)
		junit_finding(v, &v->findings.v[k], out);
	check_sentence(v, &sentence);
	buf_puts(out, "    <system-out>");
	put_html(out, sentence.s);
	buf_puts(out, "</system-out>\n");
	buf_free(&sentence);
	junit_waived(v, out);
	for (size_t k = 0; k < v->notes.n; k++) {
		buf_puts(out, "    <system-out>");
		buf_printf(out, "note, %s: ", vf_note_name[v->notes.v[k].kind]);
		put_html(out, v->notes.v[k].text);
		buf_puts(out, "</system-out>\n");
	}
	buf_puts(out, "  </testsuite>\n");
}

/* Time alone is no failure. */
static bool junit_fails(const struct check_aside *x)
{
	return !strcmp(check_topics[x->topic].level, "error");
}

static void junit_aside(const struct check_aside *x, struct buf *out)
{
	bool fails = junit_fails(x);

	buf_printf(out, "    <testcase name=\"%s ",
		   check_topics[x->topic].name);
	put_html(out, x->file);
	buf_printf(out, fails ? ":%u\">\n      <failure type=\"%s\" message=\"" :
		   ":%u\">\n      <system-out>%s: ", x->line, x->kind);
	put_html(out, x->text);
	buf_puts(out, fails ? "\"/>\n    </testcase>\n" :
		 "</system-out>\n    </testcase>\n");
}

static void junit_rest(const struct check_report *r, struct buf *out)
{
	size_t n = r->aside.n + r->n_unjudged, fail = 0;

	for (size_t i = 0; i < r->aside.n; i++)
		fail += junit_fails(&r->aside.v[i]);
	buf_printf(out, "  <testsuite name=\"waivers, and what was not "
		   "judged\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n",
		   n, fail, r->n_unjudged);
	for (size_t i = 0; i < r->aside.n; i++)
		junit_aside(&r->aside.v[i], out);
	for (size_t i = 0; i < r->n_unjudged; i++) {
		buf_puts(out, "    <testcase name=\"not judged");
		put_html(out, r->unjudged[i]);
		buf_puts(out, "\">\n      <skipped/>\n    </testcase>\n");
	}
	if (r->note)
		junit_line(out, "    <system-out>", r->note);
	if (r->note)
		buf_puts(out, "    </system-out>\n");
	buf_puts(out, "  </testsuite>\n");
}

static void write_junit(const struct check_report *r, struct buf *out)
{
	buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<testsuites name=\"portplan check\">\n");
	for (size_t i = 0; i < r->n; i++)
		junit_firewall(&r->v[i], out);
	junit_rest(r, out);
	buf_puts(out, "</testsuites>\n");
}

/* ---- GitHub's workflow commands ------------------------------------------------------ */

static void put_github(struct buf *out, const char *s, bool property)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '\n' || *s == '\r' ||
		    (property && (*s == ':' || *s == ',')))
			buf_printf(out, "%%%02X", (unsigned char)*s);
		else
			buf_putc(out, *s);
	}
}

static void annotation(struct buf *out, const char *level, const char *file,
		       unsigned line, const char *title, const char *text)
{
	buf_printf(out, "::%s ", level);
	if (file) {
		buf_puts(out, "file=");
		put_github(out, file, true);
		buf_printf(out, ",line=%u,", line ? line : 1);
	}
	buf_puts(out, "title=");
	put_github(out, title, true);
	buf_puts(out, "::");
	put_github(out, text, false);
	buf_putc(out, '\n');
}

static void github_findings(const struct check_report *r, struct buf *out)
{
	size_t shown[VF_KINDS] = { 0 }, all = 0, n = 0;
	struct buf text = { 0 };

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++, all++) {
			const struct vf_finding *f = &r->v[i].findings.v[k];
			bool warn = f->kind == VF_UNDECIDED;
			const char *file;
			unsigned line;

			if (shown[warn]++ >= MOST_ANNOTATIONS)
				continue;
			n++;
			check_place(&r->v[i], f, &file, &line);
			text.n = 0;
			finding_lines(f, &text);
			annotation(out, warn ? "warning" : "error", file, line,
				   check_kinds[f->kind].title, text.s);
		}
	if (all > n) {
		text.n = 0;
		buf_printf(&text, "and %zu more findings", all - n);
		annotation(out, "error", NULL, 0, "portplan check", text.s);
	}
	buf_free(&text);
}

/* Notes, and what was judged and what not: ten in all are shown, so the notes
 * beyond are counted and the rest is one. */
static void github_notes(const struct check_report *r, struct buf *out)
{
	size_t shown = 0, all = 0;
	struct buf text = { 0 }, title = { 0 };

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].notes.n; k++, all++) {
			const struct vf_note *n = &r->v[i].notes.v[k];

			if (shown + 1 >= MOST_ANNOTATIONS)
				continue;
			shown++;
			title.n = 0;
			buf_printf(&title, "portplan check, %s",
				   vf_note_name[n->kind]);
			annotation(out, "notice",
				   n->file ? n->file : r->v[i].file, n->line,
				   title.s, n->text);
		}
	for (size_t i = 0; i < r->n; i++) {
		buf_puts(&text, text.n ? "\n" : "");
		check_sentence(&r->v[i], &text);
		for (size_t k = 0; k < r->v[i].waived.n; k++) {
			buf_putc(&text, '\n');
			check_waived_text(&r->v[i].waived.v[k], "; ", &text);
		}
	}
	for (size_t i = 0; i < r->n_unjudged; i++)
		buf_printf(&text, "%snot judged%s", text.n ? "\n" : "",
			   r->unjudged[i]);
	if (all > shown)
		buf_printf(&text, "%sand %zu more notes", text.n ? "\n" : "",
			   all - shown);
	if (r->note)
		buf_printf(&text, "%s%s", text.n ? "\n" : "", r->note);
	if (text.n)
		annotation(out, "notice", NULL, 0, "portplan check", text.s);
	buf_free(&text);
	buf_free(&title);
}

static void write_github(const struct check_report *r, struct buf *out)
{
	struct buf text = { 0 };

	github_findings(r, out);
	for (size_t i = 0; i < r->aside.n; i++) {
		const struct check_aside *x = &r->aside.v[i];
		const struct check_topic_words *w = &check_topics[x->topic];

		text.n = 0;
		buf_printf(&text, "portplan check, %s, %s", w->name, x->kind);
		annotation(out, w->github, x->file, x->line, text.s, x->text);
	}
	buf_free(&text);
	github_notes(r, out);
}

/* ---- markdown --------------------------------------------------------------------- */

static void put_cell(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n') {
			buf_puts(out, "<br>");
			continue;
		}
		if (strchr("|\\`*_<>[]#&", *s))
			buf_putc(out, '\\');
		buf_putc(out, (unsigned char)*s < 0x20 ? ' ' : *s);
	}
}

/* A fact as a line of its own, named, behind what the cell holds. */
static void cell_fact(struct buf *cell, const struct vf_finding *f,
		      enum check_fact_kind k)
{
	struct buf b = { 0 };

	check_put_fact(f, k, "\n", &b);
	if (b.n)
		buf_printf(cell, "%s%s: %s", cell->n ? "\n" : "",
			   check_facts[k].name, b.s);
	buf_free(&b);
}

static void end_cell(struct buf *cell, struct buf *out)
{
	buf_puts(out, " ");
	put_cell(out, cell->n ? cell->s : "");
	buf_puts(out, " |");
	cell->n = 0;
}

static void markdown_finding(const struct verified *v,
			     const struct vf_finding *f, bool compared,
			     struct buf *out)
{
	static const enum check_fact_kind columns[][2] = {
		{ FACT_PACKET, FACT_KERNEL }, { FACT_PLAN, FACT_BECAUSE },
		{ FACT_RULE, FACT_PATH }, { FACT_REPAIR, FACT_ID },
	};
	struct buf b = { 0 };

	buf_puts(out, "|");
	buf_puts(&b, v->firewall->name);
	end_cell(&b, out);
	check_head(f, &b);
	end_cell(&b, out);
	if (compared)
		buf_puts(out, f->before ? " before |" : " now |");
	check_boxes(f, "\n", &b);
	buf_printf(&b, "\n%s (addresses x services)", f->size);
	cell_fact(&b, f, FACT_ABOUT);
	end_cell(&b, out);
	for (size_t i = 0; i < COUNT_OF(columns); i++) {
		check_put_fact(f, columns[i][0], "\n", &b);
		cell_fact(&b, f, columns[i][1]);
		end_cell(&b, out);
	}
	buf_putc(out, '\n');
	buf_free(&b);
}

static void markdown_notes(const struct check_report *r, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].notes.n; k++) {
			const struct vf_note *n = &r->v[i].notes.v[k];

			buf_printf(out, "%s- note, %s: ", any ? "" : "\n",
				   vf_note_name[n->kind]);
			put_cell(out, n->text);
			buf_putc(out, '\n');
			any = true;
		}
	for (size_t i = 0; i < r->aside.n; i++) {
		const struct check_aside *x = &r->aside.v[i];

		buf_printf(out, "%s- %s, %s: ", any ? "" : "\n",
			   check_topics[x->topic].name, x->kind);
		put_cell(out, x->file);
		buf_printf(out, ":%u: ", x->line);
		put_cell(out, x->text);
		buf_putc(out, '\n');
		any = true;
	}
}

static void write_markdown(const struct check_report *r, struct buf *out)
{
	buf_puts(out, "### Rulesets against the plan\n\n");
	for (size_t i = 0; i < r->n; i++) {
		struct buf s = { 0 };

		check_sentence(&r->v[i], &s);
		buf_puts(out, "- ");
		put_cell(out, s.s);
		buf_putc(out, '\n');
		for (size_t k = 0; k < r->v[i].waived.n; k++) {
			s.n = 0;
			check_waived_text(&r->v[i].waived.v[k], "\n", &s);
			buf_puts(out, "  - ");
			put_cell(out, s.s);
			buf_putc(out, '\n');
		}
		buf_free(&s);
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct verified *v = &r->v[i];

		if (!v->findings.n)
			continue;
		buf_printf(out, "\n| firewall | finding |%s what | packet | "
				"plan | rule | repair |\n"
				"| --- | --- |%s --- | --- | --- | --- | --- "
				"|\n", r->compared ? " since |" : "",
			   r->compared ? " --- |" : "");
		for (size_t k = 0; k < v->findings.n; k++)
			markdown_finding(v, &v->findings.v[k], r->compared,
					 out);
	}
	markdown_notes(r, out);
	buf_putc(out, '\n');
	for (size_t i = 0; i < r->n_unjudged; i++) {
		buf_puts(out, "Not judged");
		put_cell(out, r->unjudged[i]);
		buf_puts(out, "\n");
	}
	if (r->note) {
		put_cell(out, r->note);
		buf_putc(out, '\n');
	}
}

const struct check_format check_formats[] = {
	{ "text", check_write_text },	{ "json", check_write_json },
	{ "sarif", check_write_sarif }, { "junit", write_junit },
	{ "github", write_github },	{ "markdown", write_markdown },
};

const size_t n_check_formats = COUNT_OF(check_formats);
