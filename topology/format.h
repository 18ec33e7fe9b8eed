#ifndef TOPOLOGY_FORMAT_H
#define TOPOLOGY_FORMAT_H

#include <stdbool.h>

#include "topology/xml.h"

/*
 * A file of the format, written as it should be: attributes in the order of
 * the schema, those of other namespaces behind them as they came, one element
 * a line where it has room, two spaces a level, blanks of lists single, at
 * most one empty line in a row. Comments stay, elements stay in their order,
 * and every value stays what it was. A bundle stays as it is.
 *
 * false and messages in d if the source is no XML, or its root is not in our
 * namespace.
 */
bool format_source(struct arena *a, const struct source *src, struct diags *d,
		   struct buf *out);

#endif
