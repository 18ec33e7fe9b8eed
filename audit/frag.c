#include "audit/frag.h"

/* RFC 791 gives a receiver 15 s to 255 s to wait; Linux waits 30 s. */
#define FRAG_TIME (30 * UINT64_C(1000000000))

enum { PLACES = 4096 };

struct frag {
	struct addr src, dst;
	uint64_t ts; /* 0: free */
	uint32_t id;
	uint16_t sport, dport;
	uint8_t proto, type;
};

struct frags {
	uint64_t seed;
	struct frag at[PLACES];
};

struct frags *frags_new(struct arena *a, uint64_t seed)
{
	struct frags *t = ARENA_NEW(a, struct frags);

	t->seed = seed | 1;
	return t;
}

/* In IPv6 an identification is not one of a protocol: what follows the
 * fragment header may be an extension first (RFC 8200, 4.5). */
static uint8_t proto_of(const struct pkt *p)
{
	return addr_is_v4(p->src) ? p->proto : 0;
}

static size_t place(const struct frags *t, const struct pkt *p)
{
	uint64_t x = p->src.lo ^ p->src.hi ^ t->seed;
	uint64_t y = p->dst.lo ^ p->dst.hi ^
		     ((uint64_t)p->frag_id << 16 | proto_of(p));
	unsigned __int128 m = (unsigned __int128)(x * 0x9e3779b97f4a7c15u) *
			      (y ^ t->seed << 7);

	return (size_t)((uint64_t)(m >> 64) ^ (uint64_t)m) % PLACES;
}

void frags_note(struct frags *t, const struct pkt *p, uint64_t ts)
{
	t->at[place(t, p)] = (struct frag){
		.src = p->src, .dst = p->dst, .ts = ts, .id = p->frag_id,
		.sport = p->sport, .dport = p->dport, .proto = p->proto,
		.type = p->type,
	};
}

bool frags_find(const struct frags *t, struct pkt *p, uint64_t ts)
{
	const struct frag *f = &t->at[place(t, p)];

	if (!f->ts || f->id != p->frag_id ||
	    (addr_is_v4(p->src) && f->proto != p->proto) ||
	    !addr_eq(f->src, p->src) || !addr_eq(f->dst, p->dst) ||
	    (ts > f->ts && ts - f->ts > FRAG_TIME))
		return false;
	p->sport = f->sport;
	p->dport = f->dport;
	p->proto = f->proto;
	p->type = f->type;
	return true;
}
