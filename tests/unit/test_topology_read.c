#include "tests/unit/unit.h"

#include <sys/stat.h>

#include "tests/unit/sample.h"
#include "topology/waivers.h"

#define ZONES \
	"<zone name='a' networks='10.1.0.0/16'/>" \
	"<zone name='b' networks='10.2.0.0/16'/>" \
	"<firewall name='f'><interface name='e0' zone='a'/>" \
	"<interface name='e1' zone='b'/></firewall>"

static void reads_what_is_said(void)
{
	struct sample s = sample_read(ROOT("exchange-2003")
		"<zone name='out' networks='0.0.0.0/0 ::/0'/>"
		"<zone name='dmz' kind='dmz' networks='192.0.2.0/24'"
		"      transit='no' inside='planned'>"
		"  <network name='n' networks='192.0.2.0/25'>"
		"    <host name='fe1' address='192.0.2.10' roles='front-end'"
		"          dynamic-ports='5000-5100 6000'/>"
		"  </network></zone>"
		"<firewall name='f' nodes='f1 f2' log='none'>"
		"<interface name='ppp*' zone='out' dhcp='yes'/>"
		"<interface name='e1' zone='dmz' address='192.0.2.1'/>"
		"<input from='fe1' tcp='22'/></firewall>" END);
	const struct party *p;
	const struct firewall *f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	CU_ASSERT_STRING_EQUAL(s.t->name, "t");
	p = topology_party(s.t, "out");
	CU_ASSERT_TRUE(p->kind == PARTY_ZONE && p->zone_kind == ZONE_INTERNET);
	CU_ASSERT_FALSE(p->transit);
	CU_ASSERT_TRUE(p->inside_any);
	p = topology_party(s.t, "dmz");
	CU_ASSERT_TRUE(p->zone_kind == ZONE_DMZ && !p->transit &&
		       !p->inside_any);
	p = topology_party(s.t, "fe1");
	CU_ASSERT_TRUE(p->kind == PARTY_HOST && p->has_dynamic);
	CU_ASSERT_EQUAL(p->dynamic.n, 2);
	CU_ASSERT_EQUAL(key_detail(p->dynamic.r[0].hi), 5100);
	CU_ASSERT_STRING_EQUAL(p->parent->name, "n");
	CU_ASSERT_STRING_EQUAL(party_zone(p)->name, "dmz");
	CU_ASSERT_EQUAL(p->roles.n, 1);
	f = topology_firewall(s.t, "f");
	CU_ASSERT_EQUAL(f->nodes.n, 2);
	CU_ASSERT_FALSE(f->log_drops);
	CU_ASSERT_TRUE(f->interfaces.v[0]->wildcard && f->interfaces.v[0]->dhcp);
	CU_ASSERT_EQUAL(f->interfaces.v[1]->n_address, 1);
	CU_ASSERT_EQUAL(f->inputs.n, 1);
	CU_ASSERT_PTR_NULL(party_zone(f->party));
	CU_ASSERT_PTR_NULL(topology_party(s.t, "FE1"));
	CU_ASSERT_PTR_NULL(topology_role(s.t, "front"));
	sample_free(&s);
}

static void dates(void)
{
	static const struct {
		const char *text;
		int64_t t;
		bool day;
	} good[] = {
		{ "1970-01-01", 0, true },
		{ "2000-02-29", 951782400, true },
		{ "2024-02-29", 1709164800, true },
		{ "2026-12-01", 1796083200, true },
		{ "2026-12-01T20:00Z", 1796155200, false },
		{ "2026-12-31T23:59Z", 1798761540, false },
		{ "2100-03-01", 4107542400, true },
	};
	static const char *const bad[] = {
		"", "2026", "2026-12", "2026-13-01", "2026-00-10", "2026-12-00",
		"2026-12-32", "2026-02-29", "2100-02-29", "2026-04-31",
		"26-12-01", "2026-12-1", "2026-12-01 ", " 2026-12-01",
		"2026-12-01T20:00", "2026-12-01T24:00Z", "2026-12-01T20:60Z",
		"2026-12-01T20:00:00Z", "2026-12-01t20:00Z", "2026/12/01",
		"2026-12-01Z", "0x26-12-01", "+026-12-01", "2026-1 -01",
		"2026-12-01T+1:00Z", "now",
	};
	int64_t t;
	bool day;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CU_ASSERT_TRUE(date_parse(good[i].text, &t, &day));
		CU_ASSERT_EQUAL(t, good[i].t);
		CU_ASSERT_EQUAL(day, good[i].day);
		CU_ASSERT_TRUE(date_parse(good[i].text, &t, NULL));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (date_parse(bad[i], &t, &day)) {
			printf("    \"%s\" is taken for a date\n", bad[i]);
			CU_FAIL("a bad date");
		}
}

/* A whole day that expires lasts until its end. */
static void expiry_is_the_end_of_the_day(void)
{
	struct sample s = sample_read(ROOT("exchange-2003") ZONES
		"<allow from='a' to='b' tcp='1' reason='r' starts='2026-12-01'"
		"       expires='2026-12-01'/>"
		"<allow from='a' to='b' tcp='2' reason='r'"
		"       expires='2026-12-01T20:00Z'/>" END);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	CU_ASSERT_EQUAL(s.t->allows.v[0]->starts.t, 1796083200);
	CU_ASSERT_EQUAL(s.t->allows.v[0]->expires.t, 1796083200 + 86400);
	CU_ASSERT_EQUAL(s.t->allows.v[1]->expires.t, 1796155200);
	CU_ASSERT_FALSE(s.t->allows.v[1]->starts.given);
	sample_free(&s);
}

/* Of a list over several lines, the message points at the one word. */
static void words_have_positions(void)
{
	struct sample s = sample_read(ROOT("exchange-2003") "\n"
		"<zone name='a' networks='10.1.0.0/16\n\t\t10.2.0.0/33'\n"
		"      roles='dns  frontend'/>\n"
		"<allow from='a  nobody' to='10.1.0.0/8' reason='r'"
		" tcp='80 8O'/>\n" END);

	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(sample_says(&s, ":3:3-13: Error: \"10.2.0.0/33\""));
	CU_ASSERT_TRUE(sample_says(&s, ":4:19-26: Error: "));
	CU_ASSERT_TRUE(sample_says(&s, "\"front-end\""));
	CU_ASSERT_TRUE(sample_says(&s, ":5:17-22: Error: "));
	CU_ASSERT_TRUE(sample_says(&s, ":5:29-38: Error: \"10.1.0.0/8\""));
	CU_ASSERT_TRUE(sample_says(&s, "write 10.0.0.0/8"));
	CU_ASSERT_TRUE(sample_says(&s, ":5:60-61: Error: \"8O\""));
	sample_free(&s);
}

static void many_errors_in_one_run(void)
{
	struct sample s = sample_read(ROOT("exchange-2003")
		"<zone name='a' network='10.1.0.0/16'/>\n"
		"<zone name='mx' networks='10.2.0.0/16'/>\n"
		"<zon name='c' networks='10.3.0.0/16'/>\n"
		"<zone name='d' networks='10.4.0.0/16' kind='dnz'/>\n"
		"<zone name='D' networks='10.5.0.0/16'/>\n"
		"<leg/>\n<expect from='d' to='d' excpet='d' reason='r'/>\n" END);

	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(s.d.n_errors >= 7);
	CU_ASSERT_TRUE(sample_says(&s, "\"networks\""));
	CU_ASSERT_TRUE(sample_says(&s, "mx"));
	CU_ASSERT_TRUE(sample_says(&s, "zone"));
	CU_ASSERT_TRUE(sample_says(&s, "dmz"));
	CU_ASSERT_TRUE(sample_says(&s, "\"except\""));
	sample_free(&s);
}

static void hostile_input(void)
{
	static const char *const bad[] = {
		"", " ", "<", "<topology", "<topology/>", "hello",
		"<topology xmlns='urn:portplan:1'/>",
		"<topology xmlns='urn:portplan:2' name='t'/>",
		"<!DOCTYPE topology [<!ENTITY x 'y'>]>"
		"<topology xmlns='urn:portplan:1' name='&x;'/>",
		"<!DOCTYPE topology SYSTEM 'file:///etc/passwd'>"
		"<topology xmlns='urn:portplan:1' name='t'/>",
		"<topology xmlns='urn:portplan:1' name='t'>&unknown;"
		"</topology>",
		"<topology xmlns='urn:portplan:1' name='t' name='t'/>",
		"<template xmlns='urn:portplan:1' name='t'/>",
		"<topology xmlns='urn:portplan:1' name='t'>\xff\xfe</topology>",
		"<topology xmlns='urn:portplan:1' name='t' "
		"template='nonesuch'/>",
		"<topology xmlns='urn:portplan:1' name='t'>words</topology>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sample s = sample_read(bad[i]);

		CU_ASSERT_PTR_NULL(s.t);
		CU_ASSERT_TRUE(s.d.n_errors > 0);
		sample_messages(&s);
		sample_free(&s);
	}
}

/* What is written into a ruleset comes from names: none may leave its place
 * there. */
static void names_cannot_break_out(void)
{
	static const char *const bad[] = {
		"x\"", "x;", "x y", "x&#10;y", "x}", "#", "x'", "\xc3\xa4", "-x",
		"10.0.0.1", "a/b", "$x", "any", "mx",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static const char *const place[] = {
		"<zone name=\"%s\" networks='10.9.0.0/16'/>",
		"<zone name='z' networks='10.9.0.0/16'>"
		"<host name=\"%s\" address='10.9.0.1'/></zone>",
		"<firewall name=\"%s\"><interface name='e0' zone='a'/>"
		"<interface name='e1' zone='b'/></firewall>",
		"<allow name=\"%s\" from='a' to='b' tcp='1' reason='r'/>",
		"<role name=\"%s\"/>",
		"<service name=\"%s\" tcp='1'/>",
		"<ipsec name=\"%s\" between='a' and='b'/>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t k = 0; k < sizeof(place) / sizeof(place[0]); k++) {
			struct buf b = { 0 }, name = { 0 };
			struct sample s;

			for (const char *p = bad[i]; *p; p++)
				if (*p == '"')
					buf_puts(&name, "&quot;");
				else
					buf_putc(&name, *p);
			buf_puts(&b, ROOT("exchange-2003") ZONES);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			buf_printf(&b, place[k], name.s);
#pragma GCC diagnostic pop
			buf_puts(&b, END);
			s = sample_read(b.s);
			if (s.t)
				printf("    %s is taken in %s\n", bad[i],
				       place[k]);
			CU_ASSERT_PTR_NULL(s.t);
			sample_free(&s);
			buf_free(&name);
			buf_free(&b);
		}
}

/* ---- several files ------------------------------------------------------------- */

struct dir {
	char path[64];
};

static struct dir dir_make(void)
{
	struct dir d = { "/tmp/portplan-test-XXXXXX" };

	if (!mkdtemp(d.path))
		abort();
	return d;
}

static const char *put(struct arena *a, const struct dir *d, const char *name,
		       const char *text)
{
	const char *path = arena_printf(a, "%s/%s", d->path, name);
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	return path;
}

static void dir_remove(const struct dir *d)
{
	static const char *const names[] = {
		"t.xml", "inc.xml", "more.xml", "mine.xml", "mine@2.xml",
		"exchange-2003.xml", "sub/inc.xml", "sub",
	};
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", d->path, names[i]);
		remove(path);
	}
	rmdir(d->path);
}

static struct sample read_path(struct arena *a, const char *path,
			       const char *templates)
{
	struct sample s = { .a = a };
	struct topology_options opt = { .template_dirs = &templates,
					.n_template_dirs = templates != NULL };

	diags_init(&s.d, a);
	s.t = topology_read(a, path, &opt, &s.d);
	return s;
}

static void includes(void)
{
	struct dir d = dir_make();
	struct arena *a = arena_new();
	char sub[80];
	struct sample s;
	const char *t;

	snprintf(sub, sizeof(sub), "%s/sub", d.path);
	mkdir(sub, 0700);
	put(a, &d, "sub/inc.xml", "<topology xmlns='urn:portplan:1'>"
	    "<host name='h1' address='10.1.0.1'/>"
	    "<include file='../more.xml'/></topology>");
	put(a, &d, "more.xml", "<topology xmlns='urn:portplan:1' name='more'>\n"
	    "<host name='h2' address='10.1.0.2'/></topology>");
	t = put(a, &d, "t.xml", ROOT("exchange-2003")
		"<zone name='a' networks='10.1.0.0/16'>"
		"<include file='sub/inc.xml'/></zone>" END);
	s = read_path(a, t, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	CU_ASSERT_STRING_EQUAL(topology_party(s.t, "h2")->parent->name, "a");
	CU_ASSERT_EQUAL(s.t->hosts.n, 2);

	/* messages carry the included file's own name and line */
	put(a, &d, "more.xml", "<topology xmlns='urn:portplan:1' name='more'>\n"
	    "<host name='h2' adress='10.1.0.2'/></topology>");
	s = read_path(a, t, NULL);
	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(sample_says(&s, "more.xml:2:17-22: Error: "));

	put(a, &d, "more.xml", "<topology xmlns='urn:portplan:1'>"
	    "<include file='sub/inc.xml'/></topology>");
	s = read_path(a, t, NULL);
	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(sample_says(&s, "includes itself"));

	put(a, &d, "more.xml", "<zone/>");
	s = read_path(a, t, NULL);
	CU_ASSERT_PTR_NULL(s.t);
	put(a, &d, "sub/inc.xml", "<topology xmlns='urn:portplan:1'>"
	    "<include file='none.xml'/></topology>");
	s = read_path(a, t, NULL);
	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(sample_says(&s, "none.xml"));
	s = read_path(a, d.path, NULL); /* a directory */
	CU_ASSERT_PTR_NULL(s.t);
	s = read_path(a, "/nonexistent/t.xml", NULL);
	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(sample_says(&s, "/nonexistent/t.xml"));
	arena_free(a);
	dir_remove(&d);
}

static void included_twice(void)
{
	struct dir d = dir_make();
	struct arena *a = arena_new();
	struct sample s;

	put(a, &d, "inc.xml", "<topology xmlns='urn:portplan:1'/>");
	s = read_path(a, put(a, &d, "t.xml", ROOT("exchange-2003") ZONES
			     "<include file='inc.xml'/>"
			     "<include file='./inc.xml'/>" END), NULL);
	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(sample_says(&s, "twice"));
	arena_free(a);
	dir_remove(&d);
}

static void directory_before_the_built_in(void)
{
	struct dir d = dir_make();
	struct arena *a = arena_new();
	const char *t = put(a, &d, "t.xml", ROOT("exchange-2003") ZONES END);
	struct sample s = read_path(a, t, d.path);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	CU_ASSERT_PTR_NOT_NULL(topology_role(s.t, "front-end"));
	put(a, &d, "exchange-2003.xml", "<template xmlns='urn:portplan:1' "
	    "name='exchange-2003'><role name='mine'/></template>");
	s = read_path(a, t, d.path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	CU_ASSERT_PTR_NULL(topology_role(s.t, "front-end"));
	CU_ASSERT_PTR_NOT_NULL(topology_role(s.t, "mine"));
	s = read_path(a, t, NULL);
	CU_ASSERT_PTR_NOT_NULL(topology_role(s.t, "front-end"));
	arena_free(a);
	dir_remove(&d);
}

static void versions(void)
{
	struct dir d = dir_make();
	struct arena *a = arena_new();
	const char *t = put(a, &d, "t.xml", ROOT("mine@2") ZONES END);
	struct sample s;

	put(a, &d, "mine.xml", "<template xmlns='urn:portplan:1' name='mine'>"
	    "<role name='first'/></template>");
	s = read_path(a, t, d.path);
	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(sample_says(&s, "mine"));
	put(a, &d, "mine@2.xml", "<template xmlns='urn:portplan:1' name='mine' "
	    "version='2'><role name='second'/></template>");
	s = read_path(a, t, d.path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	CU_ASSERT_PTR_NOT_NULL(topology_role(s.t, "second"));
	CU_ASSERT_PTR_NULL(topology_role(s.t, "first"));
	t = put(a, &d, "t.xml", ROOT("mine") ZONES END);
	s = read_path(a, t, d.path);
	CU_ASSERT_PTR_NOT_NULL(topology_role(s.t, "first"));
	/* a file that claims another version */
	put(a, &d, "mine.xml", "<template xmlns='urn:portplan:1' name='mine' "
	    "version='3'/>");
	s = read_path(a, t, d.path);
	CU_ASSERT_PTR_NULL(s.t);
	/* no versions at all */
	for (size_t i = 0; i < 5; i++) {
		static const char *const bad[] = {
			"mine@", "mine@0", "mine@x", "mine@-1", "mine@99999",
		};

		t = put(a, &d, "t.xml", arena_printf(a, "<topology xmlns='"
			"urn:portplan:1' name='t' template='%s'/>", bad[i]));
		s = read_path(a, t, d.path);
		CU_ASSERT_PTR_NULL(s.t);
		CU_ASSERT_TRUE(sample_says(&s, bad[i]));
	}
	arena_free(a);
	dir_remove(&d);
}

static void extends(void)
{
	struct dir d = dir_make();
	struct arena *a = arena_new();
	const char *t = put(a, &d, "t.xml", ROOT("mine ./more.xml") ZONES END);
	struct sample s;

	put(a, &d, "mine.xml", "<template xmlns='urn:portplan:1' name='mine' "
	    "extends='exchange-2003'><flow from='front-end' to='dns' "
	    "service='http'/></template>");
	put(a, &d, "more.xml", "<template xmlns='urn:portplan:1' name='more' "
	    "extends='mine'><role name='another'/></template>");
	s = read_path(a, t, d.path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	CU_ASSERT_EQUAL(s.t->templates.n, 3); /* mine once */
	CU_ASSERT_STRING_EQUAL(s.t->flows.v[s.t->flows.n - 1]->origin, "mine");
	put(a, &d, "mine.xml", "<template xmlns='urn:portplan:1' name='mine' "
	    "extends='../x/../x/mine mine'/>");
	s = read_path(a, t, d.path);
	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(sample_says(&s, "extends itself"));
	arena_free(a);
	dir_remove(&d);
}

/* ---- roles and services ---------------------------------------------------------- */

static void roles_unite_and_imply(void)
{
	struct sample s = sample_read(ROOT("exchange-2003") ZONES
		"<role name='x' is='y'/><role name='y' is='z'/>"
		"<role name='z'/><role name='w'/><role name='x' is='w'/>"
		"<role name='front-end' is='z'/>" END);
	const struct role *x, *owa;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	x = topology_role(s.t, "x");
	CU_ASSERT_EQUAL(x->n_closure, 4);
	for (size_t i = 1; i < x->n_closure; i++)
		CU_ASSERT_TRUE(x->closure[i - 1] < x->closure[i]);
	CU_ASSERT_TRUE(role_implies(x, x));
	CU_ASSERT_TRUE(role_implies(x, topology_role(s.t, "z")));
	CU_ASSERT_TRUE(role_implies(x, topology_role(s.t, "w")));
	CU_ASSERT_FALSE(role_implies(topology_role(s.t, "z"), x));
	owa = topology_role(s.t, "owa-front-end");
	CU_ASSERT_TRUE(role_implies(owa, topology_role(s.t, "exchange-server")));
	CU_ASSERT_TRUE(role_implies(owa, topology_role(s.t, "z")));
	sample_free(&s);
	s = sample_read(ROOT("exchange-2003") ZONES
		"<role name='x' is='y'/><role name='y' is='x'/>" END);
	CU_ASSERT_PTR_NULL(s.t);
	sample_free(&s);
}

static void services_flatten_and_agree(void)
{
	struct sample s = sample_read(ROOT("exchange-2003") ZONES
		"<service name='all' is='two http' tcp='1'/>"
		"<service name='two' is='http https'/>"
		"<service name='http' tcp='80' clear='credentials'/>" END);
	const struct service *all;
	bool own = false;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	all = topology_service(s.t, "all");
	CU_ASSERT_EQUAL(all->n_leaf, 3); /* itself, http, https: each once */
	for (size_t i = 0; i < all->n_leaf; i++)
		own |= all->leaf[i] == all;
	CU_ASSERT_TRUE(own);
	CU_ASSERT_EQUAL(topology_service(s.t, "two")->n_leaf, 2);
	sample_free(&s);
	s = sample_read(ROOT("exchange-2003") ZONES
			"<service name='http' tcp='81'/>" END);
	CU_ASSERT_PTR_NULL(s.t);
	CU_ASSERT_TRUE(sample_says(&s, "<template exchange-2003>"));
	sample_free(&s);
	s = sample_read(ROOT("exchange-2003") ZONES
			"<service name='x' is='y'/><service name='y' is='x'/>"
			END);
	CU_ASSERT_PTR_NULL(s.t);
	sample_free(&s);
}

/* Identity is what an element says, not its place. */
static void identity_is_content(void)
{
	static const char *const allow =
		"<allow from='a' to='b' tcp='22  23' reason='r'/>";
	struct sample s = sample_read(ROOT("exchange-2003") ZONES
		"<allow from='a' to='b' tcp='22 23' reason='r'/>" END);
	struct sample moved, other;
	struct buf b = { 0 };

	buf_printf(&b, "%s\n\n<allow name='n' from='a' to='b' tcp='1' "
		   "reason='r'/>\n%s%s%s", ROOT("exchange-2003"), allow, ZONES,
		   END);
	moved = sample_read(b.s);
	other = sample_read(ROOT("exchange-2003") ZONES
		"<allow from='a' to='b' tcp='22 24' reason='r'/>" END);
	CU_ASSERT_FATAL(s.t && moved.t && other.t);
	CU_ASSERT_STRING_EQUAL(moved.t->allows.v[0]->ident, "n");
	CU_ASSERT_STRING_EQUAL(s.t->allows.v[0]->ident,
			       moved.t->allows.v[1]->ident);
	CU_ASSERT_STRING_NOT_EQUAL(s.t->allows.v[0]->ident,
				   other.t->allows.v[0]->ident);
	/* stable over releases: comments and waivers refer to it */
	CU_ASSERT_STRING_EQUAL(s.t->allows.v[0]->ident, "e5ddb56a");
	buf_free(&b);
	sample_free(&s);
	sample_free(&moved);
	sample_free(&other);
}

/* The longest names, and those of legs, which are made of two. */
static void waivers_know_all_names(void)
{
	const char *host = "h123456789012345678901234567890123456789"
			   "012345678901234567890123";
	const char *zone = "z123456789012345678901234567890123456789"
			   "012345678901234567890123";
	struct buf t = { 0 }, w = { 0 };
	struct sample s;
	struct waivers *all;
	char path[32];
	int fd;

	buf_printf(&t, "%s<zone name='a' networks='10.1.0.0/16'>"
		   "<host name='%s' address='10.1.0.1'>"
		   "<leg zone='%s' address='10.2.0.1'/></host></zone>"
		   "<zone name='%s' networks='10.2.0.0/16'/>%s",
		   ROOT("exchange-2003"), host, zone, zone, END);
	buf_printf(&w, "<waivers xmlns='urn:portplan:1'><waive kind='extra' "
		   "from='%s@%s' to='%s' reason='r' owner='o' "
		   "expires='2027-01-01'/></waivers>", host, zone, host);
	s = sample_read(t.s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s.t);
	fd = text_file(w.s);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	all = waivers_read(s.a, s.t, path, &s.d);
	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	CU_ASSERT_EQUAL(all->list.v[0]->from.n, 1);
	CU_ASSERT_EQUAL(all->list.v[0]->to.n, 1);
	close(fd);
	buf_free(&t);
	buf_free(&w);
	sample_free(&s);
}

static CU_TestInfo tests[] = {
	{ "reads what is said", reads_what_is_said },
	{ "dates", dates },
	{ "expiry is the end of the day", expiry_is_the_end_of_the_day },
	{ "words have positions", words_have_positions },
	{ "many errors in one run", many_errors_in_one_run },
	{ "hostile input", hostile_input },
	{ "names cannot break out", names_cannot_break_out },
	{ "includes", includes },
	{ "included twice", included_twice },
	{ "directory before the built-in", directory_before_the_built_in },
	{ "versions", versions },
	{ "extends", extends },
	{ "roles unite and imply", roles_unite_and_imply },
	{ "services flatten and agree", services_flatten_and_agree },
	{ "identity is content", identity_is_content },
	{ "waivers know all names", waivers_know_all_names },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("topology/read", tests);
}
