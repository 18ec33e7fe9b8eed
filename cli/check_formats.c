#include "cli/check_formats.h"

#include <string.h>

#include "base/json.h"
#include "cli/table.h"

enum { MOST_ANNOTATIONS = 9 }; /* GitHub shows ten of a kind and step */
enum { MOST_NOTES = 20 };

void check_sentence(const struct verified *v, struct buf *out)
{
	size_t x = v->count[VF_EXTRA], m = v->count[VF_MISSING];
	size_t u = v->count[VF_UNDECIDED];

	buf_printf(out, "%s: %s ", v->firewall->name, v->file);
	if (v->by_construction && !x && !m && !u)
		buf_puts(out, "is what gen writes: equal to the plan");
	else if (!x && !m && !u)
		buf_puts(out, "equals the plan");
	else if (!x && !m)
		buf_printf(out, "could not be decided: %zu places", u);
	else
		buf_printf(out, "does NOT equal the plan: %zu extra, %zu "
			   "missing%s", x, m, u ? ", some undecided" : "");
}

static const char *state_of(const struct vf_finding *f)
{
	return f->opening ? "may open" : "in other states";
}

/* ---- text ---------------------------------------------------------------------- */

static void text_finding(const struct vf_finding *f, struct buf *out)
{
	unsigned line, col, end;

	buf_printf(out, "\n%s%s on %s, %s: %s (addresses x services)\n",
		   f->before ? "(before) " : "", vf_kind_name[f->kind],
		   check_path_name[f->path], state_of(f), f->size);
	for (size_t i = 0; i < f->n_box; i++)
		buf_printf(out, "    %s\n", f->box[i]);
	if (f->more)
		buf_printf(out, "    and %zu more boxes\n", f->more);
	buf_printf(out, "  packet   %s\n", f->packet);
	buf_printf(out, "  kernel   %s%s%s\n", vf_proof_name[vf_proof(f)],
		   vf_proof(f) == VF_NOT_TRIED ? ": " : "",
		   vf_proof(f) == VF_NOT_TRIED ? f->kernel_why : "");
	if (*f->rule)
		buf_printf(out, "  rule     %s\n", f->rule);
	if (f->plan) {
		buf_printf(out, "  plan     %s", f->plan);
		if (f->plan_at.src) {
			span_position(f->plan_at, &line, &col, &end);
			buf_printf(out, " (%s:%u)", f->plan_at.src->name, line);
		}
		buf_putc(out, '\n');
	} else {
		buf_puts(out, "  plan     nothing\n");
	}
	if (f->why)
		buf_printf(out, "  because  %s\n", f->why);
	buf_printf(out, "  id       %s\n", f->fingerprint);
}

static void text_notes(const struct check_report *r, struct buf *out)
{
	size_t shown = 0, all = 0;

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].notes.n; k++, all++) {
			const struct vf_note *n = &r->v[i].notes.v[k];

			if (shown == MOST_NOTES)
				continue;
			if (!shown++)
				buf_putc(out, '\n');
			buf_printf(out, "note, %s: %s\n",
				   vf_note_name[n->kind], n->text);
		}
	if (all > shown)
		buf_printf(out, "and %zu more notes\n", all - shown);
}

static void write_text(const struct check_report *r, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		check_sentence(&r->v[i], out);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++)
			text_finding(&r->v[i].findings.v[k], out);
	text_notes(r, out);
	if (r->n_waiver_notes)
		buf_putc(out, '\n');
	for (size_t i = 0; i < r->n_waiver_notes; i++)
		buf_printf(out, "waiver: %s\n", r->waiver_notes[i]);
	buf_putc(out, '\n');
	for (size_t i = 0; i < r->n; i++)
		buf_printf(out, "not judged at %s: %s\n",
			   r->v[i].firewall->name, r->v[i].not_judged);
	for (size_t i = 0; i < r->n_unjudged; i++)
		buf_printf(out, "not judged: firewall %s (no file for it)\n",
			   r->unjudged[i]);
	if (r->note)
		buf_printf(out, "%s\n", r->note);
}

/* ---- SARIF 2.1.0 ------------------------------------------------------------------- */

static const struct {
	const char *title, *text, *level, *severity;
} rules[VF_KINDS] = {
	[VF_EXTRA] = { "More than planned",
		"The ruleset lets packets through that the plan does not. Take "
		"the rule out, or plan what it opens.", "error", "8.0" },
	[VF_MISSING] = { "Less than planned",
		"The ruleset blocks packets that the plan lets through. Load "
		"the generated ruleset, or take the flow out of the plan.",
		"error", "5.0" },
	[VF_UNDECIDED] = { "Undecided",
		"A part of the ruleset is not modelled: what it does with these "
		"packets could not be decided.", "warning", "3.0" },
};

static void sarif_text(struct json *j, const char *key, const char *text)
{
	json_object(j, key);
	json_str(j, "text", text);
	json_end_object(j);
}

static void sarif_rule(struct json *j, const char *id, const char *title,
		       const char *text, const char *severity)
{
	json_object(j, NULL);
	json_str(j, "id", id);
	sarif_text(j, "shortDescription", title);
	sarif_text(j, "fullDescription", text);
	sarif_text(j, "help", text);
	json_object(j, "properties");
	json_str(j, "security-severity", severity);
	json_str(j, "precision", "very-high");
	json_end_object(j);
	json_end_object(j);
}

static void sarif_rules(struct json *j)
{
	json_array(j, "rules");
	for (int k = 0; k < VF_KINDS; k++)
		sarif_rule(j, vf_kind_name[k], rules[k].title, rules[k].text,
			   rules[k].severity);
	sarif_rule(j, "note", "Worth knowing", "No difference from the plan, "
		   "but a rule, a reason or a set that asks for a look.", "1.0");
	json_end_array(j);
}

static void summary(const struct vf_finding *f, struct buf *out)
{
	buf_printf(out, "%s on %s: %s", rules[f->kind].title,
		   check_path_name[f->path], f->n_box ? f->box[0] : f->packet);
	if (f->n_box + f->more > 1)
		buf_printf(out, " and %zu more", f->n_box + f->more - 1);
	if (f->plan)
		buf_printf(out, "; plan: %s", f->plan);
}

/* In the rules where the deciding rule is known, else where it is planned,
 * else the file's first line: a finding always has a place. */
static void place_of(const struct verified *v, const struct vf_finding *f,
		     const char **file, unsigned *line)
{
	unsigned col, end;

	*file = v->file;
	*line = 1;
	if (f->file && f->line) {
		*file = f->file;
		*line = f->line;
	} else if (f->kind == VF_MISSING && f->plan_at.src &&
		   f->plan_at.src->name[0] != '<') {
		*file = f->plan_at.src->name;
		span_position(f->plan_at, line, &col, &end);
	}
}

struct sarif_result {
	const char *id, *level, *text, *file, *fingerprint;
	unsigned line;
};

static void sarif_result(struct json *j, const struct sarif_result *x)
{
	json_object(j, NULL);
	json_str(j, "ruleId", x->id);
	json_str(j, "level", x->level);
	sarif_text(j, "message", x->text);
	json_array(j, "locations");
	json_object(j, NULL);
	json_object(j, "physicalLocation");
	json_object(j, "artifactLocation");
	json_str(j, "uri", x->file);
	json_end_object(j);
	json_object(j, "region");
	json_int(j, "startLine", x->line ? x->line : 1);
	json_int(j, "startColumn", 1);
	json_end_object(j);
	json_end_object(j);
	json_end_object(j);
	json_end_array(j);
	json_object(j, "partialFingerprints");
	json_str(j, "primaryLocationLineHash", x->fingerprint);
	json_end_object(j);
	json_end_object(j);
}

static void sarif_finding(struct json *j, const struct verified *v,
			  const struct vf_finding *f)
{
	struct buf text = { 0 };
	struct sarif_result x = { .id = vf_kind_name[f->kind],
				  .level = rules[f->kind].level,
				  .fingerprint = f->fingerprint };

	place_of(v, f, &x.file, &x.line);
	summary(f, &text);
	x.text = text.s;
	sarif_result(j, &x);
	buf_free(&text);
}

static void sarif_note(struct json *j, const struct verified *v,
		       const struct vf_note *n)
{
	struct sarif_result x = { .id = "note", .level = "note",
				  .text = n->text,
				  .file = n->file ? n->file : v->file,
				  .line = n->line,
				  .fingerprint = n->fingerprint };

	sarif_result(j, &x);
}

static void write_sarif(const struct check_report *r, struct buf *out)
{
	struct json j = { .out = out };

	json_object(&j, NULL);
	json_str(&j, "$schema",
		 "https://json.schemastore.org/sarif-2.1.0.json");
	json_str(&j, "version", "2.1.0");
	json_array(&j, "runs");
	json_object(&j, NULL);
	json_object(&j, "tool");
	json_object(&j, "driver");
	json_str(&j, "name", "portplan");
	json_str(&j, "informationUri", "https://example.org/portplan");
	sarif_rules(&j);
	json_end_object(&j);
	json_end_object(&j);
	json_array(&j, "results");
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++)
			sarif_finding(&j, &r->v[i], &r->v[i].findings.v[k]);
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].notes.n; k++)
			sarif_note(&j, &r->v[i], &r->v[i].notes.v[k]);
	json_end_array(&j);
	json_end_object(&j);
	json_end_array(&j);
	json_end_object(&j);
}

/* ---- JUnit -------------------------------------------------------------------------- */

static void write_junit(const struct check_report *r, struct buf *out)
{
	buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		      "<testsuites name=\"portplan check\">\n");
	for (size_t i = 0; i < r->n; i++) {
		const struct verified *v = &r->v[i];

		buf_puts(out, "  <testsuite name=\"");
		put_html(out, v->firewall->name);
		buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\">\n",
			   v->findings.n ? v->findings.n : 1, v->findings.n);
		if (!v->findings.n)
			buf_puts(out, "    <testcase name=\"equals the "
				      "plan\"/>\n");
		for (size_t k = 0; k < v->findings.n; k++) {
			const struct vf_finding *f = &v->findings.v[k];

			buf_puts(out, "    <testcase name=\"");
			put_html(out, f->n_box ? f->box[0] : f->packet);
			buf_printf(out, "\">\n      <failure type=\"%s\" "
				   "message=\"", vf_kind_name[f->kind]);
			put_html(out, f->plan ? f->plan : "not planned");
			buf_puts(out, "\">");
			put_html(out, f->packet);
			buf_puts(out, "\n");
			put_html(out, f->rule);
			buf_puts(out, "</failure>\n    </testcase>\n");
		}
		for (size_t k = 0; k < v->notes.n; k++) {
			buf_puts(out, "    <system-out>");
			put_html(out, v->notes.v[k].text);
			buf_puts(out, "</system-out>\n");
		}
		buf_puts(out, "  </testsuite>\n");
	}
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

static void github_notes(const struct check_report *r, struct buf *out)
{
	size_t shown = 0;

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].notes.n; k++) {
			const struct vf_note *n = &r->v[i].notes.v[k];

			if (shown++ >= MOST_ANNOTATIONS)
				return;
			buf_puts(out, "::notice file=");
			put_github(out, n->file ? n->file : r->v[i].file, true);
			buf_printf(out, ",line=%u,title=portplan check::",
				   n->line ? n->line : 1);
			put_github(out, n->text, false);
			buf_putc(out, '\n');
		}
}

static void write_github(const struct check_report *r, struct buf *out)
{
	size_t shown = 0, all = 0;

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++, all++) {
			const struct vf_finding *f = &r->v[i].findings.v[k];
			struct buf text = { 0 };
			const char *file;
			unsigned line;

			if (shown == MOST_ANNOTATIONS)
				continue;
			shown++;
			place_of(&r->v[i], f, &file, &line);
			summary(f, &text);
			buf_printf(out, "::%s file=", f->kind == VF_UNDECIDED ?
				   "warning" : "error");
			put_github(out, file, true);
			buf_printf(out, ",line=%u,title=", line);
			put_github(out, rules[f->kind].title, true);
			buf_puts(out, "::");
			put_github(out, text.s, false);
			buf_putc(out, '\n');
			buf_free(&text);
		}
	github_notes(r, out);
	if (all > shown)
		buf_printf(out, "::error title=portplan check::and %zu more "
			   "findings\n", all - shown);
}

/* ---- markdown --------------------------------------------------------------------- */

static void put_cell(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("|\\`*_<>[]#&", *s))
			buf_putc(out, '\\');
		buf_putc(out, (unsigned char)*s < 0x20 ? ' ' : *s);
	}
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
		buf_free(&s);
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct verified *v = &r->v[i];

		if (!v->findings.n)
			continue;
		buf_puts(out, "\n| firewall | kind | since | what | plan | rule "
			      "|\n| --- | --- | --- | --- | --- | --- |\n");
		for (size_t k = 0; k < v->findings.n; k++) {
			const struct vf_finding *f = &v->findings.v[k];

			buf_puts(out, "| ");
			put_cell(out, v->firewall->name);
			buf_printf(out, " | %s | %s | ", vf_kind_name[f->kind],
				   f->before ? "before" : "now");
			put_cell(out, f->n_box ? f->box[0] : f->packet);
			buf_puts(out, " | ");
			put_cell(out, f->plan ? f->plan : "nothing");
			buf_puts(out, " | ");
			put_cell(out, f->rule);
			buf_puts(out, " |\n");
		}
	}
	markdown_notes(r, out);
	buf_putc(out, '\n');
	for (size_t i = 0; i < r->n; i++) {
		buf_puts(out, "Not judged at ");
		put_cell(out, r->v[i].firewall->name);
		buf_puts(out, ": ");
		put_cell(out, r->v[i].not_judged);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < r->n_unjudged; i++) {
		buf_puts(out, "Not judged: firewall ");
		put_cell(out, r->unjudged[i]);
		buf_putc(out, '\n');
	}
}

const struct check_format check_formats[] = {
	{ "text", write_text },	    { "json", check_write_json },
	{ "sarif", write_sarif },   { "junit", write_junit },
	{ "github", write_github }, { "markdown", write_markdown },
};

const size_t n_check_formats = COUNT_OF(check_formats);
