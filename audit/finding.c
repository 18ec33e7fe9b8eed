#include "audit/finding.h"

#include <stdlib.h>
#include <string.h>

const struct class_info finding_classes[F_N + 1] = {
	[F_SPOOFED] = { "spoofed-source",
			"source does not belong to where it was seen" },
	[F_CREDENTIALS] = { "credentials", "credentials in the clear" },
	[F_CLEAR_TEXT] = { "clear-text", "clear text where IPsec is planned" },
	[F_OUTSIDE_IN] = { "outside-in", "from outside, not planned" },
	[F_UNKNOWN] = { "unknown-address", "an address in no zone" },
	[F_STRANGER] = { "unknown-host", "an undeclared host in a zone" },
	[F_UNPLANNED] = { "unplanned", "not planned" },
	[F_RPC_PORT] = { "rpc-port",
			 "the endpoint mapper hands out an unplanned port" },
	[F_PROTOCOL] = { "wrong-protocol",
			 "a planned port speaks another protocol" },
	[F_LAPSED] = { "expired", "by an exception outside its time" },
	[F_UNDETERMINED] = { "undetermined", "planned or not, undetermined" },
	[F_NONE] = { "none", "as planned, or not judged" },
};

/*
 * Aggregates are found by a key in a map of the arena. Their number is
 * bounded by folding: when a pair of ends has shown more services, or an end
 * more partners, than one would read one by one, what comes new goes to an
 * aggregate in which those are "any". So a scan is one line and a flood of
 * made-up sources a bounded number.
 */
struct agg_key {
	uint32_t cls, src, dst, key, extra, flags;
	struct addr src_addr, dst_addr;
};

/* A counter or an aggregate. base/map.h would do, but hashes byte by byte,
 * and a scan comes here with every flow. */
struct entry {
	struct agg_key key;
	struct finding *finding; /* NULL: a counter */
	uint32_t count;
	bool used;
};

enum { ANY_SRC = 1, ANY_DST = 2, ANY_KEY = 4, COUNTER = 8 };

static const struct {
	uint32_t any;
	uint32_t limit;
} folds[] = { /* the coarsest first */
	{ ANY_SRC | ANY_DST | ANY_KEY, 4096 },
	{ ANY_DST | ANY_KEY, 48 },
	{ ANY_SRC | ANY_KEY, 48 },
	{ ANY_KEY, 12 },
};

enum { N_FOLDS = sizeof(folds) / sizeof(*folds), SPREADS = 256 };

struct findings {
	struct arena *arena;
	struct entry *slot;
	size_t n_entry, cap;
	uint64_t seed;
	struct finding *first, **tail;
	size_t n, n_spread;
};

struct findings *findings_new(struct arena *a, uint64_t seed)
{
	struct findings *s = ARENA_NEW(a, struct findings);

	s->arena = a;
	s->seed = seed | 1;
	s->tail = &s->first;
	return s;
}

static struct agg_key key_for(const struct finding *f, uint32_t any)
{
	struct agg_key k;

	memset(&k, 0, sizeof(k));
	k.cls = f->cls;
	k.flags = any;
	if (!(any & ANY_SRC)) {
		k.src = f->src.place.party;
		k.src_addr = f->src.addr;
	}
	if (!(any & ANY_DST)) {
		k.dst = f->dst.place.party;
		k.dst_addr = f->dst.addr;
	}
	if (!(any & ANY_KEY)) {
		k.key = f->key;
		k.extra = f->extra;
	}
	return k;
}

static struct finding *make(struct findings *s, const struct finding *f,
			    const struct agg_key *k)
{
	struct finding *n = ARENA_NEW(s->arena, struct finding);

	*n = *f;
	n->src.any = k->flags & ANY_SRC;
	n->dst.any = k->flags & ANY_DST;
	n->any_key = k->flags & ANY_KEY;
	if (k->flags && s->n_spread < SPREADS) {
		s->n_spread++;
		n->ports = ARENA_ARRAY(s->arena, uint64_t, FOLD_BITS / 64);
		n->addrs = ARENA_ARRAY(s->arena, uint64_t, FOLD_BITS / 64);
	}
	*s->tail = n;
	s->tail = &n->next;
	s->n++;
	return n;
}

static struct entry *probe(const struct findings *s, const struct agg_key *k)
{
	uint64_t w[sizeof(*k) / 8], h = s->seed;
	size_t i;

	memcpy(w, k, sizeof(w));
	for (i = 0; i < sizeof(w) / 8; i++) {
		h = (h ^ w[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	for (i = h & (s->cap - 1);; i = (i + 1) & (s->cap - 1))
		if (!s->slot[i].used ||
		    !memcmp(&s->slot[i].key, k, sizeof(*k)))
			return &s->slot[i];
}

/* NULL: there is none. */
static struct entry *entry_find(const struct findings *s,
				const struct agg_key *k)
{
	struct entry *e = s->cap ? probe(s, k) : NULL;

	return e && e->used ? e : NULL;
}

static void grow(struct findings *s)
{
	struct entry *old = s->slot;
	size_t n = s->cap;

	s->cap = n ? n * 2 : 256;
	s->slot = ARENA_ARRAY(s->arena, struct entry, s->cap);
	for (size_t i = 0; i < n; i++)
		if (old[i].used)
			*probe(s, &old[i].key) = old[i];
}

static struct entry *entry_add(struct findings *s, const struct agg_key *k)
{
	struct entry *e;

	if (s->n_entry * 2 >= s->cap)
		grow(s);
	e = probe(s, k);
	if (!e->used) {
		e->used = true;
		e->key = *k;
		s->n_entry++;
	}
	return e;
}

static struct finding *get(struct findings *s, const struct finding *f,
			   const struct agg_key *k, bool *is_new)
{
	struct entry *e = entry_add(s, k);

	*is_new = !e->finding;
	if (*is_new)
		e->finding = make(s, f, k);
	return e->finding;
}

/* The counter of a fold; NULL: nothing counted yet. */
static struct entry *counter(struct findings *s, const struct finding *f,
			     uint32_t any, bool add)
{
	struct agg_key k = key_for(f, any | COUNTER);

	return add ? entry_add(s, &k) : entry_find(s, &k);
}

struct finding *findings_place(struct findings *s, const struct finding *f,
			       bool *is_new)
{
	struct agg_key k = key_for(f, 0);
	struct entry *e = entry_find(s, &k);

	*is_new = false;
	if (e)
		return e->finding;
	for (size_t i = 0; i < N_FOLDS; i++) {
		e = counter(s, f, folds[i].any, false);
		if (!e || e->count < folds[i].limit)
			continue;
		k = key_for(f, folds[i].any);
		return get(s, f, &k, is_new);
	}
	for (size_t i = 0; i < N_FOLDS; i++)
		counter(s, f, folds[i].any, true)->count++;
	return get(s, f, &k, is_new);
}

void finding_spread(struct finding *f, uint8_t proto, uint16_t port,
		    struct addr a)
{
	uint64_t h = (a.lo ^ a.hi * UINT64_C(0x9e3779b97f4a7c15)) *
		     UINT64_C(0xff51afd7ed558ccd);

	if (!f->ports)
		return;
	h = h >> 48;
	f->ports[port / 64] |= UINT64_C(1) << port % 64;
	f->addrs[h / 64] |= UINT64_C(1) << h % 64;
	f->protos[proto / 64] |= UINT64_C(1) << proto % 64;
}

void finding_port(struct finding *f, uint16_t port)
{
	if (f->flows <= 1)
		f->port = port;
	f->several_ports |= f->port != port;
}

uint64_t spread_count(const uint64_t *bits)
{
	uint64_t n = 0;

	for (size_t i = 0; bits && i < FOLD_BITS / 64; i++)
		n += (uint64_t)__builtin_popcountll(bits[i]);
	return n;
}

static bool sample_before(const struct sample *x, const struct sample *y)
{
	if (x->ts != y->ts)
		return x->ts < y->ts;
	if (x->source != y->source)
		return x->source < y->source;
	return x->number < y->number;
}

/* The earliest stay, in order. */
static void add_sample(struct finding *f, const struct sample *s)
{
	struct sample x = *s;

	for (size_t i = 0; i < f->n_sample; i++) {
		struct sample y = f->sample[i];

		if (!sample_before(&x, &y))
			continue;
		f->sample[i] = x;
		x = y;
	}
	if (f->n_sample < FINDING_SAMPLES)
		f->sample[f->n_sample++] = x;
}

static void add_bits(uint64_t *into, const uint64_t *bits, size_t n_bit)
{
	for (size_t i = 0; into && bits && i < n_bit / 64; i++)
		into[i] |= bits[i];
}

static void spread_samples(struct finding *into, const struct finding *f)
{
	for (size_t i = 0; i < f->n_sample; i++)
		finding_spread(into, f->sample[i].proto, f->sample[i].dport,
			       into->src.any ? f->sample[i].src :
					       f->sample[i].dst);
}

static void merge(struct finding *into, const struct finding *f)
{
	into->several_ports |= f->several_ports || f->port != into->port;
	into->flows += f->flows;
	into->rpc |= f->rpc;
	into->answered += f->answered;
	into->refused += f->refused;
	into->passed += f->passed;
	into->packets += f->packets;
	into->bytes += f->bytes;
	if (f->first < into->first)
		into->first = f->first;
	if (f->last > into->last)
		into->last = f->last;
	for (int i = 0; i < HOW_N; i++)
		into->how[i] += f->how[i];
	for (size_t i = 0; i < f->n_sample; i++)
		add_sample(into, &f->sample[i]);
	add_bits(into->protos, f->protos, 256);
	spread_samples(into, f);
}

static void place_end(struct finding_end *e, const struct judge *j,
		      struct addr a)
{
	if (e->any)
		return;
	e->place = judge_place(j, a);
	e->addr = e->place.kind == PLACE_UNKNOWN || e->place.stranger ?
		  a : (struct addr){ 0, 0 };
}

/* The bit sets go along; the place in the list stays. */
static void take_over(struct finding *into, const struct finding *f)
{
	struct finding *next = into->next;

	*into = *f;
	into->next = next;
}

struct findings *findings_replaced(const struct findings *old,
				   const struct judge *j)
{
	struct findings *s = findings_new(old->arena, old->seed);

	for (const struct finding *f = old->first; f; f = f->next) {
		struct finding x = *f;
		struct finding *into;
		struct agg_key k;
		bool is_new;

		place_end(&x.src, j, f->sample[0].src);
		place_end(&x.dst, j, f->sample[0].dst);
		x.reason = NONE;
		x.lapsed = NULL;
		x.next = NULL;
		k = key_for(&x, (x.src.any ? ANY_SRC : 0) |
				(x.dst.any ? ANY_DST : 0) |
				(x.any_key ? ANY_KEY : 0));
		into = get(s, &x, &k, &is_new);
		if (!is_new)
			merge(into, &x);
		else
			take_over(into, &x);
	}
	return s;
}

void findings_absorb(struct findings *s, const struct findings *other)
{
	for (const struct finding *f = other->first; f; f = f->next) {
		unsigned any = (f->src.any ? ANY_SRC : 0) |
			       (f->dst.any ? ANY_DST : 0) |
			       (f->any_key ? ANY_KEY : 0);
		struct finding x = *f, *into;
		struct agg_key k = key_for(f, any);
		bool is_new;

		x.next = NULL;
		x.ports = x.addrs = NULL;
		into = any ? get(s, &x, &k, &is_new) :
			     findings_place(s, &x, &is_new);
		if (is_new)
			spread_samples(into, f);
		else
			merge(into, f);
		add_bits(into->ports, f->ports, FOLD_BITS);
		add_bits(into->addrs, f->addrs, FOLD_BITS);
	}
}

/* The folded aggregate that stands for this one too, or NULL. */
static struct finding *folded_in(struct findings *s, const struct finding *f)
{
	if (f->src.any || f->dst.any || f->any_key)
		return NULL;
	for (size_t i = 1; i < N_FOLDS; i++) {
		struct agg_key k = key_for(f, folds[i].any);
		struct entry *e = entry_find(s, &k);

		if (e)
			return e->finding;
	}
	return NULL;
}

static int end_order(const struct finding_end *x, const struct finding_end *y)
{
	if (x->any != y->any)
		return x->any ? -1 : 1;
	if (x->any)
		return 0;
	if (x->place.party != y->place.party)
		return x->place.party < y->place.party ? -1 : 1;
	return addr_cmp(x->addr, y->addr);
}

static int order(const void *a, const void *b)
{
	const struct finding *x = *(struct finding *const *)a;
	const struct finding *y = *(struct finding *const *)b;
	int c;

	if (x->cls != y->cls)
		return x->cls < y->cls ? -1 : 1;
	c = end_order(&x->src, &y->src);
	if (!c)
		c = end_order(&x->dst, &y->dst);
	if (!c && x->any_key != y->any_key)
		c = x->any_key ? -1 : 1;
	if (!c && x->key != y->key)
		c = x->key < y->key ? -1 : 1;
	return c ? c : x->extra < y->extra ? -1 : x->extra > y->extra;
}

struct finding **findings_sorted(struct findings *s, size_t *n)
{
	struct finding **v = ARENA_ARRAY(s->arena, struct finding *, s->n);

	*n = 0;
	for (struct finding *f = s->first; f; f = f->next) {
		struct finding *into = folded_in(s, f);

		if (into)
			merge(into, f);
		else
			v[(*n)++] = f;
	}
	if (*n)
		qsort(v, *n, sizeof(*v), order);
	return v;
}
