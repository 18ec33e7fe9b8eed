#include "audit/flow_impl.h"

/*
 * One flow in two tables, where several readers shared a wire.
 */
struct conn *flows_same(const struct flows *t, const struct conn *c,
			unsigned *side)
{
	struct pkt p = { .src = c->a, .dst = c->b, .sport = c->aport,
			 .dport = c->bport, .proto = c->proto };

	return flows_find(t, &p, c->hash, side);
}

/* The events of c, whose side 0 is this side of another. */
static uint32_t turned_events(uint32_t seen, unsigned side)
{
	const uint32_t pairs = SEEN_BROADCAST - 1, first = pairs / 3;

	if (!side)
		return seen;
	return (seen & ~pairs) | (seen & first) << 1 |
	       (seen & pairs & ~first) >> 1;
}

static void join(struct conn *f, const struct conn *c, unsigned side)
{
	f->seen |= turned_events(c->seen, side);
	for (unsigned i = 0; i < 2; i++) {
		unsigned to = i ^ side;

		if (!f->packets[to])
			f->ttl[to] = c->ttl[i];
		f->packets[to] += c->packets[i];
		f->bytes[to] += c->bytes[i];
		if (!f->app[to])
			f->app[to] = c->app[i];
		if (c->note & NOTE_KNOWN << i)
			f->note |= (uint8_t)(NOTE_KNOWN << to);
	}
	f->note |= c->note & (NOTE_CREDENTIALS | NOTE_JUDGED |
			      NOTE_TOLD_SECRET);
	if (c->last > f->last)
		f->last = c->last;
}

/* Who spoke first stays first. */
void flows_join(struct flows *t, struct conn *f, const struct conn *c,
		unsigned side)
{
	struct conn x = *c;

	t->st.flows--;
	if (c->first >= f->first) {
		join(f, c, side);
		return;
	}
	join(&x, f, side);
	*f = x;
}

void flows_add_stats(struct flows *t, const struct flows *other)
{
	t->st.flows += other->st.flows;
	t->st.evicted += other->st.evicted;
	t->st.acked += other->st.acked;
	t->st.missed += other->st.missed;
}
