#ifndef CLI_FENCE_H
#define CLI_FENCE_H

#include "cli/cli.h"
#include "service/sandbox.h"

/* The paths that a program which runs for long needs once all is open, and
 * what it tells its service manager: audit's and watch's. */
struct fence {
	struct arena *arena;
	VEC(struct sandbox_path) v;
};

void fence_path(struct fence *f, const char *path, unsigned may);
/* A device or pipe is written to as it is; a file is made anew beside it.
 * NULL and "-": nothing. */
void fence_output(struct fence *f, const char *path);
/* What is read again on SIGHUP: topology, templates, waivers. */
void fence_topology(struct fence *f, const struct args *a,
		    const struct topology *t);

/* "Landlock 6, seccomp; …" */
const char *fence_words(struct arena *a, const struct sandbox_state *s,
			bool asked_for_none);

/*
 * What the service manager told us of itself: sd_notify(3),
 * sd_watchdog_enabled(3). *notify is its socket, or -1; the seconds between
 * two signs of life, half of what it asks for, are returned; 0: none wanted.
 */
double manager_meet(int *notify);

#endif
