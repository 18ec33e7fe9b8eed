#include <string.h>

#include "gen/internal.h"

/*
 * Grace: connections that began before tracking did (a first load, a failover)
 * go on where the plan allows them. Their packets look like new ones, without
 * SYN and from either end; and which end opened them is not known. So they are
 * judged by the same sets twice: turned round, source for destination and
 * interface for interface, and as they are. Whatever refuses or logs is left
 * out of both; what neither accepts is dropped, and counted.
 *
 * All of it stands behind a set of protocols, GRACE_SET, which is empty: the
 * kernel lets nothing through until "tcp" is added to it, with a timeout, and
 * ends that by itself.
 */
struct grace {
	struct gen *g;
	struct map chains; /* by name */
	struct map done;   /* chain or map -> what it became, turned round */
};

static enum rs_field turned(enum rs_field f)
{
	static const enum rs_field other[RS_N_FIELDS] = {
		[RS_IIFNAME] = RS_OIFNAME, [RS_OIFNAME] = RS_IIFNAME,
		[RS_SADDR4] = RS_DADDR4, [RS_DADDR4] = RS_SADDR4,
		[RS_SADDR6] = RS_DADDR6, [RS_DADDR6] = RS_SADDR6,
		[RS_L4PROTO] = RS_L4PROTO,
		[RS_SPORT] = RS_DPORT, [RS_DPORT] = RS_SPORT,
		[RS_ICMP_TYPE] = RS_ICMP_TYPE,
		[RS_ICMPV6_TYPE] = RS_ICMPV6_TYPE,
		[RS_HOPLIMIT] = RS_HOPLIMIT, [RS_NFPROTO] = RS_NFPROTO,
	};

	return other[f];
}

static struct rs_chain *chain_named(const struct grace *x, const char *name)
{
	return map_find_str(&x->chains, name)->val.p;
}

/* Rules that end a packet's way otherwise than by accepting, and those that
 * only log or count on the way there. */
static bool lets_on(const struct rs_rule *r)
{
	const struct rs_stmt *last = &r->stmts.v[r->stmts.n - 1];

	return last->kind == RS_VMAP ||
	       (last->kind == RS_VERDICT &&
		(last->verdict == RS_ACCEPT || last->verdict == RS_JUMP ||
		 last->verdict == RS_GOTO));
}

static const char *turned_chain(struct grace *x, const char *name);

static const char *keep(struct grace *x, const char *name)
{
	(void)x;
	return name;
}

/* ---- copies of rules and maps ------------------------------------------------------- */

typedef const char *(*retarget)(struct grace *x, const char *name);

static const struct rs_set *copy_map(struct grace *x, const struct rs_set *s,
				     const char *prefix, enum rs_verdict how,
				     bool turn, retarget to)
{
	struct rs_set *m = rs_add_set(x->g->rs, unique_name(x->g,
			arena_printf(x->g->arena, "%s%s", prefix, s->name + 2),
			NULL), true, s->n_field, s->field);

	for (unsigned i = 0; i < m->n_field; i++)
		m->field[i] = turn ? turned(s->field[i]) : s->field[i];
	for (size_t i = 0; i < s->elems.n; i++) {
		struct rs_elem *e = rs_add_elem(x->g->rs, m);

		*e = s->elems.v[i];
		if (e->target)
			e->target = to(x, e->target);
		if (how != RS_NONE && e->target)
			e->verdict = how;
	}
	return m;
}

static const struct rs_set *turned_map(struct grace *x, const struct rs_set *s)
{
	int is_new;
	struct map_entry *e = map_add_str(x->g->scratch, &x->done, s->name,
					  &is_new);

	if (is_new) {
		const struct rs_set *m = copy_map(x, s, "pp_back", RS_NONE,
						  true, turned_chain);

		/* the copying may have moved the entry */
		e = map_find_str(&x->done, s->name);
		e->val.cp = m;
	}
	return e->val.cp;
}

static void copy_rule(struct grace *x, struct rs_chain *c,
		      const struct rs_rule *from)
{
	struct rs_rule *r = rs_add_rule(x->g->rs, c, from->comment);

	r->unplanned = from->unplanned;
	for (size_t i = 0; i < from->stmts.n; i++) {
		struct rs_stmt s = from->stmts.v[i];

		if (s.kind == RS_LOG)
			continue;
		for (unsigned k = 0; k < s.n_field; k++)
			s.field[k] = turned(s.field[k]);
		if (s.kind == RS_VMAP)
			s.set = turned_map(x, s.set);
		if (s.kind == RS_VERDICT && s.text)
			s.text = turned_chain(x, s.text);
		vec_push(x->g->rs->arena, &r->stmts, s);
	}
}

static const char *turned_chain(struct grace *x, const char *name)
{
	const struct rs_chain *from = chain_named(x, name);
	int is_new;
	struct map_entry *e = map_add_str(x->g->scratch, &x->done, name,
					  &is_new);
	struct rs_chain *c;

	if (!is_new)
		return e->val.cp;
	e->val.cp = unique_name(x->g, arena_printf(x->g->arena, "pp_back%s",
						   name + 2), NULL);
	c = rs_add_chain(x->g->rs, e->val.cp, RS_NO_HOOK);
	for (size_t i = 0; i < from->rules.n; i++)
		if (lets_on(from->rules.v[i]))
			copy_rule(x, c, from->rules.v[i]);
	return c->name;
}

/* As it is, without its end. */
static const char *open_chain(struct grace *x, const char *name)
{
	const struct rs_chain *from = chain_named(x, name);
	const char *open = arena_printf(x->g->arena, "pp_grace%s", name + 2);
	struct map_entry *e = map_find_str(&x->done, open);
	struct rs_chain *c;

	if (e)
		return e->val.cp;
	c = rs_add_chain(x->g->rs, unique_name(x->g, open, NULL), RS_NO_HOOK);
	map_add_str(x->g->scratch, &x->done, open, NULL)->val.cp = c->name;
	for (size_t i = 0; i < from->rules.n; i++)
		if (lets_on(from->rules.v[i]))
			vec_push(x->g->rs->arena, &c->rules,
				 from->rules.v[i]);
	return c->name;
}

/* ---- the way in ---------------------------------------------------------------------- */

/* A rule of a base chain that leads to a pair of zones: so does the copy, and
 * comes back. */
static void lead(struct grace *x, struct rs_chain *c,
		 const struct rs_rule *from, bool turn, retarget to)
{
	struct rs_rule *r = rs_add_rule(x->g->rs, c, NULL);

	for (size_t i = 0; i < from->stmts.n; i++) {
		struct rs_stmt s = from->stmts.v[i];

		for (unsigned k = 0; turn && k < s.n_field; k++)
			s.field[k] = turned(s.field[k]);
		if (s.kind == RS_VMAP)
			s.set = copy_map(x, s.set, turn ? "pp_back" :
					 "pp_grace", RS_JUMP, turn, to);
		if (s.kind == RS_VERDICT) {
			s.verdict = RS_JUMP;
			s.text = to(x, s.text);
		}
		vec_push(x->g->rs->arena, &r->stmts, s);
	}
}

static bool leads(const struct rs_rule *r)
{
	const struct rs_stmt *last = &r->stmts.v[r->stmts.n - 1];

	return last->kind == RS_VMAP ||
	       (last->kind == RS_VERDICT && last->text &&
		strcmp(last->text, "pp_tracked") &&
		strcmp(last->text, GRACE_CHAIN) &&
		strcmp(last->text, GRACE_INPUT));
}

static void lead_all(struct grace *x, struct rs_chain *c,
		     const struct rs_chain *base, bool turn, retarget to)
{
	for (size_t i = 0; i < base->rules.n; i++)
		if (leads(base->rules.v[i]))
			lead(x, c, base->rules.v[i], turn, to);
}

static void end(struct grace *x, struct rs_chain *c)
{
	struct rs_rule *r = rs_add_rule(x->g->rs, c, "grace: TCP that begins "
					"without SYN, not planned");

	rs_simple(x->g->rs, r, RS_COUNTER);
	rs_verdict(x->g->rs, r, RS_DROP, NULL);
}

void grace_chains(struct gen *g)
{
	struct grace x = { .g = g };
	size_t n = g->rs->chains.n;

	for (size_t i = 0; i < n; i++)
		map_add_str(g->scratch, &x.chains, g->rs->chains.v[i]->name,
			    NULL)->val.p = g->rs->chains.v[i];
	for (size_t i = 0; i < n; i++) {
		const struct rs_chain *base = g->rs->chains.v[i];
		struct rs_chain *c;

		if (base->hook == RS_HOOK_FORWARD) {
			c = rs_add_chain(g->rs, GRACE_CHAIN, RS_NO_HOOK);
			lead_all(&x, c, base, true, turned_chain);
			lead_all(&x, c, base, false, open_chain);
			end(&x, c);
		} else if (base->hook == RS_HOOK_INPUT) {
			/* its answers are not filtered: they begin as well */
			c = rs_add_chain(g->rs, GRACE_INPUT,
					 RS_NO_HOOK);
			lead_all(&x, c, base, false, keep);
			end(&x, c);
		}
	}
}

void grace_rule(struct gen *g, struct rs_chain *c)
{
	static const enum rs_field proto[] = { RS_L4PROTO };
	struct rs_rule *r;

	if (!g->grace) {
		g->grace = rs_add_set(g->rs, GRACE_SET, false, 1, proto);
		g->grace->timed = true;
	}
	r = rs_add_rule(g->rs, c, "grace: TCP that began before");
	rs_lookup(g->rs, r, g->grace);
	rs_simple(g->rs, r, RS_NOT_SYN);
	rs_simple(g->rs, r, RS_COUNTER);
	rs_verdict(g->rs, r, RS_GOTO, c->hook == RS_HOOK_INPUT ?
		   GRACE_INPUT : GRACE_CHAIN);
}
