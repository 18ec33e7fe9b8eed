#include <stdlib.h>
#include <string.h>

#include "topology/build.h"

/* ---- roles and services: closures, no cycles ------------------------------- */

enum { WHITE, GREY, BLACK };

/* Deeper than any thought of how machines are alike. */
enum { MAX_IMPLIED = 64 };

/* "a" is "b" is "a": from where the cycle closes. */
static const char *chain_text(struct build *b, const char *const *chain,
			      size_t n)
{
	struct buf t = { 0 };
	size_t from = n - 1;

	while (from > 0 && strcmp(chain[from - 1], chain[n - 1]))
		from--;
	for (size_t i = from ? from - 1 : 0; i < n; i++)
		buf_printf(&t, "%s\"%s\"", t.n ? " is " : "", chain[i]);
	return buf_take(b->arena, &t);
}

static bool role_cycle(struct build *b, struct role *r, unsigned char *colour,
		       const char **chain, size_t depth)
{
	colour[r->id] = GREY;
	chain[depth++] = r->name;
	if (depth == MAX_IMPLIED) {
		diag_add(b->d, SEV_ERROR, r->at,
			 "roles imply each other more than %d deep, up to "
			 "\"%s\"", MAX_IMPLIED, r->name);
		return true;
	}
	for (size_t i = 0; i < r->is.n; i++) {
		struct role *up = r->is.v[i];

		if (colour[up->id] == GREY) {
			chain[depth++] = up->name;
			diag_add(b->d, SEV_ERROR, r->at,
				 "role \"%s\" implies itself: %s", up->name,
				 chain_text(b, chain, depth));
			return true;
		}
		if (colour[up->id] == WHITE &&
		    role_cycle(b, up, colour, chain, depth))
			return true;
	}
	colour[r->id] = BLACK;
	return false;
}

/* seen: who saw a role last, so that it need not be cleared. */
static void close_role(struct build *b, struct role *r, uint32_t *seen)
{
	VEC(uint32_t) ids = { 0 };

	vec_push(b->arena, &ids, r->id);
	seen[r->id] = r->id + 1;
	for (size_t i = 0; i < ids.n; i++) {
		const struct role *x = b->topo->roles.v[ids.v[i]];

		for (size_t k = 0; k < x->is.n; k++)
			if (seen[x->is.v[k]->id] != r->id + 1) {
				seen[x->is.v[k]->id] = r->id + 1;
				vec_push(b->arena, &ids, x->is.v[k]->id);
			}
	}
	qsort(ids.v, ids.n, sizeof(*ids.v), u32_compare);
	r->closure = ids.v;
	r->n_closure = ids.n;
}

static void note_borne(struct topology *t, const role_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t c = 0; c < l->v[i]->n_closure; c++)
			t->roles.v[l->v[i]->closure[c]]->borne = true;
}

static void check_roles(struct build *b)
{
	struct topology *t = b->topo;
	unsigned char *colour = ARENA_ARRAY(b->arena, unsigned char,
					    t->roles.n);
	uint32_t *seen = ARENA_ARRAY(b->arena, uint32_t, t->roles.n);
	const char *chain[MAX_IMPLIED + 1];

	for (size_t i = 0; i < t->roles.n; i++)
		if (colour[i] == WHITE &&
		    role_cycle(b, t->roles.v[i], colour, chain, 0))
			return;
	for (size_t i = 0; i < t->roles.n; i++)
		close_role(b, t->roles.v[i], seen);
	for (size_t i = 0; i < t->parties.n; i++)
		note_borne(t, &t->parties.v[i]->roles);
	for (size_t i = 0; i < t->assigns.n; i++)
		note_borne(t, &t->assigns.v[i]->roles);
}

/* The parts of a service that have packets of their own. on_path and done
 * hold the id + 1 of the service whose parts are sought. */
struct parts {
	struct build *b;
	uint32_t top, *on_path, *done;
	const char *chain[MAX_IMPLIED + 1];
	service_list leaf;
};

static bool leaves(struct parts *p, struct service *s, size_t depth)
{
	if (p->done[s->id] == p->top)
		return true;
	p->chain[depth++] = s->name;
	if (p->on_path[s->id] == p->top || depth > MAX_IMPLIED) {
		diag_add(p->b->d, SEV_ERROR, s->at,
			 depth > MAX_IMPLIED ?
				"services stand for each other too deep, up to "
				"\"%s\"" :
				"service \"%s\" stands for itself: %s",
			 s->name, chain_text(p->b, p->chain, depth));
		return false;
	}
	p->on_path[s->id] = p->top;
	if (s->keys.n)
		vec_push(p->b->arena, &p->leaf, s);
	for (size_t i = 0; i < s->parts.n; i++)
		if (!leaves(p, s->parts.v[i], depth))
			return false;
	p->on_path[s->id] = 0;
	p->done[s->id] = p->top;
	return true;
}

static void check_services(struct build *b)
{
	struct topology *t = b->topo;
	struct parts p = {
		.b = b,
		.on_path = ARENA_ARRAY(b->arena, uint32_t, t->services.n),
		.done = ARENA_ARRAY(b->arena, uint32_t, t->services.n),
	};

	for (size_t i = 0; i < t->services.n; i++) {
		p.top = (uint32_t)i + 1;
		memset(&p.leaf, 0, sizeof(p.leaf));
		if (!leaves(&p, t->services.v[i], 0))
			break;
		t->services.v[i]->leaf = p.leaf.v;
		t->services.v[i]->n_leaf = p.leaf.n;
	}
}

/* ---- ends ------------------------------------------------------------------ */

enum { FIREWALL_OK = 1, FIREWALL_IN_TO = 2 };

static void check_end(struct build *b, const struct ends *e, unsigned flags,
		      const char *element)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct end_word *w = &e->v[i];

		if (w->kind == END_ROLE && !w->role->borne && !b->d->n_errors)
			diag_add(b->d, SEV_WARNING, w->at,
				 "nobody bears the role \"%s\": \"%s\" names "
				 "no address", w->role->name, w->text);
		if (w->kind != END_PARTY ||
		    w->party->kind != PARTY_FIREWALL || flags & FIREWALL_OK)
			continue;
		if (flags & FIREWALL_IN_TO)
			diag_add(b->d, SEV_ERROR, w->at,
				 "\"%s\" is a firewall: use <input> there for "
				 "connections to it", w->text);
		else
			diag_add(b->d, SEV_ERROR, w->at,
				 "\"%s\" is a firewall, which cannot stand in "
				 "<%s> here", w->text, element);
	}
}

static void check_ends(struct build *b)
{
	struct topology *t = b->topo;

	for (size_t i = 0; i < t->uses.n; i++)
		check_end(b, &t->uses.v[i]->of, 0, "use");
	for (size_t i = 0; i < t->assigns.n; i++)
		check_end(b, &t->assigns.v[i]->to, 0, "assign");
	for (size_t i = 0; i < t->wants.n; i++)
		check_end(b, &t->wants.v[i]->sources, 0, "want");
	for (size_t i = 0; i < t->omits.n; i++)
		check_end(b, &t->omits.v[i]->sources, 0, "omit");
	for (size_t i = 0; i < t->inputs.n; i++)
		check_end(b, &t->inputs.v[i]->from, FIREWALL_OK, "input");
	for (size_t i = 0; i < t->ipsecs.n; i++) {
		check_end(b, &t->ipsecs.v[i]->between, 0, "ipsec");
		check_end(b, &t->ipsecs.v[i]->and, 0, "ipsec");
	}
	for (size_t i = 0; i < t->allows.n; i++) {
		check_end(b, &t->allows.v[i]->from, FIREWALL_OK, "allow");
		check_end(b, &t->allows.v[i]->to, FIREWALL_IN_TO, "allow");
	}
	for (size_t i = 0; i < t->forbids.n; i++) {
		check_end(b, &t->forbids.v[i]->from, FIREWALL_OK, "forbid");
		check_end(b, &t->forbids.v[i]->to, FIREWALL_OK, "forbid");
		check_end(b, &t->forbids.v[i]->except, FIREWALL_OK, "forbid");
	}
	for (size_t i = 0; i < t->expects.n; i++) {
		check_end(b, &t->expects.v[i]->from, FIREWALL_OK, "expect");
		check_end(b, &t->expects.v[i]->to, FIREWALL_OK, "expect");
		check_end(b, &t->expects.v[i]->except, FIREWALL_OK, "expect");
	}
}

/* ---- names of exceptions, firewalls ----------------------------------------- */

#define CHECK_NAMED(b, list, what) \
	do { \
		struct map seen = { 0 }; \
		for (size_t i = 0; i < (list).n; i++) \
			check_named(b, &seen, (list).v[i]->ident, \
				    (list).v[i]->name, (list).v[i]->at, what); \
	} while (0)

/* The same of limits: a policy's names are its own, whatever the topology
 * calls what it says. */
#define CHECK_LIMITS(b, list, what) \
	do { \
		struct map seen[2] = { { 0 }, { 0 } }; \
		for (size_t i = 0; i < (list).n; i++) \
			check_named(b, &seen[(list).v[i]->policy], \
				    (list).v[i]->ident, (list).v[i]->name, \
				    (list).v[i]->at, what); \
	} while (0)

struct seen_at {
	struct span at;
	const char *name;
};

/* Two that say the same without a name have one identity: that is no
 * contradiction, only said twice. */
static void check_named(struct build *b, struct map *seen, const char *id,
			const char *name, struct span at, const char *what)
{
	int is_new;
	struct map_entry *e = map_add_str(b->arena, seen, id, &is_new);
	struct seen_at *first = e->val.p;

	if (is_new) {
		first = ARENA_NEW(b->arena, struct seen_at);
		first->at = at;
		e->val.p = first;
	} else if (!name) {
		diag_add2(b->d, SEV_WARNING, at, first->at, "the first one",
			  "this <%s> says the same as another", what);
	} else {
		diag_add2(b->d, SEV_ERROR, at, first->at, "the first one",
			  "two <%s> are named \"%s\"", what, id);
	}
}

/* Could one interface match both names? */
static bool names_overlap(const struct interface *x, const struct interface *y)
{
	size_t n = strlen(x->name), m = strlen(y->name);

	if (!x->wildcard && !y->wildcard)
		return !strcmp(x->name, y->name);
	if (x->wildcard && y->wildcard)
		return !strncmp(x->name, y->name, (n < m ? n : m) - 1);
	return x->wildcard ? !strncmp(x->name, y->name, n - 1) :
			     !strncmp(x->name, y->name, m - 1);
}

static void check_interface(struct build *b, const struct firewall *f,
			    size_t i)
{
	const struct interface *x = f->interfaces.v[i];

	for (size_t k = 0; k < i; k++) {
		const struct interface *y = f->interfaces.v[k];

		if (!x->name[0] || !y->name[0] || !names_overlap(x, y))
			continue;
		diag_add2(b->d, SEV_ERROR, x->at, y->at, "the first one",
			  strcmp(x->name, y->name) ?
			  "the interface names \"%s\" and \"%s\" overlap" :
			  "interface \"%s\" is given twice in firewall \"%s\"",
			  x->name, strcmp(x->name, y->name) ? y->name :
							      f->name);
		return;
	}
}

static void check_firewall(struct build *b, const struct firewall *f)
{
	for (size_t i = 1; i < f->interfaces.n; i++)
		check_interface(b, f, i);
	if (f->interfaces.n < 2 && !b->d->n_errors)
		diag_add(b->d, SEV_WARNING, f->at,
			 "firewall \"%s\" has %s: nothing is forwarded by it",
			 f->name, f->interfaces.n ? "one interface" :
						    "no interface");
}

static void check_zones(struct build *b)
{
	struct topology *t = b->topo;
	unsigned char *used = ARENA_ARRAY(b->arena, unsigned char, t->zones.n);

	if (b->d->n_errors)
		return; /* one of them may be the reason */
	if (!t->zones.n)
		diag_add(b->d, SEV_ERROR, t->at, "the topology has no zone");
	for (size_t i = 0; i < t->firewalls.n; i++)
		for (size_t k = 0; k < t->firewalls.v[i]->interfaces.n; k++) {
			const struct party *z =
				t->firewalls.v[i]->interfaces.v[k]->zone;

			if (z)
				used[z->zone_id] = 1;
		}
	for (size_t i = 0; i < t->zones.n && t->firewalls.n; i++)
		if (!used[i])
			diag_add(b->d, SEV_WARNING, t->zones.v[i]->at,
				 "zone \"%s\" is on no firewall: no path leads "
				 "from it or to it", t->zones.v[i]->name);
	if (t->zones.n && !t->firewalls.n)
		diag_add(b->d, SEV_WARNING, t->at,
			 "the topology has no firewall: no path leads from "
			 "zone to zone");
}

/* ---- ipsec ------------------------------------------------------------------ */

static bool excepts_kerberos(const struct ipsec *s)
{
	for (size_t i = 0; i < s->except.n; i++)
		for (size_t k = 0; k < s->except.v[i]->n_leaf; k++)
			if (s->except.v[i]->leaf[k]->ike_kerberos)
				return true;
	return false;
}

static const char *kerberos_service(const struct topology *t)
{
	for (size_t i = 0; i < t->services.n; i++)
		if (t->services.v[i]->ike_kerberos)
			return t->services.v[i]->name;
	return NULL;
}

static void check_ipsec(struct build *b, const struct ipsec *s)
{
	const char *name = kerberos_service(b->topo);

	if (s->ah && !s->esp && s->nat_traversal)
		diag_add(b->d, SEV_ERROR, s->at,
			 "nat-traversal=\"yes\" encapsulates ESP only (RFC "
			 "3948), and protocols has ah alone");
	if (s->auth != IKE_KERBEROS || excepts_kerberos(s))
		return;
	if (name)
		diag_add(b->d, SEV_ERROR, s->at,
			 "ike-auth=\"kerberos\" needs the service \"%s\" in "
			 "the clear: name it in except", name);
	else
		diag_add(b->d, SEV_ERROR, s->at,
			 "ike-auth=\"kerberos\" needs a service marked "
			 "ike-auth=\"kerberos\" in except, and there is none");
}

/* ---- want and omit ----------------------------------------------------------- */

static bool in_roles(const role_list *l, const struct role *r)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == r)
			return true;
	return false;
}

static bool flow_has(const struct flow *f, const struct service *s)
{
	for (size_t i = 0; i < f->services.n; i++) {
		if (f->services.v[i] == s)
			return true;
		for (size_t k = 0; k < f->services.v[i]->n_leaf; k++)
			if (f->services.v[i]->leaf[k] == s)
				return true;
	}
	return false;
}

/* The row that was meant: of roles that the two imply, or that imply them. */
static const char *implied_row(struct build *b, const struct role *from,
			       const struct role *to)
{
	for (size_t i = 0; i < b->topo->flows.n; i++) {
		const struct flow *f = b->topo->flows.v[i];

		for (size_t k = 0; k < f->from.n * f->to.n; k++) {
			const struct role *x = f->from.v[k / f->to.n];
			const struct role *y = f->to.v[k % f->to.n];

			if ((role_implies(from, x) || role_implies(x, from)) &&
			    (role_implies(to, y) || role_implies(y, to)))
				return arena_printf(b->arena, "; did you mean "
						    "from \"%s\" to \"%s\"?",
						    x->name, y->name);
		}
	}
	return "";
}

static void check_row(struct build *b, const struct choice *c,
		      const struct role *from, const struct role *to,
		      const char *what)
{
	const struct topology *t = b->topo;
	bool row = false, optional = false;

	for (size_t s = 0; s < c->services.n; s++) {
		bool has = false;

		for (size_t i = 0; i < t->flows.n; i++)
			has |= in_roles(&t->flows.v[i]->from, from) &&
			       in_roles(&t->flows.v[i]->to, to) &&
			       flow_has(t->flows.v[i], c->services.v[s]);
		if (!has)
			diag_add(b->d, SEV_ERROR, c->at,
				 "no flow from \"%s\" to \"%s\" has the service "
				 "\"%s\"", from->name, to->name,
				 c->services.v[s]->name);
	}
	for (size_t i = 0; i < t->flows.n; i++) {
		const struct flow *f = t->flows.v[i];

		if (!in_roles(&f->from, from) || !in_roles(&f->to, to))
			continue;
		row = true;
		optional |= f->requirement == REQ_OPTIONAL;
	}
	if (!row)
		diag_add(b->d, SEV_ERROR, c->at,
			 "there is no flow from \"%s\" to \"%s\": <%s> names a "
			 "flow by exactly its two roles%s", from->name,
			 to->name, what, implied_row(b, from, to));
	else if (!optional && !strcmp(what, "want"))
		diag_add(b->d, SEV_WARNING, c->at,
			 "no flow from \"%s\" to \"%s\" is optional: it is in "
			 "the plan anyway", from->name, to->name);
}

static void check_choice(struct build *b, const struct choice *c,
			 const char *what)
{
	for (size_t i = 0; i < c->from.n; i++)
		for (size_t k = 0; k < c->to.n; k++)
			check_row(b, c, c->from.v[i], c->to.v[k], what);
}

/* ---- prefixes ---------------------------------------------------------------- */

static void check_same_prefix(struct build *b)
{
	struct map seen = { 0 };

	for (size_t i = 0; i < b->topo->zones.n; i++) {
		struct party *z = b->topo->zones.v[i];

		for (size_t k = 0; k < z->n_prefix; k++) {
			struct addr_range r = z->prefix[k].r;
			int is_new;
			struct map_entry *e = map_add(b->arena, &seen, &r,
						      sizeof(r), &is_new);
			char text[ADDR_TEXT];
			struct seen_at *first = e->val.p;

			if (is_new) {
				first = ARENA_NEW(b->arena, struct seen_at);
				first->at = z->prefix_at[k];
				first->name = z->name;
				e->val.p = first;
				continue;
			}
			range_text(r, text);
			if (strcmp(first->name, z->name))
				diag_add2(b->d, SEV_ERROR, z->prefix_at[k],
					  first->at, "the first one",
					  "%s is in two zones, \"%s\" and "
					  "\"%s\"", text, first->name,
					  z->name);
		}
	}
}

/* ---- realms: names that nothing declares -------------------------------------- */

struct realm_name {
	const char *name;
	struct span at;
	size_t n;
};

static void add_realm(struct build *b, struct map *names, const char *name,
		      const struct xml_element *e)
{
	struct map_entry *m = name ? map_add_str(b->arena, names, name, NULL) :
				     NULL;
	struct realm_name *r;

	if (!m)
		return;
	if (!m->val.p) {
		r = ARENA_NEW(b->arena, struct realm_name);
		*r = (struct realm_name){ name, xml_value_span(e, "realm"), 0 };
		m->val.p = r;
	}
	r = m->val.p;
	r->n++;
}

/* A slip of the pen makes a realm of its own, cut off from all others. */
static void check_realms(struct build *b)
{
	struct topology *t = b->topo;
	struct map names = { 0 };
	VEC(const char *) often = { 0 };

	for (size_t i = 0; i < t->parties.n; i++)
		if (!t->parties.v[i]->leg_of)
			add_realm(b, &names, t->parties.v[i]->realm,
				  t->parties.v[i]->xml);
	for (size_t i = 0; i < names.cap; i++) {
		const struct realm_name *r = names.slot[i].key ?
			names.slot[i].val.cp : NULL;

		if (r && r->n > 1)
			vec_push(b->arena, &often, r->name);
	}
	if (t->realm)
		vec_push(b->arena, &often, t->realm);
	for (size_t i = 0; i < names.cap; i++) {
		const struct realm_name *r = names.slot[i].key ?
			names.slot[i].val.cp : NULL;
		const char *near = r && r->n == 1 ?
			nearest_name(r->name, often.v, often.n) : NULL;

		if (near && strcmp(near, r->name))
			diag_add(b->d, SEV_WARNING, r->at,
				 "nothing else is in realm \"%s\"; did you "
				 "mean \"%s\"?", r->name, near);
	}
}

void build_check(struct build *b)
{
	struct topology *t = b->topo;

	check_roles(b);
	check_services(b);
	if (t->bundle)
		return; /* the whole was checked */
	check_ends(b);
	check_same_prefix(b);
	check_realms(b);
	for (size_t i = 0; i < t->firewalls.n; i++)
		check_firewall(b, t->firewalls.v[i]);
	for (size_t i = 0; i < t->ipsecs.n; i++)
		check_ipsec(b, t->ipsecs.v[i]);
	for (size_t i = 0; i < t->wants.n; i++)
		check_choice(b, t->wants.v[i], "want");
	for (size_t i = 0; i < t->omits.n; i++)
		check_choice(b, t->omits.v[i], "omit");
	CHECK_NAMED(b, t->allows, "allow");
	CHECK_LIMITS(b, t->forbids, "forbid");
	CHECK_LIMITS(b, t->expects, "expect");
	CHECK_NAMED(b, t->observes, "observe");
	CHECK_NAMED(b, t->publishes, "publish");
	check_public(b);
	CHECK_NAMED(b, t->wants, "want");
	CHECK_LIMITS(b, t->omits, "omit");
	CHECK_NAMED(b, t->ipsecs, "ipsec");
	check_zones(b);
}
