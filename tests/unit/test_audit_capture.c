#include "tests/unit/unit.h"

#include <dirent.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/capture.h"
#include "audit/sources.h"

/* ---- files made here ----------------------------------------------------- */

struct made {
	uint8_t b[4096];
	size_t n;
	bool swap;
};

static void put(struct made *m, const void *p, size_t n)
{
	memcpy(m->b + m->n, p, n);
	m->n += n;
}

static void put16(struct made *m, uint16_t v)
{
	v = m->swap ? __builtin_bswap16(v) : v;
	put(m, &v, 2);
}

static void put32(struct made *m, uint32_t v)
{
	v = m->swap ? __builtin_bswap32(v) : v;
	put(m, &v, 4);
}

static char *save(const void *p, size_t n)
{
	static char path[64];
	int fd;

	strcpy(path, "/tmp/portplan-capture-XXXXXX");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_FATAL(write(fd, p, n) == (ssize_t)n);
	close(fd);
	return path;
}

static void pcap_head(struct made *m, uint32_t magic, uint16_t minor)
{
	put32(m, magic);
	put16(m, 2);
	put16(m, minor);
	put32(m, 0);
	put32(m, 0);
	put32(m, 65535);
	put32(m, 1);
}

static void pcap_packet(struct made *m, uint32_t s, uint32_t frac,
			const char *data, uint32_t len, size_t extra)
{
	put32(m, s);
	put32(m, frac);
	put32(m, (uint32_t)strlen(data));
	put32(m, len);
	for (size_t i = 0; i < extra; i++)
		m->b[m->n++] = 0xee;
	put(m, data, strlen(data));
}

static size_t take_all(struct capture *c, struct frame *f, size_t max,
		       char text[][32], struct capture_stats *st)
{
	size_t n = 0, k;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	while (n < max && (k = capture_read(c, f + n, max - n)))
		for (size_t i = 0; i < k; i++, n++)
			snprintf(text[n], 32, "%.*s", (int)f[n].caplen,
				 (const char *)f[n].data);
	*st = *capture_stats(c);
	capture_close(c);
	return n;
}

static size_t read_all(const char *path, struct frame *f, size_t max,
		       char text[][32], struct capture_stats *st)
{
	const char *why = NULL;

	return take_all(capture_open(path, 7, &why), f, max, text, st);
}

static void pcap_forms(void)
{
	static const struct {
		uint32_t magic;
		size_t extra;
		uint32_t unit;
	} forms[] = { { 0xa1b2c3d4, 0, 1000 }, { 0xa1b23c4d, 0, 1 },
		      { 0xa1b2cd34, 8, 1000 } };

	for (size_t i = 0; i < 6; i++) {
		struct made m = { .swap = i % 2 };
		struct capture_stats st;
		struct frame f[8];
		char text[8][32], *path;
		size_t k = i / 2;

		pcap_head(&m, forms[k].magic, 4);
		pcap_packet(&m, 100, 5, "hello", 5, forms[k].extra);
		pcap_packet(&m, 101, 6, "wo", 99, forms[k].extra);
		path = save(m.b, m.n);
		CU_ASSERT(read_all(path, f, 8, text, &st) == 2);
		CU_ASSERT(f[0].ts == 100 * UINT64_C(1000000000) +
				     5 * forms[k].unit);
		CU_ASSERT(f[1].len == 99 && f[1].caplen == 2);
		CU_ASSERT(f[0].number == 1 && f[1].number == 2);
		CU_ASSERT(f[0].source == 7 && f[0].link == LINK_ETHERNET);
		CU_ASSERT_STRING_EQUAL(text[0], "hello");
		CU_ASSERT(st.packets == 2 && st.cut == 1 && !st.damage);
		unlink(path);
	}
}

/* Before 2.3 the two lengths stood the other way round. */
static void pcap_old_lengths(void)
{
	struct made m = { .n = 0 };
	struct capture_stats st;
	struct frame f[2];
	char text[2][32], *path;

	pcap_head(&m, 0xa1b2c3d4, 2);
	put32(&m, 1);
	put32(&m, 0);
	put32(&m, 80);
	put32(&m, 3);
	put(&m, "abc", 3);
	path = save(m.b, m.n);
	CU_ASSERT(read_all(path, f, 2, text, &st) == 1);
	CU_ASSERT(f[0].caplen == 3 && f[0].len == 80);
	unlink(path);
}

static size_t block_start(struct made *m, uint32_t type)
{
	size_t at = m->n;

	put32(m, type);
	put32(m, 0);
	return at;
}

static void block_end(struct made *m, size_t at)
{
	uint32_t len, v;

	while (m->n % 4)
		m->b[m->n++] = 0;
	len = (uint32_t)(m->n - at) + 4;
	put32(m, len);
	v = m->swap ? __builtin_bswap32(len) : len;
	memcpy(m->b + at + 4, &v, 4);
}

static void ng_section(struct made *m)
{
	size_t at = block_start(m, 0x0a0d0d0a);

	put32(m, 0x1a2b3c4d);
	put16(m, 1);
	put16(m, 0);
	put32(m, UINT32_MAX);
	put32(m, UINT32_MAX);
	block_end(m, at);
}

static void ng_iface(struct made *m, uint16_t link, uint32_t snap, int resol)
{
	size_t at = block_start(m, 1);

	put16(m, link);
	put16(m, 0);
	put32(m, snap);
	if (resol >= 0) {
		put16(m, 9);
		put16(m, 1);
		m->b[m->n++] = (uint8_t)resol;
		m->n += 3;
		put32(m, 0);
	}
	block_end(m, at);
}

/* 64-bit values are in the section's order as a whole. */
static void put64(struct made *m, uint64_t v)
{
	put32(m, m->swap ? (uint32_t)(v >> 32) : (uint32_t)v);
	put32(m, m->swap ? (uint32_t)v : (uint32_t)(v >> 32));
}

/* lost: before it, as the option says; 0: no option */
static void ng_packet(struct made *m, uint32_t iface, uint64_t t,
		      const char *s, uint32_t len, uint64_t lost)
{
	size_t at = block_start(m, 6);

	put32(m, iface);
	put32(m, (uint32_t)(t >> 32));
	put32(m, (uint32_t)t);
	put32(m, (uint32_t)strlen(s));
	put32(m, len);
	put(m, s, strlen(s));
	if (lost) {
		while (m->n % 4)
			m->b[m->n++] = 0;
		put16(m, 4);
		put16(m, 8);
		put64(m, lost);
		put32(m, 0);
	}
	block_end(m, at);
}

static void ng_statistics(struct made *m, uint64_t dropped)
{
	size_t at = block_start(m, 5);

	put32(m, 0);
	put32(m, 0);
	put32(m, 0);
	put16(m, 5);
	put16(m, 8);
	put64(m, dropped);
	put32(m, 0);
	block_end(m, at);
}

static void ng_all(struct made *m)
{
	size_t at;

	ng_section(m);
	ng_iface(m, LINK_ETHERNET, 0, -1);
	ng_iface(m, LINK_SLL2, 64, 9);
	ng_iface(m, LINK_RAW, 64, 0x80 | 10); /* 1/1024 s */
	at = block_start(m, 0xbad);	      /* unknown: passed over */
	put32(m, 1);
	block_end(m, at);
	ng_packet(m, 0, 1000001, "first", 5, 7);
	ng_packet(m, 1, 2000000003, "second", 6, 0);
	ng_packet(m, 2, 3 * 1024 + 512, "third", 500, 5);
	ng_statistics(m, 12);
	at = block_start(m, 3); /* simple packet */
	put32(m, 4);
	put(m, "spb!", 4);
	block_end(m, at);
	at = block_start(m, 2); /* the old packet block */
	put16(m, 1);
	put16(m, 3); /* lost */
	put32(m, 0);
	put32(m, 77);
	put32(m, 3);
	put32(m, 3);
	put(m, "old", 3);
	block_end(m, at);
}

static void pcapng_forms(void)
{
	for (int swap = 0; swap < 2; swap++) {
		struct made m = { .swap = swap };
		struct capture_stats st;
		struct frame f[16];
		char text[16][32], *path;

		ng_all(&m);
		m.swap = !swap; /* a second section, the other way round */
		ng_all(&m);
		path = save(m.b, m.n);
		CU_ASSERT_FATAL(read_all(path, f, 16, text, &st) == 10);
		CU_ASSERT(f[0].ts == UINT64_C(1000001000));
		CU_ASSERT(f[1].ts == UINT64_C(2000000003));
		CU_ASSERT(f[2].ts == UINT64_C(3500000000));
		CU_ASSERT(f[1].link == LINK_SLL2 && f[2].link == LINK_RAW);
		CU_ASSERT(f[2].len == 500 && f[2].caplen == 5);
		CU_ASSERT_STRING_EQUAL(text[3], "spb!");
		CU_ASSERT_STRING_EQUAL(text[9], "old");
		/* of interface 0 the higher of 7 and 12, 3 of 1, 5 of 2 */
		CU_ASSERT(f[9].ts == 77 && st.dropped == 2 * (12 + 3 + 5));
		CU_ASSERT(!st.damage);
		unlink(path);
	}
}

static void both_forms(struct made forms[2])
{
	memset(forms, 0, 2 * sizeof(*forms));
	pcap_head(&forms[0], 0xa1b2c3d4, 4);
	for (int i = 0; i < 4; i++)
		pcap_packet(&forms[0], 1, 2, "0123456789", 10, 0);
	ng_all(&forms[1]);
}

/* Cut anywhere: what was whole before is there, the damage is said. */
static void cut_anywhere(void)
{
	struct made forms[2];

	both_forms(forms);
	for (int k = 0; k < 2; k++) {
		size_t last = 0;

		for (size_t n = 28; n <= forms[k].n; n++) {
			struct capture_stats st;
			struct frame f[16];
			char text[16][32], *path = save(forms[k].b, n);
			size_t got = read_all(path, f, 16, text, &st);

			CU_ASSERT(got >= last && got <= last + 1);
			last = got;
			CU_ASSERT(n < forms[k].n || !st.damage);
			CU_ASSERT(k || (n - 24) % 26 == 0 || st.damage);
			unlink(path);
		}
		CU_ASSERT(last == (k ? 5 : 4));
	}
}

/* A few bytes a read: no header and no record comes whole. */
static void piecemeal(void)
{
	struct made forms[2];

	both_forms(forms);
	for (int k = 0; k < 2; k++) {
		struct capture_stats st;
		struct frame f[16];
		char text[16][32];
		const char *why;
		int s[2];

		/* Each read of such a socket gives one message. */
		CU_ASSERT_FATAL(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
		for (size_t i = 0, n; i < forms[k].n; i += n) {
			n = forms[k].n - i < 5 ? forms[k].n - i : 5;
			CU_ASSERT_FATAL(send(s[0], forms[k].b + i, n, 0) > 0);
		}
		close(s[0]);
		CU_ASSERT(take_all(capture_open_fd(s[1], 7, NULL, &why), f, 16,
				   text, &st) == (k ? 5 : 4));
		CU_ASSERT(!st.damage);
		CU_ASSERT_STRING_EQUAL(text[3], k ? "spb!" : "0123456789");
	}
}

static void refused(void)
{
	const char *why;
	char *path;

	CU_ASSERT_PTR_NULL(capture_open("/nonexistent/x", 0, &why));
	CU_ASSERT_STRING_EQUAL(why, "No such file or directory");
	path = save("", 0);
	CU_ASSERT_PTR_NULL(capture_open(path, 0, &why));
	CU_ASSERT_STRING_EQUAL(why, "is empty");
	unlink(path);
	path = save("hello, world", 12);
	CU_ASSERT_PTR_NULL(capture_open(path, 0, &why));
	CU_ASSERT_STRING_EQUAL(why, "is neither pcap nor pcapng");
	unlink(path);
}

/* ---- several files as one ------------------------------------------------ */

static char *times_file(const int *s, size_t n)
{
	struct made m = { .n = 0 };
	static char kept[4][64];
	static unsigned at;

	pcap_head(&m, 0xa1b2c3d4, 4);
	for (size_t i = 0; i < n; i++)
		pcap_packet(&m, (uint32_t)s[i], 0, "x", 1, 0);
	return strcpy(kept[at++ % 4], save(m.b, m.n));
}

static void merged(void)
{
	static const int a[] = { 1, 4, 7 }, b[] = { 2, 3, 9 }, c[] = { 10, 11 };
	struct arena *ar = arena_new();
	struct source_arg args[3] = { { times_file(c, 2), NULL },
				      { times_file(b, 3), "dmz" },
				      { times_file(a, 3), NULL } };
	static const unsigned want[] = { 1, 2, 3, 4, 7, 9, 10, 11 };
	struct diags d;
	struct sources *s;
	struct frame f[FRAME_BATCH];
	size_t n = 0, k;

	diags_init(&d, ar);
	s = sources_open(ar, args, 3, &d);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	while ((k = sources_read(s, f, FRAME_BATCH)))
		for (size_t i = 0; i < k; i++, n++)
			CU_ASSERT(n < 8 && f[i].ts / 1000000000 == want[n]);
	CU_ASSERT(n == 8 && sources_count(s) == 3);
	CU_ASSERT(sources_info(s, 1)->stats.packets == 3);
	CU_ASSERT_STRING_EQUAL(sources_info(s, 1)->zone, "dmz");
	sources_close(s);
	for (int i = 0; i < 3; i++)
		unlink(args[i].path);
	arena_free(ar);
}

/* More files than stay open at once, in no order. */
static void many_files(void)
{
	struct arena *ar = arena_new();
	struct source_arg args[40];
	struct diags d;
	struct sources *s;
	struct frame f[FRAME_BATCH];
	uint64_t last = 0;
	size_t n = 0, k;

	for (int i = 0; i < 40; i++) {
		int at = 10 * ((i * 17) % 40), t[2] = { at + 1, at + 6 };

		args[i] = (struct source_arg){
			arena_strdup(ar, times_file(t, 2)), NULL };
	}
	diags_init(&d, ar);
	s = sources_open(ar, args, 40, &d);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	while ((k = sources_read(s, f, FRAME_BATCH)))
		for (size_t i = 0; i < k; i++, n++) {
			CU_ASSERT(f[i].ts > last);
			last = f[i].ts;
		}
	CU_ASSERT(n == 80);
	sources_close(s);
	for (int i = 0; i < 40; i++)
		unlink(args[i].path);
	arena_free(ar);
}

/* ---- against libpcap, on captures made elsewhere ------------------------- */

static size_t same_as_libpcap(const char *path, pcap_t *p)
{
	const char *why;
	struct capture *c = capture_open(path, 0, &why);
	struct frame f[FRAME_BATCH];
	struct pcap_pkthdr *h;
	const u_char *data;
	size_t n = 0, k;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	while ((k = capture_read(c, f, FRAME_BATCH)))
		for (size_t i = 0; i < k; i++, n++) {
			CU_ASSERT_FATAL(pcap_next_ex(p, &h, &data) == 1);
			/* Damaged files, on purpose: libpcap cuts at the snap
			 * length of the header, which lies; believes a length
			 * below the captured one; and overflows on a fraction
			 * beyond the second. */
			CU_ASSERT(f[i].caplen == h->caplen ||
				  (int)h->caplen == pcap_snapshot(p));
			CU_ASSERT(f[i].len == h->len || h->len < f[i].caplen);
			CU_ASSERT(h->ts.tv_usec < 0 ||
				  f[i].ts == (uint64_t)h->ts.tv_sec *
					     1000000000 +
					     (uint64_t)h->ts.tv_usec);
			CU_ASSERT(!memcmp(f[i].data, data, h->caplen));
		}
	CU_ASSERT(pcap_next_ex(p, &h, &data) != 1);
	capture_close(c);
	return n;
}

static void libpcap_agrees(void)
{
	static const char *const folders[] = { "captures", "bad" };
	const char *corpus = getenv("PORTPLAN_CORPUS");
	size_t files = 0, packets = 0, refused_by_libpcap = 0;

	if (!corpus) {
		printf("skipped libpcap_agrees: PORTPLAN_CORPUS is not set\n");
		return;
	}
	for (int i = 0; i < 2; i++) {
		char dir[512], path[1024], err[PCAP_ERRBUF_SIZE];
		struct dirent *e;
		DIR *d;

		snprintf(dir, sizeof(dir), "%s/%s", corpus, folders[i]);
		d = opendir(dir);
		while (d && (e = readdir(d))) {
			pcap_t *p;

			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			if (e->d_name[0] == '.' || strstr(e->d_name, ".gz") ||
			    strstr(e->d_name, ".py"))
				continue;
			/* Those with differing snap lengths it gives up. */
			if (strstr(e->d_name, "ldap-gap") ||
			    strstr(e->d_name, "ldap-modify")) {
				refused_by_libpcap++;
				continue;
			}
			p = pcap_open_offline_with_tstamp_precision(
				path, PCAP_TSTAMP_PRECISION_NANO, err);
			if (!p) {
				printf("libpcap refuses %s: %s\n", e->d_name,
				       err);
				continue;
			}
			packets += same_as_libpcap(path, p);
			files++;
			pcap_close(p);
		}
		if (d)
			closedir(d);
	}
	printf("%zu packets of %zu files as libpcap reads them\n", packets,
	       files);
	CU_ASSERT(files > 0 && refused_by_libpcap == 2);
}

static CU_TestInfo tests[] = {
	{ "pcap forms", pcap_forms },
	{ "pcap before 2.3", pcap_old_lengths },
	{ "pcapng forms", pcapng_forms },
	{ "cut anywhere", cut_anywhere },
	{ "a few bytes at a time", piecemeal },
	{ "refused", refused },
	{ "files in time order", merged },
	{ "more files than stay open", many_files },
	{ "libpcap agrees", libpcap_agrees },
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("audit/capture", tests);
}
