#ifndef TOPOLOGY_BUILD_H
#define TOPOLOGY_BUILD_H

#include "base/map.h"
#include "topology/schema.h"
#include "topology/topology.h"

/*
 * How this works: the files are parsed and spliced (load.c); a first walk
 * makes every object that has a name (declare.c); a second one, when all
 * names are known, fills in what refers to names (resolve.c); then the whole
 * is cross-checked (check.c). Each goes on after an error, so that one run
 * tells all.
 */

/* An element with the file's own kind of it, in reading order. */
struct item {
	enum element el;
	const struct xml_element *xml;
	size_t parent;	    /* index of the item around it; itself at a root */
	const char *origin; /* template name; NULL: the topology itself */
	void *made;	    /* what declare.c made of it */
};

struct name_entry {
	const char *name;
	struct span at;
	void *object;
	enum party_kind kind;
};

struct build {
	struct arena *arena;
	struct topology *topo;
	const struct topology_options *opt;
	struct diags *d;
	VEC(struct item) items;
	struct map parties, roles, services; /* folded name -> name_entry */
	struct map files; /* canonical path -> struct file, of load.c */
	struct map hints; /* by unknown name: what may be meant */
	unsigned n_unknown;
	bool templates_broken; /* names of theirs may be missing for that */
};

/* load.c: reads path and all it names; false if nothing usable came of it. */
bool build_load(struct build *b, const char *path);
/* A file of this kind that it names; see topology_options.again. */
struct source *build_source(struct build *b, const char *path,
			    const char *kind, struct span at);
/* bundle.c: false and a message if it was changed after it was written. */
bool bundle_open(struct build *b, const struct xml_element *root);
/* What a zone of a bundle says besides. */
void bundle_zone(struct build *b, const struct item *it);
/* 0: not said */
uint32_t value_sort(const struct xml_element *e);
double value_breadth(const struct xml_element *e);
/* Of a file that another names: relative to that one. */
const char *resolve_path(struct build *b, const struct source *from,
			 const char *file);
/* A message: files are read, nothing is fetched. */
bool is_url(struct build *b, const char *path, struct span at);

/* declare.c */
void build_declare(struct build *b);

/* resolve.c */
void build_resolve(struct build *b);

/* policy.c: limits from elsewhere; called by load.c, resolve.c */
bool in_policy(const struct build *b, const struct item *it);
void resolve_owner(struct build *b, struct item *it);
void finish_owners(struct build *b);

/* public.c: what is said of translation; called by resolve.c and check.c */
void resolve_public(struct build *b, const struct item *it);
void resolve_publish(struct build *b, struct item *it);
void check_public(struct build *b);
/* The name of an element, or a hash of what it says. */
const char *item_ident(struct build *b, const struct item *it);

/* check.c */
void build_check(struct build *b);

/* names.c: lends; NULL and a message with the nearest legal name. */
struct party *find_party(struct build *b, const struct xml_element *e,
			 const char *attr, const char *name, size_t off);
struct party *find_zone(struct build *b, const struct xml_element *e,
			const char *attr, const char *name);
struct role *find_role(struct build *b, const struct xml_element *e,
		       const char *attr, const char *name, size_t off);
struct service *find_service(struct build *b, const struct xml_element *e,
			     const char *attr, const char *name, size_t off);
/* Adds a name to one of the three name spaces; messages if it is malformed,
 * taken or differs only in case. The entry that stands there now. */
struct name_entry *add_name(struct build *b, struct map *space,
			    const struct xml_element *e, const char *attr,
			    bool may_repeat);
/* Of an object that was read and checked before. */
void know_name(struct build *b, struct map *space, const char *name,
	       void *object);
/* HOST@ZONE, which needs no checks of its own: names made of names. */
void add_leg_name(struct build *b, struct party *leg);
/* What bears the name, if anything; no message. */
void *named(const struct map *space, const char *name);
bool name_valid(const char *s, const char **why);

/* values.c: each reads one attribute; absent is empty. Messages on errors. */
struct word {
	const char *s; /* NUL-terminated copy */
	size_t off, len;
};
struct words {
	struct word *v;
	size_t n;
	struct span value; /* the whole of it */
	bool plain;	   /* offsets are those of the file */
};
struct words value_words(struct build *b, const struct xml_element *e,
			 const char *attr);
struct span word_span(const struct words *w, size_t i);
/* The same; a message if the attribute is there and empty. */
struct words some_words(struct build *b, const struct xml_element *e,
			const char *attr);
void value_roles(struct build *b, const struct xml_element *e,
		 const char *attr, role_list *out);
void value_services(struct build *b, const struct xml_element *e,
		    const char *attr, service_list *out);
struct ends value_ends(struct build *b, const struct xml_element *e,
		       const char *attr);
/* The same, where NAME* stands for all parties whose names begin so. */
struct ends value_patterns(struct build *b, const struct xml_element *e,
			   const char *attr);
struct words value_domains(struct build *b, const struct xml_element *e,
			   const char *attr);
/* Checks the senders of a mail domain: ends, mx, mx:N, a:N, include:N. */
void value_senders(struct build *b, const struct xml_element *e,
		   const char *attr);
/* prefixes.c: NULL, or what is wrong with a word that should be a prefix. */
const char *prefix_wrong(struct build *b, const struct word *w,
			 bool allow_prefix, struct prefix *out);
/* "10.0.0.1-10.0.0.9" by its looks. */
bool is_range(const char *s);
/* Prefixes, ranges A-B (as the prefixes that they are made of), and those in
 * files named @FILE. With addresses, single ones. */
void value_prefixes(struct build *b, const struct xml_element *e,
		    const char *attr, bool addresses, struct prefix **out,
		    struct span **at, size_t *n);
struct key_set value_ports(struct build *b, const struct xml_element *e,
			   const char *attr, unsigned proto);
/* A number without leading zeros; 0 if absent. */
unsigned value_number(struct build *b, const struct xml_element *e,
		      const char *attr, unsigned max);
/* tcp, udp, ip, icmp and icmpv6 together */
struct key_set value_keys(struct build *b, const struct xml_element *e);
struct when value_date(struct build *b, const struct xml_element *e,
		       const char *attr, bool end_of_day);
/* Index of the value in the attribute's words, fallback if absent. */
int value_word(struct build *b, const struct xml_element *e, enum element el,
	       const char *attr, int fallback);
/* A mask over the attribute's words. */
unsigned value_word_mask(struct build *b, const struct xml_element *e,
			 enum element el, const char *attr);

#endif
