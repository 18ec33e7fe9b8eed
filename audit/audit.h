#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "audit/decode.h"
#include "audit/finding.h"
#include "audit/flow.h"
#include "audit/judge.h"
#include "audit/known.h"

/*
 * Packets in, findings out. Frames are decoded and counted into flows, flows
 * are judged when they end, findings are aggregates of judged flows.
 */
struct audit;

struct audit_options {
	size_t max_flows; /* 0: the default */
	uint64_t seed;
	bool mirror;	   /* only packets inside tunnels count */
	bool housekeeping; /* judge the link's own chatter too */
	bool all;   /* on_flow for every flow, F_NONE where nothing is wrong */
	bool early; /* judge flows soon after they begin, for live reports */
	const uint32_t *tap_zone; /* by source: zone_id or NONE; NULL: none */
	size_t n_tap;
	struct known *known; /* openers that an earlier run saw; NULL */
	void *ctx;
	/* A flow was judged and found wanting: once a flow. May be NULL. */
	void (*on_flow)(void *ctx, const struct conn *c,
			const struct finding *f);
	/* A frame of a flow that nobody planned. May be NULL. */
	void (*on_evidence)(void *ctx, const struct frame *f,
			    const struct pkt *p);
};

enum { AUDIT_MAX_FLOWS = 1 << 19 };

/* Time that was observed, and the part of it that cannot be judged. */
struct audit_totals {
	uint64_t frames, packets, bytes;
	uint64_t first, last;
	uint64_t flows, planned, inside, housekeeping, wanting, undetermined;
	uint64_t elsewhere; /* that a bundle says nothing of */
	uint64_t housekeeping_packets;
	uint64_t one_way;	/* TCP flows of which one side was seen */
	uint64_t one_way_of;	/* TCP flows that could have two */
	uint64_t looked;	/* payloads looked into */
	uint64_t unread;	/* of them, too short to tell anything */
	uint64_t blind;		/* fragments whose first was not seen */
	uint64_t outer;		/* tunnel packets not counted (mirror) */
	uint64_t spoof_unknown; /* flows seen at taps of no known zone */
	uint64_t how[HOW_N];	/* planned and wanting flows: who opened */
	uint64_t by_class[F_N];	/* flows with findings, once known as such */
};

struct audit *audit_new(struct arena *a, const struct judge *j,
			const struct audit_options *opt);
void audit_frames(struct audit *au, const struct frame *f, size_t n);
/* From now on judged by another plan, in which the taps stand in these zones;
 * flows stay, findings keep what they are and get the new plan's names,
 * coverage begins anew. */
void audit_replan(struct audit *au, const struct judge *j,
		  const uint32_t *tap_zone);
/* Who opened the connections that go on, for the next run. */
void audit_known(const struct audit *au, struct arena *a, known_list *l);
/* Time goes on without packets: live flows may be due. */
void audit_tick(struct audit *au, uint64_t now);
/* Into the first of n what the others, which saw other packets of the same
 * wire, have seen and found; they are finished by it. What several have seen
 * of one flow becomes one. All were made with the same seed and judge by the
 * same plan; their arenas must live as long as the first one's. */
void audit_merge(struct audit *const *v, size_t n);
/* Judges what is still open. */
void audit_finish(struct audit *au);
void audit_free(struct audit *au); /* what is not in the arena */

/* Adds what another has counted. */
void audit_totals_add(struct audit_totals *t, const struct audit_totals *o);
const struct audit_totals *audit_totals(const struct audit *au);
const struct flow_stats *audit_flow_stats(const struct audit *au);
const struct decode_stats *audit_decode_stats(const struct audit *au);
struct finding **audit_findings(struct audit *au, size_t *n);
/* Flows that each reason of the plan allowed, by its number. */
const uint64_t *audit_reason_hits(const struct audit *au);
/* Planned flows seen from zone to zone: [from * zones + to]. */
const uint64_t *audit_zone_flows(const struct audit *au);

#endif
