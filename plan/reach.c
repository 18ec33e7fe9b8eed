#include <stdlib.h>

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

/* Who of those that bear a role a class may go to: what is needed of them. */
struct servers {
	bool path;
	unsigned families;    /* of those that a path leads to */
	size_t far;	      /* seats of those that none leads to */
	uint32_t last_far;    /* the last such class */
	size_t n;	      /* parties: two of them tell all */
	uint32_t party[2];
};

static void note_server(const struct build *b, const struct seats *seats,
			uint32_t from, uint32_t to, const struct role_pair *rp,
			struct servers *out)
{
	const struct plan *p = b->plan;
	const struct class *ct = &p->classes.v[to];

	if (!items_join(b, from, to, rp))
		return;
	for (size_t i = 0; i < seats[to].n && out->n < 2; i++)
		if (!out->n || out->party[0] != seats[to].v[i].party)
			out->party[out->n++] = seats[to].v[i].party;
	if (plan_route(p, p->classes.v[from].node, ct->node)->reachable) {
		out->families |= ct->families;
		out->path = true;
	} else {
		out->far += seats[to].n;
		out->last_far = to;
	}
}

/* Those that a class uses; each once, ascending. */
static void used_servers(struct build *b, const struct seats *seats,
			 uint32_t from, const struct role_pair *rp,
			 struct servers *out)
{
	const struct plan *p = b->plan;
	uint32_t uses = p->classes.v[from].uses;
	VEC(uint32_t) v = { 0 };

	for (size_t i = 0; i + 1 < p->lists.len[uses]; i += 2) {
		uint32_t u = p->lists.v[uses][i + 1];

		for (size_t k = 0; p->lists.v[uses][i] == rp->to->id &&
		     k < b->use_classes[u].n; k++)
			if (list_meets(&p->lists, p->classes.v[b->use_classes[u]
					       .v[k]].roles, rp->to->id))
				vec_push(b->scratch, &v,
					 b->use_classes[u].v[k]);
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), u32_compare);
	for (size_t i = 0; i < v.n; i++)
		if (!i || v.v[i] != v.v[i - 1])
			note_server(b, seats, from, v.v[i], rp, out);
}

/* Of those that use whom they like, all that are the same as sources have the
 * same servers. */
static struct servers find_servers(struct build *b, const struct seats *seats,
				   uint32_t from, const struct role_pair *rp,
				   struct map *memo)
{
	const struct plan *p = b->plan;
	uint32_t source = p->classes.v[from].source;
	struct servers out = { 0 }, *all;
	struct map_entry *e;

	if (uses_some(b, from, rp->to)) {
		used_servers(b, seats, from, rp, &out);
		return out;
	}
	e = map_add(b->scratch, memo, &source, sizeof(source), NULL);
	all = e->val.p;
	if (!all) {
		e->val.p = all = ARENA_NEW(b->scratch, struct servers);
		for (size_t i = 0; i < b->role_classes[rp->to->id].n; i++)
			note_server(b, seats, from,
				    b->role_classes[rp->to->id].v[i], rp, all);
	}
	return *all;
}

static void reach_from(struct build *b, const struct seats *seats,
		       const struct role_pair *rp, uint32_t from,
		       struct map *by_party, struct map *memo,
		       struct unreached *un)
{
	struct servers to = find_servers(b, seats, from, rp, memo);

	if (to.far) {
		un->pairs += seats[from].n * to.far;
		un->example = rp;
		un->from = seats[from].v[0].party;
		un->to = seats[to.last_far].v[0].party;
	}
	for (size_t i = 0; i < seats[from].n; i++) {
		const struct seat *s = &seats[from].v[i];
		bool host = b->topo->parties.v[s->party]->kind == PARTY_HOST;

		if (to.n > (host && to.n && to.party[0] == s->party))
			note_reach(b, by_party, s->party, to.path,
				   (to.families & s->families) != 0);
	}
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
		struct map by_party = { 0 }, memo = { 0 };

		for (size_t i = 0; i < b->role_classes[rp->from->id].n; i++)
			reach_from(b, seats, rp,
				   b->role_classes[rp->from->id].v[i],
				   &by_party, &memo, &un);
		add_lost(b, &lost, rp->to, &by_party, &sides);
	}
	for (size_t i = 0; i < lost.n; i++)
		if (leads(&lost, i))
			say_lost(b, &lost, lost.v[i]);
	if (un.pairs && !lost.n)
		diag_add(b->d, SEV_WARNING,
			 b->topo->parties.v[un.from]->at,
			 "%zu pair%s of parties %s a flow by their roles and "
			 "no path, and %s not planned (such as \"%s\" to "
			 "\"%s\", %s to %s)", un.pairs, plural(un.pairs),
			 un.pairs == 1 ? "has" : "have",
			 un.pairs == 1 ? "is" : "are",
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

			for (size_t k = 0; k < b->use_classes[u->id].n; k++)
				found |= list_meets(&p->lists, p->classes.v[
						b->use_classes[u->id].v[k]]
							.roles, role->id);
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
