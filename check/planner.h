#ifndef CHECK_PLANNER_H
#define CHECK_PLANNER_H

#include "check/planned.h"
#include "plan/crossings.h"

/* What makes sets of packets out of a plan: for planned.c and routed.c. */
struct planner {
	struct check *c;
	struct space *s;
	const struct plan *p;
	const struct firewall *f;
	const struct crossings *crossings;
	struct arena *a;
	struct few_cells *few; /* by end id; NULL: not asked yet */
	struct map ends; /* side, class, end -> set */
	struct map keys; /* svcset -> set */
	VEC(uint32_t) sum;
	bool forwarded; /* what only reaches a firewall itself is not */
	uint32_t in, out; /* zones; the same: nothing is translated */
	uint32_t reason; /* only what is planned for it; NONE: all */
	uint32_t hit;	 /* with touched: a set */
	bool *touched;	 /* by reason: plans something of the set; or NULL */
};

/* Packets whose field is one of lo to hi. */
uint32_t planner_field(struct planner *x, unsigned field, space_val lo,
		       space_val hi);
/* Packets with that address (PK_SRC or PK_DST) in a zone's own space. */
uint32_t planner_zone(struct planner *x, uint32_t zone, uint8_t field);
/* The names that an interface declaration stands for, on PK_IIF or PK_OIF. */
uint32_t planner_names(struct planner *x, const struct interface *itf,
		       uint8_t field);
/* The union of what was pushed to sum, which is emptied. */
uint32_t planner_sum(struct planner *x);

#endif
