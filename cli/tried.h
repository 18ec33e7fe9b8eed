#ifndef CLI_TRIED_H
#define CLI_TRIED_H

#include "cli/cli.h"

enum { REVIEW_DAYS = 30 }; /* that what check and audit write holds */

/* An element that is proposed to be added to the topology. */
struct tried_line {
	const char *xml; /* NULL: none */
	const char *why; /* the topology refuses it; NULL: it does not */
};

/* Adds all lines that have no `why` to the topology in memory and compiles it,
 * policies included; by halves, until those that are refused have one. true and
 * the topology with the rest, if that is valid. */
bool tried_lines(struct args *a, const struct loaded *l, struct tried_line *v,
		 size_t n, struct loaded *out);
/* A line each; those with a `why` in comments that tell it. */
void tried_put(const struct tried_line *v, size_t n, struct buf *out);

/* As an XML comment on a line of its own, whatever stands in it. */
void comment_put(const char *text, struct buf *out);

#endif
