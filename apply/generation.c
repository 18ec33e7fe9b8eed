#include "apply/generation.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

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

struct reading {
	const char *table;
	struct generations *g;
};

static int table_attr(const struct nlattr *attr, void *data)
{
	const struct nlattr **tb = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type <= NFTA_TABLE_MAX)
		tb[type] = attr;
	return MNL_CB_OK;
}

static uint64_t handle_of(const struct nlattr *a)
{
	return a && mnl_attr_validate(a, MNL_TYPE_U64) >= 0 ?
		be64toh(mnl_attr_get_u64(a)) : 0;
}

static void each_table(void *ctx, const struct nlmsghdr *h)
{
	struct reading *r = ctx;
	const struct nlattr *tb[NFTA_TABLE_MAX + 1] = { NULL };
	const struct nfgenmsg *family = mnl_nlmsg_get_payload(h);
	char name[256];

	mnl_attr_parse(h, sizeof(struct nfgenmsg), table_attr, tb);
	if (family->nfgen_family != NFPROTO_INET || !tb[NFTA_TABLE_NAME] ||
	    mnl_attr_validate(tb[NFTA_TABLE_NAME], MNL_TYPE_NUL_STRING) < 0)
		return;
	for (int i = 0; i < GENERATION_SLOTS; i++) {
		bool dormant = tb[NFTA_TABLE_FLAGS] &&
			       mnl_attr_validate(tb[NFTA_TABLE_FLAGS],
						 MNL_TYPE_U32) >= 0 &&
			       ntohl(mnl_attr_get_u32(tb[NFTA_TABLE_FLAGS])) &
				       NFT_TABLE_F_DORMANT;

		generation_name(r->table, i, name, sizeof(name));
		if (strcmp(mnl_attr_get_str(tb[NFTA_TABLE_NAME]), name))
			continue;
		r->g->slot[i] = dormant ? SLOT_DORMANT : SLOT_RUNNING;
		r->g->running += !dormant;
		r->g->handle[i] = handle_of(tb[NFTA_TABLE_HANDLE]);
	}
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
