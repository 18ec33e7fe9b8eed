#include <stdio.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "base/hash.h"
#include "check/verifier.h"

/*
 * What is worth knowing of rules that are no difference: rules that cannot
 * match any more, or that say what others say anyway; comments that name a
 * reason which the plan no longer has; reasons of which nothing passes; sets
 * that will be others tomorrow.
 *
 * A rule is looked at in every state that its chain was evaluated in: it is
 * shadowed if in none of them a packet is left that it could touch, after what
 * the rules before it surely ended.
 */
enum { MAX_CHAIN = 1000, MAX_REDUNDANT = 64, MAX_WORK = 50000000 };

/* About a rule, over all states of its chain. */
struct seen {
	bool reached, matched, touches, differs, unknown;
};

struct notes {
	struct verifier *v;
	const struct kruleset *rs;
	struct seen *of; /* by rule id */
};

static void note(struct verifier *v, enum vf_note_kind kind,
		 const struct kr_rule *r, const char *text)
{
	struct vf_note n = { .kind = kind, .text = text };
	uint64_t h = hash_str(hash_u64(HASH_INIT, kind), v->f->name);

	if (r) {
		n.file = r->line ? r->file : NULL;
		n.line = r->line;
	}
	snprintf(n.fingerprint, sizeof(n.fingerprint), "%016llx",
		 (unsigned long long)hash_mix(hash_str(h, text)));
	vec_push(v->a, &v->out->notes, n);
}

static const char *rule_text(struct verifier *v, const struct kr_rule *r)
{
	struct buf b = { 0 };

	check_rule_text(r, NULL, &b);
	return buf_take(v->a, &b);
}

/* ---- rules among themselves ------------------------------------------------------ */

/* A table of gen's: where apply switches from one to another, the names take
 * turns, pp_inner, pp.inner, pp-inner. */
static bool own_table(const struct kr_table *t)
{
	return !strncmp(t->name, "pp", 2) && t->name[2] &&
	       strchr("_.-", t->name[2]);
}

struct leaf_ctx {
	const struct evaluator *ev;
	uint32_t state;
};

/* Anything but going on as before. */
static uint32_t leaf_touches(void *ctx, uint32_t a, uint32_t b)
{
	const struct leaf_ctx *c = ctx;
	const struct outcome *o = outcome_get(&c->ev->out, a);

	(void)b;
	for (unsigned i = 0; i < o->n; i++)
		if (o->v[i].kind != FATE_CONT || o->v[i].state != c->state)
			return 1;
	return 0;
}

static uint32_t leaf_ends(void *ctx, uint32_t a, uint32_t b)
{
	const struct leaf_ctx *c = ctx;
	const struct outcome *o = outcome_get(&c->ev->out, a);

	(void)b;
	for (unsigned i = 0; i < o->n; i++)
		if (o->v[i].kind == FATE_CONT)
			return 0;
	return o->n > 0;
}

/* The same verdict, whichever rule gives it. */
static uint32_t leaf_same(void *ctx, uint32_t a, uint32_t b)
{
	const struct leaf_ctx *c = ctx;
	const struct outcome *x = outcome_get(&c->ev->out, a);
	const struct outcome *y = outcome_get(&c->ev->out, b);

	return x->n == 1 && y->n == 1 && x->v[0].kind == y->v[0].kind &&
	       x->v[0].kind >= FATE_ACCEPT && x->v[0].state == y->v[0].state;
}

static uint32_t where(struct evaluator *ev, uint32_t d, uint32_t state,
		      uint32_t (*leaf)(void *, uint32_t, uint32_t))
{
	struct leaf_ctx c = { ev, state };
	struct space_op op = { ev_op_id(ev), false, leaf, NULL, &c };

	return space_map(ev->s, &op, d);
}

static bool counts(const struct kr_rule *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->ex[i]->kind == EX_NOTHING)
			return true;
	return false;
}

/* Would the rest of the chain do the same with what the rule gets? */
static bool is_needed(struct notes *x, struct evaluator *ev,
		      const struct kr_chain *c, size_t i, uint32_t state,
		      uint32_t d, uint32_t hit)
{
	struct leaf_ctx ctx = { ev, state };
	struct space_op op = { ev_op_id(ev), false, leaf_same, NULL, &ctx };
	uint32_t same;

	if (c->rule.n > MAX_REDUNDANT || counts(c->rule.v[i]) ||
	    own_table(c->table))
		return true;
	same = space_apply(ev->s, &op, d, ev_rest(ev, c, i + 1, state));
	return space_minus(x->v->c->s, hit, same) != SPACE_NO;
}

static void walk_chain(struct notes *x, struct evaluator *ev,
		       const struct kr_chain *c, uint32_t state)
{
	struct space *s = x->v->c->s;
	uint32_t family = ev->state.v[state]->family;
	uint32_t left = both(x->v, x->v->c->possible,
			     field_in(x->v, PK_FAMILY, family, family));
	uint32_t possible = left;
	bool lost = c->rule.n > MAX_CHAIN;

	for (size_t i = 0; i < c->rule.n; i++) {
		struct seen *n = &x->of[c->rule.v[i]->id];
		uint32_t d, touched, hit, *states;
		size_t k;

		n->reached = true;
		n->unknown |= lost || c->rule.v[i]->unknown;
		if (lost)
			continue;
		d = ev_rule(ev, c->rule.v[i], state);
		touched = where(ev, d, state, leaf_touches);
		hit = both(x->v, touched, left);
		n->matched |= both(x->v, touched, possible) != SPACE_NO;
		n->touches |= hit != SPACE_NO;
		n->differs |= hit != SPACE_NO && (n->differs ||
			is_needed(x, ev, c, i, state, d, hit));
		left = space_minus(s, left, where(ev, d, state, leaf_ends));
		k = ev_states_of(ev, d, FATE_CONT, &states);
		lost = k > 1 || (k == 1 && states[0] != state);
	}
}

/* Chains as they were evaluated, from their first rule on. */
static void walk_evaluated(struct notes *x, struct evaluator *ev)
{
	size_t n = ev->results.cap;
	struct ev_place *places = ARENA_ARRAY(x->v->a, struct ev_place, n + 1);
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		const struct map_entry *e = &ev->results.slot[i];

		if (!e->key)
			continue;
		memcpy(&places[m], e->key, sizeof(*places));
		m += places[m].from == 0;
	}
	space_forget(ev->s);
	for (size_t i = 0; i < m; i++)
		walk_chain(x, ev, ev->rs->chain.v[places[i].chain],
			   places[i].state);
}

static bool is_reason(const char *s)
{
	return !strncmp(s, "allow ", 6) || !strncmp(s, "input ", 6) ||
	       !strncmp(s, "ipsec ", 6) || strchr(s, '>');
}

/* gen writes a rule for every reason and every set, also where one of them
 * takes all packets of another: so that each is counted by its name. */
static bool is_ours(const struct kr_rule *r)
{
	if (!own_table(r->chain->table))
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (r->ex[i]->set && !strncmp(r->ex[i]->set->name, "pp_", 3))
			return true;
	return r->comment && is_reason(r->comment);
}

static bool decides(const struct kr_rule *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->ex[i]->kind == EX_VERDICT || r->ex[i]->kind == EX_REJECT ||
		    (r->ex[i]->kind == EX_LOOKUP &&
		     r->ex[i]->dreg == NFT_REG_VERDICT && r->ex[i]->set &&
		     r->ex[i]->set->flags & NFT_SET_MAP))
			return true;
	return false;
}

static void note_rules(struct notes *x)
{
	for (size_t i = 0; i < x->rs->rule.n; i++) {
		const struct kr_rule *r = x->rs->rule.v[i];
		const struct seen *n = &x->of[i];

		if (!n->reached || n->unknown || !decides(r) || is_ours(r))
			continue;
		if (n->matched && !n->touches)
			note(x->v, NOTE_SHADOWED, r, arena_printf(x->v->a,
				"never reached: rules before it take all its "
				"packets: %s", rule_text(x->v, r)));
		else if (n->touches && !n->differs)
			note(x->v, NOTE_REDUNDANT, r, arena_printf(x->v->a,
				"says what rules after it say anyway: %s",
				rule_text(x->v, r)));
	}
}

/* ---- comments that name reasons ---------------------------------------------------- */

static struct map known_reasons(struct verifier *v)
{
	struct map m = { 0 };

	for (uint32_t i = 0; i < v->p->reasons.n; i++)
		map_add_str(v->a, &m, reason_ident(v->p, i, v->a), NULL);
	return m;
}

/* "A; B; +2" with a hash behind what was too long. */
static void note_comment(struct verifier *v, struct map *known,
			 const char *comment, const struct kr_rule *r,
			 const char *place)
{
	char *save = NULL, *copy;

	if (!comment || strchr(comment, '~'))
		return;
	copy = arena_strdup(v->a, comment);
	for (char *w = strtok_r(copy, ";", &save); w;
	     w = strtok_r(NULL, ";", &save)) {
		int is_new;

		w += *w == ' ';
		if (!is_reason(w))
			continue;
		map_add_str(v->a, known, w, &is_new);
		if (is_new) /* said once */
			note(v, NOTE_UNPLANNED, r, arena_printf(v->a,
				"the plan has no \"%s\", which %s names", w,
				r ? rule_text(v, r) : place));
	}
}

static void note_reasons(struct verifier *v, const struct kruleset *rs)
{
	struct map known = known_reasons(v);

	for (size_t i = 0; i < rs->rule.n; i++)
		if (own_table(rs->rule.v[i]->chain->table))
			note_comment(v, &known, rs->rule.v[i]->comment,
				     rs->rule.v[i], NULL);
	for (size_t i = 0; i < rs->set.n; i++) {
		const struct kr_set *s = rs->set.v[i];
		const char *place;

		if (!own_table(s->table))
			continue;
		place = arena_printf(v->a, "an element of %s", s->name);
		for (size_t k = 0; k < s->elem.n; k++)
			note_comment(v, &known, s->elem.v[k].comment, NULL,
				     place);
	}
}

/* ---- reasons of which nothing passes ----------------------------------------------- */

static bool is_lost(struct verifier *v, enum check_path path, uint32_t reason,
		    uint32_t within, uint32_t may)
{
	uint32_t set;

	if (v->p->reasons.v[reason].kind == REASON_IPSEC)
		return false;
	set = both(v, within, check_planned_reason(v->c, v->p, v->f, path,
						   reason));
	return set != SPACE_NO && both(v, set, may) == SPACE_NO;
}

/* What a walk over the plan looks at: all pairs, and all interfaces. */
static uint64_t work_of(const struct verifier *v)
{
	return v->p->pairs.n + v->p->products.n +
	       (uint64_t)v->f->interfaces.n * v->f->interfaces.n;
}

/* A firewall may not be on the way of a reason; where it is, and nothing of it
 * passes, the rule has gone. Only reasons of which something is missing can
 * be; each is a walk over the plan. */
static void note_lost(struct verifier *v, const struct check_side *rules,
		      enum check_path path, uint32_t denied)
{
	bool *some = ARENA_ARRAY(v->a, bool, v->p->reasons.n);
	uint32_t may = space_or(v->c->s, denied,
				check_passes(v->c, rules, true));
	uint32_t within = check_within(v->c, CHECK_OPENING, path);
	uint64_t left = MAX_WORK / work_of(v);
	size_t unasked = 0;

	check_planned_touching(v->c, v->p, v->f, path,
			       space_minus(v->c->s, within, may), some);
	for (uint32_t i = 0; i < v->p->reasons.n; i++) {
		if (!some[i])
			continue;
		if (!left) {
			unasked++;
			continue;
		}
		left--;
		if (is_lost(v, path, i, within, may))
			note(v, NOTE_LOST, NULL, arena_printf(v->a,
				"nothing of \"%s\" passes any more on %s",
				reason_ident(v->p, i, v->a),
				check_path_name[path]));
	}
	if (unasked)
		note(v, NOTE_LOST, NULL, arena_printf(v->a,
			"of %zu more entries of the plan something is missing "
			"on %s; whether all of it is was not looked at",
			unasked, check_path_name[path]));
}

/* ---- sets that change ----------------------------------------------------------------- */

static void note_volatile(struct verifier *v, const struct kruleset *rs)
{
	for (size_t i = 0; i < rs->set.n; i++) {
		const struct kr_set *s = rs->set.v[i];

		if (s->grace && s->grace <= KR_GRACE_MOST) {
			note(v, NOTE_VOLATILE, NULL, arena_printf(v->a,
				"a grace period runs in table %s, for %llu s "
				"more: TCP that began before goes on where "
				"the plan allows it", s->table->name,
				(unsigned long long)(s->grace / 1000)));
			continue;
		}
		if (s->flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL) || s->dynamic)
			note(v, NOTE_VOLATILE, NULL, arena_printf(v->a,
				"set %s of table %s changes while it runs: "
				"judged %s", s->name, s->table->name,
				s->dynamic ? "as if it held anything" :
				"with the elements it has now"));
	}
}

static void note_absent(struct verifier *v, const struct kruleset *rs)
{
	for (size_t i = 0; i < v->opt->n_may_deny; i++) {
		bool found = false;

		for (size_t k = 0; k < rs->table.n; k++)
			found |= !strcmp(rs->table.v[k]->name,
					 v->opt->may_deny[i]);
		if (!found)
			note(v, NOTE_ABSENT, NULL, arena_printf(v->a,
				"there is no table \"%s\", which may deny",
				v->opt->may_deny[i]));
	}
}

const char *const vf_note_name[NOTES] = {
	[NOTE_SHADOWED] = "shadowed", [NOTE_REDUNDANT] = "redundant",
	[NOTE_UNPLANNED] = "unplanned", [NOTE_LOST] = "lost",
	[NOTE_VOLATILE] = "volatile", [NOTE_ABSENT] = "absent",
};

void notes_path(struct verifier *v, const struct check_side *rules,
		uint32_t denied)
{
	struct notes x = { v, v->rs, v->seen };

	if (!x.of)
		x.of = v->seen = ARENA_ARRAY(v->a, struct seen, v->rs->rule.n);
	walk_evaluated(&x, rules->ev);
	if (v->out->count[VF_MISSING])
		note_lost(v, rules, v->path, denied);
}

void notes_finish(struct verifier *v)
{
	struct notes x = { v, v->rs, v->seen };

	if (x.of)
		note_rules(&x);
	note_reasons(v, v->rs);
	note_volatile(v, v->rs);
	note_absent(v, v->rs);
}
