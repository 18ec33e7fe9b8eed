#include "base/hash.h"
#include "cli/pending.h"
#include "cli/tried.h"

/*
 * A file to be included, of which the topology takes every line: what it
 * refuses (a forbid stands against it, or there is no path) becomes a comment
 * that says so.
 */
static bool is_host(const struct plan *p, uint32_t party)
{
	return party != NONE && p->topo->parties.v[party]->kind == PARTY_HOST;
}

void pending_key(struct buf *out, uint32_t key)
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

/* A host by name, else the addresses; many of them by what they stand in. */
static const char *from_text(const struct pending *p,
			     const struct pending_flow *f)
{
	const struct plan *plan = p->l.plan;
	const char *out = NULL;
	char text[ADDR_TEXT];

	if (is_host(plan, f->from) || f->n_src > PENDING_ADDRS || f->from_many)
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

	if (is_host(p->l.plan, f->to) || f->to_many)
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

static const char *allow_text(const struct pending *p,
			      const struct pending_flow *f, const char *day)
{
	struct buf b = { 0 }, *out = &b;
	const char *from = from_text(p, f), *to = to_text(p, f);
	const char *owner = pending_owner(p, f);
	uint64_t h = hash_str(hash_str(HASH_INIT, from), to);

	h = hash_bytes(h, &f->key, sizeof(f->key));
	buf_printf(out, "  <allow name=\"observed-%08x\" from=\"%s\" to=\"%s\"",
		   (unsigned)(hash_mix(h) >> 32), from, to);
	pending_key(out, f->key);
	buf_puts(out, "\n        ");
	buf_xml_attr(out, "reason", f->note ?
		     arena_printf(p->a->arena, "observed, unreviewed: %s",
				  f->note) : "observed, unreviewed");
	if (owner)
		buf_xml_attr(out, "owner", owner);
	buf_printf(out, " expires=\"%s\"/>%s", day, f->n_src > PENDING_ADDRS ?
		   " <!-- of more sources than are named here -->" : "");
	return buf_take(p->a->arena, &b);
}

static void put_lines(const struct pending *p, struct tried_line *v, size_t n,
		      struct buf *out)
{
	struct loaded now;

	tried_lines(p->a, &p->l, v, n, &now);
	tried_put(v, n, out);
}

void pending_propose(const struct pending *p, struct buf *out)
{
	VEC(struct tried_line) v = { 0 };
	size_t left = 0;
	char day[16];

	date_text(p->l.now + PENDING_DAYS * 86400, day);
	buf_puts(out, "<topology xmlns=\"urn:portplan:1\" name=\"observed\">\n");
	for (size_t i = 0; i < p->flows.n; i++)
		if (p->flows.v[i].role && !pending_given(p, i))
			vec_push(p->a->arena, &v, (struct tried_line){
				pending_assign(p, &p->flows.v[i]), NULL });
	for (size_t i = 0; i < p->flows.n; i++) {
		const struct pending_flow *f = &p->flows.v[i];

		if (f->role)
			continue;
		if (can_be_allowed(p, f))
			vec_push(p->a->arena, &v, (struct tried_line){
				allow_text(p, f, day), NULL });
		else
			left++;
	}
	put_lines(p, v.v, v.n, out);
	if (left)
		buf_printf(out, "  <!-- %zu flow%s that no allow can name: an "
			   "address in no zone, a firewall's own, or no "
			   "request -->\n", left, left > 1 ? "s" : "");
	if (p->remark)
		buf_printf(out, "  <!-- %s -->\n", p->remark);
	buf_puts(out, "</topology>\n");
}
