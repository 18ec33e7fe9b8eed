#include "plan/inside.h"

static const struct party *network_of(const struct plan *p, uint32_t cell)
{
	uint32_t n = p->cell[cell].network;

	return n == NONE ? NULL : p->topo->parties.v[n];
}

bool plan_inside_any(const struct plan *p, uint32_t from, uint32_t to)
{
	for (const struct party *x = network_of(p, from); x; x = x->parent)
		for (const struct party *y = network_of(p, to); y;
		     y = y->parent)
			if (x == y)
				return x->inside_any;
	return false;
}

bool zone_is_open(const struct party *zone)
{
	return zone->inside_any && zone->zone_kind != ZONE_INTERNET;
}

bool firewall_within(const struct firewall *f, uint32_t zone)
{
	size_t n = 0;

	for (size_t i = 0; i < f->interfaces.n; i++)
		n += f->interfaces.v[i]->zone->zone_id == zone;
	return n > 1;
}

const char *plan_enforced_within(const struct plan *p, uint32_t zone,
				 struct arena *a)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < p->topo->firewalls.n; i++)
		if (!zone_is_open(p->topo->zones.v[zone]) &&
		    firewall_within(p->topo->firewalls.v[i], zone))
			buf_printf(&b, "%s%s", b.n ? ", " : "",
				   p->topo->firewalls.v[i]->name);
	return b.n ? buf_take(a, &b) : NULL;
}
