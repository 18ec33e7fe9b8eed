/*
 * load load|same|switch TOPOLOGY FIREWALL [--counters flow] [--grace]: the
 * firewall's rules as a batch into the kernel of this network namespace, and
 * switched to; or: does the kernel's table hold the same, expression by
 * expression? Prints what differs. Or: two generations of them, switched
 * between a hundred times; prints the CPU seconds of one switch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply/build.h"
#include "apply/load.h"
#include "apply/model.h"
#include "gen/gen.h"
#include "plan/plan.h"

enum {
	TODAY = 1795910400, /* 2026-11-29 */
	SWITCHES = 100,
};

static int trouble(struct buf *err)
{
	if (err->n)
		fwrite(err->s, 1, err->n, stderr);
	return 2;
}

static struct ruleset *rules(struct arena *a, char **argv)
{
	struct gen_options opt = { .counters = GEN_COUNT_SERVICE };
	struct topology_options topt = { 0 };
	struct plan_options popt = { .now = TODAY };
	struct diags d;
	struct topology *t;

	for (char **word = argv + 4; *word; word++) {
		if (!strcmp(*word, "flow"))
			opt.counters = GEN_COUNT_FLOW;
		if (!strcmp(*word, "--grace"))
			opt.grace = true;
	}
	diags_init(&d, a);
	t = topology_read(a, argv[2], &topt, &d);
	return t ? gen_firewall(a, plan_build(a, t, &popt, &d),
				topology_firewall(t, argv[3]), &opt, &d) : NULL;
}

static int load_slot(struct nft *n, const struct ruleset *rs,
		     struct generations *g, int slot, struct buf *err)
{
	struct stream s;
	struct load l;
	bool built;

	load_begin(&l, n, rs->table, g, slot, err);
	stream_init(&s, load_unit, &l);
	built = build_generation(rs, &s, err) == 0;
	stream_free(&s);
	if (load_end(&l, built) != BATCH_DONE)
		return trouble(err);
	g->slot[slot] = SLOT_DORMANT;
	g->generation = l.batch.generation;
	return 0;
}

static int load(struct nft *n, const struct ruleset *rs,
		struct generations *g, struct buf *err)
{
	int slot = generations_free(g);

	if (load_slot(n, rs, g, slot, err))
		return 2;
	return switch_to(n, rs->table, g, slot, true, &g->generation, err) ==
		BATCH_DONE ? 0 : trouble(err);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int to_and_fro(struct nft *n, const struct ruleset *rs,
		      struct generations *g, struct buf *err)
{
	double before;

	if (load_slot(n, rs, g, 0, err) || load_slot(n, rs, g, 1, err))
		return 2;
	before = cpu_seconds();
	for (int i = 0; i < SWITCHES; i++) {
		g->slot[i % 2] = SLOT_DORMANT;
		g->slot[!(i % 2)] = i ? SLOT_RUNNING : SLOT_DORMANT;
		if (switch_to(n, rs->table, g, i % 2, false, &g->generation,
			      err) != BATCH_DONE)
			return trouble(err);
	}
	printf("%.6f\n", (cpu_seconds() - before) / SWITCHES);
	if (generations_read(n, rs->table, g, err) < 0)
		return trouble(err);
	return g->slot[0] == SLOT_DORMANT && g->slot[1] == SLOT_RUNNING ? 0 : 1;
}

static int same(struct arena *a, struct nft *n, const struct ruleset *rs,
		const struct generations *g, struct buf *err)
{
	struct model *want = model_new(a, rs->table);
	struct model *have = model_read(a, n, rs->table,
					generations_running(g), true, err);
	struct model_differences d;
	struct stream s;

	stream_init(&s, model_unit, want);
	if (!have || build_generation(rs, &s, err) != 0)
		return trouble(err);
	stream_free(&s);
	model_compare(a, have, want, 100, &d);
	for (size_t i = 0; i < d.v.n; i++) {
		model_difference_text(&d.v.v[i], err);
		buf_putc(err, '\n');
	}
	if (have->bad || want->bad)
		buf_puts(err, "cannot be read\n");
	if (!d.v.n && model_hash(have) != model_hash(want))
		buf_puts(err, "equal, but the fingerprints differ\n");
	return err->n ? trouble(err) : 0;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct generations g;
	struct buf err = { 0 };
	struct ruleset *rs;
	struct nft n;
	int code;

	if (argc < 4)
		return 2;
	rs = rules(a, argv);
	if (!rs || nft_open(&n, &err) < 0 ||
	    generations_read(&n, rs->table, &g, &err) < 0)
		return trouble(&err);
	code = !strcmp(argv[1], "same") ? same(a, &n, rs, &g, &err) :
	       !strcmp(argv[1], "switch") ? to_and_fro(&n, rs, &g, &err) :
					    load(&n, rs, &g, &err);
	nft_close(&n);
	buf_free(&err);
	arena_free(a);
	return code;
}
