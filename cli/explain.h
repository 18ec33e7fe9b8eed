#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include "cli/cli.h"

struct ruleset;

typedef VEC(const char *) text_list;
typedef VEC(const struct rule *) rule_list;

/* An address to ask for, and another of which the plan says the same; it
 * again where there is none. */
struct sort {
	struct addr addr, spare;
};

/* One side of the question. */
struct side {
	const char *name;
	const struct party *around; /* the zone or network it is; NULL */
	size_t hosts; /* in it: they are not asked */
	struct sort *v;
	size_t n, cap;
};

/* An answer about a zone or network that is told already. */
struct told {
	uint32_t key, reason;
	int verdict, why;
	bool v4;
};

struct question {
	struct args *a;
	struct loaded l;
	struct ruleset **rules; /* by firewall, made when first asked */
	struct buf text;
	size_t allowed, denied, unknown;
	VEC(struct told) told;
};

/* explain_question.c: NULL, or what is wrong with the word. */
const char *read_side(struct question *q, const char *word, struct side *out);
/* Whom to ask of the i-th of one side and the k-th of the other: of a zone or
 * network never one and the same. false: nobody. */
bool asked_between(const struct side *from, size_t i, const struct side *to,
		   size_t k, struct addr *src, struct addr *dst);
/* NULL, or why nobody can be asked. */
const char *nobody_between(const struct question *q, const struct side *from,
			   const struct side *to);
/* What the word means at this destination. */
const char *read_keys(struct question *q, const char *word, struct addr dst,
		      struct key_set *out);
/* Of a service at a destination: its keys there are added. */
void read_service_keys(struct question *q, const struct service *s,
		       struct addr dst, struct key_set *out);

/* What is said of a packet that a bundle can say nothing of. */
const char *not_in_part(const struct question *q);

/* cmd_explain.c. "not planned", "no path leads from dmz to inside" */
const char *explain_why(const struct question *q, const struct answer *x);
/* Exceptions that would allow the packet (its own addresses), were it their
 * time. */
void explain_lapsed(struct question *q, const struct packet *k,
		    rule_list *out);

/* explain_passes.c. Why what is denied may pass nevertheless, since nothing
 * there enforces it; why what is allowed may not. k: the own addresses. */
text_list explain_passes(const struct question *q, const struct answer *x,
			 const struct packet *k);

/* explain_queries.c: answers all of a file. */
int explain_queries(struct question *q, const char *path);
/* The question of the command line as a row of the same table. */
int explain_row(struct question *q);

/* explain_cure.c: what would allow a packet that is not planned. */
struct cure {
	struct packet asked, k; /* k: by own addresses; it is not planned */
	const struct party *from, *to; /* zone or network asked for; NULL */
	const char *text;	/* NULL: nothing that was tried */
	const char *approval;	/* who has to agree; NULL: nobody is named */
	const char *allow, *why_not; /* the element; why it is refused */
};

/* Each is tried on the topology in memory. */
void explain_cures(struct question *q, struct cure *v, size_t n);

#endif
