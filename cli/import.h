#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "base/map.h"
#include "cli/cli.h"
#include "inventory/map.h"

/* A host with its place in the topology, or why it has none. */
struct placed {
	const struct inv_host *host;
	const char *name, *roles; /* roles: "" if none */
	const struct party *where;
	const char *why; /* not placed; NULL */
	bool there;	 /* the topology has it already */
};

struct import {
	struct args *a;
	struct inventory inv;
	struct inv_map map;
	struct loaded l; /* what the hosts go into */
	struct diags diags;
	VEC(struct placed) placed;
	VEC(const struct inv_word *) unknown; /* words that mean no role */
	VEC(size_t) n_unknown;
	struct map unknown_ids, names;
};

/* import_place.c: fills placed and unknown. */
void import_place(struct import *m);
/* Are the roles and zones of the map there? Messages; false if not. */
bool import_check_map(struct import *m);
/* "; did you mean ..." of the topology's roles; "" if none is near. */
const char *import_near_role(struct import *m, const char *name);

/* import_write.c: the topology's text with the hosts in it. */
void import_splice(struct import *m, struct buf *out);
/* The hosts of one place, as a file to be included there. */
void import_include(struct import *m, const struct party *where,
		    struct buf *out);
/* The element that includes such a file. */
void import_element(const char *file, struct buf *out);
/* A topology of the zones that the inventory names, without hosts. */
void import_skeleton(struct import *m, const char *templates,
		     struct buf *out);

#endif
