#ifndef INVENTORY_INTERNAL_H
#define INVENTORY_INTERNAL_H

#include "inventory/inventory.h"

void inventory_csv(struct inventory *v, const struct source *src);
void inventory_netbox(struct inventory *v, const struct source *src);
void inventory_nmap(struct inventory *v, const struct source *src);
void inventory_ansible(struct inventory *v, const struct source *src);

struct inv_host *inv_add(struct inventory *v, const char *name,
			 struct span at);
/* "10.0.0.1" or "10.0.0.1/24", or a message; of many, white space between. */
void inv_addresses(struct inventory *v, struct inv_host *h, const char *s,
		   struct span at);
/* Nothing where value is NULL or empty. */
void inv_word(struct inventory *v, struct inv_host *h, const char *kind,
	      const char *value, struct span at);
/* The same of what the list says is one of our roles. */
void inv_role(struct inventory *v, struct inv_host *h, const char *value,
	      struct span at);

#endif
