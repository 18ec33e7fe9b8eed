#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

/*
 * Memory of one phase. Everything allocated from an arena lives until
 * arena_free(); nobody frees parts. Out of memory ends the program: a
 * compiler that cannot hold its input has nothing useful left to do.
 */
struct arena;

/* With AddressSanitizer what lies behind an allocation may not be touched. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_GUARDED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_GUARDED
#endif

struct arena *arena_new(void);
void arena_free(struct arena *a);

/* Zeroed, aligned for any object. */
void *arena_alloc(struct arena *a, size_t size);
/* Not zeroed; for large arrays that are filled at once. */
void *arena_alloc_raw(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The files that what it holds was read from, so that no output goes over
 * one of them. Readers add them; "-" is standard input.
 */
struct arena_file {
	struct arena_file *next;
	const char *path;
	void *kept; /* what was made of it, for who reads it again */
};

/* The file, known from now on. */
struct arena_file *arena_add_file(struct arena *a, const char *path);
const struct arena_file *arena_files(const struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) \
	((type *)arena_alloc((a), sizeof(type) * ((size_t)(n) + ((n) == 0))))

#endif
