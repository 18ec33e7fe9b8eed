#ifndef APPLY_GUARDIAN_H
#define APPLY_GUARDIAN_H

#include "apply/state.h"

/*
 * The process that outlives apply, its terminal and its connection, and brings
 * the old rules back unless they are confirmed in time. It holds the state's
 * lock. It has a twin that does nothing but notice its death, and then ends
 * the apply as recover() does: to have neither, both must be killed at once.
 *
 * Time is counted by a timer on CLOCK_BOOTTIME, which no change of the clock
 * and no suspension stops.
 */
#define GUARDIAN_COMM "portplan-guard" /* the name of both processes */

enum guardian_word {
	GUARDIAN_ARMED = 'a',	  /* it is ready: rules may be switched */
	GUARDIAN_SWITCHED = 's',  /* told to it: count from now */
	GUARDIAN_QUIT = 'q',	  /* told to it: nothing was switched */
	GUARDIAN_CONFIRMED = 'c', /* it ends */
	GUARDIAN_BACK = 'b',	  /* the old rules run: it ends */
	GUARDIAN_STUCK = 'f',	  /* neither: it ends, the journal stands */
};

struct guardian {
	int fd; /* words go and come here */
};

struct guardian_job {
	struct state_dir *state;
	const char *table;
	struct journal *journal; /* written by the guardian, with its pid */
	/* For tests: called at named moments. May be NULL. */
	void (*step)(void *ctx, const char *name);
	int forget; /* a descriptor that it is not to keep open; -1 */
	/* In its process, once the new rules are there for good: what cannot be
	 * taken back. out: words for who confirmed. May be NULL. */
	void (*confirmed)(void *ctx, struct buf *out);
	void *ctx;
};

/* Returns when it is armed. -1: err. */
int guardian_start(struct guardian *g, const struct guardian_job *job,
		   struct buf *err);
int guardian_tell(struct guardian *g, enum guardian_word w);

/*
 * To the guardian of a state directory, from another process: "confirm TOKEN"
 * (TOKEN may be missing), "back" or "status"; its answer is appended to out.
 * -1: there is none that listens; err.
 */
int guardian_ask(const struct state_dir *s, const char *request, struct buf *out,
		 struct buf *err);

/*
 * Takes the lock. Whoever holds it may be about to end: a guardian tells its
 * apply the result a moment before. So one that does not answer for itself is
 * given some time. 0: held; 1: somebody else holds it, status being the answer
 * to "status", if there was any; -1: err.
 */
int guardian_lock(struct state_dir *s, struct buf *status, struct buf *err);

#endif
