#include "cli/check_formats.h"

enum { MOST_NOTES = 20 };

static void text_head(const struct vf_finding *f, struct buf *out)
{
	buf_printf(out, "\n%s%s on %s, %s: %s (addresses x services)\n",
		   f->before ? "(before) " : "", vf_kind_name[f->kind],
		   check_path_name[f->path],
		   f->opening ? "may open" : "in other states", f->size);
	for (size_t i = 0; i < f->n_box; i++)
		buf_printf(out, "    %s\n", f->box[i]);
	if (f->more)
		buf_printf(out, "    and %zu more boxes\n", f->more);
	if (f->internet || f->astray || f->outside) {
		buf_puts(out, "  about    ");
		check_about(f, "\n           ", out);
		buf_putc(out, '\n');
	}
	buf_printf(out, "  packet   %s\n", f->packet);
	buf_printf(out, "  kernel   %s%s%s\n", vf_proof_name[vf_proof(f)],
		   vf_proof(f) == VF_NOT_TRIED ? ": " : "",
		   vf_proof(f) == VF_NOT_TRIED ? f->kernel_why : "");
}

static void text_plan(const struct vf_finding *f, struct buf *out)
{
	unsigned line, col, end;

	buf_printf(out, "  plan     %s", f->plan ? f->plan : "nothing");
	if (f->plan && f->plan_at.src) {
		span_position(f->plan_at, &line, &col, &end);
		buf_printf(out, " (%s:%u)", f->plan_at.src->name, line);
	}
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
	text_head(f, out);
	if (*f->rule)
		buf_printf(out, "  rule     %s\n", f->rule);
	if (*f->path_text)
		buf_printf(out, "  path     %s\n", f->path_text);
	text_plan(f, out);
	if (f->why)
		buf_printf(out, "  because  %s\n", f->why);
	for (size_t i = 0; i < f->repair.n; i++)
		text_repair(&f->repair.v[i], i == 0, out);
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

void check_write_text(const struct check_report *r, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		check_sentence(&r->v[i], out);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++)
			text_finding(&r->v[i].findings.v[k], out);
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
