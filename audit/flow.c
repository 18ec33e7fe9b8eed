#include "audit/flow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

static_assert(sizeof(struct conn) == 128, "two cache lines");

enum { INDEX_START = 1 << 14, SAMPLE = 8, COMFORT = 4096,
       HUGE_PAGE = 2 << 20 };

#define SECOND UINT64_C(1000000000)
/* The same packet before and behind a firewall: a few hops less to live, at
 * once. Other changes of the TTL are a host's own. */
enum { MAX_HOPS = 3 };
#define HOP_TIME (SECOND / 200)
/* An answer to a datagram comes within this time, or not at all. */
#define DATAGRAM_IDLE (180 * SECOND)
/* Zeek's TCP inactivity timeout: a flow idle that long is no loss. */
#define STREAM_IDLE (300 * SECOND)

static inline uint64_t fold(uint64_t x, uint64_t y)
{
	unsigned __int128 m = (unsigned __int128)x * y;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* One end as 64 bits; an IPv4 address and its port fit as they are. */
static inline uint64_t end_word(const struct flows *t, struct addr a,
				uint16_t port)
{
	if (__builtin_expect(addr_is_v4(a), 1))
		return a.lo << 32 >> 16 | port;
	return fold(a.lo ^ t->seed[1], a.hi ^ (uint64_t)port << 32 ^
					       t->seed[2]);
}

/* The same for both directions: the lesser end first. */
static inline uint32_t pkt_hash(const struct flows *t, const struct pkt *p)
{
	uint64_t x = end_word(t, p->src, p->sport);
	uint64_t y = end_word(t, p->dst, p->dport);
	uint64_t lo = x < y ? x : y, hi = x < y ? y : x;

	return (uint32_t)fold(lo ^ (uint64_t)p->proto << 48 ^ t->seed[0],
			      hi ^ t->seed[1]);
}

void flows_hash(const struct flows *t, const struct pkt *p, size_t n,
		struct flow_hint *hint)
{
	for (size_t i = 0; i < n; i++) {
		hint[i].hash = pkt_hash(t, &p[i]);
		__builtin_prefetch(&t->slot[hint[i].hash & t->mask]);
	}
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

void flows_prefetch(const struct flows *t, size_t n, struct flow_hint *hint)
{
	for (size_t k = 0; k < n; k++) {
		uint32_t hash = hint[k].hash;
		struct conn *f = NULL;

		for (size_t i = hash & t->mask; t->slot[i].flow;
		     i = (i + 1) & t->mask) {
			if (t->slot[i].hash != hash)
				continue;
			f = &t->flow[t->slot[i].flow - 1];
			__builtin_prefetch(f, 1);
			__builtin_prefetch((const char *)f + 64, 1);
			break;
		}
		hint[k].flow = f;
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

static __attribute__((noinline)) struct conn *
find(const struct flows *t, const struct pkt *p, uint32_t hash, unsigned *side)
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
		return find(t, p, hint->hash, side);
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

/* Acknowledged before it was seen: the mirror reordered, it lost nothing. */
static void late_data(struct flows *t, struct conn *f, uint32_t n)
{
	if (n > f->missed)
		n = f->missed;
	f->missed -= n;
	t->st.missed -= n;
	t->st.acked -= n;
}

/* How much of what is acknowledged was never seen: the mirror's own loss,
 * which no counter shows (Zeek, capture-loss.zeek). */
static inline void sequence(struct flows *t, struct conn *f,
			    const struct pkt *p, unsigned side)
{
	uint32_t end = p->seq + p->data + !!(p->tcp & (TCP_SYN | TCP_FIN));
	int32_t ahead;

	if (f->missed && p->data && (int32_t)(end - f->next[side]) <= 0)
		late_data(t, f, p->data);
	if (!f->packets[side] || (int32_t)(end - f->next[side]) > 0)
		f->next[side] = end;
	if ((p->tcp & (TCP_ACK | TCP_RST)) != TCP_ACK || !f->packets[!side])
		return;
	ahead = (int32_t)(p->ack - f->next[!side]);
	if (ahead > 0) {
		f->missed += (uint32_t)ahead;
		t->st.missed += (uint32_t)ahead;
		t->st.acked += (uint32_t)ahead;
		f->next[!side] = p->ack;
	}
}

/* The events of a segment by its flags FIN, SYN, RST and ACK, looked up: what
 * comes next no branch foretells. PSH stands between, for nothing. */
enum { EV_F = SEEN_FIN, EV_S = SEEN_SYN, EV_SA = SEEN_SYNACK, EV_R = SEEN_RST };
static const uint32_t tcp_event[32] = {
	0, EV_F, EV_S, EV_S | EV_F,
	EV_R, EV_R | EV_F, EV_R | EV_S, EV_R | EV_S | EV_F,
	0, EV_F, EV_S, EV_S | EV_F,
	EV_R, EV_R | EV_F, EV_R | EV_S, EV_R | EV_S | EV_F,
	0, EV_F, EV_SA, EV_SA | EV_F,
	EV_R, EV_R | EV_F, EV_R | EV_SA, EV_R | EV_SA | EV_F,
	0, EV_F, EV_SA, EV_SA | EV_F,
	EV_R, EV_R | EV_F, EV_R | EV_SA, EV_R | EV_SA | EV_F,
};

static inline void tcp_events(struct conn *f, const struct pkt *p,
			      unsigned side)
{
	uint32_t ev = tcp_event[p->tcp & 31];

	ev |= p->data ? SEEN_DATA : 0;
	/* The answer to a segment without ACK has sequence number 0; such a
	 * segment is a SYN (RFC 9293, 3.10.7.1). */
	if ((p->tcp & (TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK) &&
	    p->seq == 0)
		ev |= SEEN_REFUSED;
	f->seen |= (ev | SEEN_PACKET) << side;
}

static bool icmp_asks(const struct pkt *p)
{
	if (p->proto == PROTO_ICMPV6)
		return p->type == ICMPV6_ECHO_REQUEST;
	return p->type == ICMP_ECHO_REQUEST ||
	       p->type == ICMP_TIMESTAMP_REQUEST ||
	       p->type == ICMP_INFO_REQUEST || p->type == ICMP_MASK_REQUEST;
}

static bool icmp_answers(const struct pkt *p)
{
	if (p->proto == PROTO_ICMPV6)
		return p->type == ICMPV6_ECHO_REQUEST + 1;
	return p->type == 0 || p->type == ICMP_TIMESTAMP_REQUEST + 1 ||
	       p->type == ICMP_INFO_REQUEST + 1 ||
	       p->type == ICMP_MASK_REQUEST + 1;
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
		ev |= icmp_asks(p) ? SEEN_ASKED :
		      icmp_answers(p) ? SEEN_ANSWER : 0;
		/* What asks for what: the service of an ICMP flow. */
		if (!f->packets[0] && !f->packets[1])
			f->icmp_type = p->type;
	}
	f->seen |= (ev | SEEN_PACKET) << side;
}

static void rare_events(struct conn *f, const struct pkt *p)
{
	if (p->flags & PKT_GROUP)
		f->seen |= SEEN_GROUP;
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
	if (p->flags)
		rare_events(f, p);
	if (p->proto == PROTO_TCP) {
		sequence(t, f, p, side);
		tcp_events(f, p, side);
		t->st.acked += p->data;
	} else {
		other_events(f, p, side);
	}
	if (!f->packets[side])
		f->ttl[side] = p->ttl;
	else if (p->ttl < f->ttl[side] && p->ttl + MAX_HOPS >= f->ttl[side] &&
		 ts - f->last < HOP_TIME)
		f->seen |= SEEN_ROUTED << side;
	f->packets[side]++;
	f->bytes[side] += p->len;
	if (ts > f->last)
		f->last = ts;
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
	} else if (t->tap && t->tap[fr->source] != t->tap[f->source]) {
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

/* ---- one flow in two tables ---------------------------------------------- */

struct conn *flows_same(const struct flows *t, const struct conn *c,
			unsigned *side)
{
	struct pkt p = { .src = c->a, .dst = c->b, .sport = c->aport,
			 .dport = c->bport, .proto = c->proto };

	return find(t, &p, c->hash, side);
}

/* The events of c, whose side 0 is this side of another. */
static uint32_t turned_events(uint32_t seen, unsigned side)
{
	const uint32_t pairs = SEEN_GROUP - 1, first = pairs / 3;

	if (!side)
		return seen;
	return (seen & ~pairs) | (seen & first) << 1 |
	       (seen & pairs & ~first) >> 1;
}

static void join(struct conn *f, const struct conn *c, unsigned side)
{
	f->seen |= turned_events(c->seen, side);
	for (unsigned i = 0; i < 2; i++) {
		unsigned to = i ^ side;

		if (!f->packets[to])
			f->ttl[to] = c->ttl[i];
		f->packets[to] += c->packets[i];
		f->bytes[to] += c->bytes[i];
		if (!f->app[to])
			f->app[to] = c->app[i];
		if (c->note & NOTE_KNOWN << i)
			f->note |= (uint8_t)(NOTE_KNOWN << to);
	}
	f->note |= c->note & (NOTE_CREDENTIALS | NOTE_JUDGED |
			      NOTE_TOLD_SECRET);
	if (c->last > f->last)
		f->last = c->last;
}

/* Who spoke first stays first. */
void flows_join(struct flows *t, struct conn *f, const struct conn *c,
		unsigned side)
{
	struct conn x = *c;

	t->st.flows--;
	if (c->first >= f->first) {
		join(f, c, side);
		return;
	}
	join(&x, f, side);
	*f = x;
}

void flows_add_stats(struct flows *t, const struct flows *other)
{
	t->st.flows += other->st.flows;
	t->st.evicted += other->st.evicted;
	t->st.acked += other->st.acked;
	t->st.missed += other->st.missed;
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
