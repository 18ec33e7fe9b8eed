#ifndef AUDIT_PROPOSE_H
#define AUDIT_PROPOSE_H

#include "audit/report.h"

/*
 * What was seen beside the plan, as <allow> elements to review: a topology
 * file for <include>, each with its evidence in the reason. Scans, spoofed
 * and unknown addresses are left out, with a count.
 */
void propose_allows(const struct report *r, struct buf *out);

#endif
