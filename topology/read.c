#include <string.h>

#include "topology/build.h"

struct topology *topology_read(struct arena *a, const char *path,
			       const struct topology_options *opt,
			       struct diags *d)
{
	static const struct topology_options none;
	struct build b = {
		.arena = a,
		.opt = opt ? opt : &none,
		.d = d,
		.topo = ARENA_NEW(a, struct topology),
	};

	b.topo->arena = a;
	if (!build_load(&b, path))
		return NULL;
	build_declare(&b);
	build_resolve(&b);
	build_check(&b);
	return d->n_errors ? NULL : b.topo;
}

#define FIND(list, name) \
	for (size_t i = 0; i < (list).n; i++) \
		if (!strcmp((list).v[i]->name, name)) \
			return (list).v[i]; \
	return NULL

const struct party *topology_party(const struct topology *t, const char *name)
{
	FIND(t->parties, name);
}

const struct firewall *topology_firewall(const struct topology *t,
					 const char *name)
{
	FIND(t->firewalls, name);
}

const struct service *topology_service(const struct topology *t,
				       const char *name)
{
	FIND(t->services, name);
}

const struct role *topology_role(const struct topology *t, const char *name)
{
	FIND(t->roles, name);
}

const char *foreign_attributes(struct arena *a, const struct xml_element *e)
{
	const char *out = NULL;

	for (unsigned i = 0; i < e->n_attr; i++)
		if (e->attr[i].uri && strcmp(e->attr[i].uri,
				"http://www.w3.org/2001/XMLSchema-instance"))
			out = arena_printf(a, "%s%s%s=%s", out ? out : "",
					   out ? "; " : "", e->attr[i].name,
					   e->attr[i].value);
	return out;
}

bool role_implies(const struct role *r, const struct role *implied)
{
	for (size_t i = 0; i < r->n_closure; i++)
		if (r->closure[i] == implied->id)
			return true;
	return false;
}

const struct party *party_zone(const struct party *p)
{
	while (p && p->kind != PARTY_ZONE)
		p = p->parent;
	return p;
}

const char *party_kind_name(enum party_kind k)
{
	static const char *const name[] = {
		[PARTY_ZONE] = "zone", [PARTY_NETWORK] = "network",
		[PARTY_HOST] = "host", [PARTY_FIREWALL] = "firewall",
	};

	return name[k];
}
