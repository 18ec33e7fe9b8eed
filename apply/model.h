#ifndef APPLY_MODEL_H
#define APPLY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "apply/nft.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"

/*
 * A table's content, to be compared: from the kernel, or from the messages
 * that would make it (stream.h), by the same reading of the same attributes.
 * Handles, positions and counts of uses are left out; what an expression says
 * is kept as bytes in one order, without attributes that are zero.
 */
struct model_elem {
	const uint8_t *key, *key_end; /* key_end NULL: none */
	uint32_t flags;		      /* NFT_SET_ELEM_… */
	const char *comment;	      /* NULL: none */
	const uint8_t *udata;	      /* the comment and more, as it is kept */
	uint16_t udata_len;
	bool verdict;
	int32_t code;		      /* of the verdict */
	const char *chain;	      /* it leads to, or NULL */
	const uint8_t *data;	      /* else, of data_len of the set; NULL */
	bool counted;
	uint64_t packets, bytes;
	bool timeout;		      /* it goes by itself */
};

struct model_set {
	const char *name;
	uint32_t id; /* in a stream; 0 from the kernel */
	uint32_t flags, key_type, key_len, data_type, data_len;
	bool counter;
	VEC(struct model_elem) elems;
	struct map index; /* key and flags -> index + 1 */
};

struct model_rule {
	const uint8_t *code; /* in the form described above */
	size_t n;
	const char *comment;
	uint64_t handle; /* 0 in a stream */
	const void *exprs; /* in a stream: the attribute's payload, as sent */
	uint16_t exprs_len;
	bool anonymous;	   /* it asks a set that comes with it */
	bool counted;
	uint64_t packets, bytes; /* of its counters together */
};

struct model_chain {
	const char *name;
	bool base;
	uint32_t hook, policy;
	int32_t priority;
	VEC(struct model_rule) rules;
};

struct model {
	struct arena *arena;
	const char *table; /* with the first slot's name */
	bool there;
	uint32_t flags;
	uint64_t handle; /* from the kernel */
	VEC(struct model_set *) sets;
	VEC(struct model_chain *) chains;
	struct map set_index, chain_index;
	uint32_t generation; /* from the kernel: as it was read */
	bool grace; /* a grace period runs in it, which is left out */
	bool bad; /* something could not be read: nothing can be proven */
};

struct model *model_new(struct arena *a, const char *table);
/* Takes the messages of a unit of a stream; of another table: ignored. */
int model_unit(void *model, const char *unit, size_t n);
struct model_set *model_set(const struct model *m, const char *name);
/* An empty one of the same kind and name. */
struct model_set *model_add_set(struct model *m, const struct model_set *like);
/* The element there that has e's key and flags, or NULL. */
struct model_elem *model_same_key(const struct model_set *s,
				  const struct model_elem *e);
struct model_chain *model_chain(const struct model *m, const char *name);

/*
 * The table of that slot from the kernel; elems false: without elements, whose
 * reading takes the kernel the square of their number in a set. NULL: err.
 */
struct model *model_read(struct arena *a, struct nft *n, const char *table,
			 int slot, bool elems, struct buf *err);
/* The same; the messages with elements are kept as the kernel sent them. Those
 * of anonymous sets and of a grace period, which are few, always come. */
struct model *model_read_keeping(struct arena *a, struct nft *n,
				 const char *table, int slot, bool elems,
				 struct buf *messages, struct buf *err);

/* ---- code.c */

/* An expression list in the form described above; the counters in it are
 * added up in r and left out. */
struct nlattr;
void model_code(struct model *m, const struct nlattr *list,
		struct model_rule *r);

/* ---- compare.c */

enum model_what { MODEL_TABLE, MODEL_CHAIN, MODEL_SET, MODEL_ELEM, MODEL_RULES };
enum model_how { MODEL_MISSING, MODEL_EXTRA, MODEL_CHANGED };

struct model_difference {
	enum model_what what;
	enum model_how how; /* in the first, against the second */
	const char *name;   /* of set or chain */
	const struct model_set *set;	/* of the element; its own side's */
	const struct model_elem *elem;	/* MODEL_ELEM: CHANGED: expected's */
	/* MODEL_RULES: from this rule on, so many here, so many expected */
	size_t at, n_have, n_want;
	const struct model_chain *have, *want;
};

struct model_differences {
	VEC(struct model_difference) v;
	size_t more; /* beyond `most`, not listed */
};

/* What tells have from want, in the order of their objects; at most so many. */
void model_compare(struct arena *a, const struct model *have,
		   const struct model *want, size_t most,
		   struct model_differences *out);
/* "set pp_x: element … is missing" */
void model_difference_text(const struct model_difference *d, struct buf *out);
/* Of everything but counters. */
uint64_t model_hash(const struct model *m);

#endif
