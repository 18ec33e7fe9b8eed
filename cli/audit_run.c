#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/audit.h"
#include "cli/stop.h"
#include "service/notify.h"

/* A signal can reach nothing else. */
static volatile sig_atomic_t progress_asked, reload_asked;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		progress_asked = 1;
	else
		reload_asked = 1;
}

void audit_catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	stop_catch();
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

/* ---- what is due now and then ---------------------------------------------- */

enum { METRICS_SECONDS = 15, KNOWN_SECONDS = 60 };

/* What the workers have counted by now: they show it with their next batch. */
static void ask_totals(struct run *r)
{
	const struct timespec nap = { .tv_nsec = 2 * 1000 * 1000 };

	for (unsigned i = 0; i < r->n_worker; i++)
		atomic_store(&r->worker[i].want_totals, true);
	for (unsigned i = 0; i < r->n_worker; i++) {
		struct worker *w = &r->worker[i];

		if (!w->started)
			worker_serve(w);
		for (int k = 0; k < 100 && atomic_load(&w->want_totals); k++)
			nanosleep(&nap, NULL);
	}
}

/* The sums over the workers, as last shown. */
static void audit_sum(struct run *r, struct metrics *m)
{
	ask_totals(r);
	*m = (struct metrics){ .complete = -1, .up = stop_clock() - r->start };
	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < r->n_worker; i++) {
		struct worker *w = &r->worker[i];

		audit_totals_add(&m->totals, &w->totals);
		m->flows.flows += w->flow_stats.flows;
		m->flows.evicted += w->flow_stats.evicted;
		m->flows.acked += w->flow_stats.acked;
		m->flows.missed += w->flow_stats.missed;
		m->dropped += w->dropped;
	}
	pthread_mutex_unlock(&r->lock);
}

static uint64_t frames(const struct run *r)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < r->n_worker; i++)
		n += atomic_load(&r->worker[i].frames);
	return n;
}

/* A line on the terminal, once a second on long runs, or when asked for. */
static void progress(struct run *r, bool asked)
{
	double p = r->sources ? sources_progress(r->sources) : -1;
	double took = stop_clock() - r->start;
	double rate = took > 0 ? (double)frames(r) / took : 0;
	struct metrics m;

	if (!asked && (!isatty(STDERR_FILENO) || took < 2))
		return;
	audit_sum(r, &m);
	fprintf(stderr, "%s%llu packets, %.*f%s a second, %llu flows",
		asked ? "" : "\r", (unsigned long long)frames(r),
		rate < 1e5 ? 0 : 1, rate < 1e5 ? rate : rate / 1e6,
		rate < 1e5 ? "" : " M", (unsigned long long)m.flows.flows);
	if (m.dropped)
		fprintf(stderr, ", %llu dropped",
			(unsigned long long)m.dropped);
	if (p > 0)
		fprintf(stderr, ", %.0f %%, %.0f s left", p * 100,
			took / p - took);
	fputs(asked ? "\n" : "  ", stderr);
}

static uint64_t monotonic_us(void)
{
	return (uint64_t)(stop_clock() * 1e6);
}

static void reload(struct run *r)
{
	reload_asked = 0;
	notify_send(r->notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
		    (unsigned long long)monotonic_us());
	audit_reload(r);
	audit_reopen_events(r);
	notify_send(r->notify, "READY=1");
}

static void status(struct run *r)
{
	struct metrics m;

	if (r->notify < 0)
		return;
	audit_sum(r, &m);
	notify_send(r->notify, "STATUS=%llu packets, %llu flows, %llu with "
		    "findings, %llu dropped",
		    (unsigned long long)frames(r),
		    (unsigned long long)m.flows.flows,
		    (unsigned long long)m.totals.wanting,
		    (unsigned long long)m.dropped);
}

/* A sign of life only while every worker goes round. */
static void watchdog(struct run *r)
{
	for (unsigned i = 0; i < r->n_worker; i++)
		if (atomic_exchange(&r->worker[i].beats, 0) == 0)
			return;
	notify_send(r->notify, "WATCHDOG=1");
	r->clock.watchdog = stop_clock() + r->watchdog;
}

static void metrics(struct run *r)
{
	struct metrics m;

	audit_sum(r, &m);
	audit_write_metrics(r, &m);
}

static bool due(double *when, double t, double every)
{
	if (t < *when)
		return false;
	*when = t + every;
	return true;
}

/* With its reader its purpose has gone: others die of SIGPIPE then. */
static bool unheard(struct run *r)
{
	const struct sink *o = r->sinks.v;
	bool sole = r->sinks.n == 1 && !o->path && !o->log &&
		    !r->evidence_file.path && !r->state_path;

	for (size_t i = 0; i < N_REVIEW; i++)
		sole &= !r->review[i].path;
	if (!sole || !reader_gone())
		return false;
	r->unheard = r->ended_early = true;
	r->ended = "ended with whoever read it";
	return true;
}

static bool is_over(struct run *r, double t)
{
	if (!r->duration || t - r->start < r->duration)
		return false;
	r->ended = arena_printf(r->arena, "ended after %.0f s, as asked "
				"(--duration)", r->duration);
	return true;
}

/* False: the time is over. */
static bool tick(struct run *r)
{
	struct clock *c = &r->clock;
	double t = stop_clock();

	if (progress_asked) {
		progress_asked = 0;
		progress(r, true);
	}
	if (reload_asked && !audit_reloading(r))
		reload(r);
	if (r->old && !audit_reloading(r)) {
		force_free(r->old);
		r->old = NULL;
	}
	if (r->watchdog > 0 && t >= c->watchdog)
		watchdog(r);
	if (due(&c->second, t, 1)) {
		progress(r, false);
		status(r);
		audit_flush_events(r);
		if (unheard(r))
			return false;
	}
	if (due(&c->metrics, t, METRICS_SECONDS))
		metrics(r);
	if (r->live && due(&c->known, t, KNOWN_SECONDS))
		audit_write_known(r);
	return !is_over(r, t);
}

/* ---- files ------------------------------------------------------------------ */

/* How far it got: all that was before that time has been judged. */
static void stopped(struct run *r)
{
	double p = sources_progress(r->sources);
	uint64_t last = audit_totals(r->worker[0].audit)->last;
	char time[TIME_TEXT] = "", part[32] = "";

	if (last)
		time_text(last, time);
	if (p >= 0 && p < 0.995)
		snprintf(part, sizeof(part), ", %.0f %% of the input",
			 p * 100);
	r->ended_early = true;
	r->ended = arena_printf(r->arena, "stopped by a signal after %llu "
				"packets%s%s%.19s%s: what follows was not "
				"judged", (unsigned long long)frames(r), part,
				last ? ", at " : "", time, last ? "Z" : "");
}

static void counted(struct run *r)
{
	r->ended = arena_printf(r->arena, "ended after %llu packet%s, as asked "
				"(--count)", (unsigned long long)r->count,
				plural(r->count));
}

/* Until there are workers, nothing else is due. */
bool audit_waits(void *run)
{
	struct run *r = run;

	if (stop_asked())
		return false;
	if (!r->worker)
		return !is_over(r, stop_clock());
	worker_serve(r->worker);
	return tick(r);
}

static void read_files(struct run *r)
{
	enum { ROUNDS = 1024 };
	struct worker *w = r->worker;
	struct frame f[FRAME_BATCH];

	for (unsigned round = 0; !atomic_load(&r->stop); round++) {
		size_t n = stop_asked() || r->ended ? 0 :
			   sources_read(r->sources, f, FRAME_BATCH);

		if (stop_asked() && !r->ended)
			stopped(r);
		if (!n)
			return;
		n = (size_t)worker_within_count(r, (long)n);
		if (r->filter)
			n = filter_frames(r->filter, f, n);
		worker_frames(w, f, n);
		if (round % ROUNDS && !progress_asked && !reload_asked)
			continue;
		worker_serve(w);
		if (!tick(r))
			return;
	}
	counted(r);
}

/* ---- live --------------------------------------------------------------------- */

/* Signals are the main thread's. */
static bool start_workers(struct run *r)
{
	sigset_t all, old;
	bool ok = true;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; i < r->n_worker && ok; i++) {
		struct worker *w = &r->worker[i];
		int rc = pthread_create(&w->thread, NULL, worker_watch, w);

		w->started = ok = rc == 0;
		if (!ok)
			complain(r->args, "no thread can be started: %s",
				 strerror(rc));
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

static void join_workers(struct run *r)
{
	atomic_store(&r->stop, true);
	for (unsigned i = 0; i < r->n_worker; i++) {
		struct worker *w = &r->worker[i];

		if (w->started)
			pthread_join(w->thread, NULL);
		w->started = false;
		worker_serve(w);
		if (!w->why)
			continue;
		r->ended = arena_printf(r->arena, "capturing ended: %s", w->why);
		r->ended_early = true;
	}
}

static void watch(struct run *r)
{
	const struct timespec nap = { .tv_nsec = 50 * 1000 * 1000 };

	if (!start_workers(r)) {
		r->ended = "not all readers could be started";
		r->ended_early = true;
	} else {
		while (!stop_asked() && !atomic_load(&r->stop) && tick(r))
			nanosleep(&nap, NULL);
		if (r->count && atomic_load(&r->stop))
			counted(r);
	}
	join_workers(r);
}

void audit_consume(struct run *r)
{
	r->clock = (struct clock){ r->start + 1, r->start,
				   r->start + KNOWN_SECONDS, r->start };
	if (r->live)
		fprintf(stderr, "portplan audit: watching; %s\n",
			audit_guard_words(r));
	notify_send(r->notify, "READY=1\nSTATUS=%s", r->live ? "watching" :
							      "reading");
	if (r->live)
		watch(r);
	else
		read_files(r);
	notify_send(r->notify, "STOPPING=1\nSTATUS=writing the report");
	if (isatty(STDERR_FILENO) && stop_clock() - r->start > 2)
		fputc('\n', stderr);
}
