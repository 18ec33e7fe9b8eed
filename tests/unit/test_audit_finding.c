#include "tests/unit/unit.h"

#include <string.h>

#include "audit/event.h"
#include "audit/finding.h"

static struct finding about(uint32_t src, uint32_t dst, uint32_t addr,
			    uint16_t port)
{
	struct finding f = { .cls = F_UNPLANNED, .key = 6u << 16 | port,
			     .reason = NONE };

	f.src.place = (struct place){ PLACE_HOST, src, 0, false, false };
	f.dst.place = (struct place){ PLACE_HOST, dst, 1, false, false };
	if (addr)
		f.src.addr = addr_v4(addr);
	return f;
}

static void put(struct findings *s, struct finding f)
{
	bool is_new;
	struct finding *g = findings_place(s, &f, &is_new);

	g->flows++;
	g->first = g->last = 1;
	finding_spread(g, key_proto(f.key), (uint16_t)f.key,
		       g->dst.any ? f.dst.addr : f.src.addr);
	if (g->n_sample < FINDING_SAMPLES)
		g->sample[g->n_sample++] = (struct sample){
			.src = f.src.addr, .dst = f.dst.addr,
			.dport = (uint16_t)f.key,
			.proto = key_proto(f.key) };
}

static void aggregates(void)
{
	struct arena *a = arena_new();
	struct findings *s = findings_new(a, 3);
	struct finding **v;
	size_t n;

	for (int i = 0; i < 5; i++) {
		put(s, about(1, 2, 0, 445));
		put(s, about(1, 2, 0, 80));
		put(s, about(3, 2, 0, 80));
	}
	v = findings_sorted(s, &n);
	CU_ASSERT_FATAL(n == 3);
	CU_ASSERT(v[0]->key == (6u << 16 | 80) && v[0]->flows == 5);
	CU_ASSERT(v[2]->src.place.party == 3);
	arena_free(a);
}

static void port_scan(void)
{
	struct arena *a = arena_new();
	struct findings *s = findings_new(a, 3);
	struct finding **v;
	size_t n;

	for (uint16_t p = 1; p <= 2000; p++)
		put(s, about(1, 2, 0, p));
	put(s, about(5, 6, 0, 7));
	v = findings_sorted(s, &n);
	CU_ASSERT_FATAL(n == 2);
	CU_ASSERT(v[0]->any_key && v[0]->flows == 2000);
	CU_ASSERT(spread_count(v[0]->ports) == 2000);
	CU_ASSERT(v[1]->src.place.party == 5 && v[1]->flows == 1);
	arena_free(a);
}

/* A million made-up sources and targets: bounded, and none is lost. */
static void flood(void)
{
	struct arena *a = arena_new();
	struct findings *s = findings_new(a, 3);
	struct finding **v;
	uint64_t total = 0;
	size_t n;

	for (uint32_t i = 1; i <= 1000000; i++) {
		struct finding f = about(NONE, NONE, i, (uint16_t)(i * 7));

		f.dst.addr = addr_v4(i * 2654435761u);
		put(s, f);
	}
	v = findings_sorted(s, &n);
	for (size_t i = 0; i < n; i++)
		total += v[i]->flows;
	CU_ASSERT(n <= 4097 && total == 1000000);
	arena_free(a);
}

/* An example of the community id specification. */
static void community_ids(void)
{
	struct conn x = { .a = addr_v4(0x80e86e78), .b = addr_v4(0x4223facc),
			  .aport = 34855, .bport = 80, .proto = 6 };
	char one[32], two[32];
	struct conn y;

	/* 128.232.110.120:34855 66.35.250.204:80, both ways round */
	community_id(&x, one);
	CU_ASSERT_STRING_EQUAL(one, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
	y = x;
	y.a = x.b;
	y.b = x.a;
	y.aport = 80;
	y.bport = 34855;
	community_id(&y, two);
	CU_ASSERT_STRING_EQUAL(two, one);
}

static CU_TestInfo tests[] = {
	{ "aggregates", aggregates },
	{ "port scan", port_scan },
	{ "flood", flood },
	{ "community id", community_ids },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("audit/finding", tests);
}
