#include "cli/check_formats.h"

enum { MOST_NOTES = 20 };

static void text_head(const struct vf_finding *f, struct buf *out)
{
	buf_puts(out, f->before ? "\n(before) " : "\n");
	check_head(f, out);
	buf_printf(out, ": %s (addresses x services)\n    ", f->size);
	check_boxes(f, "\n    ", out);
	buf_putc(out, '\n');
}

static void text_repair(const struct vf_repair *r, bool first, struct buf *out)
{
	buf_puts(out, first ? "  repair   " : "           ");
	if (r->file && r->at_line)
		buf_printf(out, "%s:%u: ", r->file, r->at_line);
	else if (r->file)
		buf_printf(out, "%s: ", r->file);
	buf_puts(out, r->what);
	if (r->rechecked)
		buf_puts(out, " (re-checked)");
	else
		buf_printf(out, " (not re-checked: %s)", r->why);
	for (size_t i = 0; i < r->line.n; i++)
		buf_printf(out, "\n             %s", r->line.v[i]);
	buf_putc(out, '\n');
}

static void text_finding(const struct vf_finding *f, struct buf *out)
{
	struct buf b = { 0 };

	text_head(f, out);
	for (int k = 0; k < FACTS; k++) {
		if (k == FACT_REPAIR) {
			for (size_t i = 0; i < f->repair.n; i++)
				text_repair(&f->repair.v[i], i == 0, out);
			continue;
		}
		b.n = 0;
		check_put_fact(f, k, "\n           ", &b);
		if (b.n)
			buf_printf(out, "  %-8s %s\n", check_facts[k].name,
				   b.s);
	}
	buf_free(&b);
}

static void text_waived(const struct verified *v, struct buf *out)
{
	for (size_t i = 0; i < v->waived.n; i++) {
		buf_puts(out, "\nwaived: ");
		check_waived_text(&v->waived.v[i], "\n    ", out);
		buf_putc(out, '\n');
	}
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

void check_write_text(const struct check_report *r, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		check_sentence(&r->v[i], out);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++)
			text_finding(&r->v[i].findings.v[k], out);
	for (size_t i = 0; i < r->n; i++)
		text_waived(&r->v[i], out);
	text_notes(r, out);
	if (r->aside.n)
		buf_putc(out, '\n');
	for (size_t i = 0; i < r->aside.n; i++) {
		const struct check_aside *x = &r->aside.v[i];

		buf_printf(out, "%s, %s: %s:%u: %s\n",
			   check_topics[x->topic].name, x->kind, x->file,
			   x->line, x->text);
	}
	buf_putc(out, '\n');
	for (size_t i = 0; i < r->n_unjudged; i++)
		buf_printf(out, "not judged%s\n", r->unjudged[i]);
	if (r->note)
		buf_printf(out, "%s\n", r->note);
}
