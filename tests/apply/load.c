/*
 * load TOPOLOGY FIREWALL [TIMES]: the firewall's rules as a batch into the
 * kernel of this network namespace, and switched to. Prints nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "apply/build.h"
#include "apply/load.h"
#include "gen/gen.h"
#include "plan/plan.h"

static int trouble(struct buf *err)
{
	if (err->n)
		fwrite(err->s, 1, err->n, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct gen_options opt = { 0 };
	struct topology_options topt = { 0 };
	struct plan_options popt = { .now = 1795910400 };
	struct generations g;
	struct buf err = { 0 };
	struct diags d;
	struct topology *t;
	struct ruleset *rs;
	struct stream s;
	struct load l;
	struct nft n;
	bool built;

	if (argc < 3)
		return 2;
	if (argc > 3)
		opt.counters = GEN_COUNT_FLOW;
	diags_init(&d, a);
	t = topology_read(a, argv[1], &topt, &d);
	if (!t)
		return 2;
	rs = gen_firewall(a, plan_build(a, t, &popt, &d),
			  topology_firewall(t, argv[2]), &opt, &d);
	if (!rs || nft_open(&n, &err) < 0 ||
	    generations_read(&n, rs->table, &g, &err) < 0)
		return trouble(&err);
	load_begin(&l, &n, rs->table, &g, generations_free(&g), &err);
	stream_init(&s, load_unit, &l);
	built = build_generation(rs, &s, &err) == 0;
	stream_free(&s);
	if (load_end(&l, built) != BATCH_DONE)
		return trouble(&err);
	g.generation = l.batch.generation;
	if (switch_to(&n, rs->table, &g, l.slot, true, &g.generation, &err) !=
	    BATCH_DONE)
		return trouble(&err);
	nft_close(&n);
	arena_free(a);
	return 0;
}
