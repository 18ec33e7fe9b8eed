#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply/grace.h"
#include "cli/apply.h"

enum { GRACE_TRIES = 8 };

/* Switching, and waiting for the confirmation. */

/*
 * PORTPLAN_STEP=NAME stops the process when it gets there, kill:NAME kills it
 * as kill -9 does: so tests see what is left, and do things in the middle.
 */
static void apply_step(void *ctx, const char *name)
{
	const char *want = getenv("PORTPLAN_STEP");

	(void)ctx;
	if (want && !strncmp(want, "kill:", 5) && !strcmp(want + 5, name))
		raise(SIGKILL);
	if (want && !strcmp(want, name))
		raise(SIGSTOP);
}

int apply_ask(const struct args *a, const char *question)
{
	char answer[16];

	if (arg_given(a, "yes"))
		return EXIT_OK;
	if (!isatty(STDIN_FILENO))
		return complain(a, "nobody to ask: say --yes");
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (answer[0] == 'y' || answer[0] == 'Y'))
		return EXIT_OK;
	return complain(a, "nothing was changed");
}

int apply_result_code(struct site *s, enum apply_result r)
{
	switch (r) {
	case APPLY_DONE:
		return EXIT_OK;
	case APPLY_FOREIGN:
		foreign_hear(s);
		complain(s->a, "somebody else changed nftables rules just "
			 "now%s: nothing was done. Look, and start again",
			 s->foreign);
		return EXIT_BAD;
	case APPLY_BACK:
		site_trouble(s);
		return EXIT_ROLLED_BACK;
	case APPLY_FAILED:
		site_trouble(s);
		return complain(s->a, "nothing was changed");
	case APPLY_STUCK:
		break;
	}
	site_trouble(s);
	complain(s->a, "the new rules run, but not all is as it should be: see "
		 "above, then portplan recover");
	return EXIT_UNDECIDED;
}

/* ---- the wait ------------------------------------------------------------------------ */

/* Both guardians were killed: what they would do is done here. */
static int be_guardian(struct site *s)
{
	enum recovered r = recover(&s->state, &s->nft, s->table, false,
				   &s->err);

	if (r == RECOVERED_FORWARD)
		return EXIT_OK;
	if (r == RECOVERED_NOT)
		return apply_result_code(s, APPLY_STUCK);
	complain(s->a, "the guardian was killed: the old rules run again");
	return EXIT_ROLLED_BACK;
}

static int ended(struct site *s, char word)
{
	switch (word) {
	case GUARDIAN_CONFIRMED:
		printf("confirmed: these rules run, and will at boot\n");
		return EXIT_OK;
	case GUARDIAN_BACK:
		complain(s->a, "not confirmed: the old rules run again");
		return EXIT_ROLLED_BACK;
	default:
		complain(s->a, "the guardian could not bring the old rules "
			 "back: see %s/last", s->state.path);
		return EXIT_UNDECIDED;
	}
}

/* Ctrl-C is a no, and there is no need to wait for it to be one. */
static int catch_interrupt(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_back(struct site *s)
{
	struct buf answer = { 0 }, ignore = { 0 };

	guardian_ask(&s->state, "back", &answer, &ignore);
	buf_free(&answer);
	buf_free(&ignore);
}

static int wait_for_end(struct site *s, struct guardian *g, int interrupt)
{
	struct pollfd p[2] = { { g->fd, POLLIN, 0 }, { interrupt, POLLIN, 0 } };
	char word;

	for (;;) {
		ssize_t n;

		if (poll(p, interrupt < 0 ? 1 : 2, -1) < 0 && errno != EINTR)
			return be_guardian(s);
		if (p[1].revents) {
			p[1].fd = -1;
			p[1].revents = 0;
			take_back(s);
		}
		if (!p[0].revents)
			continue;
		n = recv(g->fd, &word, 1, 0);
		if (n == 1)
			return ended(s, word);
		if (n == 0 || errno != EINTR)
			return be_guardian(s);
	}
}

static void say_how(const struct site *s, const struct apply *x)
{
	struct buf state = { 0 };

	site_state_words(s, &state);
	printf("the new rules run, on trial for %u s. Over a new connection, "
	       "say\n    portplan confirm %s%s\nor the old rules come back by "
	       "themselves\n", x->seconds, x->journal.token,
	       state.n ? state.s : "");
	fflush(stdout);
	buf_free(&state);
}

/* ---- connections that were open before --------------------------------------------- */

struct on_trial {
	struct site *s;
	const struct way *w;
};

static bool look(struct site *s, const struct way *w, enum revoke how)
{
	struct buf out = { 0 };
	bool good = true;

	if (w->loaded)
		good = apply_connections(s->a, w->loaded, w->firewall, how,
					 &out);
	if (out.n)
		printf("%s", out.s);
	fflush(stdout);
	buf_free(&out);
	return good;
}

int apply_look(struct site *s, const struct way *w)
{
	bool good = look(s, w, w->revoke ? REVOKE_NOW : REVOKE_NOT);

	return good || !w->revoke ? EXIT_OK : EXIT_UNDECIDED;
}

/* In the guardian: what is cut does not come back, so not before. */
static void cut_confirmed(void *ctx, struct buf *out)
{
	const struct on_trial *t = ctx;

	if (t->w->revoke && t->w->loaded)
		apply_connections(t->s->a, t->w->loaded, t->w->firewall,
				  REVOKE_NOW, out);
}

/* ---- grace -------------------------------------------------------------------------- */

static void say_grace(unsigned seconds)
{
	if (seconds)
		printf("grace   for %u s: TCP connections that began before go "
		       "on where the plan allows them\n", seconds);
}

int apply_grace(struct site *s, unsigned seconds)
{
	enum batch_result r = BATCH_STALE;
	int running;

	for (int tries = 0; tries < GRACE_TRIES && r == BATCH_STALE; tries++) {
		if (generations_read(&s->nft, s->table, &s->g, &s->err) < 0)
			return site_trouble(s);
		running = generations_running(&s->g);
		if (running < 0)
			return complain(s->a, "nothing runs that could have a "
					"grace period");
		r = grace_start(&s->nft, s->table, &s->g, running, seconds,
				&s->err);
	}
	if (r == BATCH_STALE)
		buf_puts(&s->err, "others change the rules all the time\n");
	if (r != BATCH_DONE) {
		site_trouble(s);
		return complain(s->a, "no grace period: are these rules of an "
				"apply --grace?");
	}
	say_grace(seconds);
	return EXIT_OK;
}

/* ---- the switch ---------------------------------------------------------------------- */

static void say_done(const struct way *w, const struct delta *x)
{
	static const char *const now[2][2] = { /* in place, at once */
		{ "", "these rules run now, and will at boot\n" },
		{ "\n", ". These rules run now, and will at boot\n" },
	};

	if (x)
		printf("changed in place, %llu element%s and %llu rule%s: "
		       "counters go on", (unsigned long long)x->elements,
		       plural(x->elements), (unsigned long long)x->rules,
		       plural(x->rules));
	fputs(now[x != NULL][!w->seconds], stdout);
}

int apply_rules(struct site *s, const struct way *w, struct delta *x)
{
	struct on_trial trial = { s, w };
	struct apply a = { .nft = &s->nft, .state = &s->state,
			   .table = s->table, .g = s->g, .delta = x,
			   .seconds = w->seconds, .grace = w->grace,
			   .from = ssh_connection(), .step = apply_step,
			   .confirmed = cut_confirmed, .ctx = &trial };
	int interrupt = w->seconds ? catch_interrupt() : -1;
	enum apply_result r;

	if (w->large && (!x || w->seconds))
		foreign_deaf(s);
	r = apply_load(&a, &s->err);
	foreign_listen(s);
	a.forget = s->monitor.fd;
	if (r == APPLY_DONE)
		r = apply_switch(&a, &s->err);
	s->g.generation = a.g.generation;
	if (r == APPLY_FAILED || r == APPLY_FOREIGN)
		apply_drop(&a);
	if (r == APPLY_DONE)
		monitor_close(&s->monitor);
	if (r != APPLY_DONE)
		return apply_result_code(s, r);
	if (!x)
		say_grace(w->grace);
	say_done(w, x);
	site_trouble(s);
	if (x && w->grace && apply_grace(s, w->grace) != EXIT_OK)
		return EXIT_UNDECIDED;
	if (!w->seconds)
		return apply_look(s, w);
	look(s, w, w->revoke ? REVOKE_LATER : REVOKE_NOT);
	say_how(s, &a);
	return wait_for_end(s, &a.guardian, interrupt);
}
