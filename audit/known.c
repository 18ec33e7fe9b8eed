#include "audit/known.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "audit/direction.h"
#include "base/keys.h"

/*
 * The file: a head of 32 bytes and a record of 56 bytes a connection, all
 * little-endian; addresses as 16 bytes, IPv4 mapped (RFC 4291, 2.5.5.2).
 *
 *	 0 "ppstate\n"	 8 version  12 records  16 saved
 *	24 CRC-32 of all but itself  28 zero
 *
 *	 0 source  16 destination  32 ports, source first
 *	36 protocol  37 zero  40 first  48 last
 */
enum { HEAD = 32, RECORD = 56, VERSION = 1, CRC_AT = 24 };
static const char magic[8] = "ppstate\n";

#define SECOND UINT64_C(1000000000)
/* A silent connection may go on after so long, not longer. */
#define KEEP (24 * 3600 * SECOND)

static void put_le(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

static void put_addr(uint8_t *p, struct addr a)
{
	for (int i = 0; i < 8; i++) {
		p[i] = (uint8_t)(a.hi >> (56 - 8 * i));
		p[8 + i] = (uint8_t)(a.lo >> (56 - 8 * i));
	}
}

static void put_record(struct buf *out, const struct known_conn *k)
{
	uint8_t p[RECORD] = { 0 };

	put_addr(p, k->src);
	put_addr(p + 16, k->dst);
	put_le(p + 32, k->sport, 2);
	put_le(p + 34, k->dport, 2);
	p[36] = k->proto;
	put_le(p + 40, k->first, 8);
	put_le(p + 48, k->last, 8);
	buf_put(out, p, sizeof(p));
}

static struct known_conn get_record(const uint8_t *p)
{
	return (struct known_conn){
		.src = addr_from_v6_bytes(p), .dst = addr_from_v6_bytes(p + 16),
		.sport = (uint16_t)get_le(p + 32, 2),
		.dport = (uint16_t)get_le(p + 34, 2), .proto = p[36],
		.first = get_le(p + 40, 8), .last = get_le(p + 48, 8),
	};
}

static uint32_t checksum(const uint8_t *p, size_t n)
{
	uLong c = crc32(0, p, CRC_AT);

	return (uint32_t)crc32_z(c, p + CRC_AT + 4, n - CRC_AT - 4);
}

static int order(const void *x, const void *y)
{
	const struct known_conn *a = x, *b = y;
	int c = addr_cmp(a->src, b->src);

	if (!c)
		c = addr_cmp(a->dst, b->dst);
	if (!c)
		c = a->proto != b->proto ? a->proto - b->proto :
		    a->sport != b->sport ? a->sport - b->sport :
					   a->dport - b->dport;
	return c ? c : a->first < b->first ? -1 : a->first > b->first;
}

void known_encode(known_list *l, uint64_t saved, struct buf *out)
{
	uint8_t head[HEAD] = { 0 };
	size_t at = out->n;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), order);
	memcpy(head, magic, sizeof(magic));
	put_le(head + 8, VERSION, 4);
	put_le(head + 12, l->n, 4);
	put_le(head + 16, saved, 8);
	buf_put(out, head, sizeof(head));
	for (size_t i = 0; i < l->n; i++)
		put_record(out, &l->v[i]);
	put_le(head, checksum((const uint8_t *)out->s + at, out->n - at), 4);
	memcpy(out->s + at + CRC_AT, head, 4);
}

int known_decode(struct arena *a, const uint8_t *p, size_t n, known_list *l,
		 uint64_t *saved, const char **why)
{
	*why = "is no state file";
	if (n < HEAD || memcmp(p, magic, sizeof(magic)))
		return -1;
	*why = "is of another version";
	if (get_le(p + 8, 4) != VERSION)
		return -1;
	*why = "is damaged: its length is not what it says";
	if ((n - HEAD) % RECORD || get_le(p + 12, 4) != (n - HEAD) / RECORD)
		return -1;
	*why = "is damaged: its checksum does not fit";
	if (get_le(p + CRC_AT, 4) != checksum(p, n))
		return -1;
	*saved = get_le(p + 16, 8);
	for (size_t at = HEAD; at < n; at += RECORD)
		vec_push(a, l, get_record(p + at));
	return 0;
}

/* ---- looking up ----------------------------------------------------------- */

struct known {
	const struct known_conn *v;
	size_t n, mask;
	uint32_t *slot; /* index + 1; 0: free */
	uint8_t *asked; /* set by any thread, never cleared */
	uint64_t seed;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* The same for both directions. */
static uint64_t hash_of(const struct known *k, struct addr a, uint16_t aport,
			struct addr b, uint16_t bport, uint8_t proto)
{
	uint64_t x = mix(mix(mix(k->seed, a.hi), a.lo), aport);
	uint64_t y = mix(mix(mix(k->seed, b.hi), b.lo), bport);

	return mix(x + y, proto);
}

struct known *known_new(struct arena *a, const known_list *l, uint64_t seed)
{
	struct known *k = ARENA_NEW(a, struct known);
	size_t cap = 16;

	while (cap < l->n * 2)
		cap *= 2;
	k->v = l->v;
	k->n = l->n;
	k->mask = cap - 1;
	k->seed = seed;
	k->slot = ARENA_ARRAY(a, uint32_t, cap);
	k->asked = ARENA_ARRAY(a, uint8_t, l->n);
	for (size_t i = 0; i < l->n; i++) {
		const struct known_conn *c = &l->v[i];
		size_t at = hash_of(k, c->src, c->sport, c->dst, c->dport,
				    c->proto) & k->mask;

		while (k->slot[at])
			at = (at + 1) & k->mask;
		k->slot[at] = (uint32_t)i + 1;
	}
	return k;
}

/* Which side of c opened it; -1: it is another connection. */
static int opener_in(const struct known_conn *k, const struct conn *c)
{
	if (k->proto != c->proto)
		return -1;
	if (k->sport == c->aport && k->dport == c->bport &&
	    addr_eq(k->src, c->a) && addr_eq(k->dst, c->b))
		return 0;
	if (k->sport == c->bport && k->dport == c->aport &&
	    addr_eq(k->src, c->b) && addr_eq(k->dst, c->a))
		return 1;
	return -1;
}

/* After so long a silence the ports mean another connection. */
static bool may_go_on(uint8_t proto, uint64_t last, uint64_t now)
{
	uint64_t keep = proto == PROTO_TCP || proto == PROTO_SCTP ? KEEP :
								    180 * SECOND;

	return last + keep >= now;
}

void known_recall(struct known *k, struct conn *c)
{
	size_t i = hash_of(k, c->a, c->aport, c->b, c->bport, c->proto);

	for (i &= k->mask; k->slot[i]; i = (i + 1) & k->mask) {
		size_t n = k->slot[i] - 1;
		int side = opener_in(&k->v[n], c);

		if (side < 0)
			continue;
		if (__atomic_exchange_n(&k->asked[n], 1, __ATOMIC_RELAXED) ||
		    !may_go_on(c->proto, k->v[n].last, c->first))
			return;
		c->note |= (uint8_t)(NOTE_KNOWN << side);
		return;
	}
}

void known_rest(const struct known *k, uint64_t now, struct arena *a,
		known_list *l)
{
	for (size_t i = 0; i < k->n; i++)
		if (!__atomic_load_n(&k->asked[i], __ATOMIC_RELAXED) &&
		    may_go_on(k->v[i].proto, k->v[i].last, now))
			vec_push(a, l, k->v[i]);
}

void known_add(const struct conn *c, uint64_t now, struct arena *a,
	       known_list *l)
{
	struct opener o = opener_seen(c);

	if (o.side < 0 || o.how == HOW_REFUSAL || o.how == HOW_ICMP ||
	    (c->note & NOTE_MERGED) || flow_ended(c, now) ||
	    !may_go_on(c->proto, c->last, now) || !proto_sends_ports(c->proto) ||
	    ((!c->packets[0] || !c->packets[1]) && !(c->seen & SEEN_DATA * 3)))
		return;
	vec_push(a, l, (struct known_conn){
			.src = o.side ? c->b : c->a,
			.dst = o.side ? c->a : c->b,
			.sport = o.side ? c->bport : c->aport,
			.dport = o.side ? c->aport : c->bport,
			.proto = c->proto, .first = c->first,
			.last = c->last });
}
