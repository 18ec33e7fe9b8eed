#include "advice/layout.h"

#include <string.h>

#include "advice/document_impl.h"

static bool holds(const struct doc *d, uint32_t list, uint32_t party)
{
	for (size_t i = 0; i < d->lists.len[list]; i++) {
		const struct group *g = &d->groups.v[d->lists.v[list][i]];

		for (size_t k = 0; k < g->members.n; k++)
			if (g->members.v[k].party == party)
				return true;
	}
	return false;
}

static void add_ranges(struct doc *d, const struct doc_flow *f,
		       struct openings *o)
{
	for (size_t k = 0; k + 1 < d->lists.len[f->ranges]; k += 2) {
		struct opening x = { { d->lists.v[f->ranges][k],
				       d->lists.v[f->ranges][k + 1] },
				     f->carried };
		bool twice = false;

		for (size_t n = 0; n < o->n; n++)
			twice |= !memcmp(&o->v[n].keys, &x.keys,
					 sizeof(x.keys));
		if (!twice)
			vec_push(d->arena, o, x);
	}
}

/* What the internet opens of one host. */
static double from_internet(struct doc *d, uint32_t host)
{
	struct openings o = { 0 };

	for (size_t i = 0; i < d->flows.n; i++) {
		const struct doc_flow *f = &d->flows.v[i];

		if (f->from_node < d->p->n_zones &&
		    doc_zone_kind(d->p, f->from_node) == ZONE_INTERNET &&
		    f->from_node != f->to_node && holds(d, f->to, host))
			add_ranges(d, f, &o);
	}
	return doc_count_openings(d->arena, &o).openings;
}

/* "dc1 8": what a firewall opens, and what it sees nothing of. */
static const char *each_of(struct doc *d, const struct reach *r)
{
	const struct topology *t = d->p->topo;
	bool *seen = ARENA_ARRAY(d->arena, bool, t->parties.n);
	VEC(const char *) v = { 0 };

	for (size_t i = 0; i < r->to.n; i++) {
		const struct group *g = &d->groups.v[r->to.v[i].group];

		if (r->to.v[i].node >= d->p->n_zones ||
		    doc_zone_kind(d->p, r->to.v[i].node) == ZONE_INTERNET)
			continue;
		for (size_t k = 0; k < g->members.n; k++) {
			uint32_t id = g->members.v[k].party;
			struct openings o;
			struct reach_count c;

			if (seen[id])
				continue;
			seen[id] = true;
			o = doc_openings_to(d, r, id);
			c = doc_count_openings(d->arena, &o);
			vec_push(d->arena, &v, arena_printf(d->arena,
				"%s %.0f", t->parties.v[id]->name,
				c.openings + c.inside));
		}
	}
	return doc_names(d->arena, v.v, v.n);
}

static void add_row(struct arena *a, struct layout *out, struct doc *d,
		    uint32_t reach)
{
	const struct topology *t = d->p->topo;
	const struct reach *r = &d->reaches.v[reach];
	struct layout_row row = {
		.reached = r->parties, .openings = r->sum.openings,
		.ports = r->sum.ports, .inside = r->sum.inside };
	VEC(const char *) hosts = { 0 };

	for (size_t i = 0; i < t->hosts.n; i++) {
		uint32_t id = t->hosts.v[i]->id;

		if (d->host_reach[id] != reach ||
		    d->exposed[id] != EXPOSED_ANYONE)
			continue;
		if (!hosts.n)
			row.from_internet = from_internet(d, id);
		vec_push(d->arena, &hosts, t->hosts.v[i]->name);
	}
	if (!hosts.n)
		return;
	row.n_hosts = hosts.n;
	row.hosts = arena_strdup(a, doc_names(d->arena, hosts.v, hosts.n));
	row.each = arena_strdup(a, each_of(d, r));
	vec_push(a, &out->rows, row);
}

struct layout *layout_read(struct arena *a, const struct plan *p)
{
	struct layout *out = ARENA_NEW(a, struct layout);
	struct arena *scratch = arena_new();
	struct doc *d = doc_gather(scratch, p, NULL);

	for (size_t i = 0; i < d->reaches.n; i++)
		add_row(a, out, d, (uint32_t)i);
	arena_free(scratch);
	return out;
}
