#ifndef APPLY_FIELD_H
#define APPLY_FIELD_H

#include "gen/ruleset.h"

/*
 * What the kernel knows of a field: how it is loaded, how long it is, and how
 * nft names its type. Type numbers are those of nft (enum datatypes, and proto
 * descriptions in the set's user data), which no header exports.
 */
enum field_load { LOAD_META, LOAD_PAYLOAD };

struct nl_field {
	enum field_load load;
	uint32_t key;	 /* LOAD_META: NFT_META_… */
	uint32_t base, offset; /* LOAD_PAYLOAD: NFT_PAYLOAD_…, bytes */
	uint32_t len;	 /* bytes */
	uint32_t type;	 /* of nft: 7 ipv4_addr, … */
	uint32_t order;	 /* in a set of its own: 0 none, 1 host, 2 network */
	uint32_t proto, template; /* LOAD_PAYLOAD: nft's header and its field */
	uint8_t nfproto; /* NFPROTO_…: the packet must be that; 0: any */
	uint8_t l4proto; /* the same of the transport; 0: any */
};

/* NULL for one that is not known here. */
const struct nl_field *nl_field(enum rs_field f);

enum { FIELD_BYTES = 16, KEY_BYTES = 64 };

/* Bytes of a field in a concatenated key: whole 32-bit words. */
static inline uint32_t field_padded(const struct nl_field *f)
{
	return (f->len + 3) & ~3u;
}

/* The value as in a packet (metadata: as the kernel holds it); of a name, the
 * bytes that count are returned, all 16 unless it ends in a star. */
uint32_t field_bytes(const struct nl_field *f, struct addr v, const char *name,
		     uint8_t out[FIELD_BYTES]);

#endif
