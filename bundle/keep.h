#ifndef BUNDLE_KEEP_H
#define BUNDLE_KEEP_H

#include "base/arena.h"
#include "base/map.h"
#include "plan/plan.h"

/* What of a topology one firewall's part needs. Arrays are by id. */
struct keep {
	struct arena *a;
	const struct plan *p;
	const struct topology *t;
	const struct firewall *f;
	bool *cell;	/* something of it crosses the firewall */
	bool *party;	/* is written */
	bool *own;	/* all that a zone or network has itself crosses */
	bool *some;	/* something of that does */
	bool *zone;	/* is written */
	bool *named;	/* under its name: not only on the way */
	bool *whole;	/* with all its space */
	bool *firewall; /* is written */
	bool *speaks;	/* under its name: it opens or takes connections */
	bool *reason;	/* something that crosses has it */
	bool *allow, *input, *ipsec, *observe;
	bool *role, *target; /* is written; flows that cross are of it */
	bool *service;
	struct map allow_from, allow_to; /* allow, cell */
};

void keep_find(struct keep *k);

/* Does the word of an allow mean something of it that crosses? */
bool keep_allow_word(const struct keep *k, const struct rule *r,
		     const struct end_word *w, bool from);
/* Does it mean something that crosses? */
bool keep_word(const struct keep *k, const struct end_word *w);
bool keep_flow_role(const struct keep *k, const struct flow *f,
		    const struct role *r, bool from);
bool keep_flow_service(const struct keep *k, const struct flow *f,
		       const struct service *s);
/* Is something behind the public address? */
bool keep_public(const struct keep *k, const struct public_addr *x);

#endif
