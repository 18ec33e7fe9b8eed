#ifndef APPLY_LOAD_H
#define APPLY_LOAD_H

#include "apply/batch.h"
#include "apply/generation.h"

/*
 * Loads a generation dormant, in as many batches as the socket needs, each on
 * top of the last: a foreign change in between ends it. As a stream's taker:
 *
 *	load_begin(&l, &nft, "pp_inner", &generations, slot, &err);
 *	stream_init(&s, load_unit, &l);
 *	build_generation(rules, &s, &err) or plan_file_stream(...)
 *	load_end(&l, whether all of it came);
 */
struct load {
	struct batch batch;
	const char *table;
	int slot;
	enum batch_result result;
	struct buf *err;
};

void load_begin(struct load *l, struct nft *n, const char *table,
		const struct generations *g, int slot, struct buf *err);
int load_unit(void *ctx, const char *unit, size_t n);
/* Sends the rest. What was loaded of a generation that failed is deleted. */
enum batch_result load_end(struct load *l, bool complete);

/* One batch: this slot runs, the others that run become dormant, or are
 * deleted. *generation moves on. */
enum batch_result switch_to(struct nft *n, const char *table,
			    const struct generations *g, int slot,
			    bool delete_others, uint32_t *generation,
			    struct buf *err);

#endif
