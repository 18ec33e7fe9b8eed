#ifndef AUDIT_REMAKE_H
#define AUDIT_REMAKE_H

#include "audit/decode.h"
#include "audit/mask.h"

enum { REMADE_MAX = 64 };

/*
 * A new packet (link type RAW) that says of p what the auditor knows of it,
 * with masked addresses and nothing else: no link addresses, tunnels, options
 * or payload could tell where it comes from. *len: its length on the wire.
 * The bytes written; 0: it cannot be said without its surroundings.
 */
size_t remake_packet(const struct pkt *p, struct mask *m,
		     uint8_t out[REMADE_MAX], uint32_t *len);

#endif
