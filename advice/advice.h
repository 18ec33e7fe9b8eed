#ifndef ADVICE_ADVICE_H
#define ADVICE_ADVICE_H

#include "plan/plan.h"

/*
 * Best practices, as data: each rule is a condition in XPath over the plan's
 * document (advice/document.h). The shipped rules are templates/advice.xml;
 * users have files of their own.
 */
enum advice_severity {
	ADVICE_CRITICAL, ADVICE_ERROR, ADVICE_WARNING, ADVICE_INFO,
	N_ADVICE,
};

extern const char *const advice_severity_name[N_ADVICE];

struct xml_element;

struct advice_rule {
	const char *id, *title, *why, *source, *remedy;
	enum advice_severity severity;
	const char *undecided; /* why no topology decides it; NULL: one does */
	const struct xml_element *xml; /* with its expressions */
};

struct advice_rules {
	VEC(struct advice_rule *) list; /* shipped ones first */
};

struct advice_finding {
	const struct advice_rule *rule;
	const char *text;
	const char *host; /* that it is about; NULL: none */
	const char *file; /* NULL: no place; else where it was written */
	unsigned line, col;
	const char *fingerprint; /* stable: no line, no number is in it */
	const struct skip *skip; /* that leaves it out; NULL */
};

enum skip_state { SKIP_USED, SKIP_UNUSED, SKIP_EXPIRED };

struct advice_report {
	VEC(struct advice_finding) findings; /* the worst first */
	VEC(struct advice_finding) skipped;
	VEC(const struct advice_rule *) passed, undecided;
	enum skip_state *skip; /* by topology.skips */
	size_t count[N_ADVICE];
};

/* The shipped rules and those of the files. NULL if there are errors, which
 * are in d. */
struct advice_rules *advice_read(struct arena *a, const char *const *file,
				 size_t n, struct diags *d);

/* NULL if there are errors (in a skip, in an expression), which are in d. */
struct advice_report *advice_judge(struct arena *a, const struct plan *p,
				   const struct advice_rules *rules,
				   struct diags *d);

#endif
