/* Intervals of fields as BuDDy's diagrams; BuDDy is for tests only. */
#ifndef CHECK_BDD_H
#define CHECK_BDD_H

#include <bdd.h>
#include <stdint.h>

/* A field is `bits` variables from `first` on, the most significant first. */
struct bdd_field {
	int first, bits;
};

static inline BDD bdd_bit(const struct bdd_field *f, int i, int set)
{
	return set ? bdd_ithvar(f->first + i) : bdd_nithvar(f->first + i);
}

/* Takes both references. */
static inline BDD bdd_take(BDD (*op)(BDD, BDD), BDD a, BDD b)
{
	BDD r = bdd_addref(op(a, b));

	bdd_delref(a);
	bdd_delref(b);
	return r;
}

/* Values <= v (up), or >= v. A reference is the caller's. */
static inline BDD bdd_bound(const struct bdd_field *f, uint64_t v, int up)
{
	BDD r = bdd_addref(bddtrue);

	for (int i = f->bits - 1; i >= 0; i--) {
		int bit = (int)(v >> (f->bits - 1 - i) & 1);
		BDD x = bdd_bit(f, i, up ? 0 : 1);

		/* a bit that may differ decides; one that may not must agree */
		r = bit == up ? bdd_take(bdd_or, r, bdd_addref(x)) :
				bdd_take(bdd_and, r,
					 bdd_addref(bdd_bit(f, i, bit)));
	}
	return r;
}

static inline BDD bdd_interval(const struct bdd_field *f, uint64_t lo,
			       uint64_t hi)
{
	return bdd_take(bdd_and, bdd_bound(f, hi, 1), bdd_bound(f, lo, 0));
}

#endif
