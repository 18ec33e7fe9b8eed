#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

_Noreturn void mem_exhausted(void)
{
	static const char msg[] = "portplan: out of memory\n";
	ssize_t n = write(STDERR_FILENO, msg, sizeof(msg) - 1);

	(void)n;
	_exit(2);
}

void *mem_alloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		mem_exhausted();
	return p;
}

void *mem_alloc_aligned(size_t align, size_t size)
{
	void *p = aligned_alloc(align, size);

	if (!p)
		mem_exhausted();
	return p;
}

void *mem_realloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		mem_exhausted();
	return p;
}
