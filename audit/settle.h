#ifndef AUDIT_SETTLE_H
#define AUDIT_SETTLE_H

#include "audit/audit.h"

/* A payload of the quick lane that may tell something. */
struct to_look {
	const struct flow_hint *hint;
	unsigned side;
};

/* Between audit.c, which counts packets into flows, and settle.c, which
 * judges flows. */
struct audit {
	struct arena *arena;
	const struct judge *judge;
	struct recall *recall;
	struct rests *rests;
	struct audit_options opt;
	struct flows *flows;
	struct frags *frags;
	struct findings *findings;
	struct audit_totals t;
	struct decode_stats decoded;
	uint64_t *reason_hits, *zone_flows;
	uint32_t *wait; /* ring: flows to judge early, oldest first */
	size_t wait_at, wait_n;
	/* A batch of packets, between its steps. A hint without a packet is
	 * of a frame that takes the quick lane. */
	struct flow_hint hint[FRAME_BATCH * PKT_LAYERS];
	struct to_look look[FRAME_BATCH];
	struct pkt pkt[FRAME_BATCH * PKT_LAYERS];
	size_t n, n_pkt;
};

/* Judges a flow that is over and counts it. */
void settle_flow(struct audit *au, struct conn *c);
/* Judges it for on_flow alone; it goes on. */
void settle_early(struct audit *au, struct conn *c);
/* Is any way of this flow planned? Otherwise its packets are evidence. */
bool settle_suspect(struct audit *au, const struct conn *c);
/* An endpoint mapper told the client of a port of the server's. */
void settle_rpc(struct audit *au, const struct conn *c, unsigned server,
		const struct epm_tower *t, const struct frame *fr);

#endif
