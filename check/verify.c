#include <stdlib.h>
#include <string.h>

#include "check/rates.h"
#include "check/translated.h"
#include "check/verifier.h"

enum { MAX_CUBES = 20000, MAX_WORDED = 50 };

static uint32_t all_of_kind(struct verifier *v, const struct check_findings *f,
			    enum check_kind kind)
{
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].kind == kind)
			out = space_or(v->c->s, out, f->v[i].set);
	return out;
}

/* A baseline says all; XML to plan what is open is proposed for some. */
static bool wants_words(const struct verifier *v, const struct vf_finding *f,
			size_t i)
{
	if (!v->opening || f->kind == VF_UNDECIDED)
		return false;
	return v->opt->baseline || (v->opt->replan && f->kind == VF_EXTRA &&
				    i < MAX_WORDED);
}

static void compare_part(struct verifier *v, const struct check_side *plan,
			 const struct check_side *rules, enum check_scope scope)
{
	struct check_findings f = check_compare(v->c, plan, rules, scope,
						v->path, MAX_CUBES);

	check_trace_begin(v->c);
	for (size_t i = 0; i < f.n; i++) {
		struct vf_finding *out = finding_add(v, &f.v[i], rules);

		if (out && wants_words(v, out, i))
			baseline_add(v, &f.v[i],
				     all_of_kind(v, &f, f.v[i].kind), out);
	}
}

/* What passes as something else apart from the rest: other things cure it. */
static void compare(struct verifier *v, const struct check_side *plan,
		    const struct check_side *rules, enum check_scope scope)
{
	uint32_t compared = v->c->compared;

	v->c->compared = space_minus(v->c->s, compared, v->mistranslated);
	compare_part(v, plan, rules, scope);
	v->c->compared = both(v, compared, v->mistranslated);
	if (v->opening && v->c->compared != SPACE_NO)
		compare_part(v, plan, rules, scope);
	v->c->compared = compared;
}

uint32_t verifier_routed(struct verifier *v)
{
	uint32_t *r = &v->routed[v->path];

	if (!*r)
		*r = check_routed(v->c, v->p, v->f, v->path) + 1;
	return *r - 1;
}

uint32_t verifier_outside(struct verifier *v)
{
	if (!v->outside)
		v->outside = check_outside(v->c, v->p) + 1;
	return v->outside - 1;
}

/* ---- what was so before --------------------------------------------------------- */

struct check_side verifier_as_planned(struct verifier *v, const struct plan *p,
				      const struct firewall *f,
				      const struct check_side *rules,
				      uint32_t plan, uint32_t *wrong)
{
	struct check_side out = *rules;

	*wrong = SPACE_NO;
	*wrong = v->path == PATH_FORWARD ?
		check_mistranslated(v->c, p, f, rules) :
		check_rewritten(v->c, rules);
	check_block(&out, both(v, plan, *wrong));
	if (v->path != PATH_FORWARD)
		check_block(&out, check_sent_on(v->c, p, rules));
	check_unlimit(v->c, &out, v->judged[v->path].limited, ECHO_A_SECOND,
		      ECHO_BURST);
	return out;
}

uint32_t verifier_at_rate(struct verifier *v, const struct check_side *rules)
{
	uint32_t limited = v->judged[v->path].limited;

	return limited == SPACE_NO ? SPACE_NO :
		both(v, limited, check_limited(v->c, rules));
}

bool verifier_is_limited(struct verifier *v, const struct vf_finding *f)
{
	return f->opening &&
	       space_minus(v->c->s, f->set, v->judged[f->path].limited) ==
		       SPACE_NO;
}

/* What the change brought first, then what was so before it. */
static void compare_split(struct verifier *v, const struct check_side *expect,
			  const struct check_side *rules,
			  enum check_scope scope)
{
	struct space *s = v->c->s;
	uint32_t compared = v->c->compared, may, sure, deviates, wrong;
	struct check_side old;

	if (!v->opt->old) {
		compare(v, expect, rules, scope);
		return;
	}
	if (!v->old[v->path].ev)
		v->old[v->path] = check_rules(v->c, v->opt->old, v->path);
	else
		space_forget(s); /* as check_rules() does */
	old = verifier_as_planned(v, v->p, v->f, &v->old[v->path], expect->d,
				  &wrong);
	may = check_passes(v->c, &old, true);
	sure = check_passes(v->c, &old, false);
	deviates = space_or(s, space_minus(s, may, expect->d),
			    space_minus(s, expect->d, sure));
	deviates = space_minus(s, deviates, verifier_at_rate(v, &old));
	/* what goes elsewhere now did not so before */
	if (v->opening)
		deviates = space_minus(s, deviates, check_otherwise(v->c,
				&v->old[v->path], rules));
	v->c->compared = space_minus(s, compared, deviates);
	compare(v, expect, rules, scope);
	v->c->compared = space_and(s, compared, deviates);
	v->before = true;
	compare(v, expect, rules, scope);
	v->before = false;
	v->c->compared = compared;
}

/* What was planned once apart from the rest: it is over by date, no more. */
static void compare_times(struct verifier *v, const struct check_side *plan,
			  const struct check_side *rules)
{
	uint32_t once, compared = v->c->compared;

	if (!v->opt->once) {
		compare_split(v, plan, rules, CHECK_OPENING);
		return;
	}
	once = v->path == PATH_FORWARD ?
		check_planned_forward(v->c, v->opt->once, v->f).d :
		check_planned_input(v->c, v->opt->once, v->f).d;
	once = space_minus(v->c->s, once, plan->d);
	v->c->compared = space_minus(v->c->s, compared, once);
	compare_split(v, plan, rules, CHECK_OPENING);
	v->c->compared = both(v, compared, once);
	v->once = true;
	compare_split(v, plan, rules, CHECK_OPENING);
	v->once = false;
	v->c->compared = compared;
}

/* What a limit should be on passes or not: never is missing, always is extra,
 * each apart from the rest, since other things cure it. */
static void compare_openings(struct verifier *v, struct check_side plan,
			     const struct check_side *rules)
{
	struct space *s = v->c->s;
	uint32_t may = check_passes(v->c, rules, true);
	uint32_t possible = v->c->possible, never;
	uint32_t limited = v->judged[v->path].limited;

	v->opening = true;
	never = space_minus(s, limited, may);
	plan.d = verifier_waived(v, space_or(s, plan.d, never), rules, true);
	v->judged[v->path].expect[0] = space_minus(s, plan.d, never);
	v->judged[v->path].possible[0] = possible;
	v->c->possible = space_minus(s, possible, verifier_at_rate(v, rules));
	v->c->compared = space_not(s, limited);
	compare_times(v, &plan, rules);
	v->c->compared = limited;
	if (limited != SPACE_NO)
		compare_times(v, &plan, rules);
	v->c->compared = SPACE_ALL;
	v->c->possible = possible;
}

/* ---- what is judged ------------------------------------------------------------------ */

/* ICMP errors that tracking ties to a connection; redirects are none of them
 * (type 5; 137 in IPv6). */
static uint32_t icmp_errors(struct verifier *v)
{
	struct space *s = v->c->s;
	uint32_t v4 = space_minus(s, verifier_icmp(v, false, 0, 255),
				  verifier_icmp(v, false, 5, 5));
	uint32_t v6 = space_minus(s, verifier_icmp(v, true, 0, 255),
				  verifier_icmp(v, true, 137, 137));

	return both(v, field_is(v, PK_CT, CT_RELATED), space_or(s, v4, v6));
}

/* Of these, the ones that a path is told by (RFC 792, RFC 4443): unreachable,
 * time exceeded, parameter problem, in IPv6 too big as well. */
static uint32_t telling_errors(struct verifier *v)
{
	struct space *s = v->c->s;
	uint32_t v4 = space_or(s, verifier_icmp(v, false, 3, 3),
			       verifier_icmp(v, false, 11, 12));

	return both(v, field_is(v, PK_CT, CT_RELATED),
		    space_or(s, v4, verifier_icmp(v, true, 1, 4)));
}

/* Interfaces between which something is planned, in either direction. */
static uint32_t spoken_between(struct verifier *v, uint32_t planned)
{
	struct space *s = v->c->s;
	uint32_t out = SPACE_NO;

	for (size_t i = 0; i < v->c->names.n; i++)
		for (size_t k = 0; k < v->c->names.n; k++) {
			uint32_t there = both(v, field_in(v, PK_IIF, i, i),
					      field_in(v, PK_OIF, k, k));
			uint32_t back = both(v, field_in(v, PK_IIF, k, k),
					     field_in(v, PK_OIF, i, i));

			if (space_and(s, planned, there) != SPACE_NO ||
			    space_and(s, planned, back) != SPACE_NO)
				out = space_or(s, out, there);
		}
	return out;
}

/* Replies pass, and the errors that tell a path. Without a planned connection
 * nothing is established, and errors belong to one: whether rules pass either
 * then cannot matter, and is not judged. */
static void other_states(struct verifier *v, const struct check_side *rules,
			 uint32_t where)
{
	struct space *s = v->c->s;
	uint32_t est = field_in(v, PK_CT, CT_ESTABLISHED, CT_ESTABLISHED);
	uint32_t belong = space_or(s, est, telling_errors(v));
	uint32_t must = space_or(s, both(v, belong, where), v->judged[v->path].upkeep);
	uint32_t possible = v->c->possible;
	struct check_side expect = { NULL, must };

	/* without enforcement all states pass */
	if (v->f->unenforced)
		v->c->possible = both(v, possible, belong);
	v->c->possible = space_minus(s, v->c->possible,
				     space_minus(s, space_or(s, est,
							     icmp_errors(v)),
						 must));
	v->judged[v->path].expect[1] = must;
	v->judged[v->path].possible[1] = v->c->possible;
	v->opening = false;
	compare_split(v, &expect, rules, CHECK_OTHER);
	v->c->possible = possible;
}

static void self_get(const void *ctx, size_t box, unsigned field, space_val *lo,
		     space_val *hi)
{
	const struct addr *a = ctx;

	(void)field;
	*lo = *hi = space_addr(a[box]);
}

/* A packet from an address to itself is none that a network carries; a map
 * from sources to destinations cannot tell it apart, so it is not judged. */
static uint32_t to_itself(struct verifier *v)
{
	static const uint8_t fields[] = { PK_DST, PK_SRC };
	struct addr *a = ARENA_ARRAY(v->a, struct addr, v->p->n_cell);
	struct space_boxes b = { .nfields = 2, .field = fields,
				 .get = self_get, .ctx = a };

	for (size_t i = 0; i < v->p->n_cell; i++)
		if (v->p->cell[i].zone != NONE &&
		    addr_eq(v->p->cell[i].lo, v->p->cell[i].hi))
			a[b.n++] = v->p->cell[i].lo;
	return b.n ? space_union(v->c->s, &b) : SPACE_NO;
}

/* Packets that pass but for tables that may deny: not judged where they are
 * expected to pass. */
static uint32_t may_be_denied(struct verifier *v, const struct kruleset *rs,
			      const struct check_side *rules)
{
	struct check_side but;

	if (!v->opt->n_may_deny)
		return SPACE_NO;
	but = check_rules_but(v->c, rs, v->path, v->opt->may_deny,
			      v->opt->n_may_deny);
	return space_minus(v->c->s, check_passes(v->c, &but, false),
			   check_passes(v->c, rules, false));
}

/* where: what belongs to a connection, if tracking says so. */
static void judge(struct verifier *v, const struct kruleset *rs,
		  struct check_side plan, uint32_t where)
{
	struct check_side rules = check_rules(v->c, rs, v->path), seen;
	uint32_t denied = may_be_denied(v, rs, &rules);
	uint32_t possible = v->c->possible;

	v->c->possible = space_minus(v->c->s, possible,
				     both(v, denied, plan.d));
	seen = verifier_as_planned(v, v->p, v->f, &rules, plan.d,
				   &v->mistranslated);
	compare_openings(v, plan, &seen);
	v->mistranslated = SPACE_NO;
	v->c->possible = space_minus(v->c->s, possible,
				     both(v, denied, where));
	other_states(v, &rules, where);
	v->c->possible = possible;
	v->judged[v->path].done = true;
	v->judged[v->path].plan = plan.d;
	v->judged[v->path].rules = rules;
	if (!v->opt->no_notes)
		notes_path(v, &rules, denied);
}

static void forward(struct verifier *v, const struct kruleset *rs)
{
	struct check_side plan = check_planned_forward(v->c, v->p, v->f);

	v->path = PATH_FORWARD;
	plan.d = space_or(v->c->s, plan.d,
			  check_let_through(v->c, v->p, v->f, PATH_FORWARD));
	judge(v, rs, plan, spoken_between(v, plan.d));
}

static void input(struct verifier *v, const struct kruleset *rs)
{
	struct space *s = v->c->s;
	uint32_t possible = v->c->possible, translated, rest;
	struct check_side plan;

	if (!v->f->inputs.n)
		return;
	v->path = PATH_INPUT;
	plan = check_planned_input(v->c, v->p, v->f);
	plan.d = space_or(s, plan.d,
			  check_let_through(v->c, v->p, v->f, PATH_INPUT));
	translated = check_planned_on(v->c, v->p, v->f);
	rest = verifier_upkeep(v, space_or(s, plan.d, translated));
	plan.d = space_or(s, plan.d, v->judged[PATH_INPUT].opens);
	plan.d = space_minus(s, plan.d, translated);
	v->c->possible = space_minus(s, possible, rest);
	judge(v, rs, plan, SPACE_ALL);
	v->c->possible = possible;
}

/* Equal to the plan, and yet no wall. */
static void put_observed(const struct verifier *v, struct buf *b)
{
	const struct topology *t = v->p->topo;

	if (v->f->unenforced)
		buf_puts(b, "; what the plan denies, which is let through "
			    "(enforce=\"no\")");
	for (size_t i = 0; i < t->observes.n; i++)
		if (plan_observe_at(v->p, t->observes.v[i], v->f))
			buf_printf(b, "; what the plan denies from %s, let "
				   "through and observed until %s",
				   plan_observe_zones(t->observes.v[i], v->a),
				   t->observes.v[i]->until.text);
}

static bool is_interface(const struct verifier *v, const char *dev)
{
	size_t n;
	const char **name = check_interface_names(v->a, v->f, &n);

	for (size_t i = 0; i < n; i++) {
		const char *star = strchr(name[i], '*');

		if (star ? !strncmp(name[i], dev, (size_t)(star - name[i])) :
			   !strcmp(name[i], dev))
			return true;
	}
	return false;
}

/* A device below an interface (a VLAN's, a bond's) has its packets too. */
static void put_devices(const struct verifier *v, const struct kruleset *rs,
			struct buf *b)
{
	for (size_t i = 0; i < rs->chain.n; i++) {
		const struct kr_chain *c = rs->chain.v[i];

		for (const char *const *d = c->dev; d && *d; d++)
			if (!is_interface(v, *d))
				buf_printf(b, "; what chain %s of table %s %s "
					   "does on %s, which is no interface "
					   "in the topology", c->name,
					   kr_family_name(c->table->family),
					   c->table->name, *d);
	}
}

static const char *not_judged(struct verifier *v, const struct kruleset *rs)
{
	struct buf b = { 0 };

	buf_puts(&b, "output chains; traffic inside zones");
	if (!v->f->inputs.n)
		buf_puts(&b, "; input, since the topology says none");
	put_observed(v, &b);
	for (size_t i = 0; i < v->opt->n_may_deny; i++)
		buf_printf(&b, "; what table %s drops", v->opt->may_deny[i]);
	if (rs) {
		struct buf t = { 0 };

		check_not_judged(rs, &t);
		if (t.n)
			buf_printf(&b, "; table %s", t.s);
		buf_free(&t);
		put_devices(v, rs, &b);
	}
	return buf_take(v->a, &b);
}

bool verified_clean(const struct verified *v)
{
	return !v->count[VF_EXTRA] && !v->count[VF_MISSING] &&
	       !v->count[VF_UNDECIDED];
}

static int order(const void *a, const void *b)
{
	const struct vf_finding *x = a, *y = b;

	if (x->opening != y->opening)
		return x->opening ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->internet != y->internet)
		return x->internet ? -1 : 1;
	return strcmp(x->fingerprint, y->fingerprint);
}

void verify_firewall(struct arena *a, const struct plan *p,
		     const struct firewall *f, struct kruleset *rules,
		     const struct verify_options *opt, struct verified *out)
{
	struct kruleset *both_rules[2] = { rules, opt->old };
	size_t n;
	const char **names = check_interface_names(a, f, &n);
	struct verifier v = { .a = a, .p = p, .f = f, .out = out, .opt = opt,
			      .rs = rules };

	out->firewall = f;
	out->rules = rules;
	v.c = check_new(a, both_rules, opt->old ? 2 : 1, names, n);
	for (unsigned i = 0; i < PATHS; i++)
		v.judged[i].opens = v.judged[i].limited =
			v.judged[i].upkeep = SPACE_NO;
	out->names = v.c->names;
	v.c->possible = space_minus(v.c->s, v.c->possible, to_itself(&v));
	forward(&v, rules);
	input(&v, rules);
	out->not_judged = not_judged(&v, rules);
	if (out->findings.n)
		qsort(out->findings.v, out->findings.n,
		      sizeof(*out->findings.v), order);
	if (!opt->no_replay)
		finding_replay(&v);
	repair_findings(&v);
	if (!opt->no_notes)
		notes_finish(&v);
	check_free(v.c);
}
