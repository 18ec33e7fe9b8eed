#ifndef CLI_OBSERVED_H
#define CLI_OBSERVED_H

#include "cli/cli.h"

/*
 * What `check -o json` ("portplan-check-2") and `audit -o json`
 * ("portplan-audit-1") found, read back. Texts are as in the files: foreign.
 */
struct seen_finding {
	const char *cls;  /* of audit: its class; of check: extra, missing … */
	const char *from, *to, *service;
	uint32_t from_zone, to_zone; /* zone ids; NONE: not known */
	const char *note, *waived;
	const char *rule, *packet, *repair; /* of check */
	long long flows, answered;   /* of audit */
};

struct seen_gap {
	const char *what;
	long long n, of;
	bool beyond;
};

struct seen_pair {
	uint32_t from_zone, to_zone;
	const char *reason;
	long long flows;
};

/* One audit. */
struct seen_traffic {
	const char *file, *result, *first, *last;
	long long frames, flows, planned, wanting, not_judged;
	bool complete, taps_known;
	VEC(struct seen_finding) findings;
	VEC(struct seen_gap) gaps;
	VEC(const char *) sources;
	VEC(struct seen_pair) reasons; /* flows that each allowed */
	VEC(struct seen_pair) between; /* planned flows from zone to zone */
	VEC(struct seen_pair) unseen;
};

/* One firewall of one check. */
struct seen_rules {
	const char *file, *firewall, *ruleset, *not_judged;
	bool equal, by_construction;
	bool all_waived; /* not equal, and nothing of it counts */
	VEC(struct seen_finding) findings;
};

struct observed_all {
	VEC(struct seen_traffic) traffic;
	VEC(struct seen_rules) rules;
	VEC(const char *) not_judged;
};

/* Reads every --findings FILE. EXIT_BAD and messages with their places if one
 * is none of the two, is damaged, or is of another topology. */
int observed_read(struct args *a, const struct plan *p,
		  struct observed_all *out);

/* Planned flows that were seen for a reason, in all audits. */
long long observed_flows(const struct observed_all *o, const char *reason);

#endif
