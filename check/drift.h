#ifndef CHECK_DRIFT_H
#define CHECK_DRIFT_H

#include "base/buf.h"
#include "check/rules.h"

/*
 * What is different in a ruleset, object by object, for the reader: what it
 * does is another question (verify.h). Objects are known again by the handles
 * that the kernel gives and never reuses; where a table was made anew, by name
 * and content. Counts are no difference, nor are elements that time out.
 */
enum drift_what {
	DRIFT_TABLE, DRIFT_CHAIN, DRIFT_RULE, DRIFT_SET, DRIFT_ELEMENT,
	DRIFT_OBJECT, DRIFT_WHATS
};
enum drift_how {
	DRIFT_ADDED, DRIFT_DELETED, DRIFT_CHANGED, DRIFT_RENAMED,
	DRIFT_REPLACED, /* a rule by another, in its place */
	DRIFT_ANEW,	/* deleted and made again */
	DRIFT_HOWS
};

extern const char *const drift_what_name[DRIFT_WHATS];
extern const char *const drift_how_name[DRIFT_HOWS];

struct drift {
	enum drift_what what;
	enum drift_how how;
	uint32_t family;
	const char *table;
	const char *name;   /* of chain, set, object; "" for a table */
	const char *detail; /* the rule, the element, "policy accept, it was
			       drop"; "" */
};

struct drifts {
	VEC(struct drift) v;
	size_t more; /* beyond `most`, not listed */
};

struct drift_options {
	size_t most;
	/* The name by which a table is known again, from one ruleset to the
	 * next; NULL: it is left out. Without this function: its own. */
	const char *(*known_as)(void *ctx, const struct kruleset *rs,
				const struct kr_table *t);
	void *ctx;
};

void drift_compare(struct arena *a, const struct kruleset *before,
		   const struct kruleset *after,
		   const struct drift_options *opt, struct drifts *out);

/* words.c: a rule or an element in few words; what there are none for is named
 * in brackets. */
void rule_words(const struct kr_rule *r, struct buf *out);
void element_words(const struct kr_set *s, const struct kr_elem *e,
		   struct buf *out);

#endif
