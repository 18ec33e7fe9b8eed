#include "apply/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAMAGED "journal.damaged"

static int trouble(struct buf *err, const char *what, const char *path)
{
	buf_printf(err, "%s \"%s\": %s\n", what, path, strerror(errno));
	return -1;
}

/* What is in it is loaded as rules: nobody else may have written it. */
static int check_owner(struct state_dir *s, struct buf *err)
{
	struct stat st;

	if (fstat(s->dir, &st) == 0 && st.st_uid == geteuid())
		return 0;
	buf_printf(err, "the state directory \"%s\" belongs to another "
		   "user\n", s->path);
	state_close(s);
	return -1;
}

int state_open(struct state_dir *s, struct arena *a, const char *base,
	       const char *firewall, bool make, struct buf *err)
{
	*s = (struct state_dir){ .dir = -1, .lock = -1 };
	s->path = arena_printf(a, "%s/%s", base, firewall);
	s->base = base;
	s->made_base = make && mkdir(base, 0700) == 0;
	if (make && !s->made_base && errno != EEXIST)
		return trouble(err, "cannot make the state directory", base);
	s->made = make && mkdir(s->path, 0700) == 0;
	if (make && !s->made && errno != EEXIST)
		return trouble(err, "cannot make the state directory",
			       s->path);
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return trouble(err, "cannot open the state directory", s->path);
	return check_owner(s, err);
}

void state_close(struct state_dir *s)
{
	if (s->lock >= 0)
		close(s->lock);
	if (s->dir >= 0)
		close(s->dir);
	s->dir = s->lock = -1;
}

void state_unmake(struct state_dir *s)
{
	if (s->made && s->lock >= 0 && unlinkat(s->dir, "lock", 0) == 0)
		rmdir(s->path);
	if (s->made_base)
		rmdir(s->base);
}

/* Was it taken away between opening and locking it? */
static bool unlinked(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || !st.st_nlink;
}

int state_lock(struct state_dir *s, struct buf *err)
{
	int fd = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC |
			O_NOFOLLOW, 0600);
	bool held;

	if (fd < 0)
		return trouble(err, "cannot open the lock in", s->path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		if (unlinked(fd)) {
			close(fd);
			return 1;
		}
		s->lock = fd;
		return 0;
	}
	held = errno == EWOULDBLOCK;
	if (!held)
		trouble(err, "cannot lock", s->path);
	close(fd);
	return held ? 1 : -1;
}

bool state_has(const struct state_dir *s, const char *name)
{
	return faccessat(s->dir, name, F_OK, 0) == 0 || errno != ENOENT;
}

void state_remove(const struct state_dir *s, const char *name)
{
	unlinkat(s->dir, name, 0);
	fsync(s->dir);
}

/* Beside it, on disk, then in its place. */
static int replace(const struct state_dir *s, const char *name, const char *text,
		   size_t n)
{
	char tmp[64];
	int fd, bad;

	snprintf(tmp, sizeof(tmp), "%s.new", name);
	fd = openat(s->dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
		    O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	errno = ENOSPC; /* where less is written than was asked for */
	bad = write(fd, text, n) != (ssize_t)n || fsync(fd) < 0;
	if (close(fd) < 0 || bad ||
	    renameat(s->dir, tmp, s->dir, name) < 0 || fsync(s->dir) < 0) {
		int e = errno;

		unlinkat(s->dir, tmp, 0);
		errno = e;
		return -1;
	}
	return 0;
}

static const char *const mode_name[JOURNAL_MODES] = {
	"none", "confirm", "direct", "delta", "trial",
};

int journal_write(const struct state_dir *s, const struct journal *j,
		  struct buf *err)
{
	struct buf b = { 0 };
	int result = 0;

	buf_printf(&b, "portplan journal 1\nmode %s\nslot %d\nold %u\n"
		   "generation %u\nboot-id %s\ntoken %s\nseconds %u\n"
		   "pid %ld\nfrom %s\n",
		   mode_name[j->mode], j->slot, j->old, j->generation,
		   j->boot_id, j->token, j->seconds, j->pid, j->from);
	if (replace(s, "journal", b.s, b.n) < 0)
		result = trouble(err, "cannot write the journal in", s->path);
	buf_free(&b);
	return result;
}

static bool parse_line(struct journal *j, const char *line)
{
	char word[16];

	if (sscanf(line, "mode %15s", word) == 1) {
		for (int m = 1; m < JOURNAL_MODES; m++)
			if (!strcmp(mode_name[m], word))
				j->mode = (enum journal_mode)m;
		return j->mode != JOURNAL_NONE;
	}
	return sscanf(line, "slot %d", &j->slot) == 1 ||
	       sscanf(line, "old %u", &j->old) == 1 ||
	       sscanf(line, "generation %u", &j->generation) == 1 ||
	       sscanf(line, "boot-id %39s", j->boot_id) == 1 ||
	       sscanf(line, "token %23s", j->token) == 1 ||
	       sscanf(line, "seconds %u", &j->seconds) == 1 ||
	       sscanf(line, "pid %ld", &j->pid) == 1 ||
	       sscanf(line, "from %127[^\n]", j->from) == 1 ||
	       !strcmp(line, "from ");
}

int journal_read(const struct state_dir *s, struct journal *j, struct buf *err)
{
	char text[2048], *line, *save = NULL;
	bool whole = false; /* the last line is there */
	int fd = openat(s->dir, "journal", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	*j = (struct journal){ .mode = JOURNAL_NONE };
	if (fd < 0)
		return errno == ENOENT ? 0 :
			trouble(err, "cannot read the journal in", s->path);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	line = strtok_r(text, "\n", &save);
	if (line && !strcmp(line, "portplan journal 1"))
		while ((line = strtok_r(NULL, "\n", &save))) {
			whole = !strncmp(line, "from ", 5);
			if (!parse_line(j, line))
				break;
		}
	if (line == NULL && whole && j->mode != JOURNAL_NONE && j->slot >= 0 &&
	    j->slot < GENERATION_SLOTS && j->old < 1u << GENERATION_SLOTS)
		return 0;
	buf_printf(err, "the journal in \"%s\" cannot be understood: what "
		   "runs was not touched; without that file, what runs stays "
		   "and apply goes on from there\n", s->path);
	return -1;
}

void journal_remove(const struct state_dir *s)
{
	state_remove(s, "journal");
}

void journal_set_aside(const struct state_dir *s, struct buf *err)
{
	bool kept = renameat(s->dir, "journal", s->dir, DAMAGED) == 0;

	buf_printf(err, "DAMAGED: the journal in \"%s\" cannot be understood, "
		   "so what was under way, if anything, was dropped%s\n",
		   s->path, kept ? "; it is kept as " DAMAGED :
		   ", and it cannot be put aside");
	fsync(s->dir);
}

int state_confirm(const struct state_dir *s, struct buf *err)
{
	if (renameat(s->dir, "next.plan", s->dir, "boot.plan") < 0)
		return trouble(err, "cannot replace boot.plan in", s->path);
	if (fsync(s->dir) < 0)
		trouble(err, "after a power cut the rules before these may "
			"load, since boot.plan cannot be put on disk in",
			s->path);
	return 0;
}

void state_put(const struct state_dir *s, const char *name, const char *text,
	       size_t n)
{
	replace(s, name, text, n);
}

int state_get(const struct state_dir *s, const char *name, char *text,
	      size_t room)
{
	int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

void state_note(const struct state_dir *s, const char *text)
{
	replace(s, "last", text, strlen(text));
}

void read_boot_id(char out[BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, BOOT_ID - 1);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

void make_token(char out[TOKEN])
{
	/* no letters that are taken for others when they are read out */
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char b[8] = { 0 };

	if (getrandom(b, sizeof(b), 0) < 0)
		b[0] = 1;
	for (unsigned i = 0; i < sizeof(b); i++)
		out[i] = letters[b[i] % 32];
	out[sizeof(b)] = '\0';
}
