/*
 * The audit against libpcap's empty counting loop, both on the same capture in
 * the page cache, CPU seconds side by side, best of three: large packets,
 * small packets, plans of three sizes; then a flood of made-up connections
 * and what it does to memory. Captures are made once, in $PORTPLAN_BENCH or
 * /tmp. Usage: bench_audit [MEGABYTES]
 */
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "audit/report.h"
#include "audit/sources.h"
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
static uint64_t written, packets, flows;
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
	flows++;
}

/* Bytes of data: spread evenly for small means, a third of them bare
 * acknowledgements and the rest up to a full segment for large ones. */
static unsigned size(void)
{
	unsigned want = (mean - 54) * 6 / 5; /* handshakes have none */

	if (mean < 400)
		return rnd(2 * want);
	if (rnd(3) == 0)
		return 0;
	return rnd(4) ? want * 3 / 2 + rnd(1461 - want * 3 / 2) : rnd(1461);
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

	mean = want;
	written = packets = flows = 0;
	out = fopen(path, "wb");
	if (!out)
		return -1;
	setvbuf(out, NULL, _IOFBF, 1 << 20);
	fwrite(head, 1, 24, out);
	for (int i = 0; i < ACTIVE; i++)
		begin(&conv[i]);
	while (written < bytes)
		advance(&conv[rnd(ACTIVE)]);
	printf("%s: %llu packets, %llu flows, mean %.0f\n", path,
	       (unsigned long long)packets, (unsigned long long)flows,
	       (double)written / (double)packets - 16);
	return fclose(out);
}

/* ---- what is measured ---------------------------------------------------- */

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

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
	(void)d;
	counted += h->caplen;
}

static double libpcap_loop(const char *path)
{
	double best = 1e9;

	for (int i = 0; i < 3; i++) {
		char err[PCAP_ERRBUF_SIZE];
		double t = cpu();
		pcap_t *p = pcap_open_offline(path, err);

		if (!p || pcap_loop(p, -1, count_one, NULL) != 0)
			exit(2);
		pcap_close(p);
		t = cpu() - t;
		best = t < best ? t : best;
	}
	return best;
}

/* Clients and servers, so many of each declared one by one: their product is
 * the number of planned flows. */
static struct plan *make_plan(struct arena *a, unsigned hosts)
{
	char path[] = "/tmp/bench-audit-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");
	struct topology_options to = { .template_dirs = NULL };
	struct plan_options po = { 1800000000 };
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

static double audit_loop(const char *path, const struct plan *plan,
			 uint64_t *planned)
{
	double best = 1e9;

	for (int i = 0; i < 3; i++) {
		struct arena *a = arena_new();
		struct source_arg arg = { path, NULL };
		struct audit_options opt = { .seed = 1 };
		struct frame f[FRAME_BATCH];
		struct sources *s;
		struct audit *au;
		struct diags d;
		double t = cpu();
		size_t n;

		diags_init(&d, a);
		s = sources_open(a, &arg, 1, &d);
		au = audit_new(a, judge_new(a, plan), &opt);
		while ((n = sources_read(s, f, FRAME_BATCH)))
			audit_frames(au, f, n);
		audit_finish(au);
		*planned = audit_totals(au)->planned;
		audit_free(au);
		sources_close(s);
		t = cpu() - t;
		best = t < best ? t : best;
		arena_free(a);
	}
	return best;
}

static void against_libpcap(const char *dir, unsigned want, uint64_t bytes,
			    double target)
{
	struct arena *a = arena_new();
	char path[512];
	double base, ours;
	uint64_t planned;

	snprintf(path, sizeof(path), "%s/bench-audit-%u-%llu.pcap", dir, want,
		 (unsigned long long)(bytes >> 20));
	if (access(path, R_OK) && generate(path, bytes, want))
		exit(2);
	libpcap_loop(path); /* into the page cache */
	base = libpcap_loop(path);
	ours = audit_loop(path, make_plan(a, 10), &planned);
	printf("mean %u: libpcap loop %.3f s, audit %.3f s, ratio %.2f "
	       "(target %.1f), %llu flows planned\n", want, base, ours,
	       ours / base, target, (unsigned long long)planned);
	for (unsigned hosts = 100; hosts <= 1000; hosts *= 10) {
		double t = audit_loop(path, make_plan(a, hosts), &planned);

		printf("mean %u: plan of %u flows: %.2f of a plan of 100 "
		       "(target 1.1)\n", want, hosts * hosts, t / ours);
	}
	arena_free(a);
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
			printf("flood: %u M connections, %ld MiB\n",
			       (i + FRAME_BATCH) / 1000000, resident_mb());
	}
	audit_finish(au);
	printf("flood: %u M connections in %.1f s of CPU, %ld MiB at most\n",
	       millions, cpu() - t, resident_mb());
	audit_free(au);
	arena_free(a);
}

int main(int argc, char **argv)
{
	const char *dir = getenv("PORTPLAN_BENCH");
	uint64_t mb = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;

	if (!dir)
		dir = "/tmp";
	flood(10);
	against_libpcap(dir, 679, mb * 1000000, 0.5);
	against_libpcap(dir, 128, mb * 1000000, 0.7);
	return 0;
}
