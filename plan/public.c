#include "plan/internal.h"
#include "plan/nat.h"

/* Public addresses as cells of their own, and which cell hides behind which. */

static uint32_t new_public(struct build *b, struct addr a, uint32_t cell,
			   struct span at)
{
	struct plan *p = b->plan;
	struct cell *c = &p->cell[cell];

	p->translates = true;
	if (c->public != NONE)
		return c->public;
	c->public = (uint32_t)p->publics.n;
	vec_push(b->arena, &p->publics, (struct public_addr){
			.addr = a, .cell = cell, .zone = c->space, .at = at,
			.own = NONE });
	if (c->zone != NONE) {
		c->zone = c->network = NONE;
		c->party = NONE;
	}
	return c->public;
}

/* Whose it is instead; NULL if it may be a public address of the party. */
static const char *not_public(struct build *b, const struct cell *c,
			      const struct party *owner, bool one)
{
	const struct topology *t = b->topo;
	const struct party *is = c->party == NONE ? NULL :
		t->parties.v[c->party];
	const struct party *zone = party_zone(owner);

	if (is && is->kind == PARTY_FIREWALL && one)
		return arena_printf(b->arena, "is an address of firewall "
				    "\"%s\", which cannot be one host's alone: "
				    "<publish> forwards ports of it", is->name);
	if (is && is->kind == PARTY_HOST && c->zone != NONE)
		return arena_printf(b->arena, "is the own address of host "
				    "\"%s\"", is->name);
	if (c->space == NONE)
		return "is in no zone: add it to the networks of the zone that "
		       "owns it";
	if (zone && c->space == zone->zone_id)
		return arena_printf(b->arena, "is in zone \"%s\", where \"%s\" "
				    "stands itself: nothing would translate it",
				    zone->name, owner->name);
	return NULL;
}

static uint32_t public_for(struct build *b, struct addr a, struct span at,
			   const struct party *owner, bool one)
{
	uint32_t c = plan_cell(b->plan, a);
	const char *why = not_public(b, &b->plan->cell[c], owner, one);
	char text[ADDR_TEXT];

	if (!why)
		return new_public(b, a, c, at);
	addr_text(a, text);
	diag_add(b->d, SEV_ERROR, at, "the public address %s %s", text, why);
	return NONE;
}

static void party_publics(struct build *b, const struct party *p)
{
	struct plan *plan = b->plan;
	bool one = p->kind == PARTY_HOST;

	plan->translates |= p->masquerade;
	for (size_t i = 0; i < p->n_public; i++) {
		uint32_t x = public_for(b, p->public[i].r.lo, p->public_at[i],
					p, one);
		struct cell *c;

		if (x == NONE)
			continue;
		c = &plan->cell[plan->publics.v[x].cell];
		if (!one && !plan->publics.v[x].many)
			plan->publics.v[x].many = p;
		if (c->party == NONE)
			c->party = p->id;
	}
}

static void publish_publics(struct build *b, const struct publish *u)
{
	struct plan *p = b->plan;
	uint32_t x = public_for(b, u->address.r.lo, u->address_at, u->host,
				false);
	struct cell *c;

	if (x == NONE)
		return;
	vec_push(b->arena, &p->publics.v[x].publishes, u->id);
	c = &p->cell[p->publics.v[x].cell];
	if (c->party == NONE)
		c->party = u->host->id;
}

/* ---- what a cell is behind ------------------------------------------------------- */

struct behind {
	uint8_t kind;
	uint32_t public;
};

static uint32_t public_at(const struct plan *p, struct addr a)
{
	return p->cell[plan_cell(p, a)].public;
}

static const struct prefix *nth_public(const struct party *h, bool v4, size_t n)
{
	for (size_t i = 0; i < h->n_public; i++)
		if (h->public[i].v4 == v4 && n-- == 0)
			return &h->public[i];
	return NULL;
}

/* The innermost that says something of the family; n: which of a host's
 * addresses of it. */
static struct behind behind_of(const struct plan *p, const struct party *host,
			       const struct party *network, bool v4, size_t n)
{
	const struct prefix *x = host ? nth_public(host, v4, n) : NULL;

	if (x)
		return (struct behind){ NAT_ONE, public_at(p, x->r.lo) };
	for (; network; network = network->parent) {
		if (network->masquerade)
			return (struct behind){ NAT_INTERFACE, NONE };
		x = nth_public(network, v4, 0);
		if (x)
			return (struct behind){ NAT_MANY,
						public_at(p, x->r.lo) };
	}
	return (struct behind){ NAT_NONE, NONE };
}

/* Which of the host's addresses of its family it is. */
static size_t address_index(const struct party *host, struct addr a)
{
	size_t n = 0;

	for (size_t i = 0; i < host->n_prefix; i++) {
		if (addr_eq(host->prefix[i].r.lo, a))
			break;
		n += host->prefix[i].v4 == addr_is_v4(a);
	}
	return n;
}

static const struct party *host_of(const struct build *b, const struct cell *c)
{
	const struct party *p = b->topo->parties.v[c->party];

	return p->kind == PARTY_HOST ? p : NULL;
}

static void cell_behind(struct build *b, uint32_t id)
{
	struct plan *p = b->plan;
	struct cell *c = &p->cell[id];
	const struct party *host = host_of(b, c);
	struct behind x = behind_of(p, host, b->topo->parties.v[c->network],
				    addr_is_v4(c->lo),
				    host ? address_index(host, c->lo) : 0);

	c->nat = x.kind;
	c->behind = x.public;
	if (x.kind == NAT_ONE && x.public != NONE)
		p->publics.v[x.public].own = id;
}

void build_publics(struct build *b)
{
	const struct topology *t = b->topo;
	struct plan *p = b->plan;

	for (size_t i = 0; i < t->parties.n; i++)
		party_publics(b, t->parties.v[i]);
	for (size_t i = 0; i < t->publishes.n; i++)
		publish_publics(b, t->publishes.v[i]);
	for (uint32_t i = 0; p->translates && i < p->n_cell; i++)
		if (p->cell[i].zone != NONE)
			cell_behind(b, i);
}

/* ---- classes ---------------------------------------------------------------------- */

static void put_behind(const struct plan *p, struct behind x,
		       uint32_t v[NAT_WORDS])
{
	v[0] = x.kind;
	v[1] = x.public == NONE ? NONE : p->publics.v[x.public].zone;
	v[2] = x.kind == NAT_MANY ? x.public : NONE;
}

uint32_t cell_nat_list(struct build *b, const struct cell *c,
		       const struct party *host)
{
	struct plan *p = b->plan;
	const struct party *network = b->topo->parties.v[c->network];
	size_t index = host ? address_index(host, c->lo) : 0;
	uint32_t head[NAT_HEAD];
	VEC(uint32_t) v = { head, NAT_HEAD, NAT_HEAD };
	bool any = false;

	if (!p->translates)
		return 0;
	for (int v4 = 0; v4 < 2; v4++) {
		struct behind x = behind_of(p, host, network, v4,
					    v4 == addr_is_v4(c->lo) ? index : 0);

		any |= x.kind != NAT_NONE;
		put_behind(p, x, head + (v4 ? NAT_WORDS : 0));
	}
	/* a port is forwarded to the first address of a family */
	for (uint32_t i = 0; host && !index && i < b->topo->publishes.n; i++)
		if (b->topo->publishes.v[i]->host == host)
			vec_push(b->scratch, &v, i);
	return any || v.n > NAT_HEAD ?
		lists_intern(b->arena, &p->lists, v.v, v.n) : 0;
}

/* One cell of each class and ends stands for all like it. */
void build_members(struct build *b)
{
	struct plan *p = b->plan;
	struct map seen = { 0 };

	for (uint32_t i = 0; p->translates && i < p->n_cell; i++) {
		const struct cell *c = &p->cell[i];
		uint32_t key[4] = { c->behind, c->cls, c->ends,
				    cell_family(c) };
		int is_new;

		if (c->nat != NAT_MANY && c->nat != NAT_INTERFACE)
			continue;
		map_add(b->scratch, &seen, key, sizeof(key), &is_new);
		if (is_new && c->nat == NAT_INTERFACE)
			vec_push(b->arena, &p->masqueraded, i);
		else if (is_new && c->behind != NONE)
			vec_push(b->arena, &p->publics.v[c->behind].members, i);
	}
}

bool plan_only_public(const struct plan *p, const struct cell *c)
{
	return c->public != NONE && !cell_firewall(p, c);
}

const struct party *plan_hides_behind(const struct plan *p, struct addr a)
{
	uint32_t c = plan_cell(p, a), i = c == NONE ? NONE : p->cell[c].public;

	return i == NONE ? NULL : p->publics.v[i].many;
}
