#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/addr.h"
#include "base/keys.h"
#include "check/eval.h"
#include "check/load.h"

/*
 * Two things that say which packets pass - rulesets, or a plan - and what
 * tells them apart. The order of calls:
 *
 *	a = check_load_file(arena, "old.nft", NULL, 0, &err);
 *	b = check_load_file(arena, "new.nft", NULL, 0, &err);
 *	c = check_new(arena, (struct kruleset *[]){ a, b }, 2, NULL, 0);
 *	x = check_rules(c, a, PATH_FORWARD);
 *	y = check_rules(c, b, PATH_FORWARD);
 *	f = check_compare(c, &x, &y, CHECK_ALL, PATH_FORWARD, 300);
 *	check_free(c);
 *
 * For a plan, x = check_flows(c, flows, n) and CHECK_OPENING in place of
 * CHECK_ALL; check_passes() gives sets for questions about other states.
 *
 * Assumed, and to be told to the reader: packets without
 * IP options, extension headers and fragments, sets as they were when they
 * were read, mark 0 on entry (forward, input), addressed to this machine's
 * link address (forward).
 */
struct check {
	struct arena *arena;
	struct pk_names names;
	struct space *s;
	uint32_t possible;
	uint32_t compared; /* of that, what is told; boxes are worded as if it
			    * were all */
	struct crossings **crossings; /* of what was asked about, each once */
	size_t n_crossings;
};

/* What passes: outcomes of rules, or a set (ev NULL). */
struct check_side {
	struct evaluator *ev;
	uint32_t d;
};

/* A planned flow, both ends of ranges belong to it. NULL: any interface. */
struct check_flow {
	const char *in, *out;
	struct addr_range src, dst;
	struct key_range keys;
};

enum check_scope {
	CHECK_OPENING, /* packets that open connections: ct new, TCP: SYN */
	CHECK_NEW,     /* ct new */
	CHECK_OTHER,   /* every other state */
	CHECK_ALL
};

enum check_kind {
	CHECK_OPENS,  /* the second side passes, the first does not: extra */
	CHECK_CLOSES, /* the reverse: missing */
	CHECK_TRANSLATES, /* both pass it, and it becomes something else */
	CHECK_UNDECIDED,
	CHECK_KINDS
};

struct check_finding {
	enum check_kind kind;
	enum check_path path;
	uint32_t set;		  /* the packets, in the check's space */
	struct space_count size;  /* interfaces x addresses x ports or types */
	struct space_cubes cubes; /* for the reader: what cannot matter is left
				     out (flags without TCP, ...) */
	space_val witness[PK_FIELDS];
	/* What decided on either side; NULL: nothing did, or no ruleset. */
	const struct kr_rule *rule[2];
	const struct kr_chain *policy[2]; /* of this chain */
	const char *why;		  /* undecided: because of this */
};

struct check_findings {
	struct check_finding *v;
	size_t n;
};

/* extra: more interface names to tell apart (the topology's). */
struct check *check_new(struct arena *a, struct kruleset *const *rs, size_t n,
			const char *const *extra, size_t n_extra);
void check_free(struct check *c);

struct check_side check_rules(struct check *c, const struct kruleset *rs,
			      enum check_path path);
/* As if these tables dropped nothing. */
struct check_side check_rules_but(struct check *c, const struct kruleset *rs,
				  enum check_path path,
				  const char *const *tables, size_t n);
struct check_side check_flows(struct check *c, const struct check_flow *flow,
			     size_t n);
/* Ruleset as a set: what surely passes, or what may pass. */
uint32_t check_passes(struct check *c, const struct check_side *x, bool maybe);

struct check_findings check_compare(struct check *c, const struct check_side *a,
				    const struct check_side *b,
				    enum check_scope scope,
				    enum check_path path, size_t max_cubes);

/* become.c: new connections that may pass by both rulesets, and become
 * something else. */
uint32_t check_otherwise(struct check *c, const struct check_side *a,
			 const struct check_side *b);

/* The set with what is not possible beside it, where boxes are shorter so: a
 * field of which all that is possible is in the set is named in none. */
uint32_t check_readable(struct check *c, uint32_t set, uint32_t possible);

/* The packets that a comparison is about. */
uint32_t check_within(struct check *c, enum check_scope scope,
		      enum check_path path);

/* What becomes of one packet. *rule may be NULL: a policy, or nothing. */
enum check_fate { CHECK_PASS, CHECK_BLOCK, CHECK_EITHER };
enum check_fate check_packet(struct check *c, const struct check_side *x,
			     const space_val *packet,
			     const struct kr_rule **rule);

/* ---- text.c */

/* "iifname eth0 ip saddr 10.0.0.0/8 tcp dport { 22, 80-90 }" */
void check_cube_text(const struct check *c, const struct space_cube *x,
		     struct buf *out);
/* The same without addresses of the family that it is not of. */
struct space_cube check_cube_clip(struct arena *a, const struct space_cube *x);
/* "in eth0 out eth1 10.0.0.1 > 10.1.0.1 tcp/22 sport 40000 flags syn, ct new";
 * behind the flags what is not as usual: "ttl 2", "tos 40", ... */
void check_packet_text(const struct check *c, const space_val *p,
		       enum check_path path, struct buf *out);
/* As tests/net/probe takes it: "at fw eth0 eth1 10.0.0.1 10.1.0.1 6 22 ...".
 * Nothing if that packet cannot be sent alone. */
void check_probe_text(const struct check *c, const space_val *p,
		      enum check_path path, struct buf *out);
/* "fw.nft:12: ip saddr ... accept" */
void check_rule_text(const struct kr_rule *r, const struct kr_chain *policy,
		     struct buf *out);
extern const char *const check_path_name[PATHS];
extern const char *const check_kind_name[CHECK_KINDS];
/* Tables of families that are not judged: "bridge br". */
void check_not_judged(const struct kruleset *rs, struct buf *out);

#endif
