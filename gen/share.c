#include "gen/internal.h"

/*
 * A large set of addresses is there once, whoever asks for it: hosts with an
 * exception each to one list of a thousand addresses are not that list a
 * thousand times. What only one place asks for is named by that place.
 */
enum { SHARE_FROM = 64 }; /* ranges */

struct addresses *addresses_of(struct gen *g, struct addr_set ranges)
{
	int is_new;
	struct map_entry *e = map_add(g->scratch, &g->addresses,
				      ranges.n ? (const void *)ranges.r : "",
				      ranges.n * sizeof(*ranges.r), &is_new);

	if (is_new) {
		struct addresses *a = ARENA_NEW(g->scratch, struct addresses);

		a->ranges = ranges;
		e->val.p = a;
	}
	return e->val.p;
}

static struct rs_set *new_set(struct gen *g, const struct addresses *a,
			      enum rs_field field, const char *name)
{
	struct rs_set *set = rs_add_set(g->rs, name, false, 1, &field);

	rs_reserve(g->rs, set, a->ranges.n);
	for (size_t i = 0; i < a->ranges.n; i++) {
		struct rs_elem *e = rs_add_elem(g->rs, set);

		e->key[0].lo = a->ranges.r[i].lo;
		e->key[0].hi = a->ranges.r[i].hi;
	}
	return set;
}

static const char *shared_name(struct gen *g, enum rs_field field,
			       const char *label)
{
	static const char *const prefix[RS_N_FIELDS] = {
		[RS_SADDR4] = "pp_from4", [RS_DADDR4] = "pp_to4",
		[RS_SADDR6] = "pp_from6", [RS_DADDR6] = "pp_to6",
	};

	return unique_name(g, prefix[field], label);
}

const struct rs_set *address_set(struct gen *g, struct addresses *a,
				 enum rs_field field, const char *prefix,
				 const char *what, const char *label)
{
	struct rs_set **set = &a->set[field];

	if (!*set || a->ranges.n <= SHARE_FROM)
		return *set = new_set(g, a, field,
				      unique_name(g, prefix, what));
	if (!a->shared[field])
		(*set)->name = shared_name(g, field, label);
	a->shared[field] = true;
	return *set;
}
