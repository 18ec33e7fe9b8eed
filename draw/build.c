#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "draw/draw.h"
#include "plan/matrix.h"

enum { MAX_BUNDLES = 400, MAX_NAMES = 6 };

/* ---- the order of the columns ------------------------------------------------- */

struct walk {
	struct drawing *d;
	bool *seen;
	size_t n;
};

static void visit(struct walk *w, uint32_t zone)
{
	if (w->seen[zone])
		return;
	w->seen[zone] = true;
	w->d->order[w->n++] = zone;
}

/* The zones that one firewall leads to from here. */
static void visit_neighbours(struct walk *w, uint32_t zone)
{
	const struct topology *t = w->d->plan->topo;

	for (size_t i = 0; i < t->firewalls.n; i++) {
		const struct firewall *f = t->firewalls.v[i];
		bool here = false;

		for (size_t k = 0; k < f->interfaces.n; k++)
			here |= f->interfaces.v[k]->zone->zone_id == zone;
		for (size_t k = 0; here && k < f->interfaces.n; k++)
			visit(w, f->interfaces.v[k]->zone->zone_id);
	}
}

/* Breadth first from the internet, then from whatever is left. */
static void order_zones(struct drawing *d)
{
	const struct topology *t = d->plan->topo;
	struct walk w = { d, ARENA_ARRAY(d->arena, bool, t->zones.n), 0 };
	size_t done = 0;

	d->order = ARENA_ARRAY(d->arena, uint32_t, t->zones.n);
	d->column = ARENA_ARRAY(d->arena, uint32_t, t->zones.n);
	for (size_t i = 0; i < t->zones.n; i++)
		if (t->zones.v[i]->zone_kind == ZONE_INTERNET)
			visit(&w, (uint32_t)i);
	for (size_t i = 0; i < t->zones.n || done < w.n;) {
		if (done < w.n)
			visit_neighbours(&w, d->order[done++]);
		else
			visit(&w, (uint32_t)i++);
	}
	for (uint32_t i = 0; i < w.n; i++)
		d->column[d->order[i]] = i;
}

/* ---- hosts that look alike ------------------------------------------------------ */

static const char *roles_text(struct arena *a, const struct party *p)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < p->roles.n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", p->roles.v[i]->name);
	return buf_take(a, &b);
}

static void group_hosts(struct drawing *d)
{
	const struct topology *t = d->plan->topo;
	struct map ids = { 0 };

	for (size_t i = 0; i < t->hosts.n; i++) {
		const struct party *h = t->hosts.v[i];
		const char *roles = roles_text(d->arena, h);
		const char *key = arena_printf(d->arena, "%u %s",
					       h->parent->id, roles);
		int is_new;
		struct map_entry *e = map_add_str(d->arena, &ids, key, &is_new);

		if (is_new) {
			e->val.u = (uint32_t)d->groups.n;
			vec_push(d->arena, &d->groups, (struct draw_group){
					.parent = h->parent, .roles = roles });
		}
		vec_push(d->arena, &d->groups.v[e->val.u].hosts, h);
	}
}

const char *draw_names(struct arena *a, const char *const *name, size_t n,
		       size_t most)
{
	struct buf b = { 0 };
	size_t shown = n > most ? most - 1 : n;

	for (size_t i = 0; i < shown; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", name[i]);
	if (n > shown)
		buf_printf(&b, "%s%zu\xc2\xa0more", shown ? " and " : "", n - shown);
	return buf_take(a, &b);
}

/* ---- what is planned, gathered --------------------------------------------------- */

static uint32_t node_of(const struct plan *p, const char *name)
{
	const struct party *x = topology_party(p->topo, name);

	return x->kind == PARTY_FIREWALL ? p->n_zones + x->firewall->id :
					   x->zone_id;
}

static enum draw_class class_of(const struct matrix_row *r)
{
	if (!strcmp(r->carriage, "ipsec") || !strcmp(r->requirement, "ipsec"))
		return DRAW_IPSEC;
	if (!strcmp(r->requirement, "exception"))
		return DRAW_EXCEPTION;
	return !strcmp(r->requirement, "input") ? DRAW_INPUT : DRAW_CLEAR;
}

/* As a packet is written everywhere: a bare number means tcp and udp. */
static const char *item_text(struct arena *a, const struct matrix_row *r)
{
	struct buf b = { 0 };
	const char *port = r->ports;

	if (*r->service)
		buf_puts(&b, r->service);
	if (!*port && (!*r->service || strcmp(r->service, r->protocol)))
		buf_printf(&b, "%s%s", b.n ? " " : "", r->protocol);
	while (*port) {
		size_t n = strcspn(port, " ");

		buf_puts(&b, b.n ? " " : "");
		if (strcmp(r->protocol, "tcp udp"))
			buf_printf(&b, "%s/", r->protocol);
		buf_put(&b, port, n);
		port += n;
		port += strspn(port, " ");
	}
	return buf_take(a, &b);
}

static void add_item(struct drawing *d, struct draw_bundle *b,
		     const struct matrix_row *r)
{
	struct draw_item item = { item_text(d->arena, r), class_of(r) };

	for (size_t i = 0; i < b->items.n; i++)
		if (b->items.v[i].cls == item.cls &&
		    !strcmp(b->items.v[i].text, item.text))
			return;
	vec_push(d->arena, &b->items, item);
}

/* The bundle of a key; a new one is empty. */
static struct draw_bundle *bundle_of(struct drawing *d, struct map *ids,
				     const char *key)
{
	int is_new;
	struct map_entry *e = map_add_str(d->arena, ids, key, &is_new);

	if (is_new) {
		e->val.u = (uint32_t)d->bundles.n;
		vec_push(d->arena, &d->bundles, (struct draw_bundle){ 0 });
	}
	return &d->bundles.v[e->val.u];
}

static void gather(struct drawing *d, const struct matrix *m, bool by_party,
		   struct map *ids)
{
	for (size_t i = 0; i < m->rows.n; i++) {
		const struct matrix_row *r = &m->rows.v[i];
		uint32_t from = node_of(d->plan, r->from_zone);
		uint32_t to = node_of(d->plan, r->to_zone);
		struct draw_bundle *b = bundle_of(d, ids, arena_printf(
			d->arena, "%u %u %s %s", from, to,
			by_party ? r->from : "", by_party ? r->to : ""));

		b->from = from;
		b->to = to;
		b->sources = by_party ? r->from : NULL;
		b->targets = by_party ? r->to : NULL;
		add_item(d, b, r);
	}
}

static const char *bundle_key(struct drawing *d, const struct draw_bundle *b,
			      bool by_source)
{
	struct buf k = { 0 };

	buf_printf(&k, "%u %u %s", b->from, b->to,
		   by_source ? b->sources : b->targets);
	for (size_t i = 0; i < b->items.n; i++)
		buf_printf(&k, "\n%d%s", (int)b->items.v[i].cls,
			   b->items.v[i].text);
	return buf_take(d->arena, &k);
}

/* Bundles that differ in one side alone become one: first the targets of a
 * source, then the sources of such targets. */
static void join_side(struct drawing *d, bool targets)
{
	VEC(struct draw_bundle) old = { d->bundles.v, d->bundles.n, 0 };
	VEC(const char *) *names = arena_alloc(d->arena, (old.n + 1) *
					       sizeof(*names));
	struct map ids = { 0 };

	d->bundles.v = NULL;
	d->bundles.n = d->bundles.cap = 0;
	for (size_t i = 0; i < old.n; i++) {
		struct draw_bundle *b = bundle_of(d, &ids,
			bundle_key(d, &old.v[i], targets));
		size_t at = (size_t)(b - d->bundles.v);

		if (!b->items.n)
			*b = old.v[i];
		vec_push(d->arena, &names[at], targets ? old.v[i].targets :
						       old.v[i].sources);
	}
	for (size_t i = 0; i < d->bundles.n; i++) {
		const char *s = draw_names(d->arena, names[i].v, names[i].n,
					   MAX_NAMES);

		if (targets)
			d->bundles.v[i].targets = s;
		else
			d->bundles.v[i].sources = s;
	}
}

static uint32_t place(const struct drawing *d, uint32_t node)
{
	return node < d->plan->n_zones ? d->column[node] : node;
}

static int by_place(const void *a, const void *b)
{
	const struct draw_bundle *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

/* By source column, then destination column; otherwise as they came. */
static void sort_bundles(struct drawing *d)
{
	for (size_t i = 0; i < d->bundles.n; i++) {
		struct draw_bundle *b = &d->bundles.v[i];

		b->place = (uint64_t)place(d, b->from) << 44 |
			   (uint64_t)place(d, b->to) << 24 | (i & 0xffffff);
	}
	if (d->bundles.n)
		qsort(d->bundles.v, d->bundles.n, sizeof(*d->bundles.v),
		      by_place);
}

static void gather_unfolded(struct drawing *d)
{
	const char *side = d->opt.host ? d->opt.host : d->opt.zone;
	struct matrix_filter from = { .from = side,
				      .service = d->opt.service };
	struct matrix_filter to = { .to = side, .service = d->opt.service };
	struct map ids = { 0 };

	gather(d, matrix_build(d->arena, d->plan, MATRIX_BY_HOST, &from), true,
	       &ids);
	if (side)
		gather(d, matrix_build(d->arena, d->plan, MATRIX_BY_HOST, &to),
		       true, &ids);
	join_side(d, true);
	join_side(d, false);
}

struct drawing *draw_build(struct arena *a, const struct plan *p,
			   const struct draw_options *opt)
{
	struct drawing *d = ARENA_NEW(a, struct drawing);
	struct matrix_filter all = { 0 };
	struct map ids = { 0 };

	d->plan = p;
	d->arena = a;
	d->opt = *opt;
	order_zones(d);
	group_hosts(d);
	if (opt->host || opt->zone || opt->service)
		gather_unfolded(d);
	else
		gather(d, matrix_build(a, p, MATRIX_BY_ROLE, &all), false,
		       &ids);
	sort_bundles(d);
	if (d->bundles.n > MAX_BUNDLES) {
		d->n_left_out = d->bundles.n - MAX_BUNDLES;
		d->bundles.n = MAX_BUNDLES;
	}
	return d;
}
