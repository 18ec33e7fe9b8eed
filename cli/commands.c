#include "cli/cli.h"

static const struct option_def gen_options[] = {
	{ 'd', "directory", "DIR",
	  "write NAME.nft for each firewall into DIR (default: here)" },
	{ 'f', "firewall", "NAME",
	  "this firewall only, on standard output unless -d is given" },
	{ 0, "counters", "KIND",
	  "count by service of a pair of classes (service, the default), or "
	  "each source, destination and port (flow)" },
	TOPOLOGY_OPTIONS,
};

#define OPTIONS(o) .options = (o), .n_options = COUNT_OF(o)

const struct command commands[] = {
	{ .name = "gen", .run = cmd_gen,
	  .usage = "TOPOLOGY.xml [-f FIREWALL] [-d DIR]",
	  .summary = "write the nftables ruleset of every firewall",
	  .description =
	  "Compiles the topology and writes one nftables file for each "
	  "firewall on any path: what is planned passes, everything else is "
	  "counted, logged and dropped. With one firewall the ruleset goes to "
	  "standard output. A file replaces its own table whole and touches no "
	  "other; one that would not change is left as it is.",
	  OPTIONS(gen_options),
	  .examples = "  portplan gen topology.xml -d rules\n"
		      "  portplan gen topology.xml -f inner | nft -c -f -\n",
	  .min_args = 1, .max_args = 1 },
	{ .name = "schema", .run = cmd_schema,
	  .usage = "",
	  .summary = "print the XML Schema of the format, for editors",
	  .description =
	  "Prints the XSD of topologies, templates and waivers. It is made "
	  "from the table that the reader itself checks with.",
	  .no_topology = true },
	{ .name = "man", .run = cmd_man, .usage = "[COMMAND]",
	  .summary = "print a manual page, for man -l -",
	  .description = "Prints the manual page of portplan or of one "
			 "command, in the man macros.",
	  .no_topology = true, .max_args = 1 },
};

const size_t n_commands = COUNT_OF(commands);
