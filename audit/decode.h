#ifndef AUDIT_DECODE_H
#define AUDIT_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/frame.h"
#include "base/addr.h"

/* What one packet says about who talks to whom. */
struct pkt {
	struct addr src, dst;
	const uint8_t *payload; /* behind the last header understood */
	uint32_t have;		/* bytes at payload */
	uint32_t data;		/* bytes of it on the wire, as IP says */
	uint32_t seq, ack;	/* TCP */
	uint32_t frag_id;
	uint32_t len;	       /* IP header and all, on the wire */
	uint16_t sport, dport; /* ICMP: see icmp.h */
	uint16_t flags;	       /* PKT_* */
	uint8_t proto, tcp, ttl, type; /* type: ICMP, or SCTP's first chunk */
};

enum {
	PKT_FIRST_FRAG = 1 << 0,
	PKT_LATER_FRAG = 1 << 1, /* no ports in it */
	PKT_QUOTED = 1 << 2,	 /* out of an ICMP error */
	PKT_OUTER = 1 << 3,	 /* carries the packet behind it in the list */
	PKT_INNER = 1 << 4,	 /* was carried */
	PKT_BROADCAST = 1 << 5,	 /* to all, as the link layer says */
	PKT_ROUTED = 1 << 6,	 /* IPv6 routing header: dst is the next hop */
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

/* Why no packet came out of a frame, or not all of it. One of the link's own
 * packets is no loss; the others are. */
enum undecoded {
	UD_NOT_IP,	/* ARP, LLDP, spanning tree: the link's own */
	UD_LINK_TYPE,	/* a link type nobody here reads */
	UD_PAYLOAD,	/* encapsulation of something nobody here reads */
	UD_CUT,		/* captured too short */
	UD_MALFORMED,	/* the bytes contradict themselves */
	UD_DEPTH,	/* nested or chained too deep */
	UD_N
};

struct decode_stats {
	uint64_t undecoded[UD_N];
};

/* Tunnels within tunnels, mirror included. */
enum { PKT_LAYERS = 4 };

/* The packets in a frame, outermost first. Reads no byte it has not checked
 * to be there. */
size_t decode_frame(const struct frame *f, struct pkt out[PKT_LAYERS],
		    struct decode_stats *st);

#endif
