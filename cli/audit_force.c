#include <string.h>

#include "cli/audit.h"
#include "cli/captures.h"
#include "topology/mask.h"

static bool read_waivers(const struct run *r, struct force *f,
			 struct diags *d)
{
	for (size_t k = 0; k < r->args->given.n; k++) {
		const struct given *g = &r->args->given.v[k];
		struct waivers *w;

		if (strcmp(g->def->name, "waivers"))
			continue;
		w = waivers_read(f->arena, f->loaded.topo, g->value, d);
		if (!w)
			return false;
		vec_push(f->arena, &f->waivers, w);
	}
	return true;
}

struct force *force_read(struct run *r)
{
	struct arena *a = arena_new();
	struct force *f = ARENA_NEW(a, struct force);
	struct args args = *r->args;
	struct diags d;
	bool ok;

	f->arena = args.arena = a;
	diags_init(&d, a);
	ok = load_plan(&args, args.operands.v[0], &f->loaded) == EXIT_OK &&
	     read_waivers(r, f, &d) &&
	     outputs_spare_inputs(&args) == EXIT_OK;
	print_diags(&d);
	if (!ok) {
		force_free(f);
		return NULL;
	}
	f->judge = judge_new(a, f->loaded.plan);
	f->judge->inside = r->inside;
	return f;
}

void force_free(struct force *f)
{
	if (f)
		arena_free(f->arena);
}

bool force_place(struct run *r, struct force *f)
{
	bool ok = true;

	f->tap = ARENA_ARRAY(f->arena, uint32_t, r->n_seen);
	for (size_t i = 0; i < r->n_seen; i++) {
		f->tap[i] = NONE;
		if (!r->zone[i])
			continue;
		f->tap[i] = capture_zone(&r->diags, f->judge, r->zone[i]);
		ok &= f->tap[i] != NONE;
	}
	if (ok && r->redact) { /* now no name is looked up any more */
		topology_mask(f->loaded.topo);
		f->judge->mask = r->mask;
	}
	return ok;
}

bool audit_reloading(struct run *r)
{
	for (unsigned i = 0; i < r->n_worker; i++)
		if (atomic_load(&r->worker[i].fresh))
			return true;
	return false;
}

void audit_reload(struct run *r)
{
	struct force *f = force_read(r);

	if (f && !force_place(r, f)) {
		print_diags(&r->diags);
		diags_init(&r->diags, r->arena);
		force_free(f);
		f = NULL;
	}
	if (!f) {
		complain(r->args, "the old topology stays in force");
		return;
	}
	r->old = r->force;
	r->force = f;
	for (unsigned i = 0; i < r->n_worker; i++)
		atomic_store(&r->worker[i].fresh, f);
	fprintf(stderr, "portplan audit: the topology was read again\n");
}
