#include "audit/icmp.h"

#include <stddef.h>

#include "base/keys.h"

static const struct icmp_query queries[] = {
	{ PROTO_ICMP, ICMP_ECHO_REQUEST, 0 },
	{ PROTO_ICMP, ICMP_TIMESTAMP_REQUEST, ICMP_TIMESTAMP_REQUEST + 1 },
	{ PROTO_ICMP, ICMP_INFO_REQUEST, ICMP_INFO_REQUEST + 1 },
	{ PROTO_ICMP, ICMP_MASK_REQUEST, ICMP_MASK_REQUEST + 1 },
	{ PROTO_ICMPV6, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REQUEST + 1 },
};

const struct icmp_query *icmp_query(uint8_t proto, uint8_t type)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(*queries); i++)
		if (queries[i].proto == proto &&
		    (queries[i].request == type || queries[i].reply == type))
			return &queries[i];
	return NULL;
}
