#ifndef CHECK_CONNECTION_H
#define CHECK_CONNECTION_H

#include "check/packet.h"

/*
 * What has to be before a packet for conntrack to see it in the state that it is
 * to be in: a connection of its own, or one that an ICMP error is about.
 */

/* Makes that connection, over a NETLINK_NETFILTER socket. NULL: done, or none is
 * needed; else why there can be none. */
const char *connection_make(int nfnl, const space_val *p);
/* Forgets all. */
void connection_forget(int nfnl);

/* Is it an ICMP error, which quotes the packet that it is about? */
bool connection_error(const space_val *p);
/* The packet that such an error quotes. */
void connection_quoted(const space_val *p, space_val *out);

#endif
