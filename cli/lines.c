#include "cli/lines.h"

#include <stdlib.h>
#include <string.h>

#include "audit/input.h"
#include "base/mem.h"

/* The kernel's lines are shorter than 1 KiB, nft's as long as a set in a rule
 * is. */
enum { CHUNK = 64 * 1024, LONGEST = 1024 * 1024 };

struct lines {
	struct input *in;
	char *buf; /* read and not yet used: [at, end) */
	size_t at, end, cap;
	bool eof;
	const char *why;
};

/* Room for a chunk more behind what is not used yet. */
static void make_room(struct lines *l)
{
	if (l->at) {
		memmove(l->buf, l->buf + l->at, l->end - l->at);
		l->end -= l->at;
		l->at = 0;
	}
	if (l->cap - l->end < CHUNK)
		l->buf = mem_realloc(l->buf, l->cap = l->cap * 2 + CHUNK);
}

/* Something more behind what is not used yet? */
static bool fill(struct lines *l)
{
	ssize_t got;

	if (l->eof)
		return false;
	make_room(l);
	got = input_read(l->in, l->buf + l->end, CHUNK);
	if (got < 0)
		l->why = input_why(l->in);
	if (got <= 0)
		l->eof = true;
	else
		l->end += (size_t)got;
	return got > 0;
}

struct lines *lines_open(const char *path, const char **why)
{
	struct input *in = input_open(path, why);
	struct lines *l;

	if (!in)
		return NULL;
	l = mem_alloc(sizeof(*l));
	*l = (struct lines){ .in = in };
	if (fill(l) && l->end >= 3 && !memcmp(l->buf, "\xef\xbb\xbf", 3))
		l->at = 3;
	return l;
}

void lines_close(struct lines *l)
{
	if (!l)
		return;
	input_close(l->in);
	free(l->buf);
	free(l);
}

bool lines_next(struct lines *l, const char **s, size_t *n)
{
	const char *end = NULL;
	size_t seen = 0;

	for (;;) {
		size_t have = l->end - l->at;

		*s = l->buf + l->at;
		end = have ? memchr(*s + seen, '\n', have - seen) : NULL;
		if (end || have > LONGEST)
			break;
		seen = have;
		if (!fill(l)) {
			l->at = l->end;
			*s = l->buf + l->end - have;
			*n = have;
			return have && !l->why;
		}
	}
	if (!end) {
		l->why = "has a line of more than 1 MiB";
		return false;
	}
	*n = (size_t)(end - *s);
	l->at += *n + 1;
	return true;
}

char lines_first(struct lines *l)
{
	for (size_t i = 0; i < LONGEST; i++) {
		if (l->at + i == l->end && !fill(l))
			break;
		if (!strchr(" \t\r\n", l->buf[l->at + i]))
			return l->buf[l->at + i];
	}
	return '\0';
}

const char *lines_rest(struct lines *l, size_t most, size_t *n)
{
	while (l->end - l->at <= most && fill(l))
		;
	*n = l->end - l->at;
	return l->why || *n > most ? NULL : l->buf + l->at;
}

const char *lines_why(const struct lines *l)
{
	return l->why;
}
