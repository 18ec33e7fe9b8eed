#ifndef SERVICE_NOTIFY_H
#define SERVICE_NOTIFY_H

/*
 * What a service tells its manager: sd_notify(3) over the socket that
 * $NOTIFY_SOCKET names, without libsystemd.
 */

/* The connected socket; -1 where there is none: path NULL or not reachable.
 * A path that begins with @ is in the abstract name space. */
int notify_open(const char *path);
/* Lines such as "READY=1\nSTATUS=...". Without a socket, nothing. */
void notify_send(int fd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
