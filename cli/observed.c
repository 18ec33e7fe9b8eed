#include "cli/observed.h"

#include <string.h>

#include "base/json_read.h"
#include "topology/xml.h"

struct reading {
	struct arena *arena;
	const struct plan *plan;
	struct diags *d;
	const char *file;
	struct observed_all *out;
};

/* The zone of what a finding calls an end: "fe1", "10.0.0.99", "inside". */
static uint32_t zone_of(const struct reading *r, const char *name)
{
	size_t n = name ? strcspn(name, " ,(") : 0;
	const char *word = arena_strndup(r->arena, name ? name : "", n);
	const struct party *p = topology_party(r->plan->topo, word);
	struct prefix pre;
	uint32_t cell;

	if (p && party_zone(p))
		return party_zone(p)->zone_id;
	if (!n || prefix_parse(r->arena, word, n, true, &pre))
		return NONE;
	cell = plan_cell(r->plan, pre.r.lo);
	return cell == NONE ? NONE : r->plan->cell[cell].zone;
}

/* A zone or firewall that the topology must know. */
static uint32_t need_zone(const struct reading *r, const struct json_value *v,
			  const char *key)
{
	const char *name = json_need_str(v, key, r->d);
	const struct party *p = name ? topology_party(r->plan->topo, name) :
				       NULL;

	if (p && p->kind == PARTY_ZONE)
		return p->zone_id;
	if (p && p->kind == PARTY_FIREWALL)
		return r->plan->n_zones + p->firewall->id;
	if (name && *name)
		diag_add(r->d, SEV_ERROR, json_get(v, key)->at,
			 "the topology has no zone \"%s\": these findings are "
			 "of another one", name);
	return NONE;
}

static void read_places(const struct reading *r, const struct json_value *v,
			struct seen_finding *f)
{
	f->from = json_need_str(v, "from", r->d);
	f->to = json_need_str(v, "to", r->d);
	f->service = json_need_str(v, "service", r->d);
	f->from_zone = zone_of(r, f->from);
	f->to_zone = zone_of(r, f->to);
}

#define EACH(item, v, key) \
	const struct json_value *item = \
		json_need((v), (key), JSON_ARRAY, r->d)->first; \
	item; item = item->next

/* ---- audit ------------------------------------------------------------------------ */

static void audit_findings_of(struct reading *r, const struct json_value *v,
			      struct seen_traffic *t)
{
	for (EACH(x, v, "findings")) {
		struct seen_finding f = {
			.cls = json_need_str(x, "class", r->d),
			.note = json_need_str(x, "note", r->d),
			.waived = json_need_str(x, "waived", r->d),
			.flows = json_need_int(x, "flows", r->d),
			.answered = json_need_int(x, "answered", r->d),
		};

		read_places(r, x, &f);
		vec_push(r->arena, &t->findings, f);
	}
}

static void audit_seen(struct reading *r, const struct json_value *v,
		       struct seen_traffic *t)
{
	for (EACH(x, v, "seen"))
		vec_push(r->arena, &t->reasons, (struct seen_pair){
				NONE, NONE, json_need_str(x, "reason", r->d),
				json_need_int(x, "flows", r->d) });
	for (EACH(y, v, "seen_between"))
		vec_push(r->arena, &t->between, (struct seen_pair){
				need_zone(r, y, "from"), need_zone(r, y, "to"),
				NULL, json_need_int(y, "flows", r->d) });
	for (EACH(z, v, "unseen"))
		vec_push(r->arena, &t->unseen, (struct seen_pair){
				need_zone(r, z, "from"), need_zone(r, z, "to"),
				json_need_str(z, "reason", r->d),
				json_need_int(z, "flows_seen_between", r->d) });
}

static void audit_complete(struct reading *r, const struct json_value *v,
			   struct seen_traffic *t)
{
	const struct json_value *c = json_need(v, "completeness", JSON_OBJECT,
					       r->d);

	if (c->type != JSON_OBJECT)
		return;
	t->complete = json_need_bool(c, "complete", r->d);
	t->taps_known = json_need_bool(c, "taps_known", r->d);
	for (EACH(x, c, "gaps"))
		vec_push(r->arena, &t->gaps, (struct seen_gap){
				json_need_str(x, "what", r->d),
				json_need_int(x, "count", r->d),
				json_need_int(x, "of", r->d),
				json_need_bool(x, "beyond", r->d) });
	for (EACH(y, c, "sources"))
		vec_push(r->arena, &t->sources,
			 json_need_str(y, "name", r->d));
}

static void read_audit(struct reading *r, const struct json_value *v)
{
	const char *name = json_need_str(v, "topology", r->d);
	const struct json_value *n = json_need(v, "totals", JSON_OBJECT, r->d);
	struct seen_traffic t = { .file = r->file };

	if (name && *name && strcmp(name, r->plan->topo->name))
		diag_add(r->d, SEV_ERROR, json_get(v, "topology")->at,
			 "these findings are of the topology \"%s\", not of "
			 "\"%s\"", name, r->plan->topo->name);
	t.result = json_need_str(v, "result", r->d);
	if (n->type == JSON_OBJECT) {
		t.first = json_need_str(n, "first", r->d);
		t.last = json_need_str(n, "last", r->d);
		t.frames = json_need_int(n, "frames", r->d);
		t.flows = json_need_int(n, "flows", r->d);
		t.planned = json_need_int(n, "planned", r->d);
		t.wanting = json_need_int(n, "findings", r->d);
		t.not_judged = json_need_int(n, "not_judged", r->d);
	}
	audit_findings_of(r, v, &t);
	audit_seen(r, v, &t);
	audit_complete(r, v, &t);
	vec_push(r->arena, &r->out->traffic, t);
}

/* ---- check ------------------------------------------------------------------------- */

static const char *first_box(struct reading *r, const struct json_value *v)
{
	const struct json_value *box = json_need(v, "boxes", JSON_ARRAY, r->d);
	long long more = json_need_int(v, "more_boxes", r->d);

	for (const struct json_value *b = box->first; b; b = b->next) {
		if (b->type != JSON_STRING)
			diag_add(r->d, SEV_ERROR, b->at, "a box is a text");
		else if (b != box->first)
			more++;
	}
	box = box->first;
	if (!box || box->type != JSON_STRING)
		return "";
	return more ? arena_printf(r->arena, "%s, and %lld more", box->str,
				   more) : box->str;
}

/* Those that were tried stand first. */
static const char *first_repair(struct reading *r, const struct json_value *v)
{
	const struct json_value *x = json_need(v, "repairs", JSON_ARRAY,
					       r->d)->first;

	return x ? json_need_str(x, "what", r->d) : NULL;
}

static void check_finding(struct reading *r, const struct json_value *v,
			  struct seen_rules *s)
{
	struct seen_finding f = {
		.cls = json_need_str(v, "kind", r->d),
		.note = first_box(r, v),
		.rule = json_need_str(v, "rule", r->d),
		.packet = json_need_str(v, "packet", r->d),
	};

	if (json_get(v, "repairs"))
		f.repair = first_repair(r, v);
	read_places(r, v, &f);
	vec_push(r->arena, &s->findings, f);
}

static void check_firewall(struct reading *r, const struct json_value *v)
{
	const struct json_value *all = json_get(v, "all_waived");
	struct seen_rules s = {
		.file = r->file,
		.all_waived = all && all->truth, /* older ones have none */
		.firewall = json_need_str(v, "firewall", r->d),
		.ruleset = json_need_str(v, "file", r->d),
		.not_judged = json_need_str(v, "not_judged", r->d),
		.equal = json_need_bool(v, "equal", r->d),
		.by_construction = json_need_bool(v, "by_construction", r->d),
	};

	if (s.firewall && *s.firewall &&
	    !topology_firewall(r->plan->topo, s.firewall))
		diag_add(r->d, SEV_ERROR, json_get(v, "firewall")->at,
			 "the topology has no firewall \"%s\": these findings "
			 "are of another one", s.firewall);
	for (EACH(x, v, "findings"))
		check_finding(r, x, &s);
	vec_push(r->arena, &r->out->rules, s);
}

/* What was not judged of a firewall with a file ("at NAME: ...") stands with
 * that firewall already. Older files begin each with " " or ": ". */
static void read_check(struct reading *r, const struct json_value *v)
{
	for (EACH(x, v, "firewalls"))
		check_firewall(r, x);
	for (EACH(y, v, "not_judged"))
		if (y->type == JSON_STRING &&
		    strncmp(y->str + strspn(y->str, " "), "at ", 3))
			vec_push(r->arena, &r->out->not_judged,
				 y->str + strspn(y->str, ": "));
}

/* ---- either ------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*read)(struct reading *r, const struct json_value *v);
} schemas[] = {
	{ "portplan-check-1", read_check },
	{ "portplan-check-2", read_check },
	{ "portplan-audit-1", read_audit },
};

static void read_document(struct reading *r, const struct json_value *v)
{
	const struct json_value *schema = json_get(v, "schema");

	if (!schema || schema->type != JSON_STRING) {
		diag_add(r->d, SEV_ERROR, v->at, "no findings: \"schema\" is "
			 "missing, as portplan check -o json and portplan "
			 "audit -o json write it");
		return;
	}
	for (size_t i = 0; i < COUNT_OF(schemas); i++)
		if (!strcmp(schemas[i].name, schema->str)) {
			schemas[i].read(r, v);
			return;
		}
	diag_add(r->d, SEV_ERROR, schema->at, "the schema is \"%s\", where "
		 "portplan-check-2 or portplan-audit-1 is meant",
		 xml_shown(r->arena, schema->str));
}

int observed_read(struct args *a, const struct plan *p,
		  struct observed_all *out)
{
	struct diags d;

	*out = (struct observed_all){ .traffic = { 0 } };
	diags_init(&d, a->arena);
	for (size_t i = 0; i < a->given.n; i++) {
		const char *path = a->given.v[i].value;
		struct reading r = { a->arena, p, &d, path, out };
		struct source *src;
		const struct json_value *v;

		if (strcmp(a->given.v[i].def->name, "findings"))
			continue;
		src = source_read(a->arena, path, "list of findings",
				  (struct span){ 0 }, &d);
		v = src ? json_read(a->arena, src, &d) : NULL;
		if (v)
			read_document(&r, v);
	}
	print_diags(&d);
	return d.n_errors ? EXIT_BAD : EXIT_OK;
}

long long observed_flows(const struct observed_all *o, const char *reason)
{
	long long n = 0;

	for (size_t i = 0; i < o->traffic.n; i++)
		for (size_t k = 0; k < o->traffic.v[i].reasons.n; k++)
			if (o->traffic.v[i].reasons.v[k].reason &&
			    !strcmp(o->traffic.v[i].reasons.v[k].reason,
				    reason))
				n += o->traffic.v[i].reasons.v[k].flows;
	return n;
}
