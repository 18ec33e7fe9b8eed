#ifndef APPLY_KNOWN_H
#define APPLY_KNOWN_H

#include "apply/apply.h"

/*
 * What runs, without asking the kernel for its elements, which takes it the
 * square of their number in a set. The kernel counts every transaction of a
 * network namespace: if that number is what it was after the last apply, the
 * elements are those of boot.plan. The file `runs` of the state directory says
 * which number that was, of which run of the kernel and which namespace (by
 * its cookie, which is never given twice), and of which boot.plan. All that is
 * not elements is read from the kernel all the same, and must be as in
 * boot.plan.
 */

/* boot.plan runs in that slot, alone, since that generation began: for the
 * next apply. Best effort. */
void known_write(const struct state_dir *s, struct nft *n, const char *table,
		 int slot, uint32_t generation);
/* NULL: not known. Else as model_read() would read it, but without what
 * elements have counted; messages as of model_read_keeping(). */
struct model *known_read(struct arena *a, const struct state_dir *s,
			 struct nft *n, const char *table, int slot,
			 struct buf *messages);
/* What has been counted by elements of which the delta changes the words, so
 * that their counts go on. False: too many to be asked for. */
bool known_counts(struct arena *a, struct nft *n, int slot,
		  const struct delta *x);

#endif
