#include "topology/mask.h"

/* What was read from a file of the user's own. */
static bool own(struct span at)
{
	return at.src && *at.src->name != '<';
}

static const char *word(struct topology *t, const char *kind, size_t n)
{
	return arena_printf(t->arena, "%s%zu", kind, n + 1);
}

static void mask_parties(struct topology *t)
{
	size_t n[PARTY_FIREWALL + 1] = { 0 };

	for (size_t i = 0; i < t->parties.n; i++) {
		struct party *p = t->parties.v[i];

		p->name = word(t, party_kind_name(p->kind), n[p->kind]++);
		p->owner = p->realm = NULL;
	}
	for (size_t i = 0; i < t->firewalls.n; i++) {
		struct firewall *f = t->firewalls.v[i];

		f->name = f->party ? f->party->name : word(t, "firewall", i);
		for (size_t k = 0; k < f->nodes.n; k++)
			f->nodes.v[k] = word(t, "node", k);
		for (size_t k = 0; k < f->interfaces.n; k++)
			f->interfaces.v[k]->name = word(t, "interface", k);
	}
}

static void mask_vocabulary(struct topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->roles.n; i++)
		if (own(t->roles.v[i]->at)) {
			t->roles.v[i]->name = word(t, "role", n++);
			t->roles.v[i]->title = NULL;
		}
	n = 0;
	for (size_t i = 0; i < t->services.n; i++)
		if (own(t->services.v[i]->at)) {
			t->services.v[i]->name = word(t, "service", n++);
			t->services.v[i]->title = NULL;
		}
	for (size_t i = 0; i < t->flows.n; i++)
		if (own(t->flows.v[i]->at)) {
			t->flows.v[i]->origin = "template";
			t->flows.v[i]->reason = t->flows.v[i]->cite = "";
		}
}

static void mask_rules(struct topology *t, const char *kind,
		       struct rule **v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rule *r = v[i];

		r->name = r->ident = word(t, kind, i);
		r->reason = r->owner = r->ticket = r->approved_by = "";
	}
}

void topology_mask(struct topology *t)
{
	t->name = "topology";
	t->owner = t->realm = NULL;
	mask_parties(t);
	mask_vocabulary(t);
	mask_rules(t, "allow", t->allows.v, t->allows.n);
	mask_rules(t, "forbid", t->forbids.v, t->forbids.n);
	mask_rules(t, "expect", t->expects.v, t->expects.n);
	for (size_t i = 0; i < t->assigns.n; i++)
		t->assigns.v[i]->owner = NULL;
	for (size_t i = 0; i < t->publishes.n; i++) {
		t->publishes.v[i]->name = NULL;
		t->publishes.v[i]->ident = word(t, "publish", i);
	}
	for (size_t i = 0; i < t->inputs.n; i++) {
		t->inputs.v[i]->ident = word(t, "input", i);
		t->inputs.v[i]->reason = "";
	}
	for (size_t i = 0; i < t->ipsecs.n; i++) {
		t->ipsecs.v[i]->name = NULL;
		t->ipsecs.v[i]->ident = word(t, "ipsec", i);
		t->ipsecs.v[i]->reason = "";
	}
}
