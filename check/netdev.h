#ifndef CHECK_NETDEV_H
#define CHECK_NETDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * Interfaces and routes of the network namespace this process is in, over a
 * NETLINK_ROUTE socket. Functions return 0 or an errno.
 */
enum { NETDEV_FIRST = 100, NETDEV_PEER = 20000 }; /* indexes */

/* One end of a virtual cable, the other is named by its index: what is sent
 * into that comes in here. A dummy where there are no cables. */
int netdev_make(int rtnl, const char *name, int index);
/* The other end of one made with this index; 0: there is none. */
int netdev_peer(int index);
int netdev_up(int rtnl, int index, bool arp);

/* The way to everything: out of this interface. */
int netdev_route_default(int rtnl, bool v6, int index);
/* An address of the interface: masquerading takes any of global scope, and drops
 * the packet where there is none. */
int netdev_address(int rtnl, int index, struct addr a);
/* The address is this machine's, or no longer. */
int netdev_route_local(int rtnl, struct addr a, bool add);

#endif
