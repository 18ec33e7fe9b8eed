#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include <signal.h>

#include "audit/event.h"
#include "audit/evidence.h"
#include "audit/live.h"
#include "audit/report.h"
#include "audit/sources.h"
#include "cli/cli.h"
#include "topology/waivers.h"

/* What the files cli/audit_*.c, which together are the command audit, share. */

struct sink {
	const struct report_format *format; /* NULL: ndjson */
	const char *path;		    /* NULL: standard output */
	FILE *file;			    /* ndjson: open all the time */
};

struct run {
	struct args *args;
	struct arena *arena;
	struct diags diags;
	VEC(struct source_arg) files, ifaces;
	VEC(struct sink) sinks;
	VEC(const char *) fail_on;
	VEC(struct waivers *) waivers; /* by the topology in force */
	const char *filter_text, *evidence_path;
	bool evidence_whole, inside, events_wanted, ended_early;
	double duration; /* seconds; 0: no end */
	uint64_t count;	 /* packets; 0: no end */
	struct live_options live_opt;
	struct audit_options opt;

	struct loaded loaded;
	struct judge *judge;
	struct audit *audit;
	struct evidence *evidence;
	struct filter *filter;
	struct sources *sources;
	struct live *live;
	struct observed *seen;
	size_t n_seen;
	const char **zone; /* where each tap stands, as said; NULL */
	uint32_t *tap;	   /* the same in the plan */
	struct arena *event_arena; /* emptied now and then */
	size_t events;
	struct buf line;
};

/* audit_args.c: fills in what the options say; false: r->diags says why. */
bool audit_arguments(struct run *r);

/* audit_open.c: plan, input, outputs. */
bool audit_open(struct run *r);
/* The topology again: what does not compile is refused, the old one stays. */
void audit_reload(struct run *r);

/* audit_run.c */
void audit_catch_signals(void);
/* Until the end of the input, or somebody says so. */
void audit_consume(struct run *r);

/* audit_waive.c: marks the findings that are accepted for a time. */
void audit_waive(struct run *r, struct report *rep);

/* audit_out.c */
void audit_on_flow(void *ctx, const struct conn *c, const struct finding *f);
void audit_flush_events(struct run *r);
/* Writes the reports; the exit code. */
int audit_finish_run(struct run *r);

#endif
