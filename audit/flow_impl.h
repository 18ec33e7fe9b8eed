#ifndef AUDIT_FLOW_IMPL_H
#define AUDIT_FLOW_IMPL_H

#include <assert.h>

#include "audit/flow.h"

/* The table's inside, for its own files and for the quick lane. */

struct slot {
	uint32_t hash; /* its low bits are the place */
	uint32_t flow; /* index + 1; 0: free */
};

struct flows {
	struct conn *flow; /* within block, aligned */
	void *block;
	size_t n, max;
	size_t hand;
	uint32_t victim; /* index + 1 of the next to go; 0: none */
	struct slot *slot;
	size_t mask;
	uint64_t seed[3];
	const uint32_t *tap; /* by source; NULL: all are one */
	flow_closed_fn *closed;
	void *ctx;
	struct flow_stats st;
};

#define SECOND UINT64_C(1000000000)
/* The same packet before and behind a firewall: a few hops less to live, at
 * once. Other changes of the TTL are a host's own. */
enum { MAX_HOPS = 3 };
#define HOP_TIME (SECOND / 200)
/* An answer to a datagram comes within this time, or not at all. */
#define DATAGRAM_IDLE (180 * SECOND)

/* What a segment tells of its stream. */
struct segment {
	uint32_t seq, ack, data; /* data: bytes of it on the wire */
	uint8_t flags;
};

/* What of any packet is counted. */
struct passed {
	uint64_t ts;
	uint32_t len;
	uint8_t ttl;
};

/* SEEN_* of a segment by its flags FIN, SYN, RST and ACK. */
extern const uint32_t flow_tcp_event[32];

/* Keeps the compiler from making a branch of what comes of it. */
static inline uint32_t unforeseen(uint32_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

static inline uint64_t fold(uint64_t x, uint64_t y)
{
	unsigned __int128 m = (unsigned __int128)x * y;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* The same for both directions, as a product is. The ends: 48 bits of IPv4,
 * as the wire has them, or whatever flow.c makes of IPv6. */
static inline uint32_t hash_ends(const struct flows *t, uint64_t x, uint64_t y,
				 uint8_t proto)
{
	uint64_t mix = (uint64_t)proto << 48 ^ t->seed[0];

	return (uint32_t)fold(x ^ mix, y ^ mix);
}

static inline uint32_t hash_wire(const struct flows *t, struct flow_wire w,
				 uint8_t proto)
{
	return hash_ends(t, (uint32_t)w.pair |
				    (uint64_t)(w.ports & 0xffff) << 32,
			 w.pair >> 32 | (uint64_t)(w.ports >> 16) << 32, proto);
}

/* The conversation of c, if there is one. *side: which side its side 0 is. */
struct conn *flows_find(const struct flows *t, const struct pkt *p,
			uint32_t hash, unsigned *side);
/* Acknowledged before it was seen: the mirror reordered, it lost nothing. */
void flow_late_data(struct flows *t, struct conn *f, uint32_t n);

/* How much of what is acknowledged was never seen: the mirror's own loss,
 * which no counter shows (Zeek, capture-loss.zeek). Smooth is a constant: what
 * COURSE_SMOOTH says need not be asked. */
static inline void sequence(struct flows *t, struct conn *f, struct segment s,
			    unsigned side, bool smooth)
{
	uint32_t len = s.data + ((s.flags | s.flags >> 1) & 1);
	uint32_t end = s.seq + len;
	int32_t ahead;
	uint32_t news;

	static_assert(TCP_FIN == 1 && TCP_SYN == 2, "each counts as a byte");
	t->st.acked += s.data;
	if (!smooth && f->course == COURSE_GAP && len &&
	    (int32_t)(end - f->next[side]) <= 0)
		flow_late_data(t, f, len);
	/* Whether there is news is hard to foretell. */
	news = (int32_t)(end - f->next[side]) > 0;
	news = unforeseen(news | (!smooth && !f->packets[side]));
	f->next[side] += (end - f->next[side]) & -news;
	if ((s.flags & (TCP_ACK | TCP_RST)) != TCP_ACK ||
	    (!smooth && !f->packets[!side]))
		return;
	ahead = (int32_t)(s.ack - f->next[!side]);
	if (__builtin_expect(ahead > 0, 0)) {
		f->course = COURSE_GAP;
		f->missed += (uint32_t)ahead;
		t->st.missed += (uint32_t)ahead;
		t->st.acked += (uint32_t)ahead;
		f->next[!side] = s.ack;
	}
}

static inline void tcp_events(struct conn *f, struct segment s, unsigned side)
{
	uint32_t ev = flow_tcp_event[s.flags & 31] | SEEN_PACKET;

	ev |= (uint32_t)(s.data != 0) * SEEN_DATA;
	/* The answer to a segment without ACK has sequence number 0; such a
	 * segment is a SYN (RFC 9293, 3.10.7.1). */
	if (__builtin_expect(s.flags & TCP_RST, 0) && (s.flags & TCP_ACK) &&
	    s.seq == 0)
		ev |= SEEN_REFUSED;
	f->seen |= ev << side;
}

static inline void tally(struct conn *f, unsigned side, struct passed x,
			 bool smooth)
{
	uint8_t first = smooth || f->packets[side] ? f->ttl[side] : x.ttl;

	if (!smooth)
		f->ttl[side] = first;
	if (__builtin_expect(x.ttl < first, 0) && x.ttl + MAX_HOPS >= first &&
	    x.ts - f->last < HOP_TIME)
		f->seen |= SEEN_ROUTED << side;
	f->packets[side]++;
	f->bytes[side] += x.len;
	f->last = x.ts > f->last ? x.ts : f->last;
}

static inline void count_segment(struct flows *t, struct conn *f,
				 struct segment s, unsigned side,
				 struct passed x)
{
	sequence(t, f, s, side, false);
	tcp_events(f, s, side);
	tally(f, side, x, false);
	if (!f->course && f->wire_pair && f->packets[!side])
		f->course = COURSE_SMOOTH;
}

/* The same of a segment with ACK, without SYN and RST, in a stream that runs
 * smoothly. */
static inline void count_smooth(struct flows *t, struct conn *f,
				struct segment s, unsigned side,
				struct passed x)
{
	uint32_t ev = (uint32_t)(s.data != 0) * SEEN_DATA;

	s.flags = TCP_ACK | (s.flags & TCP_FIN);
	ev |= (s.flags & TCP_FIN) * SEEN_FIN;
	sequence(t, f, s, side, true);
	f->seen |= ev << side;
	tally(f, side, x, true);
}

#endif
