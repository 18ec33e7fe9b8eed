#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"
#include "plan/nat.h"

/* What the template flows and IPsec ask of an address; equal signatures, one
 * class. */
struct signature {
	uint32_t node, roles, uses, ends, pins, dynamic, nat, realm, sort;
};

struct maker {
	struct build *b;
	struct map ids;	      /* signature -> class */
	struct map uses;      /* network, host -> list of role, use */
	struct map pins;      /* roles, host -> list of pins */
	struct map disagree;  /* role pins already complained of */
	VEC(VEC(uint32_t)) cells; /* by class */
};

/* ---- use: the innermost counts, role by role -------------------------------- */

static void add_uses(struct build *b, const struct party *p, uint32_t **v,
		     size_t *n)
{
	size_t had = *n, more = 0;
	uint32_t *out;

	for (size_t i = 0; i < p->use.n; i++)
		more += p->use.v[i]->roles.n;
	if (!more)
		return;
	out = ARENA_ARRAY(b->scratch, uint32_t, 2 * (had + more));
	if (had)
		memcpy(out, *v, 2 * had * sizeof(*out));
	for (size_t i = 0; i < p->use.n; i++)
		for (size_t k = 0; k < p->use.v[i]->roles.n; k++) {
			uint32_t role = p->use.v[i]->roles.v[k]->id;
			bool narrower = false;

			for (size_t j = 0; j < had; j++)
				narrower |= (*v)[2 * j] == role;
			if (narrower)
				continue;
			out[2 * *n] = role;
			out[2 * *n + 1] = p->use.v[i]->id;
			++*n;
		}
	*v = out;
}

static uint32_t uses_of(struct maker *m, const struct party *host,
			const struct party *network)
{
	uint32_t key[2] = { host ? host->id : NONE, network->id };
	uint32_t *v = NULL;
	size_t n = 0;
	int is_new;
	struct map_entry *e;

	if (host && !host->use.n)
		return uses_of(m, NULL, network);
	e = map_add(m->b->scratch, &m->uses, key, sizeof(key), &is_new);
	if (!is_new)
		return e->val.u;
	if (host)
		add_uses(m->b, host, &v, &n);
	for (const struct party *p = network; p; p = p->parent)
		add_uses(m->b, p, &v, &n);
	if (n)
		qsort(v, n, 2 * sizeof(*v), u32_compare2);
	return e->val.u = lists_intern(m->b->arena, &m->b->plan->lists, v,
				       2 * n);
}

/* ---- pins ---------------------------------------------------------------------- */

static const struct pin *pin_for(const struct pin *const *v, size_t n,
				 const struct service *s)
{
	for (size_t i = 0; i < n; i++)
		if (v[i]->service == s)
			return v[i];
	return NULL;
}

static void disagree(struct maker *m, const struct pin *x, const struct pin *y)
{
	uint32_t key[2] = { x->id, y->id };
	int is_new;

	map_add(m->b->scratch, &m->disagree, key, sizeof(key), &is_new);
	if (is_new)
		diag_add2(m->b->d, SEV_ERROR, y->at, x->at, "the other one",
			  "an address bears \"%s\" and \"%s\", whose pins of "
			  "\"%s\" disagree: pin it on the host", x->role->name,
			  y->role->name, x->service->name);
}

static uint32_t pins_of(struct maker *m, const struct party *host,
			uint32_t roles)
{
	struct build *b = m->b;
	const struct topology *t = b->topo;
	uint32_t key[2] = { host && host->pin.n ? host->id : NONE, roles };
	VEC(const struct pin *) pins = { 0 };
	VEC(uint32_t) ids = { 0 };
	int is_new;
	struct map_entry *e = map_add(b->scratch, &m->pins, key, sizeof(key),
				      &is_new);

	if (!is_new)
		return e->val.u;
	for (size_t i = 0; host && i < host->pin.n; i++)
		vec_push(b->scratch, &pins, host->pin.v[i]);
	for (size_t i = 0; i < t->role_pins.n; i++) {
		const struct pin *p = t->role_pins.v[i], *have;

		if (!list_meets(&b->plan->lists, roles, p->role->id))
			continue;
		have = pin_for(pins.v, pins.n, p->service);
		if (!have)
			vec_push(b->scratch, &pins, p);
		else if (have->role && !keys_equal(have->ports, p->ports))
			disagree(m, have, p);
	}
	for (size_t i = 0; i < pins.n; i++)
		vec_push(b->scratch, &ids, pins.v[i]->id);
	if (ids.n)
		qsort(ids.v, ids.n, sizeof(*ids.v), u32_compare);
	return e->val.u = lists_intern(b->arena, &b->plan->lists, ids.v,
				       ids.n);
}

static uint32_t port_list(struct build *b, struct key_set ports)
{
	uint32_t *v = ARENA_ARRAY(b->scratch, uint32_t, 2 * ports.n);

	for (size_t i = 0; i < ports.n; i++) {
		v[2 * i] = ports.r[i].lo;
		v[2 * i + 1] = ports.r[i].hi;
	}
	return lists_intern(b->arena, &b->plan->lists, v, 2 * ports.n);
}

static uint32_t dynamic_of(struct build *b, const struct party *host,
			   const struct party *network)
{
	if (host && host->has_dynamic)
		return port_list(b, host->dynamic);
	for (const struct party *p = network; p; p = p->parent)
		if (p->has_dynamic)
			return port_list(b, p->dynamic);
	return port_list(b, b->topo->dynamic);
}

static uint32_t realm_id(struct build *b, const char *name)
{
	struct plan *p = b->plan;

	for (uint32_t i = 1; i < p->realms.n; i++)
		if (!strcmp(p->realms.v[i], name))
			return i;
	vec_push(b->arena, &p->realms, name);
	return (uint32_t)p->realms.n - 1;
}

static uint32_t realm_of(struct build *b, const struct party *host,
			 const struct party *network)
{
	if (host && host->realm)
		return realm_id(b, host->realm);
	for (const struct party *p = network; p; p = p->parent)
		if (p->realm)
			return realm_id(b, p->realm);
	return b->topo->realm ? realm_id(b, b->topo->realm) : 0;
}

/* ---- classes ------------------------------------------------------------------- */

static uint32_t class_of(struct maker *m, const struct signature *sig)
{
	struct plan *p = m->b->plan;
	int is_new;
	struct map_entry *e = map_add(m->b->scratch, &m->ids, sig,
				      sizeof(*sig), &is_new);

	if (is_new) {
		e->val.u = (uint32_t)p->classes.n;
		vec_push(m->b->arena, &p->classes, (struct class){
				.node = sig->node, .roles = sig->roles,
				.uses = sig->uses, .ends = sig->ends,
				.pins = sig->pins, .dynamic = sig->dynamic,
				.nat = sig->nat, .realm = sig->realm });
		if (m->cells.n == m->cells.cap)
			vec_grow(m->b->scratch, (void **)&m->cells.v,
				 m->cells.n, &m->cells.cap,
				 sizeof(*m->cells.v));
		memset(&m->cells.v[m->cells.n++], 0, sizeof(*m->cells.v));
	}
	return e->val.u;
}

static uint32_t class_ends(struct build *b, uint32_t ends)
{
	struct plan *p = b->plan;
	const uint32_t *v = p->end_lists.v[ends];
	size_t n = 0;

	while (n < p->end_lists.len[ends] && v[n] < p->n_class_ends)
		n++;
	return lists_intern(b->arena, &p->lists, v, n);
}

static uint32_t cell_class(struct maker *m, const struct cell *c)
{
	struct build *b = m->b;
	const struct party *p = b->topo->parties.v[c->party];
	const struct party *host = p->kind == PARTY_HOST ? p : NULL;
	struct signature sig = { 0 };

	if (p->kind == PARTY_FIREWALL) {
		sig.node = b->plan->n_zones + p->firewall->id;
		sig.dynamic = dynamic_of(b, NULL, NULL);
		return class_of(m, &sig);
	}
	const struct party *network = b->topo->parties.v[c->network];

	sig.node = c->zone;
	sig.roles = c->cls; /* from build_ends() */
	sig.uses = uses_of(m, host, network);
	sig.pins = pins_of(m, host, sig.roles);
	sig.dynamic = dynamic_of(b, host, network);
	sig.ends = class_ends(b, c->ends);
	sig.nat = cell_nat_list(b, c, host);
	sig.realm = realm_of(b, host, network);
	sig.sort = p->sort;
	return class_of(m, &sig);
}

static void finish(struct maker *m, uint32_t id)
{
	struct plan *p = m->b->plan;
	struct class *c = &p->classes.v[id];
	size_t count[2] = { 0, 0 };

	c->n_cell = m->cells.v[id].n;
	c->cell = ARENA_ARRAY(m->b->arena, uint32_t, c->n_cell);
	if (c->n_cell)
		memcpy(c->cell, m->cells.v[id].v,
		       c->n_cell * sizeof(*c->cell));
	c->single = true;
	for (size_t i = 0; i < c->n_cell; i++) {
		const struct cell *x = &p->cell[c->cell[i]];
		unsigned fam = cell_family(x);

		c->families |= fam;
		c->single &= addr_eq(x->lo, x->hi) && !count[fam - 1]++;
	}
}

/* Also one class for every firewall, whether it has addresses or not: the
 * first ones, in the firewalls' order. */
void build_classes(struct build *b)
{
	struct plan *p = b->plan;
	struct maker m = { .b = b };

	vec_push(b->arena, &p->realms, NULL);
	for (size_t i = 0; i < b->topo->firewalls.n; i++)
		class_of(&m, &(struct signature){
				.node = p->n_zones + (uint32_t)i,
				.dynamic = dynamic_of(b, NULL, NULL) });
	for (uint32_t i = 0; i < p->n_cell; i++) {
		struct cell *c = &p->cell[i];

		if (c->party == NONE || plan_only_public(p, c))
			continue;
		c->cls = cell_class(&m, c);
		vec_push(b->scratch, &m.cells.v[c->cls], i);
	}
	for (uint32_t i = 0; i < p->classes.n; i++)
		finish(&m, i);
	b->role_classes = arena_alloc(b->scratch, (b->topo->roles.n + 1) *
				      sizeof(*b->role_classes));
	for (uint32_t i = 0; i < p->classes.n; i++) {
		uint32_t roles = p->classes.v[i].roles;

		for (size_t k = 0; k < p->lists.len[roles]; k++)
			vec_push(b->scratch,
				 &b->role_classes[p->lists.v[roles][k]], i);
	}
	build_members(b);
}
