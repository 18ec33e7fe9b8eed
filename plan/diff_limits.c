#include <string.h>

#include "plan/diff.h"
#include "plan/sets.h"
#include "topology/xml.h"

/*
 * What holds a topology in bounds, told as a change of its own: limits that
 * come and go or that say less, who answers for what, what is not enforced.
 * Most often no packet fares otherwise for it today. What a policy says is no
 * part of the topologies and is not compared.
 */
struct side {
	const struct plan *before, *after;
	struct arena *a;
	struct plan_diff *out;
};

static const char *const words[] = {
	"from", "to", "except", "at", "service", "tcp", "udp", "ip", "icmp",
	"icmpv6", "until", "reason", "owner",
};

enum { N_WORDS = sizeof(words) / sizeof(*words) };

static const char *or_none(const char *s)
{
	return s ? s : "";
}

bool diff_same_text(const char *x, const char *y)
{
	return !strcmp(or_none(x), or_none(y));
}

/* ": to was "inside dmz", owner was none"; "" if they say the same */
static const char *differences(struct arena *a, const struct xml_element *x,
			       const struct xml_element *y)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < N_WORDS; i++) {
		const char *was = xml_attr(x, words[i]);

		if (diff_same_text(was, xml_attr(y, words[i])))
			continue;
		buf_printf(&b, "%s%s was ", b.n ? ", " : ": ", words[i]);
		buf_printf(&b, was ? "\"%s\"" : "none", was);
	}
	return buf_take(a, &b);
}

/* "ssh tcp/8022 tcp/9000-9009": the packets as they are written. */
static const char *packets_of(struct arena *a, const struct xml_element *e)
{
	static const char *const attr[] = {
		"service", "tcp", "udp", "ip", "icmp", "icmpv6",
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof(attr) / sizeof(*attr); i++) {
		const char *s = xml_attr(e, attr[i]);

		while (s && *(s += strspn(s, " \t\r\n"))) {
			size_t n = strcspn(s, " \t\r\n");

			buf_printf(&b, "%s%s%s%.*s", b.n ? " " : "",
				   i ? attr[i] : "", i ? "/" : "", (int)n, s);
			s += n;
		}
	}
	return buf_take(a, &b);
}

static void add(struct side *d, const char *what, const char *cause,
		const struct xml_element *e, const char *owner, struct span at)
{
	d->out->count[CHANGE_LIMITS]++;
	vec_push(d->a, &d->out->changes, (struct change){
		.kind = CHANGE_LIMITS, .from_zone = "", .to_zone = "",
		.from = e ? or_none(xml_attr(e, "from")) : "",
		.to = e ? or_none(xml_attr(e, "to")) : "",
		.packets = e ? packets_of(d->a, e) : "",
		.reason = what, .cause = cause, .owner = owner, .size = "",
		.at = at });
}

/* ---- which of two says more ----------------------------------------------------- */

static bool addrs_cover(struct arena *a, const struct addr_set *x,
			const struct addr_set *y)
{
	return !addr_set_minus(a, y, x).n;
}

static bool roles_cover(const role_list *x, const role_list *y)
{
	for (size_t i = 0; i < y->n; i++) {
		bool found = false;

		for (size_t k = 0; k < x->n && !found; k++)
			found = !strcmp(x->v[k]->name, y->v[i]->name);
		if (!found)
			return false;
	}
	return true;
}

static bool services_cover(const struct choice *x, const struct choice *y)
{
	for (size_t i = 0; !x->any_service && i < y->services.n; i++) {
		bool found = false;

		for (size_t k = 0; k < x->services.n && !found; k++)
			found = !strcmp(x->services.v[k]->name,
					y->services.v[i]->name);
		if (!found)
			return false;
	}
	return x->any_service || !y->any_service;
}

struct extent {
	struct addr_set from, to;
	struct key_set keys;
};

static struct extent extent_of(struct arena *a, const struct plan *p,
			       const struct rule *r)
{
	struct addr_set from = plan_ends_set(p, &r->from, a);
	struct addr_set except = plan_ends_set(p, &r->except, a);

	return (struct extent){ addr_set_minus(a, &from, &except),
				plan_ends_set(p, &r->to, a),
				plan_packets_keys(p, &r->what, a) };
}

static bool rule_covers(struct arena *a, const struct plan *px,
			const struct rule *x, const struct plan *py,
			const struct rule *y)
{
	struct extent ex = extent_of(a, px, x), ey = extent_of(a, py, y);

	return addrs_cover(a, &ex.from, &ey.from) &&
	       addrs_cover(a, &ex.to, &ey.to) &&
	       !keys_minus(a, ey.keys, ex.keys).n;
}

static bool choice_covers(struct arena *a, const struct plan *px,
			  const struct choice *x, const struct plan *py,
			  const struct choice *y)
{
	struct addr_set sx, sy;

	if (!roles_cover(&x->from, &y->from) || !roles_cover(&x->to, &y->to) ||
	    !services_cover(x, y) || (x->has_at && !y->has_at))
		return false;
	if (!x->has_at)
		return true;
	sx = plan_ends_set(px, &x->sources, a);
	sy = plan_ends_set(py, &y->sources, a);
	return addrs_cover(a, &sx, &sy);
}

static const char *turn(bool before_covers, bool after_covers)
{
	if (before_covers && after_covers)
		return "reworded";
	return before_covers ? "loosened" : after_covers ? "tightened" :
							   "changed";
}

/* ---- element by element ----------------------------------------------------------- */

/* A forbid or expect, or an omit. */
struct limit {
	const char *kind, *ident;
	const struct xml_element *xml;
	struct span at;
	const struct rule *rule;
	const struct choice *choice;
};

typedef VEC(struct limit) limit_list;

static void add_rules(struct arena *a, limit_list *out, const char *kind,
		      struct rule *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!v[i]->policy)
			vec_push(a, out, (struct limit){ kind, v[i]->ident,
				v[i]->xml, v[i]->at, v[i], NULL });
}

static limit_list limits_of(struct arena *a, const struct topology *t)
{
	limit_list out = { 0 };

	add_rules(a, &out, "forbid", t->forbids.v, t->forbids.n);
	add_rules(a, &out, "expect", t->expects.v, t->expects.n);
	for (size_t i = 0; i < t->omits.n; i++)
		if (!t->omits.v[i]->policy)
			vec_push(a, &out, (struct limit){
				"omit", t->omits.v[i]->ident,
				t->omits.v[i]->xml, t->omits.v[i]->at, NULL,
				t->omits.v[i] });
	return out;
}

static const struct limit *find_limit(const limit_list *l,
				      const struct limit *x)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].kind, x->kind) &&
		    !strcmp(l->v[i].ident, x->ident))
			return &l->v[i];
	return NULL;
}

static bool covers(struct arena *a, const struct plan *px,
		   const struct limit *x, const struct plan *py,
		   const struct limit *y)
{
	return x->rule ? rule_covers(a, px, x->rule, py, y->rule) :
			 choice_covers(a, px, x->choice, py, y->choice);
}

static void say_limit(struct side *d, const struct limit *l, const char *cause)
{
	add(d, arena_printf(d->a, "%s %s", l->kind, l->ident), cause, l->xml,
	    xml_attr(l->xml, "owner"), l->at);
}

static void compare_limits(struct side *d)
{
	limit_list before = limits_of(d->a, d->before->topo);
	limit_list after = limits_of(d->a, d->after->topo);

	for (size_t i = 0; i < after.n; i++) {
		const struct limit *y = &after.v[i];
		const struct limit *x = find_limit(&before, y);
		const char *how = x ? differences(d->a, x->xml, y->xml) : "";

		if (!x)
			say_limit(d, y, "added");
		else if (*how)
			say_limit(d, y, arena_printf(d->a, "%s%s", turn(
				covers(d->a, d->before, x, d->after, y),
				covers(d->a, d->after, y, d->before, x)),
				how));
	}
	for (size_t i = 0; i < before.n; i++)
		if (!find_limit(&after, &before.v[i]))
			say_limit(d, &before.v[i], "removed");
}

/* Who lets through what is denied has no limits there. */
static void compare_observes(struct side *d)
{
	const struct topology *x = d->before->topo, *y = d->after->topo;

	for (int swap = 0; swap < 2; swap++)
		for (size_t i = 0; i < (swap ? x : y)->observes.n; i++) {
			const struct observe *o = (swap ? x : y)->observes.v[i];
			const struct topology *t = swap ? y : x;
			bool same = false;

			for (size_t k = 0; k < t->observes.n && !same; k++)
				same = !strcmp(t->observes.v[k]->ident,
					       o->ident) &&
				       !strcmp(t->observes.v[k]->until.text,
					       o->until.text) &&
				       !strcmp(plan_observe_zones(
						t->observes.v[k], d->a),
					       plan_observe_zones(o, d->a));
			if (!same)
				add(d, arena_printf(d->a, "observe %s",
						    o->ident),
				    arena_printf(d->a, "%s, %s until %s",
						 swap ? "removed" : "added",
						 plan_observe_zones(o, d->a),
						 o->until.text), NULL,
				    o->owner, o->at);
		}
}

static const struct firewall no_firewall;

static void compare_firewalls(struct side *d)
{
	for (size_t i = 0; i < d->after->topo->firewalls.n; i++) {
		const struct firewall *y = d->after->topo->firewalls.v[i];
		const struct firewall *x = topology_firewall(d->before->topo,
							     y->name);
		const char *what = arena_printf(d->a, "firewall %s", y->name);

		x = x ? x : &no_firewall;
		if (x->unenforced != y->unenforced)
			add(d, what, y->unenforced ? "no longer enforced" :
			    "enforced", NULL, y->party->owner, y->at);
		if (x != &no_firewall && !x->unmanaged && !y->unmanaged &&
		    !x->inputs.n != !y->inputs.n)
			add(d, what, y->inputs.n ? "what reaches itself is "
			    "filtered" : "what reaches itself is no longer "
			    "filtered", NULL, y->party->owner, y->at);
		if (x->unmanaged != y->unmanaged)
			add(d, what, y->unmanaged ? "no longer managed" :
			    "managed", NULL, y->party->owner, y->at);
	}
}

static void add_owner(struct side *d, const char *what, const char *was,
		      const char *is, struct span at)
{
	add(d, arena_printf(d->a, "owner of %s", what),
	    arena_printf(d->a, "was %s", was ? was : "none"), NULL, is, at);
}

static struct map parties_by_name(struct arena *a, const struct topology *t)
{
	struct map out = { 0 };

	for (size_t i = 0; i < t->parties.n; i++)
		map_add_str(a, &out, t->parties.v[i]->name, NULL)->val.cp =
			t->parties.v[i];
	return out;
}

/* Where it begins: what is inherited changes with what it is inherited from. */
static void compare_owners(struct side *d)
{
	const struct topology *x = d->before->topo, *y = d->after->topo;
	struct map names = parties_by_name(d->a, x);

	if (!diff_same_text(x->owner, y->owner))
		add_owner(d, "the topology", x->owner, y->owner, y->at);
	for (size_t i = 0; i < y->parties.n; i++) {
		const struct party *q = y->parties.v[i];
		const struct map_entry *e = map_find_str(&names, q->name);
		const struct party *p = e ? e->val.cp : NULL;
		const char *was = q->parent && p && p->parent ?
			p->parent->owner : x->owner;
		const char *is = q->parent ? q->parent->owner : y->owner;

		if (!p || diff_same_text(p->owner, q->owner) ||
		    (diff_same_text(p->owner, was) && diff_same_text(q->owner, is)))
			continue;
		add_owner(d, arena_printf(d->a, "%s %s",
					  party_kind_name(q->kind), q->name),
			  p->owner, q->owner, q->at);
	}
}

void diff_limits(struct arena *a, const struct plan *before,
		 const struct plan *after, struct plan_diff *out)
{
	struct side d = { before, after, a, out };

	compare_limits(&d);
	compare_observes(&d);
	compare_firewalls(&d);
	compare_owners(&d);
}
