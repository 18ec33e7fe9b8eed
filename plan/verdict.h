#ifndef PLAN_VERDICT_H
#define PLAN_VERDICT_H

#include "plan/plan.h"

/* The plan of a packet in own addresses; a public one is in no zone's space.
 * seen.c asks it for whatever a packet with public addresses stands for. */
struct answer verdict_own(const struct plan *p, const struct packet *k);
/* To any address of a firewall that declares none. */
struct answer verdict_bare_input(const struct plan *p, const struct firewall *f,
				 const struct packet *k);
/* Can it open a connection at all? Of the ICMPs only requests do. */
bool packet_opens(const struct packet *k);

#endif
