#ifndef INVENTORY_MAP_H
#define INVENTORY_MAP_H

#include "inventory/inventory.h"

/*
 * What the words of an inventory mean, a line each; # begins a comment:
 *
 *	role:mailbox   = back-end inbound-smtp
 *	tag:dc*        = domain-controller
 *	port:tcp/25    = inbound-smtp
 *	zone:Server LAN = inside
 *	name:print*    = mail-sender
 *	tag:spare      =
 *
 * Case does not matter, * at the end stands for anything, no role at all
 * says that the word means nothing here.
 */
struct inv_role {
	const char *name;
	struct span at;
};

struct inv_rule {
	const char *kind, *pattern;
	struct span at;
	VEC(struct inv_role) role; /* kind "zone": the one zone */
	bool used;
};

struct inv_map {
	VEC(struct inv_rule) rules;
};

void inv_map_read(struct arena *a, const struct source *src,
		  struct inv_map *m, struct diags *d);
/* The next rule for the word at or behind *i, *i then behind it; NULL. */
struct inv_rule *inv_map_next(struct inv_map *m, const char *kind,
			      const char *value, size_t *i);

#endif
