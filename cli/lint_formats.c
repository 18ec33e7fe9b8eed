#include "cli/lint_formats.h"

#include <string.h>

#include "cli/table.h"

enum {
	WIDTH = 80,
	LABEL = 10,	 /* of "  remedy  " */
	MOST_SHOWN = 10, /* findings of one rule, without --full */
};

static bool shown(const struct lint_result *r, const struct advice_rule *rule)
{
	return r->full || rule->severity != ADVICE_INFO;
}

/* ---- text ----------------------------------------------------------------------------- */

/* "  why     ..." in lines, the following ones below the first. */
static void put_wrapped(struct buf *out, const char *label, const char *s)
{
	struct buf plain = { 0 };
	size_t col = LABEL;

	if (!s)
		return;
	buf_printf(out, "  %-*s", LABEL - 2, label);
	put_plain(&plain, s);
	for (const char *p = plain.s; p && *p;) {
		size_t n = strcspn(p, " ");

		if (col > LABEL && col + 1 + n > WIDTH) {
			buf_putc(out, '\n');
			buf_pad(out, ' ', LABEL);
			col = LABEL;
		} else if (col > LABEL) {
			buf_putc(out, ' ');
			col++;
		}
		buf_put(out, p, n);
		col += n;
		p += n;
		p += strspn(p, " ");
	}
	buf_putc(out, '\n');
	buf_free(&plain);
}

static void put_place(struct buf *out, const char *file, unsigned line)
{
	if (!file)
		return;
	put_plain(out, file);
	buf_printf(out, ":%u: ", line);
}

static void text_rule(const struct lint_result *r,
		      const struct advice_finding *f, size_t n,
		      struct buf *out)
{
	const struct advice_rule *rule = f->rule;
	size_t most = r->full ? n : MOST_SHOWN;

	buf_printf(out, "\n%s  %s: ", advice_severity_name[rule->severity],
		   rule->id);
	put_plain(out, rule->title);
	buf_putc(out, '\n');
	for (size_t i = 0; i < n && i < most; i++) {
		buf_puts(out, "  ");
		put_place(out, f[i].file, f[i].line);
		put_plain(out, f[i].text);
		buf_putc(out, '\n');
	}
	if (n > most)
		buf_printf(out, "  and %zu more (--full)\n", n - most);
	put_wrapped(out, "why", rule->why);
	put_wrapped(out, "remedy", rule->remedy);
	put_wrapped(out, "source", rule->source);
}

static void text_head(const struct lint_result *r, struct buf *out)
{
	const struct advice_report *p = r->report;

	buf_printf(out, "%s: %zu critical, %zu error%s, %zu warning%s, %zu "
		   "info%s\n", r->topo->name, p->count[ADVICE_CRITICAL],
		   p->count[ADVICE_ERROR], plural(p->count[ADVICE_ERROR]),
		   p->count[ADVICE_WARNING],
		   plural(p->count[ADVICE_WARNING]), p->count[ADVICE_INFO],
		   p->count[ADVICE_INFO] && !r->full ? " (--full)" : "");
}

static void text_skips(const struct lint_result *r, struct buf *out)
{
	unsigned line, col, end;

	for (size_t i = 0; i < r->topo->skips.n; i++) {
		const struct skip *s = r->topo->skips.v[i];

		if (r->report->skip[i] == SKIP_USED)
			continue;
		span_position(s->at, &line, &col, &end);
		put_place(out, s->at.src->name, line);
		buf_printf(out, "the skip of %s ", s->rule);
		if (r->report->skip[i] == SKIP_EXPIRED)
			buf_printf(out, "expired on %s\n", s->expires.text);
		else
			buf_puts(out, "leaves nothing out: take it away\n");
	}
}

static void text_skipped(const struct lint_result *r, struct buf *out)
{
	const struct advice_report *p = r->report;

	if (p->skipped.n && !r->full)
		buf_printf(out, "%zu finding%s skipped (--full)\n",
			   p->skipped.n, plural(p->skipped.n));
	for (size_t i = 0; i < p->skipped.n && r->full; i++) {
		const struct advice_finding *f = &p->skipped.v[i];

		buf_printf(out, "skipped: %s: ", f->rule->id);
		put_plain(out, f->text);
		buf_puts(out, " (");
		put_plain(out, f->skip->reason);
		if (f->skip->expires.given)
			buf_printf(out, "; until %s", f->skip->expires.text);
		buf_puts(out, ")\n");
	}
}

static void text_undecided(const struct lint_result *r, struct buf *out)
{
	const struct advice_report *p = r->report;

	buf_puts(out, "\nnot decidable from a topology:\n");
	for (size_t i = 0; i < p->undecided.n; i++) {
		const struct advice_rule *u = p->undecided.v[i];

		buf_printf(out, "  %s: ", u->id);
		put_plain(out, u->title);
		buf_puts(out, "; ");
		put_plain(out, u->undecided);
		buf_putc(out, '\n');
	}
	buf_puts(out, "\nwithout findings:\n");
	for (size_t i = 0; i < p->passed.n; i++)
		buf_printf(out, "  %s\n", p->passed.v[i]->id);
}

static void write_text(const struct lint_result *r, struct buf *out)
{
	const struct advice_report *p = r->report;
	size_t before;

	text_head(r, out);
	for (size_t i = 0; i < p->findings.n;) {
		size_t n = 1;

		while (i + n < p->findings.n &&
		       p->findings.v[i + n].rule == p->findings.v[i].rule)
			n++;
		if (shown(r, p->findings.v[i].rule))
			text_rule(r, &p->findings.v[i], n, out);
		i += n;
	}
	buf_putc(out, '\n');
	before = out->n;
	text_skipped(r, out);
	text_skips(r, out);
	if (out->n == before)
		out->s[--out->n] = '\0';
	if (r->full)
		text_undecided(r, out);
}

/* ---- markdown, html, csv: as a table ----------------------------------------------------- */

static const struct table_column columns[] = {
	{ "severity", "SEVERITY", 8, 0 },
	{ "rule", "RULE", 8, 0 },
	{ "place", "PLACE", 8, 0 },
	{ "finding", "FINDING", 20, 0 },
	{ "why", "WHY", 20, 0 },
	{ "remedy", "REMEDY", 20, 0 },
	{ "source", "SOURCE", 10, 0 },
};

enum { N_COLUMNS = COUNT_OF(columns) };

static void fill(const struct lint_result *r, const char **cell,
		 const struct advice_finding *f)
{
	const char *severity = advice_severity_name[f->rule->severity];

	cell[0] = f->skip ? arena_printf(r->arena, "skipped (%s)", severity) :
			    severity;
	cell[1] = f->rule->id;
	cell[2] = f->file ? arena_printf(r->arena, "%s:%u", f->file, f->line) :
			    "";
	cell[3] = f->text;
	cell[4] = f->skip ? f->skip->reason : f->rule->why;
	cell[5] = f->rule->remedy;
	cell[6] = f->rule->source;
}

static void fill_undecided(const char **cell, const struct advice_rule *u)
{
	cell[0] = "not decidable";
	cell[1] = u->id;
	cell[3] = u->title;
	cell[4] = u->undecided;
	cell[6] = u->source;
}

static void write_table(const struct lint_result *r, struct buf *out,
			const char *format)
{
	const struct advice_report *p = r->report;
	size_t most = p->findings.n + p->skipped.n + p->undecided.n;
	struct buf head = { 0 };
	struct table t = { .schema = "portplan-lint-table-1",
			   .column = columns, .n_column = N_COLUMNS };

	t.title = arena_printf(r->arena, "Advice for %s", r->topo->name);
	t.cell = ARENA_ARRAY(r->arena, const char *, most * N_COLUMNS);
	for (size_t i = 0; i < p->findings.n; i++)
		if (shown(r, p->findings.v[i].rule))
			fill(r, t.cell + t.n_row++ * N_COLUMNS,
			     &p->findings.v[i]);
	for (size_t i = 0; i < p->skipped.n && r->full; i++)
		fill(r, t.cell + t.n_row++ * N_COLUMNS, &p->skipped.v[i]);
	for (size_t i = 0; i < p->undecided.n && r->full; i++)
		fill_undecided(t.cell + t.n_row++ * N_COLUMNS,
			       p->undecided.v[i]);
	text_head(r, &head);
	head.s[head.n - 1] = '\0';
	t.summary = arena_strdup(r->arena, head.s);
	for (size_t i = 0; i < n_table_formats; i++)
		if (!strcmp(table_formats[i].name, format))
			table_formats[i].write(&t, out, WIDTH);
	buf_free(&head);
}

static void write_markdown(const struct lint_result *r, struct buf *out)
{
	write_table(r, out, "markdown");
}

static void write_html(const struct lint_result *r, struct buf *out)
{
	write_table(r, out, "html");
}

static void write_csv(const struct lint_result *r, struct buf *out)
{
	write_table(r, out, "csv");
}

const struct lint_format lint_formats[] = {
	{ "text", write_text },		{ "json", lint_write_json },
	{ "sarif", lint_write_sarif },	{ "markdown", write_markdown },
	{ "html", write_html },		{ "csv", write_csv },
};

const size_t n_lint_formats = COUNT_OF(lint_formats);
