#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include "cli/cli.h"
#include "machine/machine.h"

/* Is this machine what the topology says of the firewall? For check --live
 * and apply. */

#define MACHINE_OPTIONS \
	{ 0, "connections", "N", \
	  "connections that are expected at once: is there room for them?" }, \
	{ 0, "peer", "FILE", \
	  "facts of the other node of a pair, which must be alike" }

/* Reads the machine and judges it. EXIT_OK, whatever is found, or a message. */
int machine_check(struct args *a, const struct plan *p,
		  const struct firewall *f, struct machine_report *out);
/* What --peer takes, of this machine. */
int machine_write_facts(struct args *a, const char *path);

#endif
