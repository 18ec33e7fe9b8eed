#include <string.h>

#include "advice/document.h"
#include "cli/table.h"
#include "plan/matrix.h"

static const struct table_column columns[] = {
	{ "heading", "", 0, TABLE_HEADING },
	{ "from", "FROM", 12, 0 },
	{ "from_zone", "ZONE", 6, TABLE_PAPER },
	{ "to", "TO", 12, 0 },
	{ "to_zone", "ZONE", 6, TABLE_PAPER },
	{ "protocol", "PROTO", 5, 0 },
	{ "ports", "PORTS", 5, 0 },
	{ "service", "SERVICE", 8, 0 },
	{ "carriage", "IN", 5, 0 },
	{ "firewalls", "FIREWALLS", 8, TABLE_PAPER },
	{ "requirement", "NEED", 11, 0 },
	{ "reason", "REASON", 18, 0 },
	{ "terms", "SOURCE", 14, TABLE_TERMINAL },
	{ "source", "SOURCE", 10, TABLE_PAPER },
	{ "owner", "OWNER", 5, TABLE_PAPER },
	{ "ticket", "TICKET", 6, TABLE_PAPER },
	{ "expires", "EXPIRES", 10, TABLE_PAPER },
	{ "id", "ID", 8, TABLE_MACHINE },
	{ "extra", "EXTRA", 5, TABLE_MACHINE },
	/* the last: only where something is translated */
	{ "translated", "TRANSLATED", 12, 0 },
};

enum { N_COLUMNS = COUNT_OF(columns) };

/* "labels; mail team, CHG-1182, until 2027-01-31" */
static const char *terms(struct args *a, const struct matrix_row *r)
{
	struct buf b = { 0 };

	buf_puts(&b, r->source ? r->source : "");
	if (r->owner)
		buf_printf(&b, "; %s", r->owner);
	if (r->ticket)
		buf_printf(&b, "; %s", r->ticket);
	if (r->expires)
		buf_printf(&b, "; until %s", r->expires);
	return buf_take(a->arena, &b);
}

/* "dmz to inside, by inner" */
static const char *heading(struct args *a, const struct matrix_row *r)
{
	if (strcmp(r->from_zone, r->to_zone))
		return arena_printf(a->arena, "%s to %s, by %s", r->from_zone,
				    r->to_zone, r->firewalls);
	return r->within ?
		arena_printf(a->arena, "within %s (enforced between interfaces "
			     "of %s, nowhere else)", r->from_zone, r->within) :
		arena_printf(a->arena, "within %s (not enforced)",
			     r->from_zone);
}

static void fill_row(struct args *a, const char **cell, size_t n,
		     const struct matrix_row *r)
{
	const char *const v[N_COLUMNS] = {
		heading(a, r), r->from, r->from_zone, r->to, r->to_zone, r->protocol,
		r->ports, r->service, r->carriage, r->firewalls,
		r->requirement, r->reason, terms(a, r), r->source, r->owner,
		r->ticket, r->expires, r->ident, r->extra, r->translated,
	};

	memcpy(cell, v, n * sizeof(*v));
}

static const char *near_party(struct args *a, const struct topology *t,
			      const char *name)
{
	VEC(const char *) names = { 0 };

	for (size_t i = 0; i < t->parties.n; i++)
		vec_push(a->arena, &names, t->parties.v[i]->name);
	for (size_t i = 0; i < t->roles.n; i++)
		vec_push(a->arena, &names, t->roles.v[i]->name);
	return did_you_mean(a->arena, name, names.v, names.n);
}

static int check_name(struct args *a, const struct loaded *l, const char *name)
{
	struct prefix p;
	const char *role;

	if (!name)
		return EXIT_OK;
	role = !strncmp(name, "role:", 5) ? name + 5 : name;
	if (topology_party(l->topo, name) || topology_role(l->topo, role) ||
	    !prefix_parse(a->arena, name, strlen(name), false, &p))
		return EXIT_OK;
	return complain(a, "there is no zone, network, host, firewall or role "
			"\"%s\"%s", name, near_party(a, l->topo, name));
}

static int read_filter(struct args *a, const struct loaded *l,
		       struct matrix_filter *f)
{
	int code;

	f->from = arg_value(a, "from", NULL);
	f->to = arg_value(a, "to", NULL);
	f->service = arg_value(a, "service", NULL);
	f->firewall = arg_value(a, "firewall", NULL);
	code = check_name(a, l, f->from);
	if (code == EXIT_OK)
		code = check_name(a, l, f->to);
	if (code == EXIT_OK)
		code = need_service(a, l->topo, f->service);
	if (code == EXIT_OK && f->firewall &&
	    !need_firewall(a, l->topo, f->firewall))
		code = EXIT_BAD;
	return code;
}

static void say_unmanaged(const struct topology *t, struct buf *b)
{
	bool any = false;

	for (size_t i = 0; i < t->firewalls.n; i++) {
		if (!t->firewalls.v[i]->unmanaged)
			continue;
		buf_printf(b, "%s %s", any ? "," : ". Another product, without "
			   "a ruleset:", t->firewalls.v[i]->name);
		any = true;
	}
}

/* What firewalls let in to themselves by no line: DHCP's answers, whoever
 * sends them, and VRRP of their other nodes. */
static void say_let_in(const struct topology *t, struct buf *b)
{
	bool any = false;

	for (size_t i = 0; i < t->firewalls.n; i++) {
		const struct firewall *f = t->firewalls.v[i];
		bool input = f->inputs.n && !f->unmanaged;

		for (size_t k = 0; input && k < f->interfaces.n; k++) {
			if (!f->interfaces.v[k]->dhcp)
				continue;
			buf_printf(b, "%s DHCP at %s %s", any ? "," : ". Let in "
				   "besides:", f->name,
				   f->interfaces.v[k]->name);
			any = true;
		}
		if (input && f->nodes.n) {
			buf_printf(b, "%s VRRP at %s", any ? "," : ". Let in "
				   "besides:", f->name);
			any = true;
		}
	}
}

/* What the lines mean, and what no line can say. */
static const char *summary(struct args *a, const struct loaded *l,
			   const struct matrix_filter *f, size_t n)
{
	struct buf b = { 0 };
	const char *s;
	bool any = false;

	buf_printf(&b, "%zu line%s", n, plural(n));
	if (!f->from && !f->to && !f->service && !f->firewall)
		buf_puts(&b, "; everything else that crosses a firewall is "
			     "denied");
	for (size_t i = 0; i < l->topo->firewalls.n; i++) {
		if (l->topo->firewalls.v[i]->inputs.n ||
		    l->topo->firewalls.v[i]->unmanaged)
			continue;
		buf_printf(&b, "%s %s", any ? "," : ". Without <input>, so left "
			   "alone in what reaches themselves:",
			   l->topo->firewalls.v[i]->name);
		any = true;
	}
	say_let_in(l->topo, &b);
	say_unmanaged(l->topo, &b);
	if ((s = plan_let_through(l->plan, a->arena)))
		buf_printf(&b, ". %s", s);
	return buf_take(a->arena, &b);
}

static void write_xml(const void *ctx, struct buf *out)
{
	plan_document(ctx, out);
}

static int cmd_matrix(struct args *a)
{
	static const char *const legal[] = { "role", "host" };
	const char *by = arg_value(a, "by", "role");
	struct matrix_filter f;
	struct matrix *m;
	struct table t = { .schema = "portplan-matrix-1", .column = columns,
			   .n_column = N_COLUMNS };
	struct loaded l;
	int code;

	if (strcmp(by, "role") && strcmp(by, "host"))
		return complain(a, "--by \"%s\": role or host%s", by,
				did_you_mean(a->arena, by, legal, 2));
	code = load_plan(a, a->operands.v[0], &l);
	if (code == EXIT_OK)
		code = read_filter(a, &l, &f);
	if (code != EXIT_OK)
		return code;
	m = matrix_build(a->arena, l.plan, !strcmp(by, "host") ?
			 MATRIX_BY_HOST : MATRIX_BY_ROLE, &f);
	t.title = arena_printf(a->arena, "Port matrix of %s", l.topo->name);
	t.n_row = m->rows.n;
	t.n_column = N_COLUMNS - !l.plan->translates;
	t.cell = ARENA_ARRAY(a->arena, const char *, t.n_row * t.n_column);
	for (size_t i = 0; i < t.n_row; i++)
		fill_row(a, t.cell + i * t.n_column, t.n_column,
			 &m->rows.v[i]);
	t.summary = summary(a, &l, &f, t.n_row);
	t.extra = (struct table_extra){ "xml", write_xml, l.plan };
	return table_out(a, &t);
}

static const struct option_def matrix_options[] = {
	{ 0, "by", "WHAT", "a line per pair of roles (role, the default), or "
			   "per pair of hosts (host)" },
	{ 0, "from", "NAME", "only from this zone, network, host, role or "
			     "address" },
	{ 0, "to", "NAME", "only to it" },
	{ 0, "service", "NAME", "only this service" },
	{ 0, "firewall", "NAME", "only what crosses this firewall" },
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "table (default), csv, json, markdown, html or xml (the whole plan "
	  "as a document, whatever is filtered; see schema --plan); to FILE if "
	  "given (repeatable)" },
	TOPOLOGY_OPTIONS,
};

const struct command command_matrix = {
	.name = "matrix",
	.run = cmd_matrix,
	.usage = "TOPOLOGY.xml [--by host] [-o FORMAT[=FILE]]",
	.summary = "the port matrix: who may talk to whom, and why",
	.description =
	  "Compiles the topology and lists what is planned: from, to, protocol "
	  "and ports, in the clear or inside IPsec, the firewalls on every "
	  "path (\"a > b\" one after the other, \"a | b\" either), what asks "
	  "for it, why, and by which source. Where something is translated, a "
	  "last column says what stands beyond: \"to 203.0.113.10\", \"from "
	  "203.0.113.1\".",
	OPTIONS(matrix_options),
	.examples = "  portplan matrix topology.xml\n"
		      "  portplan matrix topology.xml --by host --to dc1\n"
		      "  portplan matrix topology.xml -o html=matrix.html\n"
		      "  portplan matrix topology.xml -o xml=plan.xml\n",
	.min_args = 1,
	.with_bundle = BUNDLE_IS_SAID,
	.max_args = 1,
};
