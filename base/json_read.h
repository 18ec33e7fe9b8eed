#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"

/* A JSON reader (RFC 8259) for small documents, with the place of each value
 * for messages. */
enum json_type {
	JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY,
	JSON_OBJECT,
};

struct json_value {
	enum json_type type;
	struct span at;	     /* the value; of arrays and objects its bracket */
	const char *key;     /* in an object */
	const char *str;     /* JSON_STRING: UTF-8, without NUL */
	double num;
	bool truth;
	struct json_value *first, *next; /* what is in it; beside it */
};

/* All of it lives in the arena. NULL and one message if it is no JSON, is
 * nested more than 64 deep, or names a key of an object twice. */
struct json_value *json_read(struct arena *a, const struct source *src,
			     struct diags *d);

/* A member of an object, or NULL. */
const struct json_value *json_get(const struct json_value *v, const char *key);

/*
 * Members that must be there, of that type: else a message, and "", 0, false
 * or an empty array. A string may be null, then it is NULL.
 */
const char *json_need_str(const struct json_value *v, const char *key,
			  struct diags *d);
long long json_need_int(const struct json_value *v, const char *key,
			struct diags *d);
bool json_need_bool(const struct json_value *v, const char *key,
		    struct diags *d);
const struct json_value *json_need(const struct json_value *v, const char *key,
				   enum json_type type, struct diags *d);

#endif
