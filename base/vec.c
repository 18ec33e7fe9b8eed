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

static int compare_some(const void *a, const void *b, size_t n)
{
	const uint32_t *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

int u32_compare(const void *a, const void *b)
{
	return compare_some(a, b, 1);
}

int u32_compare2(const void *a, const void *b)
{
	return compare_some(a, b, 2);
}

int u32_compare3(const void *a, const void *b)
{
	return compare_some(a, b, 3);
}

int u32_compare4(const void *a, const void *b)
{
	return compare_some(a, b, 4);
}
