#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/audit.h"

/* A signal can reach nothing else. */
static volatile sig_atomic_t stop_asked, progress_asked, reload_asked;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		progress_asked = 1;
	else if (sig == SIGHUP)
		reload_asked = 1;
	else
		stop_asked = 1;
}

void audit_catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* A line on the terminal, once a second on long runs. */
static void progress(const struct run *r, double start, bool force)
{
	const struct audit_totals *t = audit_totals(r->audit);
	double p = r->sources ? sources_progress(r->sources) : -1;
	double took = now() - start;

	if (!force && (!isatty(STDERR_FILENO) || took < 2))
		return;
	fprintf(stderr, "%s%llu packets, %.1f M a second, %llu flows",
		force ? "" : "\r", (unsigned long long)t->frames,
		(double)t->frames / took / 1e6,
		(unsigned long long)audit_flow_stats(r->audit)->flows);
	if (p > 0)
		fprintf(stderr, ", %.0f %%, %.0f s left", p * 100,
			took / p - took);
	fputs(force ? "\n" : "  ", stderr);
}

/* What is due now and then, not with every packet. */
static bool tick(struct run *r, double start, double *next)
{
	double t;

	if (progress_asked) {
		progress_asked = 0;
		progress(r, start, true);
	}
	if (reload_asked) {
		reload_asked = 0;
		audit_reload(r);
	}
	t = now();
	if (t < *next)
		return true;
	*next = t + 1;
	progress(r, start, false);
	audit_flush_events(r);
	return !r->duration || !r->live || t - start < r->duration;
}

static long next_frames(struct run *r, struct frame *f)
{
	size_t n;

	if (r->live)
		return live_read(r->live, f, FRAME_BATCH);
	n = sources_read(r->sources, f, FRAME_BATCH);
	return n ? (long)n : -1;
}

void audit_consume(struct run *r)
{
	struct frame f[FRAME_BATCH];
	double start = now(), next = start + 1;
	uint64_t total = 0;

	for (unsigned round = 0; !stop_asked; round++) {
		long n = next_frames(r, f);
		size_t k;

		if (n < 0 && r->live) {
			complain(r->args, "capturing ended: %s",
				 live_why(r->live));
			r->ended_early = true;
		}
		if (n < 0)
			break;
		if (r->count && total + (uint64_t)n > r->count)
			n = (long)(r->count - total);
		total += (uint64_t)n;
		k = r->filter ? filter_frames(r->filter, f, (size_t)n) :
				(size_t)n;
		audit_frames(r->audit, f, k);
		if (r->live && !n)
			audit_tick(r->audit, wall_clock());
		if (r->count && total >= r->count)
			break;
		if ((r->live || round % 1024 == 0 || progress_asked ||
		     reload_asked) &&
		    !tick(r, start, &next))
			break;
	}
	if (isatty(STDERR_FILENO) && now() - start > 2)
		fputc('\n', stderr);
}
