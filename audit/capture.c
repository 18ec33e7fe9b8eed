#include "audit/capture_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool capture_want(struct capture *c, size_t n)
{
	size_t have = c->end - c->at, to = -have & (CAPTURE_PAGE - 1);

	if (have >= n)
		return true;
	if (n > CAPTURE_WINDOW)
		return false;
	memmove(c->buf + to, c->buf + c->at, have);
	c->base += (uint64_t)c->at - to;
	c->at = to;
	c->end = to + have;
	while (c->end - c->at < n && !c->eof) {
		size_t room = CAPTURE_PAGE + CAPTURE_WINDOW - c->end;
		ssize_t got = input_read(c->in, c->buf + c->end,
					 room < CAPTURE_CHUNK ? room :
								CAPTURE_CHUNK);

		if (got < 0)
			capture_damage(c, input_why(c->in));
		if (got <= 0)
			c->eof = true;
		else
			c->end += (size_t)got;
	}
	return c->end - c->at >= n;
}

void capture_damage(struct capture *c, const char *why)
{
	if (c->st.damage || input_left(c->in))
		return;
	c->st.damage = why;
	c->st.damage_at = c->base + c->at;
}

enum { MAGIC = 4 };

static const struct {
	uint8_t magic[MAGIC];
	int (*start)(struct capture *c, const char **why);
} formats[] = {
	{ { 0xa1, 0xb2, 0xc3, 0xd4 }, pcap_start },
	{ { 0xd4, 0xc3, 0xb2, 0xa1 }, pcap_start },
	{ { 0xa1, 0xb2, 0x3c, 0x4d }, pcap_start }, /* nanoseconds */
	{ { 0x4d, 0x3c, 0xb2, 0xa1 }, pcap_start },
	{ { 0xa1, 0xb2, 0xcd, 0x34 }, pcap_start }, /* Kuznetsov's */
	{ { 0x34, 0xcd, 0xb2, 0xa1 }, pcap_start },
	{ { 0x0a, 0x0d, 0x0d, 0x0a }, pcapng_start },
};

const char capture_foreign[] = "is neither pcap nor pcapng";

static int start(struct capture *c, const char **why)
{
	bool whole = capture_want(c, MAGIC);
	size_t have = whole ? MAGIC : c->end - c->at;

	*why = c->st.damage ? c->st.damage : have ? capture_foreign :
						    "is empty";
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats) && have; i++)
		if (!memcmp(c->buf + c->at, formats[i].magic, have)) {
			if (whole)
				return formats[i].start(c, why);
			if (!c->st.damage)
				*why = "is too short for a capture";
		}
	return -1;
}

static struct capture *open_input(struct input *in, uint16_t source,
				  const char **why)
{
	struct capture *c;

	if (!in)
		return NULL;
	c = mem_alloc(sizeof(*c));
	*c = (struct capture){ .in = in, .source = source,
			       .buf = mem_alloc_aligned(CAPTURE_PAGE,
							CAPTURE_PAGE +
							CAPTURE_WINDOW) };
	if (start(c, why) < 0) {
		if (input_left(in))
			*why = input_was_left;
		capture_close(c);
		return NULL;
	}
	return c;
}

struct capture *capture_open(const char *path, uint16_t source,
			     const char **why)
{
	return open_input(input_open(path, why), source, why);
}

struct capture *capture_open_fd(int fd, uint16_t source,
				const struct input_wait *wait,
				const char **why)
{
	return open_input(input_open_fd(fd, wait, why), source, why);
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	input_close(c->in);
	free(c->iface);
	free(c->buf);
	free(c);
}

size_t capture_read(struct capture *c, struct frame *out, size_t max)
{
	size_t n;

	if (c->st.damage && c->eof && c->at == c->end)
		return 0;
	n = c->read(c, out, max);
	c->st.packets += n;
	return n;
}

const struct capture_stats *capture_stats(const struct capture *c)
{
	return &c->st;
}

double capture_progress(const struct capture *c)
{
	uint64_t size = input_size(c->in);

	return size ? (double)input_used(c->in) / (double)size : -1;
}
