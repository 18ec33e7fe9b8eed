#ifndef AUDIT_FLOW_H
#define AUDIT_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/decode.h"
#include "base/addr.h"

/* Both ends of an IPv4 packet as they stand in it: source and destination,
 * the ports. All 0: of IPv6. */
struct flow_wire {
	uint64_t pair;
	uint32_t ports;
};

/*
 * What was seen of one conversation: a cache line of what every packet counts
 * into, and one of the rest. Side 0 (a) sent the first packet seen, which is
 * not to say that it opened the flow.
 */
struct conn {
	uint64_t wire_pair; /* struct flow_wire, of its first packet */
	uint64_t bytes[2];
	uint64_t last; /* nanoseconds */
	uint32_t wire_ports;
	uint32_t packets[2];
	uint32_t next[2]; /* TCP: highest sequence number seen, plus one */
	uint32_t seen;	  /* SEEN_* */
	uint8_t proto;
	uint8_t ttl[2];	 /* of the first packet from each side */
	uint8_t look[2]; /* payloads from each side still to be looked into */
	uint8_t course;	 /* COURSE_* */
	uint8_t app[2];	 /* enum app: what each side speaks */

	struct addr a, b;
	uint64_t first;
	uint64_t number : 48;  /* of its first packet, in its source */
	uint64_t source_b : 16; /* with several taps: where b was seen first */
	uint32_t hash;
	uint32_t missed; /* bytes acknowledged but not (yet) seen */
	uint16_t aport, bport;
	uint16_t source;
	uint8_t note;	   /* NOTE_*: for the judge */
	uint8_t icmp_type; /* of its first packet */
};

/* Events that tell who opened. Each has two bits: << the side that sent it. */
enum {
	SEEN_SYN = 1 << 0,    /* or SCTP INIT */
	SEEN_SYNACK = 1 << 2, /* or SCTP INIT ACK */
	SEEN_REFUSED = 1 << 4, /* RST as only a bare SYN is answered */
	SEEN_CLIENT = 1 << 6,  /* content of one who asks */
	SEEN_SERVER = 1 << 8,  /* content of one who answers */
	SEEN_ASKED = 1 << 10,  /* ICMP request */
	SEEN_ANSWER = 1 << 12, /* ICMP answer */
	SEEN_DATA = 1 << 14,
	SEEN_FIN = 1 << 16,
	SEEN_RST = 1 << 18,
	SEEN_ERROR = 1 << 20, /* an ICMP error quoted a packet of this side */
	SEEN_PACKET = 1 << 22, /* not merely quoted */
	SEEN_ROUTED = 1 << 24, /* again, with a lower TTL or at another tap */
	/* Without a side: */
	SEEN_BROADCAST = 1 << 26, /* to all on a link, as that says */
	SEEN_FRAG = 1 << 27,
	SEEN_INNER = 1 << 28, /* inside a tunnel or mirror */
	SEEN_OUTER = 1 << 29, /* is one */
	/* << side again, of what was looked into last: the rest is missing */
	SEEN_CUT = 1 << 30,
};

/* Of a TCP stream: how much there is to be asked of its next segment. */
enum {
	COURSE_SMOOTH = 1, /* IPv4, both sides were heard, nothing is missing */
	COURSE_GAP = 2,	   /* missed was more than 0 once */
};

/* Payloads of each side that may be looked into. */
enum { FLOW_LOOK = 8 };

enum {
	NOTE_CREDENTIALS = 1,
	NOTE_EVIDENCE = 2,
	NOTE_JUDGED = 4,
	NOTE_EVIDENCE_CHECKED = 8,
	NOTE_KNOWN = 16, /* << side: opened it, as an earlier run saw */
	NOTE_MERGED = 64, /* counted in another table */
	NOTE_TOLD_SECRET = 128,
};

struct flow_stats {
	uint64_t flows, evicted;
	uint64_t acked, missed; /* bytes: acknowledged; of those, never seen */
};

struct flows;

typedef void flow_closed_fn(void *ctx, struct conn *f);

/* Room for max flows; the memory is touched only as they come. The seed keeps
 * others from choosing addresses that collide. */
struct flows *flows_new(size_t max, uint64_t seed, flow_closed_fn *closed,
			void *ctx);
void flows_free(struct flows *t);

/* By source the number of its tap, for the life of t. Each direction of a flow
 * is counted where it was seen first; that it was seen at another tap is noted
 * with it. Without: one tap. */
void flows_taps(struct flows *t, const uint32_t *tap);
bool flows_have_taps(const struct flows *t);

/* A packet on its way into its flow. */
struct flow_hint {
	struct conn *flow; /* NULL: not known, which is no answer */
	const struct frame *frame; /* the caller's, and so is the next */
	const struct pkt *pkt;
	uint32_t hash;
	uint32_t data; /* in the quick lane: bytes behind the headers */
};

/* In this order for a batch: hash all, prefetch all, then add each. Hashing
 * fetches the index, prefetching the flow: the steps hide two cache misses a
 * packet behind those of the others. */
void flow_hash(const struct flows *t, const struct pkt *p,
	       struct flow_hint *hint);
void flows_prefetch(const struct flows *t, size_t n, struct flow_hint *hint);
/* Finds or makes its flow and counts it in. Where the table is full, another
 * is closed for it. *side: who sent it. NULL: counted at another tap. */
struct conn *flows_add(struct flows *t, const struct pkt *p,
		       const struct flow_hint *hint, const struct frame *f,
		       unsigned *side);

/* Closes all, in the order in which their places were first taken. */
void flows_close_all(struct flows *t);
const struct flow_stats *flows_stats(const struct flows *t);
/* The same conversation as c, which is of another table made with the same
 * seed; *side: which side its side 0 is here. NULL: there is none. */
struct conn *flows_same(const struct flows *t, const struct conn *c,
			unsigned *side);
/* Counts into f what was seen elsewhere of the same conversation. */
void flows_join(struct flows *t, struct conn *f, const struct conn *c,
		unsigned side);
/* Adds up what both counted. */
void flows_add_stats(struct flows *t, const struct flows *other);
/* Is nothing more to be expected of it at this time? Silence alone tells for
 * datagrams only. */
bool flow_ended(const struct conn *c, uint64_t now);
size_t flows_count(const struct flows *t);
struct conn *flows_at(struct flows *t, size_t i);

#endif
