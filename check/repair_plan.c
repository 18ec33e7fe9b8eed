#include <string.h>

#include "check/repair.h"

/*
 * A finding may be the plan's fault: what an existing rule lets through is
 * planned by a line more, and what it does not is no longer planned by a line
 * less. Tried on the topology in memory; the rules are judged by the plan that
 * comes of it.
 */
enum { MAX_LINES = 6, MAX_TRIES = 25 };

static const char *allow_of(struct verifier *v, const struct vf_finding *f,
			    size_t i)
{
	const char *words = f->waive.v[i], *to = strstr(words, " to=\"");

	if (f->path == PATH_FORWARD)
		return arena_printf(v->a, "<allow %s reason=\"...\"/>", words);
	/* to the firewall: it has no far end to name */
	if (!to)
		return NULL;
	return arena_printf(v->a, "<input %.*s%s reason=\"...\"/>",
			    (int)(to - words), words,
			    strchr(to + 5, '"') + 1);
}

static bool take_lines(struct verifier *v, struct vf_finding *f,
		       struct vf_repair *r)
{
	if (!f->waive.n || f->waive.n > MAX_LINES || f->unsaid)
		return false;
	for (size_t i = 0; i < f->waive.n; i++)
		vec_push(v->a, &r->line, allow_of(v, f, i));
	return r->line.v[0];
}

/* The rules by another plan. */
static bool cured_by(struct verifier *v, const struct vf_finding *f,
		     const struct plan *p, const struct differences *now)
{
	const struct firewall *fw = topology_firewall(p->topo, v->f->name);
	const struct check_side *rules = &v->judged[f->path].rules;
	struct differences then;
	struct check_side plan;

	if (!fw)
		return false;
	plan = f->path == PATH_FORWARD ?
		check_planned_forward(v->c, p, fw) :
		check_planned_input(v->c, p, fw);
	plan.d = space_or(v->c->s, plan.d, v->judged[f->path].opens);
	v->path = f->path;
	then = differences_from(v, f->path, p, fw, plan.d,
				verifier_waived(v, plan.d, rules, false),
				rules);
	return differences_left(v, f, &then) == SPACE_NO &&
	       !differences_grow(v, &now[f->path], &then);
}

static const char *joined(struct verifier *v, const struct vf_repair *r)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < r->line.n; i++)
		buf_printf(&b, "%s\n", r->line.v[i]);
	return buf_take(v->a, &b);
}

static void file_line(struct vf_repair *r, struct span at)
{
	unsigned col, end;

	r->file = at.src->name;
	span_position(at, &r->at_line, &col, &end);
}

static void plan_it(struct verifier *v, struct vf_finding *f,
		    const struct differences *now)
{
	bool input = f->path != PATH_FORWARD;
	struct vf_edit e = { .inside = input ? &v->f->at : NULL };
	struct vf_repair r = { .what = input ?
		"or, if it is meant, add to the firewall" :
		"or, if it is meant, add to the topology" };
	const struct plan *p;

	if ((input && v->f->at.src != v->opt->replan->file) ||
	    !take_lines(v, f, &r))
		return;
	e.add = joined(v, &r);
	p = v->opt->replan->plan(v->opt->replan->ctx, &e, &r.why);
	if (p)
		r.rechecked = cured_by(v, f, p, now);
	r.file = v->opt->replan->file->name;
	if (input)
		file_line(&r, v->f->at);
	if (r.rechecked || r.why)
		vec_push(v->a, &f->repair, r);
}

/* Exceptions only: the templates' flows are there for a reason. */
static void unplan_it(struct verifier *v, struct vf_finding *f,
		      const struct differences *now)
{
	const struct reason *why = f->reason == NONE ? NULL :
		&v->p->reasons.v[f->reason];
	struct vf_edit e = { .cut = &f->plan_at, .n_cut = 1 };
	struct vf_repair r = { .what = "or, if it is not meant any more, take "
				       "out" };
	const struct plan *p;

	if (!why || f->plan_at.src != v->opt->replan->file ||
	    (why->kind != REASON_ALLOW && why->kind != REASON_INPUT))
		return;
	p = v->opt->replan->plan(v->opt->replan->ctx, &e, &r.why);
	if (!p || !cured_by(v, f, p, now))
		return;
	r.rechecked = true;
	r.why = NULL;
	file_line(&r, f->plan_at);
	vec_push(v->a, &r.line, reason_ident(v->p, f->reason, v->a));
	vec_push(v->a, &f->repair, r);
}

void repair_by_plan(struct verifier *v, const struct differences *now)
{
	size_t tries = 0;

	for (size_t i = 0; i < v->out->findings.n && tries < MAX_TRIES; i++) {
		struct vf_finding *f = &v->out->findings.v[i];

		if (!f->opening || f->kind == VF_UNDECIDED || f->mistranslated)
			continue;
		tries++;
		(f->kind == VF_EXTRA ? plan_it : unplan_it)(v, f, now);
	}
}
