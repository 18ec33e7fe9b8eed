#ifndef CLI_OFFERS_H
#define CLI_OFFERS_H

#include "cli/cli.h"

/* A row of a template that would plan a packet if the host at one end bore
 * its role there; the other end bears its own already. */
struct role_offer {
	const struct flow *flow;
	const struct role *from, *to;
	const struct role *role; /* the one that is missing */
	bool to_bears;		 /* it is the destination that would bear it */
};

/* Calls fn for each; k has own addresses and is not planned. What else may
 * stand against it (realms, use, omit, a forbid, a path) is not asked: only
 * compiling tells. */
void role_offers(const struct plan *p, const struct packet *k,
		 void (*fn)(void *ctx, const struct role_offer *x), void *ctx);
/* "exchange-2003 exchange-server>dns", from the arena */
const char *role_offer_row(struct arena *a, const struct role_offer *x);

#endif
