#include <string.h>

#include "plan/diff.h"
#include "plan/sets.h"
#include "topology/xml.h"

/*
 * What made the difference under a reason that both plans have. Of its element
 * that is said which means more in the plan that has the packets than in the
 * other: words that were written otherwise, or, where the words are the same,
 * what became of the party or the service that they name. The words are told
 * from before to after, whichever plan that is.
 */
enum { MAX_WORDS = 4 };

static const char *const reason_word[] = {
	[REASON_FLOW] = "flow of the template", [REASON_ALLOW] = "exception",
	[REASON_INPUT] = "input", [REASON_IPSEC] = "ipsec",
};

struct causes {
	struct arena *a;
	const struct plan *has, *other;
	bool opened; /* has is the plan after */
	struct buf text;
};

/* ---- words of an attribute -------------------------------------------------- */

static bool has_word(const char *list, const char *w, size_t n)
{
	while (list && *(list += strspn(list, " \t\r\n"))) {
		size_t m = strcspn(list, " \t\r\n");

		if (m == n && !memcmp(list, w, n))
			return true;
		list += m;
	}
	return false;
}

/* "be1, be2 added": what is in list and not in the other. */
static void put_words(struct buf *out, const char *list, const char *other,
		      const char *what)
{
	size_t n = 0;

	while (list && *(list += strspn(list, " \t\r\n"))) {
		size_t m = strcspn(list, " \t\r\n");

		if (!has_word(other, list, m) && n++ < MAX_WORDS)
			buf_printf(out, "%s%.*s", out->n ? ", " : "", (int)m,
				   list);
		list += m;
	}
	if (n > MAX_WORDS)
		buf_printf(out, " and %zu more", n - MAX_WORDS);
	if (n)
		buf_printf(out, " %s", what);
}

static void put_cause(struct causes *c, const char *text)
{
	buf_printf(&c->text, "%s%s", c->text.n ? "; " : "", text);
}

/* "to: be1 removed, be2 added"; x is the list of the plan that has it. */
static bool words_cause(struct causes *c, const char *name, const char *x,
			const char *y)
{
	const char *was = c->opened ? y : x, *is = c->opened ? x : y;
	struct buf b = { 0 };
	bool any;

	put_words(&b, was, is, "removed");
	put_words(&b, is, was, "added");
	any = b.n;
	if (any)
		put_cause(c, arena_printf(c->a, "%s: %s", name, b.s));
	buf_free(&b);
	return any;
}

/* "tcp 80 to 80 443" */
static bool value_cause(struct causes *c, const char *name, const char *x,
			const char *y)
{
	const char *was = c->opened ? y : x, *is = c->opened ? x : y;

	if (diff_same_text(was, is))
		return false;
	put_cause(c, arena_printf(c->a, "%s %s to %s", name,
				  was ? was : "none", is ? is : "none"));
	return true;
}

static bool attr_words(struct causes *c, const char *label, const char *attr,
		       const struct xml_element *x, const struct xml_element *y)
{
	return words_cause(c, label, xml_attr(x, attr), xml_attr(y, attr));
}

/* ---- parties ------------------------------------------------------------------ */

static const char *role_words(struct arena *a, const role_list *l)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < l->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", l->v[i]->name);
	return buf_take(a, &b);
}

static const char *key_words(struct arena *a, struct key_set keys)
{
	struct buf b = { 0 };
	char text[KEY_TEXT];

	for (size_t i = 0; i < keys.n; i++) {
		key_text(keys.r[i], text);
		buf_printf(&b, "%s%s", b.n ? " " : "", text);
	}
	return buf_take(a, &b);
}

/* "ad-rpc=tcp/4990", a word each. */
static const char *pin_words(struct arena *a, const struct party *p)
{
	struct buf b = { 0 };
	char text[KEY_TEXT];

	for (size_t i = 0; i < p->pin.n; i++)
		for (size_t k = 0; k < p->pin.v[i]->ports.n; k++) {
			key_text(p->pin.v[i]->ports.r[k], text);
			buf_printf(&b, "%s%s=%s", b.n ? " " : "",
				   p->pin.v[i]->service->name, text);
		}
	return buf_take(a, &b);
}

/* "dns=dc1", a word each. */
static const char *use_words(struct arena *a, const struct party *p)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < p->use.n; i++) {
		const struct use *u = p->use.v[i];

		for (size_t r = 0; r < u->roles.n; r++)
			for (size_t k = 0; k < u->of.n; k++)
				buf_printf(&b, "%s%s=%s", b.n ? " " : "",
					   u->roles.v[r]->name,
					   u->of.v[k].text);
	}
	return buf_take(a, &b);
}

static const char *of_party(struct causes *c, const char *what,
			    const struct party *p)
{
	return arena_printf(c->a, "%s of %s", what, p->name);
}

static const char *parent_name(const struct party *p)
{
	return p->parent ? p->parent->name : "none";
}

/* What of a party itself is another: of one that opens connections, or that is
 * spoken to. */
static bool own_cause(struct causes *c, const struct party *x,
		      const struct party *y, bool opens)
{
	bool any = attr_words(c, of_party(c, "addresses", x), "address",
			      x->xml, y->xml);

	any |= attr_words(c, of_party(c, "networks", x), "networks", x->xml,
			  y->xml);
	any |= words_cause(c, of_party(c, "roles", x),
			   role_words(c->a, &x->roles),
			   role_words(c->a, &y->roles));
	if (opens) {
		any |= words_cause(c, of_party(c, "use", x),
				   use_words(c->a, x), use_words(c->a, y));
	} else {
		any |= words_cause(c, of_party(c, "pins", x),
				   pin_words(c->a, x), pin_words(c->a, y));
		any |= attr_words(c, of_party(c, "dynamic ports", x),
				  "dynamic-ports", x->xml, y->xml);
	}
	any |= value_cause(c, of_party(c, "realm", x), x->realm, y->realm);
	any |= value_cause(c, of_party(c, "place", x), parent_name(x),
			   parent_name(y));
	return any;
}

/* The same of the party that an address is of, or else of what is around. */
static bool party_cause(struct causes *c, struct addr at, bool opens)
{
	uint32_t cell = plan_cell(c->has, at);
	const struct party *x = cell == NONE ||
		c->has->cell[cell].party == NONE ? NULL :
		c->has->topo->parties.v[c->has->cell[cell].party];

	for (; x; x = x->parent) {
		const struct party *y = topology_party(c->other->topo,
						       x->name);

		if (!y) {
			put_cause(c, arena_printf(c->a, "%s %s %s", c->opened ?
						  "new" : "removed",
						  party_kind_name(x->kind),
						  x->name));
			return true;
		}
		if (x->kind == PARTY_FIREWALL) {
			put_cause(c, of_party(c, "interfaces", x));
			return true;
		}
		if (own_cause(c, x, y, opens))
			return true;
	}
	return false;
}

/* ---- the element of an exception ----------------------------------------------- */

/* More addresses here than there: by the words, or by whom they name. */
static void ends_cause(struct causes *c, const char *attr,
		       const struct xml_element *x, const struct ends *ex,
		       const struct xml_element *y, const struct ends *ey)
{
	struct addr_set sx = plan_ends_set(c->has, ex, c->a);
	struct addr_set sy = plan_ends_set(c->other, ey, c->a);
	struct addr_set more = addr_set_minus(c->a, &sx, &sy);

	if (more.n && !attr_words(c, attr, attr, x, y))
		party_cause(c, more.r[0].lo, strcmp(attr, "to"));
}

/* "service smtp: tcp/587 added" */
static void service_cause(struct causes *c, const struct service *s)
{
	for (size_t i = 0; i < c->other->topo->services.n; i++) {
		const struct service *t = c->other->topo->services.v[i];

		if (!strcmp(s->name, t->name))
			words_cause(c, arena_printf(c->a, "service %s",
						    s->name),
				    key_words(c->a, s->keys),
				    key_words(c->a, t->keys));
	}
}

static void packets_cause(struct causes *c, const struct xml_element *x,
			  const struct packets *px, const struct xml_element *y,
			  const struct packets *py)
{
	static const char *const attr[] = { "tcp", "udp", "ip", "icmp",
					    "icmpv6" };
	struct key_set more = keys_minus(c->a,
		plan_packets_keys(c->has, px, c->a),
		plan_packets_keys(c->other, py, c->a));
	bool any;

	if (!more.n)
		return;
	any = attr_words(c, "service", "service", x, y);
	for (size_t i = 0; i < sizeof(attr) / sizeof(*attr); i++)
		any |= value_cause(c, attr[i], xml_attr(x, attr[i]),
				   xml_attr(y, attr[i]));
	for (size_t i = 0; i < px->services.n && !any; i++)
		for (size_t k = 0; k < px->services.v[i]->n_leaf; k++)
			service_cause(c, px->services.v[i]->leaf[k]);
}

static void allow_cause(struct causes *c, const struct rule *x,
			const struct rule *y)
{
	ends_cause(c, "from", x->xml, &x->from, y->xml, &y->from);
	ends_cause(c, "to", x->xml, &x->to, y->xml, &y->to);
	packets_cause(c, x->xml, &x->what, y->xml, &y->what);
}

/* ---- a flow of a template ---------------------------------------------------- */

static const struct choice *find_choice(struct choice *const *v, size_t n,
					const struct choice *x)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i]->ident, x->ident))
			return v[i];
	return NULL;
}

/* By names: the reason may be the other topology's. */
static bool speaks_of(const struct choice *x, const struct reason *r)
{
	bool from = false, to = false, service = x->any_service;

	for (size_t i = 0; i < x->from.n; i++)
		from |= !strcmp(x->from.v[i]->name, r->from->name);
	for (size_t i = 0; i < x->to.n; i++)
		to |= !strcmp(x->to.v[i]->name, r->to->name);
	for (size_t i = 0; i < x->services.n; i++)
		for (size_t k = 0; k < x->services.v[i]->n_leaf; k++)
			service |= !strcmp(x->services.v[i]->leaf[k]->name,
					   r->service->name);
	return (from || !x->from.n) && (to || !x->to.n) && service;
}

struct choices {
	struct choice *const *v;
	size_t n;
};

/* Those that speak of the reason here and not there. */
static void choice_cause(struct causes *c, const struct reason *r,
			 const char *kind, struct choices here,
			 struct choices there, bool added)
{
	for (size_t i = 0; i < here.n; i++) {
		const struct choice *x = here.v[i];
		const struct choice *y = find_choice(there.v, there.n, x);

		if (speaks_of(x, r) && !(y && speaks_of(y, r)))
			put_cause(c, arena_printf(c->a, "%s %s %s", kind,
						  x->ident, y ? "changed" :
						  added ? "added" : "removed"));
	}
}

/* Wanted here and not there, or left out there and not here. */
static void choices_cause(struct causes *c, const struct reason *r)
{
	const struct topology *x = c->has->topo, *y = c->other->topo;

	choice_cause(c, r, "want", (struct choices){ x->wants.v, x->wants.n },
		     (struct choices){ y->wants.v, y->wants.n }, c->opened);
	choice_cause(c, r, "omit", (struct choices){ y->omits.v, y->omits.n },
		     (struct choices){ x->omits.v, x->omits.n }, !c->opened);
}

/* Roles given beside the inventory: "assign dns to be1 added". */
static void assign_cause(struct causes *c)
{
	const struct topology *x = c->has->topo, *y = c->other->topo;

	for (size_t i = 0; i < x->assigns.n; i++) {
		const struct assign *s = x->assigns.v[i];
		const char *roles = role_words(c->a, &s->roles);
		const char *to = xml_attr(s->xml, "to");
		bool found = false;

		for (size_t k = 0; k < y->assigns.n && !found; k++)
			found = !strcmp(roles, role_words(c->a,
						&y->assigns.v[k]->roles)) &&
				!strcmp(to, xml_attr(y->assigns.v[k]->xml,
						     "to"));
		if (!found)
			put_cause(c, arena_printf(c->a, "assign %s to %s %s",
						  roles, to, c->opened ?
						  "added" : "removed"));
	}
}

static void ipsec_cause(struct causes *c, const struct xml_element *x,
			const struct xml_element *y)
{
	static const char *const lists[] = { "between", "and", "except",
					     "protocols" };
	static const char *const values[] = { "ike-auth", "nat-traversal" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		attr_words(c, lists[i], lists[i], x, y);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		value_cause(c, values[i], xml_attr(x, values[i]),
			    xml_attr(y, values[i]));
}

/* ---- together ------------------------------------------------------------------- */

static void reason_cause(struct causes *c, const struct reason *x,
			 const struct reason *y)
{
	switch (x->kind) {
	case REASON_ALLOW:
		allow_cause(c, x->allow, y->allow);
		break;
	case REASON_INPUT:
		ends_cause(c, "from", x->input->xml, &x->input->from,
			   y->input->xml, &y->input->from);
		packets_cause(c, x->input->xml, &x->input->what, y->input->xml,
			      &y->input->what);
		break;
	case REASON_IPSEC:
		ipsec_cause(c, x->ipsec->xml, y->ipsec->xml);
		break;
	case REASON_FLOW:
		break;
	}
}

/* The row is there, though it plans nothing: nobody bears its roles. */
static bool has_row(const struct topology *t, const struct flow *f)
{
	static const char *const attr[] = { "from", "to", "service" };

	for (size_t i = 0; i < t->flows.n; i++) {
		const struct flow *g = t->flows.v[i];
		bool same = !strcmp(f->origin, g->origin);

		for (size_t k = 0; k < sizeof(attr) / sizeof(*attr); k++)
			same = same && !strcmp(xml_attr(f->xml, attr[k]),
					       xml_attr(g->xml, attr[k]));
		if (same)
			return true;
	}
	return false;
}

const char *diff_cause(struct arena *a, const struct plan *has, uint32_t mine,
		       const struct plan *other, uint32_t theirs,
		       struct addr src, struct addr dst, bool opened)
{
	const struct reason *x = &has->reasons.v[mine];
	struct causes c = { a, has, other, opened, { 0 } };

	if (theirs != NONE)
		reason_cause(&c, x, &other->reasons.v[theirs]);
	else if (x->kind != REASON_FLOW || !has_row(other->topo, x->flow))
		put_cause(&c, arena_printf(a, "%s %s", opened ? "new" :
					   "removed", reason_word[x->kind]));
	if (x->kind == REASON_FLOW)
		choices_cause(&c, x);
	if (!c.text.n && !party_cause(&c, src, true))
		party_cause(&c, dst, false);
	if (!c.text.n && x->kind == REASON_FLOW) {
		service_cause(&c, x->service);
		assign_cause(&c);
	}
	return c.text.n ? buf_take(a, &c.text) : NULL;
}
