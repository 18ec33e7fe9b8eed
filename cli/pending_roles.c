#include <string.h>

#include "base/hash.h"
#include "cli/offers.h"
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

static bool is_host(const struct plan *p, uint32_t party)
{
	return party != NONE && p->topo->parties.v[party]->kind == PARTY_HOST;
}

struct taking {
	struct offers *o;
	struct pending_flow *f;
	size_t best;
};

static struct offer *find_offer(struct offers *o, uint32_t party,
				const struct role *r)
{
	for (size_t i = 0; i < o->v.n; i++)
		if (o->v.v[i].party == party && o->v.v[i].role == r)
			return &o->v.v[i];
	return NULL;
}

static void count_offer(void *ctx, const struct role_offer *x)
{
	struct taking *t = ctx;
	uint32_t party = x->to_bears ? t->f->to : t->f->from;
	struct offer *o = find_offer(t->o, party, x->role);

	if (o)
		o->flows++;
	else
		vec_push(t->o->p->a->arena, &t->o->v,
			 (struct offer){ party, x->role, 1 });
}

static void take_offer(void *ctx, const struct role_offer *x)
{
	struct taking *t = ctx;
	uint32_t party = x->to_bears ? t->f->to : t->f->from;
	const struct offer *o = find_offer(t->o, party, x->role);

	if (!o || o->flows < WORTH || o->flows <= t->best)
		return;
	t->best = o->flows;
	t->f->role = x->role;
	t->f->role_to = x->to_bears;
	t->f->row = role_offer_row(t->o->p->a->arena, x);
}

static void each(struct offers *o, void (*fn)(void *ctx,
					      const struct role_offer *x))
{
	struct pending *p = o->p;

	for (size_t i = 0; i < p->flows.n; i++) {
		struct pending_flow *f = &p->flows.v[i];
		struct taking t = { .o = o, .f = f };
		struct packet k = { f->src[0], f->dst,
				    (uint8_t)key_proto(f->key),
				    (uint16_t)key_detail(f->key) };

		if (f->from_node != NONE && f->to_node != NONE)
			role_offers(p->l.plan, &k, fn, &t);
	}
}

void pending_roles(struct pending *p)
{
	struct offers o = { .p = p };

	each(&o, count_offer);
	each(&o, take_offer);
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
