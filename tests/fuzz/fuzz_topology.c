/* Bytes as a topology, through the plan to every firewall's rules. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gen/gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gen_options opt = { .counters = GEN_COUNT_SERVICE };
	static const struct plan_options today = { .now = 1798761600 };
	int fd = memfd_create("topology", MFD_CLOEXEC);
	struct arena *a = arena_new();
	struct topology *t = NULL;
	struct plan *p = NULL;
	struct buf b = { 0 };
	struct diags d;
	char path[32];

	diags_init(&d, a);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) == (ssize_t)size)
		t = topology_read(a, path, NULL, &d);
	if (t)
		p = plan_build(a, t, &today, &d);
	for (size_t i = 0; p && i < t->firewalls.n; i++)
		rs_text(gen_firewall(a, p, t->firewalls.v[i], &opt, &d), &b);
	diags_print(&d, &b, 20);
	buf_free(&b);
	close(fd);
	arena_free(a);
	return 0;
}
