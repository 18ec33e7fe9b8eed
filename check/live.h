#ifndef CHECK_LIVE_H
#define CHECK_LIVE_H

#include "base/buf.h"
#include "check/rules.h"

/*
 * The running kernel, read again and again over sockets that stay open: a
 * program that has fenced itself off can make no new ones. Nothing is asked of
 * nft: rules have texts in our own words (drift.h), and no copy is made to send
 * packets through.
 */
struct live_reader {
	int nfnl, rtnl; /* -1: not open */
};

/* -1: err; no need to close. */
int live_reader_open(struct live_reader *r, struct buf *err);
void live_reader_close(struct live_reader *r);
/* NULL: err. */
struct kruleset *live_reader_read(const struct live_reader *r, struct arena *a,
				  struct buf *err);

#endif
