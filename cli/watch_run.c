#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/watch.h"
#include "service/notify.h"

/*
 * Events, signals, the clock. A report waits until nothing was changed for
 * SETTLE, so that what belongs together is told together; but where changes do
 * not end, no longer than LONGEST. Both together with the reading stay below
 * the second in which a change is to be known.
 */
static const double SETTLE = 0.1, LONGEST = 0.4; /* seconds */
enum {
	MOST_WAIT = 60,	  /* seconds: the wall clock may be set */
	TRY_AGAIN = 3600, /* where a topology does not compile on its date */
};

static bool reached(const struct watch *w)
{
	return w->plan->next && (int64_t)time(NULL) >= w->plan->next;
}

static int64_t monotonic_us(void)
{
	return (int64_t)(watch_clock() * 1e6);
}

/* One that does not compile is refused, the old one stays. */
static void reload(struct watch *w, const char *why)
{
	struct watch_plan *p;

	notify_send(w->notify, "RELOADING=1\nMONOTONIC_USEC=%lld",
		    (long long)monotonic_us());
	p = watch_plan_read(w);
	watch_reopen(w);
	if (p) {
		watch_plan_free(w->plan);
		w->plan = p;
		watch_report(w, EVENT_PLAN, why);
	} else {
		complain(w->args, "the old topology stays in force");
	}
	notify_send(w->notify, "READY=1");
}

/* False: it is to end. */
static bool hear_signal(struct watch *w)
{
	struct signalfd_siginfo s;

	while (read(w->signals, &s, sizeof(s)) == sizeof(s)) {
		if (s.ssi_signo != SIGHUP)
			return false;
		reload(w, "the topology was read again");
	}
	return true;
}

static bool due(const struct watch *w, double t)
{
	return w->last > 0 && (t - w->last >= SETTLE ||
			       t - w->first >= LONGEST);
}

/* Milliseconds until something is due. */
static int wait_for(const struct watch *w, double t, double alive)
{
	double left = MOST_WAIT, x;

	if (w->last > 0) {
		x = w->last + SETTLE - t;
		left = w->first + LONGEST - t;
		left = x < left ? x : left;
	}
	if (w->watchdog > 0 && alive - t < left)
		left = alive - t;
	if (w->plan->next) {
		x = (double)(w->plan->next - (int64_t)time(NULL));
		left = x < left ? x : left;
	}
	return left <= 0 ? 0 : (int)(left * 1e3) + 1;
}

static void status(const struct watch *w)
{
	const size_t *c = w->now.count;

	notify_send(w->notify, "STATUS=%s: %s the plan, %zu extra, %zu "
		    "missing", w->firewall, c[VF_EXTRA] || c[VF_MISSING] ?
		    "NOT equal to" : "equal to", c[VF_EXTRA], c[VF_MISSING]);
}

/* What could not be read is tried again at the next settling. */
static void report(struct watch *w)
{
	if (!watch_report(w, EVENT_CHANGE, NULL))
		w->first = w->last = watch_clock();
	status(w);
}

int watch_run(struct watch *w)
{
	struct pollfd p[] = { { w->monitor.fd, POLLIN, 0 },
			      { w->signals, POLLIN, 0 },
			      { watch_to_stdout(w) ? STDOUT_FILENO : -1, 0,
				0 } };
	double alive = 0;

	for (;;) {
		double t = watch_clock();

		if (w->watchdog > 0 && t >= alive) {
			notify_send(w->notify, "WATCHDOG=1");
			alive = t + w->watchdog;
		}
		if (due(w, t))
			report(w);
		if (reached(w)) {
			w->plan->next += TRY_AGAIN;
			reload(w, "a date of the plan was reached");
		}
		if (poll(p, COUNT_OF(p), wait_for(w, watch_clock(), alive)) < 0 &&
		    errno != EINTR) {
			complain(w->args, "poll: %s", strerror(errno));
			return EXIT_BAD;
		}
		if (p[1].revents && !hear_signal(w))
			break;
		if (p[2].revents) { /* whoever read it has gone */
			if (!watch_without_stdout(w))
				break;
			p[2].fd = -1;
		}
		if (p[0].revents && !watch_take(w))
			return EXIT_BAD;
	}
	notify_send(w->notify, "STOPPING=1");
	if (w->last > 0)
		watch_report(w, EVENT_CHANGE, NULL);
	return w->now.count[VF_EXTRA] || w->now.count[VF_MISSING] ?
		EXIT_FINDINGS : w->now.count[VF_UNDECIDED] ? EXIT_UNDECIDED :
		EXIT_OK;
}
