#ifndef PLAN_EACH_H
#define PLAN_EACH_H

#include "plan/plan.h"

/* One thing that is planned: a piece between (parts of) two classes. */
struct planned {
	uint32_t from, to;	   /* classes */
	uint32_t from_end, to_end; /* ends that cut them, or NONE */
	struct piece piece;
	unsigned families;
	bool any_local; /* to any address of the firewall */
};

/* Calls back for everything in the plan, in a fixed order: pairs by class,
 * each with its pieces and IPsec's own packets, then exceptions and inputs.
 * Stops when the callback returns false. */
void plan_each(const struct plan *p,
	       bool (*each)(void *ctx, const struct planned *x), void *ctx);

/* Is the cell on the source (destination) side of it? */
bool planned_has_source(const struct plan *p, const struct planned *x,
			uint32_t cell);
bool planned_has_destination(const struct plan *p, const struct planned *x,
			     uint32_t cell);

/* The planned flow that comes closest to a packet that is not planned. */
enum nearest_what {
	NEAR_NONE,
	NEAR_PORT,	  /* same two parties, other port */
	NEAR_SOURCE,	  /* same destination and port, from others */
	NEAR_DESTINATION, /* same source and port, to others */
	NEAR_REVERSE,	  /* the other way round */
};

struct nearest {
	enum nearest_what what;
	struct planned flow;
};

struct nearest plan_nearest(const struct plan *p, const struct packet *k);

#endif
