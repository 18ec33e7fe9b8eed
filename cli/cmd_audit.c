#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "audit/event.h"
#include "audit/evidence.h"
#include "audit/live.h"
#include "audit/propose.h"
#include "audit/report.h"
#include "audit/sources.h"
#include "cli/cli.h"
#include "plan/sets.h"
#include "topology/waivers.h"

struct sink {
	const struct report_format *format; /* NULL: ndjson */
	const char *path;		    /* NULL: standard output */
	FILE *file;			    /* ndjson: open all the time */
};

struct run {
	struct args *args;
	struct arena *arena;
	struct diags diags;
	VEC(struct source_arg) files, ifaces;
	VEC(struct sink) sinks;
	VEC(const char *) fail_on;
	VEC(struct waivers *) waivers; /* by the topology in force */
	const char *filter_text, *evidence_path;
	bool evidence_whole, inside, events_wanted, ended_early;
	double duration; /* seconds; 0: no end */
	uint64_t count;	 /* packets; 0: no end */
	struct live_options live_opt;
	struct audit_options opt;

	struct loaded loaded;
	struct judge *judge;
	struct audit *audit;
	struct evidence *evidence;
	struct filter *filter;
	struct sources *sources;
	struct live *live;
	struct observed *seen;
	size_t n_seen;
	const char **zone; /* where each tap stands, as said; NULL */
	uint32_t *tap;	   /* the same in the plan */
	struct arena *event_arena; /* emptied now and then */
	size_t events;
	struct buf line;
};

/* A signal can reach nothing else. */
static volatile sig_atomic_t stop_asked, progress_asked, reload_asked;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		progress_asked = 1;
	else if (sig == SIGHUP)
		reload_asked = 1;
	else
		stop_asked = 1;
}

static const struct span no_place;

/* ---- arguments ----------------------------------------------------------- */

/* The value of a numeric option; fallback where it is not given. */
static uint64_t number(struct run *r, const char *name, uint64_t min,
		       uint64_t max, uint64_t fallback)
{
	const char *s = arg_value(r->args, name, NULL);
	unsigned long long v;
	char *end;

	if (!s)
		return fallback;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*s >= '0' && *s <= '9' && !*end && !errno && v >= min && v <= max)
		return v;
	diag_add(&r->diags, SEV_ERROR, no_place,
		 "--%s \"%s\": a number from %llu to %llu", name, s,
		 (unsigned long long)min, (unsigned long long)max);
	return fallback;
}

/* FILE=ZONE. A file whose whole name exists is that file. */
static struct source_arg place_arg(struct run *r, const char *s, bool file)
{
	const char *eq = strrchr(s, '=');

	if (!eq || !eq[1] || strchr(eq, '/') || (file && access(s, F_OK) == 0))
		return (struct source_arg){ s, NULL };
	return (struct source_arg){
		arena_strndup(r->arena, s, (size_t)(eq - s)), eq + 1 };
}

static void add_output(struct run *r, const char *s)
{
	const char *eq = strchr(s, '=');
	size_t len = eq ? (size_t)(eq - s) : strlen(s);
	struct sink o = { .path = eq ? eq + 1 : NULL };
	bool known = len == 6 && !strncmp(s, "ndjson", 6);

	for (size_t i = 0; i < n_report_formats && !known; i++)
		if (strlen(report_formats[i].name) == len &&
		    !strncmp(report_formats[i].name, s, len)) {
			o.format = &report_formats[i];
			known = true;
		}
	if (known)
		vec_push(r->arena, &r->sinks, o);
	else
		diag_add(&r->diags, SEV_ERROR, no_place,
			 "\"%.*s\" is no format: table, ndjson, json, csv, "
			 "markdown", (int)len, s);
}

static void add_fail_on(struct run *r, const char *s)
{
	char *copy = arena_strdup(r->arena, s), *save = NULL;

	for (char *w = strtok_r(copy, ",", &save); w;
	     w = strtok_r(NULL, ",", &save)) {
		bool known = false;

		for (int c = 0; c < F_N; c++)
			known |= !strcmp(w, finding_classes[c].name);
		if (known)
			vec_push(r->arena, &r->fail_on, w);
		else
			diag_add(&r->diags, SEV_ERROR, no_place,
				 "\"%s\" is no class of findings", w);
	}
}

static void repeated(struct run *r, const char *name, const char *val)
{
	if (!strcmp(name, "read"))
		vec_push(r->arena, &r->files, place_arg(r, val, true));
	else if (!strcmp(name, "interface"))
		vec_push(r->arena, &r->ifaces, place_arg(r, val, false));
	else if (!strcmp(name, "output"))
		add_output(r, val);
	else if (!strcmp(name, "fail-on"))
		add_fail_on(r, val);
}

/* What stands behind "--", joined. */
static const char *join(struct run *r, const char *const *v, size_t n)
{
	struct buf b = { 0 };
	const char *s;

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", v[i]);
	s = b.s ? arena_strdup(r->arena, b.s) : NULL;
	buf_free(&b);
	return s;
}

static void numbers(struct run *r)
{
	r->duration = (double)number(r, "duration", 1, 1u << 30, 0);
	r->count = number(r, "count", 1, UINT64_MAX, 0);
	r->opt.max_flows = number(r, "max-flows", 1024, 1u << 30, 0);
	r->live_opt.snaplen = (unsigned)number(r, "snaplen", 64, 262144, 0);
	r->live_opt.buffer_mb = (unsigned)number(r, "buffer", 1, 2047, 0);
}

static bool arguments(struct run *r)
{
	struct args *a = r->args;

	for (size_t i = 0; i < a->given.n; i++)
		repeated(r, a->given.v[i].def->name, a->given.v[i].value);
	for (size_t i = 1; i < a->operands.n; i++)
		vec_push(r->arena, &r->files,
			 place_arg(r, a->operands.v[i], true));
	r->filter_text = join(r, a->rest.v, a->rest.n);
	r->evidence_path = arg_value(a, "evidence", NULL);
	r->evidence_whole = arg_given(a, "evidence-whole");
	r->opt.all = arg_given(a, "all-flows");
	r->opt.mirror = arg_given(a, "mirror");
	r->opt.housekeeping = arg_given(a, "housekeeping");
	r->inside = arg_given(a, "inside");
	numbers(r);
	if (!r->files.n == !r->ifaces.n)
		diag_add(&r->diags, SEV_ERROR, no_place, "%s", r->files.n ?
			 "capture files (-r) or interfaces (-i), not both" :
			 "name a capture file (-r) or an interface (-i)");
	if (!r->sinks.n)
		add_output(r, "table");
	return !r->diags.n_errors;
}

/* ---- preparation --------------------------------------------------------- */

/* All files, or false and the old ones stay. */
static bool read_waivers(struct run *r, const struct topology *t)
{
	size_t before = r->waivers.n;

	for (size_t k = 0; k < r->args->given.n; k++) {
		const struct given *g = &r->args->given.v[k];
		struct waivers *w;

		if (strcmp(g->def->name, "waivers"))
			continue;
		w = waivers_read(r->arena, t, g->value, &r->diags);
		if (!w) {
			r->waivers.n = before;
			return false;
		}
		vec_push(r->arena, &r->waivers, w);
	}
	for (size_t k = before; k < r->waivers.n; k++)
		r->waivers.v[k - before] = r->waivers.v[k];
	r->waivers.n -= before;
	return true;
}

static bool open_plan(struct run *r)
{
	if (load_plan(r->args, r->args->operands.v[0], &r->loaded) != EXIT_OK)
		return false;
	if (!read_waivers(r, r->loaded.topo))
		return false;
	r->judge = judge_new(r->arena, r->loaded.plan);
	r->judge->inside = r->inside;
	return true;
}

static bool open_input(struct run *r)
{
	const char **names;

	if (r->files.n) {
		r->sources = sources_open(r->arena, r->files.v, r->files.n,
					  &r->diags);
		r->n_seen = r->sources ? sources_count(r->sources) : 0;
		return r->sources != NULL;
	}
	names = ARENA_ARRAY(r->arena, const char *, r->ifaces.n);
	for (size_t i = 0; i < r->ifaces.n; i++)
		names[i] = r->ifaces.v[i].path;
	r->live_opt.filter = r->filter_text;
	r->live = live_open(r->arena, names, r->ifaces.n, &r->live_opt,
			    &r->diags);
	r->n_seen = r->ifaces.n;
	return r->live != NULL;
}

static bool name_taps(struct run *r)
{
	uint32_t *tap = ARENA_ARRAY(r->arena, uint32_t, r->n_seen);

	r->tap = tap;
	r->zone = ARENA_ARRAY(r->arena, const char *, r->n_seen);
	r->seen = ARENA_ARRAY(r->arena, struct observed, r->n_seen);
	for (size_t i = 0; i < r->n_seen; i++) {
		const struct source_info *s = r->sources ?
			sources_info(r->sources, i) : NULL;
		const char *zone = s ? s->zone : r->ifaces.v[i].zone;

		r->zone[i] = zone;
		r->seen[i].name = s ? s->name : r->ifaces.v[i].path;
		tap[i] = zone ? judge_zone(r->judge, zone) : NONE;
		if (zone && tap[i] == NONE)
			diag_add(&r->diags, SEV_ERROR, no_place,
				 "\"%s\" is no zone of the topology", zone);
	}
	r->opt.tap_zone = tap;
	r->opt.n_tap = r->n_seen;
	return !r->diags.n_errors;
}

static bool open_outputs(struct run *r)
{
	for (size_t i = 0; i < r->sinks.n; i++) {
		struct sink *o = &r->sinks.v[i];

		if (o->format)
			continue;
		o->file = o->path ? fopen(o->path, "we") : stdout;
		if (!o->file)
			diag_add(&r->diags, SEV_ERROR, no_place, "\"%s\" %s",
				 o->path, strerror(errno));
		r->events_wanted = true;
	}
	if (r->evidence_path) {
		r->evidence = evidence_open(r->evidence_path,
					    r->evidence_whole);
		if (!r->evidence)
			diag_add(&r->diags, SEV_ERROR, no_place, "\"%s\" %s",
				 r->evidence_path, strerror(errno));
	}
	if (r->filter_text && r->sources) {
		const char *why;

		r->filter = filter_new(r->arena, r->filter_text, &why);
		if (!r->filter)
			diag_add(&r->diags, SEV_ERROR, no_place,
				 "filter \"%s\": %s", r->filter_text, why);
	}
	return !r->diags.n_errors;
}

/* ---- the run ------------------------------------------------------------- */

/* Words of events are needed for a line each. */
enum { EVENTS_AN_ARENA = 256 };

static void on_flow(void *ctx, const struct conn *c, const struct finding *f)
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

static void on_evidence(void *ctx, const struct frame *f, const struct pkt *p)
{
	struct run *r = ctx;

	evidence_packet(r->evidence, f, p);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* A line on the terminal, once a second on long runs. */
static void progress(const struct run *r, double start, bool force)
{
	const struct audit_totals *t = audit_totals(r->audit);
	double p = r->sources ? sources_progress(r->sources) : -1;
	double took = now() - start;

	if (!force && (!isatty(STDERR_FILENO) || took < 2))
		return;
	fprintf(stderr, "%s%llu packets, %.1f M a second, %llu flows",
		force ? "" : "\r", (unsigned long long)t->frames,
		(double)t->frames / took / 1e6,
		(unsigned long long)audit_flow_stats(r->audit)->flows);
	if (p > 0)
		fprintf(stderr, ", %.0f %%, %.0f s left", p * 100,
			took / p - took);
	fputs(force ? "\n" : "  ", stderr);
}

static void flush_events(struct run *r)
{
	for (size_t i = 0; i < r->sinks.n; i++)
		if (r->sinks.v[i].file)
			fflush(r->sinks.v[i].file);
}

/* A topology that does not compile is refused, and the old one stays. Zones of
 * the taps are looked up in the new one. */
static void reload(struct run *r)
{
	struct loaded fresh;
	struct judge *j;

	reload_asked = 0;
	if (load_plan(r->args, r->args->operands.v[0], &fresh) != EXIT_OK ||
	    !read_waivers(r, fresh.topo)) {
		print_diags(&r->diags);
		diags_init(&r->diags, r->arena);
		complain(r->args, "the old topology stays in force");
		return;
	}
	r->loaded = fresh;
	j = judge_new(r->arena, fresh.plan);
	j->inside = r->inside;
	audit_replan(r->audit, j);
	r->judge = j;
	for (size_t i = 0; i < r->n_seen; i++)
		r->tap[i] = r->zone[i] ? judge_zone(j, r->zone[i]) : NONE;
	fprintf(stderr, "portplan audit: the topology was read again\n");
}

/* What is due now and then, not with every packet. */
static bool tick(struct run *r, double start, double *next)
{
	double t;

	if (progress_asked) {
		progress_asked = 0;
		progress(r, start, true);
	}
	if (reload_asked)
		reload(r);
	t = now();
	if (t < *next)
		return true;
	*next = t + 1;
	progress(r, start, false);
	flush_events(r);
	return !r->duration || !r->live || t - start < r->duration;
}

static long next_frames(struct run *r, struct frame *f)
{
	size_t n;

	if (r->live)
		return live_read(r->live, f, FRAME_BATCH);
	n = sources_read(r->sources, f, FRAME_BATCH);
	return n ? (long)n : -1;
}

static void consume(struct run *r)
{
	struct frame f[FRAME_BATCH];
	double start = now(), next = start + 1;
	uint64_t total = 0;

	for (unsigned round = 0; !stop_asked; round++) {
		long n = next_frames(r, f);
		size_t k;

		if (n < 0 && r->live) {
			complain(r->args, "capturing ended: %s",
				 live_why(r->live));
			r->ended_early = true;
		}
		if (n < 0)
			break;
		if (r->count && total + (uint64_t)n > r->count)
			n = (long)(r->count - total);
		total += (uint64_t)n;
		k = r->filter ? filter_frames(r->filter, f, (size_t)n) :
				(size_t)n;
		audit_frames(r->audit, f, k);
		if (r->live && !n)
			audit_tick(r->audit, wall_clock());
		if (r->count && total >= r->count)
			break;
		if ((r->live || round % 1024 == 0 || progress_asked ||
		     reload_asked) &&
		    !tick(r, start, &next))
			break;
	}
	if (isatty(STDERR_FILENO) && now() - start > 2)
		fputc('\n', stderr);
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

/* ---- waivers -------------------------------------------------------------- */

/* A folded end stands for many: only a waiver of all of them covers it. */
static bool end_waived(const struct run *r, bool any, const struct ends *ends,
		       const struct finding_end *e, struct addr a)
{
	struct addr_set set;

	if (any || e->any)
		return any;
	set = plan_ends_set(r->loaded.plan, ends, r->arena);
	return addr_set_has(&set, a);
}

static bool packets_waived(const struct run *r, const struct waiver *w,
			   const struct finding *f)
{
	if (w->any_packets || f->any_key)
		return w->any_packets;
	return keys_has(plan_packets_keys(r->loaded.plan, &w->what, r->arena),
			f->key);
}

static bool covers(const struct run *r, const struct waiver *w,
		   const struct finding *f)
{
	return !strcmp(w->kind, finding_classes[f->cls].name) &&
	       !w->firewall && f->n_sample && r->loaded.now < w->expires.t &&
	       end_waived(r, w->any_from, &w->from, &f->src,
			  f->sample[0].src) &&
	       end_waived(r, w->any_to, &w->to, &f->dst, f->sample[0].dst) &&
	       packets_waived(r, w, f);
}

static const struct waiver *find_waiver(const struct run *r,
					const struct finding *f)
{
	for (size_t k = 0; k < r->waivers.n; k++) {
		const struct waivers *all = r->waivers.v[k];

		for (size_t i = 0; i < all->list.n; i++)
			if (covers(r, all->list.v[i], f))
				return all->list.v[i];
	}
	return NULL;
}

static void waive(struct run *r, struct report *rep)
{
	for (size_t i = 0; i < rep->n_finding; i++) {
		struct finding *f = rep->finding[i];
		const struct waiver *w = find_waiver(r, f);

		if (!w)
			continue;
		f->waived = arena_printf(r->arena, "%s (%s, until %s)",
					 w->reason, w->owner, w->expires.text);
		rep->n_waived++;
	}
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

static int finish(struct run *r)
{
	struct report *rep;
	bool ok = true, found = false;

	audit_finish(r->audit);
	gather_seen(r);
	rep = report_make(r->arena, r->audit, r->judge, r->seen, r->n_seen);
	rep->incomplete |= r->ended_early;
	for (size_t i = 0; i < r->n_seen; i++)
		rep->taps_known |= r->opt.tap_zone[i] != NONE;
	waive(r, rep);
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

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static bool prepare(struct run *r)
{
	if (!open_plan(r) || !open_input(r) || !name_taps(r) ||
	    !open_outputs(r))
		return false;
	if (getrandom(&r->opt.seed, sizeof(r->opt.seed), 0) < 0)
		r->opt.seed = (uint64_t)time(NULL);
	r->opt.ctx = r;
	r->opt.on_flow = r->events_wanted ? on_flow : NULL;
	/* Live, a line is due at once; from files, with final counts. */
	r->opt.early = r->events_wanted && r->live;
	r->opt.on_evidence = r->evidence ? on_evidence : NULL;
	r->audit = audit_new(r->arena, r->judge, &r->opt);
	return true;
}

static int cmd_audit(struct args *a)
{
	struct run r = { .args = a, .arena = a->arena };
	int rc = EXIT_BAD;
	bool ready;

	diags_init(&r.diags, r.arena);
	ready = arguments(&r) && prepare(&r);
	print_diags(&r.diags);
	if (ready) {
		catch_signals();
		consume(&r);
		rc = finish(&r);
	}
	audit_free(r.audit);
	sources_close(r.sources);
	live_close(r.live);
	filter_free(r.filter);
	arena_free(r.event_arena);
	buf_free(&r.line);
	return rc;
}

static const struct option_def audit_options[] = {
	{ 'r', "read", "FILE[=ZONE]", "a capture file or a directory of them "
				      "(repeatable)" },
	{ 'i', "interface", "IFACE[=ZONE]", "watch an interface (repeatable)" },
	{ 0, "duration", "SECONDS", "end after so long" },
	{ 0, "count", "N", "end after so many packets" },
	{ 'o', "output", "FORMAT[=FILE]",
	  "table (default), ndjson as it happens, json, csv, markdown; to FILE "
	  "if given (repeatable)" },
	{ 0, "evidence", "FILE.pcap", "the packets of the findings, payload "
				      "cut off" },
	{ 0, "evidence-whole", NULL, "with their payload, passwords included" },
	{ 0, "waivers", "FILE", "findings that are accepted for a time "
				"(repeatable)" },
	{ 0, "propose", "FILE", "write allow elements for what was seen, for "
				"review" },
	{ 0, "fail-on", "CLASSES", "exit 1 for these classes of findings only" },
	{ 0, "inside", NULL, "judge traffic within zones as well" },
	{ 0, "housekeeping", NULL, "judge the link's own chatter as well" },
	{ 0, "all-flows", NULL, "ndjson: a line for every flow" },
	{ 0, "mirror", NULL, "only what is inside GRE, ERSPAN, VXLAN, Geneve" },
	{ 0, "max-flows", "N", "size of the flow table" },
	{ 0, "snaplen", "BYTES", "live: bytes kept of a packet" },
	{ 0, "buffer", "MIB", "live: size of the kernel's ring" },
	TOPOLOGY_OPTIONS,
};

const struct command command_audit = {
	.name = "audit",
	.run = cmd_audit,
	.usage = "TOPOLOGY.xml (-r FILE[=ZONE]... | -i IFACE[=ZONE]...) "
		   "[-- FILTER]",
	.summary = "hold traffic against the plan, live or from captures",
	.description =
	  "Reads capture files (pcap, pcapng, also .gz and .zst, - for standard "
	  "input, a directory) or watches interfaces (a span port; nflog:N for "
	  "the firewall's own log of new connections), puts packets together "
	  "to flows, finds out who opened each, and flags what is outside the "
	  "plan, why, and how sure that is. FILE=ZONE and IFACE=ZONE say where "
	  "the tap stands. Behind -- stands a tcpdump filter. Ctrl-C ends with "
	  "the full report, SIGHUP reads the topology again, SIGUSR1 prints "
	  "progress.\n"
	  "The report says how complete the observation was: dropped, "
	  "truncated, damaged or one-sided traffic makes a clean result "
	  "incomplete, exit code 3, never clean.",
	OPTIONS(audit_options),
	.examples = "  portplan audit topology.xml -r monday.pcap.gz\n"
		      "  portplan audit topology.xml -i eth3=dmz -o ndjson\n"
		      "  portplan audit topology.xml -r /var/captures "
		      "--evidence findings.pcap -- not port 22\n",
	.min_args = 1,
	.max_args = 1000,
};
