#ifndef ADVICE_SPF_H
#define ADVICE_SPF_H

#include "plan/plan.h"

/*
 * SPF (RFC 7208): the record that a mail domain should publish, and what a
 * record says, held against the hosts that the plan lets send mail to the
 * internet. Nothing is looked up.
 */

/* ---- records as text ----------------------------------------------------------- */

enum spf_kind {
	SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6,
	SPF_EXISTS, SPF_REDIRECT, SPF_EXP, SPF_OTHER, /* another modifier */
};

struct spf_word {
	enum spf_kind kind;
	char qualifier;		 /* + - ~ ?; of modifiers 0 */
	const char *text;	 /* as written */
	const char *domain;	 /* NULL: none */
	struct addr_range range; /* ip4, ip6 */
};

enum spf_version { SPF_NONE, SPF_1, SPF_2 }; /* 2: Sender ID, RFC 4406 */

struct spf_parsed {
	enum spf_version version;
	VEC(struct spf_word) words;
	unsigned lookups;  /* terms that look something up (4.6.4) and are met */
	const char *open;  /* NULL; else how everyone may send */
	const char *error; /* NULL; else what makes it a permanent error */
	size_t error_off;
	VEC(const char *) notes; /* legal, and worth a word */
};

struct spf_parsed *spf_parse(struct arena *a, const char *record);

/* Is the address in the network of an ip4 or ip6? An IPv4-mapped one counts
 * as IPv4 (5), so that no ip6 has it. */
bool spf_word_has(const struct spf_word *w, struct addr a);

/* "v=spf1 ..." as strings of at most 255 bytes each, for a zone file. */
void spf_strings(const char *record, struct buf *out);

/* ---- the plan's side ------------------------------------------------------------- */

/* One mechanism of a domain's record, and what it was made of. */
struct spf_term {
	const char *text, *word;
	const struct party *host; /* NULL: none */
	struct addr_range range;
	bool has_range, is_private;
	bool sends; /* the plan lets it; or it stands on the internet itself */
};

struct spf_record {
	const char *domain, *text;
	const struct mail_domain *said;
	VEC(struct spf_term) terms;
	unsigned lookups;
	size_t bytes;
};

/* An address from which mail may reach the internet, as it is seen there. */
enum spf_published { SPF_UNPUBLISHED, SPF_PERHAPS, SPF_PUBLISHED };

struct spf_sender {
	const struct party *party;
	struct addr_range range; /* as seen */
	bool unknown;		 /* by an interface without a declared address */
	bool is_private;
	enum spf_published published; /* by some domain; perhaps: by a look-up */
};

struct spf {
	VEC(struct spf_record) records;
	VEC(struct spf_sender) senders;
};

struct spf *spf_build(struct arena *a, const struct plan *p);

/* ---- a record against the plan --------------------------------------------------- */

enum spf_verdict { SPF_NOTE, SPF_UNDECIDED, SPF_FINDING };

struct spf_remark {
	enum spf_verdict verdict;
	const char *kind; /* "not-published", "may-not-send" … */
	const char *text;
};

typedef VEC(struct spf_remark) spf_remarks;

void spf_verify(struct arena *a, const struct plan *p, const struct spf *s,
		const struct spf_parsed *r, spf_remarks *out);

bool address_is_private(struct addr a);

#endif
