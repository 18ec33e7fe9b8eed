#ifndef APPLY_STREAM_H
#define APPLY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;
struct nlattr;

/*
 * A generation of a table as netlink messages, in the order in which they are
 * sent: the table (dormant), its chains, sets with elements, rules. They come
 * in units: what must reach the kernel in one batch, such as an anonymous set
 * and the rule that uses it. Whoever takes the units - the kernel, a file, a
 * model to compare with - sees the same bytes, and never more than one unit is
 * in memory. What lies between attributes is zero: libmnl before 1.0.5 leaves
 * it as it was, and a plan file would hold what was in memory.
 *
 * Messages carry no sequence numbers yet. The table's name is always the first
 * attribute, and its third byte tells generations apart (generation.h).
 */
struct stream {
	char *buf;
	size_t n;
	int (*take)(void *ctx, const char *unit, size_t n); /* 0 or -1 */
	void *ctx;
	bool failed; /* take() said -1: the rest is dropped */
};

enum {
	STREAM_UNIT = 1 << 18,	/* bytes of a unit at most */
	STREAM_NEST = 60000,	/* bytes of elements in a message: the length
				   of a nested attribute has 16 bits */
};

void stream_init(struct stream *s,
		 int (*take)(void *ctx, const char *unit, size_t n), void *ctx);
void stream_free(struct stream *s);

/* A message of NFT_MSG_… type for a table of family inet. */
struct nlmsghdr *stream_message(struct stream *s, uint16_t type,
				uint16_t flags);
void stream_end_message(struct stream *s, struct nlmsghdr *h);
/* The unit is complete. */
void stream_end_unit(struct stream *s);
int stream_finish(struct stream *s);

/* libmnl's own loop casts const away. */
#define each_nested(a, nest) \
	for ((a) = mnl_attr_get_payload(nest); \
	     mnl_attr_ok((a), (int)((const char *)(nest) + \
				    mnl_attr_get_len(nest) - \
				    (const char *)(a))); \
	     (a) = mnl_attr_next(a))

/* Attributes of a message, all lengths bounded by the caller. */
void put_be32(struct nlmsghdr *h, uint16_t type, uint32_t v);
void put_be64(struct nlmsghdr *h, uint16_t type, uint64_t v);
struct nlattr *nest_begin(struct nlmsghdr *h, uint16_t type);
void nest_end(struct nlmsghdr *h, struct nlattr *a);
/* A key or what a map has for it, n bytes: a nest with one value. */
void put_value(struct nlmsghdr *h, uint16_t type, const void *p, uint32_t n);

/* What nft keeps beside an element or a rule: type, length, value, the first
 * two a byte each. */
enum { USERDATA = 256 };
/* A comment so, with its NUL, cut where nft cuts it; returns the bytes. It is
 * of the same type in both. */
size_t comment_bytes(const char *comment, uint8_t out[USERDATA]);
void put_comment(struct nlmsghdr *h, uint16_t type, const char *comment);

#endif
