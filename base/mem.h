#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Heap memory for what outlives no arena. Never NULL: see mem_exhausted(). */
void *mem_alloc(size_t size);
/* The same, beginning at a multiple of align, which divides size. */
void *mem_alloc_aligned(size_t align, size_t size);
void *mem_realloc(void *p, size_t size);

/* Says so on standard error and ends the program with exit code 2. */
_Noreturn void mem_exhausted(void);

#endif
