#include "topology/build.h"

/* What the element around an item became, if that is a party. */
static struct party *party_around(struct build *b, const struct item *it)
{
	const struct item *up = &b->items.v[it->parent];

	return up->el == EL_ZONE || up->el == EL_NETWORK ? up->made : NULL;
}

static struct party *new_party(struct build *b, struct item *it,
			       enum party_kind kind)
{
	struct party *p = ARENA_NEW(b->arena, struct party);
	const char *name = xml_attr(it->xml, "name");
	struct name_entry *n =
		add_name(b, &b->parties, it->xml, "name", false);

	p->kind = kind;
	p->name = name ? name : "";
	p->at = name ? xml_value_span(it->xml, "name") : xml_span(it->xml);
	p->xml = it->xml;
	p->id = (uint32_t)b->topo->parties.n;
	p->parent = party_around(b, it);
	vec_push(b->arena, &b->topo->parties, p);
	if (n) {
		n->object = p;
		n->kind = kind;
	}
	it->made = p;
	return p;
}

static void place(struct build *b, struct party *p, const char *attr,
		  bool addresses)
{
	value_prefixes(b, p->xml, attr, addresses, &p->prefix, &p->prefix_at,
		       &p->n_prefix);
	p->dynamic = value_ports(b, p->xml, "dynamic-ports", 0);
	p->has_dynamic = p->dynamic.n;
}

static bool has_default_route(const struct party *p)
{
	for (size_t i = 0; i < p->n_prefix; i++)
		if (p->prefix[i].len == 0)
			return true;
	return false;
}

static void declare_zone(struct build *b, struct item *it)
{
	struct party *z = new_party(b, it, PARTY_ZONE);
	enum zone_kind kind;

	place(b, z, "networks", false);
	kind = (enum zone_kind)value_word(b, z->xml, EL_ZONE, "kind",
					  has_default_route(z) ?
					  ZONE_INTERNET : ZONE_INTERNAL);
	z->zone_kind = kind;
	z->transit = value_word(b, z->xml, EL_ZONE, "transit",
				kind == ZONE_INTERNET ||
				kind == ZONE_MANAGEMENT ||
				kind == ZONE_USER) == 0;
	z->inside_any = value_word(b, z->xml, EL_ZONE, "inside", 0) == 0;
	z->zone_id = (uint32_t)b->topo->zones.n;
	vec_push(b->arena, &b->topo->zones, z);
}

static void declare_network(struct build *b, struct item *it)
{
	struct party *p = new_party(b, it, PARTY_NETWORK);

	place(b, p, "networks", false);
	vec_push(b->arena, &b->topo->networks, p);
}

static void declare_host(struct build *b, struct item *it)
{
	struct party *p = new_party(b, it, PARTY_HOST);

	place(b, p, "address", true);
	vec_push(b->arena, &b->topo->hosts, p);
}

/* HOST@ZONE: its zone is looked up when all zones are known. */
static void declare_leg(struct build *b, struct item *it)
{
	const struct party *host = b->items.v[it->parent].made;
	const char *zone = xml_attr(it->xml, "zone");
	struct party *p = ARENA_NEW(b->arena, struct party);

	p->kind = PARTY_HOST;
	p->name = arena_printf(b->arena, "%s@%s", host->name,
			       zone ? zone : "");
	p->at = zone ? xml_value_span(it->xml, "zone") : xml_span(it->xml);
	p->xml = it->xml;
	p->leg_of = host;
	p->id = (uint32_t)b->topo->parties.n;
	place(b, p, "address", true);
	vec_push(b->arena, &b->topo->parties, p);
	vec_push(b->arena, &b->topo->hosts, p);
	it->made = p;
	add_leg_name(b, p);
}

static void declare_firewall(struct build *b, struct item *it)
{
	struct party *p = new_party(b, it, PARTY_FIREWALL);
	struct firewall *f = ARENA_NEW(b->arena, struct firewall);

	f->name = p->name;
	f->at = p->at;
	f->id = (uint32_t)b->topo->firewalls.n;
	f->party = p;
	p->firewall = f;
	it->made = f;
	vec_push(b->arena, &b->topo->firewalls, f);
}

static void declare_role(struct build *b, struct item *it)
{
	struct name_entry *n = add_name(b, &b->roles, it->xml, "name", true);
	const char *title = xml_attr(it->xml, "title");
	struct role *r;

	if (!n)
		return;
	if (!n->object) {
		r = ARENA_NEW(b->arena, struct role);
		r->name = n->name;
		r->at = n->at;
		r->id = (uint32_t)b->topo->roles.n;
		r->origin = it->origin;
		r->breadth = value_breadth(it->xml);
		vec_push(b->arena, &b->topo->roles, r);
		n->object = r;
	}
	r = n->object;
	if (!r->title)
		r->title = title;
	it->made = r;
}

static void check_dynamic(struct build *b, struct service *s)
{
	const struct xml_element *e = s->xml;
	unsigned lo, hi;

	if (!s->dynamic || !s->keys.n)
		goto none;
	lo = key_proto(s->keys.r[0].lo);
	hi = key_proto(s->keys.r[s->keys.n - 1].hi);
	s->proto = (uint8_t)lo;
	if (lo == hi && proto_has_ports(lo) && s->keys.n == 1 &&
	    !xml_attr(e, "is"))
		return;
none:
	if (s->dynamic)
		diag_add(b->d, SEV_ERROR, xml_attr_name_span(e, "dynamic"),
			 "a dynamic service has one range, in tcp or in udp, "
			 "and no parts");
	s->dynamic = false;
}

static void declare_service(struct build *b, struct item *it)
{
	struct name_entry *n =
		add_name(b, &b->services, it->xml, "name", true);
	struct service *s = ARENA_NEW(b->arena, struct service);
	const struct xml_element *e = it->xml;
	size_t before = b->d->n_errors;

	s->name = n ? n->name : "";
	s->title = xml_attr(e, "title");
	s->at = n ? xml_value_span(e, "name") : xml_span(e);
	s->xml = e;
	s->origin = it->origin;
	s->keys = value_keys(b, e);
	s->dynamic = value_word(b, e, EL_SERVICE, "dynamic", 1) == 0;
	s->clear_credentials =
		value_word(b, e, EL_SERVICE, "clear", -1) == 0;
	s->ike_kerberos = value_word(b, e, EL_SERVICE, "ike-auth", -1) == 0;
	if (b->d->n_errors == before)
		check_dynamic(b, s);
	if (b->d->n_errors == before && !s->keys.n && !xml_attr(e, "is"))
		diag_add(b->d, SEV_ERROR, xml_span(e),
			 "service \"%s\" says no packets: give tcp, udp, ip, "
			 "icmp or icmpv6, or its parts in is", s->name);
	it->made = s;
	if (!n)
		return;
	if (!n->object) {
		s->id = (uint32_t)b->topo->services.n;
		vec_push(b->arena, &b->topo->services, s);
		n->object = s;
	}
}

static void declare_topology(struct build *b, struct item *it)
{
	const char *name = xml_attr(it->xml, "name"), *why;
	struct topology *t = b->topo;

	t->name = name ? name : "";
	if (name && !name_valid(name, &why))
		diag_add(b->d, SEV_ERROR, xml_value_span(it->xml, "name"),
			 "the name \"%s\" %s",
			 xml_shown(b->arena, name), why);
	t->dynamic = value_ports(b, it->xml, "dynamic-ports", 0);
	t->has_dynamic = t->dynamic.n;
}

void build_declare(struct build *b)
{
	static void (*const declare[N_ELEMENTS])(struct build *,
						 struct item *) = {
		[EL_TOPOLOGY] = declare_topology,
		[EL_ZONE] = declare_zone,
		[EL_NETWORK] = declare_network,
		[EL_HOST] = declare_host,
		[EL_LEG] = declare_leg,
		[EL_FIREWALL] = declare_firewall,
		[EL_ROLE] = declare_role,
		[EL_SERVICE] = declare_service,
	};

	for (size_t i = 0; i < b->items.n; i++)
		if (declare[b->items.v[i].el])
			declare[b->items.v[i].el](b, &b->items.v[i]);
}
