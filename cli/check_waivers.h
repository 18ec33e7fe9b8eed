#ifndef CLI_CHECK_WAIVERS_H
#define CLI_CHECK_WAIVERS_H

#include "cli/check_formats.h"
#include "cli/cmd_check.h"
#include "topology/waivers.h"

/* --waivers; NULL without. */
int check_read_waivers(struct args *a, const struct topology *t,
		       struct waivers **out);
/* Expired, too wide, matching nothing: into the report. */
void check_judge_waivers(struct args *a, const struct waivers *w,
			 const bool *used, int64_t now, struct check_report *r);
/* check_expiry.c: the plan with exceptions of any time, where some have
 * expired; NULL. */
const struct plan *check_once(struct args *a, const struct loaded *l);
/* Exceptions over and still open, and those that end within thirty days. */
void check_judge_expiry(struct args *a, const struct loaded *l,
			struct check_report *r);
int check_write_baseline(struct args *a, const struct check_report *r,
			 int64_t now, const char *path);

/* check_propose.c: allow elements for what is extra. */
int check_write_proposal(struct args *a, const struct check_report *r,
			 const struct loaded *l, const char *path);

#endif
