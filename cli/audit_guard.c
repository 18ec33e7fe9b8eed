#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/audit.h"

/*
 * What an auditor reads was written by strangers. So, before the first byte
 * of it: what needs privileges has been opened, then the user is changed and
 * every capability given up, then paths and system calls are fenced off.
 */
static const struct span no_place;

/* ---- outputs that another user could not open ------------------------------ */

static bool same_file(const char *path, const struct stat *st)
{
	struct stat x;

	return stat(path, &x) == 0 && x.st_dev == st->st_dev &&
	       x.st_ino == st->st_ino;
}

/* Is it the topology, or a capture? */
static bool is_read(const struct run *r, const struct stat *st)
{
	for (size_t i = 0; i < r->files.n; i++)
		if (same_file(r->files.v[i].path, st))
			return true;
	return same_file(r->args->operands.v[0], st);
}

/* Nothing that is read is written over. */
static bool may_write(struct run *r, const char *path)
{
	struct stat st;

	if (!path || stat(path, &st) < 0 || !is_read(r, &st))
		return true;
	diag_add(&r->diags, SEV_ERROR, no_place,
		 "\"%s\" is read: it will not be written over", path);
	return false;
}

static bool hold(struct run *r, struct sink *o)
{
	int fd = open(o->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY,
		      0666);

	if (fd >= 0) {
		o->held = fd + 1;
		return true;
	}
	diag_add(&r->diags, SEV_ERROR, no_place, "cannot write \"%s\": %s",
		 o->path, strerror(errno));
	return false;
}

/* Reports are written at the end, by whoever we are then. */
static bool is_report(const struct sink *o)
{
	return (o->kind == SINK_REPORT || o->kind == SINK_TABLE) && o->path &&
	       strcmp(o->path, "-");
}

static bool changes_user(const struct run *r)
{
	return r->user || geteuid() == 0;
}

bool audit_hold_outputs(struct run *r)
{
	bool ok = may_write(r, r->evidence_path) &&
		  may_write(r, r->state_path) &&
		  may_write(r, r->propose.path);

	if (ok && r->propose.path && changes_user(r))
		ok = hold(r, &r->propose);

	for (size_t i = 0; i < r->sinks.n && ok; i++) {
		struct sink *o = &r->sinks.v[i];

		if (o->kind == SINK_SYSLOG)
			continue;
		ok = may_write(r, o->path);
		if (ok && is_report(o) && changes_user(r))
			ok = hold(r, o);
	}
	return ok;
}

/* ---- paths ------------------------------------------------------------------- */

typedef VEC(struct sandbox_path) path_list;

static void add(struct run *r, path_list *l, const char *path, unsigned may)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].path, path)) {
			l->v[i].may |= may;
			return;
		}
	vec_push(r->arena, l, (struct sandbox_path){ path, may });
}

/* The directory of a file, and the one it really lies in. */
static void add_folder(struct run *r, path_list *l, const char *path,
		       unsigned may)
{
	char real[PATH_MAX];

	add(r, l, arena_strdup(r->arena,
			       dirname(arena_strdup(r->arena, path))), may);
	if (realpath(path, real))
		add(r, l, arena_strdup(r->arena, dirname(real)), may);
}

/* A device or pipe is written to as it is; a file is made anew beside it. */
static void add_output(struct run *r, path_list *l, const char *path)
{
	struct stat st;

	if (!path || !strcmp(path, "-"))
		return;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		add(r, l, path, SANDBOX_WRITE);
	else
		add_folder(r, l, path, SANDBOX_REPLACE);
}

static void add_source(struct run *r, path_list *l, struct span at)
{
	if (at.src && *at.src->name != '<')
		add_folder(r, l, at.src->name, SANDBOX_READ);
}

/* What is read again on SIGHUP. Editors put a new file in the place of the
 * old one, so the folders count. */
static void add_topology(struct run *r, path_list *l)
{
	const struct topology *t = r->force->loaded.topo;

	add_folder(r, l, r->args->operands.v[0], SANDBOX_READ);
	for (size_t i = 0; i < t->parties.n; i++)
		add_source(r, l, t->parties.v[i]->at);
	for (size_t i = 0; i < t->flows.n; i++)
		add_source(r, l, t->flows.v[i]->at);
	for (size_t i = 0; i < t->allows.n; i++)
		add_source(r, l, t->allows.v[i]->at);
	for (size_t i = 0; i < r->args->given.n; i++) {
		const struct given *g = &r->args->given.v[i];

		if (!strcmp(g->def->name, "waivers") ||
		    !strcmp(g->def->name, "policy"))
			add_folder(r, l, g->value, SANDBOX_READ);
		else if (!strcmp(g->def->name, "templates"))
			add(r, l, g->value, SANDBOX_READ);
	}
}

/* libpcap reads the drops of an interface there. */
static void add_counters(struct run *r, path_list *l)
{
	for (size_t i = 0; i < r->ifaces.n; i++) {
		char path[PATH_MAX], real[PATH_MAX];

		snprintf(path, sizeof(path), LIVE_COUNTERS,
			 r->ifaces.v[i].path);
		if (realpath(path, real))
			add(r, l, arena_strdup(r->arena, real), SANDBOX_READ);
	}
}

static void add_all(struct run *r, path_list *l)
{
	for (size_t i = 0; i < r->files.n; i++)
		if (strcmp(r->files.v[i].path, "-"))
			add(r, l, r->files.v[i].path, SANDBOX_READ);
	for (size_t i = 0; i < r->sinks.n; i++)
		if (!r->sinks.v[i].held && r->sinks.v[i].kind != SINK_SYSLOG &&
		    (r->live || r->sinks.v[i].kind != SINK_NDJSON))
			add_output(r, l, r->sinks.v[i].path);
	add_output(r, l, r->state_path);
	if (!r->propose.held)
		add_output(r, l, r->propose.path);
	if (!r->live)
		return;
	add_topology(r, l);
	add_counters(r, l);
}

/* ---- the steps ------------------------------------------------------------------ */

/* Who began as root goes on as nobody. In a user namespace that knows no
 * other user there is none to become; the capabilities go all the same. */
static bool change_user(struct run *r)
{
	const char *name = r->user ? r->user : "nobody", *why;

	if (!changes_user(r))
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
	path_list paths = { 0 };
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
	if (sandbox_drop_capabilities() < 0) {
		complain(r->args, "capabilities cannot be given up: %s",
			 strerror(errno));
		return false;
	}
	if (r->no_sandbox)
		return true;
	s = (struct sandbox){ paths.v, paths.n, send.v, send.n };
	if (sandbox_enter(&s, &r->sandbox) == 0)
		return true;
	complain(r->args, "%s: %s (--no-sandbox goes on without)",
		 r->sandbox.missing, strerror(errno));
	return false;
}

const char *audit_guard_words(struct run *r)
{
	const struct sandbox_state *s = &r->sandbox;
	const char *files = s->landlock ? arena_printf(r->arena,
				"Landlock %d", s->landlock) : NULL;

	return arena_printf(r->arena, "user %s%s%s%s%s%s",
			    r->became ? r->became : "as started",
			    files ? ", " : "", files ? files : "",
			    s->seccomp ? ", seccomp" : "",
			    s->missing ? "; " : r->no_sandbox ?
			    "; no sandbox, as asked" : "",
			    s->missing ? s->missing : "");
}
