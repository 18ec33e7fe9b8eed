#include "plan/internal.h"
#include "plan/nat.h"

/*
 * No planned packet may match a forbid: carried, IPsec's own and input flows
 * included. Cells are compared, not classes, since a forbid may cut a class.
 */
struct inquest {
	struct build *b;
	const struct rule *f;
	uint32_t from_end, to_end, except_end;
	struct key_set keys; /* literal ones and those of fixed services */
	unsigned char *from, *to; /* by class: families of its cells in it */
	bool *told; /* by reason */
	size_t said, more;
};

static bool wants_from(const struct inquest *q, uint32_t c)
{
	return cell_in_end(q->b->plan, c, q->from_end) &&
	       !cell_in_end(q->b->plan, c, q->except_end);
}

/* Of a class, and of the wide ones that it is in. */
static void mark_class(const struct plan *p, unsigned char *families,
		       uint32_t cls, unsigned fam)
{
	families[cls] |= (unsigned char)fam;
	families[p->classes.v[cls].source] |= (unsigned char)fam;
	families[p->classes.v[cls].dest] |= (unsigned char)fam;
}

static void mark_classes(struct inquest *q)
{
	const struct plan *p = q->b->plan;

	q->from = ARENA_ARRAY(q->b->scratch, unsigned char, p->classes.n);
	q->to = ARENA_ARRAY(q->b->scratch, unsigned char, p->classes.n);
	for (uint32_t c = 0; c < p->n_cell; c++) {
		if (p->cell[c].cls == NONE)
			continue;
		if (wants_from(q, c))
			mark_class(p, q->from, p->cell[c].cls,
				   cell_family(&p->cell[c]));
		if (cell_in_end(p, c, q->to_end))
			mark_class(p, q->to, p->cell[c].cls,
				   cell_family(&p->cell[c]));
	}
}

static struct key_set forbidden_at(struct inquest *q, uint32_t to)
{
	struct key_set k = q->f->what.keys;

	for (size_t i = 0; i < q->f->what.services.n; i++)
		for (size_t l = 0; l < q->f->what.services.v[i]->n_leaf; l++) {
			uint32_t pin;

			k = keys_union(q->b->scratch, k, service_keys_at(q->b,
				q->f->what.services.v[i]->leaf[l], to, &pin));
		}
	return k;
}

/* Cells and, NULL: the first of the cell, addresses. */
static void say_as(struct inquest *q, uint32_t s, const struct addr *from,
		   uint32_t d, const struct addr *to, uint32_t key,
		   uint32_t reason)
{
	const struct plan *p = q->b->plan;
	const struct reason *r = &p->reasons.v[reason];
	char a[ADDR_TEXT], z[ADDR_TEXT] = "the firewall itself", k[KEY_TEXT];

	if (q->told[reason])
		return;
	q->told[reason] = true;
	if (q->said++ >= 3) {
		q->more++;
		return;
	}
	key_text((struct key_range){ key, key }, k);
	addr_text(from ? *from : p->cell[s].lo, a);
	if (d != NONE)
		addr_text(to ? *to : p->cell[d].lo, z);
	diag_add2(q->b->d, SEV_ERROR, q->f->at, reason_span(r),
		  "it is planned here",
		  "forbidden, and planned: %s from \"%s\" (%s) to \"%s\" (%s), "
		  "by %s", k, plan_party_name(p, p->cell[s].party), a,
		  d == NONE ? r->input->firewall->name :
			      plan_party_name(p, p->cell[d].party), z,
		  reason_ident(p, reason, q->b->scratch));
}

static void say(struct inquest *q, uint32_t s, uint32_t d, uint32_t key,
		uint32_t reason)
{
	say_as(q, s, NULL, d, NULL, key, reason);
}

/* A source and a destination among the given cells, not the same address. */
static bool find_cells(struct inquest *q, const struct class *cf,
		       const struct class *ct, uint32_t from_end,
		       uint32_t to_end, unsigned fam, uint32_t *s, uint32_t *d)
{
	const struct plan *p = q->b->plan;

	for (size_t i = 0; i < cf->n_cell; i++) {
		uint32_t x = cf->cell[i];

		if (!(cell_family(&p->cell[x]) & fam) || !wants_from(q, x) ||
		    (from_end != NONE && !cell_in_end(p, x, from_end)))
			continue;
		for (size_t k = 0; k < ct->n_cell; k++) {
			uint32_t y = ct->cell[k];

			if (cell_family(&p->cell[y]) !=
				    cell_family(&p->cell[x]) ||
			    !cell_in_end(p, y, q->to_end) ||
			    (to_end != NONE && !cell_in_end(p, y, to_end)) ||
			    (x == y && addr_eq(p->cell[x].lo, p->cell[x].hi)))
				continue;
			*s = x;
			*d = y;
			return true;
		}
	}
	return false;
}

static void try_keys(struct inquest *q, uint32_t from, uint32_t to,
		     uint32_t from_end, uint32_t to_end, struct key_range r,
		     unsigned families, uint32_t reason)
{
	const struct plan *p = q->b->plan;
	struct key_set one = { &r, 1 };
	struct key_set hit = keys_and(q->b->scratch, one, forbidden_at(q, to));

	for (unsigned fam = FAM_V4; fam <= FAM_V6; fam++) {
		struct key_set k = keys_of_family(q->b->scratch, hit,
						  fam == FAM_V4);
		uint32_t s, d;

		if (!k.n || !(families & fam & q->from[from] & q->to[to]) ||
		    !find_cells(q, &p->classes.v[from], &p->classes.v[to],
				from_end, to_end, fam, &s, &d))
			continue;
		say(q, s, d, k.r[0].lo, reason);
		return;
	}
}

static void try_svcset(struct inquest *q, uint32_t from, uint32_t to,
		       uint32_t from_end, uint32_t to_end, uint32_t svc)
{
	const struct svcset *s = &q->b->plan->svcsets.v[svc];

	for (size_t i = 0; i < s->n; i++)
		try_keys(q, from, to, from_end, to_end, s->v[i].keys,
			 FAM_V4 | FAM_V6, s->v[i].reason);
}

static void try_ike_keys(struct inquest *q, uint32_t from, uint32_t to,
			 uint32_t from_end, uint32_t to_end, uint32_t list,
			 unsigned families, bool nat)
{
	const struct plan *p = q->b->plan;

	for (size_t i = 0; families && i < p->lists.len[list]; i++) {
		uint32_t id = p->lists.v[list][i];
		struct key_set k = ipsec_keys(q->b->scratch,
					      q->b->topo->ipsecs.v[id],
					      nat);

		for (size_t x = 0; x < k.n; x++)
			try_keys(q, from, to, from_end, to_end, k.r[x],
				 families, p->ipsec_reason + id);
	}
}

static void try_ike(struct inquest *q, uint32_t from, uint32_t to,
		    uint32_t from_end, uint32_t to_end, uint32_t list,
		    unsigned families)
{
	unsigned nat = families ? nat_families(q->b->plan, from, to) : 0;

	try_ike_keys(q, from, to, from_end, to_end, list, families & ~nat,
		     false);
	try_ike_keys(q, from, to, from_end, to_end, list, families & nat,
		     true);
}

static void try_bare_input(struct inquest *q, const struct product *x)
{
	const struct plan *p = q->b->plan;
	const struct class *cf = &p->classes.v[x->from];
	const struct svcset *s = &p->svcsets.v[x->svc];
	struct key_set forbidden = forbidden_at(q, x->to);
	bool named = false;

	for (size_t i = 0; i < q->f->to.n; i++)
		named |= q->f->to.v[i].kind == END_PARTY &&
			 q->f->to.v[i].party->firewall ==
				 p->topo->firewalls.v[x->to];
	for (size_t i = 0; named && i < s->n; i++) {
		struct key_range r = s->v[i].keys;

		if (!keys_meet((struct key_set){ &r, 1 }, forbidden))
			continue;
		for (size_t k = 0; k < cf->n_cell; k++)
			if (wants_from(q, cf->cell[k]) &&
			    cell_in_end(p, cf->cell[k], x->from_end)) {
				say(q, cf->cell[k], NONE, r.lo,
				    s->v[i].reason);
				break;
			}
	}
}

/*
 * A literal prefix may hold public addresses. What is planned is said of the
 * own ones, so what is planned between those is asked for by the packet that
 * bears the public address: only where something translates it is it planned.
 */
static bool literal_has(const struct ends *e, struct addr a)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].kind == END_PREFIX &&
		    addr_cmp(e->v[i].prefix.r.lo, a) <= 0 &&
		    addr_cmp(a, e->v[i].prefix.r.hi) <= 0)
			return true;
	return false;
}

/* By which reason a packet of one of these keys is planned, and of which; NONE.
 * Of a range the first is asked. */
static uint32_t planned_as(const struct inquest *q, struct key_set keys,
			   struct addr src, struct addr dst, uint32_t *key)
{
	for (size_t i = 0; i < keys.n; i++) {
		struct packet k = { src, dst, (uint8_t)key_proto(keys.r[i].lo),
				    (uint16_t)key_detail(keys.r[i].lo) };
		struct answer a = plan_verdict(q->b->plan, &k);

		*key = keys.r[i].lo;
		if (a.n_reason && (a.verdict == VERDICT_ALLOWED ||
				   a.why == WHY_ONLY_IPSEC))
			return a.reason[0];
	}
	return NONE;
}

/* What of the own keys from s to d is forbidden; u: as it forwards them. */
static struct key_set forbidden_of(struct inquest *q, uint32_t s, uint32_t d,
				   const struct publish *u)
{
	struct arena *a = q->b->scratch;
	const struct plan *p = q->b->plan;
	struct key_set k = plan_opened(p, s, d, a);

	if (u)
		k = publish_public_keys(u, k, a);
	k = keys_and(a, k, forbidden_at(q, p->cell[d].cls));
	return keys_of_family(a, k, addr_is_v4(p->cell[d].lo));
}

static void try_public_to(struct inquest *q, const struct public_addr *x,
			  uint32_t d, const struct publish *u)
{
	const struct plan *p = q->b->plan;

	for (uint32_t s = 0; s < p->n_cell && !cell_in_end(p, d, q->to_end);
	     s++) {
		uint32_t key, reason;

		if (p->cell[s].cls == NONE || !wants_from(q, s) ||
		    cell_family(&p->cell[s]) != cell_family(&p->cell[d]))
			continue;
		reason = planned_as(q, forbidden_of(q, s, d, u),
				    p->cell[s].lo, x->addr, &key);
		if (reason != NONE)
			say_as(q, s, NULL, d, &x->addr, key, reason);
	}
}

static void try_public_from(struct inquest *q, struct addr seen, uint32_t s)
{
	const struct plan *p = q->b->plan;

	if (cell_in_end(p, s, q->from_end) ||
	    cell_in_end(p, s, q->except_end) ||
	    addr_is_v4(p->cell[s].lo) != addr_is_v4(seen))
		return;
	for (uint32_t d = 0; d < p->n_cell; d++) {
		uint32_t key, reason;

		if (p->cell[d].cls == NONE || !cell_in_end(p, d, q->to_end) ||
		    cell_family(&p->cell[d]) != cell_family(&p->cell[s]))
			continue;
		reason = planned_as(q, forbidden_of(q, s, d, NULL), seen,
				    p->cell[d].lo, &key);
		if (reason != NONE)
			say_as(q, s, &seen, d, NULL, key, reason);
	}
}

static bool sees_from(const struct inquest *q, struct addr a)
{
	return literal_has(&q->f->from, a) && !literal_has(&q->f->except, a);
}

/* Who hides behind the interfaces of firewalls. */
static void try_interfaces(struct inquest *q)
{
	const struct plan *p = q->b->plan;

	for (size_t f = 0; f < p->topo->firewalls.n; f++)
		for (size_t i = 0; i < p->classes.v[f].n_cell; i++) {
			struct addr a = p->cell[p->classes.v[f].cell[i]].lo;

			for (size_t k = 0; sees_from(q, a) &&
			     k < p->masqueraded.n; k++)
				try_public_from(q, a, p->masqueraded.v[k]);
		}
}

static void try_publics(struct inquest *q)
{
	const struct plan *p = q->b->plan;

	for (size_t i = 0; i < p->publics.n; i++) {
		const struct public_addr *x = &p->publics.v[i];
		bool from = sees_from(q, x->addr);
		bool to = literal_has(&q->f->to, x->addr);

		if (to && x->own != NONE)
			try_public_to(q, x, x->own, NULL);
		for (size_t k = 0; to && k < x->publishes.n; k++) {
			const struct publish *u =
				p->topo->publishes.v[x->publishes.v[k]];

			try_public_to(q, x, plan_cell(p, u->own), u);
		}
		if (from && x->own != NONE)
			try_public_from(q, x->addr, x->own);
		for (size_t k = 0; from && k < x->members.n; k++)
			try_public_from(q, x->addr, x->members.v[k]);
	}
}

/* A firewall without addresses is in no cell: as a destination its inputs are
 * asked for, as a source it is warned of already. */
static bool names_bare_firewall(const struct inquest *q,
				const struct ends *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].kind == END_PARTY && v->v[i].party->firewall &&
		    !q->b->plan->classes.v[v->v[i].party->firewall->id].n_cell)
			return true;
	return false;
}

/* An address that it is about, and another of its family? One source and one
 * destination of a family are enough to tell: cells are kept, not pairs. */
static bool forbids_some(const struct inquest *q)
{
	const struct plan *p = q->b->plan;
	uint32_t from[2] = { NONE, NONE }, to[2] = { NONE, NONE };
	bool wide[2] = { false, false }; /* several addresses on a side */

	for (uint32_t c = 0; c < p->n_cell; c++) {
		int v6 = cell_family(&p->cell[c]) == FAM_V6;
		bool many = !addr_eq(p->cell[c].lo, p->cell[c].hi);

		if (wants_from(q, c)) {
			wide[v6] |= many || from[v6] != NONE;
			from[v6] = c;
		}
		if (cell_in_end(p, c, q->to_end)) {
			wide[v6] |= many || to[v6] != NONE;
			to[v6] = c;
		}
	}
	for (int v6 = 0; v6 < 2; v6++)
		if (from[v6] != NONE && to[v6] != NONE &&
		    (wide[v6] || from[v6] != to[v6]))
			return true;
	return false;
}

static void check_forbid(struct build *b, const struct rule *f)
{
	const struct plan *p = b->plan;
	struct inquest q = { .b = b, .f = f };

	q.told = ARENA_ARRAY(b->scratch, bool, p->reasons.n);
	q.from_end = p->end_forbid + 3 * f->id;
	q.to_end = q.from_end + 1;
	q.except_end = q.from_end + 2;
	if (!forbids_some(&q) && !names_bare_firewall(&q, &f->from) &&
	    !names_bare_firewall(&q, &f->to))
		diag_add(b->d, SEV_WARNING, f->at,
			 "this forbid forbids nothing: no address of \"from\" "
			 "has another of its family in \"to\"");
	mark_classes(&q);
	for (size_t i = 0; i < p->pairs.n; i++) {
		const struct pair *x = &p->pairs.v[i];

		if (!(q.from[x->from] & q.to[x->to]))
			continue;
		try_svcset(&q, x->from, x->to, NONE, NONE, x->svc);
		try_ike(&q, x->from, x->to, NONE, NONE, x->ike,
			x->ike_families);
	}
	for (size_t i = 0; i < p->products.n; i++) {
		const struct product *x = &p->products.v[i];
		const struct svcset *s = &p->svcsets.v[x->svc];

		if (x->any_local) {
			try_bare_input(&q, x);
			continue;
		}
		if (q.from[x->from] & q.to[x->to]) {
			try_svcset(&q, x->from, x->to, x->from_end, x->to_end,
				   x->svc);
			try_ike(&q, x->from, x->to, x->from_end, x->to_end,
				s->ipsec, s->ike_families);
		}
		if (q.from[x->to] & q.to[x->from])
			try_ike(&q, x->to, x->from, x->to_end, x->from_end,
				s->ipsec, s->ike_families);
	}
	try_publics(&q);
	try_interfaces(&q);
	if (q.more)
		diag_add(b->d, SEV_ERROR, f->at,
			 "forbidden, and planned: %zu more flow%s", q.more,
			 q.more > 1 ? "s" : "");
}

void check_forbids(struct build *b)
{
	for (size_t i = 0; i < b->topo->forbids.n; i++)
		check_forbid(b, b->topo->forbids.v[i]);
}
