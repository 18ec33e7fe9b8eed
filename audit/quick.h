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

	hint->frame = f;
	hint->pkt = NULL;
	hint->hash = hash_wire(t, quick_wire(ip), ip[9]);
	hint->data = be16(ip + 2) - headers;
	__builtin_prefetch(&t->slot[hint->hash & t->mask]);
}

/* A flow begins with it, or may: flows_add() has to see. */
static inline bool quick_begins(const struct conn *c, const uint8_t *ip,
				uint64_t ts)
{
	if (__builtin_expect(ip[9] == PROTO_TCP, 1))
		return (ip[33] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	return c->last + DATAGRAM_IDLE < ts;
}

static inline void quick_count(struct flows *t, struct conn *c,
			       const uint8_t *ip, uint32_t data, unsigned side)
{
	const uint8_t *l4 = ip + 20;
	struct segment seg;

	if (__builtin_expect(ip[9] != PROTO_TCP, 0)) {
		c->seen |= (SEEN_PACKET | (data ? SEEN_DATA : 0)) << side;
		return;
	}
	seg = (struct segment){ be32(l4 + 4), be32(l4 + 8), data, l4[13] };
	sequence(t, c, seg, side);
	tcp_events(c, seg, side);
}

/* Which side of c sent it, 0 or 1; more: it is none of c's. */
static inline uint32_t quick_side(const struct conn *c, struct flow_wire w)
{
	uint64_t a = (c->wire_pair ^ w.pair) | (c->wire_ports ^ w.ports);
	uint64_t b = (c->wire_pair ^ (w.pair << 32 | w.pair >> 32)) |
		     (c->wire_ports ^ (w.ports << 16 | w.ports >> 16));
	uint32_t not_a = unforeseen(a != 0), not_b = b != 0;

	return not_a + (not_a & not_b);
}

/*
 * Counts a frame that fits into the flow hinted at; *side: who sent it. False:
 * it is more than that, and nothing was counted. Which side it is takes no
 * branch, since none could be foretold.
 */
static inline bool quick_add(struct flows *t, const struct flow_hint *hint,
			     unsigned *side)
{
	struct conn *c = hint->flow;
	const struct frame *f = hint->frame;
	const uint8_t *ip = f->data + PLAIN_IP;

	if (__builtin_expect(!c || !c->wire_pair, 0))
		return false;
	*side = quick_side(c, quick_wire(ip));
	if (__builtin_expect(*side > 1 || c->proto != ip[9] ||
			     !(c->seen & SEEN_PACKET * 3) ||
			     quick_begins(c, ip, f->ts), 0))
		return false;
	quick_count(t, c, ip, hint->data, *side);
	tally(c, *side, be16(ip + 2), ip[8], f->ts);
	return true;
}

#endif
