#ifndef ADVICE_LAYOUT_H
#define ADVICE_LAYOUT_H

#include "plan/plan.h"

/*
 * What the internet can attack, and what that would give it: hosts to which
 * anyone on the internet opens connections, those of which the plan says the
 * same together. An opening is a range of ports, or a protocol, of one party;
 * what IPsec carries is counted apart, since no firewall sees it.
 */
struct layout_row {
	const char *hosts;	 /* "fe1, fe2", the first few */
	size_t n_hosts;
	double from_internet;	 /* openings, of each of them */
	double reached;		 /* parties: hosts, and rests of networks */
	double openings, ports, inside;
	const char *each;	 /* "dc1 8, be1 5": openings, IPsec's included */
};

struct layout {
	VEC(struct layout_row) rows;
};

struct layout *layout_read(struct arena *a, const struct plan *p);

#endif
