#include "cli/explain.h"

/* Denied by the plan is not always stopped: where nothing stands between the
 * two, or the rules let it be. */
static void not_enforced(const struct question *q, const struct answer *x,
			 const struct packet *k, text_list *out)
{
	struct arena *a = q->a->arena;
	const struct plan *p = q->l.plan;
	const struct party *s, *d;

	if (p->cell[x->src_cell].party == NONE ||
	    p->cell[x->dst_cell].party == NONE)
		return;
	s = p->topo->parties.v[p->cell[x->src_cell].party];
	d = p->topo->parties.v[p->cell[x->dst_cell].party];
	if (x->not_enforced)
		vec_push(a, out, arena_printf(a, "not enforced: both are in "
			"%s%s", p->topo->zones.v[p->cell[x->src_cell].zone]
					->name,
			p->topo->zones.v[p->cell[x->src_cell].zone]
				->inside_any ? ", whose inside is open" : ""));
	if (d->kind == PARTY_FIREWALL && !d->firewall->inputs.n)
		vec_push(a, out, arena_printf(a, "not enforced: firewall %s "
			"has no <input>, so its input chain is left alone",
			d->name));
	else if (d->kind == PARTY_FIREWALL && proto_is_icmp(k->proto))
		vec_push(a, out, arena_printf(a, "firewall %s answers echo "
			"requests from anyone, at a limited rate", d->name));
	if (s->kind == PARTY_FIREWALL)
		vec_push(a, out, arena_printf(a, "firewall %s does not filter "
			"what it sends itself", s->name));
}

/* Firewalls on the way that let it through nevertheless. */
static void observed(const struct question *q, const struct answer *x,
		     text_list *out)
{
	struct arena *a = q->a->arena;
	const struct plan *p = q->l.plan;
	const struct observe *o;
	const struct route *r;
	const struct path *open;
	uint32_t s, d;

	if (p->cell[x->src_cell].cls == NONE || p->cell[x->dst_cell].cls == NONE)
		return;
	s = p->cell[x->src_cell].zone;
	d = p->cell[x->dst_cell].zone;
	r = plan_route(p, p->classes.v[p->cell[x->src_cell].cls].node,
		       p->classes.v[p->cell[x->dst_cell].cls].node);
	o = s == NONE || d == NONE || !r->reachable ? NULL :
		plan_observed(p, s, d);
	if (o)
		vec_push(a, out, arena_printf(a, "let through and observed "
			"until %s, from %s: %s (%s)", o->until.text,
			plan_observe_zones(o, a), o->reason, o->owner));
	open = plan_unenforced_path(p, r);
	for (size_t i = 0; open && i < open->n; i++)
		vec_push(a, out, arena_printf(a, "firewall %s lets it through: "
			"enforce=\"no\"", p->topo->firewalls
				.v[open->hop[i].firewall]->name));
}

text_list explain_passes(const struct question *q, const struct answer *x,
			 const struct packet *k)
{
	text_list out = { 0 };

	/* a public address leads nowhere where nothing translates it */
	if (x->verdict != VERDICT_ALLOWED && x->src_cell != NONE &&
	    x->dst_cell != NONE && x->why != WHY_NOT_TRANSLATED &&
	    x->why != WHY_SAME_ADDRESS) {
		not_enforced(q, x, k, &out);
		observed(q, x, &out);
	}
	return out;
}
