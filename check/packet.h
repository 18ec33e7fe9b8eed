#ifndef CHECK_PACKET_H
#define CHECK_PACKET_H

#include "check/rules.h"
#include "space/space.h"

/*
 * The fields of a packet that are modelled, in diagram order. Services come
 * before addresses: rules share few services (bench_space).
 */
enum pk_field {
	PK_FAMILY, /* 0 IPv4, 1 IPv6 */
	PK_IIF,	   /* a class of interface names: struct pk_names */
	PK_OIF,
	PK_CT,	/* enum pk_ct */
	PK_DIR, /* 0 original, 1 reply */
	PK_PROTO,
	PK_TH2, /* bytes 2 and 3 of the transport header: destination port */
	PK_DST, /* as in base/addr.h */
	PK_SRC,
	PK_TH0,	  /* bytes 0 and 1: source port, or ICMP type and code */
	PK_FLAGS, /* byte 13: TCP's flags; 0 elsewhere */
	PK_TOS,
	PK_TTL,	 /* or hop limit, on entry */
	PK_TYPE, /* PACKET_HOST 0, BROADCAST 1, MULTICAST 2, OTHERHOST 3 */
	PK_MARK, /* on entry */
	PK_FIELDS
};

/* What connection tracking says of it, unless a rule prevents that. */
enum pk_ct { CT_INVALID, CT_ESTABLISHED, CT_RELATED, CT_NEW, CT_UNTRACKED };

/* Bytes that a register holds for each value of a small field. */
enum pk_view {
	VIEW_IIFNAME,
	VIEW_OIFNAME,
	VIEW_IIF,
	VIEW_OIF,
	VIEW_CT,
	VIEW_CT_NONE, /* what is invalid reads as untracked */
	VIEW_DIR,
	VIEW_TYPE,
	VIEW_ROUTED_TTL, /* as the forward hook sees it: one less */
	PK_VIEWS
};

/*
 * Interface names as classes: every name that occurs, then for every wildcard
 * "eth*" the names that match it and no longer one, last all others. Rules
 * cannot tell two names of a class apart, so one stands for all.
 */
struct pk_name {
	const char *text; /* "eth0", "eth*", NULL: any other */
	char like[17];	  /* the one that stands for all */
	bool exact;
};

struct pk_names {
	struct pk_name *v;
	size_t n;
};

struct pk_names pk_names_of(struct arena *a, struct kruleset *const *rs,
			    size_t n, const char *const *extra, size_t n_extra);

struct space *pk_space(const struct pk_names *names);
/* Packets that can exist: addresses of the family, flags for TCP only ... */
uint32_t pk_possible(struct space *s);

enum pk_field pk_view_field(enum pk_view v);
unsigned pk_view_bytes(enum pk_view v);
void pk_view_value(const struct pk_names *names, const struct kruleset *rs,
		   enum pk_view v, unsigned id, uint8_t out[16]);

extern const char *const pk_ct_name[5];
extern const uint32_t pk_ct_bit[5]; /* as `ct state` loads them */

#endif
