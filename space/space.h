#ifndef SPACE_SPACE_H
#define SPACE_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"

/*
 * Sets of packets, and functions of packets, as interval decision diagrams.
 * A node decides one field: its edges cut the field's whole range into
 * intervals, neighbours lead to different nodes, fields come in a fixed order.
 * Nodes are hash-consed, so two diagrams are equal if their numbers are, and
 * every function of packets has exactly one number.
 *
 * A number is a node, or a leaf that carries a value below 2^31. A set of
 * packets is a diagram whose leaves are SPACE_NO and SPACE_ALL.
 */
__extension__ typedef unsigned __int128 space_val;

struct space;

struct space_field {
	const char *name;
	space_val max; /* the field's values are 0..max */
};

#define SPACE_FIELDS 24 /* at most */
#define SPACE_LEAF UINT32_C(0x80000000)
#define SPACE_NO (SPACE_LEAF | 0)
#define SPACE_ALL (SPACE_LEAF | 1)
#define SPACE_OPEN UINT32_MAX /* no diagram: space_op.early does not know */

static inline uint32_t space_leaf(uint32_t value)
{
	return SPACE_LEAF | value;
}

static inline bool space_is_leaf(uint32_t a)
{
	return a & SPACE_LEAF;
}

static inline uint32_t space_value(uint32_t leaf)
{
	return leaf & ~SPACE_LEAF;
}

static inline space_val space_addr(struct addr a)
{
	return (space_val)a.hi << 64 | a.lo;
}

static inline struct addr space_to_addr(space_val v)
{
	return (struct addr){(uint64_t)(v >> 64), (uint64_t)v};
}

struct space *space_new(const struct space_field *f, unsigned n);
void space_free(struct space *s);
const struct space_field *space_field(const struct space *s, unsigned f);
/* Forgets results of operations: needed where an id gets another context. */
void space_forget(struct space *s);
/* Ids are below it. */
#define SPACE_ERA (UINT32_C(1) << 24)

/* ---- making diagrams */

/* a inside lo..hi of the field, b outside. Both decide later fields only. */
uint32_t space_interval(struct space *s, unsigned field, space_val lo,
			space_val hi, uint32_t a, uint32_t b);

/*
 * An operation on two diagrams, by what it does to two leaves' values. early
 * (may be NULL) answers for whole diagrams where it can. Results are
 * remembered by id: same id, same operation and context. Below 256 is ours.
 */
struct space_op {
	uint32_t id;
	bool commutes;
	uint32_t (*leaf)(void *ctx, uint32_t a, uint32_t b);
	uint32_t (*early)(void *ctx, uint32_t a, uint32_t b);
	void *ctx;
};

extern const struct space_op space_op_or;    /* of sets */
extern const struct space_op space_op_and;   /* of sets */
extern const struct space_op space_op_minus; /* of sets */
extern const struct space_op space_op_xor;   /* of sets */
extern const struct space_op space_op_min;   /* lower value: first match */

/* The early of these: SPACE_ALL decides an or, SPACE_NO an and, and the other
 * leaves all to the other side; so it is of leaves with more values, too. */
uint32_t space_early_or(void *ctx, uint32_t a, uint32_t b);
uint32_t space_early_and(void *ctx, uint32_t a, uint32_t b);

uint32_t space_apply(struct space *s, const struct space_op *op, uint32_t a,
		     uint32_t b);
/* Every leaf's value v becomes leaf(ctx, v, 0). */
uint32_t space_map(struct space *s, const struct space_op *op, uint32_t a);
/* The field is forgotten: op over all its values. */
uint32_t space_project(struct space *s, const struct space_op *op, uint32_t a,
		       unsigned field);

static inline uint32_t space_or(struct space *s, uint32_t a, uint32_t b)
{
	return space_apply(s, &space_op_or, a, b);
}

static inline uint32_t space_and(struct space *s, uint32_t a, uint32_t b)
{
	return space_apply(s, &space_op_and, a, b);
}

static inline uint32_t space_minus(struct space *s, uint32_t a, uint32_t b)
{
	return space_apply(s, &space_op_minus, a, b);
}

static inline uint32_t space_not(struct space *s, uint32_t a)
{
	return space_apply(s, &space_op_minus, SPACE_ALL, a);
}

/* All of v[0..n), which may be overwritten, combined pairwise. */
uint32_t space_fold(struct space *s, const struct space_op *op, uint32_t *v,
		    size_t n, uint32_t empty);

/*
 * Many boxes at once, given by a function: box i constrains the fields named
 * (ascending) to an interval each, and is worth value(i) there; what no box
 * covers is `empty`. Where boxes overlap, op decides, in any order: it must be
 * commutative and associative with `empty` neutral. NULL value: 1.
 */
struct space_boxes {
	size_t n;
	unsigned nfields;
	const uint8_t *field;
	void (*get)(const void *ctx, size_t box, unsigned field, space_val *lo,
		    space_val *hi);
	uint32_t (*value)(const void *ctx, size_t box);
	const void *ctx;
};

uint32_t space_build(struct space *s, const struct space_boxes *b,
		     const struct space_op *op, uint32_t empty);
/* Their union. */
uint32_t space_union(struct space *s, const struct space_boxes *b);
/* Packets whose field is an address of the set, which is sorted for it. */
uint32_t space_addresses(struct space *s, unsigned field, struct addr_set set);

/* ---- asking */

/* The leaf's value at one packet. */
uint32_t space_at(const struct space *s, uint32_t a, const space_val *packet);
/* Does any leaf of a carry it? The leaves' values, ascending, in the arena. */
size_t space_leaves(struct space *s, uint32_t a, struct arena *arena,
		    uint32_t **values);

/* Number of packets: exact, 384 bits, least significant first. */
struct space_count {
	uint64_t w[6];
};

/* Of a set that depends on fields of the mask only; other fields count 1. */
struct space_count space_size(struct space *s, uint32_t a, uint32_t fields);
void space_count_add(struct space_count *a, struct space_count b);
long double space_count_approx(struct space_count c);
/* "4346404469760", from 10^15 on "2^40" where exact, else "about 3.1e27" */
void space_count_text(struct space_count c, struct buf *out);

/* Values tried first, in order, in a field's witness. */
struct space_wish {
	const space_val *v;
	size_t n;
};

/*
 * One packet of a set: field by field the first wish the set still allows,
 * else the lowest value. wish (one per field) may be NULL. False: empty set.
 */
bool space_witness(const struct space *s, uint32_t a,
		   const struct space_wish *wish, space_val *packet);

/* Ascending, disjoint, not adjacent. */
struct space_ivs {
	size_t n;
	struct space_iv {
		space_val lo, hi;
	} * r;
};

/* A product of such sets; NULL: the whole field. */
struct space_cube {
	const struct space_ivs *dim[SPACE_FIELDS];
};

struct space_cubes {
	struct space_cube *v;
	size_t n;
	bool more; /* stopped at the limit */
};

/* A set as few disjoint cubes; at most `limit` before merging. */
struct space_cubes space_to_cubes(struct space *s, uint32_t a,
				  struct arena *arena, size_t limit);

#endif
