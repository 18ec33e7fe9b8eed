#ifndef CHECK_RULES_H
#define CHECK_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"

/*
 * A ruleset as the kernel runs it: the bytecode, in an own small form. All
 * bytes are copies, all lengths were checked when they were read.
 */
enum kr_ex_kind {
	EX_UNKNOWN, /* anything may happen: .name says what it is */
	EX_NOTHING, /* counter, log: no effect on the verdict */
	EX_EITHER,  /* limit, quota: goes on or ends the rule */
	EX_PAYLOAD,
	EX_META,
	EX_CT,
	EX_ONE_OF, /* loads one of .size numbers from .offset on */
	EX_OPAQUE, /* loads into dreg what is not modelled */
	EX_CMP,
	EX_RANGE,
	EX_BITWISE,
	EX_BYTEORDER,
	EX_LOOKUP,
	EX_IMMEDIATE,
	EX_VERDICT,
	EX_REJECT,
	EX_QUEUE,
	EX_ELSEWHERE, /* sends the packet, or a copy, another way */
	EX_SET_META,
	EX_SET_CT,
	EX_SET_PAYLOAD,
	EX_NOTRACK,
	EX_SNAT,
	EX_DNAT,
	EX_REDIRECT,
	EX_KINDS
};

enum kr_verdict {
	KR_ACCEPT,
	KR_DROP,
	KR_CONTINUE,
	KR_RETURN,
	KR_JUMP,
	KR_GOTO,
	KR_QUEUE,
};

#define KR_DATA 64 /* bytes, NFT_DATA_VALUE_MAXLEN */

struct kr_data {
	uint8_t len;
	uint8_t b[KR_DATA];
};

/* The first of the kernel's words of four bytes that a register has; behind the
 * last where there is no such register. NFT_REG_1 to _4 are four words each,
 * NFT_REG32_00 to _15 one. */
enum { KR_REG_WORDS = 16 };

static inline unsigned kr_reg_word(uint32_t reg)
{
	if (reg >= 1 && reg <= 4)
		return (reg - 1) * 4;
	return reg >= 8 && reg < 8 + KR_REG_WORDS ? reg - 8 : KR_REG_WORDS;
}

/* What lets pass so many packets in a time, or those beyond (over). */
struct kr_limit {
	enum {
		LIMIT_NONE,
		LIMIT_PACKETS,
		LIMIT_OTHER /* bytes, or of each source, destination, ... */
	} kind;
	bool over;
	uint32_t burst;
	uint64_t a_week;
};

enum { WEEK = 7 * 86400 }; /* seconds: the longest unit of time */

struct kr_chain;
struct kr_set;

struct kr_ex {
	enum kr_ex_kind kind;
	const char *name;    /* the kernel's, or with a key: "ct bytes" */
	uint32_t dreg, sreg; /* as the kernel numbers them */
	uint32_t base, offset, len, key, op, dir, size;
	uint32_t reg_addr, reg_port; /* of NAT; 0: none; key: random ports;
					base: the family, 0: any */
	uint64_t figures; /* hash of what a limit, quota, ... is set to */
	struct kr_limit limit;
	bool invert, ranged;
	enum kr_verdict verdict;
	const char *target; /* chain or set, by name */
	const char *object;
	struct kr_chain *chain;
	struct kr_set *set;
	struct kr_data a, b; /* value, mask, from; xor, to */
};

struct kr_rule {
	struct kr_chain *chain;
	uint64_t handle;
	uint64_t hash;	 /* of what it does: counts and handles left out */
	uint64_t effect; /* of what decides: counters and logs left out too */
	const char *comment; /* or NULL */
	const char *text;    /* once asked for: kr_rule_text() */
	const char *unknown; /* why it could not be read, else NULL */
	const char *file;    /* where it stands, if that was found */
	uint32_t line;	     /* 0: not found */
	uint32_t id;
	struct kr_ex **ex;   /* equal ones of a ruleset may be one */
	size_t n;
};

struct kr_chain {
	struct kr_table *table;
	const char *name;
	uint64_t handle;
	bool base;
	uint32_t hook;
	int32_t prio;
	uint32_t policy; /* KR_ACCEPT or KR_DROP */
	bool nat;
	const char *const *dev; /* of ingress chains, NULL ended, or NULL */
	VEC(struct kr_rule *) rule;
	uint32_t id, order;
};

struct kr_elem {
	struct kr_data key, end; /* end.len 0: none */
	uint32_t flags;
	struct kr_data data; /* of maps */
	enum kr_verdict verdict;
	const char *target; /* chain, or object */
	struct kr_chain *chain;
	const char *comment;
	const char *maybe; /* "limit": this element matches or not */
	uint64_t maybe_id; /* its figures */
	bool timed;	   /* it goes by itself after a time */
};

enum { KR_GRACE_MOST = 86400 * 1000 }; /* longer is no grace period */

struct kr_set {
	struct kr_table *table;
	const char *name;
	uint64_t handle;
	uint32_t flags, key_type, key_len, obj_type; /* key_type: as nft packs
							types, 6 bits each */
	uint8_t field[16]; /* lengths of a concatenation's parts, if ranged */
	uint8_t nfields;
	bool dynamic; /* rules add to it */
	uint64_t grace; /* milliseconds that a grace period goes on, which is
			   no element then; 0: none */
	const char *unknown;
	VEC(struct kr_elem) elem;
};

struct kr_obj {
	const char *name;
	uint32_t type;
	uint64_t hash; /* of limits and quotas: what they are set to */
	struct kr_limit limit;
};

struct kr_table {
	struct kruleset *of;
	const char *name;
	uint64_t handle;
	uint32_t family; /* NFPROTO_* */
	uint32_t flags;
	struct map chain, set; /* name -> pointer */
	VEC(struct kr_obj) obj;
};

struct kr_iface {
	const char *name;
	uint32_t index;
};

struct kruleset {
	struct arena *arena;
	const char *name; /* of the file, or "live" */
	uint32_t generation; /* of all rules, when they were read */
	VEC(struct kr_table *) table;
	VEC(struct kr_chain *) chain; /* by id */
	VEC(struct kr_rule *) rule;   /* by id */
	VEC(struct kr_set *) set;
	struct map ex; /* expressions that rules share, by themselves */
	VEC(struct kr_iface) iface; /* with an index when it was loaded */
	int netns, userns; /* of the namespace it is loaded in; -1: live */
	const char *copy;  /* live: a file of its listing, loaded there; or NULL */
	void (*texts)(struct kruleset *rs); /* gives rules their texts when the
					       first is asked for; or NULL */
};

/* Elements of one table of family inet that were read already, as the kernel
 * sent them, message by message: its sets are dumped no second time, unless
 * the rules are of another generation by now. */
struct kr_known {
	const char *table;
	uint32_t generation;
	const void *messages;
	size_t n; /* bytes */
};

/* Filled by the reader, object by object; false: not to be understood. */
struct nlmsghdr;
bool kr_add_table(struct kruleset *rs, const struct nlmsghdr *h);
bool kr_add_chain(struct kruleset *rs, const struct nlmsghdr *h);
bool kr_add_set(struct kruleset *rs, const struct nlmsghdr *h);
bool kr_add_elems(struct kruleset *rs, const struct nlmsghdr *h);
bool kr_add_obj(struct kruleset *rs, const struct nlmsghdr *h);
bool kr_add_rule(struct kruleset *rs, const struct nlmsghdr *h);
/* Names to pointers, when all is read. */
void kr_link(struct kruleset *rs);
struct kr_table *kr_find_table(const struct kruleset *rs, uint32_t family,
			       const char *name);
/* NULL: none, no table, or no name. */
struct kr_chain *kr_find_chain(const struct kr_table *t, const char *name);
struct kr_set *kr_find_set(const struct kr_table *t, const char *name);
const char *kr_family_name(uint32_t family);
/* As nft lists it, counts left out; NULL: not known. */
const char *kr_rule_text(const struct kr_rule *r);


/* decode.c: one expression; a rate a week of one in so many seconds. */
uint64_t kr_a_week(uint64_t rate, uint64_t unit);
struct nftnl_expr;
void kr_decode(struct arena *a, const struct nftnl_expr *e, struct kr_ex *x);
/* The kernel's verdict code; false: none that is known. */
bool kr_verdict_code(uint32_t v, enum kr_verdict *out);

#endif
