#ifndef APPLY_GENERATION_H
#define APPLY_GENERATION_H

#include "apply/nft.h"

/*
 * A firewall's table may be loaded up to three times, under names that differ
 * in the third byte: pp_inner, pp.inner, pp-inner. One runs; the others are
 * dormant: the kernel keeps them, and no packet sees them. A switch is then two
 * flags in one batch. A name in a topology cannot make two firewalls collide,
 * since the first three bytes are ours.
 */
enum { GENERATION_SLOTS = 3 };
extern const char generation_slot[GENERATION_SLOTS];

enum slot_state { SLOT_EMPTY, SLOT_DORMANT, SLOT_RUNNING };

struct generations {
	uint32_t generation; /* of all rules, when this was read */
	enum slot_state slot[GENERATION_SLOTS];
	uint64_t handle[GENERATION_SLOTS]; /* of the table there */
	unsigned running;    /* slots that are */
};

/* Table: as gen names it, "pp_NAME". */
int generations_read(struct nft *n, const char *table, struct generations *g,
		     struct buf *err);
/* Names of running tables that are ours by their name, and of another firewall
 * than this table's: " pp_outer pp.lab". */
int generations_beside(struct nft *n, const char *table, struct buf *names,
		       struct buf *err);
/* Index of the running slot; -1: none. The first of several. */
int generations_running(const struct generations *g);
/* A slot for what is to be loaded: not running, empty if possible. */
int generations_free(const struct generations *g);
/* "pp.NAME"; out has room for it. */
void generation_name(const char *table, int slot, char *out, size_t room);

/* Is it one of the names of that table, in whichever slot? */
bool generation_of(const char *table, const char *name);

/* The table's name in a message, without looking at anything else. */
void generation_set_slot(struct nlmsghdr *h, char slot);

#endif
