#include "audit/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/vec.h"

/* Packets know their file by 16 bits; so many files stay open from the look at their first packet on; of more,
 * each is opened again when its time has come. */
enum { KEEP_OPEN = 16, SOURCES_MAX = 65535 };

struct src {
	struct source_info info;
	const char *path;
	uint16_t index;
	bool once;	     /* no regular file: cannot be opened twice */
	bool listed;	     /* of a directory: may be no capture at all */
	int fd;		     /* open, not read; -1: by its path */
	int err;	     /* why it could not be opened; 0 */
	struct capture *cap; /* NULL: not open (any more) */
	struct frame *head;  /* [at, n) are still to be handed on */
	size_t at, n;
};

struct sources {
	struct arena *arena;
	struct diags *diags;
	struct input_wait wait; /* go_on NULL: without end */
	VEC(struct src *) all;
	struct map regular;	  /* files, by device and inode */
	VEC(const char *) passed; /* names of what are no captures */
	struct src **later; /* by first packet; [next_later, n_later) */
	size_t next_later, n_later;
	struct src **heap; /* open ones, by the time of their head */
	size_t n_heap;
	size_t n_open, n_done;
};

static const struct span no_place;

static void close_source(struct sources *s, struct src *f)
{
	if (!f->cap)
		return;
	f->info.stats = *capture_stats(f->cap);
	capture_close(f->cap);
	f->cap = NULL;
	s->n_open--;
}

static void close_fd(struct src *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* A capture that gives no packet: why, to follow its name. Nothing is wrong
 * with one that had none yet when it was left. */
static void refuse(struct sources *s, struct src *f, const char *why)
{
	f->info.stats = (struct capture_stats){
		.damage = why == input_was_left ? NULL : why };
	close_fd(f);
	s->n_done++;
}

static bool fill(struct sources *s, struct src *f)
{
	f->at = 0;
	f->n = capture_read(f->cap, f->head, FRAME_BATCH);
	if (f->n)
		return true;
	close_source(s, f);
	close_fd(f);
	s->n_done++;
	return false;
}

static const char *unreadable(struct sources *s, int err)
{
	return arena_printf(s->arena, "cannot be read: %s", strerror(err));
}

/* There was a limit; its time will come. */
static bool may_open_later(int err)
{
	return err == EMFILE || err == ENFILE;
}

/* NULL: *why, to follow its name. */
static struct capture *open_source(struct sources *s, const struct src *f,
				   const char **why)
{
	const struct input_wait *wait = s->wait.go_on ? &s->wait : NULL;
	int fd = f->fd < 0 ? input_fd(f->path) :
			     fcntl(f->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0) {
		*why = unreadable(s, errno);
		return NULL;
	}
	if (!f->once)
		lseek(fd, 0, SEEK_SET);
	return capture_open_fd(fd, f->index, wait, why);
}

/* Opens it and reads its first packets; false: it has none, or cannot be
 * read any more. */
static bool start(struct sources *s, struct src *f)
{
	const char *why;

	f->cap = open_source(s, f, &why);
	if (!f->cap) {
		refuse(s, f, why);
		return false;
	}
	s->n_open++;
	if (!f->head)
		f->head = ARENA_ARRAY(s->arena, struct frame, FRAME_BATCH);
	return fill(s, f);
}

static struct src *add(struct sources *s, const char *path, const char *zone)
{
	struct src *f;

	if (s->all.n == SOURCES_MAX) {
		diag_add(s->diags, SEV_ERROR, no_place,
			 "\"%s\" is one too many: at most %d capture files "
			 "at once", path, SOURCES_MAX);
		return NULL;
	}
	f = ARENA_NEW(s->arena, struct src);
	f->path = arena_strdup(s->arena, path);
	f->fd = strcmp(path, "-") ? input_fd(path) :
				    fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (f->fd < 0 && !may_open_later(errno))
		f->err = errno;
	arena_add_file(s->arena, path);
	f->info.name = strcmp(path, "-") ? f->path : "standard input";
	f->info.zone = zone;
	f->index = (uint16_t)s->all.n;
	vec_push(s->arena, &s->all, f);
	return f;
}

/* Under another name, or as a link: twice it would be counted twice. */
static bool is_there(struct sources *s, const struct stat *st)
{
	const uint64_t key[2] = { st->st_dev, st->st_ino };
	int is_new;

	if (!S_ISREG(st->st_mode))
		return false;
	map_add(s->arena, &s->regular, key, sizeof(key), &is_new);
	return !is_new;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

static void pass_over(struct sources *s, const char *path, bool is_dir)
{
	const char *name = strrchr(path, '/');

	vec_push(s->arena, &s->passed,
		 arena_printf(s->arena, "%s%s", name ? name + 1 : path,
			      is_dir ? "/" : ""));
}

/* The files of a directory, in the order of their names. */
static void add_dir(struct sources *s, const struct source_arg *arg)
{
	VEC(char *) names = { 0 };
	DIR *dir = opendir(arg->path);
	struct dirent *e;

	if (!dir) {
		diag_add(s->diags, SEV_ERROR, no_place,
			 "cannot read \"%s\": %s", arg->path, strerror(errno));
		return;
	}
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			vec_push(s->arena, &names,
				 arena_printf(s->arena, "%s/%s", arg->path,
					      e->d_name));
	closedir(dir);
	if (!names.n)
		diag_add(s->diags, SEV_ERROR, no_place,
			 "there is no capture in \"%s\"", arg->path);
	else
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;
		struct src *f;
		bool known = stat(names.v[i], &st) == 0;

		if (known && !S_ISREG(st.st_mode)) {
			pass_over(s, names.v[i], S_ISDIR(st.st_mode));
			continue;
		}
		if (known && is_there(s, &st))
			continue;
		f = add(s, names.v[i], arg->zone);
		if (f)
			f->listed = true;
	}
}

/* "monday.pcap", "a.pcap1.gz", but not "monday.pcap.sha256" */
static bool named_capture(const char *path)
{
	static const char *const packed[] = { ".gz", ".zst", ".xz", ".bz2",
					      ".lz4" };
	size_t n = strlen(path), k;
	const char *dot;

	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++) {
		k = strlen(packed[i]);
		if (n > k && !strcmp(path + n - k, packed[i])) {
			n -= k;
			break;
		}
	}
	dot = memrchr(path, '.', n);
	if (!dot)
		return false;
	n -= (size_t)(dot - path);
	return (n == 4 && !memcmp(dot, ".cap", n)) ||
	       (n >= 5 && !memcmp(dot, ".pcap", 5));
}

/* What is wrong with it, if anything is; NULL. */
static const char *look(struct sources *s, struct src *f)
{
	const char *why;
	struct capture *c;

	if (f->err)
		return unreadable(s, f->err);
	c = open_source(s, f, &why);
	if (!c)
		return why;
	capture_close(c);
	return NULL;
}

/* Looks at the beginning of each: false: it is no source after all. A pipe has
 * but one beginning. */
static bool examine(struct sources *s, struct src *f)
{
	const char *why = f->once ? NULL : look(s, f);

	if (why == capture_foreign && f->listed && !named_capture(f->path)) {
		pass_over(s, f->path, false);
		close_fd(f);
		return false;
	}
	if (why && !f->listed)
		diag_add(s->diags, SEV_ERROR, no_place, "\"%s\" %s",
			 f->info.name, why);
	else if (why)
		refuse(s, f, why);
	return true;
}

static void examine_all(struct sources *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->all.n; i++) {
		struct src *f = s->all.v[i];

		if (!examine(s, f))
			continue;
		f->index = (uint16_t)n;
		s->all.v[n++] = f;
	}
	s->all.n = n;
}

static void add_arg(struct sources *s, const struct source_arg *arg)
{
	struct stat st;
	bool known = strcmp(arg->path, "-") && stat(arg->path, &st) == 0;
	struct src *f;

	if (known && S_ISDIR(st.st_mode)) {
		add_dir(s, arg);
		return;
	}
	if (known && is_there(s, &st)) {
		diag_add(s->diags, SEV_ERROR, no_place, "\"%s\" is read "
			 "already: twice, it would be counted twice",
			 arg->path);
		return;
	}
	f = add(s, arg->path, arg->zone);
	if (!f)
		return;
	f->once = !known || !S_ISREG(st.st_mode);
	if (f->err)
		diag_add(s->diags, SEV_ERROR, no_place,
			 "cannot read \"%s\": %s", f->info.name,
			 strerror(f->err));
	else if (!f->once && !st.st_size)
		diag_add(s->diags, SEV_ERROR, no_place, "\"%s\" is empty",
			 f->info.name);
}

static int by_first(const void *x, const void *y)
{
	const struct src *a = *(struct src *const *)x;
	const struct src *b = *(struct src *const *)y;

	if (a->info.first != b->info.first)
		return a->info.first < b->info.first ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* Looks at the first packet of every file, so that they can be put in order. A
 * pipe that gives none was named. */
static void order(struct sources *s)
{
	s->later = ARENA_ARRAY(s->arena, struct src *, s->all.n);
	s->heap = ARENA_ARRAY(s->arena, struct src *, s->all.n);
	for (size_t i = 0; i < s->all.n; i++) {
		struct src *f = s->all.v[i];

		if (f->info.stats.damage)
			continue;
		if (!start(s, f)) {
			if (f->once && f->info.stats.damage && !f->head)
				diag_add(s->diags, SEV_ERROR, no_place,
					 "\"%s\" %s", f->info.name,
					 f->info.stats.damage);
			continue;
		}
		f->info.first = f->head[0].ts;
		s->later[s->n_later++] = f;
		if (s->n_open > KEEP_OPEN && !f->once) {
			close_source(s, f);
			f->info.stats = (struct capture_stats){ 0 };
		}
	}
	if (s->n_later)
		qsort(s->later, s->n_later, sizeof(*s->later), by_first);
}

struct sources *sources_find(struct arena *a, const struct source_arg *args,
			     size_t n, struct diags *d)
{
	struct sources *s = ARENA_NEW(a, struct sources);
	size_t before = d->n_errors;

	s->arena = a;
	s->diags = d;
	for (size_t i = 0; i < n; i++)
		add_arg(s, &args[i]);
	if (!s->all.n && d->n_errors == before)
		diag_add(d, SEV_ERROR, no_place, "no capture file was found");
	if (d->n_errors == before)
		return s;
	sources_close(s);
	return NULL;
}

int sources_try(struct sources *s)
{
	size_t before = s->diags->n_errors;

	examine_all(s);
	if (!s->all.n)
		diag_add(s->diags, SEV_ERROR, no_place,
			 "no capture file was found");
	return s->diags->n_errors == before ? 0 : -1;
}

int sources_start(struct sources *s)
{
	size_t before = s->diags->n_errors;

	if (sources_try(s) < 0)
		return -1;
	order(s);
	return s->diags->n_errors == before ? 0 : -1;
}

struct sources *sources_open(struct arena *a, const struct source_arg *args,
			     size_t n, struct diags *d)
{
	struct sources *s = sources_find(a, args, n, d);

	if (!s || sources_start(s) == 0)
		return s;
	sources_close(s);
	return NULL;
}

void sources_close(struct sources *s)
{
	for (size_t i = 0; s && i < s->all.n; i++)
		close_source(s, s->all.v[i]);
	for (size_t i = 0; s && i < s->all.n; i++)
		close_fd(s->all.v[i]);
}

void sources_wait(struct sources *s, struct input_wait wait)
{
	s->wait = wait;
}

const char *sources_passed_over(const struct sources *s)
{
	enum { NAMED = 3 };
	const char *out = NULL;

	for (size_t i = 0; i < s->passed.n && i < NAMED; i++)
		out = arena_printf(s->arena, "%s%s%s", out ? out : "",
				   out ? ", " : "", s->passed.v[i]);
	if (s->passed.n > NAMED)
		out = arena_printf(s->arena, "%s and %zu more", out,
				   s->passed.n - NAMED);
	return out;
}

static uint64_t head_ts(const struct src *f)
{
	return f->head[f->at].ts;
}

static bool earlier(const struct src *a, const struct src *b)
{
	uint64_t x = head_ts(a), y = head_ts(b);

	return x != y ? x < y : a->index < b->index;
}

static void sift_down(struct sources *s)
{
	size_t i = 0;

	for (;;) {
		size_t kid = 2 * i + 1;
		struct src *t = s->heap[i];

		if (kid + 1 < s->n_heap &&
		    earlier(s->heap[kid + 1], s->heap[kid]))
			kid++;
		if (kid >= s->n_heap || !earlier(s->heap[kid], t))
			return;
		s->heap[i] = s->heap[kid];
		s->heap[kid] = t;
		i = kid;
	}
}

static void push(struct sources *s, struct src *f)
{
	size_t i = s->n_heap++;

	while (i && earlier(f, s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = f;
}

/* Opens what begins no later than the earliest packet at hand. */
static void activate(struct sources *s)
{
	while (s->next_later < s->n_later) {
		struct src *f = s->later[s->next_later];

		if (s->n_heap && head_ts(s->heap[0]) < f->info.first)
			return;
		s->next_later++;
		if (f->cap || start(s, f))
			push(s, f);
	}
}

/* Takes the top of the heap away if it has no packets left. */
static void refill_top(struct sources *s)
{
	if (s->heap[0]->at < s->heap[0]->n)
		return;
	if (!fill(s, s->heap[0]))
		s->heap[0] = s->heap[--s->n_heap];
	if (s->n_heap)
		sift_down(s);
}

/* With one file open and no other due, whole batches go through. */
static size_t take_run(struct sources *s, struct frame *out, size_t max)
{
	struct src *f = s->heap[0];
	uint64_t until = s->next_later < s->n_later ?
			 s->later[s->next_later]->info.first : UINT64_MAX;
	size_t n = 0;

	while (n < max && f->at < f->n && head_ts(f) <= until)
		out[n++] = f->head[f->at++];
	return n;
}

/* The last file, whose first packets are handed on already: nothing to merge,
 * nothing to copy. */
static size_t read_last(struct sources *s, struct frame *out, size_t max)
{
	struct src *f = s->heap[0];
	size_t n = capture_read(f->cap, out, max);

	if (!n) {
		close_source(s, f);
		s->n_done++;
		s->n_heap = 0;
	}
	return n;
}

size_t sources_read(struct sources *s, struct frame *out, size_t max)
{
	size_t n = 0;

	if (s->n_heap == 1 && s->heap[0]->at == s->heap[0]->n &&
	    s->next_later == s->n_later)
		return read_last(s, out, max);
	while (s->n_heap && s->heap[0]->at == s->heap[0]->n)
		refill_top(s);
	activate(s);
	if (!s->n_heap)
		return 0;
	if (s->n_heap == 1) {
		n = take_run(s, out, max);
		if (n)
			return n;
	}
	/* Refilling a file overwrites what was handed out of it, so the batch
	 * ends where one runs dry or the next is to be opened. */
	while (n < max && s->heap[0]->at < s->heap[0]->n) {
		struct src *f = s->heap[0];

		out[n++] = f->head[f->at++];
		if (f->at == f->n)
			break;
		sift_down(s);
		if (s->next_later < s->n_later &&
		    head_ts(s->heap[0]) >= s->later[s->next_later]->info.first)
			break;
	}
	return n;
}

size_t sources_count(const struct sources *s)
{
	return s->all.n;
}

const struct source_info *sources_info(const struct sources *s, size_t i)
{
	struct src *f = s->all.v[i];

	if (f->cap)
		f->info.stats = *capture_stats(f->cap);
	return &f->info;
}

double sources_progress(const struct sources *s)
{
	double done = (double)s->n_done;

	for (size_t i = 0; i < s->n_heap; i++) {
		double p = capture_progress(s->heap[i]->cap);

		if (p < 0)
			return -1;
		done += p;
	}
	return s->all.n ? done / (double)s->all.n : -1;
}
