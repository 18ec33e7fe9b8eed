#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/apply.h"
#include "cli/fence.h"
#include "cli/watch.h"
#include "service/notify.h"

/* portplan watch: who changes rules behind the plan's back. */

static int read_arguments(struct watch *w)
{
	struct args *a = w->args;

	w->firewall = arg_value(a, "firewall", NULL);
	if (!w->firewall)
		return complain(a, "which firewall is this machine? "
				"--firewall NAME");
	w->table = arena_printf(a->arena, "pp_%s", w->firewall);
	for (size_t i = 0; i < a->given.n; i++)
		if (!strcmp(a->given.v[i].def->name, "may-deny"))
			vec_push(a->arena, &w->may_deny, a->given.v[i].value);
	return watch_outputs(w);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Sockets first, so that nothing is missed between reading and listening. */
static bool open_all(struct watch *w)
{
	struct buf err = { 0 };
	bool good = monitor_open(&w->monitor, &err) == 0 &&
		    nft_open(&w->nft, &err) == 0 &&
		    live_reader_open(&w->reader, &err) == 0;

	if (!good)
		complain(w->args, "%.*s (that takes CAP_NET_ADMIN)",
			 (int)strcspn(err.s, "\n"), err.s);
	buf_free(&err);
	w->signals = good ? open_signals() : -1;
	return good && w->signals >= 0 && watch_open_outputs(w);
}

/*
 * Everything is open: what is left is the capability without which the kernel
 * does not answer, the state directory and the topology to read, and outputs
 * to open again. The user stays: what was confirmed is its own to read.
 */
static bool guard(struct watch *w)
{
	struct fence paths = { .arena = w->args->arena };
	const int send[] = { w->nft.fd, w->reader.nfnl, w->reader.rtnl,
			     w->notify };
	struct sandbox s = { .send = send,
			     .n_send = COUNT_OF(send) - (w->notify < 0) };

	if (sandbox_drop_capabilities(1ull << CAP_NET_ADMIN) < 0) {
		complain(w->args, "capabilities cannot be given up: %s",
			 strerror(errno));
		return false;
	}
	if (arg_given(w->args, "no-sandbox"))
		return true;
	fence_topology(&paths, w->args, w->plan->loaded.topo);
	fence_path(&paths, state_base(w->args), SANDBOX_READ);
	for (size_t i = 0; i < w->sinks.n; i++)
		fence_output(&paths, w->sinks.v[i].path);
	s.path = paths.v.v;
	s.n_path = paths.v.n;
	if (sandbox_enter(&s, &w->sandbox) == 0)
		return true;
	complain(w->args, "%s: %s (--no-sandbox goes on without)",
		 w->sandbox.missing, strerror(errno));
	return false;
}

static int start(struct watch *w)
{
	prctl(PR_GET_NAME, w->own_comm);
	w->watchdog = manager_meet(&w->notify);
	w->plan = watch_plan_read(w);
	if (!w->plan || !open_all(w) || !guard(w) ||
	    !watch_report(w, EVENT_START, NULL))
		return EXIT_BAD;
	fprintf(stderr, "portplan watch: %s; %s\n", w->firewall,
		fence_words(w->args->arena, &w->sandbox,
			    arg_given(w->args, "no-sandbox")));
	notify_send(w->notify, "READY=1\nSTATUS=watching");
	return watch_run(w);
}

static void close_all(struct watch *w)
{
	for (size_t i = 0; i < w->sinks.n; i++)
		if (w->sinks.v[i].file && w->sinks.v[i].path)
			fclose(w->sinks.v[i].file);
	watch_burst_over(w);
	arena_free(w->now.arena);
	watch_plan_free(w->plan);
	monitor_close(&w->monitor);
	nft_close(&w->nft);
	live_reader_close(&w->reader);
	if (w->signals >= 0)
		close(w->signals);
}

static int cmd_watch(struct args *a)
{
	struct watch w = { .args = a, .monitor = { .fd = -1 },
			   .reader = { -1, -1 }, .nft = { .fd = -1 },
			   .signals = -1, .notify = -1 };
	int code = read_arguments(&w);

	if (code == EXIT_OK)
		code = start(&w);
	close_all(&w);
	return code;
}

static const struct option_def watch_options[] = {
	{ 'f', "firewall", "NAME", "the firewall that this machine is" },
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "text (default) or ndjson, one line each; to FILE, behind what it "
	  "holds, if given (repeatable)" },
	{ OPTION_AGAIN, "may-deny", "TABLE",
	  "a table of others that may drop more than planned, fail2ban's for "
	  "example: its changes are told only if they open something "
	  "(repeatable)" },
	{ 0, "waivers", "FILE", "findings that are accepted for a time" },
	{ 0, "no-sandbox", NULL, "for debugging: without Landlock and seccomp" },
	STATE_OPTION,
	TOPOLOGY_OPTIONS,
};

const struct command command_watch = {
	.name = "watch",
	.run = cmd_watch,
	.usage = "TOPOLOGY.xml --firewall NAME",
	.summary = "tell who changes rules, and what that opens or closes",
	.description =
	  "Stays in the foreground and hears of every change of nftables "
	  "rules in this network namespace. Within a second it tells which "
	  "process made it, what it changed - table, chain, rule, set, "
	  "element - and, by the running kernel's rules as a whole held "
	  "against the plan as check does, what it opens and closes. What "
	  "apply, confirm, recover and restore do is told as own, if the "
	  "rules that run are what they have in their state directory. It "
	  "never undoes anything: `portplan restore` does. Counters are no "
	  "change, nor do elements that time out.\n"
	  "SIGHUP reads the topology again (one that does not compile is "
	  "refused) and opens the outputs again; on the dates on which "
	  "exceptions start or end the topology is read again too. SIGTERM "
	  "and Ctrl-C end it, with exit code 0 equal to the plan, 1 not, 3 "
	  "undecided. Where events are lost all is read anew.",
	OPTIONS(watch_options),
	.examples = "  portplan watch topology.xml --firewall inner\n"
		      "  portplan watch topology.xml --firewall inner "
		      "-o ndjson=/var/log/portplan/watch.ndjson\n",
	.min_args = 1,
	.max_args = 1,
};
