#include "check/repair.h"

#include <string.h>

#include "check/load.h"

/*
 * Three trials at most, each for the findings that the ones before left: what
 * gen writes (first where the table is a generated one, else last); the
 * deciding rules out, where all that they decide is wrong, or matches put in
 * front of them; matches in front of all. A trial is loaded behind the ruleset
 * in a namespace of its own, read back and judged; a repair is said if its
 * finding is then gone and nothing new has come.
 */
enum { MAX_REPAIRS = 100, MAX_RULES = 12 };

struct trial {
	struct verifier *v;
	const struct differences *now; /* by path */
	struct differences then[PATHS];
	bool loaded, grows;
	const char *why; /* not loaded */
	bool no_help; /* what gen writes was tried, and it does not cure all */
};

static struct vf_repair *repair_add(struct verifier *v, struct vf_finding *f,
				    const char *what)
{
	struct vf_repair r = { .what = what };

	vec_push(v->a, &f->repair, r);
	return &f->repair.v[f->repair.n - 1];
}

/* ---- differences ----------------------------------------------------------------- */

static uint32_t within(struct verifier *v, enum check_path path, unsigned other)
{
	uint32_t kept = v->c->possible, out;

	v->c->possible = v->judged[path].possible[other];
	out = check_within(v->c, other ? CHECK_OTHER : CHECK_OPENING, path);
	v->c->possible = kept;
	return out;
}

static struct differences differences_of(struct verifier *v,
					 enum check_path path, uint32_t expect,
					 const struct check_side *rules)
{
	struct space *s = v->c->s;
	uint32_t at_rate = verifier_at_rate(v, rules);
	uint32_t may = check_passes(v->c, rules, true);
	uint32_t sure = check_passes(v->c, rules, false);
	struct differences d;

	for (unsigned i = 0; i < 2; i++) {
		uint32_t w = within(v, path, i);
		uint32_t e = i ? v->judged[path].expect[1] : expect;

		if (!i)
			w = space_minus(s, w, at_rate);
		d.extra[i] = space_and(s, w, space_minus(s, may, e));
		if (!i)
			e = space_or(s, e, v->judged[path].limited);
		d.missing[i] = space_and(s, w, space_minus(s, e, sure));
	}
	return d;
}

bool differences_grow(struct verifier *v, const struct differences *a,
		      const struct differences *b)
{
	for (unsigned i = 0; i < 2; i++)
		if (space_minus(v->c->s, b->extra[i], a->extra[i]) != SPACE_NO ||
		    space_minus(v->c->s, b->missing[i], a->missing[i]) !=
			    SPACE_NO)
			return true;
	return false;
}

uint32_t differences_left(struct verifier *v, const struct vf_finding *f,
			  const struct differences *d)
{
	const uint32_t *of = f->kind == VF_EXTRA ? d->extra : d->missing;

	return both(v, f->set, of[!f->opening]);
}

struct differences differences_from(struct verifier *v, enum check_path path,
				    const struct plan *p,
				    const struct firewall *f, uint32_t plan,
				    uint32_t expect,
				    const struct check_side *rules)
{
	struct check_side seen;
	uint32_t wrong;

	v->path = path;
	space_forget(v->c->s); /* other evaluators have such numbers too */
	seen = verifier_as_planned(v, p, f, rules, plan, &wrong);
	return differences_of(v, path, expect, &seen);
}

static struct differences rules_differ(struct verifier *v, enum check_path p,
				       const struct check_side *rules)
{
	return differences_from(v, p, v->p, v->f, v->judged[p].plan,
				v->judged[p].expect[0], rules);
}

/* ---- trials ------------------------------------------------------------------------ */

static const char *first_line(struct verifier *v, const struct buf *err)
{
	const char *s = err->n ? err->s : "it cannot be loaded", *e;

	e = strstr(s, "Error: ");
	s = e ? e + strlen("Error: ") : s;
	return arena_strndup(v->a, s, strcspn(s, "\n"));
}

static void try_script(struct trial *t, const char *script)
{
	struct verifier *v = t->v;
	size_t n;
	const char **names = check_interface_names(v->a, v->f, &n);
	struct buf err = { 0 };
	struct kruleset *rs = check_load_amended(v->a, v->opt->file, names, n,
						 script, &err);

	t->loaded = rs;
	t->grows = false;
	if (!rs)
		t->why = first_line(v, &err);
	for (unsigned p = 0; rs && p < PATHS; p++) {
		struct check_side x;

		if (!v->judged[p].done)
			continue;
		x = check_rules(v->c, rs, p);
		t->then[p] = rules_differ(v, p, &x);
		t->grows |= differences_grow(v, &t->now[p], &t->then[p]);
	}
	check_unload(rs);
	buf_free(&err);
}

static bool cured(struct trial *t, const struct vf_finding *f)
{
	return t->loaded && !t->grows &&
	       differences_left(t->v, f, &t->then[f->path]) == SPACE_NO;
}

static bool open_still(const struct vf_finding *f)
{
	return f->kind != VF_UNDECIDED && !f->repair.n;
}

/* ---- what gen writes ----------------------------------------------------------------- */

static bool is_generated(const struct verifier *v)
{
	const char *name = arena_printf(v->a, "pp_%s", v->f->name);

	for (size_t i = 0; i < v->rs->table.n; i++)
		if (!strcmp(v->rs->table.v[i]->name, name))
			return true;
	return false;
}

static void by_generator(struct trial *t, struct vf_finding *f, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= open_still(&f[i]);
	if (!any || !t->v->opt->generated)
		return;
	try_script(t, t->v->opt->generated);
	for (size_t i = 0; i < n; i++) {
		struct vf_repair *r;

		if (!open_still(&f[i]))
			continue;
		if (!cured(t, &f[i])) {
			t->no_help |= t->loaded;
			continue;
		}
		r = repair_add(t->v, &f[i], "load what gen writes");
		vec_push(t->v->a, &r->line, t->v->opt->gen_command);
		r->rechecked = true;
	}
}

/* ---- rules ---------------------------------------------------------------------------- */

struct decided {
	const struct evaluator *ev;
	uint32_t rule;
};

static uint32_t leaf_decided(void *ctx, uint32_t a, uint32_t b)
{
	const struct decided *d = ctx;
	const struct outcome *o = outcome_get(&d->ev->out, a);

	(void)b;
	for (unsigned i = 0; i < o->n; i++)
		if (o->v[i].rule == d->rule)
			return 1;
	return 0;
}

/* Is all that the rule decides on this path as wrong as this? */
static bool all_wrong(struct verifier *v, const struct vf_finding *f,
		      const struct differences *now)
{
	struct check_side *x = &v->judged[f->path].rules;
	struct decided d = { x->ev, f->by->id };
	struct space_op op = { ev_op_id(x->ev), false, leaf_decided, NULL, &d };
	const uint32_t *wrong = f->kind == VF_EXTRA ? now->extra : now->missing;
	uint32_t set;

	space_forget(v->c->s); /* other evaluators have such numbers too */
	set = space_map(v->c->s, &op, x->d);
	for (unsigned i = 0; i < 2; i++)
		if (space_minus(v->c->s, both(v, set, within(v, f->path, i)),
				wrong[i]) != SPACE_NO)
			return false;
	return true;
}

static const char *chain_words(struct verifier *v, const struct kr_chain *c)
{
	return arena_printf(v->a, "%s %s %s",
			    kr_family_name(c->table->family), c->table->name,
			    c->name);
}

static void place(struct vf_repair *r, const struct kr_rule *rule)
{
	if (!rule || !rule->line)
		return;
	r->file = rule->file;
	r->at_line = rule->line;
}

static void delete_rule(struct verifier *v, struct vf_finding *f,
			const struct kr_rule *rule)
{
	struct vf_repair *r = repair_add(v, f, "delete the rule");

	place(r, rule);
	vec_push(v->a, &r->line, arena_printf(v->a,
		"delete rule %s handle %llu", chain_words(v, rule->chain),
		(unsigned long long)rule->handle));
}

/* In front of the rule that decides, or at the end of the chain whose policy
 * does. */
static void put_in(struct verifier *v, struct vf_finding *f)
{
	const struct kr_chain *c = f->by ? f->by->chain : f->by_policy;
	bool extra = f->kind == VF_EXTRA;
	const char *verdict = verifier_is_limited(v, f) ?
		arena_printf(v->a, "limit rate %s%d/second burst %d packets %s",
			     extra ? "over " : "", ECHO_A_SECOND, ECHO_BURST,
			     extra ? "drop" : "accept") :
		extra ? "drop" : "accept";
	const char *family, *start;
	struct vf_repair *r;
	struct buf b = { 0 };

	if (!c || !f->cubes.n || f->cubes.n > MAX_RULES || f->cubes.more)
		return;
	family = kr_family_name(c->table->family);
	start = f->by ? arena_printf(v->a, "insert rule %s handle %llu",
				     chain_words(v, c),
				     (unsigned long long)f->by->handle) :
		arena_printf(v->a, "add rule %s", chain_words(v, c));
	r = repair_add(v, f, f->by ? "put in front of the rule" :
				     "add to the chain");
	place(r, f->by);
	for (size_t i = 0; i < f->cubes.n; i++) {
		b.n = 0;
		if (!repair_match(v->c, &f->cubes.v[i], f->opening, family,
				  &b)) {
			f->repair.n--;
			break;
		}
		vec_push(v->a, &r->line, arena_printf(v->a, "%s %.*s %s", start,
						      (int)b.n, b.s, verdict));
	}
	buf_free(&b);
}

/* The rule that translates, or one that decides nothing else. */
static bool delete_wrong(struct trial *t, struct vf_finding *f)
{
	const struct kr_rule *rule = f->translator;

	if (!f->mistranslated && f->by && !verifier_is_limited(t->v, f) &&
	    all_wrong(t->v, f, &t->now[f->path]))
		rule = f->by;
	if (!rule)
		return false;
	delete_rule(t->v, f, rule);
	return true;
}

static bool said_before(const struct buf *b, const char *line)
{
	return b->n && strstr(b->s, line);
}

static void by_rules(struct trial *t, struct vf_finding *f, size_t n,
		     bool deletions)
{
	struct verifier *v = t->v;
	bool *mine = ARENA_ARRAY(v->a, bool, n + 1);
	struct buf script = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (!open_still(&f[i]))
			continue;
		if (!deletions || !delete_wrong(t, &f[i]))
			put_in(v, &f[i]);
		mine[i] = f[i].repair.n;
	}
	/* insertions first: what they stand in front of may be deleted */
	for (unsigned gone = 0; gone < 2; gone++)
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; mine[i] &&
			     k < f[i].repair.v[0].line.n; k++) {
				const char *s = arena_printf(v->a, "%s\n",
					f[i].repair.v[0].line.v[k]);

				if ((*s == 'd') == gone &&
				    !said_before(&script, s))
					buf_puts(&script, s);
			}
	if (script.n)
		try_script(t, script.s);
	for (size_t i = 0; i < n; i++) {
		if (!mine[i])
			continue;
		f[i].repair.v[0].rechecked = cured(t, &f[i]);
		if (!f[i].repair.v[0].rechecked)
			f[i].repair.n = 0;
	}
	buf_free(&script);
}

/* ---- all --------------------------------------------------------------------------------- */

/* Nothing is loaded into a running firewall, not even for a trial; in its copy
 * rules have other handles. */
static void untried(struct trial *t, struct vf_finding *f)
{
	struct verifier *v = t->v;

	if (is_generated(v) && v->opt->generated && !t->no_help) {
		struct vf_repair *r = repair_add(v, f, "load what gen writes");

		vec_push(v->a, &r->line, v->opt->gen_command);
	} else if (!delete_wrong(t, f)) {
		put_in(v, f);
	}
	for (size_t i = 0; i < f->repair.n; i++)
		f->repair.v[i].why = "the running kernel is left alone";
}

static void by_trials(struct trial *t, struct vf_finding *f, size_t n)
{
	bool generated = is_generated(t->v);

	if (generated || t->v->opt->live)
		by_generator(t, f, n);
	if (t->v->opt->live)
		return;
	by_rules(t, f, n, true);
	by_rules(t, f, n, false);
	if (!generated)
		by_generator(t, f, n);
}

void repair_findings(struct verifier *v)
{
	struct differences now[PATHS];
	struct trial t = { .v = v, .now = now };
	size_t n = v->out->findings.n;

	memset(now, 0, sizeof(now));
	if (!v->out->count[VF_EXTRA] && !v->out->count[VF_MISSING])
		return;
	if (!v->opt->file && !v->opt->generated)
		return; /* nobody asks for repairs */
	for (unsigned p = 0; p < PATHS; p++)
		if (v->judged[p].done)
			now[p] = rules_differ(v, p, &v->judged[p].rules);
	n = n < MAX_REPAIRS ? n : MAX_REPAIRS;
	if (v->opt->file)
		by_trials(&t, v->out->findings.v, n);
	for (size_t i = 0; i < n && (!v->opt->file || v->opt->live); i++)
		if (open_still(&v->out->findings.v[i]))
			untried(&t, &v->out->findings.v[i]);
	if (v->opt->replan)
		repair_by_plan(v, now);
}
