#ifndef GEN_INTERNAL_H
#define GEN_INTERNAL_H

#include "gen/gen.h"
#include "plan/crossings.h"
#include "plan/nat.h"

enum { GEN_FLOW_MOST = 4000000 }; /* elements with --counters flow */

/* IKE's own packets between two classes, or what a service set opens. */
struct entry {
	uint32_t svc;
	uint32_t ike; /* list of ipsec elements; 0: this is a service set */
	unsigned families;
	unsigned counted; /* its ports are spelled out flow by flow already */
	uint32_t nat;	  /* of ike: what passes translation (RFC 3948) */
	uint32_t face, face_id; /* how the destination looks: struct face */
};

enum { GEN_EXACT_RANGE = 8 }; /* ports of a range that is spelled out */

/* Can the piece be spelled out, port by port? */
static inline bool piece_exact(const struct piece *p)
{
	return proto_has_ports(key_proto(p->keys.lo)) &&
	       p->keys.hi - p->keys.lo < GEN_EXACT_RANGE;
}

/* Everything that one pair of atoms may do; entries by id, ascending. */
struct mix {
	uint32_t *entry;
	size_t n;
};

/* A part of a class that is treated alike at this hop. */
struct atom {
	uint32_t cls;
	VEC(uint32_t) cells; /* as they look here: struct face */
	const char *label; /* first of its parties by name */
};

struct gen {
	struct arena *arena; /* of the ruleset */
	struct arena *scratch;
	const struct plan *p;
	const struct firewall *f;
	const struct gen_options *opt;
	struct diags *d;
	struct ruleset *rs;
	const struct crossings *crossings;
	size_t flow_elems; /* of GEN_COUNT_FLOW, bounded */
	struct few_cells *few; /* by end id; NULL: not asked yet */
	struct map names;  /* chain and set names in use */
	struct rs_set *grace; /* NULL: none asked for */
	struct map observed; /* zone, zone: the chain; zone, field: the set */
	struct map addresses; /* ranges -> struct addresses */
	const char *what;  /* the zone pair whose rules are made, for the log */
};

/* What passes between two zones here (or comes in from one): its flows, as
 * rules in one chain. */
enum dispatch_where { AT_FORWARD, AT_INSIDE, AT_INPUT };

struct dispatch {
	struct gen *g;
	enum dispatch_where where;
	uint32_t in, out; /* zones */
	bool translated;  /* some end is not seen by its own address */
	const char *name; /* of the chain; prefix of its sets */
	struct rs_chain *chain;
	VEC(uint32_t) pairs;
	VEC(uint32_t) products;
	VEC(uint32_t) back; /* products the other way whose IKE comes here */
};

/* refuse.c: the last rules of a chain: log, count, refuse. */
enum refusal { SILENTLY, AS_TOLD };
void deny_rules(struct gen *g, struct rs_chain *c, const char *what,
		enum refusal how);
/* What is observed between zones that a path leads across these two. */
void observe_rules(struct gen *g, struct rs_chain *c, uint32_t in,
		   uint32_t out);
/* Ends a rule that lets a planned connection open; logs it where told. */
void accept_new(struct gen *g, struct rs_rule *r);

/* share.c: addresses, and the sets that hold just them. */
struct addresses {
	struct addr_set ranges;
	struct rs_set *set[RS_N_FIELDS]; /* if it is large: the one there is */
	bool shared[RS_N_FIELDS]; /* and by the name that it has then */
};

/* The ranges, normalised, become its own. */
struct addresses *addresses_of(struct gen *g, struct addr_set ranges);
/* prefix/what is the name of the set where nothing else asks for the same, else
 * it is one that label, the first of their parties, is part of. */
const struct rs_set *address_set(struct gen *g, struct addresses *a,
				 enum rs_field field, const char *prefix,
				 const char *what, const char *label);

/* grace.c: the rule of a base chain that leads there, before what is not new is
 * looked at; and the chains, when all others are complete. */
void grace_rule(struct gen *g, struct rs_chain *c);
void grace_chains(struct gen *g);

/* nat.c: the chains that translate, where something is. */
void nat_chains(struct gen *g);

/* dispatch.c: adds rules that accept what is planned; falls through else. */
void dispatch_rules(struct dispatch *x);
/* What is planned from node to node becomes part of the dispatch. */
void take_nodes(struct dispatch *x, uint32_t from, uint32_t to);

/* services.c: rules that accept the services of a mix. */
void service_rules(struct gen *g, struct rs_chain *c, const char *name,
		   const struct entry *entries, const struct mix *m);
/* The clear pieces of an entry, as struct piece of the plan. */
size_t entry_pieces(struct gen *g, const struct entry *e,
		    const struct piece **out);
const char *reason_comment(struct gen *g, const uint32_t *reasons, size_t n);
/* A name not in use, from parts; shortened by a hash if too long. */
const char *unique_name(struct gen *g, const char *prefix, const char *label);

#endif
