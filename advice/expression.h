#ifndef ADVICE_EXPRESSION_H
#define ADVICE_EXPRESSION_H

#include "advice/xpath.h"
#include "base/diag.h"
#include "topology/xml.h"

/* An attribute that holds XPath: compiled, its mistakes told at their place. */
struct expression {
	struct xpath_expr *expr; /* NULL: absent, or wrong */
	const struct xml_element *xml;
	const char *attr;
	size_t off; /* where in the attribute it begins */
};

struct vocabulary; /* the elements and attributes of the plan's document */

struct vocabulary *vocabulary_read(struct arena *a);

bool expression_read(struct xpath_doc *doc, const struct vocabulary *v,
		     const struct xml_element *e, const char *attr, size_t off,
		     size_t len, struct diags *d, struct expression *out);
/* A failure of evaluation. */
void expression_failed(const struct expression *e,
		       const struct xpath_error *err, struct diags *d);

#endif
