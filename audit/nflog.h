#ifndef AUDIT_NFLOG_H
#define AUDIT_NFLOG_H

#include <stdbool.h>

/* Is it libpcap's name of NFLOG groups: "nflog", "nflog:5", "nflog:5,6"? */
bool nflog_name(const char *name);
/* The kernel hands over what it has collected for the groups of this name
 * after so many hundredths of a second; by itself it takes a whole one. fd:
 * libpcap's netlink socket. 0 or -1. */
int nflog_hurry(int fd, const char *name, unsigned hundredths);

#endif
