#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the link type, the second how much was cut off. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t links[] = { 1, 101, 113, 276, 239, 0, 9, 50, 51 };
	struct decode_stats st = { { 0 } };
	struct pkt p[PKT_LAYERS];
	struct frame f;
	uint8_t *copy;
	size_t n;

	if (size < 2)
		return 0;
	copy = malloc(size - 1); /* so that one byte too far is seen */
	memcpy(copy, data + 2, size - 2);
	f = (struct frame){ .data = copy, .caplen = (uint32_t)size - 2,
			    .len = (uint32_t)size - 2 + data[1],
			    .link = links[data[0] % 9] };
	n = decode_frame(&f, p, &st);
	for (size_t i = 0; i < n; i++)
		if (p[i].have && (p[i].payload < copy || p[i].have > f.caplen ||
				  p[i].payload + p[i].have > copy + f.caplen))
			abort();
	free(copy);
	return 0;
}
