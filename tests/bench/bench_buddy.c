/*
 * The same as bench_space, by BuDDy: bench_buddy flows | rules. Variables in
 * the order of bench_space's fields, most significant bit first, which is the
 * best of those tried. Flows are built straight from the sorted list, rules
 * from the last to the first.
 */
#include "tests/bench/inputs.h"
#include "tests/check/bdd.h"

enum { FIELDS = 4, BITS = 88 };

static const struct bdd_field fields[FIELDS] = {
	[PROTO] = { 0, 8 }, [DPORT] = { 8, 16 }, [DST] = { 24, 32 },
	[SRC] = { 56, 32 },
};

static BDD box_bdd(const struct box *x)
{
	BDD r = bdd_addref(bddtrue);

	for (int f = FIELDS - 1; f >= 0; f--)
		r = bdd_take(bdd_and, r, bdd_interval(&fields[f], x->lo[f],
						      x->hi[f]));
	return r;
}

static BDD first_match(const struct list *l)
{
	BDD r = bdd_addref(bddfalse);

	for (size_t i = l->n; i-- > 0;) {
		BDD m = box_bdd(&l->v[i]), n;

		n = bdd_addref(bdd_ite(m, l->v[i].value & 1 ? bddtrue :
							      bddfalse, r));
		bdd_delref(m);
		bdd_delref(r);
		r = n;
	}
	return r;
}

static int bit_of(const struct box *x, int bit)
{
	for (int f = 0; f < FIELDS; f++)
		if (bit < fields[f].first + fields[f].bits)
			return (int)(x->lo[f] >> (fields[f].bits - 1 -
				     (bit - fields[f].first)) & 1);
	return 0;
}

static int order(const void *a, const void *b)
{
	const struct box *x = a, *y = b;

	for (int f = 0; f < FIELDS; f++)
		if (x->lo[f] != y->lo[f])
			return x->lo[f] < y->lo[f] ? -1 : 1;
	return 0;
}

/* lo..hi agree in the bits before. A reference is the caller's. */
static BDD sorted(const struct box *v, size_t lo, size_t hi, int bit)
{
	size_t mid = lo;
	BDD a, b, r;

	if (lo == hi)
		return bdd_addref(bddfalse);
	if (bit == BITS)
		return bdd_addref(bddtrue);
	while (mid < hi && !bit_of(&v[mid], bit))
		mid++;
	a = sorted(v, lo, mid, bit + 1);
	b = sorted(v, mid, hi, bit + 1);
	r = bdd_addref(bdd_ite(bdd_ithvar(bit), b, a));
	bdd_delref(a);
	bdd_delref(b);
	return r;
}

static BDD build(struct list *l, int rules)
{
	if (rules)
		return first_match(l);
	qsort(l->v, l->n, sizeof(*l->v), order);
	return sorted(l->v, 0, l->n, 0);
}

static size_t n_cubes; /* BuDDy's handlers take no context */

static void count_cube(char *values, int size)
{
	(void)values;
	(void)size;
	n_cubes++;
}

static void quiet(int before, bddGbcStat *stat)
{
	(void)before;
	(void)stat;
}

int main(int argc, char **argv)
{
	int rules = argc > 1 && !strcmp(argv[1], "rules");
	struct list a, b;
	struct rusage u;
	double t0, t1, t2;
	BDD x, y, d;

	inputs(rules, &a, &b);
	t0 = cpu();
	bdd_init(2000000, 200000);
	bdd_gbc_hook(quiet);
	bdd_setvarnum(BITS);
	x = build(&a, rules);
	y = build(&b, rules);
	t1 = cpu();
	d = bdd_addref(bdd_xor(x, y));
	bdd_allsat(d, count_cube);
	t2 = cpu();
	getrusage(RUSAGE_SELF, &u);
	printf("%.4f %.4f %zu %.0f %.9e\n", t1 - t0, t2 - t1, n_cubes,
	       (double)u.ru_maxrss / 1024, bdd_satcount(d));
	return 0;
}
