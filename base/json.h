#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>

#include "base/buf.h"

/* A JSON writer (RFC 8259). Indented by two unless compact. */
struct json {
	struct buf *out;
	bool compact;
	unsigned depth;
	unsigned char filled[32]; /* something stands at this depth already */
};

void json_object(struct json *j, const char *key); /* key NULL inside arrays */
void json_array(struct json *j, const char *key);
void json_end_object(struct json *j);
void json_end_array(struct json *j);
void json_str(struct json *j, const char *key, const char *val); /* NULL: null */
void json_int(struct json *j, const char *key, long long val);
void json_bool(struct json *j, const char *key, bool val);
/* The string with quotes; bytes that are no UTF-8 become U+FFFD. */
void json_quote(struct buf *out, const char *s);

#endif
