#ifndef CLI_CMD_GEN_H
#define CLI_CMD_GEN_H

#include "cli/cli.h"
#include "gen/gen.h"

/* --counters, in gen and where its rules are quoted. */
int counters_option(const struct args *a, struct gen_options *opt);

#define COUNTERS_OPTION \
	{ 0, "counters", "KIND", \
	  "count by service of a pair of classes (service, the default), or " \
	  "each source, destination and port (flow)" }

#endif
