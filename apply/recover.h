#ifndef APPLY_RECOVER_H
#define APPLY_RECOVER_H

#include "apply/state.h"

enum recovered {
	RECOVERED_NOTHING, /* nothing was under way */
	RECOVERED_BACK,	   /* what ran before the apply runs, alone */
	RECOVERED_FORWARD, /* the new rules run, alone, and will at boot */
	RECOVERED_ASIDE,   /* nobody understood the journal: it was kept as
			      journal.damaged, as err says, and not followed */
	RECOVERED_NOT,	   /* err says why; the journal stands */
};

/*
 * Ends an apply that its processes did not: by the journal and by what is
 * loaded. Not confirmed means back. The lock is held. Done twice, or by two at
 * once, it does no harm: every batch rests on the generation that was read.
 *
 * A journal that is damaged ends it, since what runs may be on trial; not
 * where nothing is loaded, as after a reboot, nor where boot.plan is what will
 * run whatever runs now (to_boot).
 */
enum recovered recover(struct state_dir *s, struct nft *n, const char *table,
		       bool to_boot, struct buf *err);

/* The same by a journal that is at hand: whoever holds it needs no disk. */
enum recovered recover_by(struct state_dir *s, struct nft *n,
			  const char *table, const struct journal *j,
			  struct buf *err);

/* Deletes generations that do not run. */
int delete_dormant(struct nft *n, const char *table, struct buf *err);

/* Loads a plan file of the state directory into a free slot. On success *slot
 * is where, and g is as it is afterwards. */
enum batch_result load_plan_file(struct state_dir *s, const char *name,
				 struct nft *n, const char *table,
				 struct generations *g, int *slot,
				 struct buf *err);

#endif
