#include <string.h>

#include "plan/diff.h"

/*
 * What a firewall with <input> lets in to itself by no reason of the plan:
 * DHCP's answers, whoever sends them, and the VRRP of its other nodes.
 */
struct let_in {
	const struct firewall *f;
	const struct party *zone;
	const char *from, *packets, *by;
};

typedef VEC(struct let_in) let_in_list;

static bool filters_input(const struct firewall *f)
{
	return f && !f->unmanaged && f->inputs.n;
}

static void add_vrrp(struct arena *a, const struct firewall *f, size_t i,
		     let_in_list *out)
{
	const struct party *zone = f->interfaces.v[i]->zone;

	for (size_t k = 0; k < i; k++)
		if (f->interfaces.v[k]->zone == zone)
			return;
	vec_push(a, out, (struct let_in){ f, zone, zone->name, "ip/112",
					  "VRRP, by nodes" });
}

static let_in_list find_let_in(struct arena *a, const struct plan *p)
{
	let_in_list out = { 0 };

	for (size_t i = 0; i < p->topo->firewalls.n; i++) {
		const struct firewall *f = p->topo->firewalls.v[i];

		for (size_t k = 0; filters_input(f) && k < f->interfaces.n;
		     k++) {
			const struct interface *itf = f->interfaces.v[k];

			if (itf->dhcp)
				vec_push(a, &out, (struct let_in){ f, itf->zone,
					arena_printf(a, "anyone at %s",
						     itf->name),
					"udp/68 udp/546", "DHCP, by dhcp" });
			if (f->nodes.n)
				add_vrrp(a, f, k, &out);
		}
	}
	return out;
}

static bool has(const let_in_list *l, const struct let_in *x)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].f->name, x->f->name) &&
		    !strcmp(l->v[i].zone->name, x->zone->name) &&
		    !strcmp(l->v[i].from, x->from) &&
		    !strcmp(l->v[i].by, x->by))
			return true;
	return false;
}

/* Where the other one filters nothing, all was let in. */
static void tell(struct arena *a, const let_in_list *have,
		 const let_in_list *others, const struct plan *other,
		 enum change_kind kind, struct plan_diff *out)
{
	for (size_t i = 0; i < have->n; i++) {
		const struct let_in *x = &have->v[i];
		const struct firewall *f = topology_firewall(other->topo,
							     x->f->name);

		if (has(others, x) || (f && !filters_input(f)))
			continue;
		out->count[kind]++;
		vec_push(a, &out->changes, (struct change){
			.kind = kind, .from_zone = x->zone->name,
			.to_zone = x->f->name, .from = x->from,
			.to = x->f->name, .packets = x->packets,
			.reason = x->by, .cause = f ? "interfaces" :
			kind == CHANGE_OPENED ? "new firewall" :
			"removed firewall", .owner = x->f->party->owner,
			.size = "", .at = x->f->at,
			.internet = x->zone->zone_kind == ZONE_INTERNET });
	}
}

void diff_input(struct arena *a, const struct plan *before,
		const struct plan *after, struct plan_diff *out)
{
	let_in_list x = find_let_in(a, before), y = find_let_in(a, after);

	tell(a, &y, &x, before, CHANGE_OPENED, out);
	tell(a, &x, &y, after, CHANGE_CLOSED, out);
}
