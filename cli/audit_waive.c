#include <string.h>

#include "cli/audit.h"
#include "plan/sets.h"

/* A folded end stands for many: only a waiver of all of them covers it. */
static bool end_waived(const struct run *r, bool any, const struct ends *ends,
		       const struct finding_end *e, struct addr a)
{
	struct addr_set set;

	if (any || e->any)
		return any;
	set = plan_ends_set(r->force->loaded.plan, ends, r->arena);
	return addr_set_has(&set, a);
}

static bool packets_waived(const struct run *r, const struct waiver *w,
			   const struct finding *f)
{
	if (w->any_packets || f->any_key)
		return w->any_packets;
	return keys_has(plan_packets_keys(r->force->loaded.plan, &w->what, r->arena),
			f->key);
}

static bool covers(const struct run *r, const struct waiver *w,
		   const struct finding *f)
{
	return !strcmp(w->kind, finding_classes[f->cls].name) &&
	       !w->firewall && f->n_sample && r->force->loaded.now < w->expires.t &&
	       end_waived(r, w->any_from, &w->from, &f->src,
			  f->sample[0].src) &&
	       end_waived(r, w->any_to, &w->to, &f->dst, f->sample[0].dst) &&
	       packets_waived(r, w, f);
}

static const struct waiver *find_waiver(const struct run *r,
					const struct finding *f)
{
	for (size_t k = 0; k < r->force->waivers.n; k++) {
		const struct waivers *all = r->force->waivers.v[k];

		for (size_t i = 0; i < all->list.n; i++)
			if (covers(r, all->list.v[i], f))
				return all->list.v[i];
	}
	return NULL;
}

void audit_waive(struct run *r, struct report *rep)
{
	for (size_t i = 0; i < rep->n_finding; i++) {
		struct finding *f = rep->finding[i];
		const struct waiver *w = find_waiver(r, f);

		if (!w)
			continue;
		f->waived = r->redact ?
			arena_printf(r->arena, "until %s", w->expires.text) :
			arena_printf(r->arena, "%s (%s, until %s)",
				     w->reason, w->owner, w->expires.text);
		rep->n_waived++;
	}
}
