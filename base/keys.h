#ifndef BASE_KEYS_H
#define BASE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/*
 * What a connection opener asks for, as one number: protocol << 16 | detail.
 * Detail is the destination port of TCP and UDP and the type of ICMP and
 * ICMPv6; other protocols have detail 0. Sets of services are then sets of
 * intervals, and "ip any" is one of them.
 */
enum {
	PROTO_ICMP = 1,
	PROTO_IGMP = 2,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ESP = 50,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_VRRP = 112,
	PROTO_SCTP = 132,
};

/* The ICMP types that open a connection in Linux's tracking; all other types
 * answer or announce (RFC 792, RFC 4443; nf_conntrack_proto_icmp*.c). */
enum {
	ICMP_ECHO_REQUEST = 8,
	ICMP_TIMESTAMP_REQUEST = 13,
	ICMP_INFO_REQUEST = 15,
	ICMP_MASK_REQUEST = 17,
	ICMPV6_ECHO_REQUEST = 128,
};

struct key_range {
	uint32_t lo, hi; /* both belong to it */
};

/* Ascending, disjoint, not adjacent. */
struct key_set {
	struct key_range *r;
	size_t n;
};

#define KEY_MAX UINT32_C(0xffffff)
#define KEY_TEXT 64

static inline uint32_t key_of(unsigned proto, unsigned detail)
{
	return (uint32_t)proto << 16 | (detail & 0xffff);
}

/* The same, for initialisers. */
#define key_of_const(proto, detail) ((uint32_t)(proto) << 16 | (detail))

static inline unsigned key_proto(uint32_t key)
{
	return key >> 16;
}

static inline unsigned key_detail(uint32_t key)
{
	return key & 0xffff;
}

/* Does this protocol have a destination port (or an ICMP type) in its keys? */
static inline bool proto_has_ports(unsigned proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP;
}

/* Does it have two ports on the wire? SCTP is planned by its number alone. */
static inline bool proto_sends_ports(unsigned proto)
{
	return proto_has_ports(proto) || proto == PROTO_SCTP;
}

static inline bool proto_is_icmp(unsigned proto)
{
	return proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

/* Sets stay as they are; what is made from them lives in the arena. lo to hi,
 * both included, joins *s. */
void keys_add(struct arena *a, struct key_set *s, uint32_t lo, uint32_t hi);
/* The union of r[0..n), which is sorted on the way: many are cheaper so than
 * added one by one. */
struct key_set keys_from(struct arena *a, struct key_range *r, size_t n);
struct key_set keys_union(struct arena *a, struct key_set x, struct key_set y);
struct key_set keys_minus(struct arena *a, struct key_set x, struct key_set y);
struct key_set keys_and(struct arena *a, struct key_set x, struct key_set y);
bool keys_has(struct key_set s, uint32_t key);
bool keys_meet(struct key_set x, struct key_set y);
bool keys_equal(struct key_set x, struct key_set y);
/* Keys that can open a connection in that family: ICMP only in IPv4 and only
 * requests, ICMPv6 only in IPv6 and only echo requests. */
struct key_set keys_of_family(struct arena *a, struct key_set s, bool v4);

/* A range as one would say it: what is within one protocol, and protocols side
 * by side that are whole; ascending. Their number; 0 if it has no packets. */
enum { KEY_PARTS = 3 };
size_t key_parts(struct key_range r, struct key_range out[KEY_PARTS]);
/* "tcp/389", "tcp/1025-65535", "icmp/echo-request", "esp", "ip/47",
 * "any protocol", "tcp/54-65535 ip/7-16 udp/0-52" */
void key_text(struct key_range r, char out[KEY_TEXT]);
/* "tcp", "esp", "47" */
const char *proto_name(unsigned proto, char out[KEY_TEXT]);
const char *icmp_type_name(unsigned proto, unsigned type); /* NULL: none */
int icmp_type_parse(unsigned proto, const char *s);        /* -1: no request */

#endif
