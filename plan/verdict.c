#include <string.h>

#include "plan/verdict.h"
#include "plan/nat.h"

/*
 * Everything that speaks of one packet, allowed or carried, is gathered; the
 * verdict is drawn from what was found.
 */
struct hearing {
	const struct plan *p;
	const struct packet *k;
	uint32_t key;
	bool v4;
	uint32_t s, d; /* cells */
	struct answer a;
	bool clear, carried;
};

/* Can it open a connection at all? Of the ICMPs only requests do. */
bool packet_opens(const struct packet *k)
{
	return !proto_is_icmp(k->proto) ||
	       ((k->proto == PROTO_ICMP) == addr_is_v4(k->src) &&
		icmp_type_name(k->proto, k->detail));
}

static bool keys_match(const struct hearing *h, struct key_range r)
{
	return h->key >= r.lo && h->key <= r.hi && packet_opens(h->k);
}

/* Keeps the reasons sorted, the most specific first. */
static void add_reason(struct hearing *h, uint32_t reason, uint32_t pin,
		       struct key_range keys)
{
	struct answer *a = &h->a;
	double breadth = h->p->reasons.v[reason].breadth *
			 ((double)keys.hi - keys.lo + 1);
	size_t i = a->n_reason;

	while (i > 0 && (a->breadth[i - 1] > breadth ||
			 (a->breadth[i - 1] == breadth &&
			  a->reason[i - 1] > reason)))
		i--;
	if (i >= MAX_REASONS)
		return;
	if (a->n_reason < MAX_REASONS)
		a->n_reason++;
	for (size_t k = a->n_reason - 1; k > i; k--) {
		a->reason[k] = a->reason[k - 1];
		a->pin[k] = a->pin[k - 1];
		a->breadth[k] = a->breadth[k - 1];
	}
	a->reason[i] = reason;
	a->pin[i] = pin;
	a->breadth[i] = breadth;
}

static void hear_svcset(struct hearing *h, uint32_t svc)
{
	const struct svcset *s = &h->p->svcsets.v[svc];

	for (size_t i = 0; i < s->n; i++) {
		if (!keys_match(h, s->v[i].keys))
			continue;
		if (s->v[i].carried) {
			h->carried = true;
			if (!h->clear)
				add_reason(h, s->v[i].reason, s->v[i].pin,
					   s->v[i].keys);
			continue;
		}
		if (!h->clear)
			h->a.n_reason = 0; /* carried ones do not count now */
		h->clear = true;
		add_reason(h, s->v[i].reason, s->v[i].pin, s->v[i].keys);
	}
}

static bool ipsec_has(const struct ipsec *s, uint32_t key, bool nat)
{
	switch (key_proto(key)) {
	case PROTO_UDP:
		return key_detail(key) == 500 ||
		       ((s->nat_traversal || nat) && key_detail(key) == 4500);
	case PROTO_ESP:
		return s->esp && !nat;
	case PROTO_AH:
		return s->ah && !nat;
	default:
		return false;
	}
}

static void hear_ike(struct hearing *h, uint32_t list, unsigned families,
		     unsigned nat)
{
	const struct lists *l = &h->p->lists;
	unsigned fam = h->v4 ? FAM_V4 : FAM_V6;

	if (!(families & fam))
		return;
	for (size_t i = 0; i < l->len[list]; i++) {
		uint32_t id = l->v[list][i];

		if (!ipsec_has(h->p->topo->ipsecs.v[id], h->key,
			       nat & fam))
			continue;
		if (!h->clear)
			h->a.n_reason = 0;
		h->clear = true;
		add_reason(h, h->p->ipsec_reason + id, NONE,
			   (struct key_range){ h->key, h->key });
	}
}

/* IKE's own packets alone. */
static void hear_back(void *ctx, const struct product *x)
{
	struct hearing *h = ctx;
	const struct svcset *s = &h->p->svcsets.v[x->svc];

	hear_ike(h, s->ipsec, s->ike_families,
		 nat_families(h->p, x->from, x->to));
}

static void hear_allow(void *ctx, const struct product *x)
{
	struct hearing *h = ctx;

	hear_svcset(h, x->svc);
	hear_back(ctx, x);
}

static void hear_inputs(struct hearing *h, const struct firewall *f)
{
	const struct plan *p = h->p;

	for (size_t i = 0; i < f->inputs.n; i++) {
		uint32_t id = f->inputs.v[i]->id;
		const struct product *x = plan_product(p, REASON_INPUT, id,
						     p->cell[h->s].cls, f->id);

		if (x && cell_in_end(p, h->s, p->end_input + id))
			hear_svcset(h, x->svc);
	}
}

static void hear(struct hearing *h)
{
	const struct plan *p = h->p;
	uint32_t cs = p->cell[h->s].cls, cd = p->cell[h->d].cls;
	struct pair pair;

	if (cell_firewall(p, &p->cell[h->d])) {
		hear_inputs(h, cell_firewall(p, &p->cell[h->d]));
		return;
	}
	pair = plan_pair(p, cs, cd);
	hear_svcset(h, pair.svc);
	hear_ike(h, pair.ike, pair.ike_families, pair.nat_families);
	plan_each_allow(p, h->s, h->d, hear_allow, h);
	plan_each_allow(p, h->d, h->s, hear_back, h);
}

static struct hearing open_hearing(const struct plan *p, const struct packet *k)
{
	struct hearing h = {
		.p = p, .k = k, .v4 = addr_is_v4(k->src),
		.key = packet_key(k),
		.s = plan_cell(p, k->src), .d = plan_cell(p, k->dst),
		.a = { .verdict = VERDICT_DENIED, .why = WHY_NOT_PLANNED },
	};

	h.a.own = *k;
	h.a.src_cell = h.s;
	h.a.dst_cell = h.d;
	return h;
}

static struct answer decide(struct hearing *h)
{
	const struct plan *p = h->p;
	const struct cell *s, *d;
	struct answer *a = &h->a;

	if (h->s == NONE || p->cell[h->s].cls == NONE) {
		a->why = WHY_UNKNOWN_SOURCE;
		return *a;
	}
	if (h->d == NONE || p->cell[h->d].cls == NONE) {
		a->why = WHY_UNKNOWN_DESTINATION;
		return *a;
	}
	if (addr_eq(h->k->src, h->k->dst)) {
		a->why = WHY_SAME_ADDRESS;
		return *a;
	}
	s = &p->cell[h->s];
	d = &p->cell[h->d];
	a->not_enforced = s->zone != NONE && s->zone == d->zone;
	if (h->v4 != addr_is_v4(h->k->dst))
		return *a;
	hear(h);
	if (h->clear) {
		a->verdict = VERDICT_ALLOWED;
		a->why = WHY_PLANNED;
	} else if (h->carried) {
		a->why = WHY_ONLY_IPSEC;
	} else if (!plan_route(p, p->classes.v[s->cls].node,
			       p->classes.v[d->cls].node)->reachable) {
		a->why = WHY_NO_PATH;
	}
	return *a;
}

struct answer verdict_own(const struct plan *p, const struct packet *k)
{
	struct hearing h = open_hearing(p, k);

	return decide(&h);
}

struct answer verdict_bare_input(const struct plan *p, const struct firewall *f,
				 const struct packet *k)
{
	struct hearing h = open_hearing(p, k);

	if (h.s == NONE || p->cell[h.s].cls == NONE) {
		h.a.why = WHY_UNKNOWN_SOURCE;
		return h.a;
	}
	hear_inputs(&h, f);
	if (h.clear) {
		h.a.verdict = VERDICT_ALLOWED;
		h.a.why = WHY_PLANNED;
	}
	return h.a;
}

const struct interface *firewall_interface(const struct firewall *f,
					   const char *name)
{
	for (size_t i = 0; i < f->interfaces.n; i++) {
		const struct interface *x = f->interfaces.v[i];
		size_t n = strlen(x->name);

		if (x->wildcard ? !strncmp(x->name, name, n - 1) :
				  !strcmp(x->name, name))
			return x;
	}
	return NULL;
}

const char *plan_party_name(const struct plan *p, uint32_t party)
{
	return party == NONE ? NULL : p->topo->parties.v[party]->name;
}

const char *plan_node_name(const struct plan *p, uint32_t node)
{
	return node < p->n_zones ? p->topo->zones.v[node]->name :
		p->topo->firewalls.v[node - p->n_zones]->name;
}

const char *reason_ident(const struct plan *p, uint32_t id, struct arena *a)
{
	const struct reason *r = &p->reasons.v[id];

	switch (r->kind) {
	case REASON_FLOW:
		return arena_printf(a, "%s %s>%s %s", r->flow->origin,
				    r->from->name, r->to->name,
				    r->service->name);
	case REASON_ALLOW:
		return arena_printf(a, "allow %s", r->allow->ident);
	case REASON_INPUT:
		return arena_printf(a, "input %s", r->input->ident);
	case REASON_IPSEC:
		return arena_printf(a, "ipsec %s", r->ipsec->ident);
	}
	return "";
}

struct span reason_span(const struct reason *r)
{
	switch (r->kind) {
	case REASON_FLOW: return r->flow->at;
	case REASON_ALLOW: return r->allow->at;
	case REASON_INPUT: return r->input->at;
	case REASON_IPSEC: return r->ipsec->at;
	}
	return (struct span){ 0 };
}

struct key_set plan_service_keys(const struct plan *p, const struct service *s,
				 uint32_t cls, uint32_t *pin, struct arena *a)
{
	const struct class *c = &p->classes.v[cls];
	const struct lists *l = &p->lists;
	struct key_set out = { 0 };

	*pin = NONE;
	if (!s->dynamic)
		return s->keys;
	for (size_t i = 0; i < l->len[c->pins]; i++) {
		const struct pin *x = p->topo->pins.v[l->v[c->pins][i]];

		if (x->service != s)
			continue;
		*pin = x->id;
		return x->ports;
	}
	if (!c->dynamic)
		return s->keys;
	for (size_t i = 0; i + 1 < l->len[c->dynamic]; i += 2)
		keys_add(a, &out, key_of(s->proto, l->v[c->dynamic][i]),
			 key_of(s->proto, l->v[c->dynamic][i + 1]));
	return out;
}
