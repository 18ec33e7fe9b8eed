#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "audit/quick.h"

/* The quick lane and the long way, side by side: random frames, most of them
 * nearly plain, into two tables. Whatever takes the quick lane has to leave
 * its flow as the long way does, bit for bit. */

static uint64_t state;

static uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % n;
}

static bool rarely(void)
{
	return rnd(60) == 0;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Four hosts, four ports: flows meet both ways and end over and over. */
static struct frame random_frame(uint8_t *p, uint64_t ts)
{
	static const uint8_t flags[] = { 2, 18, 16, 24, 16, 24, 17, 4, 20, 1 };
	struct frame f = { .data = p, .link = LINK_ETHERNET, .ts = ts };
	unsigned data = rnd(3) ? rnd(40) : 0;
	bool udp = rnd(4) == 0;

	memset(p, 0, 128);
	p[0] = rarely();
	p[12] = 8;
	p[13] = rarely();
	p[14] = rarely() ? 0x46 : 0x45;
	put16(p + 16, (udp ? 28 : 40) + data + (rarely() ? rnd(4) : 0));
	put16(p + 20, rarely() ? rnd(0x10000) : 0x4000);
	p[22] = (uint8_t)(60 + rnd(5));
	p[23] = rarely() ? (uint8_t)rnd(60) : udp ? 17 : 6;
	p[29] = (uint8_t)rnd(4);
	p[33] = (uint8_t)rnd(4);
	put16(p + 34, rarely() ? 4789 : rnd(4));
	put16(p + 36, rarely() ? 4789 : rnd(4));
	put16(p + 38, udp ? 8 + data : 0);
	put16(p + 40, rnd(200));
	put16(p + 44, rnd(200));
	p[46] = (uint8_t)((rarely() ? rnd(16) : 5) << 4);
	p[47] = flags[rnd(sizeof(flags))];
	f.len = 54 + data;
	f.caplen = rarely() ? rnd(f.len) : f.len;
	return f;
}

static void on_closed(void *ctx, struct conn *c)
{
	(void)c;
	++*(unsigned *)ctx;
}

static void long_way(struct flows *t, const struct frame *f)
{
	struct decode_stats st = { 0 };
	struct pkt p[PKT_LAYERS];
	size_t n = decode_frame(f, p, &st);

	for (size_t i = 0; i < n; i++) {
		struct flow_hint h = { .frame = f };
		unsigned side;

		flow_hash(t, &p[i], &h);
		flows_prefetch(t, 1, &h);
		flows_add(t, &p[i], &h, f, &side);
	}
}

/* The side it was counted to, or -1: it was none for the quick lane. */
static int quick_way(struct flows *t, const struct frame *f)
{
	struct flow_hint h = { .frame = f };
	uint32_t headers = quick_headers(f);
	unsigned side;

	if (headers) {
		quick_hash(t, f, headers, &h);
		flows_prefetch(t, 1, &h);
		if (quick_add(t, &h, &side))
			return (int)side;
	}
	long_way(t, f);
	return -1;
}

static bool same(struct flows *x, struct flows *y)
{
	if (flows_count(x) != flows_count(y) ||
	    memcmp(flows_stats(x), flows_stats(y), sizeof(struct flow_stats)))
		return false;
	for (size_t i = 0; i < flows_count(x); i++)
		if (memcmp(flows_at(x, i), flows_at(y, i),
			   sizeof(struct conn)))
			return false;
	return true;
}

static void as_the_long_way(void)
{
	enum { FRAMES = 100000 };
	unsigned ended[2] = { 0, 0 }, quick[2] = { 0, 0 }, wrong = 0;
	struct flows *x = flows_new(256, 7, on_closed, &ended[0]);
	struct flows *y = flows_new(256, 7, on_closed, &ended[1]);
	uint64_t ts = 1;
	uint8_t data[128];

	state = UINT64_C(88172645463325252);
	for (unsigned i = 0; i < FRAMES && !wrong; i++) {
		struct frame f;
		int side;

		ts += rarely() ? DATAGRAM_IDLE / 2 : rnd(2 * HOP_TIME);
		f = random_frame(data, ts);
		f.number = i + 1;
		side = quick_way(x, &f);
		if (side >= 0)
			quick[side]++;
		long_way(y, &f);
		wrong += !same(x, y);
		if (wrong)
			printf("  frame %u makes a difference\n", i + 1);
	}
	CU_ASSERT(!wrong);
	CU_ASSERT(ended[0] == ended[1] && ended[0] > 0);
	/* It was not by never taking it. */
	CU_ASSERT(quick[0] > FRAMES / 8 && quick[1] > FRAMES / 8);
	flows_free(x);
	flows_free(y);
}

static CU_TestInfo tests[] = {
	{ "as the long way", as_the_long_way },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("audit/quick", tests);
}
