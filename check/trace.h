#ifndef CHECK_TRACE_H
#define CHECK_TRACE_H

#include "check/check.h"

/*
 * The way of one packet through the rules: base chain after base chain, in
 * each the rules that jumped, last the one that decided.
 */
struct trace_step {
	const struct kr_chain *chain;
	const struct kr_rule *rule; /* that left it, NULL: the chain's end */
};

struct trace {
	const struct kr_chain *base;
	VEC(struct trace_step) step;
	const char *verdict; /* accept, drop, reject, "either way" */
};

struct traces {
	VEC(struct trace) v;
};

/* Of a side that is rules; empty where no base chain sees the packet. Call
 * check_trace_begin() when another side was asked since. */
void check_trace_begin(struct check *c);
struct traces check_trace(struct check *c, const struct check_side *x,
			  enum check_path path, const space_val *packet);

/* "inet f, forward > web (fw.nft:12) > accept (fw.nft:30); then ..." */
void check_trace_text(const struct traces *t, struct buf *out);

#endif
