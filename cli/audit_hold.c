#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/audit.h"

/*
 * Nothing is written, nor emptied, before all is known to go well. What the
 * user may not do that it goes on as, and what the inputs are, shows only once
 * privileges are given up, and then outputs could not be opened any more: so a
 * child gives them up first, and tries. After that outputs are opened, as they
 * are; they are emptied when reading begins. What was made for a run that did
 * not begin is removed again.
 */
static const struct span no_place;

/* Reports are written at the end, by whoever we are then. */
static bool is_report(const struct sink *o)
{
	return (o->kind == SINK_REPORT || o->kind == SINK_TABLE) && o->path;
}

bool audit_changes_user(const struct run *r)
{
	return r->user || geteuid() == 0;
}

/* ---- the child -------------------------------------------------------------- */

/* Written by its name, not held. */
static bool try_write(struct run *r, const char *path)
{
	if (!path || can_write_file(r->args, path) == EXIT_OK)
		return true;
	if (r->became)
		complain(r->args, "it goes on as user \"%s\", who may not "
			 "write there (--user NAME chooses another)",
			 r->became);
	return false;
}

static bool rehearse(struct run *r)
{
	bool reports = !audit_changes_user(r);
	bool good = audit_guard(r) && try_write(r, r->state_path);

	for (size_t i = 0; i < N_REVIEW && reports && good; i++)
		good = try_write(r, r->review[i].path);
	for (size_t i = 0; i < r->sinks.n && good; i++) {
		const struct sink *o = &r->sinks.v[i];

		if (o->kind == SINK_METRICS || (is_report(o) && reports))
			good = try_write(r, o->path);
	}
	if (good && r->sources)
		good = sources_try(r->sources) == 0;
	print_diags(&r->diags);
	return good;
}

bool audit_rehearse(struct run *r)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(rehearse(r) ? EXIT_OK : EXIT_BAD);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		complain(r->args, "no child can be started: %s",
			 strerror(errno));
	else if (WIFSIGNALED(status))
		complain(r->args, "a child that tried what is to be done was "
			 "killed: %s", strsignal(WTERMSIG(status)));
	else
		return WEXITSTATUS(status) == EXIT_OK;
	return false;
}

/* ---- outputs ---------------------------------------------------------------- */

/* As it is, or made. A link may lead to what is not there yet. */
static bool hold(struct run *r, struct sink *o)
{
	int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY | (r->live ? O_APPEND : 0);
	int fd = open(o->path, flags | O_CREAT | O_EXCL, 0666);

	o->made = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(o->path, flags | O_CREAT, 0666);
	o->held = fd + 1;
	if (fd < 0)
		diag_add(&r->diags, SEV_ERROR, no_place,
			 "cannot write \"%s\": %s", o->path, strerror(errno));
	return fd >= 0;
}

bool audit_hold_outputs(struct run *r)
{
	bool change = audit_changes_user(r);
	bool ok = true;

	for (size_t i = 0; i < N_REVIEW && change && ok; i++)
		if (r->review[i].path)
			ok = hold(r, &r->review[i]);
	if (r->evidence_file.path)
		ok = ok && hold(r, &r->evidence_file);
	for (size_t i = 0; i < r->sinks.n && ok; i++) {
		struct sink *o = &r->sinks.v[i];

		if ((is_report(o) && change) ||
		    (o->kind == SINK_NDJSON && o->path))
			ok = hold(r, o);
	}
	return ok;
}

/* A pipe has no length to cut; it says so, and nothing is lost. */
static bool empty(struct run *r, const struct sink *o)
{
	if (ftruncate(o->held - 1, 0) == 0 || errno == EINVAL)
		return true;
	complain(r->args, "cannot write \"%s\": %s", o->path,
		 strerror(errno));
	return false;
}

/* A service that starts again keeps the events that it wrote. */
static bool begin_events(struct run *r, struct sink *o)
{
	o->file = stdout;
	if (!o->path)
		return true;
	o->file = NULL;
	if (!r->live && !empty(r, o))
		return false;
	o->file = fdopen(o->held - 1, r->live ? "a" : "w");
	return o->file;
}

bool audit_begin_outputs(struct run *r)
{
	bool ok = true;

	r->begun = true;
	for (size_t i = 0; i < r->sinks.n && ok; i++)
		if (r->sinks.v[i].kind == SINK_NDJSON)
			ok = begin_events(r, &r->sinks.v[i]);
	if (!ok || !r->evidence_file.path)
		return ok;
	if (empty(r, &r->evidence_file))
		r->evidence = evidence_open(r->evidence_file.held - 1,
					    r->evidence_whole, r->mask);
	return r->evidence;
}

static void drop(const struct sink *o)
{
	if (o->held)
		close(o->held - 1);
	if (o->made)
		unlink(o->path);
}

void audit_drop_outputs(struct run *r)
{
	if (r->begun)
		return;
	for (size_t i = 0; i < N_REVIEW; i++)
		drop(&r->review[i]);
	drop(&r->evidence_file);
	for (size_t i = 0; i < r->sinks.n; i++)
		drop(&r->sinks.v[i]);
}
