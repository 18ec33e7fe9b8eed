#include "gen/internal.h"

/* What becomes of a packet that no rule lets through, and what is logged. */
enum {
	LOG_RATE = 10, LOG_BURST = 20, /* packets a second, and at once */
	OBSERVE_RATE = 100, OBSERVE_BURST = 200,
	MAX_PREFIX = 120,	       /* bytes of a log prefix: 127 at most */
};

static void log_stmt(struct gen *g, struct rs_rule *r, const char *what)
{
	struct buf b = { 0 };
	const char *prefix;

	buf_printf(&b, "%s %s", g->f->name, what);
	if (b.n > MAX_PREFIX)
		b.n = MAX_PREFIX;
	buf_puts(&b, ": ");
	prefix = arena_strndup(g->arena, b.s, b.n);
	if (g->f->log_to_group)
		rs_log_group(g->rs, r, prefix, g->f->log_group);
	else
		rs_log(g->rs, r, prefix);
	buf_free(&b);
}

/* Once a packet is counted: an answer at once. */
static void answer_rules(struct gen *g, struct rs_chain *c)
{
	struct rs_rule *r = rs_add_rule(g->rs, c, NULL);

	rs_match(g->rs, r, RS_L4PROTO, PROTO_TCP, PROTO_TCP);
	rs_verdict(g->rs, r, RS_RESET, NULL);
	rs_verdict(g->rs, rs_add_rule(g->rs, c, NULL), RS_REJECT, NULL);
}

/* Let through, and not forgotten. */
static void observed_rules(struct gen *g, struct rs_chain *c, const char *what,
			   const char *comment)
{
	struct rs_rule *r = rs_add_rule(g->rs, c, NULL);

	rs_limit(g->rs, r, OBSERVE_RATE, OBSERVE_BURST);
	log_stmt(g, r, arena_printf(g->arena, "observe %s", what));
	r = rs_add_rule(g->rs, c, comment);
	rs_simple(g->rs, r, RS_COUNTER);
	rs_verdict(g->rs, r, RS_ACCEPT, NULL);
}

void deny_rules(struct gen *g, struct rs_chain *c, const char *what,
		enum refusal how)
{
	struct rs_rule *r;

	if (g->f->unenforced) {
		observed_rules(g, c, what, arena_printf(g->arena,
			"%.80s: not planned, let through", what));
		return;
	}
	if (g->f->log_drops) {
		r = rs_add_rule(g->rs, c, NULL);
		rs_limit(g->rs, r, LOG_RATE, LOG_BURST);
		log_stmt(g, r, what);
	}
	r = rs_add_rule(g->rs, c, arena_printf(g->arena,
					       "%.100s: not planned", what));
	rs_simple(g->rs, r, RS_COUNTER);
	if (how == AS_TOLD && g->f->refuse_reject)
		answer_rules(g, c);
	else
		rs_verdict(g->rs, r, RS_DROP, NULL);
}

void accept_new(struct gen *g, struct rs_rule *r)
{
	if (g->f->log_new)
		log_stmt(g, r, arena_printf(g->arena, "%s new", g->what));
	rs_verdict(g->rs, r, RS_ACCEPT, NULL);
}

/* ---- observe ------------------------------------------------------------------ */

static bool has_family(const struct gen *g, uint32_t zone, bool v4)
{
	for (size_t i = 0; i < g->p->n_cell; i++)
		if (g->p->cell[i].zone == zone &&
		    addr_is_v4(g->p->cell[i].lo) == v4)
			return true;
	return false;
}

static const struct rs_set *observed_set(struct gen *g, uint32_t zone,
					 enum rs_field field, bool v4)
{
	bool from = field == RS_SADDR4 || field == RS_SADDR6;
	uint32_t key[2] = { zone, g->p->n_zones + (uint32_t)field };
	int is_new;
	struct map_entry *e = map_add(g->scratch, &g->observed, key,
				      sizeof(key), &is_new);

	if (is_new)
		e->val.p = zone_set(g, zone, v4, false, field, arena_printf(
				g->arena, "pp_observe/%s/%s%d",
				g->p->topo->zones.v[zone]->name,
				from ? "from" : "to", v4 ? 4 : 6));
	return e->val.p;
}

/* One chain for two zones, whatever it is jumped to from. */
static const char *observed_chain(struct gen *g, uint32_t from, uint32_t to)
{
	const struct observe *o = plan_observed(g->p, from, to);
	const char *a = g->p->topo->zones.v[from]->name;
	const char *b = g->p->topo->zones.v[to]->name;
	uint32_t key[2] = { from, to };
	int is_new;
	struct map_entry *e = map_add(g->scratch, &g->observed, key,
				      sizeof(key), &is_new);

	if (!is_new)
		return e->val.cp;
	e->val.cp = unique_name(g, arena_printf(g->arena, "pp_observe/%s/%s",
						a, b), NULL);
	observed_rules(g, rs_add_chain(g->rs, e->val.cp, RS_NO_HOOK),
		       arena_printf(g->arena, "%s to %s", a, b),
		       arena_printf(g->arena, "%.32s to %.32s: not planned, "
				    "observed until %s", a, b, o->until.text));
	return e->val.cp;
}

void observe_rules(struct gen *g, struct rs_chain *c, uint32_t in,
		   uint32_t out)
{
	for (uint32_t from = 0; from < g->p->n_zones; from++)
		for (uint32_t to = 0; to < g->p->n_zones; to++)
			for (int v4 = 1; v4 >= 0; v4--) {
				const struct rs_set *s, *d;
				struct rs_rule *r;

				if (!plan_observes(g->p, g->f, in, out, from,
						   to))
					break;
				if (!has_family(g, from, v4) ||
				    !has_family(g, to, v4))
					continue;
				s = observed_set(g, from, v4 ? RS_SADDR4 :
						 RS_SADDR6, v4);
				d = observed_set(g, to, v4 ? RS_DADDR4 :
						 RS_DADDR6, v4);
				r = rs_add_rule(g->rs, c, NULL);
				rs_lookup(g->rs, r, s);
				rs_lookup(g->rs, r, d);
				rs_verdict(g->rs, r, RS_JUMP,
					   observed_chain(g, from, to));
			}
}
