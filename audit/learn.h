#ifndef AUDIT_LEARN_H
#define AUDIT_LEARN_H

#include "audit/finding.h"
#include "base/buf.h"

/*
 * What a capture shows, turned into a topology: hosts, the roles that explain
 * what they do, pins, and exceptions for the rest. Zones, networks, firewalls
 * and templates are given; so may be hosts and roles.
 *
 * How this works. Flows that the plan does not allow are kept as (source,
 * destination, service). Addresses become parties: a declared one, a zone of
 * the internet, a host of its own, or, where many only ever ask, the zone or
 * network they are in. Roles are given greedily, a pair at a time: the pair
 * of roles that explains most of what was seen and opens least besides. What
 * no role explains becomes an exception.
 */
struct learn;

struct learn *learn_new(struct arena *a, const struct judge *j);
/* A flow that was judged; what no plan can cure is counted. */
void learn_flow(struct learn *l, const struct finding *f);

/* With roles: false leaves all to exceptions. */
void learn_roles(struct learn *l, bool with_roles);
/* Does the topology take what stands now to be written? */
typedef bool learn_taken_fn(void *ctx);
/* Takes back the roles that it does not take, so that the others may stay. */
void learn_sift_roles(struct learn *l, learn_taken_fn *taken, void *ctx);
/* Marks what this plan denies of it, to become exceptions; how many. */
size_t learn_missed(struct learn *l, const struct judge *j);

/* A zone or network that new hosts go into. */
size_t learn_places(const struct learn *l, const struct party ***out);
void learn_put_hosts(const struct learn *l, const struct party *where,
		     size_t indent, struct buf *out);
/* assign and pin: what stands beside the zones. */
void learn_put_rest(const struct learn *l, struct buf *out);

/* An exception: an allow for all services from one to another. */
struct learn_allow {
	const char *xml;
	size_t first, end; /* internal: of what was seen */
};
/* In *out, of learn's arena. */
size_t learn_allows(struct learn *l, struct learn_allow **out);
/* What it stands for is not cured by it. */
void learn_refused(struct learn *l, const struct learn_allow *x);

struct learn_stats {
	size_t flows;	 /* different ones */
	size_t incurable; /* flows of which no plan could be made */
	size_t hosts, roles, pins, allows;
	size_t refused; /* flows whose exceptions the topology refuses */
	bool too_many; /* more than can be kept */
};
struct learn_stats learn_stats(const struct learn *l);

#endif
