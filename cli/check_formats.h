#ifndef CLI_CHECK_FORMATS_H
#define CLI_CHECK_FORMATS_H

#include "check/verify.h"
#include "cli/cli.h"

/* What check found, for every writer the same. */
struct check_report {
	const char *topology; /* file */
	struct verified *v;
	size_t n;
	const char **unjudged; /* firewalls without a file */
	size_t n_unjudged;
	const char **waiver_notes; /* expired, stale, too wide */
	struct span *waiver_at;
	size_t n_waiver_notes;
	const char *note; /* NULL, or what else the reader should know */
};

struct check_format {
	const char *name;
	void (*write)(const struct check_report *r, struct buf *out);
};

extern const struct check_format check_formats[];
extern const size_t n_check_formats;

/* check_json.c: everything, numbers included. */
void check_write_json(const struct check_report *r, struct buf *out);

/* "inner.nft says what the plan says" */
void check_sentence(const struct verified *v, struct buf *out);

#endif
