#include "audit/judge.h"

#include <string.h>

/*
 * Why was it not planned? Tried in the order in which a reader would look:
 * the way back, another port between the same two, another source for the
 * same service there, another destination for the same source.
 */
enum { NAMES = 3, PAIRS_LOOKED_AT = 20000 };

struct near_names {
	const char *name[NAMES];
	size_t n, more;
};

static void note(struct near_names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->name[i], name))
			return;
	if (l->n < NAMES)
		l->name[l->n++] = name;
	else
		l->more++;
}

static void put_names(struct buf *out, const struct near_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		buf_printf(out, "%s%s", i ? ", " : "", l->name[i]);
	if (l->more)
		buf_printf(out, " and %zu more", l->more);
}

static bool opens(const struct plan *p, uint32_t svc, uint32_t key)
{
	const struct svcset *s = &p->svcsets.v[svc];

	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].carried && s->v[i].keys.lo <= key &&
		    key <= s->v[i].keys.hi)
			return true;
	return false;
}

static const char *class_name(const struct plan *p, uint32_t cls)
{
	const struct class *c = &p->classes.v[cls];

	if (!c->n_cell)
		return "?";
	return plan_party_name(p, p->cell[c->cell[0]].party);
}

/* Ports of the same protocol that are planned between the two. */
static bool other_ports(const struct judge *j, uint32_t from, uint32_t to,
			uint32_t key, struct buf *out)
{
	const struct plan *p = j->plan;
	struct pair pair = plan_pair(p, from, to);
	const struct svcset *s;
	size_t n = 0;

	if (!pair.svc)
		return false;
	s = &p->svcsets.v[pair.svc];
	for (size_t i = 0; i < s->n; i++) {
		char text[KEY_TEXT];

		if (key_proto(s->v[i].keys.lo) != key_proto(key))
			continue;
		key_text(s->v[i].keys, text);
		if (n++ < 6)
			buf_printf(out, "%s%s", n == 1 ? "planned there: " :
						", ", text);
	}
	if (n > 6)
		buf_printf(out, " and %zu more", n - 6);
	return n > 0;
}

/* Is it the class itself, or a wide one that it is in? */
static bool class_in(const struct plan *p, uint32_t cls, uint32_t wide)
{
	return cls == wide || p->classes.v[cls].source == wide ||
	       p->classes.v[cls].dest == wide;
}

static bool other_ends(const struct judge *j, uint32_t from, uint32_t to,
		       uint32_t key, struct buf *out)
{
	const struct plan *p = j->plan;
	struct near_names src = { 0 }, dst = { 0 };
	size_t n = p->pairs.n < PAIRS_LOOKED_AT ? p->pairs.n : PAIRS_LOOKED_AT;

	for (size_t i = 0; i < n; i++) {
		const struct pair *q = &p->pairs.v[i];

		if ((!class_in(p, from, q->from) && !class_in(p, to, q->to)) ||
		    !opens(p, q->svc, key))
			continue;
		if (class_in(p, to, q->to))
			note(&src, class_name(p, q->from));
		else
			note(&dst, class_name(p, q->to));
	}
	if (src.n) {
		buf_puts(out, "planned, but from ");
		put_names(out, &src);
	} else if (dst.n) {
		buf_puts(out, "planned, but to ");
		put_names(out, &dst);
	}
	return src.n || dst.n;
}

void judge_nearest(const struct judge *j, struct addr src, struct addr dst,
		   uint32_t key, struct buf *out)
{
	const struct plan *p = j->plan;
	struct packet k = { src, dst, (uint8_t)key_proto(key),
			    (uint16_t)key_detail(key) };
	struct packet own = plan_verdict(p, &k).own;
	uint32_t s = plan_cell(p, own.src), d = plan_cell(p, own.dst);
	uint32_t from, to;

	if (s == NONE || d == NONE)
		return;
	from = p->cell[s].cls;
	to = p->cell[d].cls;
	if (judge_rule(j, dst, src, key).verdict == VERDICT_ALLOWED) {
		buf_puts(out, "planned, but the other way");
		return;
	}
	if (from == NONE || to == NONE)
		return;
	if (!other_ports(j, from, to, key, out))
		other_ends(j, from, to, key, out);
}

static void lax_firewalls(const struct plan *p, uint32_t from, uint32_t to,
			  struct buf *out)
{
	const struct path *x = plan_unenforced_path(p, plan_route(p, from, to));

	for (size_t i = 0; x && i < x->n; i++)
		buf_printf(out, "%sfirewall %s does not enforce",
			   out->n ? ", " : "",
			   p->topo->firewalls.v[x->hop[i].firewall]->name);
}

void judge_let_through(const struct judge *j, struct place src,
		       struct place dst, struct buf *out)
{
	const struct observe *o;

	if (src.zone == NONE || dst.zone == NONE)
		return;
	o = plan_observed(j->plan, src.zone, dst.zone);
	if (o && plan_route(j->plan, src.zone, dst.zone)->reachable)
		buf_printf(out, "observed until %s", o->until.text);
	if (src.zone != dst.zone)
		lax_firewalls(j->plan, src.zone, dst.zone, out);
}
