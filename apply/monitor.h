#ifndef APPLY_MONITOR_H
#define APPLY_MONITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/*
 * Who changes rules: the kernel tells each transaction's number, process and
 * command name after it is done. What it changed is not taken from the events,
 * of which some may be lost, but read anew.
 */
enum { MONITOR_COMM = 16 }; /* TASK_COMM_LEN */

struct change {
	uint32_t generation; /* after it */
	pid_t pid;	     /* of the process; 0: not told */
	char comm[MONITOR_COMM];
};

/* A socket that hears of changes from here on, in this network namespace. -1:
 * err. */
int monitor_open(struct buf *err);

enum monitor_word {
	MONITOR_NONE,	/* nothing is waiting */
	MONITOR_CHANGE, /* *c */
	MONITOR_LOST,	/* events were lost: read the rules anew */
	MONITOR_FAILED, /* errno */
};

/* Never waits. */
enum monitor_word monitor_next(int fd, struct change *c);

#endif
