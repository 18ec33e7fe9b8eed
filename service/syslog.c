#include "service/syslog.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/plain.h"
#include "service/local.h"

struct syslog {
	int fd;
	int flags; /* of each send() */
	uint64_t lost;
	struct sockaddr_storage to; /* a restarted log is connected to anew */
	socklen_t to_len;
};

enum { HOST_TEXT = 256, PORT_TEXT = 16 };

/* "[v6]:port", "v6", "host:port", "host" */
static void split(const char *where, char host[HOST_TEXT],
		  char port[PORT_TEXT])
{
	const char *colon = strrchr(where, ':'), *close = strchr(where, ']');
	size_t n = strlen(where);

	snprintf(port, PORT_TEXT, "514"); /* RFC 5426, 3.3 */
	if (*where == '[' && close) {
		colon = close[1] == ':' ? close + 1 : NULL;
		where++;
		n = (size_t)(close - where);
	} else if (colon && strchr(where, ':') == colon) {
		n = (size_t)(colon - where);
	} else {
		colon = NULL;
	}
	snprintf(host, HOST_TEXT, "%.*s", (int)n, where);
	if (colon)
		snprintf(port, PORT_TEXT, "%s", colon + 1);
}

static int udp_connect(const char *where, const char **why)
{
	struct addrinfo want = { .ai_socktype = SOCK_DGRAM }, *list, *a;
	char host[HOST_TEXT], port[PORT_TEXT];
	int fd = -1, rc;

	split(where, host, port);
	rc = getaddrinfo(host, port, &want, &list);
	if (rc != 0) {
		*why = gai_strerror(rc);
		return -1;
	}
	for (a = list; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
			*why = strerror(errno);
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd;
}

struct syslog *syslog_open(const char *where, bool patient, const char **why)
{
	const struct timeval second = { .tv_sec = 1 };
	struct syslog *s;
	int fd;

	*why = "cannot be reached";
	if (!where || *where == '/') {
		fd = local_connect(where ? where : "/dev/log");
		if (fd < 0)
			*why = strerror(errno);
	} else {
		fd = udp_connect(where, why);
	}
	if (fd < 0)
		return NULL;
	s = mem_alloc(sizeof(*s));
	*s = (struct syslog){ .fd = fd, .to_len = sizeof(s->to),
			      .flags = MSG_NOSIGNAL |
				       (patient ? 0 : MSG_DONTWAIT) };
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (getpeername(fd, (struct sockaddr *)&s->to, &s->to_len) < 0)
		s->to_len = 0;
	return s;
}

void syslog_close(struct syslog *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s);
}

int syslog_fd(const struct syslog *s)
{
	return s->fd;
}

void syslog_send(struct syslog *s, const struct buf *m)
{
	if (send(s->fd, m->s, m->n, s->flags) >= 0)
		return;
	if ((errno == ECONNREFUSED || errno == ENOTCONN) && s->to_len &&
	    connect(s->fd, (const struct sockaddr *)&s->to, s->to_len) == 0 &&
	    send(s->fd, m->s, m->n, s->flags) >= 0)
		return;
	s->lost++;
}

uint64_t syslog_lost(const struct syslog *s)
{
	return s->lost;
}

/* ---- the message (RFC 5424, 6) -------------------------------------------- */

/* PRINTUSASCII of at most so many characters, or the nil value. */
static void put_name(struct buf *out, const char *s, size_t most)
{
	size_t n = 0;

	buf_putc(out, ' ');
	for (; s && *s && n < most; s++)
		if (*s > 32 && *s < 127) {
			buf_putc(out, *s);
			n++;
		}
	if (!n)
		buf_putc(out, '-');
}

void syslog_begin(struct buf *out, const struct syslog_head *h,
		  const char *element)
{
	char pid[24];

	snprintf(pid, sizeof(pid), "%ld", h->pid);
	buf_printf(out, "<%u>1", SYSLOG_DAEMON * 8 + h->severity);
	put_name(out, h->time, 32);
	put_name(out, h->host, 255);
	put_name(out, h->app, 48);
	put_name(out, pid, 128);
	put_name(out, h->id, 32);
	buf_printf(out, " [%s", element);
}

/* In a value, " \ and ] are escaped; what is no text is made plain. */
void syslog_param(struct buf *out, const char *name, const char *value)
{
	struct buf plain = { 0 };

	if (!value || !*value)
		return;
	buf_plain(&plain, value, strlen(value), 0);
	buf_printf(out, " %s=\"", name);
	for (size_t i = 0; i < plain.n; i++) {
		if (strchr("\"\\]", plain.s[i]))
			buf_putc(out, '\\');
		buf_putc(out, plain.s[i]);
	}
	buf_putc(out, '"');
	buf_free(&plain);
}

void syslog_end(struct buf *out, const char *words)
{
	buf_puts(out, "] ");
	buf_plain(out, words, strlen(words), 0);
}
