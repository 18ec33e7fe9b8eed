#ifndef AUDIT_DIRECTION_H
#define AUDIT_DIRECTION_H

#include "audit/flow.h"

/* What told who opened a flow, strongest first. */
enum how {
	HOW_SYN,
	HOW_SYNACK,  /* the other side's answer to a SYN that was not seen */
	HOW_REFUSAL, /* the reset that only a SYN gets */
	HOW_ICMP,
	HOW_KNOWN,   /* an earlier run saw who opened it */
	HOW_CONTENT, /* who asks and who answers, by the protocol spoken */
	HOW_PLAN,    /* only one of the two ways is planned */
	HOW_FIRST,   /* who spoke first since the observation began */
	HOW_PORTS,
	HOW_NONE,
	HOW_N
};

extern const char *const how_names[HOW_N];

struct opener {
	int side; /* of struct conn; -1: undetermined */
	enum how how;
};

/* From the packets alone. side -1: the plan has to say. */
struct opener opener_seen(const struct conn *c);
/* Where neither the packets nor the plan say, for the wording of a finding. */
struct opener opener_guess(const struct conn *c);

#endif
