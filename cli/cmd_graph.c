#include "cli/cli.h"
#include "draw/draw.h"

static const char *write_svg(const struct drawing *d, struct buf *out)
{
	draw_svg(d, false, out);
	return NULL;
}

static const char *write_dot(const struct drawing *d, struct buf *out)
{
	draw_dot(d, out);
	return NULL;
}

static const struct graph_format {
	const char *name;
	/* NULL, or why there is no such picture */
	const char *(*write)(const struct drawing *d, struct buf *out);
} formats[] = {
	{ "svg", write_svg },
	{ "mermaid", draw_mermaid },
	{ "dot", write_dot },
};

static int make_picture(const void *ctx, struct args *a, size_t i,
			struct output *out)
{
	const char *why = formats[i].write(ctx, &out->text);

	return why ? complain(a, "%s: %s", formats[i].name, why) : EXIT_OK;
}

static int need_party(struct args *a, const struct topology *t,
		      const char *name, enum party_kind kind)
{
	const struct party *p = name ? topology_party(t, name) : NULL;
	VEC(const char *) names = { 0 };

	if (!name || (p && p->kind == kind))
		return EXIT_OK;
	for (size_t i = 0; i < t->parties.n; i++)
		if (t->parties.v[i]->kind == kind)
			vec_push(a->arena, &names, t->parties.v[i]->name);
	return complain(a, "there is no %s \"%s\"%s", party_kind_name(kind),
			name, did_you_mean(a->arena, name, names.v, names.n));
}

static int read_scope(struct args *a, const struct topology *t,
		      struct draw_options *opt)
{
	int code;

	opt->host = arg_value(a, "host", NULL);
	opt->zone = arg_value(a, "zone", NULL);
	opt->service = arg_value(a, "service", NULL);
	if (opt->host && opt->zone)
		return complain(a, "--host and --zone together: the host's "
				"zone is shown anyway");
	code = need_party(a, t, opt->host, PARTY_HOST);
	if (code == EXIT_OK)
		code = need_party(a, t, opt->zone, PARTY_ZONE);
	if (code == EXIT_OK)
		code = need_service(a, t, opt->service);
	return code;
}

static int cmd_graph(struct args *a)
{
	const char *names[COUNT_OF(formats)];
	struct writers w = { names, COUNT_OF(formats), make_picture, NULL };
	struct draw_options opt;
	const struct drawing *d;
	struct loaded l;
	int code = load_plan(a, a->operands.v[0], &l);

	if (code == EXIT_OK)
		code = read_scope(a, l.topo, &opt);
	if (code != EXIT_OK)
		return code;
	d = draw_build(a->arena, l.plan, &opt);
	w.ctx = d;
	for (size_t i = 0; i < COUNT_OF(formats); i++)
		names[i] = formats[i].name;
	code = write_formats(a, &w);
	if (code == EXIT_OK && d->n_left_out)
		fprintf(stderr, "portplan graph: %zu more rows are not shown: "
			"ask for less\n", d->n_left_out);
	return code;
}

static const struct option_def graph_options[] = {
	{ 0, "host", "NAME", "what this host may open and who may reach it, "
			     "with the hosts at the other end" },
	{ 0, "zone", "NAME", "the same for all of a zone, its hosts one by "
			     "one" },
	{ 0, "service", "NAME", "only this service, with the hosts at both "
				"ends" },
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "svg (default), mermaid or dot; to FILE if given (repeatable)" },
	TOPOLOGY_OPTIONS,
};

const struct command command_graph = {
	.name = "graph",
	.run = cmd_graph,
	.usage = "TOPOLOGY.xml [--host H | --zone Z] [--service S] "
		 "[-o FORMAT[=FILE]]",
	.summary = "draw the topology, and what is planned in it",
	.description =
	  "Draws zones as columns with their hosts, the firewalls between "
	  "them, and below a row for each pair of zones: what may be opened "
	  "from one to the other, gathered by service, and the firewalls on "
	  "the way. Hosts with the same roles are drawn as one where there "
	  "are many. The SVG needs nothing but a browser. Mermaid is meant "
	  "for pull requests, where GitHub and GitLab draw it; what exceeds "
	  "their limits is refused. dot is for Graphviz.",
	OPTIONS(graph_options),
	.examples = "  portplan graph topology.xml -o svg=network.svg\n"
		    "  portplan graph topology.xml --host fe1 > fe1.svg\n"
		    "  portplan graph topology.xml -o mermaid\n",
	.min_args = 1,
	.with_bundle = BUNDLE_IS_SAID,
	.max_args = 1,
};
