#ifndef BASE_PLAIN_H
#define BASE_PLAIN_H

#include "base/buf.h"

/*
 * Foreign text for a terminal: control characters (C0, DEL, C1), characters
 * that turn the writing direction and bytes that are no UTF-8 become '?'.
 * Tabs stay where keep_tabs says so.
 */
void buf_plain(struct buf *out, const char *s, size_t n, int keep_tabs);

/* Length of the UTF-8 sequence at s (RFC 3629), of at most n bytes; 0 if it
 * is none. */
size_t utf8_length(const char *s, size_t n);

/* s as one word of a POSIX shell's command line: quoted where it has to be. */
void buf_shell(struct buf *out, const char *s);

#endif
