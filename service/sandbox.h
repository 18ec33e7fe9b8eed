#ifndef SERVICE_SANDBOX_H
#define SERVICE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a program that reads foreign bytes gives up before the first of them:
 * its user, its capabilities, every path it does not need (Landlock) and
 * every system call it does not need (seccomp).
 */

enum {
	SANDBOX_READ = 1,    /* the file, or files below the directory */
	SANDBOX_WRITE = 2,   /* the file itself */
	SANDBOX_REPLACE = 4, /* make, rename and remove files in it */
};

struct sandbox_path {
	const char *path; /* passed over where it does not exist */
	unsigned may;	  /* SANDBOX_* */
};

struct sandbox {
	const struct sandbox_path *path;
	size_t n_path;
	const int *send; /* sockets it may send on; a few */
	size_t n_send;
};

struct sandbox_state {
	int landlock;	     /* its ABI version; 0: the kernel has none */
	bool seccomp;
	const char *missing; /* what could not be had, and why; NULL */
};

/* The calling thread and those it starts from now on. 0; -1: something that
 * the kernel has was refused, st->missing says what. What the kernel lacks is
 * no failure, but is said there as well. */
int sandbox_enter(const struct sandbox *s, struct sandbox_state *st);

/* Becomes this user for good, with its first group alone, and gives up all
 * capabilities. 0 or -1, *why then says what failed. */
int sandbox_become(const char *user, const char **why);
/* Gives up all capabilities but those of the bits in keep (1 << CAP_…), and
 * what a set-user-id program would regain. -1: errno; one to be kept is not
 * there, for example. */
int sandbox_drop_capabilities(uint64_t keep);

#endif
