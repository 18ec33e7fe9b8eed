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
	prefix = buf_take(g->arena, &b);
	if (g->f->log_to_group)
		rs_log_group(g->rs, r, prefix, g->f->log_group);
	else
		rs_log(g->rs, r, prefix);
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
	r->unplanned = true;
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

/* The rules of one pair of zones at one place, in one family. */
struct observed {
	struct gen *g;
	uint32_t in, out, from, to;
	bool v4;
	struct observed_look look;
};

/* A name that is remembered: one set where a zone is seen by its own addresses,
 * else one for the place. */
static struct map_entry *observed_entry(struct observed *x, uint32_t kind,
					bool source, int *is_new)
{
	uint32_t zone = source ? x->from : x->to;
	uint32_t key[6] = { kind, source, x->v4, zone, NONE, NONE };
	uint32_t other = source ? x->to : x->from;

	if (x->look.translated) {
		key[4] = other;
		key[5] = x->in * x->g->p->n_zones + x->out;
	}
	return map_add(x->g->scratch, &x->g->observed, key, sizeof(key),
		       is_new);
}

static const char *observed_name(struct observed *x, bool source,
				 const char *what)
{
	const struct topology *t = x->g->p->topo;
	const char *from = t->zones.v[x->from]->name;
	const char *to = t->zones.v[x->to]->name;

	if (!x->look.translated)
		return unique_name(x->g, arena_printf(x->g->arena,
				"pp_observe/%s/%s%d", source ? from : to, what,
				x->v4 ? 4 : 6), NULL);
	return unique_name(x->g, arena_printf(x->g->arena,
			"pp_observe/%s/%s/%s%d", from, to, what,
			x->v4 ? 4 : 6), NULL);
}

enum { KEY_CHAIN, KEY_ADDRESSES, KEY_PORTS };

static const struct rs_set *observed_set(struct observed *x, bool source)
{
	static const enum rs_field field[2][2] = {
		{ RS_DADDR6, RS_DADDR4 }, { RS_SADDR6, RS_SADDR4 },
	};
	const struct addr_set *s = source ? &x->look.src : &x->look.dst;
	int is_new;
	struct map_entry *e = observed_entry(x, KEY_ADDRESSES, source, &is_new);
	struct rs_set *set;

	if (!is_new)
		return e->val.p;
	set = rs_add_set(x->g->rs, observed_name(x, source, source ? "from" :
			 "to"), false, 1, &field[source][x->v4]);
	for (size_t i = 0; i < s->n; i++) {
		struct rs_elem *el = rs_add_elem(x->g->rs, set);

		el->key[0].lo = s->r[i].lo;
		el->key[0].hi = s->r[i].hi;
	}
	return e->val.p = set;
}

/* Addresses and ports that are forwarded, where this firewall is before. */
static const struct rs_set *observed_ports(struct observed *x)
{
	const enum rs_field field[] = { x->v4 ? RS_DADDR4 : RS_DADDR6,
					RS_L4PROTO, RS_DPORT };
	int is_new;
	struct map_entry *e = observed_entry(x, KEY_PORTS, false, &is_new);
	struct rs_set *set;

	if (!is_new)
		return e->val.p;
	set = rs_add_set(x->g->rs, observed_name(x, false, "publish"), false, 3,
			 field);
	for (size_t i = 0; i < x->look.n_publish; i++) {
		const struct publish *u = x->g->p->topo->publishes
			.v[x->look.publish[i]];

		for (size_t k = 0; k < u->keys.n; k++) {
			struct rs_elem *el = rs_add_elem(x->g->rs, set);
			struct key_range r = u->keys.r[k];

			el->key[0].lo = el->key[0].hi = u->address.r.lo;
			el->key[1].lo.lo = el->key[1].hi.lo = key_proto(r.lo);
			el->key[2].lo.lo = key_detail(r.lo);
			el->key[2].hi.lo = key_detail(r.hi);
		}
	}
	return e->val.p = set;
}

/* One chain for two zones, whatever it is jumped to from. */
static const char *observed_chain(struct gen *g, uint32_t from, uint32_t to)
{
	const struct observe *o = plan_observed(g->p, from, to);
	const char *a = g->p->topo->zones.v[from]->name;
	const char *b = g->p->topo->zones.v[to]->name;
	uint32_t key[3] = { KEY_CHAIN, from, to };
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

static void observe_rule(struct observed *x, struct rs_chain *c,
			 const struct rs_set *src, const struct rs_set *dst)
{
	struct rs_rule *r = rs_add_rule(x->g->rs, c, NULL);

	rs_lookup(x->g->rs, r, src);
	rs_lookup(x->g->rs, r, dst);
	rs_verdict(x->g->rs, r, RS_JUMP, observed_chain(x->g, x->from, x->to));
}

static void observe_pair(struct observed *x, struct rs_chain *c)
{
	const struct rs_set *src;

	x->look = plan_observed_look(x->g->p, x->g->f, x->in, x->out, x->from,
				     x->to, x->v4, x->g->scratch);
	if (!x->look.src.n || !(x->look.dst.n || x->look.n_publish))
		return;
	src = observed_set(x, true);
	if (x->look.dst.n)
		observe_rule(x, c, src, observed_set(x, false));
	if (x->look.n_publish)
		observe_rule(x, c, src, observed_ports(x));
}

void observe_rules(struct gen *g, struct rs_chain *c, uint32_t in,
		   uint32_t out)
{
	const struct crossing *at = crossing_at(g->crossings, in, out);

	for (size_t i = 0; i < at->observed.n; i++)
		for (int v4 = 1; v4 >= 0; v4--) {
			struct observed x = {
				.g = g, .in = in, .out = out, .v4 = v4,
				.from = at->observed.v[i].from,
				.to = at->observed.v[i].to,
			};

			observe_pair(&x, c);
		}
}
