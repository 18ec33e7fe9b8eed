#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include <pthread.h>
#include <stdatomic.h>

#include "audit/event.h"
#include "audit/evidence.h"
#include "audit/known.h"
#include "audit/live.h"
#include "audit/report.h"
#include "audit/sources.h"
#include "cli/cli.h"
#include "service/sandbox.h"
#include "service/syslog.h"
#include "topology/waivers.h"

/*
 * What the files cli/audit_*.c, which together are the command audit, share.
 * A run has workers: one that reads the files, or, live, as many threads as
 * --fanout says, each with its own packets, flows and findings. The main
 * thread waits for signals and the clock, reads the topology again, tells
 * the service manager, and merges the workers when all is over.
 */
struct run;

/* One place to write to: -o FORMAT[=FILE]. */
enum sink_kind { SINK_REPORT, SINK_TABLE, SINK_NDJSON, SINK_SYSLOG,
		 SINK_METRICS };

struct sink {
	enum sink_kind kind;
	const char *format;
	const struct report_format *report; /* SINK_REPORT */
	const char *path; /* NULL: standard output; SINK_SYSLOG: where to */
	FILE *file;	  /* SINK_NDJSON: open all the time */
	struct syslog *log;
	int held; /* opened before privileges were dropped: descriptor + 1 */
	bool made; /* it was not there before */
};

/* A topology as it was read at some time, all of it in one arena. */
struct force {
	struct arena *arena;
	struct loaded loaded;
	struct judge *judge;
	uint32_t *tap; /* zones of the taps */
	VEC(struct waivers *) waivers;
};

struct worker {
	struct run *run;
	struct arena *arena;
	struct live *live; /* NULL: it reads files */
	struct audit *audit;
	pthread_t thread;
	bool started;
	const char *why;     /* its capture came to an end */
	struct force *force; /* by which it judges */
	_Atomic(struct force *) fresh; /* by which it shall judge; NULL */
	/* For events: words of some of them, then it is emptied. */
	struct arena *event_arena;
	size_t events;
	struct buf line;
	/* What others may see of it. */
	atomic_uint_fast64_t frames, beats;
	atomic_bool want_totals, want_known;
	/* Under run.lock. */
	struct audit_totals totals;
	struct flow_stats flow_stats;
	uint64_t dropped;
	struct arena *known_arena;
	known_list known;
};

/* When the next of what is done now and then is due: monotonic, seconds. */
struct clock {
	double second, metrics, known, watchdog;
};

/* Files for review, written at the end. */
enum { REVIEW_PROPOSAL, REVIEW_BASELINE, N_REVIEW };

struct run {
	struct args *args;
	struct arena *arena;
	struct diags diags;
	VEC(struct source_arg) files, ifaces;
	VEC(struct sink) sinks;
	VEC(const char *) fail_on;
	struct sink review[N_REVIEW], evidence_file; /* path NULL: none */
	const char *filter_text, *state_path, *user;
	bool begun; /* outputs are written from now on */
	bool evidence_whole, inside, redact, no_sandbox;
	const char *ended; /* why reading ended before the input did; NULL */
	bool ended_early;  /* and nobody had asked for that */
	bool unheard; /* whoever read its only output has gone */
	bool events_wanted; /* each finding is told as it happens */
	double duration;    /* seconds; 0: no end */
	uint64_t count;	    /* packets; 0: no end */
	unsigned n_worker;
	struct live_options live_opt;
	struct audit_options opt;

	struct force *force, *old; /* old: freed when no worker has it */
	struct worker *worker;
	struct evidence *evidence;
	struct mask *mask; /* --redact; NULL */
	struct filter *filter;
	struct sources *sources;
	struct live **live;
	struct observed *seen;
	size_t n_seen;
	const char **zone; /* where each tap stands, as said; NULL */
	struct known *known;
	struct sandbox_state sandbox;
	const char *became; /* the user it runs as now; NULL: no change */
	struct syslog_head syslog_head;
	int notify;	    /* socket of the service manager; -1 */
	double watchdog;    /* seconds between two signs of life; 0: none */

	double start; /* monotonic, seconds */
	struct clock clock;
	pthread_mutex_t lock;
	atomic_bool stop;
	atomic_uint_fast64_t taken; /* packets, for --count */
};

/* audit_args.c: fills in what the options say; false: r->diags says why. */
bool audit_arguments(struct run *r);

/* audit_open.c: plan, input, outputs. */
bool audit_open(struct run *r);
/* What is open is closed. */
void audit_close(struct run *r);

/* audit_force.c: the topology and what goes with it. */
struct force *force_read(struct run *r);
/* The zones of the taps, once the sources are known. */
bool force_place(struct run *r, struct force *f);
void force_free(struct force *f);
/* Reads it again: what does not compile is refused, the old one stays. */
void audit_reload(struct run *r);
/* Is any worker still to take over the last one? */
bool audit_reloading(struct run *r);

/* audit_hold.c: will all go well? A child tries; false: it said why. */
bool audit_rehearse(struct run *r);
bool audit_changes_user(const struct run *r);
/* Opens what another user could not, and empties none of it. */
bool audit_hold_outputs(struct run *r);
/* Now it is emptied and written. */
bool audit_begin_outputs(struct run *r);
/* If they never began: closes them, and removes what was made. */
void audit_drop_outputs(struct run *r);

/* audit_guard.c: gives up what is not needed any more. */
bool audit_guard(struct run *r);
/* "user nobody, Landlock, seccomp" */
const char *audit_guard_words(struct run *r);

/* audit_worker.c */
void *worker_watch(void *worker);
void worker_frames(struct worker *w, const struct frame *f, size_t n);
/* Takes over a fresh topology, and shows what was asked for. */
void worker_serve(struct worker *w);
long worker_within_count(struct run *r, long n);

/* audit_run.c */
void audit_catch_signals(void);
/* Where a run (void *) waits for a pipe: does what is due; false: it is over. */
bool audit_waits(void *run);
/* Until the end of the input, or somebody says so. */
void audit_consume(struct run *r);
uint64_t audit_wall_clock(void); /* since 1970, nanoseconds */

/* audit_known.c: --state */
bool audit_read_known(struct run *r);
/* Asks the workers, where they run, and writes the file. */
bool audit_write_known(struct run *r);

/* audit_waive.c: marks the findings that are accepted for a time. */
void audit_waive(struct run *r, struct report *rep);
/* --write-baseline: waivers of all others. */
void audit_baseline(struct run *r, const struct report *rep, struct buf *out);

/* audit_propose.c: --propose */
void audit_propose(struct run *r, const struct report *rep, struct buf *out);

/* audit_out.c */
void audit_on_flow(void *ctx, const struct conn *c, const struct finding *f);
void audit_on_evidence(void *ctx, const struct frame *f, const struct pkt *p);
void audit_flush_events(struct run *r);
/* Files of events by their names once more: the old ones were moved away. */
void audit_reopen_events(struct run *r);
/* Merges the workers and writes the reports; the exit code. */
int audit_finish_run(struct run *r);

/* audit_syslog.c: one message each */
void audit_syslog_flow(struct buf *out, const struct syslog_head *h,
		       struct arena *scratch, const struct worker *w,
		       const struct conn *c, const struct finding *f);
void audit_syslog_summary(struct buf *out, const struct syslog_head *h,
			  const struct report *rep);

/* audit_table.c: the findings as rows, for the writers of cli/table.h. */
void audit_write_table(const struct report *rep, const char *format,
		       struct buf *out);

/* audit_metrics.c: Prometheus */
struct metrics {
	struct audit_totals totals;
	struct flow_stats flows;
	uint64_t dropped;
	double up; /* seconds */
	int complete; /* -1: not over yet */
};
bool audit_write_metrics(struct run *r, const struct metrics *m);

#endif
