#ifndef CLI_CHECK_INPUT_H
#define CLI_CHECK_INPUT_H

#include "check/load.h"
#include "cli/cli.h"

/* A ruleset as it was named; "-" and what cannot be read twice is copied. */
struct rules_file {
	const char *said; /* as messages name it */
	const char *path;
	/* why nothing is said of it; set where loading ends undecided */
	const char *unread;
};

/* False: there is no such file, and a message. */
bool rules_file_open(struct args *a, const char *name, struct rules_file *out);
/* Is it the text, byte for byte? */
bool rules_file_holds(const struct rules_file *f, const char *text);
/* By --firewall, or the file's base name; NULL and a message. */
const struct firewall *rules_file_firewall(struct args *a,
					   const struct topology *t,
					   const struct rules_file *f);
/* NULL: *code is the exit code, and it was said why (code NULL: it was not).
 * iface: names that the topology has. */
struct kruleset *rules_file_load(struct args *a, struct rules_file *f,
				 const char *const *iface, size_t n, int *code);

#endif
