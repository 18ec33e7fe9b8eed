#include "apply/known.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "apply/attrs.h"
#include "apply/planfile.h"
#include "apply/stream.h"
#include "gen/ruleset.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

enum { MOST_COUNTS = 256, RUNS_ROOM = 512 };

#define RUNS "portplan runs 1\nboot-id %39s\nnetns %" SCNx64 "\n" \
	     "generation %" SCNu32 "\nslot %d\nhandle %" SCNx64 "\n" \
	     "plan %" SCNx64 "\n"

struct known {
	char boot_id[BOOT_ID];
	uint64_t netns;
	uint32_t generation;
	int slot;
	uint64_t handle; /* of the table */
	uint64_t plan;	 /* hash of boot.plan */
};

/* What of it this kernel and this namespace are. */
static bool here(const struct nft *n, struct known *k)
{
	socklen_t len = sizeof(k->netns);

	read_boot_id(k->boot_id);
	return *k->boot_id &&
	       getsockopt(n->fd, SOL_SOCKET, SO_NETNS_COOKIE, &k->netns,
			  &len) == 0 && k->netns;
}

void known_write(const struct state_dir *s, struct nft *n, const char *table,
		 int slot, uint32_t generation)
{
	struct known k = { .slot = slot, .generation = generation };
	struct buf ignore = { 0 };
	struct generations g;
	char text[RUNS_ROOM];

	if (here(n, &k) && plan_file_hash(s->dir, "boot.plan", &k.plan) == 0 &&
	    generations_read(n, table, &g, &ignore) == 0 &&
	    g.generation == generation && g.running == 1 &&
	    g.slot[slot] == SLOT_RUNNING) {
		int len = snprintf(text, sizeof(text), "portplan runs 1\n"
				   "boot-id %s\nnetns %" PRIx64 "\n"
				   "generation %" PRIu32 "\nslot %d\n"
				   "handle %" PRIx64 "\nplan %" PRIx64 "\n",
				   k.boot_id, k.netns, generation, slot,
				   g.handle[slot], k.plan);

		state_put(s, "runs", text, (size_t)len);
	}
	buf_free(&ignore);
}

static bool says(const struct state_dir *s, struct known *k)
{
	char text[RUNS_ROOM];

	return state_get(s, "runs", text, sizeof(text)) == 0 &&
	       sscanf(text, RUNS, k->boot_id, &k->netns, &k->generation,
		      &k->slot, &k->handle, &k->plan) == 6;
}

/* ---- its elements, of boot.plan ------------------------------------------------------ */

struct taking {
	struct model *m;
	struct buf *messages;
	char slot;
};

/* As the kernel would send it: of anonymous sets it has. */
static void keep(struct taking *t, const struct nlmsghdr *h)
{
	size_t at = t->messages->n;
	struct attrs x = attrs_of(h, sizeof(struct nfgenmsg));

	if (x.v[NFTA_SET_ELEM_LIST_SET_ID])
		return;
	buf_put(t->messages, h, MNL_ALIGN(h->nlmsg_len));
	generation_set_slot((void *)(t->messages->s + at), t->slot);
}

static int take_unit(void *ctx, const char *unit, size_t n)
{
	struct taking *t = ctx;
	const struct nlmsghdr *h = (const void *)unit;
	int left = (int)n;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		if ((h->nlmsg_type & 0xff) == NFT_MSG_NEWSETELEM)
			keep(t, h);
	return model_unit(t->m, unit, n);
}

static struct model *confirmed(struct arena *a, const struct state_dir *s,
			       const char *table, int slot, uint64_t hash,
			       struct buf *messages)
{
	struct taking t = { model_new(a, table), messages,
			    generation_slot[slot] };
	struct buf ignore = { 0 };
	struct plan_reader r;
	bool whole = false;
	uint64_t is;

	if (plan_file_hash(s->dir, "boot.plan", &is) == 0 && is == hash &&
	    plan_file_open(&r, a, s->dir, "boot.plan", &ignore) == 0) {
		whole = plan_file_units(&r, take_unit, &t, &ignore) == 0;
		plan_file_close(&r);
	}
	buf_free(&ignore);
	return whole && !t.m->bad ? t.m : NULL;
}

/* False: there is one of which boot.plan knows nothing. */
static bool fill(struct model *m, const struct model *from)
{
	for (size_t i = 0; i < m->sets.n; i++) {
		struct model_set *s = m->sets.v[i];
		const struct model_set *f = model_set(from, s->name);

		if (s->flags & NFT_SET_ANONYMOUS || !strcmp(s->name, GRACE_SET))
			continue;
		if (!f || f->key_len != s->key_len ||
		    f->data_len != s->data_len)
			return false;
		s->elems.v = f->elems.v;
		s->elems.n = f->elems.n;
		s->elems.cap = f->elems.cap;
		s->index = f->index;
	}
	return true;
}

struct model *known_read(struct arena *a, const struct state_dir *s,
			 struct nft *n, const char *table, int slot,
			 struct buf *messages)
{
	struct known is = { .slot = slot }, k;
	struct buf ignore = { 0 };
	struct model *m = NULL, *from;

	if (here(n, &is) && says(s, &k) && !strcmp(k.boot_id, is.boot_id) &&
	    k.netns == is.netns && k.slot == slot)
		m = model_read_keeping(a, n, table, slot, false, messages,
				       &ignore);
	buf_free(&ignore);
	if (!m || m->bad || m->generation != k.generation ||
	    m->handle != k.handle)
		return NULL;
	from = confirmed(a, s, table, slot, k.plan, messages);
	return from && fill(m, from) && model_hash(m) == model_hash(from) ?
		m : NULL;
}

/* ---- what single ones have counted ------------------------------------------------------ */

static void take_answer(void *ctx, const struct nlmsghdr *h)
{
	model_unit(ctx, (const char *)h, h->nlmsg_len);
}

static bool read_count(struct arena *a, struct nft *n, const char *table,
		       const struct model_set *s, struct model_elem *e)
{
	union {
		char b[NFT_REQUEST];
		struct nlmsghdr h;
	} u;
	struct nlmsghdr *h = nft_request(n, &u, NFT_MSG_GETSETELEM, 0);
	struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	struct model *m = model_new(a, table);
	struct model_set *one = model_add_set(m, s);
	struct nlattr *list, *elem;

	g->nfgen_family = NFPROTO_INET;
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, s->name);
	list = nest_begin(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = nest_begin(h, NFTA_LIST_ELEM);
	put_value(h, NFTA_SET_ELEM_KEY, e->key, s->key_len);
	if (e->key_end)
		put_value(h, NFTA_SET_ELEM_KEY_END, e->key_end, s->key_len);
	nest_end(h, elem);
	nest_end(h, list);
	if (nft_ask(n, h, take_answer, m) < 0 || one->elems.n != 1)
		return false;
	e->counted = one->elems.v[0].counted;
	e->packets = one->elems.v[0].packets;
	e->bytes = one->elems.v[0].bytes;
	return true;
}

static bool counts(const struct delta *x, const struct model_difference *d)
{
	return d->what == MODEL_ELEM && d->how == MODEL_CHANGED &&
	       model_set(x->have, d->name)->counter;
}

bool known_counts(struct arena *a, struct nft *n, int slot,
		  const struct delta *x)
{
	char table[256];
	size_t asked = 0;

	generation_name(x->have->table, slot, table, sizeof(table));
	for (size_t i = 0; i < x->d.v.n; i++) {
		const struct model_difference *d = &x->d.v.v[i];
		const struct model_set *s;
		struct model_elem *e;

		if (!counts(x, d))
			continue;
		s = model_set(x->have, d->name);
		e = model_same_key(s, d->elem);
		if (!e || asked++ == MOST_COUNTS ||
		    !read_count(a, n, table, s, e))
			return false;
	}
	return true;
}
