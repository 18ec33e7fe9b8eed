#include <string.h>

#include "check/verifier.h"
#include "plan/sets.h"

/* Differences that are accepted for a time. */

enum { MAX_CUBES = 2000, MAX_BOXES = 12 };

static bool in_force(const struct verifier *v, const struct waiver *w)
{
	return v->p->now < w->expires.t &&
	       (!w->firewall || !strcmp(w->firewall, v->f->name));
}

/* Public addresses of hosts that are in the set. */
static struct addr_set publics_of(struct verifier *v, const struct addr_set *own)
{
	struct addr_set out = { ARENA_ARRAY(v->a, struct addr_range,
					    v->p->publics.n), 0 };

	for (size_t i = 0; i < v->p->publics.n; i++) {
		const struct public_addr *x = &v->p->publics.v[i];

		if (x->own != NONE &&
		    addr_set_has(own, v->p->cell[x->own].lo))
			out.r[out.n++] = (struct addr_range){ x->addr,
							      x->addr };
	}
	return out;
}

/* To a host is to its public address as well. */
static uint32_t waived_packets(struct verifier *v, const struct waiver *w)
{
	struct addr_set src = plan_ends_set(v->p, &w->from, v->a);
	struct addr_set dst = plan_ends_set(v->p, &w->to, v->a);
	struct key_set keys = plan_packets_keys(v->p, &w->what, v->a);
	const struct addr_set *from = w->any_from ? NULL : &src;
	const struct key_set *what = w->any_packets ? NULL : &keys;
	uint32_t set = check_packets(v->c, from, w->any_to ? NULL : &dst, what);

	if (w->any_from || w->any_to)
		return set;
	set = both(v, set, verifier_routed(v));
	if (!v->p->publics.n)
		return set;
	dst = publics_of(v, &dst);
	return space_or(v->c->s, set, check_packets(v->c, from, &dst, what));
}

/* For the report: what would be found without the waiver. */
static void record(struct verifier *v, const struct waiver *w, uint32_t hit,
		   uint32_t within)
{
	struct space_cubes c = space_to_cubes(v->c->s,
			check_readable(v->c, hit, within), v->a, MAX_CUBES);
	struct vf_waived out = { .by = w, .path = v->path, .opening = true,
				 .kind = !strcmp(w->kind, "extra") ? VF_EXTRA :
								     VF_MISSING };

	out.n_box = c.n < MAX_BOXES ? c.n : MAX_BOXES;
	out.more = c.n - out.n_box;
	out.box = ARENA_ARRAY(v->a, const char *, out.n_box);
	for (size_t i = 0; i < out.n_box; i++)
		out.box[i] = finding_box(v, &c.v[i]);
	vec_push(v->a, &v->out->waived, out);
}

/* Where rules and plan differ as waived, the plan is taken to say what the
 * rules say. */
uint32_t verifier_waived(struct verifier *v, uint32_t plan,
			 const struct check_side *rules, bool mark)
{
	uint32_t opening = check_within(v->c, CHECK_OPENING, v->path);
	struct space *s = v->c->s;
	uint32_t may = check_passes(v->c, rules, true);
	uint32_t sure = check_passes(v->c, rules, false);
	uint32_t out = plan;

	for (size_t i = 0; v->opt->waivers && i < v->opt->waivers->list.n; i++) {
		const struct waiver *w = v->opt->waivers->list.v[i];
		uint32_t set, hit;

		if (!in_force(v, w) || w->finding ||
		    (strcmp(w->kind, "extra") && strcmp(w->kind, "missing")))
			continue;
		set = waived_packets(v, w);
		if (!strcmp(w->kind, "extra")) {
			hit = space_and(s, set, space_minus(s, may, plan));
			out = space_or(s, out, hit);
		} else {
			hit = space_and(s, set, space_minus(s, plan, sure));
			out = space_minus(s, out, hit);
		}
		hit = space_and(s, hit, opening);
		if (mark && hit != SPACE_NO) {
			v->opt->used[i] = true;
			record(v, w, hit, opening);
		}
	}
	return out;
}

/* What the rules do with it is expected of them from now on. */
static void expect(struct verifier *v, const struct vf_finding *f)
{
	uint32_t *e = &v->judged[v->path].expect[!f->opening];

	if (f->kind == VF_EXTRA)
		*e = space_or(v->c->s, *e, f->set);
	else if (f->kind == VF_MISSING)
		*e = space_minus(v->c->s, *e, f->set);
}

bool verifier_waives(struct verifier *v, const struct vf_finding *f)
{
	for (size_t i = 0; v->opt->waivers && i < v->opt->waivers->list.n; i++) {
		const struct waiver *w = v->opt->waivers->list.v[i];

		if (!w->finding || strcmp(w->finding, f->fingerprint) ||
		    strcmp(w->kind, vf_kind_name[f->kind]) ||
		    !f->exact || !in_force(v, w))
			continue;
		v->opt->used[i] = true;
		vec_push(v->a, &v->out->waived, (struct vf_waived){
			.by = w, .kind = f->kind, .path = f->path,
			.opening = f->opening, .box = f->box,
			.n_box = f->n_box, .more = f->more });
		expect(v, f);
		return true;
	}
	return false;
}
