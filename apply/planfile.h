#ifndef APPLY_PLANFILE_H
#define APPLY_PLANFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/*
 * A generation as a file: what is loaded at boot, and what a saved plan is. A
 * head in text, one "key value" a line and an empty one; the summary for the
 * reader; then the stream's units, each behind its length, and a hash of all.
 * Units are in this machine's byte order, as netlink is. Every byte read is
 * checked: only messages that make this one table are let through.
 */
struct plan_head {
	const char *firewall, *table;
	const char *made;    /* time, as text */
	uint64_t rules;	     /* rs_hash() of what it was made from */
	uint64_t elements;   /* in all sets */
	bool based;	     /* it says what it was computed against: */
	uint32_t generation; /* of all rules then */
	uint64_t content;    /* model_hash() of the table that ran then */
	const char *boot_id; /* of the kernel's run that counted generations */
	const char *summary; /* what it changes; may be "" */
};

struct plan_writer {
	int fd;
	int dir; /* AT_FDCWD, or where name is */
	const char *name;
	struct buf pending;
	uint64_t hash;
	int error; /* errno of the first failure */
};

/* Readable by its owner alone. -1: err. */
int plan_file_create(struct plan_writer *w, int dir, const char *name,
		     const struct plan_head *h, struct buf *err);
/* As a stream's taker. */
int plan_file_unit(void *writer, const char *unit, size_t n);
/* On disk when it returns 0; otherwise, or unless complete, there is no file. */
int plan_file_finish(struct plan_writer *w, bool complete, struct buf *err);

struct plan_reader {
	int fd;
	const char *name;
	struct plan_head head; /* in the arena */
	bool swapped; /* written in the other byte order */
	uint64_t hash;
	char *in;
	size_t at, n;
};

int plan_file_open(struct plan_reader *r, struct arena *a, int dir,
		   const char *name, struct buf *err);
/* Hands on every unit. 0: the file was whole. What was taken of one that was
 * not must be thrown away. */
int plan_file_units(struct plan_reader *r,
		    int (*take)(void *ctx, const char *unit, size_t n),
		    void *ctx, struct buf *err);
void plan_file_close(struct plan_reader *r);
/* What stands at the end of one: the hash of all before it. 0 or -1. */
int plan_file_hash(int dir, const char *name, uint64_t *hash);

#endif
