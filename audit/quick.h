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

/* Not to a group either, which is to be noted. */
static inline bool quick_fits(const struct frame *f)
{
	return is_plain_ipv4(f) && !(f->data[0] & 1) && plain_l4_bytes(f);
}

static inline struct flow_wire quick_wire(const uint8_t *ip)
{
	struct flow_wire w;

	__builtin_memcpy(&w.pair, ip + 12, sizeof(w.pair));
	__builtin_memcpy(&w.ports, ip + 20, sizeof(w.ports));
	return w;
}

/* The same as flow_hash() of its packet. */
static inline void quick_hash(const struct flows *t, const struct frame *f,
			      struct flow_hint *hint)
{
	const uint8_t *ip = f->data + PLAIN_IP;

	hint->hash = hash_wire(t, quick_wire(ip), ip[9]);
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

/* Bytes behind the headers on the wire. */
static inline uint32_t quick_count(struct flows *t, struct conn *c,
				   const uint8_t *ip, unsigned side)
{
	const uint8_t *l4 = ip + 20;
	uint32_t len = be16(ip + 2);
	struct segment seg;

	if (__builtin_expect(ip[9] != PROTO_TCP, 0)) {
		c->seen |= (SEEN_PACKET | (len > 28 ? SEEN_DATA : 0)) << side;
		return len - 28;
	}
	seg = (struct segment){ be32(l4 + 4), be32(l4 + 8),
				len - 20 - (l4[12] >> 4) * 4u, l4[13] };
	sequence(t, c, seg, side);
	tcp_events(c, seg, side);
	return seg.data;
}

/* What a counted frame was. */
struct quick {
	unsigned side; /* who sent it */
	uint32_t data; /* bytes behind the headers on the wire */
};

/*
 * Counts a frame that fits into the flow hinted at. False: it is more than
 * that, and nothing was counted. Which side it is takes no branch, since none
 * could be foretold.
 */
static inline bool quick_add(struct flows *t, const struct frame *f,
			     struct conn *c, struct quick *q)
{
	const uint8_t *ip = f->data + PLAIN_IP;
	struct flow_wire w = quick_wire(ip);
	uint64_t a, b;

	if (__builtin_expect(!c || !c->wire_pair || t->tap, 0))
		return false;
	a = (c->wire_pair ^ w.pair) | (c->wire_ports ^ w.ports);
	b = (c->wire_pair ^ (w.pair << 32 | w.pair >> 32)) |
	    (c->wire_ports ^ (w.ports << 16 | w.ports >> 16));
	if (__builtin_expect(((a != 0) & (b != 0)) || c->proto != ip[9] ||
			     !(c->seen & SEEN_PACKET * 3) ||
			     quick_begins(c, ip, f->ts), 0))
		return false;
	q->side = a != 0;
	q->data = quick_count(t, c, ip, q->side);
	tally(c, q->side, be16(ip + 2), ip[8], f->ts);
	return true;
}

#endif
