#ifndef AUDIT_BYTES_H
#define AUDIT_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* Loads from the wire, of any alignment. The caller has checked the length. */
static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* As they lie there, to be compared with a constant that lies so too. */
static inline uint32_t wire32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t wire16(const uint8_t *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t be32(const uint8_t *p)
{
	return __builtin_bswap32(wire32(p));
}

static inline uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline bool is_broadcast_mac(const uint8_t *p)
{
	return be32(p) == UINT32_MAX && be16(p + 4) == UINT16_MAX;
}

#endif
