#include "advice/layout.h"
#include "cli/table.h"

/* portplan compare: layouts side by side, by what an attacker would gain. */

static const struct table_column columns[] = {
	{ "topology", "TOPOLOGY", 12, 0 },
	{ "taken_over", "TAKEN OVER", 10, 0 },
	{ "from_internet", "FROM INTERNET", 8, 0 },
	{ "reaches", "REACHES", 7, 0 },
	{ "openings", "OPENINGS", 8, 0 },
	{ "ports", "PORTS", 5, 0 },
	{ "inside_ipsec", "IN IPSEC", 5, 0 },
	{ "of_each", "OF EACH", 14, 0 },
};

enum { N_COLUMNS = COUNT_OF(columns) };

typedef VEC(const char *) cells;

static const char *number(struct args *a, double n)
{
	return arena_printf(a->arena, "%.0f", n);
}

static void add(struct args *a, cells *v, const char *topology,
		const struct layout_row *r)
{
	const char *const cell[N_COLUMNS] = {
		topology, r->hosts, number(a, r->from_internet),
		number(a, r->reached), number(a, r->openings),
		number(a, r->ports), number(a, r->inside), r->each,
	};

	for (size_t i = 0; i < N_COLUMNS; i++)
		vec_push(a->arena, v, cell[i]);
}

static int compare_one(struct args *a, const char *path, cells *v)
{
	static const struct layout_row none = {
		.hosts = "(nothing is open to the internet)", .each = "" };
	const struct layout *layout;
	struct loaded l;
	int code = load_plan(a, path, &l);

	if (code != EXIT_OK)
		return code;
	layout = layout_read(a->arena, l.plan);
	for (size_t i = 0; i < layout->rows.n; i++)
		add(a, v, l.topo->name, &layout->rows.v[i]);
	if (!layout->rows.n)
		add(a, v, l.topo->name, &none);
	return EXIT_OK;
}

static int cmd_compare(struct args *a)
{
	struct table t = { .schema = "portplan-compare-1",
			   .title = "Layouts compared",
			   .column = columns, .n_column = N_COLUMNS };
	int code = EXIT_OK;
	cells v = { 0 };

	for (size_t i = 0; i < a->operands.n && code == EXIT_OK; i++)
		code = compare_one(a, a->operands.v[i], &v);
	if (code != EXIT_OK)
		return code;
	t.cell = v.v;
	t.n_row = v.n / N_COLUMNS;
	t.summary = "Openings are ranges of ports or protocols of one party, "
		    "ports the ports in them; what runs inside IPsec no "
		    "firewall sees.";
	return table_out(a, &t);
}

static const struct option_def compare_options[] = {
	FORMAT_OPTION,
	TOPOLOGY_OPTIONS,
};

const struct command command_compare = {
	.name = "compare",
	.run = cmd_compare,
	.usage = "TOPOLOGY.xml...",
	.summary = "layouts side by side: what a host that is taken over reaches",
	.description =
	  "For each topology, the hosts to which anyone on the internet opens "
	  "connections, what is open to it there, and what such a host would "
	  "reach across firewalls if it were taken over: how many parties, by "
	  "how many openings, how many ports are in them, and what runs inside "
	  "IPsec besides. Hosts of which the plan says the same stand in one "
	  "line. The internet itself and firewalls are not counted as reached.",
	OPTIONS(compare_options),
	.examples = "  portplan compare today.xml with-proxy.xml\n",
	.min_args = 1,
	.with_bundle = BUNDLE_IS_SAID,
	.max_args = 100,
};
