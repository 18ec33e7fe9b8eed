#include "machine/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

const char *const machine_kind_name[MACHINE_KINDS] = {
	[MACHINE_INTERFACE] = "interface",   [MACHINE_ADDRESS] = "address",
	[MACHINE_ROUTE] = "route",	     [MACHINE_FORWARDING] = "forwarding",
	[MACHINE_CONNTRACK] = "conntrack",   [MACHINE_PEER] = "peer",
};

void judge_say(struct judge *j, enum machine_kind kind, struct span at,
	       const char *fmt, ...)
{
	struct machine_finding x = { .kind = kind, .at = at };
	struct buf b = { 0 };
	uint64_t h = hash_str(HASH_INIT, machine_kind_name[kind]);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	x.text = arena_strdup(j->arena, b.s);
	h = hash_str(hash_str(h, j->f->name), b.s);
	snprintf(x.fingerprint, sizeof(x.fingerprint), "%016llx",
		 (unsigned long long)hash_mix(h));
	buf_free(&b);
	vec_push(j->arena, &j->out->findings, x);
}

void judge_not(struct judge *j, enum machine_kind kind, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	vec_push(j->arena, &j->out->unjudged, (struct machine_unjudged){
			kind, arena_strdup(j->arena, b.s) });
	buf_free(&b);
}

const struct party *judge_whose(const struct judge *j, uint32_t zone_id)
{
	const struct party *z = j->p->topo->zones.v[zone_id];

	return z->of ? z->of : z;
}

/* ---- interfaces ------------------------------------------------------------------------ */

/* The link is one that the declared interface stands for. */
static bool judge_stands_for(const struct interface *i, const char *link)
{
	return i->wildcard ? !strncmp(i->name, link, strlen(i->name) - 1) :
			     !strcmp(i->name, link);
}

bool judge_up(const struct judge *j, const struct interface *i)
{
	for (size_t k = 0; k < j->m->links.n; k++)
		if (judge_stands_for(i, j->m->links.v[k].name) &&
		    j->m->links.v[k].up)
			return true;
	return false;
}

static bool is_there(const struct judge *j, const struct interface *i)
{
	for (size_t k = 0; k < j->m->links.n; k++)
		if (judge_stands_for(i, j->m->links.v[k].name))
			return true;
	return false;
}

static void judge_interface(struct judge *j, const struct interface *i)
{
	bool there = is_there(j, i);

	if (!there && i->wildcard)
		judge_not(j, MACHINE_INTERFACE, "%s (zone %s), of which there "
			  "is no interface now", i->name, i->zone->name);
	else if (!there)
		judge_say(j, MACHINE_INTERFACE, i->at, "there is no interface "
			  "%s (planned in zone %s)", i->name, i->zone->name);
	else if (!i->wildcard && !judge_up(j, i))
		judge_say(j, MACHINE_INTERFACE, i->at, "interface %s (zone %s) "
			  "is down", i->name, i->zone->name);
}

/* ---- addresses ----------------------------------------------------------------------- */

static void judge_declared(struct judge *j, const struct interface *i,
			   struct addr a)
{
	const struct machine_address *elsewhere = NULL;
	char text[ADDR_TEXT];

	for (size_t k = 0; k < j->m->addresses.n; k++) {
		const struct machine_address *x = &j->m->addresses.v[k];

		if (!addr_eq(x->addr, a))
			continue;
		if (judge_stands_for(i, machine_link_name(j->m, x->link)))
			return;
		elsewhere = x;
	}
	addr_text(a, text);
	if (elsewhere)
		judge_say(j, MACHINE_ADDRESS, i->at, "%s is on %s, planned on "
			  "%s (zone %s)", text,
			  machine_link_name(j->m, elsewhere->link), i->name,
			  i->zone->name);
	else if (j->f->nodes.n > 1)
		judge_not(j, MACHINE_ADDRESS, "%s of %s, which is not on this "
			  "node and may be on the other", text, i->name);
	else
		judge_say(j, MACHINE_ADDRESS, i->at, "%s is not on %s (zone "
			  "%s)", text, i->name, i->zone->name);
}

static bool declares(const struct interface *i, struct addr a, bool *family)
{
	*family = false;
	for (size_t k = 0; k < i->n_address; k++) {
		if (addr_eq(i->address[k].r.lo, a))
			return true;
		*family |= addr_is_v4(i->address[k].r.lo) == addr_is_v4(a);
	}
	return false;
}

/* An address that the interface has. */
static void judge_had(struct judge *j, const struct interface *i,
		      const char *link, struct addr a)
{
	uint32_t cell = plan_cell(j->p, a);
	const struct cell *c = cell == NONE ? NULL : &j->p->cell[cell];
	const struct party *owner = !c || c->party == NONE ? NULL :
		j->p->topo->parties.v[c->party];
	const struct party *zone = !c || c->space == NONE ? NULL :
		judge_whose(j, c->space);
	const char *bundle = j->p->topo->bundle;
	bool family;
	char text[ADDR_TEXT];

	if (declares(i, a, &family))
		return;
	addr_text(a, text);
	if (owner && (owner->kind == PARTY_HOST ||
		      owner->kind == PARTY_FIREWALL))
		judge_say(j, MACHINE_ADDRESS, owner->at, "%s has %s, planned "
			  "as %s %s's%s", link, text,
			  party_kind_name(owner->kind), owner->name,
			  owner == j->f->party ? ", on another interface" : "");
	else if (!zone || zone->holds == HOLDS_OTHERS)
		judge_say(j, MACHINE_ADDRESS, i->at, "%s has %s, which is in "
			  "no zone%s (planned in zone %s)", link, text,
			  bundle ? " of this bundle" : "", i->zone->name);
	else if (zone != i->zone)
		judge_say(j, MACHINE_ADDRESS, i->at, "%s has %s of zone %s, "
			  "planned in zone %s", link, text, zone->name,
			  i->zone->name);
	else if (family && !i->dhcp)
		judge_say(j, MACHINE_ADDRESS, i->at, "%s has %s, which the "
			  "topology does not declare", link, text);
	else if (bundle)
		judge_not(j, MACHINE_ADDRESS, "whether %s of %s is the "
			  "address of a host that this bundle does not hold",
			  text, link);
}

static bool planned_here(const struct judge *j, struct addr a)
{
	bool family;

	for (size_t i = 0; i < j->f->interfaces.n; i++)
		if (declares(j->f->interfaces.v[i], a, &family))
			return true;
	return false;
}

static void judge_addresses(struct judge *j, const struct interface *i)
{
	if (!is_there(j, i))
		return;
	for (size_t k = 0; k < i->n_address; k++)
		judge_declared(j, i, i->address[k].r.lo);
	for (size_t k = 0; k < j->m->addresses.n; k++) {
		const struct machine_address *x = &j->m->addresses.v[k];
		const char *link = machine_link_name(j->m, x->link);

		/* one that is planned on another is said there */
		if (x->global && judge_stands_for(i, link) &&
		    !planned_here(j, x->addr))
			judge_had(j, i, link, x->addr);
	}
}

/* ---- switches ------------------------------------------------------------------------- */

bool judge_forwards(const struct judge *j, bool v4)
{
	const struct plan *p = j->p;
	unsigned char *has = ARENA_ARRAY(j->arena, unsigned char, p->n_zones);
	size_t n = 0;

	for (size_t i = 0; i < p->n_cell; i++)
		if (p->cell[i].zone != NONE &&
		    addr_is_v4(p->cell[i].lo) == v4 &&
		    p->topo->zones.v[p->cell[i].zone]->holds != HOLDS_PUBLIC)
			has[judge_whose(j, p->cell[i].zone)->zone_id] = 1;
	for (size_t i = 0; i < j->f->interfaces.n; i++)
		n += has[j->f->interfaces.v[i]->zone->zone_id];
	return n > 1;
}

static void judge_forwarding(struct judge *j, bool v4)
{
	struct machine_number x = v4 ? j->m->forward4 : j->m->forward6;

	if (!judge_forwards(j, v4) || (x.there && x.v))
		return;
	judge_say(j, MACHINE_FORWARDING, j->f->at, "%s is not forwarded (%s%s)",
		  v4 ? "IPv4" : "IPv6",
		  v4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding",
		  x.there ? " is 0" : ": the kernel has none");
}

static void judge_conntrack(struct judge *j)
{
	struct machine_number most = j->m->tracked_most, now = j->m->tracked;

	if (!most.there) {
		judge_not(j, MACHINE_CONNTRACK, "the table of connections, "
			  "which is not there before rules ask for it");
		return;
	}
	if (most.v && now.there && now.v >= most.v / 10 * 9)
		judge_say(j, MACHINE_CONNTRACK, j->f->at, "the table of "
			  "connections is nearly full: %llu of %llu "
			  "(net.netfilter.nf_conntrack_max)",
			  (unsigned long long)now.v,
			  (unsigned long long)most.v);
	if (!j->opt->connections)
		judge_not(j, MACHINE_CONNTRACK, "whether room for %llu "
			  "connections is enough: --connections N says how "
			  "many to expect",
			  (unsigned long long)most.v);
	else if (most.v && j->opt->connections > most.v)
		judge_say(j, MACHINE_CONNTRACK, j->f->at, "there is room for "
			  "%llu connections (net.netfilter.nf_conntrack_max), "
			  "where %llu are expected",
			  (unsigned long long)most.v,
			  (unsigned long long)j->opt->connections);
}

void machine_judge(struct arena *a, const struct plan *p,
		   const struct firewall *f, const struct machine *m,
		   const struct machine_options *opt,
		   struct machine_report *out)
{
	struct judge j = { a, p, f, m, opt, out };

	for (size_t i = 0; i < f->interfaces.n; i++)
		judge_interface(&j, f->interfaces.v[i]);
	for (size_t i = 0; i < f->interfaces.n; i++)
		judge_addresses(&j, f->interfaces.v[i]);
	judge_routes(&j);
	judge_forwarding(&j, true);
	judge_forwarding(&j, false);
	judge_conntrack(&j);
	judge_peer(&j);
}
