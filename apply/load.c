#include "apply/load.h"

#include <linux/netfilter/nf_tables.h>

void load_begin(struct load *l, struct nft *n, const char *table,
		const struct generations *g, int slot, struct buf *err)
{
	*l = (struct load){ .table = table, .slot = slot, .err = err,
			    .result = BATCH_DONE };
	batch_init(&l->batch, n, g->generation, generation_slot[slot]);
	/* left behind by one that did not come to its end */
	if (g->slot[slot] != SLOT_EMPTY)
		batch_add_table(&l->batch, NFT_MSG_DELTABLE, table,
				generation_slot[slot], 0);
}

int load_unit(void *ctx, const char *unit, size_t n)
{
	struct load *l = ctx;

	if (!batch_has_room(&l->batch, n))
		l->result = batch_commit(&l->batch, l->err);
	if (l->result != BATCH_DONE)
		return -1;
	batch_add(&l->batch, unit, n);
	return 0;
}

/* Whoever changed rules meanwhile, this table is ours, and dormant. */
static void take_back(struct load *l)
{
	struct nft *n = l->batch.nft;
	struct buf ignore = { 0 };
	struct generations g;
	struct batch b;

	for (int tries = 0; tries < 5; tries++) {
		if (generations_read(n, l->table, &g, &ignore) < 0 ||
		    g.slot[l->slot] != SLOT_DORMANT)
			break;
		batch_init(&b, n, g.generation, generation_slot[l->slot]);
		batch_add_table(&b, NFT_MSG_DELTABLE, l->table,
				generation_slot[l->slot], 0);
		if (batch_commit(&b, &ignore) != BATCH_STALE)
			tries = 5;
		batch_free(&b);
	}
	buf_free(&ignore);
}

enum batch_result load_end(struct load *l, bool complete)
{
	if (l->result == BATCH_DONE && complete)
		l->result = batch_commit(&l->batch, l->err);
	if (l->result == BATCH_DONE && !complete)
		l->result = BATCH_FAILED;
	if (l->result != BATCH_DONE)
		take_back(l);
	batch_free(&l->batch);
	return l->result;
}

enum batch_result switch_to(struct nft *n, const char *table,
			    const struct generations *g, int slot,
			    bool delete_others, uint32_t *generation,
			    struct buf *err)
{
	enum batch_result result;
	struct batch b;

	batch_init(&b, n, *generation, generation_slot[slot]);
	batch_add_table(&b, NFT_MSG_NEWTABLE, table, generation_slot[slot], 0);
	for (int i = 0; i < GENERATION_SLOTS; i++) {
		if (i == slot || g->slot[i] == SLOT_EMPTY)
			continue;
		if (delete_others)
			batch_add_table(&b, NFT_MSG_DELTABLE, table,
					generation_slot[i], 0);
		else if (g->slot[i] == SLOT_RUNNING)
			batch_add_table(&b, NFT_MSG_NEWTABLE, table,
					generation_slot[i],
					NFT_TABLE_F_DORMANT);
	}
	result = batch_commit(&b, err);
	*generation = b.generation;
	batch_free(&b);
	return result;
}
