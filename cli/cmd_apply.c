#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply/grace.h"
#include "apply/known.h"
#include "cli/apply.h"
#include "cli/cmd_gen.h"
#include "cli/machine.h"

/* portplan apply: a transaction with the kernel that cannot lock you out. */

enum {
	CONFIRM_SSH = 60,	/* seconds, where it was started over SSH */
	CONFIRM_MOST = 86400,
	/* Reading a set takes the kernel the square of its size: larger sets
	 * are not compared. */
	COMPARE_MOST = 150000,
	TOLD_MOST = 20000, /* elements */
};

struct job {
	struct args *a;
	struct loaded l;
	const struct firewall *f;
	struct rules *rules;
	struct rules_size size;
	struct site site;
	struct way way;
	struct buf summary;
	bool opens, closes;
	bool unlike; /* this machine is not as the topology says */
	struct model *have, *want; /* NULL: not compared */
	bool known; /* have: by known_read() */
	struct running runs;
};

static int read_confirm(struct job *j)
{
	const char *s = arg_value(j->a, "confirm", NULL);
	char *end;
	unsigned long v;

	j->way.seconds = *ssh_connection() ? CONFIRM_SSH : 0;
	if (!s)
		return EXIT_OK;
	v = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || v > CONFIRM_MOST)
		return complain(j->a, "--confirm \"%s\": seconds, at most %d; 0 "
				"is without", s, CONFIRM_MOST);
	j->way.seconds = (unsigned)v;
	return EXIT_OK;
}

static int read_grace(struct job *j)
{
	const char *s = arg_value(j->a, "grace", NULL);
	unsigned long v = 0;
	char *unit = NULL;

	if (!s)
		return EXIT_OK;
	if (*s >= '0' && *s <= '9')
		v = strtoul(s, &unit, 10);
	if (unit && v <= GRACE_MOST)
		v *= !strcmp(unit, "h") ? 3600 : !strcmp(unit, "m") ? 60 :
		     !*unit || !strcmp(unit, "s") ? 1 : 0;
	if (!v || v > GRACE_MOST)
		return complain(j->a, "--grace \"%s\": a time like 90s, 30m or "
				"1h, at most 24h", s);
	j->way.grace = (unsigned)v;
	return EXIT_OK;
}

static const char *now_text(const struct job *j, int64_t now)
{
	time_t t = (time_t)now;
	struct tm tm;
	char s[32];

	gmtime_r(&t, &tm);
	strftime(s, sizeof(s), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(j->a->arena, s);
}

/* ---- what runs, and what would ----------------------------------------------------- */

static bool same_rules(const struct job *j)
{
	return j->have && j->want && j->have->there && !j->have->bad &&
	       j->site.g.running == 1 &&
	       model_hash(j->have) == model_hash(j->want);
}

/* Of the kernel all that its elements need not be asked for, where that will
 * do. */
static bool read_running(struct job *j)
{
	struct site *s = &j->site;

	j->runs.slot = generations_running(&s->g);
	if (j->runs.slot < 0) {
		j->have = model_new(j->a->arena, s->table);
		return true;
	}
	if (s->g.running == 1)
		j->have = known_read(j->a->arena, &s->state, &s->nft, s->table,
				     j->runs.slot, &j->runs.elements);
	j->known = j->have != NULL;
	if (!j->known)
		j->have = model_read_keeping(j->a->arena, &s->nft, s->table,
					     j->runs.slot, true,
					     &j->runs.elements, &s->err);
	if (j->have)
		j->runs.generation = j->have->generation;
	return j->have;
}

static int compare(struct job *j)
{
	struct site *s = &j->site;

	j->runs.slot = generations_running(&s->g);
	if (j->size.largest > COMPARE_MOST) {
		buf_printf(&j->summary, "not compared: a set of %llu elements "
			   "takes the kernel too long to read\n",
			   (unsigned long long)j->size.largest);
		return EXIT_OK;
	}
	j->want = rules_model(j->rules, j->a->arena, &s->err);
	if (!j->want)
		return site_trouble(s);
	if (!read_running(j))
		return site_trouble(s);
	if (same_rules(j))
		return EXIT_OK;
	if (apply_difference(j->a, &j->l, j->f, s->table, &j->runs,
			     &j->summary, &j->opens, &j->closes) != EXIT_OK)
		return EXIT_BAD;
	apply_order(&j->l, j->f, j->opens, j->closes, &j->summary);
	return EXIT_OK;
}

static void say_summary(const struct job *j)
{
	if (!j->site.g.running)
		printf("%s: none of its rules run here yet\n",
		       j->f->name);
	if (j->site.g.running > 1)
		printf("%s: %u generations run at once; one will\n",
		       j->f->name, j->site.g.running);
	if (j->summary.n)
		printf("%s", j->summary.s);
	else if (same_rules(j))
		printf("%s: these rules run already\n", j->f->name);
	else
		printf("%s: opens nothing, closes nothing\n", j->f->name);
	fflush(stdout);
}

/* ---- plan files ----------------------------------------------------------------------- */

static void fill_head(struct job *j, struct plan_head *h, bool based)
{
	static char boot_id[BOOT_ID];

	read_boot_id(boot_id);
	*h = (struct plan_head){
		.firewall = j->f->name, .table = j->site.table,
		.made = now_text(j, (int64_t)time(NULL)),
		.rules = j->size.hash, .elements = j->size.elements,
		.based = based, .generation = j->site.g.generation,
		.boot_id = boot_id,
		.content = j->have ? model_hash(j->have) : 0,
		.summary = j->summary.s ? j->summary.s : "",
	};
}

static int write_plan(struct job *j, bool based)
{
	struct site *s = &j->site;
	struct plan_head h;
	struct plan_writer w;
	bool whole;

	fill_head(j, &h, based);
	if (plan_file_create(&w, s->state.dir, NEXT_PLAN, &h, &s->err) < 0)
		return site_trouble(s);
	whole = rules_write(j->rules, &w, &s->err) == 0;
	if (plan_file_finish(&w, whole, &s->err) < 0)
		return site_trouble(s);
	return EXIT_OK;
}

/* ---- a topology ------------------------------------------------------------------------ */

static int dry_run(struct job *j)
{
	struct site *s = &j->site;
	int bad = rehearse(&s->state, NEXT_PLAN, s->table, NULL, &s->err);

	state_remove(&s->state, NEXT_PLAN);
	if (bad)
		return site_trouble(s);
	printf("%s: the kernel takes these rules; nothing was changed\n",
	       j->f->name);
	fflush(stdout);
	return j->unlike ? complain(j->a, "but this machine is not what the "
				    "topology says of \"%s\": apply would "
				    "refuse (without --go-on)", j->f->name) :
			   EXIT_OK;
}

/* Made beside what it may replace, which stays if this fails; a device is
 * written as it is. */
static int save_plan(struct job *j, const char *path)
{
	struct site *s = &j->site;
	struct buf text = { 0 };
	struct file_out f = { .path = path, .text = &text, .secret = true };
	int code = write_plan(j, true);

	if (code == EXIT_OK &&
	    !file_text(arena_printf(j->a->arena, "%s/%s", s->state.path,
				    NEXT_PLAN), &text))
		code = complain(j->a, "cannot read \"%s/%s\": %s",
				s->state.path, NEXT_PLAN, strerror(errno));
	state_remove(&s->state, NEXT_PLAN);
	if (code == EXIT_OK)
		code = write_files(j->a, &f, 1);
	if (code == EXIT_OK)
		fprintf(stderr, "%s written\n", path);
	buf_free(&text);
	return code;
}

/* What is taken back comes from boot.plan, without a grace period. */
static bool comes_back(struct job *j)
{
	struct model *m;

	if (j->way.grace || j->have->grace)
		return false;
	if (j->known)
		return true;
	m = site_confirmed(&j->site);
	j->site.err.n = 0;
	return m && !m->bad && model_hash(m) == model_hash(j->have);
}

static bool fits(struct job *j, const struct delta *x)
{
	struct batch b;
	bool result;

	batch_init(&b, &j->site.nft, 0, 0);
	result = delta_build(x, &b, j->site.table);
	batch_free(&b);
	return result;
}

/* What was counted must be known of elements that only change their words. */
static bool in_place(struct job *j, struct delta *x, uint64_t most)
{
	struct site *s = &j->site;

	x->have = j->have;
	x->want = j->want;
	if (!delta_possible(j->a->arena, x, most))
		return false;
	if (j->known && !known_counts(j->a->arena, &s->nft, j->runs.slot, x)) {
		x->have = model_read(j->a->arena, &s->nft, s->table,
				     j->runs.slot, true, &s->err);
		s->err.n = 0;
		if (!delta_possible(j->a->arena, x, most))
			return false;
	}
	return (!j->way.seconds || comes_back(j)) && fits(j, x);
}

/* What next.plan says: in place where that will do. */
static int load_next(struct job *j, uint64_t elements)
{
	struct delta x;
	bool delta = j->site.g.running == 1 && !arg_given(j->a, "whole") &&
		     in_place(j, &x, elements / 2 + 1000);

	return apply_rules(&j->site, &j->way, delta ? &x : NULL);
}

static int go(struct job *j)
{
	int code = apply_ask(j->a, "apply?");

	if (code == EXIT_OK)
		code = write_plan(j, false);
	return code == EXIT_OK ? load_next(j, j->size.elements) : code;
}

/* They run: then only the boot file may be missing or old. */
static int keep(struct job *j)
{
	struct site *s = &j->site;
	int code = EXIT_OK;

	if (state_confirm(&s->state, &s->err) < 0)
		code = EXIT_BAD;
	else
		known_write(&s->state, &s->nft, s->table, j->runs.slot,
			    j->have->generation);
	site_trouble(s);
	if (code == EXIT_OK && j->way.grace)
		code = apply_grace(s, j->way.grace);
	return code == EXIT_OK ? apply_look(s, &j->way) : code;
}

/* Where the rules could mean something else all the same. */
static void say_unjudged(const struct job *j, const struct machine_report *r)
{
	for (size_t i = 0; i < r->unjudged.n; i++) {
		const struct machine_unjudged *x = &r->unjudged.v[i];

		if (x->kind == MACHINE_INTERFACE ||
		    x->kind == MACHINE_ADDRESS || x->kind == MACHINE_ROUTE)
			complain(j->a, "machine, not judged: %s", x->text);
	}
}

/* Rules speak of interfaces and addresses: elsewhere they mean something else. */
static int judge_machine(struct job *j)
{
	struct machine_report r = { 0 };
	int code = machine_check(j->a, j->l.plan, j->f, &r);

	for (size_t i = 0; i < r.findings.n; i++) {
		const struct machine_finding *x = &r.findings.v[i];
		unsigned line, col, end;

		span_position(x->at, &line, &col, &end);
		complain(j->a, "machine, %s: %s:%u: %s",
			 machine_kind_name[x->kind], x->at.src->name, line,
			 x->text);
	}
	say_unjudged(j, &r);
	j->unlike = r.findings.n && !arg_given(j->a, "go-on");
	if (code != EXIT_OK || !j->unlike || arg_given(j->a, "dry-run"))
		return code;
	return complain(j->a, "this machine is not what the topology says of "
			"\"%s\": nothing was changed (--go-on applies all the "
			"same)", j->f->name);
}

static int with_site(struct job *j)
{
	const char *save = arg_value(j->a, "save", NULL);
	int code = judge_machine(j);

	if (code == EXIT_OK)
		code = compare(j);

	if (code != EXIT_OK)
		return code;
	say_summary(j);
	site_say_beside(&j->site);
	if (arg_given(j->a, "expire") && !same_rules(j) &&
	    (j->opens || !j->want))
		return complain(j->a, "--expire does what closes, and this "
				"opens something: nothing was changed");
	if (save)
		return save_plan(j, save);
	if (arg_given(j->a, "dry-run")) {
		code = write_plan(j, false);
		return code == EXIT_OK ? dry_run(j) : code;
	}
	if (!same_rules(j) || arg_given(j->a, "whole"))
		return go(j);
	code = write_plan(j, false);
	return code == EXIT_OK ? keep(j) : code;
}

static int apply_topology(struct job *j)
{
	const char *name = arg_value(j->a, "firewall", NULL);
	int code;

	j->way.revoke = arg_given(j->a, "revoke");
	code = load_plan(j->a, j->a->operands.v[0], &j->l);

	if (code != EXIT_OK)
		return code;
	if (!name)
		return complain(j->a, "which firewall is this machine? "
				"--firewall NAME");
	j->f = need_managed(j->a, j->l.topo, name);
	if (!j->f)
		return EXIT_BAD;
	j->way.loaded = &j->l;
	j->way.firewall = j->f;
	j->rules = rules_make(j->a, &j->l, j->f, &j->size);
	if (!j->rules)
		return EXIT_BAD;
	j->way.large = j->size.elements > TOLD_MOST;
	code = site_open(&j->site, j->a, j->f->name);
	if (code == EXIT_OK)
		code = with_site(j);
	if (arg_given(j->a, "dry-run") || arg_given(j->a, "save"))
		state_unmake(&j->site.state);
	site_close(&j->site);
	return code;
}

/* ---- a saved plan ----------------------------------------------------------------------- */

static int refuse(struct job *j, const char *file, const char *why)
{
	return complain(j->a, "\"%s\" was made against other rules than run "
			"here now (%s): make it anew", file, why);
}

/* Same run of the kernel and same number: nobody changed any rule. Else the
 * own rules must be the same, whatever others did to theirs. */
static int check_base(struct job *j, const struct plan_head *h,
		      const char *file)
{
	struct site *s = &j->site;
	char boot_id[BOOT_ID];

	read_boot_id(boot_id);
	if (!h->based)
		return complain(j->a, "\"%s\" does not say against which rules "
				"it was made", file);
	/* 0: sets too large to be read; then the number alone decides */
	if (h->content && !read_running(j))
		return site_trouble(s);
	if (h->content && model_hash(j->have) != h->content)
		return refuse(j, file, "their content");
	if (strcmp(boot_id, h->boot_id) || s->g.generation != h->generation)
		return refuse(j, file, "rules were changed since, by others "
			      "perhaps");
	return EXIT_OK;
}

static int copy_plan(struct site *s, struct plan_reader *r)
{
	struct plan_head h = r->head;
	struct plan_writer w;
	bool whole;

	h.based = false;
	if (plan_file_create(&w, s->state.dir, NEXT_PLAN, &h, &s->err) < 0)
		return site_trouble(s);
	whole = plan_file_units(r, plan_file_unit, &w, &s->err) == 0;
	if (plan_file_finish(&w, whole, &s->err) < 0)
		return site_trouble(s);
	return EXIT_OK;
}

/* Of the copy, which nobody else writes; where what runs was not read: none. */
static int read_next(struct job *j)
{
	struct site *s = &j->site;
	struct plan_reader r;
	bool whole;

	if (!j->have)
		return EXIT_OK;
	if (plan_file_open(&r, j->a->arena, s->state.dir, NEXT_PLAN,
			   &s->err) < 0)
		return site_trouble(s);
	j->want = model_new(j->a->arena, s->table);
	whole = plan_file_units(&r, model_unit, j->want, &s->err) == 0;
	plan_file_close(&r);
	return whole ? EXIT_OK : site_trouble(s);
}

/* Asked once it is known to be whole: the summary is part of the file. */
static int go_saved(struct job *j, const struct plan_head *h)
{
	int code = read_next(j);

	if (code == EXIT_OK) {
		printf("%s, made %s\n%s", h->firewall, h->made, h->summary);
		if (same_rules(j) && !arg_given(j->a, "whole")) {
			printf("these rules run already\n");
			return keep(j);
		}
		code = apply_ask(j->a, "apply?");
	}
	if (code == EXIT_OK)
		return load_next(j, h->elements);
	state_remove(&j->site.state, NEXT_PLAN);
	return code;
}

static int plan_is_for(const struct args *a, const struct plan_head *h,
		       const char *file)
{
	const char *name = arg_value(a, "firewall", h->firewall);

	return !strcmp(name, h->firewall) ? EXIT_OK :
		complain(a, "\"%s\" is a plan for \"%s\", not for \"%s\"", file,
			 h->firewall, name);
}

static int apply_saved(struct job *j)
{
	const char *file = arg_value(j->a, "plan", NULL);
	struct plan_reader r;
	int code;

	j->site = (struct site){ .a = j->a, .state = { .dir = -1, .lock = -1 },
				 .nft = { .fd = -1 }, .monitor = { .fd = -1 } };
	if (plan_file_open(&r, j->a->arena, AT_FDCWD, file, &j->site.err) < 0) {
		code = site_trouble(&j->site);
		site_close(&j->site);
		return code;
	}
	code = plan_is_for(j->a, &r.head, file);
	if (code == EXIT_OK)
		code = site_open(&j->site, j->a, r.head.firewall);
	if (code == EXIT_OK)
		code = check_base(j, &r.head, file);
	j->way.large = r.head.elements > TOLD_MOST;
	if (code == EXIT_OK)
		code = copy_plan(&j->site, &r);
	plan_file_close(&r);
	if (code == EXIT_OK)
		code = go_saved(j, &r.head);
	site_close(&j->site);
	return code;
}

/* ---- boot ---------------------------------------------------------------------------------- */

static int boot_one(struct args *a, const char *name, unsigned grace)
{
	struct site s;
	int code = site_open_confirmed(&s, a, name, true);
	enum batch_result r;

	if (code == EXIT_OK) {
		r = site_load_confirmed(&s);
		if (r == BATCH_DONE)
			printf("%s: as confirmed last\n", name);
		else
			code = site_trouble(&s);
	}
	if (code == EXIT_OK && grace)
		code = apply_grace(&s, grace);
	site_close(&s);
	return code;
}

static int apply_boot(struct args *a, unsigned grace)
{
	const char *only = arg_value(a, "firewall", NULL);
	const char **names;
	size_t n = site_names(a, BOOT_PLAN, &names);
	int code = EXIT_OK;

	if (only) {
		names = &only;
		n = 1;
	}
	if (!n)
		return complain(a, "nothing in \"%s\" was ever confirmed",
				state_base(a));
	for (size_t i = 0; i < n; i++)
		if (boot_one(a, names[i], grace) != EXIT_OK)
			code = EXIT_BAD;
	return code;
}

/* What was decided when the plan was made, or confirmed, cannot be told anew;
 * that an option is passed over in silence must not be. */
static int goes_with(const struct args *a, const char *way,
		     const char *const *legal, size_t n)
{
	for (size_t i = 0; i < a->given.n; i++) {
		const char *name = a->given.v[i].def->name;
		size_t k = 0;

		while (k < n && strcmp(name, legal[k]))
			k++;
		if (k == n)
			return complain(a, "--%s does not go with --%s", name,
					way);
	}
	return EXIT_OK;
}

static int judge_options(const struct args *a)
{
	static const char *const plan[] = { "plan", "firewall", "yes", "state",
					    "confirm", "grace", "whole" };
	static const char *const at_boot[] = { "boot", "firewall", "yes",
					       "state", "grace", "whole" };

	if (arg_given(a, "revoke") && !a->operands.n)
		return complain(a, "--revoke judges connections by the plan: "
				"it needs the topology");
	return arg_given(a, "plan") ?
		       goes_with(a, "plan", plan, COUNT_OF(plan)) :
	       arg_given(a, "boot") ?
		       goes_with(a, "boot", at_boot, COUNT_OF(at_boot)) :
		       EXIT_OK;
}

static int cmd_apply(struct args *a)
{
	struct job j = { .a = a };
	bool boot = arg_given(a, "boot"), saved = arg_given(a, "plan");
	int code = read_confirm(&j);

	if (code == EXIT_OK)
		code = read_grace(&j);
	if (code != EXIT_OK)
		return code;
	if (boot + saved + (a->operands.n > 0) != 1)
		return complain(a, "a topology, --plan FILE or --boot: one of "
				"them");
	code = judge_options(a);
	if (code != EXIT_OK)
		return code;
	code = boot ? apply_boot(a, j.way.grace) : saved ? apply_saved(&j) :
					      apply_topology(&j);
	buf_free(&j.summary);
	buf_free(&j.runs.elements);
	return code;
}

static const struct option_def apply_options[] = {
	{ 'f', "firewall", "NAME", "the firewall that this machine is" },
	{ 'y', "yes", NULL, "do not ask" },
	{ 'n', "dry-run", NULL,
	  "load them, for real, into a network namespace that is thrown away; "
	  "change nothing" },
	{ 0, "confirm", "SECONDS",
	  "bring the old rules back unless `portplan confirm` comes in time "
	  "(default: 60 where started over SSH, else 0: without)" },
	{ OPTION_WRITES, "save", "FILE",
	  "write what would be done, for --plan" },
	{ 0, "plan", "FILE",
	  "do what --save wrote; refused where other rules run by now" },
	{ 0, "expire", NULL,
	  "only where nothing opens: for a timer that takes out exceptions "
	  "whose day is over" },
	{ 0, "go-on", NULL,
	  "apply though the machine is not as the topology says: an interface "
	  "that is still to come, for example" },
	MACHINE_OPTIONS,
	{ 0, "revoke", NULL,
	  "afterwards cut the connections that the new plan does not allow "
	  "(of an apply on trial: when it is confirmed); without, they are "
	  "listed" },
	{ 0, "grace", "TIME",
	  "for that long (90s, 30m, 1h) let TCP connections go on that began "
	  "before and that the plan allows: after a first load or a failover, "
	  "when tracking knows none" },
	{ 0, "whole", NULL,
	  "load all rules anew, even where changing some in place would do" },
	{ 0, "boot", NULL,
	  "load what was confirmed last, of every firewall that has it" },
	COUNTERS_OPTION,
	STATE_OPTION,
	TOPOLOGY_OPTIONS,
};

const struct command command_apply = {
	.name = "apply",
	.run = cmd_apply,
	.usage = "TOPOLOGY.xml --firewall NAME",
	.summary = "load a firewall's rules so that it cannot lock you out",
	.description =
	  "Says what the plan opens and closes against what runs, asks, and "
	  "loads the rules beside the running ones; then one transaction "
	  "switches. Other tables are left alone, and a change by others in "
	  "the meantime stops it. Where the machine's interfaces, addresses, "
	  "routes or forwarding are not as the topology says, nothing is done "
	  "without --go-on. With --confirm a guardian process brings "
	  "the old rules back, whatever happens to this one and to the "
	  "connection, unless the new ones are confirmed; only then do they "
	  "load at boot too. Where only elements of sets or single rules "
	  "differ, those are changed in place, so that all other counters go "
	  "on; on trial too, if what ran is what was confirmed last.\n"
	  "Exit code 0 done, 2 nothing was changed, 4 switched and rolled "
	  "back.",
	OPTIONS(apply_options),
	.examples = "  portplan apply topology.xml --firewall inner "
		      "--dry-run\n"
		      "  portplan apply topology.xml --firewall inner "
		      "--confirm 60\n"
		      "  portplan apply topology.xml --firewall inner "
		      "--save change.plan\n"
		      "  portplan apply --plan change.plan --yes\n",
	.min_args = 0,
	.max_args = 1,
};
