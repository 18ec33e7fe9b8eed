#ifndef SERVICE_SYSLOG_H
#define SERVICE_SYSLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Messages of RFC 5424, to the local socket or over UDP (RFC 5426). A log
 * that cannot be reached costs its messages, which are counted, and, unless
 * it is asked for patience, never the program its pace.
 */
enum { SYSLOG_DAEMON = 3 }; /* facility: RFC 5424, 6.2.1 */
enum { SYSLOG_ERROR = 3, SYSLOG_WARNING, SYSLOG_NOTICE, SYSLOG_INFO };

struct syslog;

/* where: NULL (/dev/log), a path, HOST, HOST:PORT or [V6]:PORT. patient: a log
 * that has no room is given a second for each message. NULL: *why says what is
 * wrong with it. */
struct syslog *syslog_open(const char *where, bool patient, const char **why);
void syslog_close(struct syslog *s);
int syslog_fd(const struct syslog *s);
void syslog_send(struct syslog *s, const struct buf *message);
/* Messages that could not be handed over. */
uint64_t syslog_lost(const struct syslog *s);

struct syslog_head {
	unsigned severity;
	const char *time; /* RFC 3339, UTC, at most microseconds; NULL */
	const char *host, *app, *id; /* NULL: not known */
	long pid;
};

/* The header and the beginning of one structured element; parameters, whose
 * values may be foreign text; then its end and the words. */
void syslog_begin(struct buf *out, const struct syslog_head *h,
		  const char *element);
void syslog_param(struct buf *out, const char *name, const char *value);
void syslog_end(struct buf *out, const char *words);

#endif
