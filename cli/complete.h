#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "cli/cli.h"

/* Candidates for the last of the words (behind "portplan"), one a line; see
 * complete.c for what else a line may be. */
void complete_line(struct arena *a, char **word, size_t n, struct buf *out);

#endif
