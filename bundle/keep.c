#include "bundle/keep.h"
#include "plan/inside.h"

#include "plan/nat.h"

/*
 * How this works: whatever passes between two nodes with a path across the
 * firewall marks its cells, its reasons and the elements that say so; paths of
 * such nodes mark the zones and firewalls on the way. Then names follow: the
 * parties that the cells lie in, and the roles and services that the flows and
 * exceptions speak of.
 */

bool keep_word(const struct keep *k, const struct end_word *w)
{
	if (w->kind == END_PARTY && w->party->kind == PARTY_FIREWALL &&
	    k->speaks[w->party->firewall->id])
		return true;
	for (uint32_t c = 0; c < k->p->n_cell; c++)
		if (k->cell[c] && plan_word_has(k->p, w, c))
			return true;
	return false;
}

static void note_cell(struct keep *k, struct map *m, uint32_t allow,
		      uint32_t cell)
{
	uint32_t key[2] = { allow, cell };

	map_add(k->a, m, key, sizeof(key), NULL);
}

bool keep_allow_word(const struct keep *k, const struct rule *r,
		     const struct end_word *w, bool from)
{
	const struct map *m = from ? &k->allow_from : &k->allow_to;

	if (w->kind == END_PARTY && w->party->kind == PARTY_FIREWALL)
		return k->speaks[w->party->firewall->id];
	for (uint32_t c = 0; c < k->p->n_cell; c++) {
		uint32_t key[2] = { r->id, c };

		if (k->cell[c] && map_find(m, key, sizeof(key)) &&
		    plan_word_has(k->p, w, c))
			return true;
	}
	return false;
}

bool keep_public(const struct keep *k, const struct public_addr *x)
{
	if ((x->own != NONE && k->cell[x->own]) ||
	    (x->many && k->party[x->many->id]))
		return true;
	for (size_t i = 0; i < x->publishes.n; i++)
		if (k->party[k->t->publishes.v[x->publishes.v[i]]->host->id])
			return true;
	return false;
}

/* ---- what crosses ------------------------------------------------------------------- */

static bool crosses(const struct keep *k, uint32_t from, uint32_t to)
{
	const struct route *r = plan_route(k->p, from, to);
	uint32_t self = k->p->n_zones + k->f->id;

	if (from == self || to == self)
		return r->reachable;
	if (from == to)
		return from < k->p->n_zones && firewall_within(k->f, from);
	return route_crosses(r, k->f->id);
}

static void keep_zone(struct keep *k, uint32_t zone)
{
	k->zone[zone] = true;
}

static void keep_class(struct keep *k, uint32_t cls)
{
	const struct class *c = &k->p->classes.v[cls];

	for (size_t i = 0; i < c->n_cell; i++)
		k->cell[c->cell[i]] = true;
}

/* The paths of two nodes that lead across the firewall, or to it. */
static void keep_paths(struct keep *k, uint32_t from, uint32_t to)
{
	const struct route *r = plan_route(k->p, from, to);
	uint32_t nodes[2] = { from, to }, n = k->p->n_zones;

	for (size_t i = 0; i < r->paths.n; i++) {
		const struct path *x = &r->paths.v[i];

		if (to != n + k->f->id && from != n + k->f->id &&
		    !path_crosses(x, k->f->id))
			continue;
		for (size_t h = 0; h < x->n; h++) {
			k->firewall[x->hop[h].firewall] = true;
			keep_zone(k, x->hop[h].in);
			keep_zone(k, x->hop[h].out);
		}
	}
	for (int i = 0; i < 2; i++) {
		if (nodes[i] < n) {
			keep_zone(k, nodes[i]);
			continue;
		}
		k->firewall[nodes[i] - n] = k->speaks[nodes[i] - n] = true;
		keep_class(k, nodes[i] - n);
	}
}

static void keep_list(struct keep *k, bool *what, uint32_t list)
{
	for (size_t i = 0; i < k->p->lists.len[list]; i++)
		what[k->p->lists.v[list][i]] = true;
}

static void keep_svcset(struct keep *k, uint32_t svc)
{
	const struct svcset *s = &k->p->svcsets.v[svc];

	for (size_t i = 0; i < s->n; i++)
		k->reason[s->v[i].reason] = true;
	keep_list(k, k->ipsec, s->ipsec);
}

static void keep_pairs(struct keep *k)
{
	for (size_t i = 0; i < k->p->pairs.n; i++) {
		const struct pair *x = &k->p->pairs.v[i];
		uint32_t from = k->p->classes.v[x->from].node;
		uint32_t to = k->p->classes.v[x->to].node;

		if (!crosses(k, from, to) || (!x->svc && !x->ike))
			continue;
		keep_class(k, x->from);
		keep_class(k, x->to);
		keep_svcset(k, x->svc);
		keep_list(k, k->ipsec, x->ike);
		keep_paths(k, from, to);
	}
}

static void keep_part(struct keep *k, const struct product *x, uint32_t cls,
		      uint32_t end, bool from)
{
	const struct class *c = &k->p->classes.v[cls];
	const struct reason *r =
		&k->p->reasons.v[k->p->svcsets.v[x->svc].v[0].reason];

	for (size_t i = 0; i < c->n_cell; i++) {
		if (end != NONE && !cell_in_end(k->p, c->cell[i], end))
			continue;
		k->cell[c->cell[i]] = true;
		if (r->kind == REASON_ALLOW)
			note_cell(k, from ? &k->allow_from : &k->allow_to,
				  x->reason, c->cell[i]);
	}
}

static void keep_products(struct keep *k)
{
	for (size_t i = 0; i < k->p->products.n; i++) {
		const struct product *x = &k->p->products.v[i];
		uint32_t from = k->p->classes.v[x->from].node;
		uint32_t to = k->p->classes.v[x->to].node;
		const struct svcset *s = &k->p->svcsets.v[x->svc];

		if (!s->n || !crosses(k, from, to))
			continue;
		keep_part(k, x, x->from, x->from_end, true);
		keep_part(k, x, x->to, x->to_end, false);
		keep_svcset(k, x->svc);
		keep_paths(k, from, to);
		if (k->p->reasons.v[s->v[0].reason].kind == REASON_INPUT)
			k->input[x->reason] = true;
		else
			k->allow[x->reason] = true;
	}
}

/* Rules let all pass between such zones, and name their space. */
static void keep_observed(struct keep *k)
{
	for (size_t i = 0; i < k->t->observes.n; i++) {
		const struct observe *o = k->t->observes.v[i];

		for (size_t x = 0; x < o->from.n; x++)
			for (size_t y = 0; y < o->to.n; y++) {
				uint32_t from = o->from.v[x]->zone_id;
				uint32_t to = o->to.v[y]->zone_id;

				if (!crosses(k, from, to))
					continue;
				k->observe[i] = true;
				keep_paths(k, from, to);
				k->whole[from] = k->whole[to] = true;
			}
		for (size_t x = 0; k->observe[i] && x < o->from.n; x++)
			k->zone[o->from.v[x]->zone_id] =
				k->named[o->from.v[x]->zone_id] = true;
		for (size_t y = 0; k->observe[i] && y < o->to.n; y++)
			k->zone[o->to.v[y]->zone_id] =
				k->named[o->to.v[y]->zone_id] = true;
	}
}

/* What the firewall makes of addresses is in its rules, planned or not. */
static void keep_translated(struct keep *k, uint32_t zone)
{
	const struct plan *p = k->p;

	for (size_t i = 0; i < p->publics.n; i++) {
		const struct public_addr *x = &p->publics.v[i];
		uint32_t cell = x->own;

		for (size_t n = 0; n <= x->publishes.n; n++) {
			if (n)
				cell = plan_cell(p, k->t->publishes.v[
					x->publishes.v[n - 1]]->own);
			if (cell == NONE ||
			    !nat_translates(p, k->f->id, zone, x->zone,
					    p->cell[cell].zone))
				continue;
			k->cell[cell] = true;
			keep_paths(k, zone, p->cell[cell].zone);
		}
	}
	for (uint32_t c = 0; c < p->n_cell; c++)
		if (p->cell[c].nat != NAT_NONE &&
		    nat_hides(p, k->f->id, zone, p->cell[c].cls,
			      addr_is_v4(p->cell[c].lo))) {
			k->cell[c] = true;
			keep_paths(k, p->cell[c].zone, zone);
		}
}

/* Zones whose every address is in a set of the rules, whatever is planned. */
static void keep_spaces(struct keep *k)
{
	for (size_t i = 0; i < k->f->interfaces.n; i++) {
		const struct party *z = k->f->interfaces.v[i]->zone;

		if (k->p->translates)
			keep_translated(k, z->zone_id);
		keep_zone(k, z->zone_id);
		k->named[z->zone_id] = true;
		if ((k->f->nodes.n && k->f->inputs.n) ||
		    (firewall_within(k->f, z->zone_id) && zone_is_open(z)))
			k->whole[z->zone_id] = true;
	}
	for (uint32_t c = 0; c < k->p->n_cell; c++)
		if (k->p->cell[c].space != NONE &&
		    k->whole[k->p->cell[c].space])
			k->cell[c] = true;
}

/* ---- names ---------------------------------------------------------------------------- */

static void keep_hosts_whole(struct keep *k)
{
	bool *host = ARENA_ARRAY(k->a, bool, k->t->parties.n);

	for (uint32_t c = 0; c < k->p->n_cell; c++) {
		uint32_t party = k->p->cell[c].party;

		if (k->cell[c] && party != NONE &&
		    k->t->parties.v[party]->kind == PARTY_HOST)
			host[party] = true;
	}
	for (uint32_t c = 0; c < k->p->n_cell; c++)
		if (k->p->cell[c].party != NONE && host[k->p->cell[c].party])
			k->cell[c] = true;
}

static void keep_parties(struct keep *k)
{
	for (uint32_t c = 0; c < k->p->n_cell; c++) {
		const struct cell *x = &k->p->cell[c];

		if (x->zone == NONE || x->party == NONE)
			continue;
		if (!k->cell[c])
			continue;
		k->own[x->party] = k->some[x->party] = true;
		for (const struct party *p = k->t->parties.v[x->party]; p;
		     p = p->parent)
			k->party[p->id] = true;
		for (const struct party *p = k->t->parties.v[x->network]; p;
		     p = p->parent)
			k->party[p->id] = true;
		k->zone[x->zone] = k->named[x->zone] = true;
	}
	for (uint32_t c = 0; c < k->p->n_cell; c++)
		if (k->p->cell[c].party != NONE && !k->cell[c])
			k->own[k->p->cell[c].party] = false;
	for (uint32_t c = 0; c < k->p->n_cell; c++)
		if (k->cell[c] && k->p->cell[c].space != NONE)
			k->zone[k->p->cell[c].space] = true;
	for (size_t i = 0; i < k->t->zones.n; i++)
		k->party[k->t->zones.v[i]->id] |= k->zone[i];
	for (size_t i = 0; i < k->p->publics.n; i++)
		if (keep_public(k, &k->p->publics.v[i]))
			k->zone[k->p->publics.v[i].zone] = true;
	for (size_t i = 0; i < k->t->zones.n; i++)
		k->party[k->t->zones.v[i]->id] |= k->zone[i];
}

static void keep_service(struct keep *k, const struct service *s)
{
	k->service[s->id] = true;
	for (size_t i = 0; i < s->parts.n; i++)
		keep_service(k, s->parts.v[i]);
}

static void keep_services(struct keep *k, const service_list *v)
{
	for (size_t i = 0; i < v->n; i++)
		keep_service(k, v->v[i]);
}

static void keep_end_roles(struct keep *k, const struct ends *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].kind == END_ROLE && keep_word(k, &e->v[i]))
			k->target[e->v[i].role->id] = true;
}

bool keep_flow_role(const struct keep *k, const struct flow *f,
		    const struct role *r, bool from)
{
	for (size_t i = 0; i < k->p->reasons.n; i++) {
		const struct reason *x = &k->p->reasons.v[i];

		if (k->reason[i] && x->kind == REASON_FLOW && x->flow == f &&
		    (from ? x->from : x->to) == r)
			return true;
	}
	return false;
}

bool keep_flow_service(const struct keep *k, const struct flow *f,
		       const struct service *s)
{
	for (size_t i = 0; i < k->p->reasons.n; i++) {
		const struct reason *x = &k->p->reasons.v[i];

		if (!k->reason[i] || x->kind != REASON_FLOW || x->flow != f)
			continue;
		for (size_t l = 0; l < s->n_leaf; l++)
			if (s->leaf[l] == x->service)
				return true;
	}
	return false;
}

static void keep_flows(struct keep *k)
{
	for (size_t i = 0; i < k->p->reasons.n; i++) {
		const struct reason *x = &k->p->reasons.v[i];

		if (!k->reason[i] || x->kind != REASON_FLOW)
			continue;
		k->target[x->from->id] = k->target[x->to->id] = true;
		for (size_t s = 0; s < x->flow->services.n; s++)
			if (keep_flow_service(k, x->flow,
					      x->flow->services.v[s]))
				keep_service(k, x->flow->services.v[s]);
	}
}

static void keep_elements(struct keep *k)
{
	for (size_t i = 0; i < k->f->inputs.n; i++)
		k->input[k->f->inputs.v[i]->id] = true;
	for (size_t i = 0; i < k->t->allows.n; i++) {
		const struct rule *r = k->t->allows.v[i];

		if (!k->allow[i])
			continue;
		keep_end_roles(k, &r->from);
		keep_end_roles(k, &r->to);
		keep_services(k, &r->what.services);
	}
	for (size_t i = 0; i < k->t->inputs.n; i++) {
		if (!k->input[i])
			continue;
		keep_end_roles(k, &k->t->inputs.v[i]->from);
		keep_services(k, &k->t->inputs.v[i]->what.services);
	}
	for (size_t i = 0; i < k->t->ipsecs.n; i++) {
		if (!k->ipsec[i])
			continue;
		keep_end_roles(k, &k->t->ipsecs.v[i]->between);
		keep_end_roles(k, &k->t->ipsecs.v[i]->and);
		keep_services(k, &k->t->ipsecs.v[i]->except);
	}
}

/* Of use, want and omit, as far as flows that cross are of their roles. */
static void keep_sources(struct keep *k)
{
	for (size_t i = 0; i < k->t->uses.n; i++)
		keep_end_roles(k, &k->t->uses.v[i]->of);
	for (size_t i = 0; i < k->t->wants.n; i++)
		keep_end_roles(k, &k->t->wants.v[i]->sources);
	for (size_t i = 0; i < k->t->omits.n; i++)
		keep_end_roles(k, &k->t->omits.v[i]->sources);
	for (size_t i = 0; i < k->t->assigns.n; i++)
		keep_end_roles(k, &k->t->assigns.v[i]->to);
}

static void keep_roles(struct keep *k)
{
	for (size_t i = 0; i < k->t->roles.n; i++)
		for (size_t c = 0; c < k->t->roles.v[i]->n_closure; c++)
			if (k->target[k->t->roles.v[i]->closure[c]])
				k->role[i] = true;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void make_room(struct keep *k)
{
	const struct topology *t = k->t;
	const struct { bool **v; size_t n; } arrays[] = {
		{ &k->cell, k->p->n_cell }, { &k->party, t->parties.n },
		{ &k->own, t->parties.n }, { &k->some, t->parties.n }, { &k->zone, t->zones.n },
		{ &k->named, t->zones.n }, { &k->whole, t->zones.n },
		{ &k->firewall, t->firewalls.n },
		{ &k->speaks, t->firewalls.n },
		{ &k->reason, k->p->reasons.n }, { &k->allow, t->allows.n },
		{ &k->input, t->inputs.n }, { &k->ipsec, t->ipsecs.n },
		{ &k->observe, t->observes.n }, { &k->role, t->roles.n },
		{ &k->target, t->roles.n }, { &k->service, t->services.n },
	};

	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++)
		*arrays[i].v = ARENA_ARRAY(k->a, bool, arrays[i].n);
}

void keep_find(struct keep *k)
{
	make_room(k);
	k->firewall[k->f->id] = true;
	keep_pairs(k);
	keep_products(k);
	keep_observed(k);
	keep_spaces(k);
	keep_hosts_whole(k);
	keep_parties(k);
	keep_flows(k);
	keep_elements(k);
	keep_sources(k);
	keep_roles(k);
}
