#include "check/replay.h"
#include "tests/unit/ruleset.h"

/* Through nft and the kernel, in private namespaces. */

struct pair {
	struct arena *a;
	struct kruleset *rs[2];
	struct check *c;
	struct check_findings f;
};

static bool compare(struct pair *p, const char *x, const char *y,
		    enum check_path path)
{
	struct check_side side[2];
	struct buf err = {0};

	memset(p, 0, sizeof(*p));
	p->a = arena_new();
	p->rs[0] = load(p->a, x, &err);
	p->rs[1] = load(p->a, y, &err);
	if (!p->rs[0] || !p->rs[1]) {
		CU_FAIL(does not load);
		printf("%s\n", err.s);
		return false;
	}
	p->c = check_new(p->a, p->rs, 2, NULL, 0);
	for (unsigned i = 0; i < 2; i++)
		side[i] = check_rules(p->c, p->rs[i], path);
	p->f = check_compare(p->c, &side[0], &side[1], CHECK_ALL, path, 1000);
	return true;
}

static void done(struct pair *p)
{
	check_free(p->c);
	check_unload(p->rs[0]);
	check_unload(p->rs[1]);
	arena_free(p->a);
}

#define FORWARD(rules)                                                         \
	"table inet t {\n chain f {\n"                                         \
	"  type filter hook forward priority 0; policy drop;\n" rules          \
	" }\n}\n"

static void same_by_other_words(void)
{
	struct pair p;

	if (!compare(&p,
		     FORWARD("  ip saddr 10.0.0.0/8 tcp dport 22 accept\n"
			     "  ip saddr 10.0.0.0/8 tcp dport 80-90 accept\n"),
		     "table ip t {\n"
		     " set s { type ipv4_addr . inet_service; flags interval\n"
		     "  elements = { 10.0.0.0/9 . 22, 10.128.0.0/9 . 22,\n"
		     "   10.0.0.0-10.255.255.255 . 80-90 }\n }\n"
		     " chain c { ip saddr . tcp dport @s accept\n }\n"
		     " chain f {\n"
		     "  type filter hook forward priority 0; policy drop;\n"
		     "  jump c\n }\n}\n"
		     "table ip6 t { chain f {\n type filter hook forward "
		     "priority 0; policy drop;\n }\n}\n",
		     PATH_FORWARD))
		return;
	CU_ASSERT_EQUAL(p.f.n, 0);
	done(&p);
}

static void what_a_change_opens(void)
{
	struct buf t = {0};
	struct pair p;

	if (!compare(&p,
		     FORWARD("  iifname \"eth0\" oifname \"eth1\" ct state new "
			     "ip saddr 10.0.0.0/24 ip daddr 10.1.0.1 "
			     "udp dport 53 accept comment \"dns\"\n"),
		     FORWARD("  iifname \"eth0\" oifname \"eth1\" ct state new "
			     "ip saddr 10.0.0.0/23 ip daddr 10.1.0.1 "
			     "udp dport { 53, 123 } accept comment \"dns\"\n"),
		     PATH_FORWARD))
		return;
	CU_ASSERT_EQUAL_FATAL(p.f.n, 1);
	CU_ASSERT_EQUAL(p.f.v[0].kind, CHECK_OPENS);
	CU_ASSERT_EQUAL(p.f.v[0].size.w[0], 256 + 512);
	CU_ASSERT_PTR_NULL(p.f.v[0].rule[0]);
	CU_ASSERT_PTR_NOT_NULL(p.f.v[0].policy[0]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.f.v[0].rule[1]);
	CU_ASSERT_STRING_EQUAL(p.f.v[0].rule[1]->comment, "dns");
	CU_ASSERT_EQUAL(p.f.v[0].rule[1]->line, 4);
	CU_ASSERT_EQUAL_FATAL(p.f.v[0].cubes.n, 2);
	check_cube_text(p.c, &p.f.v[0].cubes.v[0], &t);
	CU_ASSERT_STRING_EQUAL(t.s,
			       "iifname eth0 oifname eth1 ip saddr 10.0.1.0/24 "
			       "ip daddr 10.1.0.1 udp dport 53 ct state new");
	buf_free(&t);
	done(&p);
}

/* What nft -o of 1.0.6 makes of two rules. */
static void optimised_flags(void)
{
	struct pair p;
	unsigned closed = 0;

	if (!compare(
		    &p,
		    FORWARD("  tcp flags syn accept\n  tcp flags ack accept\n"),
		    FORWARD("  tcp flags { syn, ack } accept\n"), PATH_FORWARD))
		return;
	for (size_t i = 0; i < p.f.n; i++) {
		space_val w[PK_FIELDS];

		memcpy(w, p.f.v[i].witness, sizeof(w));
		closed += p.f.v[i].kind == CHECK_CLOSES;
		w[PK_CT] = CT_ESTABLISHED;
		w[PK_FLAGS] = 0x12;
		if (space_at(p.c->s, p.f.v[i].set, w))
			closed += 100;
	}
	CU_ASSERT_EQUAL(closed, 100 + p.f.n);
	done(&p);
}

static void what_is_not_modelled(void)
{
	struct pair p;

	if (!compare(&p, FORWARD("  meta length > 100 tcp dport 22 accept\n"),
		     FORWARD("  meta length > 200 tcp dport 22 accept\n"),
		     PATH_FORWARD))
		return;
	CU_ASSERT_EQUAL_FATAL(p.f.n, 1);
	CU_ASSERT_EQUAL(p.f.v[0].kind, CHECK_UNDECIDED);
	CU_ASSERT_PTR_NOT_NULL(strstr(p.f.v[0].why, "meta length"));
	done(&p);
	/* without effect it is not in the way */
	if (!compare(&p,
		     FORWARD("  limit rate 1/second log\n  tcp dport 22 "
			     "accept\n"),
		     FORWARD("  tcp dport 22 accept\n"), PATH_FORWARD))
		return;
	CU_ASSERT_EQUAL(p.f.n, 0);
	done(&p);
}

static void every_base_chain(void)
{
	struct pair p;

	if (!compare(
		    &p, FORWARD("  tcp dport { 22, 80 } accept\n"),
		    FORWARD("  tcp dport { 22, 80 } accept\n") "table ip other "
							       "{\n chain o "
							       "{\n  type "
							       "filter hook "
							       "forward "
							       "priority -5;\n "
							       " ip saddr "
							       "10.0.0.1 tcp "
							       "dport 80 "
							       "drop\n }\n"
							       "}\n",
		    PATH_FORWARD))
		return;
	CU_ASSERT_EQUAL_FATAL(p.f.n, 1);
	CU_ASSERT_EQUAL(p.f.v[0].kind, CHECK_CLOSES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.f.v[0].rule[1]);
	CU_ASSERT_STRING_EQUAL(p.f.v[0].rule[1]->chain->name, "o");
	done(&p);
}

static void a_plan(void)
{
	static const char *const names[] = {"eth0", "eth1"};
	struct addr a = addr_v4(0x0a000001), b = addr_v4(0x0a010001);
	struct check_flow flow[] = {
		{"eth0",
		 "eth1",
		 {a, a},
		 {b, b},
		 {key_of(6, 22), key_of(6, 25)}},
		{"eth0", "eth1", {a, a}, {b, b}, {key_of(1, 8), key_of(1, 8)}},
		{"eth1",
		 "eth0",
		 {b, b},
		 {a, a},
		 {key_of(50, 0), key_of(50, 0)}},
	};
	struct arena *arena = arena_new();
	struct check_findings f;
	struct check_side x, y;
	struct buf err = {0};
	struct kruleset *rs;
	struct check *c;

	rs = load(arena,
		  FORWARD("  ct state established,related accept\n"
			  "  ct state != new drop\n"
			  "  iifname eth0 oifname eth1 ip saddr 10.0.0.1 "
			  "ip daddr 10.1.0.1 tcp dport 23-29 accept\n"
			  "  iifname eth0 oifname eth1 ip saddr 10.0.0.1 "
			  "ip daddr 10.1.0.1 icmp type echo-request accept\n"),
		  &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rs);
	c = check_new(arena, &rs, 1, names, 2);
	x = check_flows(c, flow, 3);
	y = check_rules(c, rs, PATH_FORWARD);
	f = check_compare(c, &x, &y, CHECK_OPENING, PATH_FORWARD, 1000);
	CU_ASSERT_EQUAL_FATAL(f.n, 2);
	CU_ASSERT_EQUAL(f.v[0].kind, CHECK_OPENS); /* tcp/26-29 */
	CU_ASSERT_EQUAL(f.v[0].size.w[0], 4);
	CU_ASSERT_EQUAL(f.v[0].rule[1]->line, 6);
	CU_ASSERT_EQUAL(f.v[1].kind, CHECK_CLOSES); /* tcp/22, esp */
	CU_ASSERT_EQUAL(f.v[1].size.w[0], 2);
	check_free(c);
	check_unload(rs);
	buf_free(&err);
	arena_free(arena);
}

/* The packet that tells two rulesets apart, sent: it fares as was said. */
static void a_packet_through_the_kernel(void)
{
	static const char head[] =
		"table inet f {\n chain c {\n  type filter hook forward "
		"priority 0; policy drop;\n";
	struct replay r = {.path = PATH_FORWARD};
	char text[2][300];
	struct pair p;

	snprintf(text[0], sizeof(text[0]), "%s }\n}\n", head);
	snprintf(text[1], sizeof(text[1]),
		 "%s  iifname \"eth0\" oifname \"eth1\" ip saddr 10.0.0.7 udp "
		 "dport 53 ct state new accept\n }\n}\n", head);
	CU_ASSERT(compare(&p, text[0], text[1], PATH_FORWARD));
	CU_ASSERT_EQUAL_FATAL(p.f.n, 1);
	r.packet = p.f.v[0].witness;
	check_replay(p.c, p.rs[1], &r, 1);
	CU_ASSERT_EQUAL(r.answer, REPLAY_PASS);
	check_replay(p.c, p.rs[0], &r, 1);
	CU_ASSERT_EQUAL(r.answer, REPLAY_DROP);
	done(&p);
}

static void tables_that_may_deny(void)
{
	static const char *const table[] = {"ban"};
	static const char rules[] =
		"table inet f {\n chain c {\n  type filter hook forward "
		"priority 0; policy accept;\n  udp dport 53 drop\n }\n}\n"
		"table inet ban {\n chain c {\n  type filter hook forward "
		"priority -1; policy accept;\n  udp dport 54 reject\n"
		"  udp dport 55 limit rate 1/second drop\n }\n}\n";
	struct pair p;
	struct check_side but;
	space_val k[PK_FIELDS] = {
		[PK_PROTO] = 17, [PK_CT] = CT_NEW, [PK_TTL] = 64,
		[PK_SRC] = space_addr(addr_v4(0x0a000001)),
		[PK_DST] = space_addr(addr_v4(0x0a000002)),
	};

	CU_ASSERT(compare(&p, rules, rules, PATH_FORWARD));
	CU_ASSERT_EQUAL(p.f.n, 0);
	but = check_rules_but(p.c, p.rs[0], PATH_FORWARD, table, 1);
	for (unsigned port = 53; port < 57; port++) {
		k[PK_TH2] = port;
		CU_ASSERT_EQUAL(check_packet(p.c, &but, k, NULL),
				port == 53 ? CHECK_BLOCK : CHECK_PASS);
	}
	done(&p);
}

static void a_listing_in_order(void)
{
	static const char text[] =
		"{\"nftables\": [{\"metainfo\": {}}, {\"map\": {\"a\": \"]}\"}}, "
		"{\"rule\": {}}, {\"chain\": {\"b\": [1]}},{ \"table\": {}}]}";
	struct buf out = {0};

	listing_in_order(text, sizeof(text) - 1, &out);
	CU_ASSERT_STRING_EQUAL(out.s,
		"{\"nftables\": [\n{\"metainfo\": {}},\n{ \"table\": {}},\n"
		"{\"chain\": {\"b\": [1]}},\n{\"map\": {\"a\": \"]}\"}},\n"
		"{\"rule\": {}}]}\n");
	listing_in_order("{\"nftables\": [{\"a", 16, &out);
	buf_free(&out);
	CU_ASSERT_EQUAL(listing_compat_line("a\n# counter packets 1\n", 22), 0);
	CU_ASSERT_EQUAL(listing_compat_line("a\nb # x counter packets 1\n",
					    26), 2);
}

static void what_nft_says(void)
{
	struct arena *a = arena_new();
	struct buf err = {0};

	CU_ASSERT_PTR_NULL(load(a, "table inet t {\n nonsense\n}\n", &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.s, "nft refuses it"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.s, ":2:2-9: Error: syntax error"));
	buf_free(&err);
	arena_free(a);
}

static void interfaces_that_must_exist(void)
{
	struct pair p;

	if (!compare(&p, FORWARD("  iif \"wan0\" accept\n"),
		     FORWARD("  iifname \"wan0\" accept\n"), PATH_FORWARD))
		return;
	CU_ASSERT_EQUAL(p.f.n, 0);
	done(&p);
}

int main(void)
{
	CU_TestInfo tests[] = {
		{"the same by other words", same_by_other_words},
		{"what a change opens", what_a_change_opens},
		{"nft -o and tcp flags", optimised_flags},
		{"what is not modelled", what_is_not_modelled},
		{"every base chain on the hook", every_base_chain},
		{"a plan against rules", a_plan},
		{"a packet through the kernel", a_packet_through_the_kernel},
		{"tables that may deny", tables_that_may_deny},
		{"a listing in an order that loads", a_listing_in_order},
		{"what nft says", what_nft_says},
		{"interfaces that must exist", interfaces_that_must_exist},
		CU_TEST_INFO_NULL,
	};

	return unit_run_loading("check/load", tests);
}
