#ifndef AUDIT_SOURCES_H
#define AUDIT_SOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "audit/capture.h"
#include "audit/frame.h"
#include "base/arena.h"
#include "base/diag.h"

/*
 * Several capture files as one stream in time order. Files that follow each
 * other in time, as rotation leaves them, are opened one after the other;
 * files that overlap are merged packet by packet.
 */
struct sources;

struct source_info {
	const char *name;
	const char *zone; /* where the tap stood, as the user says; or NULL */
	struct capture_stats stats;
	uint64_t first; /* time of its first packet */
};

struct source_arg {
	const char *path; /* file, directory (of which no subdirectory is
			   * looked into) or "-" */
	const char *zone;
};

/*
 * Who names a file means it: one that cannot be read is an error. Of a
 * directory's files those that hold something else are passed over, since one
 * keeps notes beside captures; a capture that cannot be read (no right to, cut,
 * empty) is a source without packets, whose stats.damage says why.
 *
 * Finds the files and opens them, as far as the limit of descriptors goes, but
 * reads none: privileges can be given up before the first foreign byte. NULL:
 * an error, of which d tells.
 */
struct sources *sources_find(struct arena *a, const struct source_arg *args,
			     size_t n, struct diags *d);
/* Looks into them. -1: an error. */
int sources_start(struct sources *s);
/* The same, but of pipes nothing is read, and all can be started once more. */
int sources_try(struct sources *s);
/* Both; NULL: an error. */
struct sources *sources_open(struct arena *a, const struct source_arg *args,
			     size_t n, struct diags *d);
void sources_close(struct sources *s);
/* Before the start; as for input_open_fd(), for all of them. */
void sources_wait(struct sources *s, struct input_wait wait);
/* "notes.txt, old/ and 3 more": what was passed over; NULL: nothing was. */
const char *sources_passed_over(const struct sources *s);

/* The next frames in time order; 0: the end. They live until the next call. */
size_t sources_read(struct sources *s, struct frame *out, size_t max);

size_t sources_count(const struct sources *s);
const struct source_info *sources_info(const struct sources *s, size_t i);
/* 0 to 1; negative: not known */
double sources_progress(const struct sources *s);

#endif
