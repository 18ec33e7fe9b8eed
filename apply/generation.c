#include "apply/generation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "apply/attrs.h"

enum { SLOT_BYTE = 2, TRIES = 8 };

const char generation_slot[GENERATION_SLOTS] = { '_', '.', '-' };

void generation_set_slot(struct nlmsghdr *h, char slot)
{
	struct nlattr *a = mnl_nlmsg_get_payload_offset(h,
						sizeof(struct nfgenmsg));

	if (h->nlmsg_len >= MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg) +
			    MNL_ATTR_HDRLEN + SLOT_BYTE + 1)
		((char *)mnl_attr_get_payload(a))[SLOT_BYTE] = slot;
}

void generation_name(const char *table, int slot, char *out, size_t room)
{
	snprintf(out, room, "%s", table);
	if (strlen(out) > SLOT_BYTE)
		out[SLOT_BYTE] = generation_slot[slot];
}

bool generation_of(const char *table, const char *name)
{
	size_t n = strlen(table);

	return strlen(name) == n && n > SLOT_BYTE &&
	       !memcmp(name, table, SLOT_BYTE) &&
	       memchr(generation_slot, name[SLOT_BYTE], GENERATION_SLOTS) &&
	       !strcmp(name + SLOT_BYTE + 1, table + SLOT_BYTE + 1);
}

/* A table as the kernel tells of it. */
struct told {
	const char *name;
	bool dormant;
	uint64_t handle;
};

/* False: of another family than ours. */
static bool read_table(const struct nlmsghdr *h, struct told *t)
{
	const struct nfgenmsg *family = mnl_nlmsg_get_payload(h);
	struct attrs x = attrs_of(h, sizeof(*family));

	t->name = attr_text(x.v[NFTA_TABLE_NAME], "");
	t->dormant = attr_be32(x.v[NFTA_TABLE_FLAGS]) & NFT_TABLE_F_DORMANT;
	t->handle = attr_be64(x.v[NFTA_TABLE_HANDLE]);
	return family->nfgen_family == NFPROTO_INET && *t->name;
}

struct reading {
	const char *table;
	struct generations *g;
};

static void each_table(void *ctx, const struct nlmsghdr *h)
{
	struct reading *r = ctx;
	char name[256];
	struct told t;

	if (!read_table(h, &t))
		return;
	for (int i = 0; i < GENERATION_SLOTS; i++) {
		generation_name(r->table, i, name, sizeof(name));
		if (strcmp(t.name, name))
			continue;
		r->g->slot[i] = t.dormant ? SLOT_DORMANT : SLOT_RUNNING;
		r->g->running += !t.dormant;
		r->g->handle[i] = t.handle;
	}
}

/* As names in a topology are: not to be told with whatever else. */
static bool is_plain_name(const char *s)
{
	return !s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
}

struct beside {
	const char *table;
	struct buf *names;
};

static void each_beside(void *ctx, const struct nlmsghdr *h)
{
	struct beside *b = ctx;
	struct told t;

	if (read_table(h, &t) && !t.dormant &&
	    !strncmp(t.name, b->table, SLOT_BYTE) &&
	    strlen(t.name) > SLOT_BYTE + 1 && is_plain_name(t.name) &&
	    memchr(generation_slot, t.name[SLOT_BYTE], GENERATION_SLOTS) &&
	    !generation_of(b->table, t.name))
		buf_printf(b->names, " %s", t.name);
}

int generations_beside(struct nft *n, const char *table, struct buf *names,
		       struct buf *err)
{
	struct beside b = { table, names };
	union {
		char b[NFT_REQUEST];
		struct nlmsghdr h;
	} u;

	if (nft_ask(n, nft_request(n, &u, NFT_MSG_GETTABLE, NLM_F_DUMP),
		    each_beside, &b) == 0)
		return 0;
	buf_printf(err, "reading the tables: %s\n", strerror(errno));
	return -1;
}

int generations_read(struct nft *n, const char *table, struct generations *g,
		     struct buf *err)
{
	union {
		char b[NFT_REQUEST];
		struct nlmsghdr h;
	} u;
	struct reading r = { table, g };
	uint32_t before, after = 0;

	for (int i = 0; i < TRIES; i++) {
		*g = (struct generations){ .running = 0 };
		if (nft_generation(n, &before, err) < 0)
			return -1;
		if (nft_ask(n, nft_request(n, &u, NFT_MSG_GETTABLE, NLM_F_DUMP),
			    each_table, &r) < 0 && errno != EINTR) {
			buf_printf(err, "reading the tables: %s\n",
				   strerror(errno));
			return -1;
		}
		if (nft_generation(n, &after, err) < 0)
			return -1;
		g->generation = after;
		if (before == after)
			return 0;
	}
	buf_printf(err, "the rules change faster than they can be read\n");
	return -1;
}

int generations_running(const struct generations *g)
{
	for (int i = 0; i < GENERATION_SLOTS; i++)
		if (g->slot[i] == SLOT_RUNNING)
			return i;
	return -1;
}

int generations_free(const struct generations *g)
{
	for (int want = SLOT_EMPTY; want <= SLOT_DORMANT; want++)
		for (int i = 0; i < GENERATION_SLOTS; i++)
			if (g->slot[i] == (enum slot_state)want)
				return i;
	return -1;
}
