#ifndef APPLY_CONNTRACK_H
#define APPLY_CONNTRACK_H

#include "apply/nft.h"
#include "base/addr.h"

enum { CONNECTION_TUPLE = 160 };

/*
 * A connection as the kernel tracks it: as its first packet arrived, and what
 * answers it. Where nothing is translated, the one is the other turned round.
 */
struct connection {
	struct addr src, dst;	/* of the first packet, as it arrived */
	struct addr to, from;	/* who answers, and whom it answers */
	uint8_t proto;
	uint16_t sport;
	uint16_t detail;	/* destination port, or ICMP type; else 0 */
	uint16_t to_detail;	/* port of who answers, likewise */
	bool picked_up; /* tracked from its middle on: either may have begun */
	bool over;	/* TCP that ended: a new SYN is judged as new */

	/* its name, for cutting it */
	uint8_t family;
	uint32_t id;	/* as the kernel sent it, network order; 0: none */
	uint16_t zone;	/* likewise */
	uint16_t n_tuple;
	char tuple[CONNECTION_TUPLE]; /* attributes, as the kernel sent them */
};

/* All connections of this network namespace, over a socket of nft_open(). -1:
 * err. What cannot be read (a protocol without addresses) is not handed on. */
int connections_read(struct nft *n,
		     void (*each)(void *ctx, const struct connection *c),
		     void *ctx, struct buf *err);

enum cut { CUT_DONE, CUT_GONE, CUT_FAILED /* errno */ };

/* Forgets this very connection: its next packet is judged as a first one. */
enum cut connection_cut(struct nft *n, const struct connection *c);

#endif
