#ifndef CLI_PENDING_H
#define CLI_PENDING_H

#include "base/map.h"
#include "cli/cli.h"

/*
 * What was counted and logged where the plan is observed and not enforced:
 * what would be lost if it were.
 */
enum {
	PENDING_ADDRS = 8, /* single sources that a flow remembers */
	PENDING_DAYS = 90, /* until a proposal expires */
};

struct pending_flow {
	uint32_t from, to; /* parties; NONE: the address is in no zone */
	uint32_t from_node, to_node;
	struct addr src[PENDING_ADDRS], dst;
	size_t n_src; /* PENDING_ADDRS + 1: more than remembered */
	uint32_t key;
	uint64_t packets; /* that were logged */
	const struct role *role; /* that would cover it; NULL */
	bool role_to;	   /* it is the destination that would bear it */
	const char *row;   /* the template row; with role */
	bool to_many;	   /* dst is but one of them: the party is named */
	bool from_many;	   /* src is an address that many hide behind: too */
	const char *note;  /* what more is known of it; NULL */
};

struct pending_count {
	const char *table, *what; /* "office to servers" */
	uint64_t packets;
};

struct pending {
	struct args *a;
	struct loaded l;
	VEC(struct pending_flow) flows;
	VEC(struct pending_count) counts;
	struct map flow_ids, count_ids;
	uint64_t logged, planned, midstream, unreadable;
	uint64_t unobserved; /* logged or counted, where nothing is observed */
	uint64_t unknown;    /* logged by a firewall that there is not */
	const char *unknown_name; /* the first */
	bool counters, logs; /* something of the kind was read */
	const char *remark;  /* for the end of a proposal; NULL */
};

/* The flow that a packet is of, its source noted. Addresses are own ones, but
 * for a source that many hide behind. */
struct pending_flow *pending_add(struct pending *p, struct addr src,
				 struct addr dst, uint32_t key);

/* pending_read.c: EXIT_BAD and a message if the file cannot be read. */
int pending_text(struct pending *p, const char *path);
int pending_capture(struct pending *p, const char *path);
int pending_live(struct pending *p, const struct firewall *f);
/* When all is read: a flow that was logged before and behind the translation of
 * its source is one, of whom it was before. */
void pending_settle(struct pending *p);

/* pending_roles.c: finds the roles that would cover flows, and tries them on
 * the topology in memory. */
void pending_roles(struct pending *p);
/* "  <assign to=... roles=.../>" */
const char *pending_assign(const struct pending *p,
			   const struct pending_flow *f);
/* Was the same role given to the same party for a flow before? */
bool pending_given(const struct pending *p, size_t i);
/* pending_propose.c: as an attribute, " tcp=\"445\"". */
void pending_key(struct buf *out, uint32_t key);
/* Allows and roles that would keep all of it, for review;
 * what the topology refuses becomes a comment. */
void pending_propose(const struct pending *p, struct buf *out);

const char *pending_owner(const struct pending *p,
			  const struct pending_flow *f);

#endif
