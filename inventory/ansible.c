#include <string.h>

#include "base/json_read.h"
#include "base/map.h"
#include "inventory/internal.h"

/*
 * ansible-inventory --list: an object of groups with hosts and children, and
 * _meta.hostvars with the variables of each host. ansible_host is the
 * address; portplan_zone, portplan_roles and portplan_owner may say the rest.
 */
struct walk {
	struct inventory *v;
	const struct json_value *top;
	struct map hosts; /* by name */
};

enum { DEEPEST = 64 };

static struct inv_host *host(struct walk *w, const char *name, struct span at)
{
	int is_new;
	struct map_entry *e = map_add_str(w->v->arena, &w->hosts, name,
					  &is_new);

	if (is_new) {
		struct inv_host *h = inv_add(w->v, name, at);

		e = map_find_str(&w->hosts, name);
		e->val.p = h;
	}
	return e->val.p;
}

static bool has_word(const struct inv_host *h, const char *kind,
		     const char *value)
{
	for (size_t i = 0; i < h->word.n; i++)
		if (!strcmp(h->word.v[i].kind, kind) &&
		    !strcmp(h->word.v[i].value, value))
			return true;
	return false;
}

/* Hosts of a group and of its children are in the group named label. */
static void group(struct walk *w, const char *label,
		  const struct json_value *g, unsigned depth)
{
	const struct json_value *hosts = json_get(g, "hosts");
	const struct json_value *children = json_get(g, "children");

	for (const struct json_value *x = hosts ? hosts->first : NULL; x;
	     x = x->next) {
		struct inv_host *h;

		if (x->type != JSON_STRING)
			continue;
		h = host(w, x->str, x->at);
		if (strcmp(label, "all") && !has_word(h, "group", label))
			inv_word(w->v, h, "group", label, x->at);
	}
	for (const struct json_value *x = children ? children->first : NULL;
	     x && depth < DEEPEST; x = x->next) {
		const struct json_value *c = x->type == JSON_STRING ?
			json_get(w->top, x->str) : NULL;

		if (c && c->type == JSON_OBJECT)
			group(w, label, c, depth + 1);
	}
}

static const char *string(const struct json_value *o, const char *key)
{
	const struct json_value *x = json_get(o, key);

	return x && x->type == JSON_STRING ? x->str : NULL;
}

static void roles(struct walk *w, struct inv_host *h,
		  const struct json_value *x)
{
	if (!x)
		return;
	if (x->type == JSON_STRING)
		inv_role(w->v, h, x->str, x->at);
	for (const struct json_value *r = x->type == JSON_ARRAY ? x->first :
	     NULL; r; r = r->next)
		if (r->type == JSON_STRING)
			inv_role(w->v, h, r->str, r->at);
}

/* A name instead of an address stands there often: the host then has none. */
static void variables(struct walk *w, const char *name,
		      const struct json_value *o)
{
	static const char *const keys[] = { "ansible_host",
					    "ansible_ssh_host" };
	struct inv_host *h = host(w, name, o->at);
	struct prefix p;

	for (size_t i = 0; i < 2 && !h->address.n; i++) {
		const char *s = string(o, keys[i]);

		if (s && !prefix_parse(w->v->arena, s, strlen(s), true, &p))
			inv_addresses(w->v, h, s, json_get(o, keys[i])->at);
	}
	h->zone = string(o, "portplan_zone");
	h->owner = string(o, "portplan_owner");
	roles(w, h, json_get(o, "portplan_roles"));
}

void inventory_ansible(struct inventory *v, const struct source *src)
{
	struct walk w = { .v = v, .top = json_read(v->arena, src, v->d) };
	const struct json_value *meta, *vars;

	if (!w.top)
		return;
	if (w.top->type != JSON_OBJECT) {
		diag_add(v->d, SEV_ERROR, w.top->at, "no inventory: save what "
			 "ansible-inventory --list writes");
		return;
	}
	for (const struct json_value *g = w.top->first; g; g = g->next)
		if (g->type == JSON_OBJECT && strcmp(g->key, "_meta"))
			group(&w, g->key, g, 0);
	meta = json_get(w.top, "_meta");
	vars = meta ? json_get(meta, "hostvars") : NULL;
	for (const struct json_value *x = vars ? vars->first : NULL; x;
	     x = x->next)
		if (x->type == JSON_OBJECT)
			variables(&w, x->key, x);
}
