#ifndef ADVICE_OUTSIDE_H
#define ADVICE_OUTSIDE_H

#include "plan/plan.h"

/* How addresses look to the internet. */
struct outside {
	VEC(struct addr_range) seen;
	bool unknown; /* some leave by an interface without an address */
};

/* Of a cell, towards a zone of the internet, after translation. */
struct outside cell_outside(struct arena *a, const struct plan *p,
			    uint32_t cell, uint32_t zone);
/* The first zone of kind internet; NONE. */
uint32_t internet_zone(const struct plan *p);

#endif
