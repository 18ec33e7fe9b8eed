#ifndef PLAN_NAT_H
#define PLAN_NAT_H

#include "plan/plan.h"

/*
 * Translation. A firewall translates where a path of the pair uses its
 * interface in the zone that owns the public address ("touches" that zone
 * there). Towards the host every such firewall of the path does; the first one
 * that a connection meets makes the own address of the public one, and the
 * first one on the way from the host the public one of its own. So hops beyond
 * see the public address, hops towards the host its own; in the forward chain
 * of a firewall that translates, both ends are own addresses already and still.
 *
 * Behind `interface`, the zones that count are those of kind internet.
 */
struct nat {
	enum nat_kind kind;
	uint32_t zone;	 /* that owns the public address; NONE: interface */
	uint32_t public; /* NAT_MANY: in publics; else NONE */
};

/* What is said of a class in one family. */
struct nat class_nat(const struct plan *p, uint32_t cls, bool v4);
/* Publishes to its addresses, ascending ids. */
const uint32_t *class_publishes(const struct plan *p, uint32_t cls, size_t *n);
bool nat_owned_by(const struct plan *p, struct nat t, uint32_t zone);
uint32_t publish_zone(const struct plan *p, uint32_t publish);
bool publish_in_family(const struct plan *p, uint32_t publish, bool v4);

/* FAM_… in which some path translates one of the two, whoever opens. */
unsigned nat_families(const struct plan *p, uint32_t from, uint32_t to);
/* Can nothing of these keys be opened to the class, since it hides with others
 * there and no publish forwards them? Of what is planned that is IKE alone. */
bool nat_hidden(const struct plan *p, uint32_t from, uint32_t to, bool v4,
		struct key_range keys);
/* Does some path use an interface in a zone that owns it? */
bool nat_touched(const struct plan *p, const struct route *r, struct nat t);
/* The same of the address that forwards, if it is of the family. */
bool publish_on_way(const struct plan *p, uint32_t publish,
		    const struct route *r, bool v4);

/* How an end looks at a hop. */
enum face_kind {
	FACE_OWN,
	FACE_PUBLIC,	/* its public address, or the one many hide behind */
	FACE_INTERFACE,	/* id: firewall * n_zones + zone: its addresses there */
	FACE_PUBLISH,	/* id: a publish: its address and public ports */
	FACE_FORWARDED,	/* id: a publish: own address, only what it forwards */
	FACE_REST,	/* own address, less what is forwarded to it; id: class
			   * 2, + 1 in IPv4 */
};

struct face {
	uint32_t kind, id;
};

struct nat_view {
	struct face from, to;
};

typedef VEC(struct nat_view) nat_views;

/*
 * How a pair of classes looks in the forward chain of a firewall, between two
 * of its zones, in one family: on all paths of the route, each view once. Own
 * addresses alone where nothing is translated.
 */
void nat_views_at(const struct plan *p, const struct route *r, uint32_t fw,
		  uint32_t in, uint32_t out, uint32_t from, uint32_t to,
		  bool v4, struct arena *a, nat_views *views);
/* The same to the firewall itself, for what comes in from a zone. */
void nat_views_input(const struct plan *p, uint32_t fw, uint32_t in,
		     uint32_t from, bool v4, struct arena *a,
		     nat_views *views);

/* Faces other than its own addresses that a class has at that hop, as the one
 * that opens connections or the one that takes them; each once. */
typedef VEC(struct face) nat_faces;
void nat_faces_at(const struct plan *p, const struct route *r, struct hop h,
		  uint32_t cls, bool source, bool v4, struct arena *a,
		  nat_faces *faces);

/* Does the firewall make own addresses of public ones, for what comes in from
 * this zone, for a host that stands at this node? */
bool nat_translates(const struct plan *p, uint32_t fw, uint32_t in,
		    uint32_t owner, uint32_t node);
/* Does it make public addresses of own ones, for what a class sends out to this
 * zone? */
bool nat_hides(const struct plan *p, uint32_t fw, uint32_t out, uint32_t cls,
	       bool v4);

/* Does a packet look on its way through a zone as it should there? k as it was
 * seen, own the same in own addresses. True where no path leads through. */
bool nat_looks_right(const struct plan *p, const struct packet *k,
		     const struct packet *own, uint32_t zone);

/* The cell that stands for an own cell behind a face; NONE if it has none, as
 * of FACE_INTERFACE, which has several (nat_face_cells). */
uint32_t face_cell(const struct plan *p, struct face f, uint32_t cell);
/* Declared addresses of FACE_INTERFACE, as cells of one family. */
size_t interface_cells(const struct plan *p, struct face f, bool v4,
		       uint32_t *out, size_t most);

/* Keys at the host that a face shows, and as it shows them. */
struct key_set face_keys(const struct plan *p, struct face f, struct key_set k,
			 struct arena *a);
/* The key at the host of one at the public address; false: not forwarded. */
bool publish_to_own(const struct publish *u, uint32_t key, uint32_t *own);
/* Keys at the host that it forwards. */
struct key_set publish_own_keys(const struct publish *u, struct arena *a);
/* The same at the public address, of keys at the host. */
struct key_set publish_public_keys(const struct publish *u, struct key_set own,
				   struct arena *a);

/* A planned packet in own addresses, as it arrives at the hop's firewall; out
 * NONE: at the firewall itself. Where several ways lead there, on the first. */
struct packet nat_arrives(const struct plan *p, const struct packet *own,
			  struct hop h);

/* ---- building the plan ---------------------------------------------------- */

struct build;
/* public.c: public addresses, and what every cell is behind */
void build_publics(struct build *b);
/* A class's list: kind, zone, public for IPv6, the same for IPv4, then ids of
 * publishes. */
enum { NAT_WORDS = 3, NAT_HEAD = 2 * NAT_WORDS };
/* The list of a class: what is said of a cell of this host (may be NULL) and
 * network. */
uint32_t cell_nat_list(struct build *b, const struct cell *c,
		       const struct party *host);
void build_members(struct build *b); /* once there are classes */

#endif
