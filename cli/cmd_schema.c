#include "cli/cli.h"
#include "topology/schema.h"

int cmd_schema(struct args *a)
{
	struct buf b = { 0 };
	int code;

	schema_xsd(&b);
	code = put_out(a, &b);
	buf_free(&b);
	return code;
}
