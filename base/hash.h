#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * FNV-1a, 64 bits, finished by the murmur3 mixer. Stable over releases and
 * machines: names and fingerprints are made from it. Not against an adversary;
 * tables that hold foreign input are seeded.
 */
#define HASH_INIT UINT64_C(0xcbf29ce484222325)

uint64_t hash_bytes(uint64_t h, const void *p, size_t n);
uint64_t hash_str(uint64_t h, const char *s); /* with its NUL */
uint64_t hash_u64(uint64_t h, uint64_t v);    /* byte order independent */
uint64_t hash_mix(uint64_t h);

#endif
