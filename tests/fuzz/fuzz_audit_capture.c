#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <stdio.h>

#include "audit/capture.h"
#include "audit/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A whole file: reading, unpacking and decoding whatever comes out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", 0);
	struct decode_stats st = { { 0 } };
	struct frame f[FRAME_BATCH];
	struct pkt p[PKT_LAYERS];
	struct capture *c;
	const char *why;
	char path[32];
	size_t n;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	c = capture_open(path, 0, &why);
	while (c && (n = capture_read(c, f, FRAME_BATCH)))
		for (size_t i = 0; i < n; i++)
			decode_frame(&f[i], p, &st);
	capture_close(c);
	close(fd);
	return 0;
}
