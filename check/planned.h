#ifndef CHECK_PLANNED_H
#define CHECK_PLANNED_H

#include "check/check.h"
#include "plan/plan.h"

/*
 * The plan of one firewall as a set of packets, to be compared with what its
 * rules let through: what may open across it, and to it. Both depend on
 * interfaces and addresses, so spoofed sources and hairpins are outside.
 */
struct check_side check_planned_forward(struct check *c, const struct plan *p,
					const struct firewall *f);
struct check_side check_planned_input(struct check *c, const struct plan *p,
				      const struct firewall *f);

/* What is let through though the plan denies it: by enforce="no", or observed. */
uint32_t check_let_through(struct check *c, const struct plan *p,
			   const struct firewall *f, enum check_path path);

/* Packets between addresses, with keys; NULL is any. */
uint32_t check_packets(struct check *c, const struct addr_set *src,
		       const struct addr_set *dst, const struct key_set *keys);

/* What of either is planned for this reason. */
uint32_t check_planned_reason(struct check *c, const struct plan *p,
			      const struct firewall *f, enum check_path path,
			      uint32_t reason);

/* reasons[i] is set where something of the set is planned for it. */
void check_planned_touching(struct check *c, const struct plan *p,
			    const struct firewall *f, enum check_path path,
			    uint32_t set, bool *reasons);

/* Packets from or to public addresses. */
uint32_t check_publics(struct check *c, const struct plan *p);

/* Packets from or to addresses in no zone. */
uint32_t check_outside(struct check *c, const struct plan *p);

/* Packets on the interfaces that the topology leads them over, by their
 * addresses; those with an address in no zone come on any. */
uint32_t check_routed(struct check *c, const struct plan *p,
		      const struct firewall *f, enum check_path path);

/* Packets from the space of the interface's zone, firewalls' own addresses and
 * link-local ones included. */
uint32_t check_from_zone(struct check *c, const struct plan *p,
			 const struct interface *itf);
/* Packets that come in by it. */
uint32_t check_on_interface(struct check *c, const struct interface *itf);

/* Packets that leave by it. */
uint32_t check_leaving_by(struct check *c, const struct interface *itf);

/* Names of its interfaces and of loopback, for check_new(); from the arena. */
const char **check_interface_names(struct arena *a, const struct firewall *f,
				   size_t *n);

#endif
