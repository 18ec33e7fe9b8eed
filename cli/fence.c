#include "cli/fence.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/notify.h"

void fence_path(struct fence *f, const char *path, unsigned may)
{
	for (size_t i = 0; i < f->v.n; i++)
		if (!strcmp(f->v.v[i].path, path)) {
			f->v.v[i].may |= may;
			return;
		}
	vec_push(f->arena, &f->v, (struct sandbox_path){ path, may });
}

/* The directory of a file, and the one it really lies in. */
static void fence_folder(struct fence *f, const char *path, unsigned may)
{
	char real[PATH_MAX];

	fence_path(f, arena_strdup(f->arena,
				   dirname(arena_strdup(f->arena, path))), may);
	if (realpath(path, real))
		fence_path(f, arena_strdup(f->arena, dirname(real)), may);
}

void fence_output(struct fence *f, const char *path)
{
	struct stat st;

	if (!path || !strcmp(path, "-"))
		return;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		fence_path(f, path, SANDBOX_WRITE);
	else
		fence_folder(f, path, SANDBOX_REPLACE);
}

static void add_source(struct fence *f, struct span at)
{
	if (at.src && *at.src->name != '<')
		fence_folder(f, at.src->name, SANDBOX_READ);
}

/* Editors put a new file in the place of the old one, so the folders count. */
void fence_topology(struct fence *f, const struct args *a,
		    const struct topology *t)
{
	fence_folder(f, a->operands.v[0], SANDBOX_READ);
	for (size_t i = 0; i < t->parties.n; i++)
		add_source(f, t->parties.v[i]->at);
	for (size_t i = 0; i < t->flows.n; i++)
		add_source(f, t->flows.v[i]->at);
	for (size_t i = 0; i < t->allows.n; i++)
		add_source(f, t->allows.v[i]->at);
	for (size_t i = 0; i < a->given.n; i++) {
		const struct given *g = &a->given.v[i];

		if (!strcmp(g->def->name, "waivers") ||
		    !strcmp(g->def->name, "policy"))
			fence_folder(f, g->value, SANDBOX_READ);
		else if (!strcmp(g->def->name, "templates"))
			fence_path(f, g->value, SANDBOX_READ);
	}
}

const char *fence_words(struct arena *a, const struct sandbox_state *s,
			bool asked_for_none)
{
	const char *why = s->missing ? s->missing :
			  asked_for_none ? "no sandbox, as asked" : "";
	const char *files = s->landlock ? arena_printf(a, "Landlock %d",
						       s->landlock) : "";

	return arena_printf(a, "%s%s%s%s%s", files,
			    *files && s->seccomp ? ", " : "",
			    s->seccomp ? "seccomp" : "",
			    *why && (*files || s->seccomp) ? "; " : "", why);
}

double manager_meet(int *notify)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	double seconds = 0;

	*notify = notify_open(getenv("NOTIFY_SOCKET"));
	if (*notify >= 0 && us && (!pid || atol(pid) == (long)getpid()))
		seconds = (double)strtoull(us, NULL, 10) / 2e6;
	unsetenv("NOTIFY_SOCKET");
	return seconds;
}
