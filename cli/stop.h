#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <stdbool.h>

/* The end of what would go on without one. */

/* From now on SIGINT and SIGTERM do not end the program: it asks. */
void stop_catch(void);
bool stop_asked(void);
/* Seconds, of a clock that nobody sets. */
double stop_clock(void);

#endif
