#include <ctype.h>
#include <string.h>

#include "cli/check_formats.h"

/*
 * SARIF 2.1.0, within what GitHub takes of an upload: 5,000 results of a run
 * are shown, and 1,000 steps of a flow kept (docs.github.com, "SARIF support
 * for code scanning"). What is over is counted in a notification.
 */
enum { MOST_RESULTS = 5000, MOST_TEXT = 1000 };

static void text_object(struct json *j, const char *key, const char *text)
{
	size_t n = strlen(text);
	struct buf b = { 0 };

	json_object(j, key);
	if (n > MOST_TEXT) {
		for (n = MOST_TEXT; n && (text[n] & 0xc0) == 0x80;)
			n--; /* not inside a character */
		buf_put(&b, text, n);
		buf_puts(&b, "...");
		text = b.s;
	}
	json_str(j, "text", text);
	json_end_object(j);
	buf_free(&b);
}

static void rule(struct json *j, const char *id, const char *title,
		 const char *text, const char *severity)
{
	json_object(j, NULL);
	json_str(j, "id", id);
	text_object(j, "shortDescription", title);
	text_object(j, "fullDescription", text);
	text_object(j, "help", text);
	json_object(j, "properties");
	json_str(j, "security-severity", severity);
	json_str(j, "precision", "very-high");
	json_end_object(j);
	json_end_object(j);
}

static void driver(struct json *j)
{
	json_object(j, "tool");
	json_object(j, "driver");
	json_str(j, "name", "portplan");
	json_str(j, "informationUri", "https://example.org/portplan");
	json_array(j, "rules");
	for (int k = 0; k < VF_KINDS; k++)
		rule(j, vf_kind_name[k], check_kinds[k].title,
		     check_kinds[k].text, check_kinds[k].severity);
	for (int t = 0; t < TOPICS; t++)
		rule(j, check_topics[t].name, check_topics[t].title,
		     check_topics[t].text, check_topics[t].severity);
	rule(j, "note", "Worth knowing", "No difference from the plan, but a "
	     "rule, a reason or a set that asks for a look.", "1.0");
	json_end_array(j);
	json_end_object(j);
	json_end_object(j);
}

/* A file name as a URI reference (RFC 3986). */
static void uri(struct json *j, const char *file)
{
	struct buf b = { 0 };

	while (!strncmp(file, "./", 2))
		file += 2;
	for (; *file; file++)
		if (isalnum((unsigned char)*file) || strchr("/._-~", *file))
			buf_putc(&b, *file);
		else
			buf_printf(&b, "%%%02X", (unsigned char)*file);
	json_str(j, "uri", b.n ? b.s : "");
	buf_free(&b);
}

static void physical(struct json *j, const char *file, unsigned line)
{
	json_object(j, "physicalLocation");
	json_object(j, "artifactLocation");
	uri(j, file);
	json_end_object(j);
	json_object(j, "region");
	json_int(j, "startLine", line ? line : 1);
	json_int(j, "startColumn", 1);
	json_end_object(j);
	json_end_object(j);
}

struct result {
	const char *id, *level, *text, *file, *fingerprint;
	unsigned line;
};

static void result_open(struct json *j, const struct result *x)
{
	json_object(j, NULL);
	json_str(j, "ruleId", x->id);
	json_str(j, "level", x->level);
	text_object(j, "message", x->text);
	json_array(j, "locations");
	json_object(j, NULL);
	physical(j, x->file, x->line);
	json_end_object(j);
	json_end_array(j);
	json_object(j, "partialFingerprints");
	json_str(j, "primaryLocationLineHash", x->fingerprint);
	json_end_object(j);
}

/* ---- the packet's way as a flow of places ------------------------------------------ */

static void flow_step(struct json *j, const struct verified *v,
		      const struct kr_rule *r, const char *text)
{
	json_object(j, NULL);
	json_object(j, "location");
	physical(j, r && r->line ? r->file : v->file, r ? r->line : 1);
	text_object(j, "message", text);
	json_end_object(j);
	json_end_object(j);
}

static void flow_chain(struct json *j, const struct verified *v,
		       const struct trace *t)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < t->step.n; i++) {
		b.n = 0;
		buf_printf(&b, "%s %s, chain %s: ",
			   kr_family_name(t->base->table->family),
			   t->base->table->name, t->step.v[i].chain->name);
		if (i + 1 < t->step.n)
			buf_printf(&b, "on to %s",
				   t->step.v[i + 1].chain->name);
		else
			buf_puts(&b, t->verdict);
		flow_step(j, v, t->step.v[i].rule, b.s);
	}
	buf_free(&b);
}

static void flow(struct json *j, const struct verified *v,
		 const struct vf_finding *f)
{
	if (!f->way.v.n)
		return;
	json_array(j, "codeFlows");
	json_object(j, NULL);
	json_array(j, "threadFlows");
	json_object(j, NULL);
	json_array(j, "locations");
	for (size_t i = 0; i < f->way.v.n; i++)
		flow_chain(j, v, &f->way.v.v[i]);
	json_end_array(j);
	json_end_object(j);
	json_end_array(j);
	json_end_object(j);
	json_end_array(j);
}

static void properties(struct json *j, const struct vf_finding *f)
{
	json_object(j, "properties");
	check_json_members(j, f);
	json_end_object(j);
}

static void finding(struct json *j, const struct verified *v,
		    const struct vf_finding *f, bool compared)
{
	struct buf text = { 0 };
	struct result x = { .id = vf_kind_name[f->kind],
			    .level = check_kinds[f->kind].level,
			    .fingerprint = f->fingerprint };

	check_place(v, f, &x.file, &x.line);
	check_summary(f, &text);
	x.text = text.s;
	result_open(j, &x);
	if (compared)
		json_str(j, "baselineState", f->before ? "unchanged" : "new");
	flow(j, v, f);
	properties(j, f);
	json_end_object(j);
	buf_free(&text);
}

static void note(struct json *j, const struct verified *v,
		 const struct vf_note *n)
{
	struct result x = { .id = "note", .level = "note", .text = n->text,
			    .file = n->file ? n->file : v->file,
			    .line = n->line, .fingerprint = n->fingerprint };

	result_open(j, &x);
	json_end_object(j);
}

static void aside(struct json *j, const struct check_aside *w)
{
	struct result x = { .id = check_topics[w->topic].name,
			    .level = check_topics[w->topic].level,
			    .text = w->text, .file = w->file, .line = w->line,
			    .fingerprint = w->fingerprint };

	result_open(j, &x);
	json_end_object(j);
}

static size_t results(struct json *j, const struct check_report *r)
{
	size_t n = 0, all = 0;

	json_array(j, "results");
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++, all++)
			if (n < MOST_RESULTS && ++n)
				finding(j, &r->v[i], &r->v[i].findings.v[k],
					r->compared);
	for (size_t i = 0; i < r->aside.n; i++, all++)
		if (n < MOST_RESULTS && ++n)
			aside(j, &r->aside.v[i]);
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].notes.n; k++, all++)
			if (n < MOST_RESULTS && ++n)
				note(j, &r->v[i], &r->v[i].notes.v[k]);
	json_end_array(j);
	return all - n;
}

static void notification(struct json *j, const char *text)
{
	json_object(j, NULL);
	json_str(j, "level", "note");
	text_object(j, "message", text);
	json_end_object(j);
}

static void invocation(struct json *j, const struct check_report *r,
		       size_t left_out)
{
	struct buf b = { 0 };

	json_array(j, "invocations");
	json_object(j, NULL);
	json_bool(j, "executionSuccessful", true);
	json_array(j, "toolExecutionNotifications");
	for (size_t i = 0; i < r->n; i++) {
		b.n = 0;
		check_sentence(&r->v[i], &b);
		notification(j, b.s);
		for (size_t k = 0; k < r->v[i].waived.n; k++) {
			b.n = 0;
			check_waived_text(&r->v[i].waived.v[k], "; ", &b);
			notification(j, b.s);
		}
	}
	for (size_t i = 0; i < r->n_unjudged; i++) {
		b.n = 0;
		buf_printf(&b, "not judged%s", r->unjudged[i]);
		notification(j, b.s);
	}
	if (r->note)
		notification(j, r->note);
	if (left_out) {
		b.n = 0;
		buf_printf(&b, "and %zu more results, which are not in this "
			   "file", left_out);
		notification(j, b.s);
	}
	json_end_array(j);
	json_end_object(j);
	json_end_array(j);
	buf_free(&b);
}

void check_write_sarif(const struct check_report *r, struct buf *out)
{
	struct json j = { .out = out };
	size_t left_out;

	json_object(&j, NULL);
	json_str(&j, "$schema",
		 "https://json.schemastore.org/sarif-2.1.0.json");
	json_str(&j, "version", "2.1.0");
	json_array(&j, "runs");
	json_object(&j, NULL);
	driver(&j);
	left_out = results(&j, r);
	invocation(&j, r, left_out);
	json_end_object(&j);
	json_end_array(&j);
	json_end_object(&j);
	buf_putc(out, '\n');
}
