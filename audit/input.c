#include "audit/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

/* Enough for the longest magic number below. */
enum { PEEK = 4, PACKED = 128 * 1024, WAIT_MS = 250 };

struct codec {
	const char *name;
	uint8_t magic[PEEK];
	size_t n_magic;
	int (*start)(struct input *in);
	ssize_t (*read)(struct input *in, void *buf, size_t n);
	void (*stop)(struct input *in);
};

struct input {
	int fd;
	bool eof, left, may_wait;
	const struct codec *codec;
	const char *why;
	const struct input_wait *wait;
	uint64_t used, size;
	uint8_t *packed; /* read from fd, not yet used: [at, end) */
	size_t at, end;
	z_stream gz;
	bool gz_open; /* inside a gzip member */
	ZSTD_DStream *zs;
	size_t zs_left; /* 0: between two frames */
};

const char input_was_left[] = "was left while it was waited for";

/* False: it is left. What poll() cannot say, read() does; but a FIFO that
 * nobody has opened for writing yet ends for read(). */
static bool await(struct input *in)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };

	while (in->may_wait) {
		int rc = poll(&p, 1, in->wait ? WAIT_MS : -1);

		if (rc > 0 || (rc < 0 && errno != EINTR))
			break;
		in->left = in->wait && !in->wait->go_on(in->wait->ctx);
		if (in->left)
			return false;
	}
	return true;
}

static ssize_t read_fd(struct input *in, void *buf, size_t n)
{
	ssize_t got;

	if (!await(in)) {
		in->why = input_was_left;
		return -1;
	}
	do
		got = read(in->fd, buf, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		in->why = strerror(errno);
	else
		in->used += (uint64_t)got;
	return got;
}

/* -1: an error; else whether packed bytes are at hand. */
static int refill(struct input *in)
{
	ssize_t got;

	if (in->at < in->end)
		return 1;
	if (in->eof)
		return 0;
	got = read_fd(in, in->packed, PACKED);
	in->at = 0;
	in->end = got > 0 ? (size_t)got : 0;
	in->eof = got == 0;
	return got < 0 ? -1 : got > 0;
}

static ssize_t plain_read(struct input *in, void *buf, size_t n)
{
	size_t have = in->end - in->at;

	if (!have)
		return read_fd(in, buf, n);
	if (have > n)
		have = n;
	memcpy(buf, in->packed + in->at, have);
	in->at += have;
	return (ssize_t)have;
}

static int gzip_start(struct input *in)
{
	/* 16: gzip headers only; 15: the largest window (zlib.h). */
	return inflateInit2(&in->gz, 16 + 15) == Z_OK ? 0 : -1;
}

/* One inflate() call; -1 where the stream is broken. */
static int gzip_step(struct input *in)
{
	int rc;

	in->gz.next_in = in->packed + in->at;
	in->gz.avail_in = (uInt)(in->end - in->at);
	rc = inflate(&in->gz, Z_NO_FLUSH);
	in->at = in->end - in->gz.avail_in;
	in->gz_open = rc != Z_STREAM_END;
	if (rc == Z_STREAM_END)
		return inflateReset(&in->gz) == Z_OK ? 0 : -1;
	if (rc == Z_OK || rc == Z_BUF_ERROR)
		return 0;
	in->why = "is damaged: its gzip stream is broken";
	return -1;
}

static ssize_t gzip_read(struct input *in, void *buf, size_t n)
{
	in->gz.next_out = buf;
	in->gz.avail_out = (uInt)n;
	while (in->gz.avail_out == n) {
		int more = refill(in);

		if (more <= 0) {
			if (more == 0 && in->gz_open)
				in->why = "ends within its gzip stream";
			return more == 0 && !in->gz_open ? 0 : -1;
		}
		if (gzip_step(in) < 0)
			break;
	}
	n -= in->gz.avail_out;
	return n ? (ssize_t)n : -1;
}

static void gzip_stop(struct input *in)
{
	inflateEnd(&in->gz);
}

static int zstd_start(struct input *in)
{
	in->zs = ZSTD_createDStream();
	return in->zs ? 0 : -1;
}

static ssize_t zstd_read(struct input *in, void *buf, size_t n)
{
	ZSTD_outBuffer out = { buf, n, 0 };

	while (out.pos == 0) {
		int more = refill(in);
		ZSTD_inBuffer src = { in->packed, in->end, in->at };

		if (more <= 0) {
			if (more == 0 && in->zs_left)
				in->why = "ends within its zstd stream";
			return more == 0 && !in->zs_left ? 0 : -1;
		}
		in->zs_left = ZSTD_decompressStream(in->zs, &out, &src);
		in->at = src.pos;
		if (ZSTD_isError(in->zs_left)) {
			in->why = "is damaged: its zstd stream is broken";
			return -1;
		}
	}
	return (ssize_t)out.pos;
}

static void zstd_stop(struct input *in)
{
	ZSTD_freeDStream(in->zs);
}

static const struct codec plain = { .name = "plain", .read = plain_read };

static const struct codec codecs[] = {
	{ "gzip", { 0x1f, 0x8b, 0x08 }, 3, /* RFC 1952, 2.3.1 */
	  gzip_start, gzip_read, gzip_stop },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, /* RFC 8878, 3.1.1 */
	  zstd_start, zstd_read, zstd_stop },
};

/* Looks at the first bytes, which stay in packed. A pipe may hand them over
 * one by one. */
static int choose(struct input *in)
{
	while (in->end < PEEK) {
		ssize_t got = read_fd(in, in->packed + in->end,
				      PACKED - in->end);

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		in->end += (size_t)got;
	}
	in->codec = &plain;
	for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++)
		if (in->end >= codecs[i].n_magic &&
		    !memcmp(in->packed, codecs[i].magic, codecs[i].n_magic))
			in->codec = &codecs[i];
	return in->codec->start ? in->codec->start(in) : 0;
}

int input_fd(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		fcntl(fd, F_SETFL, 0);
	return fd;
}

struct input *input_open(const char *path, const char **why)
{
	return input_open_fd(strcmp(path, "-") ? input_fd(path) :
						 dup(STDIN_FILENO), NULL, why);
}

struct input *input_open_fd(int fd, const struct input_wait *wait,
			    const char **why)
{
	struct input *in = mem_alloc(sizeof(*in));
	struct stat st;

	*in = (struct input){ .fd = fd, .wait = wait,
			      .packed = mem_alloc(PACKED) };
	if (in->fd < 0 || fstat(in->fd, &st) < 0) {
		*why = strerror(errno);
		input_close(in);
		return NULL;
	}
	in->may_wait = !S_ISREG(st.st_mode);
	if (!in->may_wait) {
		in->size = (uint64_t)st.st_size;
		posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	if (choose(in) < 0) {
		*why = in->why ? in->why : "cannot be unpacked";
		input_close(in);
		return NULL;
	}
	return in;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	if (in->codec && in->codec->stop)
		in->codec->stop(in);
	if (in->fd >= 0)
		close(in->fd);
	free(in->packed);
	free(in);
}

ssize_t input_read(struct input *in, void *buf, size_t n)
{
	return in->codec->read(in, buf, n);
}

const char *input_why(const struct input *in)
{
	return in->why ? in->why : "cannot be read";
}

bool input_left(const struct input *in)
{
	return in->left;
}

uint64_t input_used(const struct input *in)
{
	return in->used - (in->end - in->at);
}

uint64_t input_size(const struct input *in)
{
	return in->size;
}
