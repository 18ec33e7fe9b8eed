#include "check/drift.h"
#include "tests/unit/ruleset.h"

/* What is told of two rulesets, as nft and the kernel have them. */

struct pair {
	const char *name, *before, *after;
	const char *told; /* lines "what how name: detail" */
};

#define TABLE(text) "table inet t {\n" text "}\n"
#define CHAIN(rules) TABLE(" chain c {\n" rules " }\n")

static const struct pair pairs[] = {
	{ "prefixes on and off a byte", CHAIN(""),
	  CHAIN("  ip saddr 10.0.0.0/8 ip daddr 10.1.16.0/20 accept\n"),
	  "rule added c: 1: ip saddr 10.0.0.0/8 ip daddr 10.1.16.0/20 accept\n" },
	{ "comparisons", CHAIN(""),
	  CHAIN("  tcp dport < 1024 ct state new,untracked meta mark != 7 "
		"drop\n"
		"  udp sport != 53-54 meta l4proto != 6 counter\n"
		"  tcp flags & syn == 0 accept\n"
		"  meta nfproto ipv6 ct state != invalid return\n"),
	  "rule added c: 1: tcp dport < 1024 ct state new,untracked meta mark != "
	  "7 drop\n"
	  "rule added c: 2: udp sport != 53-54 meta l4proto != tcp counter\n"
	  "rule added c: 3: tcp flags & 0x02 == 0x00 accept\n"
	  "rule added c: 4: ct state != invalid return\n" },
	{ "sets in rules", TABLE(" chain d {\n }\n chain c {\n }\n"),
	  TABLE(" chain d {\n }\n chain c {\n"
		"  tcp dport { 1, 2, 3, 4, 5, 6, 7 } accept\n"
		"  udp dport != { 5-6, 9 } drop\n"
		"  ip saddr . tcp dport { 10.0.0.1 . 22 } drop\n"
		"  tcp dport vmap { 23 : jump d }\n }\n"),
	  "rule added c: 1: tcp dport { 1, 2, 3, 4, 5, 6, … } accept\n"
	  "rule added c: 2: udp dport != { 9, 5-6 } drop\n"
	  "rule added c: 3: ip saddr . tcp dport { 10.0.0.1 . 22 } drop\n"
	  "rule added c: 4: tcp dport vmap { 23 : jump d }\n" },
	{ "values of elements",
	  TABLE(" chain d {\n }\n chain e {\n }\n map m { type inet_service : "
		"verdict; elements = { 22 : jump d } }\n map n { type "
		"ipv4_addr : ipv4_addr; elements = { 10.0.0.1 : 10.0.0.2 } }\n"
		" map o { type ifname . inet_proto . inet_service : mark; "
		"elements = { \"e0\" . tcp . 7 : 0x1 } }\n"),
	  TABLE(" chain d {\n }\n chain e {\n }\n map m { type inet_service : "
		"verdict; elements = { 22 : jump e } }\n map n { type "
		"ipv4_addr : ipv4_addr; elements = { 10.0.0.1 : 10.0.0.3 } }\n"
		" map o { type ifname . inet_proto . inet_service : mark; "
		"elements = { \"e0\" . tcp . 8 : 0x1 } }\n"),
	  "element changed m: 22 : jump e; it was: 22 : jump d\n"
	  "element changed n: 10.0.0.1 : 0x0a000003; it was: 10.0.0.1 : "
	  "0x0a000002\n"
	  "element deleted o: \"e0\" . tcp . 7 : 0x01000000\n"
	  "element added o: \"e0\" . tcp . 8 : 0x01000000\n" },
	{ "the last element, and all of several",
	  TABLE(" set a { type inet_service; elements = { 1 } }\n"
		" set b { type inet_service; elements = { 1, 2, 3 } }\n"),
	  TABLE(" set a { type inet_service; }\n"
		" set b { type inet_service; }\n"),
	  "element deleted a: 1\n"
	  "element deleted b: all 3: the set was flushed\n" },
	{ "ranges side by side",
	  TABLE(" set s { type ipv4_addr . inet_service; flags interval; "
		"elements = { 10.0.0.0/24 . 1-9 } }\n set r { type "
		"inet_service; flags interval; elements = { 1-9, 20 } }\n"),
	  TABLE(" set s { type ipv4_addr . inet_service; flags interval; "
		"elements = { 10.0.0.0/24 . 1-10 } }\n set r { type "
		"inet_service; flags interval; elements = { 1-9, 20-256 } }\n"),
	  "element deleted s: 10.0.0.0-10.0.0.255 . 1-9\n"
	  "element added s: 10.0.0.0-10.0.0.255 . 1-10\n"
	  "element deleted r: 20\nelement added r: 20-256\n" },
	{ "objects of two kinds and one name",
	  TABLE(" counter x { }\n"), TABLE(" quota x { over 1 mbytes }\n"),
	  "object deleted x: \nobject added x: \n" },
	{ "more than are listed",
	  CHAIN(""), CHAIN("  tcp dport 1 drop\n  tcp dport 2 drop\n"
			   "  tcp dport 3 drop\n  tcp dport 4 drop\n"
			   "  tcp dport 5 drop\n  tcp dport 6 drop\n"
			   "  tcp dport 7 drop\n  tcp dport 8 drop\n"
			   "  tcp dport 9 drop\n"),
	  "rule added c: 1: tcp dport 1 drop\n"
	  "rule added c: 2: tcp dport 2 drop\n"
	  "rule added c: 3: tcp dport 3 drop\n"
	  "rule added c: 4: tcp dport 4 drop\n"
	  "rule added c: 5: tcp dport 5 drop\n"
	  "rule added c: 6: tcp dport 6 drop\n"
	  "rule added c: 7: tcp dport 7 drop\n"
	  "rule added c: 8: tcp dport 8 drop\n"
	  "and 1 more\n" },
};

enum { N_PAIRS = sizeof(pairs) / sizeof(*pairs), MOST = 8 };

static void put_told(const struct drifts *d, struct buf *out)
{
	for (size_t i = 0; i < d->v.n; i++)
		buf_printf(out, "%s %s %s: %s\n",
			   drift_what_name[d->v.v[i].what],
			   drift_how_name[d->v.v[i].how], d->v.v[i].name,
			   d->v.v[i].detail);
	if (d->more)
		buf_printf(out, "and %zu more\n", d->more);
}

static void told(void)
{
	const struct drift_options opt = { .most = MOST };

	for (size_t i = 0; i < N_PAIRS; i++) {
		struct arena *a = arena_new();
		struct buf err = { 0 }, said = { 0 };
		struct kruleset *x = load(a, pairs[i].before, &err);
		struct kruleset *y = load(a, pairs[i].after, &err);
		struct drifts d;

		if (!x || !y)
			printf("%s:\n%s", pairs[i].name, err.n ? err.s : "");
		CU_ASSERT_FATAL(x && y);
		drift_compare(a, x, y, &opt, &d);
		put_told(&d, &said);
		if (!said.n || strcmp(said.s, pairs[i].told)) {
			CU_FAIL(told otherwise);
			printf("%s:\n%s", pairs[i].name, said.n ? said.s : "");
		}
		check_unload(x);
		check_unload(y);
		buf_free(&said);
		buf_free(&err);
		arena_free(a);
	}
}

int main(void)
{
	CU_TestInfo tests[] = {
		{ "what is told of a change", told },
		CU_TEST_INFO_NULL,
	};

	return unit_run_loading("check/drift", tests);
}
