#include <string.h>

#include "plan/internal.h"

/* ---- pins ------------------------------------------------------------------------ */

static void port_list(struct key_set k, struct buf *out)
{
	for (size_t i = 0; i < k.n; i++) {
		buf_printf(out, "%s%u", i ? " " : "", key_detail(k.r[i].lo));
		if (k.r[i].hi != k.r[i].lo)
			buf_printf(out, "-%u", key_detail(k.r[i].hi));
	}
}

static bool said_before(struct build *b, struct map *seen, const void *x,
			const void *y)
{
	const void *key[2] = { x, y };
	int is_new;

	map_add(b->scratch, seen, key, sizeof(key), &is_new);
	return !is_new;
}

static void pins_of_class(struct build *b, struct map *seen,
			  const struct class *c)
{
	const struct lists *l = &b->plan->lists;

	for (size_t i = 0; i < l->len[c->pins]; i++)
		for (size_t k = 0; k < i; k++) {
			const struct pin *x = b->topo->pins.v[l->v[c->pins][k]];
			const struct pin *y = b->topo->pins.v[l->v[c->pins][i]];
			struct buf ports = { 0 };

			if (x->service == y->service ||
			    !keys_meet(x->ports, y->ports) ||
			    said_before(b, seen, x, y))
				continue;
			port_list(keys_and(b->scratch, x->ports, y->ports),
				  &ports);
			diag_add2(b->d, SEV_ERROR, y->at, x->at,
				  "the other one",
				  "the pins of \"%s\" and \"%s\" overlap on "
				  "port %s: each service needs its own",
				  y->service->name, x->service->name, ports.s);
			buf_free(&ports);
		}
}

/* A whole protocol is no fixed port. */
static bool fixes_a_port(const struct service *s, const struct pin *pin)
{
	for (size_t i = 0; i < s->keys.n; i++) {
		struct key_range r = s->keys.r[i];

		if (key_proto(r.lo) == key_proto(r.hi) && key_detail(r.lo) &&
		    keys_meet(pin->ports, (struct key_set){ &r, 1 }))
			return true;
	}
	return false;
}

/* Fixed ports of template services that are planned to a pinned host. */
static void pins_of_pair(struct build *b, struct map *seen,
			 const struct pair *pair)
{
	const struct plan *p = b->plan;
	const struct class *c = &p->classes.v[pair->to];
	const struct svcset *s = &p->svcsets.v[pair->svc];

	for (size_t i = 0; i < p->lists.len[c->pins]; i++) {
		const struct pin *pin =
			b->topo->pins.v[p->lists.v[c->pins][i]];

		for (size_t k = 0; k < s->n; k++) {
			const struct reason *r = &p->reasons.v[s->v[k].reason];
			struct key_range keys = s->v[k].keys;

			if (r->kind != REASON_FLOW || r->service->dynamic ||
			    !fixes_a_port(r->service, pin) ||
			    !keys_meet(pin->ports,
				       (struct key_set){ &keys, 1 }) ||
			    said_before(b, seen, pin, r->service))
				continue;
			diag_add2(b->d, SEV_ERROR, pin->at, r->service->at,
				  "it is given here",
				  "the pin of \"%s\" lies on a port of service "
				  "\"%s\", which is planned to the same host",
				  pin->service->name, r->service->name);
		}
	}
}

static void check_pins(struct build *b)
{
	struct plan *p = b->plan;
	struct map seen = { 0 };

	for (size_t i = 0; i < p->n_plain; i++)
		pins_of_class(b, &seen, &p->classes.v[i]);
	for (size_t i = 0; i < p->pairs.n; i++)
		pins_of_pair(b, &seen, &p->pairs.v[i]);
	for (size_t i = 0; i < b->topo->pins.n; i++)
		if (!b->pin_used[i])
			diag_add(b->d, SEV_WARNING, b->topo->pins.v[i]->at,
				 "this pin is never used: no flow opens \"%s\" "
				 "there", b->topo->pins.v[i]->service->name);
}

/* ---- ipsec ----------------------------------------------------------------------- */

static bool same_except(const struct ipsec *x, const struct ipsec *y)
{
	for (int swap = 0; swap < 2; swap++) {
		for (size_t i = 0; i < x->except.n; i++) {
			bool found = false;

			for (size_t k = 0; k < y->except.n; k++)
				found |= x->except.v[i] == y->except.v[k];
			if (!found)
				return false;
		}
		const struct ipsec *t = x;

		x = y;
		y = t;
	}
	return true;
}

/* The attributes in which two elements differ, as a list. */
static void differences(const struct ipsec *x, const struct ipsec *y,
			struct buf *out)
{
	if (x->esp != y->esp || x->ah != y->ah)
		buf_puts(out, ", protocols");
	if (x->nat_traversal != y->nat_traversal)
		buf_puts(out, ", nat-traversal");
	if (x->auth != y->auth)
		buf_puts(out, ", ike-auth");
	if (!same_except(x, y))
		buf_puts(out, ", except");
	if (out->n) {
		memmove(out->s, out->s + 2, out->n - 1);
		out->n -= 2;
	}
}

static void check_agreement(struct build *b, struct map *seen, uint32_t list)
{
	const struct lists *l = &b->plan->lists;

	for (size_t i = 1; i < l->len[list]; i++) {
		const struct ipsec *x = b->topo->ipsecs.v[l->v[list][0]];
		const struct ipsec *y = b->topo->ipsecs.v[l->v[list][i]];

		struct buf differ = { 0 };

		differences(x, y, &differ);
		if (differ.n && !said_before(b, seen, x, y))
			diag_add2(b->d, SEV_ERROR, y->at, x->at,
				  "the other one",
				  "two ipsec elements cover the same pair of "
				  "addresses and do not agree in %s", differ.s);
		buf_free(&differ);
	}
}

static bool unpinned_somewhere(struct build *b, uint32_t id,
			       const struct service *s)
{
	const struct plan *p = b->plan;

	for (size_t i = 0; i < p->pairs.n; i++) {
		const struct pair *pair = &p->pairs.v[i];
		uint32_t pin;

		if (!list_meets(&p->lists, p->svcsets.v[pair->svc].ipsec, id))
			continue;
		service_keys_at(b, s, pair->to, &pin);
		if (pin == NONE && !p->classes.v[pair->to].dynamic)
			return true;
	}
	return false;
}

static void check_ipsec(struct build *b, const struct ipsec *s)
{
	if (!b->ipsec_used[s->id])
		diag_add(b->d, SEV_WARNING, s->at,
			 "this ipsec covers nothing that is planned");
	for (size_t i = 0; i < s->except.n; i++)
		for (size_t k = 0; k < s->except.v[i]->n_leaf; k++) {
			const struct service *leaf = s->except.v[i]->leaf[k];

			if (leaf->dynamic &&
			    unpinned_somewhere(b, s->id, leaf))
				diag_add(b->d, SEV_WARNING, s->at,
					 "\"%s\" in except is dynamic and not "
					 "pinned: its whole range stays in the "
					 "clear", leaf->name);
		}
}

static void check_ipsecs(struct build *b)
{
	struct map seen = { 0 };

	for (size_t i = 0; i < b->plan->svcsets.n; i++)
		check_agreement(b, &seen, b->plan->svcsets.v[i].ipsec);
	for (size_t i = 0; i < b->topo->ipsecs.n; i++)
		check_ipsec(b, b->topo->ipsecs.v[i]);
}

static void check_zones_have_space(struct build *b)
{
	const struct topology *t = b->topo;
	unsigned char *has = ARENA_ARRAY(b->scratch, unsigned char, t->zones.n);

	for (size_t i = 0; i < b->plan->n_cell; i++)
		if (b->plan->cell[i].zone != NONE)
			has[b->plan->cell[i].zone] = 1;
	for (size_t i = 0; i < t->zones.n; i++)
		if (!has[i])
			diag_add(b->d, SEV_WARNING, t->zones.v[i]->at,
				 "zone \"%s\" has no address of its own: "
				 "others hold all of it", t->zones.v[i]->name);
}

void check_plan(struct build *b)
{
	check_zones_have_space(b);
	check_uses(b);
	check_servers(b);
	check_joins(b);
	check_pins(b);
	check_ipsecs(b);
}
