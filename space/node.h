#ifndef SPACE_NODE_H
#define SPACE_NODE_H

#include <string.h>

#include "space/space.h"

/*
 * A node's n children and the upper ends of its first n-1 edges (the last
 * ends at the field's maximum) stand in one pool of 32-bit words: children
 * first, then ends of two words, or of four where one needs more than 64 bits.
 */
struct space_node {
	uint32_t off, n, hash;
	uint16_t field;
	uint16_t wide;
};

struct space_edge {
	space_val hi;
	uint32_t to;
};

struct space_memo {
	uint32_t a, b, op, r;
};

struct space {
	struct space_field f[SPACE_FIELDS];
	unsigned nf;
	struct space_node *node;
	uint32_t n, cap;
	uint32_t *word;
	size_t nword, capword;
	uint32_t *table; /* node + 1, open addressing */
	uint32_t tmask;
	struct space_memo *memo; /* lossy, direct mapped; a 0xffffffff: empty */
	uint32_t mmask;
	uint32_t era; /* in the upper bits of the memo's ops: what is older is
		       * forgotten */
	uint32_t *seen; /* by node, then by small leaf: the walk that came last */
	uint32_t nseen, walk;
	struct space_edge *stack; /* edges of nodes being made */
	size_t sp, scap;
};

static inline unsigned node_level(const struct space *s, uint32_t a)
{
	return space_is_leaf(a) ? s->nf : s->node[a].field;
}

static inline uint32_t node_to(const struct space *s, uint32_t a, uint32_t i)
{
	return s->word[s->node[a].off + i];
}

static inline space_val node_hi(const struct space *s, uint32_t a, uint32_t i)
{
	const struct space_node *nd = &s->node[a];
	const uint32_t *w = s->word + nd->off + nd->n;
	space_val wide;
	uint64_t narrow;

	if (i + 1 == nd->n)
		return s->f[nd->field].max;
	if (nd->wide) {
		memcpy(&wide, w + (size_t)i * 4, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, w + (size_t)i * 2, sizeof(narrow));
	return narrow;
}

/* The child that a packet with this value goes to. */
uint32_t node_step(const struct space *s, uint32_t a, space_val v);

/* Makes a node: edges pushed in ascending order from a mark on. */
static inline size_t edges_mark(const struct space *s)
{
	return s->sp;
}

void edges_grow(struct space *s);
uint32_t edges_node(struct space *s, size_t mark, unsigned field);

static inline void edges_push(struct space *s, size_t mark, space_val hi,
			      uint32_t to)
{
	if (s->sp > mark && s->stack[s->sp - 1].to == to) {
		s->stack[s->sp - 1].hi = hi;
		return;
	}
	if (s->sp == s->scap)
		edges_grow(s);
	s->stack[s->sp++] = (struct space_edge){hi, to};
}

#endif
