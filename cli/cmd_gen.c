#include <string.h>

#include "cli/cmd_gen.h"

int counters_option(const struct args *a, struct gen_options *opt)
{
	const char *s = arg_value(a, "counters", "service");
	static const char *const legal[] = { "service", "flow" };

	opt->grace = false;
	opt->counters = !strcmp(s, "flow") ? GEN_COUNT_FLOW :
					     GEN_COUNT_SERVICE;
	if (!strcmp(s, legal[opt->counters]))
		return EXIT_OK;
	return complain(a, "--counters \"%s\": service or flow%s", s,
			did_you_mean(a->arena, s, legal, 2));
}

static int make_text(struct args *a, struct loaded *l,
		     const struct firewall *f, const struct gen_options *opt,
		     struct buf *out)
{
	struct arena *arena = arena_new();
	struct diags d;
	struct ruleset *rs;

	diags_init(&d, a->arena);
	rs = gen_firewall(arena, l->plan, f, opt, &d);
	if (rs)
		rs_text(rs, out);
	print_diags(&d);
	arena_free(arena);
	return rs ? EXIT_OK : EXIT_BAD;
}

static int write_rules(struct args *a, struct file_out *f, size_t n,
		       bool files)
{
	int code;

	if (!files)
		return n == 1 ? put_out(a, f[0].text) : EXIT_OK;
	code = write_files(a, f, n);
	for (size_t i = 0; i < n && code == EXIT_OK; i++)
		fprintf(stderr, "%s %s\n", f[i].path,
			f[i].same ? "is as it was" : "written");
	return code;
}

/* All texts are made before the first is written: an error leaves nothing
 * half done. */
static int gen_all(struct args *a, struct loaded *l,
		   const struct firewall *const *f, size_t n, const char *dir,
		   const struct gen_options *opt)
{
	struct file_out *v = ARENA_ARRAY(a->arena, struct file_out, n);
	struct buf *text = ARENA_ARRAY(a->arena, struct buf, n);
	int code = EXIT_OK;

	for (size_t i = 0; i < n && code == EXIT_OK; i++) {
		if (dir)
			v[i].path = arena_printf(a->arena, "%s/%s.nft", dir,
						 f[i]->name);
		v[i].text = &text[i];
		code = make_text(a, l, f[i], opt, &text[i]);
	}
	if (code == EXIT_OK && dir)
		code = need_directory(a, dir);
	if (code == EXIT_OK)
		code = write_rules(a, v, n, dir);
	for (size_t i = 0; i < n; i++)
		buf_free(&text[i]);
	return code;
}

typedef VEC(const struct firewall *) firewall_list;

static void all_managed(struct args *a, const struct topology *t,
			firewall_list *out)
{
	for (size_t i = 0; i < t->firewalls.n; i++) {
		const struct firewall *f = t->firewalls.v[i];

		if (f->unmanaged && t->bundle)
			continue; /* others on the way */
		if (f->unmanaged)
			fprintf(stderr, "portplan gen: no ruleset for \"%s\", "
				"which is another product (managed=\"no\")\n",
				f->name);
		else
			vec_push(a->arena, out, f);
	}
}

static int cmd_gen(struct args *a)
{
	const char *name = arg_value(a, "firewall", NULL);
	const char *dir = arg_value(a, "directory", NULL);
	firewall_list list = { 0 };
	struct gen_options opt;
	struct loaded l;
	int code = counters_option(a, &opt);

	opt.grace = arg_given(a, "grace");
	if (code == EXIT_OK)
		code = load_plan(a, a->operands.v[0], &l);
	if (code != EXIT_OK)
		return code;
	if (name) {
		const struct firewall *f = need_managed(a, l.topo, name);

		if (!f)
			return EXIT_BAD;
		vec_push(a->arena, &list, f);
	} else {
		all_managed(a, l.topo, &list);
	}
	if (!list.n)
		return complain(a, l.topo->firewalls.n ?
				"every firewall is another product "
				"(managed=\"no\"): there is no ruleset to "
				"write" : "the topology has no firewall");
	if (!dir && list.n > 1)
		dir = ".";
	return gen_all(a, &l, list.v, list.n, dir, &opt);
}

static const struct option_def gen_options[] = {
	{ 'd', "directory", "DIR",
	  "write NAME.nft for each firewall into DIR (default with several "
	  "firewalls: here)" },
	{ 'f', "firewall", "NAME",
	  "this firewall only, on standard output unless -d is given" },
	{ 0, "grace", NULL,
	  "with the rules that apply --grace needs; they let nothing through "
	  "until \"tcp\" is added to the set pp_grace, with a timeout" },
	COUNTERS_OPTION,
	TOPOLOGY_OPTIONS,
};

const struct command command_gen = {
	.name = "gen",
	.run = cmd_gen,
	.usage = "TOPOLOGY.xml [-f FIREWALL] [-d DIR]",
	.summary = "write the nftables ruleset of every firewall",
	.description =
	  "Compiles the topology and writes one nftables file for each "
	  "firewall on any path: what is planned passes, everything else is "
	  "counted, logged and dropped. With one firewall, or with -f, the "
	  "ruleset goes to standard output unless -d is given. A file replaces its own table whole and touches no "
	  "other; one that would not change is left as it is.",
	OPTIONS(gen_options),
	.examples = "  portplan gen topology.xml -d rules\n"
		      "  portplan gen topology.xml -f inner | nft -c -f -\n",
	.min_args = 1,
	.max_args = 1,
};
