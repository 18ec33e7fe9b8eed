#ifndef TOPOLOGY_TOPOLOGY_H
#define TOPOLOGY_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/diag.h"
#include "base/keys.h"
#include "base/vec.h"

/*
 * A topology as said: names resolved, values parsed, nothing expanded. What
 * it means (who may talk to whom) is the business of plan/.
 *
 * All of it lives in one arena and points into it; ids are indices into the
 * array that holds the object.
 */
struct xml_element;
struct role;
struct service;
struct party;

/* One word of an end: "inside", "role:dns", "10.0.0.0/8", "*". */
enum end_kind { END_PARTY, END_ROLE, END_PREFIX, END_ALL };

struct end_word {
	enum end_kind kind;
	const char *text;
	struct span at;
	const struct party *party; /* END_PARTY; a host's address too */
	const struct role *role;
	struct prefix prefix;
};

struct ends {
	struct end_word *v;
	size_t n;
};

typedef VEC(struct role *) role_list;
typedef VEC(struct service *) service_list;

struct role {
	const char *name, *title;
	struct span at;
	uint32_t id;
	role_list is;
	uint32_t *closure; /* itself and all it implies, ascending ids */
	size_t n_closure;
	bool borne; /* by some party */
	const char *origin; /* template that gave it first; NULL: topology */
	double breadth; /* in a bundle: addresses that bear it in the whole */
};

struct service {
	const char *name, *title;
	struct span at;
	const struct xml_element *xml;
	uint32_t id;
	struct key_set keys; /* its own; of a dynamic one, the whole range */
	service_list parts;
	struct service **leaf; /* services with keys of their own, flattened */
	size_t n_leaf;
	bool dynamic, clear_credentials, ike_kerberos;
	uint8_t proto; /* of a dynamic service: TCP or UDP */
	const char *origin; /* as of a role */
};

enum requirement { REQ_REQUIRED, REQ_CONDITIONAL, REQ_OPTIONAL };

struct flow {
	const struct xml_element *xml;
	role_list from, to;
	service_list services;
	enum requirement requirement;
	bool across; /* joins different realms */
	const char *cite, *reason;
	const char *origin; /* template name, or the topology's own */
	struct span at;
	uint32_t id;
};

struct use {
	role_list roles;
	struct ends of;
	struct span at;
	uint32_t id; /* in topology.uses */
	const struct party *party;
};

/* Port ranges as keys of the service's protocol. */
struct pin {
	const struct service *service;
	const struct role *role; /* NULL: on one host */
	struct key_set ports;
	struct span at;
	uint32_t id; /* in topology.pins */
};

enum party_kind { PARTY_ZONE, PARTY_NETWORK, PARTY_HOST, PARTY_FIREWALL };
enum zone_kind {
	ZONE_INTERNET, ZONE_DMZ, ZONE_INTERNAL, ZONE_PARTNER, ZONE_MANAGEMENT,
	ZONE_USER, /* in the order of the schema's words */
};
/* What a zone of a bundle has: addresses under its name, or some that no
 * prefix of the others may take in. In the order of the schema's words. */
enum zone_holds {
	HOLDS_OWN,
	HOLDS_REST,   /* of another zone, and nothing of them crosses */
	HOLDS_PUBLIC, /* in another's space, translated by other firewalls */
	HOLDS_OTHERS, /* of zones that are not in the bundle */
};

struct party {
	enum party_kind kind;
	const char *name;
	struct span at;
	const struct xml_element *xml;
	uint32_t id; /* in topology.parties */
	struct party *parent; /* network, host: where it is written */
	struct prefix *prefix; /* networks or addresses, as written */
	struct span *prefix_at;
	size_t n_prefix;
	role_list roles; /* given to it, not implied */
	const char *owner; /* its own, or of what is around it; NULL */
	const char *policy_owner; /* what a policy says of it alone; NULL */
	struct span policy_owner_at;
	const char *realm; /* its own; NULL */
	uint32_t sort; /* in a bundle: of equal number, of one class; else 0 */
	const struct party *leg_of; /* the host whose leg it is: HOST@ZONE */
	VEC(struct use *) use;
	VEC(struct pin *) pin;
	bool has_dynamic;
	struct key_set dynamic; /* ports, 1..65535 */
	/* hosts: one for one; zones and networks: many behind one a family */
	struct prefix *public;
	struct span *public_at;
	size_t n_public;
	bool masquerade; /* behind the interface they leave by, to the internet */
	/* zones */
	enum zone_kind zone_kind;
	enum zone_holds holds;
	const struct party *of; /* with HOLDS_REST, HOLDS_PUBLIC: the zone */
	/* in a bundle: zones of its firewall by which the whole leads here */
	VEC(const struct party *) behind;
	bool transit;
	bool inside_any; /* zones and networks; inherited by networks */
	uint32_t zone_id; /* in topology.zones */
	struct firewall *firewall; /* PARTY_FIREWALL */
};

struct interface {
	const char *name;
	bool wildcard; /* name ends in *, kept in it */
	struct span at;
	struct party *zone;
	struct prefix *address;
	struct span *address_at;
	size_t n_address;
	bool dhcp;
	uint32_t id; /* in firewall.interfaces */
};

/* Which packets an element speaks of: services and literal keys. */
struct packets {
	service_list services;
	struct key_set keys;
};

struct input {
	const struct xml_element *xml;
	struct ends from;
	struct packets what;
	const char *reason, *ident;
	double breadth; /* as of a rule */
	struct span at;
	uint32_t id; /* in topology.inputs */
	struct firewall *firewall;
};

struct firewall {
	const char *name;
	struct span at;
	uint32_t id; /* in topology.firewalls */
	struct party *party;
	VEC(const char *) nodes;
	VEC(struct interface *) interfaces;
	VEC(struct input *) inputs;
	bool log_drops, log_new;
	bool log_to_group; /* NFLOG, not the kernel's log */
	uint16_t log_group;
	bool refuse_reject;
	bool unmanaged; /* another product: in paths, without a ruleset */
	bool unenforced; /* counts and logs what the plan denies, no more */
};

/* Seconds since 1970-01-01 UTC. */
struct when {
	int64_t t;
	bool given;
	const char *text;
};

/* allow, forbid and expect. ident is the name, or a hash of what it says. */
struct rule {
	const char *name, *ident, *reason, *owner, *ticket, *approved_by;
	const struct xml_element *xml;
	struct span at;
	struct ends from, to, except;
	struct packets what;
	struct when starts, expires, review_by; /* expires: first moment after */
	double breadth; /* in a bundle: as reason.breadth in the whole; else 0 */
	uint32_t id; /* in topology.allows, .forbids or .expects */
	bool policy; /* from a policy: the topology has no say in it */
};

/* want and omit */
struct choice {
	const char *name, *ident, *reason;
	const struct xml_element *xml;
	struct span at;
	role_list from, to;
	service_list services;
	bool any_service, has_at;
	bool policy; /* as of a rule */
	struct ends sources;
	uint32_t id;
};

enum ike_auth { IKE_CERTIFICATE, IKE_PSK, IKE_KERBEROS };

struct ipsec {
	const char *name, *ident, *reason;
	const struct xml_element *xml;
	struct span at;
	struct ends between, and;
	bool esp, ah, nat_traversal;
	enum ike_auth auth;
	service_list except;
	double breadth; /* as of a rule */
	uint32_t id;
};

typedef VEC(const struct party *) zone_list;

/* What the plan denies between zones is let through for a while. */
struct observe {
	const char *name, *ident, *reason, *owner;
	struct span at;
	zone_list from, to;
	struct when until; /* first moment after */
	uint32_t id;	   /* in topology.observes */
};

/* Roles given beside the inventory. */
struct assign {
	const struct xml_element *xml;
	struct span at;
	struct ends to; /* a pattern's words are the parties it stands for */
	role_list roles;
	const char *owner;
	struct when expires; /* first moment after */
	uint32_t id;	     /* in topology.assigns */
};

/* Port forwarding: these keys at a public address are the host's. */
struct publish {
	const char *name, *ident;
	const struct xml_element *xml;
	struct span at, address_at;
	struct prefix address;
	const struct party *host;
	struct addr own;     /* the host's, of the same family */
	struct key_set keys; /* at the public address */
	unsigned port;	     /* at the host; 0: the same */
	uint32_t id;
};

struct mail_domain {
	VEC(const char *) names;
	VEC(const char *) senders; /* words in order; ends are resolved later */
	const char *all;
	struct span at;
};

struct skip {
	const char *rule, *reason;
	const struct party *host; /* NULL: everywhere */
	struct when expires;
	struct span at;
};

/* A template that was loaded, and the newest version that is to be had. */
struct template_use {
	const char *name;
	unsigned version, newest;
	struct span at; /* where it is named */
};

struct topology {
	const char *name, *owner, *realm; /* the two may be NULL */
	const char *bundle; /* the firewall whose part it is; NULL: the whole */
	struct arena *arena;
	struct span at;
	VEC(struct party *) parties, zones, networks, hosts;
	VEC(struct firewall *) firewalls;
	VEC(struct role *) roles;
	VEC(struct service *) services;
	VEC(struct flow *) flows;
	VEC(struct use *) uses;
	VEC(struct pin *) pins;
	VEC(struct pin *) role_pins;
	VEC(struct choice *) wants;
	VEC(struct choice *) omits;
	VEC(struct input *) inputs;
	VEC(struct ipsec *) ipsecs;
	VEC(struct rule *) allows;
	VEC(struct rule *) forbids;
	VEC(struct rule *) expects;
	VEC(struct assign *) assigns;
	VEC(struct observe *) observes;
	VEC(struct publish *) publishes;
	VEC(struct mail_domain *) mail_domains;
	VEC(struct skip *) skips;
	VEC(const char *) templates;
	VEC(struct template_use) template_uses;
	bool has_dynamic;
	struct key_set dynamic; /* ports */
};

struct topology_options {
	const char *const *template_dirs; /* searched before the built-in ones */
	size_t n_template_dirs;
	const char *const *policies; /* files whose limits hold as well */
	size_t n_policies;
	const char *text; /* NULL, or in place of what the file holds */
	size_t n_text;
	/* The other files as they were last read into the arena: what a text is
	 * tried with is what was judged, and privileges may be gone since. */
	bool again;
};

/* NULL if there are errors; they, and warnings, are in d. */
struct topology *topology_read(struct arena *a, const char *path,
			       const struct topology_options *opt,
			       struct diags *d);

/* Of a bundle's text, in which the digits of its hash stand at at. */
void topology_bundle_hash(const char *text, size_t n, size_t at, char out[17]);

/* By exact name; NULL if there is none. */
const struct party *topology_party(const struct topology *t, const char *name);
const struct firewall *topology_firewall(const struct topology *t,
					 const char *name);
const struct service *topology_service(const struct topology *t,
				       const char *name);
const struct role *topology_role(const struct topology *t, const char *name);

/* "2026-12-01" (00:00Z of that day) or "2026-12-01T20:00Z"; false if neither.
 * *whole_day may be NULL. */
bool date_parse(const char *s, int64_t *t, bool *whole_day);

/* "2026-12-01" of a moment. */
void date_text(int64_t t, char out[16]);

bool role_implies(const struct role *r, const struct role *implied);

/* Attributes of other namespaces on an element, "name=value; …", or NULL. */
const char *foreign_attributes(struct arena *a, const struct xml_element *e);
/* The same behind out, each as "of.name=value"; e may be NULL. */
const char *add_foreign_attributes(struct arena *a, const char *out,
				   const char *of, const struct xml_element *e);

/* The zone around a party; NULL for firewalls. */
const struct party *party_zone(const struct party *p);
/* Is it the other, or written in it? False of NULL. */
bool party_within(const struct party *p, const struct party *around);
/* Has the firewall an interface in the zone? */
bool firewall_in_zone(const struct firewall *f, uint32_t zone_id);
/* "zone", "network", "host", "firewall" */
const char *party_kind_name(enum party_kind k);

#endif
