#include <stdlib.h>
#include <string.h>

#include "gen/dispatch.h"

/*
 * How this works. Small exceptions (a few addresses, a few ports) go into one
 * concatenated set. For the rest, classes are cut into atoms where a wide
 * exception cuts them; atoms with the same destinations and services form a
 * source group. A group looks its destination up in a verdict map that leads
 * to the services of that pair. Where groups share most of their
 * destinations, the shared part is one map that all of them use, so that the
 * size stays that of what was said and not of the product; where a group may
 * do more at a destination, that stands in a map of its own before it. Behind
 * the groups stand exceptions of single sources to many destinations (apart.c).
 */
enum {
	SPREAD_TARGETS = 2, /* rules that cost no more than a map's look-up */
	SPREAD_FROM = 64,   /* addresses from which the map's size matters */
};

/* ---- rules ---------------------------------------------------------------------------- */

/* The addresses of atoms, merged, of one family. */
static struct addr_set atom_ranges(struct work *w, const u32_list *atoms,
				   bool v4)
{
	VEC(struct addr_range) v = { 0 };
	struct addr_set s;

	for (size_t i = 0; i < atoms->n; i++) {
		const struct atom *a = &w->atoms.v[atoms->v[i]];

		for (size_t k = 0; k < a->cells.n; k++) {
			const struct cell *c = &w->p->cell[a->cells.v[k]];

			if (addr_is_v4(c->lo) == v4)
				vec_push(w->a, &v, (struct addr_range){
						c->lo, c->hi });
		}
	}
	s = (struct addr_set){ v.v, v.n };
	addr_set_normalise(&s);
	return s;
}

/* Made once for all that ask for the same atoms. */
struct addresses *dispatch_addresses(struct work *w, const u32_list *atoms,
				     bool v4)
{
	u32_list key = { 0 };
	struct map_entry *e;
	int is_new;

	for (size_t i = 0; i < atoms->n; i++)
		vec_push(w->a, &key, atoms->v[i]);
	if (key.n)
		qsort(key.v, key.n, sizeof(*key.v), u32_compare);
	vec_push(w->a, &key, v4);
	e = map_add(w->a, &w->addresses, key.v, key.n * sizeof(*key.v),
		    &is_new);
	if (is_new)
		e->val.p = addresses_of(w->g, atom_ranges(w, atoms, v4));
	return e->val.p;
}

static void put_atoms(struct work *w, struct rs_set *map, const u32_list *atoms,
		      bool v4, const char *jump)
{
	const struct addr_set *s = &dispatch_addresses(w, atoms, v4)->ranges;

	for (size_t i = 0; i < s->n; i++) {
		struct rs_elem *e = rs_add_elem(w->g->rs, map);

		e->key[0].lo = s->r[i].lo;
		e->key[0].hi = s->r[i].hi;
		e->verdict = RS_JUMP;
		e->target = jump;
	}
}

/* Families that its destinations have, and some group that uses it. */
static unsigned block_families(const struct work *w, const struct block *b)
{
	unsigned to = 0;

	for (size_t i = 0; i < b->refs.n; i++)
		to |= atom_families(w, &w->atoms.v[b->refs.v[i].to]);
	return b->from & to;
}

static const char *service_chain(struct work *w, const char *prefix,
				 const char *label, uint32_t mix)
{
	struct mix m = { ARENA_ARRAY(w->a, uint32_t, w->mixes.len[mix]),
			 w->mixes.len[mix] };
	const char *name = unique_name(w->g, prefix, label);
	struct rs_chain *c = rs_add_chain(w->g->rs, name, RS_NO_HOOK);

	memcpy(m.entry, w->mixes.v[mix], m.n * sizeof(*m.entry));
	service_rules(w->g, c, name, w->entries.v, &m);
	return name;
}

static struct target *target_of(struct work *w, struct block *b,
				struct map *ids, uint32_t mix)
{
	int is_new;
	struct map_entry *e = map_add(w->a, ids, &mix, sizeof(mix), &is_new);

	if (is_new) {
		e->val.u = (uint32_t)b->targets.n;
		vec_push(w->a, &b->targets, (struct target){ .mix = mix });
	}
	return &b->targets.v[e->val.u];
}

/* Where groups share blocks, those that open the same share its chain, too. */
static const char *mix_chain(struct work *w, const char *prefix,
			     const char *label, uint32_t mix)
{
	struct map_entry *e;
	int is_new;

	if (!w->share)
		return service_chain(w, prefix, label, mix);
	e = map_add(w->a, &w->chains, &mix, sizeof(mix), &is_new);
	if (is_new)
		e->val.cp = service_chain(w, prefix, label, mix);
	return e->val.cp;
}

/* Destinations of one mix share a chain, named by the first of them. */
static void find_targets(struct work *w, struct block *b, const char *prefix)
{
	struct map ids = { 0 };

	for (size_t i = 0; i < b->refs.n; i++) {
		struct target *t = target_of(w, b, &ids, b->refs.v[i].mix);
		const struct atom *a = &w->atoms.v[b->refs.v[i].to];

		if (a->label && (!t->label || strcmp(a->label, t->label) < 0))
			t->label = a->label;
		t->any |= !a->cells.n;
		vec_push(w->a, &t->atoms, b->refs.v[i].to);
		t->n_cell += a->cells.n;
	}
	for (size_t i = 0; i < b->targets.n; i++)
		b->targets.v[i].chain = mix_chain(w, prefix,
				b->targets.v[i].label ?
				b->targets.v[i].label : "self",
				b->targets.v[i].mix);
}

/* A map repeats the chain's name for every address: with many addresses and
 * few targets, a set for each is a third of the size and no slower. */
static bool worth_spreading(const struct block *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->targets.n; i++)
		n += b->targets.v[i].n_cell;
	return b->targets.n <= SPREAD_TARGETS && n > SPREAD_FROM;
}

static void block_family(struct work *w, struct block *b, bool v4,
			 const char *prefix)
{
	const enum rs_field f = v4 ? RS_DADDR4 : RS_DADDR6;
	const char *label = v4 ? "to4" : "to6";
	struct rs_set *map = NULL;

	if (!b->spread)
		b->map[v4] = map = rs_add_set(w->g->rs, unique_name(w->g,
					prefix, label), true, 1, &f);
	for (size_t i = 0; i < b->targets.n; i++) {
		struct target *t = &b->targets.v[i];

		if (map)
			put_atoms(w, map, &t->atoms, v4, t->chain);
		else
			t->set[v4] = address_set(w->g, t->at[v4] ? t->at[v4] :
				dispatch_addresses(w, &t->atoms, v4), f,
				t->chain, label, t->label ? t->label : "self");
	}
}

static void make_block(struct work *w, uint32_t block, const char *prefix)
{
	struct block *b = &w->blocks.v[block];
	unsigned fam = block_families(w, b);

	find_targets(w, b, prefix);
	b->spread = worth_spreading(b);
	if (fam & FAM_V4)
		block_family(w, b, true, prefix);
	if (fam & FAM_V6)
		block_family(w, b, false, prefix);
}

/* A rule: from the source set, if there is one, to the destination set, if
 * there is one, jump or go. */
static void branch_rule(struct work *w, struct rs_chain *c,
			const struct rs_set *src, const struct rs_set *dst,
			enum rs_verdict how, const char *chain)
{
	struct rs_rule *r = rs_add_rule(w->g->rs, c, NULL);

	if (src)
		rs_lookup(w->g->rs, r, src);
	if (dst)
		rs_lookup(w->g->rs, r, dst);
	if (chain)
		rs_verdict(w->g->rs, r, how, chain);
}

static void jump_rule(struct work *w, struct rs_chain *c,
		      const struct rs_set *src, const struct rs_set *dst,
		      const char *chain)
{
	branch_rule(w, c, src, dst, RS_JUMP, chain);
}

/* A destination stands in one target of a group, or in the shared one behind
 * it as well, which opens no more: what the first does not open need not be
 * looked up again, so in a group's own chain how is RS_GOTO. */
static void block_rules(struct work *w, struct rs_chain *c,
			const struct rs_set *src, const struct block *b,
			bool v4, enum rs_verdict how)
{
	if (b->map[v4])
		jump_rule(w, c, src, b->map[v4], NULL);
	for (size_t i = 0; i < b->targets.n; i++)
		if (b->targets.v[i].set[v4])
			branch_rule(w, c, src, b->targets.v[i].set[v4], how,
				    b->targets.v[i].chain);
}

static bool has_any(const struct block *b)
{
	for (size_t i = 0; i < b->targets.n; i++)
		if (b->targets.v[i].any)
			return true;
	return false;
}

/* Input of a firewall that declares no address: whatever the destination. */
static void any_rules(struct work *w, struct rs_chain *c,
		      const struct rs_set *src, const struct block *b)
{
	for (size_t i = 0; i < b->targets.n; i++)
		if (b->targets.v[i].any)
			jump_rule(w, c, src, NULL, b->targets.v[i].chain);
}

static bool group_has(const struct work *w, const struct group *g, bool v4)
{
	return group_families(w, g) & (v4 ? FAM_V4 : FAM_V6);
}

static void group_chain(struct work *w, const struct group *g,
			const char *name)
{
	struct rs_chain *c = rs_add_chain(w->g->rs, name, RS_NO_HOOK);
	enum rs_verdict how = RS_GOTO;

	for (size_t k = 0; k < g->blocks.n; k++)
		if (has_any(&w->blocks.v[g->blocks.v[k]]) ||
		    w->blocks.v[g->blocks.v[k]].overlap)
			how = RS_JUMP; /* another may have it as well */
	for (size_t k = 0; k < g->blocks.n; k++) {
		const struct block *b = &w->blocks.v[g->blocks.v[k]];

		block_rules(w, c, NULL, b, true, how);
		block_rules(w, c, NULL, b, false, how);
		any_rules(w, c, NULL, b);
	}
}

/* One group: source and destination in one rule, unless the destinations
 * take several. */
static void lone_group(struct work *w, struct group *g, const char *name)
{
	static const enum rs_field src[2] = { RS_SADDR6, RS_SADDR4 };
	bool chain = g->blocks.n > 1;

	for (size_t i = 0; i < g->blocks.n; i++)
		chain |= w->blocks.v[g->blocks.v[i]].spread;
	for (int v4 = 1; v4 >= 0; v4--) {
		const struct rs_set *s;

		if (!group_has(w, g, v4))
			continue;
		s = address_set(w->g, dispatch_addresses(w, &g->atoms, v4), src[v4],
				w->x->name, v4 ? "from4" : "from6", g->label);
		if (chain) {
			jump_rule(w, w->x->chain, s, NULL, name);
			continue;
		}
		block_rules(w, w->x->chain, s, &w->blocks.v[g->blocks.v[0]],
			    v4, RS_JUMP);
		any_rules(w, w->x->chain, s, &w->blocks.v[g->blocks.v[0]]);
	}
	if (chain)
		group_chain(w, g, name);
}

static void many_groups(struct work *w, const char **group_name)
{
	static const enum rs_field src[2] = { RS_SADDR6, RS_SADDR4 };

	for (int v4 = 1; v4 >= 0; v4--) {
		struct rs_set *map = NULL;
		struct rs_rule *r;

		for (size_t i = 0; i < w->groups.n; i++) {
			if (!group_has(w, &w->groups.v[i], v4))
				continue;
			if (!map)
				map = rs_add_set(w->g->rs, unique_name(w->g,
						w->x->name,
						v4 ? "from4" : "from6"),
						true, 1, &src[v4]);
			put_atoms(w, map, &w->groups.v[i].atoms, v4,
				  group_name[i]);
		}
		if (!map)
			continue;
		r = rs_add_rule(w->g->rs, w->x->chain, NULL);
		rs_lookup(w->g->rs, r, map);
	}
	for (size_t i = 0; i < w->groups.n; i++)
		group_chain(w, &w->groups.v[i], group_name[i]);
}

static void emit(struct work *w)
{
	const char **name;

	w->share = dispatch_blocks(w);
	name = ARENA_ARRAY(w->a, const char *, w->groups.n);
	for (size_t i = 0; i < w->groups.n; i++)
		name[i] = unique_name(w->g, w->x->name, w->groups.v[i].label);
	for (uint32_t i = 0; i < w->blocks.n; i++)
		make_block(w, i, w->share ?
			   unique_name(w->g, w->x->name, "shared") : name[i]);
	if (w->groups.n == 1)
		lone_group(w, &w->groups.v[0], name[0]);
	else if (w->groups.n)
		many_groups(w, name);
}

/* Groups that stand apart, behind the others. */
static void emit_apart(struct work *w)
{
	struct work x = *w;
	const char **name = ARENA_ARRAY(w->a, const char *, w->apart.n);

	x.groups = w->apart;
	x.blocks = w->apart_blocks;
	if (!x.groups.n)
		return;
	qsort(x.groups.v, x.groups.n, sizeof(*x.groups.v), group_order);
	for (size_t i = 0; i < x.groups.n; i++) {
		const struct group *g = &x.groups.v[i];
		struct block *b = &x.blocks.v[g->blocks.v[0]];

		name[i] = unique_name(w->g, w->x->name, g->label);
		for (size_t k = 0; k < b->targets.n; k++)
			b->targets.v[k].chain = service_chain(&x, name[i],
					b->targets.v[k].label,
					b->targets.v[k].mix);
		for (int v4 = 1; v4 >= 0; v4--)
			if (group_has(&x, g, v4))
				block_family(&x, b, v4, name[i]);
	}
	many_groups(&x, name);
}

void take_nodes(struct dispatch *x, uint32_t from, uint32_t to)
{
	struct gen *g = x->g;
	const struct plan *p = g->p;
	const struct node_index *there = nodes_between(g->crossings, from, to);
	const struct node_index *back = nodes_between(g->crossings, to, from);

	for (size_t i = 0; i < there->pairs.n; i++)
		vec_push(g->scratch, &x->pairs, there->pairs.v[i]);
	for (size_t i = 0; i < there->products.n; i++)
		if (!p->products.v[there->products.v[i]].any_local)
			vec_push(g->scratch, &x->products,
				 there->products.v[i]);
	for (size_t i = 0; i < back->products.n; i++)
		if (p->svcsets.v[p->products.v[back->products.v[i]].svc]
			    .ike_families)
			vec_push(g->scratch, &x->back, back->products.v[i]);
}

void dispatch_rules(struct dispatch *x)
{
	struct work w = { .x = x, .g = x->g, .a = x->g->scratch,
			  .p = x->g->p };

	if (!x->pairs.n && !x->products.n && !x->back.n)
		return;
	lists_init(w.a, &w.mixes);
	lists_init(w.a, &w.rows);
	lists_init(w.a, &w.sides);
	dispatch_gather(&w);
	dispatch_sort(&w);
	if (x->g->opt->counters == GEN_COUNT_FLOW) {
		dispatch_count_flows(&w);
		dispatch_sort(&w);
	}
	dispatch_exact_sort(&w);
	dispatch_exact_rules(&w, EXACT_FIRST);
	dispatch_exact_rules(&w, EXACT_PORTS);
	dispatch_apart(&w);
	dispatch_groups(&w);
	emit(&w);
	emit_apart(&w);
	dispatch_exact_rules(&w, EXACT_LAST);
}
