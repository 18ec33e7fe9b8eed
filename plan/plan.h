#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/keys.h"
#include "base/map.h"
#include "topology/topology.h"

/*
 * The compiled plan: may this source open a connection to that destination
 * with this protocol and port? (topology-format, "The idea")
 *
 * How this works. The address space is cut into cells at every border that
 * anything in the topology draws (cells.c). Every cell is told which ends it
 * lies in (ends.c). Cells of which the templates and the IPsec elements say
 * the same form a class (classes.c); template flows run between classes
 * (pairs.c), between many at once where classes are the same but for `use` or
 * pins (wide.c), and which ports they open is a service set, shared by all pairs
 * that open the same. Exceptions (allow, input) are products of a class and
 * the part of it that they name (products.c). Which firewalls a pair crosses
 * depends on the two zones alone (routes.c). Sizes follow the number of
 * different things said, not the number of hosts.
 */
#define NONE UINT32_MAX

enum { FAM_V4 = 1, FAM_V6 = 2 };

/* Consecutive addresses of which everything is said alike. */
struct cell {
	struct addr lo, hi;
	uint32_t party;	  /* innermost: host, network, zone or firewall; NONE */
	uint32_t network; /* innermost network or zone by address, or NONE */
	uint32_t zone;	  /* zone_id whose space it is in; NONE */
	uint32_t space;	  /* the same, firewalls' own addresses included */
	uint32_t cls;	  /* in classes; NONE */
	uint32_t ends;	  /* in end_lists: all ends it lies in */
	uint32_t behind;  /* in publics: what translation makes of it; NONE */
	uint32_t public;  /* in publics: it is one itself; NONE */
	uint8_t nat;	  /* enum nat_kind */
};

/* What becomes of an address where translation comes in (the format,
 * `public`). */
enum nat_kind { NAT_NONE, NAT_ONE, NAT_MANY, NAT_INTERFACE };

/* A public address. It belongs to the zone that owns it, but is no part of its
 * space and bears no role. */
struct public_addr {
	struct addr addr;
	uint32_t cell, zone;	/* its own cell; zone_id of the owner */
	uint32_t own;		/* NAT_ONE: the cell behind it; NONE */
	const struct party *many; /* zone or network that hides behind it */
	struct span at;
	VEC(uint32_t) members;	/* NAT_MANY: a cell of each sort behind it */
	VEC(uint32_t) publishes; /* ids */
};

struct class {
	uint32_t node;	 /* where it stands: zone_id, or n_zones + firewall id */
	uint32_t roles;	 /* in lists */
	uint32_t uses;	 /* in lists: role, use, role, use … */
	uint32_t ends;	 /* in lists: ends of use, want, omit and ipsec */
	uint32_t pins;	 /* in lists: pin ids in force, by service */
	uint32_t dynamic; /* in lists: lo, hi, lo, hi … of ports; 0: none */
	uint32_t nat;	 /* in lists: see nat.c; 0: not translated */
	uint32_t realm;	 /* in realms; 0: none */
	/* in classes: all that are the same as a source, as a destination (see
	   wide.c); itself where it is the only one, or wide */
	uint32_t source, dest;
	uint32_t *cell;	 /* ascending */
	size_t n_cell;
	unsigned families;
	bool single; /* one address in each family it has */
};

enum reason_kind { REASON_FLOW, REASON_ALLOW, REASON_INPUT, REASON_IPSEC };

/* Why something is planned. */
struct reason {
	enum reason_kind kind;
	const struct flow *flow;
	const struct role *from, *to;	/* of the flow: this pair of its roles */
	const struct service *service;	/* a leaf; NULL: literal ports */
	const struct rule *allow;
	const struct input *input;
	const struct ipsec *ipsec;
	double breadth; /* pairs of addresses it speaks of */
};

struct piece {
	struct key_range keys;
	uint32_t reason;
	uint32_t pin; /* that moved it here; NONE */
	bool carried; /* inside IPsec; in the clear it is denied */
};

/* Sorted; keys of one piece lie in one protocol, or it is "any protocol". */
struct svcset {
	struct piece *v;
	size_t n;
	uint32_t ipsec;		/* in lists: elements that cover the pair */
	unsigned ike_families;	/* in which something is carried */
};

/* Template flows from class to class. What a pair of wide classes opens, all
 * in it do; what two of them open beyond, a pair of their own says whole. */
struct pair {
	uint32_t from, to; /* classes, wide ones too */
	uint32_t svc;	   /* in svcsets; 0: nothing of its own */
	uint32_t wider;	   /* of the wide pair around, which svc holds too; 0 */
	uint32_t ike;	   /* in lists: ipsec elements that need IKE here */
	unsigned ike_families;
	unsigned nat_families; /* of these, in which the pair is translated */
};

/* What one allow or input opens between parts of two classes, wide ones where
 * it names the same of all in them. */
struct product {
	uint32_t from, to;
	uint32_t from_end, to_end; /* end ids that cut the classes */
	uint32_t svc;
	uint32_t reason; /* id of the allow or input */
	bool any_local;	 /* input of a firewall without declared addresses */
};

/* One firewall of a path, crossed from zone to zone. */
struct hop {
	uint32_t firewall, in, out;
};

struct path {
	struct hop *hop;
	size_t n;
};

/* All ways from one node (zone or firewall) to another. */
struct route {
	uint32_t from, to;
	bool reachable;
	bool inside; /* one zone: no firewall is crossed, nothing enforced */
	struct hop *hop; /* of all paths, sorted, each once */
	size_t n_hop;
	VEC(struct path) paths;
};

/* An allow outside its time, and between which nodes it would be. */
struct left_out {
	const struct rule *allow;
	uint32_t (*nodes)[2];
	size_t n;
};

struct plan {
	const struct topology *topo;
	struct arena *arena;
	int64_t now;
	bool any_time; /* as in struct plan_options */

	struct cell *cell; /* ascending, covers what anything is said of */
	size_t n_cell;
	struct lists lists;	/* roles, uses, pins, class ends, ipsec */
	struct lists end_lists; /* ends of cells */
	VEC(const char *) realms; /* by name; 0 is none */
	VEC(struct class) classes; /* of cells; then wide ones */
	uint32_t n_plain;	   /* of cells */
	VEC(struct reason) reasons;
	VEC(struct svcset) svcsets; /* 0: empty */
	VEC(struct pair) pairs;	    /* by from, to */
	VEC(struct product) products;
	struct map pair_index;	  /* from, to -> pair */
	struct map product_index; /* reason kind, id, from, to -> product */
	struct map routes;

	/* ends by what they belong to: first id of each kind */
	/* By end id, of the kinds behind the classes': the first of its kind
	 * that names the same, which stands in lists for all of them; and the
	 * next that does, NONE. */
	uint32_t *end_alike, *end_next;
	uint32_t end_use, end_want, end_omit, end_ipsec, end_allow, end_forbid,
		end_expect, end_input, end_assign, n_ends, n_class_ends;

	VEC(struct public_addr) publics;
	VEC(uint32_t) masqueraded; /* NAT_INTERFACE: a cell of each sort */
	bool translates; /* something is translated somewhere */

	VEC(struct left_out) left_out;
	VEC(const struct assign *) lapsed; /* not in the plan by date */
	VEC(const struct observe *) over;  /* observes past their time */
	uint32_t n_zones;
	uint32_t ipsec_reason; /* of the first ipsec element */
	size_t n_paths;
	/* paths.c: zone_id * n_zones + zone_id -> route */
	struct route *zone_route;
};

struct plan_options {
	int64_t now; /* seconds since 1970, UTC */
	bool any_time; /* all exceptions and roles, whenever they are so */
};

/* NULL if there are errors; they, and warnings, are in d. */
struct plan *plan_build(struct arena *a, const struct topology *t,
			const struct plan_options *opt, struct diags *d);

/* ---- questions ------------------------------------------------------------- */

/* The first packet of a connection. */
struct packet {
	struct addr src, dst;
	uint8_t proto;
	uint16_t detail; /* destination port, or ICMP type */
};

/* What it asks for. */
static inline uint32_t packet_key(const struct packet *k)
{
	return key_of(k->proto, proto_has_ports(k->proto) ||
				proto_is_icmp(k->proto) ? k->detail : 0);
}

/* End to end. A public address counts as the host's own wherever the pair is
 * translated; a packet from one that many hide behind is allowed if it may come
 * from any of them. At and to a firewall the packet is as it arrives there. */
enum verdict { VERDICT_ALLOWED, VERDICT_DENIED, VERDICT_UNKNOWN };

enum verdict_why {
	WHY_PLANNED,
	WHY_NOT_PLANNED,
	WHY_ONLY_IPSEC,	     /* planned, but only inside IPsec */
	WHY_NO_PATH,	     /* planned by its roles; no path joins the zones */
	WHY_UNKNOWN_SOURCE,  /* in no zone */
	WHY_UNKNOWN_DESTINATION,
	WHY_SAME_ADDRESS,
	WHY_INSIDE_ANY,	     /* at a firewall: within a zone that allows it */
	WHY_WRONG_INTERFACE, /* planned, but not across these two */
	WHY_HAIRPIN,
	WHY_BEHIND_MANY,     /* to a public address that many hide behind */
	WHY_NOT_TRANSLATED,  /* public address where the own one is used */
};

enum { MAX_REASONS = 16 };

struct answer {
	enum verdict verdict;
	enum verdict_why why;
	bool not_enforced; /* within one zone */
	uint32_t src_cell, dst_cell; /* NONE if in no cell; of the own
					addresses where public ones were said */
	struct packet own; /* the packet in own addresses */
	size_t n_reason; /* most specific first; at most MAX_REASONS kept */
	uint32_t reason[MAX_REASONS];
	uint32_t pin[MAX_REASONS];
	double breadth[MAX_REASONS];
};

struct answer plan_verdict(const struct plan *p, const struct packet *k);
/* A new packet that this firewall would forward from in to out. */
struct answer plan_verdict_at(const struct plan *p, const struct firewall *f,
			      const struct interface *in,
			      const struct interface *out,
			      const struct packet *k);
/* A new packet to the firewall itself, where it has <input>: by the plan
 * alone, housekeeping aside. */
struct answer plan_verdict_input(const struct plan *p,
				 const struct firewall *f,
				 const struct interface *in,
				 const struct packet *k);
/* The declared interface that a kernel name belongs to; NULL. */
const struct interface *firewall_interface(const struct firewall *f,
					   const char *kernel_name);

/* What is planned from one cell to another, carried or not. */
struct key_set plan_opened(const struct plan *p, uint32_t from, uint32_t to,
			   struct arena *a);
/* May template flows that do not go across realms join two classes? */
static inline bool realms_agree(const struct class *x, const struct class *y)
{
	return !x->realm || !y->realm || x->realm == y->realm;
}

/* Of two cells in one zone: is what happens between them left unjudged, as
 * the innermost network (or the zone) around both says? */
bool plan_inside_any(const struct plan *p, uint32_t from, uint32_t to);
/* The observe in force between two zones; NULL. */
const struct observe *plan_observed(const struct plan *p, uint32_t from_zone,
				    uint32_t to_zone);
/* In force, and on a path across the firewall? */
bool plan_observe_at(const struct plan *p, const struct observe *o,
		     const struct firewall *f);
/* "office, lab to servers" */
const char *plan_observe_zones(const struct observe *o, struct arena *a);
/* A sentence for whoever reads "all else is denied": where that is not so, since
 * a firewall does not enforce or zones are observed. NULL: it is so. */
const char *plan_let_through(const struct plan *p, struct arena *a);
/* A path on which no firewall enforces, so that what is denied passes. NULL:
 * each has one that does, or crosses none. */
const struct path *plan_unenforced_path(const struct plan *p,
					const struct route *r);
/*
 * Addresses that the forward chain of a firewall sees of two observed zones,
 * in one family: their own, and public ones that stand for them on a path that
 * goes so. Of publishes (by id), the address counts with the ports alone.
 */
struct observed_look {
	struct addr_set src, dst;
	uint32_t *publish;
	size_t n_publish;
	bool translated; /* more than own addresses */
};
struct observed_look plan_observed_look(const struct plan *p,
					const struct firewall *f, uint32_t in,
					uint32_t out, uint32_t from,
					uint32_t to, bool v4, struct arena *a);
/*
 * Does the firewall let a new packet through that the plan denies: by
 * enforce="no", or by an observe (lent in *by, else NULL)? out NULL: to the
 * firewall itself. Addresses as the packet arrives with.
 */
bool plan_lets_through(const struct plan *p, const struct firewall *f,
		       const struct interface *in, const struct interface *out,
		       const struct packet *k, const struct observe **by);
/* What a firewall takes from this zone to itself though nothing plans it, to keep
 * links alive: in words behind its name. NULL: it does not; one without input
 * takes whatever comes, and is not meant. */
const char *plan_firewall_takes(const struct firewall *f, uint32_t zone,
				const struct packet *k);
/* The assign in force that gives a cell this role, if nothing else does. */
const struct assign *plan_assigned(const struct plan *p, uint32_t cell,
				   const struct role *role);
/* Addresses of a class. */
double plan_class_size(const struct plan *p, uint32_t cls);
/* Of those that a /0 does not mean: 10.0.0.0/8 and its like. */
bool plan_private(struct addr a);
/* The zone or network of which this is the public address; NULL. */
const struct party *plan_hides_behind(const struct plan *p, struct addr a);
/* A public address, and no firewall's own? */
bool plan_only_public(const struct plan *p, const struct cell *c);
/* NONE if the address is in no cell. */
uint32_t plan_cell(const struct plan *p, struct addr a);
/* The first cell that ends at the address or behind it; n_cell if none does. */
uint32_t plan_first_cell(const struct plan *p, struct addr a);
const struct route *plan_route(const struct plan *p, uint32_t from_node,
			       uint32_t to_node);
/* May connections from the node to the firewall itself come in from this zone:
 * the node is there, or a path from it ends there without crossing it? */
bool input_arrives(const struct plan *p, uint32_t node,
		   const struct firewall *f, uint32_t zone);
/* Does the path, or some path, lead through the firewall? */
bool path_crosses(const struct path *p, uint32_t firewall);
bool route_crosses(const struct route *r, uint32_t firewall);
bool route_uses(const struct route *r, uint32_t firewall, uint32_t in,
		uint32_t out);
/* Zones of its own that the firewall sends what goes to a zone into: out, of
 * n_zones. To one of its own it is that alone. */
void route_ways_out(const struct plan *p, const struct firewall *f,
		    uint32_t zone, bool *out);
bool cell_in_end(const struct plan *p, uint32_t cell, uint32_t end);
/* Families of a class's addresses in an end; NONE: of all. */
unsigned part_families(const struct plan *p, uint32_t cls, uint32_t end);
/* Does a word of an end mean the cell? Own addresses alone. */
bool plan_word_has(const struct plan *p, const struct end_word *w,
		   uint32_t cell);

/* By end id, the cells in it, ascending, of all classes; cell NULL: they are
 * more than `most`. So that who asks of many small ends looks through no class
 * for each. */
struct few_cells {
	uint32_t *cell;
	size_t n;
};

struct few_cells *plan_few_cells(const struct plan *p, size_t most,
				 struct arena *a);
/* Who answers for a party; for a class, the part of it in an end (NONE: all):
 * NULL if nobody, "several" if not one. */
const char *plan_owner(const struct plan *p, const struct few_cells *few,
		       uint32_t cls, uint32_t end);
/* "fe1", "inside", "outer"; NULL for NONE */
const char *plan_party_name(const struct plan *p, uint32_t party);
/* What a node is called: a zone's or firewall's name. */
const char *plan_node_name(const struct plan *p, uint32_t node);
/* The keys that a leaf service has at a class (lent or from a), and the pin
 * that says so; NONE if none does. */
struct key_set plan_service_keys(const struct plan *p, const struct service *s,
				 uint32_t cls, uint32_t *pin, struct arena *a);
/* UDP 500, 4500 and protocols 50, 51 as the elements ask for; behind
 * translation UDP 500 and 4500 alone (RFC 3948). */
struct key_set ipsec_keys(struct arena *a, const struct ipsec *s, bool nat);
/* "exchange-2003 exchange-server>domain-controller ldap", "allow labels" */
const char *reason_ident(const struct plan *p, uint32_t reason,
			 struct arena *a);
/* The element that says so. */
struct span reason_span(const struct reason *r);
/* All that template flows open from a class (not a wide one) to another. */
struct pair plan_pair(const struct plan *p, uint32_t from, uint32_t to);
/* The product of an allow or input that two such classes are in; NULL. */
const struct product *plan_product(const struct plan *p, enum reason_kind kind,
				   uint32_t id, uint32_t from, uint32_t to);
/* Calls back for all that allows open from one cell to another. */
void plan_each_allow(const struct plan *p, uint32_t from, uint32_t to,
		     void (*each)(void *ctx, const struct product *x),
		     void *ctx);
/* Whose own address the cell is; NULL: no firewall's. */
static inline const struct firewall *cell_firewall(const struct plan *p,
						   const struct cell *c)
{
	return c->party == NONE ? NULL : p->topo->parties.v[c->party]->firewall;
}
/* Is a cell in a class, wide or not? */
static inline bool cell_in_class(const struct plan *p, uint32_t cell,
				 uint32_t cls)
{
	uint32_t own = p->cell[cell].cls;

	return own != NONE && (own == cls || p->classes.v[own].source == cls ||
			       p->classes.v[own].dest == cls);
}

#endif
