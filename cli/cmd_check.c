#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/plain.h"
#include "cli/check_input.h"
#include "cli/check_waivers.h"
#include "cli/machine.h"

/* portplan check: do these rulesets say what the plan says? */

struct job {
	struct args *a;
	struct loaded l;
	const struct plan *once; /* with exceptions of any time, or NULL */
	struct waivers *waivers;
	bool *used;
	bool live;
	VEC(struct verified) out;
	VEC(struct kruleset *) loaded;
	struct check_report report;
	bool fail[VF_KINDS];
	bool fail_given, fail_note, fail_aside[TOPICS];
	struct machine_report machine;
	VEC(const char *) may_deny;
};

/* ---- one ruleset --------------------------------------------------------------------- */

/* What gen writes; NULL if it cannot. */
static const char *generate(struct job *j, const struct firewall *f)
{
	struct buf b = { 0 };
	const char *s = generated_text(j->a, j->l.plan, f, &b) ?
		arena_strdup(j->a->arena, b.s) : NULL;

	buf_free(&b);
	return s;
}

static struct kruleset *kept(struct job *j, struct kruleset *rs)
{
	if (rs)
		vec_push(j->a->arena, &j->loaded, rs);
	return rs;
}

static struct kruleset *load(struct job *j, struct rules_file *file,
			     const struct firewall *f, int *code)
{
	size_t n;
	const char **names = check_interface_names(j->a->arena, f, &n);

	return kept(j, rules_file_load(j->a, file, names, n, code));
}

static struct kruleset *load_live(struct job *j, int *code)
{
	struct buf err = { 0 };
	struct kruleset *rs = kept(j, check_load_live(j->a->arena, &err));

	*code = EXIT_OK;
	if (!rs && err.n)
		fwrite(err.s, 1, err.n, stderr);
	if (!rs)
		*code = complain(j->a, "the running kernel's rules cannot be "
				 "read: that takes root (CAP_NET_ADMIN)");
	buf_free(&err);
	return rs;
}

/* What passes is what all tables of a firewall let pass together. */
static int refuse_second(struct job *j, const struct firewall *f,
			 const char *name)
{
	for (size_t i = 0; i < j->out.n; i++)
		if (j->out.v[i].firewall == f)
			return complain(j->a, "two files of firewall \"%s\", "
					"\"%s\" and \"%s\": its tables are "
					"judged together, so write a file that "
					"includes both", f->name,
					j->out.v[i].file, name);
	return EXIT_OK;
}

static const char *gen_command(const struct job *j, const struct firewall *f)
{
	struct buf b = { 0 };

	buf_printf(&b, "portplan %s ", j->live ? "apply" : "gen");
	buf_shell(&b, j->a->operands.v[0]);
	buf_puts(&b, " --firewall ");
	buf_shell(&b, f->name);
	if (!j->live)
		buf_puts(&b, " | nft -f -");
	return buf_take(j->a->arena, &b);
}

static struct verify_options options_of(struct job *j, const struct firewall *f,
					const struct rules_file *file)
{
	bool words = arg_given(j->a, "write-baseline") ||
		     arg_given(j->a, "propose");

	return (struct verify_options){
		.file = file ? file->path : NULL,
		.once = j->once,
		.generated = generate(j, f),
		.gen_command = gen_command(j, f),
		/* a part is not changed where it is */
		.replan = j->l.topo->bundle ? NULL :
					      check_replan(j->a, &j->l),
		.waivers = j->waivers, .used = j->used, .baseline = words,
		.may_deny = j->may_deny.v, .n_may_deny = j->may_deny.n,
	};
}

static int judge(struct job *j, struct kruleset *rs,
		 struct verify_options *opt, struct verified *v)
{
	const char *old = arg_value(j->a, "against", NULL);
	struct rules_file file;
	int code = EXIT_OK;

	if (old && !rules_file_open(j->a, old, &file))
		return EXIT_BAD;
	if (old)
		opt->old = load(j, &file, v->firewall, &code);
	if (code != EXIT_OK)
		return code;
	verify_firewall(j->a->arena, j->l.plan, v->firewall, rs, opt, v);
	vec_push(j->a->arena, &j->out, *v);
	return EXIT_OK;
}

static int check_live(struct job *j)
{
	const struct firewall *f = need_managed(j->a, j->l.topo,
					arg_value(j->a, "firewall", ""));
	struct verified v = { .firewall = f, .file = "the running kernel" };
	struct verify_options opt;
	struct kruleset *rs;
	int code;

	if (!f)
		return EXIT_BAD;
	opt = options_of(j, f, NULL);
	rs = load_live(j, &code);
	opt.live = true;
	opt.file = rs ? rs->copy : NULL;
	if (rs)
		code = judge(j, rs, &opt, &v);
	if (rs && code == EXIT_OK)
		code = machine_check(j->a, j->l.plan, f, &j->machine);
	return code;
}

/* Anything may pass there, and anything be blocked: told as what is undecided
 * elsewhere, so that every format has it, and the other files are judged. */
static int leave_undecided(struct job *j, const struct rules_file *file,
			   struct verified *v)
{
	struct vf_finding x = {
		.kind = VF_UNDECIDED, .opening = true, .path = PATH_FORWARD,
		.size = "all", .cubes = { .more = true }, .packet = "any", .probe = "",
		.kernel_why = "the file does not load back",
		.from = "any", .to = "any", .service = "any",
		.rule = "", .path_text = "",
		.why = arena_printf(j->a->arena, "the file %s", file->unread),
	};

	x.box = ARENA_NEW(j->a->arena, const char *);
	x.box[x.n_box++] = "any to any: any protocol";
	snprintf(x.fingerprint, sizeof(x.fingerprint), "%016llx",
		 (unsigned long long)hash_mix(hash_str(
			hash_str(HASH_INIT, v->firewall->name), x.why)));
	vec_push(j->a->arena, &v->findings, x);
	v->count[VF_UNDECIDED]++;
	v->not_judged = "everything: the file was not loaded";
	vec_push(j->a->arena, &j->out, *v);
	j->report.unread = true;
	return EXIT_OK;
}

static int check_file(struct job *j, const char *name)
{
	struct verified v = { .firewall = NULL };
	struct verify_options opt;
	struct rules_file file;
	struct kruleset *rs;
	int code;

	if (!rules_file_open(j->a, name, &file))
		return EXIT_BAD;
	v.file = file.said;
	v.firewall = rules_file_firewall(j->a, j->l.topo, &file);
	if (!v.firewall || refuse_second(j, v.firewall, file.said) != EXIT_OK)
		return EXIT_BAD;
	opt = options_of(j, v.firewall, &file);
	v.by_construction = opt.generated &&
		rules_file_holds(&file, opt.generated);
	rs = load(j, &file, v.firewall, v.by_construction ? NULL : &code);
	if (rs)
		return judge(j, rs, &opt, &v);
	if (!v.by_construction)
		return file.unread ? leave_undecided(j, &file, &v) : code;
	/* what gen writes needs no kernel to be believed */
	v.not_judged = "output chains; traffic inside zones; the file is what "
		       "gen writes and was not loaded";
	vec_push(j->a->arena, &j->out, v);
	return EXIT_OK;
}

/* ---- the whole ------------------------------------------------------------------------ */

enum { FAIL_NOTE = VF_KINDS, FAIL_ASIDE, FAILS = FAIL_ASIDE + TOPICS };

static bool *fails(struct job *j, int k)
{
	return k >= FAIL_ASIDE ? &j->fail_aside[k - FAIL_ASIDE] :
		k == FAIL_NOTE ? &j->fail_note : &j->fail[k];
}

static int read_fail_on(struct job *j)
{
	const char *s = arg_value(j->a, "fail-on", NULL);
	const char *name[FAILS] = { [FAIL_NOTE] = "note" };
	char *copy, *save = NULL;
	bool any = false;

	for (int k = 0; k < VF_KINDS; k++)
		name[k] = vf_kind_name[k];
	for (int t = 0; t < TOPICS; t++) {
		name[FAIL_ASIDE + t] = check_topics[t].name;
		j->fail_aside[t] = !s && (t == TOPIC_WAIVER ||
					  t == TOPIC_MACHINE);
	}
	j->fail[VF_EXTRA] = j->fail[VF_MISSING] = !s;
	j->fail_given = s;
	if (!s)
		return EXIT_OK;
	copy = arena_strdup(j->a->arena, s);
	for (char *w = strtok_r(copy, ", ", &save); w;
	     w = strtok_r(NULL, ", ", &save)) {
		int k = 0;

		while (k < FAILS && strcmp(name[k], w))
			k++;
		if (k == FAILS)
			return complain(j->a, "--fail-on \"%s\": extra, "
					"missing, undecided, note, waiver, "
					"machine, expired, expiring%s", w,
					did_you_mean(j->a->arena, w, name,
						     FAILS));
		*fails(j, k) = any = true;
	}
	if (!any) /* a variable that is not set would let all pass */
		return complain(j->a, "--fail-on \"%s\" names no kind: leave "
				"it out for extra,missing,waiver,machine", s);
	return EXIT_OK;
}

/* Time alone fails nobody who did not ask for it. */
static size_t failing(const struct verified *v, int k)
{
	return v->count[k] - (k == VF_EXTRA ? v->n_expired : 0);
}

static int verdict(const struct job *j)
{
	bool undecided = false;

	for (size_t i = 0; i < j->out.n; i++)
		for (int k = 0; k < VF_KINDS; k++) {
			if (failing(&j->out.v[i], k) && j->fail[k])
				return EXIT_FINDINGS;
			undecided |= k == VF_UNDECIDED &&
				     j->out.v[i].count[k];
		}
	for (size_t i = 0; i < j->out.n && j->fail_note; i++)
		if (j->out.v[i].notes.n)
			return EXIT_FINDINGS;
	for (enum check_topic t = 0; t < TOPICS; t++)
		if (j->fail_aside[t] && check_count(&j->report, t))
			return EXIT_FINDINGS;
	/* a file of which nothing is known is no clean one, whatever fails */
	return undecided && (!j->fail_given || j->report.unread) ?
		EXIT_UNDECIDED : EXIT_OK;
}

static void list_unjudged(struct job *j)
{
	VEC(const char *) line = { 0 };

	for (size_t k = 0; k < j->out.n; k++)
		vec_push(j->a->arena, &line,
			 arena_printf(j->a->arena, " at %s: %s",
				      j->out.v[k].firewall->name,
				      j->out.v[k].not_judged));
	for (size_t i = 0; i < j->l.topo->firewalls.n; i++) {
		const struct firewall *f = j->l.topo->firewalls.v[i];
		bool done = false;

		for (size_t k = 0; k < j->out.n; k++)
			done |= j->out.v[k].firewall == f;
		if (!done)
			vec_push(j->a->arena, &line,
				 arena_printf(j->a->arena, ": firewall %s (%s)",
					      f->name, f->unmanaged ?
					      "another product, managed=\"no\"" :
					      "no file for it"));
	}
	for (size_t i = 0; i < j->machine.unjudged.n; i++)
		vec_push(j->a->arena, &line,
			 arena_printf(j->a->arena, " of the machine: %s",
				      j->machine.unjudged.v[i].text));
	j->report.unjudged = line.v;
	j->report.n_unjudged = line.n;
}

static int write_format(const void *ctx, struct args *a, size_t i,
			struct output *out)
{
	(void)a;
	check_formats[i].write(ctx, &out->text);
	return EXIT_OK;
}

/* "Equals the plan" must not hide what was waived. */
static void say_waived(struct job *j)
{
	size_t n = 0;

	for (size_t i = 0; j->waivers && i < j->waivers->list.n; i++)
		n += j->used[i];
	if (n)
		j->report.note = arena_printf(j->a->arena, "waived: what %zu "
					      "of %zu waiver%s say%s", n,
					      j->waivers->list.n,
					      plural(j->waivers->list.n),
					      j->waivers->list.n == 1 ? "s" :
									"");
}

static void report_machine(struct job *j)
{
	for (size_t i = 0; i < j->machine.findings.n; i++) {
		const struct machine_finding *f = &j->machine.findings.v[i];
		struct check_aside x = {
			.topic = TOPIC_MACHINE,
			.kind = machine_kind_name[f->kind],
			.text = f->text, .file = f->at.src->name,
		};
		unsigned col, end;

		span_position(f->at, &x.line, &col, &end);
		memcpy(x.fingerprint, f->fingerprint, sizeof(x.fingerprint));
		vec_push(j->a->arena, &j->report.aside, x);
	}
}

static int write_all(struct job *j)
{
	const char *names[MOST_FORMATS];
	struct writers w = { names, n_check_formats, write_format,
			     &j->report };

	j->report.topology = j->a->operands.v[0];
	j->report.v = j->out.v;
	j->report.n = j->out.n;
	j->report.compared = arg_given(j->a, "against");
	check_judge_waivers(j->a, j->waivers, j->used, j->l.now, &j->report);
	report_machine(j);
	check_judge_expiry(j->a, &j->l, &j->report);
	list_unjudged(j);
	say_waived(j);
	for (size_t i = 0; i < n_check_formats; i++)
		names[i] = check_formats[i].name;
	return write_formats(j->a, &w);
}

static int run(struct job *j)
{
	int code = read_fail_on(j);

	if (code == EXIT_OK)
		code = load_plan(j->a, j->a->operands.v[0], &j->l);
	if (code == EXIT_OK)
		code = check_read_waivers(j->a, j->l.topo, &j->waivers);
	if (code == EXIT_OK)
		j->once = check_once(j->a, &j->l);
	if (code == EXIT_OK && j->waivers)
		j->used = ARENA_ARRAY(j->a->arena, bool, j->waivers->list.n);
	if (code == EXIT_OK && j->live)
		code = check_live(j);
	for (size_t i = 1; i < j->a->operands.n && code == EXIT_OK; i++)
		code = check_file(j, j->a->operands.v[i]);
	if (code != EXIT_OK)
		return code;
	code = outputs_ready(j->a);
	if (code == EXIT_OK)
		code = write_all(j);
	if (code == EXIT_OK && arg_given(j->a, "write-baseline"))
		code = check_write_baseline(j->a, &j->report, j->l.now,
					    arg_value(j->a, "write-baseline",
						      NULL));
	if (code == EXIT_OK && arg_given(j->a, "propose"))
		code = check_write_proposal(j->a, &j->report, &j->l,
					    arg_value(j->a, "propose", NULL));
	if (code == EXIT_OK && arg_given(j->a, "facts"))
		code = machine_write_facts(j->a, arg_value(j->a, "facts",
							   NULL));
	return code == EXIT_OK ? verdict(j) : code;
}

/* "check rules.nft topology.xml" */
static bool wrong_order(const struct args *a)
{
	const char *first = a->operands.v[0];
	size_t n = strlen(first);

	return a->operands.n > 1 && n > 4 && !strcmp(first + n - 4, ".nft");
}

static int cmd_check(struct args *a)
{
	static const char *const live_only[] = { "connections", "peer",
						 "facts" };
	struct job j = { .a = a, .live = arg_given(a, "live") };
	int code;

	for (size_t i = 0; i < a->given.n; i++)
		if (!strcmp(a->given.v[i].def->name, "may-deny"))
			vec_push(a->arena, &j.may_deny, a->given.v[i].value);
	if (wrong_order(a))
		return complain(a, "the topology comes first, then rulesets: "
				"\"%s\" is a ruleset", a->operands.v[0]);
	if (!j.live && a->operands.n < 2)
		return complain(a, "which ruleset? FILE.nft..., - for "
				"standard input, or --live");
	if (j.live && (a->operands.n > 1 || !arg_given(a, "firewall")))
		return complain(a, "--live takes no files and needs "
				"--firewall NAME");
	for (size_t i = 0; i < COUNT_OF(live_only); i++)
		if (!j.live && arg_given(a, live_only[i]))
			return complain(a, "--%s goes with --live",
					live_only[i]);
	if (a->operands.n > 2 && (arg_given(a, "firewall") ||
				  arg_given(a, "against")))
		return complain(a, "--firewall and --against go with one file");
	code = run(&j);
	for (size_t i = 0; i < j.loaded.n; i++)
		check_unload(j.loaded.v[i]);
	return code;
}

static const struct option_def check_options[] = {
	{ 'f', "firewall", "NAME", "the file is this firewall's" },
	{ 0, "live", NULL, "judge the running kernel of this machine, all "
			   "tables together; and the machine: its "
			   "interfaces, addresses, routes, forwarding and "
			   "connection table" },
	MACHINE_OPTIONS,
	{ OPTION_WRITES, "facts", "FILE",
	  "write what the other node's --peer takes" },
	{ 0, "against", "OLD.nft",
	  "tell what the change brought from what was so before" },
	{ 0, "waivers", "FILE", "findings that are accepted for a time" },
	{ OPTION_WRITES, "write-baseline", "FILE",
	  "write waivers for what was found, for thirty days, to be reviewed" },
	{ OPTION_WRITES, "propose", "FILE",
	  "write allow elements for what the rulesets permit beyond the plan, "
	  "for thirty days, to be included and reviewed" },
	{ OPTION_AGAIN, "may-deny", "TABLE",
	  "a table of others that may drop more than planned, fail2ban's for "
	  "example (repeatable)" },
	{ 0, "fail-on", "KINDS",
	  "extra, missing, undecided, waiver, machine, expired, expiring, "
	  "note: exit 1 for these only (default: "
	  "extra,missing,waiver,machine)" },
	{ 'o' | OPTION_AGAIN | OPTION_WRITES, "output", "FORMAT[=FILE]",
	  "text (default), json, sarif, junit, github or markdown; to FILE if "
	  "given (repeatable)" },
	TOPOLOGY_OPTIONS,
};

const struct command command_check = {
	.name = "check",
	.run = cmd_check,
	.usage = "TOPOLOGY.xml RULES.nft...",
	.summary = "prove that rulesets equal the plan, or show the packet",
	.description =
	  "Loads each ruleset into a private network namespace with the real "
	  "nft (no root is needed where user namespaces are allowed), reads "
	  "the kernel's bytecode back, and compares what it lets through with "
	  "the plan for that firewall: every packet, not a sample. A file "
	  "belongs to the firewall of its base name. Judged are connections: "
	  "what may open equals the plan, with interfaces and spoofing; "
	  "replies pass; nothing else passes in any other state. With --live "
	  "the machine too is held against the topology: interfaces and "
	  "addresses, routes against zones, forwarding, room for connections. "
	  "What is not "
	  "modelled is reported as undecided, never skipped. Each finding has a "
	  "packet that the kernel was sent, its way through the chains, and "
	  "repairs that were tried in another private namespace, or on the "
	  "topology in memory, and judged again.\n"
	  "Exit code 0 equal, or all that differs is waived, 1 findings, "
	  "2 trouble, 3 undecided.",
	OPTIONS(check_options),
	.examples = "  portplan check topology.xml rules/inner.nft "
		      "rules/outer.nft\n"
		      "  portplan check topology.xml --firewall inner --live\n"
		      "  portplan check topology.xml inner.nft "
		      "--against before.nft -o github\n"
		      "  ssh fw nft list ruleset | portplan check topology.xml "
		      "--firewall inner -\n"
		      "  portplan check topology.xml old.nft --firewall inner "
		      "--propose observed.xml\n",
	.min_args = 1,
	.max_args = 1000,
};
