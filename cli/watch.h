#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "apply/model.h"
#include "apply/monitor.h"
#include "apply/state.h"
#include "check/drift.h"
#include "check/live.h"
#include "check/verify.h"
#include "cli/cli.h"
#include "service/sandbox.h"

/*
 * What the files cli/watch_*.c, which together are the command watch, share.
 *
 * Events of the kernel tell that somebody changed rules, and who. They are
 * collected until it is quiet for a moment; then all rules are read anew, what
 * differs from the last reading is named, and the whole is judged against the
 * plan: what was so before is no news. Lost events cost the name of who did
 * it, nothing else.
 */

/* A topology as it was read at some time, all of it in one arena. */
struct watch_plan {
	struct arena *arena;
	struct loaded loaded;
	const struct firewall *firewall;
	struct waivers *waivers; /* NULL: none */
	bool *used;
	int64_t next; /* when a date is reached; 0: none is, or --today */
};

/* The kernel's rules, as they were read at some time. */
struct snapshot {
	struct arena *arena;
	struct kruleset *rules;
	size_t count[VF_KINDS]; /* findings */
};

/* Do the running rules of ours say what the state directory says? */
enum standing {
	STANDING_UNKNOWN,   /* there is no such directory, or it is not ours */
	STANDING_CONFIRMED, /* what was confirmed last */
	STANDING_NONE,	    /* none runs, and none was ever confirmed */
	STANDING_TRIAL,	    /* an apply under way: what it wants */
	STANDING_NEVER,	    /* some run, and none was ever confirmed */
	STANDING_OTHER,	    /* none of these */
	STANDINGS
};

/* Changes of one process since the last report. */
struct actor {
	pid_t pid;
	char comm[MONITOR_COMM];
	bool ours; /* of this program's name, and in our tables alone */
	unsigned changes;
	struct touches touched;
};

enum origin { ORIGIN_OWN, ORIGIN_FOREIGN, ORIGIN_UNPROVEN, ORIGIN_UNKNOWN,
	      ORIGINS };
extern const char *const origin_name[ORIGINS];

enum event { EVENT_START, EVENT_CHANGE, EVENT_PLAN };

/* What is told. */
struct news {
	enum event event;
	uint64_t at;	    /* nanoseconds since 1970 */
	const char *firewall;
	enum origin origin; /* EVENT_CHANGE */
	const struct actor *actor;
	size_t n_actor, more_actors;
	bool proven; /* what the actors that are ours did is as applied */
	bool lost;
	uint32_t generation;
	struct drifts drift;
	struct verified found;
	size_t was[VF_KINDS];
	enum standing standing;
	const char *why; /* EVENT_PLAN */
	bool begun;	 /* what was known before it was judged is told */
};

struct watch_format {
	const char *name;
	/* What is known before it is judged, and the rest, or all of it. NULL:
	 * all at once. */
	void (*begin)(const struct news *n, struct buf *out);
	void (*write)(const struct news *n, struct buf *out);
};

struct watch_sink {
	const struct watch_format *format;
	const char *path; /* NULL: standard output */
	FILE *file;
};

struct watch {
	struct args *args;
	const char *firewall, *table;
	VEC(struct watch_sink) sinks;
	VEC(const char *) may_deny;
	struct watch_plan *plan;
	struct snapshot now;

	struct monitor monitor;
	struct live_reader reader;
	struct nft nft;
	int signals;	 /* signalfd */
	int notify;	 /* socket of the service manager; -1 */
	double watchdog; /* seconds between two signs of life; 0: none */
	char own_comm[MONITOR_COMM];
	struct sandbox_state sandbox;

	/* Since the last report. */
	struct arena *burst;
	VEC(struct actor) actors;
	size_t more_actors;
	bool lost;
	uint32_t seen;	     /* the last generation heard of */
	uint64_t first_at;   /* wall clock, nanoseconds */
	double first, last;  /* monotonic; last 0: nothing */
};

/* watch_judge.c: the plan, and what becomes of a change. */
struct watch_plan *watch_plan_read(struct watch *w);
void watch_plan_free(struct watch_plan *p);
/* Reads all, and tells what is new. False: it could not be read, and has to be
 * tried again; or, at the start, not at all. */
bool watch_report(struct watch *w, enum event e, const char *why);

/* watch_own.c: is it what portplan applied? */
enum standing watch_standing(struct watch *w);

/* watch_events.c */
/* Takes what is waiting. False: it can hear no more. */
bool watch_take(struct watch *w);
/* Waits for the event of this generation, a moment at most: the rules may be
 * read before it is told. */
void watch_take_until(struct watch *w, uint32_t generation);
void watch_burst_over(struct watch *w);
bool watch_is_ours(const struct watch *w, uint32_t family, const char *table);
double watch_clock(void);	  /* seconds, monotonic */
uint64_t watch_wall_clock(void); /* nanoseconds since 1970 */

/* watch_out.c */
int watch_outputs(struct watch *w);
bool watch_open_outputs(struct watch *w);
bool watch_to_stdout(const struct watch *w);
/* Writes no more there; false: nor anywhere else. */
bool watch_without_stdout(struct watch *w);
void watch_reopen(struct watch *w);
/* Who and what, since judging takes its time where the plan is large. */
void watch_tell_first(struct watch *w, struct news *n);
void watch_tell(struct watch *w, const struct news *n);

/* watch_run.c: until somebody says so. */
int watch_run(struct watch *w);

#endif
