#include "audit/report.h"

#include <stdio.h>

#include "base/json.h"

typedef unsigned long long ull;

static struct words_of words(const struct report *r, size_t i)
{
	return finding_words(r->arena, r->judge, r->finding[i], r->seen,
			     r->n_seen);
}

static void put_duration(struct buf *out, uint64_t ns)
{
	uint64_t s = ns / 1000000000;

	if (s >= 86400)
		buf_printf(out, "%llu d %llu h", (ull)(s / 86400),
			   (ull)(s / 3600 % 24));
	else if (s >= 3600)
		buf_printf(out, "%llu h %llu min", (ull)(s / 3600),
			   (ull)(s / 60 % 60));
	else if (s >= 60)
		buf_printf(out, "%llu min %llu s", (ull)(s / 60),
			   (ull)(s % 60));
	else
		buf_printf(out, "%llu.%03llu s", (ull)s,
			   (ull)(ns / 1000000 % 1000));
}

const char *report_outcome(const struct report *r)
{
	if (r->n_finding > r->n_waived)
		return r->incomplete ? "findings, and incomplete" : "findings";
	return r->incomplete ? "incomplete" : "clean";
}

static uint64_t observed_time(const struct report *r)
{
	return r->totals->last > r->totals->first ?
	       r->totals->last - r->totals->first : 0;
}

/* ---- table: for people -------------------------------------------------- */

static void table_head(const struct report *r, struct buf *out)
{
	const struct audit_totals *t = r->totals;
	char from[TIME_TEXT], to[TIME_TEXT];

	time_text(t->first, from);
	time_text(t->last, to);
	buf_printf(out, "%llu frame%s, %llu flow%s", (ull)t->frames,
		   plural(t->frames), (ull)t->flows,
		   plural(t->flows));
	if (t->frames) {
		buf_printf(out, ", %.19sZ to %.19sZ, ", from, to);
		put_duration(out, observed_time(r));
	}
	buf_printf(out, "\nflows: %llu planned, %llu with findings, "
		   "%llu within zones that do not judge, "
		   "%llu of the link's own\n", (ull)t->planned,
		   (ull)t->wanting, (ull)t->inside, (ull)t->housekeeping);
}

static void table_finding(const struct report *r, size_t i, struct buf *out)
{
	const struct finding *f = r->finding[i];
	struct words_of w = words(r, i);

	if (!i || r->finding[i - 1]->cls != f->cls)
		buf_printf(out, "\n%s: %s\n", w.cls, w.title);
	buf_printf(out, "  %s > %s  %s  %llu flow%s", w.from, w.to, w.service,
		   (ull)f->flows, plural(f->flows));
	if (f->answered)
		buf_printf(out, ", %llu answered", (ull)f->answered);
	if (f->refused)
		buf_printf(out, ", %llu refused", (ull)f->refused);
	if (f->flows > f->answered + f->refused)
		buf_printf(out, ", %llu attempted",
			   (ull)(f->flows - f->answered - f->refused));
	if (f->passed)
		buf_printf(out, ", %llu seen on both sides of a router",
			   (ull)f->passed);
	if (f->how[HOW_NONE])
		buf_printf(out, ", %llu of unknown direction",
			   (ull)f->how[HOW_NONE]);
	if (f->waived)
		buf_printf(out, "\n      waived: %s", f->waived);
	if (*w.note)
		buf_printf(out, "\n      %s", w.note);
	buf_printf(out, "\n      %s\n", w.sample);
}

static void table_complete(const struct report *r, struct buf *out)
{
	bool told = false;

	for (size_t i = 0; i < r->gaps.n; i++) {
		buf_printf(out, "\n%s", report_gap(r, i));
		told |= r->gaps.v[i].what == r->ended;
	}
	if (r->ended && !told)
		buf_printf(out, "\n%s", r->ended);
	if (!r->taps_known)
		buf_puts(out, "\nspoofed sources: not looked for, the zone of "
			 "the tap was not said");
	buf_putc(out, '\n');
}

static void table_unseen(const struct report *r, struct buf *out)
{
	const struct plan *p = r->judge->plan;

	if (!r->n_unseen)
		return;
	buf_puts(out, "\nplanned, not seen in ");
	put_duration(out, observed_time(r));
	buf_puts(out, ", where much else was\n");
	for (size_t i = 0; i < r->n_unseen; i++) {
		const struct unseen *u = &r->unseen[i];

		buf_printf(out, "  %s > %s  %s\n",
			   plan_node_name(p, u->from_zone),
			   plan_node_name(p, u->to_zone),
			   reason_ident(p, u->reason, r->arena));
	}
}

/* In one paragraph. */
const char *report_summary(const struct report *r)
{
	struct buf b = { 0 }, line = { 0 };
	const char *s;

	table_head(r, &b);
	table_unseen(r, &b);
	table_complete(r, &b);
	for (size_t i = 0; i < b.n; i++) {
		bool end = b.s[i] == '\n';

		if (!end)
			buf_putc(&line, b.s[i]);
		else if (line.n && line.s[line.n - 1] != ' ')
			buf_puts(&line, ". ");
	}
	while (line.n && line.s[line.n - 1] == ' ')
		line.n--;
	s = arena_strndup(r->arena, line.n ? line.s : "", line.n);
	buf_free(&b);
	buf_free(&line);
	return s;
}

static void write_table(const struct report *r, struct buf *out)
{
	table_head(r, out);
	for (size_t i = 0; i < r->n_finding; i++)
		table_finding(r, i, out);
	table_unseen(r, out);
	table_complete(r, out);
	buf_printf(out, "result: %s\n", report_outcome(r));
}

/* ---- json ---------------------------------------------------------------- */

static void json_time(struct json *j, const char *key, uint64_t ns)
{
	char text[TIME_TEXT];

	time_text(ns, text);
	json_str(j, key, ns ? text : NULL);
}

static void json_sample(struct json *j, const struct report *r,
			const struct sample *s)
{
	char text[ADDR_TEXT], tmp[KEY_TEXT];
	bool ports = proto_sends_ports(s->proto);

	json_object(j, NULL);
	json_str(j, "source", s->source < r->n_seen ?
			      r->seen[s->source].name : NULL);
	json_int(j, "packet", (long long)s->number);
	json_time(j, "time", s->ts);
	judge_addr_text(r->judge, s->src, text);
	json_str(j, "src_ip", text);
	if (ports)
		json_int(j, "src_port", s->sport);
	judge_addr_text(r->judge, s->dst, text);
	json_str(j, "dest_ip", text);
	if (ports)
		json_int(j, "dest_port", s->dport);
	json_str(j, "proto", proto_name(s->proto, tmp));
	json_end_object(j);
}

static void json_finding(struct json *j, const struct report *r, size_t i)
{
	const struct finding *f = r->finding[i];
	struct words_of w = words(r, i);

	json_object(j, NULL);
	json_str(j, "class", w.cls);
	json_str(j, "from", w.from);
	json_str(j, "to", w.to);
	json_str(j, "service", w.service);
	json_str(j, "note", w.note);
	json_str(j, "let_through", w.let_through);
	json_str(j, "waived", f->waived);
	json_int(j, "flows", (long long)f->flows);
	json_int(j, "answered", (long long)f->answered);
	json_int(j, "refused", (long long)f->refused);
	json_int(j, "passed_router", (long long)f->passed);
	json_int(j, "packets", (long long)f->packets);
	json_int(j, "bytes", (long long)f->bytes);
	json_time(j, "first", f->first);
	json_time(j, "last", f->last);
	json_object(j, "direction");
	for (int h = 0; h < HOW_N; h++)
		if (f->how[h])
			json_int(j, how_names[h], (long long)f->how[h]);
	json_end_object(j);
	json_array(j, "samples");
	for (size_t k = 0; k < f->n_sample; k++)
		json_sample(j, r, &f->sample[k]);
	json_end_array(j);
	json_end_object(j);
}

void report_json_gaps(const struct report *r, struct json *j)
{
	json_array(j, "gaps");
	for (size_t i = 0; i < r->gaps.n; i++) {
		const struct gap *g = &r->gaps.v[i];

		json_object(j, NULL);
		json_str(j, "what", g->what);
		json_int(j, "count", (long long)g->n);
		json_int(j, "of", (long long)g->of);
		json_bool(j, "beyond", g->beyond);
		json_end_object(j);
	}
	json_end_array(j);
}

static void json_complete(struct json *j, const struct report *r)
{
	json_object(j, "completeness");
	json_bool(j, "complete", !r->incomplete);
	json_bool(j, "taps_known", r->taps_known);
	json_str(j, "ended", r->ended);
	report_json_gaps(r, j);
	json_array(j, "sources");
	for (size_t i = 0; i < r->n_seen; i++) {
		json_object(j, NULL);
		json_str(j, "name", r->seen[i].name);
		json_int(j, "packets", (long long)r->seen[i].packets);
		json_str(j, "damage", r->seen[i].damage);
		json_end_object(j);
	}
	json_end_array(j);
	json_end_object(j);
}

static void json_totals(struct json *j, const struct audit_totals *t)
{
	json_object(j, "totals");
	json_time(j, "first", t->first);
	json_time(j, "last", t->last);
	json_int(j, "frames", (long long)t->frames);
	json_int(j, "packets", (long long)t->packets);
	json_int(j, "bytes", (long long)t->bytes);
	json_int(j, "flows", (long long)t->flows);
	json_int(j, "planned", (long long)t->planned);
	json_int(j, "findings", (long long)t->wanting);
	json_int(j, "not_judged", (long long)(t->inside + t->elsewhere));
	json_int(j, "housekeeping", (long long)t->housekeeping);
	json_int(j, "undetermined", (long long)t->undetermined);
	json_end_object(j);
}

static void json_unseen(struct json *j, const struct report *r)
{
	const struct plan *p = r->judge->plan;

	json_array(j, "unseen");
	for (size_t i = 0; i < r->n_unseen; i++) {
		const struct unseen *u = &r->unseen[i];

		json_object(j, NULL);
		json_str(j, "from", plan_node_name(p, u->from_zone));
		json_str(j, "to", plan_node_name(p, u->to_zone));
		json_str(j, "reason", reason_ident(p, u->reason, r->arena));
		json_int(j, "flows_seen_between", (long long)u->flows);
		json_end_object(j);
	}
	json_end_array(j);
}

/* Planned flows that were seen, by reason and by pair of zones. */
static void json_seen(struct json *j, const struct report *r)
{
	const struct plan *p = r->judge->plan;
	size_t zones = p->topo->zones.n;

	json_array(j, "seen");
	for (uint32_t i = 0; i < p->reasons.n; i++) {
		if (!r->reason_hits[i])
			continue;
		json_object(j, NULL);
		json_str(j, "reason", reason_ident(p, i, r->arena));
		json_int(j, "flows", (long long)r->reason_hits[i]);
		json_end_object(j);
	}
	json_end_array(j);
	json_array(j, "seen_between");
	for (uint32_t i = 0; i < zones * zones; i++) {
		if (!r->zone_flows[i])
			continue;
		json_object(j, NULL);
		json_str(j, "from", plan_node_name(p, i / (uint32_t)zones));
		json_str(j, "to", plan_node_name(p, i % (uint32_t)zones));
		json_int(j, "flows", (long long)r->zone_flows[i]);
		json_end_object(j);
	}
	json_end_array(j);
}

/* Schema "portplan-audit-1": fields may be added, none changes its meaning. */
static void write_json(const struct report *r, struct buf *out)
{
	struct json j = { .out = out };

	json_object(&j, NULL);
	json_str(&j, "schema", "portplan-audit-1");
	json_str(&j, "topology", r->judge->plan->topo->name);
	json_str(&j, "result", report_outcome(r));
	json_totals(&j, r->totals);
	json_array(&j, "findings");
	for (size_t i = 0; i < r->n_finding; i++)
		json_finding(&j, r, i);
	json_end_array(&j);
	json_seen(&j, r);
	json_unseen(&j, r);
	json_complete(&j, r);
	json_end_object(&j);
}

const struct report_format report_formats[] = {
	{ "table", "for reading", write_table },
	{ "json", "one document", write_json },
};
const size_t n_report_formats = sizeof(report_formats) /
				sizeof(*report_formats);
