#ifndef INVENTORY_INVENTORY_H
#define INVENTORY_INVENTORY_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/vec.h"

/*
 * Hosts as other tools list them: a spreadsheet, NetBox, nmap, Ansible. What
 * a host is there (its group, tag, open port) becomes words "KIND:VALUE",
 * which a map (map.h) turns into roles and zones.
 */
struct inv_word {
	const char *kind, *value;
	struct span at;
	bool role; /* the list calls it a role of ours */
};

struct inv_address {
	struct addr addr;
	int len; /* of its network's prefix; -1 where the list says none */
	struct span at;
};

struct inv_host {
	const char *name; /* as listed; NULL where it has none */
	struct span at;
	VEC(struct inv_address) address;
	VEC(struct inv_word) word;
	const char *zone; /* as listed; NULL */
	const char *owner; /* NULL */
};

struct inventory {
	struct arena *arena;
	struct diags *d;
	VEC(struct inv_host *) hosts;
};

enum inv_format { INV_CSV, INV_NETBOX, INV_NMAP, INV_ANSIBLE, INV_N_FORMATS };

/* "csv", "netbox", "nmap", "ansible"; false if it is none of them. */
bool inventory_format(const char *name, enum inv_format *out);
const char *inventory_format_name(enum inv_format f);
/* By what the text looks like. */
enum inv_format inventory_guess(const struct source *src);

/* Appends the hosts of one file; messages with places go to v->d. */
void inventory_read(struct inventory *v, const struct source *src,
		    enum inv_format f);

#endif
