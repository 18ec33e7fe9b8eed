#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cli/audit.h"

static const struct span no_place;

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

static void on_evidence(void *ctx, const struct frame *f, const struct pkt *p)
{
	struct run *r = ctx;

	evidence_packet(r->evidence, f, p);
}

bool audit_open(struct run *r)
{
	if (!open_plan(r) || !open_input(r) || !name_taps(r) ||
	    !open_outputs(r))
		return false;
	if (getrandom(&r->opt.seed, sizeof(r->opt.seed), 0) < 0)
		r->opt.seed = (uint64_t)time(NULL);
	r->opt.ctx = r;
	r->opt.on_flow = r->events_wanted ? audit_on_flow : NULL;
	/* Live, a line is due at once; from files, with final counts. */
	r->opt.early = r->events_wanted && r->live;
	r->opt.on_evidence = r->evidence ? on_evidence : NULL;
	r->audit = audit_new(r->arena, r->judge, &r->opt);
	return true;
}

/* A topology that does not compile is refused, and the old one stays. Zones of
 * the taps are looked up in the new one. */
void audit_reload(struct run *r)
{
	struct loaded fresh;
	struct judge *j;

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
