#ifndef CLI_SPLICE_H
#define CLI_SPLICE_H

#include "base/buf.h"
#include "topology/topology.h"

/* Text for one element of a file: written behind its start tag; an empty
 * element is opened for it. */
struct splice {
	const struct party *into;
	/* Whole lines, indented by so many spaces. */
	void (*put)(void *ctx, const struct party *into, size_t indent,
		    struct buf *out);
	void *ctx;
};

/* The file with all of them; v gets sorted. */
void splice_text(const struct source *src, struct splice *v, size_t n,
		 struct buf *out);

#endif
