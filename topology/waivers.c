#include "topology/waivers.h"

#include <string.h>

#include "topology/build.h"

/* The look-ups of the reader need its maps: filled from the topology. */
static void know_topology(struct build *b)
{
	const struct topology *t = b->topo;

	for (size_t i = 0; i < t->parties.n; i++)
		know_name(b, &b->parties, t->parties.v[i]->name,
			  t->parties.v[i]);
	for (size_t i = 0; i < t->roles.n; i++)
		know_name(b, &b->roles, t->roles.v[i]->name, t->roles.v[i]);
	for (size_t i = 0; i < t->services.n; i++)
		know_name(b, &b->services, t->services.v[i]->name,
			  t->services.v[i]);
}

static void check_firewall(struct build *b, const struct xml_element *e,
			   const char *name)
{
	VEC(const char *) names = { 0 };
	const char *near;

	if (topology_firewall(b->topo, name))
		return;
	for (size_t i = 0; i < b->topo->firewalls.n; i++)
		vec_push(b->arena, &names, b->topo->firewalls.v[i]->name);
	near = nearest_name(name, names.v, names.n);
	diag_add(b->d, SEV_ERROR, xml_value_span(e, "firewall"),
		 near ? "there is no firewall \"%s\"; did you mean \"%s\"?" :
			"there is no firewall \"%s\"", name, near);
}

/* A finding is one of check's, and all that there is to say of it; what is
 * undecided can be named in no other way. */
static void check_finding(struct build *b, const struct xml_element *e,
			  const struct waiver *w)
{
	bool undecided = w->kind && !strcmp(w->kind, "undecided");

	if (!w->finding && undecided)
		diag_add(b->d, SEV_ERROR, xml_span(e),
			 "what is undecided is waived by its id: finding is "
			 "missing");
	if (!w->finding)
		return;
	if (!w->any_from || !w->any_to || !w->any_packets)
		diag_add(b->d, SEV_ERROR, xml_value_span(e, "finding"),
			 "a finding is waived as a whole: from, to and packets "
			 "do not go with it");
	if (w->kind && !undecided && strcmp(w->kind, "extra") &&
	    strcmp(w->kind, "missing"))
		diag_add(b->d, SEV_ERROR, xml_value_span(e, "finding"),
			 "a finding's id is of check: kind is extra, missing "
			 "or undecided");
}

static struct waiver *read_one(struct build *b, const struct xml_element *e)
{
	struct waiver *w = ARENA_NEW(b->arena, struct waiver);

	value_word(b, e, EL_WAIVE, "kind", 0);
	w->kind = xml_attr(e, "kind");
	w->any_from = !xml_attr(e, "from");
	w->any_to = !xml_attr(e, "to");
	w->from = value_ends(b, e, "from");
	w->to = value_ends(b, e, "to");
	w->what.keys = value_keys(b, e);
	value_services(b, e, "service", &w->what.services);
	w->any_packets = !w->what.keys.n && !w->what.services.n;
	w->finding = xml_attr(e, "finding");
	check_finding(b, e, w);
	w->firewall = xml_attr(e, "firewall");
	w->reason = xml_attr(e, "reason");
	w->owner = xml_attr(e, "owner");
	w->ticket = xml_attr(e, "ticket");
	w->expires = value_date(b, e, "expires", true);
	w->at = xml_span(e);
	if (w->firewall)
		check_firewall(b, e, w->firewall);
	return w;
}

struct waivers *waivers_read(struct arena *a, const struct topology *t,
			     const char *path, struct diags *d)
{
	struct topology scratch = *t;
	struct build b = { .arena = a, .d = d, .topo = &scratch };
	struct source *src = source_read(a, path, "list of waivers",
					 (struct span){ 0 }, d);
	const struct xml_element *root = src ? xml_parse(a, src, "waivers", d) : NULL;
	struct waivers *out = ARENA_NEW(a, struct waivers);

	if (!root)
		return NULL;
	if (root->uri && !strcmp(root->uri, PORTPLAN_NS) &&
	    strcmp(root->name, "waivers")) {
		diag_add(d, SEV_ERROR, xml_span(root),
			 "the root is <%s>, where <waivers> is meant",
			 xml_shown(a, root->name));
		return NULL;
	}
	if (schema_check(root, EL_ROOT, d) != EL_WAIVERS)
		return NULL;
	know_topology(&b);
	for (const struct xml_element *e = root->first; e; e = e->next)
		if (schema_check(e, EL_WAIVERS, d) == EL_WAIVE) {
			schema_check_children(e, EL_WAIVE, d);
			vec_push(a, &out->list, read_one(&b, e));
		}
	return d->n_errors ? NULL : out;
}
