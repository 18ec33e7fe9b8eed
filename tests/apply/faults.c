/*
 * Preloaded into the program (LD_PRELOAD): makes what it rests on fail.
 *
 *	FAULT_CALL=N	the Nth of socket, bind, sendto, recvmsg, send, recv
 *			and fork fails, once; a child goes on counting.
 *			Counted from the first file on that is put in its
 *			place: all before only reads
 *	FAULT_SYNC=1	once boot.plan is replaced, nothing is put on disk any
 *			more
 *	FAULT_CLOCK=1	the clock jumps by days, forth and back, at each look
 *
 * Calls are done before they fail where that is the worse: what was sent is
 * sent, only nobody learns of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static long calls, looks;
static int begun, replaced;

static int fails(void)
{
	const char *n = getenv("FAULT_CALL");

	return n && begun && ++calls == atol(n);
}

static int refused(void)
{
	errno = ENOBUFS;
	return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int socket(int domain, int type, int protocol)
{
	return fails() ? refused() : REAL(socket)(domain, type, protocol);
}

int bind(int fd, const struct sockaddr *a, socklen_t n)
{
	return fails() ? refused() : REAL(bind)(fd, a, n);
}

ssize_t sendto(int fd, const void *p, size_t n, int flags,
	       const struct sockaddr *to, socklen_t len)
{
	int fail = fails();
	ssize_t sent = REAL(sendto)(fd, p, n, flags, to, len);

	return fail ? refused() : sent;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	int fail = fails();
	ssize_t got = REAL(recvmsg)(fd, m, flags);

	/* ENOBUFS of a receiver is a word of its own: events were lost */
	if (fail)
		errno = EIO;
	return fail ? -1 : got;
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	return fails() ? refused() : REAL(send)(fd, p, n, flags);
}

ssize_t recv(int fd, void *p, size_t n, int flags)
{
	return fails() ? refused() : REAL(recv)(fd, p, n, flags);
}

pid_t fork(void)
{
	return fails() ? refused() : REAL(fork)();
}

int renameat(int from, const char *old, int to, const char *name)
{
	begun = 1;
	replaced |= !strcmp(name, "boot.plan");
	return REAL(renameat)(from, old, to, name);
}

int fsync(int fd)
{
	if (!replaced || !getenv("FAULT_SYNC"))
		return REAL(fsync)(fd);
	errno = EIO;
	return -1;
}

static time_t jump(void)
{
	return getenv("FAULT_CLOCK") ? (++looks % 3 - 1) * 86400 * 3 : 0;
}

time_t time(time_t *out)
{
	time_t t = REAL(time)(NULL) + jump();

	if (out)
		*out = t;
	return t;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	int r = REAL(clock_gettime)(clock, t);

	if (clock == CLOCK_REALTIME)
		t->tv_sec += jump();
	return r;
}
