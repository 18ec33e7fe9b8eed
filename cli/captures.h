#ifndef CLI_CAPTURES_H
#define CLI_CAPTURES_H

#include "audit/judge.h"
#include "audit/sources.h"
#include "cli/cli.h"

/* What audit and learn are told to read: FILE[=ZONE]. */

/* A file whose whole name exists is that file, "=" and all. */
struct source_arg capture_arg(struct arena *a, const char *s, bool is_file);
/* The zone of that name; NONE and an error that names the nearest. */
uint32_t capture_zone(struct diags *d, const struct judge *j, const char *name);
/* Are all zones that are named there any? Asked before anything is read. */
bool capture_zones(struct diags *d, const struct judge *j,
		   const struct source_arg *v, size_t n);
/* Says what the directories hold besides captures, to standard error. */
void captures_say_passed_over(const struct args *a, const struct sources *s);

#endif
