#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/fence.h"

/*
 * What an auditor reads was written by strangers. So, before the first byte
 * of it: what needs privileges has been opened, then the user is changed and
 * every capability given up, then paths and system calls are fenced off.
 */
/* ---- paths ------------------------------------------------------------------- */

/* libpcap reads the drops of an interface there. */
static void add_counters(struct run *r, struct fence *l)
{
	for (size_t i = 0; i < r->ifaces.n; i++) {
		char path[PATH_MAX], real[PATH_MAX];

		snprintf(path, sizeof(path), LIVE_COUNTERS,
			 r->ifaces.v[i].path);
		if (realpath(path, real))
			fence_path(l, arena_strdup(r->arena, real),
				   SANDBOX_READ);
	}
}

static void add_all(struct run *r, struct fence *l)
{
	for (size_t i = 0; i < r->files.n; i++)
		if (strcmp(r->files.v[i].path, "-"))
			fence_path(l, r->files.v[i].path, SANDBOX_READ);
	for (size_t i = 0; i < r->sinks.n; i++)
		if (r->sinks.v[i].kind != SINK_SYSLOG &&
		    (!r->sinks.v[i].held ||
		     (r->live && r->sinks.v[i].kind == SINK_NDJSON)))
			fence_output(l, r->sinks.v[i].path);
	fence_output(l, r->state_path);
	for (size_t i = 0; i < N_REVIEW; i++)
		if (!r->review[i].held)
			fence_output(l, r->review[i].path);
	fence_topology(l, r->args, r->force->loaded.topo);
	if (r->live)
		add_counters(r, l);
}

/* ---- the steps ------------------------------------------------------------------ */

/* Who began as root goes on as nobody. In a user namespace that knows no
 * other user there is none to become; the capabilities go all the same. */
static bool change_user(struct run *r)
{
	const char *name = r->user ? r->user : "nobody", *why;

	if (!audit_changes_user(r))
		return true;
	if (sandbox_become(name, &why) == 0) {
		r->became = name;
		return true;
	}
	if (r->user)
		complain(r->args, "--user \"%s\": %s", name, why);
	return !r->user;
}

bool audit_guard(struct run *r)
{
	struct fence paths = { .arena = r->arena };
	VEC(int) send = { 0 };
	struct sandbox s;

	add_all(r, &paths);
	for (size_t i = 0; i < r->sinks.n; i++)
		if (r->sinks.v[i].log)
			vec_push(r->arena, &send,
				 syslog_fd(r->sinks.v[i].log));
	if (r->notify >= 0)
		vec_push(r->arena, &send, r->notify);
	if (!change_user(r))
		return false;
	if (sandbox_drop_capabilities(0) < 0) {
		complain(r->args, "capabilities cannot be given up: %s",
			 strerror(errno));
		return false;
	}
	if (r->no_sandbox)
		return true;
	s = (struct sandbox){ paths.v.v, paths.v.n, send.v, send.n };
	if (sandbox_enter(&s, &r->sandbox) == 0)
		return true;
	complain(r->args, "%s: %s (--no-sandbox goes on without)",
		 r->sandbox.missing, strerror(errno));
	return false;
}

const char *audit_guard_words(struct run *r)
{
	return arena_printf(r->arena, "user %s, %s",
			    r->became ? r->became : "as started",
			    fence_words(r->arena, &r->sandbox, r->no_sandbox));
}
