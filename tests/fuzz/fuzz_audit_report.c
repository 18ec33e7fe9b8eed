#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/event.h"
#include "audit/remake.h"
#include "audit/report.h"
#include "service/syslog.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Frames, as length and bytes, from two readers, to flows, findings, events
 * and reports; with the last bit of the first byte set, masked.
 */
static struct judge *judge;
static struct arena *plan_arena;

static const char topology[] =
	"<topology xmlns=\"urn:portplan:1\" name=\"t\" "
	"template=\"exchange-2003\">"
	"<zone name=\"internet\" networks=\"0.0.0.0/0 ::/0\"/>"
	"<zone name=\"a\" networks=\"10.0.0.0/9\"><host name=\"h\" "
	"address=\"10.0.0.1\" roles=\"back-end\"/></zone>"
	"<zone name=\"b\" networks=\"10.128.0.0/9\" inside=\"planned\"/>"
	"<firewall name=\"f\"><interface name=\"e0\" zone=\"internet\"/>"
	"<interface name=\"e1\" zone=\"a\"/>"
	"<interface name=\"e2\" zone=\"b\"/></firewall>"
	"<allow from=\"b\" to=\"h\" tcp=\"80\" reason=\"r\"/></topology>";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[] = "/tmp/fuzz-report-XXXXXX";
	int fd = mkstemp(path);
	struct topology_options t = { 0 };
	struct plan_options p = { .now = 0 };
	struct diags d;
	struct topology *topo;

	(void)argc;
	(void)argv;
	plan_arena = arena_new();
	diags_init(&d, plan_arena);
	if (write(fd, topology, sizeof(topology) - 1) < 0)
		abort();
	close(fd);
	topo = topology_read(plan_arena, path, &t, &d);
	unlink(path);
	if (!topo)
		abort();
	judge = judge_new(plan_arena, plan_build(plan_arena, topo, &p, &d));
	return 0;
}

static void on_flow(void *ctx, const struct conn *c, const struct finding *f)
{
	static const struct observed seen[2] = { { .name = "x" },
						 { .name = "y" } };
	const struct syslog_head head = { .severity = 4 };
	struct arena *a = ctx;
	struct buf b = { 0 };

	event_flow(&b, a, judge, c, f, seen, 2);
	syslog_begin(&b, &head, "e");
	syslog_param(&b, "note", finding_words(a, judge, f, seen, 2).note);
	syslog_end(&b, "words");
	buf_free(&b);
}

static void on_evidence(void *ctx, const struct frame *f, const struct pkt *p)
{
	uint8_t made[REMADE_MAX];
	uint32_t len;

	(void)f;
	if (remake_packet(p, mask_new(ctx), made, &len) > sizeof(made))
		abort();
}

static void feed(struct audit *const au[2], const uint8_t *p, size_t n)
{
	uint64_t number = 1;

	while (n > 2) {
		size_t len = p[1] + 1u < n - 2 ? p[1] + 1u : n - 2;
		uint8_t *copy = malloc(len);
		struct frame f = {
			.data = copy, .caplen = (uint32_t)len,
			.len = (uint32_t)len, .link = p[0] & 2 ? LINK_RAW :
								 LINK_ETHERNET,
			.ts = number * 1000000, .number = number,
			.source = p[0] & 1,
		};

		number++;
		memcpy(copy, p + 2, len);
		audit_frames(au[p[0] & 1], &f, 1);
		free(copy);
		p += 2 + len;
		n -= 2 + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct audit_options opt = {
		.max_flows = 1024, .seed = 1, .all = true, .early = true,
		.ctx = a, .on_flow = on_flow, .on_evidence = on_evidence,
	};
	struct observed seen[2] = { { .name = "x" }, { .name = "y" } };
	struct audit *au[2];
	struct report *r;

	judge->mask = size && (data[0] & 1) ? mask_new(a) : NULL;
	for (int i = 0; i < 2; i++)
		au[i] = audit_new(a, judge, &opt);
	feed(au, data, size);
	audit_merge(au, 2);
	audit_finish(au[0]);
	r = report_make(a, au[0], judge, seen, 2);
	for (size_t i = 0; i < n_report_formats; i++) {
		struct buf b = { 0 };

		report_formats[i].write(r, &b);
		buf_free(&b);
	}
	if (!report_summary(r))
		abort();
	audit_free(au[0]);
	audit_free(au[1]);
	arena_free(a);
	return 0;
}
