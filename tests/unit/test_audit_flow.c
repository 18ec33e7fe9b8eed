#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/direction.h"
#include "audit/flow.h"
#include "base/keys.h"

#define SECOND UINT64_C(1000000000)

struct closed {
	size_t n, packets;
	uint32_t seen; /* of the last */
};

static void on_closed(void *ctx, struct conn *c)
{
	struct closed *k = ctx;

	k->n++;
	k->packets += c->packets[0] + c->packets[1];
	k->seen = c->seen;
}

static struct pkt packet(uint32_t src, uint16_t sport, uint32_t dst,
			 uint16_t dport, uint8_t proto, uint8_t tcp)
{
	return (struct pkt){ .src = addr_v4(src), .dst = addr_v4(dst),
			     .sport = sport, .dport = dport, .proto = proto,
			     .tcp = tcp, .len = 40, .ttl = 64 };
}

static struct conn *add(struct flows *t, const struct pkt *p, uint64_t ts,
			unsigned *side)
{
	struct frame f = { .ts = ts, .number = 1 };
	struct flow_hint h;

	flow_hash(t, p, &h);
	flows_prefetch(t, 1, &h);
	return flows_add(t, p, &h, &f, side);
}

static void both_sides(void)
{
	struct closed k = { 0 };
	struct flows *t = flows_new(64, 1, on_closed, &k);
	struct pkt a = packet(1, 1000, 2, 389, 6, TCP_SYN);
	struct pkt b = packet(2, 389, 1, 1000, 6, TCP_SYN | TCP_ACK);
	struct conn *c, *d;
	unsigned side;

	c = add(t, &a, 1, &side);
	CU_ASSERT(side == 0);
	d = add(t, &b, 2, &side);
	CU_ASSERT(c == d && side == 1);
	CU_ASSERT(c->packets[0] == 1 && c->packets[1] == 1);
	CU_ASSERT(c->seen & SEEN_SYN && c->seen & SEEN_SYNACK << 1);
	b.proto = 17;
	CU_ASSERT(add(t, &b, 3, &side) != c);
	CU_ASSERT(flows_count(t) == 2);
	flows_close_all(t);
	CU_ASSERT(k.n == 2 && k.packets == 3);
	flows_free(t);
}

/* Every packet is counted once, whatever is evicted, and what the table says
 * it holds can be found: against a list of the ends of all flows. */
static void bounded(void)
{
	enum { MAX = 1000, N = 200000 };
	struct closed k = { 0 };
	struct flows *t = flows_new(MAX, 99, on_closed, &k);
	uint64_t rng = 88172645463325252u;
	unsigned side;

	for (uint64_t i = 0; i < N; i++) {
		struct pkt p;

		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		p = packet((uint32_t)(rng >> 20) % 60, 1000, 77,
			   (uint16_t)((rng >> 40) % 100), 6, TCP_ACK);
		CU_ASSERT_FATAL(add(t, &p, i * 1000, &side)->packets[side] > 0);
	}
	CU_ASSERT(flows_count(t) == MAX);
	CU_ASSERT(flows_stats(t)->evicted > 0);
	CU_ASSERT(flows_stats(t)->flows == k.n + MAX);
	/* All that is in there is found again: no new flow. */
	for (size_t i = 0; i < MAX; i++) {
		struct conn *c = flows_at(t, i);
		struct pkt p = { .src = c->a, .dst = c->b, .sport = c->aport,
				 .dport = c->bport, .proto = 6,
				 .tcp = TCP_ACK, .ttl = 64 };

		CU_ASSERT(add(t, &p, N * 1000, &side) == c);
	}
	flows_close_all(t);
	CU_ASSERT(k.packets == N + MAX && flows_stats(t)->flows == k.n);
	flows_free(t);
}

/* A flood of lone SYNs does not push out what is answered. */
static void flood(void)
{
	struct closed k = { 0 };
	struct flows *t = flows_new(1024, 5, on_closed, &k);
	struct pkt a = packet(1, 1000, 2, 389, 6, TCP_ACK);
	struct pkt b = packet(2, 389, 1, 1000, 6, TCP_ACK);
	struct conn *kept;
	unsigned side;

	add(t, &a, 1, &side);
	kept = add(t, &b, 2, &side);
	for (uint32_t i = 0; i < 100000; i++) {
		struct pkt p = packet(1000 + i, (uint16_t)i, 2, 389, 6,
				      TCP_SYN);

		add(t, &p, 10 + i, &side);
	}
	CU_ASSERT(add(t, &a, 200000, &side) == kept);
	CU_ASSERT(kept->packets[0] == 2);
	flows_close_all(t);
	flows_free(t);
}

static void begins_anew(void)
{
	struct closed k = { 0 };
	struct flows *t = flows_new(64, 1, on_closed, &k);
	struct pkt syn = packet(1, 1000, 2, 389, 6, TCP_SYN);
	struct pkt back = packet(2, 389, 1, 1000, 6, TCP_SYN | TCP_ACK);
	struct pkt fin = packet(1, 1000, 2, 389, 6, TCP_FIN | TCP_ACK);
	struct pkt their = packet(2, 389, 1, 1000, 6, TCP_SYN);
	unsigned side;

	add(t, &syn, 1, &side);
	add(t, &syn, 2, &side); /* again: the same flow */
	add(t, &back, 3, &side);
	CU_ASSERT(k.n == 0);
	add(t, &their, 4, &side); /* opened the other way round: another */
	CU_ASSERT(k.n == 1 && side == 0);
	add(t, &fin, 5, &side);
	add(t, &syn, 6, &side); /* over, and opened again */
	CU_ASSERT(k.n == 2);
	syn.proto = 17;
	add(t, &syn, SECOND, &side);
	add(t, &syn, 100 * SECOND, &side);
	CU_ASSERT(k.n == 2);
	add(t, &syn, 500 * SECOND, &side); /* a datagram after long silence */
	CU_ASSERT(k.n == 3);
	flows_close_all(t);
	flows_free(t);
}

static void loss(void)
{
	struct closed k = { 0 };
	struct flows *t = flows_new(64, 1, on_closed, &k);
	struct pkt d = packet(1, 1000, 2, 389, 6, TCP_ACK);
	struct pkt ack = packet(2, 389, 1, 1000, 6, TCP_ACK);
	unsigned side;

	d.seq = UINT32_MAX - 99; /* around the end of the numbers */
	d.data = 100;
	add(t, &d, 1, &side);
	ack.ack = 0;
	add(t, &ack, 2, &side);
	CU_ASSERT(flows_stats(t)->missed == 0);
	ack.ack = 300; /* of 300 bytes we saw none */
	add(t, &ack, 3, &side);
	CU_ASSERT(flows_stats(t)->missed == 300);
	d.seq = 0; /* 100 of them come late */
	add(t, &d, 4, &side);
	CU_ASSERT(flows_stats(t)->missed == 200);
	flows_close_all(t);
	flows_free(t);
}

static void openers(void)
{
	static const struct {
		uint32_t seen;
		uint8_t proto;
		uint16_t aport, bport;
		int side, guess;
		enum how how;
	} c[] = {
		{ SEEN_SYN, 6, 40000, 389, 0, 0, HOW_SYN },
		{ SEEN_SYN << 1, 6, 389, 40000, 1, 1, HOW_SYN },
		{ SEEN_SYN << 1 | SEEN_CLIENT, 6, 53, 40000, 1, 1, HOW_SYN },
		{ SEEN_SYNACK, 6, 389, 40000, 1, 1, HOW_SYNACK },
		{ SEEN_SYN * 3, 6, 40000, 389, -1, 0, HOW_NONE },
		{ SEEN_SYN * 3 | SEEN_SYNACK, 6, 40000, 389, 1, 0, HOW_SYNACK },
		{ SEEN_REFUSED, 6, 445, 40000, 1, 1, HOW_REFUSAL },
		{ SEEN_ASKED, 1, 7, 7, 0, 0, HOW_ICMP },
		{ SEEN_ANSWER, 1, 7, 7, 1, 0, HOW_ICMP },
		{ SEEN_SERVER, 17, 53, 40000, 1, -1, HOW_CONTENT },
		{ SEEN_CLIENT, 17, 500, 500, 0, 0, HOW_CONTENT },
		{ SEEN_DATA, 6, 40000, 389, -1, 0, HOW_NONE },
		{ SEEN_DATA, 6, 389, 40000, -1, 1, HOW_NONE },
		{ SEEN_DATA, 6, 40001, 40000, -1, -1, HOW_NONE },
		{ SEEN_DATA, 17, 40000, 389, -1, 0, HOW_NONE },
		{ SEEN_DATA, 17, 389, 40000, -1, -1, HOW_NONE },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct conn x = { .seen = c[i].seen, .proto = c[i].proto,
				  .aport = c[i].aport, .bport = c[i].bport };
		struct opener o = opener_seen(&x), g = opener_guess(&x);

		if (o.side != c[i].side || o.how != c[i].how ||
		    g.side != c[i].guess)
			printf("  case %zu: %d %s, guess %d\n", i, o.side,
			       how_names[o.how], g.side);
		CU_ASSERT(o.side == c[i].side && o.how == c[i].how);
		CU_ASSERT(g.side == c[i].guess);
	}
}

static CU_TestInfo tests[] = {
	{ "both sides", both_sides },
	{ "bounded", bounded },
	{ "flood", flood },
	{ "begins anew", begins_anew },
	{ "loss", loss },
	{ "openers", openers },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("audit/flow", tests);
}
