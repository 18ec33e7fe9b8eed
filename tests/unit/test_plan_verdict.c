#include "tests/unit/unit.h"

#include "tests/unit/sample.h"

#define DMZ(more) \
	"<zone name='dmz' networks='192.0.2.0/24'>" \
	"<host name='fe1' address='192.0.2.10' roles='owa-front-end'>" more \
	"</host><host name='fe2' address='192.0.2.12' " \
	"roles='owa-front-end'/></zone>"
#define IN(dc1) \
	"<zone name='in' networks='10.0.0.0/16'>" \
	"<host name='dc1' address='10.0.0.10' roles='global-catalog dns'>" \
	dc1 "</host>" \
	"<host name='dc2' address='10.0.0.12' roles='domain-controller'/>" \
	"<host name='be1' address='10.0.0.21' roles='back-end'/></zone>"
#define FW \
	"<firewall name='f'><interface name='e0' zone='dmz'/>" \
	"<interface name='e1' zone='in' address='10.0.0.1'/></firewall>"
#define PLAIN DMZ("") IN("") FW

#define FE1 "192.0.2.10"
#define FE2 "192.0.2.12"
#define DC1 "10.0.0.10"
#define DC2 "10.0.0.12"
#define BE1 "10.0.0.21"

enum { TCP = PROTO_TCP, UDP = PROTO_UDP };

static struct sample plan(const char *text)
{
	struct sample s = sample_plan(text);

	CU_ASSERT_FATAL(sample_good(&s));
	return s;
}

static void roles_inward(void)
{
	struct sample s = plan(ROOT("exchange-2003")
		"<zone name='dmz' networks='192.0.2.0/24' roles='front-end'>"
		"<network name='n' networks='192.0.2.0/25' roles='dns'>"
		"<host name='h' address='192.0.2.10' roles='back-end'/>"
		"</network></zone>" IN("") FW END);

	CU_ASSERT_TRUE(sample_allows(&s, "192.0.2.200", DC1, TCP, 389));
	CU_ASSERT_TRUE(sample_allows(&s, "192.0.2.10", DC1, TCP, 389));
	CU_ASSERT_FALSE(sample_allows(&s, BE1, "192.0.2.200", UDP, 53));
	CU_ASSERT_TRUE(sample_allows(&s, BE1, "192.0.2.100", UDP, 53));
	CU_ASSERT_TRUE(sample_allows(&s, BE1, "192.0.2.10", UDP, 53));
	/* front-end to back-end, link state */
	CU_ASSERT_TRUE(sample_allows(&s, "192.0.2.200", "192.0.2.10", TCP,
				     691));
	CU_ASSERT_FALSE(sample_allows(&s, "192.0.2.10", "192.0.2.200", TCP,
				      691));
	sample_free(&s);
}

static void why_denied(void)
{
	struct sample s = plan(ROOT("exchange-2003") PLAIN
		"<zone name='far' networks='10.9.0.0/16'>"
		"<host name='dc9' address='10.9.0.1' roles='dns'/></zone>" END);

	CU_ASSERT_EQUAL(sample_ask(&s, FE1, DC1, TCP, 389).why, WHY_PLANNED);
	CU_ASSERT_EQUAL(sample_ask(&s, FE1, DC1, TCP, 390).why,
			WHY_NOT_PLANNED);
	CU_ASSERT_EQUAL(sample_ask(&s, DC1, FE1, TCP, 389).why,
			WHY_NOT_PLANNED);
	CU_ASSERT_EQUAL(sample_ask(&s, "9.9.9.9", DC1, TCP, 389).why,
			WHY_UNKNOWN_SOURCE);
	CU_ASSERT_EQUAL(sample_ask(&s, FE1, "9.9.9.9", TCP, 389).why,
			WHY_UNKNOWN_DESTINATION);
	CU_ASSERT_EQUAL(sample_ask(&s, DC1, DC1, TCP, 53).why,
			WHY_SAME_ADDRESS);
	CU_ASSERT_EQUAL(sample_ask(&s, FE1, "10.9.0.1", UDP, 53).why,
			WHY_NO_PATH);
	CU_ASSERT_TRUE(sample_ask(&s, BE1, DC1, TCP, 389).not_enforced);
	CU_ASSERT_FALSE(sample_ask(&s, FE1, DC1, TCP, 389).not_enforced);
	sample_free(&s);
}

/* host, then role, then dynamic-ports from the inside outwards */
static void pins_by_precedence(void)
{
	struct sample s = plan(ROOT("exchange-2003") PLAIN END);

	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, TCP, 1025));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, TCP, 65535));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC1, TCP, 1024));
	sample_free(&s);
	s = plan(ROOT("exchange-2003")
		 "<pin role='domain-controller' service='ad-rpc' port='5000'/>"
		 DMZ("") IN("<pin service='ad-rpc' port='4990'/>") FW END);
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, TCP, 4990));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC1, TCP, 5000));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC2, TCP, 5000));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC2, TCP, 4990));
	CU_ASSERT_NOT_EQUAL(sample_ask(&s, FE1, DC1, TCP, 4990).pin[0], NONE);
	CU_ASSERT_EQUAL(sample_ask(&s, FE1, DC1, TCP, 389).pin[0], NONE);
	sample_free(&s);
	s = plan(ROOT("exchange-2003") DMZ("")
		 "<zone name='in' networks='10.0.0.0/16' "
		 "dynamic-ports='6000-6001'>"
		 "<host name='dc1' address='10.0.0.10' roles='domain-controller'"
		 " dynamic-ports='7000'/>"
		 "<host name='dc2' address='10.0.0.12' "
		 "roles='domain-controller'/></zone>" FW END);
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, TCP, 7000));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC1, TCP, 6000));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC2, TCP, 6001));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC2, TCP, 6002));
	sample_free(&s);
}

static void role_pins_disagree(void)
{
	struct sample s = sample_plan(ROOT("exchange-2003")
		"<pin role='domain-controller' service='ad-rpc' port='1'/>"
		"<pin role='global-catalog' service='ad-rpc' port='2'/>"
		PLAIN END);

	CU_ASSERT_PTR_NULL(s.p);
	CU_ASSERT_TRUE(sample_says(&s, "disagree"));
	sample_free(&s);
}

/* Only the role it names, and the innermost counts. */
static void use_keeps_to_its_servers(void)
{
	struct sample s = plan(ROOT("exchange-2003")
		DMZ("<use role='domain-controller' of='dc2'/>") IN("") FW END);

	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC1, TCP, 389));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC2, TCP, 389));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, TCP, 3268)); /* gc */
	CU_ASSERT_TRUE(sample_allows(&s, FE2, DC1, TCP, 389));
	sample_free(&s);
	s = plan(ROOT("exchange-2003")
		"<zone name='dmz' networks='192.0.2.0/24'>"
		"<use role='domain-controller' of='dc1'/>"
		"<host name='fe1' address='192.0.2.10' roles='front-end'>"
		"<use role='domain-controller' of='dc2'/></host>"
		"<host name='fe2' address='192.0.2.12' roles='front-end'/>"
		"</zone>" IN("") FW END);
	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC1, TCP, 389));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC2, TCP, 389));
	CU_ASSERT_TRUE(sample_allows(&s, FE2, DC1, TCP, 389));
	CU_ASSERT_FALSE(sample_allows(&s, FE2, DC2, TCP, 389));
	sample_free(&s);
}

static void carried_in_ipsec(void)
{
	struct sample s = plan(ROOT("exchange-2003") PLAIN
		"<ipsec between='fe1' and='role:domain-controller' "
		"protocols='esp ah' except='dns'/>"
		"<allow from='fe1' to='dc1' tcp='53 54' reason='r'/>" END);

	CU_ASSERT_EQUAL(sample_ask(&s, FE1, DC1, TCP, 389).why,
			WHY_ONLY_IPSEC);
	CU_ASSERT_EQUAL(sample_ask(&s, FE1, DC1, TCP, 389).verdict,
			VERDICT_DENIED);
	CU_ASSERT_EQUAL(sample_ask(&s, FE1, DC1, TCP, 54).why, WHY_ONLY_IPSEC);
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, TCP, 53));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, UDP, 53));
	CU_ASSERT_TRUE(sample_allows(&s, FE2, DC1, TCP, 389));
	for (int back = 0; back < 2; back++) {
		const char *a = back ? DC1 : FE1, *b = back ? FE1 : DC1;

		CU_ASSERT_TRUE(sample_allows(&s, a, b, UDP, 500));
		CU_ASSERT_FALSE(sample_allows(&s, a, b, UDP, 4500));
		CU_ASSERT_TRUE(sample_allows(&s, a, b, PROTO_ESP, 0));
		CU_ASSERT_TRUE(sample_allows(&s, a, b, PROTO_AH, 0));
	}
	CU_ASSERT_FALSE(sample_allows(&s, FE2, DC1, UDP, 500));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, BE1, UDP, 500));
	/* a carried packet keeps its reasons */
	CU_ASSERT_EQUAL(sample_ask(&s, FE1, DC1, TCP, 389).n_reason, 1);
	sample_free(&s);
}

/* A public address stands for the host where the pair is translated, carried
 * or not. */
static void carried_and_not_translated(void)
{
	struct sample s = plan(ROOT("exchange-2003")
		"<zone name='net' networks='198.51.100.0/24'/>"
		"<zone name='dmz' networks='192.0.2.0/24'>"
		"<host name='fe1' address='192.0.2.10' roles='front-end' "
		"public='198.51.100.10'/></zone>" IN("") FW
		"<firewall name='outer'><interface name='eth0' zone='net'/>"
		"<interface name='eth1' zone='dmz'/></firewall>"
		"<ipsec between='fe1' and='role:domain-controller'/>"
		"<allow from='net' to='fe1' tcp='443' reason='r'/>" END);

	CU_ASSERT_EQUAL(sample_ask(&s, FE1, DC1, TCP, 389).why,
			WHY_ONLY_IPSEC);
	CU_ASSERT_EQUAL(sample_ask(&s, "198.51.100.10", DC1, TCP, 389).why,
			WHY_NOT_TRANSLATED);
	CU_ASSERT_TRUE(sample_allows(&s, "198.51.100.9", "198.51.100.10", TCP,
				     443));
	sample_free(&s);
}

static void ipsec_elements_agree(void)
{
	struct sample s = sample_plan(ROOT("exchange-2003") PLAIN
		"<ipsec between='fe1' and='dc1' protocols='esp'/>"
		"<ipsec between='fe1 fe2' and='dc1' protocols='ah'/>" END);

	CU_ASSERT_PTR_NULL(s.p);
	sample_free(&s);
	s = plan(ROOT("exchange-2003") PLAIN
		 "<ipsec between='be1' and='fe1' nat-traversal='yes'/>" END);
	CU_ASSERT_TRUE(sample_allows(&s, BE1, FE1, UDP, 4500));
	CU_ASSERT_TRUE(sample_allows(&s, BE1, FE1, PROTO_ESP, 0));
	CU_ASSERT_FALSE(sample_allows(&s, BE1, FE1, PROTO_AH, 0));
	sample_free(&s);
}

static void omit_and_want_at(void)
{
	struct sample s = plan(ROOT("exchange-2003")
		"<flow from='front-end' to='dns' service='https' "
		"requirement='optional'/>" PLAIN
		"<omit from='owa-front-end' to='back-end' at='fe1' "
		"reason='r'/>"
		"<want from='front-end' to='dns' at='fe1' reason='r'/>" END);

	CU_ASSERT_FALSE(sample_allows(&s, FE1, BE1, TCP, 80));
	CU_ASSERT_TRUE(sample_allows(&s, FE2, BE1, TCP, 80));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, BE1, TCP, 691)); /* front-end */
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, TCP, 443));
	CU_ASSERT_FALSE(sample_allows(&s, FE2, DC1, TCP, 443));
	sample_free(&s);
	s = plan(ROOT("exchange-2003")
		"<flow from='front-end' to='dns' service='https http' "
		"requirement='optional'/>" PLAIN
		"<want from='front-end' to='dns' reason='r'/>"
		"<omit from='front-end' to='dns' service='http' "
		"reason='omit beats want'/>"
		"<omit from='exchange-server' to='domain-controller' "
		"service='kerberos ad-rpc' reason='r'/>" END);
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, TCP, 443));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC1, TCP, 80));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC1, TCP, 88));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, DC1, TCP, 5000));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, DC1, TCP, 389));
	sample_free(&s);
}

static void products_of_ends(void)
{
	struct sample s = plan(ROOT("exchange-2003") PLAIN
		"<allow from='fe1 192.0.2.128/25' to='be1 10.0.5.0/24' "
		"tcp='9100' icmp='echo-request' reason='r'/>"
		"<allow from='role:dns' to='dmz' udp='123' reason='r'/>"
		"<allow from='in' to='*' ip='47' reason='r'/>" END);

	CU_ASSERT_TRUE(sample_allows(&s, FE1, BE1, TCP, 9100));
	CU_ASSERT_TRUE(sample_allows(&s, "192.0.2.128", "10.0.5.255", TCP,
				     9100));
	CU_ASSERT_TRUE(sample_allows(&s, FE1, "10.0.5.0", PROTO_ICMP, 8));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, "10.0.5.0", PROTO_ICMP, 13));
	CU_ASSERT_FALSE(sample_allows(&s, FE2, BE1, TCP, 9100));
	CU_ASSERT_FALSE(sample_allows(&s, "192.0.2.127", BE1, TCP, 9100));
	CU_ASSERT_FALSE(sample_allows(&s, FE1, "10.0.6.0", TCP, 9100));
	CU_ASSERT_FALSE(sample_allows(&s, BE1, FE1, TCP, 9100));
	CU_ASSERT_TRUE(sample_allows(&s, DC1, "192.0.2.77", UDP, 123));
	CU_ASSERT_FALSE(sample_allows(&s, DC2, "192.0.2.77", UDP, 123));
	CU_ASSERT_TRUE(sample_allows(&s, "10.0.9.9", "192.0.2.77", 47, 0));
	CU_ASSERT_TRUE(sample_allows(&s, "10.0.9.9", "10.0.9.8", 47, 0));
	CU_ASSERT_FALSE(sample_allows(&s, "192.0.2.77", "10.0.9.8", 47, 0));
	/* the firewall's own address is in no zone */
	CU_ASSERT_FALSE(sample_allows(&s, "10.0.0.1", "192.0.2.77", 47, 0));
	sample_free(&s);
}

static void families_apart(void)
{
	struct sample s = plan(ROOT("exchange-2003")
		"<zone name='a' networks='10.1.0.0/16 2001:db8:1::/64'>"
		"<host name='x' address='10.1.0.1 2001:db8:1::1' "
		"roles='front-end'/></zone>"
		"<zone name='b' networks='10.2.0.0/16 2001:db8:2::/64'>"
		"<host name='y' address='10.2.0.1 2001:db8:2::1' "
		"roles='dns'/></zone>"
		"<firewall name='f'><interface name='e0' zone='a'/>"
		"<interface name='e1' zone='b'/></firewall>"
		"<allow from='a' to='b' icmp='echo-request' "
		"icmpv6='echo-request' reason='r'/>" END);

	CU_ASSERT_TRUE(sample_allows(&s, "10.1.0.1", "10.2.0.1", UDP, 53));
	CU_ASSERT_TRUE(sample_allows(&s, "2001:db8:1::1", "2001:db8:2::1", UDP,
				     53));
	CU_ASSERT_FALSE(sample_allows(&s, "10.1.0.1", "2001:db8:2::1", UDP,
				      53));
	CU_ASSERT_TRUE(sample_allows(&s, "10.1.0.1", "10.2.0.1", PROTO_ICMP, 8));
	CU_ASSERT_FALSE(sample_allows(&s, "10.1.0.1", "10.2.0.1", PROTO_ICMPV6,
				      128));
	CU_ASSERT_TRUE(sample_allows(&s, "2001:db8:1::1", "2001:db8:2::1",
				     PROTO_ICMPV6, 128));
	CU_ASSERT_FALSE(sample_allows(&s, "2001:db8:1::1", "2001:db8:2::1",
				      PROTO_ICMP, 8));
	sample_free(&s);
}

/* Carried flows and input count, sources in `except` do not. */
static void forbidden(void)
{
	static const struct {
		const char *more;
		bool bad;
	} t[] = {
		{ "<forbid from='dmz' to='in' tcp='3269' reason='r'/>", true },
		{ "<forbid from='dmz' to='in' udp='54-87' reason='r'/>", false },
		{ "<forbid from='dmz' to='in' udp='54-88' reason='r'/>", true },
		{ "<forbid from='in' to='dmz' reason='r'/>", false },
		{ "<forbid from='dmz' to='in' tcp='389' except='role:front-end'"
		  " reason='r'/>", false },
		{ "<forbid from='dmz' to='in' tcp='389' except='fe1' "
		  "reason='r'/>", true },
		{ "<forbid from='fe1' to='dc1' tcp='389' reason='r'/>"
		  "<ipsec between='fe1' and='dc1'/>", true },
		{ "<forbid from='dc1' to='fe1' udp='500' reason='r'/>"
		  "<ipsec between='fe1' and='dc1'/>", true },
		{ "<forbid from='be1' to='10.0.0.1' tcp='22' reason='r'/>",
		  true },
		{ "<forbid from='dc1' to='10.0.0.1' tcp='22' reason='r'/>",
		  false },
		{ "<forbid from='be1' to='fe1' tcp='4' reason='r'/>"
		  "<allow from='be1' to='fe1 fe2' tcp='1-5' reason='r'/>",
		  true },
		{ "<forbid from='be1' to='fe1' tcp='4' reason='r'/>"
		  "<allow from='be1' to='fe2' tcp='1-5' reason='r'/>", false },
		{ "<forbid from='be1' to='fe1' tcp='4' reason='r'/>"
		  "<allow from='be1' to='fe1' tcp='4' reason='r' "
		  "expires='2026-12-30'/>", false },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf b = { 0 };
		struct sample s;

		buf_printf(&b, "%s%s%s%s", ROOT("exchange-2003"), DMZ("")
			IN("") "<firewall name='f'>"
			"<interface name='e0' zone='dmz'/>"
			"<interface name='e1' zone='in' address='10.0.0.1'/>"
			"<input from='be1' tcp='22'/></firewall>", t[i].more,
			END);
		s = sample_plan(b.s);
		if (!s.p != t[i].bad)
			printf("    %s\n", t[i].more);
		CU_ASSERT_EQUAL(!s.p, t[i].bad);
		buf_free(&b);
		sample_free(&s);
	}
}

static const char *reason(struct sample *s, const struct answer *a, size_t i)
{
	return i < a->n_reason ? reason_ident(s->p, a->reason[i], s->a) :
				 "none";
}

static void most_specific_first(void)
{
	struct sample s = plan(ROOT("exchange-2003") PLAIN
		"<allow name='wide' from='*' to='*' tcp='1-1000' reason='r'/>"
		"<allow name='zone' from='dmz' to='in' tcp='389' reason='r'/>"
		"<allow name='all' from='fe1' to='dc1' ip='any' reason='r'/>"
		"<allow name='one' from='fe1' to='dc1' tcp='389' reason='r'/>"
		END);
	struct answer a = sample_ask(&s, FE1, DC1, TCP, 389);

	CU_ASSERT_EQUAL(a.n_reason, 5);
	CU_ASSERT_STRING_EQUAL(reason(&s, &a, 0), "allow one");
	CU_ASSERT_STRING_EQUAL(reason(&s, &a, 1),
		"exchange-2003 exchange-server>domain-controller ldap");
	for (size_t i = 1; i < a.n_reason; i++)
		CU_ASSERT_TRUE(a.breadth[i - 1] <= a.breadth[i]);
	CU_ASSERT_STRING_EQUAL(reason(&s, &a, 4), "allow wide");
	a = sample_ask(&s, FE1, DC1, TCP, 999);
	CU_ASSERT_STRING_EQUAL(reason(&s, &a, 0), "allow all");
	sample_free(&s);
}

/* As many are kept as there is room for, and they are the narrowest. */
static void many_reasons(void)
{
	struct buf b = { 0 };
	struct sample s;
	struct answer a;

	buf_puts(&b, ROOT("exchange-2003") PLAIN);
	for (int i = 40; i > 0; i--)
		buf_printf(&b, "<allow name='w%d' from='be1' to='fe1' "
			   "tcp='100-%d' reason='r'/>", i, 100 + i);
	buf_puts(&b, END);
	s = plan(b.s);
	a = sample_ask(&s, BE1, FE1, TCP, 100);
	CU_ASSERT_EQUAL(a.n_reason, MAX_REASONS);
	CU_ASSERT_STRING_EQUAL(reason(&s, &a, 0), "allow w1");
	CU_ASSERT_STRING_EQUAL(reason(&s, &a, MAX_REASONS - 1), "allow w16");
	buf_free(&b);
	sample_free(&s);
}

static void exceptions_have_a_time(void)
{
	static const char text[] = ROOT("exchange-2003") PLAIN
		"<allow name='over' from='be1' to='fe1' tcp='1' reason='r' "
		"expires='2026-12-31'/>"
		"<allow name='last' from='be1' to='fe1' tcp='2' reason='r' "
		"expires='2027-01-01'/>"
		"<allow name='first' from='be1' to='fe1' tcp='3' reason='r' "
		"starts='2027-01-01'/>"
		"<allow name='later' from='be1' to='fe1' tcp='4' reason='r' "
		"starts='2027-01-01T00:01Z'/>" END;
	struct sample s = plan(text);

	CU_ASSERT_FALSE(sample_allows(&s, BE1, FE1, TCP, 1));
	CU_ASSERT_TRUE(sample_allows(&s, BE1, FE1, TCP, 2));
	CU_ASSERT_TRUE(sample_allows(&s, BE1, FE1, TCP, 3));
	CU_ASSERT_FALSE(sample_allows(&s, BE1, FE1, TCP, 4));
	CU_ASSERT_EQUAL(s.p->left_out.n, 2);
	CU_ASSERT_STRING_EQUAL(s.p->left_out.v[0].allow->ident, "over");
	CU_ASSERT_STRING_EQUAL(s.p->left_out.v[1].allow->ident, "later");
	sample_free(&s);
}

static void within_a_zone_at_a_firewall(void)
{
	static const char *const inside[] = { "any", "planned" };

	for (int i = 0; i < 2; i++) {
		struct buf b = { 0 };
		struct sample s;
		const struct firewall *f;
		struct packet k = sample_packet("10.1.0.1", "10.1.0.2", 6, 80);
		struct packet other = sample_packet("10.1.0.1", "10.2.0.2", 6,
						    80);
		struct answer a;

		buf_printf(&b, "%s<zone name='a' networks='10.1.0.0/16' "
			"inside='%s'/><zone name='b' networks='10.2.0.0/16'/>"
			"<firewall name='f'><interface name='e0' zone='a'/>"
			"<interface name='e1' zone='a'/>"
			"<interface name='e2' zone='b'/></firewall>%s",
			ROOT("exchange-2003"), inside[i], END);
		s = plan(b.s);
		f = topology_firewall(s.t, "f");
		a = plan_verdict_at(s.p, f, f->interfaces.v[0],
				    f->interfaces.v[1], &k);
		CU_ASSERT_EQUAL(a.verdict == VERDICT_ALLOWED, i == 0);
		CU_ASSERT_EQUAL(a.why, i ? WHY_NOT_PLANNED : WHY_INSIDE_ANY);
		a = plan_verdict_at(s.p, f, f->interfaces.v[0],
				    f->interfaces.v[1], &other);
		CU_ASSERT_EQUAL(a.verdict, VERDICT_DENIED);
		buf_free(&b);
		sample_free(&s);
	}
}

static void input_of_a_firewall(void)
{
	struct sample s = plan(ROOT("exchange-2003")
		DMZ("") IN("") "<firewall name='f'>"
		"<interface name='e0' zone='dmz'/>"
		"<interface name='ppp*' zone='in' address='10.0.0.1'/>"
		"<input from='be1' tcp='22'/></firewall>" END);
	const struct firewall *f = topology_firewall(s.t, "f");
	struct packet k = sample_packet(BE1, "10.0.0.1", TCP, 22);
	const struct interface *in = firewall_interface(f, "ppp7");

	CU_ASSERT_PTR_EQUAL(in, f->interfaces.v[1]);
	CU_ASSERT_PTR_NULL(firewall_interface(f, "pp"));
	CU_ASSERT_PTR_NULL(firewall_interface(f, "e00"));
	CU_ASSERT_EQUAL(plan_verdict_input(s.p, f, in, &k).verdict,
			VERDICT_ALLOWED);
	CU_ASSERT_EQUAL(plan_verdict_input(s.p, f, f->interfaces.v[0], &k).why,
			WHY_WRONG_INTERFACE);
	k = sample_packet(DC1, "10.0.0.1", TCP, 22);
	CU_ASSERT_EQUAL(plan_verdict_input(s.p, f, in, &k).verdict,
			VERDICT_DENIED);
	k = sample_packet(BE1, FE1, TCP, 22);
	CU_ASSERT_EQUAL(plan_verdict_input(s.p, f, in, &k).verdict,
			VERDICT_DENIED);
	sample_free(&s);
}

static CU_TestInfo tests[] = {
	{ "roles, inward", roles_inward },
	{ "why denied", why_denied },
	{ "pins by precedence", pins_by_precedence },
	{ "role pins disagree", role_pins_disagree },
	{ "use keeps to its servers", use_keeps_to_its_servers },
	{ "carried in IPsec", carried_in_ipsec },
	{ "carried, and not translated", carried_and_not_translated },
	{ "IPsec elements agree", ipsec_elements_agree },
	{ "omit and want at", omit_and_want_at },
	{ "products of ends", products_of_ends },
	{ "families apart", families_apart },
	{ "forbidden", forbidden },
	{ "most specific first", most_specific_first },
	{ "many reasons", many_reasons },
	{ "exceptions have a time", exceptions_have_a_time },
	{ "within a zone, at a firewall", within_a_zone_at_a_firewall },
	{ "input of a firewall", input_of_a_firewall },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("plan/verdict", tests);
}
