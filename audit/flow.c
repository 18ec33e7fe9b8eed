#include "audit/flow_impl.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "audit/icmp.h"
#include "base/keys.h"
#include "base/mem.h"

/*
 * An index of 8-byte slots, open addressing, over an array of flows that
 * never move. The index grows up to its bound by doubling; the array is
 * reserved whole and touched as it fills. When it is full, a hand walks over
 * it and closes the most dispensable of every few: half-open before
 * answered, then the longest idle. So a flood evicts itself, each packet costs
 * bounded work, and nothing is allocated.
 */
static_assert(sizeof(struct conn) == 128 && offsetof(struct conn, a) == 64,
	      "two cache lines");


enum { INDEX_START = 1 << 14, SAMPLE = 8, COMFORT = 4096,
       HUGE_PAGE = 2 << 20 };

/* Zeek's TCP inactivity timeout: a flow idle that long is no loss. */
#define STREAM_IDLE (300 * SECOND)

static inline bool is_v4(const struct pkt *p)
{
	return addr_is_v4(p->src) && addr_is_v4(p->dst);
}

static inline struct flow_wire wire_of(const struct pkt *p)
{
	const uint32_t pair[2] = { htonl((uint32_t)p->src.lo),
				   htonl((uint32_t)p->dst.lo) };
	const uint16_t ports[2] = { htons(p->sport), htons(p->dport) };
	struct flow_wire w;

	memcpy(&w.pair, pair, sizeof(w.pair));
	memcpy(&w.ports, ports, sizeof(w.ports));
	return w;
}

static inline uint64_t end_word(const struct flows *t, struct addr a,
				uint16_t port)
{
	return fold(a.lo ^ t->seed[1], a.hi ^ (uint64_t)port << 32 ^
					       t->seed[2]);
}

static inline uint32_t pkt_hash(const struct flows *t, const struct pkt *p)
{
	if (__builtin_expect(is_v4(p), 1))
		return hash_wire(t, wire_of(p), p->proto);
	return hash_ends(t, end_word(t, p->src, p->sport),
			 end_word(t, p->dst, p->dport), p->proto);
}

void flow_hash(const struct flows *t, const struct pkt *p,
	       struct flow_hint *hint)
{
	hint->hash = pkt_hash(t, p);
	__builtin_prefetch(&t->slot[hint->hash & t->mask]);
}

static struct slot *index_new(size_t n)
{
	struct slot *s = mem_alloc(n * sizeof(*s));

	return memset(s, 0, n * sizeof(*s));
}

/* Huge pages where the kernel has them to give: a quarter of the time of a
 * short capture went into first touches of small ones. */
static void reserve(struct flows *t)
{
	uintptr_t huge = HUGE_PAGE, at;

	t->block = mem_alloc(t->max * sizeof(*t->flow) + huge);
	at = ((uintptr_t)t->block + huge - 1) & ~(huge - 1);
	t->flow = (struct conn *)at;
	madvise(t->flow, t->max * sizeof(*t->flow), MADV_HUGEPAGE);
}

struct flows *flows_new(size_t max, uint64_t seed, flow_closed_fn *closed,
			void *ctx)
{
	struct flows *t = mem_alloc(sizeof(*t));

	*t = (struct flows){ .max = max < SAMPLE ? SAMPLE : max,
			     .closed = closed, .ctx = ctx };
	reserve(t);
	t->mask = INDEX_START - 1;
	t->slot = index_new(INDEX_START);
	for (int i = 0; i < 3; i++)
		t->seed[i] = fold(seed + (uint64_t)i * 2,
				  UINT64_C(0x9e3779b97f4a7c15)) | 1;
	return t;
}

void flows_taps(struct flows *t, const uint32_t *tap)
{
	t->tap = tap;
}

bool flows_have_taps(const struct flows *t)
{
	return t->tap;
}

void flows_free(struct flows *t)
{
	if (!t)
		return;
	free(t->block);
	free(t->slot);
	free(t);
}

static void put(struct slot *s, size_t mask, struct slot v)
{
	size_t i = v.hash & mask;

	while (s[i].flow)
		i = (i + 1) & mask;
	s[i] = v;
}

static void index_grow(struct flows *t)
{
	size_t cap = (t->mask + 1) * 2;
	struct slot *s = index_new(cap);

	for (size_t i = 0; i <= t->mask; i++)
		if (t->slot[i].flow)
			put(s, cap - 1, t->slot[i]);
	free(t->slot);
	t->slot = s;
	t->mask = cap - 1;
}

/* Takes a flow out; what was pushed aside by it moves back (Knuth 6.4 R). */
static void index_remove(struct flows *t, uint32_t hash, uint32_t flow)
{
	size_t hole = hash & t->mask, i;

	while (t->slot[hole].flow != flow)
		hole = (hole + 1) & t->mask;
	for (i = (hole + 1) & t->mask; t->slot[i].flow;
	     i = (i + 1) & t->mask) {
		size_t home = t->slot[i].hash & t->mask;

		if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
			t->slot[hole] = t->slot[i];
			hole = i;
		}
	}
	t->slot[hole] = (struct slot){ 0, 0 };
}

static struct conn *hinted_further(const struct flows *t, uint32_t hash)
{
	for (size_t i = hash & t->mask; t->slot[i].flow;
	     i = (i + 1) & t->mask)
		if (t->slot[i].hash == hash)
			return &t->flow[t->slot[i].flow - 1];
	return NULL;
}

/* Most are in one of the first two places; in which, no branch foretells. */
static inline struct conn *hinted(const struct flows *t, uint32_t hash)
{
	struct slot x = t->slot[hash & t->mask];
	struct slot y = t->slot[(hash + 1) & t->mask];
	uint32_t in_x = -unforeseen(x.hash == hash);
	uint32_t in_y = -unforeseen(y.hash == hash);
	uint32_t flow = (x.flow & in_x) | (y.flow & in_y & ~in_x);

	if (__builtin_expect(flow != 0, 1))
		return &t->flow[flow - 1];
	return x.flow && y.flow ? hinted_further(t, hash) : NULL;
}

void flows_prefetch(const struct flows *t, size_t n, struct flow_hint *hint)
{
	for (size_t k = 0; k < n; k++) {
		hint[k].flow = hinted(t, hint[k].hash);
		__builtin_prefetch(hint[k].flow, 1);
	}
}

static uint64_t idle_limit(const struct conn *f)
{
	return f->proto == PROTO_TCP ? STREAM_IDLE : DATAGRAM_IDLE;
}

/* Both said goodbye, or one cut it off, and what could still come late has
 * come (Zeek waits 5 s too, tcp_close_delay). Or silent for long. */
static bool is_over(const struct conn *f, uint64_t now)
{
	const uint64_t linger = 5 * SECOND;
	uint64_t wait = idle_limit(f);

	if (f->proto == PROTO_TCP &&
	    ((f->seen & SEEN_FIN * 3) == SEEN_FIN * 3 ||
	     (f->seen & SEEN_RST * 3)))
		wait = linger;
	return f->last + wait < now;
}

static bool answered(const struct conn *f)
{
	return f->packets[0] && f->packets[1];
}

/* The next place to use again: one of the next few that is over; with the
 * table full, else the most dispensable of them. Chosen one new flow ahead,
 * so that its place in the index is in the cache when it is taken out. */
static void choose_victim(struct flows *t, uint64_t now)
{
	bool full = t->n == t->max;
	size_t best = t->hand;

	t->victim = 0;
	for (size_t k = 0; k < SAMPLE; k++) {
		size_t i = t->hand;
		const struct conn *x = &t->flow[i], *y = &t->flow[best];

		t->hand = i + 1 < t->n ? i + 1 : 0;
		if (is_over(x, now)) {
			best = i;
			full = true;
			break;
		}
		if (answered(x) != answered(y) ? answered(y) :
		    x->last < y->last)
			best = i;
	}
	if (!full)
		return;
	t->victim = (uint32_t)best + 1;
	__builtin_prefetch(&t->slot[t->flow[best].hash & t->mask], 1);
}

/* Closes the chosen flow, if it may go, and hands over its place. */
static bool recycle(struct flows *t, uint64_t now, uint32_t *place)
{
	struct conn *f;

	if (t->n == t->max && !t->victim)
		choose_victim(t, now);
	if (!t->victim)
		return false;
	*place = t->victim - 1;
	f = &t->flow[*place];
	if (!is_over(f, now)) {
		if (t->n < t->max)
			return false;
		t->st.evicted++;
	}
	t->closed(t->ctx, f);
	index_remove(t, f->hash, *place + 1);
	return true;
}

static void open_flow(struct conn *f, const struct pkt *p, uint32_t hash,
		      const struct frame *fr)
{
	*f = (struct conn){
		.a = p->src, .b = p->dst, .aport = p->sport, .bport = p->dport,
		.proto = p->proto, .look = { FLOW_LOOK, FLOW_LOOK },
		.first = fr->ts,
		.last = fr->ts, .number = fr->number, .hash = hash,
		.source = fr->source,
	};
	if (is_v4(p)) {
		struct flow_wire w = wire_of(p);

		f->wire_pair = w.pair;
		f->wire_ports = w.ports;
	}
}

static __attribute__((noinline)) struct conn *
new_flow(struct flows *t, const struct pkt *p, uint32_t hash,
	 const struct frame *fr)
{
	uint32_t i;

	if ((t->n <= COMFORT && t->n < t->max) ||
	    !recycle(t, fr->ts, &i)) {
		i = (uint32_t)t->n++;
		if (t->n * 4 > t->mask)
			index_grow(t);
	}
	put(t->slot, t->mask, (struct slot){ hash, i + 1 });
	open_flow(&t->flow[i], p, hash, fr);
	t->st.flows++;
	if (t->n > COMFORT || t->n == t->max)
		choose_victim(t, fr->ts);
	return &t->flow[i];
}

static inline uint32_t two_ports(const uint16_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t differ(struct addr a, struct addr b)
{
	return (a.hi ^ b.hi) | (a.lo ^ b.lo);
}

/* Which side of f sent p; -1: it is none of f's. Without a branch between the
 * sides, which no one can foretell. */
static inline int side_of(const struct conn *f, const struct pkt *p)
{
	uint32_t ports = two_ports(&f->aport), sent = two_ports(&p->sport);
	uint64_t proto = f->proto ^ p->proto;
	uint64_t a = differ(f->a, p->src) | differ(f->b, p->dst) |
		     (ports ^ sent) | proto;
	uint64_t b = differ(f->b, p->src) | differ(f->a, p->dst) |
		     (ports ^ (sent << 16 | sent >> 16)) | proto;

	if (a && b)
		return -1;
	return a != 0;
}

struct conn *flows_find(const struct flows *t, const struct pkt *p,
			uint32_t hash, unsigned *side)
{
	for (size_t i = hash & t->mask; t->slot[i].flow;
	     i = (i + 1) & t->mask) {
		struct conn *f = &t->flow[t->slot[i].flow - 1];
		int s;

		if (t->slot[i].hash != hash)
			continue;
		s = side_of(f, p);
		if (s >= 0) {
			*side = (unsigned)s;
			return f;
		}
	}
	return NULL;
}

/* What the hint says, if that still holds; flows end within a batch too. */
static inline struct conn *find_hinted(const struct flows *t,
				       const struct pkt *p,
				       const struct flow_hint *hint,
				       unsigned *side)
{
	int s = hint->flow ? side_of(hint->flow, p) : -1;

	if (__builtin_expect(s < 0, 0))
		return flows_find(t, p, hint->hash, side);
	*side = (unsigned)s;
	return hint->flow;
}

/* The same ports again: another conversation? A SYN says so where the old one
 * was over or the other side had opened it; silence does for datagrams. A
 * stream that was silent goes on: only its beginning told who opened it. */
static inline bool begins_anew(const struct conn *f, const struct pkt *p,
			       unsigned side, uint64_t ts)
{
	unsigned s = f->seen;

	if (p->proto != PROTO_TCP)
		return f->last + DATAGRAM_IDLE < ts &&
		       !(p->flags & PKT_QUOTED);
	if ((p->tcp & (TCP_SYN | TCP_ACK)) != TCP_SYN ||
	    (p->flags & PKT_QUOTED))
		return false;
	if (s & (SEEN_FIN * 3 | SEEN_RST * 3))
		return true;
	return (s & SEEN_SYN << !side) && (s & SEEN_SYNACK << side);
}

void flow_late_data(struct flows *t, struct conn *f, uint32_t n)
{
	if (n > f->missed)
		n = f->missed;
	f->missed -= n;
	t->st.missed -= n;
	t->st.acked -= n;
}

/* Looked up: which comes next no branch foretells. PSH stands between, for
 * nothing. */
enum { EV_F = SEEN_FIN, EV_S = SEEN_SYN, EV_SA = SEEN_SYNACK, EV_R = SEEN_RST };
const uint32_t flow_tcp_event[32] = {
	0, EV_F, EV_S, EV_S | EV_F,
	EV_R, EV_R | EV_F, EV_R | EV_S, EV_R | EV_S | EV_F,
	0, EV_F, EV_S, EV_S | EV_F,
	EV_R, EV_R | EV_F, EV_R | EV_S, EV_R | EV_S | EV_F,
	0, EV_F, EV_SA, EV_SA | EV_F,
	EV_R, EV_R | EV_F, EV_R | EV_SA, EV_R | EV_SA | EV_F,
	0, EV_F, EV_SA, EV_SA | EV_F,
	EV_R, EV_R | EV_F, EV_R | EV_SA, EV_R | EV_SA | EV_F,
};

static unsigned icmp_events(const struct pkt *p)
{
	const struct icmp_query *q = icmp_query(p->proto, p->type);

	if (!q)
		return 0;
	return p->type == q->request ? SEEN_ASKED : SEEN_ANSWER;
}

static void other_events(struct conn *f, const struct pkt *p, unsigned side)
{
	enum { SCTP_INIT = 1, SCTP_INIT_ACK = 2 }; /* RFC 9260, 3.2 */
	unsigned ev = 0;

	if (p->data)
		ev |= SEEN_DATA;
	if (p->proto == PROTO_SCTP)
		ev |= p->type == SCTP_INIT ? SEEN_SYN :
		      p->type == SCTP_INIT_ACK ? SEEN_SYNACK : 0;
	if (proto_is_icmp(p->proto)) {
		ev |= icmp_events(p);
		/* What asks for what: the service of an ICMP flow. */
		if (!f->packets[0] && !f->packets[1])
			f->icmp_type = p->type;
	}
	f->seen |= (ev | SEEN_PACKET) << side;
}

static void rare_events(struct conn *f, const struct pkt *p)
{
	if (p->flags & PKT_BROADCAST)
		f->seen |= SEEN_BROADCAST;
	if (p->flags & PKT_FIRST_FRAG)
		f->seen |= SEEN_FRAG;
	if (p->flags & PKT_INNER)
		f->seen |= SEEN_INNER;
	if (p->flags & PKT_OUTER)
		f->seen |= SEEN_OUTER;
}

static inline void count(struct flows *t, struct conn *f,
			 const struct pkt *p, unsigned side, uint64_t ts)
{
	struct segment seg = { p->seq, p->ack, p->data, p->tcp };
	struct passed passed = { ts, p->len, p->ttl };

	if (p->flags)
		rare_events(f, p);
	if (p->proto == PROTO_TCP) {
		count_segment(t, f, seg, side, passed);
	} else {
		other_events(f, p, side);
		tally(f, side, passed, false);
	}
}

/* Each direction has its tap: where ways are not the same there and back, one
 * tap sees the questions and another the answers. */
static bool at_other_tap(const struct flows *t, struct conn *f, unsigned side,
			 const struct frame *fr)
{
	uint16_t home = side ? (uint16_t)f->source_b : f->source;

	if (!t->tap)
		return false;
	if (side && !f->packets[1]) {
		f->source_b = fr->source;
		return false;
	}
	return t->tap[fr->source] != t->tap[home];
}

/* Seen before at another tap: it passed what stands between the two. */
static void elsewhere(struct conn *f, unsigned side, uint64_t ts)
{
	f->seen |= SEEN_ROUTED << side;
	if (ts > f->last)
		f->last = ts;
}

struct conn *flows_add(struct flows *t, const struct pkt *p,
		       const struct flow_hint *hint, const struct frame *fr,
		       unsigned *side)
{
	struct conn *f = find_hinted(t, p, hint, side);

	if (__builtin_expect(!f, 0)) {
		*side = 0;
		f = new_flow(t, p, hint->hash, fr);
	} else if (at_other_tap(t, f, *side, fr)) {
		elsewhere(f, *side, fr->ts);
		return NULL;
	} else if (__builtin_expect(begins_anew(f, p, *side, fr->ts), 0)) {
		*side = 0;
		t->closed(t->ctx, f);
		open_flow(f, p, hint->hash, fr);
		t->st.flows++;
	}
	if (__builtin_expect(p->flags & PKT_QUOTED, 0)) {
		f->seen |= SEEN_ERROR << *side;
		if (fr->ts > f->last)
			f->last = fr->ts;
		return f;
	}
	count(t, f, p, *side, fr->ts);
	return f;
}

bool flow_ended(const struct conn *c, uint64_t now)
{
	const uint64_t fins = SEEN_FIN * 3;

	if (c->proto != PROTO_TCP)
		return c->last + DATAGRAM_IDLE < now;
	return (c->seen & fins) == fins || (c->seen & SEEN_RST * 3);
}

void flows_close_all(struct flows *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->closed(t->ctx, &t->flow[i]);
	t->n = 0;
	memset(t->slot, 0, (t->mask + 1) * sizeof(*t->slot));
}

const struct flow_stats *flows_stats(const struct flows *t)
{
	return &t->st;
}

size_t flows_count(const struct flows *t)
{
	return t->n;
}

struct conn *flows_at(struct flows *t, size_t i)
{
	return &t->flow[i];
}
