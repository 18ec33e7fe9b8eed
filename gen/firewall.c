#include "gen/internal.h"
#include "plan/inside.h"

enum {
	PING_RATE = 10, PING_BURST = 20, /* echo requests to the firewall */
};

static struct rs_rule *rule(struct gen *g, struct rs_chain *c,
			    const char *comment)
{
	return rs_add_rule(g->rs, c, comment);
}

static void accept_(struct gen *g, struct rs_rule *r)
{
	rs_verdict(g->rs, r, RS_ACCEPT, NULL);
}

/* ---- what every chain begins and ends with ------------------------------------- */

/*
 * What belongs to no new connection, asked once for all chains, away from the
 * way of new ones. ICMP errors belong to connections; redirects would change
 * routes, so none (IPv4 type 5, RFC 792; IPv6 type 137, RFC 4861).
 */
static void tracked_chain(struct gen *g)
{
	static const struct { enum rs_field field; unsigned redirect; } icmp[] = {
		{ RS_ICMP_TYPE, 5 }, { RS_ICMPV6_TYPE, 137 },
	};
	struct rs_chain *c = rs_add_chain(g->rs, "pp_tracked", RS_NO_HOOK);
	struct rs_rule *r;

	for (size_t i = 0; i < sizeof(icmp) / sizeof(*icmp); i++) {
		struct rs_value *v = ARENA_NEW(g->arena, struct rs_value);

		v->lo.lo = v->hi.lo = icmp[i].redirect;
		r = rule(g, c, NULL);
		rs_ct_state(g->rs, r, RS_RELATED);
		rs_match_values(g->rs, r, RS_NOT, icmp[i].field, v, 1);
		accept_(g, r);
	}
	r = rule(g, c, "invalid, untracked, or a redirect");
	rs_simple(g->rs, r, RS_COUNTER);
	rs_verdict(g->rs, r, g->f->unenforced ? RS_ACCEPT : RS_DROP, NULL);
}

static void established_rule(struct gen *g, struct rs_chain *c)
{
	struct rs_rule *r = rule(g, c, NULL);

	rs_ct_state(g->rs, r, RS_ESTABLISHED);
	accept_(g, r);
}

static void new_only_rules(struct gen *g, struct rs_chain *c)
{
	struct rs_rule *r;

	if (g->opt->grace && !g->f->unenforced)
		grace_rule(g, c);
	r = rule(g, c, NULL);
	rs_simple(g->rs, r, RS_CT_NOT_NEW);
	rs_verdict(g->rs, r, RS_GOTO, "pp_tracked");
	r = rule(g, c, "TCP that begins without SYN");
	rs_simple(g->rs, r, RS_NOT_SYN);
	rs_simple(g->rs, r, RS_COUNTER);
	/* without enforcement it is judged as the first packet it may be */
	if (!g->f->unenforced)
		rs_verdict(g->rs, r, RS_DROP, NULL);
}

/* ---- forwarding ---------------------------------------------------------------------- */

/* The space of a zone as a set of one field, without firewalls' own addresses
 * unless asked for; NULL if it has none of the family. */
static struct rs_set *zone_set(struct gen *g, uint32_t zone, bool v4,
			       bool with_firewalls, enum rs_field field,
			       const char *name)
{
	const struct plan *p = g->p;
	struct addr_set s = { ARENA_ARRAY(g->scratch, struct addr_range,
					  p->n_cell), 0 };
	struct rs_set *set;

	for (size_t i = 0; i < p->n_cell; i++) {
		const struct cell *c = &p->cell[i];

		if ((with_firewalls && c->cls != NONE ? c->space : c->zone) ==
			    zone &&
		    addr_is_v4(c->lo) == v4)
			s.r[s.n++] = (struct addr_range){ c->lo, c->hi };
	}
	addr_set_normalise(&s);
	if (!s.n)
		return NULL;
	set = rs_add_set(g->rs, unique_name(g, name, NULL), false, 1, &field);
	for (size_t i = 0; i < s.n; i++) {
		struct rs_elem *e = rs_add_elem(g->rs, set);

		e->key[0].lo = s.r[i].lo;
		e->key[0].hi = s.r[i].hi;
	}
	return set;
}

/* Between two interfaces of a zone whose inside is open: any connection. */
static void inside_rules(struct gen *g, struct rs_chain *c, uint32_t zone)
{
	for (int v4 = 1; v4 >= 0; v4--) {
		struct rs_set *from = zone_set(g, zone, v4, false,
			v4 ? RS_SADDR4 : RS_SADDR6, arena_printf(g->arena,
			"%s/%s", c->name, v4 ? "from4" : "from6"));
		struct rs_set *to;
		struct rs_rule *r;
		struct rs_value *other;

		if (!from)
			continue;
		to = zone_set(g, zone, v4, false, v4 ? RS_DADDR4 : RS_DADDR6,
			      arena_printf(g->arena, "%s/%s", c->name,
					   v4 ? "to4" : "to6"));
		if (!v4 && !g->f->unenforced &&
		    !plan_observed(g->p, zone, zone)) {
			/* tracking takes these queries for connections (RFC
			 * 4620); the plan knows echo requests alone */
			r = rule(g, c, "node information queries");
			rs_match(g->rs, r, RS_ICMPV6_TYPE, 139, 139);
			rs_simple(g->rs, r, RS_COUNTER);
			rs_verdict(g->rs, r, RS_DROP, NULL);
		}
		/* the other family's ICMP is no connection */
		other = ARENA_NEW(g->arena, struct rs_value);
		other->lo.lo = other->hi.lo = v4 ? PROTO_ICMPV6 : PROTO_ICMP;
		r = rule(g, c, "within the zone");
		rs_lookup(g->rs, r, from);
		rs_lookup(g->rs, r, to);
		rs_match_values(g->rs, r, RS_NOT, RS_L4PROTO, other, 1);
		rs_simple(g->rs, r, RS_COUNTER);
		accept_new(g, r);
	}
}

static const char *zone_pair_chain(struct gen *g, const struct party *a,
				   const struct party *b)
{
	struct dispatch x = { .g = g, .in = a->zone_id, .out = b->zone_id,
			      .where = a == b ? AT_INSIDE : AT_FORWARD };
	const char *what = arena_printf(g->arena, "%s to %s", a->name, b->name);

	x.name = unique_name(g, arena_printf(g->arena, "pp_%s/%s", a->name,
					     b->name), NULL);
	x.chain = rs_add_chain(g->rs, x.name, RS_NO_HOOK);
	g->what = what;
	if (a == b && zone_is_open(a)) {
		inside_rules(g, x.chain, a->zone_id);
	} else if (a == b) {
		take_nodes(&x, a->zone_id, a->zone_id);
		dispatch_rules(&x);
	} else {
		const struct crossing *c = crossing_at(g->crossings,
						       a->zone_id, b->zone_id);

		for (size_t i = 0; i < c->busy.n; i++)
			take_nodes(&x, c->busy.v[i].from, c->busy.v[i].to);
		dispatch_rules(&x);
	}
	observe_rules(g, x.chain, a->zone_id, b->zone_id);
	deny_rules(g, x.chain, what, AS_TOLD);
	return x.name;
}

static const char *chain_for(struct gen *g, const char **memo,
			     const struct party *a, const struct party *b)
{
	const char **slot = &memo[(size_t)a->zone_id * g->p->n_zones +
				  b->zone_id];

	if (!*slot)
		*slot = zone_pair_chain(g, a, b);
	return *slot;
}

/* Pairs of interfaces that a rule each finds sooner than a map: comparing two
 * names costs a tenth of hashing them. */
enum { ZONE_RULES = 6 };

struct zone_pair {
	const struct interface *in, *out;
	const char *chain;
};
typedef VEC(struct zone_pair) zone_pairs;

/* Pairs with nothing planned either way that have a chain each, as long as
 * they are so few. */
enum { IDLE_CHAINS = 256 };

static bool is_idle(const struct gen *g, const struct interface *in,
		    const struct interface *out)
{
	const struct crossing *c = crossing_at(g->crossings,
					       in->zone->zone_id,
					       out->zone->zone_id);

	return in->zone != out->zone && !in->wildcard && !out->wildcard &&
	       !c->busy.n && !c->observed.n;
}

/* Where what is refused is answered, an interface that nobody declared is told
 * from the others, and so is the one that a packet came by. */
static bool joins_idle(const struct gen *g)
{
	const struct firewall *f = g->f;
	size_t n = 0;

	for (size_t i = 0; i < f->interfaces.n; i++)
		for (size_t k = 0; k < f->interfaces.n; k++)
			n += is_idle(g, f->interfaces.v[i], f->interfaces.v[k]);
	return n > IDLE_CHAINS && !f->unenforced && !f->refuse_reject;
}

static const char *elsewhere_chain(struct gen *g, const struct party *zone)
{
	const char *name = unique_name(g, arena_printf(g->arena, "pp_%s",
						       zone->name),
				       "elsewhere");

	deny_rules(g, rs_add_chain(g->rs, name, RS_NO_HOOK),
		   arena_printf(g->arena, "%s to elsewhere", zone->name),
		   AS_TOLD);
	return name;
}

/* Of what no pair has a chain for: one for each zone that it comes from, if it
 * leaves by an interface that is declared. */
static void idle_rules(struct gen *g, struct rs_chain *c)
{
	static const enum rs_field in = RS_IIFNAME, out = RS_OIFNAME;
	const char **chain = ARENA_ARRAY(g->scratch, const char *,
					 g->p->n_zones);
	struct rs_set *to = rs_add_set(g->rs, unique_name(g, "pp_interfaces",
							  NULL),
				       false, 1, &out);
	struct rs_set *from = rs_add_set(g->rs, unique_name(g, "pp_elsewhere",
							    NULL),
					 true, 1, &in);
	struct rs_rule *r = rule(g, c, NULL);

	for (size_t i = 0; i < g->f->interfaces.n; i++) {
		const struct interface *x = g->f->interfaces.v[i];
		const char **name = &chain[x->zone->zone_id];
		struct rs_elem *e;

		if (x->wildcard)
			continue;
		if (!*name)
			*name = elsewhere_chain(g, x->zone);
		rs_add_elem(g->rs, to)->key[0].name = x->name;
		e = rs_add_elem(g->rs, from);
		e->key[0].name = x->name;
		e->verdict = RS_GOTO;
		e->target = *name;
	}
	rs_lookup(g->rs, r, to);
	rs_lookup(g->rs, r, from);
}

static zone_pairs list_zone_pairs(struct gen *g, bool joined)
{
	const char **memo = ARENA_ARRAY(g->scratch, const char *,
					(size_t)g->p->n_zones * g->p->n_zones);
	const struct firewall *f = g->f;
	zone_pairs v = { 0 };

	for (size_t i = 0; i < f->interfaces.n; i++)
		for (size_t k = 0; k < f->interfaces.n; k++) {
			struct zone_pair x = { f->interfaces.v[i],
					       f->interfaces.v[k], NULL };

			if (i == k || (joined && is_idle(g, x.in, x.out)))
				continue;
			x.chain = chain_for(g, memo, x.in->zone, x.out->zone);
			vec_push(g->scratch, &v, x);
		}
	return v;
}

static void zone_map(struct gen *g, struct rs_chain *c, zone_pairs *v)
{
	static const enum rs_field key[] = { RS_IIFNAME, RS_OIFNAME };
	struct rs_set *map = NULL;
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct zone_pair *x = &v->v[i];
		struct rs_elem *e;

		/* with a wildcard it cannot stand in a hash map */
		if (x->in->wildcard || x->out->wildcard) {
			v->v[n++] = *x;
			continue;
		}
		if (!map)
			map = rs_add_set(g->rs, "pp_zones", true, 2, key);
		e = rs_add_elem(g->rs, map);
		e->key[0].name = x->in->name;
		e->key[1].name = x->out->name;
		e->verdict = RS_GOTO;
		e->target = x->chain;
	}
	if (map)
		rs_lookup(g->rs, rule(g, c, NULL), map);
	v->n = n;
}

static void zone_rules(struct gen *g, struct rs_chain *c)
{
	bool joined = joins_idle(g);
	zone_pairs v = list_zone_pairs(g, joined);

	if (v.n > ZONE_RULES || joined)
		zone_map(g, c, &v);
	if (joined)
		idle_rules(g, c);
	for (size_t i = 0; i < v.n; i++) {
		struct rs_rule *r = rule(g, c, NULL);

		rs_match_name(g->rs, r, RS_IIFNAME, v.v[i].in->name);
		rs_match_name(g->rs, r, RS_OIFNAME, v.v[i].out->name);
		rs_verdict(g->rs, r, RS_GOTO, v.v[i].chain);
	}
}

static void forward_chain(struct gen *g)
{
	struct rs_chain *c = rs_add_chain(g->rs, "pp_forward",
					  RS_HOOK_FORWARD);

	established_rule(g, c);
	new_only_rules(g, c);
	zone_rules(g, c);
	/* an answer would go who knows where */
	deny_rules(g, c, "undeclared interfaces", SILENTLY);
}

/* ---- input ---------------------------------------------------------------------------- */

static struct rs_value *numbers(struct gen *g, const unsigned *v, size_t n)
{
	struct rs_value *out = ARENA_ARRAY(g->arena, struct rs_value, n);

	for (size_t i = 0; i < n; i++)
		out[i].lo.lo = out[i].hi.lo = v[i];
	return out;
}

/* Without these a host on the link cannot be spoken to at all: neighbour
 * discovery and router advertisements with the hop limit that proves they
 * came from the link (RFC 4861), MLD (RFC 2710, RFC 3810), IGMP (RFC 3376). */
static void link_rules(struct gen *g, struct rs_chain *c)
{
	static const unsigned nd[] = { 133, 134, 135, 136 };
	static const unsigned mld[] = { 130, 131, 132, 143 };
	struct rs_rule *r = rule(g, c, "neighbour discovery");

	rs_match_values(g->rs, r, RS_MATCH, RS_ICMPV6_TYPE,
			numbers(g, nd, 4), 4);
	rs_match(g->rs, r, RS_HOPLIMIT, 255, 255);
	accept_(g, r);
	r = rule(g, c, "MLD");
	rs_match_values(g->rs, r, RS_MATCH, RS_ICMPV6_TYPE,
			numbers(g, mld, 4), 4);
	accept_(g, r);
	r = rule(g, c, "IGMP");
	rs_match(g->rs, r, RS_NFPROTO, 4, 4);
	rs_match(g->rs, r, RS_L4PROTO, 2, 2);
	accept_(g, r);
}

/* Answers of a DHCP server (RFC 2131, RFC 8415) come unasked, as tracking
 * sees it. */
static void dhcp_rules(struct gen *g, struct rs_chain *c)
{
	static const struct { unsigned nf, server, client; } dhcp[] = {
		{ 4, 67, 68 }, { 6, 547, 546 },
	};

	for (size_t i = 0; i < g->f->interfaces.n; i++)
		for (size_t k = 0; g->f->interfaces.v[i]->dhcp && k < 2; k++) {
			struct rs_rule *r = rule(g, c, "DHCP");

			rs_match_name(g->rs, r, RS_IIFNAME,
				      g->f->interfaces.v[i]->name);
			rs_match(g->rs, r, RS_NFPROTO, dhcp[k].nf, dhcp[k].nf);
			rs_match(g->rs, r, RS_L4PROTO, PROTO_UDP, PROTO_UDP);
			rs_match(g->rs, r, RS_SPORT, dhcp[k].server,
				 dhcp[k].server);
			rs_match(g->rs, r, RS_DPORT, dhcp[k].client,
				 dhcp[k].client);
			accept_(g, r);
		}
}

static void vrrp_rule(struct gen *g, struct rs_chain *c,
		      const struct interface *itf, struct rs_set *from)
{
	struct rs_rule *r = rule(g, c, "VRRP");

	rs_match_name(g->rs, r, RS_IIFNAME, itf->name);
	rs_lookup(g->rs, r, from);
	rs_match(g->rs, r, RS_L4PROTO, PROTO_VRRP, PROTO_VRRP);
	accept_(g, r);
}

/* The other node advertises from its own address in the zone, or in IPv6
 * from a link-local one (RFC 5798, 5.1). */
static void vrrp_rules(struct gen *g, struct rs_chain *c)
{
	struct prefix ll;

	prefix_parse(g->scratch, "fe80::/10", 9, true, &ll);
	for (size_t i = 0; g->f->nodes.n && i < g->f->interfaces.n; i++) {
		const struct interface *itf = g->f->interfaces.v[i];
		const char *zone = itf->zone->name;
		bool done = false;

		/* one pair of sets a zone, used by all its interfaces */
		for (size_t k = 0; k < i; k++)
			done |= g->f->interfaces.v[k]->zone == itf->zone;
		for (int v4 = 1; v4 >= 0 && !done; v4--) {
			struct rs_set *s = zone_set(g, itf->zone->zone_id, v4,
				true, v4 ? RS_SADDR4 : RS_SADDR6,
				arena_printf(g->arena, "pp_vrrp/%s/%d", zone,
					     v4 ? 4 : 6));

			if (s && !v4) {
				struct rs_elem *e = rs_add_elem(g->rs, s);

				e->key[0].lo = ll.r.lo;
				e->key[0].hi = ll.r.hi;
			}
			for (size_t k = i; s && k < g->f->interfaces.n; k++)
				if (g->f->interfaces.v[k]->zone == itf->zone)
					vrrp_rule(g, c, g->f->interfaces.v[k],
						  s);
		}
	}
}

static void ping_rules(struct gen *g, struct rs_chain *c)
{
	for (int v4 = 1; v4 >= 0; v4--) {
		struct rs_rule *r = rule(g, c, "echo requests, limited");

		rs_match(g->rs, r, RS_NFPROTO, v4 ? 4 : 6, v4 ? 4 : 6);
		rs_match(g->rs, r, v4 ? RS_ICMP_TYPE : RS_ICMPV6_TYPE,
			 v4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST,
			 v4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST);
		rs_limit(g->rs, r, PING_RATE, PING_BURST);
		accept_(g, r);
	}
}

/* What may come in from a zone: by the nodes from which a path ends there. */
static const char *input_chain_of(struct gen *g, const struct party *zone)
{
	const struct plan *p = g->p;
	struct dispatch x = { .g = g, .in = zone->zone_id,
			      .where = AT_INPUT };
	uint32_t self = p->n_zones + g->f->id;
	uint32_t nodes = p->n_zones + (uint32_t)p->topo->firewalls.n;

	x.name = unique_name(g, arena_printf(g->arena, "pp_input/%s",
					     zone->name), NULL);
	for (uint32_t from = 0; from < nodes; from++) {
		const struct node_index *n =
			nodes_between(g->crossings, from, self);

		if (from == self || !n->products.n ||
		    !input_arrives(p, from, g->f, zone->zone_id))
			continue;
		for (size_t i = 0; i < n->products.n; i++)
			vec_push(g->scratch, &x.products, n->products.v[i]);
	}
	if (!x.products.n)
		return NULL;
	x.chain = rs_add_chain(g->rs, x.name, RS_NO_HOOK);
	g->what = arena_printf(g->arena, "input from %s", zone->name);
	dispatch_rules(&x);
	return x.name;
}

static void planned_input(struct gen *g, struct rs_chain *c)
{
	for (size_t i = 0; i < g->f->interfaces.n; i++) {
		const struct party *zone = g->f->interfaces.v[i]->zone;
		const char *chain;
		bool done = false;

		for (size_t k = 0; k < i; k++)
			done |= g->f->interfaces.v[k]->zone == zone;
		if (done || !(chain = input_chain_of(g, zone)))
			continue;
		for (size_t k = i; k < g->f->interfaces.n; k++) {
			struct rs_rule *r;

			if (g->f->interfaces.v[k]->zone != zone)
				continue;
			r = rule(g, c, NULL);
			rs_match_name(g->rs, r, RS_IIFNAME,
				      g->f->interfaces.v[k]->name);
			rs_verdict(g->rs, r, RS_JUMP, chain);
		}
	}
}

static void input_chain(struct gen *g)
{
	struct rs_chain *c;
	struct rs_rule *r;

	if (!g->f->inputs.n)
		return;
	c = rs_add_chain(g->rs, "pp_input", RS_HOOK_INPUT);
	r = rule(g, c, NULL);
	rs_match_name(g->rs, r, RS_IIFNAME, "lo");
	accept_(g, r);
	established_rule(g, c);
	link_rules(g, c);
	dhcp_rules(g, c);
	vrrp_rules(g, c);
	new_only_rules(g, c);
	planned_input(g, c);
	ping_rules(g, c);
	deny_rules(g, c, "input", AS_TOLD);
}

/* ---- the whole ---------------------------------------------------------------------- */

static bool crosses(const struct gen *g, const struct left_out *x)
{
	uint32_t self = g->p->n_zones + g->f->id;

	for (size_t i = 0; i < x->n; i++)
		if (x->nodes[i][0] == self || x->nodes[i][1] == self ||
		    route_crosses(plan_route(g->p, x->nodes[i][0],
					     x->nodes[i][1]), g->f->id))
			return true;
	return false;
}

/* Nobody who reads the file should take it for a wall. */
static void say_observed(struct gen *g)
{
	const struct topology *t = g->p->topo;

	if (g->f->unenforced)
		vec_push(g->arena, &g->rs->header,
			 "NOT ENFORCED (enforce=\"no\"): what is not planned is "
			 "counted, logged and let through");
	for (size_t i = 0; i < t->observes.n; i++) {
		const struct observe *o = t->observes.v[i];

		if (plan_observe_at(g->p, o, g->f))
			vec_push(g->arena, &g->rs->header,
				 arena_printf(g->arena, "observed until %s, "
				 "what is not planned is let through: %s (%s)",
				 o->until.text, plan_observe_zones(o,
				 g->arena), o->owner));
	}
}

static void header(struct gen *g)
{
	const struct plan *p = g->p;

	vec_push(g->arena, &g->rs->header, arena_printf(g->arena,
			"firewall \"%s\" of \"%s\", written by portplan from "
			"the topology: change that, not this", g->f->name,
			p->topo->name));
	for (size_t i = 0; i < p->left_out.n; i++) {
		const struct rule *a = p->left_out.v[i].allow;
		bool over = a->expires.given && p->now >= a->expires.t;

		if (crosses(g, &p->left_out.v[i]))
			vec_push(g->arena, &g->rs->header,
				 arena_printf(g->arena,
				 "left out by date: allow %s (%s %s)",
				 a->ident, over ? "expired" : "starts",
				 over ? a->expires.text : a->starts.text));
	}
	say_observed(g);
}

struct ruleset *gen_firewall(struct arena *a, const struct plan *p,
			     const struct firewall *f,
			     const struct gen_options *opt, struct diags *d)
{
	struct gen g = {
		.arena = a, .scratch = arena_new(), .p = p, .f = f,
		.opt = opt, .d = d, .rs = ARENA_NEW(a, struct ruleset),
	};

	g.rs->arena = a;
	g.rs->table = arena_printf(a, "pp_%s", f->name);
	map_add_str(g.scratch, &g.names, "pp_forward", NULL);
	map_add_str(g.scratch, &g.names, "pp_input", NULL);
	map_add_str(g.scratch, &g.names, "pp_zones", NULL);
	map_add_str(g.scratch, &g.names, "pp_tracked", NULL);
	map_add_str(g.scratch, &g.names, GRACE_SET, NULL);
	map_add_str(g.scratch, &g.names, GRACE_INPUT, NULL);
	map_add_str(g.scratch, &g.names, "pp_prerouting", NULL);
	map_add_str(g.scratch, &g.names, "pp_postrouting", NULL);
	g.crossings = crossings_of(g.scratch, p, f);
	header(&g);
	tracked_chain(&g);
	forward_chain(&g);
	input_chain(&g);
	if (g.grace)
		grace_chains(&g);
	nat_chains(&g);
	rs_finish(g.rs);
	arena_free(g.scratch);
	if (g.flow_elems <= GEN_FLOW_MOST)
		return g.rs;
	diag_add(d, SEV_ERROR, f->at, "firewall \"%s\" has %zu flows: more "
		 "than %u are not counted one by one", f->name, g.flow_elems,
		 GEN_FLOW_MOST);
	return NULL;
}
