#include "plan/internal.h"

/* The classes that an end meets, with the families of the parts in it. */
struct part {
	uint32_t cls;
	unsigned families;
};

struct parts {
	struct part *v;
	size_t n, cap;
};

struct maker {
	struct build *b;
	struct parts *parts; /* by end id */
	struct map ids;	     /* end, class -> part */
};

static void add_part(struct maker *m, uint32_t end, uint32_t cls, unsigned fam)
{
	struct build *b = m->b;
	uint32_t key[2] = { end, cls };
	int is_new;
	struct map_entry *e = map_add(b->scratch, &m->ids, key, sizeof(key),
				      &is_new);

	if (is_new) {
		e->val.u = (uint32_t)m->parts[end].n;
		vec_push(b->scratch, &m->parts[end], (struct part){ cls, 0 });
	}
	m->parts[end].v[e->val.u].families |= fam;
}

/* The `to` of an allow; all others are sources. */
static bool is_destination(const struct plan *p, uint32_t end)
{
	return end >= p->end_allow && end < p->end_forbid &&
	       (end - p->end_allow) % 2;
}

/* Parts of several classes that are in a wide one are one part, if all have
 * the same families there. */
static void widen_parts(struct maker *m, uint32_t end)
{
	const struct plan *p = m->b->plan;
	struct parts *all = &m->parts[end], out = { 0 };
	struct map ids = { 0 };
	struct wide_part {
		uint32_t cls;
		size_t first, n;
		bool differ;
	} *wide = ARENA_ARRAY(m->b->scratch, struct wide_part, all->n);
	uint32_t *of = ARENA_ARRAY(m->b->scratch, uint32_t, all->n), n = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct class *c = &p->classes.v[all->v[i].cls];
		uint32_t cls = is_destination(p, end) ? c->dest : c->source;
		int is_new;
		struct map_entry *e = map_add(m->b->scratch, &ids, &cls,
					      sizeof(cls), &is_new);

		if (is_new) {
			e->val.u = n;
			wide[n++] = (struct wide_part){ .cls = cls,
							.first = i };
		}
		of[i] = e->val.u;
		wide[of[i]].n++;
		wide[of[i]].differ |= all->v[i].families !=
				      all->v[wide[of[i]].first].families;
	}
	for (size_t i = 0; i < all->n; i++) {
		const struct wide_part *w = &wide[of[i]];
		struct part x = all->v[i];

		if (w->n > 1 && !w->differ) {
			if (w->first != i)
				continue;
			x.cls = w->cls;
		}
		vec_push(m->b->scratch, &out, x);
	}
	*all = out;
}

/* Each combination of class, family and ends is looked at once. */
static void find_parts(struct maker *m)
{
	struct build *b = m->b;
	struct plan *p = b->plan;
	struct map seen = { 0 };

	m->parts = ARENA_ARRAY(b->scratch, struct parts, p->n_ends);
	for (size_t i = 0; i < p->n_cell; i++) {
		const struct cell *c = &p->cell[i];
		uint32_t key[3] = { c->cls, c->ends, cell_family(c) };
		const uint32_t *v = p->end_lists.v[c->ends];
		int is_new;

		if (c->cls == NONE)
			continue;
		map_add(b->scratch, &seen, key, sizeof(key), &is_new);
		for (size_t k = 0; is_new && k < p->end_lists.len[c->ends]; k++)
			if (v[k] >= p->n_class_ends)
				add_part(m, v[k], c->cls, cell_family(c));
	}
	for (uint32_t e = p->n_class_ends; e < p->n_ends; e++)
		if (p->end_alike[e] == e)
			widen_parts(m, e);
}

/* A firewall without declared addresses still opens and takes connections. */
static void add_bare_firewalls(struct maker *m, uint32_t end)
{
	const struct ends *e = end_of(m->b, end);

	for (size_t i = 0; i < e->n; i++) {
		const struct party *p = e->v[i].party;

		if (e->v[i].kind == END_PARTY && p->kind == PARTY_FIREWALL &&
		    !m->b->plan->classes.v[p->firewall->id].n_cell)
			add_part(m, end, p->firewall->id, 0);
	}
}

static void raw_pieces(struct build *b, const struct packets *w, uint32_t to,
		       const uint32_t *leaf_reason, struct piece **out,
		       size_t *n)
{
	VEC(struct piece) v = { 0 };
	size_t r = 0;

	for (size_t i = 0; i < w->services.n; i++)
		for (size_t k = 0; k < w->services.v[i]->n_leaf; k++, r++) {
			uint32_t pin;
			struct key_set keys = service_keys_at(b,
				w->services.v[i]->leaf[k], to, &pin);

			if (pin != NONE)
				b->pin_used[pin] = true;
			for (size_t x = 0; x < keys.n; x++)
				vec_push(b->scratch, &v, (struct piece){
						.keys = keys.r[x], .pin = pin,
						.reason = leaf_reason[r] });
		}
	for (size_t i = 0; i < w->keys.n; i++)
		vec_push(b->scratch, &v, (struct piece){
				.keys = w->keys.r[i], .pin = NONE,
				.reason = leaf_reason[r] });
	*out = v.v;
	*n = v.n;
}

/* One reason for each leaf service, then one for the literal ports. */
static uint32_t *leaf_reasons(struct build *b, const struct packets *w,
			      struct reason like)
{
	VEC(uint32_t) ids = { 0 };

	for (size_t i = 0; i < w->services.n; i++)
		for (size_t k = 0; k < w->services.v[i]->n_leaf; k++) {
			like.service = w->services.v[i]->leaf[k];
			vec_push(b->scratch, &ids, add_reason(b, like));
		}
	like.service = NULL;
	vec_push(b->scratch, &ids, w->keys.n ? add_reason(b, like) : NONE);
	return ids.v;
}

static void add_product(struct build *b, struct product x, uint32_t kind)
{
	struct plan *p = b->plan;
	uint32_t key[4] = { kind, x.reason, x.from, x.to };

	map_add(b->arena, &p->product_index, key, sizeof(key), NULL)->val.u =
		(uint32_t)p->products.n;
	vec_push(b->arena, &p->products, x);
}

static void use_ipsec(struct build *b, uint32_t svc, unsigned families)
{
	const struct svcset *s = &b->plan->svcsets.v[svc];

	if (!(s->ike_families & families))
		return;
	for (size_t i = 0; i < b->plan->lists.len[s->ipsec]; i++)
		b->ipsec_used[b->plan->lists.v[s->ipsec][i]] = true;
}

/* Would it open anything from this part to that? */
static bool parts_join(const struct plan *p, const struct part *from,
		       const struct part *to)
{
	const struct class *cf = &p->classes.v[from->cls];
	const struct class *ct = &p->classes.v[to->cls];

	return (from->families & to->families) && !(cf == ct && cf->single) &&
	       plan_route(p, cf->node, ct->node)->reachable;
}

static void allow_products(struct maker *m, const struct rule *a)
{
	struct build *b = m->b;
	struct plan *p = b->plan;
	uint32_t fe = p->end_allow + 2 * a->id, te = fe + 1;
	const struct parts *from = &m->parts[fe], *to = &m->parts[te];
	uint32_t *reasons = leaf_reasons(b, &a->what, (struct reason){
			.kind = REASON_ALLOW, .allow = a });

	for (size_t k = 0; k < to->n; k++) {
		struct piece *raw;
		size_t n;

		raw_pieces(b, &a->what, to->v[k].cls, reasons, &raw, &n);
		for (size_t i = 0; i < from->n; i++) {
			unsigned fam = from->v[i].families & to->v[k].families;
			uint32_t svc;

			if (!parts_join(p, &from->v[i], &to->v[k]))
				continue;
			svc = make_svcset(b, raw, n,
					  covering(b, from->v[i].cls,
						   to->v[k].cls),
					  to->v[k].cls);
			use_ipsec(b, svc, fam);
			add_product(b, (struct product){
					.from = from->v[i].cls,
					.to = to->v[k].cls, .from_end = fe,
					.to_end = te, .svc = svc,
					.reason = a->id }, REASON_ALLOW);
		}
	}
}

bool adjacent_to(const struct plan *p, uint32_t node, const struct firewall *f)
{
	for (size_t i = 0; i < f->interfaces.n; i++) {
		uint32_t z = f->interfaces.v[i]->zone->zone_id;
		const struct route *r;

		if (z == node)
			return true;
		if (node < p->n_zones)
			continue;
		r = plan_route(p, node, z);
		for (size_t k = 0; k < p->topo->firewalls.v[node - p->n_zones]
					    ->interfaces.n; k++)
			if (p->topo->firewalls.v[node - p->n_zones]
				    ->interfaces.v[k]->zone->zone_id == z)
				return r->reachable;
	}
	return false;
}

static void input_products(struct maker *m, const struct input *in)
{
	struct build *b = m->b;
	struct plan *p = b->plan;
	uint32_t end = p->end_input + in->id, to = in->firewall->id;
	const struct parts *from = &m->parts[end];
	bool any_local = !p->classes.v[to].n_cell;
	uint32_t *reasons = leaf_reasons(b, &in->what, (struct reason){
			.kind = REASON_INPUT, .input = in });
	struct piece *raw;
	size_t n;

	raw_pieces(b, &in->what, to, reasons, &raw, &n);
	for (size_t i = 0; i < from->n; i++) {
		uint32_t cls = from->v[i].cls, node = p->classes.v[cls].node;

		if (cls == to || !plan_route(p, node, p->classes.v[to].node)
					  ->reachable)
			continue;
		if (any_local ? !adjacent_to(p, node, in->firewall) :
		    !(from->v[i].families & p->classes.v[to].families))
			continue;
		add_product(b, (struct product){
				.from = cls, .to = to, .from_end = end,
				.to_end = NONE, .reason = in->id,
				.svc = make_svcset(b, raw, n, 0, to),
				.any_local = any_local }, REASON_INPUT);
	}
}

static bool in_time(const struct plan *p, const struct rule *a)
{
	return p->any_time ||
	       (!(a->starts.given && p->now < a->starts.t) &&
	       !(a->expires.given && p->now >= a->expires.t));
}

static void leave_out(struct maker *m, const struct rule *a)
{
	struct plan *p = m->b->plan;
	const struct parts *from = &m->parts[p->end_allow + 2 * a->id];
	const struct parts *to = from + 1;
	struct left_out x = { .allow = a };

	x.nodes = arena_alloc(m->b->arena,
			      (from->n * to->n + 1) * sizeof(*x.nodes));
	for (size_t i = 0; i < from->n; i++)
		for (size_t k = 0; k < to->n; k++) {
			if (!parts_join(p, &from->v[i], &to->v[k]))
				continue;
			x.nodes[x.n][0] = p->classes.v[from->v[i].cls].node;
			x.nodes[x.n++][1] = p->classes.v[to->v[k].cls].node;
		}
	vec_push(m->b->arena, &p->left_out, x);
}

void build_products(struct build *b)
{
	const struct topology *t = b->topo;
	struct plan *p = b->plan;
	struct maker m = { .b = b };

	find_parts(&m);
	for (uint32_t e = p->n_class_ends; e < p->n_ends; e++) {
		if (p->end_alike[e] == e)
			add_bare_firewalls(&m, e);
		else
			m.parts[e] = m.parts[p->end_alike[e]];
	}
	for (size_t i = 0; i < t->allows.n; i++) {
		if (in_time(p, t->allows.v[i]))
			allow_products(&m, t->allows.v[i]);
		else
			leave_out(&m, t->allows.v[i]);
	}
	for (size_t i = 0; i < t->inputs.n; i++)
		input_products(&m, t->inputs.v[i]);
	/* a reason for each ipsec element, for what IKE itself needs */
	p->ipsec_reason = (uint32_t)p->reasons.n;
	for (size_t i = 0; i < t->ipsecs.n; i++)
		add_reason(b, (struct reason){ .kind = REASON_IPSEC,
					       .ipsec = t->ipsecs.v[i] });
}
