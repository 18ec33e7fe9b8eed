#ifndef TOPOLOGY_DOMAINS_H
#define TOPOLOGY_DOMAINS_H

#include <stdbool.h>

/* Is it a domain name as the DNS and SPF take it (RFC 1035, 2.3.1; with
 * underscores, RFC 8552; A-labels for anything beyond ASCII)? Else a phrase
 * that fits after the quoted name. */
bool domain_valid(const char *s, const char **why);

#endif
