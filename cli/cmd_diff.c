#include <string.h>

#include "cli/cmd_check.h"
#include "cli/table.h"
#include "plan/diff.h"

static const struct table_column columns[] = {
	{ "heading", "", 0, TABLE_HEADING },
	{ "change", "CHANGE", 6, 0 },
	{ "from_zone", "ZONE", 6, TABLE_PAPER },
	{ "to_zone", "ZONE", 6, TABLE_PAPER },
	{ "from", "FROM", 10, 0 },
	{ "to", "TO", 10, 0 },
	{ "packets", "PACKETS", 10, 0 },
	{ "reason", "REASON", 16, 0 },
	{ "cause", "CAUSE", 12, 0 },
	{ "owner", "OWNER", 6, 0 },
	{ "ticket", "TICKET", 6, 0 },
	{ "place", "PLACE", 6, TABLE_MACHINE },
	{ "size", "SIZE", 6, TABLE_MACHINE },
};

enum { N_COLUMNS = COUNT_OF(columns) };

static void fill_row(struct args *a, const char **cell, const struct change *c)
{
	unsigned line = 0, col, end;

	if (c->at.src)
		span_position(c->at, &line, &col, &end);
	const char *const v[N_COLUMNS] = {
		c->kind == CHANGE_LIMITS ? "limits" :
		arena_printf(a->arena, "%s to %s%s", c->from_zone, c->to_zone,
			     c->internet ? " (internet-facing)" : ""),
		change_name[c->kind], c->from_zone, c->to_zone, c->from, c->to,
		c->packets, c->reason, c->cause, c->owner, c->ticket,
		c->at.src ? arena_printf(a->arena, "%s:%u", c->at.src->name,
					 line) : NULL,
		c->size,
	};

	memcpy(cell, v, sizeof(v));
}

static bool has_ruleset(const struct topology *t, const char *name)
{
	const struct firewall *f = topology_firewall(t, name);

	return f && !f->unmanaged;
}

static bool same_rules(struct args *a, const struct loaded *x,
		       const struct loaded *y, const char *name)
{
	struct buf bx = { 0 }, by = { 0 };
	bool same;

	generated_text(a, x->plan, topology_firewall(x->topo, name), &bx);
	generated_text(a, y->plan, topology_firewall(y->topo, name), &by);
	same = bx.n == by.n && (!bx.n || !memcmp(bx.s, by.s, bx.n));
	buf_free(&bx);
	buf_free(&by);
	return same;
}

static void put_name(struct buf *b, const char *name, const char *what)
{
	buf_printf(b, "%s%s%s", b->n ? ", " : "", name, what);
}

/* Whose ruleset changes, by a bit; and that no other does. */
static const char *firewalls_text(struct args *a, const struct loaded *x,
				  const struct loaded *y)
{
	struct buf b = { 0 };
	size_t same = 0;
	const char *out;

	for (size_t i = 0; i < y->topo->firewalls.n; i++) {
		const char *name = y->topo->firewalls.v[i]->name;

		if (y->topo->firewalls.v[i]->unmanaged)
			continue;
		if (!has_ruleset(x->topo, name))
			put_name(&b, name, " (new)");
		else if (!same_rules(a, x, y, name))
			put_name(&b, name, "");
		else
			same++;
	}
	for (size_t i = 0; i < x->topo->firewalls.n; i++)
		if (!x->topo->firewalls.v[i]->unmanaged &&
		    !has_ruleset(y->topo, x->topo->firewalls.v[i]->name))
			put_name(&b, x->topo->firewalls.v[i]->name,
				 " (removed)");
	if (!b.n)
		out = "no firewall's ruleset changes";
	else
		out = arena_printf(a->arena, "rulesets that change: %s; no "
				   "other does (%zu)", b.s, same);
	buf_free(&b);
	return out;
}

static const char *totals_text(struct args *a, const struct plan_diff *d)
{
	size_t limits = d->count[CHANGE_LIMITS];

	return arena_printf(a->arena, "%zu opened, %zu closed, %zu changed%s",
			    d->count[CHANGE_OPENED], d->count[CHANGE_CLOSED],
			    d->count[CHANGE_INTO_IPSEC] +
			    d->count[CHANGE_OUT_OF_IPSEC] +
			    d->count[CHANGE_TRANSLATION] +
			    d->count[CHANGE_PATHS] +
			    d->count[CHANGE_TERMS], !limits ? "" :
			    arena_printf(a->arena, ", %zu of the limits",
					 limits));
}

static int cmd_diff(struct args *a)
{
	struct loaded x, y;
	struct plan_diff *d;
	const char *totals;
	struct table t = { .schema = "portplan-diff-1", .column = columns,
			   .n_column = N_COLUMNS };
	int code = load_plan(a, a->operands.v[0], &x);

	if (code == EXIT_OK)
		code = load_plan(a, a->operands.v[1], &y);
	if (code != EXIT_OK)
		return code;
	d = plan_diff(a->arena, x.plan, y.plan);
	totals = totals_text(a, d);
	t.title = arena_printf(a->arena, "Changes of the plan: %s", totals);
	t.n_row = d->changes.n;
	t.cell = ARENA_ARRAY(a->arena, const char *, t.n_row * N_COLUMNS);
	for (size_t i = 0; i < t.n_row; i++)
		fill_row(a, t.cell + i * N_COLUMNS, &d->changes.v[i]);
	t.summary = arena_printf(a->arena, "%s; %s", totals,
				 firewalls_text(a, &x, &y));
	code = table_out(a, &t);
	return code != EXIT_OK ? code : t.n_row ? EXIT_FINDINGS : EXIT_OK;
}

static const struct option_def diff_options[] = {
	FORMAT_OPTION,
	TOPOLOGY_OPTIONS,
};

const struct command command_diff = {
	.name = "diff",
	.run = cmd_diff,
	.usage = "OLD.xml NEW.xml",
	.summary = "what a change of the topology opens and closes",
	.description =
	  "Compares the plans of two topologies packet by packet and lists "
	  "what opens, what closes, what moves into or out of IPsec and what "
	  "crosses other firewalls, and the exceptions, by their names, whose dates, owners or reasons are others: by "
	  "zones, with the reason, its owner and what caused the change; "
	  "internet-facing first. Before all that stand the limits: forbid, "
	  "expect and omit that came, went or say more or less, owners, what is "
	  "observed or not enforced. It ends with the firewalls whose ruleset "
	  "changes. A --policy holds for both.\n"
	  "Exit code 0 no change, 1 changes.",
	OPTIONS(diff_options),
	.examples = "  portplan diff main.xml branch.xml -o markdown\n",
	.min_args = 2,
	.with_bundle = BUNDLE_IS_SAID,
	.max_args = 2,
};
