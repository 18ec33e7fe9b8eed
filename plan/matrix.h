#ifndef PLAN_MATRIX_H
#define PLAN_MATRIX_H

#include "plan/plan.h"

/*
 * The port matrix as rows of text, ready for any writer. By role a row is a
 * reason between two zones; by host it is a reason between two parties.
 */
enum matrix_by { MATRIX_BY_ROLE, MATRIX_BY_HOST };

struct matrix_row {
	const char *from, *to;		 /* role, ends as written, or party */
	const char *from_zone, *to_zone; /* a firewall's name for its own */
	const char *protocol, *ports;	 /* "tcp", "53 88-90"; "" without ports */
	const char *service;		 /* "" where ports are literal */
	const char *carriage;		 /* "clear" or "ipsec" */
	const char *firewalls;		 /* "outer > inner | other"; see below */
	const char *within; /* of one zone: "fw, other", which stand between
			       parts of it; NULL: nothing is enforced there */
	const char *requirement;	 /* of flows; "exception", "input", "ipsec" */
	const char *reason, *source;
	const char *owner, *ticket, *expires;
	const char *extra; /* attributes of other namespaces: "case=7" of the
			      reason, "fe1.rack=7" of the ends (by role: their
			      zones) and of what is around them; NULL */
	const char *ident; /* of the reason */
	const char *translated; /* "to 203.0.113.10, from 203.0.113.1": what
				   hops beyond see instead; "" */
};

/* Names: of a zone, network, host, firewall or role, or an address; NULL: all.
 * The caller has checked that they exist. */
struct matrix_filter {
	const char *from, *to, *service, *firewall;
};

struct matrix {
	VEC(struct matrix_row) rows;
};

struct matrix *matrix_build(struct arena *a, const struct plan *p,
			    enum matrix_by by, const struct matrix_filter *f);

/* "outer > inner | other": the firewalls of each path; "(within inside)". */
const char *route_text(const struct plan *p, const struct route *r,
		       struct arena *a);
/* Ends as they were written, separated by spaces. */
const char *ends_text(const struct ends *e, struct arena *a);

#endif
