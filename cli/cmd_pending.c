#include <stdlib.h>
#include <string.h>

#include "cli/pending.h"
#include "cli/table.h"

/* portplan pending: what would be lost if what is observed were enforced. */

static const struct table_column columns[] = {
	{ "heading", "", 0, TABLE_HEADING },
	{ "from_zone", "ZONE", 6, TABLE_PAPER },
	{ "to_zone", "ZONE", 6, TABLE_PAPER },
	{ "owner", "OWNER", 6, TABLE_PAPER },
	{ "from", "FROM", 12, 0 },
	{ "to", "TO", 12, 0 },
	{ "packet", "PACKET", 10, 0 },
	{ "sources", "SOURCES", 7, 0 },
	{ "logged", "LOGGED", 6, 0 },
	{ "keeps", "KEPT BY", 12, 0 },
};

enum { N_COLUMNS = COUNT_OF(columns) };

const char *pending_owner(const struct pending *p,
			  const struct pending_flow *f)
{
	return f->to == NONE ? NULL : p->l.topo->parties.v[f->to]->owner;
}

static const char *zone_text(const struct pending *p, uint32_t node)
{
	return node == NONE ? "no zone" : plan_node_name(p->l.plan, node);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static int by_owner_and_zone(const void *a, const void *b, void *ctx)
{
	const struct pending_flow *x = a, *y = b;
	const struct pending *p = ctx;
	int c = strcmp(or_empty(pending_owner(p, x)),
		       or_empty(pending_owner(p, y)));

	if (!c)
		c = x->from_node < y->from_node ? -1 :
		    x->from_node > y->from_node;
	if (!c)
		c = x->to_node < y->to_node ? -1 : x->to_node > y->to_node;
	if (!c)
		c = x->from < y->from ? -1 : x->from > y->from;
	if (!c)
		c = addr_cmp(x->dst, y->dst);
	return c ? c : x->key < y->key ? -1 : x->key > y->key;
}

static const char *party_text(struct pending *p, uint32_t party,
			      struct addr a, bool address)
{
	char text[ADDR_TEXT];

	addr_text(a, text);
	if (party == NONE)
		return arena_strdup(p->a->arena, text);
	if (p->l.topo->parties.v[party]->kind == PARTY_HOST || !address)
		return plan_party_name(p->l.plan, party);
	return arena_printf(p->a->arena, "%s in %s", text,
			    plan_party_name(p->l.plan, party));
}

static void fill_row(struct pending *p, const char **cell,
		     const struct pending_flow *f)
{
	struct arena *a = p->a->arena;
	const char *owner = pending_owner(p, f);
	char key[KEY_TEXT];

	key_text((struct key_range){ f->key, f->key }, key);
	const char *const v[N_COLUMNS] = {
		arena_printf(a, "%s to %s%s%s", zone_text(p, f->from_node),
			     zone_text(p, f->to_node), owner ? ", owner " : "",
			     or_empty(owner)),
		zone_text(p, f->from_node), zone_text(p, f->to_node), owner,
		party_text(p, f->from, f->src[0], f->n_src == 1),
		party_text(p, f->to, f->dst, true), arena_strdup(a, key),
		f->n_src > PENDING_ADDRS ? arena_printf(a, "over %d",
							PENDING_ADDRS) :
			arena_printf(a, "%zu", f->n_src),
		arena_printf(a, "%llu", (unsigned long long)f->packets),
		f->role ? arena_printf(a, "role %s", f->role->name) : NULL,
	};

	memcpy(cell, v, sizeof(v));
}

/* What was counted against what was logged: the log has a limited rate. */
static const char *summary(struct pending *p, bool *incomplete)
{
	struct buf b = { 0 };
	unsigned long long counted = 0;

	for (size_t i = 0; i < p->counts.n; i++)
		counted += p->counts.v[i].packets;
	buf_printf(&b, "%zu flow%s would be lost", p->flows.n,
		   plural(p->flows.n));
	if (p->logs)
		buf_printf(&b, "; %llu packet%s logged",
			   (unsigned long long)p->logged,
			   plural(p->logged));
	if (p->planned)
		buf_printf(&b, ", %llu of them planned by now",
			   (unsigned long long)p->planned);
	if (p->midstream)
		buf_printf(&b, ", %llu from the middle of TCP connections",
			   (unsigned long long)p->midstream);
	if (p->unreadable)
		buf_printf(&b, ", %llu not understood",
			   (unsigned long long)p->unreadable);
	if (p->unobserved)
		buf_printf(&b, "; %llu not counted: nothing is observed there, "
			   "no <observe> and no enforce=\"no\" in %s",
			   (unsigned long long)p->unobserved, p->l.topo->name);
	if (p->unknown)
		buf_printf(&b, "; %llu not counted: of unknown firewall \"%s\"",
			   (unsigned long long)p->unknown, p->unknown_name);
	if (p->counters)
		buf_printf(&b, "; %llu packet%s counted", counted,
			   plural(counted));
	for (size_t i = 0; i < p->counts.n; i++)
		if (p->counts.v[i].packets)
			buf_printf(&b, "%s%s %llu (%s)", i ? ", " : ": ",
				   p->counts.v[i].what, (unsigned long long)
				   p->counts.v[i].packets,
				   p->counts.v[i].table);
	*incomplete = counted > p->logged || p->unreadable || p->unknown;
	if (counted > p->logged)
		buf_puts(&b, ". More was counted than logged: what it was is "
			     "not all known");
	return buf_take(p->a->arena, &b);
}

static int read_all(struct pending *p)
{
	const char *name = arg_value(p->a, "firewall", NULL);
	const struct firewall *f = NULL;
	int code = EXIT_OK;

	if (name && !(f = need_managed(p->a, p->l.topo, name)))
		return EXIT_BAD;
	if (arg_given(p->a, "live") && !f)
		return complain(p->a, "--live needs --firewall NAME");
	if (arg_given(p->a, "live"))
		code = pending_live(p, f);
	for (size_t i = 1; i < p->a->operands.n && code == EXIT_OK; i++)
		code = pending_text(p, p->a->operands.v[i]);
	for (size_t i = 0; i < p->a->given.n && code == EXIT_OK; i++)
		if (!strcmp(p->a->given.v[i].def->name, "read"))
			code = pending_capture(p, p->a->given.v[i].value);
	if (code == EXIT_OK && !p->counters && !p->logs)
		code = complain(p->a, "what was observed? a listing or log "
				"FILE, -r CAPTURE, or --live");
	return code;
}

static int write_all(struct pending *p, bool *incomplete)
{
	struct table t = { .schema = "portplan-pending-1", .column = columns,
			   .n_column = N_COLUMNS };
	const char *path = arg_value(p->a, "propose", NULL);
	struct buf b = { 0 };
	int code = outputs_ready(p->a);

	if (code != EXIT_OK)
		return code;
	t.title = arena_printf(p->a->arena, "What %s would lose",
			       p->l.topo->name);
	t.n_row = p->flows.n;
	t.cell = ARENA_ARRAY(p->a->arena, const char *, t.n_row * N_COLUMNS);
	for (size_t i = 0; i < t.n_row; i++)
		fill_row(p, t.cell + i * N_COLUMNS, &p->flows.v[i]);
	t.summary = summary(p, incomplete);
	if (path) {
		pending_propose(p, &b);
		code = write_file(p->a, path, &b);
	}
	buf_free(&b);
	return code == EXIT_OK ? table_out(p->a, &t) : code;
}

static int cmd_pending(struct args *a)
{
	struct pending p = { .a = a };
	bool incomplete = false;
	int code = load_plan(a, a->operands.v[0], &p.l);

	if (code == EXIT_OK)
		code = read_all(&p);
	if (code != EXIT_OK)
		return code;
	pending_settle(&p);
	pending_roles(&p);
	if (p.flows.n)
		qsort_r(p.flows.v, p.flows.n, sizeof(*p.flows.v),
			by_owner_and_zone, &p);
	code = write_all(&p, &incomplete);
	if (code != EXIT_OK)
		return code;
	return p.flows.n ? EXIT_FINDINGS :
	       incomplete ? EXIT_UNDECIDED : EXIT_OK;
}

static const struct option_def pending_options[] = {
	{ 'f', "firewall", "NAME", "with --live: the firewall that runs here" },
	{ 0, "live", NULL, "read the counters of the running kernel" },
	{ 'r' | OPTION_AGAIN, "read", "FILE",
	  "a capture of the NFLOG group that the firewall logs to "
	  "(repeatable)" },
	{ OPTION_WRITES, "propose", "FILE",
	  "write what would keep it: allows, and roles where template flows "
	  "cover it, each with an expiry, for review" },
	FORMAT_OPTION,
	TOPOLOGY_OPTIONS,
};

const struct command command_pending = {
	.name = "pending",
	.run = cmd_pending,
	.usage = "TOPOLOGY.xml [LISTING|LOG...] [-r CAPTURE]",
	.summary = "what would be lost if what is observed were enforced",
	.description =
	  "Where the topology observes or does not enforce, firewalls count "
	  "and log what the plan denies and let it through. This reads what "
	  "they counted (nft list ruleset, as text or json, or --live) and "
	  "logged (the kernel's log, of any size, also .gz and .zst, or a "
	  "capture of the NFLOG group), and "
	  "says what would be lost, by owner and zones. Where the topology "
	  "observes nothing, nothing is lost, and that is said.\n"
	  "Exit code 0 nothing, 1 something would be lost, 3 nothing is "
	  "known, but more was counted than logged, or by a firewall that the "
	  "topology does not know.",
	OPTIONS(pending_options),
	.examples = "  portplan pending topology.xml /var/log/kern.log "
		    "--propose observed.xml\n"
		    "  portplan pending topology.xml --live -f edge "
		    "-r edge.pcap\n",
	.min_args = 1,
	.max_args = 1000,
};
