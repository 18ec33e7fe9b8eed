#ifndef CLI_CMD_CHECK_H
#define CLI_CMD_CHECK_H

#include "check/planned.h"
#include "check/verify.h"
#include "cli/cli.h"

/* What gen writes for the firewall; false if it cannot. In a file of its own:
 * the generator's rules and the kernel's are different things. */
bool generated_text(struct args *a, const struct plan *p,
		    const struct firewall *f, struct buf *out);

/* check_edit.c: the topology with that edit; false and *why. */
bool check_edited(struct args *a, const struct loaded *l,
		  const struct vf_edit *e, struct loaded *out,
		  const char **why);
const struct vf_replan *check_replan(struct args *a, const struct loaded *l);

#endif
