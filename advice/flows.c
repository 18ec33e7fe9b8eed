#include "advice/document_impl.h"
#include "plan/matrix.h"

static void count_range(struct ports_size *s, struct key_range r)
{
	for (unsigned proto = key_proto(r.lo); proto <= key_proto(r.hi);
	     proto++) {
		uint32_t lo = proto == key_proto(r.lo) ? key_detail(r.lo) : 0;
		uint32_t hi = proto == key_proto(r.hi) ? key_detail(r.hi) :
							 0xffff;
		double n = !proto_has_ports(proto) ? 1 : (double)hi - lo + 1;

		/* no port is 0 */
		if (proto_has_ports(proto) && lo == 0)
			n--;
		s->ports += n;
		if (proto_has_ports(proto) && n > s->widest)
			s->widest = n;
	}
}

struct ports_size doc_ports_size(const struct key_range *r, size_t n)
{
	struct ports_size s = { 0, 0, false };

	for (size_t i = 0; i < n; i++) {
		s.any |= r[i].lo == 0 && r[i].hi == KEY_MAX;
		count_range(&s, r[i]);
	}
	return s;
}

static void write_one(struct doc *d, const char *protocol, long lo, long hi)
{
	xw_open(&d->w, "ports");
	xw_attr(&d->w, "protocol", protocol);
	if (lo >= 0) {
		xw_number(&d->w, "low", (double)lo);
		xw_number(&d->w, "high", (double)hi);
	}
	xw_close(&d->w);
}

void doc_write_ports(struct doc *d, const struct key_range *r, size_t n)
{
	char tmp[KEY_TEXT];

	for (size_t i = 0; i < n; i++) {
		unsigned proto = key_proto(r[i].lo);

		if (r[i].lo == 0 && r[i].hi == KEY_MAX)
			write_one(d, "any", -1, -1);
		else if (proto != key_proto(r[i].hi))
			write_one(d, "ip", proto, key_proto(r[i].hi));
		else if (proto_has_ports(proto) || proto_is_icmp(proto))
			write_one(d, proto_name(proto, tmp),
				  key_detail(r[i].lo), key_detail(r[i].hi));
		else
			write_one(d, proto_name(proto, tmp), -1, -1);
	}
}

static bool covered(const struct key_range *r, size_t n, struct key_set keys)
{
	for (size_t k = 0; k < keys.n; k++) {
		bool in = false;

		for (size_t i = 0; i < n; i++)
			in |= r[i].lo <= keys.r[k].lo && r[i].hi >= keys.r[k].hi;
		if (!in)
			return false;
	}
	return keys.n;
}

static void write_service(struct doc *d, const struct service *s)
{
	xw_open(&d->w, "service");
	xw_attr(&d->w, "name", s->name);
	xw_yes(&d->w, "dynamic", s->dynamic);
	xw_attr(&d->w, "clear", s->clear_credentials ? "credentials" : NULL);
	xw_close(&d->w);
}

/* What literal ports are known as: services of which nothing is left out. */
static void write_known(struct doc *d, const struct key_range *r, size_t n)
{
	const struct topology *t = d->p->topo;

	for (size_t i = 0; i < t->services.n; i++) {
		const struct service *s = t->services.v[i];

		if (!s->dynamic && !s->parts.n && covered(r, n, s->keys))
			write_service(d, s);
	}
}

uint32_t doc_zone_kind(const struct plan *p, uint32_t node)
{
	return node < p->n_zones ? p->topo->zones.v[node]->zone_kind :
				   ZONE_INTERNAL;
}

const char *doc_zone_kind_name(const struct plan *p, uint32_t node)
{
	static const char *const name[] = {
		[ZONE_INTERNET] = "internet", [ZONE_DMZ] = "dmz",
		[ZONE_INTERNAL] = "internal", [ZONE_PARTNER] = "partner",
		[ZONE_MANAGEMENT] = "management", [ZONE_USER] = "user",
	};

	return node < p->n_zones ? name[doc_zone_kind(p, node)] : "firewall";
}

static void write_sides(struct doc *d, const struct doc_flow *f)
{
	const struct plan *p = d->p;

	xw_attr(&d->w, "from-zone", plan_node_name(p, f->from_node));
	xw_attr(&d->w, "from-kind", doc_zone_kind_name(p, f->from_node));
	xw_attr(&d->w, "to-zone", plan_node_name(p, f->to_node));
	xw_attr(&d->w, "to-kind", doc_zone_kind_name(p, f->to_node));
	if (f->from_node == f->to_node)
		return;
	xw_yes(&d->w, "crosses", true);
	xw_attr(&d->w, "firewalls",
		route_text(p, plan_route(p, f->from_node, f->to_node),
			   d->arena));
}

static void write_template_reason(struct doc *d, const struct reason *r)
{
	static const char *const need[] = { "required", "conditional",
					    "optional" };

	xw_attr(&d->w, "from-role", r->from->name);
	xw_attr(&d->w, "to-role", r->to->name);
	xw_attr(&d->w, "requirement", need[r->flow->requirement]);
	xw_attr(&d->w, "origin", r->flow->origin);
	xw_attr(&d->w, "reason", r->flow->reason);
	xw_attr(&d->w, "source", r->flow->cite);
	doc_place(d, r->flow->at);
}

static void write_reason(struct doc *d, const struct reason *r)
{
	static const char *const kind[] = {
		[REASON_FLOW] = "template", [REASON_ALLOW] = "exception",
		[REASON_INPUT] = "input", [REASON_IPSEC] = "ipsec",
	};

	xw_attr(&d->w, "kind", kind[r->kind]);
	switch (r->kind) {
	case REASON_FLOW:
		write_template_reason(d, r);
		break;
	case REASON_ALLOW:
		xw_attr(&d->w, "exception", r->allow->ident);
		xw_attr(&d->w, "reason", r->allow->reason);
		xw_attr(&d->w, "owner", r->allow->owner);
		xw_attr(&d->w, "expires", r->allow->expires.text);
		doc_place(d, r->allow->at);
		break;
	case REASON_INPUT:
		xw_attr(&d->w, "reason", r->input->reason);
		doc_place(d, r->input->at);
		break;
	case REASON_IPSEC:
		xw_attr(&d->w, "reason", r->ipsec->reason);
		doc_place(d, r->ipsec->at);
		break;
	}
}

static void write_ends(struct doc *d, const char *name, uint32_t list)
{
	for (size_t i = 0; i < d->lists.len[list]; i++) {
		xw_open(&d->w, name);
		xw_printf(&d->w, "group", "g%u", d->lists.v[list][i]);
		xw_close(&d->w);
	}
}

static void write_ports_of(struct doc *d, const struct doc_flow *f,
			   struct key_range *r, size_t n)
{
	const struct reason *x = &d->p->reasons.v[f->reason];

	doc_write_ports(d, r, n);
	if (x->service)
		write_service(d, x->service);
	else if (x->kind != REASON_IPSEC)
		write_known(d, r, n);
}

static void write_flow(struct doc *d, const struct doc_flow *f, size_t id)
{
	const struct reason *x = &d->p->reasons.v[f->reason];
	size_t n = d->lists.len[f->ranges] / 2;
	struct key_range *r = ARENA_ARRAY(d->arena, struct key_range, n);
	struct ports_size size;

	for (size_t i = 0; i < n; i++)
		r[i] = (struct key_range){ d->lists.v[f->ranges][2 * i],
					   d->lists.v[f->ranges][2 * i + 1] };
	size = doc_ports_size(r, n);
	xw_open(&d->w, "flow");
	xw_printf(&d->w, "xml:id", "f%zu", id);
	xw_attr(&d->w, "ident", reason_ident(d->p, f->reason, d->arena));
	write_sides(d, f);
	xw_attr(&d->w, "in", f->carried ? "ipsec" : "clear");
	xw_number(&d->w, "size", size.ports);
	xw_number(&d->w, "widest", size.widest);
	xw_yes(&d->w, "any", size.any);
	xw_yes(&d->w, "dynamic", x->service && x->service->dynamic);
	xw_yes(&d->w, "pinned", f->pin != NONE);
	write_reason(d, x);
	write_ports_of(d, f, r, n);
	write_ends(d, "from", f->from);
	write_ends(d, "to", f->to);
	xw_close(&d->w);
}

void doc_write_flows(struct doc *d)
{
	for (size_t i = 0; i < d->flows.n; i++)
		write_flow(d, &d->flows.v[i], i);
}
