#ifndef CHECK_BITS_H
#define CHECK_BITS_H

#include "check/packet.h"

/*
 * What a register holds, bit by bit: a constant, a bit of a packet's field, a
 * bit of a small field's view (struct pk_names), or something not modelled.
 * Loads of any width at any offset, masks, byte swaps and concatenations only
 * move bits; a comparison cuts them into runs again.
 */
enum rbit_kind { RB_CONST, RB_FIELD, RB_VIEW, RB_OPAQUE };

struct rbit {
	uint8_t kind;
	uint8_t arg; /* 0 or 1; field; view */
	uint8_t pos; /* field: from its least significant bit; view: from the
			first byte's most significant */
	uint8_t inv;
	uint32_t why; /* opaque: a reason of the scope */
};

enum { REG_BITS = KR_REG_WORDS * 32 };

/* IPv4's 32 bits of the address fields: the rest of those is then known. */
enum { PK_DST4 = PK_FIELDS, PK_SRC4 };

unsigned bits_field(unsigned arg); /* the field that is meant */
space_val bits_base(unsigned arg); /* what stands above the bits */

struct regs {
	struct rbit bit[REG_BITS];
};

/* First bit of register; -1: no such, or too few bytes behind it. */
int reg_bit(uint32_t reg, uint32_t bytes);

struct bits_ctx {
	struct space *s;
	const struct pk_names *names;
	const struct kruleset *rs;
	uint32_t why_scattered;
};

/*
 * Sets of packets with a third value: leaf 0 no, 1 yes, 2 + w "depends on what
 * is not modelled", w a reason.
 */
#define TRI_MAYBE(why) space_leaf(2 + (why))
extern const struct space_op tri_and, tri_or, tri_not;

/* Bits at..at+8n-1 of r equal to, not above, not below n bytes. */
uint32_t bits_equal(const struct bits_ctx *c, const struct rbit *r,
		    const uint8_t *v, unsigned bytes);
uint32_t bits_below(const struct bits_ctx *c, const struct rbit *r,
		    const uint8_t *v, unsigned bytes, bool or_equal);
uint32_t bits_between(const struct bits_ctx *c, const struct rbit *r,
		      const uint8_t *lo, const uint8_t *hi, unsigned bytes);

/* A run of bits that belong together. */
struct run {
	struct rbit first;
	unsigned at, n; /* where in the slice */
};

/* n_bits of r as runs; out has room for n_bits. */
unsigned bits_runs(const struct rbit *r, unsigned n_bits, struct run *out);
space_val bits_value(const uint8_t *v, unsigned at, unsigned n);
/* Ids of the view whose bits of the run are in lo..hi. At most 65536 ids. */
bool view_has(const struct bits_ctx *c, const struct run *r, unsigned id,
	      space_val lo, space_val hi);
/* The run is all bits of its field. */
bool run_whole(const struct bits_ctx *c, const struct run *r);

#endif
