#ifndef AUDIT_FINDING_H
#define AUDIT_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/direction.h"
#include "audit/judge.h"

/* What may be wrong with a flow, the worst first. */
enum finding_class {
	F_SPOOFED,	/* its source cannot stand where it was seen */
	F_CREDENTIALS,	/* a password in the clear */
	F_CLEAR_TEXT,	/* planned, but only inside IPsec */
	F_OUTSIDE_IN,	/* from the internet, not planned */
	F_UNKNOWN,	/* an address in no zone */
	F_STRANGER,	/* an undeclared host in a zone of declared ones */
	F_UNPLANNED,
	F_RPC_PORT,	/* an endpoint mapper hands out an unplanned port */
	F_PROTOCOL,	/* a planned port speaks something else */
	F_LAPSED,	/* by an exception outside its time */
	F_UNDETERMINED, /* planned or not, it cannot be told */
	F_N,
	F_NONE = F_N, /* nothing: a flow as it should be */
};

struct class_info {
	const char *name, *title;
};
extern const struct class_info finding_classes[F_N + 1];

enum { FINDING_SAMPLES = 3, FOLD_BITS = 65536 };

/* One flow that shows it. */
struct sample {
	struct addr src, dst;
	uint16_t sport, dport; /* said only where proto has ports */
	uint16_t source;
	uint8_t proto;
	uint64_t number; /* of its first packet, in that source */
	uint64_t ts;
};

struct finding_end {
	struct place place;
	struct addr addr; /* zero where the party says it all */
	bool any;	  /* folded: many */
};

/* All flows of one class between two parties for one service. Folded ones
 * stand for more services, or parties, than anyone wants to read of. */
struct finding {
	enum finding_class cls;
	struct finding_end src, dst;
	uint32_t key;
	bool any_key;
	uint16_t extra; /* F_RPC_PORT: port; F_PROTOCOL, F_CREDENTIALS: app */
	uint16_t want;	/* F_PROTOCOL: app that was expected */
	uint16_t port;	/* of the first flow, where it has ports */
	bool several_ports; /* others had others, which only SCTP's can: its
			     * keys have no port */
	uint64_t rpc;  /* F_RPC_PORT: interfaces, bits by rpc_interfaces[] */
	uint32_t reason;	   /* of the plan, where one matters; NONE */
	const struct rule *lapsed; /* F_LAPSED */
	enum verdict_why why;
	const char *waived; /* by whom and until when; NULL */
	uint64_t flows, answered, refused, passed;
	uint64_t packets, bytes, first, last;
	struct sample sample[FINDING_SAMPLES];
	size_t n_sample;
	uint64_t how[HOW_N];	  /* flows by what told their direction */
	/* folded: bit sets of what was seen */
	uint64_t *ports, *addrs, protos[256 / 64];
	struct finding *next;	  /* internal */
};

struct findings;

struct findings *findings_new(struct arena *a, uint64_t seed);
/* The aggregate that f belongs to; f holds class, ends, key, extra and what
 * goes with them. *is_new: it is the first of its kind. */
struct finding *findings_place(struct findings *s, const struct finding *f,
			       bool *is_new);
/* All of them under another plan: places are looked up anew by the samples'
 * addresses, the old plan's reasons are dropped. */
struct findings *findings_replaced(const struct findings *old,
				   const struct judge *j);
/* Adds what another has found under the same plan. */
void findings_absorb(struct findings *s, const struct findings *other);
/* For folded ones: what this flow adds to the number of different things. */
void finding_spread(struct finding *f, uint8_t proto, uint16_t port,
		    struct addr a);
/* What it says of the port. */
void finding_port(struct finding *f, uint16_t port);
/* How many different ones: ports exactly, addresses at least. */
uint64_t spread_count(const uint64_t *bits);

/* All, worst first, then by names; those that a folded one stands for are
 * merged into it. Valid until the next findings_place(). */
struct finding **findings_sorted(struct findings *s, size_t *n);

#endif
