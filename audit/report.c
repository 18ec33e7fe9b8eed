#include "audit/report.h"

#include <stdlib.h>

/*
 * A result is clean only if enough was seen to say so. Each way of not seeing
 * has its measure and its limit, in parts of ten thousand; what exceeds it
 * makes the whole "incomplete".
 */
static const struct limit {
	const char *what;
	unsigned limit;
} limits[] = {
	{ "packets dropped by the kernel", 1 },
	{ "packets dropped by the interface", 1 },
	{ "bytes acknowledged but never seen", 10 },
	{ "TCP flows of which one side was seen", 500 },
	{ "flows given up for want of room", 100 },
	{ "fragments without their first", 10 },
	{ "frames of unknown link type", 0 },
	{ "frames of unknown encapsulation", 10 },
	{ "frames captured too short", 10 },
	{ "frames malformed", 10 },
	{ "frames nested too deep", 10 },
};

enum { G_KERNEL, G_INTERFACE, G_MIRROR, G_ONE_WAY, G_EVICTED, G_BLIND,
       G_LINK, G_PAYLOAD, G_CUT, G_MALFORMED, G_DEPTH };

static void add_gap(struct report *r, size_t kind, uint64_t n, uint64_t of)
{
	const struct limit *l = &limits[kind];
	struct gap g = { l->what, n, of, false };

	if (!n)
		return;
	g.beyond = (double)n * 10000 > (double)of * l->limit;
	vec_push(r->arena, &r->gaps, g);
	r->incomplete |= g.beyond;
}

static void add_lack(struct report *r, const char *what)
{
	vec_push(r->arena, &r->gaps, (struct gap){ what, 1, 0, true });
	r->incomplete = true;
}

/* What was not looked for in part: said, like a tap whose zone was not. */
static void add_unread(struct report *r)
{
	const struct audit_totals *t = r->totals;
	struct gap g = { .n = t->unread };

	if (t->unread * 100 <= t->looked)
		return;
	g.what = arena_printf(r->arena, "passwords and protocols: not looked "
		"for in %llu of %llu first payloads, which were captured "
		"short", (unsigned long long)t->unread,
		(unsigned long long)t->looked);
	vec_push(r->arena, &r->gaps, g);
}

static void add_damage(struct report *r, const struct observed *o)
{
	if (!o->damage)
		return;
	add_lack(r, o->damage_at ?
		 arena_printf(r->arena, "%s %s at byte %llu: what follows was "
			      "not judged", o->name, o->damage,
			      (unsigned long long)o->damage_at) :
		 arena_printf(r->arena, "%s %s: nothing of it was judged",
			      o->name, o->damage));
}

static void find_gaps(struct report *r)
{
	const struct audit_totals *t = r->totals;
	const uint64_t *ud = r->decoded->undecoded;
	uint64_t dropped = 0, if_dropped = 0;

	for (size_t i = 0; i < r->n_seen; i++) {
		dropped += r->seen[i].dropped;
		if_dropped += r->seen[i].if_dropped;
		add_damage(r, &r->seen[i]);
		if (r->seen[i].gone)
			add_lack(r, arena_printf(r->arena, "%s: %s: what would "
				"have come there was not seen",
				r->seen[i].name, r->seen[i].gone));
	}
	add_gap(r, G_KERNEL, dropped, t->frames + dropped);
	add_gap(r, G_INTERFACE, if_dropped, t->frames + if_dropped);
	add_gap(r, G_MIRROR, r->flows->missed, r->flows->acked);
	add_gap(r, G_ONE_WAY, t->one_way, t->one_way_of);
	add_gap(r, G_EVICTED, r->flows->evicted, r->flows->flows);
	add_gap(r, G_BLIND, t->blind, t->frames);
	add_gap(r, G_LINK, ud[UD_LINK_TYPE], t->frames);
	add_gap(r, G_PAYLOAD, ud[UD_PAYLOAD], t->frames);
	add_gap(r, G_CUT, ud[UD_CUT], t->frames);
	add_gap(r, G_MALFORMED, ud[UD_MALFORMED], t->frames);
	add_gap(r, G_DEPTH, ud[UD_DEPTH], t->frames);
	add_unread(r);
	if (t->elsewhere)
		add_lack(r, arena_printf(r->arena, "of %llu flow%s this bundle "
			"says nothing: what does not cross its firewall is not "
			"in it", (unsigned long long)t->elsewhere,
			plural(t->elsewhere)));
	/* Having seen nothing is not the same as nothing being there. */
	if (!t->frames)
		add_lack(r, "nothing was seen");
	else if (!t->packets && !r->incomplete)
		add_lack(r, arena_printf(r->arena, t->outer ?
			"nothing was seen inside a tunnel, of %llu frame%s" :
			"not one IP packet was seen, of %llu frame%s",
			(unsigned long long)t->frames, plural(t->frames)));
}

void report_ended(struct report *r, const char *words, bool early)
{
	r->ended = words;
	if (early)
		add_lack(r, words);
}

const char *report_gap(const struct report *r, size_t i)
{
	const struct gap *g = &r->gaps.v[i];

	if (!g->of)
		return g->what;
	return arena_printf(r->arena, "%s %s: %llu of %llu", g->beyond ?
			    "too many" : "few enough", g->what,
			    (unsigned long long)g->n, (unsigned long long)g->of);
}

/* So many flows between two zones make the absence of another telling. */
enum { ENOUGH = 10 };

struct search {
	const struct audit *au;
	const uint64_t *hits, *zone_flows;
	struct map done;
	VEC(struct unseen) found;
};

static void unseen_piece(struct report *r, struct search *s, uint32_t reason,
			 uint32_t from, uint32_t to)
{
	size_t zones = r->judge->plan->topo->zones.n;
	uint32_t key[3] = { reason, from, to };
	uint64_t flows;
	int is_new;

	if (from >= zones || to >= zones || s->hits[reason])
		return;
	flows = s->zone_flows[from * zones + to];
	if (flows < ENOUGH)
		return;
	map_add(r->arena, &s->done, key, sizeof(key), &is_new);
	if (is_new)
		vec_push(r->arena, &s->found,
			 (struct unseen){ reason, from, to, flows });
}

static void unseen_set(struct report *r, struct search *s, uint32_t svc,
		       uint32_t from_class, uint32_t to_class)
{
	const struct plan *p = r->judge->plan;
	const struct svcset *set = &p->svcsets.v[svc];

	/* What is carried shows on the wire as its carrier. */
	for (size_t i = 0; i < set->n; i++)
		if (!set->v[i].carried)
			unseen_piece(r, s, set->v[i].reason,
				     p->classes.v[from_class].node,
				     p->classes.v[to_class].node);
}

static int by_place(const void *x, const void *y)
{
	const struct unseen *a = x, *b = y;

	if (a->from_zone != b->from_zone)
		return a->from_zone < b->from_zone ? -1 : 1;
	if (a->to_zone != b->to_zone)
		return a->to_zone < b->to_zone ? -1 : 1;
	return a->reason < b->reason ? -1 : a->reason > b->reason;
}

static void find_unseen(struct report *r, const struct audit *au)
{
	const struct plan *p = r->judge->plan;
	struct search s = { .au = au, .hits = audit_reason_hits(au),
			    .zone_flows = audit_zone_flows(au) };

	for (size_t i = 0; i < p->pairs.n; i++)
		unseen_set(r, &s, p->pairs.v[i].svc, p->pairs.v[i].from,
			   p->pairs.v[i].to);
	for (size_t i = 0; i < p->products.n; i++)
		unseen_set(r, &s, p->products.v[i].svc, p->products.v[i].from,
			   p->products.v[i].to);
	if (s.found.n)
		qsort(s.found.v, s.found.n, sizeof(*s.found.v), by_place);
	r->unseen = s.found.v;
	r->n_unseen = s.found.n;
}

struct report *report_make(struct arena *a, struct audit *au,
			   const struct judge *j, const struct observed *seen,
			   size_t n_seen)
{
	struct report *r = ARENA_NEW(a, struct report);

	r->arena = a;
	r->judge = j;
	r->totals = audit_totals(au);
	r->flows = audit_flow_stats(au);
	r->decoded = audit_decode_stats(au);
	r->finding = audit_findings(au, &r->n_finding);
	r->seen = seen;
	r->n_seen = n_seen;
	r->reason_hits = audit_reason_hits(au);
	r->zone_flows = audit_zone_flows(au);
	find_gaps(r);
	find_unseen(r, au);
	return r;
}
