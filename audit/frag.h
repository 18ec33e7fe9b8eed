#ifndef AUDIT_FRAG_H
#define AUDIT_FRAG_H

#include <stdbool.h>

#include "audit/decode.h"
#include "base/arena.h"

/*
 * Only the first fragment of a packet has ports; the later ones inherit them
 * here, and with them flow and verdict. Nothing is reassembled: the defects
 * of those who do are a long list. The table is of
 * fixed size; what is overwritten is lost and counted as such by the caller.
 */
struct frags;

struct frags *frags_new(struct arena *a, uint64_t seed);
void frags_note(struct frags *t, const struct pkt *first, uint64_t ts);
/* Gives a later fragment the ports of its first; false: it was not seen. */
bool frags_find(const struct frags *t, struct pkt *later, uint64_t ts);

#endif
