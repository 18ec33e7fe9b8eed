#ifndef APPLY_MONITOR_H
#define APPLY_MONITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"

/*
 * Who changes rules: after a transaction the kernel tells what was in it,
 * object by object, and then its number, process and command name. Objects are
 * told by name only: what they are now is to be read, since events may be lost.
 */
enum {
	MONITOR_COMM = 16,	/* TASK_COMM_LEN */
	MONITOR_TOUCHES = 64,	/* objects by name; as many tables again */
	TOUCH_TABLE = 0xff,	/* no NFT_MSG_…: something in that table */
};

/* What a transaction did to one object, or to the elements of one set. */
struct touch {
	uint8_t family; /* NFPROTO_… */
	uint8_t type;	/* NFT_MSG_NEWRULE, NFT_MSG_DELSETELEM, …, TOUCH_TABLE */
	const char *table;
	const char *name; /* of chain (a rule's, too), set, object; "" */
	uint32_t n;	  /* rules, elements */
};

/* A vector (base/vec.h). Of objects beyond MONITOR_TOUCHES only the tables are
 * kept, so that it is known whose they were. */
struct touches {
	struct touch *v;
	size_t n, cap;
	bool more; /* there were tables that are not among them */
};

/* Added up where it is there already; its names are copied. */
void touches_add(struct arena *a, struct touches *x, const struct touch *t);

struct change {
	uint32_t generation; /* after it */
	pid_t pid;	     /* of the process; 0: not told */
	char comm[MONITOR_COMM];
	struct arena *arena; /* of what it touched; NULL: nothing */
	struct touches touched;
};

void change_free(struct change *c);

struct monitor {
	int fd;
	char *in;
	int at, n;	    /* of what was received last */
	struct change open; /* a transaction whose end was not told yet */
};

/* Hears of changes from here on, in this network namespace. -1: err. */
int monitor_open(struct monitor *m, struct buf *err);
void monitor_close(struct monitor *m);

enum monitor_word {
	MONITOR_NONE,	/* nothing is waiting */
	MONITOR_CHANGE, /* *c, the caller's */
	MONITOR_LOST,	/* events were lost: read the rules anew */
	MONITOR_FAILED, /* errno */
};

/* Never waits. */
enum monitor_word monitor_next(struct monitor *m, struct change *c);

#endif
