#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A text of any size, line by line: logs outgrow memory. Plain, gzip or zstd;
 * "-" is standard input.
 */
struct lines;

/* NULL: *why says what is wrong with the file, to follow its name. */
struct lines *lines_open(const char *path, const char **why);
void lines_close(struct lines *l);

/* The next line without its end, good until the next call; false: there is
 * none, or what follows is lost. */
bool lines_next(struct lines *l, const char **s, size_t *n);

/* Its first character that is no white space; '\0': it has none. Nothing is
 * used up. */
char lines_first(struct lines *l);
/* All that is left, good until the close; NULL: it is lost, or larger than
 * most bytes. */
const char *lines_rest(struct lines *l, size_t most, size_t *n);

/* What is wrong, to follow the name of the file; NULL: nothing was lost. */
const char *lines_why(const struct lines *l);

#endif
