#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "cli/check_waivers.h"
#include "cli/watch.h"

/* What runs now, held against what ran before and against the plan. */
enum { MOST_OBJECTS = 20 };

const char *const origin_name[ORIGINS] = {
	[ORIGIN_OWN] = "own", [ORIGIN_FOREIGN] = "foreign",
	[ORIGIN_UNPROVEN] = "unproven", [ORIGIN_UNKNOWN] = "unknown",
};

/* ---- the plan ---------------------------------------------------------------------- */

static void reach(struct watch_plan *p, const struct when *d)
{
	int64_t now = p->loaded.now;

	if (d->given && d->t > now && (!p->next || d->t < p->next))
		p->next = d->t;
}

/* On the next of its dates the plan says something else. */
static void find_next(struct watch_plan *p)
{
	const struct topology *t = p->loaded.topo;

	for (size_t i = 0; i < t->allows.n; i++) {
		reach(p, &t->allows.v[i]->starts);
		reach(p, &t->allows.v[i]->expires);
	}
	for (size_t i = 0; i < t->assigns.n; i++)
		reach(p, &t->assigns.v[i]->expires);
	for (size_t i = 0; i < t->observes.n; i++)
		reach(p, &t->observes.v[i]->until);
	for (size_t i = 0; p->waivers && i < p->waivers->list.n; i++)
		reach(p, &p->waivers->list.v[i]->expires);
}

static bool fill_plan(struct watch *w, struct args *a, struct watch_plan *p)
{
	if (load_plan(a, a->operands.v[0], &p->loaded) != EXIT_OK)
		return false;
	p->firewall = need_managed(a, p->loaded.topo, w->firewall);
	if (!p->firewall ||
	    check_read_waivers(a, p->loaded.topo, &p->waivers) != EXIT_OK ||
	    outputs_spare_inputs(a) != EXIT_OK)
		return false;
	if (p->waivers)
		p->used = ARENA_ARRAY(a->arena, bool, p->waivers->list.n);
	if (!arg_given(a, "today"))
		find_next(p);
	return true;
}

struct watch_plan *watch_plan_read(struct watch *w)
{
	struct arena *arena = arena_new();
	struct watch_plan *p = ARENA_NEW(arena, struct watch_plan);
	struct args a = *w->args;

	p->arena = a.arena = arena;
	if (fill_plan(w, &a, p))
		return p;
	watch_plan_free(p);
	return NULL;
}

void watch_plan_free(struct watch_plan *p)
{
	if (p)
		arena_free(p->arena);
}

/* ---- which table is which ------------------------------------------------------------ */

/* What runs of our generations; where none does, the first. */
static const struct kr_table *own_table(const struct watch *w,
					const struct kruleset *rs)
{
	const struct kr_table *first = NULL;

	for (size_t i = 0; i < rs->table.n; i++) {
		const struct kr_table *t = rs->table.v[i];

		if (!watch_is_ours(w, t->family, t->name))
			continue;
		if (!(t->flags & NFT_TABLE_F_DORMANT))
			return t;
		if (!first)
			first = t;
	}
	return first;
}

/* Ours is one table under changing names; its other generations are nothing
 * that a packet sees, unless they run too. */
static const char *known_as(void *ctx, const struct kruleset *rs,
			    const struct kr_table *t)
{
	const struct watch *w = ctx;

	if (!watch_is_ours(w, t->family, t->name))
		return t->name;
	if (t == own_table(w, rs))
		return w->table;
	if (t->flags & NFT_TABLE_F_DORMANT)
		return NULL;
	return strcmp(t->name, w->table) ? t->name : "\t";
}

/* ---- what events told, and no comparison shows ----------------------------------------- */

static bool compared(const struct drifts *d, const struct touch *t)
{
	for (size_t i = 0; i < d->v.n; i++) {
		const struct drift *x = &d->v.v[i];

		if (x->family == t->family && !strcmp(x->table, t->table) &&
		    (x->what == DRIFT_TABLE || !strcmp(x->name, t->name)))
			return true;
	}
	return d->more > 0;
}

static bool times_out(const struct kruleset *rs, const struct touch *t)
{
	const struct kr_set *s = kr_find_set(
		kr_find_table(rs, t->family, t->table), t->name);

	return s && s->flags & NFT_SET_TIMEOUT;
}

static const struct {
	enum drift_what what;
	enum drift_how how;
	uint8_t other; /* that undoes it, or is undone by it */
} touch_kind[NFT_MSG_MAX] = {
	[NFT_MSG_NEWTABLE] = { DRIFT_TABLE, DRIFT_ADDED, NFT_MSG_DELTABLE },
	[NFT_MSG_DELTABLE] = { DRIFT_TABLE, DRIFT_DELETED, NFT_MSG_NEWTABLE },
	[NFT_MSG_NEWCHAIN] = { DRIFT_CHAIN, DRIFT_ADDED, NFT_MSG_DELCHAIN },
	[NFT_MSG_DELCHAIN] = { DRIFT_CHAIN, DRIFT_DELETED, NFT_MSG_NEWCHAIN },
	[NFT_MSG_NEWRULE] = { DRIFT_RULE, DRIFT_ADDED, NFT_MSG_DELRULE },
	[NFT_MSG_DELRULE] = { DRIFT_RULE, DRIFT_DELETED, NFT_MSG_NEWRULE },
	[NFT_MSG_NEWSET] = { DRIFT_SET, DRIFT_ADDED, NFT_MSG_DELSET },
	[NFT_MSG_DELSET] = { DRIFT_SET, DRIFT_DELETED, NFT_MSG_NEWSET },
	[NFT_MSG_NEWSETELEM] = { DRIFT_ELEMENT, DRIFT_ADDED,
				 NFT_MSG_DELSETELEM },
	[NFT_MSG_DELSETELEM] = { DRIFT_ELEMENT, DRIFT_DELETED,
				 NFT_MSG_NEWSETELEM },
	[NFT_MSG_NEWOBJ] = { DRIFT_OBJECT, DRIFT_ADDED, NFT_MSG_DELOBJ },
	[NFT_MSG_DELOBJ] = { DRIFT_OBJECT, DRIFT_DELETED, NFT_MSG_NEWOBJ },
	[NFT_MSG_NEWFLOWTABLE] = { DRIFT_OBJECT, DRIFT_ADDED,
				   NFT_MSG_DELFLOWTABLE },
	[NFT_MSG_DELFLOWTABLE] = { DRIFT_OBJECT, DRIFT_DELETED,
				   NFT_MSG_NEWFLOWTABLE },
};

/* Did the same process do the opposite? */
static bool both_ways(const struct actor *a, const struct touch *t)
{
	for (size_t i = 0; i < a->touched.n; i++) {
		const struct touch *x = &a->touched.v[i];

		if (x->type == touch_kind[t->type].other &&
		    x->family == t->family && !strcmp(x->table, t->table) &&
		    !strcmp(x->name, t->name))
			return true;
	}
	return false;
}

static bool is_dormant(const struct watch *w, const struct kruleset *rs,
		       const struct touch *t)
{
	const struct kr_table *own = own_table(w, rs);

	return own && watch_is_ours(w, t->family, t->table) &&
	       strcmp(own->name, t->table);
}

static const char *touch_words(struct watch *w, const struct kruleset *rs,
			       const struct touch *t, struct arena *a)
{
	if (t->type == NFT_MSG_NEWFLOWTABLE || t->type == NFT_MSG_DELFLOWTABLE)
		return "a flow table";
	if (is_dormant(w, rs, t))
		return "dormant: no packet sees it";
	if (touch_kind[t->type].what == DRIFT_ELEMENT && times_out(rs, t))
		return arena_printf(a, "%u with a time limit", (unsigned)t->n);
	return "nothing differs but counts";
}

/* Elements that time out, flow tables, what was done and undone. */
static void add_touch(struct watch *w, const struct kruleset *rs,
		      const struct actor *by, const struct touch *t,
		      struct arena *a, struct drifts *out)
{
	bool both = both_ways(by, t);
	struct drift d = { .what = touch_kind[t->type].what,
			   .how = both ? DRIFT_ANEW : touch_kind[t->type].how,
			   .family = t->family,
			   .table = arena_strdup(a, t->table),
			   .name = arena_strdup(a, t->name) };

	/* names of anonymous sets, which come and go with their rules */
	if (!strncmp(t->name, "__set", 5) || !strncmp(t->name, "__map", 5) ||
	    (both && touch_kind[t->type].how == DRIFT_DELETED))
		return;
	d.detail = touch_words(w, rs, t, a);
	if (out->v.n < MOST_OBJECTS)
		vec_push(a, &out->v, d);
	else
		out->more++;
}

static bool has_words(const struct touch *t)
{
	return t->type < NFT_MSG_MAX && touch_kind[t->type].other;
}

static void add_touches(struct watch *w, const struct kruleset *rs,
			struct arena *a, struct drifts *out)
{
	struct drifts seen = *out; /* by these alone */

	for (size_t i = 0; i < w->actors.n; i++) {
		const struct actor *x = &w->actors.v[i];

		for (size_t k = 0; !x->ours && k < x->touched.n; k++)
			if (has_words(&x->touched.v[k]) &&
			    !compared(&seen, &x->touched.v[k]))
				add_touch(w, rs, x, &x->touched.v[k], a, out);
	}
}

/* ---- a change --------------------------------------------------------------------------- */

static bool may_deny(const struct watch *w, const char *table)
{
	for (size_t i = 0; i < w->may_deny.n; i++)
		if (!strcmp(w->may_deny.v[i], table))
			return true;
	return false;
}

/* Only in tables that may deny as they like. */
static bool allowed_to(const struct watch *w)
{
	for (size_t i = 0; i < w->actors.n; i++) {
		const struct touches *x = &w->actors.v[i].touched;

		for (size_t k = 0; k < x->n; k++)
			if (!may_deny(w, x->v[k].table))
				return false;
		if (x->more)
			return false;
	}
	return w->actors.n && !w->lost && !w->more_actors;
}

static bool touches_ours(const struct watch *w)
{
	for (size_t i = 0; i < w->actors.n; i++) {
		const struct touches *x = &w->actors.v[i].touched;

		for (size_t k = 0; k < x->n; k++)
			if (watch_is_ours(w, x->v[k].family, x->v[k].table))
				return true;
		if (x->more)
			return true;
	}
	return w->more_actors > 0;
}

static enum origin origin_of(const struct watch *w, const struct news *n)
{
	bool foreign = w->more_actors > 0, ours = false;

	for (size_t i = 0; i < w->actors.n; i++) {
		foreign |= !w->actors.v[i].ours;
		ours |= w->actors.v[i].ours;
	}
	if (foreign)
		return ORIGIN_FOREIGN;
	if (n->lost)
		return ORIGIN_UNKNOWN;
	return ours && !n->proven ? ORIGIN_UNPROVEN : ORIGIN_OWN;
}

/* Found things are in the arena a. */
static void judge(struct watch *w, struct arena *a, struct snapshot *s,
		  struct kruleset *old, struct news *n)
{
	struct verify_options opt = {
		.old = old, .no_replay = true, .no_notes = true,
		.waivers = w->plan->waivers,
		.used = w->plan->used, .may_deny = w->may_deny.v,
		.n_may_deny = w->may_deny.n,
	};

	n->found = (struct verified){ .file = "the running kernel" };
	verify_firewall(a, w->plan->loaded.plan, w->plan->firewall,
			s->rules, &opt, &n->found);
	memcpy(n->was, s->count, sizeof(n->was));
	memcpy(s->count, n->found.count, sizeof(s->count));
}

/* Where it is not told yet: what those did who may. */
static bool worth_telling(const struct news *n)
{
	if (n->event != EVENT_CHANGE || n->begun)
		return true;
	for (size_t i = 0; i < n->found.findings.n; i++)
		if (!n->found.findings.v[i].before)
			return true;
	return memcmp(n->was, n->found.count, sizeof(n->was));
}

static void judge_change(struct watch *w, struct arena *a,
			 struct snapshot *fresh, struct news *n)
{
	struct drift_options opt = { .most = MOST_OBJECTS,
				     .known_as = known_as, .ctx = w };

	drift_compare(a, w->now.rules, fresh->rules, &opt, &n->drift);
	add_touches(w, fresh->rules, a, &n->drift);
	n->standing = touches_ours(w) || n->lost ? watch_standing(w) :
						   STANDING_UNKNOWN;
	n->proven = n->standing == STANDING_CONFIRMED ||
		    n->standing == STANDING_NONE ||
		    n->standing == STANDING_TRIAL;
	n->actor = w->actors.v;
	n->n_actor = w->actors.n;
	n->more_actors = w->more_actors;
	n->origin = origin_of(w, n);
	n->at = w->first_at;
	memcpy(fresh->count, w->now.count, sizeof(fresh->count));
	if (!allowed_to(w))
		watch_tell_first(w, n);
	judge(w, a, fresh, w->now.rules, n);
}

static bool read_snapshot(struct watch *w, struct snapshot *s)
{
	struct buf err = { 0 };

	*s = (struct snapshot){ .arena = arena_new() };
	s->rules = live_reader_read(&w->reader, s->arena, &err);
	if (s->rules)
		return true;
	complain(w->args, "%s", err.n ? err.s : "the rules cannot be read");
	buf_free(&err);
	arena_free(s->arena);
	return false;
}

static bool tell_whole(struct watch *w, struct news *n)
{
	struct arena *a;

	if (!w->now.rules && !read_snapshot(w, &w->now))
		return false;
	a = arena_new();
	n->at = watch_wall_clock();
	n->standing = watch_standing(w);
	n->generation = w->now.rules->generation;
	judge(w, a, &w->now, NULL, n);
	watch_tell(w, n);
	arena_free(a);
	return true;
}

bool watch_report(struct watch *w, enum event e, const char *why)
{
	struct news n = { .event = e, .firewall = w->firewall, .why = why };
	struct snapshot fresh;
	struct arena *a;

	if (e != EVENT_CHANGE)
		return tell_whole(w, &n);
	if (!read_snapshot(w, &fresh))
		return false;
	watch_take_until(w, fresh.rules->generation);
	n.lost = w->lost;
	n.generation = fresh.rules->generation;
	a = arena_new();
	judge_change(w, a, &fresh, &n);
	if (worth_telling(&n))
		watch_tell(w, &n);
	arena_free(a);
	arena_free(w->now.arena);
	w->now = fresh;
	watch_burst_over(w);
	return true;
}
