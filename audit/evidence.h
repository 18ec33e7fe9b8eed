#ifndef AUDIT_EVIDENCE_H
#define AUDIT_EVIDENCE_H

#include <stdbool.h>

#include "audit/decode.h"
#include "audit/frame.h"
#include "audit/mask.h"

/*
 * Packets that show findings, as a pcapng file (each keeps its own link type
 * and time). Payload is cut, so that no password is stored with it.
 */
struct evidence;

/* Into an empty file, open for writing, which it closes. With a mask, each
 * packet is made anew (audit/remake.h). NULL: errno says why. */
struct evidence *evidence_open(int fd, bool whole, struct mask *mask);
void evidence_packet(struct evidence *e, const struct frame *f,
		     const struct pkt *p);
/* What was put so far is in the file. */
void evidence_flush(struct evidence *e);
/* 0, or -1 if not all could be written. */
int evidence_close(struct evidence *e);

#endif
