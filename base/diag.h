#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/* One input file, whole. */
struct source {
	const char *name;
	const char *text;
	size_t len;
	unsigned order; /* in which files were read: messages sort by it */
};

/* A place in it, in bytes. src NULL: no place (command line). */
struct span {
	const struct source *src;
	uint32_t off, len;
};

enum severity { SEV_ERROR, SEV_WARNING, SEV_NOTE };

struct diag {
	enum severity sev;
	struct span at;
	const char *msg;
	struct span also; /* a second place, if src */
	const char *also_msg;
	unsigned order;
};

/* What was found wrong, collected: nobody prints, nobody stops at the first. */
struct diags {
	struct arena *arena;
	struct diag *v;
	size_t n, cap;
	size_t n_errors, n_warnings;
	unsigned n_sources;
};

void diags_init(struct diags *d, struct arena *a);
void diag_add(struct diags *d, enum severity sev, struct span at,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same, naming a second place: "t.xml:4:3: first given here". */
void diag_add2(struct diags *d, enum severity sev, struct span at,
	       struct span also, const char *also_msg, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* 1-based line and column; a column is one character of UTF-8. */
void span_position(struct span s, unsigned *line, unsigned *col,
		   unsigned *end_col);

/*
 * In nft's layout, sorted by place, errors and warnings together; at most
 * `most` of them, then a count of the rest:
 *	t.xml:3:14-19: Error: ...
 *	  <host name="fe1" adress="192.0.2.10"/>
 *	                   ^^^^^^
 */
void diags_print(struct diags *d, struct buf *out, size_t most);

/* The name nearest to s by edit distance, or NULL if none is near. */
const char *nearest_name(const char *s, const char *const *names, size_t n);

#endif
