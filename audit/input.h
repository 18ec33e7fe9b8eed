#ifndef AUDIT_INPUT_H
#define AUDIT_INPUT_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The bytes of one capture file, unpacked: plain, gzip or zstd, told apart by
 * their first bytes. "-" is standard input.
 */
struct input;

/* NULL: *why says what is wrong with it, a phrase for after the name. */
struct input *input_open(const char *path, const char **why);
/* The same of an open descriptor, which it closes in any case. */
struct input *input_open_fd(int fd, const char **why);
void input_close(struct input *in);
/* As capture_stop(). */
void input_stop(struct input *in, const volatile sig_atomic_t *stop);

/* Up to n bytes; 0: the end; -1: what follows is lost, input_why() says so. */
ssize_t input_read(struct input *in, void *buf, size_t n);
const char *input_why(const struct input *in);

/* Bytes of the file used up and its size (0: not known), for progress. */
uint64_t input_used(const struct input *in);
uint64_t input_size(const struct input *in);

#endif
