#ifndef ADVICE_XPATH_H
#define ADVICE_XPATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/*
 * XPath 1.0 over one document, by libxml2. The prefix p stands for the
 * namespace of the plan; current() is the node that is being judged, as in
 * XSLT. Work is bounded: an expression that never ends is an error.
 */
struct xpath_doc;
struct xpath_expr;
struct _xmlNode;
typedef const struct _xmlNode xpath_node;

/* What is wrong with an expression, and at which byte of it. */
struct xpath_error {
	const char *what; /* NULL: nothing */
	size_t off;
};

struct xpath_value {
	bool is_nodes, truth; /* truth: boolean() of it */
	xpath_node **node;    /* elements, in document order, each once */
	size_t n;
};

/* NULL if it is no XML (a bug: the document is our own). */
struct xpath_doc *xpath_open(const char *text, size_t len);
void xpath_close(struct xpath_doc *d);

/* NULL and the error. Freed with the document. */
struct xpath_expr *xpath_compile(struct xpath_doc *d, const char *s,
				 struct xpath_error *err);
/* The value of $once from here on, of the whole document; the expression NULL:
 * none. false and the error, and then there is none. */
bool xpath_set_once(struct xpath_doc *d, struct xpath_expr *e,
		    struct xpath_error *err);
/* The node NULL: the root element. false and the error. */
bool xpath_eval(struct xpath_doc *d, struct xpath_expr *e, xpath_node *node,
		struct arena *a, struct xpath_value *out,
		struct xpath_error *err);
/* As text: of nodes all their values, the first few; NULL and the error. */
const char *xpath_text(struct xpath_doc *d, struct xpath_expr *e,
		       xpath_node *node, struct arena *a,
		       struct xpath_error *err);

/* Of the node or the nearest one around it; NULL if none has it. */
const char *xpath_attr_around(xpath_node *node, const char *attr,
			      struct arena *a);
/* Of the nearest element of that name, itself included. */
const char *xpath_attr_of(xpath_node *node, const char *element,
			  const char *attr, struct arena *a);
/* The element's name and all that tells it from its like, for a hash. */
const char *xpath_identity(xpath_node *node, struct arena *a);

#endif
