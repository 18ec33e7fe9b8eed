#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/stop.h"

/* Words of events are needed for a line each. */
enum { EVENTS_AN_ARENA = 256 };

/* An attempt that came to nothing is news, what was answered a warning. */
static unsigned severity(const struct finding *f)
{
	if (f->cls == F_NONE)
		return SYSLOG_INFO;
	return f->answered ? SYSLOG_WARNING : SYSLOG_NOTICE;
}

static void log_flow(struct worker *w, struct syslog *log,
		     const struct conn *c, const struct finding *f)
{
	struct syslog_head head = w->run->syslog_head;
	char time[TIME_TEXT];

	time_text(c->last, time);
	head.time = time;
	head.severity = severity(f);
	head.id = finding_classes[f->cls].name;
	w->line.n = 0;
	audit_syslog_flow(&w->line, &head, w->event_arena, w, c, f);
	syslog_send(log, &w->line);
}

static void tell(struct worker *w, struct sink *o, const struct conn *c,
		 const struct finding *f)
{
	const struct run *r = w->run;

	if (o->log)
		log_flow(w, o->log, c, f);
	if (!o->file)
		return;
	w->line.n = 0;
	event_flow(&w->line, w->event_arena, w->force->judge, c, f, r->seen,
		   r->n_seen);
	fwrite(w->line.s, 1, w->line.n, o->file);
}

void audit_on_flow(void *ctx, const struct conn *c, const struct finding *f)
{
	struct worker *w = ctx;
	struct run *r = w->run;

	pthread_mutex_lock(&r->lock);
	if (w->events++ % EVENTS_AN_ARENA == 0) {
		arena_free(w->event_arena);
		w->event_arena = arena_new();
	}
	for (size_t i = 0; i < r->sinks.n; i++)
		tell(w, &r->sinks.v[i], c, f);
	pthread_mutex_unlock(&r->lock);
}

void audit_on_evidence(void *ctx, const struct frame *f, const struct pkt *p)
{
	struct worker *w = ctx;

	pthread_mutex_lock(&w->run->lock);
	evidence_packet(w->run->evidence, f, p);
	pthread_mutex_unlock(&w->run->lock);
}

void audit_flush_events(struct run *r)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->sinks.n; i++)
		if (r->sinks.v[i].file)
			fflush(r->sinks.v[i].file);
	if (r->evidence)
		evidence_flush(r->evidence);
	pthread_mutex_unlock(&r->lock);
}

static void reopen(struct run *r, struct sink *o)
{
	FILE *fresh = fopen(o->path, "ae");

	if (!fresh) {
		complain(r->args, "\"%s\" cannot be opened again: %s; events "
			 "go to where they went", o->path, strerror(errno));
		return;
	}
	pthread_mutex_lock(&r->lock);
	fclose(o->file);
	o->file = fresh;
	pthread_mutex_unlock(&r->lock);
}

void audit_reopen_events(struct run *r)
{
	for (size_t i = 0; i < r->sinks.n; i++)
		if (r->live && r->sinks.v[i].file && r->sinks.v[i].path)
			reopen(r, &r->sinks.v[i]);
}

/* ---- the end ------------------------------------------------------------- */

static void seen_live(struct run *r, size_t i)
{
	struct observed *o = &r->seen[i];

	for (unsigned k = 0; k < r->n_worker; k++) {
		struct live_stats s = live_stats(r->live[k], i);

		o->packets += s.packets;
		o->dropped += s.dropped;
		/* Each reader is told of all that the interface dropped. */
		if (s.if_dropped > o->if_dropped)
			o->if_dropped = s.if_dropped;
	}
}

static void seen_file(struct run *r, size_t i)
{
	const struct capture_stats *s = &sources_info(r->sources, i)->stats;

	r->seen[i].packets = s->packets;
	r->seen[i].dropped = s->dropped;
	r->seen[i].damage = s->damage;
	r->seen[i].damage_at = s->damage_at;
}

static struct audit *merge(struct run *r)
{
	struct audit **v = ARENA_ARRAY(r->arena, struct audit *, r->n_worker);

	for (unsigned i = 0; i < r->n_worker; i++)
		v[i] = r->worker[i].audit;
	audit_merge(v, r->n_worker);
	audit_finish(v[0]);
	return v[0];
}

static struct report *make_report(struct run *r)
{
	struct audit *au = merge(r);
	struct report *rep;

	for (size_t i = 0; i < r->n_seen; i++)
		r->live ? seen_live(r, i) : seen_file(r, i);
	rep = report_make(r->arena, au, r->force->judge, r->seen, r->n_seen);
	if (r->ended)
		report_ended(rep, r->ended, r->ended_early);
	for (size_t i = 0; i < r->n_seen; i++)
		rep->taps_known |= r->force->tap[i] != NONE;
	audit_waive(r, rep);
	return rep;
}

/* The last line of ndjson. */
static bool end_events(struct run *r, struct sink *o,
		       const struct report *rep)
{
	struct buf b = { 0 };
	bool ok;

	event_summary(&b, rep, audit_wall_clock());
	ok = fwrite(b.s, 1, b.n, o->file) == b.n;
	ok &= (o->file == stdout ? fflush(o->file) : fclose(o->file)) == 0;
	buf_free(&b);
	if (!ok && !o->path && errno == EPIPE)
		return true;
	if (!ok)
		complain(r->args, "\"%s\": %s", o->path ? o->path :
			 "standard output", strerror(errno));
	return ok;
}

static bool end_syslog(struct run *r, struct sink *o, const struct report *rep)
{
	struct syslog_head head = r->syslog_head;
	struct buf b = { 0 };
	char time[TIME_TEXT];

	time_text(rep->totals->frames ? rep->totals->last : audit_wall_clock(), time);
	head.time = time;
	head.id = "summary";
	head.severity = rep->incomplete ? SYSLOG_WARNING : SYSLOG_INFO;
	audit_syslog_summary(&b, &head, rep);
	syslog_send(o->log, &b);
	buf_free(&b);
	if (syslog_lost(o->log))
		complain(r->args, "%llu message%s to syslog lost",
			 (unsigned long long)syslog_lost(o->log),
			 plural(syslog_lost(o->log)));
	return true;
}

static bool end_metrics(struct run *r, const struct report *rep)
{
	struct metrics m = {
		.totals = *rep->totals, .flows = *rep->flows,
		.up = stop_clock() - r->start, .complete = !rep->incomplete,
	};

	for (size_t i = 0; i < r->n_seen; i++)
		m.dropped += r->seen[i].dropped;
	return audit_write_metrics(r, &m);
}

static bool write_reports(struct run *r, const struct report *rep)
{
	struct output *v = ARENA_ARRAY(r->arena, struct output, r->sinks.n);
	bool ok = true, metrics = false;
	size_t n = 0;

	for (size_t i = 0; i < r->sinks.n; i++) {
		struct sink *o = &r->sinks.v[i];

		if (o->kind == SINK_NDJSON)
			ok &= end_events(r, o, rep);
		if (o->kind == SINK_SYSLOG)
			ok &= end_syslog(r, o, rep);
		metrics |= o->kind == SINK_METRICS;
		if (o->kind != SINK_REPORT && o->kind != SINK_TABLE)
			continue;
		v[n].path = o->path;
		v[n].held = o->held;
		if (o->kind == SINK_REPORT)
			o->report->write(rep, &v[n++].text);
		else
			audit_write_table(rep, o->format, &v[n++].text);
	}
	if (metrics)
		ok &= end_metrics(r, rep);
	return write_outputs(r->args, v, n) == EXIT_OK && ok;
}

static bool write_reviews(struct run *r, const struct report *rep)
{
	static void (*const text[N_REVIEW])(struct run *, const struct report *,
					    struct buf *) = {
		[REVIEW_PROPOSAL] = audit_propose,
		[REVIEW_BASELINE] = audit_baseline,
	};
	struct buf b[N_REVIEW] = { 0 };
	struct file_out f[N_REVIEW];
	size_t n = 0;
	bool ok;

	for (size_t i = 0; i < N_REVIEW; i++) {
		if (!r->review[i].path)
			continue;
		text[i](r, rep, &b[i]);
		f[n++] = (struct file_out){ .path = r->review[i].path,
					    .text = &b[i],
					    .held = r->review[i].held };
	}
	ok = write_files(r->args, f, n) == EXIT_OK;
	for (size_t i = 0; i < N_REVIEW; i++)
		buf_free(&b[i]);
	return ok;
}

/* Not every format has a place for what was not seen. */
static void say_gaps(const struct run *r, const struct report *rep)
{
	if (r->unheard)
		return;
	for (size_t i = 0; i < r->sinks.n; i++)
		if (!strcmp(r->sinks.v[i].format, "table") &&
		    !r->sinks.v[i].path)
			return;
	for (size_t i = 0; i < rep->gaps.n; i++)
		if (rep->gaps.v[i].beyond)
			complain(r->args, "incomplete: %s", report_gap(rep, i));
}

static bool fails(const struct run *r, const struct finding *f)
{
	if (f->waived)
		return false;
	for (size_t i = 0; i < r->fail_on.n; i++)
		if (!strcmp(r->fail_on.v[i], finding_classes[f->cls].name))
			return true;
	return !r->fail_on.n;
}

int audit_finish_run(struct run *r)
{
	bool ok = audit_write_known(r), found = false;
	struct report *rep = make_report(r);

	say_gaps(r, rep);
	ok &= write_reports(r, rep);
	ok &= write_reviews(r, rep);
	if (r->evidence && evidence_close(r->evidence) < 0) {
		complain(r->args, "\"%s\" could not be written",
			 r->evidence_file.path);
		ok = false;
	}
	r->evidence = NULL;
	for (size_t i = 0; i < rep->n_finding; i++)
		found |= fails(r, rep->finding[i]);
	if (!ok)
		return EXIT_BAD;
	return found ? EXIT_FINDINGS :
	       rep->incomplete ? EXIT_UNDECIDED : EXIT_OK;
}
