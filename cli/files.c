#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

/*
 * Several outputs are written all or not at all: each goes to a temporary
 * file beside its target first, and only when all are on disk are they
 * renamed. Devices and pipes cannot be replaced; they are written in place, and
 * so is what was opened while there was still the right to.
 */
enum how { HOW_REPLACE, HOW_IN_PLACE, HOW_HELD, HOW_SAME };

struct target {
	const char *path; /* where links lead */
	char *tmp;
	enum how how;
	mode_t mode;
};

static bool same_content(const char *path, const struct buf *b)
{
	FILE *f = fopen(path, "re");
	char tmp[65536];
	size_t at = 0, n;
	bool same = f;

	while (same && (n = fread(tmp, 1, sizeof(tmp), f)) > 0) {
		same = at + n <= b->n && !memcmp(b->s + at, tmp, n);
		at += n;
	}
	same = same && !ferror(f) && at == b->n;
	if (f)
		fclose(f);
	return same;
}

static bool write_all(int fd, const struct buf *b)
{
	for (size_t at = 0; at < b->n;) {
		ssize_t n = write(fd, b->s + at, b->n - at);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			at += (size_t)n;
	}
	return true;
}

static int trouble(const struct args *a, const char *path)
{
	return complain(a, "cannot write \"%s\": %s", path, strerror(errno));
}

static int is_there(const struct args *a, const char *path)
{
	return complain(a, "\"%s\" exists: it will not be written over", path);
}

const char *path_from(struct arena *a, const char *from, const char *path)
{
	const char *slash = strrchr(from, '/');
	const char *dir = slash ? arena_strndup(a, from,
						(size_t)(slash + 1 - from)) :
				  ".";
	char base[PATH_MAX], to[PATH_MAX];
	size_t i = 0, same = 0;
	struct buf up = { 0 };

	if (!realpath(dir, base) || !realpath(path, to))
		return path;
	for (; base[i] && base[i] == to[i]; i++)
		if (to[i] == '/')
			same = i + 1;
	if (!base[i] && to[i] == '/')
		same = i + 1;
	for (const char *s = base + same; same <= i && *s;) {
		buf_puts(&up, "../");
		s += strcspn(s, "/");
		s += *s == '/';
	}
	path = arena_printf(a, "%s%s", up.s ? up.s : "", to + same);
	buf_free(&up);
	return path;
}

bool file_text(const char *path, struct buf *out)
{
	char chunk[65536];
	FILE *f = fopen(path, "re");
	bool good;
	size_t n;

	while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(out, chunk, n);
	good = f && !ferror(f);
	if (f)
		fclose(f);
	return good;
}

int need_directory(const struct args *a, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0 && mkdir(dir, 0777) != 0)
		return complain(a, "cannot make the directory \"%s\": %s", dir,
				errno == EEXIST ?
				"it is a link that leads nowhere" :
				strerror(errno));
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return complain(a, "\"%s\" is no directory", dir);
	return EXIT_OK;
}

/* Where a link leads to that leads to no file yet: it is made there, as the
 * shell's > does. Links that lead in a circle are no ENOENT. */
static const char *where_to(struct arena *a, const char *path)
{
	char to[PATH_MAX];
	ssize_t n;

	while ((n = readlink(path, to, sizeof(to) - 1)) > 0) {
		const char *slash = strrchr(path, '/');

		to[n] = '\0';
		path = to[0] == '/' || !slash ? arena_strdup(a, to) :
			arena_printf(a, "%.*s%s", (int)(slash - path + 1),
				     path, to);
	}
	return path;
}

static int plan_target(const struct args *a, struct arena *scratch,
		       const struct file_out *f, struct target *t)
{
	char real[PATH_MAX];
	struct stat st;
	mode_t mask = umask(0);

	umask(mask);
	t->path = f->path;
	t->mode = (f->secret ? 0600 : 0666) & ~mask;
	t->how = f->held ? HOW_HELD : HOW_REPLACE;
	if (f->held)
		return EXIT_OK;
	if (stat(f->path, &st) != 0) {
		if (errno != ENOENT || !*f->path)
			return trouble(a, f->path);
		t->path = f->fresh ? f->path : where_to(scratch, f->path);
		return EXIT_OK;
	}
	if (f->fresh)
		return is_there(a, f->path);
	if (S_ISDIR(st.st_mode))
		return complain(a, "cannot write \"%s\": it is a directory",
				f->path);
	if (!S_ISREG(st.st_mode)) {
		t->how = HOW_IN_PLACE;
		return EXIT_OK;
	}
	if (realpath(f->path, real))
		t->path = arena_strdup(scratch, real);
	t->mode = st.st_mode & 07777;
	if (same_content(t->path, f->text))
		t->how = HOW_SAME;
	if (!f->over_input && is_input(a, f->path))
		return complain(a, "\"%s\" is read: it will not be written over",
				f->path);
	return EXIT_OK;
}

static int write_temporary(const struct args *a, struct arena *scratch,
			   const struct file_out *f, struct target *t)
{
	int fd, code = EXIT_OK;

	t->tmp = arena_printf(scratch, "%s.XXXXXX", t->path);
	fd = mkostemp(t->tmp, O_CLOEXEC);
	if (fd < 0) {
		t->tmp = NULL;
		return trouble(a, f->path);
	}
	if (!write_all(fd, f->text) || (fsync(fd) < 0 && errno != EINVAL) ||
	    fchmod(fd, t->mode) < 0)
		code = trouble(a, f->path);
	if (close(fd) < 0 && code == EXIT_OK)
		code = trouble(a, f->path);
	return code;
}

static int write_in_place(const struct args *a, const struct file_out *f)
{
	int fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int code = EXIT_OK;

	if (fd < 0)
		return trouble(a, f->path);
	fcntl(fd, F_SETFL, 0);
	if (!write_all(fd, f->text))
		code = trouble(a, f->path);
	if (close(fd) < 0 && code == EXIT_OK)
		code = trouble(a, f->path);
	return code;
}

static int write_held(const struct args *a, const struct file_out *f)
{
	int fd = f->held - 1;

	/* A pipe has no length to cut; it says so, and nothing is lost. */
	if ((ftruncate(fd, 0) < 0 && errno != EINVAL) ||
	    !write_all(fd, f->text))
		return trouble(a, f->path);
	return EXIT_OK;
}

static int check_twice(const struct args *a, const struct file_out *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (same_output(f[i].path, f[k].path))
				return complain(a, "\"%s\" would be written "
						"twice", f[i].path);
	return EXIT_OK;
}

/* link() fails where somebody was quicker. */
static int put_fresh(const struct args *a, const struct file_out *f,
		     const struct target *t)
{
	if (link(t->tmp, t->path) == 0)
		return EXIT_OK;
	return errno == EEXIST ? is_there(a, f->path) : trouble(a, f->path);
}

static int switch_all(const struct args *a, struct file_out *f,
		      struct target *t, size_t n)
{
	int code = EXIT_OK;

	for (size_t i = 0; i < n && code == EXIT_OK; i++) {
		f[i].same = t[i].how == HOW_SAME;
		if (t[i].how == HOW_IN_PLACE)
			code = write_in_place(a, &f[i]);
		else if (t[i].how == HOW_HELD)
			code = write_held(a, &f[i]);
		else if (f[i].fresh)
			code = put_fresh(a, &f[i], &t[i]);
		else if (t[i].tmp && rename(t[i].tmp, t[i].path) != 0)
			code = trouble(a, f[i].path);
		else
			t[i].tmp = NULL;
	}
	return code;
}

int write_files(const struct args *a, struct file_out *f, size_t n)
{
	struct arena *scratch = arena_new(); /* a service writes for months */
	struct target *t = ARENA_ARRAY(scratch, struct target, n);
	int code = check_twice(a, f, n);

	for (size_t i = 0; i < n && code == EXIT_OK; i++)
		code = plan_target(a, scratch, &f[i], &t[i]);
	for (size_t i = 0; i < n && code == EXIT_OK; i++)
		if (t[i].how == HOW_REPLACE)
			code = write_temporary(a, scratch, &f[i], &t[i]);
	if (code == EXIT_OK)
		code = switch_all(a, f, t, n);
	for (size_t i = 0; i < n; i++)
		if (t[i].tmp)
			unlink(t[i].tmp);
	arena_free(scratch);
	return code;
}

int write_file(const struct args *a, const char *path, const struct buf *b)
{
	struct file_out f = { .path = path, .text = b };

	return write_files(a, &f, 1);
}

int can_write_file(const struct args *a, const char *path)
{
	static const struct buf nothing;
	struct file_out f = { .path = path, .text = &nothing };
	struct target t = { .tmp = NULL };
	int code = plan_target(a, a->arena, &f, &t);

	if (code == EXIT_OK && t.how == HOW_IN_PLACE)
		code = access(path, W_OK) == 0 ? EXIT_OK : trouble(a, path);
	else if (code == EXIT_OK)
		code = write_temporary(a, a->arena, &f, &t);
	if (t.tmp)
		unlink(t.tmp);
	return code;
}

int write_outputs(struct args *a, struct output *v, size_t n)
{
	VEC(struct file_out) files = { 0 };
	const struct output *out = NULL;
	int code = EXIT_OK;

	for (size_t i = 0; i < n; i++) {
		if (v[i].path && strcmp(v[i].path, "-")) {
			vec_push(a->arena, &files, (struct file_out){
					.path = v[i].path,
					.text = &v[i].text,
					.held = v[i].held });
			continue;
		}
		if (out)
			code = complain(a, "only one format can go to standard "
					"output: write FORMAT=FILE");
		out = &v[i];
	}
	if (code == EXIT_OK)
		code = write_files(a, files.v, files.n);
	if (code == EXIT_OK && out)
		code = put_out(a, &out->text);
	for (size_t i = 0; i < n; i++)
		buf_free(&v[i].text);
	return code;
}

static int no_format(struct args *a, const char *name,
		     const char *const *names, size_t n)
{
	struct buf legal = { 0 };
	int code;

	for (size_t i = 0; i < n; i++)
		buf_printf(&legal, "%s%s", i ? ", " : "", names[i]);
	code = complain(a, "there is no format \"%s\"%s (legal: %s)", name,
			did_you_mean(a->arena, name, names, n), legal.s);
	buf_free(&legal);
	return code;
}

static int one_output(struct args *a, const struct writers *w, const char *spec,
		      struct output *out)
{
	size_t n = strcspn(spec, "=");
	const char *name = arena_strndup(a->arena, spec, n);

	out->path = spec[n] ? spec + n + 1 : NULL;
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->names[i], name))
			return w->write(w->ctx, a, i, out);
	return no_format(a, name, w->names, w->n);
}

int write_formats(struct args *a, const struct writers *w)
{
	struct output *v = ARENA_ARRAY(a->arena, struct output,
				       a->given.n + 1);
	int code = EXIT_OK;
	size_t n = 0;

	for (size_t i = 0; i < a->given.n && code == EXIT_OK; i++)
		if (!strcmp(a->given.v[i].def->name, "output"))
			code = one_output(a, w, a->given.v[i].value, &v[n++]);
	if (!n)
		code = one_output(a, w, w->names[0], &v[n++]);
	if (code == EXIT_OK)
		return write_outputs(a, v, n);
	for (size_t i = 0; i < n; i++)
		buf_free(&v[i].text);
	return code;
}
