#ifndef AUDIT_FRAME_H
#define AUDIT_FRAME_H

#include <stdint.h>

/* One packet as it was captured. data lives until the next read. */
struct frame {
	const uint8_t *data;
	uint64_t ts;	 /* nanoseconds since 1970, UTC */
	uint64_t number; /* in its source, from 1 */
	uint32_t caplen; /* bytes at data */
	uint32_t len;	 /* bytes on the wire */
	uint16_t link;	 /* LINKTYPE_*, tcpdump.org/linktypes.html */
	uint16_t source; /* which file or live interface */
};

/* Frames are handed on in batches, so that the cost of a call and of a cache
 * miss is shared; no more than the processor can fetch for at once. Measured
 * best of 16 to 64. */
enum { FRAME_BATCH = 32 };

enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_RAW_BSD = 12, /* DLT_RAW as some writers put it in files */
	LINK_RAW_OPENBSD = 14,
	LINK_PPP_HDLC = 50,
	LINK_PPP_ETHER = 51,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_NFLOG = 239,
	LINK_SLL2 = 276,
};

/* The longest packet a capture may hold: libpcap's MAXIMUM_SNAPLEN. A record
 * that claims more is damage, not a packet. */
#define FRAME_MAX 262144u

#endif
