#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include "cli/cli.h"

struct ruleset;

/* One side of the question: addresses to ask for. */
struct side {
	const char *name;
	struct addr *v;
	size_t n;
};

struct question {
	struct args *a;
	struct loaded l;
	struct ruleset **rules; /* by firewall, made when first asked */
	struct buf text;
	size_t allowed, denied;
	bool no_such_family;
};

/* explain_question.c: EXIT_OK, or a message. */
int read_side(struct question *q, const char *word, struct side *out);
/* What the word means at this destination. */
int read_keys(struct question *q, const char *word, struct addr dst,
	      struct key_set *out);
/* Of a service at a destination: its keys there are added. */
void read_service_keys(struct question *q, const struct service *s,
		       struct addr dst, struct key_set *out);

#endif
