#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

enum { ROLES_NAMED = 5, PARTIES_NAMED = 4 };

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
	bool path, reached;
};

/* Parties that miss a server for the same reason, and all the roles whose
 * bearers they miss. */
struct lost {
	const struct reach *const *v;
	size_t n;
	VEC(const struct role *) roles;
	uint32_t side; /* where they stand, if no path leads to one; or NONE */
};

typedef VEC(struct lost *) lost_list;

/* A zone or network is all its addresses: what one of its hosts reaches, it
 * reaches. */
static void note_reach(struct build *b, struct map *by_party, uint32_t party,
		       bool path, bool reached)
{
	const struct party *x = b->topo->parties.v[party];

	do {
		struct map_entry *e = map_add(b->scratch, by_party, &x->id,
					      sizeof(x->id), NULL);
		struct reach *r = e->val.p;

		if (!r) {
			e->val.p = r = ARENA_NEW(b->scratch, struct reach);
			r->party = x->id;
		}
		r->path |= path;
		r->reached |= reached;
		x = x->parent;
	} while (x && reached);
}

static void reach_from(struct build *b, const struct seats *seats,
		       const struct role_pair *rp, uint32_t from,
		       struct map *by_party, struct unreached *un)
{
	struct plan *p = b->plan;
	const struct class *cf = &p->classes.v[from];
	unsigned families = 0;
	bool path = false;
	VEC(uint32_t) servers = { 0 };

	for (size_t k = 0; k < b->role_classes[rp->to->id].n; k++) {
		uint32_t to = b->role_classes[rp->to->id].v[k];
		const struct class *ct = &p->classes.v[to];

		if (!use_keeps(b, from, to, rp->to) ||
		    !items_join(b, from, to, rp))
			continue;
		vec_push(b->scratch, &servers, to);
		if (plan_route(p, cf->node, ct->node)->reachable) {
			families |= ct->families;
			path = true;
		} else {
			un->pairs += seats[from].n * seats[to].n;
			un->example = rp;
			un->from = seats[from].v[0].party;
			un->to = seats[to].v[0].party;
		}
	}
	for (size_t i = 0; i < seats[from].n; i++) {
		const struct seat *s = &seats[from].v[i];
		bool others = false;

		for (size_t k = 0; k < servers.n && !others; k++)
			others = has_other(b, &seats[servers.v[k]], s->party);
		if (!others)
			continue;
		note_reach(b, by_party, s->party, path,
			   (families & s->families) != 0);
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

static bool same_lost(const struct lost *l, const struct reach *const *v,
		      size_t n)
{
	if (l->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (l->v[i]->party != v[i]->party || l->v[i]->path != v[i]->path)
			return false;
	return true;
}

static bool has_role(const struct lost *l, const struct role *r)
{
	for (size_t i = 0; i < l->roles.n; i++)
		if (l->roles.v[i] == r)
			return true;
	return false;
}

typedef VEC(const struct reach *) reach_list;

/* These parties miss this role; they join those that miss others alike. */
static void add_alike(struct build *b, lost_list *all, const struct role *to,
		      const reach_list *lost, uint32_t side)
{
	struct lost *l = NULL;

	for (size_t i = 0; i < all->n && !l; i++)
		if (all->v[i]->side == side &&
		    same_lost(all->v[i], lost->v, lost->n))
			l = all->v[i];
	if (!l) {
		l = ARENA_NEW(b->scratch, struct lost);
		*l = (struct lost){ .v = lost->v, .n = lost->n, .side = side };
		vec_push(b->scratch, all, l);
	}
	if (!has_role(l, to))
		vec_push(b->scratch, &l->roles, to);
}

static uint32_t zone_of(const struct build *b, uint32_t party)
{
	return party_zone(b->topo->parties.v[party])->zone_id;
}

/* The parties that miss this role, side by side. */
static void add_lost(struct build *b, lost_list *all, const struct role *to,
		     const struct map *by_party, struct sides **sides)
{
	reach_list *cut, far = { 0 };
	size_t n_side;

	for (size_t i = 0; i < by_party->cap; i++) {
		const struct reach *r = by_party->slot[i].key ?
			by_party->slot[i].val.cp : NULL;

		if (r && !r->reached)
			vec_push(b->scratch, &far, r);
	}
	if (!far.n)
		return;
	qsort(far.v, far.n, sizeof(*far.v), reach_order);
	if (!*sides)
		*sides = find_sides(b);
	n_side = (*sides)->n;
	/* the last one: those that a path leads to, and no address family */
	cut = ARENA_ARRAY(b->scratch, reach_list, n_side + 1);
	for (size_t i = 0; i < far.n; i++) {
		const struct reach *r = far.v[i];

		vec_push(b->scratch, &cut[r->path ? n_side :
			 (*sides)->of[zone_of(b, r->party)]], r);
	}
	for (size_t i = 0; i <= n_side; i++)
		if (cut[i].n)
			add_alike(b, all, to, &cut[i],
				  i == n_side ? NONE : (uint32_t)i);
}

static void put_roles(struct build *b, struct buf *out,
		      const struct lost *l, const struct lost *but)
{
	VEC(const char *) name = { 0 };
	size_t named;

	for (size_t i = 0; i < l->roles.n; i++)
		if (!but || !has_role(but, l->roles.v[i]))
			vec_push(b->scratch, &name, l->roles.v[i]->name);
	named = name.n > ROLES_NAMED ? ROLES_NAMED - 1 : name.n;
	for (size_t i = 0; i < named; i++)
		buf_printf(out, "%s\"%s\"", i == 0 ? "" :
			   i + 1 == name.n ? " or " : ", ", name.v[i]);
	if (named < name.n)
		buf_printf(out, " or %zu more roles", name.n - named);
}

/* All that stand on one side, those of other roles too: one cause, most
 * likely. */
static struct lost side_of(struct build *b, const lost_list *all,
			   const struct lost *first)
{
	struct lost out = { .side = first->side };
	struct map seen = { 0 };
	reach_list v = { 0 };

	for (size_t i = 0; i < all->n; i++) {
		const struct lost *l = all->v[i];

		if (l != first && (first->side == NONE || l->side != first->side))
			continue;
		for (size_t k = 0; k < l->roles.n; k++)
			if (!has_role(&out, l->roles.v[k]))
				vec_push(b->scratch, &out.roles, l->roles.v[k]);
		for (size_t k = 0; k < l->n; k++) {
			int is_new;

			map_add(b->scratch, &seen, &l->v[k]->party,
				sizeof(l->v[k]->party), &is_new);
			if (is_new)
				vec_push(b->scratch, &v, l->v[k]);
		}
	}
	out.v = v.v;
	out.n = v.n;
	return out;
}

/* One message, at the first of the parties. */
static void say_lost(struct build *b, const lost_list *all,
		     const struct lost *l)
{
	const struct party *p = b->topo->parties.v[l->v[0]->party];
	struct lost side = side_of(b, all, l);
	struct buf roles = { 0 }, more = { 0 }, others = { 0 };
	uint32_t zone = zone_of(b, l->v[0]->party);

	put_roles(b, &roles, l, NULL);
	put_roles(b, &others, &side, l);
	for (size_t i = 1; i < side.n && i < PARTIES_NAMED; i++)
		buf_printf(&more, "%s\"%s\"", i > 1 ? ", " : "",
			   plan_party_name(b->plan, side.v[i]->party));
	if (side.n > PARTIES_NAMED)
		buf_printf(&more, " and %zu more", side.n - PARTIES_NAMED);
	diag_add(b->d, SEV_ERROR, p->at,
		 "%s \"%s\" needs a bearer of %s by its roles, and reaches "
		 "none: %s%s%s%s%s%s%s", party_kind_name(p->kind), p->name,
		 roles.s, l->v[0]->path ?
		 "they have no address family in common" :
		 "no path leads there through the firewalls",
		 l->v[0]->path ? "" : side_text(b, zone, zone),
		 more.n || others.n ? "; the same" : "",
		 others.n ? ", or of " : "", others.n ? others.s : "",
		 more.n ? others.n ? ", for " : " for " : "",
		 more.n ? more.s : "");
	buf_free(&roles);
	buf_free(&more);
	buf_free(&others);
}

/* Is it the first of its side? */
static bool leads(const lost_list *all, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (all->v[k]->side == all->v[i]->side)
			return all->v[i]->side == NONE;
	return true;
}

void check_servers(struct build *b)
{
	struct seats *seats = find_seats(b);
	struct unreached un = { 0 };
	lost_list lost = { 0 };
	struct sides *sides = NULL;

	for (size_t r = 0; r < b->role_pairs.n; r++) {
		const struct role_pair *rp = &b->role_pairs.v[r];
		struct map by_party = { 0 };

		for (size_t i = 0; i < b->role_classes[rp->from->id].n; i++)
			reach_from(b, seats, rp,
				   b->role_classes[rp->from->id].v[i],
				   &by_party, &un);
		add_lost(b, &lost, rp->to, &by_party, &sides);
	}
	for (size_t i = 0; i < lost.n; i++)
		if (leads(&lost, i))
			say_lost(b, &lost, lost.v[i]);
	if (un.pairs && !lost.n)
		diag_add(b->d, SEV_WARNING,
			 b->topo->parties.v[un.from]->at,
			 "%zu pairs of parties have a flow by their roles and "
			 "no path, and are not planned (such as \"%s\" to "
			 "\"%s\", %s to %s)", un.pairs,
			 plan_party_name(b->plan, un.from),
			 plan_party_name(b->plan, un.to),
			 un.example->from->name, un.example->to->name);
}

static void words_text(const struct ends *e, struct buf *out)
{
	for (size_t i = 0; i < e->n; i++)
		buf_printf(out, "%s%s", i ? " " : "", e->v[i].text);
}

static void say_no_bearer(struct build *b, const struct use *u,
			  const struct buf *roles)
{
	struct buf of = { 0 };

	words_text(&u->of, &of);
	diag_add(b->d, SEV_ERROR, u->of.n ? u->of.v[0].at : u->at,
		 "\"%s\" uses \"%s\", where nothing bears the role %s",
		 u->party->name, of.s ? of.s : "", roles->s);
	buf_free(&of);
}

void check_uses(struct build *b)
{
	struct plan *p = b->plan;

	for (size_t i = 0; i < b->topo->uses.n; i++) {
		const struct use *u = b->topo->uses.v[i];
		struct buf missing = { 0 };

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
				buf_printf(&missing, "%s\"%s\"",
					   missing.n ? " or " : "",
					   role->name);
		}
		if (missing.n)
			say_no_bearer(b, u, &missing);
		buf_free(&missing);
	}
}
