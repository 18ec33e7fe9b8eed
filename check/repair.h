#ifndef CHECK_REPAIR_H
#define CHECK_REPAIR_H

#include "check/verifier.h"

/*
 * What would make a finding go: tried in a namespace of its own, and judged
 * again. Nothing is said to be re-checked that was not.
 */

/* rule_text.c: the box as matches of one nft rule; opening: of new connections
 * only. False: nft has no words for it. */
bool repair_match(const struct check *c, const struct space_cube *x,
		  bool opening, const char *table_family, struct buf *out);

/* What differs on a path, by state: openings, others. */
struct differences {
	uint32_t extra[2], missing[2];
};

/* repair_plan.c: lines of the topology that would plan, or unplan, it. */
void repair_by_plan(struct verifier *v, const struct differences *now);
/* Rules against what is expected of them on a path, translated as the plan p
 * has it for f: plan may open, and with waivers expect. */
struct differences differences_from(struct verifier *v, enum check_path path,
				    const struct plan *p,
				    const struct firewall *f, uint32_t plan,
				    uint32_t expect,
				    const struct check_side *rules);
/* Does b have what a has not? */
bool differences_grow(struct verifier *v, const struct differences *a,
		      const struct differences *b);
/* What is left of the finding. */
uint32_t differences_left(struct verifier *v, const struct vf_finding *f,
			  const struct differences *d);

#endif
