#ifndef BUNDLE_WRITE_H
#define BUNDLE_WRITE_H

#include "base/buf.h"
#include "bundle/keep.h"

struct writer {
	struct keep *k;
	struct buf *out;
	const char **zone_name; /* by zone id: its own, or "via-N" */
	const char **firewall_name;
	const struct plan *sorts; /* or NULL: see bundle.h */
	VEC(const char *) extra;  /* roles of no flow */
	const uint32_t *sort; /* by party id, with sorts: its largest class;
				 NONE */
};

/* name="value", escaped; nothing where value is NULL. */
void write_attr(struct writer *w, const char *name, const char *value);
/* name="words", of text that the caller frees. */
void write_words(struct writer *w, const char *name, struct buf *words);
/* Of ports, or of keys of one protocol. */
void write_ports(struct writer *w, const char *name, struct key_set v);
/* Declares it, once, and lends it. */
const char *write_extra_role(struct writer *w, const char *name);
/* That nothing of the topology has. */
const char *write_free_name(struct writer *w, const char *like);
/* A word of an end that nothing here is in. */
void put_nobody(struct writer *w, struct buf *b);
void put_word(struct buf *b, const char *s);

/* places.c: zones, networks, hosts. */
void write_places(struct writer *w);
/* Is the interface's address there, in the part? */
bool keeps_address(const struct keep *k, const struct firewall *f,
		   const struct interface *i);

#endif
