#ifndef SERVICE_SECCOMP_H
#define SERVICE_SECCOMP_H

#include <stddef.h>

/*
 * From here on only the system calls of a program that reads, judges and
 * writes files it may reach: no programs are started, no sockets made, no
 * memory becomes code. Others fail with EPERM; those that only an intruder
 * would make end the process.
 */

enum { SECCOMP_SEND = 8 };

/* For all threads of the process; send: sockets, at most SECCOMP_SEND, that
 * it may send on. 0; -1: *why says what is wrong, errno ENOSYS where the
 * kernel or the machine has no such thing. */
int seccomp_enter(const int *send, size_t n_send, const char **why);

#endif
