#include "bundle/write.h"

#include <stdio.h>
#include <string.h>

#include "bundle/bundle.h"
#include "topology/xml.h"

enum { DIGITS = 16 };

/* ---- attributes ------------------------------------------------------------------------ */

void write_attr(struct writer *w, const char *name, const char *value)
{
	if (value)
		buf_xml_attr(w->out, name, value);
}

/* Attributes of an element as they were written, as far as it has them. */
static void write_attrs(struct writer *w, const struct xml_element *e,
			const char *names)
{
	char name[32];

	while (sscanf(names, "%31s", name) == 1) {
		write_attr(w, name, xml_attr(e, name));
		names += strspn(names, " ");
		names += strcspn(names, " ");
	}
}

static void write_breadth(struct writer *w, double v)
{
	char text[40];

	snprintf(text, sizeof(text), "%.17g", v);
	write_attr(w, "breadth", text);
}

void write_words(struct writer *w, const char *name, struct buf *words)
{
	write_attr(w, name, words->n ? words->s : "");
}

void put_word(struct buf *b, const char *s)
{
	buf_printf(b, "%s%s", b->n ? " " : "", s);
}

void write_ports(struct writer *w, const char *name, struct key_set v)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < v.n; i++) {
		unsigned lo = v.r[i].lo & 0xffff, hi = v.r[i].hi & 0xffff;

		buf_printf(&b, lo == hi ? "%s%u" : "%s%u-%u", b.n ? " " : "",
			   lo, hi);
	}
	write_words(w, name, &b);
	buf_free(&b);
}

const char *write_free_name(struct writer *w, const char *like)
{
	const char *s = like;

	for (unsigned i = 2; topology_party(w->k->t, s); i++)
		s = arena_printf(w->k->a, "%s-%u", like, i);
	return s;
}

const char *write_extra_role(struct writer *w, const char *name)
{
	for (unsigned i = 2; topology_role(w->k->t, name); i++)
		name = arena_printf(w->k->a, "%s-%u", name, i);
	for (size_t i = 0; i < w->extra.n; i++)
		if (!strcmp(w->extra.v[i], name))
			return w->extra.v[i];
	vec_push(w->k->a, &w->extra, name);
	return name;
}

/* Of nothing that is in the part. */
void put_nobody(struct writer *w, struct buf *b)
{
	buf_printf(b, "role:%s", write_extra_role(w, "nobody-here"));
}

/* ---- ends ---------------------------------------------------------------------------------- */

static const char *word_text(const struct end_word *x)
{
	return x->kind == END_PARTY ? x->party->name : x->text;
}

static void write_ends(struct writer *w, const char *name,
		       const struct ends *e)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < e->n; i++)
		if (keep_word(w->k, &e->v[i]))
			put_word(&b, word_text(&e->v[i]));
	if (!b.n)
		put_nobody(w, &b);
	write_words(w, name, &b);
	buf_free(&b);
}

static void write_allow_ends(struct writer *w, const struct rule *r, bool from)
{
	const struct ends *e = from ? &r->from : &r->to;
	struct buf b = { 0 };

	for (size_t i = 0; i < e->n; i++)
		if (keep_allow_word(w->k, r, &e->v[i], from))
			put_word(&b, word_text(&e->v[i]));
	write_words(w, from ? "from" : "to", &b);
	buf_free(&b);
}

static void write_role_list(struct writer *w, const char *name,
			    const role_list *v)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < v->n; i++)
		if (w->k->role[v->v[i]->id])
			put_word(&b, v->v[i]->name);
	if (b.n)
		write_words(w, name, &b);
	buf_free(&b);
}

static void write_service_list(struct writer *w, const char *name,
			       const service_list *v)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < v->n; i++)
		put_word(&b, v->v[i]->name);
	if (b.n)
		write_words(w, name, &b);
	buf_free(&b);
}

static void write_packets(struct writer *w, const struct xml_element *e,
			  const struct packets *p)
{
	write_service_list(w, "service", &p->services);
	write_attrs(w, e, "tcp udp ip icmp icmpv6");
}

/* ---- firewalls ----------------------------------------------------------------------------- */

static const struct reason *reason_of(const struct keep *k,
				      enum reason_kind kind, const void *of)
{
	for (size_t i = 0; i < k->p->reasons.n; i++) {
		const struct reason *r = &k->p->reasons.v[i];

		if (r->kind == kind &&
		    (r->allow == of || r->input == of || r->ipsec == of))
			return r;
	}
	return NULL;
}

static void write_input(struct writer *w, const struct input *in)
{
	const struct reason *r = reason_of(w->k, REASON_INPUT, in);

	buf_puts(w->out, "<input");
	write_ends(w, "from", &in->from);
	write_packets(w, in->xml, &in->what);
	write_attr(w, "reason", in->reason);
	write_attr(w, "ident", in->ident);
	if (r)
		write_breadth(w, r->breadth);
	buf_puts(w->out, "/>\n");
}

static void write_interface(struct writer *w, const struct firewall *f,
			    const struct interface *i, const char *name)
{
	struct buf b = { 0 };
	char text[ADDR_TEXT];

	buf_puts(w->out, "<interface");
	write_attr(w, "name", name);
	write_attr(w, "zone", w->zone_name[i->zone->zone_id]);
	for (size_t n = 0; keeps_address(w->k, f, i) && n < i->n_address; n++) {
		addr_text(i->address[n].r.lo, text);
		put_word(&b, text);
	}
	if (b.n)
		write_words(w, "address", &b);
	if (i->dhcp)
		write_attr(w, "dhcp", "yes");
	buf_puts(w->out, "/>\n");
	buf_free(&b);
}

static void write_own(struct writer *w)
{
	const struct firewall *f = w->k->f;

	write_attrs(w, f->party->xml,
		    "nodes log log-group refuse enforce managed");
	buf_puts(w->out, ">\n");
	for (size_t i = 0; i < f->interfaces.n; i++)
		write_interface(w, f, f->interfaces.v[i],
				f->interfaces.v[i]->name);
	for (size_t i = 0; i < f->inputs.n; i++)
		write_input(w, f->inputs.v[i]);
}

/* Another one on a path: where it joins, and no more. */
static void write_other(struct writer *w, const struct firewall *f)
{
	write_attr(w, "managed", "no");
	buf_puts(w->out, ">\n");
	for (size_t i = 0; i < f->interfaces.n; i++)
		if (w->k->zone[f->interfaces.v[i]->zone->zone_id])
			write_interface(w, f, f->interfaces.v[i],
					arena_printf(w->k->a, "if-%zu",
						     i + 1));
	for (size_t i = 0; i < f->inputs.n; i++)
		if (w->k->input[f->inputs.v[i]->id])
			write_input(w, f->inputs.v[i]);
}

static void write_firewalls(struct writer *w)
{
	const struct topology *t = w->k->t;

	for (size_t i = 0; i < t->firewalls.n; i++) {
		const struct firewall *f = t->firewalls.v[i];

		if (!w->k->firewall[i])
			continue;
		buf_puts(w->out, "<firewall");
		write_attr(w, "name", w->firewall_name[i]);
		if (f == w->k->f)
			write_own(w);
		else
			write_other(w, f);
		buf_puts(w->out, "</firewall>\n");
	}
}

/* ---- knowledge ------------------------------------------------------------------------------ */

static double bearers(const struct keep *k, const struct role *r)
{
	double n = 0;

	for (size_t i = 0; i < k->p->n_plain; i++) {
		const struct class *c = &k->p->classes.v[i];

		if (list_has(k->p->lists.v[c->roles], k->p->lists.len[c->roles],
			     r->id))
			n += plan_class_size(k->p, (uint32_t)i);
	}
	return n;
}

static void write_roles(struct writer *w)
{
	const struct topology *t = w->k->t;

	for (size_t i = 0; i < t->roles.n; i++) {
		if (!w->k->role[i])
			continue;
		buf_puts(w->out, "<role");
		write_attr(w, "name", t->roles.v[i]->name);
		write_role_list(w, "is", &t->roles.v[i]->is);
		write_breadth(w, bearers(w->k, t->roles.v[i]));
		buf_puts(w->out, "/>\n");
	}
	for (size_t i = 0; i < w->extra.n; i++) {
		buf_puts(w->out, "<role");
		write_attr(w, "name", w->extra.v[i]);
		buf_puts(w->out, "/>\n");
	}
}

static void write_services(struct writer *w)
{
	const struct topology *t = w->k->t;

	for (size_t i = 0; i < t->services.n; i++) {
		if (!w->k->service[i])
			continue;
		buf_puts(w->out, "<service");
		write_attr(w, "name", t->services.v[i]->name);
		write_attrs(w, t->services.v[i]->xml,
			    "tcp udp ip icmp icmpv6 is dynamic clear ike-auth");
		buf_puts(w->out, "/>\n");
	}
}

static void write_flow(struct writer *w, const struct flow *f)
{
	struct buf from = { 0 }, to = { 0 }, services = { 0 };

	for (size_t i = 0; i < f->from.n; i++)
		if (keep_flow_role(w->k, f, f->from.v[i], true))
			put_word(&from, f->from.v[i]->name);
	for (size_t i = 0; i < f->to.n; i++)
		if (keep_flow_role(w->k, f, f->to.v[i], false))
			put_word(&to, f->to.v[i]->name);
	for (size_t i = 0; i < f->services.n; i++)
		if (keep_flow_service(w->k, f, f->services.v[i]))
			put_word(&services, f->services.v[i]->name);
	if (from.n && to.n && services.n) {
		buf_puts(w->out, "<flow");
		write_words(w, "from", &from);
		write_words(w, "to", &to);
		write_words(w, "service", &services);
		write_attrs(w, f->xml, "requirement cite reason across");
		write_attr(w, "origin", f->origin);
		buf_puts(w->out, "/>\n");
	}
	buf_free(&from);
	buf_free(&to);
	buf_free(&services);
}

static bool in_target(const struct keep *k, const role_list *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (k->target[v->v[i]->id])
			return true;
	return false;
}

static void write_choice(struct writer *w, const struct choice *c,
			 const char *tag)
{
	struct buf b = { 0 };

	if (!in_target(w->k, &c->from) || !in_target(w->k, &c->to))
		return;
	for (size_t i = 0; i < c->services.n; i++)
		if (w->k->service[c->services.v[i]->id])
			put_word(&b, c->services.v[i]->name);
	if (c->any_service || b.n) {
		buf_printf(w->out, "<%s", tag);
		write_role_list(w, "from", &c->from);
		write_role_list(w, "to", &c->to);
		if (!c->any_service)
			write_words(w, "service", &b);
		if (c->has_at)
			write_ends(w, "at", &c->sources);
		write_attr(w, "reason", c->reason);
		buf_puts(w->out, "/>\n");
	}
	buf_free(&b);
}

static void write_knowledge(struct writer *w)
{
	const struct topology *t = w->k->t;

	write_services(w);
	for (size_t i = 0; i < t->flows.n; i++)
		write_flow(w, t->flows.v[i]);
	for (size_t i = 0; i < t->wants.n; i++)
		write_choice(w, t->wants.v[i], "want");
	for (size_t i = 0; i < t->omits.n; i++)
		write_choice(w, t->omits.v[i], "omit");
	for (size_t i = 0; i < t->role_pins.n; i++) {
		const struct pin *p = t->role_pins.v[i];

		if (!w->k->role[p->role->id] || !w->k->service[p->service->id])
			continue;
		buf_puts(w->out, "<pin");
		write_attr(w, "role", p->role->name);
		write_attr(w, "service", p->service->name);
		write_ports(w, "port", p->ports);
		buf_puts(w->out, "/>\n");
	}
}

/* ---- exceptions ------------------------------------------------------------------------------ */

static void write_assign(struct writer *w, const struct assign *a)
{
	struct buf to = { 0 };

	for (size_t i = 0; i < a->to.n; i++)
		if (keep_word(w->k, &a->to.v[i]))
			put_word(&to, word_text(&a->to.v[i]));
	for (size_t i = 0; to.n && i < a->roles.n; i++)
		if (w->k->role[a->roles.v[i]->id]) {
			buf_puts(w->out, "<assign");
			write_words(w, "to", &to);
			write_role_list(w, "roles", &a->roles);
			write_attrs(w, a->xml, "owner expires");
			buf_puts(w->out, "/>\n");
			break;
		}
	buf_free(&to);
}

static void write_ipsec(struct writer *w, const struct ipsec *s)
{
	const struct reason *r = reason_of(w->k, REASON_IPSEC, s);

	buf_puts(w->out, "<ipsec");
	write_ends(w, "between", &s->between);
	write_ends(w, "and", &s->and);
	write_attrs(w, s->xml, "protocols nat-traversal ike-auth name reason");
	write_service_list(w, "except", &s->except);
	write_attr(w, "ident", s->ident);
	if (r)
		write_breadth(w, r->breadth);
	buf_puts(w->out, "/>\n");
}

static void write_allow(struct writer *w, const struct rule *a)
{
	const struct reason *r = reason_of(w->k, REASON_ALLOW, a);

	buf_puts(w->out, "<allow");
	write_allow_ends(w, a, true);
	write_allow_ends(w, a, false);
	write_packets(w, a->xml, &a->what);
	write_attrs(w, a->xml, "name reason owner ticket approved-by review-by "
			       "starts expires");
	write_attr(w, "ident", a->ident);
	if (r)
		write_breadth(w, r->breadth);
	buf_puts(w->out, "/>\n");
}

static void put_zones(struct buf *b, const zone_list *v)
{
	for (size_t i = 0; i < v->n; i++)
		put_word(b, v->v[i]->name);
}

static void write_observe(struct writer *w, const struct observe *o)
{
	struct buf from = { 0 }, to = { 0 };

	put_zones(&from, &o->from);
	put_zones(&to, &o->to);
	buf_puts(w->out, "<observe");
	write_words(w, "from", &from);
	write_words(w, "to", &to);
	write_attr(w, "until", o->until.text);
	write_attr(w, "owner", o->owner);
	write_attr(w, "reason", o->reason);
	write_attr(w, "name", o->name);
	write_attr(w, "ident", o->ident);
	buf_puts(w->out, "/>\n");
	buf_free(&from);
	buf_free(&to);
}

static void write_exceptions(struct writer *w)
{
	const struct topology *t = w->k->t;

	for (size_t i = 0; i < t->publishes.n; i++) {
		const struct publish *u = t->publishes.v[i];

		if (!w->k->party[u->host->id])
			continue;
		buf_puts(w->out, "<publish");
		write_attrs(w, u->xml, "address tcp udp to port name");
		write_attr(w, "ident", u->ident);
		buf_puts(w->out, "/>\n");
	}
	for (size_t i = 0; i < t->assigns.n; i++)
		write_assign(w, t->assigns.v[i]);
	for (size_t i = 0; i < t->ipsecs.n; i++)
		if (w->k->ipsec[i])
			write_ipsec(w, t->ipsecs.v[i]);
	for (size_t i = 0; i < t->allows.n; i++)
		if (w->k->allow[i])
			write_allow(w, t->allows.v[i]);
	for (size_t i = 0; i < t->observes.n; i++)
		if (w->k->observe[i])
			write_observe(w, t->observes.v[i]);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void name_all(struct writer *w)
{
	const struct topology *t = w->k->t;

	w->zone_name = ARENA_ARRAY(w->k->a, const char *, t->zones.n);
	for (size_t i = 0; i < t->zones.n; i++)
		w->zone_name[i] = w->k->named[i] ? t->zones.v[i]->name :
			write_free_name(w, arena_printf(w->k->a, "way-%zu",
							i + 1));
	w->firewall_name = ARENA_ARRAY(w->k->a, const char *, t->firewalls.n);
	for (size_t i = 0; i < t->firewalls.n; i++)
		w->firewall_name[i] = w->k->speaks[i] ||
			t->firewalls.v[i] == w->k->f ?
			t->firewalls.v[i]->name :
			write_free_name(w, arena_printf(w->k->a, "hop-%zu",
							i + 1));
}

void bundle_write(const struct plan *p, const struct firewall *f,
		  const struct plan *sorts, struct buf *out)
{
	struct keep k = { .a = arena_new(), .p = p, .t = p->topo, .f = f };
	struct writer w = { .k = &k, .out = out };
	char hash[DIGITS + 1];
	size_t at;

	keep_find(&k);
	w.sorts = sorts;
	name_all(&w);
	buf_puts(out, "<topology xmlns=\"" PORTPLAN_NS "\"");
	write_attr(&w, "name", p->topo->name);
	write_attr(&w, "bundle", f->name);
	buf_puts(out, " hash=\"");
	at = out->n;
	buf_puts(out, "0000000000000000\"");
	write_attr(&w, "realm", p->topo->realm);
	if (p->topo->has_dynamic)
		write_ports(&w, "dynamic-ports", p->topo->dynamic);
	buf_puts(out, ">\n");
	write_places(&w);
	write_firewalls(&w);
	write_knowledge(&w);
	write_exceptions(&w);
	write_roles(&w);
	buf_puts(out, "</topology>\n");
	topology_bundle_hash(out->s, out->n, at, hash);
	memcpy(out->s + at, hash, DIGITS);
	arena_free(k.a);
}
