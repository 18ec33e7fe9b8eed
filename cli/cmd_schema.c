#include "cli/cli.h"
#include "topology/builtin.h"
#include "topology/schema.h"

static int cmd_schema(struct args *a)
{
	struct buf b = { 0 };
	int code;

	if (arg_given(a, "plan"))
		buf_puts(&b, builtin_file("plan.xsd"));
	else
		schema_xsd(&b);
	code = put_out(a, &b);
	buf_free(&b);
	return code;
}

static const struct option_def schema_options[] = {
	{ 0, "plan", NULL, "the schema of the compiled plan instead, as "
			   "\"matrix -o xml\" writes it" },
};

const struct command command_schema = {
	.name = "schema",
	.run = cmd_schema,
	.usage = "[--plan]",
	.summary = "print the XML Schema of the format, for editors",
	.description =
	  "Prints the XSD of topologies, templates, waivers and advice. It is "
	  "made from the table that the reader itself checks with.",
	OPTIONS(schema_options),
	.no_topology = true,
};
