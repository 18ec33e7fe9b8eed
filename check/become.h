#ifndef CHECK_BECOME_H
#define CHECK_BECOME_H

#include "check/eval.h"

/*
 * What packets are translated to by two rulesets, leaf by leaf: a packet that
 * passes both may leave as another, or to another, by one of them.
 */
enum become {
	BECOME_SAME,
	BECOME_OTHER,	/* but for packets that are so already: unless */
	BECOME_UNKNOWN, /* ranges, random ports, bytes that rules rewrite */
};

/* All of these hold: the field is the value already. */
struct become_unless {
	uint32_t fields; /* 1 << enum pk_field; 0: no packet */
	uint32_t pad;
	struct addr dst, src;
	uint64_t dport, sport;
};

/* Two evaluators; a side that is no ruleset (NULL) translates nothing that is
 * compared. trees: what was compared so far; begins as zero. */
struct become_pair {
	const struct evaluator *x, *y;
	struct arena *arena;
	struct map trees;
};

/* Leaves of the two. */
enum become become_compare(struct become_pair *p, uint32_t a, uint32_t b,
			   struct become_unless *unless);
/* Of undecided ones: does each come true where the other does? */
bool become_alike(struct become_pair *p, uint32_t a, uint32_t b);
/* The packets of it. */
uint32_t become_unless_set(struct space *s, const struct become_unless *u);

/* For values of which nothing is known: the same number is the same. */
uint64_t become_id(const struct kr_rule *r);
enum { BECOME_OWN_ADDRESS = 1, BECOME_RANDOM_PORT = 2 };

#endif
