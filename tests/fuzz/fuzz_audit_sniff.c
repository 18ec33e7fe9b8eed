#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct epm_tower tower[8];

	memcpy(copy, data, size);
	sniff_tcp(copy, size);
	sniff_udp(copy, size);
	if (epm_towers(copy, size, tower, 8) > 8)
		abort();
	free(copy);
	return 0;
}
