#ifndef GEN_RULESET_H
#define GEN_RULESET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/vec.h"

/*
 * The rules of one firewall, before they are text or netlink: the small part
 * of nftables that the generator needs. Both writers read only this.
 * Addresses and numbers stand in struct addr, numbers in its low half.
 */
enum rs_field {
	RS_IIFNAME, RS_OIFNAME, RS_SADDR4, RS_DADDR4, RS_SADDR6, RS_DADDR6,
	RS_L4PROTO, RS_SPORT, RS_DPORT, RS_ICMP_TYPE, RS_ICMPV6_TYPE,
	RS_HOPLIMIT, RS_NFPROTO,
	RS_N_FIELDS
};

/* Names of what stands by for a grace period: see grace.c. */
#define GRACE_SET "pp_grace"
#define GRACE_CHAIN "pp_grace"
#define GRACE_INPUT "pp_grace/input"

enum { RS_MAX_KEY = 4, RS_MAX_DATA = 2 };

struct rs_value {
	struct addr lo, hi;  /* both belong to it */
	const char *name;    /* interface names instead; may end in * */
};

enum rs_verdict {
	RS_NONE, RS_ACCEPT, RS_DROP, RS_JUMP, RS_GOTO,
	RS_RESET,  /* drops, and answers with a TCP reset: behind l4proto tcp */
	RS_REJECT, /* drops, and answers "administratively prohibited":
		    * ICMP type 3 code 13, ICMPv6 type 1 code 1 */
};

struct rs_elem {
	struct rs_value key[RS_MAX_KEY];
	const char *comment;	 /* NULL: none; at most 128 bytes */
	enum rs_verdict verdict; /* maps */
	const char *target;	 /* RS_JUMP, RS_GOTO */
	struct addr data[RS_MAX_DATA]; /* of a set with n_data */
};

struct rs_set {
	const char *name;
	enum rs_field field[RS_MAX_KEY];
	unsigned n_field;
	bool map;      /* to verdicts */
	bool interval; /* some element is a range */
	bool counter;  /* every element counts */
	bool timed;    /* elements that are added later end by themselves; it
			* has no ranges */
	/* A map to values instead: an address, or an address and a port
	 * (RS_DPORT). Never together with `map`. */
	enum rs_field data[RS_MAX_DATA];
	unsigned n_data;
	VEC(struct rs_elem) elems;
};

enum rs_kind {
	RS_MATCH,    /* field is one of values */
	RS_NOT,	     /* field is none of values */
	RS_CT_STATE, /* one of the states in `states` */
	RS_CT_NOT_NEW,
	RS_NOT_SYN,  /* TCP flags fin,syn,rst,ack other than syn alone */
	RS_IN_SET,   /* fields, concatenated, are in the set */
	RS_VMAP,     /* verdict by the map */
	RS_COUNTER,
	RS_LIMIT,    /* packets a second, and a burst */
	RS_LOG,	     /* with text as prefix; to the kernel's log, or, with
		      * to_group, to an NFLOG group, the packet whole */
	RS_VERDICT,
	/*
	 * Translation of a new connection, for good and all its packets, by a
	 * set with n_data: field is its key; where the set has none, the rule
	 * ends without effect, else the packet's destination (RS_DNAT) or
	 * source (RS_SNAT) becomes the element's address and port, and the
	 * packet leaves this base chain as accepted. In the kernel: a lookup
	 * that loads the data into registers, then a nat expression with
	 * addr_min = addr_max = the address' register and, with a port,
	 * proto_min = proto_max = its register (nft sets the flags 1 and 2,
	 * NF_NAT_RANGE_MAP_IPS and _PROTO_SPECIFIED); family by data[0].
	 */
	RS_DNAT, RS_SNAT,
	RS_MASQUERADE, /* source: the address of the interface it leaves by */
};

enum { RS_ESTABLISHED = 1, RS_RELATED = 2 };

struct rs_stmt {
	enum rs_kind kind;
	enum rs_field field[RS_MAX_KEY];
	unsigned n_field;
	struct rs_value *value;
	size_t n_value;
	const struct rs_set *set;
	unsigned states, rate, burst;
	bool to_group;
	uint16_t group;
	enum rs_verdict verdict;
	const char *text; /* chain, or log prefix of at most 127 bytes */
};

struct rs_rule {
	VEC(struct rs_stmt) stmts;
	const char *comment;
	bool unplanned; /* accepts what no reason allows: observed, or not
			 * enforced */
};

/* Base chains: on forward and input of type filter, priority filter (0), policy
 * drop; on prerouting and postrouting of type nat, priority dstnat (-100) and
 * srcnat (100), policy accept. */
enum rs_hook {
	RS_NO_HOOK, RS_HOOK_FORWARD, RS_HOOK_INPUT, RS_HOOK_PREROUTING,
	RS_HOOK_POSTROUTING
};

struct rs_chain {
	const char *name;
	enum rs_hook hook;
	VEC(struct rs_rule *) rules;
};

struct ruleset {
	struct arena *arena;
	const char *table; /* inet */
	VEC(const char *) header; /* comment lines */
	VEC(struct rs_set *) sets;
	VEC(struct rs_chain *) chains;
};

struct rs_set *rs_add_set(struct ruleset *rs, const char *name, bool map,
			  unsigned n_field, const enum rs_field *field);
/* A map to an address or, with port, to an address and a port. */
struct rs_set *rs_add_data_map(struct ruleset *rs, const char *name,
			       unsigned n_field, const enum rs_field *field,
			       enum rs_field address, bool port);
struct rs_elem *rs_add_elem(struct ruleset *rs, struct rs_set *set);
/* Room for so many, in a set that has none yet. */
void rs_reserve(struct ruleset *rs, struct rs_set *set, size_t n);
struct rs_chain *rs_add_chain(struct ruleset *rs, const char *name,
			      enum rs_hook hook);
struct rs_rule *rs_add_rule(struct ruleset *rs, struct rs_chain *c,
			    const char *comment);

/* Statements, in the order in which they are added. */
void rs_match(struct ruleset *rs, struct rs_rule *r, enum rs_field f,
	      uint64_t lo, uint64_t hi);
void rs_match_values(struct ruleset *rs, struct rs_rule *r, enum rs_kind kind,
		     enum rs_field f, struct rs_value *v, size_t n);
void rs_match_name(struct ruleset *rs, struct rs_rule *r, enum rs_field f,
		   const char *name);
void rs_lookup(struct ruleset *rs, struct rs_rule *r, const struct rs_set *s);
/* RS_DNAT or RS_SNAT by a map to addresses. */
void rs_translate(struct ruleset *rs, struct rs_rule *r, enum rs_kind kind,
		  const struct rs_set *s);
void rs_simple(struct ruleset *rs, struct rs_rule *r, enum rs_kind kind);
void rs_ct_state(struct ruleset *rs, struct rs_rule *r, unsigned states);
void rs_limit(struct ruleset *rs, struct rs_rule *r, unsigned rate,
	      unsigned burst);
void rs_log(struct ruleset *rs, struct rs_rule *r, const char *prefix);
void rs_log_group(struct ruleset *rs, struct rs_rule *r, const char *prefix,
		  uint16_t group);
void rs_verdict(struct ruleset *rs, struct rs_rule *r, enum rs_verdict v,
		const char *chain);

/* Sorts elements and settles whether sets hold ranges. Call when complete. */
void rs_finish(struct ruleset *rs);

/* As a file for nft -f: replaces the table whole, and nothing else. */
void rs_text(const struct ruleset *rs, struct buf *out);
/* Of everything but the header. */
uint64_t rs_hash(const struct ruleset *rs);

#endif
