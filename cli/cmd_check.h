#ifndef CLI_CMD_CHECK_H
#define CLI_CMD_CHECK_H

#include "check/planned.h"
#include "cli/cli.h"

/* What gen writes for the firewall; false if it cannot. In a file of its own:
 * the generator's rules and the kernel's are different things. */
bool generated_text(struct args *a, const struct plan *p,
		    const struct firewall *f, struct buf *out);

#endif
