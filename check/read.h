#ifndef CHECK_READ_H
#define CHECK_READ_H

#include "base/buf.h"
#include "check/rules.h"

/* All of nftables that the netfilter netlink socket's namespace holds. NULL:
 * err says why. known may be NULL. */
struct kruleset *kr_read(struct arena *a, int fd, const char *name,
			 const struct kr_known *known, struct buf *err);

#endif
