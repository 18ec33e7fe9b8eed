#include "apply/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "apply/recover.h"

enum { TRIES = 5, FIRST_PAUSE = 50 * 1000 * 1000 /* ns */ };
enum { ASK_SECONDS = 30, ANSWER = 4096 };
/* For two seconds: what is left to do takes milliseconds. */
enum { LOCK_TRIES = 80, LOCK_PAUSE = 25 * 1000 * 1000 /* ns */ };

/* The names of what poll() watches. */
enum { P_PARENT, P_TWIN, P_LISTEN, P_TIMER, P_SIGNAL, P_N };

struct self {
	const struct guardian_job *job;
	struct nft nft;
	int parent, twin, listen, timer, signals;
	bool switched, done;
	enum guardian_word end;
	struct buf err;
};

static void step(const struct guardian_job *job, const char *name)
{
	if (job->step)
		job->step(job->ctx, name);
}

/* ---- the socket by which others come ---------------------------------------------- */

/* By way of the directory: its own path may be too long for a socket. */
static int address(const struct state_dir *s, struct sockaddr_un *a)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return snprintf(a->sun_path, sizeof(a->sun_path),
			"/proc/self/fd/%d/guardian", s->dir);
}

static int listen_at(const struct state_dir *s)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;

	address(s, &a);
	unlinkat(s->dir, "guardian", 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    listen(fd, 4) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int guardian_ask(const struct state_dir *s, const char *request, struct buf *out,
		 struct buf *err)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = ASK_SECONDS };
	struct sockaddr_un a;
	char answer[ANSWER];
	ssize_t n = -1;

	address(s, &a);
	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) >= 0)
		n = recv(fd, answer, sizeof(answer), 0);
	if (n > 0)
		buf_put(out, answer, (size_t)n);
	else
		buf_printf(err, "nobody answers for \"%s\": %s\n", s->path,
			   n == 0 ? "it ended" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return n > 0 ? 0 : -1;
}

int guardian_lock(struct state_dir *s, struct buf *status, struct buf *err)
{
	struct timespec pause = { .tv_nsec = LOCK_PAUSE };
	struct buf ignore = { 0 };
	int held = state_lock(s, err);

	for (int i = 0; i < LOCK_TRIES && held == 1; i++) {
		if (guardian_ask(s, "status", status, &ignore) == 0)
			break;
		nanosleep(&pause, NULL);
		held = state_lock(s, err);
	}
	buf_free(&ignore);
	return held;
}

/* ---- ends -------------------------------------------------------------------------------- */

static void end(struct self *g, enum guardian_word w, const char *text)
{
	char c = (char)w;

	g->done = true;
	g->end = w;
	state_note(g->job->state, text);
	unlinkat(g->job->state->dir, "guardian", 0);
	while (send(g->parent, &c, 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void for_good(struct self *g, struct buf *out)
{
	if (g->job->confirmed)
		g->job->confirmed(g->job->ctx, out);
}

/* A socket that fails once, or for a while, is no reason to leave it. */
static enum recovered recover_whatever(struct self *g)
{
	struct timespec pause = { .tv_nsec = FIRST_PAUSE };
	enum recovered r = RECOVERED_NOT;

	for (int tries = 0; tries < TRIES && r == RECOVERED_NOT; tries++) {
		if (tries) {
			nanosleep(&pause, NULL);
			pause.tv_nsec *= 2;
			nft_close(&g->nft);
			g->err.n = 0;
			if (nft_open(&g->nft, &g->err) < 0)
				continue;
		}
		r = recover_by(g->job->state, &g->nft, g->job->table,
			       g->job->journal, &g->err);
	}
	return r;
}

/* By the journal and what is loaded: back, or forward if it was confirmed. */
static void settle(struct self *g, const char *why)
{
	enum recovered r = recover_whatever(g);
	struct buf text = { 0 };

	if (r == RECOVERED_FORWARD) {
		buf_printf(&text, "confirmed; %s\n", why);
		for_good(g, &text);
	} else if (r == RECOVERED_NOT) {
		buf_printf(&text, "NOT rolled back: %s", g->err.s ? g->err.s :
			   "\n");
	} else {
		buf_printf(&text, "rolled back: %s\n", why);
	}
	end(g, r == RECOVERED_FORWARD ? GUARDIAN_CONFIRMED :
	       r == RECOVERED_NOT ? GUARDIAN_STUCK : GUARDIAN_BACK, text.s);
	buf_free(&text);
}

static unsigned seconds_left(const struct self *g)
{
	struct itimerspec t;

	return timerfd_gettime(g->timer, &t) < 0 ? 0 :
		(unsigned)t.it_value.tv_sec + (t.it_value.tv_nsec > 0);
}

/* Somebody else deleted them, or put them to sleep: then a connection shows
 * nothing of them. What cannot be read is no reason to refuse. */
static bool on_trial(struct self *g)
{
	struct generations now;

	return generations_read(&g->nft, g->job->table, &now, &g->err) < 0 ||
	       now.slot[g->job->journal->slot] == SLOT_RUNNING;
}

/* The renaming is the moment; what follows can be done by anybody later. */
static void confirm(struct self *g, char *answer, size_t room)
{
	struct buf more = { 0 };
	bool left;

	if (!on_trial(g)) {
		snprintf(answer, room, "not confirmed: the rules on trial do "
			 "not run any more, somebody else took them out. The "
			 "old ones come back in %u s\n", seconds_left(g));
		return;
	}
	g->err.n = 0;
	step(g->job, "guardian:confirming");
	if (state_confirm(g->job->state, &g->err) < 0) {
		snprintf(answer, room, "not confirmed: %s", g->err.s);
		g->err.n = 0;
		return;
	}
	step(g->job, "guardian:renamed");
	left = recover_by(g->job->state, &g->nft, g->job->table,
			  g->job->journal, &g->err) == RECOVERED_NOT;
	if (g->err.n)
		snprintf(answer, room, "confirmed, but %s%s", left ?
			 "the old rules are still loaded, dormant: " : "",
			 g->err.s);
	else
		snprintf(answer, room, "confirmed\n");
	for_good(g, &more);
	if (more.n)
		snprintf(answer + strlen(answer), room - strlen(answer), "%s",
			 more.s);
	buf_free(&more);
	end(g, GUARDIAN_CONFIRMED, answer);
	step(g->job, "guardian:confirmed");
}

/* ---- what it hears ------------------------------------------------------------------- */

static void answer_to(struct self *g, const char *request, char *out,
		      size_t room)
{
	const struct journal *j = g->job->journal;
	const char *token = request + strlen("confirm");

	if (!strcmp(request, "status")) {
		snprintf(out, room, "left %u\nfrom %s\n", seconds_left(g),
			 j->from);
	} else if (!strcmp(request, "back")) {
		settle(g, "as asked");
		snprintf(out, room, "%s", g->end == GUARDIAN_BACK ?
			 "rolled back\n" : "NOT rolled back\n");
	} else if (strncmp(request, "confirm", 7)) {
		snprintf(out, room, "not understood\n");
	} else if (!g->switched) {
		snprintf(out, room, "not confirmed: nothing was switched "
			 "yet\n");
	} else if (*token && strcmp(token + 1, j->token)) {
		snprintf(out, room, "not confirmed: that is the token of "
			 "another apply\n");
	} else {
		confirm(g, out, room);
	}
}

static void hear_client(struct self *g)
{
	struct timeval limit = { .tv_sec = 2 };
	int fd = accept4(g->listen, NULL, NULL, SOCK_CLOEXEC);
	char request[64], answer[ANSWER] = "not understood\n";
	socklen_t len = sizeof(struct ucred);
	struct ucred who;
	ssize_t n;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	    (who.uid == 0 || who.uid == geteuid()) &&
	    (n = recv(fd, request, sizeof(request) - 1, 0)) > 0) {
		request[n] = '\0';
		answer_to(g, request, answer, sizeof(answer));
	}
	if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0) {
		/* who asked is gone: what was done, was done */
	}
	close(fd);
}

static void set_timer(int fd, unsigned seconds)
{
	struct itimerspec t = { .it_value = { .tv_sec = (time_t)seconds } };

	timerfd_settime(fd, 0, &t, NULL);
}

/* False: apply is gone. */
static bool hear_parent(struct self *g)
{
	char c;
	ssize_t n = recv(g->parent, &c, 1, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 1 && c == GUARDIAN_SWITCHED) {
		g->switched = true;
		set_timer(g->timer, g->job->journal->seconds);
		return true;
	}
	if (n == 1 && c == GUARDIAN_QUIT) {
		g->done = true;
		g->end = GUARDIAN_QUIT;
		unlinkat(g->job->state->dir, "guardian", 0);
		return true;
	}
	if (n == 1)
		return true;
	/* Died before it said that it switched: perhaps it did. */
	if (!g->switched)
		settle(g, "apply died in the middle");
	return false;
}

/* ---- the twin -------------------------------------------------------------------------- */

static void drop_out(void)
{
	static const char name[] = GUARDIAN_COMM;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), oom;

	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	prctl(PR_SET_NAME, name);
	/* never swapped out, and the last to be killed for want of memory */
	mlockall(MCL_CURRENT | MCL_ONFAULT);
	oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (oom >= 0 && write(oom, "-1000", 5) < 0) {
		/* not allowed: as it is, then */
	}
	if (oom >= 0)
		close(oom);
	if (chdir("/") < 0) {
		/* then a file system stays busy */
	}
}

static _Noreturn void be_twin(struct self *g, int fd)
{
	char c = 0;
	ssize_t n;

	do {
		n = recv(fd, &c, 1, 0);
	} while (n < 0 && errno == EINTR);
	if (n == 1 && c == GUARDIAN_QUIT)
		_exit(0);
	/* not the socket of one that is dead, perhaps in mid-sentence */
	nft_close(&g->nft);
	nft_open(&g->nft, &g->err);
	settle(g, "the guardian was killed");
	_exit(0);
}

static int start_twin(struct self *g)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		setsid();
		if (g->listen >= 0)
			close(g->listen);
		be_twin(g, pair[1]);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	g->twin = pair[0];
	return 0;
}

static void hear_twin(struct self *g)
{
	close(g->twin);
	g->twin = -1;
	start_twin(g); /* alone, if that fails */
}

/* ---- the process ------------------------------------------------------------------------ */

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_IGN);
	sigdelset(&set, SIGPIPE);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void hear_signal(struct self *g)
{
	struct signalfd_siginfo i;

	if (read(g->signals, &i, sizeof(i)) == sizeof(i) &&
	    i.ssi_signo == SIGTERM)
		settle(g, "the guardian was asked to end");
}

static void watch(struct self *g)
{
	while (!g->done) {
		struct pollfd p[P_N] = {
			[P_PARENT] = { g->parent, POLLIN, 0 },
			[P_TWIN] = { g->twin, POLLIN, 0 },
			[P_LISTEN] = { g->listen, POLLIN, 0 },
			[P_TIMER] = { g->timer, POLLIN, 0 },
			[P_SIGNAL] = { g->signals, POLLIN, 0 },
		};

		if (poll(p, P_N, -1) < 0 && errno != EINTR)
			settle(g, "the guardian cannot wait");
		if (!g->done && p[P_LISTEN].revents)
			hear_client(g);
		if (!g->done && p[P_TIMER].revents)
			settle(g, "not confirmed in time");
		if (!g->done && p[P_SIGNAL].revents)
			hear_signal(g);
		if (!g->done && p[P_PARENT].revents && !hear_parent(g))
			g->parent = -1;
		if (!g->done && p[P_TWIN].revents)
			hear_twin(g);
	}
}

static _Noreturn void be_guardian(const struct guardian_job *job, int parent)
{
	struct self g = { .job = job, .parent = parent, .twin = -1 };
	char c = GUARDIAN_ARMED, quit = GUARDIAN_QUIT;

	setsid();
	if (job->forget >= 0)
		close(job->forget);
	g.signals = catch_signals();
	g.timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	g.listen = listen_at(job->state);
	job->journal->pid = (long)getpid();
	if (g.signals < 0 || g.timer < 0 || g.listen < 0 ||
	    nft_open(&g.nft, &g.err) < 0 ||
	    journal_write(job->state, job->journal, &g.err) < 0 ||
	    start_twin(&g) < 0) {
		char text[ANSWER];

		unlinkat(job->state->dir, "guardian", 0);
		snprintf(text, sizeof(text), "%s", g.err.s ? g.err.s :
			 strerror(errno));
		if (send(parent, text, strlen(text), MSG_NOSIGNAL) < 0) {
			/* it will see that nobody answers */
		}
		_exit(1);
	}
	drop_out();
	set_timer(g.timer, job->journal->seconds);
	step(job, "guardian:ready");
	if (send(parent, &c, 1, MSG_NOSIGNAL) < 0)
		settle(&g, "apply died before it began");
	watch(&g);
	if (g.twin >= 0 && send(g.twin, &quit, 1, MSG_NOSIGNAL) < 0) {
		/* it is gone already */
	}
	_exit(0);
}

static int cannot_start(struct buf *err)
{
	buf_printf(err, "cannot start a guardian: %s\n", strerror(errno));
	return -1;
}

int guardian_start(struct guardian *g, const struct guardian_job *job,
		   struct buf *err)
{
	char text[ANSWER];
	int pair[2];
	pid_t pid;
	ssize_t n;

	*g = (struct guardian){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cannot_start(err);
	pid = fork();
	if (pid < 0) {
		cannot_start(err);
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (pid == 0) {
		close(pair[0]);
		be_guardian(job, pair[1]);
	}
	close(pair[1]);
	g->fd = pair[0];
	do {
		n = recv(g->fd, text, sizeof(text), 0);
	} while (n < 0 && errno == EINTR);
	if (n == 1 && text[0] == GUARDIAN_ARMED)
		return 0;
	buf_puts(err, "the guardian did not come up: ");
	if (n > 1)
		buf_put(err, text, (size_t)n);
	else
		buf_puts(err, "it was killed\n");
	close(g->fd);
	g->fd = -1;
	return -1;
}

int guardian_tell(struct guardian *g, enum guardian_word w)
{
	char c = (char)w;

	return send(g->fd, &c, 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
}
