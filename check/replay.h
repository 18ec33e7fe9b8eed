#ifndef CHECK_REPLAY_H
#define CHECK_REPLAY_H

#include "check/check.h"

/*
 * Packets, sent one by one through the namespace that a ruleset is loaded in:
 * what does the kernel do with them?
 */
enum replay_answer { REPLAY_NOT_TRIED, REPLAY_PASS, REPLAY_DROP };

struct replay {
	const space_val *packet;
	enum check_path path;
	enum replay_answer answer;
	const char *why; /* not tried */
};

void check_replay(struct check *c, const struct kruleset *rs, struct replay *v,
		  size_t n);

#endif
