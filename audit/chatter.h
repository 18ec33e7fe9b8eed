#ifndef AUDIT_CHATTER_H
#define AUDIT_CHATTER_H

#include "audit/flow.h"
#include "audit/judge.h"

/* Is it of the link's own: to all or to a group there, or between addresses
 * that no router passes on? What has no business on a wire is not. */
bool is_chatter(const struct judge *j, const struct conn *c);
/* Of chatter: the source has no address yet and asks for one (RFC 2131, 4.1;
 * RFC 4862, 5.4.2), or has one for its link alone (RFC 4291, 2.5.6; RFC 3927).
 * It belongs to the link where it is seen, and to no zone. */
bool is_link_source(const struct judge *j, const struct conn *c,
		    struct addr src);

#endif
