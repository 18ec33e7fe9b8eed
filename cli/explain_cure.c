#include <string.h>

#include "cli/cmd_check.h"
#include "cli/explain.h"
#include "cli/offers.h"
#include "cli/tried.h"
#include "plan/sets.h"

/*
 * What would allow a packet that is not planned: the exception, and a role that
 * a template has a row for. Both are tried: the topology is compiled once more
 * in memory, policies included, and asked again. All exceptions are tried at
 * once; a role changes more than one packet, so each is tried alone, and no
 * more than a few.
 */
enum { MOST_ROLES = 12 };

struct curing {
	struct question *q;
	struct cure *v;
	size_t n, roles_tried;
};

static const struct party *party_of(const struct plan *p, struct addr a)
{
	uint32_t c = plan_cell(p, a);

	return c == NONE || p->cell[c].party == NONE ? NULL :
		p->topo->parties.v[p->cell[c].party];
}

/* A host or a firewall by its name, and a zone or network that was asked for;
 * else the address. */
static const char *end_text(const struct question *q, struct addr a,
			    const struct party *around)
{
	const struct party *x = party_of(q->l.plan, a);
	char text[ADDR_TEXT];

	if (around)
		return around->name;
	if (x && (x->kind == PARTY_HOST || x->kind == PARTY_FIREWALL))
		return x->name;
	addr_text(a, text);
	return arena_strdup(q->a->arena, text);
}

static const char *packet_attr(const struct question *q, const struct packet *k)
{
	struct arena *a = q->a->arena;
	const char *type;

	if (k->proto == PROTO_TCP || k->proto == PROTO_UDP)
		return arena_printf(a, "%s=\"%u\"", k->proto == PROTO_TCP ?
				    "tcp" : "udp", k->detail);
	if (!proto_is_icmp(k->proto))
		return arena_printf(a, "ip=\"%u\"", k->proto);
	type = icmp_type_name(k->proto, k->detail);
	return type ? arena_printf(a, "%s=\"%s\"", k->proto == PROTO_ICMP ?
				   "icmp" : "icmpv6", type) : NULL;
}

/* NULL: no exception can name it. */
static const char *allow_of(const struct question *q, const struct cure *x)
{
	const struct packet *k = &x->k;
	const struct party *to = party_of(q->l.plan, k->dst);
	const char *what = packet_attr(q, k);

	if (!what || !to || to->kind == PARTY_FIREWALL)
		return NULL;
	/* of many who hide behind one address, it may be any */
	return arena_printf(q->a->arena, "<allow from=\"%s\" to=\"%s\" %s "
			    "reason=\"...\"/>", end_text(q, k->src, x->from ?
					x->from : plan_hides_behind(
						q->l.plan, x->asked.src)),
			    end_text(q, k->dst, x->to), what);
}

static bool compiles(struct curing *c, const char *lines, struct loaded *out,
		     const char **why)
{
	struct vf_edit e = { .add = lines };

	return check_edited(c->q->a, &c->q->l, &e, out, why);
}

/* NULL, or why that plan denies it too: a public address that nothing
 * translates there, for example. */
static const char *denied_by(struct curing *c, const struct loaded *l,
			     const struct packet *k)
{
	struct question q = { .a = c->q->a, .l = *l };
	struct answer x = plan_verdict(l->plan, k);

	return x.verdict == VERDICT_ALLOWED ? NULL : explain_why(&q, &x);
}

static void try_allows(struct curing *c)
{
	struct args *a = c->q->a;
	struct tried_line *v = ARENA_ARRAY(a->arena, struct tried_line, c->n);
	struct loaded out;
	bool good;

	for (size_t i = 0; i < c->n; i++)
		v[i].xml = c->v[i].allow;
	good = tried_lines(a, &c->q->l, v, c->n, &out);
	for (size_t i = 0; i < c->n; i++)
		c->v[i].why_not = v[i].why ? v[i].why :
			good ? denied_by(c, &out, &c->v[i].asked) :
			       "not together with the others";
}

struct trial {
	struct curing *c;
	const struct cure *x;
	const char *found;
};

static void try_role(void *ctx, const struct role_offer *o)
{
	struct trial *t = ctx;
	struct question *q = t->c->q;
	const struct party *p = party_of(q->l.plan, o->to_bears ? t->x->k.dst :
							    t->x->k.src);
	const char *why = NULL;
	struct loaded out;

	if (t->found || t->c->roles_tried == MOST_ROLES ||
	    (!o->to_bears && plan_hides_behind(q->l.plan, t->x->asked.src)))
		return;
	t->c->roles_tried++;
	if (compiles(t->c, arena_printf(q->a->arena, "<assign to=\"%s\" "
					"roles=\"%s\"/>\n", p->name,
					o->role->name), &out, &why) &&
	    !denied_by(t->c, &out, &t->x->asked))
		t->found = arena_printf(q->a->arena, "role %s for %s (%s)",
					o->role->name, p->name,
					role_offer_row(q->a->arena, o));
}

/* Is it one of "security team, mail team"? */
static bool in_list(const char *list, const char *one)
{
	size_t n = strlen(one);

	while (list) {
		const char *next = strstr(list, ", ");

		if ((next ? (size_t)(next - list) : strlen(list)) == n &&
		    !memcmp(list, one, n))
			return true;
		list = next ? next + 2 : NULL;
	}
	return false;
}

static void add_approval(struct question *q, struct cure *x, const char *owner)
{
	if (!in_list(x->approval, owner))
		x->approval = x->approval ?
			arena_printf(q->a->arena, "%s, %s", x->approval,
				     owner) : owner;
}

static bool forbids(const struct question *q, const struct rule *r,
		    const struct packet *k)
{
	const struct plan *p = q->l.plan;
	uint32_t s = plan_cell(p, k->src), d = plan_cell(p, k->dst);
	uint32_t end = p->end_forbid + 3 * r->id;
	struct key_set keys = plan_packets_keys(p, &r->what, q->a->arena);

	return cell_in_end(p, s, end) && !cell_in_end(p, s, end + 2) &&
	       cell_in_end(p, d, end + 1) &&
	       keys_has(keys, key_of(k->proto, k->detail));
}

/* Whoever set a limit has to agree to it, and whoever answers for what is
 * spoken to. */
static const char *limits(struct question *q, struct cure *x)
{
	const struct topology *t = q->l.topo;
	const char *out = NULL;

	for (size_t i = 0; i < t->forbids.n; i++) {
		const struct rule *r = t->forbids.v[i];

		if (!forbids(q, r, &x->k))
			continue;
		out = arena_printf(q->a->arena, "%s%sforbid %s (%s)",
				   out ? out : "", out ? ", " : "", r->ident,
				   r->reason);
		if (r->owner)
			add_approval(q, x, r->owner);
	}
	return out;
}

static const char *lapsed(struct question *q, struct cure *x)
{
	rule_list v = { 0 };
	const char *out = NULL;

	explain_lapsed(q, &x->k, &v);
	for (size_t i = 0; i < v.n; i++) {
		const struct rule *r = v.v[i];
		bool over = r->expires.given && q->l.plan->now >= r->expires.t;

		out = arena_printf(q->a->arena, "%s%sallow %s, which %s %s",
				   out ? out : "", out ? ", or " : "", r->ident,
				   over ? "expired" : "starts",
				   over ? r->expires.text : r->starts.text);
		if (r->owner)
			add_approval(q, x, r->owner);
	}
	return out;
}

static void finish(struct curing *c, struct cure *x)
{
	struct question *q = c->q;
	const struct party *to = party_of(q->l.plan, x->k.dst);
	struct trial t = { .c = c, .x = x };
	const char *limit = limits(q, x), *old = lapsed(q, x);

	if (to && to->owner)
		add_approval(q, x, to->owner);
	if (limit) {
		x->text = arena_printf(q->a->arena, "none: %s", limit);
		return;
	}
	if (to && to->kind == PARTY_FIREWALL) {
		x->text = arena_printf(q->a->arena, "an <input> of firewall %s",
				       to->name);
		return;
	}
	role_offers(q->l.plan, &x->k, try_role, &t);
	if (x->allow && !x->why_not)
		x->text = arena_printf(q->a->arena, "%s%s%s%s%s", old ? old :
				       "", old ? ", or " : "", t.found ?
				       t.found : "", t.found ? ", or " : "",
				       x->allow);
	else if (t.found)
		x->text = t.found;
	else if (x->why_not)
		x->text = arena_printf(q->a->arena, "none: %s", x->why_not);
}

void explain_cures(struct question *q, struct cure *v, size_t n)
{
	struct curing c = { .q = q, .v = v, .n = n };

	/* a part is not changed by itself, so nothing can be tried on it */
	for (size_t i = 0; i < n && q->l.topo->bundle; i++)
		v[i].text = "in the topology, from which the bundle is then "
			    "made anew";
	if (q->l.topo->bundle)
		return;
	for (size_t i = 0; i < n; i++)
		v[i].allow = allow_of(q, &v[i]);
	if (n)
		try_allows(&c);
	for (size_t i = 0; i < n; i++)
		finish(&c, &v[i]);
}
