#ifndef APPLY_BATCH_H
#define APPLY_BATCH_H

#include "apply/nft.h"

/*
 * Messages that the kernel takes all or none of, on top of a generation of
 * rules that nobody changed since it was read.
 */
struct batch {
	struct nft *nft;
	char *buf;
	size_t n, cap;	     /* bytes, the header included */
	uint32_t first;	     /* sequence number of the header */
	uint32_t messages;
	uint32_t generation; /* the rules must be this one; moves on */
	char slot;	     /* third byte of table names */
};

enum batch_result {
	BATCH_DONE,
	BATCH_FAILED, /* err names the object that the kernel refused */
	BATCH_STALE,  /* somebody changed rules: nothing was done */
};

void batch_init(struct batch *b, struct nft *n, uint32_t generation, char slot);
void batch_free(struct batch *b);
bool batch_has_room(const struct batch *b, size_t len);
/* Whole messages; must have room. Table names get b->slot. */
void batch_add(struct batch *b, const char *messages, size_t len);
/* A message of one's own about tables: type NFT_MSG_NEWTABLE with flags, or
 * NFT_MSG_DELTABLE. */
void batch_add_table(struct batch *b, uint16_t type, const char *table,
		     char slot, uint32_t flags);
/* Sends it and empties it. An empty batch is done. */
enum batch_result batch_commit(struct batch *b, struct buf *err);

/* ---- explain.c */

/* "set pp_x, element tcp . 80 (reason)" of a message, offset being what the
 * kernel points at; 0: the message as a whole. */
void explain_object(const struct nlmsghdr *h, uint32_t offset,
		    struct buf *out);
const char *explain_errno(int error);

#endif
