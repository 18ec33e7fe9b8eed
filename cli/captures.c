#include "cli/captures.h"

#include <string.h>
#include <unistd.h>

static const struct span no_place;

struct source_arg capture_arg(struct arena *a, const char *s, bool is_file)
{
	const char *eq = strrchr(s, '=');

	if (!eq || !eq[1] || strchr(eq, '/') ||
	    (is_file && access(s, F_OK) == 0))
		return (struct source_arg){ s, NULL };
	return (struct source_arg){ arena_strndup(a, s, (size_t)(eq - s)),
				    eq + 1 };
}

uint32_t capture_zone(struct diags *d, const struct judge *j, const char *name)
{
	const struct topology *t = j->plan->topo;
	uint32_t zone = judge_zone(j, name);
	VEC(const char *) names = { 0 };

	if (zone != NONE)
		return zone;
	for (size_t i = 0; i < t->zones.n; i++)
		vec_push(d->arena, &names, t->zones.v[i]->name);
	diag_add(d, SEV_ERROR, no_place, "\"%s\" is no zone of the topology%s",
		 name, did_you_mean(d->arena, name, names.v, names.n));
	return NONE;
}

bool capture_zones(struct diags *d, const struct judge *j,
		   const struct source_arg *v, size_t n)
{
	bool good = true;

	for (size_t i = 0; i < n; i++)
		good &= !v[i].zone || capture_zone(d, j, v[i].zone) != NONE;
	return good;
}

void captures_say_passed_over(const struct args *a, const struct sources *s)
{
	const char *names = sources_passed_over(s);

	if (names)
		complain(a, "no captures, so passed over: %s", names);
}
