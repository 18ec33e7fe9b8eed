#ifndef TOPOLOGY_SCHEMA_H
#define TOPOLOGY_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "topology/xml.h"

/*
 * The vocabulary of the XML format, as one table: the reader checks with it,
 * the XSD for editors and the format's manual page are printed from it.
 */
enum element {
	EL_ROOT, /* stands for "no parent" */
	EL_TOPOLOGY, EL_TEMPLATE, EL_WAIVERS, EL_INCLUDE,
	EL_ZONE, EL_NETWORK, EL_HOST, EL_USE, EL_PIN, EL_ROLE_PIN,
	EL_ROLE, EL_SERVICE, EL_FLOW, EL_WANT, EL_OMIT,
	EL_FIREWALL, EL_INTERFACE, EL_INPUT, EL_IPSEC,
	EL_ALLOW, EL_FORBID, EL_EXPECT, EL_OBSERVE,
	EL_LEG, EL_PUBLISH, EL_ASSIGN, EL_MAIL_DOMAIN, EL_SKIP, EL_WAIVE,
	EL_ADVICE, EL_RULE, EL_POLICY, EL_OWNER,
	N_ELEMENTS
};

enum attr_type {
	AT_TEXT, AT_NAME, AT_NAMES, AT_PREFIXES, AT_ADDRESSES, AT_PORTS,
	AT_PROTOCOLS, AT_ICMP, AT_WORD, AT_WORDS, AT_DATE, AT_ENDS, AT_FILE,
	AT_INTERFACE, AT_VERSION, AT_SENDERS, AT_GROUP, AT_PUBLIC,
	N_ATTR_TYPES
};

enum {
	AF_REQUIRED = 1,
	AF_BUNDLE = 2, /* where a program wrote it: see topology/bundle.c */
	AF_WIDER = 4, /* there it may be a leg's name, or no prefix at all */
};

struct attr_def {
	const char *name;
	enum attr_type type;
	unsigned flags;
	const char *words; /* AT_WORD(S): the legal ones, separated by spaces */
	const char *doc;
};

struct element_def {
	const char *name;
	uint64_t parents; /* 1 << enum element */
	const struct attr_def *attr;
	size_t n_attr;
	const char *doc;
};

extern const struct element_def schema_elements[N_ELEMENTS];

/* The definition of a child of parent, or NULL. */
const struct element_def *schema_child(enum element parent, const char *name);
enum element schema_id(const struct element_def *def);

/*
 * Holds e itself (not its children) against the table: namespace, place,
 * attributes. EL_ROOT and messages if it cannot be used at all.
 */
enum element schema_check(const struct xml_element *e, enum element parent,
			  struct diags *d);
/* Of those that nobody reads, since there should be none. */
void schema_check_children(const struct xml_element *e, enum element el,
			   struct diags *d);

/* The XML Schema (XSD 1.0) of the format. */
void schema_xsd(struct buf *out);

#endif
