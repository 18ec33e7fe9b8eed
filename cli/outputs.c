#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

/*
 * What is written must not be what is read, nor be written twice. Names are
 * only ways to a file: device and inode say which one it is. They are looked
 * up when it is asked, since files are replaced while a service runs and their
 * inodes are given to others.
 */

static bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool leads_to(const char *path, const struct stat *st)
{
	struct stat x;

	return stat(path, &x) == 0 && same_inode(&x, st);
}

bool is_input(const struct args *a, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	for (size_t i = 0; i < a->operands.n; i++)
		if (leads_to(a->operands.v[i], &st))
			return true;
	for (const struct arena_file *f = arena_files(a->arena); f; f = f->next)
		if (leads_to(f->path, &st))
			return true;
	return false;
}

/* Of two files that are not there yet: the same name in the same folder? */
static bool same_place(const char *a, const char *b)
{
	char copy[2][PATH_MAX], name[2][PATH_MAX];
	const char *path[2] = { a, b };
	struct stat folder[2];

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(path[i]) + 1;

		if (n > PATH_MAX)
			return false;
		/* both functions change what they are given */
		memcpy(copy[i], path[i], n);
		snprintf(name[i], PATH_MAX, "%s", basename(copy[i]));
		memcpy(copy[i], path[i], n);
		if (stat(dirname(copy[i]), &folder[i]) != 0)
			return false;
	}
	return !strcmp(name[0], name[1]) && same_inode(&folder[0], &folder[1]);
}

bool same_output(const char *a, const char *b)
{
	struct stat x, y;
	bool there = stat(a, &x) == 0;

	if (there != (stat(b, &y) == 0))
		return false;
	if (there)
		return S_ISREG(x.st_mode) && same_inode(&x, &y);
	return !strcmp(a, b) || same_place(a, b);
}

/* The file that this option writes; NULL: none, or standard output. */
static const char *written(const struct given *g)
{
	const char *path = g->value;

	if (!(g->def->letter & OPTION_WRITES))
		return NULL;
	if (!strncmp(g->def->arg, "FORMAT", 6)) {
		path = strchr(path, '=');
		path = path ? path + 1 : NULL;
	}
	return path && strcmp(path, "-") ? path : NULL;
}

int outputs_differ(const struct args *a)
{
	for (size_t i = 0; i < a->given.n; i++) {
		const char *path = written(&a->given.v[i]);

		for (size_t k = 0; path && k < i; k++) {
			const char *other = written(&a->given.v[k]);

			if (other && same_output(path, other))
				return complain(a, "\"%s\" would be written "
						"twice", path);
		}
	}
	return EXIT_OK;
}

int outputs_spare_inputs(const struct args *a)
{
	for (size_t i = 0; i < a->given.n; i++) {
		const char *path = written(&a->given.v[i]);

		if (path && is_input(a, path))
			return complain(a, "\"%s\" is read: it will not be "
					"written over", path);
	}
	return EXIT_OK;
}

int outputs_ready(const struct args *a)
{
	int code = outputs_spare_inputs(a);

	for (size_t i = 0; i < a->given.n && code == EXIT_OK; i++) {
		const char *path = written(&a->given.v[i]);

		if (path)
			code = can_write_file(a, path);
	}
	return code;
}
