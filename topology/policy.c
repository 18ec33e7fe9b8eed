#include <string.h>

#include "topology/build.h"

bool in_policy(const struct build *b, const struct item *it)
{
	return b->items.v[it->parent].el == EL_POLICY;
}

static void own(struct build *b, const struct end_word *w, const char *owner)
{
	struct party *p;

	if (w->kind != END_PARTY) {
		diag_add(b->d, SEV_ERROR, w->at,
			 "\"%s\" is no name of a zone, network, host or "
			 "firewall: an <owner> answers for those", w->text);
		return;
	}
	p = b->topo->parties.v[w->party->id];
	if (p->policy_owner && strcmp(p->policy_owner, owner)) {
		diag_add2(b->d, SEV_ERROR, w->at, p->policy_owner_at,
			  "the other one", "\"%s\" has two owners, \"%s\" "
			  "and \"%s\"", p->name,
			  xml_shown(b->arena, p->policy_owner),
			  xml_shown(b->arena, owner));
		return;
	}
	p->policy_owner = owner;
	p->policy_owner_at = w->at;
}

void resolve_owner(struct build *b, struct item *it)
{
	struct ends of = value_patterns(b, it->xml, "of");
	const char *owner = xml_attr(it->xml, "is");

	if (!owner)
		return;
	if (!owner[strspn(owner, " \t\r\n")]) {
		diag_add(b->d, SEV_ERROR, xml_attr_name_span(it->xml, "is"),
			 "attribute \"is\" of <owner> is empty");
		return;
	}
	for (size_t i = 0; i < of.n; i++)
		own(b, &of.v[i], owner);
}

/* The innermost that a policy says; the topology's own word does not count
 * inside of it. */
void finish_owners(struct build *b)
{
	for (size_t i = 0; i < b->topo->parties.n; i++) {
		struct party *p = b->topo->parties.v[i];
		const struct party *x = p;

		if (!p->policy_owner && p->leg_of && p->leg_of->policy_owner)
			x = p->leg_of;
		while (x && !x->policy_owner)
			x = x->parent;
		if (x)
			p->owner = x->policy_owner;
	}
}
