/*
 * What bench-audit measures, each by itself; it runs this program and puts the
 * figures side by side. CPU seconds are user and system time.
 *
 *   make FILE MEAN BYTES   a capture of conversations, packets of that mean size
 *   read FILE              the bytes alone, in the pieces the auditor reads
 *   walk FILE              the auditor's reader, packet by packet
 *   loop FILE              libpcap's loop with a callback that counts
 *   audit FILE HOSTS       the whole audit; HOSTS squared flows are planned
 *   flood MILLIONS         connections from made-up places, without a file
 *
 * All but the first print seconds and packets; audit also the flows it found
 * planned; flood lines of millions and MiB, then the seconds.
 */
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audit/capture.h"
#include "audit/report.h"
#include "audit/sources.h"
#include "tests/bench/clock.h"
#include "topology/topology.h"

/* ---- captures: a thousand conversations at a time between 200 clients and
 * 40 servers, each with its handshake, data both ways and its end ---------- */

enum { ACTIVE = 1000 };

struct conv {
	uint32_t client, server, seq[2];
	uint16_t cport, sport;
	unsigned step, steps;
};

static const uint16_t ports[] = { 88, 389, 3268, 135, 1025, 53, 25, 80, 443,
				  110, 143, 691, 445 };
static uint64_t rng = 88172645463325252u, now = 1700000000000000u;
static FILE *out;
static uint64_t written, packets;
static unsigned mean;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 20) % n;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static void emit(struct conv *c, int from_client, unsigned flags, unsigned data)
{
	static uint8_t pkt[2048];
	static const uint8_t filler = 0xa5; /* no protocol starts so */
	uint32_t rec[4];
	unsigned len = 14 + 40 + data;

	memset(pkt, 0, 54);
	memset(pkt + 54, filler, data);
	pkt[12] = 8;
	pkt[14] = 0x45;
	put16(pkt + 16, 40 + data);
	pkt[22] = 64;
	pkt[23] = 6;
	put32(pkt + 26, from_client ? c->client : c->server);
	put32(pkt + 30, from_client ? c->server : c->client);
	put16(pkt + 34, from_client ? c->cport : c->sport);
	put16(pkt + 36, from_client ? c->sport : c->cport);
	put32(pkt + 38, c->seq[!from_client]);
	put32(pkt + 42, c->seq[from_client]);
	pkt[46] = 5 << 4;
	pkt[47] = (uint8_t)flags;
	c->seq[!from_client] += data + !!(flags & 3);
	now += 1 + rnd(50);
	rec[0] = (uint32_t)(now / 1000000);
	rec[1] = (uint32_t)(now % 1000000);
	rec[2] = rec[3] = len;
	fwrite(rec, 1, 16, out);
	fwrite(pkt, 1, len, out);
	written += 16 + len;
	packets++;
}

static void begin(struct conv *c)
{
	*c = (struct conv){ .client = 0x0a010000 + rnd(200),
			    .server = 0x0a000000 + rnd(40),
			    .cport = (uint16_t)(32768 + rnd(28000)),
			    .sport = ports[rnd(sizeof(ports) / 2)],
			    .seq = { rnd(1u << 30), rnd(1u << 30) },
			    .steps = 7 + rnd(26) };
}

/* Bytes of data: anything up to a full segment or four times the mean while
 * the packets so far are too small, else a bare acknowledgement. */
static unsigned size(void)
{
	unsigned most = 4 * (mean - 54);

	if (written > packets * (16 + mean))
		return 0;
	return 1 + rnd(most < 1460 ? most : 1460);
}

static void advance(struct conv *c)
{
	unsigned n = size(), s = c->step++;

	if (s == 0)
		emit(c, 1, 2, 0);
	else if (s == 1)
		emit(c, 0, 18, 0);
	else if (s == 2)
		emit(c, 1, 16, 0);
	else if (s + 2 == c->steps)
		emit(c, 1, 17, 0);
	else if (s + 1 == c->steps)
		emit(c, 0, 17, 0);
	else
		emit(c, (int)rnd(2), 24, n);
	if (c->step == c->steps)
		begin(c);
}

static int generate(const char *path, uint64_t bytes, unsigned want)
{
	static const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0,
					  262144, 1 };
	static struct conv conv[ACTIVE];
	/* Small writes would leave small pages in the kernel's cache, which
	 * cost all readers a third more than those of a file from disk. */
	static char buffer[1 << 20];

	mean = want;
	written = packets = 0;
	out = fopen(path, "wb");
	if (!out)
		return -1;
	setvbuf(out, buffer, _IOFBF, sizeof(buffer));
	fwrite(head, 1, 24, out);
	for (int i = 0; i < ACTIVE; i++)
		begin(&conv[i]);
	while (written < bytes)
		advance(&conv[rnd(ACTIVE)]);
	return fclose(out);
}

/* ---- what is measured ---------------------------------------------------- */

static long resident_mb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss / 1024;
}

static uint64_t counted;

static void count_one(u_char *u, const struct pcap_pkthdr *h, const u_char *d)
{
	(void)u;
	(void)h;
	(void)d;
	counted++;
}

static void libpcap_loop(const char *path)
{
	char err[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline(path, err);

	if (!p || pcap_loop(p, -1, count_one, NULL) != 0)
		exit(2);
	pcap_close(p);
}

static void read_only(const char *path)
{
	static uint8_t buf[128 * 1024];
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		exit(2);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

static void walk(const char *path)
{
	struct frame f[FRAME_BATCH];
	const char *why;
	struct capture *c = capture_open(path, 0, &why);
	size_t n;

	if (!c)
		exit(2);
	while ((n = capture_read(c, f, FRAME_BATCH)))
		counted += n;
	capture_close(c);
}

/* Clients and servers, so many of each declared one by one: their product is
 * the number of planned flows. */
static struct plan *make_plan(struct arena *a, unsigned hosts)
{
	char path[] = "/tmp/bench-audit-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");
	struct topology_options to = { .template_dirs = NULL };
	struct plan_options po = { .now = 1800000000 };
	struct topology *t;
	struct plan *p;
	struct diags d;

	fprintf(f, "<topology xmlns='urn:portplan:1' name='bench' "
		"template='exchange-2003'>"
		"<role name='c'/><role name='s'/>"
		"<service name='all' tcp='88 389 3268 135 1025 53 25 80 443 "
		"110 143 691 445'/><flow from='c' to='s' service='all'/>"
		"<zone name='servers' networks='10.0.0.0/16' roles='s'>");
	for (unsigned i = 0; i < hosts; i++)
		fprintf(f, "<host name='s%u' address='10.0.%u.%u' roles='s'/>",
			i, i / 256, i % 256);
	fprintf(f, "</zone><zone name='clients' networks='10.1.0.0/16' "
		"roles='c'>");
	for (unsigned i = 0; i < hosts; i++)
		fprintf(f, "<host name='c%u' address='10.1.%u.%u' roles='c'/>",
			i, i / 256, i % 256);
	fprintf(f, "</zone><firewall name='fw'><interface name='eth0' "
		"zone='clients'/><interface name='eth1' zone='servers'/>"
		"</firewall></topology>");
	fclose(f);
	diags_init(&d, a);
	t = topology_read(a, path, &to, &d);
	p = t ? plan_build(a, t, &po, &d) : NULL;
	unlink(path);
	if (!p) {
		struct buf b = { 0 };

		diags_print(&d, &b, 5);
		fputs(b.s, stderr);
		exit(2);
	}
	return p;
}

/* Flows planned. The plan is there before the clock starts. */
static uint64_t audit_file(const char *path, const struct plan *plan)
{
	struct arena *a = arena_new();
	struct source_arg arg = { path, NULL };
	struct audit_options opt = { .seed = 1 };
	struct frame f[FRAME_BATCH];
	struct sources *s;
	struct audit *au;
	struct diags d;
	uint64_t planned;
	size_t n;

	diags_init(&d, a);
	s = sources_open(a, &arg, 1, &d);
	if (!s)
		exit(2);
	au = audit_new(a, judge_new(a, plan), &opt);
	while ((n = sources_read(s, f, FRAME_BATCH)))
		audit_frames(au, f, n);
	audit_finish(au);
	counted = audit_totals(au)->packets;
	planned = audit_totals(au)->planned;
	audit_free(au);
	sources_close(s);
	arena_free(a);
	return planned;
}

/* A SYN from everywhere, a batch at a time, without a file. */
static void flood(unsigned millions)
{
	struct arena *a = arena_new();
	struct audit_options opt = { .seed = 1 };
	struct audit *au = audit_new(a, judge_new(a, make_plan(a, 10)), &opt);
	static uint8_t bytes[FRAME_BATCH][60];
	struct frame f[FRAME_BATCH];
	double t = cpu();

	for (uint32_t i = 0; i < millions * 1000000; i += FRAME_BATCH) {
		for (uint32_t k = 0; k < FRAME_BATCH; k++) {
			uint8_t *p = bytes[k];

			memset(p, 0, 60);
			put16(p + 12, 0x0800);
			put32(p + 14, 0x45000028);
			p[22] = 64;
			p[23] = 6;
			put32(p + 26, (i + k) * 2654435761u);
			put32(p + 30, 0x0a000001);
			put16(p + 34, (i + k) & 0xffff);
			put16(p + 36, 445);
			p[46] = 0x50;
			p[47] = 2;
			f[k] = (struct frame){ .data = p, .caplen = 60,
					       .len = 60, .link = 1,
					       .number = i + k + 1,
					       .ts = (uint64_t)(i + k) * 1000 };
		}
		audit_frames(au, f, FRAME_BATCH);
		if ((i / FRAME_BATCH + 1) % (1000000 / FRAME_BATCH * 2) == 0)
			printf("%u %ld\n", (i + FRAME_BATCH) / 1000000,
			       resident_mb());
	}
	audit_finish(au);
	printf("%.3f\n", cpu() - t);
	audit_free(au);
	arena_free(a);
}

static int measure(const char *what, const char *path, const char *hosts)
{
	struct arena *a = arena_new();
	const struct plan *plan = hosts ?
		make_plan(a, (unsigned)strtoul(hosts, NULL, 10)) : NULL;
	uint64_t planned = 0;
	double t = cpu();

	if (!strcmp(what, "read"))
		read_only(path);
	else if (!strcmp(what, "walk"))
		walk(path);
	else if (!strcmp(what, "loop"))
		libpcap_loop(path);
	else if (!strcmp(what, "audit") && plan)
		planned = audit_file(path, plan);
	else
		return 2;
	printf("%.4f %llu %llu\n", cpu() - t, (unsigned long long)counted,
	       (unsigned long long)planned);
	arena_free(a);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "make"))
		return generate(argv[2], strtoull(argv[4], NULL, 10),
				(unsigned)strtoul(argv[3], NULL, 10)) != 0;
	if (argc == 3 && !strcmp(argv[1], "flood")) {
		flood((unsigned)strtoul(argv[2], NULL, 10));
		return 0;
	}
	if (argc == 3 || argc == 4)
		return measure(argv[1], argv[2], argc == 4 ? argv[3] : NULL);
	fprintf(stderr, "usage: see the head of bench_audit.c\n");
	return 2;
}
