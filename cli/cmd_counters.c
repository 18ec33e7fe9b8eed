#include <stdlib.h>
#include <string.h>

#include "apply/field.h"
#include "base/map.h"
#include "cli/apply.h"
#include "cli/cmd_gen.h"
#include "cli/table.h"
#include "gen/gen.h"

/*
 * portplan counters: what the kernel counted, by what the plan says of it. The
 * rules that gen makes tell which reasons there are and what becomes of a
 * packet; the running table tells the numbers.
 */
typedef unsigned long long ull;

enum kind { K_PLANNED, K_DROPPED, K_PASSED, K_GRACE, K_OTHER };

static const char *const kind_name[] = {
	[K_PLANNED] = "planned", [K_DROPPED] = "dropped",
	[K_PASSED] = "let through", [K_GRACE] = "looked at in grace",
	[K_OTHER] = "not of this plan",
};

struct row {
	enum kind kind;
	const char *what;  /* the reason, as the rules' comments say it */
	const char *where; /* set or chain, by flow; else "" */
	const char *key;   /* what is looked up there; "" */
	uint64_t packets, bytes;
	bool there; /* in the running table */
};

struct counting {
	struct args *a;
	struct loaded l;
	const struct firewall *f;
	const struct ruleset *rules;
	const struct model *have;
	bool by_flow;
	VEC(struct row) rows;
	struct map index;
	const char *since;
};

static struct row *row_of(struct counting *c, const char *what,
			  const char *where, const char *key)
{
	const char *id = arena_printf(c->a->arena, "%s\n%s\n%s", what, where,
				      key);
	int is_new;
	struct map_entry *e = map_add_str(c->a->arena, &c->index, id, &is_new);

	if (is_new) {
		e->val.u = (uint32_t)c->rows.n;
		vec_push(c->a->arena, &c->rows, (struct row){
				.kind = K_OTHER, .what = what, .where = where,
				.key = key });
	}
	return &c->rows.v[e->val.u];
}

/* ---- what the plan's rules count ------------------------------------------------ */

static enum kind rule_kind(const struct rs_rule *r)
{
	const struct rs_stmt *last = &r->stmts.v[r->stmts.n - 1];

	if (last->kind != RS_VERDICT)
		return K_OTHER;
	if (last->verdict == RS_GOTO)
		return K_GRACE;
	if (last->verdict != RS_ACCEPT)
		return K_DROPPED;
	return r->unplanned ? K_PASSED : K_PLANNED;
}

static bool counts(const struct rs_rule *r)
{
	for (size_t i = 0; i < r->stmts.n; i++)
		if (r->stmts.v[i].kind == RS_COUNTER)
			return true;
	return false;
}

static void put_value(enum rs_field f, struct addr v, struct buf *out)
{
	char text[ADDR_TEXT];

	switch (f) {
	case RS_SADDR4: case RS_DADDR4: case RS_SADDR6: case RS_DADDR6:
		addr_text(v, text);
		buf_puts(out, text);
		return;
	case RS_L4PROTO:
		buf_puts(out, proto_name((unsigned)v.lo, text));
		return;
	case RS_IIFNAME: case RS_OIFNAME: case RS_SPORT: case RS_DPORT:
	case RS_ICMP_TYPE: case RS_ICMPV6_TYPE: case RS_HOPLIMIT:
	case RS_NFPROTO: case RS_N_FIELDS:
		break;
	}
	buf_printf(out, "%llu", (ull)v.lo);
}

static const char *elem_key(struct counting *c, const struct rs_set *s,
			    const struct rs_elem *e)
{
	struct buf b = { 0 };

	for (unsigned i = 0; i < s->n_field; i++) {
		const struct rs_value *v = &e->key[i];

		buf_puts(&b, i ? " " : "");
		put_value(s->field[i], v->lo, &b);
		if (!addr_eq(v->lo, v->hi)) {
			buf_putc(&b, '-');
			put_value(s->field[i], v->hi, &b);
		}
	}
	return buf_take(c->a->arena, &b);
}

static const char *place(const struct counting *c, const char *name)
{
	return c->by_flow ? name + 3 : ""; /* without pp_ */
}

/* The key as the kernel holds it; its length. */
static uint32_t key_bytes(const struct rs_set *s, const struct rs_elem *e,
			  uint8_t key[KEY_BYTES])
{
	uint32_t n = 0;

	memset(key, 0, KEY_BYTES);
	for (unsigned i = 0; i < s->n_field; i++) {
		const struct nl_field *f = nl_field(s->field[i]);

		field_bytes(f, e->key[i].lo, e->key[i].name, key + n);
		n += s->n_field > 1 ? field_padded(f) : f->len;
	}
	return n;
}

static void count_elem(struct row *r, const struct model_elem *x)
{
	r->there = true;
	r->packets += x->packets;
	r->bytes += x->bytes;
}

/* A set of the plan and what runs under its name; what runs there without
 * standing in the plan is told apart. */
static void count_set(struct counting *c, const struct rs_set *s)
{
	const struct model_set *m = model_set(c->have, s->name);
	struct map planned = { 0 };
	uint8_t key[KEY_BYTES];

	for (size_t i = 0; i < s->elems.n; i++) {
		const struct rs_elem *e = &s->elems.v[i];
		struct row *r = row_of(c, e->comment ? e->comment : "",
				       place(c, s->name),
				       c->by_flow ? elem_key(c, s, e) : "");

		r->kind = K_PLANNED;
		map_add(c->a->arena, &planned, key, key_bytes(s, e, key), NULL)
			->val.u = (uint32_t)(r - c->rows.v);
	}
	for (size_t i = 0; m && i < m->elems.n; i++) {
		const struct model_elem *x = &m->elems.v[i];
		struct map_entry *e = map_find(&planned, x->key, m->key_len);

		if (!x->counted)
			continue;
		count_elem(e ? &c->rows.v[e->val.u] :
			   row_of(c, x->comment ? x->comment : "",
				  place(c, s->name), ""), x);
	}
}

static void expect_rules(struct counting *c, const struct rs_chain *chain)
{
	for (size_t i = 0; i < chain->rules.n; i++) {
		const struct rs_rule *r = chain->rules.v[i];

		if (counts(r))
			row_of(c, r->comment ? r->comment : "",
			       place(c, chain->name), "")->kind =
				rule_kind(r);
	}
}

static void count_chain(struct counting *c, const struct model_chain *chain)
{
	for (size_t i = 0; i < chain->rules.n; i++) {
		const struct model_rule *x = &chain->rules.v[i];
		struct row *r;

		if (!x->counted)
			continue;
		r = row_of(c, x->comment ? x->comment : "",
			   place(c, chain->name), "");
		r->there = true;
		r->packets += x->packets;
		r->bytes += x->bytes;
	}
}

static bool planned_set(const struct counting *c, const char *name)
{
	for (size_t i = 0; i < c->rules->sets.n; i++)
		if (!strcmp(c->rules->sets.v[i]->name, name))
			return true;
	return false;
}

static void count_all(struct counting *c)
{
	for (size_t i = 0; i < c->rules->sets.n; i++)
		if (c->rules->sets.v[i]->counter)
			count_set(c, c->rules->sets.v[i]);
	for (size_t i = 0; i < c->rules->chains.n; i++)
		expect_rules(c, c->rules->chains.v[i]);
	for (size_t i = 0; i < c->have->chains.n; i++)
		count_chain(c, c->have->chains.v[i]);
	for (size_t i = 0; i < c->have->sets.n; i++) {
		const struct model_set *m = c->have->sets.v[i];

		if (!m->counter || planned_set(c, m->name))
			continue;
		for (size_t k = 0; k < m->elems.n; k++)
			if (m->elems.v[k].counted)
				count_elem(row_of(c, m->elems.v[k].comment ?
						  m->elems.v[k].comment : "",
						  place(c, m->name), ""),
					   &m->elems.v[k]);
	}
}

/* ---- reading ---------------------------------------------------------------------- */

/* When apply loaded what runs: its boot file was made for these rules. */
static void find_since(struct counting *c)
{
	struct state_dir s;
	struct plan_reader r;
	struct buf err = { 0 };

	c->since = "they were loaded";
	if (state_open(&s, c->a->arena, state_base(c->a), c->f->name, false,
		       &err) == 0) {
		if (plan_file_open(&r, c->a->arena, s.dir, BOOT_PLAN,
				   &err) == 0) {
			c->since = arena_printf(c->a->arena, "%s was applied, "
					"or before", r.head.made);
			plan_file_close(&r);
		}
		state_close(&s);
	}
	buf_free(&err);
}

static int trouble(struct counting *c, struct buf *err)
{
	int code = complain(c->a, "%s", err->s ? err->s : "");

	buf_free(err);
	return code;
}

static int read_kernel(struct counting *c)
{
	struct buf err = { 0 };
	struct generations g;
	struct nft nft;
	int slot;

	if (nft_open(&nft, &err) < 0)
		return trouble(c, &err);
	if (generations_read(&nft, c->rules->table, &g, &err) < 0) {
		nft_close(&nft);
		return trouble(c, &err);
	}
	slot = generations_running(&g);
	if (slot < 0)
		buf_printf(&err, "the rules of firewall \"%s\" (table %s) do "
			   "not run here", c->f->name, c->rules->table);
	else
		c->have = model_read(c->a->arena, &nft, c->rules->table, slot,
				     true, &err);
	nft_close(&nft);
	if (!c->have)
		return trouble(c, &err);
	if (c->have->bad)
		return complain(c->a, "table %s holds what cannot be read",
				c->rules->table);
	return EXIT_OK;
}

static int make_rules(struct counting *c, bool grace)
{
	struct gen_options opt;
	struct diags d;
	int code = counters_option(c->a, &opt);

	if (code != EXIT_OK)
		return code;
	opt.grace = grace;
	diags_init(&d, c->a->arena);
	c->rules = gen_firewall(c->a->arena, c->l.plan, c->f, &opt, &d);
	print_diags(&d);
	return c->rules ? EXIT_OK : EXIT_BAD;
}

/* ---- writing ---------------------------------------------------------------------- */

enum {
	C_HEAD, C_KIND, C_WHAT, C_WHERE, C_KEY, C_SHOWN, C_PACKETS, C_BYTES,
	N_COLUMNS
};

static const struct table_column columns[N_COLUMNS] = {
	[C_HEAD] = { "", "", 0, TABLE_HEADING },
	[C_KIND] = { "kind", "KIND", 8, TABLE_MACHINE | TABLE_PAPER },
	[C_WHAT] = { "reason", "REASON", 20, 0 },
	[C_WHERE] = { "where", "WHERE", 12, 0 },
	[C_KEY] = { "key", "KEY", 8, 0 },
	[C_SHOWN] = { "", "PACKETS", 7, TABLE_TERMINAL },
	[C_PACKETS] = { "packets", "PACKETS", 7, TABLE_MACHINE | TABLE_PAPER },
	[C_BYTES] = { "bytes", "BYTES", 7, 0 },
};

static int by_use(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	c = strcmp(x->what, y->what);
	if (!c)
		c = strcmp(x->where, y->where);
	return c ? c : strcmp(x->key, y->key);
}

/* In a label: backslash, quote and newline escaped. */
static void put_label(struct buf *out, const char *name, const char *s)
{
	buf_printf(out, "%s=\"", name);
	for (; *s; s++)
		if (*s == '\n')
			buf_puts(out, "\\n");
		else
			buf_printf(out, "%s%c", *s == '"' || *s == '\\' ?
				   "\\" : "", *s);
	buf_putc(out, '"');
}

static void put_metric(const struct counting *c, struct buf *out,
		       const char *name, const char *help, bool bytes)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", name, help,
		   name);
	for (size_t i = 0; i < c->rows.n; i++) {
		const struct row *r = &c->rows.v[i];

		buf_printf(out, "%s{", name);
		put_label(out, "firewall", c->f->name);
		buf_putc(out, ',');
		put_label(out, "kind", kind_name[r->kind]);
		buf_putc(out, ',');
		put_label(out, "reason", r->what);
		if (c->by_flow) {
			buf_putc(out, ',');
			put_label(out, "where", r->where);
			buf_putc(out, ',');
			put_label(out, "key", r->key);
		}
		buf_printf(out, "} %llu\n", (ull)(bytes ? r->bytes :
						  r->packets));
	}
}

/* The text format of Prometheus, for the node exporter's textfiles. */
static void prometheus(const void *ctx, struct buf *out)
{
	put_metric(ctx, out, "portplan_rule_packets_total",
		   "Packets counted by a firewall's rules.", false);
	put_metric(ctx, out, "portplan_rule_bytes_total",
		   "Bytes counted by a firewall's rules.", true);
}

static const char *summary(struct counting *c)
{
	size_t used = 0, never = 0, missing = 0;

	for (size_t i = 0; i < c->rows.n; i++) {
		const struct row *r = &c->rows.v[i];

		if (r->kind != K_PLANNED)
			continue;
		used += r->packets > 0;
		never += r->packets == 0;
		missing += !r->there;
	}
	return arena_printf(c->a->arena, "%zu of %zu planned in use since %s%s",
			    used, used + never, c->since, missing ?
			    arena_printf(c->a->arena, "; %zu do not run: "
					 "portplan check --live", missing) :
			    "");
}

static const char *number(struct counting *c, uint64_t v)
{
	return arena_printf(c->a->arena, "%llu", (ull)v);
}

static int write_rows(struct counting *c)
{
	struct args *a = c->a;
	bool unused = arg_given(a, "unused");
	struct table t = {
		.schema = "portplan-counters-1", .column = columns,
		.n_column = N_COLUMNS,
		.title = arena_printf(a->arena, "Counters of firewall %s",
				      c->f->name),
		.extra = { "prometheus", prometheus, c },
	};

	if (c->rows.n)
		qsort(c->rows.v, c->rows.n, sizeof(*c->rows.v), by_use);
	t.cell = ARENA_ARRAY(a->arena, const char *, c->rows.n * N_COLUMNS);
	for (size_t i = 0; i < c->rows.n; i++) {
		const struct row *r = &c->rows.v[i];
		const char **cell = t.cell + t.n_row * N_COLUMNS;

		if (unused && (r->packets || r->kind != K_PLANNED))
			continue;
		t.n_row++;
		cell[C_HEAD] = cell[C_KIND] = kind_name[r->kind];
		cell[C_WHAT] = r->what;
		cell[C_WHERE] = *r->where ? r->where : NULL;
		cell[C_KEY] = *r->key ? r->key : NULL;
		cell[C_PACKETS] = r->there ? number(c, r->packets) : NULL;
		cell[C_SHOWN] = !r->there && r->kind == K_PLANNED ?
			"not there" : r->packets || r->kind != K_PLANNED ?
			number(c, r->packets) : "never";
		cell[C_BYTES] = r->packets ? number(c, r->bytes) : NULL;
	}
	t.summary = summary(c);
	return table_out(a, &t);
}

static int read_by(struct counting *c)
{
	static const char *const legal[] = { "reason", "flow" };
	const char *s = arg_value(c->a, "by", "reason");

	c->by_flow = !strcmp(s, "flow");
	if (c->by_flow || !strcmp(s, "reason"))
		return EXIT_OK;
	return complain(c->a, "--by \"%s\": reason or flow%s", s,
			did_you_mean(c->a->arena, s, legal, 2));
}

static int cmd_counters(struct args *a)
{
	struct counting *c = ARENA_NEW(a->arena, struct counting);
	const char *name = arg_value(a, "firewall", NULL);
	int code;

	c->a = a;
	code = read_by(c);
	if (code == EXIT_OK)
		code = load_plan(a, a->operands.v[0], &c->l);
	if (code != EXIT_OK)
		return code;
	if (!name && c->l.topo->firewalls.n == 1)
		name = c->l.topo->firewalls.v[0]->name;
	if (!name)
		return complain(a, "which firewall is this machine? "
				"--firewall NAME");
	c->f = need_managed(a, c->l.topo, name);
	code = c->f ? make_rules(c, false) : EXIT_BAD;
	if (code == EXIT_OK)
		code = read_kernel(c);
	/* what stands by for a grace period is judged only where it is */
	if (code == EXIT_OK && model_chain(c->have, GRACE_CHAIN))
		code = make_rules(c, true);
	if (code != EXIT_OK)
		return code;
	find_since(c);
	count_all(c);
	return write_rows(c);
}

static const struct option_def counters_options[] = {
	{ 'f', "firewall", "NAME", "the firewall that this machine is" },
	{ 0, "by", "WHAT", "a line for each reason (reason, the default), or "
			   "for each rule and element that counts (flow)" },
	{ 0, "unused", NULL, "only what is planned and was never used" },
	COUNTERS_OPTION,
	STATE_OPTION,
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "table (default), csv, json, markdown, html or prometheus; to FILE "
	  "if given (repeatable)" },
	TOPOLOGY_OPTIONS,
};

const struct command command_counters = {
	.name = "counters",
	.run = cmd_counters,
	.usage = "TOPOLOGY.xml [--firewall NAME]",
	.summary = "what the kernel counted, by what the plan says of it",
	.description =
	"Reads the counters of this firewall's running table and adds them up "
	"by reason: the template's flow or the exception that lets a packet "
	"pass, and what was dropped between which zones. What is planned and "
	"was never used is listed too. Only the first packet of a connection "
	"passes the rules that count, so packets are connections; what "
	"belongs to one that is established is not counted. With "
	"--counters flow, as in gen, and --by flow, each pair of addresses "
	"has its own count.",
	OPTIONS(counters_options),
	.examples =
	"  portplan counters topology.xml --firewall inner\n"
	"  portplan counters topology.xml --firewall inner --unused\n"
	"  portplan counters topology.xml -f inner "
	"-o prometheus=/var/lib/node_exporter/portplan.prom\n",
	.min_args = 1,
	.max_args = 1,
};
