#ifndef ADVICE_DOCUMENT_IMPL_H
#define ADVICE_DOCUMENT_IMPL_H

#include "advice/writer.h"
#include "plan/each.h"

/* What the files that write the document share. */

/* Some of a party's addresses: all that a group holds of it. */
struct member {
	uint32_t party;
	bool partial;
	const char *addresses; /* of a partial one */
};

/* A service that a group opens, or is opened. */
struct use_of {
	uint32_t service, across, carried;
};

/* Parties of which one thing is said: a class, or what an end cuts of it. */
struct group {
	uint32_t cls, end; /* NONE: all classes; no end */
	VEC(struct member) members;
	double addresses;
	VEC(struct use_of) opens, serves; /* the services of its flows */
	VEC(uint32_t) out, in;		  /* its flows, by number */
};

/* A flow of the document: an exact product of groups. */
struct doc_flow {
	uint32_t reason, pin;
	bool carried, any_local;
	uint32_t from_node, to_node;
	uint32_t ranges;   /* in lists: key lo, hi, lo, hi … */
	uint32_t from, to; /* in lists: groups */
};

/* A range of ports (or protocols) that is open, or that IPsec carries. */
struct opening {
	struct key_range keys;
	bool carried;
};

struct openings {
	struct opening *v;
	size_t n, cap;
};

struct reach_count {
	double openings; /* ranges in the clear, IPsec's own included */
	double ports;    /* in them, each once */
	double inside;   /* ranges that IPsec carries */
};

/* What a host opens of every member of a group, across firewalls. */
struct target {
	uint32_t group, node;
	struct openings openings;
	struct reach_count each; /* of one member */
};

struct reach {
	VEC(struct target) to;
	/* all together, save the internet and firewalls themselves */
	struct reach_count sum;
	double hosts, parties;
	const char *names; /* of the first few */
};

struct doc {
	struct arena *arena;
	const struct plan *p;
	struct xml_writer w;
	struct lists lists;
	struct map group_ids; /* cls, end -> group */
	VEC(struct group) groups;
	VEC(struct doc_flow) flows;
	VEC(uint32_t) *cells;	 /* by party */
	VEC(uint32_t) *children; /* by party, in the order of writing */
	VEC(uint32_t) *groups_of; /* by party: the groups of flows */
	struct map lines;	  /* source -> struct line_index */
	struct map served;	  /* service, class -> enum served */
	struct map reach_ids; /* classes and ends of a host -> reach */
	VEC(struct reach) reaches;
	uint32_t *host_reach;	  /* by party; NONE */
	unsigned char *exposed;	  /* by party: enum exposure */
	bool *role_used, *service_used, *party_named, *role_named;
	bool *service_named;
};

/* Is a service planned to a class; from another zone; there in the clear? */
enum served { SERVED = 1, SERVED_ACROSS = 2, SERVED_CLEAR = 4 };

enum exposure { EXPOSED_NO, EXPOSED_NAMED, EXPOSED_ANYONE };

/* groups.c */
uint32_t doc_group(struct doc *d, uint32_t cls, uint32_t end);
void doc_gather_flows(struct doc *d);
void doc_write_groups(struct doc *d);
/* <services> of the groups that have any: s4 is that of g4 */
void doc_write_services(struct doc *d);
static inline bool doc_has_services(const struct group *g)
{
	return g->opens.n || g->serves.n;
}
void doc_write_flows(struct doc *d);

/* reach.c */
void doc_gather_reach(struct doc *d);
void doc_write_reaches(struct doc *d);
/* All that a reach has of one party, each range once. */
struct openings doc_openings_to(struct doc *d, const struct reach *r,
				uint32_t party);
struct reach_count doc_count_openings(struct arena *a,
				      const struct openings *o);

/* document.c: gathers, writes nothing */
struct doc *doc_gather(struct arena *a, const struct plan *p, struct buf *out);

/* parties.c */
void doc_write_parties(struct doc *d);
void doc_write_firewalls(struct doc *d);

bool doc_role_used(const struct doc *d, const struct role *r);

/* said.c: exceptions, IPsec, mail domains and other elements */
void doc_find_named(struct doc *d);
void doc_write_vocabulary(struct doc *d);
void doc_write_said(struct doc *d);

/* "host.fe1": unique in the document, and a name as XML has them. */
const char *doc_id(struct doc *d, const struct party *p);
/* at="file:line:column" */
void doc_place(struct doc *d, struct span at);
/* "dc1, be1 and 4 more" */
const char *doc_names(struct arena *a, const char *const *v, size_t n);
/* Children <ports protocol low high/> of a list of ranges; *size counts. */
struct ports_size {
	double ports;  /* TCP and UDP ports, and other protocols as one each */
	double widest; /* consecutive ports of one protocol */
	bool any;      /* every protocol */
};
struct ports_size doc_ports_size(const struct key_range *r, size_t n);
void doc_write_ports(struct doc *d, const struct key_range *r, size_t n);
uint32_t doc_zone_kind(const struct plan *p, uint32_t node);
const char *doc_zone_kind_name(const struct plan *p, uint32_t node);

#endif
