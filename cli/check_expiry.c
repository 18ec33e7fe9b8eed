#include <stdio.h>

#include "base/hash.h"
#include "cli/check_waivers.h"
#include "cli/tried.h"

/* Exceptions whose time is over, or soon will be. */

const struct plan *check_once(struct args *a, const struct loaded *l)
{
	struct plan_options opt = { .now = l->now, .any_time = true };
	bool over = false;
	struct diags d;

	for (size_t i = 0; i < l->plan->left_out.n; i++) {
		const struct rule *r = l->plan->left_out.v[i].allow;

		over |= r->expires.given && l->now >= r->expires.t;
	}
	diags_init(&d, a->arena);
	return over ? plan_build(a->arena, l->topo, &opt, &d) : NULL;
}

static void say(struct args *a, struct check_report *r, enum check_topic topic,
		const char *kind, const struct rule *x, const char *text)
{
	struct check_aside out = { .topic = topic, .kind = kind, .text = text,
				   .file = x->at.src->name };
	uint64_t h = hash_str(hash_str(HASH_INIT, kind), x->ident);
	unsigned col, end;

	span_position(x->at, &out.line, &col, &end);
	snprintf(out.fingerprint, sizeof(out.fingerprint), "%016llx",
		 (unsigned long long)hash_mix(h));
	vec_push(a->arena, &r->aside, out);
}

static void say_open(struct args *a, struct check_report *r,
		     const struct rule *x)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->v[i].findings.n; k++)
			if (r->v[i].findings.v[k].expired == x) {
				say(a, r, TOPIC_EXPIRED, "open", x,
				    arena_printf(a->arena, "expired exception "
						 "\"%s\" still open at %s: it "
						 "ended %s", x->ident,
						 r->v[i].firewall->name,
						 x->expires.text));
				break;
			}
}

void check_judge_expiry(struct args *a, const struct loaded *l,
			struct check_report *r)
{
	for (size_t i = 0; i < l->topo->allows.n; i++) {
		const struct rule *x = l->topo->allows.v[i];
		int64_t left = x->expires.t - l->now;

		if (!x->expires.given)
			continue;
		if (left <= 0)
			say_open(a, r, x);
		else if (left <= REVIEW_DAYS * 86400)
			say(a, r, TOPIC_EXPIRING, "soon", x,
			    arena_printf(a->arena, "exception \"%s\" ends %s, "
					 "in %d days", x->ident,
					 x->expires.text,
					 (int)(left / 86400)));
	}
}
