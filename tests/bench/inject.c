/*
 * Lets packets arrive at an interface, as fast as the kernel can make them or
 * at a steady rate: an XDP program that passes every frame on, run in batches
 * by BPF_PROG_TEST_RUN with live frames (Linux 5.18). No sender's system call,
 * queue or copy is in the way, so it is several times as fast as flood.c; it
 * needs CAP_BPF and CAP_NET_ADMIN outside of any user namespace.
 * Usage: inject IFACE SECONDS PACKETS-A-SECOND (0: all it can) BYTES FLOWS
 * FLOWS: a power of two. Says how many, in what time, with how much CPU.
 * Planned ones: fe1 to dc1, tcp/389, in the topology of tests/audit/cases.py,
 * and their answers, at random.
 */
#include <linux/bpf.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/bench/clock.h"

enum { HEADS = 14 + 20 + 20, MOST = 1514, BATCH = 64 };
enum { SRC = 26, DST = 30, SPORT = 34, DPORT = 36 };

static const uint8_t fe[4] = { 10, 9, 0, 5 }, dc[4] = { 10, 1, 0, 9 };

static int32_t word(const uint8_t p[4])
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#define INSN(c, d, s, o, i) \
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }
#define STORE4(o, i) INSN(BPF_ST | BPF_MEM | BPF_W, 6, 0, (o), (i))
#define STORE2(o, i) INSN(BPF_ST | BPF_MEM | BPF_H, 6, 0, (o), (i))
#define PORT(o) INSN(BPF_STX | BPF_MEM | BPF_H, 6, 0, (o), 0)

/* A random port of the client, and a random one of the two directions. */
static int load(unsigned flows)
{
	const int32_t ldap = 389 >> 8 | (389 & 255) << 8;
	const struct bpf_insn prog[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_W, 6, 1, 0, 0), /* data */
		INSN(BPF_LDX | BPF_MEM | BPF_W, 7, 1, 4, 0), /* its end */
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 6, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, HEADS),
		INSN(BPF_JMP | BPF_JGT | BPF_X, 2, 7, 15, 0), /* to the end */
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 8, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, (int)flows - 1),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, 1024),
		INSN(BPF_ALU | BPF_END | BPF_TO_BE, 0, 0, 0, 16),
		INSN(BPF_JMP | BPF_JSET | BPF_K, 8, 0, 5, 1 << 20),
		STORE4(SRC, word(fe)), STORE4(DST, word(dc)),
		PORT(SPORT), STORE2(DPORT, ldap),
		INSN(BPF_JMP | BPF_JA, 0, 0, 4, 0),
		STORE4(SRC, word(dc)), STORE4(DST, word(fe)),
		STORE2(SPORT, ldap), PORT(DPORT),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	static const char licence[] = "GPL";
	static char said[4096];
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_XDP;
	a.insns = (uintptr_t)prog;
	a.insn_cnt = sizeof(prog) / sizeof(*prog);
	a.license = (uintptr_t)licence;
	a.log_buf = (uintptr_t)said;
	a.log_size = sizeof(said);
	a.log_level = 1;
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	if (fd < 0)
		fputs(said, stderr);
	return fd;
}

static int run(int prog, uint32_t iface, uint8_t *frame, uint32_t size,
	       uint32_t packets)
{
	struct xdp_md ctx = { .data_end = size, .ingress_ifindex = iface };
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.test.prog_fd = (uint32_t)prog;
	a.test.data_in = (uintptr_t)frame;
	a.test.data_size_in = size;
	a.test.ctx_in = (uintptr_t)&ctx;
	a.test.ctx_size_in = sizeof(ctx);
	a.test.repeat = packets;
	a.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	a.test.batch_size = BATCH;
	return (int)syscall(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof(a));
}

int main(int argc, char **argv)
{
	static const uint8_t head[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0,
	};
	static uint8_t frame[MOST];
	double seconds, rate, start, t;
	uint64_t sent = 0;
	uint32_t iface, size, round = 1 << 20;
	unsigned flows;
	int prog;

	if (argc != 6) {
		fprintf(stderr, "usage: inject IFACE SECONDS RATE BYTES FLOWS\n");
		return 2;
	}
	iface = if_nametoindex(argv[1]);
	seconds = strtod(argv[2], NULL);
	rate = strtod(argv[3], NULL);
	size = (uint32_t)strtoul(argv[4], NULL, 10);
	flows = (unsigned)strtoul(argv[5], NULL, 10);
	if (!iface || size < HEADS || size > MOST || !flows ||
	    flows & (flows - 1)) {
		fprintf(stderr, "inject: no such interface, or size or flows\n");
		return 2;
	}
	memcpy(frame, head, sizeof(head));
	frame[16] = (uint8_t)((size - 14) >> 8);
	frame[17] = (uint8_t)(size - 14);
	frame[46] = 0x50;
	frame[47] = 0x10; /* ACK */
	prog = load(flows);
	if (prog < 0) {
		perror("inject: bpf");
		return 77;
	}
	/* Each call costs some 30 ms beside its packets, asleep: bursts of a
	 * twentieth of a second. */
	if (rate > 0)
		round = (uint32_t)(rate / 20) + 1;
	start = wall();
	while ((t = wall() - start) < seconds) {
		if (rate > 0 && (double)sent > t * rate) {
			const struct timespec nap = { 0, 200000 };

			nanosleep(&nap, NULL);
			continue;
		}
		if (run(prog, iface, frame, size, round) < 0) {
			perror("inject: run");
			return 77;
		}
		sent += round;
	}
	printf("%llu %.3f %.3f\n", (unsigned long long)sent, wall() - start,
	       cpu());
	return 0;
}
