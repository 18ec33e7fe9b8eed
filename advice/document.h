#ifndef ADVICE_DOCUMENT_H
#define ADVICE_DOCUMENT_H

#include "plan/plan.h"

/*
 * The compiled plan as an XML document in the namespace PLAN_NS, for rules,
 * XPath and programs of others. Its schema is builtin_file("plan.xsd").
 *
 * Flows are products: <flow> names groups of parties, and <group> lists who
 * is in it, so that the document's size follows what was said and not the
 * number of pairs of hosts. Elements that others refer to have xml:id, for
 * XPath's id().
 */
#define PLAN_NS "urn:portplan:plan:1"

void plan_document(const struct plan *p, struct buf *out);

#endif
