#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plan/plan.h"
#include "plan/sets.h"
#include "topology/waivers.h"

/*
 * The reader of waivers, on a topology that has a little of everything they
 * name; what was read is asked for its addresses and packets. An input that
 * does not begin as XML is put between the tags of a waiver file.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"<topology xmlns=\"urn:portplan:1\" name=\"t\" "
	"template=\"exchange-2003\">"
	"<zone name=\"a\" networks=\"10.1.0.0/16\">"
	"<host name=\"fe1\" address=\"10.1.0.1\" roles=\"front-end\"/></zone>"
	"<zone name=\"b\" networks=\"10.2.0.0/16 2001:db8::/64\">"
	"<network name=\"n\" networks=\"10.2.1.0/24\"/>"
	"<host name=\"be1\" address=\"10.2.0.1\" roles=\"back-end\"/></zone>"
	"<firewall name=\"fw\"><interface name=\"eth0\" zone=\"a\"/>"
	"<interface name=\"eth1\" zone=\"b\"/></firewall></topology>";

static void write_all(int fd, const void *p, size_t n)
{
	if (write(fd, p, n) != (ssize_t)n)
		abort();
}

static void ask(struct arena *a, const struct plan *p, const struct waivers *w)
{
	for (size_t i = 0; i < w->list.n; i++) {
		plan_ends_set(p, &w->list.v[i]->from, a);
		plan_ends_set(p, &w->list.v[i]->to, a);
		plan_packets_keys(p, &w->list.v[i]->what, a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "<waivers xmlns=\"urn:portplan:1\"><waive ";
	static const char tail[] = "/></waivers>";
	struct topology_options opt = { .text = text,
					.n_text = sizeof(text) - 1 };
	struct plan_options when = { .now = 1800000000 };
	struct arena *a = arena_new();
	int fd = memfd_create("waivers", 0);
	const struct topology *t;
	const struct plan *p;
	struct buf out = { 0 };
	struct waivers *w;
	struct diags d;
	char path[32];

	if (fd < 0)
		abort();
	if (!size || *data != '<')
		write_all(fd, head, sizeof(head) - 1);
	write_all(fd, data, size);
	if (!size || *data != '<')
		write_all(fd, tail, sizeof(tail) - 1);
	diags_init(&d, a);
	t = topology_read(a, "t.xml", &opt, &d);
	p = t ? plan_build(a, t, &when, &d) : NULL;
	if (!p)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	w = waivers_read(a, t, path, &d);
	if (w)
		ask(a, p, w);
	else if (!d.n_errors)
		abort();
	diags_print(&d, &out, 20);
	buf_free(&out);
	close(fd);
	arena_free(a);
	return 0;
}
