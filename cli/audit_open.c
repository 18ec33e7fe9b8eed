#include <limits.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/audit.h"
#include "cli/captures.h"
#include "cli/fence.h"
#include "cli/stop.h"

static const struct span no_place;

/* All files may be open at once. */
static void raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

/* Opens, but reads nothing yet. */
static bool open_input(struct run *r)
{
	const char **names;

	if (r->files.n) {
		raise_limit();
		r->sources = sources_find(r->arena, r->files.v, r->files.n,
					  &r->diags);
		return r->sources != NULL;
	}
	names = ARENA_ARRAY(r->arena, const char *, r->ifaces.n);
	for (size_t i = 0; i < r->ifaces.n; i++)
		names[i] = r->ifaces.v[i].path;
	r->live_opt.filter = r->filter_text;
	r->live = ARENA_ARRAY(r->arena, struct live *, r->n_worker);
	if (live_open(r->arena, names, r->ifaces.n, &r->live_opt, r->live,
		      &r->diags))
		return true;
	r->live = NULL;
	return false;
}

static void open_log(struct run *r, struct sink *o)
{
	const char *why;

	o->log = syslog_open(o->path, !r->live, &why);
	if (!o->log)
		diag_add(&r->diags, SEV_ERROR, no_place, "\"%s\" %s",
			 o->path ? o->path : "/dev/log", why);
}

/* What can fail without a file being made. */
static bool prepare(struct run *r)
{
	if (outputs_spare_inputs(r->args) != EXIT_OK)
		return false;
	for (size_t i = 0; i < r->sinks.n; i++) {
		struct sink *o = &r->sinks.v[i];

		if (o->kind == SINK_SYSLOG)
			open_log(r, o);
		r->events_wanted |= o->kind == SINK_SYSLOG ||
				    o->kind == SINK_NDJSON ||
				    (o->kind == SINK_METRICS && r->live);
	}
	if (r->filter_text && r->sources) {
		const char *why;

		r->filter = filter_new(r->arena, r->filter_text, &why);
		if (!r->filter)
			diag_add(&r->diags, SEV_ERROR, no_place,
				 "filter \"%s\": %s", r->filter_text, why);
	}
	return !r->diags.n_errors;
}

static void name_self(struct run *r)
{
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, sizeof(host) - 1);
	r->syslog_head = (struct syslog_head){
		.host = arena_strdup(r->arena, host), .app = "portplan",
		.pid = (long)getpid() };
}

static void name_seen(struct run *r, size_t i, const char *name)
{
	const char *what = r->live ? "interface" : "file";

	r->seen[i].name = r->redact ? arena_printf(r->arena, "%s%zu", what,
						   i + 1) : name;
}

static bool name_taps(struct run *r)
{
	r->n_seen = r->sources ? sources_count(r->sources) : r->ifaces.n;
	r->zone = ARENA_ARRAY(r->arena, const char *, r->n_seen);
	r->seen = ARENA_ARRAY(r->arena, struct observed, r->n_seen);
	for (size_t i = 0; i < r->n_seen; i++) {
		const struct source_info *s = r->sources ?
			sources_info(r->sources, i) : NULL;

		r->zone[i] = s ? s->zone : r->ifaces.v[i].zone;
		name_seen(r, i, s ? s->name : r->ifaces.v[i].path);
	}
	return force_place(r, r->force);
}

static void make_workers(struct run *r)
{
	r->worker = ARENA_ARRAY(r->arena, struct worker, r->n_worker);
	r->opt.tap_zone = r->force->tap;
	r->opt.n_tap = r->n_seen;
	r->opt.known = r->known;
	r->opt.on_flow = r->events_wanted ? audit_on_flow : NULL;
	/* Live, a line is due at once; from files, with final counts. */
	r->opt.early = r->events_wanted && r->live;
	r->opt.on_evidence = r->evidence_file.path ? audit_on_evidence : NULL;
	for (unsigned i = 0; i < r->n_worker; i++) {
		struct worker *w = &r->worker[i];

		w->run = r;
		w->arena = arena_new();
		w->force = r->force;
		w->live = r->live ? r->live[i] : NULL;
		r->opt.ctx = w;
		w->audit = audit_new(w->arena, r->force->judge, &r->opt);
	}
}

static bool first_metrics(struct run *r)
{
	struct metrics m = { .complete = -1 };

	return audit_write_metrics(r, &m);
}

/* Privileges are gone: now what is foreign is read. */
static bool start_sources(struct run *r)
{
	r->start = stop_clock();
	if (!r->sources)
		return true;
	audit_catch_signals();
	sources_wait(r->sources, (struct input_wait){ audit_waits, r });
	if (sources_start(r->sources) < 0)
		return false;
	captures_say_passed_over(r->args, r->sources);
	return true;
}

static bool zones_exist(struct run *r)
{
	const struct judge *j = r->force->judge;

	return capture_zones(&r->diags, j, r->files.v, r->files.n) &&
	       capture_zones(&r->diags, j, r->ifaces.v, r->ifaces.n);
}

bool audit_open(struct run *r)
{
	pthread_mutex_init(&r->lock, NULL);
	r->watchdog = manager_meet(&r->notify);
	name_self(r);
	if (getrandom(&r->opt.seed, sizeof(r->opt.seed), 0) < 0)
		r->opt.seed = (uint64_t)time(NULL);
	if (r->redact)
		r->mask = mask_new(r->arena);
	r->force = force_read(r);
	if (!r->force || !zones_exist(r) || !open_input(r) || !prepare(r) ||
	    !audit_rehearse(r) || !audit_hold_outputs(r) || !audit_guard(r))
		return false;
	if (!start_sources(r) || !name_taps(r) || !audit_read_known(r))
		return false;
	make_workers(r);
	return first_metrics(r) && audit_begin_outputs(r);
}

void audit_close(struct run *r)
{
	audit_drop_outputs(r);
	for (unsigned i = 0; r->worker && i < r->n_worker; i++) {
		struct worker *w = &r->worker[i];

		audit_free(w->audit);
		arena_free(w->arena);
		arena_free(w->event_arena);
		arena_free(w->known_arena);
		buf_free(&w->line);
	}
	for (unsigned i = 0; r->live && i < r->n_worker; i++)
		live_close(r->live[i]);
	for (size_t i = 0; i < r->sinks.n; i++)
		syslog_close(r->sinks.v[i].log);
	if (r->evidence) /* nothing was audited */
		evidence_close(r->evidence);
	sources_close(r->sources);
	filter_free(r->filter);
	force_free(r->old);
	force_free(r->force);
}
