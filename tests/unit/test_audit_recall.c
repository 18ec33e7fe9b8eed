#include "tests/unit/unit.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "audit/recall.h"
#include "base/keys.h"
#include "tests/unit/sample.h"
#include "topology/topology.h"

/* What is recalled is what would have been ruled: between the ends of all
 * cells of the examples, for services of all kinds. */

enum { ASKED = 20000 };

static uint64_t state = UINT64_C(88172645463325252);

static uint32_t rnd(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 20) % n);
}

/* Hosts above all: little is planned of the rest. */
static struct addr random_addr(const struct plan *p)
{
	bool any = rnd(4) == 0;
	const struct cell *c;
	struct addr a;

	do
		c = &p->cell[rnd(p->n_cell)];
	while (!any && (c->party == NONE ||
			p->topo->parties.v[c->party]->kind != PARTY_HOST));
	a = rnd(2) ? c->lo : c->hi;

	if (rnd(20) == 0)
		a.lo += rnd(2) ? 1 : -UINT64_C(1);
	return a;
}

static uint32_t random_key(void)
{
	static const uint16_t ports[] = { 25, 53, 80, 88, 135, 389, 443, 445,
					  500, 691, 3268, 4500, 6001, 9100 };

	switch (rnd(8)) {
	case 0:
		return key_of(PROTO_ICMP, 8);
	case 1:
		return key_of(PROTO_ICMPV6, 128);
	case 2:
		return key_of(PROTO_ESP, 0);
	case 3:
		return key_of(PROTO_AH, 0);
	case 4:
		return key_of(PROTO_UDP, ports[rnd(sizeof(ports) / 2)]);
	default:
		return key_of(PROTO_TCP, ports[rnd(sizeof(ports) / 2)]);
	}
}

static bool same_place(const struct place *x, const struct place *y)
{
	return x->kind == y->kind && x->party == y->party &&
	       x->zone == y->zone && x->outside == y->outside &&
	       x->stranger == y->stranger;
}

static bool same(const struct ruling *x, const struct ruling *y)
{
	return x->verdict == y->verdict && x->why == y->why &&
	       x->reason == y->reason && x->n_reason == y->n_reason &&
	       !memcmp(x->reasons, y->reasons,
		       x->n_reason * sizeof(*x->reasons)) &&
	       same_place(&x->src, &y->src) && same_place(&x->dst, &y->dst) &&
	       addr_eq(x->own.src, y->own.src) &&
	       addr_eq(x->own.dst, y->own.dst) &&
	       x->own.proto == y->own.proto &&
	       x->own.detail == y->own.detail &&
	       x->same_zone == y->same_zone && x->not_judged == y->not_judged;
}

static unsigned differ(const struct plan *p, struct recall *m,
		       unsigned *allowed)
{
	struct arena *a = arena_new();
	struct judge *j = judge_new(a, p);
	unsigned wrong = 0;

	for (unsigned i = 0; i < ASKED; i++) {
		struct addr src = random_addr(p), dst = random_addr(p);
		uint32_t key = random_key();
		struct ruling x = judge_rule(j, src, dst, key);
		struct ruling y;

		recall_rule(m, j, src, dst, key, &y);
		wrong += !same(&x, &y);
		*allowed += x.verdict == VERDICT_ALLOWED;
	}
	arena_free(a);
	return wrong;
}

static unsigned file_differs(const char *path, unsigned *allowed)
{
	struct arena *a = arena_new();
	struct topology_options to = { .template_dirs = NULL };
	struct plan_options po = { .now = 1800000000 };
	struct diags d;
	struct topology *t;
	struct plan *p;
	unsigned wrong;

	diags_init(&d, a);
	t = topology_read(a, path, &to, &d);
	p = t ? plan_build(a, t, &po, &d) : NULL;
	CU_ASSERT_FATAL(p != NULL);
	wrong = differ(p, recall_new(a), allowed);
	arena_free(a);
	return wrong;
}

static void as_ruled(void)
{
	unsigned allowed = 0;
	glob_t g;

	CU_ASSERT_FATAL(!glob("templates/examples/*.xml", 0, NULL, &g));
	for (size_t i = 0; i < g.gl_pathc; i++) {
		unsigned n = file_differs(g.gl_pathv[i], &allowed);

		if (n)
			printf("  %s: %u of %u differ\n", g.gl_pathv[i], n,
			       ASKED);
		CU_ASSERT(n == 0);
	}
	CU_ASSERT(allowed > ASKED / 10);
	globfree(&g);
}

/* Both families have the same classes; two firewalls, what each lets in. */
static void families_and_firewalls(void)
{
	struct sample s = sample_plan(ROOT("exchange-2003")
		"<zone name='a' networks='10.1.0.0/24 2001:db8:1::/64'>"
		"<host name='a1' address='10.1.0.5 2001:db8:1::5'/></zone>"
		"<zone name='b' networks='10.2.0.0/24 2001:db8:2::/64'>"
		"<host name='b1' address='10.2.0.5 2001:db8:2::5'/></zone>"
		"<zone name='c' networks='10.3.0.0/24'/>"
		"<firewall name='f'><interface name='e0' zone='a' "
		"address='10.1.0.1'/><interface name='e1' zone='b' "
		"address='10.2.0.1'/><input from='a' tcp='80' reason='r'/>"
		"</firewall><firewall name='g'><interface name='e0' zone='b' "
		"address='10.2.0.2'/><interface name='e1' zone='c' "
		"address='10.3.0.1'/><input from='a b' tcp='443' reason='r'/>"
		"</firewall><allow from='a1' to='b1' icmp='echo-request' "
		"icmpv6='echo-request' reason='r'/>" END);
	unsigned allowed = 0;

	CU_ASSERT_FATAL(sample_good(&s));
	CU_ASSERT(differ(s.p, recall_new(s.a), &allowed) == 0);
	CU_ASSERT(allowed > 100);
	arena_free(s.a);
}

static CU_TestInfo tests[] = {
	{ "as ruled", as_ruled },
	{ "families and firewalls", families_and_firewalls },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("audit/recall", tests);
}
