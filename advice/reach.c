#include "advice/document_impl.h"

/*
 * What is in reach of a host that has been taken over: everything that the
 * plan lets its addresses open across a firewall. Hosts of which the plan says
 * the same share one reach, and a reach names groups, so its size follows
 * neither the number of those who reach nor of those who are reached.
 */

struct hunt {
	struct doc *d;
	const uint32_t *cell;
	size_t n_cell;
	uint32_t node;
	struct map by_group, seen;
	struct reach *out;
};

/* Two protocols side by side, as ESP and AH, are two openings. */
static uint32_t openings_of(struct key_range r)
{
	unsigned n = key_proto(r.hi) - key_proto(r.lo) + 1;

	return n < 8 ? n : 1;
}

static struct target *target_of(struct hunt *h, uint32_t group, uint32_t node)
{
	int is_new;
	struct map_entry *e = map_add(h->d->arena, &h->by_group, &group,
				      sizeof(group), &is_new);

	if (is_new) {
		e->val.u = (uint32_t)h->out->to.n;
		vec_push(h->d->arena, &h->out->to, (struct target){
				.group = group, .node = node });
	}
	return &h->out->to.v[e->val.u];
}

static void add_opening(struct arena *a, struct openings *o, struct map *seen,
			uint32_t who, struct opening x)
{
	uint32_t key[4] = { who, x.keys.lo, x.keys.hi, x.carried };
	int is_new;

	map_add(a, seen, key, sizeof(key), &is_new);
	if (is_new)
		vec_push(a, o, x);
}

static bool take(void *ctx, const struct planned *x)
{
	struct hunt *h = ctx;
	const struct plan *p = h->d->p;
	uint32_t group, to = p->classes.v[x->to].node;
	bool from = false;

	if (p->classes.v[x->from].node != h->node || to == h->node)
		return true;
	for (size_t i = 0; i < h->n_cell && !from; i++)
		from = planned_has_source(p, x, h->cell[i]);
	if (!from)
		return true;
	group = doc_group(h->d, x->to, x->to_end);
	add_opening(h->d->arena, &target_of(h, group, to)->openings, &h->seen,
		    group, (struct opening){ x->piece.keys,
					     x->piece.carried });
	return true;
}

struct reach_count doc_count_openings(struct arena *a,
				      const struct openings *o)
{
	struct reach_count c = { 0 };
	struct key_set clear = { 0 };

	for (size_t i = 0; i < o->n; i++) {
		if (o->v[i].carried) {
			c.inside += openings_of(o->v[i].keys);
			continue;
		}
		c.openings += openings_of(o->v[i].keys);
		keys_add(a, &clear, o->v[i].keys.lo, o->v[i].keys.hi);
	}
	c.ports = doc_ports_size(clear.r, clear.n).ports;
	return c;
}

static void add_count(struct reach_count *sum, struct reach_count c)
{
	sum->openings += c.openings;
	sum->ports += c.ports;
	sum->inside += c.inside;
}

static bool counts(const struct doc *d, const struct target *t)
{
	return t->node < d->p->n_zones &&
	       doc_zone_kind(d->p, t->node) != ZONE_INTERNET;
}

struct openings doc_openings_to(struct doc *d, const struct reach *r,
				uint32_t party)
{
	struct openings all = { 0 };
	struct map seen = { 0 };

	for (size_t i = 0; i < r->to.n; i++) {
		const struct target *t = &r->to.v[i];
		const struct group *g = &d->groups.v[t->group];
		bool in = false;

		for (size_t k = 0; k < g->members.n && !in; k++)
			in = g->members.v[k].party == party;
		for (size_t k = 0; in && k < t->openings.n; k++)
			add_opening(d->arena, &all, &seen, party,
				    t->openings.v[k]);
	}
	return all;
}

/* Of parties that one target has alone, the target's count; the others, which
 * exceptions name besides, one by one. */
static void sum_up(struct doc *d, struct reach *r)
{
	uint32_t *times = ARENA_ARRAY(d->arena, uint32_t,
				      d->p->topo->parties.n);
	VEC(const char *) names = { 0 };

	for (size_t i = 0; i < r->to.n; i++) {
		const struct group *g = &d->groups.v[r->to.v[i].group];

		for (size_t k = 0; k < g->members.n; k++)
			times[g->members.v[k].party]++;
	}
	for (size_t i = 0; i < r->to.n; i++) {
		struct target *t = &r->to.v[i];
		const struct group *g = &d->groups.v[t->group];

		t->each = doc_count_openings(d->arena, &t->openings);
		for (size_t k = 0; k < g->members.n && counts(d, t); k++) {
			uint32_t id = g->members.v[k].party;
			struct openings o;

			if (!times[id])
				continue;
			vec_push(d->arena, &names,
				 d->p->topo->parties.v[id]->name);
			r->hosts += d->p->topo->parties.v[id]->kind ==
				    PARTY_HOST;
			r->parties++;
			if (times[id] == 1) {
				add_count(&r->sum, t->each);
				continue;
			}
			o = doc_openings_to(d, r, id);
			add_count(&r->sum, doc_count_openings(d->arena, &o));
			times[id] = 0;
		}
	}
	r->names = doc_names(d->arena, names.v, names.n);
}

/* Classes and ends decide what an address may open. */
static uint32_t reach_of(struct doc *d, const struct party *host)
{
	const struct plan *p = d->p;
	size_t n = d->cells[host->id].n;
	const uint32_t *cell = d->cells[host->id].v;
	uint32_t *key = ARENA_ARRAY(d->arena, uint32_t, 2 * n);
	struct reach r = { .hosts = 0 };
	struct hunt h = { .d = d, .cell = cell, .n_cell = n, .out = &r };
	struct map_entry *e;
	int is_new;

	for (size_t i = 0; i < n; i++) {
		key[2 * i] = p->cell[cell[i]].cls;
		key[2 * i + 1] = p->cell[cell[i]].ends;
	}
	e = map_add(d->arena, &d->reach_ids, key, 2 * n * sizeof(*key),
		    &is_new);
	if (!is_new)
		return e->val.u;
	e->val.u = (uint32_t)d->reaches.n;
	h.node = p->cell[cell[0]].zone;
	plan_each(p, take, &h);
	sum_up(d, &r);
	vec_push(d->arena, &d->reaches, r);
	return (uint32_t)d->reaches.n - 1;
}

/* Which hosts the internet opens connections to: anyone there, or hosts and
 * addresses of it that have been named. */
static void note_exposed(struct doc *d, const struct doc_flow *f)
{
	const struct plan *p = d->p;
	enum exposure how = EXPOSED_NAMED;

	for (size_t i = 0; i < d->lists.len[f->from]; i++) {
		const struct group *g = &d->groups.v[d->lists.v[f->from][i]];

		for (size_t k = 0; k < g->members.n; k++)
			if (p->topo->parties.v[g->members.v[k].party]->kind !=
			    PARTY_HOST && !g->members.v[k].partial)
				how = EXPOSED_ANYONE;
	}
	for (size_t i = 0; i < d->lists.len[f->to]; i++) {
		const struct group *g = &d->groups.v[d->lists.v[f->to][i]];

		for (size_t k = 0; k < g->members.n; k++)
			if (d->exposed[g->members.v[k].party] < how)
				d->exposed[g->members.v[k].party] =
					(unsigned char)how;
	}
}

void doc_gather_reach(struct doc *d)
{
	const struct plan *p = d->p;
	const struct topology *t = p->topo;

	for (size_t i = 0; i < d->flows.n; i++)
		if (d->flows.v[i].from_node < p->n_zones &&
		    doc_zone_kind(p, d->flows.v[i].from_node) ==
			    ZONE_INTERNET &&
		    d->flows.v[i].from_node != d->flows.v[i].to_node)
			note_exposed(d, &d->flows.v[i]);
	for (size_t i = 0; i < t->parties.n; i++)
		d->host_reach[i] = NONE;
	for (size_t i = 0; i < t->hosts.n; i++) {
		const struct party *x = t->hosts.v[i];
		const struct party *z = party_zone(x);

		if (d->cells[x->id].n && z->zone_kind != ZONE_INTERNET &&
		    (d->exposed[x->id] || z->zone_kind == ZONE_DMZ))
			d->host_reach[x->id] = reach_of(d, x);
	}
}

static void write_count(struct doc *d, struct reach_count c)
{
	xw_number(&d->w, "openings", c.openings);
	xw_number(&d->w, "ports", c.ports);
	xw_number(&d->w, "inside-ipsec", c.inside);
}

void doc_write_reaches(struct doc *d)
{
	for (size_t i = 0; i < d->reaches.n; i++) {
		const struct reach *r = &d->reaches.v[i];

		xw_open(&d->w, "reach");
		xw_printf(&d->w, "xml:id", "r%zu", i);
		xw_number(&d->w, "hosts", r->hosts);
		xw_number(&d->w, "parties", r->parties);
		xw_attr(&d->w, "names", r->names);
		write_count(d, r->sum);
		for (size_t k = 0; k < r->to.n; k++) {
			const struct target *t = &r->to.v[k];

			xw_open(&d->w, "to");
			xw_printf(&d->w, "group", "g%u", t->group);
			xw_attr(&d->w, "zone", plan_node_name(d->p, t->node));
			xw_attr(&d->w, "zone-kind",
				doc_zone_kind_name(d->p, t->node));
			write_count(d, t->each);
			xw_close(&d->w);
		}
		xw_close(&d->w);
	}
}
