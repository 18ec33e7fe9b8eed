#ifndef AUDIT_CAPTURE_IMPL_H
#define AUDIT_CAPTURE_IMPL_H

#include <stdbool.h>

#include "audit/capture.h"
#include "audit/input.h"

/* What the two formats share: a window of the file that slides forward. */

/* One read fits the second-level cache beside what it is copied from and the
 * flows, so that the packets are still there when they are decoded. The window
 * holds the longest packet and its block twice over. Each read goes to the
 * start of a page, as it comes from one; before it stand the bytes left over,
 * for which there is a page more. A copy to a few bytes further on in a page
 * than it comes from takes five times as long on some processors. */
enum {
	CAPTURE_WINDOW = 1024 * 1024,
	CAPTURE_CHUNK = 128 * 1024,
	CAPTURE_PAGE = 4096,
};

struct pcap_form {
	bool swapped;
	bool lengths_swapped; /* captured and real length in the other order */
	uint32_t unit;	      /* nanoseconds in one unit of the fraction */
	uint32_t header;      /* bytes before each packet */
	uint16_t link;
};

struct pcapng_iface {
	uint16_t link;
	uint32_t snaplen;
	uint64_t per_second; /* ticks; 0: nanoseconds, no arithmetic needed */
	int64_t offset;	     /* seconds to add */
	uint64_t lost;	     /* as its packets say */
	uint64_t dropped;    /* by these, or its latest statistics */
};

enum { CAPTURE_IFACES = 4096 };

struct capture {
	struct input *in;
	uint8_t *buf; /* [at, end) is not yet read */
	size_t at, end;
	uint64_t base; /* offset of buf[0] in the unpacked file */
	bool eof;
	uint16_t source;
	struct capture_stats st;
	/* Numbers the frames from st.packets on, counts the cut ones. */
	size_t (*read)(struct capture *, struct frame *, size_t);
	struct pcap_form pcap;
	bool swapped; /* pcapng, by section */
	struct pcapng_iface *iface;
	size_t n_iface, cap_iface;
};

/* Makes n bytes at hand from at on; false: the file has fewer. Moves what is
 * in buf, so no frame handed out in this call may point there. */
bool capture_want(struct capture *c, size_t n);
void capture_damage(struct capture *c, const char *why);

/* 0, or -1 with a reason; the magic number has been seen already. */
int pcap_start(struct capture *c, const char **why);
int pcapng_start(struct capture *c, const char **why);

static inline uint32_t load32(const uint8_t *p, bool swapped)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap32(v) : v;
}

static inline uint16_t load16(const uint8_t *p, bool swapped)
{
	uint16_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap16(v) : v;
}

#endif
