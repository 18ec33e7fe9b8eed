#ifndef GEN_DISPATCH_H
#define GEN_DISPATCH_H

#include "gen/internal.h"

typedef VEC(uint32_t) u32_list;

struct triple {
	uint32_t from, to, entry;
	uint32_t instead; /* entry of a wide pair that this one holds; NONE */
};

/* All atoms of one list may do to all of another. */
struct bulk {
	uint32_t from, to; /* in sides */
	uint32_t entry, instead;
};

/* A row's item: destination atom and what may be done there. */
struct cellref {
	uint32_t to, mix;
};

/* What many sources have in their rows. */
struct base {
	struct cellref *ref; /* ascending by destination */
	uint32_t *id;	     /* ref ids; NONE: none has it */
	size_t n_ref, size; /* size: elements of a map with all of them */
	uint32_t *n_over;	/* by ref: groups that have another there */
	VEC(uint32_t) *over;	/* which, once groups are sorted */
	VEC(uint32_t) groups;	/* that have the rest of it */
};

struct group {
	u32_list atoms; /* sources with this row */
	uint32_t base; /* in bases: row says what is different; NONE: all */
	struct cellref *row; /* ascending; mix NONE: nothing there */
	size_t n_row;
	const char *label;
	VEC(uint32_t) blocks;
};

/* Destinations of a block that may be asked for the same; [0] is IPv6, [1]
 * IPv4. */
struct target {
	uint32_t mix;
	const char *chain, *label;
	u32_list atoms;
	size_t n_cell;
	bool any; /* destinations without addresses */
	struct addresses *at[2]; /* of atoms; NULL: not looked up yet */
	const struct rs_set *set[2];
};

/* Destinations that the same groups reach. */
struct block {
	VEC(struct cellref) refs;
	VEC(struct target) targets;
	unsigned from; /* families of the groups */
	bool spread; /* a set and a rule for each target, no map */
	bool overlap; /* a destination may stand in several targets */
	const struct rs_set *map[2];
};

typedef VEC(struct group) group_list;
typedef VEC(struct block) block_list;

/* Where a flow that is spelled out is asked for. */
enum exact_place {
	EXACT_FIRST, /* something wider plans it too: its counter counts */
	EXACT_PORTS, /* on ports that nothing wider has: behind a look at the
			port, before the classes */
	EXACT_LAST,  /* after the classes: most packets never get there */
};

/* A flow from one address to another, spelled out. */
struct exact {
	struct addr src, dst;
	uint32_t key, reason;
	uint32_t from, to; /* classes */
	double breadth;
	enum exact_place place;
};

struct work {
	struct dispatch *x;
	struct gen *g;
	struct arena *a;
	const struct plan *p;
	VEC(struct entry) entries;
	struct map entry_ids;
	VEC(struct atom) atoms;
	struct map atom_ids; /* class, ends -> atom */
	struct { uint32_t *v; size_t n; } *class_atoms;
	struct map class_sides; /* class, end -> struct side */
	struct map cell_atoms; /* of classes that are split: cell -> atom */
	unsigned char *cut;  /* by end id: some wide product cuts by it */
	VEC(uint32_t) wide;
	VEC(struct triple) triples;
	VEC(struct bulk) bulks;
	VEC(struct base) bases;
	struct lists mixes, rows, sides;
	struct map addresses; /* family, atoms -> struct addresses */
	bool share;	   /* groups have blocks in common */
	struct map chains; /* mix -> chain, if so */
	struct map said;   /* base's mix, triples -> mix */
	struct map joined; /* mixes -> mix of them all */
	VEC(struct cellref) refs; /* by ref id */
	struct map ref_ids;
	group_list groups, apart;
	block_list blocks, apart_blocks; /* a group apart has one */
	VEC(struct exact) exact;
};

/* gather.c: from pairs and products to atoms and triples; small exceptions
 * go to exact.c on the way. */
void dispatch_gather(struct work *w);
uint32_t dispatch_entry(struct work *w, struct entry e);
/* dispatch.c: their addresses of one family, found once */
struct addresses *dispatch_addresses(struct work *w, const u32_list *atoms,
				     bool v4);
/* FAM_… of an atom's addresses */
unsigned atom_families(const struct work *w, const struct atom *a);

/* rows.c: sorts triples, without those that stand in the place of others; then
 * from triples and bulks to groups of sources */
void dispatch_sort(struct work *w);
void dispatch_groups(struct work *w);
uint32_t dispatch_ref(struct work *w, struct cellref r);
/* All of a group's row becomes part of a block. */
void dispatch_row(struct work *w, const struct group *g, struct block *out);
/* Index in the base's refs of what goes there; SIZE_MAX. */
size_t base_find(const struct base *b, uint32_t to);

/* apart.c: takes bulks out that need not be in rows, as groups of their own */
void dispatch_apart(struct work *w);

/* blocks.c: the order of groups */
int group_order(const void *a, const void *b);
/* FAM_… of the sources of a group */
unsigned group_families(const struct work *w, const struct group *g);
/* Sorts groups and shares out their destinations; true: groups share
 * blocks, false: each has one of its own, in their order */
bool dispatch_blocks(struct work *w);

/* exact.c */
bool dispatch_exact(struct work *w, const struct product *x);
void dispatch_count_flows(struct work *w);
void dispatch_exact_rules(struct work *w, enum exact_place place);
/* Finds every flow's place; all of triples must be there. */
void dispatch_exact_sort(struct work *w);

#endif
