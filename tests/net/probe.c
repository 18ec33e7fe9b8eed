/*
 * probe: load nftables rules into a private network namespace, send packets
 * through it and say for each one whether it came out.
 *
 *   world namespace            firewall namespace (the rules under test)
 *   p0 <------- veth --------> first --iface
 *   p1 <------- veth --------> second --iface
 *
 * The Ethernet source address of an injected frame names the interface it is
 * to leave by; a netdev ingress chain turns it into a mark, the mark selects a
 * routing table, so that any address can enter and leave anywhere. The mark is
 * (in << 8) | out, counted from 1; out 0xff means "to the firewall itself".
 *
 * All frames are handled on one CPU in the order sent: a marker frame sent
 * last, answered by the firewall side and seen again, proves that everything
 * before it was processed. So there is no waiting and no guessing.
 *
 * tests/net/README tells the language of the lines read from standard input.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <regex.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_PACKET
#define SOL_PACKET 263
#endif
#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

enum {
	MAX_IFACES = 200,
	MAX_WORDS = 32,
	MAX_FLOWS = 256,
	CHUNK = 32,	   /* frames sent before the sockets are emptied */
	GENERATION = 4096, /* probes between two flushes of conntrack */
	PACKET_MAX = 4096,
	TAIL = 12,
	MARKER_TYPE = 0x88b5,
	SELF = -1,
	OUT_LOCAL = 0xff,
	TABLE_OUT = 1000,
	TABLE_LOCAL = 900,
	LOG_GROUP = 65000,
	EXIT_UNAVAILABLE = 77,
};

static const uint32_t TAIL_MAGIC = 0x50507262; /* "PPrb" */

struct iface {
	char name[IF_NAMESIZE];
	char *addresses; /* separated by commas, or NULL */
	int world_index;
	int fw_index;
};

struct address {
	bool v6;
	uint8_t b[16]; /* IPv4 in the first four */
};

/* How a packet is expected to look where it comes out. */
struct look {
	bool given, any_src;
	struct address src, dst;
	int port;   /* destination; ignored without ports */
	bool inner; /* an ICMP error: and what it quotes */
	struct address inner_src, inner_dst;
};

struct options {
	struct look as;
	unsigned tcp_flags;
	bool tcp_flags_given;
	int ttl;       /* 0: default */
	int frag;      /* send as so many fragments */
	int frag_only; /* send only this fragment, counted from 1 */
	int sport;     /* -1: chosen */
	int code;
	int size;    /* more payload bytes */
	int count;   /* send so many, answer PASSED/COUNT */
	bool hbh;    /* IPv6 hop-by-hop header */
	bool dstopt; /* IPv6 destination options header */
	bool ra;     /* router alert in it */
	bool df;
	bool bad_checksum;
	bool spi_given;
	uint32_t spi;
	bool from_given;
	struct address from;
	bool forward; /* an error in the direction of the flow */
};

/* What is to be built. */
struct spec {
	struct address src, dst;
	int proto;
	int sport, dport; /* ICMP: identifier and type */
	uint32_t seq, ack;
	struct options o;
	uint32_t id; /* goes into the tail */
	bool no_tail;
	const uint8_t *quote;
	size_t quote_length;
	uint32_t word;	     /* second word of an ICMP error */
	const uint8_t *body; /* in place of the usual ICMP body */
	size_t body_length;
};

struct packet {
	uint8_t b[PACKET_MAX];
	size_t length;
	size_t header; /* bytes before the layer 4 header, all repeated in
			  fragments */
};

/* What became of a packet sent. */
struct watch {
	int proto, type; /* type -1: any */
	int in, out;
	unsigned seen; /* at out */
	struct look as;
	bool changed;  /* came out otherwise than it should look */
	int elsewhere; /* index of another interface, or -1 */
	bool local;    /* seen by a raw socket of the firewall, while out is not
			  SELF */
	bool rejected;
	bool answered;
};

struct flow {
	char name[32];
	int in, out;
	struct address src, dst;
	int proto, sport, dport;
	struct look as;	  /* beyond the firewall */
	uint32_t next[2]; /* TCP sequence numbers, in the direction and back */
	struct spec last[2];
	bool have_last[2];
};

struct line {
	char *text;
	char *words[MAX_WORDS];
	int count;
	unsigned number;
};

struct probe {
	int in, out;
	struct spec s;
	char *error;
	const char *answer;
	char *answer_owned;
	bool done;
};

static struct iface ifaces[MAX_IFACES];
static int iface_count;
static int fw_ns = -1, world_ns = -1;
static int packet_socket = -1, marker_socket = -1;
static int ct_socket = -1, log_socket = -1;
static int raw_socket[2][256];
static int hdrincl_socket[2] = {-1, -1};
static int join_socket[2] = {-1, -1};
static struct watch *watches;
static size_t watch_count, watch_room;
static uint32_t
	by_sport[65536]; /* id + 1 of the last packet with this source port */
static uint32_t marker_sent, marker_seen;
static uint64_t frames_lost;
static unsigned long log_count;
static unsigned next_port = 20000;
static struct flow flows[MAX_FLOWS];
static int flow_count;
static char *counter_mark;
static bool option_force, option_rejects, option_resend, option_verbose,
	option_logs;
static char *rule_files[64];
static int rule_file_count;
static uint8_t na_target[16];
static int dial_port = -1; /* the source port whose SYN-ACK is waited for */
static bool dial_answered, dial_refused;
static bool na_seen;

/* ---- small things ------------------------------------------------------ */

__attribute__((format(printf, 2, 3), noreturn)) static void
die(int code, const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("probe: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(code);
}

static void *must(void *p)
{
	if (p == NULL)
		die(2, "out of memory");
	return p;
}

__attribute__((format(printf, 1, 2))) static char *
format_text(const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	return must(text);
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

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, n) == (ssize_t)n;
	close(fd);
	return ok;
}

static void sysctl(const char *name, const char *value)
{
	char path[200];

	snprintf(path, sizeof path, "/proc/sys/net/%s", name);
	if (!write_file(path, value) && option_verbose)
		fprintf(stderr, "probe: cannot write %s to %s: %s\n", value,
			path, strerror(errno));
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) != 0)
		die(2, "setns: %s", strerror(errno));
}

/* Runs a program with the text as standard input; its output in *output if
 * that is wanted. Returns the exit status. */
static int run(const char *const argv[], const char *input, char **output)
{
	char name[] = "/tmp/portplan-probe.XXXXXX";
	int in = -1, out[2] = {-1, -1}, status = 0;
	size_t length = 0, room = 0;
	char *text = NULL;
	char *arguments[16] = {NULL};
	int i;
	pid_t pid;

	if (input != NULL) {
		in = mkstemp(name);
		if (in < 0)
			die(2, "mkstemp: %s", strerror(errno));
		unlink(name);
		if (write(in, input, strlen(input)) != (ssize_t)strlen(input) ||
		    lseek(in, 0, SEEK_SET) != 0)
			die(2, "temporary file: %s", strerror(errno));
	}
	if (output != NULL && pipe2(out, O_CLOEXEC) != 0)
		die(2, "pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die(2, "fork: %s", strerror(errno));
	if (pid == 0) {
		if (in >= 0)
			dup2(in, 0);
		dup2(output != NULL ? out[1] : 2, 1);
		for (i = 0; argv[i] != NULL && i < 15; i++)
			arguments[i] = must(strdup(argv[i]));
		execvp(argv[0], arguments);
		fprintf(stderr, "probe: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (in >= 0)
		close(in);
	if (output != NULL) {
		close(out[1]);
		for (;;) {
			ssize_t n;

			if (length + 65537 > room) {
				room = room * 2 + 65537;
				text = must(realloc(text, room));
			}
			n = read(out[0], text + length, room - length - 1);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				break;
			length += (size_t)n;
		}
		text[length] = '\0';
		close(out[0]);
		*output = text;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void run_batch(const char *const argv[], const char *input)
{
	int code = run(argv, input, NULL);

	if (code != 0)
		die(2, "%s failed (exit %d) on:\n%s", argv[0], code, input);
}

/* ---- checksums --------------------------------------------------------- */

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		s += get16(p + i);
	if (n & 1)
		s += (uint32_t)p[n - 1] << 8;
	return s;
}

static unsigned fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s & 0xffff;
}

static uint32_t pseudo(const struct spec *s, int proto, size_t length)
{
	size_t n = s->src.v6 ? 16 : 4;
	uint32_t v = sum(0, s->src.b, n);

	return sum(v, s->dst.b, n) + (uint32_t)proto + (uint32_t)length;
}

static uint32_t crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	while (n--) {
		int i;

		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = (crc & 1) ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

/* ---- building packets -------------------------------------------------- */

static void add(struct packet *p, const void *data, size_t n)
{
	if (p->length + n > sizeof p->b)
		die(2, "packet too long");
	if (data != NULL)
		memcpy(p->b + p->length, data, n);
	else
		memset(p->b + p->length, 0, n);
	p->length += n;
}

static void add_tail(struct packet *p, const struct spec *s)
{
	uint8_t tail[TAIL];

	if (s->no_tail)
		return;
	put32(tail, TAIL_MAGIC);
	put32(tail + 4, s->id);
	put32(tail + 8, ~s->id);
	add(p, tail, sizeof tail);
}

static bool has_ports(int proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_UDPLITE;
}

static bool is_icmp(const struct spec *s)
{
	return s->proto == (s->src.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static void build_udp(struct packet *p, const struct spec *s, int sport,
		      int dport)
{
	uint8_t h[8] = {0};
	size_t start = p->length, n;
	unsigned c;

	put16(h, (unsigned)sport);
	put16(h + 2, (unsigned)dport);
	add(p, h, sizeof h);
	add(p, NULL, (size_t)s->o.size);
	add_tail(p, s);
	n = p->length - start;
	put16(p->b + start + 4, (unsigned)n);
	c = fold(sum(pseudo(s, IPPROTO_UDP, n), p->b + start, n));
	put16(p->b + start + 6, c == 0 ? 0xffff : c);
}

static void build_tcp(struct packet *p, const struct spec *s)
{
	uint8_t h[20] = {0};
	size_t start = p->length, n;

	put16(h, (unsigned)s->sport);
	put16(h + 2, (unsigned)s->dport);
	put32(h + 4, s->seq);
	put32(h + 8, s->ack);
	h[12] = 5 << 4;
	h[13] = (uint8_t)s->o.tcp_flags;
	put16(h + 14, 65535);
	add(p, h, sizeof h);
	add(p, NULL, (size_t)s->o.size);
	add_tail(p, s);
	n = p->length - start;
	put16(p->b + start + 16,
	      fold(sum(pseudo(s, IPPROTO_TCP, n), p->b + start, n)));
}

static void build_icmp(struct packet *p, const struct spec *s)
{
	uint8_t h[8] = {0};
	size_t start = p->length, n;
	int type = s->dport;

	h[0] = (uint8_t)type;
	h[1] = (uint8_t)s->o.code;
	if (s->quote != NULL || s->body != NULL ||
	    (s->src.v6 && type >= 130 && type <= 137)) {
		put32(h + 4, s->word);
	} else {
		put16(h + 4, (unsigned)s->sport);
		put16(h + 6, 1);
	}
	add(p, h, sizeof h);
	if (s->body != NULL)
		add(p, s->body, s->body_length);
	else if (s->quote == NULL)
		add(p, NULL, s->src.v6 ? 16 : 12);
	if (s->quote != NULL)
		add(p, s->quote, s->quote_length);
	add(p, NULL, (size_t)s->o.size);
	add_tail(p, s);
	n = p->length - start;
	put16(p->b + start + 2,
	      fold(sum(s->src.v6 ? pseudo(s, IPPROTO_ICMPV6, n) : 0,
		       p->b + start, n)));
}

static void build_sctp(struct packet *p, const struct spec *s)
{
	uint8_t h[36] = {0};
	size_t start = p->length;
	uint32_t crc;

	put16(h, (unsigned)s->sport);
	put16(h + 2, (unsigned)s->dport);
	h[12] = 1; /* INIT */
	put16(h + 14, 36);
	put32(h + 16, 0x01020304);
	put32(h + 20, 65535);
	put16(h + 24, 1);
	put16(h + 26, 1);
	put32(h + 28, 1);
	put16(h + 32, 0x8042); /* a parameter to be skipped, holds the tail */
	put16(h + 34, 16);
	add(p, h, sizeof h);
	add_tail(p, s);
	crc = crc32c(p->b + start, p->length - start);
	p->b[start + 8] = (uint8_t)crc;
	p->b[start + 9] = (uint8_t)(crc >> 8);
	p->b[start + 10] = (uint8_t)(crc >> 16);
	p->b[start + 11] = (uint8_t)(crc >> 24);
}

static void build_layer4(struct packet *p, const struct spec *s)
{
	size_t start = p->length;
	uint8_t h[24] = {0};

	if (is_icmp(s)) {
		build_icmp(p, s);
		if (s->o.bad_checksum)
			p->b[start + 2] ^= 0x55;
		return;
	}
	switch (s->proto) {
	case IPPROTO_TCP:
		build_tcp(p, s);
		if (s->o.bad_checksum)
			p->b[start + 16] ^= 0x55;
		return;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE: /* conntrack (6.18) checks UDP-Lite as if it were
				 UDP, and takes a right checksum for invalid */
		build_udp(p, s, s->sport, s->dport);
		if (s->o.bad_checksum)
			p->b[start + 6] ^= 0x55;
		return;
	case IPPROTO_SCTP:
		build_sctp(p, s);
		return;
	case IPPROTO_ESP:
		put32(h, s->o.spi_given ? s->o.spi : 0x1000 + s->id);
		put32(h + 4, 1);
		add(p, h, 16);
		break;
	case IPPROTO_AH:
		h[0] = IPPROTO_UDP;
		h[1] = 4;
		put32(h + 4, s->o.spi_given ? s->o.spi : 0x1000 + s->id);
		put32(h + 8, 1);
		add(p, h, 24);
		build_udp(p, s, 9, 9);
		return;
	case IPPROTO_IGMP:
		h[0] = 0x11;
		h[1] = 100;
		add(p, h, 8);
		break;
	case IPPROTO_GRE:
		add(p, h, 8);
		break;
	default:
		add(p, h, 16);
		break;
	}
	add(p, NULL, (size_t)s->o.size);
	add_tail(p, s);
	if (s->proto == IPPROTO_IGMP)
		put16(p->b + start + 2,
		      fold(sum(0, p->b + start, p->length - start)));
}

static int default_ttl(const struct spec *s)
{
	if (s->o.ttl > 0)
		return s->o.ttl;
	if (is_icmp(s) && s->src.v6 && s->dport >= 133 && s->dport <= 137)
		return 255;
	if (s->proto == 112)
		return 255;
	return 64;
}

static void build(struct packet *p, const struct spec *s)
{
	p->length = 0;
	if (s->src.v6) {
		uint8_t h[40] = {0};
		uint8_t next = (uint8_t)s->proto;

		h[0] = 0x60;
		h[7] = (uint8_t)default_ttl(s);
		memcpy(h + 8, s->src.b, 16);
		memcpy(h + 24, s->dst.b, 16);
		add(p, h, sizeof h);
		if (s->o.hbh) {
			static const uint8_t alert[8] = {0, 0, 5, 2,
							 0, 0, 1, 0};
			static const uint8_t pad[8] = {0, 0, 1, 4, 0, 0, 0, 0};

			add(p, s->o.ra ? alert : pad, 8);
			p->b[6] = IPPROTO_HOPOPTS;
			p->b[40] = s->o.dstopt ? IPPROTO_DSTOPTS : next;
		}
		if (s->o.dstopt) {
			static const uint8_t pad[8] = {0, 0, 1, 4, 0, 0, 0, 0};

			add(p, pad, 8);
			p->b[p->length - 8] = next;
			if (!s->o.hbh)
				p->b[6] = IPPROTO_DSTOPTS;
		}
		if (!s->o.hbh && !s->o.dstopt)
			p->b[6] = next;
		p->header = p->length;
		build_layer4(p, s);
		put16(p->b + 4, (unsigned)(p->length - 40));
	} else {
		uint8_t h[20] = {0};

		h[0] = 0x45;
		put16(h + 4, (s->id * 7 + 1) & 0xffff);
		h[6] = s->o.df ? 0x40 : 0;
		h[8] = (uint8_t)default_ttl(s);
		h[9] = (uint8_t)s->proto;
		memcpy(h + 12, s->src.b, 4);
		memcpy(h + 16, s->dst.b, 4);
		add(p, h, sizeof h);
		p->header = p->length;
		build_layer4(p, s);
		put16(p->b + 2, (unsigned)p->length);
		put16(p->b + 10, fold(sum(0, p->b, 20)));
	}
}

/* The k-th of n fragments of a packet. */
static void fragment(const struct packet *p, bool v6, uint32_t id, int k, int n,
		     struct packet *f)
{
	size_t body = p->length - p->header;
	size_t step = (body / (size_t)n + 7) / 8 * 8;
	size_t start = step * (size_t)k;
	bool last = k == n - 1;
	size_t length = last ? body - start : step;

	f->length = 0;
	add(f, p->b, p->header);
	if (v6) {
		uint8_t h[8] = {0};
		size_t at = 6, next = 40;

		while (next < p->header) { /* the last next-header field before
					      layer 4 */
			at = next;
			next += 8;
		}
		h[0] = f->b[at];
		f->b[at] = IPPROTO_FRAGMENT;
		put16(h + 2, (unsigned)(start | (last ? 0 : 1)));
		put32(h + 4, id + 0x10000);
		add(f, h, sizeof h);
		add(f, p->b + p->header + start, length);
		put16(f->b + 4, (unsigned)(f->length - 40));
	} else {
		add(f, p->b + p->header + start, length);
		put16(f->b + 2, (unsigned)f->length);
		put16(f->b + 6, (unsigned)(start / 8 | (last ? 0 : 0x2000)));
		put16(f->b + 10, 0);
		put16(f->b + 10, fold(sum(0, f->b, 20)));
	}
	f->header = p->header;
}

/* ---- what comes out ---------------------------------------------------- */

static int by_world_index(int index)
{
	int i;

	for (i = 0; i < iface_count; i++)
		if (ifaces[i].world_index == index)
			return i;
	return -2;
}

static void note(struct watch *w, int where)
{
	if (where == w->out)
		w->seen++;
	else if (where == SELF)
		w->local = true;
	else
		w->elsewhere = where;
}

static bool same_address(const uint8_t *b, const struct address *a)
{
	return memcmp(b, a->b, a->v6 ? 16 : 4) == 0;
}

/* The packet that an ICMP error quotes. */
static bool quotes(const struct look *as, const uint8_t *l4, size_t n, bool v6)
{
	const uint8_t *ip = l4 + 8;

	if (n < 8 + (v6 ? 40u : 20u))
		return false;
	return same_address(ip + (v6 ? 8 : 12), &as->inner_src) &&
	       same_address(ip + (v6 ? 24 : 16), &as->inner_dst);
}

static bool looks_right(const struct look *as, const uint8_t *ip,
			const uint8_t *l4, size_t n, int proto, bool v6)
{
	if (!as->given || ip == NULL)
		return true;
	if (as->dst.v6 != v6 || !same_address(ip + (v6 ? 24 : 16), &as->dst) ||
	    (!as->any_src && !same_address(ip + (v6 ? 8 : 12), &as->src)))
		return false;
	if (has_ports(proto) && (int)get16(l4 + 2) != as->port)
		return false;
	return !as->inner || quotes(as, l4, n, v6);
}

/* A layer 4 packet seen at an interface, or SELF; ip: its header, where it is
 * at hand. */
static void seen(const uint8_t *ip, const uint8_t *l4, size_t n, int proto, bool first, bool v6,
		 int where)
{
	struct watch *w;
	uint32_t id;
	const uint8_t *t;

	if (v6 && first && proto == IPPROTO_ICMPV6 && n >= 24 && l4[0] == 136 &&
	    where != SELF && memcmp(l4 + 8, na_target, 16) == 0)
		na_seen = true;
	if (first && proto == IPPROTO_TCP && n >= 20 && where != SELF &&
	    (int)get16(l4 + 2) == dial_port) {
		dial_answered |= (l4[13] & 0x16) == 0x12;
		dial_refused |= (l4[13] & 0x04) != 0;
	}
	if (first && proto == IPPROTO_TCP && n == 20 && (l4[13] & 0x04) &&
	    where != SELF) {
		id = by_sport[get16(l4 + 2)];
		if (id != 0 && watches[id - 1].in == where)
			watches[id - 1].rejected = true;
		return;
	}
	if (n < TAIL)
		return;
	t = l4 + n - TAIL;
	if (get32(t) != TAIL_MAGIC)
		return;
	id = get32(t + 4);
	if (get32(t + 8) != ~id || id >= watch_count)
		return;
	w = &watches[id];
	if (proto == w->proto && (!first || w->type < 0 || l4[0] == w->type)) {
		note(w, where);
		if (where == w->out && first)
			w->changed |= !looks_right(&w->as, ip, l4, n, proto,
						   v6);
		return;
	}
	if (!first || where == SELF)
		return;
	if (proto == IPPROTO_ICMP && !v6) {
		if (l4[0] == 3)
			w->rejected = true;
		if (l4[0] == 0 && w->type == 8)
			w->answered = true;
	}
	if (proto == IPPROTO_ICMPV6 && v6) {
		if (l4[0] == 1)
			w->rejected = true;
		if (l4[0] == 129 && w->type == 128)
			w->answered = true;
	}
}

static void seen_ip(const uint8_t *b, size_t n, int where)
{
	if (n < 20)
		return;
	if (b[0] >> 4 == 4) {
		size_t h = (size_t)(b[0] & 15) * 4, total = get16(b + 2);
		unsigned f = get16(b + 6);

		if (h < 20 || total < h || total > n)
			return;
		if ((f & 0x2000) != 0)
			return; /* the last fragment counts */
		seen(b, b + h, total - h, b[9], (f & 0x1fff) == 0, false, where);
	} else if (b[0] >> 4 == 6 && n >= 40) {
		size_t at = 40, total = 40 + get16(b + 4);
		int next = b[6];
		bool first = true;

		if (total > n)
			return;
		while (at + 8 <= total &&
		       (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
			next == IPPROTO_DSTOPTS || next == IPPROTO_FRAGMENT)) {
			int was = next;

			next = b[at];
			if (was == IPPROTO_FRAGMENT) {
				unsigned f = get16(b + at + 2);

				if ((f & 1) != 0)
					return;
				if ((f & ~7u) != 0) {
					first = false;
					at += 8;
					break;
				}
				at += 8;
			} else {
				at += ((size_t)b[at + 1] + 1) * 8;
			}
		}
		if (at <= total)
			seen(b, b + at, total - at, next, first, true, where);
	}
}

/* The next message of a buffer, or NULL. */
static const struct nlmsghdr *message(const uint8_t *buffer, size_t n,
				      size_t *at)
{
	const struct nlmsghdr *h =
		(const struct nlmsghdr *)(const void *)(buffer + *at);

	if (n < *at + sizeof *h || h->nlmsg_len < sizeof *h ||
	    h->nlmsg_len > n - *at)
		return NULL;
	*at += NLMSG_ALIGN(h->nlmsg_len);
	return h;
}

static void drain_logs(void)
{
	static uint8_t buffer[1 << 16];
	ssize_t n;

	if (log_socket < 0)
		return;
	while ((n = recv(log_socket, buffer, sizeof buffer, MSG_DONTWAIT)) >
	       0) {
		const struct nlmsghdr *h;
		size_t at = 0;

		while ((h = message(buffer, (size_t)n, &at)) != NULL)
			if (h->nlmsg_type ==
			    (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
				log_count++;
	}
}

static void drain(void)
{
	static uint8_t buffer[1 << 16];
	struct sockaddr_ll from;
	socklen_t from_length;
	ssize_t n;
	int v, proto;

	for (;;) {
		from_length = sizeof from;
		n = recvfrom(packet_socket, buffer, sizeof buffer, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_length);
		if (n < 0)
			break;
		if (n < ETH_HLEN || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		switch (get16(buffer + 12)) {
		case MARKER_TYPE:
			if (n >= ETH_HLEN + 4)
				marker_seen = get32(buffer + ETH_HLEN);
			break;
		case ETH_P_IP:
		case ETH_P_IPV6:
			seen_ip(buffer + ETH_HLEN, (size_t)n - ETH_HLEN,
				by_world_index(from.sll_ifindex));
			break;
		default:
			break;
		}
	}
	for (v = 0; v < 2; v++)
		for (proto = 1; proto < 255; proto++) {
			if (raw_socket[v][proto] < 0)
				continue;
			while ((n = recv(raw_socket[v][proto], buffer,
					 sizeof buffer, MSG_DONTWAIT)) > 0) {
				if (v == 0)
					seen_ip(buffer, (size_t)n, SELF);
				else
					seen(NULL, buffer, (size_t)n, proto, true,
					     true, SELF);
			}
		}
	drain_logs();
}

static void frame_header(uint8_t *h, int in, int out, const uint8_t *ip)
{
	static const uint8_t to[6] = {2, 0, 0, 1, 0, 0},
			     from[6] = {2, 0, 0, 2, 0, 0};

	memcpy(h, to, 6);
	h[5] = (uint8_t)(in + 1);
	memcpy(h + 6, from, 6);
	h[11] = (uint8_t)(out == SELF ? OUT_LOCAL : out + 1);
	if (ip == NULL) {
		put16(h + 12, MARKER_TYPE);
		return;
	}
	put16(h + 12, ip[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
	if (ip[0] >> 4 == 4 && get32(ip + 16) == 0xffffffff) {
		memset(h, 0xff, 6);
	} else if (ip[0] >> 4 == 4 && ip[16] >> 4 == 14) {
		h[0] = 1, h[1] = 0, h[2] = 0x5e, h[3] = ip[17] & 0x7f,
		h[4] = ip[18], h[5] = ip[19];
	} else if (ip[0] >> 4 == 6 && ip[24] == 0xff) {
		h[0] = h[1] = 0x33;
		memcpy(h + 2, ip + 36, 4);
	}
}

static void inject(int in, int out, const uint8_t *ip, size_t n)
{
	uint8_t frame[PACKET_MAX + ETH_HLEN];
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	int tries = 0;

	frame_header(frame, in, out, ip);
	memcpy(frame + ETH_HLEN, ip, n);
	to.sll_ifindex = ifaces[in].world_index;
	while (sendto(packet_socket, frame, n + ETH_HLEN, 0,
		      (struct sockaddr *)&to, sizeof to) < 0) {
		if ((errno != ENOBUFS && errno != EAGAIN && errno != EINTR) ||
		    ++tries > 1000)
			die(2, "send to %s: %s", ifaces[in].name,
			    strerror(errno));
		drain();
		usleep(1000);
	}
}

/* Sends a marker there and back through an interface; false if it is lost. */
static bool marker(int at, int wait_ms)
{
	uint8_t frame[ETH_ZLEN] = {0};
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_ifindex = ifaces[at].world_index};
	struct pollfd p[2] = {{.fd = packet_socket, .events = POLLIN},
			      {.fd = marker_socket, .events = POLLIN}};
	struct timespec t;
	long long now, end;

	frame_header(frame, at, at, NULL);
	put32(frame + ETH_HLEN, ++marker_sent);
	if (sendto(packet_socket, frame, sizeof frame, 0,
		   (struct sockaddr *)&to, sizeof to) < 0)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec * 1000LL + t.tv_nsec / 1000000;
	end = now + wait_ms;
	for (;;) {
		uint8_t got[2048];
		struct sockaddr_ll from;
		socklen_t length = sizeof from;
		ssize_t n;

		while ((n = recvfrom(marker_socket, got, sizeof got,
				     MSG_DONTWAIT, (struct sockaddr *)&from,
				     &length)) >= 0) {
			if (from.sll_pkttype != PACKET_OUTGOING &&
			    n >= ETH_HLEN + 4 &&
			    get32(got + ETH_HLEN) == marker_sent) {
				struct sockaddr_ll back = {
					.sll_family = AF_PACKET,
					.sll_ifindex = from.sll_ifindex};

				if (sendto(marker_socket, got, (size_t)n, 0,
					   (struct sockaddr *)&back,
					   sizeof back) < 0)
					return false;
			}
			length = sizeof from;
		}
		drain();
		if (marker_seen == marker_sent)
			return true;
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = t.tv_sec * 1000LL + t.tv_nsec / 1000000;
		if (now >= end)
			return false;
		poll(p, 2, (int)(end - now));
	}
}

/* Returns when everything sent has been handled. */
static void settle(void)
{
	struct tpacket_stats st;
	socklen_t length = sizeof st;
	int i;

	for (i = 0; i < 10; i++)
		if (marker(0, 1000))
			break;
	if (i == 10)
		die(2,
		    "the packets sent are not handled: no marker comes back");
	if (getsockopt(packet_socket, SOL_PACKET, PACKET_STATISTICS, &st,
		       &length) == 0)
		frames_lost += st.tp_drops;
}

/* ---- netlink ----------------------------------------------------------- */

struct request {
	struct nlmsghdr h;
	struct nfgenmsg g;
	uint8_t data[256];
};

static void attribute(struct request *r, unsigned type, const void *data,
		      size_t n)
{
	struct nlattr a = {.nla_len = (uint16_t)(sizeof a + n),
			   .nla_type = (uint16_t)type};
	uint8_t *p =
		(uint8_t *)r + r->h.nlmsg_len; /* always a multiple of four */

	memcpy(p, &a, sizeof a);
	memcpy(p + sizeof a, data, n);
	r->h.nlmsg_len += (uint32_t)(sizeof a + n + 3) & ~3u;
}

static int netlink(int fd, struct request *r, unsigned type)
{
	static uint8_t buffer[1 << 16];
	static uint32_t sequence;
	ssize_t n;

	r->h.nlmsg_type = (uint16_t)type;
	r->h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	r->h.nlmsg_seq = ++sequence;
	if (send(fd, r, r->h.nlmsg_len, 0) < 0)
		return -errno;
	while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0 ||
	       (n < 0 && errno == EINTR)) {
		const struct nlmsghdr *h;
		size_t at = 0;

		if (n < 0)
			continue;
		while ((h = message(buffer, (size_t)n, &at)) != NULL) {
			if (h->nlmsg_type ==
			    (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
				log_count++;
			if (h->nlmsg_type == NLMSG_ERROR &&
			    h->nlmsg_seq == r->h.nlmsg_seq)
				return ((const struct nlmsgerr
						 *)(const void *)(h + 1))
					->error;
		}
	}
	return -EIO;
}

static int netfilter_socket(void)
{
	struct sockaddr_nl me = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof me) != 0)
		die(2, "netlink: %s", strerror(errno));
	return fd;
}

static void flush_conntrack(void)
{
	struct request r = {.h.nlmsg_len = NLMSG_LENGTH(sizeof r.g),
			    .g.nfgen_family = AF_UNSPEC};
	int error = netlink(ct_socket, &r,
			    NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE);

	if (error != 0 && error != -ENOENT)
		die(2, "flush of conntrack: %s", strerror(-error));
}

static void listen_to_logs(unsigned group)
{
	struct nfulnl_msg_config_cmd bind_group = {.command =
							   NFULNL_CFG_CMD_BIND};
	struct nfulnl_msg_config_mode mode = {.copy_mode = NFULNL_COPY_META};
	uint32_t one = htonl(1);
	struct request r = {.h.nlmsg_len = NLMSG_LENGTH(sizeof r.g),
			    .g.nfgen_family = AF_UNSPEC,
			    .g.res_id = htons((uint16_t)group)};
	struct request q = r;
	int error, size = 4 << 20;

	if (log_socket < 0) {
		log_socket = netfilter_socket();
		setsockopt(log_socket, SOL_SOCKET, SO_RCVBUF, &size,
			   sizeof size);
	}
	attribute(&r, NFULA_CFG_CMD, &bind_group, sizeof bind_group);
	error = netlink(log_socket, &r,
			NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG);
	if (error == 0) {
		attribute(&q, NFULA_CFG_MODE, &mode, sizeof mode);
		attribute(&q, NFULA_CFG_QTHRESH, &one, sizeof one);
		error = netlink(log_socket, &q,
				NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG);
	}
	if (error != 0 && option_verbose)
		fprintf(stderr, "probe: no log listener for group %u: %s\n",
			group, strerror(-error));
}

/* ---- setting up -------------------------------------------------------- */

static void make_namespaces(void)
{
	char map[64];
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		die(EXIT_UNAVAILABLE, "namespaces are not available: %s",
		    strerror(errno));
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof map, "0 %u 1", uid);
	if (!write_file("/proc/self/uid_map", map))
		die(EXIT_UNAVAILABLE,
		    "namespaces are not available: uid_map: %s",
		    strerror(errno));
	snprintf(map, sizeof map, "0 %u 1", gid);
	if (!write_file("/proc/self/gid_map", map))
		die(EXIT_UNAVAILABLE,
		    "namespaces are not available: gid_map: %s",
		    strerror(errno));
	fw_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET) != 0)
		die(EXIT_UNAVAILABLE, "namespaces are not available: %s",
		    strerror(errno));
	world_ns = open("/proc/self/ns/net", O_RDONLY); /* inherited by ip */
	if (fw_ns < 0 || world_ns < 0)
		die(EXIT_UNAVAILABLE, "/proc/self/ns/net: %s", strerror(errno));
}

static void pin_to_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : (size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) != 0)
		die(2, "sched_setaffinity: %s", strerror(errno));
}

static void set_sysctls(void)
{
	static const char *const all[] = {"all", "default"};
	char name[100];
	int i;

	sysctl("ipv4/ip_forward", "1");
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "ipv4/conf/%s/rp_filter", all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv4/conf/%s/send_redirects",
			 all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv4/conf/%s/accept_redirects",
			 all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv4/conf/%s/accept_local",
			 all[i]);
		sysctl(name, option_force ? "1" : "0");
		snprintf(name, sizeof name, "ipv6/conf/%s/forwarding", all[i]);
		sysctl(name, "1");
		snprintf(name, sizeof name, "ipv6/conf/%s/accept_dad", all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv6/conf/%s/dad_transmits",
			 all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv6/conf/%s/accept_ra", all[i]);
		sysctl(name, "0");
		snprintf(name, sizeof name, "ipv6/conf/%s/accept_redirects",
			 all[i]);
		sysctl(name, "0");
	}
	sysctl("ipv4/icmp_ratelimit", "0");
	sysctl("ipv4/fwmark_reflect", "1");
	sysctl("ipv4/tcp_fwmark_accept", "1");
	sysctl("ipv4/igmp_max_memberships", "10000");
	sysctl("ipv6/icmp/ratelimit", "0");
	sysctl("ipv6/fwmark_reflect", "1");
}

static int if_index(const char *name)
{
	unsigned i = if_nametoindex(name);

	if (i == 0)
		die(2, "interface %s: %s", name, strerror(errno));
	return (int)i;
}

static void make_interfaces(void)
{
	static const char *const ip[] = {"ip", "-batch", "-", NULL};
	static const char *const ip6[] = {"ip", "-6", "-batch", "-", NULL};
	char *text = NULL, *text6 = NULL, *copy, *a, *save;
	size_t n = 0, n6 = 0;
	FILE *f;
	FILE *f6;
	int i;

	enter(world_ns);
	sysctl("ipv6/conf/all/disable_ipv6", "1");
	sysctl("ipv6/conf/default/disable_ipv6", "1");
	enter(fw_ns);
	set_sysctls();
	f = must(open_memstream(&text, &n));
	fprintf(f, "link set lo up\n");
	for (i = 0; i < iface_count; i++)
		fprintf(f,
			"link add name %s address 02:00:00:01:00:%02x type "
			"veth peer name p%d netns /proc/self/fd/%d\n",
			ifaces[i].name, (unsigned)i + 1, i, world_ns);
	for (i = 0; i < iface_count; i++)
		fprintf(f, "link set %s up\n", ifaces[i].name);
	fclose(f);
	run_batch(ip, text);
	free(text);

	enter(world_ns);
	f = must(open_memstream(&text, &n));
	for (i = 0; i < iface_count; i++)
		fprintf(f, "link set p%d address 02:00:00:04:00:%02x up\n", i,
			(unsigned)i + 1);
	fclose(f);
	run_batch(ip, text);
	free(text);
	for (i = 0; i < iface_count; i++) {
		char name[IF_NAMESIZE];

		snprintf(name, sizeof name, "p%d", i);
		ifaces[i].world_index = if_index(name);
	}

	enter(fw_ns);
	f = must(open_memstream(&text, &n));
	f6 = must(open_memstream(&text6, &n6));
	if (option_force) {
		fprintf(f,
			"rule add pref 1500 lookup local\nrule del pref 0\n");
		fprintf(f6,
			"rule add pref 1500 lookup local\nrule del pref 0\n");
	}
	for (i = 0; i < iface_count; i++) {
		const char *name = ifaces[i].name;
		int v;

		ifaces[i].fw_index = if_index(name);
		if (ifaces[i].addresses != NULL) {
			copy = must(strdup(ifaces[i].addresses));
			for (a = strtok_r(copy, ",", &save); a != NULL;
			     a = strtok_r(NULL, ",", &save)) {
				if (strchr(a, ':') != NULL)
					fprintf(f6,
						"addr add %s/128 dev %s "
						"nodad\n",
						a, name);
				else
					fprintf(f, "addr add %s/32 dev %s\n", a,
						name);
			}
			free(copy);
		}
		for (v = 0; v < 2; v++) {
			FILE *g = v ? f6 : f;
			const char *gateway =
				v ? "fe80::ffff:1" : "169.254.255.254";

			fprintf(g,
				"rule add pref %d iif lo fwmark 0x%x/0xff00 "
				"lookup %d\n",
				100 + i, (unsigned)(i + 1) << 8, TABLE_OUT + i);
			fprintf(g,
				"rule add pref %d fwmark 0x%x/0xff lookup %d\n",
				500 + i, (unsigned)i + 1, TABLE_OUT + i);
			fprintf(g,
				"neigh add %s lladdr 02:00:00:03:00:%02x dev "
				"%s nud permanent\n",
				gateway, (unsigned)i + 1, name);
			fprintf(g,
				"route add default via %s dev %s onlink table "
				"%d\n",
				gateway, name, TABLE_OUT + i);
		}
	}
	fprintf(f,
		"rule add pref 2000 fwmark 0x%x/0xff lookup %d\nroute add "
		"local default dev lo table %d\n",
		OUT_LOCAL, TABLE_LOCAL, TABLE_LOCAL);
	fprintf(f6,
		"rule add pref 2000 fwmark 0x%x/0xff lookup %d\nroute add "
		"local default dev lo table %d\n",
		OUT_LOCAL, TABLE_LOCAL, TABLE_LOCAL);
	fclose(f);
	fclose(f6);
	run_batch(ip, text);
	run_batch(ip6, text6);
	free(text);
	free(text6);
}

static int packet_open(unsigned ethertype)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC,
			htons((uint16_t)ethertype));
	int size = 8 << 20;

	if (fd < 0)
		die(2, "packet socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

static void make_marking_table(void)
{
	static const char *const nft[] = {"nft", "-f", "-", NULL};
	char *text = NULL;
	size_t n = 0;
	FILE *f = must(open_memstream(&text, &n));
	int i, k;

	fprintf(f, "table netdev probe {\n");
	for (i = 0; i < iface_count; i++) {
		fprintf(f,
			"\tchain in%d {\n\t\ttype filter hook ingress device "
			"\"%s\" priority 0; policy accept;\n",
			i, ifaces[i].name);
		fprintf(f,
			"\t\tmeta mark set ether saddr map { 02:00:00:02:00:ff "
			": 0x%x",
			(unsigned)(i + 1) << 8 | OUT_LOCAL);
		for (k = 0; k < iface_count; k++)
			fprintf(f, ", 02:00:00:02:00:%02x : 0x%x",
				(unsigned)k + 1,
				(unsigned)(i + 1) << 8 | (unsigned)(k + 1));
		fprintf(f, " }\n\t}\n");
	}
	fprintf(f, "}\n");
	fclose(f);
	run_batch(nft, text);
	free(text);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (f == NULL)
		die(2, "%s: %s", path, strerror(errno));
	if (getdelim(&text, &room, '\0', f) < 0)
		text = must(strdup(""));
	fclose(f);
	return text;
}

/* Log messages of a namespace other than the first do not reach the kernel
 * log; sent to a group they can be counted here. Statements with a group of
 * their own stay as they are (--nflog). */
static char *with_log_group(const char *rules)
{
	static const char log[] = " log prefix \"";
	char *text = NULL;
	size_t n = 0;
	FILE *f = must(open_memstream(&text, &n));
	const char *at = rules, *next;

	while ((next = strstr(at, log)) != NULL) {
		const char *end = strpbrk(next, "\n");
		const char *group = strstr(next, " group ");

		fwrite(at, 1, (size_t)(next - at), f);
		if (group != NULL && (end == NULL || group < end))
			fputs(log, f);
		else
			fprintf(f, " log group %d prefix \"", LOG_GROUP);
		at = next + sizeof log - 1;
	}
	fputs(at, f);
	fclose(f);
	return text;
}

static void load_rules(void)
{
	int i;

	for (i = 0; i < rule_file_count; i++) {
		const char *const nft[] = {"nft", "-f", rule_files[i], NULL};
		const char *const nft_input[] = {"nft", "-f", "-", NULL};
		int code;

		if (option_logs) {
			char *text = read_file(rule_files[i]);
			char *changed = with_log_group(text);

			code = run(nft_input, changed, NULL);
			free(changed);
			free(text);
		} else {
			code = run(nft, NULL, NULL);
		}
		if (code != 0)
			die(2, "the rules do not load: %s", rule_files[i]);
	}
}

/* All interfaces have carrier, and IPv6 has noticed. */
static void wait_for_links(void)
{
	int i, tries;

	for (tries = 0; tries < 500; tries++) {
		FILE *f = fopen("/proc/net/if_inet6", "re");
		char text[128], name[64];
		int have = 0;

		while (f != NULL && fgets(text, sizeof text, f) != NULL)
			if (strncmp(text, "fe80", 4) == 0 &&
			    sscanf(text, "%*s %*s %*s %*s %*s %63s", name) == 1)
				have++;
		if (f != NULL)
			fclose(f);
		if (have >= iface_count || (f == NULL && tries > 0))
			break;
		usleep(10000);
	}
	for (i = 0; i < iface_count; i++) {
		for (tries = 0; tries < 200; tries++)
			if (marker(i, 50))
				break;
		if (tries == 200)
			die(2, "interface %s does not come up", ifaces[i].name);
	}
}

static void want_raw(bool v6, int proto)
{
	int size = 4 << 20;
	int *fd = &raw_socket[v6][proto];

	if (*fd != -1)
		return;
	*fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, proto);
	if (*fd < 0)
		*fd = -2;
	else
		setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

/* Local delivery of a multicast group needs a member. */
static void join(int in, const struct address *group)
{
	if (group->v6 && group->b[0] == 0xff) {
		struct ipv6_mreq m = {.ipv6mr_interface =
					      (unsigned)ifaces[in].fw_index};

		memcpy(&m.ipv6mr_multiaddr, group->b, 16);
		setsockopt(join_socket[1], IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP,
			   &m, sizeof m);
	} else if (!group->v6 && group->b[0] >> 4 == 14) {
		struct ip_mreqn m = {.imr_ifindex = ifaces[in].fw_index};

		memcpy(&m.imr_multiaddr, group->b, 4);
		setsockopt(join_socket[0], IPPROTO_IP, IP_ADD_MEMBERSHIP, &m,
			   sizeof m);
	}
}

/* ---- sending and watching --------------------------------------------- */

static uint32_t new_watch(int in, int out, const struct spec *s)
{
	struct watch *w;

	if (watch_count == watch_room) {
		watch_room = watch_room ? watch_room * 2 : 1024;
		watches = must(realloc(watches, watch_room * sizeof *watches));
	}
	w = &watches[watch_count];
	memset(w, 0, sizeof *w);
	w->proto = s->proto;
	w->type = is_icmp(s) ? s->dport : -1;
	w->in = in;
	w->out = out;
	w->elsewhere = -1;
	w->as = s->o.as;
	return (uint32_t)watch_count++;
}

/* The firewall itself sends. */
static void send_own(int out, const struct packet *p, bool v6)
{
	uint32_t mark = (uint32_t)(out + 1) << 8;
	int fd = hdrincl_socket[v6];

	setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
	if (v6) {
		struct sockaddr_in6 to = {.sin6_family = AF_INET6};

		memcpy(&to.sin6_addr, p->b + 24, 16);
		if (to.sin6_addr.s6_addr[0] == 0xfe ||
		    to.sin6_addr.s6_addr[0] == 0xff)
			to.sin6_scope_id = (uint32_t)ifaces[out].fw_index;
		if (sendto(fd, p->b, p->length, 0, (struct sockaddr *)&to,
			   sizeof to) < 0 &&
		    option_verbose)
			perror("probe: send as the firewall");
	} else {
		struct sockaddr_in to = {.sin_family = AF_INET};

		memcpy(&to.sin_addr, p->b + 16, 4);
		if (sendto(fd, p->b, p->length, 0, (struct sockaddr *)&to,
			   sizeof to) < 0 &&
		    option_verbose)
			perror("probe: send as the firewall");
	}
}

static void transmit(int in, int out, struct spec *s)
{
	struct packet p, f;
	int k;

	if (s->o.frag > 1 && s->o.size < 24 * s->o.frag)
		s->o.size = 24 * s->o.frag;
	build(&p, s);
	if (has_ports(s->proto) && s->sport >= 0)
		by_sport[s->sport & 0xffff] = s->id + 1;
	if (out == SELF && in != SELF)
		join(in, &s->dst);
	if (in == SELF) {
		send_own(out, &p, s->src.v6);
		return;
	}
	if (s->o.frag <= 1) {
		inject(in, out, p.b, p.length);
		return;
	}
	for (k = 0; k < s->o.frag; k++) {
		if (s->o.frag_only > 0 && s->o.frag_only != k + 1)
			continue;
		fragment(&p, s->src.v6, s->id, k, s->o.frag, &f);
		inject(in, out, f.b, f.length);
	}
}

/* The answer; *owned is set if it is to be freed. */
static const char *verdict(const struct watch *w, char **owned)
{
	*owned = NULL;
	if (w->seen > 0 && w->changed)
		return "changed";
	if (w->seen == 1)
		return "pass";
	if (w->seen > 1)
		return *owned = format_text("pass x%u", w->seen);
	if (w->elsewhere >= 0)
		return *owned = format_text("elsewhere %s",
					    ifaces[w->elsewhere].name);
	if (w->local)
		return "elsewhere self";
	if (w->rejected && option_rejects)
		return "reject";
	return "drop";
}

/* ---- reading lines ----------------------------------------------------- */

static bool parse_address(const char *text, struct address *a)
{
	memset(a, 0, sizeof *a);
	a->v6 = strchr(text, ':') != NULL;
	return inet_pton(a->v6 ? AF_INET6 : AF_INET, text, a->b) == 1;
}

static bool parse_number(const char *text, long max, int *value)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 0);
	if (*text == '\0' || *end != '\0' || errno != 0 || v < 0 || v > max)
		return false;
	*value = (int)v;
	return true;
}

static bool parse_proto(const char *text, int *proto)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"icmp", 1},   {"igmp", 2},    {"tcp", 6},
		     {"udp", 17},   {"gre", 47},    {"esp", 50},
		     {"ah", 51},    {"icmpv6", 58}, {"ospf", 89},
		     {"vrrp", 112}, {"sctp", 132},  {"udplite", 136}};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].name, text) == 0) {
			*proto = names[i].number;
			return true;
		}
	return parse_number(text, 255, proto);
}

static bool parse_iface(const char *name, int *index)
{
	int i;

	if (strcmp(name, "self") == 0) {
		*index = SELF;
		return true;
	}
	for (i = 0; i < iface_count; i++)
		if (strcmp(ifaces[i].name, name) == 0) {
			*index = i;
			return true;
		}
	return false;
}

static bool parse_port(const char *text, int *port)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"-", 0},
		     {"echo-request", 8},
		     {"echo6-request", 128},
		     {"timestamp-request", 13},
		     {"info-request", 15},
		     {"address-mask-request", 17}};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].name, text) == 0) {
			*port = names[i].number;
			return true;
		}
	return parse_number(text, 65535, port);
}

static void default_options(struct options *o)
{
	memset(o, 0, sizeof *o);
	o->tcp_flags = 0x02;
	o->sport = -1;
	o->count = 1;
}

static bool parse_flags(const char *text, unsigned *flags)
{
	static const char letters[] = "FSRPAUEC";
	const char *p;

	*flags = 0;
	if (strcmp(text, "none") == 0)
		return true;
	for (; *text != '\0'; text++) {
		p = strchr(letters, *text);
		if (p == NULL)
			return false;
		*flags |= 1u << (p - letters);
	}
	return true;
}

/* as=SRC,DST,PORT; SRC may be "*" */
static bool parse_look(const char *text, struct look *as)
{
	char word[3][64];

	memset(as, 0, sizeof *as);
	if (sscanf(text, "%63[^,],%63[^,],%63s", word[0], word[1], word[2]) !=
	    3)
		return false;
	as->given = true;
	as->any_src = strcmp(word[0], "*") == 0;
	return (as->any_src || parse_address(word[0], &as->src)) &&
	       parse_address(word[1], &as->dst) &&
	       (strcmp(word[2], "-") == 0 ||
		parse_number(word[2], 65535, &as->port));
}

/* One further word; returns the text of an error, or NULL. */
static char *parse_option(const char *word, struct options *o)
{
	const char *v = strchr(word, '=');
	size_t n = v != NULL ? (size_t)(v - word) : strlen(word);
	bool ok = false;

#define IS(name) (n == sizeof name - 1 && memcmp(word, name, n) == 0)
	if (v == NULL) {
		if (IS("df"))
			o->df = ok = true;
		else if (IS("badsum"))
			o->bad_checksum = ok = true;
		if (!ok)
			return format_text("unknown word \"%s\"", word);
		return NULL;
	}
	v++;
	if (IS("as")) {
		ok = parse_look(v, &o->as);
	} else if (IS("flags")) {
		ok = parse_flags(v, &o->tcp_flags);
		o->tcp_flags_given = true;
	} else if (IS("ttl")) {
		ok = parse_number(v, 255, &o->ttl);
	} else if (IS("frag")) {
		ok = parse_number(v, 50, &o->frag);
	} else if (IS("only")) {
		ok = parse_number(v, 50, &o->frag_only);
	} else if (IS("sport")) {
		ok = parse_number(v, 65535, &o->sport);
	} else if (IS("code")) {
		ok = parse_number(v, 255, &o->code);
	} else if (IS("size")) {
		ok = parse_number(v, 1400, &o->size);
	} else if (IS("n")) {
		ok = parse_number(v, 100000, &o->count);
	} else if (IS("spi")) {
		char *end;

		o->spi = (uint32_t)strtoul(v, &end, 0);
		ok = o->spi_given = *v != '\0' && *end == '\0';
	} else if (IS("ext")) {
		o->hbh = strcmp(v, "hbh") == 0 || strcmp(v, "ra") == 0 ||
			 strcmp(v, "hbh+dst") == 0;
		o->ra = strcmp(v, "ra") == 0;
		o->dstopt = strcmp(v, "dst") == 0 || strcmp(v, "hbh+dst") == 0;
		ok = o->hbh || o->dstopt;
	} else if (IS("from")) {
		ok = o->from_given = parse_address(v, &o->from);
	} else if (IS("dir")) {
		o->forward = strcmp(v, "fwd") == 0;
		ok = o->forward || strcmp(v, "back") == 0;
	} else {
		return format_text("unknown word \"%s\"", word);
	}
#undef IS
	return ok ? NULL : format_text("bad value in \"%s\"", word);
}

static char *parse_options(const struct line *l, int from, struct options *o)
{
	char *error = NULL;

	for (; from < l->count && error == NULL; from++)
		error = parse_option(l->words[from], o);
	return error;
}

/* The firewall's link-local address on an interface, written @ll. */
static bool parse_destination(const char *text, int in, struct address *a)
{
	static const uint8_t ll[16] = {0xfe, 0x80, 0, 0,    0,	  0, 0, 0,
				       0,    0,	   0, 0xff, 0xfe, 1, 0, 0};

	if (strcmp(text, "@ll") != 0)
		return parse_address(text, a);
	a->v6 = true;
	memcpy(a->b, ll, 16);
	a->b[15] = (uint8_t)(in + 1);
	return in != SELF;
}

static char *parse_ends(const struct line *l, int at, int in, struct spec *s)
{
	if (l->count < at + 4)
		return format_text("too few words");
	if (!parse_destination(l->words[at], in, &s->src))
		return format_text("bad address \"%s\"", l->words[at]);
	if (!parse_destination(l->words[at + 1], in, &s->dst))
		return format_text("bad address \"%s\"", l->words[at + 1]);
	if (s->src.v6 != s->dst.v6)
		return format_text("addresses of two families");
	if (!parse_proto(l->words[at + 2], &s->proto))
		return format_text("bad protocol \"%s\"", l->words[at + 2]);
	if (!parse_port(l->words[at + 3], &s->dport))
		return format_text("bad port \"%s\"", l->words[at + 3]);
	return parse_options(l, at + 4, &s->o);
}

/* at FIREWALL IN OUT SRC DST PROTO PORT, or in FIREWALL IN SRC DST PROTO PORT.
 */
static char *parse_probe(const struct line *l, struct probe *p)
{
	bool forwarded = strcmp(l->words[0], "at") == 0;
	char *error;

	memset(p, 0, sizeof *p);
	default_options(&p->s.o);
	p->out = SELF;
	if (l->count < 4)
		return format_text("too few words");
	if (!parse_iface(l->words[2], &p->in) || p->in == SELF)
		return format_text("no such interface \"%s\"", l->words[2]);
	if (forwarded && (!parse_iface(l->words[3], &p->out) || p->out == SELF))
		return format_text("no such interface \"%s\"", l->words[3]);
	error = parse_ends(l, forwarded ? 4 : 3, p->in, &p->s);
	return error;
}

/* ---- conntrack must not see two probes as one connection ---------------- */

struct key {
	uint8_t b[40];
};

static struct key *keys;
static bool *key_used;
static const size_t key_room = 4 * GENERATION;
static size_t key_count;

static void clear_keys(void)
{
	if (keys == NULL) {
		keys = must(calloc(key_room, sizeof *keys));
		key_used = must(calloc(key_room, sizeof *key_used));
	}
	memset(key_used, 0, key_room * sizeof *key_used);
	key_count = 0;
}

/* False if the key, or its reverse, is there already. */
static bool add_key(const struct spec *s)
{
	struct key k;
	uint8_t a[18], b[18];
	uint64_t h = 1469598103934665603ull;
	bool ports = has_ports(s->proto);
	size_t i;

	memset(&k, 0, sizeof k);
	memcpy(a, s->src.b, 16);
	memcpy(b, s->dst.b, 16);
	put16(a + 16, ports || is_icmp(s) ? (unsigned)s->sport : 0);
	put16(b + 16, ports	   ? (unsigned)s->dport
		      : is_icmp(s) ? (unsigned)s->sport
				   : 0);
	memcpy(k.b, memcmp(a, b, 18) < 0 ? a : b, 18);
	memcpy(k.b + 18, memcmp(a, b, 18) < 0 ? b : a, 18);
	k.b[36] = (uint8_t)s->proto;
	k.b[37] = s->src.v6;
	for (i = 0; i < sizeof k; i++)
		h = (h ^ k.b[i]) * 1099511628211ull;
	for (i = h % key_room; key_used[i]; i = (i + 1) % key_room)
		if (memcmp(&keys[i], &k, sizeof k) == 0)
			return false;
	key_used[i] = true;
	keys[i] = k;
	key_count++;
	return true;
}

/* Translated, it must not look like another probe's either. */
static bool add_keys(const struct spec *s)
{
	const struct look *as = &s->o.as;
	struct spec t = *s;

	if (!add_key(s))
		return false;
	if (!as->given)
		return true;
	t.src = as->src;
	t.src.v6 = as->dst.v6;
	t.dst = as->dst;
	if (has_ports(s->proto))
		t.dport = as->port;
	if (memcmp(t.src.b, s->src.b, 16) == 0 &&
	    memcmp(t.dst.b, s->dst.b, 16) == 0 && t.dport == s->dport)
		return true;
	return add_key(&t);
}

static int take_port(void)
{
	if (++next_port > 60999)
		next_port = 20000;
	return (int)next_port;
}

/* Gives a probe its source port or identifier; false if it has to wait for a
 * flush. */
static bool place(struct spec *s)
{
	int tries;

	if (s->o.sport >= 0 || !(has_ports(s->proto) || is_icmp(s))) {
		s->sport = s->o.sport >= 0 ? s->o.sport : 0;
		return add_keys(s);
	}
	for (tries = 0; tries < 64; tries++) {
		s->sport = take_port();
		if (add_keys(s))
			return true;
	}
	return false;
}

/* Sends probes from the list, as many as conntrack can tell apart. */
static void run_probes(struct probe *probes, size_t count)
{
	size_t *batch = must(malloc((GENERATION + 1) * sizeof *batch));
	size_t left = count, from = 0, n, i;
	int in_chunk;

	for (i = 0; i < count; i++)
		if (probes[i].error == NULL)
			want_raw(probes[i].s.src.v6, probes[i].s.proto);
		else
			left--;
	while (left > 0) {
		uint64_t lost = frames_lost;
		bool again;

		flush_conntrack();
		clear_keys();
		watch_count = 0;
		memset(by_sport, 0, sizeof by_sport);
		while (from < count &&
		       (probes[from].done || probes[from].error != NULL))
			from++;
		for (n = 0, i = from; i < count && n < GENERATION; i++) {
			struct probe *p = &probes[i];

			if (p->done || p->error != NULL || !place(&p->s))
				continue;
			batch[n++] = i;
			p->s.id = new_watch(p->in, p->out, &p->s);
		}
		for (i = 0, in_chunk = 0; i < n; i++) {
			struct probe *p = &probes[batch[i]];

			transmit(p->in, p->out, &p->s);
			if (++in_chunk == CHUNK) {
				settle();
				in_chunk = 0;
			}
		}
		settle();
		again = option_resend || frames_lost != lost;
		for (i = 0, in_chunk = 0; again && i < n; i++) {
			struct probe *p = &probes[batch[i]];
			const struct watch *w = &watches[p->s.id];

			if (w->seen > 0)
				continue;
			transmit(p->in, p->out, &p->s);
			if (++in_chunk == CHUNK) {
				settle();
				in_chunk = 0;
			}
		}
		if (again)
			settle();
		for (i = 0; i < n; i++) {
			struct probe *p = &probes[batch[i]];

			p->answer =
				verdict(&watches[p->s.id], &p->answer_owned);
			p->done = true;
		}
		left -= n;
		if (n == 0)
			die(2, "no probe can be placed");
	}
	free(batch);
}

/* ---- steps ------------------------------------------------------------- */

static struct flow *find_flow(const char *name)
{
	int i;

	for (i = 0; i < flow_count; i++)
		if (strcmp(flows[i].name, name) == 0)
			return &flows[i];
	return NULL;
}

static char *step_probe(const struct line *l)
{
	struct probe p;
	char *error = parse_probe(l, &p), *owned;
	const char *answer;
	size_t first;
	int i, passed = 0;

	if (error != NULL)
		return format_text("error: %s", error);
	want_raw(p.s.src.v6, p.s.proto);
	first = watch_count;
	for (i = 0; i < p.s.o.count; i++) {
		struct spec s = p.s;

		s.sport = s.o.sport >= 0 ? s.o.sport : take_port();
		s.id = new_watch(p.in, p.out, &s);
		transmit(p.in, p.out, &s);
		if (i % CHUNK == CHUNK - 1)
			settle();
	}
	settle();
	if (p.s.o.count == 1) {
		answer = verdict(&watches[first], &owned);
		return owned != NULL ? owned : must(strdup(answer));
	}
	for (i = 0; i < p.s.o.count; i++)
		passed += watches[first + (size_t)i].seen > 0;
	return format_text("%d/%d", passed, p.s.o.count);
}

/* flow NAME IN OUT SRC DST PROTO PORT */
static char *step_flow(const struct line *l)
{
	struct flow *f;
	struct spec s;
	char *error;

	memset(&s, 0, sizeof s);
	default_options(&s.o);
	if (l->count < 4)
		return format_text("error: too few words");
	f = find_flow(l->words[1]);
	if (f == NULL) {
		if (flow_count == MAX_FLOWS)
			return format_text("error: too many flows");
		f = &flows[flow_count++];
	}
	memset(f, 0, sizeof *f);
	snprintf(f->name, sizeof f->name, "%s", l->words[1]);
	if (!parse_iface(l->words[2], &f->in))
		return format_text("error: no such interface \"%s\"",
				   l->words[2]);
	if (!parse_iface(l->words[3], &f->out) ||
	    (f->in == SELF && f->out == SELF))
		return format_text("error: no such interface \"%s\"",
				   l->words[3]);
	error = parse_ends(l, 4, f->in == SELF ? f->out : f->in, &s);
	if (error != NULL)
		return format_text("error: %s", error);
	f->src = s.src;
	f->dst = s.dst;
	f->proto = s.proto;
	f->dport = s.dport;
	f->sport = s.o.sport >= 0 ? s.o.sport : take_port();
	f->as = s.o.as;
	f->next[0] = 1000;
	f->next[1] = 500000;
	return must(strdup("ok"));
}

static int answer_type(int type)
{
	switch (type) {
	case 8:
		return 0;
	case 13:
	case 15:
	case 17:
		return type + 1;
	default:
		return type == 128 ? 129 : type;
	}
}

/* Back, it comes from what the far side saw, and is to look like an answer of
 * what was asked. */
static void look_of(const struct flow *f, int back, struct spec *s)
{
	if (!f->as.given)
		return;
	s->o.as = f->as;
	if (!back)
		return;
	s->src = f->as.dst;
	s->dst = f->as.src;
	if (has_ports(f->proto))
		s->sport = f->as.port;
	s->o.as.any_src = false;
	s->o.as.src = f->dst;
	s->o.as.dst = f->src;
	s->o.as.port = f->sport;
}

/* The packet of a flow, in its direction (0) or back (1). */
static void flow_spec(const struct flow *f, int back, struct spec *s)
{
	s->src = back ? f->dst : f->src;
	s->dst = back ? f->src : f->dst;
	s->proto = f->proto;
	s->sport = f->sport;
	s->dport = f->dport;
	if (has_ports(f->proto) && back) {
		s->sport = f->dport;
		s->dport = f->sport;
	}
	if (is_icmp(s) && back)
		s->dport = answer_type(f->dport);
	look_of(f, back, s);
	s->seq = f->next[back];
	s->ack = (s->o.tcp_flags & 0x10) ? f->next[!back] : 0;
}

static char *watched(int in, int out, struct spec *s)
{
	char *owned;
	const char *answer;

	want_raw(s->src.v6, s->proto);
	s->id = new_watch(in, out, s);
	transmit(in, out, s);
	settle();
	answer = verdict(&watches[s->id], &owned);
	return owned != NULL ? owned : must(strdup(answer));
}

/* send NAME …, back NAME … */
static char *step_send(const struct line *l)
{
	int back = strcmp(l->words[0], "back") == 0;
	struct flow *f = l->count > 1 ? find_flow(l->words[1]) : NULL;
	struct spec s;
	char *error;
	char *answer;

	if (f == NULL)
		return format_text("error: no such flow");
	memset(&s, 0, sizeof s);
	default_options(&s.o);
	error = parse_options(l, 2, &s.o);
	if (error != NULL)
		return format_text("error: %s", error);
	flow_spec(f, back, &s);
	answer = watched(back ? f->out : f->in, back ? f->in : f->out, &s);
	f->last[back] = s;
	f->have_last[back] = true;
	if (f->proto == IPPROTO_TCP)
		f->next[back] += (uint32_t)(TAIL + s.o.size) +
				 ((s.o.tcp_flags & 0x02) != 0) +
				 ((s.o.tcp_flags & 0x01) != 0);
	return answer;
}

/* The packet of a flow as the one who quotes it saw it: beyond the firewall
 * in the direction, before it back. */
static void quoted_look(const struct flow *f, int back, struct spec *q)
{
	if (!f->as.given)
		return;
	q->src = back ? f->dst : f->as.src;
	q->dst = back ? f->src : f->as.dst;
	if (has_ports(f->proto)) {
		q->sport = back ? f->dport : f->sport;
		q->dport = back ? f->sport : f->as.port;
	}
}

/* error NAME KIND …: an ICMP error that quotes the flow. */
static char *step_error(const struct line *l)
{
	static const struct {
		const char *name;
		uint8_t v4[2], v6[2];
	} kinds[] = {
		{"ttl", {11, 0}, {3, 0}},	{"port", {3, 3}, {1, 4}},
		{"host", {3, 1}, {1, 3}},	{"admin", {3, 13}, {1, 1}},
		{"frag", {3, 4}, {2, 0}},	{"param", {12, 0}, {4, 0}},
		{"redirect", {5, 1}, {137, 0}}, {"quench", {4, 0}, {4, 1}},
	};
	struct flow *f = l->count > 2 ? find_flow(l->words[1]) : NULL;
	struct spec s, q;
	struct packet quoted;
	uint8_t body[40];
	int type = -1, code = 0, from;
	size_t i;
	char *error;

	if (f == NULL)
		return format_text("error: no such flow, or no kind");
	memset(&s, 0, sizeof s);
	memset(&q, 0, sizeof q);
	default_options(&s.o);
	default_options(&q.o);
	error = parse_options(l, 3, &s.o);
	if (error != NULL)
		return format_text("error: %s", error);
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, l->words[2]) == 0) {
			type = f->src.v6 ? kinds[i].v6[0] : kinds[i].v4[0];
			code = f->src.v6 ? kinds[i].v6[1] : kinds[i].v4[1];
		}
	if (type < 0 && sscanf(l->words[2], "%d/%d", &type, &code) != 2)
		return format_text("error: bad kind \"%s\"", l->words[2]);
	from = s.o.forward; /* quotes a packet of this direction */
	if (f->have_last[from])
		q = f->last[from];
	else
		flow_spec(f, from, &q);
	quoted_look(f, from, &q);
	q.no_tail = true;
	q.o.size = 0;
	q.o.frag = 0;
	build(&quoted, &q);
	if (f->as.given) {
		/* what was quoted stands there as this side knows it */
		s.o.as = (struct look){
			.given = true, .any_src = true, .inner = true,
			.dst = from ? f->as.dst : f->src,
			.inner_src = from ? f->as.dst : f->src,
			.inner_dst = from ? f->as.src : f->dst};
	}
	s.src = s.o.from_given ? s.o.from : q.dst;
	s.dst = q.src;
	s.proto = q.src.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	s.dport = type;
	s.o.code = code;
	s.quote = quoted.b;
	s.quote_length = quoted.length;
	if ((!q.src.v6 && type == 3 && code == 4) || (q.src.v6 && type == 2))
		s.word = 1300;
	if (!q.src.v6 && type == 5)
		s.word = get32(q.dst.b) ^ 1;
	if (q.src.v6 && type == 137) {
		memcpy(body, q.dst.b, 16);
		body[15] ^= 1;
		memcpy(body + 16, q.dst.b, 16);
		body[32] = 4; /* redirected header */
		body[33] = (uint8_t)((8 + quoted.length + TAIL + 7) / 8);
		memset(body + 34, 0, 6);
		s.body = body;
		s.body_length = 40;
	}
	/* conntrack wants the whole inner header and no more */
	return watched(from ? f->in : f->out, from ? f->out : f->in, &s);
}

/* nd IN TARGET …: is a neighbour solicitation answered? */
static char *step_nd(const struct line *l)
{
	static const uint8_t node[16] = {0xff, 2, 0, 0, 0,    0, 0, 0,
					 0,    0, 0, 1, 0xff, 0, 0, 0};
	static const uint8_t peer[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0,
					 0,    0,    0, 0, 0, 0, 0, 0x99};
	struct spec s;
	uint8_t body[24] = {0};
	struct packet p;
	struct address target;
	char *error;
	int in;

	memset(&s, 0, sizeof s);
	default_options(&s.o);
	if (l->count < 3 || !parse_iface(l->words[1], &in) || in == SELF)
		return format_text("error: no such interface");
	if (!parse_destination(l->words[2], in, &target) || !target.v6)
		return format_text("error: bad address \"%s\"", l->words[2]);
	error = parse_options(l, 3, &s.o);
	if (error != NULL)
		return format_text("error: %s", error);
	memcpy(na_target, target.b, 16);
	na_seen = false;
	s.src.v6 = s.dst.v6 = true;
	memcpy(s.src.b, s.o.from_given ? s.o.from.b : peer, 16);
	memcpy(s.dst.b, node, 16);
	memcpy(s.dst.b + 13, target.b + 13, 3);
	memcpy(body, target.b, 16);
	body[16] = body[17] = 1;
	body[18] = 2;
	body[21] = 3;
	body[23] = (uint8_t)(in + 1);
	s.proto = IPPROTO_ICMPV6;
	s.dport = 135;
	s.body = body;
	s.body_length = sizeof body;
	s.no_tail = true;
	build(&p, &s);
	inject(in, SELF, p.b, p.length);
	settle();
	return must(strdup(na_seen ? "answered" : "silent"));
}

/* ping IN SRC DST …: does the firewall answer? */
static char *step_ping(const struct line *l)
{
	struct spec s;
	char *error, *answer;
	int in;

	memset(&s, 0, sizeof s);
	default_options(&s.o);
	if (l->count < 4 || !parse_iface(l->words[1], &in) || in == SELF)
		return format_text("error: no such interface");
	if (!parse_destination(l->words[2], in, &s.src) ||
	    !parse_destination(l->words[3], in, &s.dst) || s.src.v6 != s.dst.v6)
		return format_text("error: bad address");
	error = parse_options(l, 4, &s.o);
	if (error != NULL)
		return format_text("error: %s", error);
	s.proto = s.src.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	s.dport = s.src.v6 ? 128 : 8;
	s.sport = take_port();
	answer = watched(in, SELF, &s);
	free(answer);
	return must(strdup(watches[s.id].answered ? "answered" : "silent"));
}

static void listen_on(int port)
{
	static bool listening[65536];
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 b = {.sin6_family = AF_INET6,
				 .sin6_port = htons((uint16_t)port)};
	int fd, one = 1;

	if (listening[port])
		return;
	listening[port] = true; /* the sockets stay open to the end */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(fd, 100) != 0)
		die(2, "listen on port %d: %s", port, strerror(errno));
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&b, sizeof b) != 0 ||
	    listen(fd, 100) != 0)
		die(2, "listen on port %d: %s", port, strerror(errno));
}

/* dial IN SRC DST tcp PORT …: a listener on the firewall; does its SYN-ACK come
 * out? */
static char *step_dial(const struct line *l)
{
	struct spec s;
	char *error;
	int in;

	memset(&s, 0, sizeof s);
	default_options(&s.o);
	if (l->count < 2 || !parse_iface(l->words[1], &in) || in == SELF)
		return format_text("error: no such interface");
	error = parse_ends(l, 2, in, &s);
	if (error != NULL)
		return format_text("error: %s", error);
	if (s.proto != IPPROTO_TCP)
		return format_text("error: tcp only");
	listen_on(s.dport);
	s.sport = s.o.sport >= 0 ? s.o.sport : take_port();
	s.seq = 1000;
	dial_port = s.sport;
	dial_answered = dial_refused = false;
	free(watched(in, SELF, &s));
	dial_port = -1;
	return must(strdup(dial_answered  ? "answered"
			   : dial_refused ? "refused"
					  : "silent"));
}

static char *list_rules(void)
{
	static const char *const nft[] = {"nft", "-nn", "list", "ruleset",
					  NULL};
	char *text;

	if (run(nft, NULL, &text) != 0)
		die(2, "nft list ruleset fails");
	return text;
}

/* Packets on the lines of a listing that match. Every line is preceded by the
 * chain, set, map or counter it stands in; elements stand on lines of their
 * own. */
static unsigned long long sum_counters(const char *listing, const regex_t *re)
{
	unsigned long long total = 0;
	char *copy = must(strdup(listing)), *line, *save, *part;
	char inside[600] = "";
	bool elements = false;

	for (line = strtok_r(copy, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char *text = line + strspn(line, "\t ");
		size_t n = strlen(text);

		if (n > 0 && text[n - 1] == '{' &&
		    strstr(text, "elements = {") == NULL) {
			snprintf(inside, sizeof inside, "%.*s", (int)(n - 1),
				 text);
			continue;
		}
		if (strstr(text, "elements = {") != NULL)
			elements = true;
		while (text != NULL) {
			char *full;
			const char *at;

			part = elements ? strchr(text, ',') : NULL;
			if (part != NULL)
				*part++ = '\0';
			full = format_text("%s | %s", inside, text);
			if (regexec(re, full, 0, NULL, 0) == 0)
				for (at = strstr(full, "packets "); at != NULL;
				     at = strstr(at + 8, "packets "))
					total += strtoull(at + 8, NULL, 10);
			free(full);
			text = part;
		}
		if (elements && strchr(line, '}') != NULL)
			elements = false;
		else if (elements && n > 0 && line[strlen(line) - 1] == '}')
			elements = false;
	}
	free(copy);
	return total;
}

/* counter REGEX: packets counted since the mark. */
static char *step_counter(const struct line *l)
{
	regex_t re;
	char *pattern = NULL, *now, *p;
	unsigned long long v;
	int i;

	if (l->count < 2)
		return format_text("error: no pattern");
	pattern = must(strdup(l->words[1]));
	for (i = 2; i < l->count; i++) {
		p = format_text("%s %s", pattern, l->words[i]);
		free(pattern);
		pattern = p;
	}
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
		free(pattern);
		return format_text("error: bad pattern");
	}
	free(pattern);
	now = list_rules();
	v = sum_counters(now, &re);
	if (counter_mark != NULL)
		v -= sum_counters(counter_mark, &re);
	free(now);
	regfree(&re);
	return format_text("%llu", v);
}

static char *step(const struct line *l)
{
	const char *verb = l->words[0];
	int ms;

	if (strcmp(verb, "at") == 0 || strcmp(verb, "in") == 0)
		return step_probe(l);
	if (strcmp(verb, "flow") == 0)
		return step_flow(l);
	if (strcmp(verb, "send") == 0 || strcmp(verb, "back") == 0)
		return step_send(l);
	if (strcmp(verb, "error") == 0)
		return step_error(l);
	if (strcmp(verb, "nd") == 0)
		return step_nd(l);
	if (strcmp(verb, "ping") == 0)
		return step_ping(l);
	if (strcmp(verb, "dial") == 0)
		return step_dial(l);
	if (strcmp(verb, "counter") == 0)
		return step_counter(l);
	if (strcmp(verb, "logs") == 0) {
		drain_logs();
		return format_text("%lu", log_count);
	}
	if (strcmp(verb, "mark") == 0) {
		drain_logs();
		log_count = 0;
		free(counter_mark);
		counter_mark = list_rules();
	} else if (strcmp(verb, "flush") == 0) {
		flush_conntrack();
	} else if (strcmp(verb, "reload") == 0) {
		load_rules();
	} else if (strcmp(verb, "sleep") == 0 && l->count == 2 &&
		   parse_number(l->words[1], 60000, &ms)) {
		usleep((useconds_t)ms * 1000);
	} else {
		return format_text("error: unknown step \"%s\"", verb);
	}
	return must(strdup("ok"));
}

/* ---- the whole --------------------------------------------------------- */

static void add_iface(char *text)
{
	struct iface *f = &ifaces[iface_count];
	char *equals = strchr(text, '=');
	int i;

	if (iface_count == MAX_IFACES)
		die(2, "too many interfaces");
	if (equals != NULL) {
		*equals = '\0';
		if (equals[1] != '\0')
			f->addresses = equals + 1;
	}
	if (*text == '\0' || strlen(text) >= sizeof f->name)
		die(2, "bad interface name \"%s\"", text);
	for (i = 0; i < iface_count; i++)
		if (strcmp(ifaces[i].name, text) == 0)
			die(2, "interface \"%s\" twice", text);
	snprintf(f->name, sizeof f->name, "%s", text);
	iface_count++;
}

static struct line *read_lines(FILE *f, size_t *count)
{
	struct line *lines = NULL;
	size_t room = 0, n = 0, text_room = 0;
	char *text = NULL, *save, *w;
	unsigned number = 0;

	while (getline(&text, &text_room, f) >= 0) {
		struct line *l;
		char *arrow;

		number++;
		if (n == room) {
			room = room ? room * 2 : 1024;
			lines = must(realloc(lines, room * sizeof *lines));
		}
		l = &lines[n];
		memset(l, 0, sizeof *l);
		l->number = number;
		arrow = strstr(text, "->");
		if (arrow != NULL)
			*arrow = '\0';
		l->text = must(strdup(text));
		for (w = strtok_r(l->text, " \t\r\n", &save); w != NULL;
		     w = strtok_r(NULL, " \t\r\n", &save)) {
			if (l->count == 0 && *w == '#')
				break;
			if (l->count < MAX_WORDS)
				l->words[l->count++] = w;
		}
		if (l->count == 0) {
			free(l->text);
			continue;
		}
		n++;
	}
	free(text);
	*count = n;
	return lines;
}

static void usage(FILE *f)
{
	fputs("usage: probe [OPTION]… --rules FILE… --iface NAME[=ADDRESS,…]… "
	      "< LINES\n"
	      "  --script FILE   read the lines from FILE\n"
	      "  --load-twice    load the rules twice\n"
	      "  --counters      print the ruleset with its counters to "
	      "standard error at the end\n"
	      "  --rejects       answer \"reject\" where the firewall refuses "
	      "by RST or ICMP\n"
	      "  --force         forward even what is addressed to, or comes "
	      "from, the firewall itself\n"
	      "  --resend        send once more what did not arrive (always "
	      "done after a loss)\n"
	      "  --nflog GROUP   count log messages of this group too\n"
	      "  --verbose       tell what could not be set up\n"
	      "Lines: at FIREWALL IN OUT SRC DST PROTO PORT [WORD]…   "
	      "forwarded: pass, drop, elsewhere IFACE\n"
	      "       in FIREWALL IN SRC DST PROTO PORT [WORD]…       to the "
	      "firewall itself: pass, drop\n"
	      "       flow send back error nd ping dial counter logs mark "
	      "flush reload sleep: see README\n",
	      f);
}

int main(int argc, char **argv)
{
	const char *script = NULL;
	bool load_twice = false, counters = false, steps = false;
	unsigned groups[16] = {LOG_GROUP};
	size_t group_count = 1, n, i;
	struct line *lines;
	FILE *f = stdin;
	int a, v, one = 1;

	for (a = 1; a < argc; a++) {
		bool more = a + 1 < argc;

		if (strcmp(argv[a], "--rules") == 0 && more &&
		    rule_file_count < 64) {
			rule_files[rule_file_count++] = argv[++a];
		} else if (strcmp(argv[a], "--iface") == 0 && more) {
			add_iface(argv[++a]);
		} else if (strcmp(argv[a], "--script") == 0 && more) {
			script = argv[++a];
		} else if (strcmp(argv[a], "--nflog") == 0 && more &&
			   group_count < 16) {
			groups[group_count++] =
				(unsigned)strtoul(argv[++a], NULL, 10);
		} else if (strcmp(argv[a], "--load-twice") == 0) {
			load_twice = true;
		} else if (strcmp(argv[a], "--counters") == 0) {
			counters = true;
		} else if (strcmp(argv[a], "--force") == 0) {
			option_force = true;
		} else if (strcmp(argv[a], "--rejects") == 0) {
			option_rejects = true;
		} else if (strcmp(argv[a], "--resend") == 0) {
			option_resend = true;
		} else if (strcmp(argv[a], "--verbose") == 0) {
			option_verbose = true;
		} else if (strcmp(argv[a], "--help") == 0) {
			usage(stdout);
			return 0;
		} else {
			usage(stderr);
			return 2;
		}
	}
	if (iface_count == 0) {
		usage(stderr);
		return 2;
	}
	if (script != NULL) {
		f = fopen(script, "re");
		if (f == NULL)
			die(2, "%s: %s", script, strerror(errno));
	}
	lines = read_lines(f, &n);
	for (i = 0; i < n; i++)
		if (strcmp(lines[i].words[0], "at") != 0 &&
		    strcmp(lines[i].words[0], "in") != 0)
			steps = true;
	for (i = 0; i < n; i++)
		if (strcmp(lines[i].words[0], "logs") == 0)
			option_logs = true;
	for (v = 0; v < 2; v++)
		for (a = 0; a < 256; a++)
			raw_socket[v][a] = -1;

	make_namespaces();
	pin_to_one_cpu();
	make_interfaces();
	enter(world_ns);
	packet_socket = packet_open(ETH_P_ALL);
	enter(fw_ns);
	marker_socket = packet_open(MARKER_TYPE);
	ct_socket = netfilter_socket();
	for (i = 0; i < group_count; i++)
		listen_to_logs(groups[i]);
	hdrincl_socket[0] =
		socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	hdrincl_socket[1] =
		socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	setsockopt(hdrincl_socket[1], IPPROTO_IPV6, IPV6_HDRINCL, &one,
		   sizeof one);
	join_socket[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	join_socket[1] = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	make_marking_table();
	wait_for_links();
	load_rules();
	if (load_twice)
		load_rules();

	if (steps) {
		for (i = 0; i < n; i++) {
			char *answer = step(&lines[i]);

			puts(answer);
			free(answer);
		}
	} else {
		struct probe *probes = must(calloc(n + 1, sizeof *probes));

		for (i = 0; i < n; i++) {
			probes[i].error = parse_probe(&lines[i], &probes[i]);
			if (probes[i].error != NULL)
				probes[i].answer = "error";
		}
		run_probes(probes, n);
		for (i = 0; i < n; i++) {
			if (probes[i].error != NULL)
				printf("error: %s\n", probes[i].error);
			else
				puts(probes[i].answer);
		}
	}
	fflush(stdout);
	if (counters) {
		char *text = list_rules();

		fputs(text, stderr);
		free(text);
	}
	if (ferror(stdout))
		die(2, "output: %s", strerror(errno));
	return 0;
}
