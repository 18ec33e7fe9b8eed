#include "apply/planfile.h"
#include "cli/apply.h"
#include "cli/watch.h"

/*
 * Whether a change was portplan's own is decided by what came of it: the rules
 * that run must be, to the byte, those in boot.plan or next.plan of the state
 * directory. An apply writes them before it switches, so there is no moment at
 * which its own rules would be in neither.
 */
static bool plan_says(struct watch *w, struct arena *a,
		      const struct state_dir *s, const char *name,
		      uint64_t hash)
{
	struct model *m = model_new(a, w->table);
	struct buf ignore = { 0 };
	struct plan_reader r;
	bool same = false;

	if (plan_file_open(&r, a, s->dir, name, &ignore) == 0) {
		same = plan_file_units(&r, model_unit, m, &ignore) == 0 &&
		       !m->bad && model_hash(m) == hash;
		plan_file_close(&r);
	}
	buf_free(&ignore);
	return same;
}

static enum standing standing_of(struct watch *w, struct arena *a,
				 const struct state_dir *s)
{
	struct model *have = model_new(a, w->table);
	struct buf ignore = { 0 };
	struct generations g;
	uint64_t hash;

	if (generations_read(&w->nft, w->table, &g, &ignore) < 0)
		have = NULL;
	else if (g.running)
		have = model_read(a, &w->nft, w->table,
				  generations_running(&g), true, &ignore);
	buf_free(&ignore);
	if (!have || have->bad || g.running > 1)
		return STANDING_OTHER;
	hash = model_hash(have);
	/* in this order: confirming renames the one to the other */
	if (have->there && plan_says(w, a, s, NEXT_PLAN, hash))
		return STANDING_TRIAL;
	if (!state_has(s, BOOT_PLAN))
		return have->there ? STANDING_NEVER : STANDING_NONE;
	return plan_says(w, a, s, BOOT_PLAN, hash) ? STANDING_CONFIRMED :
						     STANDING_OTHER;
}

enum standing watch_standing(struct watch *w)
{
	struct arena *a = arena_new();
	enum standing result = STANDING_UNKNOWN;
	struct buf ignore = { 0 };
	struct state_dir s;

	if (state_open(&s, a, state_base(w->args), w->firewall, false,
		       &ignore) == 0) {
		result = standing_of(w, a, &s);
		state_close(&s);
	}
	buf_free(&ignore);
	arena_free(a);
	return result;
}
