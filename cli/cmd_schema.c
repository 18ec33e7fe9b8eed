#include "cli/cli.h"
#include "topology/schema.h"

static int cmd_schema(struct args *a)
{
	struct buf b = { 0 };
	int code;

	schema_xsd(&b);
	code = put_out(a, &b);
	buf_free(&b);
	return code;
}

const struct command command_schema = {
	.name = "schema",
	.run = cmd_schema,
	.usage = "",
	.summary = "print the XML Schema of the format, for editors",
	.description =
	  "Prints the XSD of topologies, templates and waivers. It is made "
	  "from the table that the reader itself checks with.",
	.no_topology = true,
};
