#include "check/trace.h"

#include <string.h>

enum { MAX_WALK = 64 };

struct walk {
	struct check *c;
	struct evaluator *ev;
	const space_val *packet;
	struct trace *out;
	unsigned depth;
};

/* A rule by itself: jumps are answers. Remembered, since many packets take the
 * same way. */
static uint32_t rule_alone(struct walk *w, const struct kr_rule *r,
			   uint32_t state)
{
	uint32_t key[2] = { r->id, state };
	struct map_entry *e = map_find(&w->ev->shown, key, sizeof(key));
	uint32_t d;

	if (e)
		return e->val.u;
	w->ev->show_calls = true;
	d = ev_rule(w->ev, r, state);
	w->ev->show_calls = false;
	map_add(w->ev->arena, &w->ev->shown, key, sizeof(key), NULL)->val.u = d;
	return d;
}

static void add_step(struct walk *w, const struct kr_chain *c,
		     const struct kr_rule *r)
{
	vec_push(w->c->arena, &w->out->step, (struct trace_step){ c, r });
}

static const struct kr_chain *called(const struct walk *w, uint32_t rule,
				     bool *jump)
{
	const struct kruleset *rs = w->ev->rs;
	size_t first = rs->rule.n + rs->chain.n;

	if (rule == RULE_NONE || rule < first ||
	    (rule - first) / 2 >= rs->chain.n)
		return NULL;
	*jump = (rule - first) & 1;
	return rs->chain.v[(rule - first) / 2];
}

/* The fate of the packet in the chain: CONT stands for "cannot be told". */
static struct fate walk_chain(struct walk *w, const struct kr_chain *c,
			      uint32_t state)
{
	const struct fate doubt = { .kind = FATE_CONT };
	size_t start = w->out->step.n;

	if (w->depth >= MAX_WALK)
		return doubt;
	for (size_t i = 0; i < c->rule.n; i++) {
		const struct kr_rule *r = c->rule.v[i];
		const struct outcome *o = outcome_get(&w->ev->out,
			space_at(w->c->s, rule_alone(w, r, state), w->packet));
		struct fate f = o->v[0];
		const struct kr_chain *to;
		bool jump = false;

		if (o->n != 1) {
			add_step(w, c, r);
			return doubt;
		}
		to = f.kind == FATE_ACCEPT ? called(w, f.rule, &jump) : NULL;
		if (f.kind == FATE_CONT) {
			state = f.state;
			continue;
		}
		if (f.kind != FATE_RETURN)
			add_step(w, c, r);
		if (!to)
			return f;
		w->depth++;
		f = walk_chain(w, to, f.state);
		w->depth--;
		if (f.kind != FATE_RETURN || !jump)
			return f;
		w->out->step.n = start; /* came back without a verdict */
		state = f.state;
	}
	w->out->step.n = start;
	return (struct fate){ .kind = FATE_RETURN, .state = (uint16_t)state,
			      .rule = RULE_NONE };
}

static const char *verdict_name(const struct kr_chain *c, const struct fate *f)
{
	static const char *const name[] = {
		[FATE_CONT] = "either way", [FATE_ACCEPT] = "accept",
		[FATE_DROP] = "drop", [FATE_REJECT] = "reject",
		[FATE_ELSEWHERE] = "another way",
	};

	if (f->kind == FATE_RETURN)
		return c->policy == KR_DROP ? "policy drop" : "policy accept";
	return name[f->kind];
}

/* False: the packet's way ends here. */
static bool walk_base(struct walk *w, const struct kr_chain *c, uint8_t hook,
		      uint32_t *state, struct traces *out)
{
	struct trace t = { .base = c };
	uint32_t entered = ev_enter(w->ev, c, hook, *state);
	struct fate f;

	if (space_at(w->c->s, ev_meets(w->ev, c, entered), w->packet) == 0) {
		*state = entered;
		return true;
	}
	w->out = &t;
	f = walk_chain(w, c, entered);
	if (f.kind == FATE_RETURN) {
		t.step.n = 0;
		add_step(w, c, NULL);
	}
	t.verdict = verdict_name(c, &f);
	vec_push(w->c->arena, &out->v, t);
	*state = f.state;
	return f.kind == FATE_ACCEPT ||
	       (f.kind == FATE_RETURN && c->policy != KR_DROP);
}

void check_trace_begin(struct check *c)
{
	space_forget(c->s);
}

struct traces check_trace(struct check *c, const struct check_side *x,
			  enum check_path path, const space_val *packet)
{
	uint8_t family = (uint8_t)packet[PK_FAMILY], hook;
	struct walk w = { .c = c, .ev = x->ev, .packet = packet };
	const struct kr_chain **chain;
	struct traces out = { { 0 } };
	uint32_t state;
	size_t n;

	if (!x->ev)
		return out;
	state = ev_begin(x->ev, path, family);
	for (unsigned i = 0; ev_hook(x->ev, path, i, family, &chain, &n, &hook);
	     i++)
		for (size_t k = 0; k < n; k++)
			if (!walk_base(&w, chain[k], hook, &state, &out))
				return out;
	return out;
}

/* ---- in words -------------------------------------------------------------------- */

static void put_place(const struct kr_rule *r, struct buf *out)
{
	if (r && r->line)
		buf_printf(out, " (%s:%u)", r->file, (unsigned)r->line);
	else if (r)
		buf_printf(out, " (handle %llu)", (unsigned long long)r->handle);
}

/* "accept (fw.nft:30)", "policy drop": what ends a base chain. */
static void trace_end_text(const struct trace *t, struct buf *out)
{
	buf_puts(out, t->verdict);
	if (t->step.n)
		put_place(t->step.v[t->step.n - 1].rule, out);
}

void check_trace_text(const struct traces *t, struct buf *out)
{
	for (size_t i = 0; i < t->v.n; i++) {
		const struct trace *x = &t->v.v[i];

		if (i)
			buf_puts(out, "; then ");
		buf_printf(out, "%s %s, %s > ",
			   kr_family_name(x->base->table->family),
			   x->base->table->name, x->base->name);
		for (size_t k = 1; k < x->step.n; k++) {
			buf_puts(out, x->step.v[k].chain->name);
			put_place(x->step.v[k - 1].rule, out);
			buf_puts(out, " > ");
		}
		trace_end_text(x, out);
	}
}
