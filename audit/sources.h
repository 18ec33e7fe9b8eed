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
	const char *path; /* file, directory or "-" */
	const char *zone;
};

/* Finds the files and opens them, as far as the limit of descriptors goes, but
 * reads none: privileges can be given up before the first foreign byte. NULL:
 * none was found. */
struct sources *sources_find(struct arena *a, const struct source_arg *args,
			     size_t n, struct diags *d);
/* Looks into them. Files that cannot be read are reported, the others read
 * all the same. -1: none is left. */
int sources_start(struct sources *s);
/* Both; NULL: none is left. */
struct sources *sources_open(struct arena *a, const struct source_arg *args,
			     size_t n, struct diags *d);
void sources_close(struct sources *s);

/* The next frames in time order; 0: the end. They live until the next call. */
size_t sources_read(struct sources *s, struct frame *out, size_t max);

size_t sources_count(const struct sources *s);
const struct source_info *sources_info(const struct sources *s, size_t i);
/* 0 to 1; negative: not known */
double sources_progress(const struct sources *s);

#endif
