#include <string.h>

#include "plan/inside.h"
#include "plan/internal.h"

/* Where the addresses of one word stand. */
struct place {
	uint32_t node;
	unsigned families;
};

struct places {
	struct place *v;
	size_t n, cap;
};

static void add_place(struct build *b, struct places *out, uint32_t node,
		      unsigned fam)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i].node == node) {
			out->v[i].families |= fam;
			return;
		}
	vec_push(b->scratch, out, (struct place){ node, fam });
}

static struct places word_places(struct build *b, struct map *memo,
				 const struct end_word *w)
{
	const struct plan *p = b->plan;
	struct map_entry *e = map_add_str(b->scratch, memo, w->text, NULL);
	struct places *out = e->val.p;
	uint32_t first = NONE;

	if (out)
		return *out;
	out = ARENA_NEW(b->scratch, struct places);
	e->val.p = out;
	if (w->kind == END_PARTY && w->party->kind == PARTY_FIREWALL) {
		uint32_t cls = w->party->firewall->id;

		add_place(b, out, p->n_zones + cls, p->classes.v[cls].n_cell ?
			  p->classes.v[cls].families : FAM_V4 | FAM_V6);
		return *out;
	}
	if (w->kind == END_PARTY && w->party->kind == PARTY_HOST) {
		for (size_t i = 0; i < w->party->n_prefix; i++) {
			uint32_t c = plan_cell(p, w->party->prefix[i].r.lo);

			add_place(b, out, p->cell[c].zone,
				  cell_family(&p->cell[c]));
		}
		return *out;
	}
	/* the cells of a prefix are side by side */
	if (w->kind == END_PREFIX)
		first = plan_cell(p, w->prefix.r.lo);
	for (uint32_t i = first == NONE ? 0 : first; i < p->n_cell &&
	     (w->kind != END_PREFIX ||
	      addr_cmp(p->cell[i].lo, w->prefix.r.hi) <= 0); i++)
		if (p->cell[i].cls != NONE && plan_word_has(p, w, i))
			add_place(b, out, p->cell[i].zone,
				  cell_family(&p->cell[i]));
	return *out;
}

static unsigned families_of_packets(struct build *b, const struct packets *w)
{
	struct key_set k = w->keys;
	unsigned fam = 0;

	for (size_t i = 0; i < w->services.n; i++)
		for (size_t l = 0; l < w->services.v[i]->n_leaf; l++)
			k = keys_union(b->scratch, k,
				       w->services.v[i]->leaf[l]->keys);
	if (keys_of_family(b->scratch, k, true).n)
		fam |= FAM_V4;
	if (keys_of_family(b->scratch, k, false).n)
		fam |= FAM_V6;
	return fam;
}

enum joined {
	JOINED, JOINED_INSIDE, NO_FAMILY, NO_PATH, NO_PACKETS,
	NOT_ADJACENT, /* to a firewall that declares no address */
	NOBODY
};

static enum joined join(const struct build *b, const struct places *x,
			const struct places *y, unsigned families)
{
	enum joined best = NOBODY;
	bool inside = false, across = false;

	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < y->n; k++) {
			const struct route *r = plan_route(b->plan,
							   x->v[i].node,
							   y->v[k].node);

			unsigned fam = x->v[i].families & y->v[k].families;

			if (!fam) {
				if (best == NOBODY)
					best = NO_FAMILY;
			} else if (r->reachable && !(fam & families)) {
				best = NO_PACKETS;
			} else if (!r->reachable) {
				if (best == NO_PACKETS)
					continue;
				best = NO_PATH;
			} else {
				inside |= r->inside;
				across |= !r->inside;
			}
		}
	return across ? JOINED : inside ? JOINED_INSIDE : best;
}

/* What does not join within one element, told once. */
struct apart {
	size_t n[NOBODY];
	const struct end_word *from[NOBODY], *to[NOBODY];
	struct places x[NOBODY], y[NOBODY];
};

/* "h" (zone "a"), for a word that is not itself the zone. */
static const char *word_in_zone(struct build *b, const struct end_word *w,
				const struct places *p)
{
	const struct topology *t = b->topo;
	const char *zone = p->n == 1 && p->v[0].node < b->plan->n_zones ?
		t->zones.v[p->v[0].node]->name : NULL;

	if (!zone || !strcmp(zone, w->text))
		return arena_printf(b->arena, "\"%s\"", w->text);
	return arena_printf(b->arena, "\"%s\" (zone \"%s\")", w->text, zone);
}

static void say_apart(struct build *b, const struct apart *a, enum joined j,
		      const char *more)
{
	static const char *const why[NOBODY] = {
		[NO_PATH] = "no path leads through the firewalls",
		[NO_FAMILY] = "they have no address family in common",
		[NO_PACKETS] = "these packets do not exist in their address "
			       "family",
	};
	struct buf msg = { 0 };

	if (!a->n[j])
		return;
	buf_printf(&msg, "nothing is opened from %s to %s: %s%s",
		   word_in_zone(b, a->from[j], &a->x[j]),
		   word_in_zone(b, a->to[j], &a->y[j]), why[j],
		   j == NO_PATH ? side_text(b, a->x[j].v[0].node,
					    a->y[j].v[0].node) : "");
	if (a->n[j] > 1)
		buf_printf(&msg, "; the same for %zu more pair%s of words "
			   "here", a->n[j] - 1, a->n[j] > 2 ? "s" : "");
	diag_add2(b->d, j == NO_PACKETS ? SEV_WARNING : SEV_ERROR,
		  a->from[j]->at, a->to[j]->at, "to here", "%s%s", msg.s, more);
	buf_free(&msg);
}

/* What no path joins, told once for all elements between the same two sides;
 * of inputs, for all from one side. */
struct cut {
	uint32_t side[2]; /* the lesser first; of inputs the second is NONE */
	struct apart first;
	const struct input *input; /* the first; NULL: of allow elements */
	size_t n; /* elements */
};

struct joins {
	struct build *b;
	struct map places; /* of words */
	struct sides *sides; /* NULL: nothing is cut yet */
	VEC(struct cut) cuts;
};

static void add_cut(struct joins *s, const struct apart *apart,
		    const struct input *input)
{
	uint32_t p, q;

	if (!s->sides)
		s->sides = find_sides(s->b);
	p = s->sides->of[apart->x[NO_PATH].v[0].node];
	q = input ? NONE : s->sides->of[apart->y[NO_PATH].v[0].node];
	if (p > q) {
		uint32_t t = p;

		p = q;
		q = t;
	}
	for (size_t i = 0; i < s->cuts.n; i++)
		if (s->cuts.v[i].side[0] == p && s->cuts.v[i].side[1] == q) {
			s->cuts.v[i].n++;
			return;
		}
	vec_push(s->b->scratch, &s->cuts,
		 (struct cut){ { p, q }, *apart, input, 1 });
}

static void say_input(struct build *b, const struct input *in,
		      const struct end_word *from, enum joined j,
		      const char *more)
{
	static const char *const why[NOBODY] = {
		[NO_PATH] = "no path",
		[NO_FAMILY] = "no address family in common",
		[NO_PACKETS] = "these packets do not exist in their address "
			       "family",
		[NOT_ADJACENT] = "it declares no address, so only zones that "
				 "it has an interface in reach it; interfaces "
				 "take \"address\"",
	};

	diag_add(b->d, SEV_WARNING, from->at,
		 "nothing is opened from \"%s\" to firewall \"%s\": %s%s",
		 from->text, in->firewall->name, why[j], more);
}

static void say_cut(struct build *b, const struct cut *c)
{
	const char *what = c->input ? "input" : "allow";
	const char *more = c->n == 1 ? "" :
		arena_printf(b->arena, "; the same for %zu more %s element%s",
			     c->n - 1, what, c->n > 2 ? "s" : "");

	if (c->input)
		say_input(b, c->input, c->first.from[NO_PATH], NO_PATH, more);
	else
		say_apart(b, &c->first, NO_PATH, more);
}

static void note_apart(struct apart *apart, enum joined j,
		       const struct end_word *from, struct places x,
		       const struct end_word *to, struct places y)
{
	if (apart->n[j]++)
		return;
	apart->from[j] = from;
	apart->to[j] = to;
	apart->x[j] = x;
	apart->y[j] = y;
}

/* Does some firewall stand between the two, where both are in one zone? */
static bool enforced_within(const struct build *b, const struct places *x,
			    const struct places *y)
{
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < y->n; k++)
			if (x->v[i].node == y->v[k].node &&
			    x->v[i].node < b->plan->n_zones &&
			    plan_enforced_within(b->plan, x->v[i].node,
						 b->scratch))
				return true;
	return false;
}

static void check_allow(struct joins *s, const struct rule *a)
{
	struct build *b = s->b;
	unsigned fam = families_of_packets(b, &a->what);
	bool all_inside = true, any = false;
	struct apart apart = { { 0 }, { 0 }, { 0 }, { { 0 } }, { { 0 } } };

	for (size_t i = 0; i < a->from.n; i++)
		for (size_t k = 0; k < a->to.n; k++) {
			const struct end_word *from = &a->from.v[i];
			const struct end_word *to = &a->to.v[k];
			struct places x = word_places(b, &s->places, from);
			struct places y = word_places(b, &s->places, to);
			enum joined j = join(b, &x, &y, fam);

			if (j != NOBODY)
				note_apart(&apart, j, from, x, to, y);
			any |= j != NOBODY;
			all_inside &= j == NOBODY || (j == JOINED_INSIDE &&
				!enforced_within(b, &x, &y));
		}
	if (apart.n[NO_PATH])
		add_cut(s, &apart, NULL);
	say_apart(b, &apart, NO_FAMILY, "");
	say_apart(b, &apart, NO_PACKETS, "");
	if (any && all_inside)
		diag_add(b->d, SEV_WARNING, a->at,
			 "this allow is purely within a zone: no firewall "
			 "enforces it");
}

static bool any_adjacent(const struct plan *p, const struct places *x,
			 const struct firewall *f)
{
	for (size_t i = 0; i < x->n; i++)
		if (adjacent_to(p, x->v[i].node, f))
			return true;
	return false;
}

/* The interface by which the firewall is in a zone, if it declares no address
 * on any to that zone and gets one by DHCP there. */
static const struct interface *leased(const struct firewall *f, uint32_t zone)
{
	const struct interface *out = NULL;

	for (size_t i = 0; i < f->interfaces.n; i++) {
		const struct interface *x = f->interfaces.v[i];

		if (x->zone->zone_id != zone)
			continue;
		if (x->n_address)
			return NULL;
		if (x->dhcp)
			out = x;
	}
	return out;
}

/* Whoever stands there speaks to the address that is not known. */
static void check_leased(struct build *b, const struct input *in,
			 const struct end_word *from, const struct places *x)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct interface *dhcp = leased(in->firewall,
						      x->v[i].node);

		if (!dhcp)
			continue;
		diag_add(b->d, SEV_WARNING, from->at,
			 "nothing is opened from \"%s\" to the address that "
			 "\"%s\" gets by DHCP: an input is for the addresses "
			 "that firewall \"%s\" declares, or for any if it "
			 "declares none", from->text, dhcp->name,
			 in->firewall->name);
		return;
	}
}

static void check_input(struct joins *s, const struct input *in)
{
	struct build *b = s->b;
	struct plan *p = b->plan;
	unsigned fam = families_of_packets(b, &in->what);
	uint32_t cls = in->firewall->id;
	struct place self = { p->n_zones + cls,
			      p->classes.v[cls].n_cell ?
			      p->classes.v[cls].families : FAM_V4 | FAM_V6 };
	struct places to = { &self, 1, 1 };
	struct apart apart = { { 0 }, { 0 }, { 0 }, { { 0 } }, { { 0 } } };

	for (size_t i = 0; i < in->from.n; i++) {
		const struct end_word *from = &in->from.v[i];
		struct places x = word_places(b, &s->places, from);
		enum joined j = join(b, &x, &to, fam);

		if (j <= JOINED_INSIDE && !p->classes.v[cls].n_cell &&
		    !any_adjacent(p, &x, in->firewall))
			j = NOT_ADJACENT;
		if (j == NO_PATH)
			note_apart(&apart, j, from, x, from, x);
		else if (j > JOINED_INSIDE && j != NOBODY)
			say_input(b, in, from, j, "");
		else if (p->classes.v[cls].n_cell)
			check_leased(b, in, from, &x);
	}
	if (apart.n[NO_PATH])
		add_cut(s, &apart, in);
}

/* A firewall as a source is its declared addresses. */
static void check_addresses(struct build *b, const struct ends *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct end_word *w = &from->v[i];

		if (w->kind == END_PARTY && w->party->kind == PARTY_FIREWALL &&
		    !b->plan->classes.v[w->party->firewall->id].n_cell)
			diag_add(b->d, SEV_WARNING, w->at,
				 "firewall \"%s\" declares no address, so as a "
				 "source it is nothing: its interfaces take "
				 "\"address\"", w->party->name);
	}
}

static void check_all_addresses(struct build *b)
{
	const struct topology *t = b->topo;

	for (size_t i = 0; i < t->allows.n; i++)
		check_addresses(b, &t->allows.v[i]->from);
	for (size_t i = 0; i < t->forbids.n; i++)
		check_addresses(b, &t->forbids.v[i]->from);
	for (size_t i = 0; i < t->expects.n; i++)
		check_addresses(b, &t->expects.v[i]->from);
	for (size_t i = 0; i < t->inputs.n; i++)
		check_addresses(b, &t->inputs.v[i]->from);
}

void check_joins(struct build *b)
{
	const struct topology *t = b->topo;
	struct joins s = { .b = b };

	check_all_addresses(b);
	for (size_t i = 0; i < t->allows.n; i++)
		check_allow(&s, t->allows.v[i]);
	for (size_t i = 0; i < t->inputs.n; i++)
		check_input(&s, t->inputs.v[i]);
	for (size_t i = 0; i < s.cuts.n; i++)
		say_cut(b, &s.cuts.v[i]);
}
