#include <linux/netfilter.h>

#include "check/load.h"
#include "check/verify.h"
#include "cli/apply.h"

/*
 * What an apply opens and closes: the running kernel judged against the plan,
 * read the other way round. What runs beyond the plan will be closed; what it
 * blocks of the plan will be opened.
 */
enum { MOST_FINDINGS = 40 };

/* Tables of others stay, and may drop what they like: no matter of ours. */
static void foreign_tables(struct args *a, const struct kruleset *rs,
			   const char *table, struct verify_options *opt)
{
	VEC(const char *) v = { 0 };

	for (size_t i = 0; i < rs->table.n; i++)
		if (!generation_of(table, rs->table.v[i]->name))
			vec_push(a->arena, &v, rs->table.v[i]->name);
	opt->may_deny = v.v;
	opt->n_may_deny = v.n;
}

static void put_finding(const struct vf_finding *f, struct buf *out)
{
	static const char *const word[VF_KINDS] = {
		[VF_EXTRA] = "closes", [VF_MISSING] = "opens",
		[VF_UNDECIDED] = "perhaps",
	};
	unsigned line, col, end;

	for (size_t i = 0; i < f->n_box; i++)
		buf_printf(out, "%-8s%s%s\n", i ? "" : word[f->kind],
			   f->box[i], f->opening ? "" :
			   " (not of new connections)");
	if (f->more)
		buf_printf(out, "        and %zu more boxes\n", f->more);
	if (f->plan && f->kind != VF_EXTRA) {
		buf_printf(out, "        plan: %s", f->plan);
		if (f->plan_at.src) {
			span_position(f->plan_at, &line, &col, &end);
			buf_printf(out, " (%s:%u)", f->plan_at.src->name, line);
		}
		buf_putc(out, '\n');
	}
	if (f->why)
		buf_printf(out, "        because: %s\n", f->why);
}

static void put_findings(const struct verified *v, struct buf *out)
{
	size_t shown = 0;

	for (size_t i = 0; i < v->findings.n && shown < MOST_FINDINGS; i++)
		if (v->findings.v[i].kind == VF_MISSING && ++shown)
			put_finding(&v->findings.v[i], out);
	for (size_t i = 0; i < v->findings.n && shown < MOST_FINDINGS; i++)
		if (v->findings.v[i].kind != VF_MISSING && ++shown)
			put_finding(&v->findings.v[i], out);
	if (shown < v->findings.n)
		buf_printf(out, "and %zu more\n", v->findings.n - shown);
}

int apply_difference(struct args *a, const struct loaded *l,
		     const struct firewall *f, const char *table,
		     const struct running *r, struct buf *out, bool *opens,
		     bool *closes)
{
	char name[256];
	struct kr_known known = { .table = name, .generation = r->generation,
				  .messages = r->elements.s,
				  .n = r->elements.n };
	struct verify_options opt = { .no_replay = true, .no_notes = true };
	struct verified v = { .file = "the running kernel", .firewall = f };
	struct buf err = { 0 };
	struct kruleset *rs;

	if (r->slot < 0) {
		buf_puts(out, "closes  what is not planned: now everything "
			      "passes that tables of others let through\n");
		*opens = false;
		*closes = true;
		return EXIT_OK;
	}
	generation_name(table, r->slot, name, sizeof(name));
	rs = check_read_live(a->arena, &known, &err);
	if (!rs) {
		complain(a, "%s", err.s ? err.s : "the kernel cannot be read");
		buf_free(&err);
		return EXIT_BAD;
	}
	foreign_tables(a, rs, table, &opt);
	verify_firewall(a->arena, l->plan, f, rs, &opt, &v);
	put_findings(&v, out);
	*opens = v.count[VF_MISSING];
	*closes = v.count[VF_EXTRA];
	check_unload(rs);
	return EXIT_OK;
}
