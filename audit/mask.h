#ifndef AUDIT_MASK_H
#define AUDIT_MASK_H

#include "base/addr.h"
#include "base/arena.h"

/*
 * Addresses for reports that leave the house: each real one stands for one
 * made-up one of its family, the same in all that a run writes, numbered in
 * the order in which they are written. They are taken from where no real host
 * can be: 198.18.0.0/15 (RFC 2544), then 240.0.0.0/4; 2001:db8::/32 (RFC 3849).
 * Addresses that name nobody stay: unspecified, loopback, groups.
 */
struct mask;

struct mask *mask_new(struct arena *a);
/* m NULL: the address itself. One thread at a time. */
struct addr mask_addr(struct mask *m, struct addr a);

#endif
