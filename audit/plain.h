#ifndef AUDIT_PLAIN_H
#define AUDIT_PLAIN_H

#include <arpa/inet.h>
#include <stdbool.h>

#include "audit/bytes.h"
#include "audit/frame.h"
#include "base/keys.h"

/* A plain frame is what nearly every one is: Ethernet without a tag, IPv4
 * without options or fragments, TCP or UDP, and captured with its headers. */

/* Where things stand. */
enum { PLAIN_IP = 14, PLAIN_L4 = 34, PLAIN_LEAST = 54 };

/* Is it a tunnel's port? Then what is inside counts. (RFC 7348, RFC 8926; 8472
 * is what Linux used for VXLAN before there was an RFC.) */
static inline bool is_tunnel_port(uint16_t port)
{
	return port == 4789 || port == 6081 || port == 8472;
}

/* Bytes of the TCP or UDP header; 0: not plain after all. */
static inline uint32_t plain_l4_bytes(const struct frame *f)
{
	const uint8_t *ip = f->data + PLAIN_IP, *l4 = f->data + PLAIN_L4;
	uint32_t len = be16(ip + 2), hl;

	if (__builtin_expect(ip[9] == PROTO_TCP, 1)) {
		hl = l4[12] >> 2 & 0x3cu;
		return hl >= 20 && len >= 20 + hl &&
		       f->caplen >= PLAIN_L4 + hl ? hl : 0;
	}
	if (ip[9] != PROTO_UDP || len < 28 || is_tunnel_port(be16(l4 + 2)) ||
	    be16(l4 + 4) < 8)
		return 0;
	return 8;
}

static inline bool is_plain_ipv4(const struct frame *f)
{
	return f->link == LINK_ETHERNET && f->caplen >= PLAIN_LEAST &&
	       (wire32(f->data + 12) & htonl(0xffffff00)) ==
		       htonl(0x08004500) &&
	       !(wire16(f->data + PLAIN_IP + 6) & htons(0x3fff));
}

/* Where the payload begins, of which so many bytes were on the wire. */
static inline uint32_t plain_start(const struct frame *f, uint32_t data)
{
	return PLAIN_IP + be16(f->data + PLAIN_IP + 2) - data;
}

/* How many of them are there. */
static inline uint32_t plain_have(const struct frame *f, uint32_t data)
{
	uint32_t have = f->caplen - plain_start(f, data);

	return have < data ? have : data;
}

#endif
