#include "gen/internal.h"

/* What becomes of a packet that no rule lets through, and what is logged. */
enum {
	LOG_RATE = 10, LOG_BURST = 20, /* packets a second, and at once */
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

void deny_rules(struct gen *g, struct rs_chain *c, const char *what,
		enum refusal how)
{
	struct rs_rule *r;

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
