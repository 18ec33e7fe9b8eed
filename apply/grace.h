#ifndef APPLY_GRACE_H
#define APPLY_GRACE_H

#include "apply/batch.h"
#include "apply/generation.h"

enum { GRACE_MOST = 86400 }; /* seconds */

/*
 * A grace period begins (anew) in the generation of a slot that was made for
 * it: the kernel ends it after that many seconds, whoever lives then.
 * g->generation moves on.
 */
enum batch_result grace_start(struct nft *n, const char *table,
			      struct generations *g, int slot,
			      unsigned seconds, struct buf *err);

#endif
