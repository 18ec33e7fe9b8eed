#ifndef BUNDLE_BUNDLE_H
#define BUNDLE_BUNDLE_H

#include "base/buf.h"
#include "plan/plan.h"

/*
 * One firewall's part of the plan, as a topology of its own: gen makes the
 * same rules of it, byte for byte, on any day. What does not cross the firewall
 * is not in it.
 *
 * p: compiled with any_time, so that what has not begun or has expired is cut
 * out too. sorts: the plan of the day, where parties of which the part says the
 * same are to be told apart as the whole tells them apart, since it groups
 * rules by that; or NULL.
 */
void bundle_write(const struct plan *p, const struct firewall *f,
		  const struct plan *sorts, struct buf *out);

#endif
