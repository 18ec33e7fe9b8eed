#ifndef CHECK_VERIFIER_H
#define CHECK_VERIFIER_H

#include "check/planned.h"
#include "check/verify.h"

/* What the parts of verify share: one firewall being judged. */
struct verifier {
	struct arena *a;
	struct check *c;
	const struct plan *p;
	const struct firewall *f;
	struct verified *out;
	const struct verify_options *opt;
	const struct kruleset *rs;
	enum check_path path;
	bool opening, before;
};

/* Packets with lo..hi in the field. */
static inline uint32_t field_in(struct verifier *v, unsigned field,
				space_val lo, space_val hi)
{
	return space_interval(v->c->s, field, lo, hi, SPACE_ALL, SPACE_NO);
}

static inline uint32_t both(struct verifier *v, uint32_t a, uint32_t b)
{
	return space_and(v->c->s, a, b);
}

/* finding.c: appended to v->out. */
void finding_add(struct verifier *v, const struct check_finding *x);

#endif
