#ifndef TOPOLOGY_MASK_H
#define TOPOLOGY_MASK_H

#include "topology/topology.h"

/*
 * Puts numbered words in the place of all names and remarks that the topology
 * itself gives ("host3", "allow1"); what shipped templates say is public and
 * stays. Names can no longer be looked up afterwards.
 */
void topology_mask(struct topology *t);

#endif
