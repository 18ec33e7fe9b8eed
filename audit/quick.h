#ifndef AUDIT_QUICK_H
#define AUDIT_QUICK_H

#include "audit/flow_impl.h"
#include "audit/plain.h"

/*
 * The lane for what nearly every frame is: a plain one of a flow that has
 * begun and goes on. It is counted without being taken apart first: a dozen
 * loads, no struct pkt. All others go the long way, through decode_frame() and
 * flows_add(), which come to the same for these.
 */

/* Bytes of the headers from IP on; 0: it does not fit. Not to a group either,
 * which is to be noted. */
static inline uint32_t quick_headers(const struct frame *f)
{
	uint32_t l4;

	if (!is_plain_ipv4(f) || (f->data[0] & 1))
		return 0;
	l4 = plain_l4_bytes(f);
	return l4 ? PLAIN_L4 - PLAIN_IP + l4 : 0;
}

static inline struct flow_wire quick_wire(const uint8_t *ip)
{
	struct flow_wire w;

	__builtin_memcpy(&w.pair, ip + 12, sizeof(w.pair));
	__builtin_memcpy(&w.ports, ip + 20, sizeof(w.ports));
	return w;
}

/* Of a frame that fits: the same hash as flow_hash() of its packet. */
static inline void quick_hash(const struct flows *t, const struct frame *f,
			      uint32_t headers, struct flow_hint *hint)
{
	const uint8_t *ip = f->data + PLAIN_IP;
	uint32_t hash = hash_wire(t, quick_wire(ip), ip[9]);

	__builtin_prefetch(&t->slot[hash & t->mask]);
	hint->data = be16(ip + 2) - headers;
	hint->hash = hash;
	hint->frame = f;
	hint->pkt = NULL;
}

/* A flow begins with it, or may: flows_add() has to see. */
static inline bool quick_begins(const struct conn *c, const uint8_t *ip,
				uint64_t ts)
{
	if (__builtin_expect(ip[9] == PROTO_TCP, 1))
		return (ip[33] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	return c->last + DATAGRAM_IDLE < ts;
}

/* Of the segment at l4, which has so much data. */
static inline struct segment quick_segment(const uint8_t *l4, uint32_t data)
{
	return (struct segment){ be32(l4 + 4), be32(l4 + 8), data, l4[13] };
}

static inline struct passed quick_passed(const uint8_t *ip, uint64_t ts)
{
	return (struct passed){ ts, be16(ip + 2), ip[8] };
}

/* By n bits, fewer than there are. */
static inline uint64_t turn64(uint64_t x, uint32_t n)
{
	return x << (n & 63) | x >> (-n & 63);
}

static inline uint32_t turn32(uint32_t x, uint32_t n)
{
	return x << (n & 31) | x >> (-n & 31);
}

/* Which side of c sent it, if it is one of c's. Which it is takes no branch,
 * since none could be foretold. */
static inline uint32_t quick_side(const struct conn *c, struct flow_wire w)
{
	return unforeseen((uint32_t)w.pair != (uint32_t)c->wire_pair);
}

/* Is it one of c's, sent by this side? */
static inline bool quick_is_of(const struct conn *c, struct flow_wire w,
			       uint32_t side)
{
	return turn64(w.pair, 32 * side) == c->wire_pair &&
	       turn32(w.ports, 16 * side) == c->wire_ports;
}

/* In the middle of a stream. */
static inline bool quick_smooth(const struct conn *c, const uint8_t *ip)
{
	return c->course == COURSE_SMOOTH && ip[9] == PROTO_TCP &&
	       (ip[33] & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

/* Near the ends of one, or a datagram. False as quick_add(). */
static __attribute__((noinline)) bool
quick_other(struct flows *t, struct conn *c, const struct frame *f,
	    uint32_t data, unsigned side)
{
	const uint8_t *ip = f->data + PLAIN_IP;
	struct passed passed = quick_passed(ip, f->ts);

	if (!c->wire_pair || c->proto != ip[9] ||
	    !(c->seen & SEEN_PACKET * 3) || quick_begins(c, ip, f->ts))
		return false;
	if (ip[9] == PROTO_TCP) {
		count_segment(t, c, quick_segment(ip + 20, data), side, passed);
		return true;
	}
	c->seen |= (SEEN_PACKET | (data ? SEEN_DATA : 0)) << side;
	tally(c, side, passed, false);
	return true;
}

/* Counts a frame that fits into the flow hinted at; *side: who sent it. False:
 * it is more than that, and nothing was counted. */
static inline bool quick_add(struct flows *t, const struct flow_hint *hint,
			     unsigned *side)
{
	struct conn *c = hint->flow;
	const struct frame *f = hint->frame;
	const uint8_t *ip = f->data + PLAIN_IP;

	if (__builtin_expect(!c, 0))
		return false;
	*side = quick_side(c, quick_wire(ip));
	if (__builtin_expect(!quick_is_of(c, quick_wire(ip), *side), 0))
		return false;
	if (__builtin_expect(!quick_smooth(c, ip), 0))
		return quick_other(t, c, f, hint->data, *side);
	count_smooth(t, c, quick_segment(ip + 20, hint->data), *side,
		     quick_passed(ip, f->ts));
	return true;
}

#endif
