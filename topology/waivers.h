#ifndef TOPOLOGY_WAIVERS_H
#define TOPOLOGY_WAIVERS_H

#include "topology/topology.h"

/* A finding of check or audit that is accepted for a time. */
struct waiver {
	const char *kind; /* extra, missing, undecided, or a finding class */
	const char *finding; /* this one of check alone; NULL: by the rest */
	struct ends from, to;
	bool any_from, any_to, any_packets; /* not restricted */
	struct packets what;
	const char *firewall; /* NULL: all */
	const char *reason, *owner, *ticket;
	struct when expires; /* first moment after */
	struct span at;
};

struct waivers {
	VEC(struct waiver *) list;
};

/* Names are the topology's. NULL if there are errors, which are in d. */
struct waivers *waivers_read(struct arena *a, const struct topology *t,
			     const char *path, struct diags *d);

#endif
