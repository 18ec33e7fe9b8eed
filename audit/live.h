#ifndef AUDIT_LIVE_H
#define AUDIT_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "audit/frame.h"
#include "base/arena.h"
#include "base/diag.h"

/*
 * Packets as they come, from any number of interfaces, through libpcap: names
 * as libpcap knows them, "nflog:5" and "any" included.
 */
struct live;

/* Which packets of an interface: those that come in, or those that leave the
 * machine as well. AUTO: all, where the interface has an address and so the
 * machine's own traffic is a part of the wire's; those that come in, where it
 * has none and only listens, or where each packet would come twice (lo). */
enum live_direction { LIVE_AUTO, LIVE_IN, LIVE_BOTH };

struct live_options {
	unsigned snaplen;   /* 0: the default */
	unsigned buffer_mb; /* 0: the default */
	unsigned fanout;    /* readers that share the packets; 0: one */
	enum live_direction direction;
	const char *filter; /* BPF expression; NULL */
};

enum { LIVE_FANOUT = 64 };

/* What has been measured to lose nothing: a ring of
 * 32 MiB (the usual 2 lose a third at 1.2 M packets a second), the first
 * bytes only, blocks handed over at the latest after 100 ms; never
 * "immediate mode", which costs five times as much a packet. 512 bytes hold
 * every header and what is looked into of the first payloads. */
enum { LIVE_SNAPLEN = 512, LIVE_BUFFER_MB = 32, LIVE_TIMEOUT_MS = 100 };

struct live_stats {
	uint64_t packets, dropped, if_dropped;
};

/* As many readers as opt->fanout says, to out; each flow, both directions of
 * it, comes to one of them. All or none: false, and what failed, and what
 * could be done, is in d. */
bool live_open(struct arena *a, const char *const *names, size_t n,
	       const struct live_options *opt, struct live **out,
	       struct diags *d);
void live_close(struct live *l);

/* At most max frames, after at most the timeout: 0 says that time passed or a
 * signal came. -1: no interface is left; live_why() says it. One that is gone
 * is left out from then on. */
long live_read(struct live *l, struct frame *out, size_t max);
const char *live_why(const struct live *l);
/* Why interface i is no longer read; NULL: it is, or not by this reader. */
const char *live_gone(const struct live *l, size_t i);
/* Of this reader alone. */
struct live_stats live_stats(struct live *l, size_t i);
/* Files below which libpcap counts an interface's drops. */
#define LIVE_COUNTERS "/sys/class/net/%s/statistics"

/* The same filter for packets from files. NULL: *why says what is wrong. */
struct filter;
struct filter *filter_new(struct arena *a, const char *expression,
			  const char **why);
void filter_free(struct filter *f);
/* Keeps what matches, in order; the new count. */
size_t filter_frames(struct filter *f, struct frame *v, size_t n);

#endif
