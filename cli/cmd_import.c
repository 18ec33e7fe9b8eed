#include <string.h>
#include <unistd.h>

#include "base/plain.h"
#include "cli/import.h"
#include "service/sandbox.h"
#include "topology/xml.h"

static const struct span no_place;

enum { SHOWN_WORDS = 8, SHOWN_HOSTS = 40 };

/* What is read here was written by strangers: from here on no program, no
 * socket, and nothing is written but below -d. Files are still read: those
 * that the topology includes. */
static int fence(struct import *m)
{
	struct sandbox_path v[2] = { { "/", SANDBOX_READ } };
	struct sandbox s = { .path = v, .n_path = 1 };
	const char *dir = arg_value(m->a, "directory", NULL);
	struct sandbox_state st;

	if (dir && need_directory(m->a, dir) != EXIT_OK)
		return EXIT_BAD;
	if (dir)
		v[s.n_path++] = (struct sandbox_path){
			dir, SANDBOX_READ | SANDBOX_REPLACE };
	if (sandbox_enter(&s, &st) < 0)
		return complain(m->a, "cannot fence itself off: %s",
				st.missing);
	return EXIT_OK;
}

static void say_empty(struct import *m)
{
	const char *names = "";

	for (size_t i = 0; i < m->a->operands.n; i++)
		names = arena_printf(m->a->arena, "%s%s\"%s\"", names,
				     i ? ", " : "", m->a->operands.v[i]);
	diag_add(&m->diags, SEV_ERROR, no_place, "no host is listed in %s",
		 names);
}

static int read_lists(struct import *m)
{
	struct args *a = m->a;
	const char *name = arg_value(a, "format", NULL);
	enum inv_format f = INV_CSV;

	if (name && !inventory_format(name, &f)) {
		const char *names[INV_N_FORMATS];

		for (int i = 0; i < INV_N_FORMATS; i++)
			names[i] = inventory_format_name((enum inv_format)i);
		return complain(a, "there is no format \"%s\"%s (csv, netbox, "
				"nmap, ansible)", name,
				did_you_mean(a->arena, name, names,
					     INV_N_FORMATS));
	}
	m->inv = (struct inventory){ .arena = a->arena, .d = &m->diags };
	for (size_t i = 0; i < a->operands.n; i++) {
		struct source *src = source_read(a->arena, a->operands.v[i],
						 "list of hosts", no_place,
						 &m->diags);

		if (src)
			inventory_read(&m->inv, src,
				       name ? f : inventory_guess(src));
	}
	if (!m->inv.hosts.n && !m->diags.n_errors)
		say_empty(m);
	return m->diags.n_errors ? EXIT_BAD : EXIT_OK;
}

/* A new topology has the zones that are listed, so there must be one. */
static int need_zones(const struct import *m)
{
	for (size_t i = 0; i < m->inv.hosts.n; i++)
		if (m->inv.hosts.v[i]->zone)
			return EXIT_OK;
	return complain(m->a, "no host is listed with a zone: --into "
			"TOPOLOGY.xml names the topology that they go into; or "
			"give the list a column \"zone\", for a new one");
}

static int read_map(struct import *m, const char *path)
{
	struct source *src = path ? source_read(m->a->arena, path, "map",
						no_place, &m->diags) : NULL;

	if (src)
		inv_map_read(m->a->arena, src, &m->map, &m->diags);
	return m->diags.n_errors ? EXIT_BAD : EXIT_OK;
}

static const char *templates_asked(struct args *a)
{
	const char *list = "";

	for (size_t i = 0; i < a->given.n; i++)
		if (!strcmp(a->given.v[i].def->name, "template"))
			list = arena_printf(a->arena, "%s%s%s", list,
					    *list ? " " : "",
					    a->given.v[i].value);
	return list;
}

/* What the hosts go into: the topology given, or one of zones alone. */
static int base_topology(struct import *m, const char *into)
{
	struct args *a = m->a;
	struct buf b = { 0 };
	const char *text;

	if (into)
		return load_plan(a, into, &m->l);
	import_skeleton(m, templates_asked(a), &b);
	/* sources point into it as long as there is anything */
	text = arena_strndup(a->arena, b.s, b.n);
	load_text(a, "imported.xml", text, b.n, &m->l);
	buf_free(&b);
	if (m->l.plan)
		return EXIT_OK;
	print_diags(&m->l.diags);
	return EXIT_BAD;
}

/* ---- what is said ---------------------------------------------------------------- */

static void say_line(const struct placed *x)
{
	unsigned line, col, end;
	struct buf b = { 0 };
	const char *name = x->host->name ? x->host->name :
		x->name ? x->name : "a host without name";

	span_position(x->host->at, &line, &col, &end);
	buf_plain(&b, name, strlen(name), 0);
	fprintf(stderr, "  %s (%s:%u): %s\n", b.s, x->host->at.src->name, line,
		x->why);
	buf_free(&b);
}

static void say_words(const struct import *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->unknown.n; i++) {
		const struct inv_word *w = m->unknown.v[i];
		struct buf b = { 0 };

		if (w->role || n++ >= SHOWN_WORDS)
			continue;
		if (n == 1)
			fprintf(stderr, "portplan import: words without a "
				"meaning here (--map gives them one):");
		buf_plain(&b, w->kind, strlen(w->kind), 0);
		buf_putc(&b, ':');
		buf_plain(&b, w->value, strlen(w->value), 0);
		fprintf(stderr, "%s \"%s\" (%zu)", n > 1 ? "," : "", b.s,
			m->n_unknown.v[i]);
		buf_free(&b);
	}
	if (n > SHOWN_WORDS)
		fprintf(stderr, " and %zu more", n - SHOWN_WORDS);
	if (n)
		fprintf(stderr, "\n");
}

/* What a list calls a role and is none: these hosts are without. */
static bool say_lost_roles(struct import *m)
{
	struct diags d;

	diags_init(&d, m->a->arena);
	for (size_t i = 0; i < m->unknown.n; i++) {
		const struct inv_word *w = m->unknown.v[i];
		size_t n = m->n_unknown.v[i];

		if (w->role)
			diag_add(&d, SEV_WARNING, w->at, "there is no role "
				 "\"%s\", listed for %zu host%s%s", w->value,
				 n, plural(n),
				 import_near_role(m, w->value));
	}
	print_diags(&d);
	return d.n;
}

static void say_unused(struct import *m)
{
	struct diags d;

	diags_init(&d, m->a->arena);
	for (size_t i = 0; i < m->map.rules.n; i++)
		if (!m->map.rules.v[i].used)
			diag_add(&d, SEV_WARNING, m->map.rules.v[i].at,
				 "no host has this word");
	print_diags(&d);
}

static void say_renamed(const struct import *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->placed.n; i++) {
		const struct placed *x = &m->placed.v[i];
		struct buf b = { 0 };

		if (!x->where || !x->host->name ||
		    !strcmp(x->host->name, x->name) || n++ >= SHOWN_WORDS)
			continue;
		buf_plain(&b, x->host->name, strlen(x->host->name), 0);
		fprintf(stderr, "portplan import: \"%s\" is written %s: a "
			"name has letters, digits, -, _ and .\n", b.s,
			x->name);
		buf_free(&b);
	}
	if (n > SHOWN_WORDS)
		fprintf(stderr, "portplan import: and %zu other names\n",
			n - SHOWN_WORDS);
}

static int say_all(struct import *m)
{
	size_t placed = 0, there = 0, left, shown = 0;
	bool lost;

	for (size_t i = 0; i < m->placed.n; i++) {
		placed += m->placed.v[i].where != NULL;
		there += m->placed.v[i].there;
	}
	left = m->placed.n - placed - there;
	say_unused(m);
	say_words(m);
	lost = say_lost_roles(m);
	say_renamed(m);
	fprintf(stderr, "portplan import: %zu host%s placed", placed,
		plural(placed));
	if (there)
		fprintf(stderr, ", %zu there already", there);
	if (left)
		fprintf(stderr, ", %zu not placed:", left);
	fprintf(stderr, "\n");
	for (size_t i = 0; i < m->placed.n && shown < SHOWN_HOSTS; i++) {
		const struct placed *x = &m->placed.v[i];

		if (x->where || x->there)
			continue;
		say_line(x);
		shown++;
	}
	if (left > shown)
		fprintf(stderr, "  and %zu more\n", left - shown);
	return left || lost ? EXIT_FINDINGS : EXIT_OK;
}

/* ---- what is written ------------------------------------------------------------- */

static int write_topology(struct import *m)
{
	bool is_new = !arg_given(m->a, "into");
	struct buf out = { 0 };
	struct loaded made;
	int code = EXIT_BAD;

	import_splice(m, &out);
	/* made points into the text, to its end */
	load_text(m->a, m->l.topo->at.src->name, out.s, out.n, &made);
	if (made.plan || (is_new && made.topo)) {
		code = put_out(m->a, &out);
	} else {
		print_diags(&made.diags);
		complain(m->a, "with these hosts the topology does not "
			 "compile: nothing was written");
	}
	buf_free(&out);
	return code;
}

/* It may hold hosts of an earlier import, or is the topology: without them,
 * what was there already would be nowhere. */
static int may_write(const struct import *m, const struct file_out *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_input(m->a, f[i].path))
			return complain(m->a, "\"%s\" is read: it will not be "
					"written over, and nothing was; say -d "
					"with another directory, and include "
					"its files as well", f[i].path);
		if (access(f[i].path, F_OK) == 0)
			return complain(m->a, "\"%s\" is there, and the "
					"topology does not include it: include "
					"it, or remove it; nothing was written",
					f[i].path);
	}
	return EXIT_OK;
}

static void say_include(const struct import *m, const struct party *where,
			const char *path)
{
	struct buf b = { 0 };

	import_element(path_from(m->a->arena, where->xml->src->name, path),
		       &b);
	fprintf(stderr, "portplan import: %s: in %s \"%s\" of %s, write %s\n",
		path, party_kind_name(where->kind), where->name,
		where->xml->src->name, b.s);
	buf_free(&b);
}

static int write_includes(struct import *m, const char *dir)
{
	const struct topology *t = m->l.topo;
	VEC(struct file_out) files = { 0 };
	VEC(const struct party *) where = { 0 };
	VEC(struct buf *) bufs = { 0 };
	int code;

	for (size_t i = 0; i < t->parties.n; i++) {
		struct buf *b = ARENA_NEW(m->a->arena, struct buf);
		bool any = false;

		for (size_t k = 0; k < m->placed.n; k++)
			any |= m->placed.v[k].where == t->parties.v[i];
		if (!any)
			continue;
		import_include(m, t->parties.v[i], b);
		vec_push(m->a->arena, &files, (struct file_out){
				.path = arena_printf(m->a->arena, "%s/%s.xml",
						dir, t->parties.v[i]->name),
				.text = b });
		vec_push(m->a->arena, &where, t->parties.v[i]);
		vec_push(m->a->arena, &bufs, b);
	}
	code = may_write(m, files.v, files.n);
	if (code == EXIT_OK)
		code = write_files(m->a, files.v, files.n);
	for (size_t i = 0; i < files.n; i++)
		buf_free(bufs.v[i]);
	for (size_t i = 0; code == EXIT_OK && i < files.n; i++)
		say_include(m, where.v[i], files.v[i].path);
	return code;
}

static int cmd_import(struct args *a)
{
	struct import *m = ARENA_NEW(a->arena, struct import);
	const char *into = arg_value(a, "into", NULL);
	const char *map = arg_value(a, "map", NULL);
	const char *dir = arg_value(a, "directory", NULL);
	int code;

	m->a = a;
	diags_init(&m->diags, a->arena);
	if (into && *templates_asked(a))
		return complain(a, "--template names the templates of a new "
				"topology: \"%s\" has its own", into);
	if (dir && !into)
		return complain(a, "-d writes files to be included: --into "
				"says where");
	code = into ? base_topology(m, into) : EXIT_OK;
	if (code == EXIT_OK)
		code = fence(m);
	if (code != EXIT_OK)
		return code;
	code = read_lists(m);
	if (code == EXIT_OK)
		code = read_map(m, map);
	if (code == EXIT_OK && !into)
		code = need_zones(m);
	if (code == EXIT_OK && !into)
		code = base_topology(m, NULL);
	if (code == EXIT_OK && !import_check_map(m))
		code = EXIT_BAD;
	print_diags(&m->diags);
	if (code != EXIT_OK)
		return code;
	import_place(m);
	code = dir ? write_includes(m, dir) : write_topology(m);
	if (code != EXIT_OK)
		return code;
	code = say_all(m);
	if (!into)
		fprintf(stderr, "portplan import: no list knows the firewalls: "
			"write them, and the zones' prefixes\n");
	return code;
}

static const struct option_def import_options[] = {
	{ 0, "into", "TOPOLOGY.xml",
	  "place the hosts in its zones and networks, by their addresses" },
	{ 'd', "directory", "DIR",
	  "write a file for each place into DIR, to be included there, not "
	  "the whole topology" },
	{ 0, "format", "FORMAT",
	  "csv, netbox, nmap or ansible; else by what the file looks like" },
	{ 0, "map", "FILE", "what the words of the inventory mean: lines "
			    "KIND:WORD = ROLE..." },
	{ OPTION_AGAIN, "template", "NAME",
	  "without --into: a template of the new "
	  "topology (repeatable)" },
	TOPOLOGY_OPTIONS,
};

const struct command command_import = {
	.name = "import",
	.run = cmd_import,
	.usage = "HOSTS... [--into TOPOLOGY.xml] [--map FILE]",
	.summary = "hosts from a spreadsheet, NetBox, nmap or Ansible",
	.description =
	"Reads lists of hosts: CSV with a line of column names (name, address; "
	"zone, roles, owner where there are), what NetBox's API answers, nmap "
	"-oX, or ansible-inventory --list. Hosts are placed in the topology's "
	"innermost network by their addresses; without --into a new topology "
	"of the zones that the list names is made. What a host is there, its "
	"tag:WORD, group:WORD, role:WORD, port:tcp/25 or COLUMN:WORD, becomes "
	"roles by the lines of --map (name:WORD is the host's name); a word that is "
	"a role's name needs none. "
	"A host that the topology has already is left alone.\n"
	"The topology with its hosts goes to standard output, and compiles, or "
	"nothing is written. What could not be placed is listed, and what the "
	"list calls a role and is none: exit code 1. With -d no file is written "
	"over.",
	OPTIONS(import_options),
	.examples =
	"  portplan import hosts.csv --into topology.xml > with-hosts.xml\n"
	"  portplan import netbox.json --into topology.xml --map roles.map "
	"-d hosts\n"
	"  portplan import scan.xml --template exchange-2003\n",
	.min_args = 1,
	.with_bundle = BUNDLE_REFUSED,
	.max_args = 1000,
};
