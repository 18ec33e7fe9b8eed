#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

/* ---- servers out of reach ----------------------------------------------------- */

/* Where a party's addresses in one class stand. */
struct seat {
	uint32_t party;
	unsigned families;
};

struct seats {
	struct seat *v;
	size_t n, cap;
};

struct unreached {
	size_t pairs; /* single ones without a path, folded */
	const struct role_pair *example;
	uint32_t from, to;
};

static struct seats *find_seats(struct build *b)
{
	struct plan *p = b->plan;
	struct seats *all = ARENA_ARRAY(b->scratch, struct seats,
					p->classes.n);
	struct map seen = { 0 };

	for (size_t i = 0; i < p->n_cell; i++) {
		const struct cell *c = &p->cell[i];
		uint32_t key[2] = { c->cls, c->party };
		struct map_entry *e;
		int is_new;

		if (c->cls == NONE)
			continue;
		e = map_add(b->scratch, &seen, key, sizeof(key), &is_new);
		if (is_new) {
			e->val.u = (uint32_t)all[c->cls].n;
			vec_push(b->scratch, &all[c->cls],
				 (struct seat){ .party = c->party });
		}
		all[c->cls].v[e->val.u].families |= cell_family(c);
	}
	return all;
}

static bool has_other(const struct build *b, const struct seats *s,
		      uint32_t party)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].party != party ||
		    b->topo->parties.v[party]->kind != PARTY_HOST)
			return true;
	return false;
}

static bool use_keeps(const struct build *b, uint32_t from, uint32_t to,
		      const struct role *role);

/* By party: the families in which a server is reached, and whether any other
 * bears the role at all. */
struct reach {
	uint32_t party;
	bool wanted, reached;
};

static void reach_from(struct build *b, const struct seats *seats,
		       const struct role_pair *rp, uint32_t from,
		       struct map *by_party, struct unreached *un)
{
	struct plan *p = b->plan;
	const struct class *cf = &p->classes.v[from];
	unsigned families = 0;
	VEC(uint32_t) servers = { 0 };

	for (size_t k = 0; k < b->role_classes[rp->to->id].n; k++) {
		uint32_t to = b->role_classes[rp->to->id].v[k];
		const struct class *ct = &p->classes.v[to];

		if (!use_keeps(b, from, to, rp->to))
			continue;
		vec_push(b->scratch, &servers, to);
		if (plan_route(p, cf->node, ct->node)->reachable) {
			families |= ct->families;
		} else {
			un->pairs += seats[from].n * seats[to].n;
			un->example = rp;
			un->from = seats[from].v[0].party;
			un->to = seats[to].v[0].party;
		}
	}
	for (size_t i = 0; i < seats[from].n; i++) {
		const struct seat *s = &seats[from].v[i];
		struct map_entry *e;
		bool others = false;

		for (size_t k = 0; k < servers.n && !others; k++)
			others = has_other(b, &seats[servers.v[k]], s->party);
		if (!others)
			continue;
		e = map_add(b->scratch, by_party, &s->party,
			    sizeof(s->party), NULL);
		if (!e->val.p) {
			e->val.p = ARENA_NEW(b->scratch, struct reach);
			((struct reach *)e->val.p)->party = s->party;
		}
		((struct reach *)e->val.p)->reached |=
			(families & s->families) != 0;
	}
}

static bool use_keeps(const struct build *b, uint32_t from, uint32_t to,
		      const struct role *role)
{
	const struct lists *l = &b->plan->lists;
	const struct class *f = &b->plan->classes.v[from];
	const struct class *t = &b->plan->classes.v[to];
	const uint32_t *v = l->v[f->uses];
	bool any = false;

	for (size_t i = 0; i + 1 < l->len[f->uses]; i += 2) {
		if (v[i] != role->id)
			continue;
		any = true;
		if (list_meets(l, t->ends, b->plan->end_use + v[i + 1]))
			return true;
	}
	return !any;
}

static int reach_order(const void *a, const void *b)
{
	const struct reach *const *x = a, *const *y = b;

	return (*x)->party < (*y)->party ? -1 : (*x)->party > (*y)->party;
}

/* All parties that miss the same role: one message, at the first of them. */
static void say_unreached(struct build *b, const struct role_pair *rp,
			  const struct map *by_party)
{
	VEC(const struct reach *) lost = { 0 };
	struct buf more = { 0 };

	for (size_t i = 0; i < by_party->cap; i++) {
		const struct reach *r = by_party->slot[i].key ?
			by_party->slot[i].val.cp : NULL;

		if (r && !r->reached)
			vec_push(b->scratch, &lost, r);
	}
	if (!lost.n)
		return;
	qsort(lost.v, lost.n, sizeof(*lost.v), reach_order);
	for (size_t i = 1; i < lost.n && i < 4; i++)
		buf_printf(&more, "%s\"%s\"", i == 1 ? "; the same for " : ", ",
			   plan_party_name(b->plan, lost.v[i]->party));
	if (lost.n > 4)
		buf_printf(&more, " and %zu more", lost.n - 4);
	const struct party *p = b->topo->parties.v[lost.v[0]->party];

	diag_add(b->d, SEV_ERROR, p->at,
		 "%s \"%s\" bears \"%s\" and reaches none that bears \"%s\": "
		 "no path, or no family in common%s",
		 party_kind_name(p->kind), p->name, rp->from->name,
		 rp->to->name, more.s ? more.s : "");
	buf_free(&more);
}

static void check_servers(struct build *b)
{
	struct seats *seats = find_seats(b);
	struct unreached un = { 0 };

	for (size_t r = 0; r < b->role_pairs.n; r++) {
		const struct role_pair *rp = &b->role_pairs.v[r];
		struct map by_party = { 0 };

		for (size_t i = 0; i < b->role_classes[rp->from->id].n; i++)
			reach_from(b, seats, rp,
				   b->role_classes[rp->from->id].v[i],
				   &by_party, &un);
		say_unreached(b, rp, &by_party);
	}
	if (un.pairs)
		diag_add(b->d, SEV_WARNING,
			 b->topo->parties.v[un.from]->at,
			 "%zu pairs of parties have a flow by their roles and "
			 "no path, and are not planned (such as \"%s\" to "
			 "\"%s\", %s to %s)", un.pairs,
			 plan_party_name(b->plan, un.from),
			 plan_party_name(b->plan, un.to),
			 un.example->from->name, un.example->to->name);
}

static void check_uses(struct build *b)
{
	struct plan *p = b->plan;

	for (size_t i = 0; i < b->topo->uses.n; i++) {
		const struct use *u = b->topo->uses.v[i];

		for (size_t r = 0; r < u->roles.n; r++) {
			const struct role *role = u->roles.v[r];
			bool found = false;

			for (size_t k = 0; k < b->role_classes[role->id].n; k++) {
				uint32_t c = b->role_classes[role->id].v[k];

				found |= list_meets(&p->lists,
						    p->classes.v[c].ends,
						    p->end_use + u->id);
			}
			if (!found)
				diag_add(b->d, SEV_ERROR, u->at,
					 "nothing that \"%s\" names in of bears "
					 "the role \"%s\"", u->party->name,
					 role->name);
		}
	}
}

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

static void check_allow(struct build *b, struct map *memo,
			const struct rule *a)
{
	unsigned fam = families_of_packets(b, &a->what);
	bool all_inside = true, any = false;

	for (size_t i = 0; i < a->from.n; i++)
		for (size_t k = 0; k < a->to.n; k++) {
			struct places x = word_places(b, memo, &a->from.v[i]);
			struct places y = word_places(b, memo, &a->to.v[k]);
			enum joined j = join(b, &x, &y, fam);

			if (j == NO_PATH || j == NO_FAMILY)
				diag_add2(b->d, SEV_ERROR, a->from.v[i].at,
					  a->to.v[k].at, "to here",
					  j == NO_PATH ?
					  "no path leads from \"%s\" to \"%s\"" :
					  "\"%s\" and \"%s\" have no address "
					  "family in common", a->from.v[i].text,
					  a->to.v[k].text);
			if (j == NO_PACKETS)
				diag_add2(b->d, SEV_WARNING, a->from.v[i].at,
					  a->to.v[k].at, "to here",
					  "nothing is opened from \"%s\" to "
					  "\"%s\": these packets do not exist "
					  "in their address family",
					  a->from.v[i].text, a->to.v[k].text);
			any |= j != NOBODY;
			all_inside &= j == JOINED_INSIDE || j == NOBODY;
		}
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

static void check_agreement(struct build *b, struct map *seen, uint32_t list)
{
	const struct lists *l = &b->plan->lists;

	for (size_t i = 1; i < l->len[list]; i++) {
		const struct ipsec *x = b->topo->ipsecs.v[l->v[list][0]];
		const struct ipsec *y = b->topo->ipsecs.v[l->v[list][i]];

		if ((x->esp == y->esp && x->ah == y->ah && x->auth == y->auth &&
		     x->nat_traversal == y->nat_traversal &&
		     same_except(x, y)) || said_before(b, seen, x, y))
			continue;
		diag_add2(b->d, SEV_ERROR, y->at, x->at, "the other one",
			  "two ipsec elements cover the same pair and do not "
			  "agree in protocols, nat-traversal, ike-auth and "
			  "except");
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
