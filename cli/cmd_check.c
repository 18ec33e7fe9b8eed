#include <stdlib.h>
#include <string.h>

#include "check/load.h"
#include "cli/check_formats.h"
#include "cli/cmd_check.h"
#include "topology/waivers.h"

/* portplan check: do these rulesets say what the plan says? */

struct job {
	struct args *a;
	struct loaded l;
	struct waivers *waivers;
	bool *used;
	bool live;
	VEC(struct verified) out;
	VEC(struct kruleset *) loaded;
	struct check_report report;
	VEC(const char *) notes;
	bool fail[VF_KINDS];
	bool fail_given, fail_note;
	VEC(const char *) may_deny;
};

/* ---- which firewall a file is of ----------------------------------------------- */

static const char *base_name(struct args *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *s = slash ? slash + 1 : path;
	size_t n = strlen(s);

	return n > 4 && !strcmp(s + n - 4, ".nft") ?
		arena_strndup(a->arena, s, n - 4) : s;
}

static const struct firewall *firewall_of(struct job *j, const char *path)
{
	const char *name = arg_value(j->a, "firewall", NULL);
	const struct topology *t = j->l.topo;
	const struct firewall *f;

	if (name)
		return need_managed(j->a, t, name);
	if (t->firewalls.n == 1)
		return need_managed(j->a, t, t->firewalls.v[0]->name);
	f = topology_firewall(t, base_name(j->a, path));
	if (f)
		f = need_managed(j->a, t, f->name);
	else
		complain(j->a, "which firewall is \"%s\" of? Its base name is "
			 "none; say --firewall NAME", path);
	return f;
}

/* ---- one ruleset --------------------------------------------------------------------- */

static bool is_generated(struct job *j, const struct firewall *f,
			 const char *path)
{
	struct buf want = { 0 }, have = { 0 };
	char tmp[65536];
	FILE *in = fopen(path, "re");
	size_t n;
	bool same;

	if (!in || !generated_text(j->a, j->l.plan, f, &want)) {
		if (in)
			fclose(in);
		buf_free(&want);
		return false;
	}
	while ((n = fread(tmp, 1, sizeof(tmp), in)) > 0)
		buf_put(&have, tmp, n);
	fclose(in);
	same = want.n == have.n && !memcmp(want.s, have.s, want.n);
	buf_free(&want);
	buf_free(&have);
	return same;
}

static struct kruleset *load(struct job *j, const char *path,
			     const struct firewall *f, struct buf *err)
{
	size_t n;
	const char **names = check_interface_names(j->a->arena, f, &n);
	struct kruleset *rs = path ?
		check_load_file(j->a->arena, path, names, n, err) :
		check_load_live(j->a->arena, err);

	if (rs)
		vec_push(j->a->arena, &j->loaded, rs);
	return rs;
}

static int load_trouble(struct job *j, const char *path, struct buf *err)
{
	bool compat = err->s && strstr(err->s, "xtables compat");
	bool refused = err->s && strstr(err->s, "nft refuses it");

	if (err->n)
		fwrite(err->s, 1, err->n, stderr);
	buf_free(err);
	if (compat) {
		complain(j->a, "\"%s\" holds rules of iptables-nft, which no "
			 "file can carry: nothing is said of it. Judge it with "
			 "--live on the firewall", path);
		return EXIT_UNDECIDED;
	}
	return complain(j->a, refused ? "\"%s\" was not loaded" :
			"\"%s\" was not loaded: nft must be installed and "
			"user namespaces allowed; where they are not, only a "
			"file as gen writes it can be judged, or --live on the "
			"firewall", path ? path : "live");
}

static int check_one(struct job *j, const char *path)
{
	const struct firewall *f = path ? firewall_of(j, path) :
		need_managed(j->a, j->l.topo, arg_value(j->a, "firewall", ""));
	const char *old = arg_value(j->a, "against", NULL);
	struct verify_options opt = { .waivers = j->waivers, .used = j->used,
				      .baseline = arg_given(j->a,
							"write-baseline"),
				      .may_deny = j->may_deny.v,
				      .n_may_deny = j->may_deny.n };
	struct verified v = { .file = path ? path : "the running kernel" };
	struct kruleset *rs;
	struct buf err = { 0 };

	if (!f)
		return EXIT_BAD;
	v.firewall = f;
	v.by_construction = path && is_generated(j, f, path);
	rs = load(j, path, f, &err);
	if (!rs && v.by_construction) {
		/* what gen writes needs no kernel to be believed */
		buf_free(&err);
		v.not_judged = "output chains; traffic inside zones; the file "
			       "is what gen writes and was not loaded";
		vec_push(j->a->arena, &j->out, v);
		return EXIT_OK;
	}
	if (!rs)
		return load_trouble(j, path, &err);
	if (old) {
		opt.old = load(j, old, f, &err);
		if (!opt.old)
			return load_trouble(j, old, &err);
	}
	verify_firewall(j->a->arena, j->l.plan, f, rs, &opt, &v);
	vec_push(j->a->arena, &j->out, v);
	return EXIT_OK;
}

/* ---- waivers ----------------------------------------------------------------------- */

static int read_waivers(struct job *j)
{
	const char *path = arg_value(j->a, "waivers", NULL);
	struct diags d;

	if (!path)
		return EXIT_OK;
	diags_init(&d, j->a->arena);
	j->waivers = waivers_read(j->a->arena, j->l.topo, path, &d);
	print_diags(&d);
	if (!j->waivers)
		return EXIT_BAD;
	j->used = ARENA_ARRAY(j->a->arena, bool, j->waivers->list.n);
	return EXIT_OK;
}

static const char *waiver_place(struct job *j, const struct waiver *w)
{
	unsigned line, col, end;

	span_position(w->at, &line, &col, &end);
	return arena_printf(j->a->arena, "%s:%u", w->at.src->name, line);
}

static bool judged_here(const struct job *j, const struct waiver *w)
{
	for (size_t i = 0; i < j->out.n; i++)
		if (!w->firewall ||
		    !strcmp(w->firewall, j->out.v[i].firewall->name))
			return true;
	return false;
}

/* Expired, matching nothing, and without any limit: each is a finding. */
static void note_waivers(struct job *j)
{
	for (size_t i = 0; j->waivers && i < j->waivers->list.n; i++) {
		const struct waiver *w = j->waivers->list.v[i];
		const char *at = waiver_place(j, w), *what = NULL;

		if (strcmp(w->kind, "extra") && strcmp(w->kind, "missing"))
			continue; /* of audit */
		if (j->l.now >= w->expires.t)
			what = arena_printf(j->a->arena, "%s: expired on %s",
					    at, w->expires.text);
		else if (w->any_from && w->any_to && w->any_packets)
			what = arena_printf(j->a->arena, "%s: waives "
					    "everything: say from, to or "
					    "packets", at);
		else if (!j->used[i] && judged_here(j, w))
			what = arena_printf(j->a->arena, "%s: matches nothing "
					    "any more", at);
		if (what)
			vec_push(j->a->arena, &j->notes, what);
	}
}

static const char *xml_text(struct args *a, const char *s)
{
	struct buf b = { 0 };
	const char *out;

	for (; *s; s++) {
		if (*s == '-' && s[1] == '-')
			buf_puts(&b, "-&#45;"), s++;
		else if (*s == '<' || *s == '&' || *s == '"')
			buf_printf(&b, "&#%d;", *s);
		else
			buf_putc(&b, (unsigned char)*s < 0x20 ? ' ' : *s);
	}
	out = arena_strdup(a->arena, b.s ? b.s : "");
	buf_free(&b);
	return out;
}

/* Every finding as it is now, to be accepted for thirty days: exactly that, and
 * what a waiver cannot say exactly is named and stays a finding. */
static void put_waives(struct job *j, const struct verified *v,
		       const struct vf_finding *f, const char *day,
		       struct buf *b)
{
	for (size_t i = 0; i < f->waive.n; i++)
		buf_printf(b, "  <waive kind=\"%s\" firewall=\"%s\" %s\n"
			   "         reason=\"baseline, unreviewed\" "
			   "owner=\"nobody yet\" expires=\"%s\"/>\n",
			   vf_kind_name[f->kind], v->firewall->name,
			   f->waive.v[i], day);
	if (!f->opening || f->kind == VF_UNDECIDED)
		buf_printf(b, "  <!-- not waived, %s %s: %s -->\n",
			   vf_kind_name[f->kind], f->fingerprint,
			   xml_text(j->a, f->n_box ? f->box[0] : f->packet));
	for (size_t i = 0; i < f->unsaid.n; i++)
		buf_printf(b, "  <!-- not waived, %s %s: %s -->\n",
			   vf_kind_name[f->kind], f->fingerprint,
			   xml_text(j->a, f->unsaid.v[i]));
}

static int write_baseline(struct job *j, const char *path)
{
	struct buf b = { 0 };
	char day[16];
	int code;

	date_text(j->l.now + 30 * 86400, day);
	buf_puts(&b, "<waivers xmlns=\"urn:portplan:1\">\n");
	for (size_t i = 0; i < j->out.n; i++)
		for (size_t k = 0; k < j->out.v[i].findings.n; k++)
			put_waives(j, &j->out.v[i],
				   &j->out.v[i].findings.v[k], day, &b);
	buf_puts(&b, "</waivers>\n");
	code = write_file(j->a, path, &b);
	buf_free(&b);
	return code;
}

/* ---- the whole ------------------------------------------------------------------------ */

static int read_fail_on(struct job *j)
{
	const char *s = arg_value(j->a, "fail-on", NULL);
	char *copy, *save = NULL;

	j->fail[VF_EXTRA] = j->fail[VF_MISSING] = !s;
	j->fail_given = s;
	if (!s)
		return EXIT_OK;
	copy = arena_strdup(j->a->arena, s);
	for (char *w = strtok_r(copy, ",", &save); w;
	     w = strtok_r(NULL, ",", &save)) {
		int k = 0;

		if (!strcmp(w, "note")) {
			j->fail_note = true;
			continue;
		}
		while (k < VF_KINDS && strcmp(vf_kind_name[k], w))
			k++;
		if (k == VF_KINDS)
			return complain(j->a, "--fail-on \"%s\": extra, "
					"missing, undecided, note%s", w,
					did_you_mean(j->a->arena, w,
						     vf_kind_name, VF_KINDS));
		j->fail[k] = true;
	}
	return EXIT_OK;
}

static int verdict(const struct job *j)
{
	bool undecided = false;

	for (size_t i = 0; i < j->out.n; i++)
		for (int k = 0; k < VF_KINDS; k++) {
			if (j->out.v[i].count[k] && j->fail[k])
				return EXIT_FINDINGS;
			undecided |= k == VF_UNDECIDED &&
				     j->out.v[i].count[k];
		}
	for (size_t i = 0; i < j->out.n && j->fail_note; i++)
		if (j->out.v[i].notes.n)
			return EXIT_FINDINGS;
	if (j->notes.n)
		return EXIT_FINDINGS;
	return undecided && !j->fail_given ? EXIT_UNDECIDED : EXIT_OK;
}

static void list_unjudged(struct job *j)
{
	VEC(const char *) names = { 0 };

	for (size_t i = 0; i < j->l.topo->firewalls.n; i++) {
		const struct firewall *f = j->l.topo->firewalls.v[i];
		bool done = false;

		for (size_t k = 0; k < j->out.n; k++)
			done |= j->out.v[k].firewall == f;
		if (!done && !f->unmanaged)
			vec_push(j->a->arena, &names, f->name);
	}
	j->report.unjudged = names.v;
	j->report.n_unjudged = names.n;
}

static int make_output(struct job *j, const char *spec, struct output *out)
{
	size_t n = strcspn(spec, "=");
	const char *names[16];
	const char *name = arena_strndup(j->a->arena, spec, n);

	out->path = spec[n] ? spec + n + 1 : NULL;
	for (size_t i = 0; i < n_check_formats; i++) {
		names[i] = check_formats[i].name;
		if (strcmp(names[i], name))
			continue;
		check_formats[i].write(&j->report, &out->text);
		return EXIT_OK;
	}
	return complain(j->a, "there is no format \"%s\"%s (legal: text, json, "
			"sarif, junit, github, markdown)", name,
			did_you_mean(j->a->arena, name, names,
				     n_check_formats));
}

/* "Equals the plan" must not hide what was waived, nor what has no ruleset. */
static void say_waived(struct job *j)
{
	const struct topology *t = j->l.topo;
	struct buf b = { 0 };
	size_t n = 0;

	for (size_t i = 0; j->waivers && i < j->waivers->list.n; i++)
		n += j->used[i];
	if (n)
		buf_printf(&b, "waived: what %zu of %zu waivers say", n,
			   j->waivers->list.n);
	for (size_t i = 0; i < t->firewalls.n; i++)
		if (t->firewalls.v[i]->unmanaged)
			buf_printf(&b, "%snot judged: firewall %s (another "
				   "product, managed=\"no\")",
				   b.n ? "\n" : "", t->firewalls.v[i]->name);
	if (b.n)
		j->report.note = arena_strdup(j->a->arena, b.s);
	buf_free(&b);
}

static int write_all(struct job *j)
{
	struct output *v = ARENA_ARRAY(j->a->arena, struct output,
				       j->a->given.n + 1);
	int code = EXIT_OK;
	size_t n = 0;

	j->report.topology = j->a->operands.v[0];
	j->report.v = j->out.v;
	j->report.n = j->out.n;
	j->report.waiver_notes = j->notes.v;
	j->report.n_waiver_notes = j->notes.n;
	list_unjudged(j);
	say_waived(j);
	for (size_t i = 0; i < j->a->given.n && code == EXIT_OK; i++)
		if (!strcmp(j->a->given.v[i].def->name, "output"))
			code = make_output(j, j->a->given.v[i].value, &v[n++]);
	if (!n)
		code = make_output(j, "text", &v[n++]);
	return code == EXIT_OK ? write_outputs(j->a, v, n) : code;
}

static int run(struct job *j)
{
	int code = read_fail_on(j);

	if (code == EXIT_OK)
		code = load_plan(j->a, j->a->operands.v[0], &j->l);
	if (code == EXIT_OK)
		code = read_waivers(j);
	if (code == EXIT_OK && j->live)
		code = check_one(j, NULL);
	for (size_t i = 1; i < j->a->operands.n && code == EXIT_OK; i++)
		code = check_one(j, j->a->operands.v[i]);
	if (code != EXIT_OK)
		return code;
	note_waivers(j);
	code = write_all(j);
	if (code == EXIT_OK && arg_given(j->a, "write-baseline"))
		code = write_baseline(j, arg_value(j->a, "write-baseline",
						   NULL));
	return code == EXIT_OK ? verdict(j) : code;
}

static int cmd_check(struct args *a)
{
	struct job j = { .a = a, .live = arg_given(a, "live") };
	int code;

	for (size_t i = 0; i < a->given.n; i++)
		if (!strcmp(a->given.v[i].def->name, "may-deny"))
			vec_push(a->arena, &j.may_deny, a->given.v[i].value);
	if (!j.live && a->operands.n < 2)
		return complain(a, "which ruleset? FILE.nft…, or --live");
	if (j.live && (a->operands.n > 1 || !arg_given(a, "firewall")))
		return complain(a, "--live takes no files and needs "
				"--firewall NAME");
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
	{ 0, "live", NULL, "judge the running kernel of this machine: all "
			   "tables together" },
	{ 0, "against", "OLD.nft",
	  "tell what the change brought from what was so before" },
	{ 0, "waivers", "FILE", "findings that are accepted for a time" },
	{ 0, "write-baseline", "FILE",
	  "write waivers for what was found, for thirty days, to be reviewed" },
	{ 0, "may-deny", "TABLE",
	  "a table of others that may drop more than planned, fail2ban's for "
	  "example (repeatable)" },
	{ 0, "fail-on", "KINDS",
	  "extra, missing, undecided, note: exit 1 for these only (default: "
	  "extra,missing)" },
	{ 'o', "output", "FORMAT[=FILE]",
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
	  "replies pass; nothing else passes in any other state. What is not "
	  "modelled is reported as undecided, never skipped.\n"
	  "Exit code 0 equal, 1 findings, 2 trouble, 3 undecided.",
	OPTIONS(check_options),
	.examples = "  portplan check topology.xml rules/inner.nft "
		      "rules/outer.nft\n"
		      "  portplan check topology.xml --firewall inner --live\n"
		      "  portplan check topology.xml inner.nft "
		      "--against before.nft -o github\n",
	.min_args = 1,
	.max_args = 1000,
};
