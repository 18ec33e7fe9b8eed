#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "audit/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* With its checksum made right, or no input would get past it. */
static void seal(uint8_t *p, size_t n)
{
	uint32_t c;

	if (n < 32)
		return;
	c = (uint32_t)crc32_z(crc32(0, p, 24), p + 28, n - 28);
	for (int i = 0; i < 4; i++)
		p[24 + i] = (uint8_t)(c >> 8 * i);
}

static void look_up(struct arena *a, const known_list *l)
{
	struct known *k = known_new(a, l, 7);
	known_list rest = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		struct conn c = { .a = l->v[i].dst, .b = l->v[i].src,
				  .aport = l->v[i].dport,
				  .bport = l->v[i].sport,
				  .proto = l->v[i].proto };

		known_recall(k, &c);
	}
	known_rest(k, 0, a, &rest);
	if (rest.n > l->n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	uint8_t *copy = malloc(size ? size : 1);
	known_list l = { 0 };
	struct buf out = { 0 };
	uint64_t saved;
	const char *why;

	memcpy(copy, data, size);
	known_decode(a, copy, size, &l, &saved, &why);
	l.n = 0;
	seal(copy, size);
	if (known_decode(a, copy, size, &l, &saved, &why) == 0) {
		look_up(a, &l);
		known_encode(&l, saved, &out);
		if (out.n != size)
			abort();
	}
	buf_free(&out);
	free(copy);
	arena_free(a);
	return 0;
}
