#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "advice/document.h"
#include "advice/xpath.h"

/*
 * A condition that a user wrote for lint, asked of the document of a small
 * plan: of the whole and of each of its hosts.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"<topology xmlns=\"urn:portplan:1\" name=\"t\" "
	"template=\"exchange-2003\">"
	"<zone name=\"a\" networks=\"10.1.0.0/16\">"
	"<host name=\"fe1\" address=\"10.1.0.1\" roles=\"front-end\"/></zone>"
	"<zone name=\"b\" networks=\"10.2.0.0/16\">"
	"<host name=\"be1\" address=\"10.2.0.1\" roles=\"back-end\"/></zone>"
	"<firewall name=\"fw\"><interface name=\"eth0\" zone=\"a\"/>"
	"<interface name=\"eth1\" zone=\"b\"/></firewall></topology>";

static struct buf document; /* made once */

static void make_document(void)
{
	struct topology_options opt = { .text = text,
					.n_text = sizeof(text) - 1 };
	struct plan_options when = { .now = 1800000000 };
	struct arena *a = arena_new();
	const struct topology *t;
	const struct plan *p;
	struct diags d;

	diags_init(&d, a);
	t = topology_read(a, "t.xml", &opt, &d);
	p = t ? plan_build(a, t, &when, &d) : NULL;
	if (!p)
		abort();
	plan_document(p, &document);
	arena_free(a);
}

static void place_is_inside(const struct xpath_error *err, size_t len)
{
	if (!err->what || err->off > len)
		abort();
}

static void ask(struct xpath_doc *d, struct xpath_expr *e, xpath_node *node,
		struct arena *a, size_t len)
{
	struct xpath_value v;
	struct xpath_error err;

	if (!xpath_eval(d, e, node, a, &v, &err))
		place_is_inside(&err, len);
	else if (v.is_nodes && v.n)
		(void)xpath_identity(v.node[0], a);
	if (!xpath_text(d, e, node, a, &err))
		place_is_inside(&err, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *s = arena_strndup(a, (const char *)data, size);
	struct xpath_value hosts = { 0 };
	struct xpath_expr *e, *each;
	struct xpath_error err;
	struct xpath_doc *d;

	if (!document.n)
		make_document();
	d = xpath_open(document.s, document.n);
	each = d ? xpath_compile(d, "//p:host", &err) : NULL;
	if (!each || !xpath_eval(d, each, NULL, a, &hosts, &err) || !hosts.n)
		abort();
	e = xpath_compile(d, s, &err);
	if (!e)
		place_is_inside(&err, strlen(s));
	for (size_t i = 0; e && i < hosts.n; i++)
		ask(d, e, hosts.node[i], a, strlen(s));
	if (e)
		ask(d, e, NULL, a, strlen(s));
	xpath_close(d);
	arena_free(a);
	return 0;
}
