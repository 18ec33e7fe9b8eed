#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/audit.h"

/* More is no state of ours: the largest flow table there may be, and a head. */
#define MOST_BYTES ((size_t)1 << 31)

/* The whole file; false: there is none, or *why says what is wrong. */
static bool slurp(const char *path, struct buf *out, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char part[65536];
	ssize_t n = 0;

	*why = fd < 0 && errno != ENOENT ? strerror(errno) : NULL;
	if (fd < 0)
		return false;
	while (out->n < MOST_BYTES && (n = read(fd, part, sizeof(part))) > 0)
		buf_put(out, part, (size_t)n);
	if (n < 0)
		*why = strerror(errno);
	close(fd);
	return !*why;
}

static bool put_known(struct run *r, known_list *l, uint64_t now)
{
	struct buf b = { 0 };
	bool ok;

	known_encode(l, now, &b);
	ok = write_file(r->args, r->state_path, &b) == EXIT_OK;
	buf_free(&b);
	return ok;
}

/* What cannot be used is said, and the run begins without. That it can be
 * written shows at once, not after a week. */
bool audit_read_known(struct run *r)
{
	known_list l = { 0 };
	struct buf b = { 0 };
	const char *why;
	uint64_t saved = 0;

	if (!r->state_path)
		return true;
	if (slurp(r->state_path, &b, &why) &&
	    known_decode(r->arena, (const uint8_t *)b.s, b.n, &l, &saved,
			 &why) == 0)
		why = NULL;
	if (why)
		complain(r->args, "\"%s\" %s: no connection is known from "
			 "before", r->state_path, why);
	buf_free(&b);
	r->known = known_new(r->arena, &l, r->opt.seed);
	return put_known(r, &l, saved);
}

/* Running workers show theirs at their next batch. */
static void ask(struct run *r)
{
	const struct timespec nap = { .tv_nsec = 2 * 1000 * 1000 };

	for (unsigned i = 0; i < r->n_worker; i++)
		atomic_store(&r->worker[i].want_known, true);
	for (unsigned i = 0; i < r->n_worker; i++) {
		struct worker *w = &r->worker[i];

		if (!w->started)
			worker_serve(w);
		for (int k = 0; k < 500 && atomic_load(&w->want_known); k++)
			nanosleep(&nap, NULL);
	}
}

bool audit_write_known(struct run *r)
{
	struct arena *a;
	known_list l = { 0 };
	uint64_t now = 0;
	bool ok;

	if (!r->state_path)
		return true;
	ask(r);
	a = arena_new();
	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < r->n_worker; i++) {
		const struct worker *w = &r->worker[i];

		for (size_t k = 0; k < w->known.n; k++) {
			vec_push(a, &l, w->known.v[k]);
			if (w->known.v[k].last > now)
				now = w->known.v[k].last;
		}
	}
	pthread_mutex_unlock(&r->lock);
	known_rest(r->known, now, a, &l);
	ok = put_known(r, &l, now);
	arena_free(a);
	return ok;
}
