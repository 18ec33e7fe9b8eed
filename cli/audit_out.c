#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/propose.h"
#include "cli/audit.h"

/* Words of events are needed for a line each. */
enum { EVENTS_AN_ARENA = 256 };

void audit_on_flow(void *ctx, const struct conn *c, const struct finding *f)
{
	struct run *r = ctx;

	if (r->events++ % EVENTS_AN_ARENA == 0) {
		arena_free(r->event_arena);
		r->event_arena = arena_new();
	}
	r->line.n = 0;
	event_flow(&r->line, r->event_arena, r->judge, c, f, r->seen,
		   r->n_seen);
	for (size_t i = 0; i < r->sinks.n; i++)
		if (r->sinks.v[i].file)
			fwrite(r->line.s, 1, r->line.n, r->sinks.v[i].file);
}

void audit_flush_events(struct run *r)
{
	for (size_t i = 0; i < r->sinks.n; i++)
		if (r->sinks.v[i].file)
			fflush(r->sinks.v[i].file);
}

static void gather_seen(struct run *r)
{
	for (size_t i = 0; i < r->n_seen; i++) {
		struct observed *o = &r->seen[i];

		if (r->live) {
			struct live_stats s = live_stats(r->live, i);

			o->packets = s.packets;
			o->dropped = s.dropped;
			o->if_dropped = s.if_dropped;
		} else {
			const struct capture_stats *s =
				&sources_info(r->sources, i)->stats;

			o->packets = s->packets;
			o->dropped = s->dropped;
			o->damage = s->damage;
			o->damage_at = s->damage_at;
		}
	}
}

/* The last line of ndjson, then the reports. */
static bool write_reports(struct run *r, const struct report *rep)
{
	struct output *v = ARENA_ARRAY(r->arena, struct output, r->sinks.n);
	size_t n = 0;
	bool ok = true;

	for (size_t i = 0; i < r->sinks.n; i++) {
		struct sink *o = &r->sinks.v[i];

		if (o->format) {
			v[n].path = o->path;
			o->format->write(rep, &v[n++].text);
			continue;
		}
		r->line.n = 0;
		event_summary(&r->line, rep);
		ok &= fwrite(r->line.s, 1, r->line.n, o->file) == r->line.n;
		ok &= (o->file == stdout ? fflush(o->file) :
					   fclose(o->file)) == 0;
		if (!ok)
			complain(r->args, "\"%s\": %s", o->path ? o->path :
				 "standard output", strerror(errno));
	}
	return write_outputs(r->args, v, n) == EXIT_OK && ok;
}

static bool write_proposal(struct run *r, const struct report *rep)
{
	const char *path = arg_value(r->args, "propose", NULL);
	struct buf b = { 0 };
	bool ok = true;

	if (!path)
		return true;
	propose_allows(rep, &b);
	ok = write_file(r->args, path, &b) == EXIT_OK;
	buf_free(&b);
	return ok;
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
	struct report *rep;
	bool ok = true, found = false;

	audit_finish(r->audit);
	gather_seen(r);
	rep = report_make(r->arena, r->audit, r->judge, r->seen, r->n_seen);
	rep->incomplete |= r->ended_early;
	for (size_t i = 0; i < r->n_seen; i++)
		rep->taps_known |= r->opt.tap_zone[i] != NONE;
	audit_waive(r, rep);
	ok &= write_reports(r, rep);
	ok &= write_proposal(r, rep);
	if (r->evidence && evidence_close(r->evidence) < 0) {
		complain(r->args, "\"%s\" could not be written",
			 r->evidence_path);
		ok = false;
	}
	for (size_t i = 0; i < rep->n_finding; i++)
		found |= fails(r, rep->finding[i]);
	if (!ok)
		return EXIT_BAD;
	return found ? EXIT_FINDINGS :
	       rep->incomplete ? EXIT_UNDECIDED : EXIT_OK;
}
