#ifndef CHECK_FRAME_H
#define CHECK_FRAME_H

#include "check/packet.h"

/* A packet of the diagrams as bytes, from the Ethernet header on. */
enum { FRAME_MAX = 160, FRAME_ETHER = 14 };

struct frame {
	uint8_t b[FRAME_MAX];
	unsigned n;
};

/* mark, 16 bits, is carried by fields that routers leave alone. An ICMP error
 * that is related quotes what it is about; a packet that is invalid has a wrong
 * checksum. False: a packet cannot be that; *why says so. */
bool frame_build(const space_val *p, uint16_t mark, const uint8_t *to_mac,
		 struct frame *out, const char **why);
/* Does this frame carry the mark? */
bool frame_has_mark(const uint8_t *b, unsigned n, uint16_t mark);

#endif
