/*
 * kernel: what a new connection costs through a ruleset, against another one.
 *
 *   usage: kernel TESTED.nft REFERENCE.nft < FLOWS
 *
 * A client, two firewalls side by side, a server that drops all at ingress.
 * Batches of packets, each the first of a connection, go through both in turn;
 * ns a packet is the tenth percentile over the batches. FLOWS: lines of three
 * lists with commas, "SOURCES DESTINATIONS PROTO/PORTS" (6/80,17/53), each all
 * pairs of them; a connection is drawn evenly from all. The ruleset's
 * interfaces are eth0 (client) and eth1 (server).
 *
 * Prints "tested NS reference NS ratio R"; exit 77 without namespaces, 2 if
 * not every packet arrives.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_PACKET
#define SOL_PACKET 263
#endif

enum {
	BATCH = 250,
	ROUNDS = 2400,	  /* batches through each */
	FLUSH_AFTER = 80, /* batches: connection tracking stays small */
	FRAME = 14 + 20 + 20,
	SKIP = 77,
};

struct list {
	uint32_t *v;
	size_t n;
};

struct product {
	struct list from, to, svc; /* svc: proto << 16 | port */
	double upto; /* flows of this and all before */
};

struct side {
	const char *rules;
	int ns, packet, conntrack; /* sockets */
	double ns_packet[ROUNDS];
};

static struct product *products;
static size_t n_products;
static uint64_t seed = 1;

static void die(int code, const char *what)
{
	fprintf(stderr, "kernel: %s: %s\n", what, strerror(errno));
	exit(code);
}

static void must(const char *command)
{
	if (system(command) != 0) {
		fprintf(stderr, "kernel: failed: %s\n", command);
		exit(2);
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(SKIP, path);
	close(fd);
}

static uint64_t random_below(uint64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (seed >> 20) % n;
}

/* ---- flows ----------------------------------------------------------------- */

static uint32_t parse_item(const char *s)
{
	unsigned proto, port;
	struct in_addr a;

	if (inet_pton(AF_INET, s, &a) == 1)
		return ntohl(a.s_addr);
	if (sscanf(s, "%u/%u", &proto, &port) == 2)
		return proto << 16 | port;
	fprintf(stderr, "kernel: \"%s\" is no address or service\n", s);
	exit(2);
}

static struct list parse_list(char *s)
{
	struct list l = { NULL, 0 };
	char *save;

	for (char *w = strtok_r(s, ",", &save); w;
	     w = strtok_r(NULL, ",", &save)) {
		l.v = realloc(l.v, (l.n + 1) * sizeof(*l.v));
		l.v[l.n++] = parse_item(w);
	}
	return l;
}

static void read_flows(void)
{
	char *line = NULL;
	size_t room = 0;
	double all = 0;

	while (getline(&line, &room, stdin) > 0) {
		char *save, *from = strtok_r(line, " \n", &save);
		char *to = strtok_r(NULL, " \n", &save);
		char *svc = strtok_r(NULL, " \n", &save);
		struct product p;

		if (!from || !to || !svc)
			continue;
		p = (struct product){ parse_list(from), parse_list(to),
				      parse_list(svc), 0 };
		p.upto = all += (double)p.from.n * (double)p.to.n *
				(double)p.svc.n;
		products = realloc(products,
				   (n_products + 1) * sizeof(*products));
		products[n_products++] = p;
	}
	free(line);
	if (!n_products)
		die(2, "no flows");
}

static const struct product *draw(void)
{
	double x = (double)random_below(UINT64_C(1) << 40) /
		   (double)(UINT64_C(1) << 40) * products[n_products - 1].upto;
	size_t lo = 0, hi = n_products - 1;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (products[mid].upto <= x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return &products[lo];
}

static uint32_t one_of(const struct list *l)
{
	return l->v[random_below(l->n)];
}

/* ---- frames --------------------------------------------------------------------- */

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* The first packet of a random planned flow from a random port. Layer 4
 * checksums are off in the firewalls; that of IP is not. */
static size_t make_frame(uint8_t *f)
{
	const struct product *p = draw();
	uint32_t svc = one_of(&p->svc), sum = 0;
	size_t n = svc >> 16 == 6 ? 20 : 8;

	memset(f + 12, 0, FRAME - 12);
	put16(f + 12, ETHERTYPE_IP);
	f[14] = 0x45;
	put16(f + 16, (uint32_t)(20 + n));
	f[22] = 64;
	f[23] = (uint8_t)(svc >> 16);
	put32(f + 26, one_of(&p->from));
	put32(f + 30, one_of(&p->to));
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)f[i] << 8 | f[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(f + 24, ~(sum + (sum >> 16)) & 0xffff);
	put16(f + 34, 1024 + (uint32_t)random_below(64000));
	put16(f + 36, svc & 0xffff);
	if (n == 8) {
		put16(f + 38, 8);
	} else {
		f[46] = 5 << 4;
		f[47] = 2; /* SYN */
		put16(f + 48, 65535);
	}
	return 14 + 20 + n;
}

struct batch {
	uint8_t frame[BATCH][FRAME];
	struct iovec iov[BATCH];
	struct mmsghdr msg[BATCH];
};

static void make_batch(struct batch *b, const uint8_t mac[6])
{
	memset(b->msg, 0, sizeof(b->msg));
	for (int i = 0; i < BATCH; i++) {
		memcpy(b->frame[i], mac, 6);
		memcpy(b->frame[i] + 6, "\2\0\0\0\0\1", 6);
		b->iov[i].iov_base = b->frame[i];
		b->iov[i].iov_len = make_frame(b->frame[i]);
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

static double send_batch(int fd, struct batch *b)
{
	struct timespec t, u;

	clock_gettime(CLOCK_MONOTONIC, &t);
	for (int i = 0; i < BATCH;) {
		int n = sendmmsg(fd, b->msg + i, (unsigned)(BATCH - i), 0);

		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			die(2, "sendmmsg");
		i += n > 0 ? n : 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &u);
	return ((double)(u.tv_sec - t.tv_sec) * 1e9 +
		(double)(u.tv_nsec - t.tv_nsec)) / BATCH;
}

/* ---- namespaces ------------------------------------------------------------------- */

static int this_namespace(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int new_namespace(void)
{
	if (unshare(CLONE_NEWNET) != 0)
		die(SKIP, "namespaces are not available");
	must("ip link set lo up");
	return this_namespace();
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) != 0)
		die(2, "setns");
}

static void be_root(void)
{
	char map[32];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER) != 0)
		die(SKIP, "namespaces are not available");
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
}

static int packet_socket(const char *interface)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(interface),
	};

	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die(2, interface);
	return fd;
}

static void flush_connections(int fd)
{
	struct {
		struct nlmsghdr h;
		struct nfgenmsg g;
	} m = {
		.h = { .nlmsg_len = sizeof(m),
		       .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 |
				     IPCTNL_MSG_CT_DELETE,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
	};
	char answer[256];

	if (send(fd, &m, sizeof(m), 0) < 0 ||
	    recv(fd, answer, sizeof(answer), 0) < 0)
		die(2, "flushing connections");
}

/* The firewall between client and server; link names end in its letter. */
static void set_up(struct side *s, char letter, int client, int server)
{
	char command[512];

	s->ns = new_namespace();
	snprintf(command, sizeof(command),
		 "ip link add eth0 type veth peer name c%c netns /proc/%d/fd/%d"
		 " && ip link add eth1 type veth peer name s%c netns "
		 "/proc/%d/fd/%d && ip link set eth0 address 02:00:00:00:00:02"
		 " && ip link set eth1 arp off && ip link set eth0 up && "
		 "ip link set eth1 up && ip route add default dev eth1",
		 letter, getpid(), client, letter, getpid(), server);
	must(command);
	write_file("/proc/sys/net/ipv4/ip_forward", "1");
	write_file("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	write_file("/proc/sys/net/ipv4/conf/eth0/rp_filter", "0");
	snprintf(command, sizeof(command), "nft -f '%s'", s->rules);
	must(command);
	write_file("/proc/sys/net/netfilter/nf_conntrack_checksum", "0");
	s->conntrack = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			      NETLINK_NETFILTER);
	enter(server);
	snprintf(command, sizeof(command),
		 "ip link set s%c up && nft 'table netdev %c { chain in { "
		 "type filter hook ingress device \"s%c\" priority 0; policy "
		 "drop; }; }'", letter, letter, letter);
	must(command);
	enter(client);
	snprintf(command, sizeof(command),
		 "sysctl -qw net.ipv6.conf.all.disable_ipv6=1; "
		 "ip link set c%c up", letter);
	must(command);
	s->packet = packet_socket((char[]){ 'c', letter, 0 });
}

/* Every packet of a batch must come out, or the figures mean nothing. */
static void check_arrival(struct side *s, char letter, int server, int client,
			  struct batch *b)
{
	char frame[256];
	int tap, got = 0;

	enter(server);
	tap = packet_socket((char[]){ 's', letter, 0 });
	bind(tap, (struct sockaddr *)&(struct sockaddr_ll){
		     .sll_family = AF_PACKET,
		     .sll_protocol = htons(ETH_P_ALL),
		     .sll_ifindex = (int)if_nametoindex((char[]){
				     's', letter, 0 }) },
	     sizeof(struct sockaddr_ll));
	enter(client);
	make_batch(b, (const uint8_t *)"\2\0\0\0\0\2");
	send_batch(s->packet, b);
	while (recv(tap, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		got += frame[12] == 8 && frame[13] == 0; /* IPv4 */
	close(tap);
	if (got != BATCH) {
		fprintf(stderr, "kernel: %d of %d packets come through %s\n",
			got, BATCH, s->rules);
		exit(2);
	}
}

static int double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double percentile(struct side *s)
{
	qsort(s->ns_packet, ROUNDS, sizeof(*s->ns_packet), double_order);
	return s->ns_packet[ROUNDS / 10];
}

int main(int argc, char **argv)
{
	static struct side side[2];
	static struct batch batch;
	int client, server;
	cpu_set_t cpu;
	double ns[2];

	if (argc != 3) {
		fprintf(stderr, "usage: kernel TESTED REFERENCE < FLOWS\n");
		return 2;
	}
	read_flows();
	be_root();
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	client = new_namespace();
	server = new_namespace();
	for (int i = 0; i < 2; i++) {
		side[i].rules = argv[i + 1];
		set_up(&side[i], (char)('a' + i), client, server);
	}
	for (int i = 0; i < 2; i++)
		check_arrival(&side[i], (char)('a' + i), server, client, &batch);
	for (int r = 0; r < ROUNDS; r++)
		for (int k = 0; k < 2; k++) {
			struct side *s = &side[(r + k) % 2];

			make_batch(&batch, (const uint8_t *)"\2\0\0\0\0\2");
			s->ns_packet[r] = send_batch(s->packet, &batch);
			if (r % FLUSH_AFTER == 0)
				flush_connections(s->conntrack);
		}
	for (int i = 0; i < 2; i++)
		ns[i] = percentile(&side[i]);
	printf("tested %.0f reference %.0f ratio %.3f\n", ns[0], ns[1],
	       ns[0] / ns[1]);
	return 0;
}
