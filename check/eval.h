#ifndef CHECK_EVAL_H
#define CHECK_EVAL_H

#include "check/lookup.h"
#include "check/outcome.h"

/*
 * The evaluator: chains as functions from packets to outcomes.
 *
 * A rule is evaluated once for a state, for all packets at once; its result is
 * a diagram that says CONT where it does not match. Rules of a chain are then
 * put together pairwise ("what a leaves to CONT goes to b"), which is
 * associative as long as no rule changes the state. A state is what rules can
 * change and later ones read: marks, notrack, translated addresses. Where a
 * rule changes it, the rest of the chain is evaluated for the new state too.
 */
enum value_kind { VAL_ENTRY, VAL_KNOWN, VAL_OPAQUE };

struct value { /* no padding: states are compared as bytes */
	uint32_t kind;
	uint32_t why; /* opaque: reason */
	uint64_t hi, lo;
};

/* Behind the last hook of all, where packets go to a device: of netdev tables
 * only, whose own number for it is that of another hook. */
enum { EV_EGRESS = 6 }; /* NF_INET_INGRESS is 5 */

enum { SNAT_ADDRESS = 1, SNAT_INTERFACE }; /* state.snat; 0: not */

/* state.routed: it was, and its hops are counted; or it is this machine's own;
 * 0: not yet */
enum { ROUTED_ON = 1, ROUTED_OUT };

/* state.rewritten: bytes of the packet; the protocol's; those that say who
 * speaks to whom about what (addresses, protocol, ports) */
enum { REWRITTEN = 1, REWRITTEN_PROTO = 2, REWRITTEN_ENDS = 4 };

/* state.early: tracking has not seen it; at its own priority nobody knows which
 * came first */
enum { EARLY_YES = 1, EARLY_MAYBE };

/* state.untracked: no connection is looked for, or what is none was called
 * untracked (notrack behind tracking) */
enum { UNTRACKED = 1, UNTRACKED_LATE };

struct state {
	uint8_t family; /* of PK_FAMILY */
	uint8_t hook;	/* NF_INET_*, EV_EGRESS: which interfaces are known */
	uint8_t untracked, early, dnat, snat, rewritten, routed;
	struct value mark, ct_mark, daddr, dport, saddr, tos;
	/* no rule reads these: the port that a source is translated to, and
	 * which rules wrote into the packet */
	struct value sport, written;
};

/* What evaluator.results is about: a chain from a rule on, in a state; what
 * its end is. */
struct ev_place {
	uint32_t chain, from, state, end;
};

enum { MAX_STATES = 4096, MAX_DEPTH = 64 };

/* Why something is undecided. Conditions of two rulesets with one id come true
 * for the same packets. */
struct ev_why {
	const char *text;
	uint64_t id;
	const struct kr_limit *limit; /* it hangs on that alone; or NULL */
};

struct evaluator {
	struct arena *arena;
	struct space *s;
	const struct pk_names *names;
	const struct kruleset *rs;
	struct outcomes out;
	struct map states;
	VEC(const struct state *) state;
	struct map results; /* chain and state -> diagram */
	struct map lookups;
	struct map reasons; /* struct ev_why -> number */
	VEC(struct ev_why) reason;
	uint64_t *rule_id; /* become_id() by rule, once asked for; 0: not yet */
	struct bits_ctx bits;
	const char *const *tame; /* tables whose drops do not count */
	size_t n_tame;
	const struct kr_rule *rule; /* being evaluated */
	unsigned depth;
	uint32_t n_ops;
	bool show_calls; /* jumps end a rule: ACCEPT by ev_call_id() */
	struct map shown; /* of trace.c: rule and state -> diagram */
};

/* A rule or policy as a number: rules by id, then policies by chain id. */
static inline uint32_t ev_policy_id(const struct kruleset *rs,
				    const struct kr_chain *c)
{
	return (uint32_t)rs->rule.n + c->id;
}

static inline enum fate_kind ev_policy(const struct kr_chain *c)
{
	return c->policy == KR_DROP ? FATE_DROP : FATE_ACCEPT;
}

/* A jump or goto as a number, behind the policies. */
static inline uint32_t ev_call_id(const struct kruleset *rs,
				  const struct kr_chain *c, bool jump)
{
	return (uint32_t)(rs->rule.n + rs->chain.n) + 2 * c->id + jump;
}

void ev_init(struct evaluator *ev, struct arena *a, struct space *s,
	     const struct pk_names *names, const struct kruleset *rs);
uint32_t ev_state(struct evaluator *ev, const struct state *st);
uint32_t ev_reason(struct evaluator *ev, const char *text);
uint32_t ev_reason_of(struct evaluator *ev, const struct ev_why *why);
uint64_t ev_rule_id(struct evaluator *ev, const struct kr_rule *r);

/* Diagrams of outcomes. */
uint32_t ev_leaf(struct evaluator *ev, enum fate_kind k, uint32_t state,
		 uint32_t rule);
uint32_t ev_then(struct evaluator *ev, uint32_t a, uint32_t state, uint32_t b);
uint32_t ev_turn(struct evaluator *ev, uint32_t a, enum fate_kind from,
		 enum fate_kind to, uint32_t rule);
/* Which rule accepted is forgotten. */
uint32_t ev_forget(struct evaluator *ev, uint32_t d);
/* x where the three-valued m says yes, the outcome y (a leaf) where no. */
uint32_t ev_guard(struct evaluator *ev, uint32_t m, uint32_t x, uint32_t y);
/* Either of the two, nobody knows which. */
uint32_t ev_either(struct evaluator *ev, uint32_t a, uint32_t b, uint32_t why);
/* Where a has a hole, b. */
extern const struct space_op ev_op_fill;
/* A fresh number for an operation that is not used again. */
uint32_t ev_op_id(struct evaluator *ev);
uint32_t ev_if(struct evaluator *ev, uint32_t set, uint32_t x, uint32_t y);
/* The states that d goes on in (kind CONT, RETURN or ACCEPT), ascending. */
size_t ev_states_of(struct evaluator *ev, uint32_t d, enum fate_kind k,
		    uint32_t **states);

/* eval_rule.c: one rule from a state. Says CONT where it does not match. */
uint32_t ev_rule(struct evaluator *ev, const struct kr_rule *r, uint32_t state);
/* eval_load.c: what a register holds after a load, of packets of which more may
 * be known. Returns false if there is no such register. */
enum {
	LOAD_NEW = 1, /* they open connections */
	LOAD_TCP = 2,
	LOAD_THERE = 4, /* they go where a rule has sent them by themselves, as
			   far as that is known */
};
bool ev_load(struct evaluator *ev, const struct kr_ex *x,
	     const struct state *st, unsigned of, struct regs *r);
/* It may end the rule instead, and a write to bytes as well: there is not always
 * something there. */
bool ev_load_fails(const struct kr_ex *x, const struct state *st, unsigned of);
/* A chain called from a rule or a hook: ends in RETURN, ACCEPT, DROP; a base
 * chain that is run to its end in its policy. */
uint32_t ev_chain(struct evaluator *ev, const struct kr_chain *c,
		  uint32_t state);
/* The same from a rule on. */
uint32_t ev_rest(struct evaluator *ev, const struct kr_chain *c, size_t from,
		 uint32_t state);

/* eval_hook.c: all base chains on a packet's way, by family. Leaves are
 * ACCEPT, DROP, REJECT only. */
enum check_path { PATH_FORWARD, PATH_INPUT, PATH_OUTPUT, PATHS };
uint32_t ev_path(struct evaluator *ev, enum check_path path);
/* The base chains of one of its hooks, in their order; false: no such hook. */
bool ev_hook(struct evaluator *ev, enum check_path path, unsigned i,
	     uint8_t family, const struct kr_chain ***chain, size_t *n,
	     uint8_t *hook);
/* The state in which a packet comes. */
uint32_t ev_begin(struct evaluator *ev, enum check_path path, uint8_t family);
/* The state in which a base chain is entered. */
uint32_t ev_enter(struct evaluator *ev, const struct kr_chain *c, uint8_t hook,
		  uint32_t from);
/* Packets that it sees (a set, or three-valued). */
uint32_t ev_meets(struct evaluator *ev, const struct kr_chain *c,
		  uint32_t state);

#endif
