#include "audit/judge.h"

#include <stdio.h>
#include <string.h>

#include "plan/nat.h"
#include "plan/part.h"

#include "audit/wire.h"

static enum app app_named(const char *name)
{
	for (int a = 0; a < APP_N; a++)
		if (!strcmp(app_names[a], name))
			return (enum app)a;
	return APP_UNKNOWN;
}

/* What a service speaks. Names, not ports: one that no template knows has no
 * opinion. */
static enum app app_of(const struct reason *r)
{
	if (!r->service)
		return APP_UNKNOWN;
	for (size_t i = 0; i < n_known_services; i++)
		if (!strcmp(known_services[i].service, r->service->name))
			return app_named(known_services[i].speaks);
	return APP_UNKNOWN;
}

struct judge *judge_new(struct arena *a, const struct plan *p)
{
	struct judge *j = ARENA_NEW(a, struct judge);
	const struct topology *t = p->topo;

	j->plan = p;
	j->zone_has_hosts = ARENA_ARRAY(a, bool, t->zones.n);
	for (size_t i = 0; i < t->hosts.n; i++) {
		const struct party *z = party_zone(t->hosts.v[i]);

		if (z)
			j->zone_has_hosts[z->zone_id] = true;
	}
	j->reason_app = ARENA_ARRAY(a, uint8_t, p->reasons.n);
	for (size_t i = 0; i < p->reasons.n; i++)
		j->reason_app[i] = (uint8_t)app_of(&p->reasons.v[i]);
	return j;
}

/* The keys that a reason names by themselves. */
static struct key_set literals(const struct reason *r)
{
	return r->service ? (struct key_set){ 0 } :
	       r->kind == REASON_ALLOW ? r->allow->what.keys :
	       r->kind == REASON_INPUT ? r->input->what.keys :
					 (struct key_set){ 0 };
}

static bool names_alone(struct key_set s, uint32_t key)
{
	for (size_t i = 0; i < s.n && s.r[i].lo <= key; i++)
		if (s.r[i].lo == key && s.r[i].hi == key)
			return true;
	return false;
}

/* Who writes a registered port has its protocol in mind, or would not mind
 * to give it a name; a range has none in mind. */
static enum app registered_app(uint32_t key)
{
	for (size_t i = 0; i < n_known_services; i++)
		for (int k = 0; k < 2; k++)
			if (known_services[i].port[k] == key)
				return app_named(known_services[i].speaks);
	return APP_UNKNOWN;
}

enum app judge_expects(const struct judge *j, uint32_t reason, uint32_t key)
{
	if (reason == NONE)
		return APP_UNKNOWN;
	if (names_alone(literals(&j->plan->reasons.v[reason]), key))
		return registered_app(key);
	return (enum app)j->reason_app[reason];
}

/* A public address is whose it is: the host's, or theirs who hide behind it. */
static struct place public_place(const struct judge *j,
				 const struct public_addr *x)
{
	const struct party *many = x->many;

	if (x->own != NONE)
		return judge_place_of(j, x->own);
	if (!many)
		return judge_place_of(j, plan_cell(j->plan, j->plan->topo->publishes
				.v[x->publishes.v[0]]->own));
	return (struct place){ many->kind == PARTY_ZONE ? PLACE_ZONE :
							  PLACE_NETWORK,
			       many->id, party_zone(many)->zone_id, false,
			       false };
}

struct place judge_place_of(const struct judge *j, uint32_t cell)
{
	static const enum place_kind kinds[] = {
		[PARTY_ZONE] = PLACE_ZONE, [PARTY_NETWORK] = PLACE_NETWORK,
		[PARTY_HOST] = PLACE_HOST, [PARTY_FIREWALL] = PLACE_FIREWALL,
	};
	const struct topology *t = j->plan->topo;
	struct place p = { PLACE_UNKNOWN, NONE, NONE, false, false };
	const struct cell *c;

	if (cell == NONE)
		return p;
	c = &j->plan->cell[cell];
	if (c->public != NONE && c->cls == NONE)
		return public_place(j, &j->plan->publics.v[c->public]);
	if (c->party == NONE || c->space == NONE)
		return p;
	p.party = c->party;
	p.zone = c->space;
	p.kind = kinds[t->parties.v[c->party]->kind];
	p.outside = t->zones.v[p.zone]->zone_kind == ZONE_INTERNET;
	p.stranger = p.kind == PLACE_ZONE && !p.outside &&
		     j->zone_has_hosts[p.zone];
	return p;
}

struct place judge_place(const struct judge *j, struct addr a)
{
	return judge_place_of(j, plan_cell(j->plan, a));
}

static bool is_many(const struct plan *p, struct addr a)
{
	uint32_t c = p->translates ? plan_cell(p, a) : NONE;

	return c != NONE && p->cell[c].public != NONE &&
	       p->cell[c].cls == NONE &&
	       p->publics.v[p->cell[c].public].many;
}

void judge_set_places(const struct judge *j, struct ruling *r,
		      struct place src, uint32_t src_cell, struct place dst,
		      uint32_t dst_cell)
{
	r->src = src;
	r->dst = dst;
	r->same_zone = src.zone != NONE && src.zone == dst.zone;
	r->not_judged = r->same_zone && !j->inside &&
			r->verdict != VERDICT_ALLOWED &&
			r->why != WHY_ONLY_IPSEC &&
			plan_inside_any(j->plan, src_cell, dst_cell);
	if (!j->plan->topo->bundle)
		return;
	r->elsewhere = !part_answers(j->plan, &(struct answer){
			.verdict = r->verdict, .src_cell = src_cell,
			.dst_cell = dst_cell });
	r->not_judged |= r->elsewhere;
}

static struct ruling rule_of(const struct judge *j, struct addr src,
			     const struct answer *a)
{
	struct ruling r = { .verdict = a->verdict, .why = a->why,
			    .reason = a->n_reason ? a->reason[0] : NONE,
			    .n_reason = a->n_reason, .own = a->own };

	memcpy(r.reasons, a->reason, a->n_reason * sizeof(*r.reasons));
	judge_set_places(j, &r, is_many(j->plan, src) ? judge_place(j, src) :
				judge_place_of(j, a->src_cell), a->src_cell,
			 judge_place_of(j, a->dst_cell), a->dst_cell);
	return r;
}

struct ruling judge_rule(const struct judge *j, struct addr src,
			 struct addr dst, uint32_t key)
{
	struct packet k = { src, dst, (uint8_t)key_proto(key),
			    (uint16_t)key_detail(key) };
	struct answer a = plan_verdict(j->plan, &k);

	return rule_of(j, src, &a);
}

uint32_t judge_zone(const struct judge *j, const char *name)
{
	const struct party *p = topology_party(j->plan->topo, name);

	return p && p->kind == PARTY_ZONE ? p->zone_id : NONE;
}

bool judge_may_pass(const struct judge *j, uint32_t tap,
		    const struct ruling *r, const struct packet *k)
{
	struct place src = r->src, dst = r->dst;
	const struct route *way;

	if (r->verdict == VERDICT_ALLOWED &&
	    !nat_looks_right(j->plan, k, &r->own, tap))
		return false;
	if (src.zone == tap || dst.zone == tap)
		return true;
	if (src.zone == NONE || dst.zone == NONE)
		return false;
	way = plan_route(j->plan, src.zone, dst.zone);
	for (size_t i = 0; way && i < way->n_hop; i++)
		if (way->hop[i].in == tap || way->hop[i].out == tap)
			return true;
	return false;
}

static bool asks_for(const struct packets *what, uint32_t key)
{
	if (keys_has(what->keys, key))
		return true;
	for (size_t i = 0; i < what->services.n; i++)
		for (size_t k = 0; k < what->services.v[i]->n_leaf; k++)
			if (keys_has(what->services.v[i]->leaf[k]->keys, key))
				return true;
	return false;
}

bool judge_forbidden(const struct judge *j, struct addr src, struct addr dst,
		     uint32_t key)
{
	const struct plan *p = j->plan;
	struct packet k = { src, dst, (uint8_t)key_proto(key),
			    (uint16_t)key_detail(key) };
	struct packet own = plan_verdict(p, &k).own;
	uint32_t s = plan_cell(p, own.src), d = plan_cell(p, own.dst);

	key = key_of(own.proto, own.detail);
	if (s == NONE || d == NONE)
		return false;
	for (size_t i = 0; i < p->topo->forbids.n; i++) {
		const struct rule *r = p->topo->forbids.v[i];
		uint32_t end = p->end_forbid + 3 * r->id;
		bool all = !r->what.services.n && !r->what.keys.n;

		if (cell_in_end(p, s, end) && !cell_in_end(p, s, end + 2) &&
		    cell_in_end(p, d, end + 1) &&
		    (all || asks_for(&r->what, key)))
			return true;
	}
	return false;
}

const struct rule *judge_lapsed(const struct judge *j, struct addr src,
				struct addr dst, uint32_t key)
{
	const struct plan *p = j->plan;
	struct packet k = { src, dst, (uint8_t)key_proto(key),
			    (uint16_t)key_detail(key) };
	uint32_t s, d;

	if (!p->left_out.n)
		return NULL;
	k = plan_verdict(p, &k).own;
	s = plan_cell(p, k.src);
	d = plan_cell(p, k.dst);
	key = key_of(k.proto, k.detail);
	if (s == NONE || d == NONE)
		return NULL;
	for (size_t i = 0; i < p->left_out.n; i++) {
		const struct rule *r = p->left_out.v[i].allow;
		uint32_t end = p->end_allow + 2 * r->id;

		if (cell_in_end(p, s, end) && cell_in_end(p, d, end + 1) &&
		    asks_for(&r->what, key))
			return r;
	}
	return NULL;
}

void judge_addr_text(const struct judge *j, struct addr a,
		     char out[ADDR_TEXT])
{
	addr_text(mask_addr(j->mask, a), out);
}

void judge_place_text(const struct judge *j, struct place p, struct addr a,
		      char out[PLACE_TEXT])
{
	char text[ADDR_TEXT];

	if (p.kind != PLACE_UNKNOWN && !p.stranger) {
		snprintf(out, PLACE_TEXT, "%s",
			 plan_party_name(j->plan, p.party));
		return;
	}
	judge_addr_text(j, a, text);
	if (p.kind == PLACE_UNKNOWN)
		snprintf(out, PLACE_TEXT, "%s in no zone", text);
	else
		snprintf(out, PLACE_TEXT, "%s in %s", text,
			 plan_party_name(j->plan, p.party));
}
