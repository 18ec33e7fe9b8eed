#ifndef PLAN_DIFF_H
#define PLAN_DIFF_H

#include "plan/plan.h"

/*
 * What tells two plans apart, packet by packet: exactly, as sets, whatever
 * the two topologies look like. Each change is told once, under the most
 * recent reason in plan order.
 */
enum change_kind {
	CHANGE_OPENED,
	CHANGE_CLOSED,
	CHANGE_INTO_IPSEC, /* was in the clear, is carried now */
	CHANGE_OUT_OF_IPSEC,
	CHANGE_TRANSLATION, /* of whom a public address is */
	CHANGE_PATHS,	    /* of the firewalls that are crossed */
	CHANGE_TERMS,	    /* of an exception: no packet fares otherwise */
	CHANGE_LIMITS,	    /* forbid, expect, omit; owners; what is enforced */
	N_CHANGES
};

extern const char *const change_name[N_CHANGES];

struct change {
	enum change_kind kind;
	const char *from_zone, *to_zone;
	const char *from, *to; /* parties, the first few */
	const char *packets;   /* "tcp/25 tcp/80-90" */
	const char *reason;    /* ident; of the plan that has it */
	const char *cause;     /* "new exception", "new host fe3" … */
	const char *owner, *ticket;
	const char *size;      /* pairs of addresses times services */
	struct span at;	       /* of the reason */
	bool internet;	       /* one end is on the internet */
};

struct plan_diff {
	VEC(struct change) changes;
	size_t count[N_CHANGES];
};

/* diff_nat.c: adds what is said otherwise of public addresses. */
void diff_translation(struct arena *a, const struct plan *before,
		      const struct plan *after, struct plan_diff *out);

/* diff_input.c: adds what firewalls let in to themselves by no reason. */
void diff_input(struct arena *a, const struct plan *before,
		const struct plan *after, struct plan_diff *out);

/* diff_paths.c: adds what crosses other firewalls, or by other zones, though it
 * is planned in both; and interfaces that firewalls have more or less. */
void diff_paths(struct arena *a, const struct plan *before,
		const struct plan *after, struct plan_diff *out);

/* diff_terms.c: adds exceptions of other dates, owners, reasons. */
void diff_terms(struct arena *a, const struct plan *before,
		const struct plan *after, struct plan_diff *out);

/* diff_limits.c: adds what bounds a topology: its limits, who answers for its
 * parties, and what is not enforced. Such a change has no zones ("") and is
 * named in `reason`; `cause` says what became of it. */
void diff_limits(struct arena *a, const struct plan *before,
		 const struct plan *after, struct plan_diff *out);

/* diff_cause.c: what made the difference under a reason (mine of has, theirs
 * of other, or NONE), for packets from src to dst that only has
 * plans, which is the plan after if they are opened. NULL: nothing of the
 * reason, its parties or services; so it is paths. */
const char *diff_cause(struct arena *a, const struct plan *has, uint32_t mine,
		       const struct plan *other, uint32_t theirs,
		       struct addr src, struct addr dst, bool opened);

/* Do two texts say the same? One that is missing says nothing, as "" does. */
bool diff_same_text(const char *x, const char *y);

struct plan_diff *plan_diff(struct arena *a, const struct plan *before,
			    const struct plan *after);

#endif
