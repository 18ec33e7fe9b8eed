#include "cli/check_waivers.h"
#include "cli/tried.h"

/*
 * What a running firewall permits beyond the plan, as exceptions: a file to be
 * included, whose every line the topology takes. A line that it refuses (a
 * forbid stands against it, or there is no path) becomes a comment that says
 * so.
 */
struct proposal {
	struct args *a;
	const struct loaded *l;
	const char *day;
	VEC(struct tried_line) line;
	struct buf rest; /* comments */
};

static const char *origin(struct proposal *p, const struct verified *v,
			  const struct vf_finding *f)
{
	struct buf b = { 0 };
	const char *from = f->file && f->line ?
		arena_printf(p->a->arena, "%s:%u", f->file, f->line) :
		v->file;

	buf_xml_value(&b, from);
	return buf_take(p->a->arena, &b);
}

static void put_remark(struct proposal *p, const char *what, const char *s)
{
	comment_put(arena_printf(p->a->arena, "%s: %s", what, s), &p->rest);
}

static void take_finding(struct proposal *p, const struct verified *v,
			 const struct vf_finding *f)
{
	const char *from = origin(p, v, f);

	if (f->kind != VF_EXTRA)
		return;
	if (f->mistranslated) {
		for (size_t i = 0; i < f->n_box; i++)
			put_remark(p, arena_printf(p->a->arena,
				"translated at %s, which no exception plans: "
				"%s", v->firewall->name, from), f->box[i]);
		return;
	}
	if (f->path != PATH_FORWARD) {
		for (size_t i = 0; i < f->n_box; i++)
			put_remark(p, arena_printf(p->a->arena,
				"to the firewall %s itself, so an input of it",
				v->firewall->name), f->box[i]);
		return;
	}
	for (size_t i = 0; i < f->waive.n; i++) {
		struct tried_line x = { .xml = arena_printf(p->a->arena,
			"  <allow name=\"observed-%.8s-%zu\" %s\n"
			"         reason=\"observed at %s, unreviewed: %s "
			"permits it\" expires=\"%s\"/>", f->fingerprint,
			i + 1, f->waive.v[i], v->firewall->name, from,
			p->day) };

		vec_push(p->a->arena, &p->line, x);
	}
}

static void put_left(struct proposal *p, const struct vf_finding *f)
{
	if (f->kind == VF_EXTRA && f->opening && f->path == PATH_FORWARD &&
	    !f->mistranslated)
		for (size_t i = 0; i < f->n_box; i++)
			put_remark(p, "stays beyond the plan, which no "
				   "exception changes", f->box[i]);
}

/* Is it all planned now? What no exception plans (it goes inside IPsec, say)
 * is named. */
static void judge_again(struct proposal *p, const struct check_report *r)
{
	static const struct verify_options opt = { .no_replay = true };
	struct loaded out;

	if (!tried_lines(p->a, p->l, p->line.v, p->line.n, &out))
		return;
	for (size_t i = 0; i < r->n; i++) {
		const struct firewall *f =
			topology_firewall(out.topo, r->v[i].firewall->name);
		struct verified v = { .file = r->v[i].file };

		if (!r->v[i].rules)
			continue;
		verify_firewall(p->a->arena, out.plan, f, r->v[i].rules, &opt,
				&v);
		for (size_t k = 0; k < v.findings.n; k++)
			put_left(p, &v.findings.v[k]);
	}
}

static int put_all(struct proposal *p, const char *path)
{
	struct buf b = { 0 };
	int code;

	buf_puts(&b, "<topology xmlns=\"urn:portplan:1\" name=\"observed\">\n");
	tried_put(p->line.v, p->line.n, &b);
	buf_put(&b, p->rest.n ? p->rest.s : "", p->rest.n);
	buf_puts(&b, "</topology>\n");
	code = write_file(p->a, path, &b);
	buf_free(&b);
	return code;
}

int check_write_proposal(struct args *a, const struct check_report *r,
			 const struct loaded *l, const char *path)
{
	struct proposal p = { .a = a, .l = l };
	char day[16];
	int code;

	date_text(l->now + REVIEW_DAYS * 86400, day);
	p.day = day;
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++)
			take_finding(&p, &r->v[i], &r->v[i].findings.v[k]);
	judge_again(&p, r);
	code = put_all(&p, path);
	buf_free(&p.rest);
	return code;
}
