#include <string.h>

#include "bundle/bundle.h"
#include "cli/cmd_check.h"

/* portplan bundle: one firewall's part of the plan. */

/* The plan of all that ever is: what has not begun or has expired too. */
static const struct plan *whole_plan(struct args *a, const struct loaded *l)
{
	struct plan_options opt = { .now = l->now, .any_time = true };
	struct diags d;
	const struct plan *p;

	diags_init(&d, a->arena);
	p = plan_build(a->arena, l->topo, &opt, &d);
	if (!p)
		print_diags(&d);
	return p;
}

/* Does the part alone make the rules that the whole makes? */
static bool proven(struct args *a, const struct loaded *l,
		   const struct firewall *f, const struct buf *text)
{
	struct buf want = { 0 }, have = { 0 };
	const struct firewall *own;
	struct loaded part;
	bool same = false;

	if (load_part(a, arena_printf(a->arena, "%s.bundle.xml", f->name),
		      text->s, text->n, &part)) {
		own = topology_firewall(part.topo, f->name);
		same = own && generated_text(a, l->plan, f, &want) &&
		       generated_text(a, part.plan, own, &have) &&
		       want.n == have.n && !memcmp(want.s, have.s, want.n);
	} else {
		print_diags(&part.diags);
	}
	buf_free(&want);
	buf_free(&have);
	return same;
}

/* A part that says something else than the whole is never handed out. */
static int make(struct args *a, const struct loaded *l, const struct plan *p,
		const struct firewall *f, struct buf *text)
{
	bundle_write(p, f, NULL, text);
	if (proven(a, l, f, text))
		return EXIT_OK;
	text->n = 0;
	bundle_write(p, f, l->plan, text);
	if (proven(a, l, f, text))
		return EXIT_OK;
	return complain(a, "the part of \"%s\" alone makes other rules than "
			"the whole: this is a mistake of portplan; use the "
			"topology there", f->name);
}

static int write_all(struct args *a, struct file_out *v, size_t n,
		     const char *dir)
{
	int code = need_directory(a, dir);

	if (code == EXIT_OK)
		code = write_files(a, v, n);
	for (size_t i = 0; i < n && code == EXIT_OK; i++)
		fprintf(stderr, "%s %s\n", v[i].path,
			v[i].same ? "is as it was" : "written");
	return code;
}

/* What is expected holds for the whole, and no part can tell. */
static void say_expects(const struct loaded *l)
{
	size_t n = l->topo->expects.n;

	if (n)
		fprintf(stderr, "portplan bundle: %zu <expect> %s not in it: "
			"gen of the topology refuses a day on which one fails, "
			"gen of a bundle does not\n", n, n == 1 ? "is" : "are");
}

static int cut_out(struct args *a, const struct loaded *l,
		   const struct firewall *only, const char *dir)
{
	const struct plan *p = whole_plan(a, l);
	size_t most = l->topo->firewalls.n, n = 0;
	struct file_out *v = ARENA_ARRAY(a->arena, struct file_out, most);
	struct buf *text = ARENA_ARRAY(a->arena, struct buf, most);
	int code = p ? EXIT_OK : EXIT_BAD;

	for (size_t i = 0; i < most && code == EXIT_OK; i++) {
		const struct firewall *f = l->topo->firewalls.v[i];

		if (only ? f != only : f->unmanaged)
			continue;
		v[n].path = arena_printf(a->arena, "%s/%s.xml", dir ? dir :
					 ".", f->name);
		v[n].text = &text[n];
		code = make(a, l, p, f, &text[n++]);
	}
	if (code == EXIT_OK)
		code = dir ? write_all(a, v, n, dir) : put_out(a, &text[0]);
	for (size_t i = 0; i < n; i++)
		buf_free(&text[i]);
	return code;
}

static int cmd_bundle(struct args *a)
{
	const char *name = arg_value(a, "firewall", NULL);
	const char *dir = arg_value(a, "directory", NULL);
	const struct firewall *f = NULL;
	struct loaded l;
	int code;

	if (!name && !dir)
		return complain(a, "which firewall? --firewall NAME; or -d DIR "
				"for a file of each");
	code = load_plan(a, a->operands.v[0], &l);
	if (code != EXIT_OK)
		return code;
	if (l.topo->bundle)
		return complain(a, "\"%s\" is a bundle already, of firewall "
				"\"%s\"", a->operands.v[0], l.topo->bundle);
	if (name && !(f = need_managed(a, l.topo, name)))
		return EXIT_BAD;
	say_expects(&l);
	return cut_out(a, &l, f, dir);
}

static const struct option_def bundle_options[] = {
	{ 'f', "firewall", "NAME",
	  "this firewall only, on standard output unless -d is given" },
	{ 'd', "directory", "DIR", "write NAME.xml for each firewall into DIR" },
	TOPOLOGY_OPTIONS,
};

const struct command command_bundle = {
	.name = "bundle",
	.run = cmd_bundle,
	.usage = "TOPOLOGY.xml (--firewall NAME | -d DIR)",
	.summary = "cut out one firewall's part of the plan",
	.description =
	  "Writes what one firewall needs to know as a topology of its own, so "
	  "that an outer firewall does not hold the map of the network: the "
	  "zones, hosts, flows and exceptions of what crosses it, with their "
	  "dates. Other firewalls and zones that only lie on the way have "
	  "numbers for names. gen, apply, check, counters and the others take "
	  "it in the topology's place, and gen makes the same rules of it, byte "
	  "for byte: that is tried before it is written. No <expect> and no "
	  "<forbid> is in it: where an expectation ends with the day, gen of "
	  "the topology refuses and gen of a bundle does not, so compile the "
	  "whole for that day too (--today). A --policy names the whole "
	  "network and does not go with a bundle. A bundle that was "
	  "changed by hand is refused. It carries a hash of itself, which is "
	  "no signature.",
	OPTIONS(bundle_options),
	.examples = "  portplan bundle topology.xml --firewall outer > "
		    "outer.xml\n"
		    "  portplan gen outer.xml | nft -c -f -\n"
		    "  portplan check outer.xml --live --firewall outer\n",
	.min_args = 1,
	.max_args = 1,
};
