#ifndef AUDIT_JUDGE_H
#define AUDIT_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/mask.h"
#include "audit/sniff.h"
#include "plan/plan.h"

/* The plan as the auditor asks it. */
struct judge {
	const struct plan *plan;
	bool *zone_has_hosts; /* by zone_id */
	uint8_t *reason_app;  /* enum app: what a reason's service speaks */
	struct mask *mask;    /* of the addresses that are written; NULL */
	bool inside;	      /* judge traffic within inside="any" zones too */
};

enum place_kind { PLACE_UNKNOWN, PLACE_ZONE, PLACE_NETWORK, PLACE_HOST,
		  PLACE_FIREWALL };

/* Whose an address is. */
struct place {
	enum place_kind kind;
	uint32_t party; /* topology id; NONE */
	uint32_t zone;	/* zone_id; NONE */
	bool outside;	/* in a zone of kind internet */
	bool stranger;	/* no declared host, in a zone that declares some */
};

struct ruling {
	enum verdict verdict;
	enum verdict_why why;
	uint32_t reason;  /* the most specific one; NONE */
	uint32_t reasons[MAX_REASONS]; /* that one and the others */
	size_t n_reason;
	struct place src, dst;
	struct packet own; /* in own addresses, where it is planned */
	bool same_zone;	  /* nothing stands between them */
	bool not_judged;  /* the zone lets its own do as they like, or: */
	bool elsewhere;	  /* a bundle says nothing of what does not cross
			     its firewall */
};

struct judge *judge_new(struct arena *a, const struct plan *p);
struct place judge_place(const struct judge *j, struct addr a);
/* Of a cell of the plan, or NONE. */
struct place judge_place_of(const struct judge *j, uint32_t cell);
struct ruling judge_rule(const struct judge *j, struct addr src,
			 struct addr dst, uint32_t key);
/* Makes it one between these two, for which the plan's answer is the same. */
void judge_set_places(const struct judge *j, struct ruling *r,
		      struct place src, uint32_t src_cell, struct place dst,
		      uint32_t dst_cell);

/* What a flow that this reason allows should speak: its service's protocol, or
 * that of the port, where the reason names a port alone and no service. The
 * key is one of own addresses. APP_UNKNOWN: no opinion. */
enum app judge_expects(const struct judge *j, uint32_t reason, uint32_t key);
/* NONE: no such zone. */
uint32_t judge_zone(const struct judge *j, const char *name);
/* Does the topology forbid to plan it? */
bool judge_forbidden(const struct judge *j, struct addr src, struct addr dst,
		     uint32_t key);
/* Can the packet pass a tap that stands in this zone, looking as it does? */
bool judge_may_pass(const struct judge *j, uint32_t tap_zone,
		    const struct ruling *r, const struct packet *k);
/* The exception outside its time that would have allowed it; NULL. */
const struct rule *judge_lapsed(const struct judge *j, struct addr src,
				struct addr dst, uint32_t key);

#define PLACE_TEXT (64 + ADDR_TEXT)
/* As it is to be written. */
void judge_addr_text(const struct judge *j, struct addr a,
		     char out[ADDR_TEXT]);
/* "fe1", "internet", "10.0.0.99 in inside", "198.18.0.1 in no zone" */
void judge_place_text(const struct judge *j, struct place p, struct addr a,
		      char out[PLACE_TEXT]);
/* What is planned that comes nearest to a denied flow; "" if nothing does. */
void judge_nearest(const struct judge *j, struct addr src, struct addr dst,
		   uint32_t key, struct buf *out);
/* What lets it through for the time being though the plan denies it: zones
 * that are observed, firewalls that do not enforce; "" if nothing does. */
void judge_let_through(const struct judge *j, struct place src,
		       struct place dst, struct buf *out);

#endif
