#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

enum { MOST_MESSAGES = 20 };

void print_diags(struct diags *d)
{
	struct buf b = { 0 };

	diags_print(d, &b, MOST_MESSAGES);
	if (b.n)
		fwrite(b.s, 1, b.n, stderr);
	buf_free(&b);
}

static int read_today(const struct args *a, int64_t *now)
{
	const char *s = arg_value(a, "today", NULL);

	*now = (int64_t)time(NULL);
	if (s && !date_parse(s, now, NULL))
		return complain(a, "--today \"%s\" is no date: write 2027-01-31 "
				"or 2027-01-31T20:00Z", s);
	return EXIT_OK;
}

static struct topology_options topology_options(struct args *a)
{
	VEC(const char *) dirs = { 0 }, policies = { 0 };
	const char *env = getenv("PORTPLAN_TEMPLATES");

	for (size_t i = 0; i < a->given.n; i++)
		if (!strcmp(a->given.v[i].def->name, "templates"))
			vec_push(a->arena, &dirs, a->given.v[i].value);
		else if (!strcmp(a->given.v[i].def->name, "policy"))
			vec_push(a->arena, &policies, a->given.v[i].value);
	while (env && *env) {
		size_t n = strcspn(env, ":");

		if (n)
			vec_push(a->arena, &dirs,
				 arena_strndup(a->arena, env, n));
		env += n + (env[n] == ':');
	}
	return (struct topology_options){ .template_dirs = dirs.v,
					  .n_template_dirs = dirs.n,
					  .policies = policies.v,
					  .n_policies = policies.n };
}

/* One firewall's part is not mistaken for the whole, and not changed. */
static int heed_bundle(struct args *a, const struct topology *t)
{
	if (!t->bundle)
		return EXIT_OK;
	if (a->cmd->with_bundle == BUNDLE_REFUSED || arg_given(a, "propose"))
		return complain(a, "this is a bundle, the part of firewall "
				"\"%s\": what is to be added goes into the "
				"topology, from which it is made anew",
				t->bundle);
	if (a->cmd->with_bundle == BUNDLE_IS_SAID)
		fprintf(stderr, "portplan %s: this is a bundle, the part of "
			"firewall \"%s\": what does not cross it is not in "
			"it\n", a->cmd->name, t->bundle);
	return EXIT_OK;
}

int load_topology(struct args *a, const char *path, struct loaded *out)
{
	struct topology_options opt = topology_options(a);

	*out = (struct loaded){ .topo = NULL };
	diags_init(&out->diags, a->arena);
	if (read_today(a, &out->now) != EXIT_OK)
		return EXIT_BAD;
	out->topo = topology_read(a->arena, path, &opt, &out->diags);
	if (!out->topo) {
		print_diags(&out->diags);
		return EXIT_BAD;
	}
	if (heed_bundle(a, out->topo) != EXIT_OK)
		return EXIT_BAD;
	return outputs_spare_inputs(a);
}

static void say_lapsed(const struct args *a, const struct plan *p)
{
	for (size_t i = 0; i < p->lapsed.n && i < 5; i++) {
		const struct assign *x = p->lapsed.v[i];
		unsigned line, col, end;

		span_position(x->at, &line, &col, &end);
		fprintf(stderr, "portplan %s: not in the plan by date: assign "
			"at %s:%u (expired %s)\n", a->cmd->name,
			x->at.src->name, line, x->expires.text);
	}
	if (p->lapsed.n > 5)
		fprintf(stderr, "portplan %s: not in the plan by date: %zu "
			"more assign%s\n", a->cmd->name, p->lapsed.n - 5,
			plural(p->lapsed.n - 5));
}

/* What is let through though it is denied must not be forgotten. */
static void say_observed(const struct args *a, const struct plan *p)
{
	const struct topology *t = p->topo;

	for (size_t i = 0; i < t->firewalls.n; i++)
		if (t->firewalls.v[i]->unenforced && !t->firewalls.v[i]->unmanaged)
			fprintf(stderr, "portplan %s: not enforced: firewall "
				"\"%s\" lets through what the plan denies "
				"(enforce=\"no\")\n", a->cmd->name,
				t->firewalls.v[i]->name);
	for (size_t i = 0; i < t->observes.n; i++) {
		const struct observe *o = t->observes.v[i];
		bool over = p->now >= o->until.t;

		fprintf(stderr, "portplan %s: %s until %s: %s (%s)\n",
			a->cmd->name, over ? "no longer observed, it was" :
			"observed, so let through,", o->until.text,
			plan_observe_zones(o, a->arena), o->owner);
	}
}

static void say_left_out(const struct args *a, const struct plan *p)
{
	size_t n = p->left_out.n;

	for (size_t i = 0; i < n && i < 5; i++) {
		const struct rule *r = p->left_out.v[i].allow;
		bool over = r->expires.given && p->now >= r->expires.t;

		fprintf(stderr, "portplan %s: not in the plan by date: allow "
			"\"%s\" (%s %s)\n", a->cmd->name, r->ident,
			over ? "expired" : "starts",
			over ? r->expires.text : r->starts.text);
	}
	say_lapsed(a, p);
	say_observed(a, p);
	if (n > 5)
		fprintf(stderr, "portplan %s: not in the plan by date: %zu "
			"more exception%s\n", a->cmd->name, n - 5,
			plural(n - 5));
}

int load_plan(struct args *a, const char *path, struct loaded *out)
{
	struct plan_options opt = { 0 };
	int code = load_topology(a, path, out);

	if (code != EXIT_OK)
		return code;
	opt.now = out->now;
	out->plan = plan_build(a->arena, out->topo, &opt, &out->diags);
	print_diags(&out->diags);
	if (!out->plan)
		return EXIT_BAD;
	say_left_out(a, out->plan);
	return EXIT_OK;
}

static bool load_as(struct args *a, const char *name, const char *text,
		    size_t n, const struct topology_options *given, int64_t now,
		    struct loaded *out)
{
	struct topology_options opt = *given;
	struct plan_options when = { .now = now };

	*out = (struct loaded){ .now = now };
	diags_init(&out->diags, a->arena);
	opt.text = text;
	opt.n_text = n;
	out->topo = topology_read(a->arena, name, &opt, &out->diags);
	if (out->topo)
		out->plan = plan_build(a->arena, out->topo, &when,
				       &out->diags);
	return out->plan;
}

/* The same topology with other words in its file; nothing is printed. */
bool load_edited(struct args *a, const struct loaded *l, const char *text,
		 size_t n, struct loaded *out)
{
	struct topology_options opt = topology_options(a);

	opt.again = true;
	return load_as(a, l->topo->at.src->name, text, n, &opt, l->now, out);
}

bool load_text(struct args *a, const char *name, const char *text, size_t n,
	       struct loaded *out)
{
	struct topology_options opt = topology_options(a);
	int64_t now;

	return read_today(a, &now) == EXIT_OK &&
	       load_as(a, name, text, n, &opt, now, out);
}

bool load_part(struct args *a, const char *name, const char *text, size_t n,
	       struct loaded *out)
{
	struct topology_options opt = topology_options(a);
	int64_t now;

	opt.n_policies = 0;
	return read_today(a, &now) == EXIT_OK &&
	       load_as(a, name, text, n, &opt, now, out);
}

const struct firewall *need_firewall(const struct args *a,
				     const struct topology *t,
				     const char *name)
{
	const struct firewall *f = topology_firewall(t, name);
	VEC(const char *) names = { 0 };

	if (f)
		return f;
	if (t->bundle) {
		complain(a, "this is the part of firewall \"%s\": it knows "
			 "nothing of \"%s\"", t->bundle, name);
		return NULL;
	}
	for (size_t i = 0; i < t->firewalls.n; i++)
		vec_push(a->arena, &names, t->firewalls.v[i]->name);
	complain(a, "there is no firewall \"%s\"%s", name,
		 did_you_mean(a->arena, name, names.v, names.n));
	return NULL;
}

int need_service(struct args *a, const struct topology *t, const char *name)
{
	VEC(const char *) names = { 0 };

	if (!name || topology_service(t, name))
		return EXIT_OK;
	for (size_t i = 0; i < t->services.n; i++)
		vec_push(a->arena, &names, t->services.v[i]->name);
	return complain(a, "there is no service \"%s\"%s", name,
			did_you_mean(a->arena, name, names.v, names.n));
}

const struct firewall *need_managed(const struct args *a,
				    const struct topology *t,
				    const char *name)
{
	const struct firewall *f = need_firewall(a, t, name);

	if (!f || !f->unmanaged)
		return f;
	complain(a, "firewall \"%s\" is another product (managed=\"no\"): it "
		 "has no ruleset here", name);
	return NULL;
}
