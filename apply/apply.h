#ifndef APPLY_APPLY_H
#define APPLY_APPLY_H

#include "apply/guardian.h"
#include "apply/load.h"
#include "apply/model.h"
#include "apply/planfile.h"
#include "apply/recover.h"

/*
 * An apply, from next.plan in the state directory on:
 *
 *	apply_load()	the new generation, dormant; nothing runs otherwise
 *	apply_switch()	journal, guardian if it must be confirmed, and the
 *			switch; without confirmation all is done then
 *
 * With a delta the running table is changed in place instead. If that must be
 * confirmed, what is loaded dormant is boot.plan, which must be what runs: to
 * take the changes back is a switch then, as ever.
 *
 * In between rests everything on the generation number that was read before
 * the plan was compared with what runs: any foreign change ends it.
 *
 * Of a confirmed apply, read words from guardian.fd until it ends.
 */
enum apply_result {
	APPLY_DONE,
	APPLY_FAILED,  /* nothing was switched; err */
	APPLY_FOREIGN, /* somebody changed rules meanwhile: nothing was done */
	APPLY_BACK,    /* switched, and back again; err */
	APPLY_STUCK,   /* switched; err says what is not as it should be */
};

struct apply {
	struct nft *nft;
	struct state_dir *state; /* locked */
	const char *table;
	struct generations g; /* as they were read */
	struct delta *delta;  /* NULL: next.plan is loaded whole */
	unsigned seconds;     /* to confirm in; 0: at once */
	unsigned grace;	      /* seconds, from loading on; 0: none */
	const char *from;     /* connection, for the journal; "" */
	void (*step)(void *ctx, const char *name); /* tests; may be NULL */
	int forget; /* see guardian.h; -1: nothing */
	/* On trial, by the guardian: see guardian.h. May be NULL. */
	void (*confirmed)(void *ctx, struct buf *out);
	void *ctx;

	int slot;   /* of the new rules */
	int beside; /* of a delta on trial: of the old ones */
	struct batch *changes; /* of a delta */
	struct journal journal;
	struct guardian guardian; /* seconds > 0, after APPLY_DONE */
};

enum apply_result apply_load(struct apply *a, struct buf *err);
enum apply_result apply_switch(struct apply *a, struct buf *err);
/* What was loaded, taken away again. */
void apply_drop(struct apply *a);

/* ---- delta.c */

/*
 * Changes the running table in place to what next.plan says, where only
 * elements and rules differ: counters of all else go on. One batch.
 */
struct delta {
	const struct model *have;
	const struct model *want;
	struct model_differences d;
	uint64_t elements, rules; /* that it would send */
};

/* False: sets or chains differ, or more than `most` of it: load it whole. */
bool delta_possible(struct arena *a, struct delta *x, uint64_t most);
/* Into an empty batch. False: there is no room for all of it. */
bool delta_build(const struct delta *x, struct batch *b, const char *table);

/* ---- rehearse.c */

/*
 * Loads and runs a plan file in a network namespace of its own, which vanishes
 * with the netlink socket that is returned in *fd (may be NULL): to find what
 * only a real commit finds. -1: err.
 */
int rehearse(const struct state_dir *s, const char *name, const char *table,
	     int *fd, struct buf *err);

#endif
