#include <string.h>

#include "plan/diff.h"
#include "plan/sets.h"
#include "topology/xml.h"

/*
 * The terms of exceptions: until when, by whom, why. No packet fares otherwise
 * today, but who approved an exception until January did not until December.
 */
static const char *const terms[] = {
	"starts", "expires", "review-by", "reason", "owner", "ticket",
	"approved-by",
};

enum { N_TERMS = sizeof(terms) / sizeof(*terms) };

/* By their identities, of which the first counts. */
static struct map rules_by_ident(struct arena *a, const struct topology *t)
{
	struct map out = { 0 };
	int is_new;

	for (size_t i = 0; i < t->allows.n; i++) {
		struct map_entry *e = map_add_str(a, &out,
						  t->allows.v[i]->ident,
						  &is_new);

		if (is_new)
			e->val.cp = t->allows.v[i];
	}
	return out;
}

/* "expires 2027-01-31 to 2027-03-31, owner none to mail team"; NULL: the same */
static const char *difference(struct arena *a, const struct rule *x,
			      const struct rule *y)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < N_TERMS; i++) {
		const char *was = xml_attr(x->xml, terms[i]);
		const char *is = xml_attr(y->xml, terms[i]);

		if (diff_same_text(was, is))
			continue;
		buf_printf(&b, "%s%s %s to %s", b.n ? ", " : "", terms[i],
			   was ? was : "none", is ? is : "none");
	}
	return b.n ? buf_take(a, &b) : NULL;
}

/* Where its first address stands. */
static uint32_t cell_of(struct arena *a, const struct plan *p,
			const struct ends *e)
{
	struct addr_set s = plan_ends_set(p, e, a);

	return s.n ? plan_cell(p, s.r[0].lo) : NONE;
}

static const char *zone_of(const struct plan *p, uint32_t cell)
{
	const char *s = cell == NONE || p->cell[cell].cls == NONE ? NULL :
		plan_node_name(p, p->classes.v[p->cell[cell].cls].node);

	return s ? s : "";
}

static bool on_internet(const struct plan *p, uint32_t cell)
{
	return cell != NONE && p->cell[cell].zone != NONE &&
	       p->topo->zones.v[p->cell[cell].zone]->zone_kind ==
		       ZONE_INTERNET;
}

void diff_terms(struct arena *a, const struct plan *before,
		const struct plan *after, struct plan_diff *out)
{
	const struct topology *t = after->topo;
	struct map rules = rules_by_ident(a, before->topo);

	for (size_t i = 0; i < t->allows.n; i++) {
		const struct rule *y = t->allows.v[i];
		const struct map_entry *e = map_find_str(&rules, y->ident);
		const char *what = e ? difference(a, e->val.cp, y) : NULL;
		uint32_t from, to;

		if (!what)
			continue;
		from = cell_of(a, after, &y->from);
		to = cell_of(a, after, &y->to);
		out->count[CHANGE_TERMS]++;
		vec_push(a, &out->changes, (struct change){
			.kind = CHANGE_TERMS,
			.from_zone = zone_of(after, from),
			.to_zone = zone_of(after, to),
			.from = xml_attr(y->xml, "from"),
			.to = xml_attr(y->xml, "to"), .packets = "",
			.reason = arena_printf(a, "allow %s", y->ident),
			.cause = what, .owner = y->owner, .ticket = y->ticket,
			.size = "", .at = y->at,
			.internet = on_internet(after, from) ||
				    on_internet(after, to) });
	}
}
