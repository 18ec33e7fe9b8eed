#include <string.h>

#include "inventory/internal.h"
#include "topology/xml.h"

/*
 * nmap -oX: hosts that are up, their addresses, the first of their names, and
 * open ports as words port:tcp/25 and service:smtp.
 *
 * nmap writes a document type declaration without content; it is blanked, so
 * that the reader, which takes none, sees the rest at the same places.
 */
static const struct source *without_doctype(struct inventory *v,
					    const struct source *src)
{
	static const char decl[] = "<!DOCTYPE nmaprun>";
	const char *at = memmem(src->text, src->len, decl, sizeof(decl) - 1);
	struct source *out;
	char *text;

	if (!at)
		return src;
	text = arena_strndup(v->arena, src->text, src->len);
	memset(text + (at - src->text), ' ', sizeof(decl) - 1);
	out = ARENA_NEW(v->arena, struct source);
	*out = *src;
	out->text = text;
	return out;
}

static const struct xml_element *child(const struct xml_element *e,
				       const char *name)
{
	for (e = e ? e->first : NULL; e; e = e->next)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

static bool is(const struct xml_element *e, const char *attr,
	       const char *value)
{
	const char *s = e ? xml_attr(e, attr) : NULL;

	return s && !strcmp(s, value);
}

static void port(struct inventory *v, struct inv_host *h,
		 const struct xml_element *e)
{
	const struct xml_element *service = child(e, "service");
	const char *proto = xml_attr(e, "protocol");
	const char *number = xml_attr(e, "portid");

	if (!proto || !number || !is(child(e, "state"), "state", "open"))
		return;
	inv_word(v, h, "port", arena_printf(v->arena, "%s/%s", proto, number),
		 xml_span(e));
	if (service)
		inv_word(v, h, "service", xml_attr(service, "name"),
			 xml_span(service));
}

static void one(struct inventory *v, const struct xml_element *e)
{
	const struct xml_element *names = child(e, "hostnames");
	const struct xml_element *name = child(names, "hostname");
	const struct xml_element *ports = child(e, "ports");
	struct inv_host *h;

	if (is(child(e, "status"), "state", "down"))
		return;
	h = inv_add(v, name ? xml_attr(name, "name") : NULL, xml_span(e));
	for (const struct xml_element *x = e->first; x; x = x->next) {
		const char *s = !strcmp(x->name, "address") &&
			!is(x, "addrtype", "mac") ? xml_attr(x, "addr") : NULL;

		if (s)
			inv_addresses(v, h, s, xml_value_span(x, "addr"));
	}
	for (const struct xml_element *x = ports ? ports->first : NULL; x;
	     x = x->next)
		if (!strcmp(x->name, "port"))
			port(v, h, x);
}

void inventory_nmap(struct inventory *v, const struct source *src)
{
	const struct xml_element *root = xml_parse(v->arena,
					without_doctype(v, src),
					"nmaprun", v->d);

	if (!root)
		return;
	if (strcmp(root->name, "nmaprun")) {
		diag_add(v->d, SEV_ERROR, xml_span(root), "the root is <%s>, "
			 "where nmap writes <nmaprun>",
			 xml_shown(v->arena, root->name));
		return;
	}
	for (const struct xml_element *x = root->first; x; x = x->next)
		if (!strcmp(x->name, "host"))
			one(v, x);
}
