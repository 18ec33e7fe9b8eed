#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/vec.h"
#include "plan/plan.h"

/*
 * What the machine is that a firewall of the topology runs on: its interfaces,
 * addresses, routes and switches as the kernel says them, held against the
 * topology. Nothing is changed, and nothing needs root.
 */

struct machine_link {
	int index; /* the kernel's number */
	const char *name;
	bool up;
};

struct machine_address {
	int link; /* index of a link */
	struct addr addr;
	bool global; /* of a scope beyond the link */
};

enum machine_route_kind {
	ROUTE_UNICAST,
	ROUTE_DISCARDS, /* blackhole, unreachable, prohibit */
	ROUTE_UNKNOWN,	/* leaves by what this does not read */
};

/* Of the main table. */
struct machine_route {
	struct addr_range to;
	unsigned length; /* of the prefix, by its family */
	uint32_t metric; /* the lower is taken */
	enum machine_route_kind kind;
	VEC(int) links; /* indices, one for each next hop */
};

/* A number from a file of the kernel; absent where it has none. */
struct machine_number {
	bool there;
	uint64_t v;
};

struct machine {
	struct arena *arena;
	VEC(struct machine_link) links;
	VEC(struct machine_address) addresses;
	VEC(struct machine_route) routes;
	size_t policies; /* routing rules beside the three of every machine */
	struct machine_number forward4, forward6;
	struct machine_number tracked, tracked_most; /* connections */
};

/* Of the network namespace it is called in. NULL: err says why. */
struct machine *machine_read(struct arena *a, struct buf *err);
const char *machine_link_name(const struct machine *m, int index);

/* facts.c: the machine as lines of text, for the other node of a pair. */
void machine_facts(const struct machine *m, struct buf *out);

/* ---- held against the topology ---------------------------------------------- */

enum machine_kind {
	MACHINE_INTERFACE, /* not there, or not up */
	MACHINE_ADDRESS,   /* missing, elsewhere, or of another zone */
	MACHINE_ROUTE,	   /* a zone lies elsewhere than planned, or nowhere */
	MACHINE_FORWARDING,
	MACHINE_CONNTRACK,
	MACHINE_PEER, /* the other node is not alike */
	MACHINE_KINDS
};

extern const char *const machine_kind_name[MACHINE_KINDS];

struct machine_finding {
	enum machine_kind kind;
	const char *text;
	struct span at; /* the element that is not true */
	char fingerprint[17];
};

struct machine_unjudged {
	enum machine_kind kind;
	const char *text; /* a phrase */
};

struct machine_report {
	VEC(struct machine_finding) findings;
	VEC(struct machine_unjudged) unjudged;
};

struct machine_options {
	uint64_t connections; /* that are expected at once; 0: not said */
	const char *peer;     /* the other node's facts; NULL */
	const char *peer_name;
};

/* Of a bundle's plan, what the bundle does not hold is not judged. */
void machine_judge(struct arena *a, const struct plan *p,
		   const struct firewall *f, const struct machine *m,
		   const struct machine_options *opt,
		   struct machine_report *out);

#endif
