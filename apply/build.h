#ifndef APPLY_BUILD_H
#define APPLY_BUILD_H

#include "apply/field.h"
#include "apply/stream.h"
#include "base/buf.h"

/*
 * The rules of a firewall as messages into a stream: what `nft -f` makes of
 * the text of the same rules, so that `nft list ruleset` shows no difference.
 * -1: the stream's taker failed, or the rules hold what is not known here; err
 * then names the set or the rule. Nothing is left out silently.
 */
int build_generation(const struct ruleset *rs, struct stream *s,
		     struct buf *err);

/* ---- elems.c */

/* Of a set that stands behind it; set_id for an anonymous one, else 0. delete:
 * takes them away instead. */
struct build_set {
	const char *table, *name;
	uint32_t set_id;
	const struct rs_set *set;
};

/* Bytes of the set's key. */
uint32_t set_key_len(const struct rs_set *set);
/* Of the values that it maps to; 0: none. */
uint32_t set_data_len(const struct rs_set *set);
void build_elems(struct stream *s, const struct build_set *b);
/* How many there are as the kernel counts them, ends of ranges included. */
size_t count_elems(const struct rs_set *set);

/* ---- expr.c */

struct nftnl_rule;

struct build_rule {
	const char *table;
	struct stream *s;	/* anonymous sets go there, before the rule */
	struct nftnl_rule *out;
	uint32_t *set_id;	/* of the last anonymous set */
	uint8_t nfproto, l4proto; /* the packet was found to be that; 0: no */
	const char *unknown;	/* what could not be said */
};

void build_exprs(struct build_rule *b, const struct rs_rule *r);

/* ---- sets.c */

void build_set(struct stream *s, const struct build_set *b);
/* For { … } in a rule. */
void build_anonymous(struct stream *s, const struct build_set *b,
		     const struct nl_field *f);

#endif
