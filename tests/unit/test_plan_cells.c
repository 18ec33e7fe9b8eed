#include "tests/unit/unit.h"

#include "tests/unit/sample.h"

static const char *zone_at(const struct sample *s, const char *addr)
{
	uint32_t c = plan_cell(s->p, sample_addr(addr));

	return c == NONE || s->p->cell[c].zone == NONE ? "none" :
		s->t->zones.v[s->p->cell[c].zone]->name;
}

static const char *party_at(const struct sample *s, const char *addr)
{
	uint32_t c = plan_cell(s->p, sample_addr(addr));
	const char *name = c == NONE ? NULL :
		plan_party_name(s->p, s->p->cell[c].party);

	return name ? name : "none";
}

static struct sample space(void)
{
	return sample_plan(ROOT("exchange-2003")
		"<zone name='net' networks='0.0.0.0/0 ::/0'/>"
		"<zone name='in' networks='10.0.0.0/8 2001:db8::/32'>"
		"  <network name='n' networks='10.1.0.0/16'>"
		"    <network name='nn' networks='10.1.2.0/24'>"
		"      <host name='h' address='10.1.2.3'/></network>"
		"    <host name='g' address='10.1.9.9'/></network>"
		"  <host name='v6' address='10.9.0.1 2001:db8::1'/></zone>"
		"<zone name='dmz' networks='10.7.0.0/16 192.0.2.0/24'/>"
		"<firewall name='f'><interface name='e0' zone='net'/>"
		"<interface name='e1' zone='in' address='10.0.0.1'/>"
		"<interface name='e2' zone='dmz'/></firewall>" END);
}

static void cells_cover_in_order(void)
{
	struct sample s = space();

	CU_ASSERT_FATAL(sample_good(&s));
	for (size_t i = 0; i < s.p->n_cell; i++) {
		const struct cell *c = &s.p->cell[i];

		CU_ASSERT_TRUE_FATAL(addr_cmp(c->lo, c->hi) <= 0);
		CU_ASSERT_TRUE_FATAL(addr_is_v4(c->lo) == addr_is_v4(c->hi));
		CU_ASSERT_EQUAL(plan_cell(s.p, c->lo), i);
		CU_ASSERT_EQUAL(plan_cell(s.p, c->hi), i);
		if (i)
			CU_ASSERT_TRUE(addr_eq(addr_next(c[-1].hi), c->lo));
	}
	sample_free(&s);
}

static void space_of_zones(void)
{
	static const struct {
		const char *addr, *zone, *party;
	} t[] = {
		{ "10.255.255.255", "in", "in" },
		{ "10.6.255.255", "in", "in" },
		{ "10.7.0.0", "dmz", "dmz" },	  /* more specific */
		{ "10.8.0.0", "in", "in" },
		{ "192.0.2.255", "dmz", "dmz" },
		{ "192.0.3.0", "net", "net" },
		{ "8.8.8.8", "net", "net" },
		{ "172.16.0.1", "none", "none" }, /* /0: the public internet */
		{ "172.32.0.0", "net", "net" },
		{ "192.168.255.255", "none", "none" },
		{ "100.64.0.0", "none", "none" },
		{ "100.127.255.255", "none", "none" },
		{ "100.128.0.0", "net", "net" },
		{ "169.254.1.1", "none", "none" },
		{ "0.0.0.1", "none", "none" },	  /* nobody's */
		{ "127.0.0.1", "none", "none" },
		{ "224.0.0.1", "none", "none" },
		{ "255.255.255.255", "none", "none" },
		{ "::1", "none", "none" },
		{ "fe80::1", "none", "none" },
		{ "fd00::1", "none", "none" },
		{ "ff02::1", "none", "none" },
		{ "2001:db8::2", "in", "in" },
		{ "2001:db9::", "net", "net" },
		{ "10.0.0.1", "none", "f" },	  /* the firewall's own */
		{ "10.0.0.2", "in", "in" },
		{ "10.1.2.3", "in", "h" },
		{ "10.1.2.4", "in", "nn" },
		{ "10.1.3.0", "in", "n" },
		{ "10.1.9.9", "in", "g" },
		{ "2001:db8::1", "in", "v6" },
	};
	struct sample s = space();

	CU_ASSERT_FATAL(sample_good(&s));
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		CU_ASSERT_STRING_EQUAL(zone_at(&s, t[i].addr), t[i].zone);
		CU_ASSERT_STRING_EQUAL(party_at(&s, t[i].addr), t[i].party);
	}
	sample_free(&s);
}

/* What a /0 does not mean can be written out. */
static void private_space_by_name(void)
{
	static const char *const in[] = {
		"10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1",
		"169.254.7.7", "fd00::1",
	};
	struct sample s = sample_plan(ROOT("exchange-2003")
		"<zone name='net' networks='0.0.0.0/0 ::/0'/>"
		"<zone name='in' networks='10.0.0.0/8 172.16.0.0/12 "
		"192.168.0.0/16 100.64.0.0/10 169.254.0.0/16 fc00::/7'/>" END);

	CU_ASSERT_FATAL(sample_good(&s));
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		CU_ASSERT_STRING_EQUAL(zone_at(&s, in[i]), "in");
	CU_ASSERT_STRING_EQUAL(zone_at(&s, "9.9.9.9"), "net");
	sample_free(&s);
}

static void bad_space(void)
{
	static const struct {
		const char *zones, *says;
	} t[] = {
		{ "<zone name='a' networks='10.0.0.0/8'>"
		  "<network name='n' networks='11.0.0.0/16'/></zone>",
		  "outside" },
		{ "<zone name='a' networks='10.0.0.0/8'>"
		  "<network name='n' networks='10.1.0.0/16'/>"
		  "<network name='m' networks='10.1.2.0/24'/></zone>",
		  "sibling" },
		{ "<zone name='a' networks='10.0.0.0/8'>"
		  "<network name='n' networks='10.1.0.0/16'/>"
		  "<host name='h' address='10.1.0.1'/></zone>", "move it" },
		{ "<zone name='a' networks='10.0.0.0/8'>"
		  "<host name='h' address='11.0.0.1'/></zone>", "no zone" },
		{ "<zone name='a' networks='10.0.0.0/8'>"
		  "<host name='h' address='10.0.0.1'/>"
		  "<host name='g' address='10.0.0.1'/></zone>", "\"g\"" },
		{ "<zone name='a' networks='10.0.0.0/8'/>"
		  "<zone name='b' networks='11.0.0.0/8'/>"
		  "<firewall name='f'>"
		  "<interface name='e0' zone='a' address='11.0.0.1'/>"
		  "<interface name='e1' zone='b'/></firewall>", "\"e0\"" },
		{ "<zone name='a' networks='10.0.0.0/8'/>"
		  "<allow from='9.0.0.0/8' to='a' tcp='1' reason='r'/>",
		  "in no zone" },
		{ "<zone name='a' networks='10.0.0.0/9'/>"
		  "<zone name='b' networks='10.128.0.0/9'/>"
		  "<allow from='10.0.0.0/8' to='a' tcp='1' reason='r'/>",
		  "not wholly in one zone" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf b = { 0 };
		struct sample s;

		buf_printf(&b, "%s%s%s", ROOT("exchange-2003"), t[i].zones,
			   END);
		s = sample_plan(b.s);
		CU_ASSERT_PTR_NULL(s.p);
		CU_ASSERT_TRUE(sample_says(&s, t[i].says));
		buf_free(&b);
		sample_free(&s);
	}
}

/* As many front-ends, controllers and back-ends as given, every third
 * address. */
static struct sample hosts(unsigned n)
{
	struct buf b = { 0 };
	struct sample s;

	buf_puts(&b, ROOT("exchange-2003")
		 "<zone name='dmz' networks='10.1.0.0/16'>");
	for (unsigned i = 0; i < n; i++)
		buf_printf(&b, "<host name='fe%u' address='10.1.%u.%u' "
			   "roles='owa-front-end'/>", i, i / 80, i % 80 * 3);
	buf_puts(&b, "</zone><zone name='in' networks='10.2.0.0/16'>");
	for (unsigned i = 0; i < n; i++)
		buf_printf(&b, "<host name='x%u' address='10.2.%u.%u' "
			   "roles='%s'/>", i, i / 80, i % 80 * 3,
			   i % 2 ? "back-end" : "global-catalog dns");
	buf_puts(&b, "</zone><firewall name='f'>"
		 "<interface name='e0' zone='dmz'/>"
		 "<interface name='e1' zone='in'/></firewall>" END);
	s = sample_plan(b.s);
	buf_free(&b);
	return s;
}

static void classes_are_few(void)
{
	struct sample few = hosts(10), many = hosts(1000);

	CU_ASSERT_FATAL(sample_good(&few) && sample_good(&many));
	/* two zones' rests, three kinds of hosts, the firewall */
	CU_ASSERT_EQUAL(few.p->classes.n, 6);
	CU_ASSERT_EQUAL(many.p->classes.n, 6);
	CU_ASSERT_EQUAL(many.p->pairs.n, few.p->pairs.n);
	CU_ASSERT_EQUAL(many.p->svcsets.n, few.p->svcsets.n);
	CU_ASSERT_TRUE(many.p->n_cell > 3000);
	sample_free(&few);
	sample_free(&many);
}

/* Cells of one class, and only they, are told the same by the templates. */
static void classes_hold_their_cells(void)
{
	struct sample s = hosts(30);
	size_t n = 0;

	CU_ASSERT_FATAL(sample_good(&s));
	for (uint32_t i = 0; i < s.p->classes.n; i++) {
		const struct class *c = &s.p->classes.v[i];

		n += c->n_cell;
		for (size_t k = 0; k < c->n_cell; k++) {
			CU_ASSERT_EQUAL(s.p->cell[c->cell[k]].cls, i);
			if (k)
				CU_ASSERT_TRUE(c->cell[k - 1] < c->cell[k]);
		}
	}
	for (size_t i = 0; i < s.p->n_cell; i++)
		n -= s.p->cell[i].cls != NONE;
	CU_ASSERT_EQUAL(n, 0);
	sample_free(&s);
}

/* An exception does not cut classes; a pin, a use, an end of ipsec do. */
static void what_makes_a_class(void)
{
	static const struct {
		const char *more;
		size_t classes;
	} t[] = {
		{ "", 4 },
		{ "<allow from='fe1' to='dc2' tcp='1' reason='r'/>", 4 },
		{ "<forbid from='fe1' to='dc2' tcp='1' reason='r'/>", 4 },
		{ "<omit from='exchange-server' to='dns' at='fe1' "
		  "reason='r'/>", 5 },
		{ "<ipsec between='fe1' and='dc1 dc2'/>", 5 },
		{ "<pin role='domain-controller' service='ad-rpc' "
		  "port='4990'/>", 4 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf b = { 0 };
		struct sample s;

		buf_printf(&b, "%s<zone name='a' networks='10.1.0.0/16'>"
			"<host name='fe1' address='10.1.0.1' "
			"roles='owa-front-end'/>"
			"<host name='fe2' address='10.1.0.3' "
			"roles='owa-front-end'/>"
			"<host name='dc1' address='10.1.0.5' "
			"roles='global-catalog dns'/>"
			"<host name='dc2' address='10.1.0.7' "
			"roles='global-catalog dns'/></zone>"
			"<zone name='b' networks='10.2.0.0/16'/>%s%s",
			ROOT("exchange-2003"), t[i].more, END);
		s = sample_plan(b.s);
		CU_ASSERT_FATAL(sample_good(&s));
		CU_ASSERT_EQUAL(s.p->n_plain, t[i].classes);
		buf_free(&b);
		sample_free(&s);
	}
}

static CU_TestInfo tests[] = {
	{ "cells cover, in order", cells_cover_in_order },
	{ "space of zones", space_of_zones },
	{ "private space by name", private_space_by_name },
	{ "bad space", bad_space },
	{ "classes are few", classes_are_few },
	{ "classes hold their cells", classes_hold_their_cells },
	{ "what makes a class", what_makes_a_class },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("plan/cells", tests);
}
