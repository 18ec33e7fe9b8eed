#include "service/notify.h"

#include <stdarg.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "service/local.h"

int notify_open(const char *path)
{
	return path && (*path == '/' || *path == '@') ? local_connect(path) :
							-1;
}

void notify_send(int fd, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	if (fd < 0)
		return;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (b.n)
		send(fd, b.s, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(&b);
}
