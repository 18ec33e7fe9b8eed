/*
 * The plan's own verdicts in the oracle's language: query TOPOLOGY.xml
 * [--today DATE] [--templates DIR] < lines. Packets of housekeeping are not
 * the plan's business: "in" lines answer by the plan alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

static const struct { const char *name; unsigned proto; } protocols[] = {
	{ "tcp", PROTO_TCP }, { "udp", PROTO_UDP }, { "icmp", PROTO_ICMP },
	{ "icmpv6", PROTO_ICMPV6 }, { "esp", PROTO_ESP }, { "ah", PROTO_AH },
};

static unsigned protocol(const char *s)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (!strcmp(protocols[i].name, s))
			return protocols[i].proto;
	return (unsigned)strtoul(s, NULL, 10);
}

static struct packet packet_of(struct arena *a, char **w)
{
	struct prefix s, d;
	struct packet k = { .proto = (uint8_t)protocol(w[2]) };

	if (prefix_parse(a, w[0], strlen(w[0]), false, &s) ||
	    prefix_parse(a, w[1], strlen(w[1]), false, &d)) {
		fprintf(stderr, "query: bad address in %s %s\n", w[0], w[1]);
		exit(2);
	}
	k.src = s.r.lo;
	k.dst = d.r.lo;
	k.detail = (uint16_t)strtoul(w[3], NULL, 10);
	return k;
}

static const char *answer_at(const struct plan *p, struct arena *a, char **w)
{
	const struct firewall *f = topology_firewall(p->topo, w[1]);
	const struct interface *in = firewall_interface(f, w[2]);
	const struct interface *out = firewall_interface(f, w[3]);
	struct packet k = packet_of(a, w + 4);

	const struct observe *by;

	if (plan_lets_through(p, f, in, out, &k, &by))
		return "pass";
	return in && out && plan_verdict_at(p, f, in, out, &k).verdict ==
			    VERDICT_ALLOWED ? "pass" : "drop";
}

static const char *answer_in(const struct plan *p, struct arena *a, char **w)
{
	const struct firewall *f = topology_firewall(p->topo, w[1]);
	const struct interface *in = firewall_interface(f, w[2]);
	struct packet k = packet_of(a, w + 3);

	if (!f->inputs.n)
		return "open";
	if (f->unenforced)
		return "pass";
	return in && plan_verdict_input(p, f, in, &k).verdict ==
		     VERDICT_ALLOWED ? "pass" : "drop";
}

static const char *answer_end(const struct plan *p, struct arena *a, char **w)
{
	struct packet k = packet_of(a, w + 1);
	struct answer x = plan_verdict(p, &k);

	return x.verdict == VERDICT_ALLOWED ? "allowed" :
	       x.why == WHY_ONLY_IPSEC ? "ipsec" : "denied";
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct plan_options opt = { .now = 1800000000 };
	struct topology_options topt = { 0 };
	const char *path = NULL, *dirs[1];
	struct diags d;
	struct topology *t;
	struct plan *p;
	char line[512];

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--today") && i + 1 < argc) {
			date_parse(argv[++i], &opt.now, NULL);
		} else if (!strcmp(argv[i], "--templates") && i + 1 < argc) {
			dirs[0] = argv[++i];
			topt.template_dirs = dirs;
			topt.n_template_dirs = 1;
		} else {
			path = argv[i];
		}
	}
	diags_init(&d, a);
	t = path ? topology_read(a, path, &topt, &d) : NULL;
	p = t ? plan_build(a, t, &opt, &d) : NULL;
	if (!p) {
		struct buf b = { 0 };

		diags_print(&d, &b, 10);
		fputs(b.s ? b.s : "no topology\n", stderr);
		return 2;
	}
	while (fgets(line, sizeof(line), stdin)) {
		char *w[16], *save = NULL;
		size_t n = 0;

		for (char *x = strtok_r(line, " \n", &save); x && n < 15;
		     x = strtok_r(NULL, " \n", &save))
			w[n++] = x;
		for (size_t i = n; i < 16; i++)
			w[i] = line + strlen(line);
		if (n)
			puts(!strcmp(w[0], "at") ? answer_at(p, a, w) :
			     !strcmp(w[0], "in") ? answer_in(p, a, w) :
						   answer_end(p, a, w));
	}
	arena_free(a);
	return 0;
}
