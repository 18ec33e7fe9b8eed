#include "cli/apply.h"

/*
 * In which order several machines are to be changed: the two of a pair, and
 * the firewalls along a path.
 */
static void say_pair(const struct firewall *f, struct buf *out)
{
	if (!f->nodes.n)
		return;
	buf_printf(out, "order   %s stands on", f->name);
	for (size_t i = 0; i < f->nodes.n; i++)
		buf_printf(out, "%s%s", !i ? " " :
			   i + 1 < f->nodes.n ? ", " : " and ", f->nodes.v[i]);
	buf_puts(out, ": apply on the standby, fail over to it, then apply on "
		 "the other. Confirming on a standby proves nothing: no "
		 "traffic goes there\n");
}

static bool on_a_path_with(const struct plan *p, const struct firewall *f,
			   const struct firewall *g)
{
	for (uint32_t from = 0; from < p->n_zones; from++)
		for (uint32_t to = 0; to < p->n_zones; to++) {
			const struct route *r = plan_route(p, from, to);
			bool has_f = false, has_g = false;

			for (size_t i = 0; i < r->n_hop; i++) {
				has_f |= r->hop[i].firewall == f->id;
				has_g |= r->hop[i].firewall == g->id;
			}
			if (has_f && has_g)
				return true;
		}
	return false;
}

void apply_order(const struct loaded *l, const struct firewall *f, bool opens,
		 bool closes, struct buf *out)
{
	struct buf others = { 0 };

	say_pair(f, out);
	for (size_t i = 0; i < l->topo->firewalls.n; i++) {
		const struct firewall *g = l->topo->firewalls.v[i];

		if (g != f && on_a_path_with(l->plan, f, g))
			buf_printf(&others, "%s%s", others.n ? ", " : "",
				   g->name);
	}
	if (others.n && (opens || closes))
		buf_printf(out, "order   on a path with %s: %s\n", others.s,
			   opens && closes ? "what opens goes on all of them "
			   "first, what closes last; as both do here, in two "
			   "steps if nothing may be cut short" :
			   opens ? "what opens is of use when all have it" :
			   "what closes goes here once nobody needs it there");
	buf_free(&others);
}
