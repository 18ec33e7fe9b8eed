#include <time.h>

#include "cli/audit.h"
#include "cli/stop.h"

uint64_t audit_wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t drops(struct worker *w)
{
	uint64_t n = 0;

	for (size_t i = 0; w->live && i < w->run->n_seen; i++)
		n += live_stats(w->live, i).dropped;
	return n;
}

static void show_totals(struct worker *w)
{
	uint64_t n = drops(w);

	pthread_mutex_lock(&w->run->lock);
	w->totals = *audit_totals(w->audit);
	w->flow_stats = *audit_flow_stats(w->audit);
	w->dropped = n;
	pthread_mutex_unlock(&w->run->lock);
	atomic_store(&w->want_totals, false);
}

static void show_known(struct worker *w)
{
	struct arena *a = arena_new();
	known_list l = { 0 };

	audit_known(w->audit, a, &l);
	pthread_mutex_lock(&w->run->lock);
	arena_free(w->known_arena);
	w->known_arena = a;
	w->known = l;
	pthread_mutex_unlock(&w->run->lock);
	atomic_store(&w->want_known, false);
}

void worker_serve(struct worker *w)
{
	struct force *f = atomic_load(&w->fresh);

	atomic_fetch_add_explicit(&w->beats, 1, memory_order_relaxed);
	if (f) {
		audit_replan(w->audit, f->judge, f->tap);
		w->force = f;
		atomic_store(&w->fresh, NULL);
	}
	if (atomic_load_explicit(&w->want_totals, memory_order_relaxed))
		show_totals(w);
	if (atomic_load_explicit(&w->want_known, memory_order_relaxed))
		show_known(w);
}

/* How many of n more packets --count lets through; the last stop the run. */
long worker_within_count(struct run *r, long n)
{
	uint64_t before;

	if (!r->count || n <= 0)
		return n;
	before = atomic_fetch_add(&r->taken, (uint64_t)n);
	if (before + (uint64_t)n < r->count)
		return n;
	atomic_store(&r->stop, true);
	return before < r->count ? (long)(r->count - before) : 0;
}

void worker_frames(struct worker *w, const struct frame *f, size_t n)
{
	audit_frames(w->audit, f, n);
	atomic_fetch_add_explicit(&w->frames, n, memory_order_relaxed);
}

/* At once, so that whoever reads the log can see to it. */
static void say_gone(struct worker *w)
{
	struct run *r = w->run;

	for (size_t i = 0; i < r->n_seen; i++) {
		const char *why = live_gone(w->live, i);

		if (!why || r->seen[i].gone)
			continue;
		r->seen[i].gone = why;
		complain(r->args, "%s: %s", r->seen[i].name, why);
	}
}

/* One batch; how many packets it held; -1: the end. */
static long turn(struct worker *w)
{
	struct run *r = w->run;
	struct frame f[FRAME_BATCH];
	long n = live_read(w->live, f, FRAME_BATCH);

	if (w == r->worker)
		say_gone(w);
	if (n < 0) {
		w->why = live_why(w->live);
		atomic_store(&r->stop, true);
		return -1;
	}
	worker_frames(w, f, (size_t)worker_within_count(r, n));
	if (!n)
		audit_tick(w->audit, audit_wall_clock());
	worker_serve(w);
	return n;
}

/* What the kernel had taken when the end was called is still to be read. It
 * hands over a block when it is full or after the timeout. */
static void drain(struct worker *w)
{
	double until = stop_clock() + 3 * LIVE_TIMEOUT_MS / 1e3;

	while (turn(w) > 0 && stop_clock() < until)
		;
}

void *worker_watch(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load_explicit(&w->run->stop, memory_order_relaxed))
		if (turn(w) < 0)
			return NULL;
	drain(w);
	return NULL;
}
