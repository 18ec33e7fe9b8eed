#include "plan/internal.h"
#include "plan/nat.h"
#include "topology/xml.h"

/* What translation makes impossible, and what is said of it in vain. */

struct inquiry {
	struct build *b;
	struct map told;  /* class, node, family: flows towards many; NONE,
			   * firewall, 0; publish, input, 2 */
	bool *ah;	  /* by ipsec id: told */
	bool *forwarded;  /* by publish id: it forwards something planned */
};

static struct span public_span(const struct party *p)
{
	return p->xml ? xml_value_span(p->xml, "public") : p->at;
}

/* The zone or network that says what a class hides behind. */
static const struct party *hider(const struct plan *p, uint32_t cls, bool v4)
{
	const struct class *c = &p->classes.v[cls];
	const struct party *n = NULL;

	for (size_t i = 0; i < c->n_cell && !n; i++)
		if (addr_is_v4(p->cell[c->cell[i]].lo) == v4)
			n = p->topo->parties.v[p->cell[c->cell[i]].network];
	for (; n; n = n->parent) {
		if (n->masquerade)
			return n;
		for (size_t i = 0; i < n->n_public; i++)
			if (n->public[i].v4 == v4)
				return n;
	}
	return NULL;
}

/* ---- towards one of many ------------------------------------------------------------ */

/* Keys that publishes forward to the class on this way. */
static struct key_set forwarded_keys(struct inquiry *q, const struct route *r,
				     uint32_t to, bool v4, struct key_set want)
{
	const struct plan *p = q->b->plan;
	struct key_set out = { 0 };
	const uint32_t *u;
	size_t n;

	u = class_publishes(p, to, &n);
	for (size_t i = 0; i < n; i++) {
		struct key_set own;

		if (!publish_on_way(p, u[i], r, v4))
			continue;
		own = publish_own_keys(p->topo->publishes.v[u[i]],
				       q->b->scratch);
		q->forwarded[u[i]] |= keys_meet(own, want);
		out = keys_union(q->b->scratch, out, own);
	}
	return out;
}

static const char *label(const struct plan *p, uint32_t cls, bool v4)
{
	const struct class *c = &p->classes.v[cls];

	for (size_t i = 0; i < c->n_cell; i++)
		if (addr_is_v4(p->cell[c->cell[i]].lo) == v4)
			return plan_party_name(p, p->cell[c->cell[i]].party);
	return plan_node_name(p, c->node);
}

static void towards_many(struct inquiry *q, uint32_t from, uint32_t to,
			 bool v4, uint32_t key, uint32_t reason)
{
	const struct plan *p = q->b->plan;
	const struct party *h = hider(p, to, v4);
	uint32_t id[3] = { to, p->classes.v[from].node, v4 };
	char k[KEY_TEXT];
	int is_new;

	map_add(q->b->scratch, &q->told, id, sizeof(id), &is_new);
	if (!is_new || !h)
		return;
	key_text((struct key_range){ key, key }, k);
	diag_add2(q->b->d, SEV_ERROR, public_span(h),
		  reason_span(&p->reasons.v[reason]), "it is planned here",
		  "planned from \"%s\" to \"%s\", which hides with others "
		  "behind one public address: nothing can be opened to it (%s, "
		  "by %s); give the host a public address of its own, or "
		  "<publish> the port", label(p, from, v4), label(p, to, v4),
		  k, reason_ident(p, reason, q->b->scratch));
}

static void check_keys(struct inquiry *q, uint32_t from, uint32_t to,
		       struct key_range keys, uint32_t reason, bool v4)
{
	struct build *b = q->b;
	const struct plan *p = b->plan;
	const struct route *r = plan_route(p, p->classes.v[from].node,
					   p->classes.v[to].node);
	struct nat t = class_nat(p, to, v4);
	struct key_set want = keys_of_family(b->scratch,
					     (struct key_set){ &keys, 1 }, v4);
	struct key_set done = forwarded_keys(q, r, to, v4, want);

	if ((t.kind != NAT_MANY && t.kind != NAT_INTERFACE) ||
	    !nat_touched(p, r, t))
		return;
	want = keys_minus(b->scratch, want, done);
	if (want.n)
		towards_many(q, from, to, v4, want.r[0].lo, reason);
}

static void check_svcset(struct inquiry *q, uint32_t from, uint32_t from_end,
			 uint32_t to, uint32_t to_end, uint32_t svc)
{
	const struct plan *p = q->b->plan;
	const struct svcset *s = &p->svcsets.v[svc];
	unsigned fam;

	if (!p->classes.v[to].nat || p->classes.v[to].node >= p->n_zones)
		return;
	fam = part_families(p, from, from_end) & part_families(p, to, to_end);
	if (!p->classes.v[from].n_cell)
		fam = part_families(p, to, to_end);
	for (size_t i = 0; i < s->n; i++)
		for (int v4 = 0; v4 < 2; v4++)
			if (fam & (v4 ? FAM_V4 : FAM_V6))
				check_keys(q, from, to, s->v[i].keys,
					   s->v[i].reason, v4);
}

/* ---- what <input> and <publish> both claim ------------------------------------------- */

/* Forwarded before the firewall sees that it is for itself? */
static bool taken_away(const struct plan *p, uint32_t node,
		       const struct firewall *f, uint32_t publish)
{
	const struct publish *u = p->topo->publishes.v[publish];
	uint32_t host = p->cell[plan_cell(p, u->own)].cls;

	for (size_t i = 0; i < f->interfaces.n; i++) {
		uint32_t in = f->interfaces.v[i]->zone->zone_id;

		if (nat_translates(p, f->id, in, publish_zone(p, publish),
				   p->classes.v[host].node) &&
		    input_arrives(p, node, f, in))
			return true;
	}
	return false;
}

static struct key_set svcset_keys(const struct svcset *s, struct arena *a)
{
	struct key_set out = { 0 };

	for (size_t i = 0; i < s->n; i++)
		keys_add(a, &out, s->v[i].keys.lo, s->v[i].keys.hi);
	return out;
}

static void check_claims(struct inquiry *q, const struct product *x)
{
	const struct plan *p = q->b->plan;
	const struct input *in = p->topo->inputs.v[x->reason];
	unsigned fam = part_families(p, x->from, x->from_end);
	struct key_set keys = svcset_keys(&p->svcsets.v[x->svc], q->b->scratch);

	for (uint32_t i = 0; i < p->topo->publishes.n; i++) {
		const struct publish *u = p->topo->publishes.v[i];
		struct addr a = u->address.r.lo;
		uint32_t id[3] = { i, in->id, 2 };
		char text[ADDR_TEXT], key[KEY_TEXT];
		int is_new;

		if (p->cell[plan_cell(p, a)].cls != x->to ||
		    !(fam & (u->address.v4 ? FAM_V4 : FAM_V6)) ||
		    !keys_meet(u->keys, keys) ||
		    !taken_away(p, p->classes.v[x->from].node, in->firewall, i))
			continue;
		map_add(q->b->scratch, &q->told, id, sizeof(id), &is_new);
		if (!is_new)
			continue;
		addr_text(a, text);
		key_text(keys_and(q->b->scratch, u->keys, keys).r[0], key);
		diag_add2(q->b->d, SEV_ERROR, u->at, in->at,
			  "it is opened here",
			  "%s of %s is forwarded to \"%s\", and an <input> "
			  "opens it on firewall \"%s\" itself: what comes from "
			  "\"%s\" never gets there", key, text, u->host->name,
			  in->firewall->name,
			  plan_node_name(p, p->classes.v[x->from].node));
	}
}

/* ---- IPsec ---------------------------------------------------------------------------- */

static void check_ah(struct inquiry *q, uint32_t from, uint32_t to,
		     uint32_t ipsec, unsigned families)
{
	const struct plan *p = q->b->plan;
	unsigned nat = families ? nat_families(p, from, to) & families : 0;

	for (size_t i = 0; nat && i < p->lists.len[ipsec]; i++) {
		uint32_t id = p->lists.v[ipsec][i];
		const struct ipsec *s = p->topo->ipsecs.v[id];

		if (!s->ah || q->ah[id])
			continue;
		q->ah[id] = true;
		diag_add(q->b->d, SEV_ERROR, xml_value_span(s->xml,
							    "protocols"),
			 "AH does not pass translation (RFC 3715, 2.1): it is "
			 "planned between \"%s\" and \"%s\", and a firewall "
			 "between them translates",
			 label(p, from, nat & FAM_V4),
			 label(p, to, nat & FAM_V4));
	}
}

/* What a publish forwards may be IKE. */
static void forward_ike(struct inquiry *q, uint32_t from, uint32_t to,
			uint32_t ipsec, unsigned families)
{
	const struct plan *p = q->b->plan;
	const struct route *r;

	if (!families || !p->classes.v[to].nat)
		return;
	r = plan_route(p, p->classes.v[from].node, p->classes.v[to].node);
	for (size_t i = 0; i < p->lists.len[ipsec]; i++) {
		uint32_t id = p->lists.v[ipsec][i];
		struct key_set keys = ipsec_keys(q->b->scratch,
						 p->topo->ipsecs.v[id], true);

		for (int v4 = 0; v4 < 2; v4++)
			if (families & (v4 ? FAM_V4 : FAM_V6))
				forwarded_keys(q, r, to, v4, keys);
	}
}

/* IKE begins from either side. What is carried may exist in families that the
 * two do not have in common. */
static void check_ipsec(struct inquiry *q, uint32_t from, uint32_t from_end,
			uint32_t to, uint32_t to_end, uint32_t ipsec,
			unsigned families)
{
	const struct plan *p = q->b->plan;

	if (!families)
		return;
	families &= part_families(p, from, from_end) &
		    part_families(p, to, to_end);
	check_ah(q, from, to, ipsec, families);
	forward_ike(q, from, to, ipsec, families);
	forward_ike(q, to, from, ipsec, families);
}

/* ---- said in vain ---------------------------------------------------------------------- */

/* Does some path from or to the zone use an interface in the owner's? */
static bool meets_owner(const struct plan *p, uint32_t zone, struct nat t)
{
	for (uint32_t z = 0; z < p->n_zones; z++)
		if (nat_touched(p, plan_route(p, zone, z), t))
			return true;
	return false;
}

static void in_vain(struct build *b, const struct party *p, struct span at,
		    struct nat t, const char *owner)
{
	const struct party *zone = party_zone(p);

	if (zone && !meets_owner(b->plan, zone->zone_id, t))
		diag_add(b->d, SEV_WARNING, at,
			 "nothing translates this: no firewall on a path from "
			 "\"%s\" has an interface in %s", zone->name, owner);
}

static void check_vain(struct build *b, const struct party *p)
{
	const struct plan *plan = b->plan;

	if (p->masquerade)
		in_vain(b, p, public_span(p), (struct nat){ NAT_INTERFACE,
			NONE, NONE }, "a zone of kind internet");
	for (size_t i = 0; i < p->n_public; i++) {
		uint32_t zone = plan->cell[plan_cell(plan, p->public[i].r.lo)]
					.space;

		in_vain(b, p, p->public_at[i],
			(struct nat){ NAT_ONE, zone, NONE },
			arena_printf(b->scratch, "\"%s\", which owns it",
				     plan_node_name(plan, zone)));
	}
}

static void check_forwarded(struct inquiry *q)
{
	const struct topology *t = q->b->topo;

	for (size_t i = 0; i < t->publishes.n; i++)
		if (!q->forwarded[i])
			diag_add(q->b->d, SEV_WARNING, t->publishes.v[i]->at,
				 "this publish forwards nothing that is planned "
				 "to \"%s\" from beyond \"%s\": it opens nothing "
				 "by itself", t->publishes.v[i]->host->name,
				 plan_node_name(q->b->plan,
						publish_zone(q->b->plan,
							     (uint32_t)i)));
}

static bool told_before(struct inquiry *q, uint32_t fw)
{
	uint32_t id[3] = { NONE, fw, 0 };
	int is_new;

	map_add(q->b->scratch, &q->told, id, sizeof(id), &is_new);
	return !is_new;
}

/* A hop beyond sees the address that many hide behind: then it is declared. */
static void check_interfaces(struct inquiry *q, uint32_t from, uint32_t to)
{
	const struct plan *p = q->b->plan;
	const struct route *r;

	for (int v4 = 0; v4 < 2; v4++) {
		struct nat t = class_nat(p, from, v4);

		if (t.kind != NAT_INTERFACE)
			continue;
		r = plan_route(p, p->classes.v[from].node,
			       p->classes.v[to].node);
		for (size_t i = 0; i < r->paths.n; i++)
			for (size_t k = 0; k + 1 < r->paths.v[i].n; k++) {
				struct hop h = r->paths.v[i].hop[k];
				struct face f = { FACE_INTERFACE,
					h.firewall * p->n_zones + h.out };
				uint32_t cell;

				if (!nat_owned_by(p, t, h.out))
					continue;
				if (interface_cells(p, f, v4, &cell, 1) ||
				    told_before(q, h.firewall))
					break;
				diag_add(q->b->d, SEV_ERROR,
					 p->topo->firewalls.v[h.firewall]->at,
					 "firewall \"%s\" declares no IPv%d "
					 "address in \"%s\", which others hide "
					 "behind and firewall \"%s\" beyond it "
					 "must know",
					 p->topo->firewalls.v[h.firewall]->name,
					 v4 ? 4 : 6, plan_node_name(p, h.out),
					 p->topo->firewalls.v[r->paths.v[i]
						.hop[k + 1].firewall]->name);
				return;
			}
	}
}

void check_nat(struct build *b)
{
	struct plan *p = b->plan;
	struct inquiry q = {
		.b = b, .ah = ARENA_ARRAY(b->scratch, bool, b->topo->ipsecs.n),
		.forwarded = ARENA_ARRAY(b->scratch, bool,
					 b->topo->publishes.n),
	};

	for (size_t i = 0; p->translates && i < p->pairs.n; i++) {
		const struct pair *x = &p->pairs.v[i];

		check_svcset(&q, x->from, NONE, x->to, NONE, x->svc);
		check_ipsec(&q, x->from, NONE, x->to, NONE, x->ike,
			    x->ike_families);
		check_interfaces(&q, x->from, x->to);
	}
	for (size_t i = 0; p->translates && i < p->products.n; i++) {
		const struct product *x = &p->products.v[i];
		const struct svcset *s = &p->svcsets.v[x->svc];

		check_svcset(&q, x->from, x->from_end, x->to, x->to_end,
			     x->svc);
		check_ipsec(&q, x->from, x->from_end, x->to, x->to_end,
			    s->ipsec, s->ike_families);
		if (p->classes.v[x->to].node < p->n_zones)
			check_interfaces(&q, x->from, x->to);
		else
			check_claims(&q, x);
	}
	for (size_t i = 0; p->translates && i < b->topo->parties.n; i++)
		check_vain(b, b->topo->parties.v[i]);
	check_forwarded(&q);
}
