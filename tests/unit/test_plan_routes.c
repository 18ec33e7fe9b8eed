#include "tests/unit/unit.h"

#include "tests/unit/sample.h"

/*
 * "a-ab-b" is firewall ab between zones a and b; zones are single letters, in
 * capitals without transit. Firewalls that stand together are one with
 * interfaces in all its zones: "abc" joins a, b and c.
 */
static struct sample graph(const char *zones, const char *const *firewall,
			   const char *more)
{
	struct buf b = { 0 };
	struct sample s;

	buf_puts(&b, ROOT("exchange-2003"));
	for (size_t i = 0; zones[i]; i++)
		buf_printf(&b, "<zone name='%c' networks='10.%zu.0.0/16' "
			   "transit='%s'/>", zones[i], i + 1,
			   zones[i] < 'a' ? "no" : "yes");
	for (size_t i = 0; firewall[i]; i++) {
		buf_printf(&b, "<firewall name='%s'>", firewall[i]);
		for (const char *z = firewall[i]; *z && *z != '.'; z++)
			buf_printf(&b, "<interface name='e%c' zone='%c'/>", *z,
				   *z);
		buf_puts(&b, "</firewall>");
	}
	buf_printf(&b, "%s%s", more, END);
	s = sample_plan(b.s);
	buf_free(&b);
	return s;
}

static uint32_t zone(const struct sample *s, char name)
{
	return topology_party(s->t, (char[]){ name, 0 })->zone_id;
}

/* "ab:a>b bc:b>c | ..." sorted as found; inside: one zone. */
static const char *paths(const struct sample *s, char from, char to)
{
	const struct route *r = plan_route(s->p, zone(s, from), zone(s, to));
	struct buf b = { 0 };
	const char *out;

	buf_puts(&b, r->inside ? "inside" : r->reachable ? "" : "none");
	for (size_t i = 0; i < r->paths.n; i++) {
		buf_puts(&b, i ? " | " : "");
		for (size_t k = 0; k < r->paths.v[i].n; k++) {
			const struct hop *h = &r->paths.v[i].hop[k];

			buf_printf(&b, "%s%s:%s>%s", k ? " " : "",
				   s->t->firewalls.v[h->firewall]->name,
				   s->t->zones.v[h->in]->name,
				   s->t->zones.v[h->out]->name);
		}
	}
	out = arena_strdup(s->a, b.s);
	buf_free(&b);
	return out;
}

static void chain(void)
{
	static const char *const fw[] = { "ab", "bc", NULL };
	struct sample s = graph("abcd", fw, "");

	CU_ASSERT_FATAL(sample_good(&s));
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'a'), "inside");
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'b'), "ab:a>b");
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'c'), "ab:a>b bc:b>c");
	CU_ASSERT_STRING_EQUAL(paths(&s, 'c', 'a'), "bc:c>b ab:b>a");
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'd'), "none");
	sample_free(&s);
}

static void no_transit(void)
{
	static const char *const fw[] = { "aB", "Bc", NULL };
	struct sample s = graph("aBc", fw, "");

	CU_ASSERT_FATAL(sample_good(&s));
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'B'), "aB:a>B");
	CU_ASSERT_STRING_EQUAL(paths(&s, 'B', 'c'), "Bc:B>c");
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'c'), "none");
	sample_free(&s);
}

static void ring_both_ways(void)
{
	static const char *const fw[] = { "ab", "bc", "cd", "da", NULL };
	struct sample s = graph("abcd", fw, "");

	CU_ASSERT_FATAL(sample_good(&s));
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'c'),
			       "ab:a>b bc:b>c | da:a>d cd:d>c");
	/* the long way round as well: no firewall touches a third zone of it */
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'b'),
			       "ab:a>b | da:a>d cd:d>c bc:c>b");
	sample_free(&s);
}

static void star_is_direct(void)
{
	static const char *const fw[] = { "habc", NULL };
	struct sample s = graph("habc", fw, "");

	CU_ASSERT_FATAL(sample_good(&s));
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'b'), "habc:a>b");
	CU_ASSERT_EQUAL(s.p->n_paths, 12);
	sample_free(&s);
}

/* Two firewalls side by side (not one with nodes): both, each on its path. */
static void side_by_side(void)
{
	static const char *const fw[] = { "ab", "ab.2", NULL };
	struct sample s = graph("ab", fw, "");

	CU_ASSERT_FATAL(sample_good(&s));
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'b'), "ab:a>b | ab.2:a>b");
	sample_free(&s);
}

/* A firewall with an interface in another zone of the path is a shortcut: the
 * way past it is none. */
static void chordless(void)
{
	static const char *const fw[] = { "abc", "bd", "cd", NULL };
	struct sample s = graph("abcd", fw, "");

	CU_ASSERT_FATAL(sample_good(&s));
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'd'),
			       "abc:a>b bd:b>d | abc:a>c cd:c>d");
	/* not b>d>c: abc joins b and c */
	CU_ASSERT_STRING_EQUAL(paths(&s, 'a', 'c'), "abc:a>c");
	CU_ASSERT_STRING_EQUAL(paths(&s, 'b', 'c'),
			       "abc:b>c | bd:b>d cd:d>c");
	/* not b>d>c>a: abc has been at b */
	CU_ASSERT_STRING_EQUAL(paths(&s, 'b', 'a'), "abc:b>a");
	sample_free(&s);
}

static void hops_are_of_all_paths(void)
{
	static const char *const fw[] = { "ab", "bc", "cd", "da", NULL };
	struct sample s = graph("abcd", fw, "");
	const struct route *r;

	CU_ASSERT_FATAL(sample_good(&s));
	r = plan_route(s.p, zone(&s, 'a'), zone(&s, 'c'));
	CU_ASSERT_EQUAL(r->n_hop, 4);
	for (uint32_t f = 0; f < 4; f++)
		for (uint32_t i = 0; i < 4; i++)
			for (uint32_t o = 0; o < 4; o++) {
				bool want = false;

				for (size_t k = 0; k < r->n_hop; k++)
					want |= r->hop[k].firewall == f &&
						r->hop[k].in == i &&
						r->hop[k].out == o;
				CU_ASSERT_EQUAL(route_uses(r, f, i, o), want);
			}
	CU_ASSERT_TRUE(route_uses(r, topology_firewall(s.t, "da")->id,
				  zone(&s, 'a'), zone(&s, 'd')));
	CU_ASSERT_FALSE(route_uses(r, topology_firewall(s.t, "da")->id,
				   zone(&s, 'd'), zone(&s, 'a')));
	sample_free(&s);
}

/* At each firewall on a path, in the path's direction, and nowhere else. */
static void verdict_at_each_firewall(void)
{
	static const char *const fw[] = { "ab", "bc", "cd", "da", NULL };
	static const char *const ok[] = { "ab:a>b", "bc:b>c", "da:a>d",
					  "cd:d>c" };
	struct sample s = graph("abcd", fw,
		"<allow from='a' to='c' tcp='80' reason='r'/>");
	struct packet k = sample_packet("10.1.0.1", "10.3.0.1", 6, 80);
	size_t passes = 0;

	CU_ASSERT_FATAL(sample_good(&s));
	for (size_t i = 0; i < s.t->firewalls.n; i++) {
		const struct firewall *f = s.t->firewalls.v[i];

		for (size_t x = 0; x < 4; x++) {
			const struct interface *in = f->interfaces.v[x / 2];
			const struct interface *out = f->interfaces.v[x % 2];
			struct answer a = plan_verdict_at(s.p, f, in, out, &k);
			const char *name = arena_printf(s.a, "%s:%s>%s",
				f->name, in->zone->name, out->zone->name);
			bool want = false;

			for (size_t n = 0; n < 4; n++)
				want |= !strcmp(name, ok[n]);
			CU_ASSERT_EQUAL(a.verdict == VERDICT_ALLOWED, want);
			CU_ASSERT_EQUAL(a.why, in == out ? WHY_HAIRPIN : want ?
					WHY_PLANNED : WHY_WRONG_INTERFACE);
			passes += want;
		}
	}
	CU_ASSERT_EQUAL(passes, 4);
	sample_free(&s);
}

static void unreachable_exception(void)
{
	static const char *const fw[] = { "ab", NULL };
	struct sample s = graph("abc", fw,
		"<allow from='a' to='c' tcp='80' reason='r'/>");

	CU_ASSERT_PTR_NULL(s.p);
	CU_ASSERT_TRUE(sample_says(&s, "path"));
	sample_free(&s);
}

/* A mesh has too many paths to list: an error that names zones, no hang. */
static void too_many_paths(void)
{
	struct buf b = { 0 };
	struct sample s;

	buf_puts(&b, ROOT("exchange-2003"));
	for (int i = 0; i < 16; i++)
		buf_printf(&b, "<zone name='z%d' networks='10.%d.0.0/16'/>", i,
			   i);
	for (int i = 0; i < 16; i++)
		for (int k = i + 1; k < 16; k++)
			buf_printf(&b, "<firewall name='f%d-%d'>"
				   "<interface name='e0' zone='z%d'/>"
				   "<interface name='e1' zone='z%d'/>"
				   "</firewall>", i, k, i, k);
	buf_puts(&b, END);
	s = sample_plan(b.s);
	CU_ASSERT_PTR_NULL(s.p);
	CU_ASSERT_TRUE(sample_says(&s, "paths"));
	CU_ASSERT_TRUE(sample_says(&s, "transit=\"no\""));
	buf_free(&b);
	sample_free(&s);
}

/* One firewall with many zones behind it is an ordinary network: between any
 * two, and from any to the firewall itself. */
static void hub_of_many_zones(void)
{
	enum { ZONES = 300 };
	struct buf b = { 0 };
	struct sample s;

	buf_puts(&b, ROOT("exchange-2003"));
	for (int i = 0; i < ZONES; i++)
		buf_printf(&b, "<zone name='z%d' networks='10.%d.%d.0/24'/>", i,
			   i / 256, i % 256);
	buf_puts(&b, "<firewall name='hub'>");
	for (int i = 0; i < ZONES; i++)
		buf_printf(&b, "<interface name='e%d' zone='z%d'%s/>", i, i,
			   i ? "" : " address='10.0.0.254'");
	buf_puts(&b, "<input from='z299' tcp='22'/></firewall>"
		 "<allow from='z1' to='z299' tcp='1' reason='r'/>" END);
	s = sample_plan(b.s);
	CU_ASSERT_FATAL(sample_good(&s));
	CU_ASSERT_TRUE(sample_allows(&s, "10.0.1.1", "10.1.43.1", 6, 1));
	CU_ASSERT_TRUE(sample_allows(&s, "10.1.43.1", "10.0.0.254", 6, 22));
	buf_free(&b);
	sample_free(&s);
}

static CU_TestInfo tests[] = {
	{ "chain", chain },
	{ "no transit", no_transit },
	{ "ring, both ways", ring_both_ways },
	{ "star is direct", star_is_direct },
	{ "side by side", side_by_side },
	{ "chordless", chordless },
	{ "hops are of all paths", hops_are_of_all_paths },
	{ "verdict at each firewall", verdict_at_each_firewall },
	{ "unreachable exception", unreachable_exception },
	{ "too many paths", too_many_paths },
	{ "hub of many zones", hub_of_many_zones },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("plan/routes", tests);
}
