#include <string.h>

#include "base/json.h"
#include "cli/check_formats.h"

/*
 * The report for programs, schema "portplan-check-2": fields may be added,
 * none changes its meaning. (1 had no path and no repair, and waivers as text.)
 * "ranges" are the boxes as numbers: a packet is in
 * a box if each field named holds it; fields not named do not matter.
 */
enum { MAX_RANGES = 2000 }; /* boxes written as numbers */

static void names_dim(struct json *j, const struct verified *v,
		      const struct space_ivs *d)
{
	for (size_t i = 0; i < d->n; i++)
		for (space_val k = d->r[i].lo; k <= d->r[i].hi; k++)
			json_str(j, NULL, v->names.v[(size_t)k].text ?
				 v->names.v[(size_t)k].text : "(other)");
}

static void states_dim(struct json *j, const struct space_ivs *d)
{
	for (size_t i = 0; i < d->n; i++)
		for (space_val k = d->r[i].lo; k <= d->r[i].hi; k++)
			json_str(j, NULL, pk_ct_name[(size_t)k]);
}

static void address_dim(struct json *j, const struct space_ivs *d)
{
	char text[2 * ADDR_TEXT + 2], end[ADDR_TEXT];

	for (size_t i = 0; i < d->n; i++) {
		addr_text(space_to_addr(d->r[i].lo), text);
		addr_text(space_to_addr(d->r[i].hi), end);
		strcat(text, "-");
		strcat(text, end);
		json_str(j, NULL, text);
	}
}

static void number_dim(struct json *j, const struct space_ivs *d)
{
	for (size_t i = 0; i < d->n; i++) {
		json_array(j, NULL);
		json_int(j, NULL, (long long)d->r[i].lo);
		json_int(j, NULL, (long long)d->r[i].hi);
		json_end_array(j);
	}
}

static void json_box(struct json *j, const struct verified *v,
		     const struct space_cube *x)
{
	/* th0, th2: the transport header's first and second 16 bits */
	static const char *const name[PK_FIELDS] = {
		[PK_FAMILY] = "ipv6", [PK_IIF] = "in", [PK_OIF] = "out",
		[PK_CT] = "ct", [PK_DIR] = "reply", [PK_PROTO] = "proto",
		[PK_TH2] = "th2", [PK_DST] = "to", [PK_SRC] = "from",
		[PK_TH0] = "th0", [PK_FLAGS] = "tcp_flags", [PK_TOS] = "tos",
		[PK_TTL] = "ttl", [PK_TYPE] = "pkttype", [PK_MARK] = "mark",
	};

	json_object(j, NULL);
	for (unsigned f = 0; f < PK_FIELDS; f++) {
		if (!x->dim[f])
			continue;
		json_array(j, name[f]);
		if (f == PK_IIF || f == PK_OIF)
			names_dim(j, v, x->dim[f]);
		else if (f == PK_CT)
			states_dim(j, x->dim[f]);
		else if (f == PK_SRC || f == PK_DST)
			address_dim(j, x->dim[f]);
		else
			number_dim(j, x->dim[f]);
		json_end_array(j);
	}
	json_end_object(j);
}

static void json_ranges(struct json *j, const struct verified *v,
			const struct vf_finding *f)
{
	size_t n = f->cubes.n < MAX_RANGES ? f->cubes.n : MAX_RANGES;

	json_array(j, "ranges");
	for (size_t i = 0; i < n; i++)
		json_box(j, v, &f->cubes.v[i]);
	json_end_array(j);
	json_bool(j, "ranges_complete", n == f->cubes.n && !f->cubes.more);
}

static void json_step(struct json *j, const struct trace_step *s)
{
	json_object(j, NULL);
	json_str(j, "chain", s->chain->name);
	if (s->rule) {
		json_int(j, "handle", (long long)s->rule->handle);
		json_str(j, "text", s->rule->text);
		json_str(j, "file", s->rule->line ? s->rule->file : NULL);
		json_int(j, "line", s->rule->line);
	}
	json_end_object(j);
}

/* Base chains in the packet's order; each step but the last jumps. */
static void json_path(struct json *j, const struct vf_finding *f)
{
	json_array(j, "path");
	for (size_t i = 0; i < f->way.v.n; i++) {
		const struct trace *t = &f->way.v.v[i];

		json_object(j, NULL);
		json_str(j, "family", kr_family_name(t->base->table->family));
		json_str(j, "table", t->base->table->name);
		json_str(j, "chain", t->base->name);
		json_int(j, "priority", t->base->prio);
		json_array(j, "steps");
		for (size_t k = 0; k < t->step.n; k++)
			json_step(j, &t->step.v[k]);
		json_end_array(j);
		json_str(j, "verdict", t->verdict);
		json_end_object(j);
	}
	json_end_array(j);
}

static void json_repairs(struct json *j, const struct vf_finding *f)
{
	json_array(j, "repairs");
	for (size_t i = 0; i < f->repair.n; i++) {
		const struct vf_repair *r = &f->repair.v[i];

		json_object(j, NULL);
		json_str(j, "what", r->what);
		json_array(j, "lines");
		for (size_t k = 0; k < r->line.n; k++)
			json_str(j, NULL, r->line.v[k]);
		json_end_array(j);
		json_str(j, "file", r->file);
		json_int(j, "line", r->at_line);
		json_bool(j, "rechecked", r->rechecked);
		json_str(j, "not_rechecked", r->rechecked ? NULL : r->why);
		json_end_object(j);
	}
	json_end_array(j);
}

static void json_asides(struct json *j, const struct check_report *r,
			enum check_topic topic)
{
	json_array(j, check_topics[topic].array);
	for (size_t i = 0; i < r->aside.n; i++) {
		const struct check_aside *w = &r->aside.v[i];

		if (w->topic != topic)
			continue;
		json_object(j, NULL);
		json_str(j, "id", w->fingerprint);
		json_str(j, "kind", w->kind);
		json_str(j, "text", w->text);
		json_str(j, "file", w->file);
		json_int(j, "line", w->line);
		json_end_object(j);
	}
	json_end_array(j);
}

void check_json_members(struct json *j, const struct vf_finding *f)
{
	unsigned line = 0, col, end;

	json_str(j, "id", f->fingerprint);
	json_str(j, "kind", vf_kind_name[f->kind]);
	json_str(j, "hook", check_path_name[f->path]);
	json_str(j, "state", f->opening ? "new" : "other");
	json_bool(j, "before", f->before);
	json_bool(j, "expired", f->expired);
	json_bool(j, "internet", f->internet);
	json_bool(j, "astray", f->astray);
	json_bool(j, "outside", f->outside);
	json_array(j, "boxes");
	for (size_t i = 0; i < f->n_box; i++)
		json_str(j, NULL, f->box[i]);
	json_end_array(j);
	json_int(j, "more_boxes", (long long)f->more);
	json_str(j, "size", f->size);
	json_str(j, "packet", f->packet);
	json_str(j, "probe", *f->probe ? f->probe : NULL);
	json_str(j, "kernel", vf_proof_name[vf_proof(f)]);
	json_str(j, "kernel_why", vf_proof(f) == VF_NOT_TRIED ?
		 f->kernel_why : NULL);
	json_str(j, "from", f->from);
	json_str(j, "to", f->to);
	json_str(j, "service", f->service);
	json_str(j, "rule", *f->rule ? f->rule : NULL);
	json_str(j, "file", f->file);
	json_int(j, "line", f->line);
	json_str(j, "plan", f->plan);
	if (f->plan_at.src)
		span_position(f->plan_at, &line, &col, &end);
	json_str(j, "plan_file", f->plan_at.src ? f->plan_at.src->name : NULL);
	json_int(j, "plan_line", line);
	json_str(j, "because", f->why);
	json_repairs(j, f);
}

static void json_finding(struct json *j, const struct verified *v,
			 const struct vf_finding *f)
{
	json_object(j, NULL);
	check_json_members(j, f);
	json_path(j, f);
	json_ranges(j, v, f);
	json_end_object(j);
}

static void json_notes(struct json *j, const struct verified *v)
{
	json_array(j, "notes");
	for (size_t i = 0; i < v->notes.n; i++) {
		const struct vf_note *n = &v->notes.v[i];

		json_object(j, NULL);
		json_str(j, "id", n->fingerprint);
		json_str(j, "kind", vf_note_name[n->kind]);
		json_str(j, "text", n->text);
		json_str(j, "file", n->file);
		json_int(j, "line", n->line);
		json_end_object(j);
	}
	json_end_array(j);
}

static void json_waived(struct json *j, const struct verified *v)
{
	unsigned line, col, end;

	json_array(j, "waived");
	for (size_t i = 0; i < v->waived.n; i++) {
		const struct vf_waived *w = &v->waived.v[i];

		span_position(w->by->at, &line, &col, &end);
		json_object(j, NULL);
		json_str(j, "kind", vf_kind_name[w->kind]);
		json_str(j, "hook", check_path_name[w->path]);
		json_str(j, "state", w->opening ? "new" : "other");
		json_array(j, "boxes");
		for (size_t k = 0; k < w->n_box; k++)
			json_str(j, NULL, w->box[k]);
		json_end_array(j);
		json_int(j, "more_boxes", (long long)w->more);
		json_str(j, "file", w->by->at.src->name);
		json_int(j, "line", line);
		json_str(j, "reason", w->by->reason);
		json_str(j, "owner", w->by->owner);
		json_str(j, "ticket", w->by->ticket);
		json_str(j, "expires", w->by->expires.text);
		json_end_object(j);
	}
	json_end_array(j);
}

void check_write_json(const struct check_report *r, struct buf *out)
{
	struct json j = { .out = out };

	json_object(&j, NULL);
	json_str(&j, "schema", "portplan-check-2");
	json_str(&j, "topology", r->topology);
	json_bool(&j, "compared", r->compared);
	json_array(&j, "firewalls");
	for (size_t i = 0; i < r->n; i++) {
		const struct verified *v = &r->v[i];

		json_object(&j, NULL);
		json_str(&j, "firewall", v->firewall->name);
		json_str(&j, "file", v->file);
		json_bool(&j, "equal", verified_clean(v) && !v->waived.n);
		json_bool(&j, "all_waived", verified_clean(v) && v->waived.n);
		json_bool(&j, "by_construction", v->by_construction);
		for (int k = 0; k < VF_KINDS; k++)
			json_int(&j, vf_kind_name[k], (long long)v->count[k]);
		json_int(&j, "expired", (long long)v->n_expired);
		json_str(&j, "not_judged", v->not_judged);
		json_array(&j, "interfaces"); /* that are told apart */
		for (size_t k = 0; k + 1 < v->names.n; k++)
			json_str(&j, NULL, v->names.v[k].text);
		json_end_array(&j);
		json_array(&j, "findings");
		for (size_t k = 0; k < v->findings.n; k++)
			json_finding(&j, v, &v->findings.v[k]);
		json_end_array(&j);
		json_waived(&j, v);
		json_notes(&j, v);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_array(&j, "not_judged");
	for (size_t i = 0; i < r->n_unjudged; i++)
		json_str(&j, NULL, r->unjudged[i] +
			 strspn(r->unjudged[i], ": "));
	json_end_array(&j);
	for (enum check_topic t = 0; t < TOPICS; t++)
		json_asides(&j, r, t);
	json_str(&j, "note", r->note);
	json_end_object(&j);
}
