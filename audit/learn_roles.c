#include "audit/learn_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/keys.h"

/*
 * Which roles explain what was seen? A pair of roles, one for each end of a
 * pair of parties, explains the services of the templates' flows between
 * them. It costs what it opens besides, among all the parties there are.
 */
static void list_rows(struct learn *l)
{
	const struct topology *t = l->judge->plan->topo;

	for (size_t i = 0; i < t->flows.n; i++) {
		const struct flow *f = t->flows.v[i];

		if (f->requirement == REQ_OPTIONAL)
			continue;
		for (size_t a = 0; a < f->from.n; a++)
			for (size_t b = 0; b < f->to.n; b++)
				for (size_t s = 0; s < f->services.n; s++) {
					const struct service *v =
						f->services.v[s];

					for (size_t k = 0; k < v->n_leaf; k++)
						vec_push(l->arena, &l->rows,
							 (struct row){
							 f->from.v[a]->id,
							 f->to.v[b]->id,
							 v->leaf[k] });
				}
	}
}

/* Where the flows of each pair of members begin: by from * members + to, and
 * one more at the end. */
static uint32_t *index_pairs(struct learn *l)
{
	size_t m = l->members.n;
	uint32_t *start = ARENA_ARRAY(l->arena, uint32_t, m * m + 1);

	for (size_t i = 0; i < l->flows.n; i++)
		start[l->flows.v[i].from * m + l->flows.v[i].to + 1]++;
	for (size_t i = 0; i < m * m; i++)
		start[i + 1] += start[i];
	return start;
}

/* A port that a service of fixed ports has is not a dynamic one's. */
static bool fixed_port(const struct learn *l, uint32_t key)
{
	for (size_t i = 0; i < l->rows.n; i++)
		if (!l->rows.v[i].leaf->dynamic &&
		    keys_has(l->rows.v[i].leaf->keys, key))
			return true;
	return false;
}

static bool row_explains(const struct learn *l, const struct row *r,
			 uint32_t key)
{
	return keys_has(r->leaf->keys, key) &&
	       !(r->leaf->dynamic && fixed_port(l, key));
}

struct worth {
	long gain, cost;
};

/* What row r adds between two members: what it explains that nothing did, or
 * what it opens that nobody used. */
static void weigh_row(const struct learn *l, const uint32_t *start,
		      size_t from, size_t to, const struct row *r,
		      struct worth *w)
{
	size_t p = from * l->members.n + to;
	bool used = false;

	for (uint32_t i = start[p]; i < start[p + 1]; i++) {
		const struct seen_flow *f = &l->flows.v[i];

		if (!row_explains(l, r, f->key))
			continue;
		used = true;
		w->gain += f->excepted;
	}
	w->cost += !used;
}

static bool implies(const struct role *r, uint32_t role)
{
	for (size_t i = 0; i < r->n_closure; i++)
		if (r->closure[i] == role)
			return true;
	return false;
}

static bool bears(const struct member *m, const struct role *more,
		  uint32_t role)
{
	return has_bit(m->bears, role) || (more && implies(more, role));
}

static bool apart(const struct member *a, const struct member *b)
{
	/* Inside a zone nothing is enforced, so nothing is opened. */
	const struct party *x = a->party, *y = b->party;

	while (x->parent)
		x = x->parent;
	while (y->parent)
		y = y->parent;
	return x != y;
}

/* All that changes if s bears a as well and d bears b. */
static struct worth weigh(const struct learn *l, const uint32_t *start,
			  size_t s, const struct role *a, size_t d,
			  const struct role *b)
{
	struct worth w = { 0, 0 };

	for (size_t i = 0; i < l->rows.n; i++) {
		const struct row *r = &l->rows.v[i];

		/* Of no concern to either of the two roles. */
		if (!implies(a, r->from) && !implies(a, r->to) &&
		    !implies(b, r->from) && !implies(b, r->to))
			continue;
		for (size_t k = 0; k < 2 * l->members.n; k++) {
			/* Every pair that has s or d in it, once. */
			size_t end = k < l->members.n ? s : d;
			size_t other = k % l->members.n;

			for (int way = 0; way < 2; way++) {
				size_t from = way ? other : end;
				size_t to = way ? end : other;
				const struct member *f = &l->members.v[from];
				const struct member *t = &l->members.v[to];

				if (from == to || (end == d && other == s) ||
				    !apart(f, t))
					continue;
				if (has_bit(f->bears, r->from) &&
				    has_bit(t->bears, r->to))
					continue;
				if (bears(f, from == s ? a : from == d ? b :
					     NULL, r->from) &&
				    bears(t, to == s ? a : to == d ? b : NULL,
					  r->to))
					weigh_row(l, start, from, to, r, &w);
			}
		}
	}
	return w;
}

struct choice_of {
	size_t s, d;
	const struct role *a, *b;
	struct worth w;
};

static bool better(const struct worth *x, const struct worth *y)
{
	if (x->gain - x->cost != y->gain - y->cost)
		return x->gain - x->cost > y->gain - y->cost;
	return x->gain > y->gain;
}

/* The best pair of roles for this pair of members. */
static void try_pair(const struct learn *l, const uint32_t *start,
		     size_t s, size_t d, struct choice_of *best)
{
	const struct topology *t = l->judge->plan->topo;
	size_t p = s * l->members.n + d;
	bool tried = false;

	for (size_t i = 0; i < l->rows.n; i++) {
		const struct row *r = &l->rows.v[i];
		struct choice_of c = { s, d, t->roles.v[r->from],
				       t->roles.v[r->to], { 0, 0 } };
		bool any = false;

		/* Rows of one pair of roles stand side by side. */
		if (i && tried && r[-1].from == r->from && r[-1].to == r->to)
			continue;
		tried = false;
		for (uint32_t k = start[p]; k < start[p + 1]; k++)
			any |= l->flows.v[k].excepted &&
			       row_explains(l, r, l->flows.v[k].key);
		if (!any)
			continue;
		tried = true;
		c.w = weigh(l, start, s, c.a, d, c.b);
		if (c.w.gain > 0 && c.w.cost <= c.w.gain &&
		    (!best->a || better(&c.w, &best->w)))
			*best = c;
	}
}

static void bear(struct member *m, const struct role *r)
{
	for (size_t i = 0; i < r->n_closure; i++)
		set_bit(m->bears, r->closure[i]);
}

static void give(struct member *m, const struct role *r)
{
	if (has_bit(m->bears, r->id))
		return;
	set_bit(m->given, r->id);
	bear(m, r);
}

/* What the skeleton gives, and what was given here. */
static void work_out(const struct learn *l, struct member *m)
{
	const struct topology *t = l->judge->plan->topo;

	memset(m->bears, 0, sizeof(m->bears));
	for (const struct party *p = m->party; p; p = p->parent)
		for (size_t k = 0; k < p->roles.n; k++)
			if (p->roles.v[k]->id < LEARN_ROLES)
				bear(m, p->roles.v[k]);
	for (uint32_t r = 0; r < LEARN_ROLES; r++)
		if (has_bit(m->given, r))
			bear(m, t->roles.v[r]);
}

/* How many flows remain that no role explains. */
static size_t explain(struct learn *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->flows.n; i++) {
		struct seen_flow *f = &l->flows.v[i];
		const struct member *s = &l->members.v[f->from];
		const struct member *d = &l->members.v[f->to];

		f->excepted = true;
		for (size_t k = 0; k < l->rows.n && f->excepted; k++)
			f->excepted = !has_bit(s->bears, l->rows.v[k].from) ||
				      !has_bit(d->bears, l->rows.v[k].to) ||
				      !row_explains(l, &l->rows.v[k], f->key);
		n += f->excepted;
	}
	return n;
}

/* A role given early may be idle once others are there. */
static void prune(struct learn *l)
{
	size_t before = explain(l);

	for (size_t i = 0; i < l->members.n; i++) {
		struct member *m = &l->members.v[i];

		for (uint32_t r = 0; r < LEARN_ROLES; r++) {
			if (!has_bit(m->given, r))
				continue;
			m->given[r / 64] &= ~(UINT64_C(1) << r % 64);
			work_out(l, m);
			if (explain(l) == before)
				continue;
			set_bit(m->given, r);
			work_out(l, m);
		}
	}
	explain(l);
}

void learn_assign_roles(struct learn *l)
{
	uint32_t *start;

	if (!l->rows.n)
		list_rows(l);
	if (l->members.n > LEARN_PARTIES ||
	    l->judge->plan->topo->roles.n > LEARN_ROLES) {
		for (size_t i = 0; i < l->flows.n; i++)
			l->flows.v[i].excepted = true;
		return;
	}
	for (size_t i = 0; i < l->members.n; i++)
		work_out(l, &l->members.v[i]);
	explain(l);
	start = index_pairs(l);
	for (;;) {
		struct choice_of best = { 0, 0, NULL, NULL, { 0, 0 } };

		for (size_t s = 0; s < l->members.n; s++)
			for (size_t d = 0; d < l->members.n; d++)
				if (start[s * l->members.n + d] <
				    start[s * l->members.n + d + 1])
					try_pair(l, start, s, d, &best);
		if (!best.a)
			break;
		give(&l->members.v[best.s], best.a);
		give(&l->members.v[best.d], best.b);
		explain(l);
	}
	prune(l);
}

/* ---- pins ------------------------------------------------------------------ */

/* More ports than a pin would have: the service is not pinned. */
enum { PIN_PORTS = 4 };

static struct role_pin *pin_for(struct learn *l, const struct row *r,
				uint16_t port)
{
	struct role_pin *free_one = NULL;

	for (size_t i = 0; i < l->pins.n; i++) {
		struct role_pin *p = &l->pins.v[i];

		if (p->role != r->to)
			continue;
		for (size_t k = 0; k < p->ports.n; k++)
			if (p->ports.v[k] == port)
				return NULL;
		if (p->service == r->leaf)
			free_one = p;
	}
	if (free_one)
		return free_one;
	vec_push(l->arena, &l->pins, (struct role_pin){ r->to, r->leaf,
							{ 0 } });
	return &l->pins.v[l->pins.n - 1];
}

/* The dynamic service of the fewest ports so far among those that explain it:
 * which of several has which port, the packets do not say. */
static void pin_flow(struct learn *l, const struct seen_flow *f)
{
	const struct member *s = &l->members.v[f->from];
	const struct member *d = &l->members.v[f->to];
	const struct row *best = NULL;
	size_t fewest = SIZE_MAX;

	for (size_t k = 0; k < l->rows.n; k++) {
		const struct row *r = &l->rows.v[k];
		size_t n = 0;

		if (!has_bit(s->bears, r->from) || !has_bit(d->bears, r->to) ||
		    !row_explains(l, r, f->key))
			continue;
		if (!r->leaf->dynamic)
			return;
		for (size_t i = 0; i < l->pins.n; i++)
			if (l->pins.v[i].role == r->to &&
			    l->pins.v[i].service == r->leaf)
				n = l->pins.v[i].ports.n;
		if (n < fewest) {
			fewest = n;
			best = r;
		}
	}
	if (best) {
		uint16_t port = (uint16_t)key_detail(f->key);
		struct role_pin *p = pin_for(l, best, port);

		if (p)
			vec_push(l->arena, &p->ports, port);
	}
}

void learn_find_pins(struct learn *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->flows.n; i++)
		if (!l->flows.v[i].excepted)
			pin_flow(l, &l->flows.v[i]);
	for (size_t i = 0; i < l->pins.n; i++)
		if (l->pins.v[i].ports.n <= PIN_PORTS)
			l->pins.v[n++] = l->pins.v[i];
	l->pins.n = n;
}

/* ---- roles that are refused -------------------------------------------------- */

/* A role that was proposed for one. */
struct gift {
	struct member *to;
	uint32_t role;
	size_t flows; /* that its bearer takes part in */
};

struct sieve {
	struct learn *l;
	VEC(struct gift) gifts;
	learn_taken_fn *taken;
	void *ctx;
};

static size_t take_part(const struct learn *l, uint32_t member)
{
	size_t n = 0;

	for (size_t i = 0; i < l->flows.n; i++)
		n += l->flows.v[i].from == member || l->flows.v[i].to == member;
	return n;
}

/* Who explains most goes first, and so stays. */
static int by_flows(const void *a, const void *b)
{
	const struct gift *x = a, *y = b;

	if (x->flows != y->flows)
		return x->flows > y->flows ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->role < y->role ? -1 : x->role > y->role;
}

static void list_gifts(struct sieve *s)
{
	struct learn *l = s->l;

	for (uint32_t i = 0; i < l->members.n; i++) {
		struct member *m = &l->members.v[i];
		size_t flows = take_part(l, i);

		for (uint32_t r = 0; r < LEARN_ROLES; r++)
			if (has_bit(m->given, r))
				vec_push(l->arena, &s->gifts,
					 (struct gift){ m, r, flows });
	}
	if (s->gifts.n)
		qsort(s->gifts.v, s->gifts.n, sizeof(*s->gifts.v), by_flows);
}

static void find_pins_anew(struct learn *l)
{
	explain(l);
	l->pins.n = 0;
	learn_find_pins(l);
}

static void set_gifts(struct sieve *s, size_t from, size_t n, bool on)
{
	for (size_t i = from; i < from + n; i++) {
		const struct gift *g = &s->gifts.v[i];
		uint64_t bit = UINT64_C(1) << g->role % 64;

		g->to->given[g->role / 64] &= ~bit;
		g->to->given[g->role / 64] |= on ? bit : 0;
		work_out(s->l, g->to);
	}
	find_pins_anew(s->l);
}

/* Of roles that nobody has yet, beside those before them, by halves: two may
 * be refused that alone are not. */
static void sift(struct sieve *s, size_t from, size_t n)
{
	set_gifts(s, from, n, true);
	if (s->taken(s->ctx))
		return;
	set_gifts(s, from, n, false);
	if (n < 2)
		return;
	sift(s, from, n / 2);
	sift(s, from + n / 2, n - n / 2);
}

void learn_sift_roles(struct learn *l, learn_taken_fn *taken, void *ctx)
{
	struct sieve s = { .l = l, .taken = taken, .ctx = ctx };

	list_gifts(&s);
	set_gifts(&s, 0, s.gifts.n, false);
	sift(&s, 0, s.gifts.n);
	prune(l);
	find_pins_anew(l);
}
