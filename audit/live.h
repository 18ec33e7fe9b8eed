#ifndef AUDIT_LIVE_H
#define AUDIT_LIVE_H

#include <stddef.h>

#include "audit/frame.h"
#include "base/arena.h"
#include "base/diag.h"

/*
 * Packets as they come, from any number of interfaces, through libpcap: names
 * as libpcap knows them, "nflog:5" and "any" included.
 */
struct live;

struct live_options {
	unsigned snaplen;   /* 0: the default */
	unsigned buffer_mb; /* 0: the default */
	const char *filter; /* BPF expression; NULL */
};

/* What has been measured to lose nothing: a ring of
 * 32 MiB (the usual 2 lose a third at 1.2 M packets a second), the first
 * bytes only, blocks handed over at the latest after 100 ms; never
 * "immediate mode", which costs five times as much a packet. 512 bytes hold
 * every header and what is looked into of the first payloads. */
enum { LIVE_SNAPLEN = 512, LIVE_BUFFER_MB = 32, LIVE_TIMEOUT_MS = 100 };

struct live_stats {
	uint64_t packets, dropped, if_dropped;
};

/* All or NULL; what failed, and what could be done, is in d. */
struct live *live_open(struct arena *a, const char *const *names, size_t n,
		       const struct live_options *opt, struct diags *d);
void live_close(struct live *l);

/* At most max frames, after at most the timeout: 0 says that time passed or a
 * signal came. -1: an interface is gone; live_why() says it. */
long live_read(struct live *l, struct frame *out, size_t max);
const char *live_why(const struct live *l);
struct live_stats live_stats(struct live *l, size_t i);

/* The same filter for packets from files. NULL: *why says what is wrong. */
struct filter;
struct filter *filter_new(struct arena *a, const char *expression,
			  const char **why);
void filter_free(struct filter *f);
/* Keeps what matches, in order; the new count. */
size_t filter_frames(struct filter *f, struct frame *v, size_t n);

#endif
