#ifndef MACHINE_JUDGE_H
#define MACHINE_JUDGE_H

#include "machine/machine.h"

/* What the files that judge share. */
struct judge {
	struct arena *arena;
	const struct plan *p;
	const struct firewall *f;
	const struct machine *m;
	const struct machine_options *opt;
	struct machine_report *out;
};

void judge_say(struct judge *j, enum machine_kind kind, struct span at,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void judge_not(struct judge *j, enum machine_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* There is such a link, and it is up. */
bool judge_up(const struct judge *j, const struct interface *i);

/* Whose the addresses of a zone are: those held apart in a bundle are
 * another's. */
const struct party *judge_whose(const struct judge *j, uint32_t zone_id);
/* Two of its zones at least have addresses of the family. */
bool judge_forwards(const struct judge *j, bool v4);

/* routes.c, peer.c */
void judge_routes(struct judge *j);
void judge_peer(struct judge *j);

#endif
