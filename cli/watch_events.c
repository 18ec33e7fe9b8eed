#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include <linux/netfilter.h>

#include "apply/guardian.h"
#include "cli/watch.h"

/* Who changed rules since the last report, and what of. */
enum { MOST_ACTORS = 64, GENERATION_WAIT = 50 /* ms */ };

double watch_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

uint64_t watch_wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool watch_is_ours(const struct watch *w, uint32_t family, const char *table)
{
	return family == NFPROTO_INET && generation_of(w->table, table);
}

/* The name alone proves nothing, but without it nothing is ours. */
static bool looks_ours(const struct watch *w, const struct change *c)
{
	if (c->touched.more || (strcmp(c->comm, w->own_comm) &&
			strcmp(c->comm, GUARDIAN_COMM)))
		return false;
	for (size_t i = 0; i < c->touched.n; i++)
		if (!watch_is_ours(w, c->touched.v[i].family,
				   c->touched.v[i].table))
			return false;
	return true;
}

static struct actor *actor_of(struct watch *w, const struct change *c)
{
	bool ours = looks_ours(w, c);
	struct actor x = { .pid = c->pid, .ours = ours };

	for (size_t i = 0; i < w->actors.n; i++)
		if (w->actors.v[i].pid == c->pid &&
		    w->actors.v[i].ours == ours &&
		    !strcmp(w->actors.v[i].comm, c->comm))
			return &w->actors.v[i];
	if (w->actors.n == MOST_ACTORS)
		return NULL;
	memcpy(x.comm, c->comm, sizeof(x.comm));
	vec_push(w->burst, &w->actors, x);
	return &w->actors.v[w->actors.n - 1];
}

static void begin(struct watch *w)
{
	double t = watch_clock();

	if (w->last <= 0) {
		w->first = t;
		w->first_at = watch_wall_clock();
	}
	if (!w->burst)
		w->burst = arena_new();
	w->last = t;
}

static void add_change(struct watch *w, const struct change *c)
{
	struct actor *a;

	begin(w);
	w->seen = c->generation;
	a = actor_of(w, c);
	if (!a) {
		w->more_actors++;
		return;
	}
	a->changes++;
	for (size_t i = 0; i < c->touched.n; i++)
		touches_add(w->burst, &a->touched, &c->touched.v[i]);
	a->touched.more |= c->touched.more;
}

/* One event, or that some are lost; false: nothing is waiting. */
static bool take_one(struct watch *w, bool *deaf)
{
	struct change c = { .pid = 0 };

	switch (monitor_next(&w->monitor, &c)) {
	case MONITOR_NONE:
		return false;
	case MONITOR_CHANGE:
		add_change(w, &c);
		change_free(&c);
		return true;
	case MONITOR_LOST:
		begin(w);
		w->lost = true;
		return true;
	case MONITOR_FAILED:
		break;
	}
	complain(w->args, "changes of rules are not heard of any more: %s",
		 strerror(errno));
	*deaf = true;
	return false;
}

/* A flood must not keep it from looking at the clock. */
bool watch_take(struct watch *w)
{
	bool deaf = false;

	for (unsigned i = 0; i < 1000 && take_one(w, &deaf); i++)
		;
	return !deaf;
}

static bool behind(const struct watch *w, uint32_t generation)
{
	return !w->lost && (int32_t)(w->seen - generation) < 0;
}

void watch_take_until(struct watch *w, uint32_t generation)
{
	double end = watch_clock() + GENERATION_WAIT / 1e3;
	bool deaf = false;

	while (behind(w, generation) && !deaf) {
		struct pollfd p = { w->monitor.fd, POLLIN, 0 };
		double left = end - watch_clock();

		if (take_one(w, &deaf))
			continue;
		if (left <= 0 || poll(&p, 1, (int)(left * 1e3) + 1) <= 0)
			return;
	}
}

void watch_burst_over(struct watch *w)
{
	arena_free(w->burst);
	w->burst = NULL;
	w->actors.v = NULL;
	w->actors.n = w->actors.cap = 0;
	w->more_actors = 0;
	w->lost = false;
	w->first = w->last = 0;
}
