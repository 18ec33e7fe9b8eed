#ifndef NET_PROBE_H
#define NET_PROBE_H

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
 * ../README tells the language of the lines read from standard input.
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

#define TAIL_MAGIC UINT32_C(0x50507262) /* "PPrb" */

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
	int tos;       /* or traffic class */
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

/* main.c: the state of this one program */
extern struct iface ifaces[MAX_IFACES];
extern int iface_count;
extern int fw_ns, world_ns;
extern int packet_socket, marker_socket;
extern int ct_socket, log_socket;
extern int raw_socket[2][256];
extern int hdrincl_socket[2];
extern int join_socket[2];
extern struct watch *watches;
extern size_t watch_count, watch_room;
extern uint32_t by_sport[65536];
extern uint32_t marker_sent, marker_seen;
extern uint64_t frames_lost;
extern unsigned long log_count;
extern unsigned next_port;
extern struct flow flows[MAX_FLOWS];
extern int flow_count;
extern char *counter_mark;
extern bool option_force, option_rejects, option_resend, option_verbose, option_logs;
extern char *rule_files[64];
extern int rule_file_count;
extern uint8_t na_target[16];
extern int dial_port;
extern bool dial_answered, dial_refused;
extern bool na_seen;

/* util.c */
__attribute__((format(printf, 2, 3), noreturn)) void
die(int code, const char *format, ...);
void *must(void *p);
__attribute__((format(printf, 1, 2))) char *
format_text(const char *format, ...);
void put16(uint8_t *p, unsigned v);
void put32(uint8_t *p, uint32_t v);
unsigned get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);
bool write_file(const char *path, const char *text);
void sysctl(const char *name, const char *value);
void enter(int ns);
int run(const char *const argv[], const char *input, char **output);
void run_batch(const char *const argv[], const char *input);

/* packet.c */
void add(struct packet *p, const void *data, size_t n);
bool has_ports(int proto);
bool is_icmp(const struct spec *s);
void build(struct packet *p, const struct spec *s);
void fragment(const struct packet *p, bool v6, uint32_t id, int k, int n,
		     struct packet *f);

/* seen.c */
bool quotes(const struct look *as, const uint8_t *l4, size_t n, bool v6);
void seen(const uint8_t *ip, const uint8_t *l4, size_t n, int proto, bool first, bool v6,
		 int where);
const struct nlmsghdr *message(const uint8_t *buffer, size_t n,
				      size_t *at);
void drain_logs(void);
void inject(int in, int out, const uint8_t *ip, size_t n);
bool marker(int at, int wait_ms);
void settle(void);

/* netlink.c */
int netfilter_socket(void);
void flush_conntrack(void);
void listen_to_logs(unsigned group);

/* setup.c */
void make_namespaces(void);
void pin_to_one_cpu(void);
void make_interfaces(void);
int packet_open(unsigned ethertype);
void make_marking_table(void);
void load_rules(void);
void wait_for_links(void);
void want_raw(bool v6, int proto);
void join(int in, const struct address *group);

/* send.c */
uint32_t new_watch(int in, int out, const struct spec *s);
void transmit(int in, int out, struct spec *s);
const char *verdict(const struct watch *w, char **owned);
int take_port(void);
void run_probes(struct probe *probes, size_t count);

/* words.c */
bool parse_number(const char *text, long max, int *value);
bool parse_iface(const char *name, int *index);
void default_options(struct options *o);
char *parse_options(const struct line *l, int from, struct options *o);
bool parse_destination(const char *text, int in, struct address *a);
char *parse_ends(const struct line *l, int at, int in, struct spec *s);
char *parse_probe(const struct line *l, struct probe *p);

/* steps.c */
char *list_rules(void);
char *step(const struct line *l);

#endif
