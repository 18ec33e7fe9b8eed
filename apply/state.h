#ifndef APPLY_STATE_H
#define APPLY_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "apply/generation.h"
#include "base/arena.h"

/*
 * What must outlive a crash, in a directory for each firewall:
 *
 *	lock	   held by whoever changes rules, guardian included
 *	boot.plan  the confirmed rules: loaded at boot
 *	next.plan  what an apply under way wants; renaming it to boot.plan is
 *		   the moment of confirmation
 *	journal	   that an apply is under way, and how to undo it
 *	journal.damaged	one that could not be understood, for whoever looks
 *	runs	   since when what is in boot.plan runs (known.h)
 *	guardian   socket on which the confirmation comes
 *	last	   how the last apply that its starter did not see ended
 */
struct state_dir {
	int dir;
	int lock; /* -1: not held */
	const char *path, *base;
	bool made, made_base; /* by this opening */
};

enum journal_mode {
	JOURNAL_NONE,
	JOURNAL_CONFIRM, /* undone unless confirmed */
	JOURNAL_DIRECT,	 /* the switch deletes what ran before */
	JOURNAL_DELTA,	 /* what runs is changed in place */
	JOURNAL_TRIAL,	 /* so, undone unless confirmed: by the old rules,
			    which are loaded beside */
	JOURNAL_MODES
};

enum { BOOT_ID = 40, TOKEN = 24 };

struct journal {
	enum journal_mode mode;
	int slot;	   /* of the new generation */
	unsigned old;	   /* bits of slots that ran before; of JOURNAL_TRIAL:
			      of the one that has what did */
	uint32_t generation; /* of all rules, before they were switched */
	char boot_id[BOOT_ID];
	char token[TOKEN];
	unsigned seconds;  /* to confirm in */
	long pid;	   /* of the guardian; 0: none yet */
	char from[128];	   /* the connection it was started over, or "" */
};

/* Makes the directory. -1: err; also where it belongs to another user. */
int state_open(struct state_dir *s, struct arena *a, const char *base,
	       const char *firewall, bool make, struct buf *err);
void state_close(struct state_dir *s);
/* Takes away what opening and locking it made, if nothing else is in it. */
void state_unmake(struct state_dir *s);
/* 0: held; 1: somebody else holds it; -1: err. */
int state_lock(struct state_dir *s, struct buf *err);

int journal_write(const struct state_dir *s, const struct journal *j,
		  struct buf *err);
/* mode JOURNAL_NONE where there is none; -1: it cannot be read. */
int journal_read(const struct state_dir *s, struct journal *j, struct buf *err);
void journal_remove(const struct state_dir *s);
/* One that is damaged, as journal.damaged; err says so. */
void journal_set_aside(const struct state_dir *s, struct buf *err);
/* next.plan becomes boot.plan. Where it cannot be put on disk as well, err says
 * so: whoever reads it has the new one, and nothing leads back. */
int state_confirm(const struct state_dir *s, struct buf *err);
/* True too where it cannot be told: reading it then says why. */
bool state_has(const struct state_dir *s, const char *name);
void state_remove(const struct state_dir *s, const char *name);
/* A small file as a whole, on disk; best effort. */
void state_put(const struct state_dir *s, const char *name, const char *text,
	       size_t n);
/* Its text, with NUL. -1: there is none. */
int state_get(const struct state_dir *s, const char *name, char *text,
	      size_t room);
/* A line for who asks later; best effort. */
void state_note(const struct state_dir *s, const char *text);
/* The kernel's name for its current run; "" if it has none. */
void read_boot_id(char out[BOOT_ID]);
void make_token(char out[TOKEN]);

#endif
