#include "cli/audit.h"

typedef unsigned long long ull;

/*
 * The text format of Prometheus (prometheus.io/docs/instrumenting/
 * exposition_formats), for its node exporter's textfile collector: a file
 * that is only ever replaced whole.
 */
static void head(struct buf *out, const char *name, const char *type,
		 const char *help)
{
	buf_printf(out, "# HELP portplan_audit_%s %s\n"
		   "# TYPE portplan_audit_%s %s\n", name, help, name, type);
}

static void counter(struct buf *out, const char *name, uint64_t v,
		    const char *help)
{
	head(out, name, "counter", help);
	buf_printf(out, "portplan_audit_%s %llu\n", name, (ull)v);
}

static void flows(const struct metrics *m, struct buf *out)
{
	const struct {
		const char *verdict;
		uint64_t n;
	} v[] = {
		{ "planned", m->totals.planned },
		{ "wanting", m->totals.wanting },
		{ "not_judged", m->totals.inside + m->totals.elsewhere },
		{ "housekeeping", m->totals.housekeeping },
	};

	head(out, "judged_flows_total", "counter",
	     "Flows that ended, by what was said of them.");
	for (size_t i = 0; i < COUNT_OF(v); i++)
		buf_printf(out, "portplan_audit_judged_flows_total"
			   "{verdict=\"%s\"} %llu\n", v[i].verdict,
			   (ull)v[i].n);
}

static void classes(const struct metrics *m, struct buf *out)
{
	head(out, "findings_total", "counter",
	     "Flows with findings, by class, as soon as they are known.");
	for (int c = 0; c < F_N; c++)
		buf_printf(out, "portplan_audit_findings_total"
			   "{class=\"%s\"} %llu\n", finding_classes[c].name,
			   (ull)m->totals.by_class[c]);
}

static void audit_metrics_text(const struct metrics *m, struct buf *out)
{
	const struct audit_totals *t = &m->totals;

	counter(out, "frames_total", t->frames, "Frames read.");
	counter(out, "bytes_total", t->bytes, "Their bytes on the wire.");
	counter(out, "dropped_total", m->dropped,
		"Frames that the kernel dropped for want of room.");
	counter(out, "flows_total", m->flows.flows, "Flows begun.");
	counter(out, "evicted_flows_total", m->flows.evicted,
		"Flows given up for want of room.");
	counter(out, "unseen_bytes_total", m->flows.missed,
		"Bytes that were acknowledged but never seen.");
	counter(out, "undetermined_flows_total", t->undetermined,
		"Flows of which it cannot be told whether they are planned.");
	flows(m, out);
	classes(m, out);
	if (t->frames) {
		head(out, "last_packet_seconds", "gauge",
		     "Time of the last packet, since 1970, UTC.");
		buf_printf(out, "portplan_audit_last_packet_seconds "
			   "%llu.%03llu\n", (ull)(t->last / 1000000000),
			   (ull)(t->last / 1000000 % 1000));
	}
	head(out, "up_seconds", "gauge", "How long the audit has run.");
	buf_printf(out, "portplan_audit_up_seconds %.0f\n", m->up);
	if (m->complete < 0)
		return;
	head(out, "complete", "gauge",
	     "1 if enough was seen for the result to stand on.");
	buf_printf(out, "portplan_audit_complete %d\n", m->complete);
}

bool audit_write_metrics(struct run *r, const struct metrics *m)
{
	bool ok = true;

	for (size_t i = 0; i < r->sinks.n; i++) {
		struct sink *o = &r->sinks.v[i];
		struct buf b = { 0 };

		if (o->kind != SINK_METRICS)
			continue;
		audit_metrics_text(m, &b);
		ok &= write_file(r->args, o->path, &b) == EXIT_OK;
		buf_free(&b);
	}
	return ok;
}
