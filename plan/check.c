#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

/* ---- allow -------------------------------------------------------------------------- */

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

static bool word_has(const struct build *b, const struct end_word *w,
		     const struct cell *c)
{
	const struct plan *p = b->plan;
	const struct party *x = c->network == NONE ? NULL :
		b->topo->parties.v[c->network];

	switch (w->kind) {
	case END_ALL:
		return c->zone != NONE;
	case END_ROLE:
		return c->zone != NONE &&
		       list_meets(&p->lists, p->classes.v[c->cls].roles,
				  w->role->id);
	case END_PREFIX:
		return c->zone != NONE && range_has(w->prefix.r, c->lo);
	case END_PARTY:
		break;
	}
	if (w->party->kind == PARTY_HOST || w->party->kind == PARTY_FIREWALL)
		return c->party == w->party->id;
	while (x && x != w->party)
		x = x->parent;
	return x && c->zone != NONE;
}

static struct places word_places(struct build *b, struct map *memo,
				 const struct end_word *w)
{
	const struct plan *p = b->plan;
	struct map_entry *e = map_add_str(b->scratch, memo, w->text, NULL);
	struct places *out = e->val.p;

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
	for (size_t i = 0; i < p->n_cell; i++)
		if (p->cell[i].cls != NONE && word_has(b, w, &p->cell[i]))
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

enum joined { JOINED, JOINED_INSIDE, NO_FAMILY, NO_PATH, NO_PACKETS, NOBODY };

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

static void say_apart(struct build *b, const struct apart *a, enum joined j)
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
	buf_printf(&msg, "nothing is opened from %s to %s: %s",
		   word_in_zone(b, a->from[j], &a->x[j]),
		   word_in_zone(b, a->to[j], &a->y[j]), why[j]);
	if (a->n[j] > 1)
		buf_printf(&msg, "; the same for %zu more pair%s of words "
			   "here", a->n[j] - 1, a->n[j] > 2 ? "s" : "");
	diag_add2(b->d, j == NO_PACKETS ? SEV_WARNING : SEV_ERROR,
		  a->from[j]->at, a->to[j]->at, "to here", "%s", msg.s);
	buf_free(&msg);
}

static void check_allow(struct build *b, struct map *memo,
			const struct rule *a)
{
	unsigned fam = families_of_packets(b, &a->what);
	bool all_inside = true, any = false;
	struct apart apart = { { 0 }, { 0 }, { 0 }, { { 0 } }, { { 0 } } };

	for (size_t i = 0; i < a->from.n; i++)
		for (size_t k = 0; k < a->to.n; k++) {
			struct places x = word_places(b, memo, &a->from.v[i]);
			struct places y = word_places(b, memo, &a->to.v[k]);
			enum joined j = join(b, &x, &y, fam);

			if (j != NOBODY && apart.n[j]++ == 0) {
				apart.from[j] = &a->from.v[i];
				apart.to[j] = &a->to.v[k];
				apart.x[j] = x;
				apart.y[j] = y;
			}
			any |= j != NOBODY;
			all_inside &= j == JOINED_INSIDE || j == NOBODY;
		}
	say_apart(b, &apart, NO_PATH);
	say_apart(b, &apart, NO_FAMILY);
	say_apart(b, &apart, NO_PACKETS);
	if (any && all_inside)
		diag_add(b->d, SEV_WARNING, a->at,
			 "this allow is purely within a zone: no firewall "
			 "enforces it");
}

static void check_input(struct build *b, struct map *memo,
			const struct input *in)
{
	struct plan *p = b->plan;
	unsigned fam = families_of_packets(b, &in->what);
	uint32_t cls = in->firewall->id;
	struct place self = { p->n_zones + cls,
			      p->classes.v[cls].n_cell ?
			      p->classes.v[cls].families : FAM_V4 | FAM_V6 };
	struct places to = { &self, 1, 1 };

	for (size_t i = 0; i < in->from.n; i++) {
		struct places x = word_places(b, memo, &in->from.v[i]);
		enum joined j = join(b, &x, &to, fam);

		if (j != JOINED && j != JOINED_INSIDE && j != NOBODY)
			diag_add(b->d, SEV_WARNING, in->from.v[i].at,
				 "nothing is opened from \"%s\" to firewall "
				 "\"%s\": %s", in->from.v[i].text,
				 in->firewall->name,
				 j == NO_PATH ? "no path" :
				 j == NO_FAMILY ?
				 "no address family in common" :
				 "these packets do not exist in their address "
				 "family");
	}
}

/* ---- pins ------------------------------------------------------------------------ */

static void port_list(struct key_set k, struct buf *out)
{
	for (size_t i = 0; i < k.n; i++) {
		buf_printf(out, "%s%u", i ? " " : "", key_detail(k.r[i].lo));
		if (k.r[i].hi != k.r[i].lo)
			buf_printf(out, "-%u", key_detail(k.r[i].hi));
	}
}

static bool said_before(struct build *b, struct map *seen, const void *x,
			const void *y)
{
	const void *key[2] = { x, y };
	int is_new;

	map_add(b->scratch, seen, key, sizeof(key), &is_new);
	return !is_new;
}

static void pins_of_class(struct build *b, struct map *seen,
			  const struct class *c)
{
	const struct lists *l = &b->plan->lists;

	for (size_t i = 0; i < l->len[c->pins]; i++)
		for (size_t k = 0; k < i; k++) {
			const struct pin *x = b->topo->pins.v[l->v[c->pins][k]];
			const struct pin *y = b->topo->pins.v[l->v[c->pins][i]];
			struct buf ports = { 0 };

			if (x->service == y->service ||
			    !keys_meet(x->ports, y->ports) ||
			    said_before(b, seen, x, y))
				continue;
			port_list(keys_and(b->scratch, x->ports, y->ports),
				  &ports);
			diag_add2(b->d, SEV_ERROR, y->at, x->at,
				  "the other one",
				  "the pins of \"%s\" and \"%s\" overlap on "
				  "port %s: each service needs its own",
				  y->service->name, x->service->name, ports.s);
			buf_free(&ports);
		}
}

/* A whole protocol is no fixed port. */
static bool fixes_a_port(const struct service *s, const struct pin *pin)
{
	for (size_t i = 0; i < s->keys.n; i++) {
		struct key_range r = s->keys.r[i];

		if (key_proto(r.lo) == key_proto(r.hi) && key_detail(r.lo) &&
		    keys_meet(pin->ports, (struct key_set){ &r, 1 }))
			return true;
	}
	return false;
}

/* Fixed ports of template services that are planned to a pinned host. */
static void pins_of_pair(struct build *b, struct map *seen,
			 const struct pair *pair)
{
	const struct plan *p = b->plan;
	const struct class *c = &p->classes.v[pair->to];
	const struct svcset *s = &p->svcsets.v[pair->svc];

	for (size_t i = 0; i < p->lists.len[c->pins]; i++) {
		const struct pin *pin =
			b->topo->pins.v[p->lists.v[c->pins][i]];

		for (size_t k = 0; k < s->n; k++) {
			const struct reason *r = &p->reasons.v[s->v[k].reason];
			struct key_range keys = s->v[k].keys;

			if (r->kind != REASON_FLOW || r->service->dynamic ||
			    !fixes_a_port(r->service, pin) ||
			    !keys_meet(pin->ports,
				       (struct key_set){ &keys, 1 }) ||
			    said_before(b, seen, pin, r->service))
				continue;
			diag_add2(b->d, SEV_ERROR, pin->at, r->service->at,
				  "it is given here",
				  "the pin of \"%s\" lies on a port of service "
				  "\"%s\", which is planned to the same host",
				  pin->service->name, r->service->name);
		}
	}
}

static void check_pins(struct build *b)
{
	struct plan *p = b->plan;
	struct map seen = { 0 };

	for (size_t i = 0; i < p->classes.n; i++)
		pins_of_class(b, &seen, &p->classes.v[i]);
	for (size_t i = 0; i < p->pairs.n; i++)
		pins_of_pair(b, &seen, &p->pairs.v[i]);
	for (size_t i = 0; i < b->topo->pins.n; i++)
		if (!b->pin_used[i])
			diag_add(b->d, SEV_WARNING, b->topo->pins.v[i]->at,
				 "this pin is never used: no flow opens \"%s\" "
				 "there", b->topo->pins.v[i]->service->name);
}

/* ---- ipsec ----------------------------------------------------------------------- */

static bool same_except(const struct ipsec *x, const struct ipsec *y)
{
	for (int swap = 0; swap < 2; swap++) {
		for (size_t i = 0; i < x->except.n; i++) {
			bool found = false;

			for (size_t k = 0; k < y->except.n; k++)
				found |= x->except.v[i] == y->except.v[k];
			if (!found)
				return false;
		}
		const struct ipsec *t = x;

		x = y;
		y = t;
	}
	return true;
}

/* The attributes in which two elements differ, as a list. */
static void differences(const struct ipsec *x, const struct ipsec *y,
			struct buf *out)
{
	if (x->esp != y->esp || x->ah != y->ah)
		buf_puts(out, ", protocols");
	if (x->nat_traversal != y->nat_traversal)
		buf_puts(out, ", nat-traversal");
	if (x->auth != y->auth)
		buf_puts(out, ", ike-auth");
	if (!same_except(x, y))
		buf_puts(out, ", except");
	if (out->n) {
		memmove(out->s, out->s + 2, out->n - 1);
		out->n -= 2;
	}
}

static void check_agreement(struct build *b, struct map *seen, uint32_t list)
{
	const struct lists *l = &b->plan->lists;

	for (size_t i = 1; i < l->len[list]; i++) {
		const struct ipsec *x = b->topo->ipsecs.v[l->v[list][0]];
		const struct ipsec *y = b->topo->ipsecs.v[l->v[list][i]];

		struct buf differ = { 0 };

		differences(x, y, &differ);
		if (differ.n && !said_before(b, seen, x, y))
			diag_add2(b->d, SEV_ERROR, y->at, x->at,
				  "the other one",
				  "two ipsec elements cover the same pair of "
				  "addresses and do not agree in %s", differ.s);
		buf_free(&differ);
	}
}

static bool unpinned_somewhere(struct build *b, uint32_t id,
			       const struct service *s)
{
	const struct plan *p = b->plan;

	for (size_t i = 0; i < p->pairs.n; i++) {
		const struct pair *pair = &p->pairs.v[i];
		uint32_t pin;

		if (!list_meets(&p->lists, p->svcsets.v[pair->svc].ipsec, id))
			continue;
		service_keys_at(b, s, pair->to, &pin);
		if (pin == NONE && !p->classes.v[pair->to].dynamic)
			return true;
	}
	return false;
}

static void check_ipsec(struct build *b, const struct ipsec *s)
{
	if (!b->ipsec_used[s->id])
		diag_add(b->d, SEV_WARNING, s->at,
			 "this ipsec covers nothing that is planned");
	for (size_t i = 0; i < s->except.n; i++)
		for (size_t k = 0; k < s->except.v[i]->n_leaf; k++) {
			const struct service *leaf = s->except.v[i]->leaf[k];

			if (leaf->dynamic &&
			    unpinned_somewhere(b, s->id, leaf))
				diag_add(b->d, SEV_WARNING, s->at,
					 "\"%s\" in except is dynamic and not "
					 "pinned: its whole range stays in the "
					 "clear", leaf->name);
		}
}

static void check_ipsecs(struct build *b)
{
	struct map seen = { 0 };

	for (size_t i = 0; i < b->plan->svcsets.n; i++)
		check_agreement(b, &seen, b->plan->svcsets.v[i].ipsec);
	for (size_t i = 0; i < b->topo->ipsecs.n; i++)
		check_ipsec(b, b->topo->ipsecs.v[i]);
}

static void check_zones_have_space(struct build *b)
{
	const struct topology *t = b->topo;
	unsigned char *has = ARENA_ARRAY(b->scratch, unsigned char, t->zones.n);

	for (size_t i = 0; i < b->plan->n_cell; i++)
		if (b->plan->cell[i].zone != NONE)
			has[b->plan->cell[i].zone] = 1;
	for (size_t i = 0; i < t->zones.n; i++)
		if (!has[i])
			diag_add(b->d, SEV_WARNING, t->zones.v[i]->at,
				 "zone \"%s\" has no address of its own: "
				 "others hold all of it", t->zones.v[i]->name);
}

void check_plan(struct build *b)
{
	const struct topology *t = b->topo;
	struct map memo = { 0 };

	check_zones_have_space(b);
	check_uses(b);
	check_servers(b);
	for (size_t i = 0; i < t->allows.n; i++)
		check_allow(b, &memo, t->allows.v[i]);
	for (size_t i = 0; i < t->inputs.n; i++)
		check_input(b, &memo, t->inputs.v[i]);
	check_pins(b);
	check_ipsecs(b);
}
