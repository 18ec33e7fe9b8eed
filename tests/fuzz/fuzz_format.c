/* Bytes as a file to be written anew: what comes out is written the same. */
#include <stdlib.h>
#include <string.h>

#include "topology/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct buf once = { 0 }, twice = { 0 };
	struct diags d;

	diags_init(&d, a);
	if (format_source(a, source_from_text(a, "f", arena_strndup(a,
			(const char *)data, size), size, &d), &d, &once)) {
		if (!format_source(a, source_from_text(a, "f", once.s, once.n,
						       &d), &d, &twice) ||
		    once.n != twice.n || memcmp(once.s, twice.s, once.n))
			abort();
	}
	buf_free(&once);
	buf_free(&twice);
	arena_free(a);
	return 0;
}
