#include "base/vec.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

void vec_grow(struct arena *a, void **v, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 4;
	void *p;

	if (want > SIZE_MAX / size)
		mem_exhausted();
	p = arena_alloc_raw(a, want * size);
	if (n)
		memcpy(p, *v, n * size);
	*v = p;
	*cap = want;
}
