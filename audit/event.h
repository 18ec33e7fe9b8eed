#ifndef AUDIT_EVENT_H
#define AUDIT_EVENT_H

#include "audit/report.h"

/*
 * Findings as they happen, one JSON object a line, with the field names of
 * Suricata's EVE and the community id (version 1, seed 0), so that they join
 * with other sensors' logs.
 */
void event_flow(struct buf *out, struct arena *scratch, const struct judge *j,
		const struct conn *c, const struct finding *f,
		const struct observed *seen, size_t n_seen);
/* The last line: totals and completeness. now: its time, in nanoseconds since
 * 1970, where no packet has one. */
void event_summary(struct buf *out, const struct report *r, uint64_t now);

/* "answered", "refused", "attempted" */
const char *finding_state(const struct finding *f);

/* "1:" and 28 characters of base64. */
void community_id(const struct conn *c, char out[32]);

#endif
