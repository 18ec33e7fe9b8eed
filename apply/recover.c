#include "apply/recover.h"

#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "apply/known.h"
#include "apply/load.h"
#include "apply/model.h"
#include "apply/planfile.h"

enum { TRIES = 20 }; /* against others who change rules all the time */

enum batch_result load_plan_file(struct state_dir *s, const char *name,
				 struct nft *n, const char *table,
				 struct generations *g, int *slot,
				 struct buf *err)
{
	struct arena *a = arena_new();
	enum batch_result result = BATCH_FAILED;
	struct plan_reader r;
	struct load l;
	bool whole;

	if (plan_file_open(&r, a, s->dir, name, err) == 0) {
		*slot = generations_free(g);
		if (strcmp(r.head.table, table)) {
			buf_printf(err, "\"%s\" holds %s, not %s\n", name,
				   r.head.table, table);
		} else if (*slot < 0) {
			buf_printf(err, "all %d names that %s may have are "
				   "those of tables that run: delete what "
				   "portplan did not load (nft delete table "
				   "inet NAME)\n", GENERATION_SLOTS, table);
		} else {
			load_begin(&l, n, table, g, *slot, err);
			whole = plan_file_units(&r, load_unit, &l, err) == 0;
			result = load_end(&l, whole);
			g->generation = l.batch.generation;
			g->slot[*slot] = SLOT_DORMANT;
		}
		plan_file_close(&r);
	}
	arena_free(a);
	return result;
}

/* ---- back -------------------------------------------------------------------------- */

enum step { STEP_DONE, STEP_AGAIN, STEP_FAILED };

static enum step step_of(enum batch_result r)
{
	return r == BATCH_DONE ? STEP_DONE :
	       r == BATCH_STALE ? STEP_AGAIN : STEP_FAILED;
}

/* The old table was deleted by somebody: what was confirmed last is loaded. */
static enum step from_boot_file(struct state_dir *s, struct nft *n,
				const char *table, struct generations *g,
				struct buf *err)
{
	enum batch_result r;
	int slot;

	if (!state_has(s, "boot.plan")) {
		buf_puts(err, "the rules that ran before are gone, and there "
			      "is no boot.plan: the new ones stay\n");
		return STEP_FAILED;
	}
	r = load_plan_file(s, "boot.plan", n, table, g, &slot, err);
	if (r == BATCH_DONE)
		r = switch_to(n, table, g, slot, true, &g->generation, err);
	return step_of(r);
}

/* Nobody changed anything since the journal was written: what runs is the old
 * rules themselves, with their counts. */
static enum step untouched(struct nft *n, const char *table, struct buf *err)
{
	return delete_dormant(n, table, err) < 0 ? STEP_FAILED : STEP_DONE;
}

static enum step back_once(struct state_dir *s, struct nft *n, const char *table,
			   const struct journal *j, struct buf *err)
{
	struct generations g;
	enum batch_result r;
	unsigned left = 0;
	struct batch b;

	if (generations_read(n, table, &g, err) < 0)
		return STEP_FAILED;
	if (j->mode == JOURNAL_TRIAL && g.generation == j->generation)
		return untouched(n, table, err);
	for (int i = 0; i < GENERATION_SLOTS; i++)
		if (j->old >> i & 1 && g.slot[i] != SLOT_EMPTY)
			left |= 1u << i;
	if (j->old && !left)
		return from_boot_file(s, n, table, &g, err);
	batch_init(&b, n, g.generation, generation_slot[j->slot]);
	/* first what comes back, so that there is no moment without rules */
	for (int i = 0; i < GENERATION_SLOTS; i++)
		if (left >> i & 1 && g.slot[i] == SLOT_DORMANT)
			batch_add_table(&b, NFT_MSG_NEWTABLE, table,
					generation_slot[i], 0);
	if (g.slot[j->slot] != SLOT_EMPTY)
		batch_add_table(&b, NFT_MSG_DELTABLE, table,
				generation_slot[j->slot], 0);
	r = batch_commit(&b, err);
	batch_free(&b);
	return step_of(r);
}

static enum recovered back(struct state_dir *s, struct nft *n, const char *table,
			   const struct journal *j, struct buf *err)
{
	enum step step = STEP_AGAIN;

	for (int i = 0; i < TRIES && step == STEP_AGAIN; i++)
		step = back_once(s, n, table, j, err);
	if (step != STEP_DONE) {
		if (step == STEP_AGAIN)
			buf_puts(err, "others change the rules all the "
				      "time\n");
		return RECOVERED_NOT;
	}
	state_remove(s, "next.plan");
	journal_remove(s);
	return RECOVERED_BACK;
}

/* ---- forward ----------------------------------------------------------------------- */

/* *from, *to: the generations before and after. */
static int clear(struct nft *n, const char *table, uint32_t *from, uint32_t *to,
		 struct buf *err)
{
	enum batch_result r = BATCH_STALE;
	struct generations g;
	struct batch b;

	for (int tries = 0; tries < TRIES && r == BATCH_STALE; tries++) {
		if (generations_read(n, table, &g, err) < 0)
			return -1;
		*from = g.generation;
		batch_init(&b, n, g.generation, generation_slot[0]);
		for (int i = 0; i < GENERATION_SLOTS; i++)
			if (g.slot[i] == SLOT_DORMANT)
				batch_add_table(&b, NFT_MSG_DELTABLE, table,
						generation_slot[i], 0);
		r = batch_commit(&b, err);
		*to = b.generation;
		batch_free(&b);
	}
	return r == BATCH_DONE ? 0 : -1;
}

int delete_dormant(struct nft *n, const char *table, struct buf *err)
{
	uint32_t from, to;

	return clear(n, table, &from, &to, err);
}

static enum recovered forward(struct state_dir *s, struct nft *n,
			      const char *table, const struct journal *j,
			      struct buf *err)
{
	uint32_t from, to;

	if (state_has(s, "next.plan") && state_confirm(s, err) < 0)
		return RECOVERED_NOT;
	if (clear(n, table, &from, &to, err) < 0)
		return RECOVERED_NOT;
	journal_remove(s);
	/* nobody came after the switch */
	if (from == nft_generation_after(j->generation))
		known_write(s, n, table, j->slot, to);
	return RECOVERED_FORWARD;
}

/* The switch deletes what ran before, so it happened or it did not. */
static enum recovered end_direct(struct state_dir *s, struct nft *n,
				 const char *table, const struct journal *j,
				 struct buf *err)
{
	struct generations g;

	if (generations_read(n, table, &g, err) < 0)
		return RECOVERED_NOT;
	if (g.slot[j->slot] == SLOT_RUNNING)
		return forward(s, n, table, j, err);
	if (delete_dormant(n, table, err) < 0)
		return RECOVERED_NOT;
	state_remove(s, "next.plan");
	journal_remove(s);
	return RECOVERED_BACK;
}

/* Changed in place, or not: what runs tells. */
static enum recovered end_delta(struct state_dir *s, struct nft *n,
				const char *table, const struct journal *j,
				struct buf *err)
{
	struct arena *a = arena_new();
	struct model *have = model_read(a, n, table, j->slot, true, err);
	struct model *want = model_new(a, table);
	enum recovered result = RECOVERED_NOT;
	struct plan_reader r;

	if (have && !state_has(s, "next.plan")) {
		journal_remove(s);
		result = RECOVERED_FORWARD;
	} else if (have && plan_file_open(&r, a, s->dir, "next.plan",
					  err) == 0) {
		bool whole = plan_file_units(&r, model_unit, want, err) == 0;

		plan_file_close(&r);
		if (whole && model_hash(have) == model_hash(want)) {
			result = forward(s, n, table, j, err);
		} else {
			state_remove(s, "next.plan");
			journal_remove(s);
			result = RECOVERED_BACK;
		}
	}
	arena_free(a);
	return result;
}

enum recovered recover_by(struct state_dir *s, struct nft *n,
			  const char *table, const struct journal *j,
			  struct buf *err)
{
	if (j->mode == JOURNAL_DELTA)
		return end_delta(s, n, table, j, err);
	if (j->mode == JOURNAL_DIRECT)
		return end_direct(s, n, table, j, err);
	return state_has(s, "next.plan") ? back(s, n, table, j, err) :
					   forward(s, n, table, j, err);
}

/* Where it cannot even be renamed, that is no reason to go without rules. */
static enum recovered without_journal(struct state_dir *s, struct nft *n,
				      const char *table, bool to_boot,
				      struct buf *err)
{
	struct generations g;
	bool loaded = false;

	if (generations_read(n, table, &g, err) < 0)
		return RECOVERED_NOT;
	for (int i = 0; i < GENERATION_SLOTS; i++)
		loaded |= g.slot[i] != SLOT_EMPTY;
	if (loaded && !to_boot)
		return RECOVERED_NOT;
	err->n = 0;
	if (delete_dormant(n, table, err) < 0)
		return RECOVERED_NOT;
	state_remove(s, "guardian");
	state_remove(s, "next.plan");
	journal_set_aside(s, err);
	return RECOVERED_ASIDE;
}

enum recovered recover(struct state_dir *s, struct nft *n, const char *table,
		       bool to_boot, struct buf *err)
{
	char boot_id[BOOT_ID];
	struct journal j;

	if (journal_read(s, &j, err) < 0)
		return without_journal(s, n, table, to_boot, err);
	/* the lock is ours: whoever listened there is dead */
	state_remove(s, "guardian");
	read_boot_id(boot_id);
	if (j.mode != JOURNAL_NONE && !strcmp(boot_id, j.boot_id))
		return recover_by(s, n, table, &j, err);
	/* before the journal, or before a reboot: nothing was switched that
	 * still runs */
	state_remove(s, "next.plan");
	journal_remove(s);
	if (delete_dormant(n, table, err) < 0)
		return RECOVERED_NOT;
	return j.mode == JOURNAL_NONE ? RECOVERED_NOTHING : RECOVERED_BACK;
}
