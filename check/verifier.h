#ifndef CHECK_VERIFIER_H
#define CHECK_VERIFIER_H

#include "check/planned.h"
#include "check/verify.h"

/* A path as it was judged. */
struct judged {
	bool done;
	struct check_side rules;
	uint32_t plan;	   /* what may open, as planned */
	uint32_t expect[2]; /* openings, with waivers; other states */
	uint32_t possible[2];
	uint32_t opens;	  /* passes beside the plan, new connections */
	uint32_t limited; /* should pass at a limited rate: sometimes */
	uint32_t upkeep;  /* passes in other states beside replies */
};

/* What the parts of verify share: one firewall being judged. */
struct verifier {
	struct arena *a;
	struct check *c;
	const struct plan *p;
	const struct firewall *f;
	struct verified *out;
	const struct verify_options *opt;
	const struct kruleset *rs;
	enum check_path path;
	bool opening, before;
	bool once; /* only what was planned at another time is compared */
	uint32_t mistranslated; /* may pass as something else than planned */
	struct seen *seen; /* notes.c, by rule id */
	uint32_t routed[PATHS]; /* + 1; 0: not asked yet */
	struct check_side old[PATHS]; /* of opt->old; ev NULL: not made yet */
	uint32_t outside; /* + 1; 0: not asked yet */
	struct judged judged[PATHS];
};

/* What comes the way the topology leads it. */
uint32_t verifier_routed(struct verifier *v);
/* Packets from or to addresses in no zone. */
uint32_t verifier_outside(struct verifier *v);

/* Packets with lo..hi in the field. */
static inline uint32_t field_in(struct verifier *v, unsigned field,
				space_val lo, space_val hi)
{
	return space_interval(v->c->s, field, lo, hi, SPACE_ALL, SPACE_NO);
}

static inline uint32_t field_is(struct verifier *v, unsigned field, space_val x)
{
	return field_in(v, field, x, x);
}

static inline uint32_t both(struct verifier *v, uint32_t a, uint32_t b)
{
	return space_and(v->c->s, a, b);
}

/* ICMP, or ICMPv6, of these types. */
static inline uint32_t verifier_icmp(struct verifier *v, bool v6, unsigned lo,
				     unsigned hi)
{
	uint32_t icmp = both(v, field_is(v, PK_FAMILY, v6),
			     field_is(v, PK_PROTO, v6 ? PROTO_ICMPV6 :
							PROTO_ICMP));

	return both(v, icmp, field_in(v, PK_TH0, (space_val)lo << 8,
				      (space_val)hi << 8 | 255));
}

/* Echo requests to the firewall: as gen limits them. */
enum { ECHO_A_SECOND = 10, ECHO_BURST = 20 };

/* Packets that should pass at a limited rate, and do. */
uint32_t verifier_at_rate(struct verifier *v, const struct check_side *rules);
/* Is all of it what should? */
bool verifier_is_limited(struct verifier *v, const struct vf_finding *f);

/* A plan's openings on a path, waived ones as the rules have them; mark: the
 * waivers that matched. */
uint32_t verifier_waived(struct verifier *v, uint32_t plan,
			 const struct check_side *rules, bool mark);

/* Is it one that a waiver names? Then it is among what is waived. */
bool verifier_waives(struct verifier *v, const struct vf_finding *f);

/* A connection that passes to another host than planned, or as another, does
 * not pass as planned: rules with the planned ones of these blocked. What should
 * be limited and is less so than planned passes always. *wrong:
 * all that may pass so. */
struct check_side verifier_as_planned(struct verifier *v, const struct plan *p,
				      const struct firewall *f,
				      const struct check_side *rules,
				      uint32_t plan, uint32_t *wrong);

/* upkeep.c: what a firewall with inputs lets in beside its plan, into
 * v->judged. Returns what of that is not judged: bounds that the format leaves
 * open. plan: echo requests in it are not limited. */
uint32_t verifier_upkeep(struct verifier *v, uint32_t plan);

/* repair.c: for all findings, when all paths are judged. */
void repair_findings(struct verifier *v);

/* finding.c: appended to v->out; NULL: a waiver names it. */
struct vf_finding *finding_add(struct verifier *v, const struct check_finding *x,
			       const struct check_side *rules);
/* "fe1 (10.0.0.1) to any: tcp dport 22 [iifname eth0]" */
const char *finding_box(struct verifier *v, const struct space_cube *x);
/* The packet of each is sent through the kernel. */
void finding_replay(struct verifier *v);

/* notes.c: as one path's rules are at hand (denied: by tables that may); then
 * of all. */
void notes_path(struct verifier *v, const struct check_side *rules,
		uint32_t denied);
void notes_finish(struct verifier *v);

/* baseline.c: x as waivers; all is every difference of its kind. */
void baseline_add(struct verifier *v, const struct check_finding *x,
		  uint32_t all, struct vf_finding *out);

#endif
