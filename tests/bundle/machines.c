/*
 * machines TOPOLOGY...: is a firewall's part as good a judge of its machine as
 * the whole? Machines are drawn that agree with the topology, then changed: an
 * address, a route, a link. What the part finds the whole must find as well; what
 * the whole finds of zones that the firewall stands in the part must find, and
 * of an address at least say that it is not judged. Prints what differs, and
 * how much was compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/bundle.h"
#include "machine/machine.h"
#include "plan/plan.h"

enum {
	TODAY = 1795478400, /* 2026-11-24 */
	MACHINES = 40,	    /* of each firewall */
};

struct twins { /* of one firewall: the whole, and the part */
	struct arena *a;
	const struct plan *p[2];
	const struct firewall *f[2];
	uint64_t random;
	size_t findings, differ;
};

static size_t draw(struct twins *x, size_t n)
{
	x->random = x->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return n ? (size_t)(x->random >> 33) % n : 0;
}

static const struct plan *read_plan(struct arena *a, const char *path,
				    const struct buf *text, bool any_time)
{
	struct topology_options opt = { .text = text ? text->s : NULL,
					.n_text = text ? text->n : 0 };
	struct plan_options when = { .now = TODAY, .any_time = any_time };
	const struct topology *t;
	struct diags d;

	diags_init(&d, a);
	t = topology_read(a, path, &opt, &d);
	return t ? plan_build(a, t, &when, &d) : NULL;
}

/* ---- machines ----------------------------------------------------------------------- */

static void add_route(struct machine *m, const struct prefix *to, int link)
{
	struct machine_route r = { .to = to->r, .kind = ROUTE_UNICAST,
				   .length = to->len };

	if (link < 0)
		r.kind = ROUTE_DISCARDS;
	else
		vec_push(m->arena, &r.links, link);
	vec_push(m->arena, &m->routes, r);
}

/* Index of a link towards the zone, by the whole; -1: there is none. */
static int link_to(struct twins *x, uint32_t zone)
{
	const struct firewall *f = x->f[0];
	bool *ways = ARENA_ARRAY(x->a, bool, x->p[0]->n_zones);
	size_t first = draw(x, f->interfaces.n);

	route_ways_out(x->p[0], f, zone, ways);
	for (size_t i = 0; i < f->interfaces.n; i++) {
		size_t k = (first + i) % f->interfaces.n;

		if (ways[f->interfaces.v[k]->zone->zone_id])
			return (int)k + 1;
	}
	return -1;
}

static struct machine *true_machine(struct twins *x)
{
	const struct firewall *f = x->f[0];
	const struct topology *t = x->p[0]->topo;
	struct machine *m = ARENA_NEW(x->a, struct machine);

	m->arena = x->a;
	m->forward4 = m->forward6 = (struct machine_number){ true, 1 };
	for (size_t i = 0; i < f->interfaces.n; i++) {
		const struct interface *itf = f->interfaces.v[i];
		char *name = arena_strdup(x->a, itf->name);

		if (itf->wildcard)
			name[strlen(name) - 1] = '0';
		vec_push(x->a, &m->links, (struct machine_link){
				(int)i + 1, name, true });
		for (size_t n = 0; n < itf->n_address; n++)
			vec_push(x->a, &m->addresses, (struct machine_address){
				(int)i + 1, itf->address[n].r.lo, true });
	}
	for (size_t i = 0; i < t->zones.n; i++) {
		int link = link_to(x, (uint32_t)i);

		for (size_t n = 0; link > 0 && n < t->zones.v[i]->n_prefix; n++)
			add_route(m, &t->zones.v[i]->prefix[n], link);
	}
	return m;
}

/* Some address of which the topology says something, often a public one. */
static struct addr some_address(struct twins *x)
{
	const struct plan *p = x->p[0];
	const struct cell *c = &p->cell[draw(x, p->n_cell)];

	if (p->publics.n && draw(x, 4) == 0)
		return p->publics.v[draw(x, p->publics.n)].addr;
	return draw(x, 2) ? c->lo : c->hi;
}

static void change(struct twins *x, struct machine *m)
{
	int link = (int)draw(x, m->links.n + 1); /* 0: none has it */
	struct addr a = some_address(x);
	unsigned bits = addr_is_v4(a) ? 32 : 128;
	struct prefix to = { .v4 = addr_is_v4(a) };

	switch (draw(x, 6)) {
	case 0:
	case 1:
		vec_push(x->a, &m->addresses, (struct machine_address){
				link ? link : 1, a, true });
		break;
	case 2:
		if (!m->routes.n)
			break;
		m->routes.n--;
		m->routes.v[draw(x, m->routes.n + 1)] =
			m->routes.v[m->routes.n];
		break;
	case 3:
		if (m->addresses.n)
			m->addresses.v[draw(x, m->addresses.n)].link =
				link ? link : 1;
		break;
	case 4:
		m->links.v[draw(x, m->links.n)].up = false;
		break;
	default:
		to.len = bits - (draw(x, 2) ? (unsigned)draw(x, 17) : 0);
		to.r = range_of_prefix(a, to.len + 128 - bits);
		add_route(m, &to, link ? link : -1);
	}
}

/* ---- what is said of them --------------------------------------------------------------- */

/* Of a route what is not the range, of an address which and where: the part
 * knows of fewer ranges, and who has an address. */
static const char *key(struct arena *a, const struct machine_finding *f)
{
	const char *s = f->text, *has = strstr(s, " has ");
	size_t n;

	if (f->kind == MACHINE_ROUTE)
		return strstr(s, "(zone ");
	if (f->kind != MACHINE_ADDRESS || !has)
		return s;
	n = (size_t)(has - s) + 5;
	return arena_strndup(a, s, n + strcspn(s + n, ", "));
}

static bool found(struct arena *a, const struct machine_report *r,
		  const struct machine_finding *f)
{
	const char *want = key(a, f);

	for (size_t i = 0; i < r->findings.n; i++)
		if (r->findings.v[i].kind == f->kind &&
		    !strcmp(key(a, &r->findings.v[i]), want))
			return true;
	return false;
}

/* The cell of the first address of a finding about routes; NULL. */
static const struct cell *cell_of(struct twins *x, int i,
				  const struct machine_finding *f)
{
	struct prefix first;
	uint32_t cell;

	if (prefix_parse(x->a, f->text, strcspn(f->text, "-/ "), false, &first))
		return NULL;
	cell = plan_cell(x->p[i], first.r.lo);
	return cell == NONE ? NULL : &x->p[i]->cell[cell];
}

/* Does the part know where it belongs? */
static bool held(struct twins *x, const struct machine_finding *f)
{
	const struct cell *c = cell_of(x, 1, f);
	const char *zone = strstr(f->text, "(zone ") + 6;

	return c && c->zone != NONE &&
	       !strncmp(x->p[1]->topo->zones.v[c->zone]->name, zone,
			strcspn(zone, ")"));
}

/* Another firewall's address is here no more than what it forwards. */
static bool forwarded(struct twins *x, const struct machine_finding *f)
{
	const struct cell *c = cell_of(x, 0, f);

	return c && c->public != NONE;
}

static bool touched(const struct twins *x, const struct machine_finding *f)
{
	const char *zone = strstr(f->text, "(zone ") + 6;
	size_t n = strcspn(zone, ")");

	for (size_t i = 0; i < x->f[0]->interfaces.n; i++) {
		const char *name = x->f[0]->interfaces.v[i]->zone->name;

		if (strlen(name) == n && !strncmp(name, zone, n))
			return true;
	}
	return false;
}

/* May the part say less? Of routes to zones that the firewall does not touch,
 * if it does not hold the address, and of an address if it says so. */
static bool may_lack(struct twins *x, const struct machine_report *part,
		     const struct machine_finding *f)
{
	const char *address = strrchr(key(x->a, f), ' ');

	if (f->kind == MACHINE_ROUTE)
		return (!touched(x, f) && !held(x, f)) || forwarded(x, f);
	for (size_t i = 0; f->kind == MACHINE_ADDRESS &&
			   i < part->unjudged.n; i++)
		if (part->unjudged.v[i].kind == MACHINE_ADDRESS &&
		    strstr(part->unjudged.v[i].text,
			   arena_printf(x->a, "whether %s of ", address + 1)))
			return true;
	return false;
}

static void tell(struct twins *x, const char *who, const char *text)
{
	printf("%s, %s: only %s finds: %s\n", x->p[0]->topo->name,
	       x->f[0]->name, who, text);
	x->differ++;
}

static void judge(struct twins *x, const struct machine *m)
{
	struct machine_options opt = { 0 };
	struct machine_report r[2] = { { .findings = { 0 } } };

	for (int i = 0; i < 2; i++)
		machine_judge(x->a, x->p[i], x->f[i], m, &opt, &r[i]);
	for (size_t i = 0; i < r[1].findings.n; i++)
		if (!found(x->a, &r[0], &r[1].findings.v[i]) ||
		    strstr(r[1].findings.v[i].text, "zone elsewhere"))
			tell(x, "the part", r[1].findings.v[i].text);
	for (size_t i = 0; i < r[0].findings.n; i++)
		if (!found(x->a, &r[1], &r[0].findings.v[i]) &&
		    !may_lack(x, &r[1], &r[0].findings.v[i]))
			tell(x, "the whole", r[0].findings.v[i].text);
	x->findings += r[0].findings.n;
}

static bool open_part(struct twins *x, const char *path,
		      const struct firewall *f)
{
	const struct plan *whole = read_plan(x->a, path, NULL, true);
	struct buf text = { 0 };

	bundle_write(whole, topology_firewall(whole->topo, f->name), x->p[0],
		     &text);
	x->p[1] = read_plan(x->a, "part.xml", &text, false);
	x->f[0] = f;
	x->f[1] = x->p[1] ? topology_firewall(x->p[1]->topo, f->name) : NULL;
	buf_free(&text);
	return x->f[1];
}

int main(int argc, char **argv)
{
	struct twins x = { .random = 1 };
	size_t machines = 0;

	for (int i = 1; i < argc; i++) {
		const struct topology *t;

		x.a = arena_new();
		x.p[0] = read_plan(x.a, argv[i], NULL, false);
		t = x.p[0] ? x.p[0]->topo : NULL;
		for (size_t k = 0; t && k < t->firewalls.n; k++) {
			if (t->firewalls.v[k]->unmanaged)
				continue;
			if (!open_part(&x, argv[i], t->firewalls.v[k]))
				return 2;
			for (size_t n = 0; n < MACHINES; n++, machines++) {
				struct machine *m = true_machine(&x);

				for (size_t c = n % 4; c; c--)
					change(&x, m);
				judge(&x, m);
			}
		}
		arena_free(x.a);
		if (!t)
			return 2;
	}
	printf("%zu machines, %zu findings, %zu differ\n", machines,
	       x.findings, x.differ);
	return x.differ || !x.findings;
}
