#include <string.h>

#include "cli/check_waivers.h"

/*
 * What a running firewall permits beyond the plan, as exceptions: a file to be
 * included, whose every line the topology takes. A line that it refuses (a
 * forbid stands against it, or there is no path) becomes a comment that says
 * so.
 */
struct line {
	const char *xml, *why; /* why: not to be planned */
};

struct proposal {
	struct args *a;
	const struct loaded *l;
	const char *day;
	VEC(struct line) line;
	struct buf rest; /* comments */
};

static const char *origin(struct proposal *p, const struct verified *v,
			  const struct vf_finding *f)
{
	struct buf b = { 0 };
	const char *from = f->file && f->line ?
		arena_printf(p->a->arena, "%s:%u", f->file, f->line) :
		v->file, *s;

	for (; *from; from++)
		if (*from == '&' || *from == '<' || *from == '"')
			buf_printf(&b, "&#%d;", *from);
		else
			buf_putc(&b, *from);
	s = arena_strdup(p->a->arena, b.s ? b.s : "");
	buf_free(&b);
	return s;
}

/* "a--b" would end a comment. */
static void put_remark(struct buf *out, const char *what, const char *s)
{
	buf_printf(out, "  <!-- %s: ", what);
	for (; *s; s++)
		buf_puts(out, *s == '-' && s[1] == '-' ? "- " :
			      (char[]){ *s, '\0' });
	buf_puts(out, " -->\n");
}

static void take_finding(struct proposal *p, const struct verified *v,
			 const struct vf_finding *f)
{
	const char *from = origin(p, v, f);

	if (f->kind != VF_EXTRA)
		return;
	if (f->path != PATH_FORWARD) {
		for (size_t i = 0; i < f->n_box; i++)
			put_remark(&p->rest, arena_printf(p->a->arena,
				"to the firewall %s itself, so an input of it",
				v->firewall->name), f->box[i]);
		return;
	}
	for (size_t i = 0; i < f->waive.n; i++) {
		struct line x = { .xml = arena_printf(p->a->arena,
			"  <allow name=\"observed-%.8s-%zu\" %s\n"
			"         reason=\"observed at %s, unreviewed: %s "
			"permits it\" expires=\"%s\"/>\n", f->fingerprint,
			i + 1, f->waive.v[i], v->firewall->name, from,
			p->day) };

		vec_push(p->a->arena, &p->line, x);
	}
}

/* The lines lo..hi that are left, as a topology would take them. */
static bool taken(struct proposal *p, size_t lo, size_t hi,
		  struct loaded *out, const char **why)
{
	struct buf b = { 0 };
	bool good;

	for (size_t i = lo; i < hi; i++)
		if (!p->line.v[i].why)
			buf_puts(&b, p->line.v[i].xml);
	struct vf_edit e = { .add = b.s ? b.s : "" };

	good = check_edited(p->a, p->l, &e, out, why);
	buf_free(&b);
	return good;
}

/* Halves, until it is known which lines are refused. */
static void refuse(struct proposal *p, size_t lo, size_t hi)
{
	const char *why = NULL;
	struct loaded out;

	if (lo == hi || taken(p, lo, hi, &out, &why))
		return;
	if (hi - lo == 1) {
		p->line.v[lo].why = why;
		return;
	}
	refuse(p, lo, lo + (hi - lo) / 2);
	refuse(p, lo + (hi - lo) / 2, hi);
}

static void put_left(struct proposal *p, const struct vf_finding *f)
{
	if (f->kind == VF_EXTRA && f->opening && f->path == PATH_FORWARD)
		for (size_t i = 0; i < f->n_box; i++)
			put_remark(&p->rest, "stays beyond the plan, which no "
				   "exception changes", f->box[i]);
}

/* Is it all planned now? What no exception plans (it goes inside IPsec, say)
 * is named. */
static void judge_again(struct proposal *p, const struct check_report *r)
{
	static const struct verify_options opt = { .no_replay = true };
	const char *why = NULL;
	struct loaded out;

	if (!taken(p, 0, p->line.n, &out, &why))
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
	for (size_t i = 0; i < p->line.n; i++)
		if (!p->line.v[i].why)
			buf_puts(&b, p->line.v[i].xml);
		else
			buf_printf(&b, "  <!-- the topology refuses it: %s\n"
				   "%s  -->\n", p->line.v[i].why,
				   p->line.v[i].xml);
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

	date_text(l->now + CHECK_DAYS * 86400, day);
	p.day = day;
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++)
			take_finding(&p, &r->v[i], &r->v[i].findings.v[k]);
	refuse(&p, 0, p.line.n);
	judge_again(&p, r);
	code = put_all(&p, path);
	buf_free(&p.rest);
	return code;
}
