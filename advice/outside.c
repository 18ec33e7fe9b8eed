#include "advice/outside.h"

#include "plan/nat.h"

uint32_t internet_zone(const struct plan *p)
{
	for (size_t i = 0; i < p->topo->zones.n; i++)
		if (p->topo->zones.v[i]->zone_kind == ZONE_INTERNET)
			return (uint32_t)i;
	return NONE;
}

static void add(struct arena *a, struct outside *o, const struct plan *p,
		uint32_t cell)
{
	struct addr_range r = { p->cell[cell].lo, p->cell[cell].hi };

	for (size_t i = 0; i < o->seen.n; i++)
		if (addr_eq(o->seen.v[i].lo, r.lo) &&
		    addr_eq(o->seen.v[i].hi, r.hi))
			return;
	vec_push(a, &o->seen, r);
}

/* Behind the interface of the firewalls that it leaves by. */
static void by_interface(struct arena *a, struct outside *o,
			 const struct plan *p, const struct route *r, bool v4)
{
	enum { MOST = 64 };
	uint32_t cells[MOST];

	for (size_t i = 0; i < r->n_hop; i++) {
		struct face f = { FACE_INTERFACE, r->hop[i].firewall *
						  p->n_zones + r->hop[i].out };
		size_t n;

		if (p->topo->zones.v[r->hop[i].out]->zone_kind !=
		    ZONE_INTERNET)
			continue;
		n = interface_cells(p, f, v4, cells, MOST);
		o->unknown |= n == 0;
		for (size_t k = 0; k < n; k++)
			if (cells[k] != NONE)
				add(a, o, p, cells[k]);
	}
}

struct outside cell_outside(struct arena *a, const struct plan *p,
			    uint32_t cell, uint32_t zone)
{
	const struct cell *c = &p->cell[cell];
	const struct class *cls = &p->classes.v[c->cls];
	bool v4 = addr_is_v4(c->lo);
	struct nat t = class_nat(p, c->cls, v4);
	const struct route *r = plan_route(p, cls->node, zone);
	struct face f = { FACE_PUBLIC, 0 };
	struct outside o = { .unknown = false };
	uint32_t public;

	if (t.kind == NAT_INTERFACE) {
		by_interface(a, &o, p, r, v4);
		return o;
	}
	public = t.kind != NAT_NONE && nat_touched(p, r, t) ?
		face_cell(p, f, cell) : NONE;
	add(a, &o, p, public == NONE ? cell : public);
	return o;
}
