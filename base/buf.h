#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

/* Growable text, always NUL-terminated once something was put. { 0 } is empty. */
struct buf {
	char *s;
	size_t n, cap;
};

struct arena;

void buf_free(struct buf *b);
/* What was put, moved into the arena ("" if nothing was); b is empty then. */
char *buf_take(struct arena *a, struct buf *b);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_pad(struct buf *b, char c, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* ' name="value"', with what an XML attribute cannot hold as it is escaped. */
void buf_xml_attr(struct buf *b, const char *name, const char *value);
/* The value alone, without its quotes. */
void buf_xml_value(struct buf *b, const char *value);
void buf_u64(struct buf *b, unsigned long long v);
/* What stands behind the word for so many: "" or "s". */
const char *plural(unsigned long long n);

#endif
