#include <string.h>

#include "base/hash.h"
#include "cli/pending.h"

/*
 * A flow is covered by a role if a template row joins that role of one side to
 * one that the other side bears. A role is worth proposing for a party only if
 * it covers two flows at least: one port alone is a coincidence.
 */
enum { WORTH = 2, DAYS = 90 };

struct offer {
	uint32_t party;
	const struct role *role;
	size_t flows;
};

struct offers {
	struct pending *p;
	VEC(struct offer) v;
};

static bool bears(const struct plan *p, struct addr a, const struct role *r)
{
	uint32_t c = plan_cell(p, a), list;

	if (c == NONE || p->cell[c].cls == NONE)
		return false;
	list = p->classes.v[p->cell[c].cls].roles;
	return list_has(p->lists.v[list], p->lists.len[list], r->id);
}

static bool carries(const struct plan *p, const struct flow *t,
		    struct addr dst, uint32_t key)
{
	uint32_t c = plan_cell(p, dst), pin;
	struct arena *a = arena_new();
	bool found = false;

	for (size_t i = 0; i < t->services.n && c != NONE &&
	     p->cell[c].cls != NONE; i++)
		for (size_t k = 0; k < t->services.v[i]->n_leaf; k++)
			found |= keys_has(plan_service_keys(p, t->services.v[i]
					->leaf[k], p->cell[c].cls, &pin, a),
					key);
	arena_free(a);
	return found;
}

static bool is_host(const struct plan *p, uint32_t party)
{
	return party != NONE && p->topo->parties.v[party]->kind == PARTY_HOST;
}

typedef void offer_fn(void *ctx, struct pending_flow *f,
		      const struct flow *t, const struct role *r, bool to);

/* All roles that would cover the flow if a host at one end bore them. */
static void each_offer(struct pending *p, struct pending_flow *f, offer_fn *fn,
		       void *ctx)
{
	const struct plan *plan = p->l.plan;
	const struct topology *t = plan->topo;

	for (size_t i = 0; i < t->flows.n; i++) {
		const struct flow *x = t->flows.v[i];

		if (x->requirement == REQ_OPTIONAL ||
		    !carries(plan, x, f->dst, f->key))
			continue;
		for (size_t k = 0; k < x->from.n; k++)
			for (size_t n = 0; n < x->to.n; n++) {
				const struct role *a = x->from.v[k];
				const struct role *b = x->to.v[n];
				bool s = bears(plan, f->src[0], a);
				bool d = bears(plan, f->dst, b);

				if (d && !s && is_host(plan, f->from))
					fn(ctx, f, x, a, false);
				if (s && !d && is_host(plan, f->to))
					fn(ctx, f, x, b, true);
			}
	}
}

static void count_offer(void *ctx, struct pending_flow *f,
			const struct flow *t, const struct role *r, bool to)
{
	struct offers *o = ctx;
	uint32_t party = to ? f->to : f->from;

	(void)t;
	for (size_t i = 0; i < o->v.n; i++)
		if (o->v.v[i].party == party && o->v.v[i].role == r) {
			o->v.v[i].flows++;
			return;
		}
	vec_push(o->p->a->arena, &o->v, (struct offer){ party, r, 1 });
}

struct taking {
	struct offers *o;
	size_t best;
};

static void take_offer(void *ctx, struct pending_flow *f,
		       const struct flow *t, const struct role *r, bool to)
{
	struct taking *x = ctx;
	uint32_t party = to ? f->to : f->from;

	for (size_t i = 0; i < x->o->v.n; i++) {
		const struct offer *o = &x->o->v.v[i];

		if (o->party != party || o->role != r || o->flows < WORTH ||
		    o->flows <= x->best)
			continue;
		x->best = o->flows;
		f->role = r;
		f->role_to = to;
		f->row = arena_printf(x->o->p->a->arena, "%s %s>%s",
				      t->origin, to ? t->from.v[0]->name :
				      r->name, to ? r->name :
				      t->to.v[0]->name);
	}
}

void pending_roles(struct pending *p)
{
	struct offers o = { .p = p };

	for (size_t i = 0; i < p->flows.n; i++)
		if (p->flows.v[i].from_node != NONE &&
		    p->flows.v[i].to_node != NONE)
			each_offer(p, &p->flows.v[i], count_offer, &o);
	for (size_t i = 0; i < p->flows.n; i++) {
		struct taking x = { &o, 0 };

		if (p->flows.v[i].from_node != NONE &&
		    p->flows.v[i].to_node != NONE)
			each_offer(p, &p->flows.v[i], take_offer, &x);
	}
}

/* ---- writing ---------------------------------------------------------------------- */

static void put_key(struct buf *out, uint32_t key)
{
	unsigned proto = key_proto(key), detail = key_detail(key);

	if (proto == PROTO_TCP || proto == PROTO_UDP)
		buf_printf(out, " %s=\"%u\"", proto == PROTO_TCP ? "tcp" :
			   "udp", detail);
	else if (proto_is_icmp(proto))
		buf_printf(out, " %s=\"%s\"", proto == PROTO_ICMP ? "icmp" :
			   "icmpv6", icmp_type_name(proto, detail));
	else
		buf_printf(out, " ip=\"%u\"", proto);
}

static void put_text(struct buf *out, const char *attr, const char *s)
{
	buf_printf(out, " %s=\"", attr);
	for (; *s; s++) {
		if (strchr("&<\"", *s))
			buf_printf(out, "&#%d;", *s);
		else
			buf_putc(out, *s);
	}
	buf_putc(out, '"');
}

/* A host by name, else the addresses; many of them by what they stand in. */
static const char *from_text(const struct pending *p,
			     const struct pending_flow *f)
{
	const struct plan *plan = p->l.plan;
	const char *out = NULL;
	char text[ADDR_TEXT];

	if (is_host(plan, f->from) || f->n_src > PENDING_ADDRS)
		return plan_party_name(plan, f->from);
	for (size_t i = 0; i < f->n_src; i++) {
		addr_text(f->src[i], text);
		out = arena_printf(p->a->arena, "%s%s%s", out ? out : "",
				   out ? " " : "", text);
	}
	return out;
}

static const char *to_text(const struct pending *p,
			   const struct pending_flow *f)
{
	char text[ADDR_TEXT];

	if (is_host(p->l.plan, f->to))
		return plan_party_name(p->l.plan, f->to);
	addr_text(f->dst, text);
	return arena_strdup(p->a->arena, text);
}

static bool can_be_allowed(const struct pending *p,
			   const struct pending_flow *f)
{
	unsigned proto = key_proto(f->key);

	return f->from_node < p->l.plan->n_zones &&
	       f->to_node < p->l.plan->n_zones &&
	       (!proto_is_icmp(proto) ||
		icmp_type_name(proto, key_detail(f->key))) &&
	       (!proto_has_ports(proto) || key_detail(f->key));
}

static void put_allow(const struct pending *p, const struct pending_flow *f,
		      const char *day, struct buf *out)
{
	const char *from = from_text(p, f), *to = to_text(p, f);
	const char *owner = pending_owner(p, f);
	uint64_t h = hash_str(hash_str(HASH_INIT, from), to);

	h = hash_bytes(h, &f->key, sizeof(f->key));
	buf_printf(out, "  <allow name=\"observed-%08x\" from=\"%s\" to=\"%s\"",
		   (unsigned)(hash_mix(h) >> 32), from, to);
	put_key(out, f->key);
	buf_printf(out, "\n         reason=\"observed, unreviewed\"");
	if (owner)
		put_text(out, "owner", owner);
	buf_printf(out, " expires=\"%s\"/>\n", day);
}

static bool given_before(const struct pending *p, size_t i)
{
	const struct pending_flow *f = &p->flows.v[i];
	uint32_t party = f->role_to ? f->to : f->from;

	for (size_t k = 0; k < i; k++) {
		const struct pending_flow *x = &p->flows.v[k];

		if (x->role == f->role &&
		    (x->role_to ? x->to : x->from) == party)
			return true;
	}
	return false;
}

static void put_assign(const struct pending *p, const struct pending_flow *f,
		       const char *day, struct buf *out)
{
	const struct party *x =
		p->l.topo->parties.v[f->role_to ? f->to : f->from];

	buf_printf(out, "  <assign to=\"%s\" roles=\"%s\"", x->name,
		   f->role->name);
	if (x->owner)
		put_text(out, "owner", x->owner);
	buf_printf(out, " expires=\"%s\"/> <!-- observed, unreviewed: %s -->\n",
		   day, f->row);
}

void pending_propose(const struct pending *p, struct buf *out)
{
	size_t left = 0;
	char day[16];

	date_text(p->l.now + DAYS * 86400, day);
	buf_puts(out, "<topology xmlns=\"urn:portplan:1\" name=\"observed\">\n");
	for (size_t i = 0; i < p->flows.n; i++)
		if (p->flows.v[i].role && !given_before(p, i))
			put_assign(p, &p->flows.v[i], day, out);
	for (size_t i = 0; i < p->flows.n; i++) {
		const struct pending_flow *f = &p->flows.v[i];

		if (f->role)
			continue;
		if (can_be_allowed(p, f))
			put_allow(p, f, day, out);
		else
			left++;
	}
	if (left)
		buf_printf(out, "  <!-- %zu flow%s that no allow can name: an "
			   "address in no zone, a firewall's own, or no "
			   "request -->\n", left, left > 1 ? "s" : "");
	buf_puts(out, "</topology>\n");
}
