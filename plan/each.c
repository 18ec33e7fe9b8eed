#include "plan/each.h"

#include "plan/nat.h"

struct walk {
	const struct plan *p;
	bool (*each)(void *ctx, const struct planned *x);
	void *ctx;
	bool go;
};

static void walk_svcset(struct walk *w, struct planned x, uint32_t svc)
{
	const struct svcset *s = &w->p->svcsets.v[svc];

	x.families = FAM_V4 | FAM_V6;
	for (size_t i = 0; i < s->n && w->go; i++) {
		x.piece = s->v[i];
		w->go = w->each(w->ctx, &x);
	}
}

static void walk_ike_keys(struct walk *w, struct planned x, uint32_t list,
			  unsigned families, bool nat)
{
	const struct plan *p = w->p;
	struct arena *a = families ? arena_new() : NULL;

	x.families = families;
	for (size_t i = 0; families && i < p->lists.len[list]; i++) {
		uint32_t id = p->lists.v[list][i];
		struct key_set k = ipsec_keys(a, p->topo->ipsecs.v[id],
					      nat);

		for (size_t n = 0; n < k.n && w->go; n++) {
			x.piece = (struct piece){
				.keys = k.r[n], .pin = NONE,
				.reason = p->ipsec_reason + id };
			w->go = w->each(w->ctx, &x);
		}
	}
	arena_free(a);
}

/* nat: families of these in which the pair is translated. */
static void walk_ike(struct walk *w, struct planned x, uint32_t list,
		     unsigned families, unsigned nat)
{
	walk_ike_keys(w, x, list, families & ~nat, false);
	walk_ike_keys(w, x, list, families & nat, true);
}

static void walk_product(struct walk *w, const struct product *q)
{
	const struct svcset *s = &w->p->svcsets.v[q->svc];
	struct planned x = { .from = q->from, .to = q->to,
			     .from_end = q->from_end, .to_end = q->to_end,
			     .any_local = q->any_local };
	struct planned back = { .from = q->to, .to = q->from,
				.from_end = q->to_end, .to_end = q->from_end };
	unsigned families = s->ike_families;

	walk_svcset(w, x, q->svc);
	if (families)
		families &= part_families(w->p, q->from, q->from_end) &
			    part_families(w->p, q->to, q->to_end);
	walk_ike(w, x, s->ipsec, families,
		 nat_families(w->p, q->from, q->to));
	walk_ike(w, back, s->ipsec, families,
		 nat_families(w->p, q->to, q->from));
}

void plan_each(const struct plan *p,
	       bool (*each)(void *ctx, const struct planned *x), void *ctx)
{
	struct walk w = { p, each, ctx, true };

	for (size_t i = 0; i < p->pairs.n && w.go; i++) {
		const struct pair *q = &p->pairs.v[i];
		struct planned x = { .from = q->from, .to = q->to,
				     .from_end = NONE, .to_end = NONE };

		walk_svcset(&w, x, q->svc);
		walk_ike(&w, x, q->ike, q->ike_families &
			 p->classes.v[q->from].families &
			 p->classes.v[q->to].families, q->nat_families);
	}
	for (size_t i = 0; i < p->products.n && w.go; i++)
		walk_product(&w, &p->products.v[i]);
}

static bool has(const struct plan *p, uint32_t cls, uint32_t end, uint32_t cell)
{
	return cell != NONE && cell_in_class(p, cell, cls) &&
	       (end == NONE || cell_in_end(p, cell, end));
}

bool planned_has_source(const struct plan *p, const struct planned *x,
			uint32_t cell)
{
	return has(p, x->from, x->from_end, cell);
}

bool planned_has_destination(const struct plan *p, const struct planned *x,
			     uint32_t cell)
{
	return has(p, x->to, x->to_end, cell);
}

struct hunt {
	const struct plan *p;
	uint32_t s, d, key;
	struct nearest best;
	unsigned score;
};

/* How far a port is from a range of the same protocol: at most 65535. */
static unsigned distance(uint32_t key, struct key_range r)
{
	return key < r.lo ? r.lo - key : key > r.hi ? key - r.hi : 0;
}

static bool hunt_one(void *ctx, const struct planned *x)
{
	struct hunt *h = ctx;
	bool src = planned_has_source(h->p, x, h->s);
	bool dst = planned_has_destination(h->p, x, h->d);
	bool key = h->key >= x->piece.keys.lo && h->key <= x->piece.keys.hi;
	bool proto = key_proto(h->key) == key_proto(x->piece.keys.lo) &&
		     key_proto(h->key) == key_proto(x->piece.keys.hi);
	enum nearest_what what = NEAR_NONE;
	unsigned score = 0;

	if (src && dst && !key) {
		what = NEAR_PORT;
		score = proto ? 500 : 300;
		/* of several, the closest port */
		if (proto)
			score += 90 - distance(h->key, x->piece.keys) / 729;
	} else if (dst && key && !src) {
		what = NEAR_SOURCE;
		score = 400;
	} else if (src && key && !dst) {
		what = NEAR_DESTINATION;
		score = 350;
	} else if (key && planned_has_source(h->p, x, h->d) &&
		   planned_has_destination(h->p, x, h->s)) {
		what = NEAR_REVERSE;
		score = 450;
	}
	/* a dynamic service that was pinned elsewhere is the likeliest slip */
	if (what == NEAR_PORT && x->piece.pin != NONE && proto)
		score = 600;
	if (score > h->score) {
		h->score = score;
		h->best = (struct nearest){ what, *x };
	}
	return true;
}

struct nearest plan_nearest(const struct plan *p, const struct packet *k)
{
	struct hunt h = {
		.p = p, .s = plan_cell(p, k->src), .d = plan_cell(p, k->dst),
		.key = packet_key(k),
	};

	plan_each(p, hunt_one, &h);
	return h.best;
}
