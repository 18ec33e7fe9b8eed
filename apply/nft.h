#ifndef APPLY_NFT_H
#define APPLY_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct nlmsghdr;

/* A netlink socket to nf_tables of the network namespace it was opened in. */
struct nft {
	int fd;
	uint32_t seq;
	size_t limit; /* bytes that one batch may hold */
	char *in;     /* of NFT_RECEIVE bytes */
};

enum { NFT_RECEIVE = 1 << 17, NFT_REQUEST = 1024 };

/* -1: err says why; no need to close. */
int nft_open(struct nft *n, struct buf *err);
/* The same over a socket that is open already; takes fd. */
void nft_adopt(struct nft *n, int fd);
void nft_close(struct nft *n);

/* An empty request in buf[NFT_REQUEST], to add attributes to. */
struct nlmsghdr *nft_request(struct nft *n, void *buf, uint16_t type,
			     uint16_t flags);
/* Sends it and hands every answer to each (may be NULL). -1: errno says why;
 * EINTR: the rules changed meanwhile. */
int nft_ask(struct nft *n, const struct nlmsghdr *request,
	    void (*each)(void *ctx, const struct nlmsghdr *h), void *ctx);
/* The number that every change of any rules moves on. */
int nft_generation(struct nft *n, uint32_t *generation, struct buf *err);
/* What it will be after one more change. */
uint32_t nft_generation_after(uint32_t generation);

/*
 * Of the netlink batch n->in is reused for answers. 0, or -1 with errno, or
 * the kernel's complaints handed to each, in order of their messages.
 */
int nft_send_batch(struct nft *n, const char *batch, size_t len,
		   void (*each)(void *ctx, const struct nlmsghdr *h),
		   void *ctx);

#endif
