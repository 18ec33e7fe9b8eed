/*
 * Sends packets into an interface, as fast as it can or at a steady rate.
 * Usage: flood IFACE SECONDS PACKETS-A-SECOND (0: all it can) BYTES FLOWS
 * Says how many it sent, in what time, with how much CPU. Planned ones: fe1 to dc1, tcp/389,
 * in the topology of tests/audit/cases.py; both directions in turn.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/bench/clock.h"

enum { BATCH = 32, HEADS = 14 + 20 + 20, MOST = 1514 };

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void fill(uint8_t *p, size_t size)
{
	static const uint8_t head[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0,
	};

	memset(p, 0, size);
	memcpy(p, head, sizeof(head));
	put16(p + 16, (unsigned)size - 14);
	p[46] = 0x50;
	p[47] = 0x10; /* ACK */
	put16(p + 48, 8192);
}

/* The n-th packet: flows in turn, one direction after the other. */
static void address(uint8_t *p, uint64_t n, unsigned flows)
{
	static const uint8_t fe[4] = { 10, 9, 0, 5 }, dc[4] = { 10, 1, 0, 9 };
	unsigned port = 1024 + (unsigned)(n / 2 % flows), back = n & 1;

	memcpy(p + 26, back ? dc : fe, 4);
	memcpy(p + 30, back ? fe : dc, 4);
	put16(p + 34, back ? 389 : port);
	put16(p + 36, back ? port : 389);
}

static int open_wire(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;

	to.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !to.sll_ifindex ||
	    bind(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

int main(int argc, char **argv)
{
	static uint8_t frame[BATCH][MOST];
	struct mmsghdr m[BATCH] = { 0 };
	struct iovec v[BATCH];
	uint64_t sent = 0;
	double seconds, rate, start, t;
	unsigned flows;
	size_t size;
	int fd;

	if (argc != 6) {
		fprintf(stderr, "usage: flood IFACE SECONDS RATE BYTES FLOWS\n");
		return 2;
	}
	seconds = strtod(argv[2], NULL);
	rate = strtod(argv[3], NULL);
	size = strtoul(argv[4], NULL, 10);
	flows = (unsigned)strtoul(argv[5], NULL, 10);
	fd = open_wire(argv[1]);
	if (fd < 0 || size < HEADS || size > MOST || !flows) {
		perror("flood");
		return 2;
	}
	for (int i = 0; i < BATCH; i++) {
		fill(frame[i], size);
		v[i] = (struct iovec){ frame[i], size };
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	start = wall();
	while ((t = wall() - start) < seconds) {
		int n;

		if (rate > 0 && (double)sent > t * rate)
			continue;
		for (int i = 0; i < BATCH; i++)
			address(frame[i], sent + (uint64_t)i, flows);
		n = sendmmsg(fd, m, BATCH, 0);
		if (n > 0)
			sent += (uint64_t)n;
		else if (errno != ENOBUFS && errno != EAGAIN)
			break;
	}
	printf("%llu %.3f %.3f\n", (unsigned long long)sent, wall() - start,
	       cpu());
	return 0;
}
