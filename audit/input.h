#ifndef AUDIT_INPUT_H
#define AUDIT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The bytes of one capture file, unpacked: plain, gzip or zstd, told apart by
 * their first bytes. "-" is standard input.
 */
struct input;

/* Whether to go on waiting for a pipe that gives nothing: asked some times a
 * second, and after each signal. No: it is left there, which is no damage. */
struct input_wait {
	bool (*go_on)(void *ctx);
	void *ctx;
};

/* What is wrong with one that was not waited for any longer, which is nothing:
 * told by its address. */
extern const char input_was_left[];

/* Opens a file for reading, a FIFO too that nobody writes to yet, without
 * waiting for who will. -1: errno. */
int input_fd(const char *path);
/* NULL: *why says what is wrong with it, a phrase for after the name. */
struct input *input_open(const char *path, const char **why);
/* The same of an open descriptor, which it closes in any case. wait must live
 * as long as it; NULL: it waits without end. */
struct input *input_open_fd(int fd, const struct input_wait *wait,
			    const char **why);
void input_close(struct input *in);

/* Up to n bytes; 0: the end; -1: what follows is lost, input_why() says so. */
ssize_t input_read(struct input *in, void *buf, size_t n);
const char *input_why(const struct input *in);
/* It was not waited for any longer. */
bool input_left(const struct input *in);

/* Bytes of the file used up and its size (0: not known), for progress. */
uint64_t input_used(const struct input *in);
uint64_t input_size(const struct input *in);

#endif
