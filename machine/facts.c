#include "machine/machine.h"

#include <stdlib.h>
#include <string.h>

/*
 * Lines that the two nodes of a pair have alike: no addresses of their own, no
 * counts that move. Sorted, so that the same machine gives the same bytes.
 */

typedef VEC(const char *) lines;

static void add_links(const struct machine *m, lines *out)
{
	for (size_t i = 0; i < m->links.n; i++)
		vec_push(m->arena, out, arena_printf(m->arena,
			 "interface %s %s", m->links.v[i].name,
			 m->links.v[i].up ? "up" : "down"));
}

static const char *leaves_by(const struct machine *m,
			     const struct machine_route *r)
{
	struct buf b = { 0 };

	if (r->kind != ROUTE_UNICAST)
		return r->kind == ROUTE_DISCARDS ? "discards" : "unknown";
	for (size_t i = 0; i < r->links.n; i++)
		buf_printf(&b, "%s%s", i ? "," : "",
			   machine_link_name(m, r->links.v[i]));
	return buf_take(m->arena, &b);
}

/* Link-local ones (fe80::/10) come and go with the link. */
static void add_routes(const struct machine *m, lines *out)
{
	for (size_t i = 0; i < m->routes.n; i++) {
		const struct machine_route *r = &m->routes.v[i];
		char to[ADDR_TEXT];

		if (r->to.lo.hi >> 54 == 0xfe80 >> 6 && r->length >= 10)
			continue;
		range_text(r->to, to);
		vec_push(m->arena, out, arena_printf(m->arena,
			 "route %s %s", r->length ? to :
			 addr_is_v4(r->to.lo) ? "0.0.0.0/0" : "::/0",
			 leaves_by(m, r)));
	}
}

static void add_number(const struct machine *m, const char *name,
		       struct machine_number x, lines *out)
{
	if (x.there)
		vec_push(m->arena, out, arena_printf(m->arena, "%s %llu",
			 name, (unsigned long long)x.v));
}

static int by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

void machine_facts(const struct machine *m, struct buf *out)
{
	lines v = { 0 };

	add_links(m, &v);
	add_routes(m, &v);
	add_number(m, "forwarding-ipv4", m->forward4, &v);
	add_number(m, "forwarding-ipv6", m->forward6, &v);
	add_number(m, "conntrack-most", m->tracked_most, &v);
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), by_text);
	buf_puts(out, "portplan-facts 1\n");
	for (size_t i = 0; i < v.n; i++)
		if (!i || strcmp(v.v[i - 1], v.v[i]))
			buf_printf(out, "%s\n", v.v[i]);
}
