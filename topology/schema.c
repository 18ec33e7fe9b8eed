#include "topology/schema.h"

#include <assert.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define IN(e) (UINT64_C(1) << EL_##e)
#define REQ AF_REQUIRED

static_assert(N_ELEMENTS <= 64, "parents are a 64-bit mask");

/* Ports and protocols stand in many elements alike. */
#define PACKET_ATTRS \
	{ "service", AT_NAMES, 0, NULL, "services by name" }, \
	{ "tcp", AT_PORTS, 0, NULL, "TCP destination ports and ranges" }, \
	{ "udp", AT_PORTS, 0, NULL, "UDP destination ports and ranges" }, \
	{ "ip", AT_PROTOCOLS, 0, NULL, "IP protocol numbers, or any" }, \
	{ "icmp", AT_ICMP, 0, NULL, "ICMP requests (IPv4)" }, \
	{ "icmpv6", AT_ICMP, 0, NULL, "ICMPv6 requests" }

#define FROM_TO \
	{ "from", AT_ENDS, REQ, NULL, "who opens the connection" }, \
	{ "to", AT_ENDS, REQ, NULL, "to whom" }

#define ROLE_PAIR \
	{ "from", AT_NAMES, REQ, NULL, "roles that open the connection" }, \
	{ "to", AT_NAMES, REQ, NULL, "roles that answer it" }

/* What a part alone cannot tell of the whole. */
#define IN_BUNDLE \
	{ "ident", AT_TEXT, AF_BUNDLE, NULL, "its identity in the whole" }, \
	{ "breadth", AT_TEXT, AF_BUNDLE, NULL, "pairs it speaks of there" }

#define IDENT \
	{ "name", AT_NAME, 0, NULL, "what messages and waivers call it" }

#define PARTY_MORE \
	{ "sort", AT_TEXT, AF_BUNDLE, NULL, \
	  "parties of which the whole says the same" }, \
	{ "realm", AT_NAME, 0, NULL, "forest or site of its own" }, \
	{ "owner", AT_TEXT, 0, NULL, "who answers for it and all in it" }

#define PUBLIC_SOURCE \
	{ "public", AT_PUBLIC, 0, NULL, \
	  "address that its own hide behind, one a family, or interface" }

#define DYNAMIC_PORTS \
	{ "dynamic-ports", AT_PORTS, 0, NULL, \
	  "ports and ranges that dynamic services use here" }

static const struct attr_def topology_attrs[] = {
	{ "name", AT_NAME, REQ, NULL, "name of the network" },
	{ "template", AT_TEXT, 0, NULL,
	  "templates: names, NAME@VERSION, or paths with a slash" },
	DYNAMIC_PORTS,
	{ "realm", AT_NAME, 0, NULL, "forest or site" },
	{ "owner", AT_TEXT, 0, NULL, "who answers for it and all in it" },
	{ "bundle", AT_NAME, AF_BUNDLE, NULL, "the firewall whose part it is" },
	{ "hash", AT_TEXT, AF_BUNDLE, NULL, "of all the rest" },
};

static const struct attr_def template_attrs[] = {
	{ "name", AT_NAME, REQ, NULL, "name of the template" },
	{ "version", AT_VERSION, 0, NULL, "a number, 1 if absent" },
	{ "title", AT_TEXT, 0, NULL, "what it covers" },
	{ "extends", AT_TEXT, 0, NULL, "templates that it builds on" },
};

static const struct attr_def include_attrs[] = {
	{ "file", AT_FILE, REQ, NULL, "path, relative to this file" },
};

static const struct attr_def zone_attrs[] = {
	{ "name", AT_NAME, REQ, NULL, "name of the zone" },
	{ "networks", AT_PREFIXES, REQ | AF_WIDER, NULL, "its prefixes" },
	{ "roles", AT_NAMES, 0, NULL, "roles of every address in it" },
	{ "kind", AT_WORD, 0, "internet dmz internal partner management user",
	  "default: internet with a /0, else internal" },
	{ "transit", AT_WORD, 0, "yes no",
	  "may paths lead through it (default: no for internet, management "
	  "and user)" },
	{ "inside", AT_WORD, 0, "any planned",
	  "does the auditor judge traffic within it" },
	DYNAMIC_PORTS,
	PUBLIC_SOURCE,
	PARTY_MORE,
	{ "holds", AT_WORD, AF_BUNDLE, "own rest public others",
	  "what its addresses are" },
	{ "of", AT_NAME, AF_BUNDLE, NULL, "whose rest, or public ones" },
	{ "behind", AT_NAMES, AF_BUNDLE, NULL,
	  "the firewall's zones by which the whole leads here" },
};

static const struct attr_def network_attrs[] = {
	{ "name", AT_NAME, REQ, NULL, "name of the network" },
	{ "networks", AT_PREFIXES, REQ, NULL, "its prefixes" },
	{ "roles", AT_NAMES, 0, NULL, "roles of every address in it" },
	DYNAMIC_PORTS,
	{ "inside", AT_WORD, 0, "any planned", "as in zone" },
	PUBLIC_SOURCE,
	PARTY_MORE,
};

static const struct attr_def host_attrs[] = {
	{ "name", AT_NAME, REQ | AF_WIDER, NULL, "name of the host" },
	{ "address", AT_ADDRESSES, REQ, NULL, "its addresses, of one zone" },
	{ "roles", AT_NAMES, 0, NULL, "its roles" },
	DYNAMIC_PORTS,
	{ "public", AT_ADDRESSES, 0, NULL,
	  "public addresses, the n-th of a family for its n-th address" },
	PARTY_MORE,
};

static const struct attr_def use_attrs[] = {
	{ "role", AT_NAMES, REQ, NULL, "server roles" },
	{ "of", AT_ENDS, REQ, NULL, "these bearers of the role and no others" },
};

static const struct attr_def pin_attrs[] = {
	{ "service", AT_NAME, REQ, NULL, "a dynamic service" },
	{ "port", AT_PORTS, REQ, NULL, "where it really listens" },
};

static const struct attr_def role_pin_attrs[] = {
	{ "role", AT_NAME, REQ, NULL, "on every bearer of this role" },
	{ "service", AT_NAME, REQ, NULL, "a dynamic service" },
	{ "port", AT_PORTS, REQ, NULL, "where it really listens" },
};

static const struct attr_def role_attrs[] = {
	{ "name", AT_NAME, REQ, NULL, "name of the role" },
	{ "is", AT_NAMES, 0, NULL, "roles that it implies" },
	{ "title", AT_TEXT, 0, NULL, "what it means" },
	{ "breadth", AT_TEXT, AF_BUNDLE, NULL, "addresses that bear it" },
};

static const struct attr_def service_attrs[] = {
	{ "name", AT_NAME, REQ, NULL, "name of the service" },
	{ "tcp", AT_PORTS, 0, NULL, "TCP destination ports and ranges" },
	{ "udp", AT_PORTS, 0, NULL, "UDP destination ports and ranges" },
	{ "ip", AT_PROTOCOLS, 0, NULL, "IP protocol numbers, or any" },
	{ "icmp", AT_ICMP, 0, NULL, "ICMP requests (IPv4)" },
	{ "icmpv6", AT_ICMP, 0, NULL, "ICMPv6 requests" },
	{ "is", AT_NAMES, 0, NULL, "services that it stands for" },
	{ "dynamic", AT_WORD, 0, "yes no", "one port of the range, at run time" },
	{ "clear", AT_WORD, 0, "credentials", "carries passwords in the clear" },
	{ "ike-auth", AT_WORD, 0, "kerberos", "what IKE itself needs" },
	{ "title", AT_TEXT, 0, NULL, "what it is" },
};

static const struct attr_def flow_attrs[] = {
	ROLE_PAIR,
	{ "service", AT_NAMES, REQ, NULL, "services" },
	{ "requirement", AT_WORD, 0, "required conditional optional",
	  "optional ones are planned only where wanted" },
	{ "cite", AT_TEXT, 0, NULL, "the source" },
	{ "reason", AT_TEXT, 0, NULL, "why" },
	{ "across", AT_WORD, 0, "yes no", "joins different realms" },
	{ "origin", AT_TEXT, AF_BUNDLE, NULL, "the template it is from" },
};

static const struct attr_def want_attrs[] = {
	ROLE_PAIR,
	{ "service", AT_NAMES, 0, NULL, "these services only" },
	{ "at", AT_ENDS, 0, NULL, "for these sources only" },
	{ "reason", AT_TEXT, REQ, NULL, "why" },
	IDENT,
};

static const struct attr_def firewall_attrs[] = {
	{ "name", AT_NAME, REQ, NULL, "name of the firewall" },
	{ "nodes", AT_NAMES, 0, NULL, "machines that share its ruleset" },
	{ "log", AT_WORD, 0, "drops none new",
	  "what is logged: drops (default), nothing, new connections too" },
	{ "log-group", AT_GROUP, 0, NULL,
	  "NFLOG group that the log goes to, 0-65535; default: the kernel's "
	  "log" },
	{ "refuse", AT_WORD, 0, "drop reject",
	  "silently (default) or with an answer" },
	{ "enforce", AT_WORD, 0, "yes no",
	  "no: what the plan denies is counted, logged and let through" },
	{ "managed", AT_WORD, 0, "yes no",
	  "no: another product, for which no ruleset is written" },
};

static const struct attr_def interface_attrs[] = {
	{ "name", AT_INTERFACE, REQ, NULL, "kernel name; may end in *" },
	{ "zone", AT_NAME, REQ, NULL, "the zone behind it" },
	{ "address", AT_ADDRESSES, 0, NULL, "the firewall's own there" },
	{ "dhcp", AT_WORD, 0, "yes no", "it gets its address by DHCP" },
};

static const struct attr_def input_attrs[] = {
	{ "from", AT_ENDS, REQ, NULL, "who may reach the firewall itself" },
	PACKET_ATTRS,
	{ "reason", AT_TEXT, 0, NULL, "why" },
	IN_BUNDLE,
};

static const struct attr_def ipsec_attrs[] = {
	{ "between", AT_ENDS, REQ, NULL, "one side" },
	{ "and", AT_ENDS, REQ, NULL, "the other side" },
	{ "protocols", AT_WORDS, 0, "esp ah", "default: esp" },
	{ "nat-traversal", AT_WORD, 0, "yes no", "UDP 4500 in addition" },
	{ "ike-auth", AT_WORD, 0, "certificate psk kerberos",
	  "default: certificate" },
	{ "except", AT_NAMES, 0, NULL, "services that stay outside" },
	IDENT,
	{ "reason", AT_TEXT, 0, NULL, "why" },
	IN_BUNDLE,
};

static const struct attr_def allow_attrs[] = {
	FROM_TO,
	PACKET_ATTRS,
	{ "reason", AT_TEXT, REQ, NULL, "why" },
	IDENT,
	{ "owner", AT_TEXT, 0, NULL, "who answers for it" },
	{ "ticket", AT_TEXT, 0, NULL, "change request" },
	{ "approved-by", AT_TEXT, 0, NULL, "who approved it" },
	{ "review-by", AT_DATE, 0, NULL, "when to look again" },
	{ "starts", AT_DATE, 0, NULL, "not before" },
	{ "expires", AT_DATE, 0, NULL, "not after" },
	IN_BUNDLE,
};

static const struct attr_def forbid_attrs[] = {
	FROM_TO,
	PACKET_ATTRS,
	{ "except", AT_ENDS, 0, NULL, "sources that are exempt" },
	{ "reason", AT_TEXT, REQ, NULL, "why" },
	IDENT,
	{ "owner", AT_TEXT, 0, NULL, "who answers for it" },
};

static const struct attr_def observe_attrs[] = {
	{ "from", AT_ENDS, REQ, NULL, "zones, or *" },
	{ "to", AT_ENDS, REQ, NULL, "zones, or *" },
	{ "until", AT_DATE, REQ, NULL, "not after" },
	{ "owner", AT_TEXT, REQ, NULL, "who answers for it" },
	{ "reason", AT_TEXT, REQ, NULL, "why" },
	IDENT,
	IN_BUNDLE,
};

static const struct attr_def leg_attrs[] = {
	{ "zone", AT_NAME, REQ, NULL, "the other zone" },
	{ "address", AT_ADDRESSES, REQ, NULL, "addresses there" },
	{ "roles", AT_NAMES, 0, NULL, "roles there" },
};

static const struct attr_def publish_attrs[] = {
	{ "address", AT_ADDRESSES, REQ, NULL, "public address" },
	{ "tcp", AT_PORTS, 0, NULL, "TCP ports" },
	{ "udp", AT_PORTS, 0, NULL, "UDP ports" },
	{ "to", AT_NAME, REQ, NULL, "the host behind it" },
	{ "port", AT_PORTS, 0, NULL, "its port there, if another" },
	IDENT,
	IN_BUNDLE,
};

static const struct attr_def assign_attrs[] = {
	{ "to", AT_ENDS, REQ, NULL, "to whom: ends, or names as NAME*" },
	{ "roles", AT_NAMES, REQ, NULL, "which roles" },
	{ "owner", AT_TEXT, 0, NULL, "who answers for it" },
	{ "expires", AT_DATE, 0, NULL, "not after" },
};

static const struct attr_def mail_domain_attrs[] = {
	{ "name", AT_TEXT, REQ, NULL, "domain names" },
	{ "senders", AT_SENDERS, REQ, NULL, "ends, mx, mx:N, a:N, include:N" },
	{ "all", AT_WORD, 0, "softfail fail neutral", "default: softfail" },
};

static const struct attr_def skip_attrs[] = {
	{ "rule", AT_TEXT, REQ, NULL, "advice rule" },
	{ "reason", AT_TEXT, REQ, NULL, "why" },
	{ "expires", AT_DATE, 0, NULL, "not after" },
};

static const struct attr_def waive_attrs[] = {
	{ "kind", AT_WORD, REQ,
	  /* of check, then the classes of audit (audit/finding.c) */
	  "extra missing undecided spoofed-source credentials clear-text outside-in "
	  "unknown-address unknown-host unplanned rpc-port wrong-protocol "
	  "expired undetermined", "a finding of check, or a class of audit" },
	{ "from", AT_ENDS, 0, NULL, "who opens the connection" },
	{ "to", AT_ENDS, 0, NULL, "to whom" },
	PACKET_ATTRS,
	{ "finding", AT_TEXT, 0, NULL,
	  "the id of one finding of check, instead of from, to and packets" },
	{ "firewall", AT_NAME, 0, NULL, "at this firewall" },
	{ "reason", AT_TEXT, REQ, NULL, "why" },
	{ "owner", AT_TEXT, REQ, NULL, "who answers for it" },
	{ "ticket", AT_TEXT, 0, NULL, "change request" },
	{ "expires", AT_DATE, REQ, NULL, "not after" },
};

static const struct attr_def rule_attrs[] = {
	{ "id", AT_NAME, REQ, NULL, "what skip and reports call it" },
	{ "severity", AT_WORD, REQ, "critical error warning info",
	  "how bad it is" },
	{ "title", AT_TEXT, REQ, NULL, "one line" },
	{ "why", AT_TEXT, REQ, NULL, "what is wrong with it" },
	{ "source", AT_TEXT, REQ, NULL, "who says so" },
	{ "remedy", AT_TEXT, 0, NULL, "what to do about it" },
	{ "once", AT_TEXT, 0, NULL,
	  "XPath over the whole plan, asked once: $once in the others" },
	{ "each", AT_TEXT, 0, NULL,
	  "XPath: the nodes of the plan that are looked at, one by one" },
	{ "condition", AT_TEXT, 0, NULL,
	  "XPath: true, or the nodes for which it is not well" },
	{ "finding", AT_TEXT, 0, NULL,
	  "the sentence; {XPath} stands for its value at the node" },
	{ "place", AT_TEXT, 0, NULL,
	  "XPath from the node to what was written; default: the node" },
	{ "undecided", AT_TEXT, 0, NULL,
	  "instead of a condition: why a topology cannot decide it" },
};

static const struct attr_def policy_attrs[] = {
	{ "name", AT_NAME, 0, NULL, "name of the policy" },
};

static const struct attr_def owner_attrs[] = {
	{ "of", AT_ENDS, REQ, NULL,
	  "zones, networks, hosts and firewalls by name, or NAME*" },
	{ "is", AT_TEXT, REQ, NULL, "who answers for them and all in them" },
};

#define DEF(id, n, parents, attrs, doc) \
	[EL_##id] = { n, parents, attrs, COUNT(attrs), doc }

const struct element_def schema_elements[N_ELEMENTS] = {
	[EL_ROOT] = { "", 0, NULL, 0, "" },
	DEF(TOPOLOGY, "topology", IN(ROOT), topology_attrs,
	    "A network: zones, hosts, firewalls and what is said of them"),
	DEF(TEMPLATE, "template", IN(ROOT), template_attrs,
	    "Roles, services and flows to be used by topologies"),
	{ .name = "waivers", .parents = IN(ROOT),
	  .doc = "Findings that are accepted for a time" },
	DEF(INCLUDE, "include", IN(TOPOLOGY) | IN(ZONE) | IN(NETWORK),
	    include_attrs, "Children of another file's root"),
	DEF(ZONE, "zone", IN(TOPOLOGY), zone_attrs,
	    "A part of the network behind firewalls"),
	DEF(NETWORK, "network", IN(ZONE) | IN(NETWORK), network_attrs,
	    "A named part of a zone"),
	DEF(HOST, "host", IN(ZONE) | IN(NETWORK), host_attrs,
	    "A machine"),
	DEF(USE, "use", IN(ZONE) | IN(NETWORK) | IN(HOST), use_attrs,
	    "Which servers of a role are used"),
	DEF(PIN, "pin", IN(HOST), pin_attrs,
	    "A static port for a dynamic service"),
	DEF(ROLE_PIN, "pin", IN(TOPOLOGY), role_pin_attrs,
	    "A static port for a dynamic service, by role"),
	DEF(ROLE, "role", IN(TOPOLOGY) | IN(TEMPLATE), role_attrs,
	    "A function that machines have"),
	DEF(SERVICE, "service", IN(TOPOLOGY) | IN(TEMPLATE),
	    service_attrs, "Ports under a name"),
	DEF(FLOW, "flow", IN(TOPOLOGY) | IN(TEMPLATE), flow_attrs,
	    "Which role opens which services of which role"),
	DEF(WANT, "want", IN(TOPOLOGY), want_attrs,
	    "Turns an optional flow on"),
	DEF(OMIT, "omit", IN(TOPOLOGY) | IN(POLICY), want_attrs,
	    "Turns a template flow off"),
	DEF(FIREWALL, "firewall", IN(TOPOLOGY), firewall_attrs,
	    "A firewall, or several machines with one ruleset"),
	DEF(INTERFACE, "interface", IN(FIREWALL), interface_attrs,
	    "One of its interfaces"),
	DEF(INPUT, "input", IN(FIREWALL), input_attrs,
	    "Who may open connections to the firewall itself"),
	DEF(IPSEC, "ipsec", IN(TOPOLOGY), ipsec_attrs,
	    "What is carried inside IPsec, transport mode"),
	DEF(ALLOW, "allow", IN(TOPOLOGY), allow_attrs,
	    "An exception beside the templates"),
	DEF(FORBID, "forbid", IN(TOPOLOGY) | IN(POLICY), forbid_attrs,
	    "What must never be planned"),
	DEF(EXPECT, "expect", IN(TOPOLOGY) | IN(POLICY), forbid_attrs,
	    "What must be planned"),
	DEF(OBSERVE, "observe", IN(TOPOLOGY), observe_attrs,
	    "Counted and let through for a while"),
	DEF(LEG, "leg", IN(HOST), leg_attrs,
	    "The same machine in another zone"),
	DEF(PUBLISH, "publish", IN(TOPOLOGY), publish_attrs,
	    "Port forwarding"),
	DEF(ASSIGN, "assign", IN(TOPOLOGY), assign_attrs,
	    "Roles given from another file"),
	DEF(MAIL_DOMAIN, "mail-domain", IN(TOPOLOGY), mail_domain_attrs,
	    "Who sends mail for a domain"),
	DEF(SKIP, "skip", IN(TOPOLOGY) | IN(HOST), skip_attrs,
	    "Leaves out one advice rule"),
	DEF(WAIVE, "waive", IN(WAIVERS), waive_attrs,
	    "One accepted finding"),
	[EL_ADVICE] = { .name = "advice", .parents = IN(ROOT),
			.doc = "Rules that judge a plan" },
	DEF(RULE, "rule", IN(ADVICE), rule_attrs, "One of them"),
	DEF(POLICY, "policy", IN(ROOT), policy_attrs,
	    "Limits that hold whatever a topology says"),
	DEF(OWNER, "owner", IN(POLICY), owner_attrs,
	    "Who answers for parties of the topology"),
};

const struct element_def *schema_child(enum element parent, const char *name)
{
	for (int i = EL_TOPOLOGY; i < N_ELEMENTS; i++)
		if ((schema_elements[i].parents >> parent & 1) &&
		    !strcmp(schema_elements[i].name, name))
			return &schema_elements[i];
	return NULL;
}

enum element schema_id(const struct element_def *def)
{
	return (enum element)(def - schema_elements);
}

static const char *hint(struct diags *d, const char *name,
			const char *const *names, size_t n)
{
	const char *near = nearest_name(name, names, n);

	return near ? arena_printf(d->arena, "; did you mean \"%s\"?", near) :
		      "";
}

/* "<zone>, <network>": where an element may stand. */
static const char *places(struct diags *d, const char *name)
{
	struct buf b = { 0 };
	uint64_t in = 0;

	for (int i = EL_TOPOLOGY; i < N_ELEMENTS; i++)
		if (!strcmp(schema_elements[i].name, name))
			in |= schema_elements[i].parents;
	if (in & IN(ROOT))
		buf_puts(&b, "the root's place");
	for (int i = EL_TOPOLOGY; i < N_ELEMENTS; i++)
		if (in >> i & 1)
			buf_printf(&b, "%s<%s>", b.n ? ", " : "",
				   schema_elements[i].name);
	return buf_take(d->arena, &b);
}

static const char *list(struct diags *d, const char *const *names, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", names[i]);
	return n ? buf_take(d->arena, &b) : "none";
}

static void unknown_element(const struct xml_element *e, enum element parent,
			    struct diags *d)
{
	const char *names[N_ELEMENTS], *elsewhere = NULL;
	size_t n = 0;

	for (int i = EL_TOPOLOGY; i < N_ELEMENTS; i++) {
		if (schema_elements[i].parents >> parent & 1)
			names[n++] = schema_elements[i].name;
		else if (!strcmp(schema_elements[i].name, e->name))
			elsewhere = schema_elements[i].name;
	}
	if (parent == EL_ROOT)
		diag_add(d, SEV_ERROR, xml_span(e),
			 "the root element is <%s>, expected <topology xmlns=\""
			 PORTPLAN_NS "\">%s", xml_shown(d->arena, e->name),
			 hint(d, e->name, names, n));
	else if (elsewhere)
		diag_add(d, SEV_ERROR, xml_span(e),
			 "<%s> cannot stand in <%s>, only in %s", e->name,
			 schema_elements[parent].name,
			 places(d, e->name));
	else
		diag_add(d, SEV_ERROR, xml_span(e),
			 "unknown element <%s> in <%s>%s (legal: %s)",
			 xml_shown(d->arena, e->name),
			 schema_elements[parent].name,
			 hint(d, e->name, names, n), list(d, names, n));
}

static bool check_namespace(const struct xml_element *e, struct diags *d)
{
	if (e->uri && !strcmp(e->uri, PORTPLAN_NS))
		return true;
	if (e->uri)
		diag_add(d, SEV_ERROR, xml_span(e),
			 "<%s> is in the namespace \"%s\", expected \""
			 PORTPLAN_NS "\"", xml_shown(d->arena, e->name),
			 xml_shown(d->arena, e->uri));
	else
		diag_add(d, SEV_ERROR, xml_span(e),
			 "<%s> is in no namespace: write xmlns=\"" PORTPLAN_NS
			 "\" in the root element",
			 xml_shown(d->arena, e->name));
	return false;
}

enum { MOST_ATTRS = 32 };

/* The legal ones, as far as people write them. */
static size_t attr_names(const struct element_def *def,
			 const char *names[MOST_ATTRS])
{
	size_t n = 0;

	for (size_t i = 0; i < def->n_attr && n < MOST_ATTRS; i++)
		if (!(def->attr[i].flags & AF_BUNDLE))
			names[n++] = def->attr[i].name;
	return n;
}

static void unknown_attr(const struct xml_element *e, const char *name,
			 const struct element_def *def, struct diags *d)
{
	const char *names[MOST_ATTRS];
	size_t n = attr_names(def, names);

	diag_add(d, SEV_ERROR, xml_attr_name_span(e, name),
		 "unknown attribute \"%s\" in <%s>%s (legal: %s)",
		 xml_shown(d->arena, name), e->name, hint(d, name, names, n),
		 list(d, names, n));
}

static bool in_bundle(const struct xml_element *e)
{
	while (e->parent)
		e = e->parent;
	return xml_attr(e, "bundle");
}

static const struct attr_def *find_attr(const struct element_def *def,
					const struct xml_element *e,
					const char *name)
{
	for (size_t i = 0; i < def->n_attr; i++)
		if (!strcmp(def->attr[i].name, name) &&
		    (!(def->attr[i].flags & AF_BUNDLE) || in_bundle(e)))
			return &def->attr[i];
	return NULL;
}

/* One that is misspelt is not missing as well. */
static bool is_misspelt(const struct xml_element *e,
			const struct element_def *def, const char *name)
{
	const char *names[MOST_ATTRS];
	size_t n = attr_names(def, names);

	for (unsigned i = 0; i < e->n_attr && i < MOST_ATTRS; i++) {
		const char *near = e->attr[i].uri ||
			find_attr(def, e, e->attr[i].name) ? NULL :
			nearest_name(e->attr[i].name, names, n);

		if (near && !strcmp(near, name))
			return true;
	}
	return false;
}

static bool is_blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

/* Names, files and ends say themselves what is wrong with an empty one. */
static bool may_not_be_blank(const struct attr_def *a)
{
	return (a->flags & REQ) && (a->type == AT_NAMES || a->type == AT_FILE);
}

static void check_missing(const struct xml_element *e,
			  const struct element_def *def,
			  const struct attr_def *a, struct diags *d)
{
	const char *value = xml_attr(e, a->name);

	if (value && may_not_be_blank(a) && is_blank(value))
		diag_add(d, SEV_ERROR, xml_attr_name_span(e, a->name),
			 "attribute \"%s\" of <%s> is empty", a->name,
			 e->name);
	if (!value && (a->flags & REQ) && !is_misspelt(e, def, a->name))
		diag_add(d, SEV_ERROR, xml_span(e),
			 "<%s> lacks the attribute \"%s\" (%s)", e->name,
			 a->name, a->doc);
}

static void check_attrs(const struct xml_element *e,
			const struct element_def *def, struct diags *d)
{
	unsigned unknown = 0;

	for (unsigned i = 0; i < e->n_attr && unknown < MOST_ATTRS; i++) {
		if (e->attr[i].uri || find_attr(def, e, e->attr[i].name))
			continue;
		unknown_attr(e, e->attr[i].name, def, d);
		unknown++;
	}
	for (size_t i = 0; i < def->n_attr; i++)
		check_missing(e, def, &def->attr[i], d);
}

enum element schema_check(const struct xml_element *e, enum element parent,
			  struct diags *d)
{
	const struct element_def *def;

	def = schema_child(parent, e->name);
	if (!def && parent == EL_ROOT) {
		unknown_element(e, parent, d);
		return EL_ROOT;
	}
	if (!check_namespace(e, d))
		return EL_ROOT;
	if (!def) {
		unknown_element(e, parent, d);
		return EL_ROOT;
	}
	check_attrs(e, def, d);
	return schema_id(def);
}

void schema_check_children(const struct xml_element *e, enum element el,
			   struct diags *d)
{
	for (const struct xml_element *c = e->first; c; c = c->next)
		schema_check(c, el, d);
}
