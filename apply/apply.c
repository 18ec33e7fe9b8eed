#include "apply/apply.h"

#include <stdio.h>
#include <unistd.h>

#include "apply/grace.h"
#include "apply/known.h"

static void step(const struct apply *a, const char *name)
{
	if (a->step)
		a->step(a->ctx, name);
}

static enum apply_result result_of(enum batch_result r)
{
	return r == BATCH_DONE ? APPLY_DONE :
	       r == BATCH_STALE ? APPLY_FOREIGN : APPLY_FAILED;
}

enum apply_result apply_load(struct apply *a, struct buf *err)
{
	enum batch_result r;
	int running = generations_running(&a->g);

	step(a, "begin");
	if (a->delta && !a->seconds) {
		a->slot = running;
		return APPLY_DONE;
	}
	r = load_plan_file(a->state, a->delta ? "boot.plan" : "next.plan",
			   a->nft, a->table, &a->g, &a->slot, err);
	if (a->delta) {
		a->beside = a->slot;
		a->slot = running;
	} else if (r == BATCH_DONE && a->grace) {
		r = grace_start(a->nft, a->table, &a->g, a->slot, a->grace,
				err);
	}
	if (r == BATCH_DONE)
		step(a, "loaded");
	return result_of(r);
}

void apply_drop(struct apply *a)
{
	struct buf ignore = { 0 };

	delete_dormant(a->nft, a->table, &ignore);
	state_remove(a->state, "next.plan");
	journal_remove(a->state);
	buf_free(&ignore);
}

static void fill_journal(struct apply *a)
{
	static const enum journal_mode mode[2][2] = { /* delta, on trial */
		{ JOURNAL_DIRECT, JOURNAL_CONFIRM },
		{ JOURNAL_DELTA, JOURNAL_TRIAL },
	};
	struct journal *j = &a->journal;

	*j = (struct journal){ .mode = mode[a->delta != NULL][a->seconds > 0],
			       .slot = a->slot, .seconds = a->seconds,
			       .generation = a->g.generation };
	if (j->mode == JOURNAL_TRIAL)
		j->old = 1u << a->beside;
	for (int i = 0; i < GENERATION_SLOTS; i++)
		if (j->mode != JOURNAL_TRIAL && a->g.slot[i] == SLOT_RUNNING)
			j->old |= 1u << i;
	read_boot_id(j->boot_id);
	make_token(j->token);
	snprintf(j->from, sizeof(j->from), "%s", a->from);
}

/* The rules are the new ones: the boot file too, then nothing is under way. */
static enum apply_result settle(struct apply *a, struct buf *err)
{
	step(a, "switched");
	if (state_confirm(a->state, err) < 0)
		return APPLY_STUCK;
	step(a, "renamed");
	journal_remove(a->state);
	known_write(a->state, a->nft, a->table, a->slot, a->g.generation);
	step(a, "done");
	return APPLY_DONE;
}

/*
 * The batch failed, perhaps after the kernel had taken it: its answer may be
 * what was lost. What is there tells, as after a crash.
 */
static enum apply_result look_again(struct apply *a, enum batch_result r,
				    struct buf *err)
{
	struct buf why = { 0 };
	enum recovered found;

	if (r == BATCH_STALE)
		return APPLY_FOREIGN;
	found = recover_by(a->state, a->nft, a->table, &a->journal, &why);
	if (found == RECOVERED_FORWARD)
		err->n = 0;
	buf_put(err, why.s, why.n);
	buf_free(&why);
	return found == RECOVERED_FORWARD ? APPLY_DONE :
	       found == RECOVERED_NOT ? APPLY_STUCK : APPLY_FAILED;
}

/* The one transaction after which the new rules run. */
static enum batch_result commit(struct apply *a, struct buf *err)
{
	enum batch_result r;

	if (!a->delta)
		return switch_to(a->nft, a->table, &a->g, a->slot, !a->seconds,
				 &a->g.generation, err);
	r = batch_commit(a->changes, err);
	a->g.generation = a->changes->generation;
	return r;
}

static enum apply_result switch_direct(struct apply *a, struct buf *err)
{
	enum batch_result r;

	fill_journal(a);
	if (journal_write(a->state, &a->journal, err) < 0)
		return APPLY_FAILED;
	step(a, "journal");
	r = commit(a, err);
	return r == BATCH_DONE ? settle(a, err) : look_again(a, r, err);
}

/* The old rules run: the guardian does not act any more. Where that is not
 * sure, it does, as if this process had died. */
static enum apply_result call_off(struct apply *a, enum batch_result r,
				  struct buf *err)
{
	enum apply_result result = look_again(a, r, err);

	if (result != APPLY_STUCK)
		guardian_tell(&a->guardian, GUARDIAN_QUIT);
	close(a->guardian.fd);
	a->guardian.fd = -1;
	return result;
}

static enum apply_result switch_guarded(struct apply *a, struct buf *err)
{
	struct guardian_job job = { .state = a->state, .table = a->table,
				    .journal = &a->journal, .step = a->step,
				    .confirmed = a->confirmed,
				    .forget = a->forget,
				    .ctx = a->ctx };
	enum batch_result r;

	fill_journal(a);
	if (guardian_start(&a->guardian, &job, err) < 0)
		return APPLY_FAILED;
	step(a, "armed");
	r = commit(a, err);
	if (r != BATCH_DONE)
		return call_off(a, r, err);
	step(a, "switched");
	/* if it is dead, its twin has seen that */
	guardian_tell(&a->guardian, GUARDIAN_SWITCHED);
	step(a, "told");
	return APPLY_DONE;
}

enum apply_result apply_switch(struct apply *a, struct buf *err)
{
	enum apply_result r = APPLY_FAILED;
	struct batch b = { .buf = NULL };

	a->guardian.fd = -1;
	a->changes = &b;
	if (a->delta)
		batch_init(&b, a->nft, a->g.generation,
			   generation_slot[a->slot]);
	if (a->delta && !delta_build(a->delta, &b, a->table))
		buf_puts(err, "the changes do not fit into one batch\n");
	else
		r = a->seconds ? switch_guarded(a, err) : switch_direct(a, err);
	a->changes = NULL;
	batch_free(&b);
	return r;
}
