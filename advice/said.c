#include "advice/document_impl.h"
#include "plan/nat.h"
#include "advice/spf.h"
#include "plan/matrix.h"

/* ---- which names are used anywhere ------------------------------------------------- */

static void name_ends(struct doc *d, const struct ends *e)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->v[i].party)
			d->party_named[e->v[i].party->id] = true;
		if (e->v[i].role)
			d->role_named[e->v[i].role->id] = true;
	}
}

static void name_services(struct doc *d, const service_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		d->service_named[l->v[i]->id] = true;
		for (size_t k = 0; k < l->v[i]->n_leaf; k++)
			d->service_named[l->v[i]->leaf[k]->id] = true;
	}
}

static void name_rules(struct doc *d)
{
	const struct topology *t = d->p->topo;

	for (size_t i = 0; i < t->allows.n; i++) {
		name_ends(d, &t->allows.v[i]->from);
		name_ends(d, &t->allows.v[i]->to);
		name_services(d, &t->allows.v[i]->what.services);
	}
	for (size_t i = 0; i < t->forbids.n; i++) {
		name_ends(d, &t->forbids.v[i]->from);
		name_ends(d, &t->forbids.v[i]->to);
		name_ends(d, &t->forbids.v[i]->except);
		name_services(d, &t->forbids.v[i]->what.services);
	}
	for (size_t i = 0; i < t->inputs.n; i++) {
		name_ends(d, &t->inputs.v[i]->from);
		name_services(d, &t->inputs.v[i]->what.services);
	}
}

void doc_find_named(struct doc *d)
{
	const struct topology *t = d->p->topo;

	name_rules(d);
	for (size_t i = 0; i < t->uses.n; i++)
		name_ends(d, &t->uses.v[i]->of);
	for (size_t i = 0; i < t->wants.n; i++)
		name_ends(d, &t->wants.v[i]->sources);
	for (size_t i = 0; i < t->omits.n; i++)
		name_ends(d, &t->omits.v[i]->sources);
	for (size_t i = 0; i < t->ipsecs.n; i++) {
		name_ends(d, &t->ipsecs.v[i]->between);
		name_ends(d, &t->ipsecs.v[i]->and);
		name_services(d, &t->ipsecs.v[i]->except);
	}
}

/* ---- templates, roles, services ------------------------------------------------------ */

static void write_role(struct doc *d, const struct role *r)
{
	xw_open(&d->w, "role");
	xw_attr(&d->w, "name", r->name);
	xw_attr(&d->w, "title", r->title);
	xw_attr(&d->w, "origin", r->origin);
	xw_yes(&d->w, "borne", r->borne);
	xw_yes(&d->w, "used", doc_role_used(d, r));
	if (!r->origin)
		doc_place(d, r->at);
	for (size_t i = 0; i < r->is.n; i++) {
		xw_open(&d->w, "implies");
		xw_attr(&d->w, "role", r->is.v[i]->name);
		xw_close(&d->w);
	}
	xw_close(&d->w);
}

static void write_service(struct doc *d, const struct service *s)
{
	xw_open(&d->w, "service");
	xw_attr(&d->w, "name", s->name);
	xw_attr(&d->w, "title", s->title);
	xw_attr(&d->w, "origin", s->origin);
	xw_yes(&d->w, "dynamic", s->dynamic);
	xw_attr(&d->w, "clear", s->clear_credentials ? "credentials" : NULL);
	xw_yes(&d->w, "used", d->service_used[s->id]);
	xw_yes(&d->w, "named", d->service_named[s->id]);
	if (!s->origin)
		doc_place(d, s->at);
	doc_write_ports(d, s->keys.r, s->keys.n);
	for (size_t i = 0; i < s->parts.n; i++) {
		xw_open(&d->w, "part");
		xw_attr(&d->w, "service", s->parts.v[i]->name);
		xw_close(&d->w);
	}
	xw_close(&d->w);
}

void doc_write_vocabulary(struct doc *d)
{
	const struct topology *t = d->p->topo;

	for (size_t i = 0; i < t->template_uses.n; i++) {
		const struct template_use *u = &t->template_uses.v[i];

		xw_open(&d->w, "template");
		xw_attr(&d->w, "name", u->name);
		xw_number(&d->w, "version", u->version);
		xw_number(&d->w, "newest", u->newest);
		doc_place(d, u->at);
		xw_close(&d->w);
	}
	for (size_t i = 0; i < t->roles.n; i++)
		write_role(d, t->roles.v[i]);
	for (size_t i = 0; i < t->services.n; i++)
		write_service(d, t->services.v[i]);
}

/* ---- exceptions ------------------------------------------------------------------------ */

static const char *state_of(const struct plan *p, const struct rule *r)
{
	if (r->expires.given && p->now >= r->expires.t)
		return "expired";
	return r->starts.given && p->now < r->starts.t ? "later" : "in-force";
}

/* Whole ones; below 0 once it is over. */
static int64_t days_left(const struct plan *p, int64_t t)
{
	return t >= p->now ? (t - p->now) / 86400 :
			     -((p->now - t + 86399) / 86400);
}

static void write_rule_ends(struct doc *d, const char *name,
			    const struct ends *e, uint32_t end)
{
	uint32_t g = doc_group(d, NONE, end);

	xw_open(&d->w, name);
	xw_printf(&d->w, "group", "g%u", g);
	xw_number(&d->w, "addresses", d->groups.v[g].addresses);
	for (size_t i = 0; i < e->n; i++) {
		xw_open(&d->w, "word");
		xw_attr(&d->w, "text", e->v[i].text);
		xw_attr(&d->w, "kind", e->v[i].kind == END_ALL ? "all" :
			e->v[i].kind == END_ROLE ? "role" :
			e->v[i].party ? party_kind_name(e->v[i].party->kind) :
					"prefix");
		xw_close(&d->w);
	}
	xw_close(&d->w);
}

static struct key_set packets_keys(struct doc *d, const struct packets *w)
{
	struct key_set k = w->keys;

	for (size_t i = 0; i < w->services.n; i++)
		for (size_t l = 0; l < w->services.v[i]->n_leaf; l++)
			k = keys_union(d->arena, k,
				       w->services.v[i]->leaf[l]->keys);
	return k;
}

static void write_dates(struct doc *d, const struct rule *r)
{
	xw_attr(&d->w, "starts", r->starts.text);
	xw_attr(&d->w, "expires", r->expires.text);
	if (r->expires.given)
		xw_number(&d->w, "days-left",
			  (double)days_left(d->p, r->expires.t));
	xw_attr(&d->w, "review-by", r->review_by.text);
	xw_yes(&d->w, "review-due",
	       r->review_by.given && d->p->now >= r->review_by.t);
}

static void write_exception(struct doc *d, const struct rule *r)
{
	struct key_set k = packets_keys(d, &r->what);
	struct ports_size size = doc_ports_size(k.r, k.n);

	xw_open(&d->w, "exception");
	xw_attr(&d->w, "ident", r->ident);
	xw_attr(&d->w, "name", r->name);
	xw_attr(&d->w, "state", state_of(d->p, r));
	xw_attr(&d->w, "reason", r->reason);
	xw_attr(&d->w, "owner", r->owner);
	xw_attr(&d->w, "ticket", r->ticket);
	xw_attr(&d->w, "approved-by", r->approved_by);
	write_dates(d, r);
	xw_number(&d->w, "size", size.ports);
	xw_number(&d->w, "widest", size.widest);
	xw_yes(&d->w, "any", size.any);
	doc_place(d, r->at);
	doc_write_ports(d, k.r, k.n);
	write_rule_ends(d, "from", &r->from, d->p->end_allow + 2 * r->id);
	write_rule_ends(d, "to", &r->to, d->p->end_allow + 2 * r->id + 1);
	xw_close(&d->w);
}

static void write_forbid(struct doc *d, const struct rule *r)
{
	xw_open(&d->w, "forbid");
	xw_attr(&d->w, "ident", r->ident);
	xw_attr(&d->w, "name", r->name);
	xw_attr(&d->w, "from", ends_text(&r->from, d->arena));
	xw_attr(&d->w, "to", ends_text(&r->to, d->arena));
	xw_attr(&d->w, "except", ends_text(&r->except, d->arena));
	xw_attr(&d->w, "reason", r->reason);
	xw_attr(&d->w, "owner", r->owner);
	doc_place(d, r->at);
	xw_close(&d->w);
}

/* ---- IPsec, want and omit, skip ---------------------------------------------------------- */

static void write_ipsec(struct doc *d, const struct ipsec *s)
{
	static const char *const auth[] = { "certificate", "psk", "kerberos" };
	uint32_t end = d->p->end_ipsec + 2 * s->id;

	xw_open(&d->w, "ipsec");
	xw_attr(&d->w, "ident", s->ident);
	xw_attr(&d->w, "name", s->name);
	xw_yes(&d->w, "esp", s->esp);
	xw_yes(&d->w, "ah", s->ah);
	xw_yes(&d->w, "nat-traversal", s->nat_traversal);
	xw_attr(&d->w, "ike-auth", auth[s->auth]);
	xw_attr(&d->w, "reason", s->reason);
	doc_place(d, s->at);
	for (size_t i = 0; i < s->except.n; i++) {
		xw_open(&d->w, "except");
		xw_attr(&d->w, "service", s->except.v[i]->name);
		xw_close(&d->w);
	}
	write_rule_ends(d, "between", &s->between, end);
	write_rule_ends(d, "and", &s->and, end + 1);
	xw_close(&d->w);
}

static const char *names_of_roles(struct doc *d, const role_list *l)
{
	const char *s = "";

	for (size_t i = 0; i < l->n; i++)
		s = arena_printf(d->arena, "%s%s%s", s, i ? " " : "",
				 l->v[i]->name);
	return s;
}

static const char *names_of_services(struct doc *d, const service_list *l)
{
	const char *s = "";

	for (size_t i = 0; i < l->n; i++)
		s = arena_printf(d->arena, "%s%s%s", s, i ? " " : "",
				 l->v[i]->name);
	return s;
}

static void write_choice(struct doc *d, const char *name,
			 const struct choice *c)
{
	xw_open(&d->w, name);
	xw_attr(&d->w, "from", names_of_roles(d, &c->from));
	xw_attr(&d->w, "to", names_of_roles(d, &c->to));
	xw_attr(&d->w, "service", names_of_services(d, &c->services));
	xw_attr(&d->w, "sources", ends_text(&c->sources, d->arena));
	xw_attr(&d->w, "reason", c->reason);
	doc_place(d, c->at);
	xw_close(&d->w);
}

static void write_skip(struct doc *d, const struct skip *s)
{
	xw_open(&d->w, "skip");
	xw_attr(&d->w, "rule", s->rule);
	xw_attr(&d->w, "host", s->host ? s->host->name : NULL);
	xw_attr(&d->w, "reason", s->reason);
	xw_attr(&d->w, "expires", s->expires.text);
	doc_place(d, s->at);
	xw_close(&d->w);
}

/* ---- mail domains -------------------------------------------------------------------------- */

static void write_range(struct doc *d, struct addr_range r)
{
	char text[ADDR_TEXT];

	range_text(r, text);
	xw_attr(&d->w, "address", text);
}

static void write_record(struct doc *d, const struct spf_record *r)
{
	xw_open(&d->w, "mail-domain");
	xw_attr(&d->w, "name", r->domain);
	xw_attr(&d->w, "record", r->text);
	xw_number(&d->w, "bytes", (double)r->bytes);
	xw_number(&d->w, "lookups", r->lookups);
	xw_attr(&d->w, "all", r->said->all);
	doc_place(d, r->said->at);
	for (size_t i = 0; i < r->terms.n; i++) {
		const struct spf_term *t = &r->terms.v[i];

		xw_open(&d->w, "term");
		xw_attr(&d->w, "text", t->text);
		xw_attr(&d->w, "word", t->word);
		xw_attr(&d->w, "host", t->host ? t->host->name : NULL);
		if (t->has_range)
			write_range(d, t->range);
		xw_yes(&d->w, "private", t->is_private);
		xw_yes(&d->w, "sends", t->sends);
		xw_close(&d->w);
	}
	xw_close(&d->w);
}

static void write_sender(struct doc *d, const struct spf_sender *s)
{
	static const char *const published[] = { NULL, "perhaps", "yes" };

	xw_open(&d->w, "sender");
	xw_attr(&d->w, "ref", doc_id(d, s->party));
	xw_attr(&d->w, "name", s->party->name);
	if (!s->unknown)
		write_range(d, s->range);
	xw_yes(&d->w, "private", s->is_private);
	xw_attr(&d->w, "published", published[s->published]);
	doc_place(d, s->party->at);
	xw_close(&d->w);
}

static void write_mail(struct doc *d)
{
	const struct spf *s = spf_build(d->arena, d->p);

	for (size_t i = 0; i < s->records.n; i++)
		write_record(d, &s->records.v[i]);
	for (size_t i = 0; i < s->senders.n; i++)
		write_sender(d, &s->senders.v[i]);
}

/* A port forward: ports as the internet sees them, own-port at the host. */
static void write_publish(struct doc *d, const struct publish *u)
{
	char text[ADDR_TEXT];

	addr_text(u->address.r.lo, text);
	xw_open(&d->w, "publish");
	xw_attr(&d->w, "ident", u->ident);
	xw_attr(&d->w, "name", u->name);
	xw_attr(&d->w, "address", text);
	xw_attr(&d->w, "zone", plan_node_name(d->p, publish_zone(d->p, u->id)));
	xw_attr(&d->w, "host", u->host->name);
	xw_attr(&d->w, "ref", doc_id(d, u->host));
	if (u->port)
		xw_number(&d->w, "own-port", u->port);
	doc_place(d, u->at);
	doc_write_ports(d, u->keys.r, u->keys.n);
	xw_close(&d->w);
}

void doc_write_said(struct doc *d)
{
	const struct topology *t = d->p->topo;

	for (size_t i = 0; i < t->allows.n; i++)
		write_exception(d, t->allows.v[i]);
	for (size_t i = 0; i < t->forbids.n; i++)
		write_forbid(d, t->forbids.v[i]);
	for (size_t i = 0; i < t->ipsecs.n; i++)
		write_ipsec(d, t->ipsecs.v[i]);
	for (size_t i = 0; i < t->wants.n; i++)
		write_choice(d, "want", t->wants.v[i]);
	for (size_t i = 0; i < t->omits.n; i++)
		write_choice(d, "omit", t->omits.v[i]);
	for (size_t i = 0; i < t->publishes.n; i++)
		write_publish(d, t->publishes.v[i]);
	for (size_t i = 0; i < t->skips.n; i++)
		write_skip(d, t->skips.v[i]);
	write_mail(d);
}
