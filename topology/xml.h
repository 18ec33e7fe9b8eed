#ifndef TOPOLOGY_XML_H
#define TOPOLOGY_XML_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"

#define PORTPLAN_NS "urn:portplan:1"

/* An element as written. Places are looked up in the source when a message
 * needs them: libxml2 keeps neither columns nor the places of attributes. */
struct xml_attr {
	const char *name;  /* local part */
	const char *value; /* references resolved, white space as XML says */
	const char *uri;   /* namespace; NULL for ours */
};

struct xml_element {
	const char *name; /* local part */
	const char *uri;  /* namespace, NULL if none */
	struct xml_element *parent, *first, *last, *next;
	struct xml_attr *attr;
	unsigned n_attr;
	const struct source *src;
	uint32_t off; /* of '<' */
};

/*
 * Reads a whole file. NULL and a message in d if it cannot be read or is
 * larger than any of its kind, which the message names ("topology"); at is the
 * place that named it (or no place).
 */
struct source *source_read(struct arena *a, const char *path, const char *kind,
			   struct span at, struct diags *d);
/* What the arena holds of the file since it was last read into it; NULL:
 * nothing. */
struct source *source_again(const struct arena *a, const char *path);
struct source *source_from_text(struct arena *a, const char *name,
				const char *text, size_t len, struct diags *d);

/*
 * Parses it: no DOCTYPE, no entities but XML's own five, no network, UTF-8.
 * NULL and messages if it is not well-formed. begins: the element to name
 * where it is no XML at all; it is not held against the root.
 */
struct xml_element *xml_parse(struct arena *a, const struct source *src,
			      const char *begins, struct diags *d);

/* Foreign text as a message has room for it. */
const char *xml_shown(struct arena *a, const char *s);

/* NULL if absent. */
const char *xml_attr(const struct xml_element *e, const char *name);

struct span xml_span(const struct xml_element *e); /* "<name" */
/* The attribute's name; the element if it is absent. */
struct span xml_attr_name_span(const struct xml_element *e, const char *name);
/* Its value without quotes; the element if it is absent. */
struct span xml_value_span(const struct xml_element *e, const char *name);
/* The word of a list-valued attribute at [off, off + len) of the value. */
struct span xml_word_span(const struct xml_element *e, const char *name,
			  size_t off, size_t len);

#endif
