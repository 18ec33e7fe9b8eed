#include "base/json_read.h"
#include "inventory/internal.h"

/*
 * NetBox's REST API: what GET /api/dcim/devices/, /api/virtualization/
 * virtual-machines/ or /api/ipam/ip-addresses/ answers, whole or the array
 * "results" of it alone. Devices have primary_ip4 and primary_ip6, addresses
 * have address and dns_name. References to other objects are objects with a
 * slug, choices have a value.
 */
static const char *text_of(const struct json_value *v)
{
	static const char *const keys[] = { "slug", "value", "address",
					    "name", "display" };

	if (!v || v->type == JSON_NULL)
		return NULL;
	if (v->type == JSON_STRING)
		return v->str;
	for (size_t i = 0; v->type == JSON_OBJECT && i < 5; i++) {
		const struct json_value *x = json_get(v, keys[i]);

		if (x && x->type == JSON_STRING)
			return x->str;
	}
	return NULL;
}

static void word_of(struct inventory *v, struct inv_host *h, const char *kind,
		    const struct json_value *x)
{
	const char *s = text_of(x);

	if (s)
		inv_word(v, h, kind, s, x->at);
}

static void addresses(struct inventory *v, struct inv_host *h,
		      const struct json_value *o)
{
	static const char *const keys[] = { "primary_ip4", "primary_ip6",
					    "address" };
	const char *s;

	for (size_t i = 0; i < 3; i++) {
		const struct json_value *x = json_get(o, keys[i]);

		if ((s = text_of(x)))
			inv_addresses(v, h, s, x->at);
	}
	if (!h->address.n && (s = text_of(json_get(o, "primary_ip"))))
		inv_addresses(v, h, s, json_get(o, "primary_ip")->at);
}

static void one(struct inventory *v, const struct json_value *o)
{
	static const char *const words[] = {
		"role", "device_role", "site", "location", "tenant",
		"platform", "status", "cluster", "vrf",
	};
	const struct json_value *tags = json_get(o, "tags");
	const char *name = text_of(json_get(o, "name"));
	struct inv_host *h;

	if (!name)
		name = text_of(json_get(o, "dns_name"));
	h = inv_add(v, name, o->at);
	addresses(v, h, o);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		word_of(v, h, words[i][0] == 'd' ? "role" : words[i],
			json_get(o, words[i]));
	for (const struct json_value *t = tags && tags->type == JSON_ARRAY ?
	     tags->first : NULL; t; t = t->next)
		word_of(v, h, "tag", t);
}

void inventory_netbox(struct inventory *v, const struct source *src)
{
	const struct json_value *top = json_read(v->arena, src, v->d), *list;
	const struct json_value *next;

	if (!top)
		return;
	list = top->type == JSON_OBJECT ? json_get(top, "results") : top;
	if (!list || list->type != JSON_ARRAY) {
		diag_add(v->d, SEV_ERROR, top->at, "no list of objects: save "
			 "what NetBox's API answers, with its \"results\"");
		return;
	}
	next = top->type == JSON_OBJECT ? json_get(top, "next") : NULL;
	if (next && next->type == JSON_STRING)
		diag_add(v->d, SEV_WARNING, next->at, "this is one page of "
			 "several: ask NetBox with ?limit=0 for all");
	for (const struct json_value *o = list->first; o; o = o->next) {
		if (o->type == JSON_OBJECT)
			one(v, o);
		else
			diag_add(v->d, SEV_ERROR, o->at,
				 "an object is expected here");
	}
}
