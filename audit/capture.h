#ifndef AUDIT_CAPTURE_H
#define AUDIT_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/frame.h"
#include "audit/input.h"

/*
 * Reads one capture file, pcap or pcapng, of any byte order and resolution.
 * Its own reader, not libpcap's: that one's empty loop costs five times the
 * walk here, refuses pcapng files whose interfaces differ in link type or
 * snap length, and gives up on damage.
 */
struct capture;

struct capture_stats {
	uint64_t packets;
	uint64_t cut;	    /* captured short by a snap length */
	uint64_t dropped;   /* by the kernel, as pcapng's statistics say */
	const char *damage; /* the tail is lost: why; else NULL */
	uint64_t damage_at; /* offset of the first byte that was not judged */
};

/* *why of a file that holds something else: compare the pointer. */
extern const char capture_foreign[];

/* NULL: *why says what is wrong with the file, to follow its name. */
struct capture *capture_open(const char *path, uint16_t source,
			     const char **why);
/* The same of an open descriptor, which it closes in any case; wait as for
 * input_open_fd(). */
struct capture *capture_open_fd(int fd, uint16_t source,
				const struct input_wait *wait,
				const char **why);
void capture_close(struct capture *c);

/* The next packets, at most max; 0: the end, damaged or not. */
size_t capture_read(struct capture *c, struct frame *out, size_t max);

const struct capture_stats *capture_stats(const struct capture *c);
/* How far along the file is, 0 to 1; negative: not known. */
double capture_progress(const struct capture *c);

#endif
