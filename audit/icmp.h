#ifndef AUDIT_ICMP_H
#define AUDIT_ICMP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What asks, what answers it (RFC 792, 950, 4443). Both carry an identifier,
 * which the asker chose; as the asker's port it keeps what each of two asks
 * the other apart, as connection tracking does.
 */
struct icmp_query {
	uint8_t proto, request, reply;
};

/* NULL: a type that neither asks nor answers. */
const struct icmp_query *icmp_query(uint8_t proto, uint8_t type);

/* Stands for the port of the one who is asked. */
static inline uint16_t icmp_asked_port(const struct icmp_query *q)
{
	return (uint16_t)(0xff00 | q->request);
}

#endif
