#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK_MIN = 16 * 1024, CHUNK_MAX = 1024 * 1024, ALIGN = 16 };

/* AddressSanitizer sees a chunk as one block, and is told what is in use. */
#ifdef ARENA_GUARDED
#include <sanitizer/asan_interface.h>
enum { GUARD = ALIGN };
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { GUARD = 0 };
#endif

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(16) unsigned char data[];
};

struct arena {
	struct chunk *head;
	size_t next_size;
	struct arena_file *files;
};

struct arena *arena_new(void)
{
	struct arena *a = mem_alloc(sizeof(*a));

	a->head = NULL;
	a->files = NULL;
	a->next_size = CHUNK_MIN;
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct chunk *c = a->head; c;) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
	free(a);
}

static struct chunk *grow(struct arena *a, size_t size)
{
	size_t room = size > a->next_size ? size : a->next_size;
	struct chunk *c;

	if (room > SIZE_MAX - sizeof(*c))
		mem_exhausted();
	c = mem_alloc(sizeof(*c) + room);
	c->used = 0;
	c->size = room;
	ASAN_POISON_MEMORY_REGION(c->data, room);
	/* An oversized block goes behind the head, so that the room left in
	 * the current chunk is not lost. */
	if (a->head && size > a->next_size) {
		c->next = a->head->next;
		a->head->next = c;
	} else {
		c->next = a->head;
		a->head = c;
		if (a->next_size < CHUNK_MAX)
			a->next_size *= 2;
	}
	return c;
}

void *arena_alloc_raw(struct arena *a, size_t size)
{
	struct chunk *c = a->head;
	size_t asked = size;
	void *p;

	if (size > SIZE_MAX - ALIGN - GUARD)
		mem_exhausted();
	size = (size + GUARD + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!c || c->size - c->used < size)
		c = grow(a, size);
	p = c->data + c->used;
	c->used += size;
	ASAN_UNPOISON_MEMORY_REGION(p, asked);
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return memset(arena_alloc_raw(a, size), 0, size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc_raw(a, n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, ap2;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(ap2, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	p = arena_alloc_raw(a, (size_t)(n < 0 ? 0 : n) + 1);
	vsnprintf(p, (size_t)(n < 0 ? 0 : n) + 1, fmt, ap2);
	va_end(ap2);
	va_end(ap);
	return p;
}

struct arena_file *arena_add_file(struct arena *a, const char *path)
{
	struct arena_file *f;

	if (!strcmp(path, "-"))
		path = "/dev/stdin";
	for (f = a->files; f; f = f->next)
		if (!strcmp(f->path, path))
			return f;
	f = ARENA_NEW(a, struct arena_file);
	f->path = arena_strdup(a, path);
	f->next = a->files;
	a->files = f;
	return f;
}

const struct arena_file *arena_files(const struct arena *a)
{
	return a->files;
}
