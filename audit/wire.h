#ifndef AUDIT_WIRE_H
#define AUDIT_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* What templates/wire/ knows, made into C at build time. */
struct known_service {
	const char *service;
	const char *speaks; /* one of app_names */
	uint32_t port[2]; /* keys registered for it; 0: none */
};
extern const struct known_service known_services[];
extern const size_t n_known_services;

struct rpc_interface {
	uint8_t uuid[16]; /* as on the wire */
	const char *name, *source;
};
extern const struct rpc_interface rpc_interfaces[];
extern const size_t n_rpc_interfaces;

/* The number of an interface in a set of bits; of all others: RPC_OTHER. */
enum { RPC_OTHER = 63 };

#endif
