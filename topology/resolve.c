#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "topology/build.h"

/* What an element says, whatever it is called and wherever it stands: all
 * attributes but the name, in the schema's order. */
static const char *content_hash(struct build *b, const struct item *it)
{
	const struct element_def *def = &schema_elements[it->el];
	uint64_t h = hash_str(HASH_INIT, def->name);

	for (size_t i = 0; i < def->n_attr; i++) {
		struct words w;

		if (!strcmp(def->attr[i].name, "name") ||
		    !xml_attr(it->xml, def->attr[i].name))
			continue;
		h = hash_str(h, def->attr[i].name);
		w = value_words(b, it->xml, def->attr[i].name);
		for (size_t k = 0; k < w.n; k++)
			h = hash_str(h, w.v[k].s);
	}
	return arena_printf(b->arena, "%08x", (unsigned)(hash_mix(h) >> 32));
}

const char *item_ident(struct build *b, const struct item *it)
{
	const char *name = xml_attr(it->xml, "name"), *why;
	const char *ident = b->topo->bundle ? xml_attr(it->xml, "ident") : NULL;

	if (ident)
		return ident;
	if (name && !name_valid(name, &why))
		diag_add(b->d, SEV_ERROR, xml_value_span(it->xml, "name"),
			 "the name \"%s\" %s", xml_shown(b->arena, name), why);
	return name ? name : content_hash(b, it);
}

/* Text as given, NULL where it says nothing; some must say something. */
static const char *text(struct build *b, const struct item *it,
			const char *attr)
{
	const char *s = xml_attr(it->xml, attr);

	if (s && s[strspn(s, " \t\r\n")] == '\0') {
		diag_add(b->d, SEV_ERROR, xml_attr_name_span(it->xml, attr),
			 "attribute \"%s\" of <%s> is empty", attr,
			 it->xml->name);
		return NULL;
	}
	return s;
}

static const char *realm(struct build *b, const struct item *it)
{
	const char *name = xml_attr(it->xml, "realm"), *why;

	if (!name || name_valid(name, &why))
		return name;
	diag_add(b->d, SEV_ERROR, xml_value_span(it->xml, "realm"),
		 "the realm \"%s\" %s", xml_shown(b->arena, name), why);
	return NULL;
}

static void resolve_party(struct build *b, struct item *it)
{
	struct party *p = it->made;

	value_roles(b, it->xml, "roles", &p->roles);
	resolve_public(b, it);
	p->realm = realm(b, it);
	p->sort = value_sort(it->xml);
	p->owner = text(b, it, "owner");
	if (!p->owner)
		p->owner = p->parent ? p->parent->owner : b->topo->owner;
}

static void resolve_zone(struct build *b, struct item *it)
{
	resolve_party(b, it);
	if (b->topo->bundle)
		bundle_zone(b, it);
}

static void resolve_network(struct build *b, struct item *it)
{
	struct party *p = it->made;

	resolve_party(b, it);
	p->inside_any = value_word(b, it->xml, EL_NETWORK, "inside",
				   p->parent && !p->parent->inside_any) == 0;
}

static void resolve_topology(struct build *b, struct item *it)
{
	b->topo->owner = text(b, it, "owner");
	b->topo->realm = realm(b, it);
}

static void resolve_leg(struct build *b, struct item *it)
{
	struct party *leg = it->made, *z;
	const char *zone = xml_attr(it->xml, "zone");

	value_roles(b, it->xml, "roles", &leg->roles);
	z = zone ? find_zone(b, it->xml, "zone", zone) : NULL;
	leg->parent = z;
	if (z && z == party_zone(leg->leg_of))
		diag_add(b->d, SEV_ERROR, xml_value_span(it->xml, "zone"),
			 "\"%s\" stands in zone \"%s\" already: write this "
			 "address there, a leg is in another zone",
			 leg->leg_of->name, zone);
}

/* A leg is the same machine: what is the machine's holds for it. */
static void finish_leg(struct build *b, struct item *it)
{
	const struct item *up = &b->items.v[it->parent];
	struct party *leg = it->made;
	const struct party *host = up->made;

	for (size_t i = 0; i < host->pin.n; i++)
		vec_push(b->arena, &leg->pin, host->pin.v[i]);
	leg->realm = host->realm;
	leg->owner = xml_attr(up->xml, "owner") || !leg->parent ?
		host->owner : leg->parent->owner;
}

static void resolve_role(struct build *b, struct item *it)
{
	struct role *r = it->made;

	if (r)
		value_roles(b, it->xml, "is", &r->is);
}

static bool same_service(const struct service *x, const struct service *y)
{
	if (!keys_equal(x->keys, y->keys) || x->dynamic != y->dynamic ||
	    x->clear_credentials != y->clear_credentials ||
	    x->ike_kerberos != y->ike_kerberos || x->parts.n != y->parts.n)
		return false;
	for (size_t i = 0; i < x->parts.n; i++) {
		bool found = false;

		for (size_t k = 0; k < y->parts.n; k++)
			found |= x->parts.v[i] == y->parts.v[k];
		if (!found)
			return false;
	}
	return true;
}

/* The first one given counts; the others must say the same. Parts are known
 * only now, so the comparison comes when all of them are. */
static void resolve_service(struct build *b, struct item *it)
{
	struct service *s = it->made;

	value_services(b, it->xml, "is", &s->parts);
}

static void compare_services(struct build *b)
{
	for (size_t i = 0; i < b->items.n; i++) {
		const struct service *s = b->items.v[i].made;
		const struct service *first;

		if (b->items.v[i].el != EL_SERVICE || !s->name[0])
			continue;
		first = named(&b->services, s->name);
		if (first && first != s && !same_service(first, s))
			diag_add2(b->d, SEV_ERROR, s->at, first->at,
				  "the first one",
				  "service \"%s\" is given twice, and "
				  "differently", s->name);
	}
}

static void resolve_flow(struct build *b, struct item *it)
{
	struct flow *f = ARENA_NEW(b->arena, struct flow);

	f->xml = it->xml;
	value_roles(b, it->xml, "from", &f->from);
	value_roles(b, it->xml, "to", &f->to);
	value_services(b, it->xml, "service", &f->services);
	f->requirement = (enum requirement)value_word(b, it->xml, EL_FLOW,
						      "requirement", 0);
	f->across = value_word(b, it->xml, EL_FLOW, "across", 1) == 0;
	f->cite = xml_attr(it->xml, "cite");
	f->reason = xml_attr(it->xml, "reason");
	f->origin = xml_attr(it->xml, "origin");
	if (!f->origin)
		f->origin = it->origin ? it->origin : "topology";
	f->at = xml_span(it->xml);
	f->id = (uint32_t)b->topo->flows.n;
	vec_push(b->arena, &b->topo->flows, f);
}

static void resolve_use(struct build *b, struct item *it)
{
	struct party *p = b->items.v[it->parent].made;
	struct use *u = ARENA_NEW(b->arena, struct use);

	value_roles(b, it->xml, "role", &u->roles);
	u->of = value_ends(b, it->xml, "of");
	u->at = xml_span(it->xml);
	u->id = (uint32_t)b->topo->uses.n;
	u->party = p;
	vec_push(b->arena, &b->topo->uses, u);
	vec_push(b->arena, &p->use, u);
}

static struct pin *new_pin(struct build *b, struct item *it)
{
	struct pin *p = ARENA_NEW(b->arena, struct pin);
	const char *name = xml_attr(it->xml, "service");
	struct service *s = name ?
		find_service(b, it->xml, "service", name, 0) : NULL;

	p->at = xml_span(it->xml);
	if (s && !s->dynamic) {
		diag_add2(b->d, SEV_ERROR, xml_value_span(it->xml, "service"),
			  s->at, "it is given here",
			  "service \"%s\" is not dynamic: only a dynamic one "
			  "is pinned", name);
		s = NULL;
	}
	p->service = s;
	p->ports = value_ports(b, it->xml, "port", s ? s->proto : PROTO_TCP);
	p->id = (uint32_t)b->topo->pins.n;
	vec_push(b->arena, &b->topo->pins, p);
	return p;
}

static void resolve_pin(struct build *b, struct item *it)
{
	struct party *host = b->items.v[it->parent].made;
	struct pin *p = new_pin(b, it);

	for (size_t i = 0; i < host->pin.n; i++)
		if (p->service && host->pin.v[i]->service == p->service) {
			diag_add2(b->d, SEV_ERROR, p->at, host->pin.v[i]->at,
				  "the first one", "service \"%s\" is pinned "
				  "twice on \"%s\": give all ports in one pin",
				  p->service->name, host->name);
			return;
		}
	if (p->service && p->ports.n)
		vec_push(b->arena, &host->pin, p);
}

static void resolve_role_pin(struct build *b, struct item *it)
{
	const char *role = xml_attr(it->xml, "role");
	struct pin *p = new_pin(b, it);

	p->role = role ? find_role(b, it->xml, "role", role, 0) : NULL;
	if (p->role && p->service && p->ports.n)
		vec_push(b->arena, &b->topo->role_pins, p);
}

static struct choice *new_choice(struct build *b, struct item *it)
{
	struct choice *c = ARENA_NEW(b->arena, struct choice);

	value_roles(b, it->xml, "from", &c->from);
	value_roles(b, it->xml, "to", &c->to);
	value_services(b, it->xml, "service", &c->services);
	c->any_service = !xml_attr(it->xml, "service");
	c->has_at = xml_attr(it->xml, "at");
	c->sources = value_ends(b, it->xml, "at");
	c->reason = text(b, it, "reason");
	c->name = xml_attr(it->xml, "name");
	c->ident = item_ident(b, it);
	c->at = xml_span(it->xml);
	c->policy = in_policy(b, it);
	c->xml = it->xml;
	return c;
}

static void resolve_want(struct build *b, struct item *it)
{
	struct choice *c = new_choice(b, it);

	c->id = (uint32_t)b->topo->wants.n;
	vec_push(b->arena, &b->topo->wants, c);
}

static void resolve_omit(struct build *b, struct item *it)
{
	struct choice *c = new_choice(b, it);

	c->id = (uint32_t)b->topo->omits.n;
	vec_push(b->arena, &b->topo->omits, c);
}

static void add_node(struct build *b, struct firewall *f,
		     const struct words *w, size_t i)
{
	const char *name = w->v[i].s, *why;

	if (!name_valid(name, &why))
		diag_add(b->d, SEV_ERROR, word_span(w, i),
			 "the node name \"%s\" %s", xml_shown(b->arena, name),
			 why);
	for (size_t k = 0; k < f->nodes.n; k++)
		if (!strcmp(f->nodes.v[k], name)) {
			diag_add(b->d, SEV_ERROR, word_span(w, i),
				 "the node \"%s\" is given twice", name);
			return;
		}
	vec_push(b->arena, &f->nodes, name);
}

/* What speaks of the ruleset says nothing where none is written. */
static void unmanaged_says(struct build *b, const struct xml_element *e)
{
	static const char *const of_ruleset[] = {
		"log", "log-group", "refuse", "enforce",
	};

	for (size_t i = 0; i < sizeof(of_ruleset) / sizeof(*of_ruleset); i++)
		if (xml_attr(e, of_ruleset[i]))
			diag_add(b->d, SEV_WARNING,
				 xml_attr_name_span(e, of_ruleset[i]),
				 "\"%s\" says nothing here: with managed=\"no\" "
				 "no ruleset is written", of_ruleset[i]);
}

static void resolve_firewall(struct build *b, struct item *it)
{
	struct firewall *f = it->made;
	struct words w = value_words(b, it->xml, "nodes");
	int log = value_word(b, it->xml, EL_FIREWALL, "log", 0);

	f->party->owner = b->topo->owner;
	f->log_drops = log != 1;
	f->log_new = log == 2;
	f->log_to_group = xml_attr(it->xml, "log-group");
	f->log_group = (uint16_t)value_number(b, it->xml, "log-group", 65535);
	if (f->log_new && !f->log_to_group)
		diag_add(b->d, SEV_ERROR, xml_value_span(it->xml, "log"),
			 "log=\"new\" needs log-group, the NFLOG group that "
			 "new connections are logged to");
	f->refuse_reject = value_word(b, it->xml, EL_FIREWALL, "refuse", 0);
	f->unenforced = value_word(b, it->xml, EL_FIREWALL, "enforce", 0);
	f->unmanaged = value_word(b, it->xml, EL_FIREWALL, "managed", 0);
	if (f->unmanaged)
		unmanaged_says(b, it->xml);
	for (size_t i = 0; i < w.n; i++)
		add_node(b, f, &w, i);
}

static const char *interface_name_wrong(const char *s)
{
	size_t n = strlen(s);
	const char *star = strchr(s, '*');

	if (n == 0)
		return "is empty";
	if (n > 15)
		return "is longer than the kernel's 15 characters";
	if (star && (star[1] || n == 1))
		return "may have one *, at its end, behind a letter";
	if (strpbrk(s, " \t\r\n/:\"\\") || !strcmp(s, ".") || !strcmp(s, ".."))
		return "is no name that the kernel takes (no spaces, / : or "
		       "quotes)";
	for (; *s; s++)
		if ((unsigned char)*s < 0x21 || (unsigned char)*s > 0x7e)
			return "is no name that portplan takes: write ASCII "
			       "characters";
	return NULL;
}

static void resolve_interface(struct build *b, struct item *it)
{
	struct firewall *f = b->items.v[it->parent].made;
	struct interface *i = ARENA_NEW(b->arena, struct interface);
	const char *name = xml_attr(it->xml, "name");
	const char *zone = xml_attr(it->xml, "zone"), *why;

	i->name = name ? name : "";
	i->at = xml_span(it->xml);
	if (name && (why = interface_name_wrong(name))) {
		diag_add(b->d, SEV_ERROR, xml_value_span(it->xml, "name"),
			 "the interface name \"%s\" %s",
			 xml_shown(b->arena, name), why);
		i->name = "";
	}
	i->wildcard = strchr(i->name, '*');
	i->zone = zone ? find_zone(b, it->xml, "zone", zone) : NULL;
	value_prefixes(b, it->xml, "address", true, &i->address,
		       &i->address_at, &i->n_address);
	i->dhcp = value_word(b, it->xml, EL_INTERFACE, "dhcp", 1) == 0;
	i->id = (uint32_t)f->interfaces.n;
	vec_push(b->arena, &f->interfaces, i);
}

/* A forbid that names no packets forbids all of them, an expect expects all. */
static struct packets packets_of(struct build *b, const struct item *it)
{
	struct packets p = { .keys = value_keys(b, it->xml) };
	bool silent;

	value_services(b, it->xml, "service", &p.services);
	silent = !xml_attr(it->xml, "service") && !xml_attr(it->xml, "tcp") &&
		 !xml_attr(it->xml, "udp") && !xml_attr(it->xml, "ip") &&
		 !xml_attr(it->xml, "icmp") && !xml_attr(it->xml, "icmpv6");
	if (silent && (it->el == EL_FORBID || it->el == EL_EXPECT))
		keys_add(b->arena, &p.keys, 0, KEY_MAX);
	else if (silent)
		diag_add(b->d, SEV_ERROR, xml_span(it->xml),
			 "<%s> says no packets: give service, tcp, udp, ip, "
			 "icmp or icmpv6 (everything: ip=\"any\")",
			 it->xml->name);
	return p;
}

static void resolve_input(struct build *b, struct item *it)
{
	struct input *in = ARENA_NEW(b->arena, struct input);

	in->xml = it->xml;
	in->firewall = b->items.v[it->parent].made;
	in->from = value_ends(b, it->xml, "from");
	in->what = packets_of(b, it);
	in->reason = text(b, it, "reason");
	in->ident = item_ident(b, it);
	in->breadth = value_breadth(it->xml);
	in->at = xml_span(it->xml);
	in->id = (uint32_t)b->topo->inputs.n;
	vec_push(b->arena, &b->topo->inputs, in);
	vec_push(b->arena, &in->firewall->inputs, in);
}

static void resolve_ipsec(struct build *b, struct item *it)
{
	struct ipsec *s = ARENA_NEW(b->arena, struct ipsec);
	unsigned protocols =
		value_word_mask(b, it->xml, EL_IPSEC, "protocols");

	s->xml = it->xml;
	s->between = value_ends(b, it->xml, "between");
	s->and = value_ends(b, it->xml, "and");
	s->esp = !protocols || protocols & 1;
	s->ah = protocols & 2;
	s->nat_traversal =
		value_word(b, it->xml, EL_IPSEC, "nat-traversal", 1) == 0;
	s->auth = (enum ike_auth)value_word(b, it->xml, EL_IPSEC, "ike-auth",
					    0);
	value_services(b, it->xml, "except", &s->except);
	s->name = xml_attr(it->xml, "name");
	s->ident = item_ident(b, it);
	s->breadth = value_breadth(it->xml);
	s->reason = text(b, it, "reason");
	s->at = xml_span(it->xml);
	s->id = (uint32_t)b->topo->ipsecs.n;
	vec_push(b->arena, &b->topo->ipsecs, s);
}

static struct rule *new_rule(struct build *b, struct item *it)
{
	struct rule *r = ARENA_NEW(b->arena, struct rule);

	r->xml = it->xml;
	r->name = xml_attr(it->xml, "name");
	r->ident = item_ident(b, it);
	r->breadth = value_breadth(it->xml);
	r->reason = text(b, it, "reason");
	r->owner = text(b, it, "owner");
	r->ticket = text(b, it, "ticket");
	r->approved_by = text(b, it, "approved-by");
	r->at = xml_span(it->xml);
	r->from = value_ends(b, it->xml, "from");
	r->to = value_ends(b, it->xml, "to");
	r->except = value_ends(b, it->xml, "except");
	r->what = packets_of(b, it);
	r->starts = value_date(b, it->xml, "starts", false);
	r->expires = value_date(b, it->xml, "expires", true);
	r->review_by = value_date(b, it->xml, "review-by", false);
	r->policy = in_policy(b, it);
	return r;
}

static void resolve_allow(struct build *b, struct item *it)
{
	struct rule *r = new_rule(b, it);

	if (r->starts.given && r->expires.given && r->expires.t <= r->starts.t)
		diag_add(b->d, SEV_WARNING, xml_value_span(it->xml, "expires"),
			 "it expires (%s) before it starts (%s): never in "
			 "force",
			 r->expires.text, r->starts.text);
	r->id = (uint32_t)b->topo->allows.n;
	vec_push(b->arena, &b->topo->allows, r);
}

static void resolve_forbid(struct build *b, struct item *it)
{
	struct rule *r = new_rule(b, it);

	r->id = (uint32_t)b->topo->forbids.n;
	vec_push(b->arena, &b->topo->forbids, r);
}

static void resolve_expect(struct build *b, struct item *it)
{
	struct rule *r = new_rule(b, it);

	r->id = (uint32_t)b->topo->expects.n;
	vec_push(b->arena, &b->topo->expects, r);
}

static void resolve_assign(struct build *b, struct item *it)
{
	struct assign *a = ARENA_NEW(b->arena, struct assign);

	a->xml = it->xml;
	a->at = xml_span(it->xml);
	a->to = value_patterns(b, it->xml, "to");
	value_roles(b, it->xml, "roles", &a->roles);
	a->owner = text(b, it, "owner");
	a->expires = value_date(b, it->xml, "expires", true);
	a->id = (uint32_t)b->topo->assigns.n;
	vec_push(b->arena, &b->topo->assigns, a);
}

static void add_zone(struct build *b, zone_list *out, const struct party *z)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i] == z)
			return;
	vec_push(b->arena, out, z);
}

/* Observing has no narrower measure than zones: who may name hosts may allow. */
static void zones_of(struct build *b, const struct xml_element *e,
		     const char *attr, zone_list *out)
{
	struct ends ends = value_ends(b, e, attr);

	for (size_t i = 0; i < ends.n; i++) {
		const struct end_word *w = &ends.v[i];

		if (w->kind == END_PARTY && w->party->kind == PARTY_ZONE)
			add_zone(b, out, w->party);
		else if (w->kind == END_ALL)
			for (size_t z = 0; z < b->topo->zones.n; z++)
				add_zone(b, out, b->topo->zones.v[z]);
		else
			diag_add(b->d, SEV_ERROR, w->at,
				 "\"%s\" is no zone: <observe> is between "
				 "zones", w->text);
	}
}

static void resolve_observe(struct build *b, struct item *it)
{
	struct observe *o = ARENA_NEW(b->arena, struct observe);

	zones_of(b, it->xml, "from", &o->from);
	zones_of(b, it->xml, "to", &o->to);
	o->name = xml_attr(it->xml, "name");
	o->ident = item_ident(b, it);
	o->reason = text(b, it, "reason");
	o->owner = text(b, it, "owner");
	o->until = value_date(b, it->xml, "until", true);
	o->at = xml_span(it->xml);
	o->id = (uint32_t)b->topo->observes.n;
	vec_push(b->arena, &b->topo->observes, o);
}

static void resolve_mail_domain(struct build *b, struct item *it)
{
	static const char *const all[] = { "softfail", "fail", "neutral" };
	struct mail_domain *m = ARENA_NEW(b->arena, struct mail_domain);
	struct words w = value_domains(b, it->xml, "name");

	for (size_t i = 0; i < w.n; i++)
		vec_push(b->arena, &m->names, w.v[i].s);
	w = value_words(b, it->xml, "senders");
	for (size_t i = 0; i < w.n; i++)
		vec_push(b->arena, &m->senders, w.v[i].s);
	value_senders(b, it->xml, "senders");
	text(b, it, "name");
	m->all = all[value_word(b, it->xml, EL_MAIL_DOMAIN, "all", 0)];
	m->at = xml_span(it->xml);
	vec_push(b->arena, &b->topo->mail_domains, m);
}

static void resolve_skip(struct build *b, struct item *it)
{
	struct skip *s = ARENA_NEW(b->arena, struct skip);
	const struct item *up = &b->items.v[it->parent];

	s->rule = text(b, it, "rule");
	s->reason = text(b, it, "reason");
	s->expires = value_date(b, it->xml, "expires", true);
	s->host = up->el == EL_HOST ? up->made : NULL;
	s->at = xml_span(it->xml);
	vec_push(b->arena, &b->topo->skips, s);
}

void build_resolve(struct build *b)
{
	static void (*const resolve[N_ELEMENTS])(struct build *,
						 struct item *) = {
		[EL_TOPOLOGY] = resolve_topology,
		[EL_ZONE] = resolve_zone,
		[EL_NETWORK] = resolve_network,
		[EL_HOST] = resolve_party,
		[EL_LEG] = resolve_leg,
		[EL_ROLE] = resolve_role,
		[EL_SERVICE] = resolve_service,
		[EL_FLOW] = resolve_flow,
		[EL_USE] = resolve_use,
		[EL_PIN] = resolve_pin,
		[EL_ROLE_PIN] = resolve_role_pin,
		[EL_WANT] = resolve_want,
		[EL_OMIT] = resolve_omit,
		[EL_FIREWALL] = resolve_firewall,
		[EL_INTERFACE] = resolve_interface,
		[EL_INPUT] = resolve_input,
		[EL_IPSEC] = resolve_ipsec,
		[EL_ALLOW] = resolve_allow,
		[EL_FORBID] = resolve_forbid,
		[EL_EXPECT] = resolve_expect,
		[EL_ASSIGN] = resolve_assign,
		[EL_OBSERVE] = resolve_observe,
		[EL_PUBLISH] = resolve_publish,
		[EL_MAIL_DOMAIN] = resolve_mail_domain,
		[EL_SKIP] = resolve_skip,
		[EL_OWNER] = resolve_owner,
	};

	for (size_t i = 0; i < b->items.n; i++)
		if (resolve[b->items.v[i].el])
			resolve[b->items.v[i].el](b, &b->items.v[i]);
	for (size_t i = 0; i < b->items.n; i++)
		if (b->items.v[i].el == EL_LEG)
			finish_leg(b, &b->items.v[i]);
	finish_owners(b);
	compare_services(b);
}
