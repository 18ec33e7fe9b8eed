#include "tests/unit/unit.h"

#include "gen/eval.h"
#include "tests/unit/sample.h"

#define TWO_ZONES \
	"<zone name='a' networks='10.1.0.0/16'>" \
	"<host name='h1' address='10.1.0.1' roles='front-end'/>" \
	"<host name='h2' address='10.1.0.2'/></zone>" \
	"<zone name='b' networks='10.2.0.0/16'>" \
	"<host name='s1' address='10.2.0.1' roles='dns'/></zone>"
#define FW(more) \
	"<firewall name='f'><interface name='e0' zone='a'/>" \
	"<interface name='e1' zone='b' address='10.2.0.254'/>" more \
	"</firewall>"

static struct sample plan(const char *text)
{
	struct sample s = sample_plan(text);

	CU_ASSERT_FATAL(sample_good(&s));
	return s;
}

/* From `chain NAME {` or `set NAME {` to the closing brace. */
static const char *part(struct sample *s, const char *rules, const char *head)
{
	const char *p = strstr(rules, arena_printf(s->a, "\n\t%s {\n", head));
	const char *end = p ? strstr(p, "\n\t}\n") : NULL;

	if (!end) {
		printf("    no \"%s\" in:\n%s", head, rules);
		return "";
	}
	return arena_strndup(s->a, p + 1, (size_t)(end + 4 - p - 1));
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void a_small_ruleset(void)
{
	struct sample s = plan(ROOT("exchange-2003") TWO_ZONES FW("") END);
	const char *r = sample_rules(&s, "f");

	CU_ASSERT_EQUAL(strncmp(r, "#!/usr/sbin/nft -f\n# firewall \"f\" of "
				"\"t\"", 36), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(r, "\n\ntable inet pp_f\n"
		"delete table inet pp_f\n\ntable inet pp_f {\n"));
	CU_ASSERT_PTR_NULL(strstr(r, "pp_zones"));
	CU_ASSERT_STRING_EQUAL(part(&s, r, "chain pp_a/b"),
		"\tchain pp_a/b {\n"
		"\t\tip saddr @pp_a/b/from4 ip daddr vmap @pp_a/b/h1/to4\n"
		"\t\tlimit rate 10/second burst 20 packets "
		"log prefix \"f a to b: \"\n"
		"\t\tcounter drop comment \"a to b: not planned\"\n"
		"\t}\n");
	CU_ASSERT_STRING_EQUAL(part(&s, r, "set pp_a/b/h1/s1"),
		"\tset pp_a/b/h1/s1 {\n"
		"\t\ttype inet_proto . inet_service\n"
		"\t\tcounter\n"
		"\t\telements = {\n"
		"\t\t\ttcp . 53 comment "
		"\"exchange-2003 exchange-server>dns dns\",\n"
		"\t\t\tudp . 53 comment "
		"\"exchange-2003 exchange-server>dns dns\"\n"
		"\t\t}\n\t}\n");
	CU_ASSERT_STRING_EQUAL(part(&s, r, "chain pp_forward"),
		"\tchain pp_forward {\n"
		"\t\ttype filter hook forward priority filter; policy drop;\n"
		"\t\tct state established accept\n"
		"\t\tct state != new goto pp_tracked\n"
		"\t\ttcp flags & (fin | syn | rst | ack) != syn counter drop "
		"comment \"TCP that begins without SYN\"\n"
		"\t\tiifname \"e0\" oifname \"e1\" goto pp_a/b\n"
		"\t\tiifname \"e1\" oifname \"e0\" goto pp_b/a\n"
		"\t\tlimit rate 10/second burst 20 packets "
		"log prefix \"f undeclared interfaces: \"\n"
		"\t\tcounter drop "
		"comment \"undeclared interfaces: not planned\"\n"
		"\t}\n");
	CU_ASSERT_STRING_EQUAL(part(&s, r, "chain pp_tracked"),
		"\tchain pp_tracked {\n"
		"\t\tct state related icmp type != 5 accept\n"
		"\t\tct state related icmpv6 type != 137 accept\n"
		"\t\tcounter drop "
		"comment \"invalid, untracked, or a redirect\"\n"
		"\t}\n");
	CU_ASSERT_PTR_NULL(strstr(r, "hook input"));
	CU_ASSERT_PTR_NULL(strstr(r, "flags interval"));
	sample_free(&s);
}

/* Many pairs of interfaces: a map finds the one sooner than rules. */
static void a_map_of_many_interfaces(void)
{
	struct sample s = plan(ROOT("exchange-2003") TWO_ZONES
		"<firewall name='f'><interface name='e0' zone='a'/>"
		"<interface name='e1' zone='b'/><interface name='e2' zone='a'/>"
		"<interface name='w*' zone='b'/></firewall>" END);
	const char *r = sample_rules(&s, "f"), *fwd;

	CU_ASSERT_STRING_EQUAL(part(&s, r, "map pp_zones"),
		"\tmap pp_zones {\n"
		"\t\ttype ifname . ifname : verdict\n"
		"\t\telements = {\n"
		"\t\t\t\"e0\" . \"e1\" : goto pp_a/b,\n"
		"\t\t\t\"e0\" . \"e2\" : goto pp_a/a,\n"
		"\t\t\t\"e1\" . \"e0\" : goto pp_b/a,\n"
		"\t\t\t\"e1\" . \"e2\" : goto pp_b/a,\n"
		"\t\t\t\"e2\" . \"e0\" : goto pp_a/a,\n"
		"\t\t\t\"e2\" . \"e1\" : goto pp_a/b\n"
		"\t\t}\n\t}\n");
	fwd = part(&s, r, "chain pp_forward");
	CU_ASSERT_PTR_NOT_NULL(strstr(fwd, "iifname . oifname vmap @pp_zones\n"
		"\t\tiifname \"e0\" oifname \"w*\" goto pp_a/b\n"));
	CU_ASSERT_EQUAL(count(fwd, "goto pp_"), 7);
	sample_free(&s);
}

static void input_chain_only_where_asked(void)
{
	struct sample s = plan(ROOT("exchange-2003") TWO_ZONES
		FW("<input from='s1' tcp='22' udp='161-162'/>") END);
	const char *r = sample_rules(&s, "f"), *in;

	in = part(&s, r, "chain pp_input");
	CU_ASSERT_PTR_NOT_NULL(strstr(in, "hook input priority filter; "
				      "policy drop;"));
	CU_ASSERT_PTR_NOT_NULL(strstr(in, "iifname \"lo\" accept\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(in, "iifname \"e1\" jump pp_input/b\n"));
	CU_ASSERT_PTR_NULL(strstr(in, "iifname \"e0\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(in, "counter drop comment "
				      "\"input: not planned\""));
	sample_free(&s);
}

static void quiet_where_asked(void)
{
	struct sample s = plan(ROOT("exchange-2003") TWO_ZONES
		"<firewall name='f' log='none'><interface name='e0' zone='a'/>"
		"<interface name='e1' zone='b'/></firewall>" END);

	CU_ASSERT_PTR_NULL(strstr(sample_rules(&s, "f"), "log prefix"));
	sample_free(&s);
}

static void intervals_only_where_needed(void)
{
	struct sample s = plan(ROOT("exchange-2003") TWO_ZONES FW("")
		"<allow from='10.1.4.0/23' to='s1' tcp='80' reason='r'/>"
		"<allow from='h2' to='s1' tcp='22' reason='r'/>" END);
	const char *r = sample_rules(&s, "f");

	CU_ASSERT_PTR_NOT_NULL(strstr(part(&s, r, "map pp_a/b/from4"),
		"flags interval\n\t\telements = {\n"
		"\t\t\t10.1.0.1 : jump pp_a/b/h1,\n"
		"\t\t\t10.1.4.0/23 : jump pp_a/b/a\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(part(&s, r, "set pp_a/b/ports4"),
		"counter\n\t\telements = {\n"
		"\t\t\t10.1.0.2 . 10.2.0.1 . tcp . 22 comment \"allow "));
	CU_ASSERT_EQUAL(count(r, "flags interval"), 1);
	sample_free(&s);
}

/* Ports in the set, then ranges from narrow to wide, then whole protocols; a
 * chain counts the most specific. */
static void ports_then_ranges(void)
{
	struct sample s = plan(ROOT("exchange-2003") TWO_ZONES FW("")
		"<allow name='w' from='a' to='s1' tcp='80 1000-2000 3000-3009' "
		"udp='7' ip='47 50' icmp='echo-request' reason='r'/>" END);
	const char *r = sample_rules(&s, "f");

	CU_ASSERT_STRING_EQUAL(part(&s, r, "chain pp_a/b/a/s1"),
		"\tchain pp_a/b/a/s1 {\n"
		"\t\tmeta l4proto . th dport @pp_a/b/a/s1 accept\n"
		"\t\tmeta l4proto tcp th dport 3000-3009 counter accept "
		"comment \"allow w\"\n"
		"\t\tmeta l4proto tcp th dport 1000-2000 counter accept "
		"comment \"allow w\"\n"
		"\t\tmeta l4proto 47 counter accept comment \"allow w\"\n"
		"\t\tmeta l4proto 50 counter accept comment \"allow w\"\n"
		"\t\tmeta nfproto ipv4 icmp type 8 counter accept "
		"comment \"allow w\"\n"
		"\t}\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(part(&s, r, "set pp_a/b/a/s1"),
		"tcp . 80 comment \"allow w\",\n"
		"\t\t\tudp . 7 comment \"allow w\"\n"));
	sample_free(&s);
}

static void wildcard_interfaces_by_rule(void)
{
	struct sample s = plan(ROOT("exchange-2003") TWO_ZONES
		"<firewall name='f'><interface name='e0' zone='a'/>"
		"<interface name='ppp*' zone='b'/></firewall>" END);
	const char *r = sample_rules(&s, "f");

	CU_ASSERT_PTR_NULL(strstr(r, "pp_zones"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r, "\t\tiifname \"e0\" oifname \"ppp*\" "
				      "goto pp_a/b\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r, "\t\tiifname \"ppp*\" oifname \"e0\" "
				      "goto pp_b/a\n"));
	sample_free(&s);
}

static void exceptions_left_out_are_named(void)
{
	struct sample s = plan(ROOT("exchange-2003") TWO_ZONES FW("")
		"<allow name='old' from='h1' to='s1' tcp='22' reason='r' "
		"expires='2026-12-01'/>" END);
	const char *r = sample_rules(&s, "f");

	CU_ASSERT_PTR_NOT_NULL(strstr(r, "\n# left out by date: allow old "
				      "(expired 2026-12-01)\n"));
	CU_ASSERT_PTR_NULL(strstr(r, "tcp . 22"));
	sample_free(&s);
}

/* ---- names and comments ---------------------------------------------------------- */

#define LONG \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Every `set NAME {`, `map NAME {` and `chain NAME {` once, short enough for
 * the kernel (255 bytes), in letters that nft takes. */
static void check_names(struct sample *s, const char *rules)
{
	struct map names = { 0 };
	size_t n = 0;

	for (const char *p = rules; (p = strstr(p, "\n\t")); p += 2) {
		static const char *const kind[] = { "set ", "map ", "chain " };

		for (int k = 0; k < 3; k++) {
			size_t skip = strlen(kind[k]), len;
			int is_new;

			if (strncmp(p + 2, kind[k], skip))
				continue;
			len = strcspn(p + 2 + skip, " ");
			CU_ASSERT_TRUE(len <= 255 && len > 3);
			CU_ASSERT_EQUAL(strspn(p + 2 + skip, "abcdefghijklmno"
				"pqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_-./"), len);
			CU_ASSERT_EQUAL(strncmp(p + 2 + skip, "pp_", 3), 0);
			map_add(s->a, &names, p + 2 + (k < 2 ? 0 : skip),
				len + (k < 2 ? skip : 0), &is_new);
			CU_ASSERT_TRUE(is_new);
			n++;
		}
	}
	CU_ASSERT_TRUE(n > 2);
}

/* What follows `mark` up to the next quote is at most so many bytes. */
static size_t longest_quoted(const char *rules, const char *mark)
{
	size_t most = 0;

	for (const char *p = rules; (p = strstr(p, mark));) {
		size_t n;

		p += strlen(mark);
		n = strcspn(p, "\"");
		if (n > most)
			most = n;
	}
	return most;
}

static void long_names_are_cut_and_stay_apart(void)
{
	struct sample s = plan(
		"<topology xmlns='urn:portplan:1' name='" LONG "'>"
		"<role name='" LONG "'/><role name='" LONG "b'/>"
		"<service name='" LONG "' tcp='80'/>"
		"<flow from='" LONG "' to='" LONG "b' service='" LONG "'/>"
		"<zone name='" LONG "' networks='10.1.0.0/16'>"
		"<host name='" LONG "1' address='10.1.0.1' roles='" LONG "'/>"
		"<host name='" LONG "2' address='10.1.0.3' roles='" LONG "'>"
		"<use role='" LONG "b' of='" LONG "3'/></host></zone>"
		"<zone name='" LONG "b' networks='10.2.0.0/16'>"
		"<host name='" LONG "3' address='10.2.0.1' roles='" LONG "b'/>"
		"<host name='" LONG "4' address='10.2.0.3' roles='" LONG "b'/>"
		"</zone>"
		"<firewall name='" LONG "f'>"
		"<interface name='e0' zone='" LONG "'/>"
		"<interface name='e1' zone='" LONG "b'/></firewall>"
		"<allow name='" LONG "x' from='" LONG "1' to='" LONG "3' "
		"tcp='80 100-200' reason='r'/>" END);
	const char *r = sample_rules(&s, LONG "f");

	check_names(&s, r);
	CU_ASSERT_TRUE(longest_quoted(r, "comment \"") <= 128);
	CU_ASSERT_TRUE(longest_quoted(r, "comment \"") > 120);
	CU_ASSERT_TRUE(longest_quoted(r, "log prefix \"") <= 127);
	sample_free(&s);
}

/* Names that could meet: a host called like a part of a name. */
static void names_that_look_like_ours(void)
{
	struct sample s = plan(ROOT("exchange-2003")
		"<zone name='forward' networks='10.1.0.0/16'>"
		"<host name='to4' address='10.1.0.1' roles='front-end'/>"
		"<host name='exact4' address='10.1.0.3' roles='back-end'/>"
		"</zone><zone name='zones' networks='10.2.0.0/16'>"
		"<host name='from4' address='10.2.0.1' roles='dns'/>"
		"<host name='shared' address='10.2.0.3' "
		"roles='domain-controller'/></zone>"
		"<firewall name='input'><interface name='e0' zone='forward'/>"
		"<interface name='e1' zone='zones' address='10.2.0.9'/>"
		"<input from='to4' tcp='22'/></firewall>"
		"<allow from='to4' to='shared' tcp='1' reason='r'/>" END);

	check_names(&s, sample_rules(&s, "input"));
	sample_free(&s);
}

/* One packet, many reasons: one element, the most specific first, cut. */
static void many_reasons_one_comment(void)
{
	struct buf b = { 0 };
	struct sample s;
	const char *r;

	buf_puts(&b, ROOT("exchange-2003") TWO_ZONES FW(""));
	for (int i = 0; i < 40; i++)
		buf_printf(&b, "<allow name='reason-number-%d' from='h1' "
			   "to='s1' tcp='53' reason='r'/>"
			   "<allow name='wide-reason-no-%d' from='a' to='b' "
			   "tcp='80' reason='r'/>", i, i);
	buf_puts(&b, END);
	s = plan(b.s);
	r = sample_rules(&s, "f");
	CU_ASSERT_EQUAL(count(r, "10.1.0.1 . 10.2.0.1 . tcp . 53"), 1);
	CU_ASSERT_TRUE(count(r, "; +35\"") > 1); /* of services, too */
	CU_ASSERT_TRUE(longest_quoted(r, "comment \"") <= 128);
	CU_ASSERT_PTR_NOT_NULL(strstr(r, "comment \"allow reason-number-0; "));
	CU_ASSERT_EQUAL(count(r, "; +"), count(r, "; +35\""));
	buf_free(&b);
	sample_free(&s);
}

/* Of every length around the limit. */
static void comments_never_too_long(void)
{
	static const char name[] = LONG;

	for (int n = 30; n < 44; n++) {
		struct buf b = { 0 };
		struct sample s;
		size_t most;

		buf_printf(&b, "<topology xmlns='urn:portplan:1' name='t'>"
			"<role name='f%.*s'/><role name='t%.*s'/>"
			"<service name='s%.*s' tcp='80'/>"
			"<flow from='f%.*s' to='t%.*s' service='s%.*s'/>"
			"<zone name='a' networks='10.1.0.0/16' roles='f%.*s'/>"
			"<zone name='b' networks='10.2.0.0/16' roles='t%.*s'/>"
			FW("") END, n, name, n, name, n, name, n, name, n,
			name, n, name, n, name, n, name);
		s = plan(b.s);
		most = longest_quoted(sample_rules(&s, "f"), "comment \"");
		CU_ASSERT_EQUAL((int)most, 14 + 3 * n > 128 ? 127 : 14 + 3 * n);
		buf_free(&b);
		sample_free(&s);
	}
}

/* ---- the same, always ------------------------------------------------------------- */

static const char examples_like[] = ROOT("exchange-2003")
	TWO_ZONES "<zone name='c' networks='10.3.0.0/16 2001:db8::/32'/>"
	FW("<input from='h2' tcp='22'/>")
	"<firewall name='g'><interface name='e0' zone='b'/>"
	"<interface name='e1' zone='c'/></firewall>"
	"<allow from='h1 10.1.8.0/22' to='s1 10.2.7.0/24' "
	"tcp='80 90-99' icmp='echo-request' reason='r'/>";

static void same_input_same_bytes(void)
{
	struct buf b = { 0 };
	struct sample x, y;

	buf_printf(&b, "%s%s", examples_like, END);
	x = plan(b.s);
	y = plan(b.s);
	CU_ASSERT_STRING_EQUAL(sample_rules(&x, "f"), sample_rules(&y, "f"));
	CU_ASSERT_STRING_EQUAL(sample_rules(&x, "f"), sample_rules(&x, "f"));
	CU_ASSERT_STRING_NOT_EQUAL(sample_rules(&x, "f"),
				   sample_rules(&x, "g"));
	buf_free(&b);
	sample_free(&x);
	sample_free(&y);
}

/* A change that does not concern a firewall does not change its file. */
static void other_changes_change_nothing(void)
{
	static const char *const more[] = {
		"", "<!-- lines -->\n\n\n",
		"<zone name='d' networks='10.0.0.0/24'>"
		"<host name='a1' address='10.0.0.1' roles='mail-hygiene'/>"
		"</zone><firewall name='h'><interface name='e0' zone='c'/>"
		"<interface name='e1' zone='d'/></firewall>"
		"<allow from='a1' to='c' tcp='25' reason='r'/>",
		"<allow from='b' to='10.3.0.0/20' tcp='25' reason='r'/>",
		"<forbid from='b' to='10.1.8.0/24' tcp='9' reason='r'/>",
		("<allow from='10.1.8.0/24' to='b' tcp='9' reason='r' "
		 "expires='2026-01-01'/>"),
		"<service name='unused' tcp='9'/><role name='unused'/>",
	};
	const char *first = NULL;
	struct sample keep = { 0 };

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		struct buf b = { 0 };
		struct sample s;
		const char *r;

		buf_printf(&b, "%s%s%s", examples_like, more[i], END);
		s = plan(b.s);
		r = strstr(sample_rules(&s, "f"), "# plan");
		if (!i) {
			first = r;
			keep = s;
		} else {
			if (strcmp(r, first))
				printf("    after %s\n", more[i]);
			CU_ASSERT_STRING_EQUAL(r, first);
			sample_free(&s);
		}
		buf_free(&b);
	}
	sample_free(&keep);
}

/* ---- rules against the plan ---------------------------------------------------- */

static struct ruleset *rules(struct sample *s, const char *firewall)
{
	struct gen_options opt = { .counters = GEN_COUNT_SERVICE };

	return gen_firewall(s->a, s->p, topology_firewall(s->t, firewall),
			    &opt, &s->d);
}

/* Every pair of these addresses, protocol and port, at the two interfaces. */
static void check_agrees(struct sample *s, const char *const *addr, size_t n,
			 const unsigned *port, size_t n_port)
{
	const struct firewall *f = topology_firewall(s->t, "f");
	const struct ruleset *rs = rules(s, "f");
	size_t accepted = 0;

	for (size_t i = 0; i < n * n * n_port * 4; i++) {
		const struct interface *in = f->interfaces.v[i & 1];
		const struct interface *out = f->interfaces.v[!(i & 1)];
		struct packet k = sample_packet(addr[i / 4 % n],
			addr[i / 4 / n % n], i & 2 ? PROTO_TCP : PROTO_UDP,
			port[i / 4 / n / n]);
		bool want;

		if (addr_is_v4(k.src) != addr_is_v4(k.dst))
			continue;
		want = plan_verdict_at(s->p, f, in, out, &k).verdict ==
		       VERDICT_ALLOWED;
		if (rs_eval(rs, in->name, out->name, &k).accepted != want)
			printf("    %s to %s %u port %u: %s\n",
			       addr[i / 4 % n], addr[i / 4 / n % n], k.proto,
			       k.detail, want ? "dropped" : "accepted");
		CU_ASSERT_EQUAL_FATAL(rs_eval(rs, in->name, out->name, &k)
					      .accepted, want);
		accepted += want;
	}
	CU_ASSERT_TRUE(accepted > 0);
}

/* Cells that differ only in the last of many exceptions stay apart. */
static void many_wide_exceptions(void)
{
	static const char *const addr[] = {
		"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.8.1", "10.2.0.1",
		"10.2.0.2",
	};
	static const unsigned port[] = { 53, 1000, 1062, 1063, 1064, 1089,
					 1099 };
	struct buf b = { 0 };
	struct sample s;

	buf_puts(&b, ROOT("exchange-2003") TWO_ZONES FW(""));
	for (unsigned i = 0; i < 90; i++)
		buf_printf(&b, "<allow from='%s 10.1.8.0/24' to='b' "
			   "tcp='%u 2%03u-2999' reason='r'/>",
			   i < 64 ? "h1 h2" : "h1", 1000 + i, i);
	buf_puts(&b, END);
	s = plan(b.s);
	check_agrees(&s, addr, 6, port, 7);
	buf_free(&b);
	sample_free(&s);
}

/* What an exception carries in IPsec needs IKE back, where nothing else is
 * planned that way. */
static void ike_goes_both_ways(void)
{
	static const char *const addr[] = { "10.1.0.2", "10.2.0.1" };
	static const unsigned port[] = { 22, 500, 4500 };
	struct sample s = plan(ROOT("exchange-2003") TWO_ZONES FW("")
		"<allow from='h2' to='s1' tcp='22' reason='r'/>"
		"<ipsec between='h2' and='s1' nat-traversal='yes'/>" END);
	struct packet back = sample_packet("10.2.0.1", "10.1.0.2", PROTO_UDP,
					   500);

	check_agrees(&s, addr, 2, port, 3);
	CU_ASSERT_TRUE(rs_eval(rules(&s, "f"), "e1", "e0", &back).accepted);
	back.proto = PROTO_ESP;
	back.detail = 0;
	CU_ASSERT_TRUE(rs_eval(rules(&s, "f"), "e1", "e0", &back).accepted);
	sample_free(&s);
}

/* Sources with a controller of their own, name servers shared by all, and
 * exceptions across: shared maps, and maps before them. */
static void shared_maps_open_no_more(void)
{
	static const unsigned port[] = { 53, 389, 3268, 4990, 9100, 9101 };
	const char *addr[24];
	struct buf b = { 0 };
	struct sample s;

	buf_puts(&b, ROOT("exchange-2003")
		 "<pin role='domain-controller' service='ad-rpc' port='4990'/>"
		 "<zone name='a' networks='10.1.0.0/16'>");
	for (unsigned i = 0; i < 60; i++)
		buf_printf(&b, "<host name='h%u' address='10.1.0.%u' "
			   "roles='front-end'><use role='domain-controller' "
			   "of='s%u'/></host>", i, i * 3, i);
	buf_puts(&b, "</zone><zone name='b' networks='10.2.0.0/16'>");
	for (unsigned i = 0; i < 60; i++)
		buf_printf(&b, "<host name='s%u' address='10.2.0.%u' "
			   "roles='%s'/>", i, i * 3,
			   i % 3 ? "global-catalog dns" : "domain-controller");
	buf_puts(&b, "</zone>" FW("") "<allow from='h3 10.1.0.15/32 "
		 "10.1.4.0/24' to='s5 s9 10.2.4.0/24' tcp='9100-9150' "
		 "reason='r'/>" END);
	s = plan(b.s);
	for (unsigned i = 0; i < 24; i++)
		addr[i] = arena_printf(s.a, "10.%u.%u.%u", 1 + i / 12,
				       i % 12 == 11 ? 4 : 0, i % 12 * 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(sample_rules(&s, "f"), "shared"));
	check_agrees(&s, addr, 24, port, 6);
	buf_free(&b);
	sample_free(&s);
}

/* Sets of destinations instead of maps, from a handful of sources. */
static void long_targets_open_no_more(void)
{
	static const unsigned port[] = { 25, 53, 80, 389, 9100 };
	const char *addr[20];
	struct buf b = { 0 };
	struct sample s;

	buf_puts(&b, ROOT("exchange-2003")
		 "<pin role='domain-controller' service='ad-rpc' port='4990'/>"
		 "<zone name='a' networks='10.1.0.0/16'>");
	for (unsigned i = 0; i < 9; i++)
		buf_printf(&b, "<host name='h%u' address='10.1.0.%u' "
			   "roles='%s'/>", i, i * 3,
			   i % 2 ? "owa-front-end" : "smtp-front-end");
	buf_puts(&b, "</zone><zone name='b' networks='10.2.0.0/16'>");
	for (unsigned i = 0; i < 160; i++)
		buf_printf(&b, "<host name='s%u' address='10.2.%u.%u' "
			   "roles='%s'/>", i, i / 80, i % 80 * 3,
			   i % 2 ? "global-catalog dns" : "back-end");
	buf_puts(&b, "</zone>" FW("") "<allow from='h3 10.1.4.0/24' "
		 "to='s5 s8 10.2.4.0/24' tcp='80 9100-9150' reason='r'/>" END);
	s = plan(b.s);
	for (unsigned i = 0; i < 20; i++)
		addr[i] = arena_printf(s.a, "10.%u.%u.%u", 1 + i / 10,
				       i % 10 == 9 ? 4 : 0, i % 10 * 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(sample_rules(&s, "f"),
				      "ip daddr @pp_to4/s"));
	check_agrees(&s, addr, 20, port, 5);
	buf_free(&b);
	sample_free(&s);
}

/* ---- size --------------------------------------------------------------------------- */

static size_t size_of(unsigned n, const char *use, bool pairs)
{
	struct buf b = { 0 };
	struct sample s;
	size_t size;

	buf_puts(&b, ROOT("exchange-2003")
		 "<pin role='domain-controller' service='ad-rpc' port='4990'/>"
		 "<zone name='a' networks='10.1.0.0/16'>");
	for (unsigned i = 0; i < n; i++) {
		buf_printf(&b, "<host name='h%u' address='10.1.%u.%u' "
			   "roles='front-end'>", i, i / 80, i % 80 * 3);
		if (use)
			buf_printf(&b, "<use role='%s' of='s%u'/>", use, i);
		buf_puts(&b, "</host>");
	}
	buf_puts(&b, "</zone><zone name='b' networks='10.2.0.0/16'>");
	for (unsigned i = 0; i < n; i++)
		buf_printf(&b, "<host name='s%u' address='10.2.%u.%u' "
			   "roles='%s'/>", i, i / 80, i % 80 * 3,
			   use ? "global-catalog dns" : "dns");
	buf_puts(&b, "</zone>" FW(""));
	for (unsigned i = 0; pairs && i < n; i++)
		buf_printf(&b, "<allow name='x%u' from='h%u' to='s%u' "
			   "tcp='9100' reason='r'/>", i, i, i);
	buf_puts(&b, END);
	s = plan(b.s);
	size = strlen(sample_rules(&s, "f"));
	buf_free(&b);
	sample_free(&s);
	return size;
}

static void size_grows_with_hosts(void)
{
	size_t one = size_of(100, NULL, false), four = size_of(400, NULL, false);

	CU_ASSERT_TRUE(four < 4 * one);
	CU_ASSERT_TRUE(four < 400 * 60);
}

static void size_grows_with_exceptions(void)
{
	size_t one = size_of(100, NULL, true), four = size_of(400, NULL, true);

	CU_ASSERT_TRUE(four < 41 * one / 10);
}

/* Each source has its own controller and all name servers: what they share
 * is said once. */
static void own_use_stays_linear(void)
{
	size_t one = size_of(100, "domain-controller", false);
	size_t four = size_of(400, "domain-controller", false);

	printf("    400 sources with a use of their own: %zu bytes\n", four);
	CU_ASSERT_TRUE(four < 45 * one / 10);
	CU_ASSERT_TRUE(four < 400 * 1500);
}

static CU_TestInfo tests[] = {
	{ "a small ruleset", a_small_ruleset },
	{ "a map of many interfaces", a_map_of_many_interfaces },
	{ "input chain only where asked", input_chain_only_where_asked },
	{ "quiet where asked", quiet_where_asked },
	{ "intervals only where needed", intervals_only_where_needed },
	{ "ports, then ranges", ports_then_ranges },
	{ "wildcard interfaces by rule", wildcard_interfaces_by_rule },
	{ "exceptions left out are named", exceptions_left_out_are_named },
	{ "long names are cut and stay apart",
	  long_names_are_cut_and_stay_apart },
	{ "names that look like ours", names_that_look_like_ours },
	{ "many reasons, one comment", many_reasons_one_comment },
	{ "comments never too long", comments_never_too_long },
	{ "same input, same bytes", same_input_same_bytes },
	{ "other changes change nothing", other_changes_change_nothing },
	{ "many wide exceptions", many_wide_exceptions },
	{ "IKE goes both ways", ike_goes_both_ways },
	{ "shared maps open no more", shared_maps_open_no_more },
	{ "long targets open no more", long_targets_open_no_more },
	{ "size grows with hosts", size_grows_with_hosts },
	{ "size grows with exceptions", size_grows_with_exceptions },
	{ "own use stays linear", own_use_stays_linear },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("gen/rules", tests);
}
